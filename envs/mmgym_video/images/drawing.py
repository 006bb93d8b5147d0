"""A large picture drawn on demand: the part that is shown, at the size at which it is shown, never the whole in full.

What is too small to be made out at that size is not drawn: text becomes a grey bar as wide as its room, fine things
are left out. So not one pixel of a picture from afar depends on what is small in it. What a view shows is known
exactly (`Drawing.facts`): only what can be made out in it, upright text that is large enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import cv2
import numpy as np

from mmgym.draw import Color, blank, draw_text, text_width
from mmgym_puzzles.perception.scenes import Thing, box_of, outline
from mmgym_video.images.view import View
from mmgym_video.procedural.stage import LEGIBLE

__all__ = [
    "DRAWN",
    "UPRIGHT",
    "Area",
    "Drawing",
    "Fact",
    "Item",
    "Picture",
    "Stroke",
    "Writing",
    "disc",
    "merged",
    "rect",
    "shape",
]

DRAWN = 8
"""Pixels that a line of text, or another fine thing, must be high to be drawn at all."""
UPRIGHT = 30
"""Degrees that text may lean to either side and still be read."""
_FACTOR = 3
"""Areas and strokes are drawn this many times larger, and averaged down."""
_SHIFT = 4
"""Bits of OpenCV's coordinates after the point."""

Points = tuple[tuple[float, float], ...]


class Picture(Protocol):
    """A picture that is looked at in parts."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in its own pixels."""
        ...

    def part(self, left: float, top: float, right: float, bottom: float, height: int, width: int) -> np.ndarray:
        """A part of it (edges in its own pixels) at a height and width: a fresh uint8 array (height, width, 3)."""
        ...


@dataclass(frozen=True)
class Fact:
    """One thing that a picture shows."""

    what: str
    """What it is, in words."""
    x: float
    """Middle, in pixels of the whole picture from its left."""
    y: float
    """Middle, from its top."""
    text: str | None = ""
    """What is written on it; None where that cannot be read, empty where nothing is."""
    height: float = 0.0
    """Height of the line of text in pixels of the picture. A thing without text that has a height is too fine to be
    made out where that is not `LEGIBLE` pixels."""
    width: float = 0.0
    """Width of the text."""
    angle: int = 0
    """Degrees by which the text is turned anticlockwise."""


@dataclass(frozen=True)
class Area:
    """A filled polygon, in pixels of the whole picture."""

    points: Points
    color: Color
    edge: Color | None = None
    """Colour of its outline; None for none."""
    least: float = 0.0
    """Size of what is fine in it; it is drawn where that is `DRAWN` pixels. 0: always."""

    @cached_property
    def rim(self) -> float:
        """Width of its outline: a twentieth of its size."""
        x, y = zip(*self.points, strict=True)
        return min(max(x) - min(x), max(y) - min(y)) / 20


@dataclass(frozen=True)
class Stroke:
    """A line through points, in pixels of the whole picture."""

    points: Points
    width: float
    color: Color
    least: float = 0.0
    """As that of an `Area`."""


@dataclass(frozen=True)
class Writing:
    """A line of text around a point, in pixels of the whole picture."""

    text: str
    x: float
    y: float
    height: float
    room: float
    """Width of the room that it has: the bar that stands for it from afar is as wide, whatever it says."""
    color: Color
    bar: Color
    """Colour of that bar."""
    angle: int = 0
    """Degrees by which it is turned anticlockwise."""
    bold: bool = True

    @property
    def width(self) -> float:
        """Width of the text."""
        # Letter by letter, each of which is remembered: a table has hundreds of texts that nobody looks at.
        return sum(text_width(letter, 100, self.bold) for letter in self.text) * self.height / 100

    @property
    def least(self) -> float:
        """0: it is always there, if only as a bar."""
        return 0.0

    @property
    def points(self) -> Points:
        """Corners of the bar."""
        return _turned_box(self.x, self.y, 0.9 * self.room, 0.4 * self.height, self.angle)

    def fact(self, what: str) -> Fact:
        """The fact that something says this."""
        return Fact(what, self.x, self.y, self.text, self.height, self.width, self.angle)


