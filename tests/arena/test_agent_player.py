"""Agents in other seats: what they are shown, what comes of their answers, and that a seed decides all they do."""

import asyncio
import logging

import gymnasium as gym
import numpy as np
import pytest

import mmgym_arena.agent_player as module
from mmgym.agent import Response
from mmgym.env import unwrap
from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.rollout import Executor, RolloutConfig
from mmgym.spaces import ToolCall
from mmgym.trajectory import EpisodeTask, Status, segments
from mmgym_agents.scripted import Demonstrator, RandomAgent, ScriptedAgent
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_arena.agent_player import AgentPlayer
from mmgym_arena.boards.tic_tac_toe import TicTacToe
from mmgym_arena.cards.rock_paper_scissors import RockPaperScissors
from mmgym_arena.match import MAX_STRIKES
from mmgym_arena.ratings import play_match
from mmgym_arena.seat import PLAYERS, seat_at

ID = "mmgym/TicTacToe-v0"
SIZE = 64
SHOWN = '{"format": "tag", "prompt": "minimal"}'
KWARGS = {"seat": "first", "image_size": SIZE}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny model that has learned how moves are written, and little of the game."""
    vlm = build_tiny_vlm(TinyConfig(seed=3), ("place", "a", "b", "c", "1", "2", "3"))
    tasks = [EpisodeTask(ID, seed, kwargs={**KWARGS, "others": "random"}, group=seed) for seed in range(6)]
    with Executor(RolloutConfig(format="tag", prompt="minimal")) as executor:
        rollout = executor.run(tasks, Demonstrator(RandomAgent(), vlm.codec, "tag", "window(1)"))
    rows = [supervised_row(segment) for trajectory in rollout.trajectories for segment in segments(trajectory)]
    learner = Learner(vlm, OptimizerConfig(lr=1e-2, warmup_steps=5))
    part = Part(rows, rollout.images, likelihood_loss, float(sum(len(row.trained) for row in rows)))
    for _ in range(20):
        learner.step([part])
    folder = tmp_path_factory.mktemp("agent") / "checkpoint"
    vlm.save(folder)
    return f'agent:checkpoint {{"path": "{folder}", "max_new_tokens": 8}} {SHOWN}'


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Agents that a test makes are its own; the conversations that they are asked to answer."""
    heard = []
    answer = module._Made.answer

    def listening(self, conversation):
        heard.append((conversation, answer(self, conversation)))
        return heard[-1][1]

    monkeypatch.setattr(module, "_agents", {})
    monkeypatch.setattr(module._Made, "answer", listening)
    return heard


def moves(others, seed, turns=3):
    """What is on the board after each turn of the expert."""
    env = gym.make(ID, **KWARGS, others=others)
    env.reset(seed=seed)
    boards = []
    for _ in range(turns):
        *_, terminated, truncated, _ = env.step(unwrap(env).expert())
        boards.append(unwrap(env).snapshot())
        if terminated or truncated:
            break
    return boards


def test_a_checkpoint_moves_and_a_seed_decides_how(checkpoint, asked):
    games = [moves(checkpoint, seed) for seed in range(4)]
    calls = [response.text for _, response in asked]
    assert len(set(calls)) > 2 and sum("place" in text for text in calls) > len(calls) / 2
    assert len(module._agents) == 1, "environments share it"
    assert [moves(checkpoint, seed) for seed in range(4)] == games
    assert len({conversation.key for conversation, _ in asked}) == len(asked)
    (made,) = module._agents.values()
    assert not made.agent._sessions, "every conversation was ended"


def test_what_follows_a_snapshot_is_what_would_have_followed(checkpoint):
    env = gym.make(ID, **KWARGS, others=checkpoint)
    env.reset(seed=5)
    saved = unwrap(env).snapshot()
    action = unwrap(env).expert()
    env.step(action)
    after = unwrap(env).snapshot()
    unwrap(env).restore(saved)
    env.step(action)
    assert unwrap(env).snapshot() == after


