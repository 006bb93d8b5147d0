"""GUI-R1 and UI-R1: rewards of one action on one screenshot, by comparison with a labelled action.

Both are written from the rules as coded, in copies of the authors' training code (``r1gui.py`` of GUI-R1,
``grpo_json_action_coord.py`` of UI-R1). Neither plays an episode: a right action is one that equals the label. GUI-R1
evaluates what the model wrote as Python; here it is read as a literal, and anything else has a bad format. An answer of
more than 4000 characters is taken for none, so that the work stays bounded.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmgym.rewards.tags import between, is_framed

__all__ = ["Step", "gui_r1", "ui_r1"]

_LONGEST_ANSWER = 4000
_NEAR = 140
"""Pixels from a labelled point within which a click of GUI-R1 is right."""
_ACTION = re.compile(r"'action':\s*'(\w+)'")
_BARE_ACTION = re.compile(r"'action':\s*(\w+)")
_TEXT = re.compile(r"'input_text':\s*'(.*?)'")
_PAIR = re.compile(r"\[(\d{1,18}),\s*(\d{1,18})\]")


@dataclass(frozen=True)
class Step:
    """The labelled action of a screenshot."""

    action: str
    """Name of the action, e.g. ``click``."""
    place: tuple[float, ...] = ()
    """Of a click: the box (x1, y1, x2, y2) of what is clicked, in pixels; for GUI-R1 also a point (x, y)."""
    text: str = "no input text"
    """What is typed or selected, or the direction of a scroll."""

    def __post_init__(self) -> None:
        if len(self.place) not in (0, 2, 4):
            raise ValueError(f"place must be a point (x, y), a box (x1, y1, x2, y2) or empty; got {self.place!r}")


# --- GUI-R1 ----------------------------------------------------------------------------------------------------------


def gui_r1(group: Sequence[str], step: Step) -> list[float]:
    """GUI-R1 (arXiv 2504.10458): .8 accuracy + .2 format.

    - accuracy, 0 or 1: the action has the label's name, and a click is strictly within the box, or less than 140 pixels
      from the point; a type, select or scroll has a token F1 of .5 or more (of two single words, one within the other
      is enough); any other action needs no more than the name. A click without coordinates is one at (0, 0).
    - format, 0 or 1: the text is a thought and an answer in tags, the answer a list of actions with an action, a point
      of two whole numbers and an input text, the latter given for type, select and open_app, and left, right, up or
      down for scroll.

    Args:
        group: what the model wrote, once per member.
        step: the label.
    """
    return [0.8 * _gui_r1_accuracy(said, step) + 0.2 * _gui_r1_format(said) for said in group]


def _gui_r1_accuracy(said: str, step: Step) -> float:
    answer = _answer(said)
    action, wanted = _first(_ACTION, answer).lower(), step.action.lower()
    if not action or action != wanted:
        return 0.0
    if wanted in ("type", "select", "scroll"):
        return float(_token_f1(_first(_TEXT, answer) or "no input text", step.text) >= 0.5)
    if wanted != "click":
        return 1.0
    x, y = _point_in_braces(answer)
    if len(step.place) == 2:
        return float((x - step.place[0]) ** 2 + (y - step.place[1]) ** 2 < _NEAR**2)
    if len(step.place) == 4:
        left, top, right, bottom = step.place
        return float(left < x < right and top < y < bottom)
    return 0.0


def _gui_r1_format(said: str) -> bool:
    answer = _answer(said)
    if not is_framed(said):
        return False
    try:
        actions = ast.literal_eval(answer)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return isinstance(actions, list) and all(isinstance(one, dict) and _is_action(one) for one in actions)


def _is_action(action: dict[object, object]) -> bool:
    name, point, text = (action.get(key) for key in ("action", "point", "input_text"))
    if not (isinstance(name, str) and isinstance(text, str) and isinstance(point, (list, tuple)) and len(point) > 1):
        return False
    if not (isinstance(point[0], int) and isinstance(point[1], int)):
        return False
    if name in ("type", "select", "open_app"):
        return text != "no input text"
    return name != "scroll" or text in ("left", "right", "up", "down")


def _point_in_braces(answer: str) -> tuple[int, int]:
    r"""The pair that ``\{.*\[(\d+),\s*(\d+)]\s*.*\}`` finds; (0, 0) for none.

    That is the last pair, of the first line that has one, with a brace before it in the line and one behind it.
    """
    found: tuple[int, int] = (0, 0)
    line: int | None = None
    for pair in _PAIR.finditer(answer):
        start = answer.rfind("\n", 0, pair.start())
        if line not in (None, start):
            break
        behind = answer[pair.end() :].lstrip().split("\n", 1)[0]
        if "{" in answer[start + 1 : pair.start()] and "}" in behind:
            found, line = (int(pair[1]), int(pair[2])), start
    return found


def _token_f1(said: str, truth: str) -> float:
    ours, theirs = (set(text.replace("[", "").replace("]", "").lower().split()) for text in (said, truth))
    if len(ours) == len(theirs) == 1:
        one, other = *ours, *theirs
        if one in other or other in one:
            return 1.0
    common = len(ours & theirs)
    return 2 * common / (len(ours) + len(theirs)) if common else 0.0


# --- UI-R1 -----------------------------------------------------------------------------------------------------------


def ui_r1(group: Sequence[str], step: Step, scale: tuple[float, float] = (1.0, 1.0)) -> list[float]:
    """UI-R1 (arXiv 2503.21620): action + coordinate + format, 0 or 1 each.

    - action: the action has the label's name, to the letter.
    - coordinate: the same, and a click is in the box, its edges included; one without coordinates is at (0, 0).
    - format: the text is a thought and an answer in tags.

    The length reward of UI-R1-E is not part of it.

    Args:
        group: what the model wrote, once per member.
        step: the label; its text does not count.
        scale: width and height of the screenshot that the label refers to, in those of the picture that was shown.

    Raises:
        ValueError: for a labelled click without a box.
    """
    if step.action == "click" and len(step.place) != 4:
        raise ValueError(f"the place of a click must be a box (x1, y1, x2, y2); got {step.place!r}")
    return [_ui_r1(said, step, scale) for said in group]


def _ui_r1(said: str, step: Step, scale: tuple[float, float]) -> float:
    answer = _answer(said)
    same = (_first(_ACTION, answer) or _first(_BARE_ACTION, answer)) == step.action
    hit = same
    if same and step.action == "click":
        pair = _PAIR.search(answer)
        x, y = (
            int(int(number) * factor) for number, factor in zip(pair.groups() if pair else (0, 0), scale, strict=True)
        )
        left, top, right, bottom = step.place
        hit = left <= x <= right and top <= y <= bottom
    return float(same) + float(hit) + float(is_framed(said))


def _answer(said: str) -> str:
    """What stands in the first ``<answer>``; empty without one, and if it is too long."""
    answer = next(iter(between(said, "<answer>", "</answer>")), "").strip()
    return answer if len(answer) <= _LONGEST_ANSWER else ""


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
