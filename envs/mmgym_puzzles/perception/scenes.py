"""Scenes of many small things, each of one shape, colour, size and place, drawn so that the ground truth is exact.

Lengths are thousandths of the picture's side. A thing's box is its outline's, to the pixel; things that come later
in a scene lie over earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color
from mmgym.draw.paint import _blend

__all__ = [
    "COLORS",
    "LOOKS",
    "NEAR",
    "SHAPES",
    "Box",
    "Kinds",
    "Look",
    "Scene",
    "Thing",
    "bands",
    "box_of",
    "draw_kinds",
    "draw_scene",
    "draw_thing",
    "ground",
    "inner_pixel",
    "inventory",
    "look_of",
    "outline",
    "place",
    "plural",
    "scene_questions",
    "things_at",
]

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, right and bottom outside."""


@dataclass(frozen=True)
class Thing:
    """One thing of a scene."""

    shape: str
    color: str
    x: int
    """Middle, thousandths from the left."""
    y: int
    """Middle, thousandths from the top."""
    size: int
    """Longer side of its box, in thousandths."""

    @property
    def name(self) -> str:
        """Its colour and shape, such as ``red circle``."""
        return f"{self.color} {self.shape}"


Scene = tuple[Thing, ...]


def _ring(corners: int, radii: Sequence[float], turn: float = -0.25) -> list[tuple[float, float]]:
    angles = [2 * math.pi * (k / corners + turn) for k in range(corners)]
    return [(r * math.cos(a), r * math.sin(a)) for a, r in zip(angles, list(radii) * corners, strict=False)]


def _heart() -> list[tuple[float, float]]:
    angles = [2 * math.pi * k / 48 for k in range(48)]
    wave = [(13, 1), (-5, 2), (-2, 3), (-1, 4)]
    return [(16 * math.sin(a) ** 3, -sum(c * math.cos(k * a) for c, k in wave)) for a in angles]


_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "circle": _ring(48, [1.0]),
    "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
    "triangle": [(0.5, 0), (1, 0.9), (0, 0.9)],
    "star": _ring(10, [1.0, 0.45]),
    "heart": _heart(),
    "diamond": [(0.38, 0), (0.76, 0.5), (0.38, 1), (0, 0.5)],
    "cross": [(a / 3, b / 3) for a, b in ((1, 0), (2, 0), (2, 1), (3, 1), (3, 2), (2, 2), (2, 3), (1, 3), (1, 2))]
    + [(0, 2 / 3), (0, 1 / 3), (1 / 3, 1 / 3)],
    "house": [(0.5, 0), (1, 0.42), (0.86, 0.42), (0.86, 1), (0.14, 1), (0.14, 0.42), (0, 0.42)],
    "tree": [(5, 0), (8, 5), (6.6, 5), (9.5, 10), (6, 10), (6, 13), (4, 13), (4, 10), (0.5, 10), (3.4, 5), (2, 5)],
    "fish": [
        (0, 3),
        (2, 1),
        (4.5, 0),
        (7, 1.4),
        (8.2, 2.4),
        (10, 0.4),
        (10, 5.6),
        (8.2, 3.6),
        (7, 4.6),
        (4.5, 6),
        (2, 5),
    ],
}


def _framed(points: list[tuple[float, float]]) -> tuple[np.ndarray, float, float]:
    """Corners stretched to the unit square, and width and height of the outline with the longer side 1."""
    corners = np.array(points, dtype=np.float64)
    low, span = corners.min(axis=0), np.ptp(corners, axis=0)
    width, height = (span / span.max()).tolist()
    # Rounded, so that the last digits of sine and cosine, which differ between machines, never decide a pixel.
    return np.round((corners - low) / span, 6), width, height


_FRAMED = {name: _framed(points) for name, points in _OUTLINES.items()}
SHAPES = tuple(_FRAMED)
"""Names of the shapes."""
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "black", "pink")
"""Names of the colours."""
NEAR = {
    "red": ("orange", "pink"),
    "orange": ("red", "yellow"),
    "yellow": ("orange", "green"),
    "green": ("blue", "yellow"),
    "blue": ("purple", "green"),
    "purple": ("blue", "pink"),
    "pink": ("purple", "red"),
    "black": ("purple", "blue"),
}
"""The colours that are most easily taken for each."""


@dataclass(frozen=True)
class Look:
    """Shades of a scene."""

    ground: Color
    stripe: Color
    """Of the ground, in bands."""
    edge: Color
    """Outline of the things."""
    shades: dict[str, Color]
    """Colours by name."""


