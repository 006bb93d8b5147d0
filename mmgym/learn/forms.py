"""Forms of the surrogate: the gain of one token for an advantage of +1 and of -1.

Every published form is linear in the size of the advantage and depends on its sign only. The gain of a token that was
sampled several times is therefore exact from two sums, of its positive and of its negative advantages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mmgym.learn.loss_config import LossConfig

__all__ = ["FORMS", "FormInput", "Gain"]


@dataclass
class FormInput:
    """What a form may read; every tensor is (tokens,)."""

    ratio: torch.Tensor
    """Ratio of current and old policy at its level, with gradient (`mmgym.learn.ratios.ratio_with_gradient`)."""
    logprobs: torch.Tensor
    """Log-probability under the current weights, with gradient."""
    behaviour: torch.Tensor
    """Log-probability when sampled."""


@dataclass
class Gain:
    """Gains and where they are limited; every tensor is (tokens,)."""

    positive: torch.Tensor
    """What a positive advantage is multiplied by, with gradient."""
    negative: torch.Tensor
    """What a negative advantage is multiplied by, with gradient."""
    positive_limited: torch.Tensor
    """bool: the form holds back a positive advantage."""
    negative_limited: torch.Tensor
    """bool: the form holds back a negative advantage."""


def clip(given: FormInput, config: LossConfig) -> Gain:
    """PPO's clipped surrogate (arXiv 1707.06347), with the two widths of DAPO (2503.14476).

    min(r A, clip(r, 1 - low, 1 + high) A)
    """
    low, high, ratio = 1 - config.clip_low, 1 + config.clip_high, given.ratio
    return Gain(ratio.clamp(max=high), ratio.clamp(min=low), ratio > high, ratio < low)


def dual_clip(given: FormInput, config: LossConfig) -> Gain:
    """Dual-clip PPO (arXiv 1912.09729): for A < 0, max(min(r A, clip(r) A), c A)."""
    gain = clip(given, config)
    gain.negative = gain.negative.clamp(max=config.dual_clip)
    gain.negative_limited = gain.negative_limited | (given.ratio > config.dual_clip)
    return gain


def cispo(given: FormInput, config: LossConfig) -> Gain:
    """CISPO (arXiv 2506.13585): sg[clip(r, floor, cap)] A log pi. No token loses its gradient."""
    ratio = given.ratio.detach()
    gain = ratio.clamp(config.cispo_floor, config.cispo_cap) * given.logprobs
    outside = (ratio < config.cispo_floor) | (ratio > config.cispo_cap)
    return Gain(gain, gain, outside, outside)


def sapo(given: FormInput, config: LossConfig) -> Gain:
    """SAPO (arXiv 2511.20347): (4 / tau) sigmoid(tau (r - 1)) A, with a temperature for each sign. Nothing is cut."""
    never = torch.zeros_like(given.ratio, dtype=torch.bool)
    gains = [4 / tau * torch.sigmoid(tau * (given.ratio - 1)) for tau in (config.sapo_positive, config.sapo_negative)]
    return Gain(gains[0], gains[1], never, never)


def dppo_tv(given: FormInput, config: LossConfig) -> Gain:
    """DPPO with the binary total variation (arXiv 2602.04879): r A, unless the token's probability has moved too far.

    A token is left out where A > 0 and pi - mu > delta, or A < 0 and mu - pi > delta. The probabilities are those of
    the token at every level of the ratio, and mu is the policy that sampled it.
    """
    change = given.logprobs.detach().exp() - given.behaviour.exp()
    risen, fallen = change > config.dppo_delta, change < -config.dppo_delta
    return Gain(given.ratio * ~risen, given.ratio * ~fallen, risen, fallen)


def reinforce(given: FormInput, config: LossConfig) -> Gain:
    """REINFORCE (Williams 1992): A log pi. No ratio: right only where the current policy sampled."""
    never = torch.zeros_like(given.ratio, dtype=torch.bool)
    return Gain(given.logprobs, given.logprobs, never, never)


FORMS: dict[str, Callable[[FormInput, LossConfig], Gain]] = {
    "clip": clip,
    "dual_clip": dual_clip,
    "cispo": cispo,
    "sapo": sapo,
    "dppo_tv": dppo_tv,
    "reinforce": reinforce,
}
"""Every form by its name."""
