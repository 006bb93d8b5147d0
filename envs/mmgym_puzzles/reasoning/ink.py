"""Strokes of one colour laid down together: joints show no seams, and a figure of many lines costs one pass."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from mmgym.draw import Color, Shape, blank
from mmgym_puzzles.stamps import FACTOR, Stamp, coverage

__all__ = ["Inked", "ground", "ink", "inked"]

Inked = tuple[Stamp, tuple[slice, slice]]
"""Strokes of one colour, and the rows and columns of a picture where they lie."""


def ground(size: int, color: Color) -> np.ndarray:
    """A new square picture of one colour, uint8 (size, size, 3)."""
    return _ground(size, color).copy()


@lru_cache(maxsize=64)
def _ground(size: int, color: Color) -> np.ndarray:
    return blank(size, size, color)


def ink(
    image: np.ndarray,
    shapes: Iterable[Shape],
    color: Color,
    origin: tuple[float, float] = (0, 0),
    scale: float = 1.0,
) -> None:
    """Paint the union of some shapes in one colour, in place, with smooth edges.

    Args:
        image: uint8 (height, width, 3).
        shapes: outlines on a canvas, in its units (not in the unit square); their own colours do not count.
        color: what to paint them with.
        origin: the point of the canvas at the upper left corner of the picture.
        scale: pixels per unit of the canvas.
    """
    strokes = inked(image.shape[:2], shapes, color, origin, scale)
    if strokes is not None:
        strokes[0].press(image[strokes[1]])


def inked(
    extent: tuple[int, ...],
    shapes: Iterable[Shape],
    color: Color,
    origin: tuple[float, float] = (0, 0),
    scale: float = 1.0,
) -> Inked | None:
    """What `ink` does to a picture of this height and width, to be done many times; None where it does nothing."""
    outlines = [(np.asarray(shape.points) - origin) * scale for shape in shapes]
    if not outlines:
        return None
    height, width = extent
    corners = np.concatenate(outlines)
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return None
    # Rounded first, so that the last digits of sines, which differ between machines, decide no pixel.
    points = [np.rint(np.round((o - (x0, y0)) * FACTOR - 0.5, 4)).astype(np.int32) for o in outlines]
    return Stamp.of(coverage(y1 - y0, x1 - x0, points), color), (slice(y0, y1), slice(x0, x1))