def against(others, workers):
    """How episodes of the expert end in the executor."""
    tasks = [EpisodeTask(ID, seed, kwargs={**KWARGS, "others": others}, group=seed) for seed in range(3)]
    with Executor(RolloutConfig(workers=workers, per_worker=3)) as executor:
        rollout = executor.run(tasks, ScriptedAgent("expert"))
    assert {trajectory.status for trajectory in rollout.trajectories} == {Status.TERMINATED}
    return [(t.final_image, [turn.reward for turn in t.turns]) for t in rollout.trajectories]


def test_the_executor_plays_against_a_checkpoint(checkpoint):
    ends = against(checkpoint, 0)
    assert len({final for final, _ in ends}) > 1 and ends == against(checkpoint, 0)


def test_an_agent_plays_in_a_worker_as_it_does_here():
    """One without a model: a worker that loads torch takes long."""
    ends = against("agent:weak", 0)
    assert len({final for final, _ in ends}) > 1 and ends == against("agent:weak", 1)


class Listener:
    """Says what it was made to say, and keeps what it was shown."""

    made = 0

    def __init__(self, text):
        type(self).made += 1
        self.text, self.conversations, self.ended = text, [], []

    async def act(self, conversation):
        await asyncio.sleep(0)
        self.conversations.append(conversation)
        if self.text == "fail":
            raise RuntimeError("out of memory")
        return Response(self.text, exhausted=self.text == "too long")

    def end(self, conversation):
        self.ended.append(conversation.key)


def listener(text, **shown):
    return AgentPlayer(f"{__name__}:Listener", {"text": text}, **shown)


def test_it_is_shown_what_one_who_plays_the_seat_is_shown():
    """The same messages as the executor builds, but of one turn."""
    seen = Listener("")
    task = EpisodeTask(ID, 0, kwargs={"seat": "first", "obs_mode": "both", "image_size": SIZE, "max_turns": 1})
    with Executor(RolloutConfig(format="call", prompt="think")) as executor:
        executor.run([task], seen)
    rng = np.random.default_rng(0)
    player = listener("place(b, 2)", format="call", prompt="think", obs_mode="both", image_size=SIZE)
    assert player(TicTacToe(), TicTacToe().start(rng), 0, rng) == ToolCall("place", {"column": "b", "row": 2})
    (made,) = module._agents.values()
    (theirs,), (ours,) = seen.conversations, made.agent.conversations
    assert made.agent.ended == [ours.key] and ours.turn == 0
    assert ours.instruction == theirs.instruction and ours.space.tools == theirs.space.tools
    assert len(ours.messages) == 2  # the executor has added the answer
    for one, other in zip(ours.messages, theirs.messages[:2], strict=True):
        assert one["role"] == other["role"] and len(one["content"]) == len(other["content"])
        for part, also in zip(one["content"], other["content"], strict=True):
            assert all(np.array_equal(part[key], also[key]) for key in (*part, *also))


def test_the_notation_sets_what_is_shown_and_the_environment_the_rest():
    env = gym.make(ID, obs_mode="text", image_size=48, others='agent:random {} {"prompt": "think", "format": "native"}')
    player = unwrap(env)._others
    assert player == AgentPlayer("random", {}, "native", "think", "text", 48)
    env = gym.make(ID, image_size=48, others='agent:random {} {"obs_mode": "both", "image_size": 96}')
    assert (unwrap(env)._others.obs_mode, unwrap(env)._others.image_size) == ("both", 96)


def test_in_a_running_loop_and_without_one():
    def play():
        env = gym.make(ID, **KWARGS, others="agent:expert")
        env.reset(seed=0)
        rewards = []
        while True:
            _, reward, terminated, truncated, info = env.step(unwrap(env).expert())
            rewards.append(reward)
            if terminated or truncated:
                return rewards, info["success"]

    async def inside():
        return play()

    assert play() == asyncio.run(inside()) == ([0.0] * 5, False), "perfect play is a draw"


