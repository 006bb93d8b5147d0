"""A worker as the process that plays sees it: what it was asked, how long that takes, and whose doing its loss is.

A worker holds environments in slots and answers one request after the other. A request that takes too long, or a
worker that is lost, fails the episodes of that worker, and the next request finds a fresh one. Where a worker runs is
for `mmgym.rollout.workers` (a process of this machine) and `mmgym.rollout.ray_pool` (a node of a cluster).
"""

from __future__ import annotations

import asyncio
import pickle
from abc import ABC, abstractmethod
from typing import Any

__all__ = ["Handle", "LostWorker", "NeighbourFailure", "Worker", "WorkerFailure", "WorkerUnavailable"]


class WorkerFailure(RuntimeError):
    """The machinery failed: an environment raised, hung, or its process died."""


class NeighbourFailure(WorkerFailure):
    """The process was lost while it was busy with another episode, or with none: not this episode's doing."""


class WorkerUnavailable(RuntimeError):
    """There is no room for a worker, or it cannot be started."""


class LostWorker(Exception):
    """A worker is gone; raised by `Worker._send`, with how."""


class Worker(ABC):
    """A worker that is started when it is first asked, and replaced when it is lost.

    Args:
        timeout: seconds one request may take.
    """

    def __init__(self, timeout: float):
        self._timeout = timeout
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._unanswered: dict[int, str] = {}
        """Methods that were asked and not answered, in order: the worker is at the first of them."""
        self._watchdog: asyncio.TimerHandle | None = None
        self._generation = 0
        self._generation_of_slot: dict[int, int] = {}
        self._number = 0
        self._attached = False

    def attach(self) -> None:
        """Listen to the worker in the running event loop."""
        self._attached = True
        self._listen()
        self._watch()

    def detach(self) -> None:
        """Stop listening (the loop is about to end)."""
        self._attached = False
        self._ignore()
        self._watch()

    def kill(self) -> None:
        """End the worker."""
        self._end()
        self._unanswered.clear()
        self._watch()

    async def request(self, slot: int, method: str, arguments: tuple[Any, ...]) -> Any:
        """Ask for a method of the `EnvironmentHost` in a slot.

        Raises:
            WorkerFailure: when the machinery fails; `NeighbourFailure` where that is not this request's doing.
            TaskError: (a ValueError) and others that `mmgym.rollout.serving.call` lets through.
        """
        if method in ("reset", "sit"):
            death = self._found_dead()
            if death:
                self._fail(death)
            self._generation_of_slot[slot] = self._generation
        elif self._generation_of_slot.get(slot) != self._generation:
            raise NeighbourFailure("the process of this environment was replaced")
        return await self._ask(slot, method, arguments)

    async def _ask(self, slot: int, method: str, arguments: tuple[Any, ...]) -> Any:
        self._number += 1
        number = self._number
        try:
            self._send(number, slot, method, arguments)
        except LostWorker as lost:
            self._fail(str(lost))
            raise NeighbourFailure("the worker process died") from lost
        self._unanswered[number] = method
        if len(self._unanswered) == 1:
            self._watch()
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    def _answered(self, reply: bytes | bytearray) -> None:
        """Take what `mmgym.rollout.serving.Hosts.answer` gave."""
        try:
            number, error, result = pickle.loads(reply)
        except Exception as unreadable:  # whatever unpickling raises, e.g. for a class that is not importable here
            self._fail(f"the worker's reply cannot be read: {type(unreadable).__name__}: {unreadable}")
            return
        self._unanswered.pop(number, None)
        self._watch()
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _fail(self, message: str, blame: bool = True) -> None:
        """Every episode of this worker has failed; the next request starts a fresh one.

        Args:
            message: what happened.
            blame: whether the request that the worker was at may have done it.
        """
        culprit = next(iter(self._unanswered), None) if blame else None
        self.kill()
        self._generation += 1
        for number, future in self._waiting.items():
            if not future.done():
                # a process that does not even start is everybody's failure: else they would try for ever
                own = blame and culprit in (number, 0)
                future.set_exception(WorkerFailure(message) if own else NeighbourFailure(message))

    def _watch(self) -> None:
        """Start the clock of the request that the worker is at."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if self._attached and self._unanswered:
            method = next(iter(self._unanswered.values()))
            limit = self._limit(method)
            message = f"{method} took longer than {limit:g} s"
            self._watchdog = asyncio.get_running_loop().call_later(limit, self._fail, message)

    def _limit(self, method: str) -> float:
        """Seconds that a method may take."""
        return self._timeout

    @abstractmethod
    def _listen(self) -> None:
        """Hand replies to `_answered` in the running event loop from now on."""

    @abstractmethod
    def _ignore(self) -> None:
        """Replies may come, but nobody listens."""

    @abstractmethod
    def _send(self, number: int, slot: int, method: str, arguments: tuple[Any, ...]) -> None:
        """Send a request, to a worker that is started if there is none.

        Raises:
            LostWorker: when it is gone.
        """

    @abstractmethod
    def _found_dead(self) -> str:
        """How the worker died since it was last asked, where that can be known at no cost; else empty."""

    @abstractmethod
    def _end(self) -> None:
        """End whatever runs."""


class Handle:
    """An `EnvironmentHandle` on one slot of a worker."""

    def __init__(self, worker: Worker, slot: int):
        self.worker, self._slot = worker, slot

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            return await self.worker.request(self._slot, name, arguments)

        return call
