"""The picture of MentalRotation3D without its figures: circles for them, letters, and the axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from mmgym.draw import Color, blank, disc, draw_text, paint
from mmgym_puzzles.imagery.cube_drawing import View, draw_axes

__all__ = ["LETTERS", "Look", "draw_board", "layout", "look_of"]

LETTERS = ("A", "B", "C")
"""Names of the figures."""


@dataclass(frozen=True)
class Look:
    """Colours of a picture, and from where it is seen."""

    view: View
    ground: Color
    paper: Color
    ink: Color
    accent: Color


_LOOKS = {
    "usual": Look(
        View(37, 24, face=(250, 170, 60), line=(60, 30, 10)),
        ground=(226, 228, 232), paper=(250, 250, 248), ink=(40, 42, 52), accent=(30, 110, 230),
    ),
    "ood": Look(
        View(53, 24, face=(120, 220, 235), line=(6, 26, 40)),
        ground=(30, 24, 44), paper=(66, 54, 92), ink=(250, 226, 160), accent=(255, 90, 160),
    ),
}  # fmt: skip


def look_of(split: str) -> Look:
    """How a split looks."""
    return _LOOKS["ood" if split == "ood" else "usual"]


@lru_cache(maxsize=64)
def layout(size: int, count: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Radius and middles of the circles of the target and the figures."""
    if count == 1:
        near, far = round(0.295 * size), round(0.705 * size)
        return int(0.283 * size), ((near, near), (far, far))
    near, far = round(0.248 * size), round(0.752 * size)
    below = ((near, far), (far, far))
    return int(0.232 * size), ((near, near), *below) if count == 2 else ((near, near), (far, near), *below)


@lru_cache(maxsize=64)
def draw_board(size: int, look: Look, count: int, chosen: int) -> np.ndarray:
    """The picture without the figures, read-only uint8 (size, size, 3).

    Args:
        size: side of the picture in pixels.
        look: colours, and from where it is seen.
        count: how many figures there are beside the target, up to three.
        chosen: the number of the chosen one, from 0.
    """
    radius, middles = layout(size, count)
    image = blank(size, size, look.ground)
    thick = max(2.0, size / 64)
    for number, (x, y) in enumerate(middles):
        accented = number == chosen + 1
        rim, width = (look.accent, thick) if accented and count > 1 else (look.ink, thick / 3)
        paint(image, [disc(x, y, radius + width, rim), disc(x, y, radius, look.paper)], (0, 0, 1, 1))
        _write_name(image, number, count, (x < size / 2, y < size / 2), look.accent if accented else look.ink)
    (x_share, y_share), reach = {1: ((0.17, 0.77), 0.12), 2: ((0.75, 0.27), 0.18), 3: ((0.5, 0.515), 0.075)}[count]
    draw_axes(image, look.view, (x_share * size, y_share * size), reach * size, look.ink)
    image.flags.writeable = False
    return image


def _write_name(image: np.ndarray, number: int, count: int, corner: tuple[bool, bool], ink: Color) -> None:
    """Write the name of a circle into the corner beside it; two large circles leave the other two corners free."""
    size, word = len(image), LETTERS[number - 1] if number else "target"
    left, top = corner
    if count == 1:
        x, y = (0.2, 0.94) if number else (0.8, 0.07)
        draw_text(image, word, x * size, y * size, 0.11 * size, ink, bold=True)
        return
    anchor: Literal["left", "right"] = "left" if left else "right"
    x, y, height = 0.01 if left else 0.99, 0.05 if top else 0.95, 0.11 if number else 0.075
    draw_text(image, word, x * size, y * size, height * size, ink, anchor=anchor, bold=True)
