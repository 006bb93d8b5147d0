"""Where a geometry figure and its labels go on the picture, with no label on a line or on another label.

Figures are turned, mirrored and fitted, once, on a canvas of 224 units, whatever the size of the picture.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmgym.draw import text_width
from mmgym_puzzles.reasoning.figures import Figure, Point, Problem, bearing

__all__ = ["CANVAS", "GRID_CELLS", "Label", "Layout", "Stroke", "lay_out"]

CANVAS = 224
GRID_CELLS = 8
_MARGIN = 27
_CLEAR = 1.5
"""Least room between a label and a line."""
_TRIES = 24
_HEIGHTS = {"name": 15, "given": 17, "asked": 19, "tick": 12}

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Label:
    """A word on the canvas."""

    text: str
    x: float
    y: float
    role: str
    """``name`` of a point, a number that is ``given``, the x that is ``asked``, or a ``tick`` of the grid."""

    @property
    def height(self) -> int:
        """Height of its line."""
        return _HEIGHTS[self.role]

    @property
    def box(self) -> Box:
        """Where its letters are."""
        width, height = text_width(self.text, self.height, self.role != "given") / 2, 0.32 * self.height
        return self.x - width, self.y - height, self.x + width, self.y + height


@dataclass(frozen=True)
class Stroke:
    """A straight piece of a line or a mark."""

    start: Point
    end: Point
    role: str = "line"
    """``line``, ``dashed``, or ``mark``."""


@dataclass
class Layout:
    """A figure on the canvas, y down."""

    points: dict[str, Point]
    scale: float
    turned: float
    """Degrees by which the figure is turned, counter-clockwise, after mirroring."""
    mirrored: bool
    strokes: list[Stroke]
    circles: list[tuple[Point, float]]
    labels: list[Label]
    crowded: int = 0
    """Labels that touch a line or another label: none, unless no place was found."""

    def direction(self, degrees: float) -> float:
        """A direction of the figure as one of the canvas, in degrees clockwise."""
        return -((180 - degrees if self.mirrored else degrees) + self.turned)

    def free(self, label: Label) -> bool:
        """Whether a label touches no line, circle or other label, and lies on the canvas."""
        left, top, right, bottom = (a + b for a, b in zip(label.box, (-_CLEAR, -_CLEAR, _CLEAR, _CLEAR), strict=True))
        if left < 1 or top < 1 or right > CANVAS - 1 or bottom > CANVAS - 1:
            return False
        for other in self.labels:
            box = other.box
            if left < box[2] + 1 and box[0] < right + 1 and top < box[3] + 1 and box[1] < bottom + 1:
                return False
        for (x, y), radius in self.circles:
            near = math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
            far = math.hypot(max(x - left, right - x), max(y - top, bottom - y))
            if near <= radius + 1 and far >= radius - 1:
                return False
        return not any(_touches(stroke, left, top, right, bottom) for stroke in self.strokes)


def lay_out(problem: Problem, grid: bool, rng: np.random.Generator) -> Layout:
    """Lay out a problem's figure in one of many ways, drawn by `rng`."""
    best: Layout | None = None
    for _ in range(_TRIES):
        turned = 0.0 if grid else 15.0 * int(rng.integers(24))
        layout = _fitted(problem, grid, turned, not grid and bool(rng.integers(2)))
        _place_labels(layout, problem.figure)
        if best is None or layout.crowded < best.crowded:
            best = layout
        if best.crowded == 0:
            break
    assert best is not None
    return best