LOOKS = {
    "usual": Look(
        ground=(246, 243, 235),
        stripe=(246, 243, 235),
        edge=(52, 50, 56),
        shades={
            "red": (214, 40, 40),
            "green": (44, 152, 62),
            "blue": (38, 96, 208),
            "yellow": (250, 208, 40),
            "purple": (124, 58, 170),
            "orange": (246, 134, 26),
            "black": (36, 36, 40),
            "pink": (248, 150, 190),
        },
    ),
    "ood": Look(
        ground=(186, 206, 214),
        stripe=(172, 194, 204),
        edge=(255, 255, 255),
        shades={
            "red": (190, 22, 52),
            "green": (22, 122, 78),
            "blue": (30, 72, 176),
            "yellow": (238, 196, 20),
            "purple": (98, 40, 150),
            "orange": (226, 108, 10),
            "black": (20, 22, 26),
            "pink": (240, 128, 172),
        },
    ),
}
"""Looks of the usual splits, and of ``ood`` alone."""


def look_of(split: str) -> Look:
    """The look of a split."""
    return LOOKS["ood" if split == "ood" else "usual"]


@dataclass(frozen=True)
class Kinds:
    """What things to draw."""

    things: tuple[int, int]
    """Fewest and most things."""
    colors: int
    """Different colours at most."""
    shapes: int
    """Different shapes at most."""
    sizes: tuple[int, int]
    """Smallest and largest thing, in thousandths of the picture's side."""
    names: tuple[str, ...] = SHAPES
    """Shapes to draw from."""


def draw_kinds(rng: np.random.Generator, kinds: Kinds) -> Scene:
    """Things drawn from a few colours and shapes, the largest first, that have no place yet."""
    count = int(rng.integers(kinds.things[0], kinds.things[1] + 1))
    colors, shapes = rng.permutation(len(COLORS))[: kinds.colors], rng.permutation(len(kinds.names))[: kinds.shapes]
    # One call for all: drawing candidates must be cheap.
    of_shape, of_color, size = rng.random((3, count))
    sizes = np.sort(kinds.sizes[0] + (size * (kinds.sizes[1] + 1 - kinds.sizes[0])).astype(int))[::-1]
    drawn = zip(
        shapes[(of_shape * len(shapes)).astype(int)].tolist(),
        colors[(of_color * len(colors)).astype(int)].tolist(),
        sizes.tolist(),
        strict=True,
    )
    return tuple([Thing(kinds.names[shape], COLORS[color], 0, 0, size) for shape, color, size in drawn])


