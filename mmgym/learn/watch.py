"""Whether the other processes of a run still live: on many machines nobody is told when one has died.

A process that waits for a dead one waits for as long as its collective may take. So each leaves a sign of life, every
few seconds, in the store where torchrun let them meet; rank 0 looks for those of all, all look for that of rank 0. Who
fails says why. Whoever reads that, or misses a sign for too long, says so and ends.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from datetime import timedelta

import torch.distributed as dist

__all__ = ["Watch"]

_EVERY = 2.0
"""Seconds between two signs of life."""
_PATIENCE = 60.0
"""Seconds without one after which a process counts as dead."""


class Watch:
    """Leaves signs of life of this process and looks for those of others, in a thread of its own.

    Args:
        rank: number of this process.
        size: number of processes.
        name: of this start of the run, the same in all its processes: others may have met in the same store before.
        store: where they meet; None takes torchrun's, at ``MASTER_ADDR`` and ``MASTER_PORT``.
        every: seconds between two signs.
        patience: seconds without one after which a process counts as dead.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        name: str = "",
        store: dist.Store | None = None,
        every: float = _EVERY,
        patience: float = _PATIENCE,
    ):
        self.rank, self.every, self.patience = rank, every, patience
        self._watched = [other for other in (range(size) if rank == 0 else [0]) if other != rank]
        self._store = store or dist.TCPStore(
            os.environ["MASTER_ADDR"],
            int(os.environ["MASTER_PORT"]),
            is_master=False,
            timeout=timedelta(seconds=patience),
        )
        self._prefix = f"mmgym/{name}"
        self._seen: dict[int, tuple[bytes, float]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no longer: the run has come to its end."""
        self._stopped.set()
        self._thread.join()

    def report(self, error: BaseException) -> None:
        """Tell the others why this process ends, unless another has said so before; look no longer."""
        if self._stopped.is_set():
            return
        self.stop()
        try:
            first = self._failed()
            if first is None:
                text = f"process {self.rank} on {socket.gethostname()} failed: {type(error).__name__}: {error}"
                self._store.set(f"{self._prefix}/failed", text)
            else:
                _say(first)
        except RuntimeError:
            pass  # the store is gone, and with it all who could read it

    def _run(self) -> None:
        count = 0
        while not self._stopped.wait(self.every):
            count += 1
            try:
                self._store.set(f"{self._prefix}/alive/{self.rank}", str(count))
                trouble = self._failed() or self._missing()
            except RuntimeError as error:
                trouble = f"the meeting place of the processes is gone ({str(error).splitlines()[0]})"
            if trouble and not self._stopped.is_set():
                _say(f"{trouble}; process {self.rank} ends, too")
                os._exit(1)  # the main thread waits for what will never come

    def _failed(self) -> str | None:
        key = f"{self._prefix}/failed"
        return self._store.get(key).decode() if self._store.check([key]) else None

    def _missing(self) -> str | None:
        """Who has left no sign of life for too long."""
        now = time.monotonic()
        for other in self._watched:
            key = f"{self._prefix}/alive/{other}"
            sign = self._store.get(key) if self._store.check([key]) else b""
            before = self._seen.setdefault(other, (sign, now))
            if sign != before[0]:
                self._seen[other] = (sign, now)
            elif now - before[1] > self.patience:
                text = f"process {other} has left no sign of life for {self.patience:.0f} s"
                self._store.set(f"{self._prefix}/failed", text)
                return text
        return None


def _say(trouble: str) -> None:
    sys.stderr.write(f"mmgym: {trouble}\n")
    sys.stderr.flush()