def _fitted(problem: Problem, grid: bool, turned: float, mirrored: bool) -> Layout:
    figure = problem.figure
    angle, flip = math.radians(turned), -1 if mirrored else 1
    cos, sin = math.cos(angle), math.sin(angle)
    around = {name: (flip * x * cos - y * sin, -(flip * x * sin + y * cos)) for name, (x, y) in figure.points.items()}
    circles = [(around[center], math.dist(around[center], around[on[0]])) for center, on in figure.circles]
    arcs = [(around[center], radius) for center, radius, _, _ in figure.arcs]
    # An arc takes the room of its whole circle: simpler, and a little more air around the figure.
    rounds = [*circles, *arcs]
    xs = [x for x, _ in around.values()] + [x + s * r for (x, _), r in rounds for s in (-1, 1)]
    ys = [y for _, y in around.values()] + [y + s * r for (_, y), r in rounds for s in (-1, 1)]
    if grid:
        xs, ys = [0.0, float(GRID_CELLS)], [0.0, -float(GRID_CELLS)]
    span = max(max(xs) - min(xs), max(ys) - min(ys))
    scale = (CANVAS - 2 * _MARGIN) / span
    shift = (CANVAS / 2 - scale * (max(xs) + min(xs)) / 2, CANVAS / 2 - scale * (max(ys) + min(ys)) / 2)
    points = {name: (shift[0] + scale * x, shift[1] + scale * y) for name, (x, y) in around.items()}
    layout = Layout(points, scale, turned, mirrored, [], [], [])
    for line in figure.lines:
        role = "dashed" if line in problem.dashed else "line"
        layout.strokes.append(Stroke(points[line[0]], points[line[-1]], role))
    layout.circles = [
        (points[center], scale * math.dist(around[center], around[on[0]])) for center, on in figure.circles
    ]
    for center, radius, first, last in figure.arcs:
        layout.strokes += _arc(points[center], radius * scale, layout.direction(first), layout.direction(last), "line")
    _add_marks(layout, figure)
    if grid:
        for k in range(GRID_CELLS + 1):
            layout.labels.append(Label(str(k), shift[0] + scale * k, CANVAS - _MARGIN + 10, "tick"))
            layout.labels.append(Label(str(k), _MARGIN - 11, shift[1] - scale * k, "tick"))
    return layout


def _arc(center: Point, radius: float, first: float, last: float, role: str) -> list[Stroke]:
    steps = max(3, round(abs(last - first) / 12))
    turns = [math.radians(first + (last - first) * k / steps) for k in range(steps + 1)]
    around = [(center[0] + radius * math.cos(t), center[1] + radius * math.sin(t)) for t in turns]
    return [Stroke(a, b, role) for a, b in itertools.pairwise(around)]


def _arms(layout: Layout, names: str) -> tuple[Point, float, float]:
    """The vertex of an angle on the canvas, and the directions of its arms, at most 180 degrees apart."""
    one, vertex, other = (layout.points[name] for name in names)
    first, last = bearing(vertex, one), bearing(vertex, other)
    return vertex, first, first + (last - first + 180) % 360 - 180


def _add_marks(layout: Layout, figure: Figure) -> None:
    seen: dict[str, int] = {}
    for names, _ in figure.angles:
        vertex, first, last = _arms(layout, names)
        seen[names[1]] = seen.get(names[1], -1) + 1
        radius = (14 if abs(last - first) > 40 else 20) + 4 * seen[names[1]]
        layout.strokes += _arc(vertex, radius, first, last, "mark")
    for names in figure.rights:
        (x, y), first, last = _arms(layout, names)
        (ax, ay), (bx, by) = ((9 * math.cos(math.radians(t)), 9 * math.sin(math.radians(t))) for t in (first, last))
        corner = (x + ax + bx, y + ay + by)
        layout.strokes += [Stroke((x + ax, y + ay), corner, "mark"), Stroke(corner, (x + bx, y + by), "mark")]
    for count, group in enumerate(figure.equal, 1):
        for line in group:
            layout.strokes += _ticks(layout.points[line[0]], layout.points[line[1]], count)
    for count, group in enumerate(figure.parallel, 1):
        turn = bearing(*(layout.points[name] for name in group[0]))
        for line in group:
            layout.strokes += _chevrons(layout.points[line[0]], layout.points[line[1]], count, turn)


def _ticks(one: Point, other: Point, count: int) -> list[Stroke]:
    length = math.dist(one, other)
    ux, uy = (other[0] - one[0]) / length, (other[1] - one[1]) / length
    strokes = []
    for k in range(count):
        along = length / 2 + 4 * (k - (count - 1) / 2)
        x, y = one[0] + along * ux, one[1] + along * uy
        strokes.append(Stroke((x - 4.5 * uy, y + 4.5 * ux), (x + 4.5 * uy, y - 4.5 * ux), "mark"))
    return strokes


