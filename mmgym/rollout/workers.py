"""Worker processes that hold environments, replaced when they hang or die.

A worker serves its slots one request after the other over a pipe. A request that takes too long, or a worker that
dies, fails the episodes of that worker with `WorkerFailure`, and the next request finds a fresh process.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any

import gymnasium as gym

from mmgym.rollout.host import EnvironmentHost

__all__ = ["WorkerFailure", "WorkerPool", "call"]


class WorkerFailure(RuntimeError):
    """The machinery failed: an environment raised, hung, or its process died."""


class WorkerPool:
    """Processes with room for several episodes each.

    Args:
        workers: number of processes.
        per_worker: slots in each.
        timeout: seconds one request may take.
        settings: arguments of `EnvironmentHost`.
    """

    def __init__(self, workers: int, per_worker: int, timeout: float, settings: dict[str, Any]):
        self._workers = [_Worker(timeout, settings) for _ in range(workers)]
        self._per_worker = per_worker

    async def attach(self) -> None:
        """Listen to the workers in the running event loop."""
        for worker in self._workers:
            worker.attach()

    def detach(self) -> None:
        """Stop listening (the loop is about to end)."""
        for worker in self._workers:
            worker.detach()

    def handles(self) -> list[_Handle]:
        """One handle per slot."""
        return [_Handle(worker, slot) for slot in range(self._per_worker) for worker in self._workers]

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.kill()


class _Handle:
    """An `EnvironmentHandle` on one slot of a worker."""

    def __init__(self, worker: _Worker, slot: int):
        self._worker, self._slot = worker, slot

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            return await self._worker.request(self._slot, name, arguments)

        return call


class _Worker:
    def __init__(self, timeout: float, settings: dict[str, Any]):
        self._timeout, self._settings = timeout, settings
        self._process: Any = None
        self._pipe: Connection | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._generation = 0
        self._generation_of_slot: dict[int, int] = {}
        self._number = 0
        self._attached = False

    def attach(self) -> None:
        self._attached = True
        if self._pipe is not None:
            asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._receive)

    def detach(self) -> None:
        self._attached = False
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())

    async def request(self, slot: int, method: str, arguments: tuple[Any, ...]) -> Any:
        if method == "reset":
            self._generation_of_slot[slot] = self._generation
        elif self._generation_of_slot.get(slot) != self._generation:
            raise WorkerFailure("the process of this environment was replaced")
        if self._pipe is None:
            self._start()
        assert self._pipe is not None
        self._number += 1
        number = self._number
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._pipe.send((number, slot, method, arguments))
        except (OSError, ValueError) as error:
            self._fail(f"the worker process died: {error}")
        try:
            async with asyncio.timeout(self._timeout):
                return await future
        except TimeoutError:
            self._fail(f"{method} took longer than {self._timeout:g} s")
            raise WorkerFailure(f"{method} took longer than {self._timeout:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def kill(self) -> None:
        if self._pipe is not None:
            if self._attached:
                asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        self._process.start()
        theirs.close()
        self.attach()

    def _receive(self) -> None:
        assert self._pipe is not None
        try:
            number, error, result = self._pipe.recv()
        except (EOFError, OSError):
            self._fail("the worker process died")
            return
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _fail(self, message: str) -> None:
        """Every episode of this worker has failed; the next request starts a fresh process."""
        self.kill()
        self._generation += 1
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(WorkerFailure(message))


def call(host: EnvironmentHost, method: str, arguments: tuple[Any, ...]) -> Any:
    """Call a host's method; what an environment raises is a failure of the machinery.

    Raises:
        ValueError: when an episode cannot start because its task is wrong (unknown id, level, split ...).
        WorkerFailure: for everything else that an environment raises.
    """
    try:
        return getattr(host, method)(*arguments)
    except Exception as error:
        if method == "reset" and isinstance(error, (ValueError, gym.error.Error)):
            raise ValueError(str(error)) from error
        raise WorkerFailure(f"{type(error).__name__}: {error}") from error


def _serve(pipe: Connection, settings: dict[str, Any]) -> None:
    """The loop of a worker process; ends when the parent closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hosts: dict[int, EnvironmentHost] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            number, slot, method, arguments = pipe.recv()
            host = hosts.setdefault(slot, EnvironmentHost(**settings))
            try:
                reply = (number, None, call(host, method, arguments))
            except Exception as error:
                hosts.pop(slot).close()
                reply = (number, error, None)
            pipe.send(reply)
