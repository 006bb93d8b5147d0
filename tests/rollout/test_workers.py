"""Worker processes: what dies, hangs or exits costs its own episodes, and nothing outlives the run."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from machinery import FAULTY, BatchSpeaker, Speaker, faulty_tasks, told

from mmgym import ToolCall
from mmgym.agent import Response
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.pipe import Pipe, read_message, write_message
from mmgym.trajectory import EpisodeTask, Status
from mmgym_agents.scripted import ExpertAgent, RandomAgent, scripted_agent


@pytest.fixture(scope="module")
def in_process():
    with Executor() as executor:
        return executor.run(faulty_tasks(8), ExpertAgent())


@pytest.fixture(scope="module")
def pool():
    """Two workers with room for two episodes each; requests may take 1.5 seconds."""
    with Executor(RolloutConfig(workers=2, per_worker=2, timeout=1.5)) as executor:
        yield executor


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def processes(executor):
    return [worker._process.pid for worker in executor._pool._workers if worker._process is not None]


def wait_until_gone(pids, seconds):
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if alive(pid)]


def test_workers_play_what_this_process_plays(pool, in_process):
    for _ in range(2):
        rollout = pool.run(faulty_tasks(8), ExpertAgent())
        assert [told(t) for t in rollout.trajectories] == [told(t) for t in in_process.trajectories]
    with Executor() as executor:
        expected = executor.run(faulty_tasks(8), RandomAgent())
    found = pool.run(faulty_tasks(8), RandomAgent())
    assert [told(t) for t in found.trajectories] == [told(t) for t in expected.trajectories]


def test_batches_are_made_by_index_and_not_by_arrival(pool):
    tasks = [EpisodeTask(FAULTY, s, kwargs={"image_size": 32, "max_turns": 1 + s % 3}) for s in range(11)]
    here, there = BatchSpeaker("nothing"), BatchSpeaker("nothing")
    with Executor(RolloutConfig(live=4)) as executor:
        expected = executor.run(tasks, here)
    found = pool.run(tasks, there)
    assert there.batches == here.batches
    assert [told(t) for t in found.trajectories] == [told(t) for t in expected.trajectories]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("exit", "died (exit code 3)"),
        ("kill", "died (exit code -9)"),
        ("sysexit", "SystemExit"),
        ("hang", "step took longer than 1.5 s"),
        ("unpicklable", "cannot be sent"),
    ],
)
def test_a_fault_costs_its_own_episode_only(pool, in_process, fault, error):
    tasks = faulty_tasks(8, _3={"fault": fault, "at": 1})
    rollout = pool.run(tasks, ExpertAgent())
    broken = rollout.trajectories[3]
    assert broken.status is Status.ENV_ERROR and error in broken.error and not broken.success
    assert rollout.failed == 1
    for index in set(range(8)) - {3}:
        assert told(rollout.trajectories[index]) == told(in_process.trajectories[index])


@pytest.mark.parametrize("at", [0, 1])
def test_an_episode_is_played_again_in_a_fresh_worker(pool, in_process, tmp_path, at):
    once = str(tmp_path / "once")
    rollout = pool.run(faulty_tasks(8, _3={"fault": "kill", "at": at, "once": once}), ExpertAgent())
    assert rollout.failed == 0 and rollout.retried >= 1
    assert [told(t) for t in rollout.trajectories] == [told(t) for t in in_process.trajectories]


def test_a_worker_killed_from_outside(pool, in_process):
    before = processes(pool)
    killer = threading.Timer(0.3, lambda: os.kill(before[0], signal.SIGKILL))
    slow = BatchSpeaker("nothing", seconds=0.15)
    tasks = [EpisodeTask(FAULTY, s, kwargs={"image_size": 32, "max_turns": 6}) for s in range(4)]
    killer.start()
    rollout = pool.run(tasks, slow)
    assert rollout.failed == 0 and rollout.retried == 2
    assert all(t.status is Status.TRUNCATED and len(t.turns) == 6 for t in rollout.trajectories)
    assert before[0] not in processes(pool) and before[1] in processes(pool)
    # one that dies between two runs costs nothing at all
    os.kill(processes(pool)[0], signal.SIGKILL)
    assert not wait_until_gone([before[0]], 5)
    time.sleep(0.1)
    again = pool.run(faulty_tasks(8), ExpertAgent())
    assert again.failed == 0 and again.retried == 0
    assert [told(t) for t in again.trajectories] == [told(t) for t in in_process.trajectories]


def test_a_slow_agent_is_not_a_slow_environment():
    """While a model computes, the event loop stands still: answers that came meanwhile are in time."""
    config = RolloutConfig(workers=2, timeout=0.4, lockstep=False, retries=0)
    with Executor(config) as executor:
        tasks = [EpisodeTask(FAULTY, s, kwargs={"image_size": 32, "max_turns": 2}) for s in range(2)]
        rollout = executor.run(tasks, BatchSpeaker("nothing", seconds=0.6))
    assert rollout.failed == 0 and all(len(t.turns) == 2 for t in rollout.trajectories)


def test_long_answers_and_large_pictures_pass_each_other():
    """A worker that sends more than a pipe holds while it is sent as much: neither may wait for the other."""

    lengths = [1_000_000]

    class Long(Speaker):
        async def act(self, conversation):
            return Response("", action=ToolCall("move", {"direction": "x" * lengths[-1]}))

    def give_up():
        lengths.append(1)
        for pid in processes(executor):
            os.kill(pid, signal.SIGKILL)

    config = RolloutConfig(workers=1, per_worker=4, lockstep=False, retries=0)
    tasks = [EpisodeTask(FAULTY, s, kwargs={"image_size": 1024, "max_turns": 3}) for s in range(4)]
    with Executor(config) as executor:
        alarm = threading.Timer(60, give_up)
        alarm.start()
        rollout = executor.run(tasks, Long(""))
        alarm.cancel()
    assert rollout.failed == rollout.retried == 0 and all(len(t.turns) == 3 for t in rollout.trajectories)


def test_a_worker_that_stops_in_the_middle_of_a_message_is_waited_for_no_longer_than_others():
    """Another process still holds its end of the pipe, so that nothing says that it is gone."""
    ours, theirs = socket.socketpair()
    pipe, message = Pipe(ours), os.urandom(100_000)
    sizes = len(message).to_bytes(8, "big")
    for part in (sizes[:3], sizes[3:] + message[:10], message[10:50_000]):
        theirs.sendall(part)
        assert pipe.receive() is None
    theirs.sendall(message[50_000:] + sizes + message[:5])
    assert pipe.receive() == message
    assert pipe.receive() is None
    theirs.close()
    with pytest.raises(EOFError):
        pipe.receive()
    with pytest.raises(OSError):
        pipe.send(message)
    pipe.close()


def test_what_there_is_no_room_for_is_sent_later():
    ours, theirs = socket.socketpair()
    pipe, messages = Pipe(ours), [os.urandom(size) for size in (3_000_000, 1, 500_000)]
    for message in messages:
        pipe.send(message)
    assert pipe.has_unsent
    with ThreadPoolExecutor(1) as thread:
        read = thread.submit(lambda: [read_message(theirs) for _ in messages])
        while pipe.has_unsent:
            pipe.flush()
        assert read.result() == messages
    pipe.close()
    with pytest.raises(EOFError):
        read_message(theirs)
    with pytest.raises(OSError):
        write_message(theirs, b"x")
        write_message(theirs, b"x")
    theirs.close()


def test_without_lockstep_a_slow_episode_holds_nobody_up(in_process):
    config = RolloutConfig(workers=2, timeout=1.5, lockstep=False, retries=0)
    speaker = BatchSpeaker("nothing")
    with Executor(config) as executor:
        tasks = faulty_tasks(4, _0={"fault": "hang", "at": 1})
        rollout = executor.run(tasks, speaker)
        assert rollout.trajectories[0].status is Status.ENV_ERROR
        assert all(t.status is Status.TRUNCATED for t in rollout.trajectories[1:])
        assert [1] in speaker.batches and [3] in speaker.batches  # asked alone, while episode 0 hangs
        expert = executor.run(faulty_tasks(8), ExpertAgent())
    assert [told(t) for t in expert.trajectories] == [told(t) for t in in_process.trajectories]


def test_a_wrong_task_raises_at_once(pool):
    for options in ({"split": "holdout"}, {"level": 9}):
        with pytest.raises(ValueError, match="must be"):
            pool.run([*faulty_tasks(3), EpisodeTask(FAULTY, 1, options=options)], ExpertAgent())
    with pytest.raises(ValueError, match="nowhere"):
        pool.run(faulty_tasks(3), scripted_agent("machinery:nowhere"))
    assert pool.run(faulty_tasks(8), ExpertAgent()).failed == 0


def test_a_worker_that_cannot_be_started_says_why(monkeypatch):
    def start(process):
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(multiprocessing.context.SpawnProcess, "start", start)
    with pytest.raises(BlockingIOError, match="no more processes"), Executor(RolloutConfig(workers=1)) as executor:
        executor.run(faulty_tasks(1), ExpertAgent())


def test_no_process_is_left_after_close():
    with Executor(RolloutConfig(workers=2)) as executor:
        executor.run(faulty_tasks(2), ExpertAgent())
        pids = processes(executor)
        assert len(pids) == 2 and all(map(alive, pids))
    assert not any(map(alive, pids))
    executor.close()


def test_no_process_is_left_when_the_parent_is_killed(tmp_path):
    """One worker is idle and one computes for ever when their parent gets a kill -9."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from machinery import faulty_tasks
            from mmgym.rollout import Executor, RolloutConfig
            from mmgym_agents.scripted import scripted_agent

            if __name__ == "__main__":
                tasks = faulty_tasks(2, _0={"fault": "spin", "at": 1, "pids": sys.argv[1]}, _1={"pids": sys.argv[1]})
                Executor(RolloutConfig(workers=2)).run(tasks, scripted_agent("machinery:report_pid"))
            """
        )
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    root = Path(__file__).parents[2]
    paths = [str(root / part) for part in ("", "envs", "agents", "tests")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    parent = subprocess.Popen([sys.executable, str(script), str(pids)], env=environment)
    try:
        deadline = time.monotonic() + 60
        while len(list(pids.iterdir())) < 2 and time.monotonic() < deadline and parent.poll() is None:
            time.sleep(0.05)
        workers = [int(path.name) for path in pids.iterdir()]
        assert len(workers) == 2 and all(map(alive, workers))
    finally:
        parent.kill()
        parent.wait()
    left = wait_until_gone(workers, 5)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left
