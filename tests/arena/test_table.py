"""Matches at which every seat is taken by an agent: the same game as in the single-agent view, and the rules hold."""

import asyncio
from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest

import mmgym
from mmgym.agent import Response
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.executor import _Local
from mmgym.rollout.host import load_attribute
from mmgym.rollout.worker import WorkerFailure
from mmgym.spaces import InvalidAction
from mmgym.store import load_trajectories, save_trajectories
from mmgym.trajectory import EpisodeTask, Status
from mmgym_agents.scripted import scripted_agent
from mmgym_arena import GAMES, RULES

SEATS = {name: load_attribute(rules).seats for name, rules in RULES.items()}


def match(name, seed, players=("", ""), number=0, **kwargs):
    """The tasks of a match."""
    return [
        EpisodeTask(
            f"mmgym/{name}-v0",
            seed,
            kwargs={**kwargs, "seat": seat, "image_size": 32},
            options={"split": "train"},
            group=2 * number + place,
            match=number,
            player=players[place],
        )
        for place, seat in enumerate(SEATS[name])
    ]


@pytest.mark.parametrize("name", GAMES)
def test_a_seat_is_shown_and_earns_what_it_would_in_the_single_agent_view(name):
    config = RolloutConfig(record_observations=True, record_state_keys=True)
    for seed in range(3):
        with Executor(config) as executor:
            played = executor.run(match(name, seed), scripted_agent("random")).trajectories
        for place, trajectory in enumerate(played):
            others = iter_calls(played, place)
            env = gym.make(trajectory.task.env_id, others=others, **trajectory.task.kwargs)
            env.reset(seed=seed, options={"split": "train"})
            inner = mmgym.unwrap(env)
            for turn in trajectory.turns:
                assert inner.state_key() == turn.state_key
                _, reward, terminated, truncated, info = env.step(inner.action_space.parse(turn.calls[0])[0])
                assert (reward, info["feedback"]) == (turn.reward, turn.feedback)
            if trajectory.turns:
                assert terminated or truncated or trajectory.status is Status.TRUNCATED
                assert info["success"] == trajectory.success


def iter_calls(played, place):
    """A player that makes the moves that were recorded."""
    calls = iter([turn.calls[0] for turn in played[1 - place].turns])

    def others(game, state, seat, rng):
        call = next(calls, None)
        return call and game.space(seat).parse(call)[0]

    return others


@pytest.mark.parametrize("workers", [0, 1])
def test_experts_at_both_seats_solve_what_is_won_together(workers):
    tasks = [task for number in range(4) for task in match("GuideWalker", number, number=number)]
    with Executor(RolloutConfig(workers=workers, per_worker=2)) as executor:
        played = executor.run(tasks, scripted_agent("expert")).trajectories
    assert all(one.success and one.status is Status.TERMINATED for one in played)
    assert [one.seat for one in played] == [0, 1] * 4
    assert played[3].info["match"] == 1


def test_players_by_name_take_the_seats_that_name_them():
    tasks = [task for n in range(20) for task in match("TicTacToe", n, ("", "idle") if n % 2 else ("idle", ""), n)]
    with Executor() as executor:
        played = executor.run(tasks, scripted_agent("expert"), others={"idle": scripted_agent("random")}).trajectories
    wins = sum(one.success for one in played if not one.task.player)
    assert wins > sum(one.success for one in played if one.task.player)


def test_a_player_that_there_is_not_is_refused():
    with Executor() as executor, pytest.raises(ValueError, match="nobody"):
        executor.run(match("TicTacToe", 0, ("", "nobody")), scripted_agent("expert"))


class Broken:
    """An agent that does not do what agents do."""

    def __init__(self, way):
        self.way = way

    async def act(self, conversation):
        """Fail, each in its way."""
        if self.way == "crashes":
            raise ZeroDivisionError("no")
        if self.way == "hangs":
            await asyncio.sleep(60)
        if self.way == "exhausted":
            return Response("", exhausted=True)
        return Response({"silent": "", "babbles": "I resign, I think."}[self.way])

    def end(self, conversation):
        """Nothing is kept."""


@pytest.mark.parametrize("way", ["crashes", "hangs", "silent", "babbles", "exhausted"])
def test_who_does_not_play_forfeits_and_the_other_has_won(way):
    with Executor(RolloutConfig(patience=0.01)) as executor:
        tasks = match("TicTacToe", 0, ("", "broken"))
        own, other = executor.run(tasks, scripted_agent("expert"), others={"broken": Broken(way)}).trajectories
    assert own.status is other.status is Status.TERMINATED
    assert own.success and not other.success
    assert own.episode_return == 1
    assert len(own.turns) == 1
    if way != "exhausted":
        assert len(other.turns) == 4
        assert other.episode_return == -1


def test_who_wins_before_it_has_moved_is_paid():
    envs = [gym.make("mmgym/TicTacToe-v0", seat=seat) for seat in ("first", "second")]
    table = mmgym.unwrap(envs[0]).table(envs)
    table.reset(0, {})
    for _ in range(4):
        shown = table.step({0: None})
    assert [(shown[seat].reward, shown[seat].terminated, shown[seat].info["success"]) for seat in (0, 1)] == [
        (-1.0, True, False),
        (1.0, True, True),
    ]


@pytest.mark.parametrize("way", ["crashes", "silent"])
def test_where_all_move_at_once_the_others_go_on(way):
    with Executor() as executor:
        tasks = match("Harvest", 0, ("", "broken"))
        own, other = executor.run(tasks, scripted_agent("expert"), others={"broken": Broken(way)}).trajectories
    assert len(own.turns) == len(other.turns) > 4
    assert own.episode_return > 0


