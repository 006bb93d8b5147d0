"""Sign: signs stand askew or upside down, and what one of them says is asked; it has to be turned to be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.images.drawing import Area, Drawing, Fact, Item, Writing
from mmgym_video.images.family import CLEAR, Case, Family, Look, Scene, Setting, near_codes

__all__ = ["Sign"]

GRID = {1: 2, 2: 3, 3: 3, 4: 4, 5: 5}
"""Signs a side, by level."""
LENGTH = {1: 4, 2: 4, 3: 4, 4: 5, 5: 5}
FLIPPED = str.maketrans("01689", "01986")
"""Digits as they look upside down."""
FLIPS_FROM = 3
"""Level from which the wrong options are what the sign says upside down, and its like."""


class Sign(Family):
    """Signs of several colours; on the first two levels the whole picture is turned, later each sign in its own way.

    From level 3 on signs hold digits that are digits upside down too, and a bar under them says which way they stand.
    """

    name = "sign"
    summary = "What does a sign say that stands askew?"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, side, line, theme = setting.level, setting.side, setting.line, setting.theme
        count, length = GRID[level] ** 2, LENGTH[level]
        colors = [COLORS[k] for k in rng.permutation(len(COLORS))]
        color = colors[0]
        shades = [color, *[colors[1 + int(k)] for k in rng.integers(len(colors) - 1, size=count - 1)]]
        angles = rng.integers(60, 301, size=count).tolist()
        if level < FLIPS_FROM:
            angles = [angles[0]] * count
        cell = side / GRID[level]
        cells = [divmod(int(k), GRID[level]) for k in rng.permutation(count)]
        places = [((c + 0.5) * cell, (r + 0.5) * cell) for r, c in cells] + rng.uniform(-0.15, 0.15, (count, 2)) * cell
        options = _flipping(rng, length) if level >= FLIPS_FROM else near_codes(rng, CLEAR, length)
        fillers = [_like(rng, level, length, options) for _ in range(count - 4)]
        wide, high = max(0.085 * side, 0.95 * length * line), 0.05 * side

        def scene(right: int) -> Scene:
            others = [option for option in options if option != options[right]]
            texts = [options[right], *others[: count - 1], *fillers]
            items: list[Item] = []
            facts = []
            for (x, y), text, shade, angle in zip(places.tolist(), texts, shades, angles, strict=True):
                items.append(_plate(x, y, (0, 0), (wide, high), angle, theme.shades[shade], theme.edge))
                items.append(_plate(x, y, (0, -0.05 * high), (0.74 * wide, 0.5 * high), angle, theme.paper))
                items.append(_plate(x, y, (0, 0.33 * high), (0.5 * wide, 0.09 * high), angle, theme.paper))
                text_x, text_y = _moved(x, y, 0, -0.05 * high, angle)
                said = Writing(text, text_x, text_y, line, 0.62 * length * line, theme.ink, theme.faint, angle)
                items.append(said)
                facts.append(said.fact(f"{shade} sign"))
            first = facts[0]
            reach = 0.5 * (max(first.width, 0.75 * length * line) + line)
            box = (first.x - reach, first.y - reach, first.x + reach, first.y + reach)
            looks = (Look(box, line, -angles[0] % 360),)
            return Scene(Drawing((side, side), theme.ground, tuple(items), tuple(facts)), looks)

        def conclude(facts: Sequence[Fact]) -> str:
            read = [fact.text for fact in facts if fact.what == f"{color} sign" and fact.text in options]
            return str(read[0]) if read else options[0]

        asked = f"What does the {color} sign say? The bar on a sign is under its text."
        return self._case(rng, asked, options, scene, conclude, color)


def _flipping(rng: np.random.Generator, length: int) -> list[str]:
    """Two numbers that are alike, and both upside down, all different, in random order."""
    while True:
        one, other = near_codes(rng, "01689", length, 2)
        found = [one, other, _upside_down(one), _upside_down(other)]
        if len(set(found)) == len(found):
            return [found[k] for k in rng.permutation(len(found))]


def _upside_down(number: str) -> str:
    return number.translate(FLIPPED)[::-1]


def _like(rng: np.random.Generator, level: int, length: int, taken: Sequence[str]) -> str:
    """A text for another sign."""
    alphabet = "01689" if level >= FLIPS_FROM else CLEAR
    while True:
        text = "".join(alphabet[int(k)] for k in rng.integers(len(alphabet), size=length))
        if text not in taken:
            return text


def _moved(x: float, y: float, right: float, down: float, angle: int) -> tuple[float, float]:
    """A point of a sign that is so far right of and below its middle when it stands upright."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return float(x + right * cos + down * sin), float(y + down * cos - right * sin)


def _plate(
    x: float,
    y: float,
    middle: tuple[float, float],
    size: tuple[float, float],
    angle: int,
    color: tuple[int, int, int],
    edge: tuple[int, int, int] | None = None,
) -> Area:
    """A rectangle of a sign around (x, y), its middle and size (width, height) given as it stands upright."""
    ends = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    corners = [(middle[0] + a * size[0], middle[1] + b * size[1]) for a, b in ends]
    return Area(tuple(_moved(x, y, *corner, angle) for corner in corners), color, edge)
