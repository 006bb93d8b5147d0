"""Worker processes of this machine that hold environments, spoken to over pipes.

A worker and whatever its environments started (a browser, a server) end together with the process that made them.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import threading
from typing import Any

from mmgym.rollout.pipe import Pipe, read_message, write_message
from mmgym.rollout.serving import Hosts
from mmgym.rollout.worker import Handle, LostWorker, Worker

__all__ = ["WorkerPool"]

_START = "the start of a worker"
_START_SECONDS = 120.0
"""A new process imports its packages first; that is not its environment's time."""


class WorkerPool:
    """Processes with room for several episodes each.

    Args:
        workers: number of processes.
        per_worker: slots in each.
        timeout: seconds one request may take.
        settings: arguments of `EnvironmentHost`.
    """

    def __init__(self, workers: int, per_worker: int, timeout: float, settings: dict[str, Any]):
        self._workers = [_Process(timeout, settings) for _ in range(workers)]
        self._per_worker = per_worker

    async def attach(self) -> None:
        """Listen to the workers in the running event loop."""
        for worker in self._workers:
            worker.attach()

    def detach(self) -> None:
        """Stop listening (the loop is about to end)."""
        for worker in self._workers:
            worker.detach()

    def handles(self) -> list[Handle]:
        """One handle per slot; the first ones lie in different workers."""
        return [Handle(worker, slot) for slot in range(self._per_worker) for worker in self._workers]

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.kill()


class _Process(Worker):
    """A worker in a process of its own.

    Args:
        timeout: seconds one request may take.
        settings: arguments of `EnvironmentHost`.
    """

    def __init__(self, timeout: float, settings: dict[str, Any]):
        super().__init__(timeout)
        self._settings = settings
        self._process: Any = None
        self._pipe: Pipe | None = None

    def _listen(self) -> None:
        if self._pipe is not None:
            asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._receive)
            self._send_the_rest()

    def _ignore(self) -> None:
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            asyncio.get_running_loop().remove_writer(self._pipe.fileno())

    def _found_dead(self) -> str:
        return "" if self._process is None or self._process.is_alive() else self._death()

    def _send(self, number: int, slot: int, method: str, arguments: tuple[Any, ...]) -> None:
        request = pickle.dumps((number, slot, method, arguments), pickle.HIGHEST_PROTOCOL)
        if self._pipe is None:
            self._start()
        assert self._pipe is not None
        try:
            self._pipe.send(request)
        except OSError as error:
            raise LostWorker(self._death()) from error
        self._send_the_rest()

    def _send_the_rest(self) -> None:
        """Let the event loop send, when there is room, what there was none for."""
        if self._pipe is not None and self._pipe.has_unsent:
            asyncio.get_running_loop().add_writer(self._pipe.fileno(), self._flush)

    def _flush(self) -> None:
        assert self._pipe is not None
        try:
            self._pipe.flush()
        except OSError:
            self._fail(self._death())
        else:
            if not self._pipe.has_unsent:
                asyncio.get_running_loop().remove_writer(self._pipe.fileno())

    def _end(self) -> None:
        if self._pipe is not None:
            if self._attached:
                self._ignore()
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.join()
            self._process = None

    def _limit(self, method: str) -> float:
        return max(self._timeout, _START_SECONDS) if method == _START else self._timeout

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = socket.socketpair()
        process = context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        with theirs:
            process.start()
        self._pipe, self._process = Pipe(ours), process
        self._unanswered[0] = _START
        self.attach()

    def _death(self) -> str:
        assert self._process is not None
        self._process.join(1)  # its pipe may end a moment before it does
        return f"the worker process died (exit code {self._process.exitcode})"

    def _receive(self) -> None:
        assert self._pipe is not None
        try:
            reply = self._pipe.receive()
        except (EOFError, OSError):
            self._fail(self._death())
        else:
            if reply is not None:
                self._answered(reply)


def _serve(pipe: socket.socket, settings: dict[str, Any]) -> None:
    """The loop of a worker process; ends when the parent closes the pipe or dies."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    hosts = Hosts(settings)
    with contextlib.suppress(EOFError, OSError):
        write_message(pipe, pickle.dumps((0, None, None)))
        while True:
            write_message(pipe, hosts.answer(*pickle.loads(read_message(pipe))))
    _end_group()


def _end_with_parent() -> None:
    """A worker that hangs in its environment would never see its pipe close."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _end_group()


def _end_group() -> None:
    os.killpg(0, signal.SIGKILL)