Item = Area | Stroke | Writing


@dataclass(frozen=True)
class Drawing:
    """A picture made of items, with what it shows."""

    size: tuple[int, int]
    ground: Color
    items: tuple[Item, ...]
    """Later ones lie over earlier ones; text lies over everything."""
    known: tuple[Fact, ...]
    """What it shows, for one who sees everything."""

    def part(self, left: float, top: float, right: float, bottom: float, height: int, width: int) -> np.ndarray:
        """A part of it at a height and width; see `Picture`."""
        scale = np.array([width / (right - left), height / (bottom - top)])
        points, starts, boxes, least = self._outlines
        apart = (boxes[:, 0] > right) | (boxes[:, 1] > bottom) | (boxes[:, 2] < left) | (boxes[:, 3] < top)
        there = ~apart & ((least == 0) | (least * scale.min() >= DRAWN))
        canvas = np.empty((height * _FACTOR, width * _FACTOR, 3), np.uint8)
        cv2.rectangle(canvas, (0, 0), (canvas.shape[1], canvas.shape[0]), self.ground, -1)  # NumPy takes far longer
        # Half a pixel: corners lie between pixels, OpenCV's coordinates are their centres.
        places = (points - (left, top)) * scale * _FACTOR - 0.5
        corners = np.rint(np.clip(places, -1e6, 1e6) * 2**_SHIFT).astype(np.int32)
        written = []
        for index in np.flatnonzero(there).tolist():
            item = self.items[index]
            if isinstance(item, Writing) and item.height * scale.min() >= DRAWN:
                written.append(item)
            else:
                _paint(canvas, item, corners[starts[index] : starts[index + 1]], float(scale.min()) * _FACTOR)
        image = np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA))
        for item in written:
            x, y = float((item.x - left) * scale[0]), float((item.y - top) * scale[1])
            _write(image, item, x, y, item.height * float(scale.min()))
        return image

    @cached_property
    def _outlines(self) -> tuple[np.ndarray, list[int], np.ndarray, np.ndarray]:
        """All items at once, which is what makes drawing quick.

        Their points (points, 2), one item's after the other's; where each item's begin; left, top, right and bottom of
        the box around each (items, 4); and the `least` of each (items,).
        """
        points: list[tuple[float, float]] = []
        starts, rims = [0], []
        for item in self.items:
            points += item.points
            rims.append(item.height if isinstance(item, Writing) else getattr(item, "width", 0.0) / 2)
            starts.append(len(points))
        corners, rim = np.array(points), np.array(rims)[:, None]
        low, high = (extreme.reduceat(corners, starts[:-1]) for extreme in (np.minimum, np.maximum))
        least = np.array([item.least for item in self.items])
        return corners, starts, np.concatenate([low - rim, high + rim], axis=1), least

    def facts(self, view: View) -> tuple[Fact, ...]:
        """What a view shows, in the order of `known`; the text of what cannot be read in it is None."""
        if not self.known:
            return ()
        left, top, right, bottom = view.part
        places = view.to_canvas([(fact.x, fact.y) for fact in self.known])
        inside = ((places >= (left, top)) & (places <= (right, bottom))).all(axis=1)
        return tuple(
            seen for index in np.flatnonzero(inside).tolist() if (seen := _seen(self.known[index], view)) is not None
        )


def _seen(fact: Fact, view: View) -> Fact | None:
    """What a view shows of a thing whose middle is in it."""
    if not fact.height:
        return fact
    large = fact.height * min(view.scale) >= LEGIBLE - 1e-6
    if not fact.text:
        return fact if large else None
    lean = (fact.angle + view.angle + 180) % 360 - 180
    ends = _turned_box(fact.x, fact.y, fact.width, fact.height / 2, fact.angle)
    readable = large and abs(lean) <= UPRIGHT and view.holds(ends)
    return fact if readable else Fact(fact.what, fact.x, fact.y, None)