def _chevrons(one: Point, other: Point, count: int, turn: float) -> list[Stroke]:
    strokes, share = [], 0.66 if math.cos(math.radians(bearing(one, other) - turn)) > 0 else 0.34
    ux, uy = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    for k in range(count):
        x = one[0] + share * (other[0] - one[0]) + 5 * k * ux
        y = one[1] + share * (other[1] - one[1]) + 5 * k * uy
        for side in (-1, 1):
            strokes.append(Stroke((x - 5 * ux - 4 * side * uy, y - 5 * uy + 4 * side * ux), (x, y), "mark"))
    return strokes


def _place_labels(layout: Layout, figure: Figure) -> None:
    for names, text in figure.angles:
        _put(layout, text, _beside_angle(layout, names))
    for names, text in figure.lengths:
        _put(layout, text, _beside_line(layout, names, _width(text)))
    for names, text in figure.areas:
        corners = [layout.points[name] for name in names]
        x, y = (sum(corner[axis] for corner in corners) / len(corners) for axis in (0, 1))
        _put(layout, text, iter([(x, y), (x, y + 5), (x, y - 5), (x - 5, y), (x + 5, y)]))
    for name in figure.points:
        if name.isupper():
            _put(layout, name, _beside_point(layout, figure, name), "name")


def _put(layout: Layout, text: str, places: Iterator[Point], role: str = "") -> None:
    role = role or ("asked" if text == "x" else "given")
    first: Label | None = None
    for x, y in places:
        label = Label(text, x, y, role)
        first = first or label
        if layout.free(label):
            layout.labels.append(label)
            return
    assert first is not None
    layout.labels.append(first)
    layout.crowded += 1


def _width(text: str) -> float:
    role = "asked" if text == "x" else "given"
    return float(text_width(text, _HEIGHTS[role], role == "asked"))


def _beside_angle(layout: Layout, names: str) -> Iterator[Point]:
    (x, y), first, last = _arms(layout, names)
    for distance in range(22, 66, 3):
        for share in (0.5, 0.42, 0.58):
            turn = math.radians(first + share * (last - first))
            yield x + distance * math.cos(turn), y + distance * math.sin(turn)


def _beside_line(layout: Layout, names: str, width: float) -> Iterator[Point]:
    (ax, ay), (bx, by) = (layout.points[name] for name in names)
    length = math.hypot(bx - ax, by - ay) or 1.0
    nx, ny = (ay - by) / length, (bx - ax) / length
    clear = abs(nx) * width / 2 + abs(ny) * 6 + 3.5
    middle = [sum(p[axis] for p in layout.points.values()) / len(layout.points) for axis in (0, 1)]
    outward = 1 if nx * ((ax + bx) / 2 - middle[0]) + ny * ((ay + by) / 2 - middle[1]) >= 0 else -1
    for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74):
        for side in (outward, -outward):
            for more in (0, 3):
                away = side * (clear + more)
                yield ax + share * (bx - ax) + away * nx, ay + share * (by - ay) + away * ny


def _beside_point(layout: Layout, figure: Figure, name: str) -> Iterator[Point]:
    x, y = layout.points[name]
    others = [layout.points[n] for line in figure.lines if name in line for n in line if n != name]
    others = others or [p for n, p in layout.points.items() if n != name]
    pulls = [bearing((x, y), other) for other in others]
    dx, dy = (sum(f(math.radians(p)) for p in pulls) for f in (math.cos, math.sin))
    away = math.degrees(math.atan2(-dy, -dx)) if math.hypot(dx, dy) > 0.1 else pulls[0] + 90
    for distance in (11, 13, 16, 20):
        for turn in (0, 20, -20, 40, -40, 60, -60, 80, -80, 100, -100, 125, -125, 150, -150, 180):
            toward = math.radians(away + turn)
            yield x + distance * math.cos(toward), y + distance * math.sin(toward)


def _touches(stroke: Stroke, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether a straight piece passes through a box (Liang and Barsky)."""
    (x, y), (to_x, to_y) = stroke.start, stroke.end
    if max(x, to_x) < left or min(x, to_x) > right or max(y, to_y) < top or min(y, to_y) > bottom:
        return False
    enter, leave = 0.0, 1.0
    for step, room in ((x - to_x, x - left), (to_x - x, right - x), (y - to_y, y - top), (to_y - y, bottom - y)):
        if step == 0:
            if room < 0:
                return False
        elif step < 0:
            enter = max(enter, room / step)
        else:
            leave = min(leave, room / step)
    return enter <= leave
