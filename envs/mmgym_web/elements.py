"""A page's accessibility tree: as text, as numbered marks on the picture, and as questions about what is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from mmgym_web.browser import AccessibilityNode

__all__ = ["Element", "at_point", "describe", "draw_marks", "questions", "read"]

ACTIONABLE = frozenset(
    "button link textbox searchbox combobox listbox option checkbox radio switch slider spinbutton tab menuitem "
    "menuitemcheckbox menuitemradio treeitem PopUpButton TextField ComboBoxSelect MenuListPopup gridcell textarea "
    "DisclosureTriangle ImageMapLink file date".split()
)
"""Roles that can be acted on."""
_SILENT = frozenset("generic none InlineTextBox LineBreak RootWebArea presentation ignored".split())
_STATES = ("checked", "disabled", "expanded", "focused", "invalid", "pressed", "readonly", "required", "selected")
_CONTAINERS = frozenset("paragraph LabelText MenuListPopup list listitem row rowgroup strong emphasis time".split())
"""Roles that say nothing without a name."""
_LONGEST = 60_000
"""Characters of the text twin; a longer page is cut, and says so."""

Place = Callable[[int, int], str]
"""Where a pixel is, as the agent says it: ``120, 45``."""


@dataclass(frozen=True)
class Element:
    """A node of the accessibility tree."""

    role: str
    name: str
    value: str
    states: tuple[str, ...]
    """Such as ``checked``, ``disabled``, ``focused``, ``expanded``."""
    depth: int
    box: tuple[int, int, int, int] | None
    """Left, top, width, height in pixels of the viewport; None if it is not laid out."""
    number: int
    """From 1 for what can be acted on and is in view, else 0."""
    point: tuple[int, int] | None
    """The middle of what is in view of it; None if nothing is."""


def read(nodes: Iterable[AccessibilityNode], width: int, height: int) -> list[Element]:
    """The elements of a page, numbered in the order of the document.

    Args:
        nodes: the accessibility tree, parents before children.
        width: of the viewport in pixels.
        height: of the viewport in pixels.
    """
    found: list[Element] = []
    numbered = 0
    for node in nodes:
        if node.role in _SILENT:
            continue
        name, value = " ".join(node.name.split()), " ".join(node.value.split())
        if node.role in _CONTAINERS and not name:
            continue
        if node.role == "StaticText" and (not name or (found and name in found[-1].name)):
            continue
        box = None if node.box is None else _whole(node.box)
        point = None if box is None else _middle(box, width, height)
        actionable = node.role in ACTIONABLE and point is not None
        numbered += actionable
        found.append(
            Element(node.role, name, value, _said(node.states), node.depth, box, numbered if actionable else 0, point)
        )
    return found


def describe(elements: Sequence[Element], action_mode: str, place: Place) -> str:
    """The text twin: a line for each element.

    Args:
        elements: of the page.
        action_mode: with ``coordinates``, what can be acted on carries its middle; with ``elements``, its number.
        place: how a pixel is written.
    """
    lines, length = [], 0
    shallowest = min((element.depth for element in elements), default=0)
    for element in elements:
        parts = ["  " * min(element.depth - shallowest, 12)]
        if element.number and action_mode != "coordinates":
            parts.append(f"[{element.number}] ")
        named = f"{element.role} {element.name!r}" if element.name else element.role
        parts.append(element.name if element.role == "StaticText" else named)
        if element.value and element.value != element.name:
            parts.append(f" = {element.value!r}")
        if element.states:
            parts.append(f" ({', '.join(element.states)})")
        if element.role in ACTIONABLE:
            if element.point is None:
                parts.append(" out of view" if element.box else "")
            elif action_mode != "elements":
                parts.append(f" at {place(*element.point)}")
        line = "".join(parts)
        length += len(line) + 1
        if length > _LONGEST:
            lines.append("... (cut: the page is longer)")
            break
        lines.append(line)
    return "\n".join(lines) or "(an empty page)"


def draw_marks(picture: np.ndarray, elements: Sequence[Element]) -> np.ndarray:
    """Draw the number of each numbered element on a picture, in place: beside it, where least is written.

    Args:
        picture: uint8 (height, width, 3).
        elements: of the page.
    """
    height, width = picture.shape[:2]
    written = (cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_16S) != 0).astype(np.uint8)
    for element in elements:
        if not element.number or element.box is None:
            continue
        x, y, wide, high = element.box
        colour = _COLOURS[element.number % len(_COLOURS)]
        cv2.rectangle(picture, (x, y), (x + wide - 1, y + high - 1), colour, 1)
        label = str(element.number)
        (text_width, text_height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.36, 1)
        across, down = text_width + 3, text_height + 3
        right, below = x + wide, y + high
        corners = [(x, y - down + 2), (right - across, y - down + 2), (x - across, y), (right, y), (right - across, y)]
        corners += [(x, y), (right - across, below - down), (x, below - 2)]
        inside = [(min(max(x, 0), width - across), min(max(y, 0), height - down)) for x, y in corners]
        left, top = min(inside, key=lambda at: written[at[1] : at[1] + down, at[0] : at[0] + across].sum())
        written[top : top + down, left : left + across] = 4
        cv2.rectangle(picture, (left, top), (left + across - 1, top + down - 1), colour, -1)
        at = (left + 1, top + text_height + 1)
        cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


_COLOURS = ((200, 30, 30), (20, 110, 200), (20, 130, 60), (150, 60, 170), (190, 100, 0), (0, 120, 130))


def at_point(elements: Sequence[Element], x: int, y: int) -> Element | None:
    """The smallest numbered element whose box holds a point."""
    holding = [
        element
        for element in elements
        if element.number
        and element.box
        and element.box[0] <= x < element.box[0] + element.box[2]
        and element.box[1] <= y < element.box[1] + element.box[3]
    ]
    return min(holding, key=lambda element: element.box[2] * element.box[3] if element.box else 0, default=None)


def questions(elements: Sequence[Element], title: str, place: Place, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Questions about what is in view, with their answers, in an order drawn by `rng`."""
    asked = [("What is the title of the page?", title or "none")]
    named = [element for element in elements if element.number and element.name]
    counts = {name: sum(element.name == name for element in named) for name in {e.name for e in named}}
    for role in ("button", "link", "checkbox"):
        asked.append(
            (f"How many of these are in view: {role}?", str(sum(e.number > 0 and e.role == role for e in elements)))
        )
    for element in named:
        assert element.point is not None
        at = place(*element.point)
        what = f"{element.role} {element.name!r}"
        asked.append((f"What is at {at}?", what))
        if counts[element.name] > 1:
            continue
        asked.append((f"Where is the {what}?", at))
        asked.append((f"Is the {what} enabled?", "no" if "disabled" in element.states else "yes"))
        if element.role in ("textbox", "searchbox", "combobox"):
            asked.append((f"What does the {what} hold?", element.value or "nothing"))
        if element.role in ("checkbox", "radio", "switch"):
            asked.append((f"Is the {what} ticked?", "yes" if "checked" in element.states else "no"))
    return [asked[index] for index in rng.permutation(len(asked))]


def _said(states: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in _STATES if states.get(name) in (True, "true", "mixed"))


def _whole(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, wide, high = box
    return round(left), round(top), max(1, round(left + wide) - round(left)), max(1, round(top + high) - round(top))


def _middle(box: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int] | None:
    left, top = max(box[0], 0), max(box[1], 0)
    right, bottom = min(box[0] + box[2], width), min(box[1] + box[3], height)
    return ((left + right) // 2, (top + bottom) // 2) if right > left and bottom > top else None
