"""Episodes in this process: faults of the machinery cost their own episode; what an agent writes never does."""

import asyncio

import numpy as np
import pytest
from machinery import ALBUM, FAULTY, BatchSpeaker, Faulty, Speaker, faulty_tasks, told

from mmgym import Unsupported
from mmgym.agent import Response
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.host import EnvironmentHost
from mmgym.trajectory import EpisodeTask, Status
from mmgym_agents.scripted import Demonstrator, ExpertAgent, RandomAgent, scripted_agent


def play(tasks, agent, **config):
    with Executor(RolloutConfig(**config)) as executor:
        return executor.run(tasks, agent)


@pytest.fixture(scope="module")
def undisturbed():
    return play(faulty_tasks(6), ExpertAgent(), record_state_keys=True)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("raise", "KeyError"), ("error", "BrowserGone: no reply"), ("nan", "reward"), ("sysexit", "SystemExit")],
)
def test_a_fault_costs_its_own_episode_only(undisturbed, fault, error):
    tasks = faulty_tasks(6, _2={"fault": fault, "at": 1})
    rollout = play(tasks, ExpertAgent(), live=3, retries=2, record_state_keys=True)
    broken = rollout.trajectories[2]
    assert broken.status is Status.ENV_ERROR and error in broken.error and not broken.success
    assert broken.turns == []
    assert (rollout.failed, rollout.retried) == (1, 2)
    for index in (0, 1, 3, 4, 5):
        assert told(rollout.trajectories[index]) == told(undisturbed.trajectories[index])


@pytest.mark.parametrize(
    ("fault", "at"), [("raise", 0), ("raise", 1), ("garbled", 0), ("error", 1), ("sysexit", 0), ("sysexit", 1)]
)
def test_an_episode_played_again_equals_an_undisturbed_one(undisturbed, tmp_path, fault, at):
    tasks = faulty_tasks(6, _4={"fault": fault, "at": at, "once": str(tmp_path / "once")})
    rollout = play(tasks, ExpertAgent(), record_state_keys=True)
    assert (rollout.failed, rollout.retried) == (0, 1)
    assert [told(t) for t in rollout.trajectories] == [told(t) for t in undisturbed.trajectories]


@pytest.mark.parametrize("fault", ["raise", "error"])
def test_an_environment_that_failed_is_not_used_again(tmp_path, fault):
    host = EnvironmentHost()
    closed = []
    task = faulty_tasks(1, _0={"fault": fault, "at": 1, "once": str(tmp_path / "once")})[0]
    executor = Executor(RolloutConfig(live=1))
    executor._hosts = [host]
    host.reset(task)
    (made,) = host._made.values()
    made.unwrapped.close = lambda: closed.append(1) or (_ for _ in ()).throw(OSError("closing fails as well"))
    rollout = executor.run([task], ExpertAgent())
    assert closed and rollout.retried == 1 and rollout.failed == 0
    assert next(iter(host._made.values())) is not made


def test_no_reward_is_invented_for_a_failure():
    rollout = play(faulty_tasks(2, _1={"fault": "raise", "at": 3}), scripted_agent("machinery:crooked"), retries=0)
    broken = rollout.trajectories[1]
    assert broken.status is Status.ENV_ERROR and not broken.success
    assert not any(turn.terminated or turn.truncated for turn in broken.turns)
    assert broken.final_image is None and rollout.retried == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": {"split": "holdout"}}, "split must be one of train, val, test, ood; got 'holdout'"),
        ({"options": {"level": 9}}, "level must be"),
        ({"kwargs": {"image_size": 5}}, "image_size must be"),
        ({"kwargs": {"colour": "red"}}, "colour"),
        ({"env_id": "mmgym/Nothing-v0"}, "Nothing"),
        ({"env_id": "machinery_that_is_missing:test/Faulty-v0"}, "machinery_that_is_missing"),
        ({"wrappers": ("toy:Missing",)}, "Missing"),
        ({"wrappers": ("toy",)}, "module:attribute"),
        ({"env_id": "CartPole-v1", "kwargs": {}}, "no mmgym environment"),
    ],
)
def test_a_wrong_task_raises_at_once(change, message):
    fields = {"env_id": FAULTY, "seed": 1, "kwargs": {"image_size": 32}, **change}
    with pytest.raises(ValueError, match=message):
        play([*faulty_tasks(2), EpisodeTask(**fields)], BatchSpeaker("x"))


