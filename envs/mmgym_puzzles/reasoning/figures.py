"""Geometry figures as data: points, lines, circles, and what is written at them, with what is asked for.

Coordinates are the school's: x to the right, y up, angles in degrees counter-clockwise. A figure whose coordinates fit
its labels can be measured (`measure`), which is how the tests check every answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmgym_puzzles.reasoning.surds import Surd

__all__ = ["PI", "Figure", "Point", "Problem", "Region", "at", "bearing", "between", "foot", "measure", "triangle"]

Point = tuple[float, float]
PI = Surd.of([((1, 1), 1)])  # type: ignore[list-item]


@dataclass(frozen=True)
class Region:
    """A piece of a shaded area: a polygon, or a sector of a circle (360 degrees for all of it)."""

    corners: str = ""
    """Names of the corners of a polygon."""
    center: str = ""
    """Name of the centre of a sector."""
    radius: float = 0.0
    span: tuple[float, float] = (0.0, 360.0)
    """First and last angle of a sector."""
    sign: int = 1
    """1 for what is shaded, -1 for what is cut out of it."""


@dataclass(frozen=True)
class Figure:
    """What is drawn. Points with a capital letter are named in the picture, others only help."""

    points: dict[str, Point]
    lines: tuple[str, ...] = ()
    """Straight lines through points, in order along them: ``BCD`` runs from B through C to D."""
    circles: tuple[tuple[str, str], ...] = ()
    """Centre, and points on the circle."""
    arcs: tuple[tuple[str, float, float, float], ...] = ()
    """Centre, radius, first and last angle."""
    lengths: tuple[tuple[str, str], ...] = ()
    """Two points, and the number written at the line between them, or x."""
    angles: tuple[tuple[str, str], ...] = ()
    """Three points, the vertex in the middle, and the number written there, or x."""
    rights: tuple[str, ...] = ()
    """Marked right angles, as three points."""
    equal: tuple[tuple[str, ...], ...] = ()
    """Groups of lines marked as equally long."""
    parallel: tuple[tuple[str, ...], ...] = ()
    """Groups of lines marked as parallel."""
    shaded: tuple[Region, ...] = ()
    areas: tuple[tuple[str, str], ...] = ()
    """Corners of a polygon, and the number written into it, its area."""
    coordinates: tuple[str, ...] = ()
    """Points whose coordinates are written beside their names, on a grid with axes."""


@dataclass(frozen=True)
class Problem:
    """A figure with a question."""

    figure: Figure
    kind: str
    """``angle``, ``length`` or ``area``: the unit of the answer."""
    answer: Surd
    dashed: tuple[str, ...] = field(default=())
    """Lines of the figure that are drawn dashed."""


def at(origin: Point, degrees: float, distance: float) -> Point:
    """The point some way from another in a direction."""
    turn = math.radians(degrees)
    return origin[0] + distance * math.cos(turn), origin[1] + distance * math.sin(turn)


def between(one: Point, other: Point, share: float = 0.5) -> Point:
    """The point that divides a line, `share` of the way from one end (beyond the ends for other shares)."""
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


def bearing(one: Point, other: Point) -> float:
    """The direction from one point to another in degrees."""
    return math.degrees(math.atan2(other[1] - one[1], other[0] - one[0]))


def foot(point: Point, one: Point, other: Point) -> Point:
    """The foot of the perpendicular from a point to the line through two others."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    return between(one, other, ((point[0] - one[0]) * dx + (point[1] - one[1]) * dy) / (dx * dx + dy * dy))


def triangle(base: float, left: float, right: float) -> tuple[Point, Point, Point]:
    """A triangle: the ends of its base, and the apex over base angles in degrees.

    Raises:
        ValueError: when the angles leave nothing for the apex.
    """
    if left + right >= 175 or min(left, right) <= 0:
        raise ValueError("no such triangle")
    side = base * math.sin(math.radians(right)) / math.sin(math.radians(left + right))
    return (0.0, 0.0), (base, 0.0), at((0.0, 0.0), left, side)


def measure(figure: Figure, kind: str, names: str = "") -> float:
    """A quantity measured in the coordinates.

    Args:
        figure: the figure.
        kind: ``angle`` (the inner angle at the middle one of three points, up to 180), ``length`` (between two points),
            or ``area`` (of the shaded regions, or of a polygon).
        names: the points; for ``area`` empty, or the corners of a polygon.
    """
    points = [figure.points[name] for name in names]
    if kind == "length":
        return math.dist(*points)
    if kind == "angle":
        turn = abs(bearing(points[1], points[0]) - bearing(points[1], points[2])) % 360
        return min(turn, 360 - turn)
    if names:
        return _polygon_area(points)
    return sum(region.sign * _region_area(figure, region) for region in figure.shaded)


def _region_area(figure: Figure, region: Region) -> float:
    if region.corners:
        return _polygon_area([figure.points[name] for name in region.corners])
    return math.radians(region.span[1] - region.span[0]) / 2 * region.radius**2


def _polygon_area(points: Sequence[Point]) -> float:
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2
