"""Workers on a Ray cluster: each holds its environments in an actor, replaced on another node when it is lost.

Replies come in threads of Ray's. They are kept in order until the event loop, of which each run has its own, takes
them.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import mmgym
from mmgym.rollout.host import Opening, StepResult
from mmgym.rollout.ray_actor import Actor, Introduced, RayConfig, connect, node_lives, reason_of
from mmgym.rollout.serving import Hosts
from mmgym.rollout.worker import Handle, Worker, WorkerFailure, WorkerUnavailable
from mmgym.trajectory import EpisodeTask

__all__ = ["RayPool"]

logger = logging.getLogger(__name__)


class RayPool:
    """Actors with room for several episodes each; the same to the executor as `mmgym.rollout.workers.WorkerPool`.

    Args:
        workers: number of actors.
        per_worker: slots in each.
        timeout: seconds one request may take.
        settings: arguments of `EnvironmentHost`.
        config: where they run.

    Raises:
        ImportError: where Ray is not installed.
        OSError: when there is no cluster at the address.
    """

    def __init__(self, workers: int, per_worker: int, timeout: float, settings: dict[str, Any], config: RayConfig):
        connect(config)
        make = functools.partial(_make, settings, config)
        self._workers = [_RayWorker(timeout, Actor(make, config.start_seconds)) for _ in range(workers)]
        slots = [worker for _ in range(per_worker) for worker in self._workers]
        self._handles = [_RayHandle(worker, slot, self._elsewhere) for slot, worker in enumerate(slots)]

    async def attach(self) -> None:
        """Listen to the workers in the running event loop, and wait until those run for which there is room.

        Raises:
            RuntimeError: when none of them can run, with the reason.
        """
        for worker in self._workers:
            worker.attach()
        reasons = [reason for reason in await asyncio.gather(*(worker.rise() for worker in self._workers)) if reason]
        if len(reasons) == len(self._workers):
            raise RuntimeError(f"no worker can run on the cluster: {reasons[0]}")
        if reasons:
            logger.warning("%d of %d workers do not run: %s", len(reasons), len(self._workers), reasons[0])

    def detach(self) -> None:
        """Stop listening (the loop is about to end)."""
        for worker in self._workers:
            worker.detach()

    def handles(self) -> list[_RayHandle]:
        """One handle per slot; the first ones lie in different workers."""
        return list(self._handles)

    def _elsewhere(self) -> _RayWorker | None:
        """Of the workers that run the one with the fewest episodes."""
        running = [worker for worker in self._workers if worker.running]
        return min(running, key=lambda worker: sum(handle.worker is worker for handle in self._handles), default=None)

    def close(self) -> None:
        """End all actors."""
        for worker in self._workers:
            worker.kill()


def _make(settings: dict[str, Any], config: RayConfig) -> Any:
    import ray

    options = {**config.worker.options(), "scheduling_strategy": "SPREAD", "max_restarts": 0}
    return ray.remote(_HostsActor).options(**options).remote(mmgym.__version__, settings)


class _HostsActor(Introduced):
    """What runs on a node."""

    def __init__(self, version: str, settings: dict[str, Any]):
        super().__init__(version)
        self._hosts = Hosts(settings)

    def answer(self, number: int, slot: int, method: str, arguments: tuple[Any, ...]) -> bytes:
        """See `Hosts.answer`. Bytes leave no pixels behind in the object store, as arrays would for all their life."""
        return self._hosts.answer(number, slot, method, arguments)


class _RayHandle(Handle):
    """An `EnvironmentHandle` on a slot of a worker, or of another one while there is no room for its own.

    Args:
        worker: its own.
        slot: its number, in any worker.
        elsewhere: finds another worker.
    """

    def __init__(self, worker: _RayWorker, slot: int, elsewhere: Callable[[], _RayWorker | None]):
        super().__init__(worker, slot)
        self._own, self._elsewhere = worker, elsewhere

    async def reset(self, task: EpisodeTask) -> Opening:
        """Start an episode.

        Raises:
            WorkerUnavailable: when no worker runs.
        """
        opening: Opening = await self._begin("reset", task)
        return opening

    async def sit(self, tasks: Sequence[EpisodeTask]) -> dict[int, Opening | StepResult]:
        """Start a match.

        Raises:
            WorkerUnavailable: when no worker runs.
        """
        shown: dict[int, Opening | StepResult] = await self._begin("sit", tasks)
        return shown

    async def _begin(self, method: str, argument: Any) -> Any:
        try:
            await self._own.up()
            self.worker = self._own
        except WorkerUnavailable:
            other = self._elsewhere()
            if other is None:
                raise
            self.worker = other
        return await self.worker.request(self._slot, method, (argument,))


class _RayWorker(Worker):
    """A worker in an actor.

    Args:
        timeout: seconds one request may take.
        actor: its place.
    """

    def __init__(self, timeout: float, actor: Actor):
        super().__init__(timeout)
        self._actor = actor
        self._arrived: collections.deque[tuple[int, int, Future[bytes]]] = collections.deque()
        """Generation and number of a request, and what came of it; other threads append."""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def running(self) -> bool:
        """Whether it runs, as far as is known."""
        return self._actor.running

    async def up(self) -> None:
        """Wait until it runs; see `Actor.up`."""
        await self._actor.up()

    async def rise(self) -> str:
        """Start it, or see whether it is still there and start another; returns why it does not run, or empty."""
        try:
            if self.running:
                with contextlib.suppress(WorkerFailure):  # lost since the last run, or silent
                    await self._ask(0, "ping", ())
            await self.up()
        except WorkerUnavailable as reason:
            return str(reason)
        return ""

    def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive()

    def _ignore(self) -> None:
        self._loop = None

    def _found_dead(self) -> str:
        return ""

    def _send(self, number: int, slot: int, method: str, arguments: tuple[Any, ...]) -> None:
        reply = self._actor.handle.answer.remote(number, slot, method, arguments).future()
        reply.add_done_callback(functools.partial(self._land, self._generation, number))

    def _end(self) -> None:
        self._actor.kill()

    def _land(self, generation: int, number: int, reply: Future[bytes]) -> None:
        """Called in a thread of Ray's."""
        self._arrived.append((generation, number, reply))
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile; the next one will look
                loop.call_soon_threadsafe(self._receive)

    def _receive(self) -> None:
        from ray.exceptions import ActorDiedError, RayError, RayTaskError

        while self._arrived:
            generation, number, reply = self._arrived.popleft()
            if generation != self._generation:
                continue
            try:
                self._answered(reply.result())
            except RayTaskError as error:  # no worker's death
                self._fail(f"request {number} failed: {error}")
            except RayError as error:
                # A process that died did so at its request, a node at none.
                self._fail(
                    f"the worker was lost: {reason_of(error)}",
                    blame=isinstance(error, ActorDiedError) and node_lives(self._actor.node),
                )
