"""A part of a picture that may be turned, at the size at which it is shown: where each point of the picture lands.

A turned picture lies on a canvas just large enough to hold it, as a page that is turned lies on a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from mmgym_video.pictures import WHOLE, Box

__all__ = ["TABLE", "View", "canvas_size"]

TABLE = (128, 128, 128)
"""Colour of the canvas beside the picture."""
_QUARTERS = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}
"""Cosine and sine where they are whole, so that quarter turns are exact."""


def _cos_sin(angle: int) -> tuple[float, float]:
    return _QUARTERS.get(angle % 360) or (math.cos(math.radians(angle)), math.sin(math.radians(angle)))


def canvas_size(size: tuple[int, int], angle: int) -> tuple[float, float]:
    """Height and width of the canvas of a picture of this height and width that is turned by so many degrees."""
    cos, sin = (abs(value) for value in _cos_sin(angle))
    return size[0] * cos + size[1] * sin, size[0] * sin + size[1] * cos


@dataclass(frozen=True)
class View:
    """A part of a picture as it is shown. Points are arrays (..., 2) of x and y."""

    size: tuple[int, int]
    """Height and width of the whole picture in its own pixels."""
    shown: tuple[int, int]
    """Height and width at which the part is shown, in pixels."""
    box: Box = WHOLE
    """The part, as shares of the canvas."""
    angle: int = 0
    """Degrees by which the picture is turned anticlockwise."""

    @cached_property
    def part(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the part on the canvas, in pixels of the picture."""
        height, width = canvas_size(self.size, self.angle)
        left, top, right, bottom = self.box
        return left * width, top * height, right * width, bottom * height

    @property
    def scale(self) -> tuple[float, float]:
        """Shown pixels for each of the picture's, across and down."""
        left, top, right, bottom = self.part
        return self.shown[1] / (right - left), self.shown[0] / (bottom - top)

    def to_canvas(self, points: Any) -> np.ndarray:
        """Where points of the picture, in its pixels, lie on the canvas."""
        cos, sin = _cos_sin(self.angle)
        height, width = canvas_size(self.size, self.angle)
        turned = (np.asarray(points, float) - (self.size[1] / 2, self.size[0] / 2)) @ [[cos, -sin], [sin, cos]]
        return np.add(turned, (width / 2, height / 2))

    def from_canvas(self, points: Any) -> np.ndarray:
        """The inverse of `to_canvas`."""
        cos, sin = _cos_sin(self.angle)
        height, width = canvas_size(self.size, self.angle)
        turned = (np.asarray(points, float) - (width / 2, height / 2)) @ [[cos, sin], [-sin, cos]]
        return np.add(turned, (self.size[1] / 2, self.size[0] / 2))

    def to_shown(self, points: Any) -> np.ndarray:
        """Where points of the picture, in its pixels, are shown, in shown pixels."""
        shown: np.ndarray = (self.to_canvas(points) - self.part[:2]) * self.scale
        return shown

    def from_share(self, points: Any) -> np.ndarray:
        """Points given as shares of what is shown, in pixels of the picture."""
        left, top, right, bottom = self.part
        return self.from_canvas(np.asarray(points, float) * (right - left, bottom - top) + (left, top))

    def holds(self, points: Any) -> bool:
        """Whether all of the points of the picture are shown."""
        x, y = np.moveaxis(self.to_canvas(points), -1, 0)
        left, top, right, bottom = self.part
        return bool(np.all((left <= x) & (x <= right) & (top <= y) & (y <= bottom)))

    def turned(self, degrees: int) -> tuple[Box, int]:
        """Box and angle of a view of the same things, turned further anticlockwise; the box is within the canvas."""
        left, top, right, bottom = self.part
        corners = self.from_canvas([(left, top), (right, top), (right, bottom), (left, bottom)])
        angle = (self.angle + degrees) % 360
        height, width = canvas_size(self.size, angle)
        x, y = np.moveaxis(View(self.size, self.shown, WHOLE, angle).to_canvas(corners) / (width, height), -1, 0)
        edges = (x.min(), y.min(), x.max(), y.max())
        x0, y0, x1, y1 = (min(max(round(float(edge), 9), 0.0), 1.0) for edge in edges)
        return (x0, y0, x1, y1), angle

    def warped(self, upright: np.ndarray, origin: tuple[float, float], scale: tuple[float, float]) -> np.ndarray:
        """What is shown, made from an upright part of the picture: uint8 (height, width, 3).

        Args:
            upright: uint8 (any height, any width, 3).
            origin: its left upper corner, in pixels of the picture.
            scale: its pixels for each of the picture's, across and down.
        """
        height, width = self.shown
        corners = self.from_share([(0, 0), (1, 0), (0, 1)])
        source = ((corners - origin) * scale - 0.5).astype(np.float32)
        target = np.array([(0, 0), (width, 0), (0, height)], np.float32) - np.float32(0.5)
        matrix = cv2.getAffineTransform(target, source)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(
                upright, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=TABLE
            )
        )

    def around(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the upright box around what is shown, within the picture, in its pixels."""
        x, y = np.moveaxis(self.from_share([(0, 0), (1, 0), (1, 1), (0, 1)]), -1, 0)
        height, width = self.size
        left, top = min(max(0.0, float(x.min())), width - 1.0), min(max(0.0, float(y.min())), height - 1.0)
        return left, top, max(left + 1, min(width, float(x.max()))), max(top + 1, min(height, float(y.max())))
