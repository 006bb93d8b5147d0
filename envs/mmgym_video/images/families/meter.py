"""Meter: a panel of many meters with seven-segment displays and small plates; what the one of a name shows is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym.draw import Color
from mmgym_video.images.drawing import Drawing, Fact, Item, Writing, rect
from mmgym_video.images.family import CLEAR, Case, Family, Look, Scene, Setting, near_codes

__all__ = ["Meter"]

GRID = {1: 3, 2: 4, 3: 5, 4: 6, 5: 8}
"""Meters a side, by level."""
DIGITS = {1: 3, 2: 3, 3: 4, 4: 4, 5: 5}
SEGMENTS = {
    "0": "abcdef",
    "1": "bc",
    "2": "abdeg",
    "3": "abcdg",
    "4": "bcfg",
    "5": "acdfg",
    "6": "acdefg",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
}
PARTS = {
    "a": (0.15, 0.0, 0.85, 0.1),
    "b": (0.85, 0.05, 1.0, 0.48),
    "c": (0.85, 0.52, 1.0, 0.95),
    "d": (0.15, 0.9, 0.85, 1.0),
    "e": (0.0, 0.52, 0.15, 0.95),
    "f": (0.0, 0.05, 0.15, 0.48),
    "g": (0.15, 0.45, 0.85, 0.55),
}
"""Left, top, right and bottom of each segment in the box of a digit."""
_CASE: Color = (88, 94, 104)
_SCREEN: Color = (20, 28, 24)
_GLOW: Color = (255, 96, 64)


class Meter(Family):
    """Displays of other meters, that are alike, are the wrong options."""

    name = "meter"
    summary = "What does the meter of a name show?"
    open_kind = "numeric"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, side, line, theme = setting.level, setting.side, setting.line, setting.theme
        grid, digits = GRID[level], DIGITS[level]
        names = _distinct(rng, CLEAR, 3, grid**2)
        options = near_codes(rng, "123456789", digits)
        values = [*options, *_distinct(rng, "0123456789", digits, grid**2 - 4, options)]
        cells = [divmod(int(k), grid) for k in rng.permutation(grid**2)]
        pitch, digit = 0.96 * side / grid, 1.1 * line
        screen = digits * 0.85 * digit + digit

        def place(which: int) -> tuple[float, float]:
            row, column = cells[which]
            return 0.02 * side + (column + 0.5) * pitch, 0.02 * side + (row + 0.5) * pitch

        def scene(right: int) -> Scene:
            shown = [options[right], *[value for value in values if value != options[right]]]
            items: list[Item] = []
            facts = []
            for which, (name, value) in enumerate(zip(names, shown, strict=True)):
                x, y = place(which)
                items.append(rect(x - 0.42 * pitch, y - 0.42 * pitch, x + 0.42 * pitch, y + 0.42 * pitch, _CASE))
                top = y - 1.2 * digit
                items.append(rect(x - screen / 2, top, x + screen / 2, top + 1.8 * digit, _SCREEN))
                items += _lit(value, x, top + 0.9 * digit, digit)
                plate_y = y + 1.4 * digit
                items.append(
                    rect(x - 1.6 * line, plate_y - 0.7 * line, x + 1.6 * line, plate_y + 0.7 * line, theme.paper)
                )
                plate = Writing(name, x, plate_y, line, 2.4 * line, theme.ink, theme.faint)
                items.append(plate)
                wide = screen - digit
                facts += [plate.fact("plate"), Fact("display", x, top + 0.9 * digit, value, digit, wide)]
            x, y = place(0)
            looks = (Look((x - screen / 2, y - 1.2 * digit, x + screen / 2, y + 1.4 * digit + 0.7 * line), line),)
            return Scene(Drawing((side, side), theme.ground, tuple(items), tuple(facts)), looks)

        def conclude(facts: Sequence[Fact]) -> str:
            plates = [fact for fact in facts if fact.what == "plate" and fact.text == names[0]]
            shown = [
                fact.text
                for plate in plates
                for fact in facts
                if fact.what == "display" and fact.text in options and abs(fact.x - plate.x) < pitch / 4
                if 0 < plate.y - fact.y < pitch / 2
            ]
            return str(shown[0]) if shown else options[0]

        asked = f"What does the meter show that has {names[0]} on its plate?"
        return self._case(rng, asked, options, scene, conclude, names[0])


def _lit(value: str, x: float, y: float, height: float) -> list[Item]:
    """The lit segments of a display around a point."""
    wide, step = 0.55 * height, 0.85 * height
    items: list[Item] = []
    for index, digit in enumerate(value):
        left, top = x + (index - len(value) / 2) * step + (step - wide) / 2, y - height / 2
        for segment in SEGMENTS[digit]:
            x0, y0, x1, y1 = PARTS[segment]
            box = (left + x0 * wide, top + y0 * height, left + x1 * wide, top + y1 * height)
            items.append(rect(*box, _GLOW, least=height))
    return items


def _distinct(rng: np.random.Generator, alphabet: str, length: int, count: int, taken: Sequence[str] = ()) -> list[str]:
    """Different random codes that are not taken."""
    found: dict[str, None] = {}
    while len(found) < count:
        code = "".join(alphabet[int(k)] for k in rng.integers(len(alphabet), size=length))
        if code not in taken:
            found[code] = None
    return list(found)
