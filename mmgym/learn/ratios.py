"""Ratios between two policies at the level of tokens, turns or trajectories.

Above the token, the log-ratio is a mean over tokens (the ratio is a geometric mean), never a sum: a drift of .01 a
token is a factor of 22,000 in the product over a thousand tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["LARGEST", "LEVELS", "level_log_ratios", "level_means", "ratio_with_gradient", "unit_means"]

LEVELS = ("token", "turn", "trajectory")
LARGEST = 20.0
"""Log-ratios are cut to this size before they are exponentiated: infinity times an advantage of 0 is not a number."""


def level_means(values: np.ndarray, turns: np.ndarray, level: str) -> np.ndarray:
    """The mean of each token's unit, for one whole trajectory.

    Args:
        values: float (sampled tokens,), in order of turns.
        turns: int (turns,): the number of sampled tokens of each turn.
        level: ``token``, ``turn`` or ``trajectory``.

    Returns:
        float64 (sampled tokens,).

    Raises:
        ValueError: for another level, or where the turns hold another number of tokens than there are values.
    """
    if level not in LEVELS:
        raise ValueError(f"the level must be one of {', '.join(LEVELS)}; got {level!r}")
    if int(np.sum(turns)) != len(values):
        raise ValueError(f"the turns hold {int(np.sum(turns))} sampled tokens, but there are {len(values)} values")
    values = np.asarray(values, np.float64)
    if level == "token" or not len(values):
        return values
    if level == "trajectory":
        return np.full(len(values), values.mean())
    owner = np.repeat(np.arange(len(turns)), turns)
    return (np.bincount(owner, values, len(turns)) / np.maximum(turns, 1))[owner]


def level_log_ratios(
    current: Sequence[np.ndarray], old: Sequence[np.ndarray], tokens: Sequence[np.ndarray], level: str
) -> list[np.ndarray]:
    """The log-ratio of each token's unit, for whole trajectories.

    For trajectories that are spread over several rows: `current` then comes from a pass without gradient.

    Args:
        current: per trajectory float (sampled tokens,), log-probabilities under the one policy.
        old: the same under the other.
        tokens: per trajectory int (turns,): the number of sampled tokens of each turn.
        level: ``token``, ``turn`` or ``trajectory``.

    Returns:
        Per trajectory float64 (sampled tokens,).
    """
    return [
        level_means(np.asarray(one, np.float64) - other, turns, level)
        for one, other, turns in zip(current, old, tokens, strict=True)
    ]


def unit_means(values: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """The mean of each token's unit, within a micro-batch.

    Args:
        values: (tokens,).
        unit: (tokens,): a number for the turn or trajectory of each token; integers in any type.

    Returns:
        (tokens,), of the type of `values`.
    """
    _, place, count = torch.unique(unit, return_inverse=True, return_counts=True)
    total = torch.zeros(len(count), dtype=values.dtype, device=values.device).index_add(0, place, values)
    return (total / count)[place]


def ratio_with_gradient(log_ratio: torch.Tensor, logprobs: torch.Tensor) -> torch.Tensor:
    """exp(log-ratio), with the gradient of a ratio in each token's own log-probability.

    The value is s = exp(log_ratio) at its level; the derivative by the token's log-probability is s. A unit of k tokens
    has d s / d log pi_t = s / k, so that a sum over its tokens has k times the gradient of s: weights of 1 / k (the
    averages ``trajectory_mean`` and ``turn_mean``) give GSPO's objective exactly (arXiv 2507.18071, the token form).

    Args:
        log_ratio: (tokens,), no gradient passes through it.
        logprobs: (tokens,), with gradient.
    """
    value = log_ratio.detach().clamp(-LARGEST, LARGEST).exp()
    return value * (logprobs - logprobs.detach()).exp()
