"""The executor: one independent flow per episode, environments here or in worker processes.

A failure of the machinery is not a failure of the agent: the episode is played again in a fresh environment, and if
that fails too it is recorded as `env_error`, which is never scored and never trained.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, cast

import numpy as np

from mmgym.agent import Agent, BatchAgent, Conversation, Response
from mmgym.env import Unsupported
from mmgym.formats import FORMATS, parse
from mmgym.messages import NATIVE, opening, prompt_template, user_message
from mmgym.pointing import Pointer
from mmgym.rewards import terms_of
from mmgym.rollout.augment import check_augmentation
from mmgym.rollout.batcher import Batcher
from mmgym.rollout.host import EnvironmentHost, Opening, StepResult
from mmgym.rollout.pictures import Pictures
from mmgym.rollout.ray_actor import RayConfig
from mmgym.rollout.ray_pool import RayPool
from mmgym.rollout.serving import call
from mmgym.rollout.worker import NeighbourFailure, WorkerFailure
from mmgym.rollout.workers import WorkerPool
from mmgym.spaces import InvalidAction, ToolCall, ToolSpace
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore, Observed, Status, Trajectory, Turn

__all__ = ["EnvironmentHandle", "EpisodeSource", "Executor", "Rollout", "RolloutConfig"]

logger = logging.getLogger(__name__)
_REMEMBERED_CHARACTERS = 200
_NO_IDS = np.zeros(0, np.int32)
_NO_LOGPROBS = np.zeros(0, np.float32)
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
        for name in ("workers", "retries", "timeout"):
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
    ) -> Rollout:
        """Play one episode per task.

        Args:
            tasks: what to play; trajectories come back in this order.
            agent: answers one conversation at a time, or in batches.
            ended: called as soon as an episode has ended, with the index of its task, its trajectory and the pictures
                so far. When it returns True no further episode is begun: those that were not are left without turns.

        Raises:
            ValueError: when a task is wrong (unknown id, level, split, augmentation ...), naming what is allowed.
        """
        for name in {task.augmentation for task in tasks if task.augmentation}:
            check_augmentation(name)
        started = time.perf_counter()
        rollout = _run_to_end(self._run(tasks, agent, ended))
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
            ValueError: as `run` does.
        """
        server: Any = Batcher(cast(BatchAgent, agent), self.config.lockstep) if hasattr(agent, "act_batch") else agent

        async def take_turns(slot: int, handle: EnvironmentHandle) -> None:
            while True:
                key, task, rollout = await source.next()
                if isinstance(server, Batcher):
                    server.begin(slot)
                try:
                    trajectory = await self._play(key, task, handle, server, rollout)
                finally:
                    if isinstance(server, Batcher):
                        server.finish(slot)
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
        agent: Agent | BatchAgent,
        ended: Callable[[int, Trajectory, ImageStore], bool] | None = None,
    ) -> Rollout:
        rollout = Rollout([Trajectory(task) for task in tasks], ImageStore())
        server: Any = Batcher(cast(BatchAgent, agent), self.config.lockstep) if hasattr(agent, "act_batch") else agent
        waiting = collections.deque(range(len(tasks)))

        async def take_turns(slot: int, handle: EnvironmentHandle) -> None:
            try:
                while waiting:
                    key = waiting.popleft()
                    rollout.trajectories[key] = await self._play(key, tasks[key], handle, server, rollout)
                    if ended and ended(key, rollout.trajectories[key], rollout.images):
                        waiting.clear()
            finally:
                if isinstance(server, Batcher):
                    server.finish(slot)

        if self._pool:
            await self._pool.attach()
        handles = self._handles(len(tasks))
        if isinstance(server, Batcher):
            for slot in range(len(handles)):
                server.begin(slot)
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
        self, key: int, task: EpisodeTask, handle: EnvironmentHandle, agent: Any, rollout: Rollout
    ) -> Trajectory:
        """An episode, played again if the machinery fails."""
        own = foreign = 0
        while True:
            trajectory = Trajectory(task)
            try:
                await self._episode(key, trajectory, handle, agent, rollout.images)
                return trajectory
            except NeighbourFailure as failure:
                foreign, error = foreign + 1, str(failure)
            except WorkerFailure as failure:
                own, error = own + 1, str(failure)
            logger.warning("episode %d of %s failed (attempt %d): %s", key, task.env_id, own + foreign, error)
            if own > self.config.retries or foreign > _FOREIGN_FAILURES:
                trajectory.status, trajectory.error, trajectory.success = Status.ENV_ERROR, error, False
                return trajectory
            rollout.retried += 1

    async def _episode(
        self, key: int, trajectory: Trajectory, handle: EnvironmentHandle, agent: Any, images: ImageStore
    ) -> None:
        task = trajectory.task
        pictures = Pictures(task, images)
        conversation: Conversation | None = None
        try:
            start = await handle.reset(task)
            conversation = Conversation(key, task, start.space, instruction=start.instruction, environment=handle)
            conversation.messages += opening(start.instruction, start.space, self.config.format, self.config.prompt)
            conversation.tools = start.space.schemas() if self.config.format == NATIVE else []
            trajectory.info = {name: start.first.info[name] for name in ("level", "split", "expert_steps")}
            result = start.first
            if result.info["error"]:
                raise WorkerFailure(result.info["error"])
            while not (result.terminated or result.truncated):
                conversation.messages.append(user_message(pictures.show(result.content, conversation.turn)))
                observed = await _observed(result, handle, images) if self.config.record_observations else None
                before = time.perf_counter()
                response = await agent.act(conversation)
                if response.exhausted:
                    result.truncated = True
                    if trajectory.turns:
                        trajectory.turns[-1].truncated = True
                    break
                answer = {"role": "assistant", "content": [{"type": "text", "text": response.text}]}
                conversation.messages.append(answer)
                asked, answered = result.state_key, time.perf_counter()
                seen = pictures.keep(response)
                action = self._action(response, start.space)
                if observed:
                    pointed = await handle.points_at(action, list(observed.expert))
                    observed.pointers, observed.expert_pointers = pointed
                stepped = time.perf_counter()
                result = await handle.step(action)
                if result.info["error"]:
                    raise WorkerFailure(result.info["error"])
                conversation.feedback.append(result.info["feedback"])
                turn = _turn(response, seen, result, asked)
                turn.calls, turn.observed = _calls(action), observed
                turn.seconds_model, turn.seconds_env = answered - before, time.perf_counter() - stepped
                trajectory.turns.append(turn)
            trajectory.success = conversation.success = bool(result.info["success"])
            trajectory.status = Status.TERMINATED if result.terminated else Status.TRUNCATED
            shown = [part["image"] for part in result.content if part["type"] == "image"]
            trajectory.final_image = images.add(shown[-1]) if shown else None
        finally:
            if conversation is not None:
                agent.end(conversation)

    def _action(self, response: Response, space: ToolSpace) -> Any:
        if response.action is not None:
            return response.action
        read = _read if len(response.text) <= _REMEMBERED_CHARACTERS else _read.__wrapped__
        return read(response.text, space, "tool_call" if self.config.format == NATIVE else self.config.format)


