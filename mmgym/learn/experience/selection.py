"""Which groups and trajectories are learned from: dynamic sampling, and the filter of rejection sampling."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmgym.trajectory import EpisodeTask, Status, Trajectory

__all__ = ["RefillPlan", "answer_key", "only_successes", "refill_plan", "task_key"]


@dataclass(frozen=True)
class RefillPlan:
    """What dynamic sampling does next."""

    used: tuple[int, ...]
    """Indices of the groups that are learned from, ascending."""
    draw: int
    """Number of groups to play before the update; 0 to update now."""


def refill_plan(
    returns: Sequence[Sequence[float]], wanted: int, rounds: int, max_rounds: int = 3, least_spread: float = 1e-9
) -> RefillPlan:
    """Dynamic sampling (DAPO, arXiv 2503.14476): groups of equal returns are dropped and others played in their place.

    As many are drawn as should be needed at the rate at which groups were of use so far, between the number that is
    missing and `wanted`. It ends after `max_rounds`, with fewer groups than wanted or even none: a policy that always
    fails must not play for ever.

    Args:
        returns: of every group played for this update, in order, the return of each of its members.
        wanted: number of groups that the update should learn from, at least 1.
        rounds: how often groups were played for this update, the first time included, at least 1.
        max_rounds: how often they may be.
        least_spread: difference between highest and lowest return above which a group is of use.

    Raises:
        ValueError: for a number outside these ranges, or an empty group.
    """
    if wanted < 1 or rounds < 1 or max_rounds < 1:
        raise ValueError(f"wanted, rounds and max_rounds must be at least 1; got {wanted}, {rounds} and {max_rounds}")
    if not all(returns):
        raise ValueError("every group must have members; got an empty one")
    useful = [number for number, group in enumerate(returns) if max(group) - min(group) > least_spread]
    missing = wanted - len(useful)
    if missing <= 0 or rounds >= max_rounds:
        return RefillPlan(tuple(useful[:wanted]), 0)
    expected = math.ceil(missing * len(returns) / len(useful)) if useful else wanted
    return RefillPlan(tuple(useful), min(wanted, max(missing, expected)))


def only_successes(trajectories: Sequence[Trajectory], per_task: int = 0) -> list[Trajectory]:
    """The filter of rejection sampling: what a policy did right, for behaviour cloning of itself.

    Args:
        trajectories: episodes that were played.
        per_task: most of one task, the shortest first (turns, then sampled tokens, then order), so that easy tasks do
            not crowd out hard ones; 0 for all.

    Returns:
        Those that succeeded and have sampled tokens, in their order, each answer to a task once.
    """
    if per_task < 0:
        raise ValueError(f"per_task must be at least 0; got {per_task}")
    kept: dict[str, dict[tuple[bytes, ...], int]] = {}
    for number, trajectory in enumerate(trajectories):
        if trajectory.success and trajectory.status is not Status.ENV_ERROR and trajectory.sampled_tokens:
            kept.setdefault(task_key(trajectory.task), {}).setdefault(answer_key(trajectory), number)
    chosen: list[int] = []
    for answers in kept.values():
        numbers = sorted(
            answers.values(), key=lambda n: (len(trajectories[n].turns), trajectories[n].sampled_tokens, n)
        )
        chosen += numbers[:per_task] if per_task else numbers
    return [trajectories[number] for number in sorted(chosen)]


def task_key(task: EpisodeTask) -> str:
    """What two episodes of one task have in common: environment, seed, arguments, options and wrappers."""
    return json.dumps([task.env_id, task.seed, task.kwargs, task.options, task.wrappers], sort_keys=True, default=repr)


def answer_key(trajectory: Trajectory) -> tuple[bytes, ...]:
    """What two trajectories with the same sampled tokens have in common."""
    return tuple(turn.sampled_ids.tobytes() for turn in trajectory.turns)
