"""The episodes of a training step: which are played, which of them are used, and what they were like."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmgym.learn.config import MixedEnvironment, TrainConfig
from mmgym.learn.distributed import World
from mmgym.learn.experience import Curriculum
from mmgym.learn.self_play import seat_tasks
from mmgym.rollout import Rollout
from mmgym.trajectory import EpisodeTask, Status, Trajectory

__all__ = ["describe", "noise_key", "success_by_environment", "training_tasks", "whole_groups"]

logger = logging.getLogger(__name__)


def noise_key(seed: int, stage: int, step: int) -> int:
    """Key of the sampling noise of a step."""
    return (seed * 8 + stage) * 1_000_000 + step


def training_tasks(
    config: TrainConfig,
    world: World,
    *,
    stage: int,
    step: int,
    groups: int,
    size: int,
    first: int = 0,
    curriculum: Curriculum | None = None,
) -> list[EpisodeTask]:
    """This process's share of the groups of a step; what a group plays is drawn from seed, stage, step and number.

    Args:
        config: the run.
        world: the processes.
        stage: number of the stage.
        step: number of the step.
        groups: how many groups.
        size: trajectories in each.
        first: number of the first group.
        curriculum: draws environment and level; without, environments are drawn by their shares.
    """
    tasks: list[EpisodeTask] = []
    for group in world.share(range(first, first + groups)):
        key = [config.seed, stage, step, group]
        environment, level = _environment(config, curriculum, [config.seed, 6, stage, step, group])
        if stage == 2 and config.grpo.gathering.pool:
            instance = int(np.random.default_rng(key).integers(config.grpo.gathering.pool))
            key = [config.seed, 10, instance]
        names, shares = list(environment.tasks), np.array(list(environment.tasks.values()))
        rng = np.random.default_rng(key)
        options: dict[str, Any] = {"split": "train"}
        if names:
            options["task"] = names[rng.choice(len(names), p=shares / shares.sum())]
        seed = int(rng.integers(10_000_000))
        if level is not None:
            options["level"] = level
        tasks += [
            EpisodeTask(
                environment.id,
                seed,
                kwargs=environment.kwargs,
                options=options,
                wrappers=environment.wrappers,
                group=group,
                member=member,
                noise=noise_key(config.seed, stage, step),
            )
            for member in range(size)
        ]
    return seat_tasks(tasks, config)


def _environment(
    config: TrainConfig, curriculum: Curriculum | None, key: list[int]
) -> tuple[MixedEnvironment, int | None]:
    """Environment and level of a group."""
    if curriculum:
        arm = curriculum.draw(np.random.default_rng(key))
        return next(e for e in config.environments if e.id == arm.environment), arm.level
    number = 0
    if len(config.environments) > 1:
        portions = np.array([environment.share for environment in config.environments])
        number = int(np.random.default_rng(key).choice(len(portions), p=portions / portions.sum()))
    return config.environments[number], None


def whole_groups(rollout: Rollout, world: World, needed: bool = True) -> list[Trajectory]:
    """This process's trajectories of whole groups, without those of other players.

    A group that lost a member to the machinery is dropped and counted.

    Args:
        rollout: what was played.
        world: the processes.
        needed: whether there are no other groups to learn from.

    Raises:
        RuntimeError: in every process, when groups are needed and none of any process is whole, or no episode has a
            turn.
    """
    groups = {t.task.group for t in rollout.trajectories}
    errors = {t.task.group: t.error for t in rollout.trajectories if t.status is Status.ENV_ERROR}
    usable = [t for t in rollout.trajectories if t.task.group not in errors and t.turns and not t.task.player]
    reason = next(iter(errors.values()), "")
    parts = world.gather((len(groups), len(errors), len(usable), reason))
    total, broken, used = (sum(column) for column in zip(*(part[:3] for part in parts), strict=True))
    if needed and broken == total:
        example = next(part[3] for part in parts if part[3])
        raise RuntimeError(f"every group lost an episode to the machinery, e.g. {example}")
    if needed and not used:
        raise RuntimeError("no episode has a turn: the first prompt is longer than the model's context")
    if errors:
        logger.warning("%d groups dropped: their environments failed (%s)", len(errors), reason)
    return usable


def success_by_environment(usable: Sequence[Trajectory], config: TrainConfig, world: World) -> dict[str, float]:
    """Share of successes in each environment of a mixture that was played, as ``success/<name>``."""
    if not config.mixture:
        return {}
    played = [[float(t.success) for t in usable if t.task.env_id == e.id] for e in config.environments]
    parts = world.gather([(sum(ends), len(ends)) for ends in played])
    totals = np.sum(parts, axis=0)
    pairs = zip(config.environments, totals.tolist(), strict=True)
    return {f"success/{environment.name}": wins / count for environment, (wins, count) in pairs if count}


def describe(rollout: Rollout, usable: Sequence[Trajectory], returned: float, world: World) -> dict[str, float]:
    """What the episodes of all processes were like.

    Args:
        rollout: all that this process played.
        usable: those of whole groups.
        returned: the sum of their returns.
        world: the processes.

    Returns:
        ``success``, ``return``, ``turns`` (means per usable episode), ``valid_turns`` (share of turns), and counts:
        ``episodes``, ``tokens`` (sampled), ``env_errors`` (episodes that the machinery spoilt), ``retried`` (episodes
        that were played again because it had).
    """
    valid = [turn.terms["valid"] for t in usable for turn in t.turns]
    mine = [
        float(sum(t.success for t in usable)),
        returned,
        float(sum(valid)),
        float(len(valid)),
        float(len(usable)),
        float(sum(t.sampled_tokens for t in usable)),
        float(rollout.failed),
        float(rollout.retried),
    ]
    success, reward, valid_turns, turns, episodes, tokens, failed, retried = np.sum(world.gather(mine), axis=0).tolist()
    return {
        "success": success / episodes,
        "return": reward / episodes,
        "valid_turns": valid_turns / turns,
        "turns": turns / episodes,
        "episodes": episodes,
        "tokens": tokens,
        "env_errors": failed,
        "retried": retried,
    }
