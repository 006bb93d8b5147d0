"""Painting shapes onto a picture: smooth edges, in integers, so the same bytes on every machine.

Only the pixels in a shape's bounding box are touched, so that an environment can draw again what changed alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from mmgym.draw.shapes import Color, Shape

__all__ = ["blank", "paint"]

_FACTOR = 4
"""A shape's coverage of a pixel is counted on this many points a side."""
_SMALL = 1024
"""Pixels below which a region is blended the short way."""


def blank(height: int, width: int, color: Color) -> np.ndarray:
    """A picture of one colour, uint8 (height, width, 3)."""
    return np.full((height, width, 3), color, np.uint8)


def paint(image: np.ndarray, shapes: Iterable[Shape], box: tuple[float, float, float, float] | None = None) -> None:
    """Paint shapes onto a picture, in order and in place.

    Args:
        image: uint8 (height, width, 3).
        shapes: what to paint; parts outside the picture are left out.
        box: left, top, right, bottom in pixels: where the unit square of the shapes lies; None for the whole picture.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box or (0, 0, width, height)
    scale, origin = np.array([right - left, bottom - top]), np.array([left, top])
    for shape in shapes:
        corners = np.asarray(shape.points) * scale + origin
        x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0).tolist()
        x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int), (width, height)).tolist()
        if x0 >= x1 or y0 >= y1:
            continue
        mask = np.zeros(((y1 - y0) * _FACTOR, (x1 - x0) * _FACTOR), np.uint8)
        # The half point: corners lie between points, OpenCV's coordinates are their centres. It fills its outline too,
        # so halves are rounded inwards, to the middle of the shape.
        points = (corners - (x0, y0)) * _FACTOR - 0.5
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        points = np.where(points > middle, np.ceil(points - 0.5), np.floor(points + 0.5)).astype(np.int32)
        cv2.fillPoly(mask, [points], 1)
        counted = mask.reshape(y1 - y0, _FACTOR, x1 - x0, _FACTOR).sum(axis=(1, 3), dtype=np.uint16)
        _blend(image[y0:y1, x0:x1], counted, _FACTOR * _FACTOR, shape.color)


def _blend(region: np.ndarray, cover: np.ndarray, whole: int, color: Color) -> None:
    """Lay `color` over `region` in place, where `cover` of `whole` parts of each pixel are covered."""
    cover = cover.astype(np.uint16)
    half = np.uint16(whole // 2)
    if cover.size < _SMALL:
        cover = cover[..., None]
        region[:] = (region * (np.uint16(whole) - cover) + np.array(color, np.uint16) * cover + half) // np.uint16(
            whole
        )
        return
    # Whole arrays of three channels: NumPy is slow where it has to repeat a value for every channel of many pixels.
    keep = np.asarray(cv2.merge([np.uint16(whole) - cover] * 3), np.uint16)
    mixed: np.ndarray = region * keep
    mixed += np.asarray(cv2.merge([cover * np.uint16(channel) + half for channel in color]), np.uint16)
    region[:] = mixed // np.uint16(whole)
