"""Held-out evaluation: the same seeds for every agent, success with its 95 % interval."""

from __future__ import annotations

from typing import Any

from mmgym.agent import Agent, BatchAgent
from mmgym.learn.config import EnvironmentConfig
from mmgym.learn.distributed import World
from mmgym.rollout import Executor, Rollout
from mmgym.stats import summarise_episodes
from mmgym.trajectory import EpisodeTask

__all__ = ["HELD_OUT_SEED", "evaluate"]

HELD_OUT_SEED = 10_000_000
"""First seed of evaluations; training draws below it."""


def evaluate(
    agent: Agent | BatchAgent,
    executor: Executor,
    world: World,
    environment: EnvironmentConfig,
    *,
    split: str,
    episodes: int,
    task: str = "",
    kwargs: dict[str, Any] | None = None,
    wrappers: tuple[str, ...] = (),
    noise: int = 0,
) -> tuple[dict[str, Any], Rollout]:
    """Play `episodes` held-out episodes, shared by all processes.

    Args:
        agent: who plays.
        executor: where.
        world: the processes.
        environment: which environment.
        split: its split.
        episodes: how many; episode i has seed `HELD_OUT_SEED` + i.
        task: ``options["task"]``, if not empty.
        kwargs: constructor arguments that differ from the environment's.
        wrappers: further wrappers.
        noise: key of the sampling noise.

    Returns:
        The summary over all processes (see `mmgym.stats.summarise_episodes`), and this process's episodes.
    """
    options: dict[str, Any] = {"split": split} | ({"task": task} if task else {})
    arguments = {**environment.kwargs, **(kwargs or {})}
    tasks = [
        EpisodeTask(
            environment.id,
            HELD_OUT_SEED + index,
            kwargs=arguments,
            options=options,
            wrappers=environment.wrappers + wrappers,
            group=index,
            noise=noise,
        )
        for index in range(episodes)
    ]
    rollout = executor.run(world.share(tasks), agent)
    return summarise_episodes(world.interleave(rollout.trajectories)), rollout
