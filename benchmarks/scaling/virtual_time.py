"""An event loop in virtual time: what waits takes no time, what computes takes its own.

Its clock shows the processor time of its thread, times a factor, plus all the time that it has not waited. So code that
runs on it for real meets latencies that are simulated, and is as much of a bottleneck as it is.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

__all__ = ["VirtualLoop"]


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop.

    Args:
        pace: virtual seconds that a second of this thread's processor time takes; at 0 code takes no time.
    """

    def __init__(self, pace: float = 1.0):
        self._pace, self._skipped, self._start = pace, 0.0, time.thread_time()
        super().__init__(_Impatient(self))

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._skipped + self.computed

    @property
    def computed(self) -> float:
        """Of them, those in which code ran on the loop."""
        return self._pace * (time.thread_time() - self._start)

    @property
    def counts(self) -> bool:
        """Whether what is computed takes time."""
        return self._pace > 0

    def skip(self, seconds: float) -> None:
        """Let time pass in which nothing else can happen on the loop."""
        self._skipped += seconds


class _Impatient(selectors.DefaultSelector):
    """Never waits: the loop's clock jumps to where it would have waited to."""

    def __init__(self, loop: VirtualLoop):
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        """What is ready now."""
        if timeout is None:
            raise RuntimeError("nothing is ready and nothing is due: the simulation waits for ever")
        self._loop.skip(max(timeout, 0.0))
        return super().select(0)
