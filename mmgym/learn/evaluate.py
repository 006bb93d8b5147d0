"""Held-out evaluation: the same seeds for every agent, success with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmgym.agent import Agent, BatchAgent
from mmgym.learn.config import MixedEnvironment
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
    environments: Sequence[MixedEnvironment],
    *,
    split: str,
    episodes: int,
    task: str = "",
    kwargs: dict[str, Any] | None = None,
    wrappers: tuple[str, ...] = (),
    noise: int = 0,
) -> tuple[dict[str, Any], Rollout]:
    """Play `episodes` held-out episodes of each environment, shared by all processes.

    Args:
        agent: who plays.
        executor: where.
        world: the processes.
        environments: which environments.
        split: its split.
        episodes: how many of each; episode i has seed `HELD_OUT_SEED` + i.
        task: ``options["task"]``, if not empty.
        kwargs: constructor arguments that differ from the environment's.
        wrappers: further wrappers.
        noise: key of the sampling noise.

    Returns:
        The summary over all processes (see `mmgym.stats.summarise_episodes`; of several environments also one each
        by name, under ``environments``), and this process's episodes.
    """
    options: dict[str, Any] = {"split": split} | ({"task": task} if task else {})
    tasks = [
        EpisodeTask(
            environment.id,
            HELD_OUT_SEED + index,
            kwargs={**environment.kwargs, **(kwargs or {})},
            options=options,
            wrappers=environment.wrappers + wrappers,
            group=number * episodes + index,
            noise=noise,
        )
        for number, environment in enumerate(environments)
        for index in range(episodes)
    ]
    rollout = executor.run(world.share(tasks), agent)
    played = world.interleave(rollout.trajectories)
    summary = summarise_episodes(played)
    if len(environments) > 1:
        summary["environments"] = {
            environment.name: summarise_episodes([t for t in played if t.task.group // episodes == number])
            for number, environment in enumerate(environments)
        }
    return summary, rollout
