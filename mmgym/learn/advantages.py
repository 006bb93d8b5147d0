"""Advantages: who gets what credit. Pure functions from returns to one number per trajectory."""

from __future__ import annotations

import numpy as np

__all__ = ["group_relative"]


def group_relative(
    returns: np.ndarray, groups: np.ndarray, epsilon: float = 1e-4, normalise: bool = True
) -> np.ndarray:
    """GRPO (arXiv 2402.03300): A_i = (R_i - mean) / (std + epsilon) within the group, std unbiased (ddof = 1).

    A group of one, or of equal returns, gives 0.

    Args:
        returns: float64 (n,), the return of each trajectory.
        groups: int (n,), the group of each trajectory.
        epsilon: keeps the quotient finite.
        normalise: False gives Dr.GRPO's A_i = R_i - mean (arXiv 2503.20783).

    Returns:
        float64 (n,).
    """
    advantages = np.zeros(len(returns), np.float64)
    for group in np.unique(groups):
        members = groups == group
        centred = returns[members] - returns[members].mean()
        spread = returns[members].std(ddof=1) if members.sum() > 1 else 0.0
        if spread > 1e-9:
            advantages[members] = centred / (spread + epsilon) if normalise else centred
    return advantages
