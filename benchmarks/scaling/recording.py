"""Latencies and costs, recorded here: environments, the tiny model by batch size, what messages cost the driver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import mmgym
from mmgym.agent import Conversation, Response
from mmgym.messages import opening, user_message
from mmgym.rollout import EnvironmentHost, Executor, RolloutConfig
from mmgym.rollout.ray_actor import RayConfig, RayNeeds
from mmgym.rollout.ray_agent import RayReplicas
from mmgym.rollout.ray_pool import RayPool
from mmgym.rollout.workers import WorkerPool
from mmgym.trajectory import EpisodeTask, ImageRef
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.transformers_agent import Sampling, TransformersAgent

__all__ = ["Echo", "record_batches", "record_environment", "record_messages"]

_LAKE = "mmgym/FrozenLake-v0"
_QUANTILES = 51
_TOKENS = 4
"""Tokens of an answer, as the trained model of the demo writes it."""


def record_environment(env_id: str, kwargs: dict[str, Any], episodes: int, noise: float = 0.3) -> dict[str, Any]:
    """Quantiles of the seconds of resets and steps, turns of the episodes, and the size of the pictures.

    Args:
        env_id: Gymnasium id.
        kwargs: constructor arguments.
        episodes: how many are played, by the expert.
        noise: share of turns in which a random move is made instead.
    """
    host, rng = EnvironmentHost(), np.random.default_rng(0)
    host.reset(EpisodeTask(env_id, 10_000, kwargs=kwargs))  # makes it
    resets, steps, turns, shape = [], [], [], (0, 0)
    for seed in range(episodes):
        started = time.perf_counter()
        result = host.reset(EpisodeTask(env_id, seed, kwargs=kwargs)).first
        resets.append(time.perf_counter() - started)
        shape = next(part["image"] for part in result.content if part["type"] == "image").shape[:2]
        count = 0
        while not (result.terminated or result.truncated):
            action = host.random() if rng.random() < noise else host.expert()
            started = time.perf_counter()
            result = host.step(action)
            steps.append(time.perf_counter() - started)
            count += 1
        turns.append(count)
    host.close()
    return {
        "id": env_id,
        "kwargs": kwargs,
        "episodes": episodes,
        "reset": _quantiles(resets),
        "step": _quantiles(steps),
        "turns": turns,
        "picture": list(shape),
    }


def record_batches(sizes: Sequence[int]) -> dict[int, float]:
    """Seconds of a thread that a batch of answers of the demo's model takes, by its size; random weights."""
    vlm = build_tiny_vlm(TinyConfig(image_size=64, vision_hidden_size=64), ["up", "down", "left", "right", "action"])
    timed = _Timed(TransformersAgent(vlm, Sampling(max_new_tokens=_TOKENS, context="window(1)")))
    config = RolloutConfig(format="tag", prompt="minimal", live=max(sizes))
    with Executor(config) as executor:
        for size in (sizes[0], *sizes):  # the first time is for warming up
            kwargs = {"preset": "two_holes", "image_size": 64, "max_turns": 4}
            executor.run([EpisodeTask(_LAKE, seed, kwargs=kwargs, group=seed) for seed in range(size)], timed)
    return {size: float(np.median([seconds for count, seconds in timed.noted if count == size])) for size in sizes}


def record_messages(side: int, requests: int) -> dict[str, float]:
    """Processor seconds of the driver for a request, by who is asked: a local worker, an actor, a replica.

    Args:
        side: of the pictures that are sent.
        requests: how many.
    """
    room: tuple[int, int, float, dict[str, Any]] = (2, 8, 600.0, {})
    needs = RayNeeds(cpus=0.5)
    config = RayConfig(worker=needs, replicas=1, replica=needs, start_seconds=600)
    found = {}
    for name, pool in (("local", WorkerPool(*room)), ("ray", RayPool(*room, config))):
        found[name] = asyncio.run(_ask_workers(pool, side, requests))
        pool.close()
    replicas = RayReplicas(Echo, lambda: {}, config)
    found["replica"] = asyncio.run(_ask_replica(replicas.agent("echo"), side, requests))
    replicas.close()
    return found


async def _ask_workers(pool: WorkerPool | RayPool, side: int, requests: int) -> float:
    """The cost of a step, all of whose work is done in the worker."""
    await pool.attach()
    task = EpisodeTask(_LAKE, 1, kwargs={"image_size": side, "max_turns": 10_000})
    handles = pool.handles()
    await asyncio.gather(*(handle.reset(task) for handle in handles))
    started = time.process_time()

    async def ask(handle: Any) -> None:
        for _ in range(requests // len(handles)):
            await handle.step(mmgym.InvalidAction("none"))

    await asyncio.gather(*(ask(handle) for handle in handles))
    cost = (time.process_time() - started) / (requests // len(handles) * len(handles))
    pool.detach()
    return cost


async def _ask_replica(agent: Any, side: int, requests: int) -> float:
    """The cost of an answer to a message with a picture, all of whose work is done in the replica."""
    host = EnvironmentHost()
    task = EpisodeTask(_LAKE, 1, kwargs={"image_size": side})
    start = host.reset(task)
    conversations = [Conversation(key, task, start.space) for key in range(16)]
    for conversation in conversations:
        conversation.messages += opening(start.instruction, start.space, "tag", "minimal")

    async def ask(conversation: Conversation, count: int) -> None:
        for _ in range(count):
            conversation.messages.append(user_message(start.first.content))
            await agent.act(conversation)

    await asyncio.gather(*(ask(conversation, 1) for conversation in conversations))
    started, each = time.process_time(), requests // len(conversations)
    await asyncio.gather(*(ask(conversation, each) for conversation in conversations))
    return (time.process_time() - started) / (each * len(conversations))


class Echo:
    """A replica that answers at once, with the picture it was shown."""

    def __init__(self) -> None:
        self.agents = {"echo": self}

    def load(self, weights: dict[str, Any], version: int) -> None:
        """There are none."""

    async def act(self, conversation: Conversation) -> Response:
        """The answer."""
        shown = [part["image"] for part in conversation.messages[-1]["content"] if part["type"] == "image"]
        return Response("<action>up</action>", images=tuple(map(ImageRef.of, shown)), pixels=tuple(shown))

    def end(self, conversation: Conversation) -> None:
        """Nothing is kept."""


class _Timed:
    """An agent whose batches are timed."""

    def __init__(self, agent: Any):
        self._agent = agent
        self.noted: list[tuple[int, float]] = []

    def act_batch(self, conversations: Sequence[Conversation]) -> list[Response]:
        started = time.thread_time()
        responses = self._agent.act_batch(conversations)
        self.noted.append((len(conversations), time.thread_time() - started))
        return responses

    def end(self, conversation: Conversation) -> None:
        self._agent.end(conversation)


def _quantiles(seconds: Sequence[float]) -> list[float]:
    return [round(float(q), 7) for q in np.quantile(seconds, np.linspace(0, 1, _QUANTILES))]
