"""Pictures in the file manager, drawn as SVG images: what is on them is nowhere else."""

from __future__ import annotations

from html import escape
from typing import Any

from mmgym_web.webnav.sites.files.words import COLOURS, ROOMS

__all__ = ["HEIGHT", "WIDTH", "picture", "total"]

WIDTH, HEIGHT = 440, 300
"""Size of a picture in pixels."""

_INK = "#22262e"


def picture(facts: dict[str, Any]) -> str:
    """The SVG image of a picture's facts, whose ``kind`` is bars, receipt, plan or note."""
    shapes = {"bars": _bars, "receipt": _receipt, "plan": _plan, "note": _note}[facts["kind"]](facts)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="Liberation Sans"'
    return f'{head} font-size="13" fill="{_INK}">{"".join(shapes)}</svg>'


def total(facts: dict[str, Any]) -> int:
    """What a receipt adds up to, in cents."""
    return sum(price for _, price in facts["lines"])


def _rect(x: float, y: float, width: float, height: float, fill: str, line: str = "none") -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {box} fill="{fill}" stroke="{line}"/>'


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _bars(facts: dict[str, Any]) -> list[str]:
    colour, step = COLOURS[facts["hue"]], 380 / len(facts["values"])
    shapes = [_rect(0, 0, WIDTH, HEIGHT, "#ffffff"), _text(20, 28, facts["title"], 'font-weight="700" font-size="16"')]
    for mark in range(0, 101, 25):
        y = 256 - mark * 2
        shapes.append(_rect(44, y, 380, 1, "#dfe3ea"))
        shapes.append(_text(36, y + 4, str(mark), 'text-anchor="end" font-size="11"'))
    for number, (label, value) in enumerate(zip(facts["labels"], facts["values"], strict=True)):
        x = 44 + number * step
        shapes.append(_rect(x + step * 0.18, 256 - 2 * value, step * 0.64, 2 * value, colour))
        shapes.append(_text(x + step / 2, 275, label, 'text-anchor="middle" font-size="12"'))
    return shapes


def _receipt(facts: dict[str, Any]) -> list[str]:
    tax = round(total(facts) * 0.07)
    mono = 'font-family="Liberation Mono"'
    shapes = [_rect(0, 0, WIDTH, HEIGHT, "#c9b79c"), _rect(96, 8, 248, 284, "#fdfdf8", "#b9b2a0")]
    shapes.append(_text(220, 36, facts["shop"], f'text-anchor="middle" font-weight="700" font-size="16" {mono}'))
    shapes.append(_text(220, 54, f"No. {facts['number']}", f'text-anchor="middle" font-size="12" {mono}'))
    y = 84
    for name, price in facts["lines"]:
        shapes += [_text(112, y, name, mono), _text(328, y, f"{price / 100:.2f}", f'text-anchor="end" {mono}')]
        y += 20
    shapes.append(_rect(112, y - 8, 216, 1, _INK))
    shapes += [_text(112, y + 14, "TOTAL", f'font-weight="700" font-size="15" {mono}')]
    amount = f"{total(facts) / 100:.2f}"
    shapes.append(_text(328, y + 14, amount, f'text-anchor="end" font-weight="700" font-size="15" {mono}'))
    shapes += [_text(112, y + 36, "of which tax", f'font-size="11" {mono}')]
    shapes.append(_text(328, y + 36, f"{tax / 100:.2f}", f'text-anchor="end" font-size="11" {mono}'))
    shapes.append(_text(220, y + 64, "Thank you!", f'text-anchor="middle" {mono}'))
    return shapes


def _plan(facts: dict[str, Any]) -> list[str]:
    """Eight rooms in two rows along a corridor; the rooms of a row differ in width."""
    shapes = [_rect(0, 0, WIDTH, HEIGHT, "#eef1f5"), _rect(14, 14, 412, 272, "#ffffff", _INK)]
    for number, (name, room) in enumerate(zip(facts["people"], facts["numbers"], strict=True)):
        row, place = divmod(number, 4)
        widths = [103 + (27 if p == (facts["wide"] + row) % 4 else -9) for p in range(4)]
        x, y = 14 + sum(widths[:place]), 14 if row == 0 else 176
        shapes.append(_rect(x, y, widths[place], 110, COLOURS[(facts["hue"] + number) % 8] + "22", _INK))
        middle = x + widths[place] / 2
        shapes.append(_text(middle, y + 30, str(room), 'text-anchor="middle" font-weight="700" font-size="17"'))
        shapes.append(_text(middle, y + 56, name, 'text-anchor="middle" font-size="14"'))
        room_kind = ROOMS[(facts["hue"] + 3 * number) % len(ROOMS)]
        shapes.append(_text(middle, y + 76, room_kind, 'text-anchor="middle" font-size="11" fill="#66707e"'))
        shapes.append(_rect(middle - 12, 122 if row == 0 else 174, 24, 4, "#ffffff"))
    shapes.append(_text(220, 154, "CORRIDOR", 'text-anchor="middle" font-size="11" letter-spacing="5" fill="#66707e"'))
    return shapes


def _note(facts: dict[str, Any]) -> list[str]:
    nights = f"{facts['nights']} night{'s' if facts['nights'] > 1 else ''}"
    lines = ["Please book a room for me!", f"City: {facts['city']}", f"Arriving: {facts['day']}", nights, "Thanks"]
    shapes = [_rect(0, 0, WIDTH, HEIGHT, "#7b5e45"), _rect(70, 24, 300, 252, "#fff3a6", "#e0cf6d")]
    shapes.append('<circle cx="220" cy="36" r="8" fill="#c33"/>')
    shapes += [
        _text(92, 84 + 40 * n, line, 'font-family="Liberation Serif" font-style="italic" font-size="20"')
        for n, line in enumerate(lines)
    ]
    return shapes
