"""Experts for tasks of setting a value: sliders, spinners, colours."""

from __future__ import annotations

import re

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, expert, press
from mmgym_web.miniwob.experts_drag import BOX


def _slide(view: View, slider: str, low: int, high: int, value: int, target: int) -> Plan:
    """Click the track where the value lies, and step with the arrow keys when the handle has the focus."""
    if value == target:
        return []
    if abs(value - target) <= 4 and view.read(f"one('.ui-slider-handle', {slider}) === document.activeElement"):
        return [press("ArrowRight" if target > value else "ArrowLeft")] * abs(value - target)
    left, top, width, height = view.read(f"{BOX}({slider})")
    vertical = view.read(f"{slider}.classList.contains('ui-slider-vertical')")

    def point(wanted: int) -> tuple[int, int]:
        share = (wanted - low) / (high - low)
        if vertical:
            return round(left + width / 2), round(min(top + height - 1, max(top, top + height * (1 - share))))
        return round(min(left + width - 1, max(left, left + width * share))), round(top + height / 2)

    handle = f"one('.ui-slider-handle', {slider})"
    x, y = point(target)
    if view.read(f"hits({handle}, x, y)", x=x, y=y):  # a click on the handle leaves it where it is
        x, y = point(low if target - low > high - target else high)
        return [ToolCall("click", {"x": x, "y": y}), ToolCall("click", {"x": x, "y": y})]
    return [ToolCall("click", {"x": x, "y": y})]


@expert("use-slider")
def use_slider(view: View) -> Plan:
    """Set a slider."""
    (target,) = view.words(r"Select (-?\d+) with")
    low, high, value = view.read("['min', 'max', 'value'].map(o => $('#slider').slider('option', o))")
    return _slide(view, "one('#slider')", low, high, value, int(target)) + view.submit()


@expert("use-slider-2")
def use_slider_2(view: View) -> Plan:
    """Set three sliders."""
    targets = view.words(r"\[(\d+),(\d+),(\d+)\]")
    plan: Plan = []
    for number, target in enumerate(targets, 1):
        value = int(view.read("text(one('#val-' + number))", number=number))
        plan += _slide(view, f"one('#slider-{number}')", 0, 20, value, int(target))
    return plan + view.submit()


@expert("form-sequence")
def form_sequence(view: View) -> Plan:
    """Set a slider and check a box."""
    target, place = view.words(r"Select (-?\d+) with the slider, click the (\d)")
    value = int(view.read("text(one('#val'))"))
    plan = _slide(view, "one('#slider')", -10, 10, value, int(target))
    box = f"one('#checkbox-{place}')"
    return plan + ([] if view.read(f"{box}.checked") else view.click(box)) + view.submit()


@expert("use-spinner")
def use_spinner(view: View) -> Plan:
    """Set a spinner by its arrows, up to three steps at a time."""
    (target,) = view.words(r"Select (-?\d+) with")
    shown = view.read("one('#spinner').value")
    readable = re.fullmatch(r"-?\d+", shown, re.ASCII)
    left = int(target) - (int(shown) if readable else 0)  # from what is no number it counts on from 0
    if not readable and not left:
        return [*view.click("one('.ui-spinner-up')"), *view.click("one('.ui-spinner-down')"), *view.submit()]
    arrow = "one('.ui-spinner-up')" if left > 0 else "one('.ui-spinner-down')"
    counts = [3] * (abs(left) // 3) + [abs(left) % 3] * (abs(left) % 3 > 0)
    return [step for count in counts for step in view.click(arrow, count=count)] + view.submit()


def _pick_color(view: View, color: str) -> Plan:
    value = view.read("one('#col').value")
    aside = ToolCall("click", {"x": 140, "y": 200})  # the open picker hides the button until a click elsewhere
    if value.lower() != color.lower():
        return [*view.fill("one('#col')", color.upper()), aside, *view.submit()[-1:]]
    return view.submit() if view.read("at(one('#subbtn'))") else [aside, aside]


@expert("use-colorwheel")
def use_colorwheel(view: View) -> Plan:
    """Type a named colour's number into a colour picker."""
    (name,) = view.words(r"Select (\w+) with")
    return _pick_color(view, view.read("ui_utils.colorNameToHex(name)", name=name)[1:])


@expert("use-colorwheel-2")
def use_colorwheel_2(view: View) -> Plan:
    """Type a shown colour's number into a colour picker."""
    shown = view.read("getComputedStyle(one('#query .cc')).backgroundColor.match(/\\d+/g).map(Number)")
    return _pick_color(view, "".join(f"{part:02x}" for part in shown))