def _turned_box(x: float, y: float, width: float, height: float, angle: int) -> Points:
    """Corners of a box around a point, turned by so many degrees anticlockwise."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    corners = ((-width, -height), (width, -height), (width, height), (-width, height))
    return tuple((x + (a * cos + b * sin) / 2, y + (b * cos - a * sin) / 2) for a, b in corners)


def _paint(canvas: np.ndarray, item: Item, corners: np.ndarray, scale: float) -> None:
    """Draw an item, a text as a bar; its points are in OpenCV's fine coordinates."""
    if isinstance(item, Stroke):
        wide = max(1, round(item.width * scale))
        cv2.polylines(canvas, [corners], False, item.color, wide, cv2.LINE_8, _SHIFT)
        return
    cv2.fillPoly(canvas, [corners], item.bar if isinstance(item, Writing) else item.color, cv2.LINE_8, _SHIFT)
    if isinstance(item, Area) and item.edge is not None:
        cv2.polylines(canvas, [corners], True, item.edge, max(1, round(item.rim * scale)), cv2.LINE_8, _SHIFT)


def _write(image: np.ndarray, item: Writing, x: float, y: float, height: float) -> None:
    if not item.angle:
        draw_text(image, item.text, x, y, height, item.color, bold=item.bold)
        return
    high, wide = round(height), text_width(item.text, height, item.bold)
    level = blank(high, wide, (0, 0, 0))
    draw_text(level, item.text, wide / 2, high / 2, height, (255, 255, 255), bold=item.bold)
    rows, columns = image.shape[:2]
    corners = np.array(_turned_box(x, y, wide, high, item.angle))
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    end = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, (columns, rows))
    if (low >= end).any():
        return
    target = (corners[[0, 1, 3]] - low - 0.5).astype(np.float32)
    matrix = cv2.getAffineTransform(np.array([(0, 0), (wide, 0), (0, high)], np.float32) - np.float32(0.5), target)
    cover = cv2.warpAffine(level[..., 0], matrix, (int(end[0] - low[0]), int(end[1] - low[1])), flags=cv2.INTER_LINEAR)
    share = cover.astype(np.uint32)[..., None]
    region = image[low[1] : end[1], low[0] : end[0]]
    region[:] = (region * (255 - share) + np.array(item.color, np.uint32) * share + 127) // 255


def rect(left: float, top: float, right: float, bottom: float, color: Color, least: float = 0.0) -> Area:
    """An upright rectangle."""
    return Area(((left, top), (right, top), (right, bottom), (left, bottom)), color, None, least)


def disc(x: float, y: float, radius: float, color: Color, edge: Color | None = None, least: float = 0.0) -> Area:
    """A disc."""
    return Area(tuple((x + radius * a, y + radius * b) for a, b in _CIRCLE), color, edge, least)


_CIRCLE = tuple((math.cos(2 * math.pi * k / 32), math.sin(2 * math.pi * k / 32)) for k in range(32))


def shape(
    name: str, x: float, y: float, size: float, color: Color, edge: Color | None = None, least: float = 0.0
) -> Area:
    """One of `mmgym_puzzles.perception.scenes.SHAPES`, its longer side `size`."""
    return Area(tuple((x + a * size, y + b * size) for a, b in _unit_shape(name)), color, edge, least)


@lru_cache
def _unit_shape(name: str) -> Points:
    """Corners of a shape around (0, 0), its longer side 1."""
    corners = outline(name, box_of(Thing(name, "", 500, 500, 1000), 1000)) / 1000 - 0.5
    return tuple((float(x), float(y)) for x, y in corners)


def merged(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Facts of several views without repetition: each thing once, with its text if that was read in any of them."""
    found: dict[tuple[str, float, float], Fact] = {}
    for fact in facts:
        known = found.get((fact.what, fact.x, fact.y))
        if known is None or known.text is None:
            found[fact.what, fact.x, fact.y] = fact
    return tuple(found.values())