def test_an_agent_that_is_run_must_not_fail():
    with Executor() as executor, pytest.raises(ZeroDivisionError):
        executor.run(match("TicTacToe", 0), Broken("crashes"))


def test_what_an_exhausted_agent_loses_later_lands_on_its_last_turn():
    class Tired:
        async def act(self, conversation):
            if conversation.turn:
                return Response("", exhausted=True)
            return await scripted_agent("random").act(conversation)

        def end(self, conversation):
            pass

    with Executor() as executor:
        tasks = match("TicTacToe", 0, ("", "tired"))
        own, tired = executor.run(tasks, scripted_agent("expert"), others={"tired": Tired()}).trajectories
    assert len(tired.turns) == 1 and tired.turns[0].truncated
    assert tired.turns[0].reward == tired.turns[0].terms["outcome"] == -1
    assert own.success


def test_the_seats_of_a_match_must_be_whole():
    with Executor() as executor, pytest.raises(ValueError, match="first, second"):
        executor.run(match("TicTacToe", 0)[:1], scripted_agent("expert"))
    lone = [EpisodeTask("mmgym/FrozenLake-v0", 0, match=0)]
    with Executor() as executor, pytest.raises(ValueError, match="one seat"):
        executor.run(lone, scripted_agent("expert"))


def test_a_table_does_not_disturb_the_single_agent_view():
    task = match("TicTacToe", 3)[0]
    alone = EpisodeTask(task.env_id, 3, kwargs=task.kwargs, options=task.options)
    with Executor() as executor:
        before = executor.run([alone], scripted_agent("expert")).trajectories[0]
        executor.run(match("TicTacToe", 3), scripted_agent("expert"))
        after = executor.run([alone], scripted_agent("expert")).trajectories[0]
    assert [turn.calls for turn in before.turns] == [turn.calls for turn in after.turns]


class Batches:
    """Answers in batches, and notes how large they were."""

    def __init__(self):
        self.sizes = []
        self._rng = np.random.default_rng(0)

    def act_batch(self, conversations):
        """A legal-looking call for each."""
        self.sizes.append(len(conversations))
        spaces = [conversation.space for conversation in conversations]
        return [Response("", action=space.calls[self._rng.integers(len(space.calls))]) for space in spaces]

    def end(self, conversation):
        """Nothing is kept."""


def test_a_batch_waits_for_every_match_and_holds_both_seats_where_they_move_at_once():
    agent = Batches()
    tasks = [task for number in range(6) for task in match("RockPaperScissors", number, number=number)]
    with Executor() as executor:
        played = executor.run(tasks, agent).trajectories
    assert agent.sizes == [12] * len(played[0].turns)


def test_batches_of_two_players_are_in_lockstep_too():
    mine, theirs = Batches(), Batches()
    tasks = [task for number in range(6) for task in match("KuhnPoker", number, ("", "them"), number)]
    with Executor() as executor:
        executor.run(tasks, mine, others={"them": theirs})
    assert mine.sizes[0] + (theirs.sizes[0] if theirs.sizes else 0) >= 6


def test_no_answer_is_no_action():
    env = gym.make("mmgym/TicTacToe-v0", seat="first")
    env.reset(seed=0)
    for action in (None, InvalidAction("nothing")):
        assert not env.step(action)[4]["action_valid"]


class Failing:
    """The first time its environment fails, later it plays."""

    def __init__(self):
        self.asked = 0

    async def act(self, conversation):
        """Fail once."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked == 1:
            raise WorkerFailure("lost")
        return Response("", action=conversation.space.calls[0])

    def end(self, conversation):
        """Nothing is kept."""


class Sessions(Batches):
    """Keeps how often it was asked in each conversation."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def act_batch(self, conversations):
        """See that no session is left of an earlier conversation."""
        for conversation in conversations:
            assert self.known.get(conversation.key, 0) == conversation.turn
            self.known[conversation.key] = conversation.turn + 1
        return super().act_batch(conversations)

    def end(self, conversation):
        """Forget it."""
        self.known.pop(conversation.key, None)


class Slow(_Local):
    """An environment in which the second match begins at once, and again only when the first has asked."""

    delays: ClassVar[dict[int, list[float]]] = {}

    async def sit(self, tasks):
        """Others are asked meanwhile."""
        await asyncio.sleep(self.delays[tasks[0].match].pop(0))
        return self.host.sit(tasks)


def test_a_match_that_is_played_again_starts_anew_where_both_move_at_once(monkeypatch):
    monkeypatch.setattr("mmgym.rollout.executor._Local", Slow)
    Slow.delays = {0: [0.05], 1: [0, 0.1]}
    agent = Sessions()
    tasks = [task for n in range(2) for task in match("RockPaperScissors", n, ("", "other") if n else ("", ""), n)]
    with Executor() as executor:
        rollout = executor.run(tasks, agent, others={"other": Failing()})
    assert rollout.retried == 1
    assert not agent.known
    assert all(one.status is Status.TERMINATED for one in rollout.trajectories)


def test_a_trusted_player_must_not_fail():
    with Executor() as executor, pytest.raises(ZeroDivisionError):
        tasks = match("TicTacToe", 0, ("", "past"))
        executor.run(tasks, scripted_agent("expert"), others={"past": Broken("crashes")}, trusted={"past"})


def test_a_stored_match_says_who_played(tmp_path):
    with Executor() as executor:
        tasks = match("TicTacToe", 0, ("", "other"))
        rollout = executor.run(tasks, scripted_agent("expert"), others={"other": scripted_agent("random")})
    save_trajectories(tmp_path / "match.parquet", rollout.trajectories, rollout.images)
    again, _ = load_trajectories(tmp_path / "match.parquet")
    assert [(one.seat, one.task.match, one.task.player) for one in again] == [(0, 0, ""), (1, 0, "other")]
