"""What a set of episodes says: success with its interval, length, validity, return.

Episodes that the machinery spoilt (`Status.ENV_ERROR`) say nothing about an agent: they are counted apart and enter
no other number.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist, fmean
from typing import Any

from mmgym.trajectory import Status, Trajectory

__all__ = ["summarise_episodes", "wilson"]


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a success rate (Wilson 1927), without continuity correction.

    Unlike the normal approximation it stays within 0 and 1, and has a width at 0 and n successes too.

    Args:
        successes: number of successes, 0 to n; no whole one where a success is the mean of several.
        n: number of independent episodes, at least 1.
        confidence: probability that the interval covers the true rate, above 0 and below 1.

    Returns:
        The interval's ends, 0 <= low <= successes / n <= high <= 1.

    Raises:
        ValueError: for a number outside these ranges.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1 episode; got {n}")
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be from 0 to n = {n}; got {successes}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1; got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, scale = successes / n, 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At 0 and n successes one end is the rate itself; rounding must not put it beyond.
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))


def summarise_episodes(trajectories: Sequence[Trajectory]) -> dict[str, Any]:
    """Numbers of one agent over some episodes, as plain data.

    Args:
        trajectories: played episodes; those with `Status.ENV_ERROR` are only counted.

    Returns:
        ``success`` (share of episodes), ``low`` and ``high`` (its 95 % Wilson interval), ``episodes`` (how many
        count), ``lost`` (share of episodes that terminated without success), ``turns`` (mean per episode),
        ``valid_turns`` (share of all turns whose action was valid; 0 when no turn was made), ``return`` (mean sum of
        rewards), ``failed`` (episodes that the machinery spoilt), ``terms`` (by name, the mean per episode of the sum
        of each term and measure).

    Raises:
        ValueError: when no episode counts, or a turn lacks the term ``valid``.
    """
    counted = [trajectory for trajectory in trajectories if trajectory.status is not Status.ENV_ERROR]
    failed = len(trajectories) - len(counted)
    if not counted:
        raise ValueError(f"no episode to summarise: got {len(trajectories)}, {failed} failed ({_why(trajectories)})")
    turns = [turn for trajectory in counted for turn in trajectory.turns]
    if any("valid" not in turn.terms for turn in turns):
        raise ValueError("every turn needs the term 'valid' (1.0 or 0.0), as the executor records it")
    solved = sum(trajectory.success for trajectory in counted)
    low, high = wilson(solved, len(counted))
    return {
        "success": solved / len(counted),
        "low": low,
        "high": high,
        "episodes": len(counted),
        "lost": fmean(t.status is Status.TERMINATED and not t.success for t in counted),
        "turns": len(turns) / len(counted),
        "valid_turns": fmean(turn.terms["valid"] for turn in turns) if turns else 0.0,
        "return": fmean(trajectory.episode_return for trajectory in counted),
        "failed": failed,
        "terms": {
            name: sum(turn.terms.get(name, 0.0) for turn in turns) / len(counted)
            for name in sorted({name for turn in turns for name in turn.terms})
        },
    }


def _why(trajectories: Sequence[Trajectory]) -> str:
    return next((trajectory.error for trajectory in trajectories if trajectory.error), "no error was recorded")
