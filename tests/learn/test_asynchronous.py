"""Episodes played ahead of the learner: whose weights sampled what, in which order it comes, what is lost and replaced.

The policy is one number, and its sampler notes it as the log-probability of all that it says: a turn whose version does
not fit its weights shows. Whoever must wait does so for an event, not for a time.
"""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from machinery import FAULTY

from mmgym.agent import Response
from mmgym.learn.asynchronous import RolloutsAhead, Waiting, staleness
from mmgym.learn.experience.replay import trajectories_to_text
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.host import TaskError
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory, Turn

SECONDS = 30
"""After which a test that waits in vain fails."""


class Number:
    """A policy of one weight."""

    def __init__(self, value=0.0):
        self.model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(self.model.weight, value)

    @property
    def value(self):
        return float(self.model.weight.detach())

    def set(self, value):
        torch.nn.init.constant_(self.model.weight, value)

    def clone(self):
        return copy.deepcopy(self)


class Walker:
    """Walks to the right; each answer waits for its turn where `held` says so."""

    def __init__(self, policy):
        self.policy, self.version = policy, -1
        self.versions, self.held, self.times_held, self.fail = [], lambda conversation: False, 0, None
        self.freed = asyncio.Event()
        self.changed = threading.Condition()

    async def act(self, conversation):
        if self.fail:
            raise self.fail
        while self.held(conversation):
            with self.changed:
                self.times_held += 1
                self.changed.notify_all()
            self.freed.clear()
            await self.freed.wait()
        nothing = np.zeros(1, np.int32)
        logprobs = np.full(1, self.policy.value, np.float32)
        return Response(
            "<answer>right</answer>", prompt_ids=nothing, sampled_ids=nothing, logprobs=logprobs, version=self.version
        )

    def end(self, conversation):
        pass

    def weights_changed(self, version):
        self.version = version
        self.versions.append(version)
        self.freed.set()

    def until_held(self, times):
        """Wait until conversations have been held so many times in all."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.times_held >= times, SECONDS), self.times_held


@pytest.fixture
def made():
    """Makes what plays ahead; its policy, its sampler, and itself. All threads must have ended after the test."""
    before, started = set(threading.enumerate()), []

    def make(most=64, **rollout):
        policy, samplers = Number(), []
        executor = Executor(RolloutConfig(format="tag", prompt="minimal", **rollout))
        ahead = RolloutsAhead(executor, policy, lambda own: samplers.append(Walker(own)) or samplers[0], most)
        started.append(ahead)
        return policy, samplers[0], ahead

    yield make
    for ahead in started:
        ahead.close()
    assert set(threading.enumerate()) <= before


def tasks_of(step, groups, size=2, turns=3, **options):
    """Corridors of so many turns at most; the start and goal of their seed need more."""
    kwargs = {"image_size": 32, "max_turns": turns}
    return [
        EpisodeTask(FAULTY, 100, kwargs=kwargs, options=dict(options), group=group, member=member, noise=step)
        for group in groups
        for member in range(size)
    ]


def places(trajectories):
    return [(t.task.noise, t.task.group, t.task.member) for t in trajectories]


def all_ended(ahead):
    with ahead._changed:
        assert ahead._changed.wait_for(lambda: not ahead._owner or ahead._error, SECONDS)


# --- weights and versions -------------------------------------------------------------------------------------------


def test_every_turn_carries_the_version_of_its_weights_also_in_mid_episode(made):
    policy, sampler, ahead = made()
    sampler.held = lambda conversation: sampler.version < min(conversation.turn, 2)  # a turn for each version
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, range(3)))
    for version in (1, 2):
        sampler.until_held(6 * version)
        policy.set(float(version))
        ahead.publish(version)
        policy.set(99.0)  # what the learner does next is not seen
    rollout = ahead.collect(0)
    assert [[turn.version for turn in t.turns] for t in rollout.trajectories] == [[0, 1, 2]] * 6
    assert all(turn.logprobs[0] == turn.version for t in rollout.trajectories for turn in t.turns)


def test_tasks_begin_with_the_weights_that_were_handed_over_before_them(made):
    policy, _, ahead = made()
    for step in range(5):
        policy.set(float(step))
        ahead.publish(step)
        ahead.begin(step, tasks_of(step, range(2)))
    for step in range(5):
        turns = [turn for t in ahead.collect(step).trajectories for turn in t.turns]
        assert all(step <= turn.version <= 4 and turn.logprobs[0] == turn.version for turn in turns)


def test_frozen_weights_are_not_moved(made):
    policy, _, ahead = made()
    policy.model.weight.requires_grad_(False)
    ahead._copy.model.weight.requires_grad_(False)
    policy.set(5.0)
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0]))
    assert ahead.collect(0).trajectories[0].turns[0].logprobs[0] == 0.0


# --- order and backpressure -----------------------------------------------------------------------------------------


def test_an_iteration_waits_for_its_own_slow_episode_and_the_next_ones_go_on(made):
    _, sampler, ahead = made()
    sampler.held = lambda conversation: places([conversation])[0] == (0, 1, 0) and sampler.version < 1
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, range(3)))
    ahead.begin(1, tasks_of(1, range(3)))
    with ahead._changed:
        assert ahead._changed.wait_for(lambda: len(ahead._owner) == 1, SECONDS)
    assert ahead.whole_groups == 2 + 3
    with ThreadPoolExecutor(1) as thread:
        collected = thread.submit(ahead.collect, 0)
        assert not collected.done()
        ahead.publish(1)
        first = collected.result(SECONDS)
    assert places(first.trajectories) == [(0, group, member) for group in range(3) for member in range(2)]
    assert places(ahead.collect(1).trajectories) == [(1, group, member) for group in range(3) for member in range(2)]
    ages, tokens = staleness(first.trajectories, 1)
    assert sorted(set(ages.tolist())) == [0, 1] and tokens.tolist() == [1] * 18


def test_earlier_iterations_are_played_first_whatever_came_first(made):
    _, sampler, ahead = made(most=1)
    sampler.held = lambda conversation: conversation.task.noise == 0 and sampler.version < 1
    order = []
    end = sampler.end
    sampler.end = lambda conversation: order.append(conversation.task.noise) or end(conversation)
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0], size=1))
    sampler.until_held(1)
    ahead.begin(2, tasks_of(2, [0], size=3))
    ahead.begin(1, tasks_of(1, [0], size=2))
    ahead.publish(1)
    all_ended(ahead)
    assert order == [0, 1, 1, 2, 2, 2]


def test_nothing_is_played_that_was_not_handed_over(made):
    """A slow learner: what it allowed is played to its end, and then nothing is."""
    _, _, ahead = made()
    ahead.publish(0)
    for step in range(3):
        ahead.begin(step, tasks_of(step, range(2)))
    all_ended(ahead)
    assert ahead.whole_groups == 6 and ahead._queue.empty()
    seconds = ahead.seconds_playing
    assert seconds > 0 and ahead.seconds_playing == seconds


def test_a_process_without_groups_lives_on(made):
    """There are more processes than groups: it plays nothing, and takes the weights all the same."""
    _, sampler, ahead = made(most=0)
    for step in range(3):
        ahead.publish(step)
        ahead.begin(step, [])
        assert ahead.collect(step).trajectories == [] and ahead.probe(step)[0] == []
    assert sampler.versions == [0, 1, 2]
    ahead.begin(3, tasks_of(3, [0]))
    assert len(ahead.collect(3).trajectories) == 2


def test_lockstep_does_not_wait_for_room_that_nobody_fills():
    """Two episodes and room for eight: batches hold both, and both end."""
    asked = []

    class Speaker:
        def act_batch(self, conversations):
            asked.append(len(conversations))
            return [Response("<answer>right</answer>") for _ in conversations]

        def end(self, conversation):
            pass

        def weights_changed(self, version):
            pass

    ahead = RolloutsAhead(Executor(RolloutConfig(format="tag")), Number(), lambda own: Speaker(), 8)
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0]))
    assert len(ahead.collect(0).trajectories) == 2
    ahead.close()
    assert sum(asked) == 6 and max(asked) == 2


# --- what is lost ---------------------------------------------------------------------------------------------------


def test_a_group_that_lost_an_episode_is_replaced_once(made):
    _, _, ahead = made()
    tasks = tasks_of(0, range(3))
    for number in (2, 3):  # both episodes of a group
        tasks[number] = tasks_of(0, [1], fault="raise", at=1)[number - 2]
    ahead.publish(0)
    ahead.begin(0, tasks, [tasks_of(0, [100 + spare]) for spare in range(3)])
    trajectories = ahead.collect(0).trajectories
    assert places(trajectories) == [(0, group, member) for group in (0, 1, 2, 100) for member in range(2)]
    assert [t.task.group for t in trajectories if t.status is Status.ENV_ERROR] == [1, 1]


def test_spares_that_fail_are_replaced_until_none_is_left(made):
    _, _, ahead = made(retries=0)
    broken = {"fault": "raise", "at": 1}
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0], **broken), [tasks_of(0, [100 + spare], **broken) for spare in range(2)])
    trajectories = ahead.collect(0).trajectories
    assert places(trajectories) == [(0, group, member) for group in (0, 100, 101) for member in range(2)]
    assert {t.status for t in trajectories} == {Status.ENV_ERROR}


def test_a_worker_killed_in_mid_run_costs_nothing_twice(made, tmp_path):
    _, _, ahead = made(workers=2, timeout=20)
    tasks = tasks_of(0, range(4))
    tasks[3] = tasks_of(0, [1], fault="kill", at=2, once=str(tmp_path / "killed"))[1]
    ahead.publish(0)
    ahead.begin(0, tasks)
    rollout = ahead.collect(0)
    assert places(rollout.trajectories) == [(0, group, member) for group in range(4) for member in range(2)]
    assert all(t.status is Status.TRUNCATED and len(t.turns) == 3 for t in rollout.trajectories)
    assert (tmp_path / "killed").exists() and rollout.retried >= 1


# --- errors and the end ---------------------------------------------------------------------------------------------


def test_an_error_of_the_sampler_is_the_learner_s(made):
    _, sampler, ahead = made()
    sampler.held = lambda conversation: sampler.version < 1
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0]))
    ahead.begin(1, tasks_of(1, [0]))
    sampler.until_held(2)
    with ThreadPoolExecutor(1) as thread:
        collected = thread.submit(ahead.collect, 0)
        sampler.fail, sampler.held = FloatingPointError("not finite"), lambda conversation: False
        ahead._loop.call_soon_threadsafe(sampler.freed.set)
        with pytest.raises(FloatingPointError, match="not finite"):
            collected.result(SECONDS)
    for call in (
        lambda: ahead.publish(2),
        lambda: ahead.begin(2, tasks_of(2, [0])),
        lambda: ahead.collect(1),
        lambda: ahead.probe(9),
    ):
        with pytest.raises(FloatingPointError):
            call()


def test_weights_that_cannot_be_taken_are_the_learner_s_error(made):
    _, sampler, ahead = made()

    def refuse(version):
        raise MemoryError("no room for the weights")

    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0]))
    ahead.collect(0)
    sampler.weights_changed = refuse
    with pytest.raises(MemoryError, match="no room"):
        ahead.publish(1)
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(ahead.probe, 1)
            try:
                asked.result(SECONDS)
            finally:
                ahead.close()  # lets the probe go that waits in vain


def test_a_task_that_cannot_be_is_the_learner_s_error(made):
    _, _, ahead = made()
    ahead.publish(0)
    ahead.begin(0, [EpisodeTask("mmgym/Nope-v0", 0)])
    with pytest.raises(TaskError, match="Nope"):
        ahead.collect(0)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_end_does_not_wait_for_episodes(made, workers, tmp_path):
    """One is held by the sampler; where there is a worker, another one hangs in its environment."""
    _, sampler, ahead = made(workers=workers, per_worker=2, timeout=600)
    sampler.held = lambda conversation: conversation.task.member == 0
    ahead.publish(0)
    hanging = {"fault": "hang", "at": 1, "once": str(tmp_path / "hangs")} if workers else {}
    ahead.begin(0, [tasks_of(0, [0])[0], tasks_of(0, [0], **hanging)[1]])
    sampler.until_held(1)
    deadline = time.monotonic() + SECONDS
    while workers and not (tmp_path / "hangs").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    processes = [worker._process for worker in ahead.executor._pool._workers] if workers else []
    ahead.close()
    assert not ahead._thread.is_alive() and not any(process.is_alive() for process in processes)
    with pytest.raises(RuntimeError, match="closed"):
        ahead.collect(0)


# --- the guard's answers --------------------------------------------------------------------------------------------


def test_a_probe_holds_answers_of_the_version_that_is_asked_for(made):
    policy, sampler, ahead = made()
    sampler.held = lambda conversation: conversation.turn >= 1 + sampler.version
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0]))
    sampler.until_held(2)
    answers, _ = ahead.probe(0)
    assert [float(answer.logprobs[answer.trained][0]) for answer in answers] == [0.0, 0.0]
    policy.set(1.0)
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(ahead.probe, 1)
        ahead.publish(1)
        answers, _ = asked.result(SECONDS)
    assert answers and all(answer.logprobs[answer.trained][0] == 1.0 for answer in answers)


def test_a_probe_is_empty_where_nothing_is_left_to_be_played(made):
    _, _, ahead = made()
    ahead.publish(0)
    ahead.begin(0, tasks_of(0, [0]))
    ahead.collect(0)
    ahead.publish(1)
    assert ahead.probe(1)[0] == []


# --- checkpoints ----------------------------------------------------------------------------------------------------


def test_what_waits_and_what_is_played_comes_back_from_a_checkpoint(made):
    _, sampler, ahead = made()
    sampler.held = lambda conversation: conversation.task.group == 1
    tasks = tasks_of(0, range(2))
    tasks[1] = tasks_of(0, [0], fault="raise", at=1)[1]
    ahead.publish(0)
    ahead.begin(0, tasks, [tasks_of(0, [100])])
    ahead.begin(1, tasks_of(1, [0]))
    with ahead._changed:
        assert ahead._changed.wait_for(lambda: len(ahead._owner) == 2, SECONDS)
    found = [Waiting.unpack(waiting.pack()) for waiting in ahead.waiting()]
    assert [waiting.step for waiting in found] == [0, 1]
    assert sorted(places(found[0].played)) == [(0, 0, 0), (0, 0, 1), (0, 100, 0), (0, 100, 1)]
    assert sorted((task.group, task.member) for task in found[0].open) == [(1, 0), (1, 1)]
    assert len(found[1].played) == 2 and not found[1].open
    for trajectory in found[1].played:
        assert trajectory.turns[0].version == 0 and found[1].images[trajectory.final_image].shape == (32, 32, 3)

    _, again, resumed = made()
    spare = [tasks_of(0, [101])]
    resumed.begin(0, found[0].open, spare, found[0])
    resumed.begin(1, found[1].open, (), found[1])
    resumed.publish(4)
    trajectories = resumed.collect(0).trajectories
    assert places(trajectories) == [(0, group, member) for group in (0, 1, 100) for member in range(2)]
    assert [t.turns[0].version if t.turns else None for t in trajectories] == [0, None, 4, 4, 0, 0]
    assert len(resumed.collect(1).trajectories) == 2 and again.versions == [4]


def test_groups_of_two_processes_come_back_in_one_or_in_three():
    def part(groups):
        turn = Turn(np.zeros(1, np.int32), (), np.zeros(1, np.int32), np.zeros(1, np.float32), False, "")
        played, *open_ = [EpisodeTask("x", 0, group=group) for group in groups]
        return Waiting(3, [Trajectory(played, [turn])], open_, ImageStore())

    whole = Waiting.together([part([0, 2, 4]), part([1, 3])])
    assert len(whole.played) == 2 and len(whole.open) == 3
    for size in (1, 2, 3):
        parts = [whole.of(lambda group, rank=rank, size=size: group % size == rank) for rank in range(size)]
        found = [t.task.group for p in parts for t in p.played] + [task.group for p in parts for task in p.open]
        assert sorted(found) == [0, 1, 2, 3, 4]


def test_a_damaged_checkpoint_is_noticed():
    packed = {"step": 0, "played": "AAAA", "open": trajectories_to_text([], ImageStore())}
    with pytest.raises(ValueError):
        Waiting.unpack(packed)
