"""The real executor with environments and models that only take their time, in virtual time.

A worker holds one environment and takes as long for a reset or a step as a recorded one did. A replica answers all that
wait for it in one batch, which takes as long as a recorded one of that size. The driver's code is the real one; what
messages cost it beside that is added as measured.
"""

from __future__ import annotations

import asyncio
import collections
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.scaling.virtual_time import VirtualLoop
from mmgym.agent import Conversation, Response
from mmgym.messages import observation_content
from mmgym.rollout import Executor, Opening, RolloutConfig, StepResult
from mmgym.rollout.players import Players
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore, Trajectory

__all__ = ["Latencies", "Setting", "simulate"]

_PICTURES = 32
"""Different pictures that environments show."""


@dataclass(frozen=True)
class Latencies:
    """What was recorded, in seconds."""

    reset: list[float]
    """Quantiles of resets, from the smallest to the largest, equally spaced."""
    step: list[float]
    """The same of steps."""
    turns: list[int]
    """Turns of each recorded episode."""
    picture: tuple[int, int]
    """Height and width of the pictures."""
    batches: dict[int, float]
    """What a batch of so many answers takes."""
    message: float
    """What a request to an environment costs the driver, beside the executor's code."""
    answer: float
    """What a request to a replica costs it."""

    def batch(self, size: int) -> float:
        """What a batch takes: between those that were recorded in proportion, above the largest in several."""
        sizes = sorted(self.batches)
        whole, rest = divmod(size, sizes[-1])
        one = float(np.interp(rest, [0, *sizes], [0.0, *(self.batches[s] for s in sizes)])) if rest else 0.0
        return whole * self.batches[sizes[-1]] + max(one, self.batches[sizes[0]] if rest else 0.0)


@dataclass(frozen=True)
class Setting:
    """One point of a curve."""

    workers: int
    replicas: int
    driver: bool = True
    """Whether the driver's own time counts."""


class _Pool:
    """Environments that take their time; to the executor a pool of workers."""

    def __init__(self, latencies: Latencies, workers: int, rng: np.random.Generator):
        self.latencies, self.rng = latencies, rng
        self.busy = 0.0
        height, width = latencies.picture
        self.pictures = [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(_PICTURES)]
        self.references = {id(picture): ImageRef.of(picture) for picture in self.pictures}
        env: Any = gym.make("mmgym/FrozenLake-v0", disable_env_checker=True)
        observation, self.info = env.reset(seed=0)
        self.space, self._content = env.unwrapped.action_space, observation_content(env.observation_space, observation)
        env.close()
        self._handles = [_Handle(self) for _ in range(workers)]

    async def attach(self) -> None: ...

    def detach(self) -> None: ...

    def close(self) -> None: ...

    def handles(self) -> list[_Handle]:
        return self._handles

    async def take(self, quantiles: list[float]) -> None:
        """Work as long as something recorded."""
        seconds = float(np.interp(self.rng.random(), np.linspace(0, 1, len(quantiles)), quantiles))
        self.busy += seconds
        await asyncio.sleep(seconds)
        _charge(self.latencies.message)

    def result(self, truncated: bool = False) -> StepResult:
        picture = self.pictures[int(self.rng.integers(_PICTURES))]
        content = [{**part, "image": picture} if part["type"] == "image" else part for part in self._content]
        return StepResult(content, truncated=truncated, info=dict(self.info))


class _Handle:
    def __init__(self, pool: _Pool):
        self._pool, self._left = pool, 0

    async def reset(self, task: EpisodeTask) -> Opening:
        pool = self._pool
        self._left = int(pool.rng.choice(pool.latencies.turns))
        await pool.take(pool.latencies.reset)
        return Opening(pool.result(), "", pool.space)

    async def step(self, action: Any) -> StepResult:
        self._left -= 1
        await self._pool.take(self._pool.latencies.step)
        return self._pool.result(truncated=self._left <= 0)


