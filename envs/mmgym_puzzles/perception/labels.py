"""Scenes whose things bear small labels, drawn from afar or near; from afar every label looks the same.

Views are squares of the scene: left, top and side in millionths of its side. Labels show what they say only in a view
that is near enough; else there is a grey bar, the same for all, so that no picture from afar holds anything of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, draw_text
from mmgym_puzzles.perception.scenes import COLORS, Look, Scene, Thing, bands, box_of, outline

__all__ = ["WHOLE", "Lettering", "Tag", "View", "draw_view", "inside", "tag_box"]

View = tuple[int, int, int]
"""Left, top and side of a square of the scene, in millionths of the scene's side."""
WHOLE: View = (0, 0, 1_000_000)
"""The view of the whole scene."""

_FACTOR = 2
"""The picture is drawn this many times larger and averaged down."""
_PLATE, _INK, _BLUR = (255, 255, 255), (20, 20, 24), (150, 150, 154)
_STRIPE, _GROUND, _EDGE, _WHITE, _BLACK, _GREY, _FIRST = range(7)
"""What a view is drawn in first: numbers of colours, which take half a byte each. The shades of things follow."""
_NUMBERS = {name: _FIRST + k for k, name in enumerate(COLORS)}


@dataclass(frozen=True)
class Tag:
    """What a thing bears."""

    text: str
    """What its label says."""
    emblem: str = ""
    """Shape of the small emblem over the label; empty where there is none."""


@dataclass(frozen=True)
class Lettering:
    """How large labels are."""

    height: int
    """Height of a line of a label, in millionths of the scene's side."""
    zoom: int
    """How many times larger than in the whole scene things must be shown for labels to be legible."""

    def legible(self, view: View) -> bool:
        """Whether labels show what they say in a view."""
        return view[2] * self.zoom <= WHOLE[2]


def tag_box(thing: Thing, tag: Tag, lettering: Lettering) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, in millionths, of a thing's label and emblem together."""
    high = lettering.height
    half = high * (13 * len(tag.text) + 12) // 40
    x, y = thing.x * 1000, thing.y * 1000
    return x - half, y - (high * 5 // 2 if tag.emblem else high * 5 // 8), x + half, y + high * 5 // 8


def inside(box: tuple[int, int, int, int], view: View) -> bool:
    """Whether a box lies wholly in a view."""
    left, top, side = view
    return left <= box[0] and box[2] <= left + side and top <= box[1] and box[3] <= top + side


def draw_view(
    scene: Scene, tags: tuple[Tag, ...], lettering: Lettering, view: View, size: int, look: Look
) -> np.ndarray:
    """A new picture of a view, uint8 (size, size, 3)."""
    seen = (view[0] / 1000, view[1] / 1000, view[2] / 1000)
    wide, legible = size * _FACTOR, lettering.legible(view)
    canvas = np.repeat(bands(wide, seen).astype(np.uint8)[:, None], wide, axis=1)
    lines = []
    for thing, tag in zip(scene, tags, strict=True):
        left, top, right, bottom = box = box_of(thing, wide, seen)
        if left >= wide or top >= wide or right <= 0 or bottom <= 0:
            continue
        corners = np.rint(outline(thing.shape, box)).astype(np.int32)
        cv2.fillPoly(canvas, [corners], _NUMBERS[thing.color])
        cv2.polylines(canvas, [corners], True, _EDGE, max(1, min(right - left, bottom - top) // 18))
        place = _draw_tag(canvas, thing, tag, lettering, view)
        if legible:
            lines.append((tag.text, *place))
    image = _averaged(canvas, look)
    for text, x, y in lines:
        draw_text(image, text, x / _FACTOR, y / _FACTOR, lettering.height * size / view[2], _INK, bold=True)
    return image


def _averaged(canvas: np.ndarray, look: Look) -> np.ndarray:
    """The picture of a canvas of numbers of colours: each pixel is the mean of its two by two points."""
    pairs = canvas[::2] << 4
    pairs |= canvas[1::2]
    colors = (look.stripe, look.ground, look.edge, _PLATE, _INK, _BLUR, *(look.shades[name] for name in COLORS))
    mixed = np.take(_mixtures(colors), pairs.view(np.uint16))
    image: np.ndarray = cv2.cvtColor(mixed.view(np.uint8).reshape(*mixed.shape, 4), cv2.COLOR_RGBA2RGB)
    return image


@lru_cache(maxsize=8)
def _mixtures(colors: tuple[Color, ...]) -> np.ndarray:
    """The mean of each four of at most 16 colours: red, green, blue and nothing in the bytes of a number, (65536,)."""
    shades = np.zeros((16, 4), np.uint16)
    shades[: len(colors), :3] = colors
    pairs = (shades[:, None] + shades).reshape(256, 4)
    fours = (pairs[:, None] + pairs + 2) >> 2
    return fours.astype(np.uint8).view(np.uint32).ravel()


def _draw_tag(canvas: np.ndarray, thing: Thing, tag: Tag, lettering: Lettering, view: View) -> tuple[float, float]:
    """Draw a thing's emblem, its plate and, where that is not legible, the bar; return the middle of the plate."""
    scale, legible = canvas.shape[0] / view[2], lettering.legible(view)
    edges = tag_box(thing, Tag(tag.text), lettering)
    left, top, right, bottom = (scale * (edge - view[k % 2]) for k, edge in enumerate(edges))
    high, x, y = lettering.height * scale, (left + right) / 2, (top + bottom) / 2
    _fill(canvas, left, top, right, bottom, _WHITE)
    if not legible:
        _fill(
            canvas, left + 0.15 * (right - left), y - 0.2 * high, right - 0.15 * (right - left), y + 0.2 * high, _GREY
        )
    if tag.emblem:
        _fill(canvas, x - 0.85 * high, y - 2.4 * high, x + 0.85 * high, y - 0.7 * high, _WHITE)
        if legible:
            corners = outline(tag.emblem, box_of(Thing(tag.emblem, "", 500, 500, 1000), 1000)) / 1000 - 0.5
            corners = corners * 1.3 * high + (x, y - 1.55 * high)
            cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], _BLACK)
        else:
            _fill(canvas, x - 0.4 * high, y - 1.95 * high, x + 0.4 * high, y - 1.15 * high, _GREY)
    return x, y


def _fill(canvas: np.ndarray, left: float, top: float, right: float, bottom: float, color: int) -> None:
    """Fill a rectangle of at least one pixel."""
    x0, y0 = max(0, round(left)), max(0, round(top))
    x1, y1 = max(round(left) + 1, round(right), 0), max(round(top) + 1, round(bottom), 0)
    canvas[y0:y1, x0:x1] = color
