"""VAGEN's reward of each turn (arXiv 2510.16907): format, task, and how well the state was put into words.

Written from the rules as coded in a copy of the paper's repository (``env/sokoban``, ``env/frozenlake``,
``env/navigation``, the parsers and the wrapper of the state reward) and in the later main branch (``envs/sokoban``,
``envs/frozenlake``). What gym_sokoban pays for a move and for a box on or off a target is from memory. The original
asks a language model how right a description is; here the marks are given, and in a simulator they can be exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mmgym.env import choose
from mmgym.rewards.tags import in_order

__all__ = ["VAGEN", "VagenRule", "VagenTurn", "has_format", "vagen"]

_FORMATS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "no_think": ("<answer>", "</answer>"),
        "free_think": ("<think> <reasoning>", "</reasoning> </think> <answer>", "</answer>"),
        "grounding": (
            "<think> <observation>",
            "</observation> <reasoning>",
            "</reasoning> </think> <answer>",
            "</answer>",
        ),
        "worldmodeling": (
            "<think> <reasoning>",
            "</reasoning> <prediction>",
            "</prediction> </think> <answer>",
            "</answer>",
        ),
        "grounding_worldmodeling": (
            "<think> <observation>",
            "</observation> <reasoning>",
            "</reasoning> <prediction>",
            "</prediction> </think> <answer>",
            "</answer>",
        ),
    }
)


@dataclass(frozen=True)
class VagenTurn:
    """One turn: what the model wrote, and what came of its actions."""

    said: str
    """The model's text."""
    executed: int = 1
    """Number of actions that the environment carried out."""
    refused: bool = False
    """Whether an action followed that the environment does not know; those after it are dropped."""
    success: bool = False
    """Whether the task was done in this turn."""
    boxes: int = 0
    """Sokoban: boxes pushed onto targets, less those pushed off."""
    state: float = 0.0
    """Mark of the ``<observation>`` against the state that the turn began in, 0 to 1."""
    next_state: float = 0.0
    """Mark of the ``<prediction>`` against the state that it ended in, 0 to 1."""


@dataclass(frozen=True)
class VagenRule:
    """What a turn is worth in one environment."""

    format: float
    """For a text in the format whose actions were valid."""
    success: float
    """For the turn in which the task is done."""
    valid: Literal["all", "some", "any"]
    """When actions are valid: all were known and there is one, or some were carried out, or any was named at all."""
    move: float = 0.0
    """For each action that was carried out."""
    box: float = 0.0
    """For each box on a target."""
    state: float = 0.5
    """Times the mark of the state, where the format was paid."""
    next_state: float = 0.5
    """Times the mark of the next state, where the format was paid."""


VAGEN: Mapping[str, VagenRule] = MappingProxyType(
    {
        "sokoban": VagenRule(0.5, 10.0, "all", move=-0.1, box=1.0),
        "frozen_lake": VagenRule(0.5, 1.0 + 9.0, "all"),
        "navigation": VagenRule(0.5, 10.0, "any"),
        "sokoban_main": VagenRule(0.1, 1.0, "some", state=0.0, next_state=0.0),
        "frozen_lake_main": VagenRule(0.02, 1.0, "some", state=0.0, next_state=0.0),
    }
)
"""Rules by name: those of the paper, and those of the main branch that came after it, which pays no moves."""


def vagen(turns: Sequence[VagenTurn], rule: str | VagenRule, format: str = "grounding_worldmodeling") -> list[float]:
    """The reward of each turn of an episode: format + task + state + next state.

    The marks are paid only where the format was, and where the format asks for the description.

    Args:
        turns: the episode.
        rule: a name in `VAGEN`, or a rule of your own.
        format: which tags the text must have, one of the paper's ``no_think``, ``free_think``, ``grounding``,
            ``worldmodeling`` and ``grounding_worldmodeling``.

    Raises:
        ValueError: for an unknown name of a rule or format, or a mark outside 0 to 1.
    """
    rule = VAGEN[choose("rule", rule, VAGEN)] if isinstance(rule, str) else rule
    return [_turn(turn, rule, choose("format", format, _FORMATS)) for turn in turns]


def has_format(said: str, format: str) -> bool:
    """Whether a text is nothing but the tags of this format, in order, with anything inside them."""
    return in_order(said.replace("<image>", "").strip(), *_FORMATS[choose("format", format, _FORMATS)])


def _turn(turn: VagenTurn, rule: VagenRule, format: str) -> float:
    for name in ("state", "next_state"):
        if not 0 <= getattr(turn, name) <= 1:
            raise ValueError(f"{name} must be a mark from 0 to 1; got {getattr(turn, name)!r}")
    reward = rule.move * turn.executed + rule.box * turn.boxes + rule.success * turn.success
    some = turn.executed > 0
    valid = {"all": some and not turn.refused, "some": some, "any": some or turn.refused}[rule.valid]
    if valid and has_format(turn.said, format):
        reward += rule.format
        reward += rule.state * turn.state * ("grounding" in format)
        reward += rule.next_state * turn.next_state * ("worldmodeling" in format)
    return reward