def test_a_policy_that_is_missing_raises_at_once():
    with pytest.raises(ValueError, match="nowhere"):
        play(faulty_tasks(2), scripted_agent("machinery:nowhere"))
    host = EnvironmentHost()
    host.reset(faulty_tasks(1)[0])
    with pytest.raises(ValueError, match="expected module:attribute"):
        host.scripted("machinery")


def test_what_is_not_declared_raises_at_once(monkeypatch):
    from mmgym import Capabilities

    monkeypatch.setattr(Faulty, "capabilities", Capabilities(expert="none"))
    with pytest.raises(Unsupported, match="declares no expert"):
        play(faulty_tasks(2), ExpertAgent())


GARBAGE = ["", "\x00\ud800", "{" * 5000, '<tool_call>{"name": "move", "arguments": NaN}</tool_call>', "x" * 100_000]


@pytest.mark.parametrize("text", GARBAGE, ids=["empty", "unprintable", "nested", "nan", "long"])
@pytest.mark.parametrize("format", ["tool_call", "call", "tag"])
def test_garbage_is_a_counted_invalid_turn(text, format):
    task = EpisodeTask(FAULTY, 3, kwargs={"image_size": 32, "max_turns": 3})
    (trajectory,) = play([task], Speaker(text), format=format).trajectories
    assert trajectory.status is Status.TRUNCATED and not trajectory.success
    assert [turn.terms["valid"] for turn in trajectory.turns] == [0.0] * 3
    assert all(turn.feedback for turn in trajectory.turns)
    assert trajectory.turns[-1].truncated and trajectory.episode_return == 0


def test_written_calls_are_made():
    task = EpisodeTask(FAULTY, 3, kwargs={"image_size": 32, "max_turns": 30})
    trajectories = [
        play([task], Speaker(text), format=format).trajectories[0]
        for format, text in [("tag", "<action>left</action>"), ("call", "move(direction=left)")]
    ]
    assert all(turn.terms["valid"] == 1.0 for trajectory in trajectories for turn in trajectory.turns)


def test_scripted_agents(undisturbed):
    tasks = faulty_tasks(6)
    for trajectory in undisturbed.trajectories:
        assert trajectory.status is Status.TERMINATED and trajectory.success and trajectory.episode_return == 1
        assert len(trajectory.turns) == trajectory.info["expert_steps"]
        assert trajectory.final_image is not None and all(len(turn.state_key) == 32 for turn in trajectory.turns)
    scripted = play(tasks, scripted_agent("machinery:towards_goal"), record_state_keys=True)
    assert [told(t) for t in scripted.trajectories] == [told(t) for t in undisturbed.trajectories]
    for agent in (RandomAgent(), scripted_agent("machinery:crooked"), scripted_agent("expert", noise=0.5)):
        first, second = (play(tasks, agent, live=live) for live in (6, 2))
        assert [told(t) for t in first.trajectories] == [told(t) for t in second.trajectories]
        assert all(turn.terms["valid"] == 1.0 for t in first.trajectories for turn in t.turns)
    assert play(tasks, RandomAgent()).failed == 0


def test_members_of_a_group_differ():
    tasks = [EpisodeTask(FAULTY, 5, kwargs={"image_size": 32}, member=member) for member in range(4)]
    found = play(tasks, RandomAgent(), record_state_keys=True).trajectories
    assert len({t.turns[0].state_key for t in found}) == 1
    assert len({tuple(turn.state_key for turn in t.turns) for t in found}) > 1


