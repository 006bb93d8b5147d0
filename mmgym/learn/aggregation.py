"""Aggregation: how a mean over ragged trajectories is taken.

Libraries give one loss name to different averages, and a mean over the tokens of a micro-batch depends on how the step
was cut. Here an average is a weight for each token, known from whole trajectories before anything is cut, and one
normaliser for the whole optimizer step: the gradient is the same for any micro-batches, processes or segments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["AGGREGATIONS", "aggregation_weights", "check_aggregation"]

AGGREGATIONS: dict[str, str] = {
    "global_token_mean": "sum over all tokens / number of all tokens",
    "trajectory_mean": "mean over trajectories of (mean over the trajectory's tokens)",
    "turn_mean": "mean over all turns of (mean over the turn's tokens)",
    "trajectory_sum": "mean over trajectories of (sum over the trajectory's tokens)",
    "constant": "mean over trajectories of (sum over the trajectory's tokens / constant)",
}
"""Each average by its formula. Only what was sampled counts: a turn or trajectory without sampled tokens is left out of
the means over turns or trajectories."""


def check_aggregation(name: str, constant: float) -> None:
    """Raise a ValueError for what `aggregation_weights` does not know."""
    if name not in AGGREGATIONS:
        raise ValueError(f"aggregation must be one of {', '.join(AGGREGATIONS)}; got {name!r}")
    if not 0 < constant < math.inf:
        raise ValueError(f"aggregation_constant must be above 0; got {constant}")


def aggregation_weights(
    tokens: Sequence[np.ndarray], name: str, constant: float = 1024.0
) -> tuple[list[np.ndarray], np.ndarray]:
    """The weight of each token, and what each trajectory adds to the normaliser.

    The average of l is (sum over tokens of weight x l) / (sum over trajectories of their normalisers); both sums run
    over all trajectories of the optimizer step, also over those whose advantage is 0.

    Args:
        tokens: per trajectory int (turns,): the number of sampled tokens of each turn (0 is allowed).
        name: a key of `AGGREGATIONS`.
        constant: of the average ``constant`` (Dr.GRPO, arXiv 2503.20783: the token budget of a trajectory).

    Returns:
        weights: per trajectory float64 (sampled tokens,), in order of turns.
        normalisers: float64 (trajectories,).
    """
    check_aggregation(name, constant)
    weights, normalisers = [], np.zeros(len(tokens), np.float64)
    for index, turns in enumerate(tokens):
        total, spoken = int(np.sum(turns)), int(np.count_nonzero(turns))
        if name == "turn_mean":
            weights.append(np.repeat(1 / np.maximum(turns, 1).astype(np.float64), turns))
        else:
            each = {"trajectory_mean": 1 / max(total, 1), "constant": 1 / constant}.get(name, 1.0)
            weights.append(np.full(total, each, np.float64))
        normalisers[index] = {"global_token_mean": total, "turn_mean": spoken}.get(name, min(total, 1))
    return weights, normalisers