def scene_questions(scene: Scene, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Questions about what a scene shows, each with its exact answer."""
    shape, color = SHAPES[int(rng.integers(len(SHAPES)))], COLORS[int(rng.integers(len(COLORS)))]
    asked = [
        ("How many things are there in all?", str(len(scene))),
        (f"How many {plural(shape)} are there?", str(sum(thing.shape == shape for thing in scene))),
        (f"How many {color} things are there?", str(sum(thing.color == color for thing in scene))),
    ]
    for end, place_of in (("leftmost", lambda t: t.x), ("topmost", lambda t: t.y)):
        first, *others = sorted(scene, key=place_of)
        if not others or place_of(others[0]) - place_of(first) >= 25:
            asked.append((f"What is the {end} thing?", first.name))
    return asked


def plural(shape: str) -> str:
    """The word for several things of a shape (or of any shape, ``thing``)."""
    return {"cross": "crosses", "fish": "fish"}.get(shape, f"{shape}s")


def inventory(scene: Scene) -> list[tuple[str, str, int]]:
    """What there is in a scene, wherever it lies: shape, colour and size of the things, in order."""
    return sorted((thing.shape, thing.color, thing.size) for thing in scene)


def place(rng: np.random.Generator, scene: Scene, closest: float, margin: int = 12, tries: int = 60) -> Scene | None:
    """The things of a scene at places drawn anew, or None where no room was found.

    Args:
        rng: what draws the places.
        scene: the things; where the largest come first, more find room, and no smaller one is hidden.
        closest: least distance of two middles over half the sum of their sizes; below .75 middles may be covered.
        margin: least room between a thing and the edge of the picture.
        tries: places tried for each thing.
    """
    found: list[tuple[int, int, int]] = []
    for thing in scene:
        low, high = margin + thing.size // 2 + 1, 1000 - margin - thing.size // 2 - 1
        for x, y in rng.integers(low, high, (tries, 2)).tolist():
            if all((x - a) ** 2 + (y - b) ** 2 >= (closest * (thing.size + size) / 2) ** 2 for a, b, size in found):
                found.append((x, y, thing.size))
                break
        else:
            return None
    return tuple(Thing(t.shape, t.color, x, y, t.size) for t, (x, y, _) in zip(scene, found, strict=True))


def box_of(thing: Thing, side: int, view: tuple[float, float, float] = (0, 0, 1000)) -> Box:
    """The box of a thing in a picture of `side` pixels that shows the square `view` (left, top, side) of the scene."""
    left, top, shown = view
    scale = side / shown
    _, width, height = _FRAMED[thing.shape]
    wide, high = max(3, round(thing.size * width * scale)), max(3, round(thing.size * height * scale))
    x, y = round((thing.x - left) * scale - wide / 2), round((thing.y - top) * scale - high / 2)
    return x, y, x + wide, y + high


_FACTOR = 4
"""A shape's coverage of a pixel is counted on this many points a side."""


@lru_cache(maxsize=8192)
def _covers(shape: str, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel a shape covers, with its outline and without, read-only uint8 (height, width)."""
    fine = np.array([width, height]) * _FACTOR
    corners = np.rint(_FRAMED[shape][0] * fine - 0.5).clip(0, fine - 1).astype(np.int32)
    outer = np.zeros(tuple(fine[::-1].tolist()), np.uint8)
    cv2.fillPoly(outer, [corners], 1)
    reach = round(_FACTOR * max(0.6, min(width, height) / 20))
    around = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    inner = cv2.erode(np.pad(outer, reach), around.astype(np.uint8))[reach:-reach, reach:-reach]
    covers = tuple(
        (fill.reshape(height, _FACTOR, width, _FACTOR).sum(axis=(1, 3), dtype=np.uint16) * 255 // _FACTOR**2).astype(
            np.uint8
        )
        for fill in (outer, inner)
    )
    for cover in covers:
        cover.flags.writeable = False
    return covers[0], covers[1]


def draw_thing(image: np.ndarray, thing: Thing, look: Look, box: Box) -> None:
    """Draw one thing into its box of a picture, in place; parts outside the picture are left out."""
    left, top, right, bottom = box
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, image.shape[1]), min(bottom, image.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    outer, inner = _covers(thing.shape, right - left, bottom - top)
    _blend(image[y0:y1, x0:x1], outer[inside], 255, look.edge)
    _blend(image[y0:y1, x0:x1], inner[inside], 255, look.shades[thing.color])


def outline(shape: str, box: Box) -> np.ndarray:
    """Corners of a shape in a box, float (corners, 2), x and y."""
    left, top, right, bottom = box
    corners: np.ndarray = _FRAMED[shape][0] * (right - left, bottom - top) + (left, top)
    return corners


def ground(side: int, look: Look, view: tuple[float, float, float] = (0, 0, 1000)) -> np.ndarray:
    """An empty picture, uint8 (side, side, 3), of the square `view` (left, top, side) of the scene."""
    rows = np.repeat(np.array([[look.stripe], [look.ground]], np.uint8), side, axis=1)
    image: np.ndarray = rows[bands(side, view)]
    return image


def bands(side: int, view: tuple[float, float, float]) -> np.ndarray:
    """For each row of an empty picture whether it has the colour of the stripes (0) or of the ground (1)."""
    _, top, shown = view
    rows: np.ndarray = ((np.arange(side) * shown / side + top) * 12 // 1000).astype(int) % 2
    return rows


def draw_scene(scene: Scene, side: int, look: Look) -> np.ndarray:
    """A new picture of a scene, uint8 (side, side, 3)."""
    image = ground(side, look)
    for thing in scene:
        draw_thing(image, thing, look, box_of(thing, side))
    return image


def things_at(scene: Scene, side: int, x: int, y: int) -> int | None:
    """Index of the thing that is seen at a pixel, or None where the ground is."""
    for index in reversed(range(len(scene))):
        left, top, right, bottom = box_of(scene[index], side)
        if left <= x < right and top <= y < bottom:
            cover = _covers(scene[index].shape, right - left, bottom - top)[0]
            if cover[y - top, x - left] >= 128:
                return index
    return None


def inner_pixel(scene: Scene, side: int, index: int) -> tuple[int, int]:
    """The pixel (x, y) nearest to the middle of a thing at which it is seen.

    Raises:
        ValueError: where it is hidden.
    """
    left, top, right, bottom = box_of(scene[index], side)
    pixels = [(x, y) for y in range(max(top, 0), min(bottom, side)) for x in range(max(left, 0), min(right, side))]
    for x, y in sorted(pixels, key=lambda p: (2 * p[0] + 1 - left - right) ** 2 + (2 * p[1] + 1 - top - bottom) ** 2):
        if things_at(scene, side, x, y) == index:
            return x, y
    raise ValueError(f"{scene[index]} is hidden in a picture of {side} pixels")
