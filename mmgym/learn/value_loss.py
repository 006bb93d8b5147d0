"""The loss of a critic: clipped squared error (arXiv 1707.06347 as its authors released it)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mmgym.learn.losses import LossOutput

__all__ = ["ValueBatch", "value_loss"]


@dataclass
class ValueBatch:
    """The trained tokens of a micro-batch as the critic sees them."""

    predictions: torch.Tensor
    """float32 (tokens,): value before each token under the current weights, with gradient."""
    values: dict[str, torch.Tensor]
    """``old_value``, ``target``, ``weight`` and ``count``, float32 (tokens,) each."""


def value_loss(batch: ValueBatch, clip: float = math.inf) -> LossOutput:
    """Per token: weight / 2 x max((v - target)^2, (clip(v, old - clip, old + clip) - target)^2).

    The error is not linear in the target: rows may be merged only where ``target`` and ``old_value`` are equal.

    Args:
        batch: with values ``old_value`` (the critic before the update; read only where there is a clip), ``target``,
            ``weight`` (of the aggregation) and ``count``.
        clip: how far a value may move from the old one, above 0.

    Returns:
        A sum over tokens; metrics ``value_error`` (sum of squared errors), ``value_clip_fraction``, and ``target`` and
        ``target_squared``, from which the explained variance follows.

    Raises:
        ValueError: for another clip, or where a value is missing.
    """
    if not clip > 0:
        raise ValueError(f"clip must be above 0; got {clip}")
    values = batch.values
    needed = ("target", "weight", "count", *(("old_value",) if clip < math.inf else ()))
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError(f"a value loss needs {', '.join(missing)}; the batch has {', '.join(values)}")
    target, count = values["target"], values["count"]
    error = (batch.predictions - target) ** 2
    worst = error
    if clip < math.inf:
        near = batch.predictions.clamp(values["old_value"] - clip, values["old_value"] + clip)
        worst = torch.maximum(error, (near - target) ** 2)
    with torch.no_grad():
        metrics = {
            "tokens": count.sum(),
            "value_error": (error * count).sum(),
            "value_clip_fraction": ((worst > error) * count).sum(),
            "target": (target * count).sum(),
            "target_squared": (target**2 * count).sum(),
        }
    return LossOutput((worst * values["weight"]).sum() / 2, metrics)
