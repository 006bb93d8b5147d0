"""The executor: one independent flow per episode, environments here or in worker processes.

A failure of the machinery is not a failure of the agent: the episode is played again in a fresh environment, and if
that fails too it is recorded as `env_error`, which is never scored and never trained.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mmgym.agent import Agent, BatchAgent, Conversation, Response
from mmgym.formats import FORMATS, parse
from mmgym.messages import opening, user_message
from mmgym.rewards import terms_of
from mmgym.rollout.batcher import Batcher
from mmgym.rollout.host import EnvironmentHost, Opening, StepResult
from mmgym.rollout.workers import WorkerFailure, WorkerPool, call
from mmgym.spaces import InvalidAction, ToolCall, ToolSpace
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory, Turn

__all__ = ["EnvironmentHandle", "Executor", "Rollout", "RolloutConfig"]

logger = logging.getLogger(__name__)
_NO_IDS = np.zeros(0, np.int32)
_NO_LOGPROBS = np.zeros(0, np.float32)


@dataclass(frozen=True)
class RolloutConfig:
    """How episodes are played."""

    format: str = "tool_call"
    """How answers are written: ``tool_call``, ``call`` or ``tag``."""
    prompt: str = "full"
    """``full``: rules and answer format in a system message; ``minimal``: the observation alone."""
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

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {self.format!r}")
        if self.prompt not in ("full", "minimal"):
            raise ValueError(f"prompt must be full or minimal; got {self.prompt!r}")
        for name in ("per_worker", "live"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        for name in ("workers", "retries", "timeout"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative; got {getattr(self, name)}")


@dataclass(repr=False)  # asyncio prints the result of its main task, which would take seconds here
class Rollout:
    """Played episodes, in the order of their tasks."""

    trajectories: list[Trajectory]
    images: ImageStore
    seconds: float = 0.0
    retried: int = 0
    """Episodes that were played again after a failure of the machinery."""
    failed: int = field(init=False)
    """Episodes that ended as `Status.ENV_ERROR`."""

    def __post_init__(self) -> None:
        self.failed = sum(trajectory.status is Status.ENV_ERROR for trajectory in self.trajectories)


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
        self._pool: WorkerPool | None = None
        if self.config.workers:
            settings = {"record_state_keys": self.config.record_state_keys}
            self._pool = WorkerPool(self.config.workers, self.config.per_worker, self.config.timeout, settings)

    def run(self, tasks: Sequence[EpisodeTask], agent: Agent | BatchAgent) -> Rollout:
        """Play one episode per task.

        Args:
            tasks: what to play; trajectories come back in this order.
            agent: answers one conversation at a time, or in batches.
        """
        started = time.perf_counter()
        rollout = asyncio.run(self._run(tasks, agent))
        rollout.seconds = time.perf_counter() - started
        return rollout

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

    async def _run(self, tasks: Sequence[EpisodeTask], agent: Agent | BatchAgent) -> Rollout:
        images = ImageStore()
        server: Any = Batcher(agent, self.config.lockstep) if hasattr(agent, "act_batch") else agent
        slots: asyncio.Queue[EnvironmentHandle] = asyncio.Queue()
        if self._pool:
            await self._pool.attach()
            for handle in self._pool.handles():
                slots.put_nowait(handle)
        else:
            while len(self._hosts) < min(self.config.live, len(tasks)):
                self._hosts.append(EnvironmentHost(self.config.record_state_keys))
            for host in self._hosts[: min(self.config.live, len(tasks))]:
                slots.put_nowait(_Local(host))
        retried = 0

        async def play(key: int, task: EpisodeTask) -> Trajectory:
            nonlocal retried
            for attempt in range(self.config.retries + 1):
                handle = await slots.get()
                try:
                    trajectory = await self._episode(key, task, handle, server, images)
                finally:
                    slots.put_nowait(handle)
                if trajectory.status is not Status.ENV_ERROR:
                    break
                logger.warning("episode %d of %s failed (attempt %d): %s", key, task.env_id, attempt + 1, trajectory.error)
                retried += attempt < self.config.retries
            return trajectory

        try:
            trajectories = await asyncio.gather(*(play(key, task) for key, task in enumerate(tasks)))
        finally:
            if self._pool:
                self._pool.detach()
        return Rollout(list(trajectories), images, retried=retried)

    async def _episode(
        self, key: int, task: EpisodeTask, handle: EnvironmentHandle, agent: Any, images: ImageStore
    ) -> Trajectory:
        trajectory = Trajectory(task)
        conversation: Conversation | None = None
        begin = getattr(agent, "begin", None)
        if begin:
            begin(key)
        try:
            start = await handle.reset(task)
            conversation = Conversation(key, task, start.space, environment=handle)
            conversation.messages += opening(start.instruction, start.space, self.config.format, self.config.prompt)
            trajectory.info = {name: start.first.info[name] for name in ("level", "split", "expert_steps")}
            result = start.first
            while not (result.terminated or result.truncated):
                conversation.messages.append(user_message(result.content))
                before = time.perf_counter()
                response = await agent.act(conversation)
                if response.exhausted:
                    trajectory.status = Status.TRUNCATED
                    if trajectory.turns:
                        trajectory.turns[-1].truncated = True
                    return trajectory
                answer = {"role": "assistant", "content": [{"type": "text", "text": response.text}]}
                conversation.messages.append(answer)
                asked, answered = result.state_key, time.perf_counter()
                result = await handle.step(self._action(response, start.space))
                if result.info["error"]:
                    return _failed(trajectory, result.info["error"])
                turn = _turn(response, result, asked, images)
                turn.seconds_model, turn.seconds_env = answered - before, time.perf_counter() - answered
                trajectory.turns.append(turn)
            trajectory.success = bool(result.info["success"])
            trajectory.status = Status.TERMINATED if result.terminated else Status.TRUNCATED
            shown = [part["image"] for part in result.content if part["type"] == "image"]
            trajectory.final_image = images.add(shown[-1]) if shown else None
            return trajectory
        except WorkerFailure as error:
            return _failed(trajectory, str(error))
        finally:
            if conversation is not None:
                agent.end(conversation)
            if begin:
                agent.finish(key)

    def _action(self, response: Response, space: ToolSpace) -> Any:
        if response.action is not None:
            return response.action
        try:
            calls = parse(response.text, space, self.config.format)
        except ValueError as problem:
            return InvalidAction(str(problem))
        return calls[0] if space.max_calls == 1 else calls


def _turn(response: Response, result: StepResult, state_key: str, images: ImageStore) -> Turn:
    for pixels in response.pixels:
        images.add(pixels)
    return Turn(
        prompt_ids=_NO_IDS if response.prompt_ids is None else response.prompt_ids,
        images=response.images,
        sampled_ids=_NO_IDS if response.sampled_ids is None else response.sampled_ids,
        logprobs=_NO_LOGPROBS if response.logprobs is None else response.logprobs,
        extends=response.extends,
        text=response.text,
        version=response.version,
        state_key=state_key,
        reward=result.reward,
        terms=terms_of(result.info),
        feedback=result.info["feedback"],
        terminated=result.terminated,
        truncated=result.truncated,
    )


def _failed(trajectory: Trajectory, error: str) -> Trajectory:
    trajectory.status, trajectory.error, trajectory.success = Status.ENV_ERROR, error, False
    return trajectory
