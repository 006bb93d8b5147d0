"""Dots that an agent puts on the picture: a white disc with a pink one on it, wherever it points."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mmgym.draw import disc
from mmgym_puzzles.stamps import FACTOR, Stamp, coverage

__all__ = ["DOT", "draw_dot", "reach_of"]

DOT = (disc(0.5, 0.5, 0.5, (255, 255, 255)), disc(0.5, 0.5, 0.32, (255, 0, 200)))
"""What a dot is made of, in the unit square."""
_CORNERS = [np.array(shape.points).T for shape in DOT]


def reach_of(size: int) -> float:
    """Pixels from the middle of a dot to its edge, in a picture of some size."""
    return max(2.0, size / 56)


def draw_dot(image: np.ndarray, at: tuple[int, int]) -> None:
    """Draw a dot at a pixel (x, y) of a square picture, in place: to the byte what `mmgym.draw.paint` makes of `DOT`.

    A dot has but few forms, inside the picture and cut by its edges, so each is drawn once and then stamped.
    """
    for part in range(len(DOT)):
        left, right, across = _spans(part, 0, len(image))[at[0]]
        top, bottom, down = _spans(part, 1, len(image))[at[1]]
        _stamp(part, bottom - top, right - left, across, down).press(image[top:bottom, left:right])


@lru_cache(maxsize=32)
def _spans(part: int, axis: int, size: int) -> list[tuple[int, int, bytes]]:
    """For a disc around each pixel of a side: first pixel, last + 1, and its corners from there, in points."""
    middles, reach = np.arange(size)[:, None] + 0.5, reach_of(size)
    low, high = middles - reach, middles + reach
    corners = _CORNERS[part][axis] * (high - low) + low
    first = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    end = np.minimum(np.ceil(corners.max(axis=1)).astype(int), size)
    # As `paint` does it: OpenCV fills an outline too, so halves are rounded inwards, to the middle of the shape.
    points = (corners - first[:, None]) * FACTOR - 0.5
    centers = (points.min(axis=1, keepdims=True) + points.max(axis=1, keepdims=True)) / 2
    points = np.where(points > centers, np.ceil(points - 0.5), np.floor(points + 0.5)).astype(np.int32)
    return [(a, b, row.tobytes()) for a, b, row in zip(first.tolist(), end.tolist(), points, strict=True)]


@lru_cache(maxsize=1024)
def _stamp(part: int, height: int, width: int, across: bytes, down: bytes) -> Stamp:
    corners = np.stack([np.frombuffer(axis, np.int32) for axis in (across, down)], axis=1)
    return Stamp.of(coverage(height, width, [corners]), DOT[part].color)
