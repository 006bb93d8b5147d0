"""Scripted experts for MiniWoB++: what they share. Each reads the page as it is now and says what remains to be done.

An expert is a function from a `View` of the page to the calls that remain, in order; only the first is ever made, and
then the page is read again. So an expert keeps nothing in mind, recovers from disturbances, and the length of its first
plan is the number of turns that it needs at least. Coordinates of later calls are those of the present layout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from mmgym.spaces import ToolCall
from mmgym_web.browser import Page

__all__ = ["EXPERTS", "Plan", "View", "choose", "drag", "expert", "hover", "press", "scroll", "type_text", "wait"]

Plan = list[ToolCall]

EXPERTS: dict[str, Callable[[View], Plan]] = {}
"""The experts by name of task. The modules `experts_*` fill it."""

# Helpers for expressions: all and one select, text reads, at finds a pixel where a click reaches an element (or null),
# reach says how to get there: a point, or how far to scroll what hides it.
_HELPERS = """
const all = (s, r = document) => [...r.querySelectorAll(s)];
const one = (s, r = document) => r.querySelector(s);
const text = e => e.textContent.replace(/\\s+/g, ' ').trim();
const shown = e => !!e && e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
const hits = (e, x, y) => {
  if (x < 0 || y < 0 || x > 159 || y > 209) return false;
  const top = document.elementFromPoint(x, y);
  return !!top && (e === top || e.contains(top));
};
const at = e => {
  if (!e) return null;
  for (const r of e.getClientRects()) {
    const x = Math.round(r.left + r.width / 2), y = Math.round(r.top + r.height / 2);
    if (hits(e, x, y)) return [x, y];
  }
  for (const r of e.getClientRects())
    for (let y = Math.ceil(r.top); y < r.bottom; y += 2)
      for (let x = Math.ceil(r.left); x < r.right; x += 2)
        if (hits(e, x, y)) return [x, y];
  return null;
};
const reach = e => {
  const point = at(e);
  if (point || !shown(e)) return {point};
  const r = e.getBoundingClientRect();
  for (let box = e.parentElement; box; box = box.parentElement) {
    if (box.scrollHeight <= box.clientHeight + 1 || getComputedStyle(box).overflowY === 'visible') continue;
    const b = box.getBoundingClientRect(), top = Math.max(b.top, 0), bottom = Math.min(b.bottom, 210);
    const dy = Math.round((r.top + r.bottom) / 2 - (top + bottom) / 2);
    if (dy) return {point: null, scroll: [Math.round(b.left + 10), Math.round((top + bottom) / 2), dy]};
  }
  return {point: null};
};
"""


class View:
    """What an expert sees of the page.

    Args:
        task: name of the task, e.g. ``click-button``.
        utterance: what the task asks.
        page: the page; nothing that is asked of it may change it.
    """

    def __init__(self, task: str, utterance: str, page: Page) -> None:
        self.task = task
        self.utterance = utterance
        self._page = page

    def read(self, expression: str, **values: Any) -> Any:
        """The value of a JavaScript expression that may use the helpers, and `values` by name."""
        constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
        return self._page.evaluate(f"(() => {{{_HELPERS}{constants} return ({expression}); }})()", "main")

    def inner(self, function: str, *names: str) -> list[Any]:
        """The values of variables that only a function of the page sees, which a JavaScript expression gives."""
        return self._page.inner_variables(function, *names)

    def words(self, pattern: str) -> tuple[str, ...]:
        """The groups of a regular expression in what the task asks.

        Raises:
            ValueError: if it does not fit.
        """
        found = re.search(pattern, self.utterance)
        if found is None:
            raise ValueError(f"{self.task} asks {self.utterance!r}, which does not fit {pattern!r}")
        return tuple(group or "" for group in found.groups())

    def click(self, element: str, *, count: int = 1, **values: Any) -> Plan:
        """Click an element, after scrolling to it if it is out of sight. Waits while it is not there."""
        found = self.read(f"reach({element})", **values)
        if found["point"]:
            return [_click(*found["point"], count=count)]
        there = _click(80, 130, count=count)
        return [scroll(*found["scroll"]), there] if "scroll" in found else [wait(), there]

    def fill(self, field: str, value: str, **values: Any) -> Plan:
        """Put a text into a field: nothing if it is there already."""
        state = self.read(f"(e => ({{value: e.value, focused: e === document.activeElement}}))({field})", **values)
        if state["value"] == value:
            return []
        plan = [] if state["focused"] else self.click(field, **values)
        return plan + ([ToolCall("clear")] if state["value"] else []) + [type_text(value)]

    def submit(self, button: str = "one('#subbtn')") -> Plan:
        """Click the button that ends the task."""
        return self.click(button)


def expert(*tasks: str) -> Callable[[Callable[[View], Plan]], Callable[[View], Plan]]:
    """Register an expert for tasks."""

    def register(plan: Callable[[View], Plan]) -> Callable[[View], Plan]:
        for task in tasks:
            EXPERTS[task] = plan
        return plan

    return register


def _click(x: int, y: int, *, count: int = 1) -> ToolCall:
    return ToolCall("click", {"x": x, "y": y} if count == 1 else {"x": x, "y": y, "count": count})


def hover(x: int, y: int) -> ToolCall:
    """Rest the mouse on a point."""
    return ToolCall("hover", {"x": x, "y": y})


def scroll(x: int, y: int, dy: int) -> ToolCall:
    """Turn the wheel over a point by `dy` pixels."""
    return ToolCall("scroll", {"x": x, "y": y, "dx": 0, "dy": max(-2000, min(2000, dy))})


def drag(x: float, y: float, to_x: float, to_y: float) -> ToolCall:
    """Drag from one point to another; both are moved into the picture."""
    points = {"x": x, "y": y, "to_x": to_x, "to_y": to_y}
    limits = {"x": 159, "to_x": 159, "y": 209, "to_y": 209}
    return ToolCall("drag", {name: max(0, min(limits[name], round(value))) for name, value in points.items()})


def choose(x: int, y: int, option: str) -> ToolCall:
    """Choose an option of the select element at a point."""
    return ToolCall("select", {"x": x, "y": y, "option": option})


def press(keys: str) -> ToolCall:
    """Press a key or chord."""
    return ToolCall("press", {"keys": keys})


def type_text(text: str) -> ToolCall:
    """Type into what has the focus."""
    return ToolCall("type", {"text": text})


def wait(seconds: float = 0.5) -> ToolCall:
    """Let the page's time pass."""
    return ToolCall("wait", {"seconds": seconds})
