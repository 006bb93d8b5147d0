"""Strokes of one colour laid down together: joints show no seams, and a figure of many lines costs one pass."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, Shape, blank
from mmgym.draw.paint import _blend

__all__ = ["ground", "ink"]

_FACTOR = 4


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
    outlines = [(np.asarray(shape.points) - origin) * scale for shape in shapes]
    if not outlines:
        return
    height, width = image.shape[:2]
    corners = np.concatenate(outlines)
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return
    mask = np.zeros(((y1 - y0) * _FACTOR, (x1 - x0) * _FACTOR), np.uint8)
    for outline in outlines:
        # Rounded first, so that the last digits of sines, which differ between machines, decide no pixel.
        points = np.rint(np.round((outline - (x0, y0)) * _FACTOR - 0.5, 4)).astype(np.int32)
        cv2.fillPoly(mask, [points], 1)
    rows = mask[0::4] + mask[1::4] + mask[2::4] + mask[3::4]
    cover = rows[:, 0::4] + rows[:, 1::4] + rows[:, 2::4] + rows[:, 3::4]
    _blend(image[y0:y1, x0:x1], cover, _FACTOR * _FACTOR, color)
