"""Losses: what each token pays. Pure functions from a small dataclass of tensors to a sum over tokens.

Every loss returns a plain sum; the learner divides it by the normaliser of the whole optimizer step, so that the
gradient does not depend on how the step was cut into micro-batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["LossOutput", "TokenBatch", "clipped_policy_loss", "likelihood_loss"]


@dataclass
class TokenBatch:
    """The trained tokens of a micro-batch; every tensor is float32 (tokens,)."""

    logprobs: torch.Tensor
    """Log-probability under the current weights, with gradient."""
    entropy: torch.Tensor
    """Entropy of the current distribution at each token, with gradient."""
    values: dict[str, torch.Tensor]
    """What was noted of each token when its row was made (see `mmgym.learn.packing`)."""


@dataclass
class LossOutput:
    """A sum over tokens, and sums to be reported."""

    total: torch.Tensor
    metrics: dict[str, torch.Tensor]
    """Sums over tokens, divided by the same normaliser in reports; names starting with ``max_`` are maxima."""


def clipped_policy_loss(batch: TokenBatch, clip_low: float, clip_high: float, entropy_bonus: float = 0.0) -> LossOutput:
    """PPO's clipped surrogate, per token: - min(r A, clip(r, 1 - clip_low, 1 + clip_high) A).

    Rows that were sampled several times are merged: ``positive`` and ``negative`` hold the sums of their positive and
    negative advantages (the clip treats the two differently, so they are kept apart and the result is exact) and
    ``count`` how many there were.

    Args:
        batch: with values ``behaviour`` (log-probability when sampled), ``positive``, ``negative``, ``count``.
        clip_low: how far the ratio may fall below 1.
        clip_high: how far it may rise above 1 (above `clip_low` in DAPO's clip-higher, arXiv 2503.14476).
        entropy_bonus: weight of the entropy, summed over tokens.
    """
    values = batch.values
    difference = batch.logprobs - values["behaviour"]
    ratio = difference.exp()
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    gain = torch.minimum(ratio * values["positive"], clipped * values["positive"])
    gain = gain + torch.minimum(ratio * values["negative"], clipped * values["negative"])
    with torch.no_grad():
        outside = ((ratio > 1 + clip_high) & (values["positive"] > 0)) | (
            (ratio < 1 - clip_low) & (values["negative"] < 0)
        )
        metrics = {
            "clip_fraction": (outside * values["count"]).sum(),
            "kl": ((ratio - 1 - difference) * values["count"]).sum(),
            "entropy": (batch.entropy * values["count"]).sum(),
            "max_logprob_difference": difference.abs().max(),
        }
    return LossOutput(-gain.sum() - entropy_bonus * (batch.entropy * values["count"]).sum(), metrics)


def likelihood_loss(batch: TokenBatch) -> LossOutput:
    """Weighted negative log-likelihood, per token: - weight * log pi.

    Args:
        batch: with value ``weight``.
    """
    weight = batch.values["weight"]
    with torch.no_grad():
        metrics = {"negative_logprob": -(batch.logprobs * weight).sum()}
    return LossOutput(-(batch.logprobs * weight).sum(), metrics)
