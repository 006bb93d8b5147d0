"""Correction for samples of another policy: the sampler's numbers are not quite the learner's, or it is older.

The learner's own log-probabilities before the update (``proximal``) are then the base of the ratio that is clipped, and
each token's gain is weighted with w = pi_proximal / pi_behaviour, cut or masked so that no token rules the step
(decoupled PPO, arXiv 2110.00641). Above the token, w is a geometric mean, never a product over many tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mmgym.learn.ratios import LARGEST, LEVELS, level_log_ratios

__all__ = ["CORRECTIONS", "check_correction", "correction_weights"]

CORRECTIONS = ("none", "truncate", "mask")


def check_correction(kind: str, level: str, cap: float, floor: float) -> None:
    """Raise a ValueError for what `correction_weights` does not know."""
    if kind not in CORRECTIONS:
        raise ValueError(f"correction must be one of {', '.join(CORRECTIONS)}; got {kind!r}")
    if level not in LEVELS:
        raise ValueError(f"correction_level must be one of {', '.join(LEVELS)}; got {level!r}")
    if not 1 <= cap < math.inf:
        raise ValueError(f"correction_cap must be at least 1; got {cap}")
    if not 0 <= floor <= 1:
        raise ValueError(f"correction_floor must be from 0 to 1; got {floor}")


def correction_weights(
    proximal: Sequence[np.ndarray],
    behaviour: Sequence[np.ndarray],
    tokens: Sequence[np.ndarray],
    kind: str,
    level: str = "token",
    cap: float = 2.0,
    floor: float = 0.0,
) -> list[np.ndarray]:
    """The weight of each token, from whole trajectories.

    Args:
        proximal: per trajectory float (sampled tokens,): log-probabilities of the learner before the update.
        behaviour: the same of the sampler.
        tokens: per trajectory int (turns,): the number of sampled tokens of each turn.
        kind: ``none`` (1 everywhere), ``truncate`` (min(w, cap)) or ``mask`` (w from floor to cap, 0 elsewhere).
        level: ``token``, ``turn`` or ``trajectory``.
        cap: at least 1.
        floor: from 0 to 1.

    Returns:
        Per trajectory float32 (sampled tokens,).

    Raises:
        ValueError: for a value that is not allowed, or where lengths do not fit.
    """
    check_correction(kind, level, cap, floor)
    weights = []
    for log_ratio in level_log_ratios(proximal, behaviour, tokens, level):
        weight = np.exp(np.clip(log_ratio, -LARGEST, LARGEST))
        if kind == "truncate":
            weight = np.minimum(weight, cap)
        elif kind == "mask":
            weight = np.where((weight >= floor) & (weight <= cap), weight, 0.0)
        else:
            weight = np.ones_like(weight)
        weights.append(weight.astype(np.float32))
    return weights
