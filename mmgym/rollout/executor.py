"""The executor: one independent flow per episode, environments here or in worker processes.

A failure of the machinery is not a failure of the agent: the episode is played again in a fresh environment, and if
that fails too it is recorded as `env_error`, which is never scored and never trained.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import time
from collections.abc import Callable, Container, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from mmgym.agent import Agent, BatchAgent
from mmgym.formats import FORMATS
from mmgym.messages import NATIVE, prompt_template
from mmgym.pointing import Pointer
from mmgym.rollout.augment import check_augmentation
from mmgym.rollout.host import EnvironmentHost, Opening, StepResult
from mmgym.rollout.players import Players
from mmgym.rollout.ray_actor import RayConfig
from mmgym.rollout.ray_pool import RayPool
from mmgym.rollout.seat import Seat
from mmgym.rollout.serving import call
from mmgym.rollout.worker import NeighbourFailure, WorkerFailure
from mmgym.rollout.workers import WorkerPool
from mmgym.spaces import ToolCall
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory

__all__ = ["EnvironmentHandle", "EpisodeSource", "Executor", "Rollout", "RolloutConfig"]

logger = logging.getLogger(__name__)
_FOREIGN_FAILURES = 20
"""How often an episode is played again because another one took its worker down: bounded, so that a run ends."""


@dataclass(frozen=True)
class RolloutConfig:
    """How episodes are played."""

    format: str = "tool_call"
    """How answers are written: ``tool_call``, ``call`` or ``tag``; ``native`` gives the agent the schemas of the tools,
    for its own protocol or chat template, and reads text as ``tool_call``."""
    prompt: str = "full"
    """``full``: rules and answer format in a system message; ``think``: the same, and to reason first; ``minimal``: the
    observation alone; or a file (`mmgym.messages.prompt_template`)."""
    executor: str = "local"
    """Where workers run: ``local``, as processes of this machine, or ``ray``, on a Ray cluster."""
    workers: int = 0
    """Processes that hold environments; 0 plays them in this process."""
    per_worker: int = 1
    """Episodes that share a worker process."""
    live: int = 512
    """Episodes played at once in this process (with workers: ``workers * per_worker``)."""
    lockstep: bool = True
    """Serve the agent's batches only when every live episode waits: exact, but as slow as the slowest."""
    timeout: float = 60.0
    """Seconds an environment in a worker may take for one call before its worker is replaced."""
    patience: float = 600.0
    """Seconds that a player of another seat may take for an answer before it counts as none (players that answer one
    at a time, as those behind an API do)."""
    retries: int = 1
    """How often an episode is played again after a failure of the machinery."""
    record_state_keys: bool = False
    """Record `state_key` in every turn."""
    record_observations: bool = False
    """Record in every turn what a person who looks at it needs (`mmgym.trajectory.Observed`)."""
    ray: RayConfig = field(default_factory=RayConfig)
    """The cluster of ``executor = "ray"``."""

    def __post_init__(self) -> None:
        if self.format not in (*FORMATS, NATIVE):
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, {NATIVE}; got {self.format!r}")
        prompt_template(self.prompt)
        if self.executor not in ("local", "ray"):
            raise ValueError(f"executor must be local or ray; got {self.executor!r}")
        for name in ("per_worker", "live"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        for name in ("workers", "retries", "timeout", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative; got {getattr(self, name)}")
        if self.executor == "ray" and not self.workers:
            raise ValueError("executor ray needs workers: at least 1; got 0")
        if self.executor != "ray" and (self.ray.replicas or self.ray.learners):
            raise ValueError(f"ray.replicas and ray.learners need executor ray; got {self.executor}")


@dataclass(repr=False)  # asyncio prints the result of its main task, which would take seconds here
class Rollout:
    """Played episodes, in the order of their tasks."""

    trajectories: list[Trajectory]
    images: ImageStore
    seconds: float = 0.0
    retried: int = 0
    """Episodes that were played again after a failure of the machinery."""

    @property
    def failed(self) -> int:
        """Episodes that ended as `Status.ENV_ERROR`."""
        return sum(trajectory.status is Status.ENV_ERROR for trajectory in self.trajectories)


class EpisodeSource(Protocol):
    """Episodes to be played as they come."""

    async def next(self) -> tuple[int, EpisodeTask, Rollout]:
        """The next episode, once there is one.

        Returns:
            A number that no other live episode has, what to play, and the rollout that its pictures and retries are
            added to.
        """
        ...

    def ended(self, key: int, trajectory: Trajectory) -> None:
        """An episode has ended, also as `Status.ENV_ERROR`."""
        ...


class EnvironmentHandle(Protocol):
    """An environment that may live elsewhere."""

    async def reset(self, task: EpisodeTask) -> Opening:
        """Start an episode."""
        ...

    async def step(self, action: Any) -> StepResult:
        """Make one turn."""
        ...

    async def expert(self) -> ToolCall:
        """The expert's next call."""
        ...

    async def points_at(self, *turns: Any) -> list[tuple[Pointer, ...]]:
        """What each of some actions points at in the pictures shown so far."""
        ...

    async def random(self) -> Any:
        """A random valid action."""
        ...

    async def scripted(self, name: str) -> ToolCall:
        """The next call of a scripted policy."""
        ...

    async def sit(self, tasks: Sequence[EpisodeTask]) -> dict[int, Opening | StepResult]:
        """Start a match; by number of the seat, what those are shown that move first."""
        ...

    async def move(self, actions: dict[int, Any]) -> dict[int, Opening | StepResult]:
        """Let the seats move whose turn it is; what those are shown whose turn begins."""
        ...

    async def at(self, seat: int, method: str, arguments: tuple[Any, ...]) -> Any:
        """What another method gives, for a seat of a match."""
        ...


class _AtSeat:
    """An `EnvironmentHandle` on one seat of a match, for who reads the state."""

    def __init__(self, handle: EnvironmentHandle, seat: int):
        self._handle, self._seat = handle, seat

    def __getattr__(self, name: str) -> Any:
        async def request(*arguments: Any) -> Any:
            return await self._handle.at(self._seat, name, arguments)

        return request


class _Local:
    """An `EnvironmentHandle` on a host in this process."""

    def __init__(self, host: EnvironmentHost):
        self.host = host

    def __getattr__(self, name: str) -> Any:
        async def request(*arguments: Any) -> Any:
            return call(self.host, name, arguments)

        return request


class Executor:
    """Plays episodes.

    Args:
        config: how.
    """

    def __init__(self, config: RolloutConfig | None = None):
        self.config = config or RolloutConfig()
        self._hosts: list[EnvironmentHost] = []
        self._pool: WorkerPool | RayPool | None = None
        if self.config.workers:
            settings = {"record_state_keys": self.config.record_state_keys}
            room = (self.config.workers, self.config.per_worker, self.config.timeout, settings)
            self._pool = RayPool(*room, self.config.ray) if self.config.executor == "ray" else WorkerPool(*room)

    def run(
        self,
        tasks: Sequence[EpisodeTask],
        agent: Agent | BatchAgent,
        ended: Callable[[int, Trajectory, ImageStore], bool] | None = None,
        others: Mapping[str, Agent | BatchAgent] | None = None,
        trusted: Container[str] = (),
    ) -> Rollout:
        """Play one episode per task; those of one match are the seats of one episode.

        Args:
            tasks: what to play; trajectories come back in this order.
            agent: answers one conversation at a time, or in batches.
            ended: called as soon as an episode has ended, with the index of its task, its trajectory and the pictures
                so far. When it returns True no further episode is begun: those that were not are left without turns.
            others: who plays the tasks that name a `player`; see `mmgym.rollout.players.Players`.
            trusted: names of those whose failure is an error; another's is a turn without a call.

        Raises:
            ValueError: when a task is wrong (unknown id, level, split, player ...), naming what is allowed.
        """
        for name in {task.augmentation for task in tasks if task.augmentation}:
            check_augmentation(name)
        started = time.perf_counter()
        players = Players(agent, others or {}, self.config.lockstep, self.config.patience, trusted)
        players.check(tasks)
        rollout = _run_to_end(self._run(tasks, players, ended))
        rollout.seconds = time.perf_counter() - started
        return rollout

    async def stream(self, source: EpisodeSource, agent: Agent | BatchAgent, most: int) -> None:
        """Play episodes as they come, each as soon as there is room, until this coroutine is cancelled.

        In lockstep a batch waits for the episodes that are being played, not for those that may come.

        Args:
            source: gives episodes and takes trajectories; both in the event loop of this coroutine.
            agent: answers one conversation at a time, or in batches.
            most: most episodes at once, where there is room for them.

        Raises:
            ValueError: as `run` does, and for a seat of a match.
        """
        players = Players(agent, {}, self.config.lockstep, self.config.patience)

        async def take_turns(slot: int, handle: EnvironmentHandle) -> None:
            while True:
                key, task, rollout = await source.next()
                if task.match is not None:
                    raise ValueError("matches are played by Executor.run, not as a stream of episodes")
                players.begin(slot)
                try:
                    (trajectory,) = await self._play(slot, [key], [task], handle, players, rollout)
                finally:
                    players.finish(slot)
                source.ended(key, trajectory)

        if self._pool:
            await self._pool.attach()
        try:
            await asyncio.gather(*(take_turns(slot, handle) for slot, handle in enumerate(self._handles(most))))
        finally:
            if self._pool:
                self._pool.detach()

    def close(self) -> None:
        """Close environments and end the workers."""
        for host in self._hosts:
            host.close()
        self._hosts.clear()
        if self._pool:
            self._pool.close()

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _run(
        self,
        tasks: Sequence[EpisodeTask],
        players: Players,
        ended: Callable[[int, Trajectory, ImageStore], bool] | None = None,
    ) -> Rollout:
        rollout = Rollout([Trajectory(task) for task in tasks], ImageStore())
        waiting = collections.deque(_episodes(tasks))

        async def take_turns(slot: int, handle: EnvironmentHandle) -> None:
            try:
                while waiting:
                    keys = waiting.popleft()
                    players.begin(slot)
                    played = await self._play(slot, keys, [tasks[key] for key in keys], handle, players, rollout)
                    for key, trajectory in zip(keys, played, strict=True):
                        rollout.trajectories[key] = trajectory
                        if ended and ended(key, trajectory, rollout.images):
                            waiting.clear()
            finally:
                players.finish(slot)

        if self._pool:
            await self._pool.attach()
        handles = self._handles(len(waiting))
        for slot in range(len(handles)):
            players.begin(slot)
        try:
            await asyncio.gather(*(take_turns(slot, handle) for slot, handle in enumerate(handles)))
        finally:
            if self._pool:
                self._pool.detach()
        return rollout

    def _handles(self, tasks: int) -> Sequence[EnvironmentHandle]:
        """One handle per slot; no more than there are tasks."""
        if self._pool:
            return self._pool.handles()[:tasks]
        needed = min(self.config.live, tasks)
        while len(self._hosts) < needed:
            self._hosts.append(EnvironmentHost(self.config.record_state_keys))
        return [_Local(host) for host in self._hosts[:needed]]

    async def _play(
        self,
        slot: int,
        keys: Sequence[int],
        tasks: Sequence[EpisodeTask],
        handle: EnvironmentHandle,
        players: Players,
        rollout: Rollout,
    ) -> list[Trajectory]:
        """An episode, played again if the machinery fails; one trajectory for each of its seats."""
        own = foreign = 0
        while True:
            played = [Trajectory(task, seat=seat) for seat, task in enumerate(tasks)]
            try:
                if tasks[0].match is None:
                    await self._episode(keys[0], played[0], handle, players, rollout.images)
                else:
                    await self._match(slot, keys, played, handle, players, rollout.images)
                return played
            except NeighbourFailure as failure:
                foreign, error = foreign + 1, str(failure)
            except WorkerFailure as failure:
                own, error = own + 1, str(failure)
            logger.warning("episode %d of %s failed (attempt %d): %s", keys[0], tasks[0].env_id, own + foreign, error)
            if own > self.config.retries or foreign > _FOREIGN_FAILURES:
                for trajectory in played:
                    trajectory.status, trajectory.error, trajectory.success = Status.ENV_ERROR, error, False
                return played
            rollout.retried += 1

    async def _episode(
        self, key: int, trajectory: Trajectory, handle: EnvironmentHandle, players: Players, images: ImageStore
    ) -> None:
        start = await handle.reset(trajectory.task)
        seat = Seat(key, trajectory, start, handle, images, self.config)
        try:
            while not seat.over:
                action = await seat.answer(players)
                if seat.exhausted:
                    seat.result.truncated = True
                    break
                seat.take(await handle.step(action))
            seat.finish()
        finally:
            players.end(seat.conversation)

    async def _match(
        self,
        slot: int,
        keys: Sequence[int],
        played: Sequence[Trajectory],
        handle: EnvironmentHandle,
        players: Players,
        images: ImageStore,
    ) -> None:
        """An episode of several agents: who moves at the same time is asked together."""
        seats: dict[int, Seat] = {}
        for trajectory in played:
            trajectory.info |= trajectory.task.seated
        try:
            shown = await handle.sit([trajectory.task for trajectory in played])
            while True:
                for number, update in shown.items():
                    if isinstance(update, Opening):
                        own = cast(EnvironmentHandle, _AtSeat(handle, number))
                        seats[number] = Seat(keys[number], played[number], update, own, images, self.config)
                    else:
                        seats[number].take(update)
                if any(seats[number].over for number in shown):
                    break
                asked = [number for number in shown if not seats[number].exhausted]
                players.begin(slot, [played[number].task for number in asked])
                answers = await _all_or_none([seats[number].answer(players) for number in asked])
                shown = await handle.move(dict(zip(asked, answers, strict=True)))
            for seat in seats.values():
                seat.finish()
        finally:
            for seat in seats.values():
                players.end(seat.conversation)


async def _all_or_none(asking: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What some coroutines give; when one fails the others have ended before the error goes on."""
    tasks = [asyncio.ensure_future(one) for one in asking]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _episodes(tasks: Sequence[EpisodeTask]) -> list[list[int]]:
    """The numbers of the tasks of each episode: the seats of a match, or one task alone."""
    episodes: list[list[int]] = []
    matches: dict[int, list[int]] = {}
    for key, task in enumerate(tasks):
        if task.match is not None and task.match in matches:
            matches[task.match].append(key)
            continue
        episodes.append([key])
        if task.match is not None:
            matches[task.match] = episodes[-1]
    return episodes


def _run_to_end(flow: Coroutine[Any, Any, Rollout]) -> Rollout:
    try:
        asyncio.get_running_loop()
        inside = True
    except RuntimeError:
        inside = False
    if not inside:
        return asyncio.run(flow)
    with ThreadPoolExecutor(1) as thread:  # notebooks run a loop of their own in this thread
        return thread.submit(asyncio.run, flow).result()
