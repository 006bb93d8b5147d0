"""ARPO's reward for whole episodes on a desktop, with its test of whether an action can be read.

Written from the rules as coded in a copy of the authors' repository (``gui_agent.py``, ``ray_trainer.py``). Actions are
those of UI-TARS: ``Thought: ... Action: click(start_box='(100,200)')``. They are parsed, never run.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["GuiEpisode", "arpo", "can_be_read"]

_LONGEST = 20_000
"""Characters from which an answer counts as one that cannot be read, so that parsing stays bounded."""
_ENDS = ("finished", "wait", "error_env", "call_user")
"""Actions after which nothing more of an answer is looked at."""
_CLICKS = ("click", "left_single", "left_double", "right_single", "hover")


@dataclass(frozen=True)
class GuiEpisode:
    """One episode: what the checker of the task says, and what the model wrote."""

    result: float
    """Mark of the final state, 0 to 1."""
    said: tuple[str, ...]
    """The model's texts, one per turn."""


def arpo(group: Sequence[GuiEpisode]) -> list[float]:
    """ARPO (arXiv 2505.16282): result + .5 format.

    Format is -1 if the last text cannot be read (`can_be_read`), else 0. Such a text ends an episode, so earlier ones
    are not looked at.
    """
    return [one.result + 0.5 * -(bool(one.said) and not can_be_read(one.said[-1])) for one in group]


def can_be_read(said: str) -> bool:
    """Whether a text of UI-TARS holds actions that ARPO can carry out.

    After the last ``Action:`` stand one or more calls with named texts as arguments, with empty lines between them.
    Boxes are numbers with commas between them, 2 or 4 of them, and a click needs one. An unknown name is no fault, and
    the text of ``type`` and ``finished`` may hold anything.
    """
    _, mark, actions = said.strip().rpartition("Action:")
    if not mark or len(said) > _LONGEST:
        return False
    try:
        calls = [_call(chunk) for chunk in actions.split("\n\n")]
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    for name, boxes in calls:
        if name in _ENDS:
            return True
        if any(count not in (2, 4) for count in boxes.values()) or (name in _CLICKS and "start_box" not in boxes):
            return False
    return True


def _call(text: str) -> tuple[str, dict[str, int]]:
    """Name of a call, and how many numbers each of its boxes has.

    Raises:
        ValueError: for anything that is no call with named texts, or has a box that is no numbers.
    """
    for name in ("type", "finished"):
        if f"{name}(content" in text:
            return name, {}
    call = ast.parse(text.replace("\n", "\\n").lstrip(), mode="eval").body
    if not isinstance(call, ast.Call):
        raise ValueError("not a call")
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    boxes = {}
    for keyword in call.keywords:
        value = keyword.value
        if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            raise ValueError("an argument is no text")
        if value.value and keyword.arg and ("start_box" in keyword.arg or "end_box" in keyword.arg):
            boxes[keyword.arg] = len([float(number) for number in _numbers(value.value)])
    return name, boxes


def _numbers(box: str) -> list[str]:
    for mark in ("<|box_start|>", "<|box_end|>", "(", ")"):
        box = box.replace(mark, "")
    return box.split(",")
