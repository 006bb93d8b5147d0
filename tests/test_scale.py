"""The simulation behind `benchmarks/scale.py`: where a formula says what must come out, it comes out."""

import asyncio
import time

import pytest

from benchmarks.scaling.simulation import Latencies, Setting, simulate
from benchmarks.scaling.virtual_time import VirtualLoop


def latencies(**changes):
    """Resets and steps of 0.1 s, episodes of 5 turns, answers at once."""
    values = {
        "reset": [0.1, 0.1],
        "step": [0.1, 0.1],
        "turns": [5],
        "picture": (8, 8),
        "batches": {1: 1e-9, 64: 1e-9},
        "message": 0.0,
        "answer": 0.0,
    }
    return Latencies(**{**values, **changes})


def test_waiting_takes_no_time_and_computing_takes_its_own():
    async def flow():
        loop = asyncio.get_running_loop()
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(1800))
        waited = loop.time()
        while loop.computed < 0.05:
            pass
        return waited, loop.time()

    started = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        waited, end = runner.run(flow())
    assert 3600 <= waited < 3601 and end - waited >= 0.04
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("workers", [1, 8])
def test_environments_are_the_limit(workers):
    found = simulate(latencies(), Setting(workers, 1, driver=False))
    assert found["episodes_per_second"] == pytest.approx(workers / 0.6, rel=0.02)
    assert found["workers_busy"] == pytest.approx(1, abs=0.01)
    assert found["driver_busy"] == 0


@pytest.mark.parametrize("replicas", [1, 2])
def test_replicas_are_the_limit(replicas):
    """Batches of at most 4 take 0.5 s: 8 turns a second for each replica."""
    slow = latencies(batches={1: 0.5, 4: 0.5}, reset=[0.0, 0.0], step=[0.0, 0.0])
    found = simulate(slow, Setting(16 * replicas, replicas, driver=False))
    assert found["episodes_per_second"] == pytest.approx(replicas * 8 / 5, rel=0.05)
    assert found["replicas_busy"] == pytest.approx(1, abs=0.01)


def test_the_driver_is_the_limit():
    """Six requests to an environment and five to a replica, 10 ms each: 9 episodes a second, however many play."""
    found = simulate(latencies(message=0.01, answer=0.01), Setting(100, 8))
    assert 6 < found["episodes_per_second"] < 1.1 / 0.11
    assert found["driver_busy"] == pytest.approx(1, abs=0.05)


def test_batches_between_and_above_those_recorded():
    recorded = latencies(batches={1: 1.0, 4: 2.5})
    assert [recorded.batch(size) for size in (1, 2, 4, 5, 8, 9)] == pytest.approx([1.0, 1.5, 2.5, 3.5, 5.0, 6.0])
