"""Wrappers: other ways to act in an environment, tighter limits, and probes of what an agent looks at."""

from mmgym.wrappers.discrete_actions import DiscreteActions
from mmgym.wrappers.probes import BlankImage, MutedSound, OtherImage
from mmgym.wrappers.text_action import TextAction
from mmgym.wrappers.turn_budget import TurnBudget

__all__ = ["BlankImage", "DiscreteActions", "MutedSound", "OtherImage", "TextAction", "TurnBudget"]
