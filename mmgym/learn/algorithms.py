"""Algorithms by name: an estimator of advantages together with a loss. docs/algorithms.md has the formulas."""

from __future__ import annotations

from mmgym.learn.advantages import AdvantageConfig
from mmgym.learn.loss_config import LOSSES, LossConfig

__all__ = ["ALGORITHMS"]

_CLIP = LOSSES["dapo"]

ALGORITHMS: dict[str, tuple[AdvantageConfig, LossConfig]] = {
    "grpo": (AdvantageConfig("grpo"), _CLIP),
    "grpo_paper": (AdvantageConfig("grpo"), LOSSES["grpo"]),
    "dr_grpo": (AdvantageConfig("dr_grpo"), LOSSES["dr_grpo"]),
    "gdpo": (AdvantageConfig("grpo", per_component=True), _CLIP),
    "rloo": (AdvantageConfig("rloo"), LOSSES["ppo"]),
    "reinforce_pp": (AdvantageConfig("reinforce_pp"), LOSSES["ppo"]),
    "reinforce_pp_baseline": (AdvantageConfig("reinforce_pp_baseline"), LOSSES["ppo"]),
    "maxrl": (AdvantageConfig("maxrl"), _CLIP),
    "gspo": (AdvantageConfig("grpo"), LOSSES["gspo"]),
    "cispo": (AdvantageConfig("grpo"), LOSSES["cispo"]),
    "sapo": (AdvantageConfig("grpo"), LOSSES["sapo"]),
    "dppo_tv": (AdvantageConfig("grpo"), LOSSES["dppo_tv"]),
    "turn_ratio": (AdvantageConfig("grpo"), LOSSES["turn_ratio"]),
    "gigpo": (AdvantageConfig("gigpo"), _CLIP),
    "turn_returns": (AdvantageConfig("turn_returns"), _CLIP),
    "ppo": (AdvantageConfig("gae", whiten=True), LOSSES["ppo"]),
    "bilevel_gae": (AdvantageConfig("bilevel_gae", whiten=True), LOSSES["ppo"]),
}
"""Estimator and loss by name. ``grpo`` is GRPO as it is trained today (clip .2/.28, no reference, mean over all tokens
of the step); ``grpo_paper`` is that of arXiv 2402.03300."""
