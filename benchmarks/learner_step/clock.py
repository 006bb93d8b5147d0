"""Times, memory, and what a device reaches at best."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

__all__ = ["Ceilings", "Timing", "ceilings", "clear", "timed"]


@dataclass(frozen=True)
class Timing:
    """Some steps that were timed, after one that was not."""

    seconds: list[float]
    peak_bytes: int | None
    """Most that torch had allocated on the GPU; None on a CPU."""

    @property
    def best(self) -> float:
        """The fastest step: the others waited for something."""
        return min(self.seconds)


@dataclass(frozen=True)
class Ceilings:
    """What a device reaches at best."""

    tflops: float
    """A large matrix product, in TFLOP/s."""
    tb_per_s: float
    """A copy, bytes read and written, in TB/s."""


def timed(step: Callable[[], object], repeats: int, device: str) -> Timing:
    """Run a step once to warm up, then `repeats` times with a clock.

    On a CPU that clock counts what this process computes, not what others do meanwhile: with one thread, the seconds
    that the step would take alone.
    """
    cuda = device.startswith("cuda")
    clock = time.perf_counter if cuda else time.process_time
    step()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(repeats):
        start = clock()
        step()
        if cuda:
            torch.cuda.synchronize()
        seconds.append(clock() - start)
    return Timing(seconds, torch.cuda.max_memory_allocated() if cuda else None)


def ceilings(device: str, dtype: torch.dtype) -> Ceilings:
    """Measure what a device reaches, in less than a second on a GPU."""
    cuda = device.startswith("cuda")
    side, size = (8192, 2**30) if cuda else (1024, 2**26)
    left, right = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(2))
    product = timed(lambda: left @ right, 5, device).best
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = timed(lambda: target.copy_(source), 5, device).best
    return Ceilings(2 * side**3 / product / 1e12, 2 * size / copied / 1e12)


def clear(device: str) -> None:
    """Free what the last cell left."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
