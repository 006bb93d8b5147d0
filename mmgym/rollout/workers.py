"""Worker processes that hold environments, replaced when they hang or die.

A worker serves its slots one request after the other over a pipe. A request that takes too long, or a worker that
dies, fails the episodes of that worker with `WorkerFailure`, and the next request finds a fresh process. A worker and
whatever its environments started (a browser, a server) end together with the process that made them.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection
from typing import Any

from mmgym.env import Unsupported
from mmgym.rollout.host import EnvironmentHost, TaskError

__all__ = ["NeighbourFailure", "WorkerFailure", "WorkerPool", "call"]

_START = "the start of a worker"
_START_SECONDS = 120.0
"""A new process imports its packages first; that is not its environment's time."""


class WorkerFailure(RuntimeError):
    """The machinery failed: an environment raised, hung, or its process died."""


class NeighbourFailure(WorkerFailure):
    """The process was lost while it was busy with another episode, or with none: not this episode's doing."""


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
        """One handle per slot; the first ones lie in different workers."""
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
        self._unanswered: dict[int, str] = {}
        """Methods that were asked and not answered, in order: the worker is at the first of them."""
        self._watchdog: asyncio.TimerHandle | None = None
        self._generation = 0
        self._generation_of_slot: dict[int, int] = {}
        self._number = 0
        self._attached = False

    def attach(self) -> None:
        self._attached = True
        if self._pipe is not None:
            asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._receive)
        self._watch()

    def detach(self) -> None:
        self._attached = False
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._watch()

    async def request(self, slot: int, method: str, arguments: tuple[Any, ...]) -> Any:
        if method == "reset":
            if self._process is not None and not self._process.is_alive():
                self._fail(self._death())
            self._generation_of_slot[slot] = self._generation
        elif self._generation_of_slot.get(slot) != self._generation:
            raise NeighbourFailure("the process of this environment was replaced")
        if self._pipe is None:
            self._start()
        assert self._pipe is not None
        self._number += 1
        number = self._number
        try:
            self._pipe.send((number, slot, method, arguments))
        except OSError as error:
            self._fail(self._death())
            raise NeighbourFailure("the worker process died") from error
        self._unanswered[number] = method
        if len(self._unanswered) == 1:
            self._watch()
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    def kill(self) -> None:
        if self._pipe is not None:
            if self._attached:
                asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()
            self._pipe = None
        self._unanswered.clear()
        self._watch()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        self._process.start()
        theirs.close()
        self._unanswered[0] = _START
        self.attach()

    def _watch(self) -> None:
        """Start the clock of the request that the worker is at."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if self._attached and self._unanswered:
            method = next(iter(self._unanswered.values()))
            limit = max(self._timeout, _START_SECONDS) if method == _START else self._timeout
            message = f"{method} took longer than {limit:g} s"
            self._watchdog = asyncio.get_running_loop().call_later(limit, self._fail, message)

    def _death(self) -> str:
        assert self._process is not None
        self._process.join(1)  # its pipe may end a moment before it does
        return f"the worker process died (exit code {self._process.exitcode})"

    def _receive(self) -> None:
        assert self._pipe is not None
        try:
            number, error, result = self._pipe.recv()
        except (EOFError, OSError):
            self._fail(self._death())
            return
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

    def _fail(self, message: str) -> None:
        """Every episode of this worker has failed; the next request starts a fresh process."""
        culprit = next(iter(self._unanswered), None)
        self.kill()
        self._generation += 1
        for number, future in self._waiting.items():
            if not future.done():
                # a process that does not even start is everybody's failure: else they would try for ever
                own = number == culprit or culprit == 0
                future.set_exception(WorkerFailure(message) if own else NeighbourFailure(message))


def call(host: EnvironmentHost, method: str, arguments: tuple[Any, ...]) -> Any:
    """Call a host's method; what an environment raises is a failure of the machinery, and costs the environment.

    Raises:
        TaskError: (a ValueError) when the task is wrong: an unknown id, level, split, policy ...
        Unsupported: when something is asked that the environment does not declare.
        WorkerFailure: for everything else that an environment raises.
    """
    try:
        return getattr(host, method)(*arguments)
    except (TaskError, Unsupported):
        raise
    except (Exception, SystemExit) as error:
        host.close()
        raise WorkerFailure(f"{type(error).__name__}: {error}") from error


def _serve(pipe: Connection, settings: dict[str, Any]) -> None:
    """The loop of a worker process; ends when the parent closes the pipe or dies."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    hosts: dict[int, EnvironmentHost] = {}
    with contextlib.suppress(EOFError, OSError):
        pipe.send((0, None, None))
        while True:
            number, slot, method, arguments = pipe.recv()
            host = hosts.setdefault(slot, EnvironmentHost(**settings))
            reply: tuple[int, Exception | None, Any]
            try:
                reply = (number, None, call(host, method, arguments))
            except Exception as error:
                reply = (number, error, None)
            _send(pipe, reply)
    _end_group()


def _send(pipe: Connection, reply: tuple[int, Exception | None, Any]) -> None:
    try:
        pipe.send(reply)
    except OSError:
        raise
    except Exception as error:  # whatever pickling raises
        message = f"what the environment returned cannot be sent: {type(error).__name__}: {error}"
        pipe.send((reply[0], WorkerFailure(message), None))


def _end_with_parent() -> None:
    """A worker that hangs in its environment would never see its pipe close."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _end_group()


def _end_group() -> None:
    os.killpg(0, signal.SIGKILL)
