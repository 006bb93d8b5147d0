"""Environments on a Ray cluster: what is played there is what is played here, whatever is lost."""

import time

import pytest
from machinery import FAULTY, BatchSpeaker, faulty_tasks, told
from short_runs import gone_within

from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.ray_actor import Introduced, RayConfig, RayNeeds
from mmgym.trajectory import EpisodeTask, Status
from mmgym_agents.scripted import ExpertAgent, RandomAgent, scripted_agent

pytestmark = pytest.mark.slow


def on_ray(resource="place", workers=2, per_worker=1, timeout=60.0, start_seconds=300.0, **changes):
    needs = RayNeeds(cpus=1, resources={resource: 1.0})
    ray = RayConfig(worker=needs, start_seconds=start_seconds)
    return RolloutConfig(executor="ray", workers=workers, per_worker=per_worker, timeout=timeout, ray=ray, **changes)


@pytest.fixture(scope="module")
def in_process():
    with Executor() as executor:
        return executor.run(faulty_tasks(8), ExpertAgent())


@pytest.fixture(scope="module")
def pool(nodes):
    """Two workers with room for two episodes each, on the node that stays; requests may take 2 seconds."""
    with Executor(on_ray(per_worker=2, timeout=2.0)) as executor:
        yield executor


def where(executor):
    """The node of each worker."""
    return [worker._actor.node for worker in executor._pool._workers]


def test_actors_play_what_this_process_plays(pool, in_process):
    for _ in range(2):
        rollout = pool.run(faulty_tasks(8), ExpertAgent())
        assert [told(t) for t in rollout.trajectories] == [told(t) for t in in_process.trajectories]
    large = [EpisodeTask(FAULTY, s, kwargs={"image_size": 256}) for s in range(3)]  # pictures above 100 kB
    with Executor(RolloutConfig(live=4)) as executor:
        here, there = BatchSpeaker("nothing"), BatchSpeaker("nothing")
        for tasks, agent, other in ((large, RandomAgent(), RandomAgent()), (faulty_tasks(11), here, there)):
            expected, found = executor.run(tasks, agent), pool.run(tasks, other)
            assert [told(t) for t in found.trajectories] == [told(t) for t in expected.trajectories]
        assert there.batches == here.batches
    assert found.trajectories[0].final_image is not None
    assert all(found.images[t.final_image].flags.writeable for t in found.trajectories)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("exit", "worker process has died"), ("hang", "step took longer than 2 s"), ("raise", "KeyError")],
)
def test_a_fault_costs_its_own_episode_only(pool, in_process, fault, error):
    rollout = pool.run(faulty_tasks(8, _3={"fault": fault, "at": 1}), ExpertAgent())
    broken = rollout.trajectories[3]
    assert broken.status is Status.ENV_ERROR and error in broken.error and not broken.success
    assert rollout.failed == 1
    for index in set(range(8)) - {3}:
        assert told(rollout.trajectories[index]) == told(in_process.trajectories[index])


def test_a_wrong_task_raises_at_once(pool):
    for task in (EpisodeTask("mmgym/Nothing-v0", 1), EpisodeTask(FAULTY, 1, options={"split": "holdout"})):
        with pytest.raises(ValueError, match=r"Nothing|must be"):
            pool.run([*faulty_tasks(3), task], ExpertAgent())
    with pytest.raises(ValueError, match="nowhere"):
        pool.run(faulty_tasks(3), scripted_agent("machinery:nowhere"))
    assert pool.run(faulty_tasks(8), ExpertAgent()).failed == 0


def test_what_an_environment_started_ends_with_its_worker(pool, tmp_path):
    """And a worker that is lost between two runs costs nothing."""
    import ray

    tasks = faulty_tasks(2, _0={"pids": str(tmp_path)}, _1={"pids": str(tmp_path)})
    assert pool.run(tasks, scripted_agent("machinery:leave_child")).failed == 0
    children = [int(path.name) for path in tmp_path.iterdir()]
    assert children and not gone_within(children, 0)
    for worker in pool._pool._workers:
        ray.kill(worker._actor.handle)
    assert gone_within(children, 10)
    again = pool.run(faulty_tasks(8), ExpertAgent())
    assert (again.failed, again.retried) == (0, 0)


class Saboteur(BatchSpeaker):
    """Kills a node when it has answered so many batches."""

    def __init__(self, batches, kill):
        super().__init__("nothing")
        self._left, self._kill = batches, kill

    def act_batch(self, conversations):
        self._left -= 1
        if self._left == 0:
            self._kill()
        return super().act_batch(conversations)


def long_tasks(count):
    return [EpisodeTask(FAULTY, s, kwargs={"image_size": 32, "max_turns": 6}) for s in range(count)]


@pytest.fixture(scope="module")
def long_ones():
    with Executor() as executor:
        return [told(t) for t in executor.run(long_tasks(10), BatchSpeaker("nothing")).trajectories]


def test_a_node_killed_in_mid_run_costs_its_episodes_not_the_run(nodes, long_ones):
    extra = nodes.add(place=8)
    with Executor(on_ray(workers=4)) as executor:
        executor.run(long_tasks(4), BatchSpeaker("nothing"))
        there = where(executor).count(extra.node_id)
        assert 0 < there < 4  # spread over both
        rollout = executor.run(long_tasks(10), Saboteur(3, lambda: nodes.kill(extra)))
        assert set(where(executor)) == {nodes.stays.node_id}
    assert (rollout.failed, rollout.retried) == (0, there)
    assert [told(t) for t in rollout.trajectories] == long_ones


def test_where_no_room_is_left_other_workers_take_over(nodes, long_ones):
    """Until there is room again."""
    first, second = nodes.add(rare=1), nodes.add(rare=1)
    with Executor(on_ray("rare")) as executor:
        assert executor.run(long_tasks(2), BatchSpeaker("nothing")).failed == 0
        for worker in executor._pool._workers:
            worker._actor._start_seconds = 3.0  # there will be no room
        assert set(where(executor)) == {first.node_id, second.node_id}
        rollout = executor.run(long_tasks(10), Saboteur(3, lambda: nodes.kill(first)))
        assert sorted(where(executor)) == ["", second.node_id]
        assert (rollout.failed, rollout.retried) == (0, 1)
        assert [told(t) for t in rollout.trajectories] == long_ones
        third = nodes.add(rare=1)
        deadline = time.monotonic() + 60
        while "" in where(executor) and time.monotonic() < deadline:
            again = executor.run(long_tasks(10), BatchSpeaker("nothing"))
        assert set(where(executor)) == {second.node_id, third.node_id}
        assert (again.failed, again.retried) == (0, 0)
        assert [told(t) for t in again.trajectories] == long_ones
    for node in (second, third):
        nodes.kill(node)


def test_without_any_room_the_reason_is_told(nodes):
    with (
        Executor(on_ray("nowhere", start_seconds=1.0)) as executor,
        pytest.raises(RuntimeError, match="no node had room for it within 1 s"),
    ):
        executor.run(faulty_tasks(2), ExpertAgent())


def test_another_version_is_refused():
    with pytest.raises(RuntimeError, match=r"the learner's has 0\.0"):
        Introduced("0.0")
