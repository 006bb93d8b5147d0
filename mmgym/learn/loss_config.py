"""What a policy loss is made of, and the published losses by name.

A loss is a choice of five independent things: the level of the ratio, the form of the surrogate, the divergence that is
added, the correction for samples of another policy, and the average. Papers name one combination each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from mmgym.learn.aggregation import check_aggregation
from mmgym.learn.corrections import check_correction
from mmgym.learn.forms import FORMS
from mmgym.learn.kl import KL_FORMS
from mmgym.learn.ratios import LEVELS

__all__ = ["LOSSES", "LossConfig", "loss_config"]


@dataclass(frozen=True)
class LossConfig:
    """A policy loss."""

    ratio: str = "token"
    """Level of the ratio between current and old policy: ``token``, ``turn`` or ``trajectory`` (geometric means)."""
    form: str = "clip"
    """``clip``, ``dual_clip``, ``cispo``, ``sapo``, ``dppo_tv`` or ``reinforce``; see `mmgym.learn.forms`."""
    clip_low: float = 0.2
    """How far the ratio may fall below 1 (``clip`` and ``dual_clip``)."""
    clip_high: float = 0.28
    """How far it may rise above 1."""
    dual_clip: float = 3.0
    """Largest ratio that a negative advantage is multiplied by (``dual_clip``)."""
    cispo_floor: float = 0.0
    """Smallest weight of a token (``cispo``); 0 leaves it to the ratio."""
    cispo_cap: float = 5.0
    """Largest weight of a token (``cispo``)."""
    sapo_positive: float = 1.0
    """Temperature of the gate of positive advantages (``sapo``)."""
    sapo_negative: float = 1.05
    """Temperature of the gate of negative advantages (``sapo``)."""
    dppo_delta: float = 0.2
    """Largest change of a token's probability, from 0 to 1 (``dppo_tv``)."""
    entropy_bonus: float = 0.0
    """Weight of the entropy."""
    kl: str = "none"
    """Divergence from the reference that is added: ``none``, ``k1``, ``k2``, ``k3`` or ``k3_straight_through``."""
    kl_coefficient: float = 0.0
    """Its weight."""
    aggregation: str = "global_token_mean"
    """The average; see `mmgym.learn.aggregation`."""
    aggregation_constant: float = 1024.0
    """Tokens that a trajectory's sum is divided by (aggregation ``constant``)."""
    correction: str = "none"
    """Weights for samples of another policy than the proximal one: ``none``, ``truncate`` or ``mask``."""
    correction_level: str = "token"
    """Level of these weights: ``token``, ``turn`` or ``trajectory`` (geometric means)."""
    correction_cap: float = 2.0
    """Weights above are cut to it (``truncate``) or count as 0 (``mask``)."""
    correction_floor: float = 0.0
    """Weights below count as 0 (``mask``)."""

    def __post_init__(self) -> None:
        for name, allowed in (("ratio", LEVELS), ("form", tuple(FORMS)), ("kl", ("none", *KL_FORMS))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        for name in ("clip_low", "cispo_floor"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {getattr(self, name)}")
        for name in ("clip_high", "entropy_bonus", "kl_coefficient"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0; got {getattr(self, name)}")
        for name in ("sapo_positive", "sapo_negative"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        if not 1 <= self.cispo_cap < math.inf:
            raise ValueError(f"cispo_cap must be at least 1; got {self.cispo_cap}")
        if not 0 < self.dppo_delta <= 1:
            raise ValueError(f"dppo_delta must be above 0 and at most 1; got {self.dppo_delta}")
        if self.form == "dual_clip" and not 1 + self.clip_high < self.dual_clip < math.inf:
            raise ValueError(f"dual_clip must be above 1 + clip_high = {1 + self.clip_high:g}; got {self.dual_clip}")
        if (self.kl == "none") != (self.kl_coefficient == 0):
            raise ValueError(
                f"kl and kl_coefficient go together: either none and 0, or a form and a weight above 0; got {self.kl} "
                f"and {self.kl_coefficient:g}"
            )
        check_aggregation(self.aggregation, self.aggregation_constant)
        check_correction(self.correction, self.correction_level, self.correction_cap, self.correction_floor)


_PPO = LossConfig(clip_low=0.2, clip_high=0.2)
_DAPO = LossConfig(clip_low=0.2, clip_high=0.28)

LOSSES: dict[str, LossConfig] = {
    "ppo": _PPO,
    "dual_clip": replace(_PPO, form="dual_clip"),
    "grpo": replace(_PPO, aggregation="trajectory_mean", kl="k3", kl_coefficient=0.04),
    "dr_grpo": replace(_PPO, aggregation="constant"),
    "dapo": _DAPO,
    "gspo": LossConfig(ratio="trajectory", clip_low=3e-4, clip_high=4e-4, aggregation="trajectory_mean"),
    "turn_ratio": replace(_DAPO, ratio="turn"),
    "cispo": LossConfig(form="cispo"),
    "sapo": LossConfig(form="sapo", aggregation="trajectory_mean"),
    "dppo_tv": LossConfig(form="dppo_tv"),
    "reinforce": LossConfig(form="reinforce", aggregation="trajectory_sum"),
    "decoupled_ppo": replace(_PPO, correction="truncate", correction_cap=5.0),
    "truncated_is": replace(_DAPO, correction="truncate", correction_cap=2.0),
    "icepop": replace(_DAPO, correction="mask", correction_cap=5.0, correction_floor=0.5),
}
"""The losses of the literature by name; docs/algorithms.md has formulas, and says which numbers are not of the papers.

``grpo`` needs log-probabilities of a reference; ``decoupled_ppo``, ``truncated_is`` and ``icepop`` need the learner's
own log-probabilities before the update (``proximal``).
"""


def loss_config(name: str, **changes: Any) -> LossConfig:
    """A loss of the table, with changes.

    Args:
        name: a key of `LOSSES`.
        changes: fields of `LossConfig` that differ.

    Raises:
        ValueError: for a name that is not in the table, or a value that is not allowed.
    """
    if name not in LOSSES:
        raise ValueError(f"there is no loss {name!r}; there are {', '.join(LOSSES)}")
    return replace(LOSSES[name], **changes)
