"""Preference pairs: the better trajectory of a group above the worse one (DPO, arXiv 2305.18290).

DPO's loss is - log sigmoid(beta (d_c - d_r)), where d is the sum over a trajectory's sampled tokens of log pi - log
pi_ref. Its gradient is linear in those of the log-probabilities, with a factor that a pass without gradient gives. The
learner then trains a weighted likelihood, exact however a trajectory is spread over rows and micro-batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["PreferenceTerms", "dpo_weights", "preference_pairs"]


@dataclass
class PreferenceTerms:
    """DPO's loss and gradient of some pairs; every array is float64 (pairs,)."""

    chosen: np.ndarray
    """Weight of the likelihood of every token of the better trajectory, above 0."""
    rejected: np.ndarray
    """The same of the worse one, below 0."""
    losses: np.ndarray
    """- log sigmoid(beta margin)."""
    margins: np.ndarray
    """d_c - d_r, in nats. The share above 0 is the accuracy of the pairs."""


def dpo_weights(chosen_log_ratios: np.ndarray, rejected_log_ratios: np.ndarray, beta: float) -> PreferenceTerms:
    """The weights with which `mmgym.learn.losses.likelihood_loss` has DPO's gradient at the present weights.

    The normaliser of the step is the number of pairs. A trajectory that is in several pairs has the sum of its weights.

    Args:
        chosen_log_ratios: float (pairs,): sum over the better trajectory's tokens of log pi - log pi_ref.
        rejected_log_ratios: the same of the worse one.
        beta: weight of the divergence from the reference, above 0.

    Raises:
        ValueError: for another beta.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be above 0; got {beta}")
    margins = np.asarray(chosen_log_ratios, np.float64) - np.asarray(rejected_log_ratios, np.float64)
    losses = np.logaddexp(0.0, -beta * margins)
    weight = beta * -np.expm1(-losses)  # 1 - sigmoid(m) = 1 - exp(-loss), without cancellation
    return PreferenceTerms(weight, -weight, losses, margins)


def preference_pairs(returns: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The best and the worst trajectory of each group.

    Args:
        returns: float (n,), the return of each trajectory.
        groups: int (n,), the group of each trajectory.

    Returns:
        int64 (pairs, 2): index of the best and of the worst, the first among equals, groups in ascending order. A group
        of equal returns gives no pair.
    """
    pairs = []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        best, worst = members[returns[members].argmax()], members[returns[members].argmin()]
        if returns[best] > returns[worst]:
            pairs.append((best, worst))
    return np.array(pairs, np.int64).reshape(-1, 2)