class _Engine:
    """Replicas that answer in batches; to the executor an agent."""

    def __init__(self, pool: _Pool, replicas: int):
        self._pool = pool
        self._waiting: list[list[asyncio.Future[None]]] = [[] for _ in range(replicas)]
        self._working = [False] * replicas
        self._episodes = [0] * replicas
        self._seat: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.busy = 0.0
        self.batches: collections.Counter[int] = collections.Counter()
        self._ids = np.arange(20, dtype=np.int32)
        self._logprobs = np.zeros(4, np.float32)

    async def act(self, conversation: Conversation) -> Response:
        replica = self._seat.get(conversation.key)
        if replica is None:
            replica = self._seat[conversation.key] = int(np.argmin(self._episodes))
            self._episodes[replica] += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[replica].append(future)
        if not self._working[replica]:
            self._working[replica] = True
            task = asyncio.get_running_loop().create_task(self._work(replica))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await future
        _charge(self._pool.latencies.answer)
        shown = [part["image"] for part in conversation.messages[-1]["content"] if part["type"] == "image"]
        return Response(
            "<action>up</action>",
            prompt_ids=self._ids,
            images=tuple(self._pool.references[id(picture)] for picture in shown),
            pixels=tuple(shown),
            sampled_ids=self._ids[:4],
            logprobs=self._logprobs,
        )

    def end(self, conversation: Conversation) -> None:
        self._episodes[self._seat.pop(conversation.key)] -= 1

    async def _work(self, replica: int) -> None:
        while self._waiting[replica]:
            batch, self._waiting[replica] = self._waiting[replica], []
            seconds = self._pool.latencies.batch(len(batch))
            self.busy += seconds
            self.batches[len(batch)] += 1
            await asyncio.sleep(seconds)
            for future in batch:
                future.set_result(None)
        self._working[replica] = False


def simulate(latencies: Latencies, setting: Setting, seed: int = 0, episodes: int = 0) -> dict[str, float]:
    """Play episodes; returns episodes per virtual second, and the shares of time in which each part works.

    Args:
        latencies: what was recorded.
        setting: how many workers and replicas.
        seed: of the latencies that are drawn.
        episodes: how many; 0 plays 4 for each worker, and at least 200.
    """
    rng = np.random.default_rng(seed)
    count = episodes or max(200, 4 * setting.workers)
    executor = Executor(RolloutConfig(format="tag", prompt="minimal", lockstep=False))
    pool = _Pool(latencies, setting.workers, rng)
    executor._pool = pool  # type: ignore[assignment]
    engine = _Engine(pool, setting.replicas)
    loop = VirtualLoop(float(setting.driver))
    ended: list[float] = []

    def note(key: int, trajectory: Trajectory, images: ImageStore) -> bool:
        ended.append(loop.time())
        return False

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        tasks = [EpisodeTask("simulated", index) for index in range(count)]
        rollout = runner.run(executor._run(tasks, Players(engine, {}, executor.config.lockstep, 0.0), note))
        total, computed = loop.time(), loop.computed
    messages = sum(len(trajectory.turns) + 1 for trajectory in rollout.trajectories)
    answers = messages - count
    charged = messages * latencies.message + answers * latencies.answer
    # from the first tenth to the first nine tenths: neither all begin, nor do the last ones end
    first, last = ended[count // 10], ended[-1 - count // 10]
    return {
        "episodes_per_second": (count - 2 * (count // 10) - 1) / (last - first),
        "workers_busy": pool.busy / total / setting.workers,
        "replicas_busy": engine.busy / total / setting.replicas,
        "driver_busy": (computed + charged) / total if setting.driver else 0.0,
        "mean_batch": answers / sum(engine.batches.values()),
        "driver_us_per_turn": 1e6 * (computed + charged) / answers if setting.driver else 0.0,
    }


def _charge(seconds: float) -> None:
    """What costs the driver time beside the code that runs here; where code takes no time, this takes none."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop) and loop.counts:
        loop.skip(seconds)
