"""Wrappers: other ways to act in an environment, tighter limits, and probes of what an agent looks at."""

from mmgym.wrappers.discrete_actions import DiscreteActions
from mmgym.wrappers.probes import PROBES, BlankImage, MutedSound, OtherImage, ShuffledFrames
from mmgym.wrappers.text_action import TextAction
from mmgym.wrappers.turn_budget import TurnBudget
from mmgym.wrappers.without_tools import WithoutTools

__all__ = [
    "PROBES",
    "BlankImage",
    "DiscreteActions",
    "MutedSound",
    "OtherImage",
    "ShuffledFrames",
    "TextAction",
    "TurnBudget",
    "WithoutTools",
]
