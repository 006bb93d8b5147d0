"""Pictures of matrices: nine panels, the last one empty, over eight numbered choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym.draw import Color, Shape, draw_text, line
from mmgym_puzzles.reasoning.ink import Inked, ground, ink, inked

__all__ = ["LOOKS", "SHADES", "SIZES", "Look", "choice_box", "draw_cross", "draw_matrix"]

CANVAS = 224
SIZES = ("tiny", "small", "medium", "large")
SHADES = ("white", "light", "grey", "dark", "black")
_RADII = (0.2, 0.28, 0.36, 0.45)
_FRAME = 0.47
_CROSS = (214, 40, 60)

Box = tuple[float, float, float, float]
"""Left, top, right, bottom on the canvas of 224 units."""


def _ring(corners: int, radii: Sequence[float] = (1.0,), turn: float = -0.25) -> list[tuple[float, float]]:
    angles = [2 * math.pi * (k / corners + turn) for k in range(corners)]
    return [(r * math.cos(a), r * math.sin(a)) for a, r in zip(angles, list(radii) * corners, strict=False)]


_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "triangle": [(x, y + 0.15) for x, y in _ring(3, (1.1,))],
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "pentagon": _ring(5, (1.02,)),
    "hexagon": _ring(6, turn=0),
    "circle": _ring(40),
    "star": _ring(10, (1.1, 0.46)),
    "cross": [(0.31 * a, 0.31 * b) for a, b in ((-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3))]
    + [(0.31 * a, 0.31 * b) for a, b in ((-1, 1), (-3, 1), (-3, -1), (-1, -1))],
    "diamond": [(0, -1.1), (0.7, 0), (0, 1.1), (-0.7, 0)],
    "arrow": [(0, -1.05), (0.95, 0), (0.4, 0), (0.4, 1), (-0.4, 1), (-0.4, 0), (-0.95, 0)],
    "bar": [(-0.92, -0.42), (0.92, -0.42), (0.92, 0.42), (-0.92, 0.42)],
    "dome": [(0.98 * x, 0.5 + 0.98 * y) for x, y in _ring(40, turn=-0.5)[:21]],
    "barrel": [(x, 0.76 * y) for x, y in _ring(40)],
    "octagon": _ring(8, (1.04,), 1 / 16),
    "shield": _ring(5, (1.04,), 0.25),
    "honeycomb": _ring(6, (1.04,)),
    "oval": [(0.76 * x, y) for x, y in _ring(40)],
    "house": [(0, -1), (0.85, -0.5), (0.85, 0.95), (-0.85, 0.95), (-0.85, -0.5)],
    "drop": [(0, -1.15), *[(0.8 * x, 0.2 + 0.8 * y) for x, y in _ring(40)[4:37]]],
}


@dataclass(frozen=True)
class Look:
    """Shapes and colours."""

    shapes: tuple[str, ...]
    frames: tuple[str, ...]
    """Outlines with room for figures inside."""
    paper: Color
    panel: Color
    edge: Color
    shades: tuple[Color, ...]


LOOKS = {
    "usual": Look(
        ("triangle", "square", "circle", "bar", "dome"),
        ("circle", "square", "pentagon", "hexagon", "oval"),
        (236, 238, 242),
        (255, 255, 255),
        (30, 32, 40),
        ((255, 255, 255), (214, 218, 224), (162, 166, 174), (108, 112, 120), (14, 16, 20)),
    ),
    "ood": Look(
        ("star", "cross", "diamond", "arrow", "drop"),
        ("octagon", "shield", "honeycomb", "barrel", "house"),
        (196, 214, 206),
        (250, 246, 232),
        (20, 54, 66),
        ((255, 255, 255), (184, 222, 228), (104, 176, 190), (40, 112, 132), (8, 46, 60)),
    ),
}
"""Looks of the usual splits, and of ``ood`` alone."""


def panel_box(index: int) -> Box:
    """Where the panel of a matrix is, in reading order from 0."""
    left, top = 47 + 44 * (index % 3), 1 + 44 * (index // 3)
    return left, top, left + 42, top + 42


def choice_box(index: int) -> Box:
    """Where a choice is, in reading order from 0."""
    left, top = 17 + 54 * (index % 4), 137 + 43 * (index // 4)
    return left, top, left + 42, top + 42


def draw_matrix(
    names: Sequence[str], panels: Sequence[tuple[int, ...]], choices: Sequence[tuple[int, ...]], size: int, look: Look
) -> np.ndarray:
    """A new picture, uint8 (size, size, 3).

    Args:
        names: attributes of a panel.
        panels: the eight known ones, in reading order.
        choices: the eight choices.
        size: side of the picture in pixels.
        look: shapes and colours.
    """
    image = ground(size, look.paper)
    for index, panel in enumerate(panels):
        _put(image, panel_box(index), dict(zip(names, panel, strict=True)), look)
    _put(image, panel_box(8), {}, look)
    left, top, right, bottom = (edge * size / CANVAS for edge in panel_box(8))
    draw_text(image, "?", (left + right) / 2, (top + bottom) / 2, 0.8 * (bottom - top), look.edge, bold=True)
    for index, panel in enumerate(choices):
        box = choice_box(index)
        _put(image, box, dict(zip(names, panel, strict=True)), look)
        x, y = (box[0] - 7) * size / CANVAS, (box[1] + 8) * size / CANVAS
        draw_text(image, str(index + 1), x, y, max(7, 17 * size / CANVAS), look.edge, bold=True)
    return image


def draw_cross(image: np.ndarray, index: int, look: Look) -> None:
    """Cross a choice out, in place."""
    strokes = _cross(index, image.shape[0], look)
    if strokes is not None:
        strokes[0].press(image[strokes[1]])


@lru_cache(maxsize=64)
def _cross(index: int, size: int, look: Look) -> Inked | None:
    scale = size / CANVAS
    left, top, right, bottom = (edge * scale for edge in choice_box(index))
    width = max(1.5, 3 * scale)
    strokes = [line(left, top, right, bottom, width, look.edge), line(left, bottom, right, top, width, look.edge)]
    return inked((size, size), strokes, _CROSS)


def _put(image: np.ndarray, box: Box, values: dict[str, int], look: Look) -> None:
    scale = image.shape[0] / CANVAS
    left, top, right, bottom = (round(edge * scale) for edge in box)
    image[top:bottom, left:right] = _panel(tuple(values.items()), bottom - top, right - left, look)


@lru_cache(maxsize=8192)
def _panel(items: tuple[tuple[str, int], ...], height: int, width: int, look: Look) -> np.ndarray:
    """One panel, read-only uint8 (height, width, 3)."""
    values = dict(items)
    image = _empty_panel(values.get("frame"), height, width, look).copy()
    for x, y, reach in _spots(values, height):
        figure, drawn = _figure(values["shape"], values["shade"], reach, max(1.0, height / 30), look)
        left, top = round(width / 2 + x - figure.shape[1] / 2), round(height / 2 + y - figure.shape[0] / 2)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), left + figure.shape[1], top + figure.shape[0]
        part = np.s_[y0 - top : height - top, x0 - left : width - left]
        np.copyto(image[y0:y1, x0:x1], figure[part], where=drawn[part])
    image.flags.writeable = False
    return image


@lru_cache(maxsize=256)
def _empty_panel(frame: int | None, height: int, width: int, look: Look) -> np.ndarray:
    image = np.full((height, width, 3), look.edge, np.uint8)
    rim = max(1, height // 36)
    image[rim : height - rim, rim : width - rim] = look.panel
    if frame is not None:
        _draw(image, look.frames[frame], _FRAME * height, max(1.0, height / 30), look.panel, look.edge)
    return image


@lru_cache(maxsize=4096)
def _figure(shape: int, shade: int, reach: float, width: float, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """A figure on the ground of a panel, and which of its pixels are drawn."""
    side = 2 * math.ceil(1.05 * reach) + 2
    image = np.full((side, side, 3), look.panel, np.uint8)
    _draw(image, look.shapes[shape], reach, width, look.shades[shade], look.edge)
    inside = np.zeros((side, side, 3), np.uint8)
    _draw(inside, look.shapes[shape], reach, width, (255, 255, 255), (255, 255, 255))
    return image, inside > 0


def _spots(values: dict[str, int], side: int) -> list[tuple[float, float, float]]:
    """Middles of the figures of a panel, from its own middle, and their radius."""
    if not values:
        return []
    if "size" in values:
        inner = 0.55 if "frame" in values else 1.0
        return [(0.0, 0.0, inner * _RADII[values["size"]] * side)]
    mask = values["places"] if "places" in values else (1 << values["number"]) - 1
    pitch = side * (0.19 if "frame" in values else 0.29)
    return [(pitch * (k % 3 - 1), pitch * (k // 3 - 1), 0.45 * pitch) for k in range(9) if mask >> k & 1]


def _draw(image: np.ndarray, name: str, reach: float, width: float, fill: Color, edge: Color) -> None:
    """An outline around the middle of a picture, with its stroke inside."""
    x, y = image.shape[1] / 2, image.shape[0] / 2
    for color, radius in ((edge, reach), (fill, max(0.5, reach - width))):
        ink(image, [Shape(tuple((x + radius * a, y + radius * b) for a, b in _OUTLINES[name]), color)], color)