def test_batches_are_full_and_ordered_when_few_are_live():
    agent = BatchSpeaker("nothing")
    tasks = [EpisodeTask(FAULTY, s, kwargs={"image_size": 32, "max_turns": 1 + s % 3}) for s in range(7)]
    rollout = play(tasks, agent, live=3)
    assert all(t.status is Status.TRUNCATED for t in rollout.trajectories)
    assert [len(t.turns) for t in rollout.trajectories] == [1 + s % 3 for s in range(7)]
    assert agent.batches == [[0, 1, 2], [1, 2, 3], [2, 4, 5], [4, 5, 6], [5]]
    assert sum(map(len, agent.batches)) == sum(len(t.turns) for t in rollout.trajectories)


def test_an_exhausted_context_truncates():
    class Forgetful(Speaker):
        async def act(self, conversation):
            return Response("", exhausted=conversation.turn >= 2)

    first, second = play(faulty_tasks(2), Forgetful("")).trajectories
    for trajectory in (first, second):
        assert trajectory.status is Status.TRUNCATED and len(trajectory.turns) == 2
        assert trajectory.turns[-1].truncated and not trajectory.turns[0].truncated
        assert trajectory.final_image is not None


def test_an_agents_own_error_ends_the_run():
    class Broken(BatchSpeaker):
        def act_batch(self, conversations):
            raise RuntimeError("no memory")

    class Mute(BatchSpeaker):
        def act_batch(self, conversations):
            return []

    for agent, message in ((Broken(""), "no memory"), (Mute(""), "one response each: 3 expected, 0 came")):
        with pytest.raises((RuntimeError, ValueError), match=message):
            play(faulty_tasks(3), agent)


def test_pixels_that_change_after_they_were_seen_are_noticed():
    class Painter(Speaker):
        async def act(self, conversation):
            from mmgym.trajectory import ImageStore

            image = conversation.messages[-1]["content"][0]["image"]
            ref = ImageStore().add(image)
            image[:] = 7
            return Response("", images=(ref,), pixels=(image,))

    with pytest.raises(ValueError, match="changed since the agent saw it"):
        play(faulty_tasks(1), Painter(""))


def test_a_demonstrator_needs_actions():
    with pytest.raises(ValueError, match="only actions can be demonstrated"):
        play(faulty_tasks(1), Demonstrator(Speaker("up"), None, "tag"))


def test_several_images_and_texts_reach_the_agent_in_order():
    seen = []

    class Reader(Speaker):
        async def act(self, conversation):
            seen.append([part["type"] for part in conversation.messages[-1]["content"]])
            return Response("?")

    play([EpisodeTask(ALBUM, 0, kwargs={"image_size": 32, "max_turns": 3})], Reader(""))
    assert seen == [
        ["text", "image", "image"],
        ["text", "image", "image", "image", "text"],
        ["text", "image", "image", "image", "image", "text"],
    ]


def test_no_tasks_and_many_runs():
    with Executor() as executor:
        assert executor.run([], BatchSpeaker("")).trajectories == []
        first = executor.run(faulty_tasks(3), ExpertAgent())
        second = executor.run(faulty_tasks(3), ExpertAgent())
    assert [told(t) for t in first.trajectories] == [told(t) for t in second.trajectories]
    assert all(np.array_equal(first.images[t.final_image], second.images[t.final_image]) for t in first.trajectories)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "xml"}, "format must be one of tool_call, call, tag, native; got 'xml'"),
        ({"prompt": "long"}, "prompt must be full, think, minimal, or a file .md or .txt; got 'long'"),
        ({"live": 0}, "live must be at least 1; got 0"),
        ({"workers": -1}, "workers must not be negative; got -1"),
    ],
)
def test_a_wrong_configuration_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        RolloutConfig(**change)


def test_the_loop_of_a_caller_is_not_needed():
    async def inside():
        return play(faulty_tasks(1), ExpertAgent())

    assert asyncio.run(inside()).trajectories[0].success