@lru_cache(maxsize=4096)
def _read(text: str, space: ToolSpace, format: str) -> Any:
    """The action of an answer. Short answers come again and again, so they are remembered."""
    try:
        calls = parse(text, space, format)
    except ValueError as problem:
        return InvalidAction(str(problem))
    return calls[0] if space.max_calls == 1 else calls


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


def _turn(response: Response, images: tuple[ImageRef, ...], result: StepResult, state_key: str) -> Turn:
    return Turn(
        prompt_ids=_NO_IDS if response.prompt_ids is None else response.prompt_ids,
        images=images,
        sampled_ids=_NO_IDS if response.sampled_ids is None else response.sampled_ids,
        logprobs=_NO_LOGPROBS if response.logprobs is None else response.logprobs,
        extends=response.extends,
        text=response.text,
        version=response.version,
        usage=response.usage,
        state_key=state_key,
        reward=result.reward,
        terms=terms_of(result.info),
        feedback=result.info["feedback"],
        terminated=result.terminated,
        truncated=result.truncated,
    )


async def _observed(result: StepResult, handle: EnvironmentHandle, images: ImageStore) -> Observed:
    try:
        expert = _calls(await handle.expert())
    except Unsupported:
        expert = ()
    return Observed(
        tuple(images.add(part["image"]) for part in result.content if part["type"] == "image"),
        "\n".join(part["text"] for part in result.content if part["type"] == "text"),
        expert,
    )


def _calls(action: Any) -> tuple[dict[str, Any], ...]:
    """The calls of an action as plain data; none of what cannot be one."""
    calls = action if isinstance(action, (list, tuple)) else [action]
    return tuple(call.as_dict() for call in calls if isinstance(call, ToolCall))