@pytest.mark.parametrize("name", ["random", "weak", "expert"])
def test_scripted_agents_play_by_their_names(name):
    game = RockPaperScissors()
    match = play_match(game, [AgentPlayer(name), PLAYERS["expert"]], np.random.default_rng(1))
    assert len(match.state.shown) == game.rounds and all(sign >= 0 for signs in match.state.shown for sign in signs)
    again = play_match(game, [AgentPlayer(name), PLAYERS["expert"]], np.random.default_rng(1))
    assert again.state == match.state


@pytest.mark.parametrize("text", ["I pass", "", "too long", "fail"])
def test_no_call_is_a_turn_without_one(text, caplog):
    env = gym.make(ID, **KWARGS, others=f'agent:{__name__}:Listener {{"text": "{text}"}}')
    env.reset(seed=0)
    with caplog.at_level(logging.WARNING):
        _, reward, terminated, _, info = env.step(unwrap(env).expert())
    assert terminated and reward == 1.0 and info["success"] and info["error"] == ""
    (made,) = module._agents.values()
    assert len(made.agent.ended) == MAX_STRIKES + 1
    said = {"fail": "the player of seat second failed", "too long": "does not fit into the context"}.get(text)
    assert (said in caplog.text) if said else not caplog.records


def test_an_agent_is_made_at_its_first_move_and_once():
    before = Listener.made
    others = f'agent:{__name__}:Listener {{"text": "no"}}'
    first, second = (gym.make(ID, **KWARGS, others=others) for _ in range(2))
    assert Listener.made == before
    for env in (first, second):
        env.reset(seed=0)
        env.step(unwrap(env).expert())
    assert Listener.made == before + 1


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ("strong", "others must be expert, weak, random, agent:NAME OPTIONS, module:attr or a function; got 'strong'"),
        ("agent:chekpoint", "agent must be one of random, .*checkpoint.*; got 'chekpoint'"),
        ("agent:", "agent must be one of"),
        ("agent:nowhere:Agent", "'nowhere:Agent' cannot be loaded"),
        ("agent:checkpoint {path}", "options must be a JSON object, not '{path}'"),
        ("agent:checkpoint 3", "at most two JSON objects"),
        ("agent:random {} {} {}", "at most two JSON objects"),
        ('agent:random {} {"size": 3}', "must be one of format, prompt, obs_mode, image_size; got 'size'"),
        ('agent:random {} {"format": "xml"}', "format must be one of"),
        ('agent:random {} {"prompt": "none"}', "prompt must be"),
        ('agent:random {} {"obs_mode": "smell"}', "obs_mode must be one of"),
        ('agent:random {} {"image_size": 3}', "image_size must be a whole number"),
    ],
)
def test_what_is_written_wrong_is_refused_when_the_environment_is_made(others, said):
    with pytest.raises(ValueError, match=said):
        gym.make(ID, others=others)


@pytest.mark.parametrize(
    ("options", "said"),
    [('{"path": "no/such"}', "there is no no/such"), ('{"place": 1}', "does not take these options")],
)
def test_an_agent_that_cannot_be_made_ends_the_run(options, said):
    """It would forfeit every match, and whoever plays against it would seem to win."""
    others = f"agent:checkpoint {options}"
    env = gym.make(ID, **KWARGS, others=others)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=said):
        env.step(unwrap(env).expert())
    with Executor() as executor, pytest.raises(ValueError, match=said):
        executor.run([EpisodeTask(ID, 0, kwargs={**KWARGS, "others": others})], ScriptedAgent("expert"))


def test_the_view_of_a_seat_at_a_state_is_that_of_who_plays_it():
    env = gym.make(ID, seat="second", level=2, others="random")
    env.reset(seed=3)
    inner = unwrap(env)
    view = seat_at(inner.match.game, inner.match.state, 1)
    assert view.instruction == inner.instruction and view.level == 2 and view.expert() == inner.expert()
