"""Flat shapes in the unit square, x to the right and y down: what tiles and pictures are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Color", "Shape", "arc", "disc", "line", "polygon", "rectangle"]

Color = tuple[int, int, int]
"""Red, green, blue, each from 0 to 255."""

_DISC_CORNERS = 64


@dataclass(frozen=True)
class Shape:
    """A filled polygon of one colour."""

    points: tuple[tuple[float, float], ...]
    """Corners (x, y) in the unit square, x to the right, y down."""
    color: Color


def polygon(points: Sequence[tuple[float, float]], color: Color) -> Shape:
    """The polygon with these corners (x, y) in the unit square."""
    return Shape(tuple(points), color)


def rectangle(left: float, top: float, right: float, bottom: float, color: Color) -> Shape:
    """The upright rectangle between two corners of the unit square."""
    return Shape(((left, top), (right, top), (right, bottom), (left, bottom)), color)


def disc(x: float, y: float, radius: float, color: Color, flatten: float = 1.0) -> Shape:
    """The disc around (x, y) in the unit square; `flatten` below 1 makes it a lying ellipse."""
    angles = [2 * math.pi * k / _DISC_CORNERS for k in range(_DISC_CORNERS)]
    return Shape(tuple((x + radius * math.cos(a), y + radius * flatten * math.sin(a)) for a in angles), color)


def line(x: float, y: float, to_x: float, to_y: float, width: float, color: Color) -> Shape:
    """The straight stroke of some width between two points, with square ends."""
    length = math.hypot(to_x - x, to_y - y) or 1.0
    across, along = width / 2 * (to_y - y) / length, width / 2 * (to_x - x) / length
    return polygon(
        [
            (x + across, y - along),
            (to_x + across, to_y - along),
            (to_x - across, to_y + along),
            (x - across, y + along),
        ],
        color,
    )


def arc(x: float, y: float, radius: float, begin: float, end: float, width: float, color: Color) -> Shape:
    """The stroke along a circle around (x, y) from angle `begin` to `end`, in radians, clockwise from the right."""
    steps = max(2, round(_DISC_CORNERS * abs(end - begin) / (2 * math.pi)))
    angles = [begin + (end - begin) * k / steps for k in range(steps + 1)]
    outer = [(x + (radius + width / 2) * math.cos(a), y + (radius + width / 2) * math.sin(a)) for a in angles]
    inner = [(x + (radius - width / 2) * math.cos(a), y + (radius - width / 2) * math.sin(a)) for a in reversed(angles)]
    return polygon(outer + inner, color)
