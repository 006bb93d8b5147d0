"""Published rewards of embodied agents and puzzle players by name: VAGEN, turn by turn, and Embodied-R1, by answer."""

from mmgym_puzzles.rewards.embodied_r1 import (
    embodied_r1_answer,
    embodied_r1_free_point,
    embodied_r1_point,
    embodied_r1_region,
    embodied_r1_trace,
)
from mmgym_puzzles.rewards.vagen import VAGEN, VagenRule, VagenTurn, has_format, vagen

__all__ = [
    "VAGEN",
    "VagenRule",
    "VagenTurn",
    "embodied_r1_answer",
    "embodied_r1_free_point",
    "embodied_r1_point",
    "embodied_r1_region",
    "embodied_r1_trace",
    "has_format",
    "vagen",
]
