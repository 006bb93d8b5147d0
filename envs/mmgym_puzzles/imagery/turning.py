"""Round pictures that can be turned by any whole angle and mirrored, fast and in whole numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, Shape

__all__ = ["Disc", "pack", "pack_color", "paint_packed", "place_disc", "unpack"]

_UNIT = 1 << 16
"""One, in the fixed-point numbers of sines and cosines."""
_PARTS = 4
"""Coverage of the rim is counted on this many points a side of a pixel."""


def pack(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 (height, width, 3), with each pixel in one number: uint32 (height, width)."""
    wide = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
    wide[..., 3] = 0
    return wide.view(np.uint32)[..., 0]


def unpack(canvas: np.ndarray) -> np.ndarray:
    """The inverse of `pack`."""
    wide = canvas.view(np.uint8).reshape(*canvas.shape, 4)
    return np.asarray(cv2.cvtColor(wide, cv2.COLOR_RGBA2RGB), np.uint8)


def pack_color(color: Color) -> int:
    """A colour in one number, as in packed pictures."""
    red, green, blue = color
    return red | green << 8 | blue << 16


def paint_packed(size: int, shapes: Iterable[Shape]) -> np.ndarray:
    """Shapes painted in order onto a packed picture, uint32 (size, size), with rough edges."""
    picture = np.zeros((size, size), np.int32)
    for shape in shapes:
        corners = np.rint(np.asarray(shape.points) * size - 0.5).astype(np.int32)
        cv2.fillPoly(picture, [corners], pack_color(shape.color))
    return picture.view(np.uint32)


class Disc:
    """A round picture, seen upright, turned or mirrored.

    Every pixel takes the mean of the two by two points of the source around it, so that edges stay smooth.

    Args:
        source: packed, uint32 (2 x side, 2 x side); its round part is shown.
    """

    def __init__(self, source: np.ndarray):
        self.side = len(source) // 2
        # Ten bits for each colour hold the sum of four points.
        wide = source & 0xFF | (source & 0xFF00) << 2 | (source & 0xFF0000) << 4
        rows = wide[:-1] + wide[1:]
        sums = rows[:, :-1] + rows[:, 1:] + (2 | 2 << 10 | 2 << 20)
        self._points = (sums >> 2 & 0xFF | sums >> 4 & 0xFF00 | sums >> 6 & 0xFF0000).ravel()

    def turned(self, degrees: int, mirrored: bool) -> np.ndarray:
        """Pixels of the disc in the order of its places, uint32, packed: first mirrored, then turned clockwise."""
        radians = math.radians(degrees)
        c, s = round(math.cos(radians) * _UNIT), round(math.sin(radians) * _UNIT)
        rim, last = _rim(self.side), 2 * self.side - 2
        middle = (self.side - 1) * _UNIT + _UNIT // 2
        right = (c * rim.right + s * rim.down + middle) >> 16
        down = (c * rim.down - s * rim.right + middle) >> 16
        if mirrored:
            right = last - right
        return self._points[down * (last + 1) + right]


@dataclass(frozen=True)
class _Rim:
    right: np.ndarray
    """Half pixels to the right of the middle, of every pixel of the disc, int32."""
    down: np.ndarray
    """Half pixels below the middle."""
    edge: np.ndarray
    """Which of them the rim covers in part or whole."""
    cover: np.ndarray
    """How much of them it covers, in 16ths."""


@lru_cache(maxsize=16)
def _rim(side: int) -> _Rim:
    """The pixels of a disc of this diameter. Its outermost part, about a seventieth wide, is the rim."""
    fine = np.arange(side * _PARTS) * 2 + 1 - side * _PARTS  # in eighths of a pixel from the middle
    squares = fine[:, None] ** 2 + fine[None, :] ** 2

    def covered(radius: float) -> np.ndarray:
        inside = (squares <= (2 * _PARTS * radius) ** 2).reshape(side, _PARTS, side, _PARTS)
        counts: np.ndarray = inside.sum(axis=(1, 3))
        return counts

    outer = side / 2 - 1
    cover = _PARTS**2 - covered(outer - max(1.0, side / 70))
    down, right = np.nonzero(covered(outer))
    shown = cover[down, right]
    edge = np.flatnonzero(shown)
    places = [(2 * at + 1 - side).astype(np.int32) for at in (right, down)]
    return _Rim(places[0], places[1], edge, shown[edge].astype(np.uint16)[:, None])


@lru_cache(maxsize=64)
def _places(side: int, width: int, middle: tuple[int, int]) -> np.ndarray:
    """Where the pixels of a disc go in a flat picture of this width."""
    rim = _rim(side)
    columns = (rim.right + side - 1) // 2 + middle[0] - side // 2
    rows = (rim.down + side - 1) // 2 + middle[1] - side // 2
    places: np.ndarray = (rows * width + columns).astype(np.intp)
    return places


def place_disc(
    canvas: np.ndarray, disc: Disc, middle: tuple[int, int], degrees: int, mirrored: bool, color: Color
) -> None:
    """Lay a disc, turned, onto a packed picture in place.

    Args:
        canvas: uint32 (height, width), packed.
        disc: what to lay.
        middle: x and y of its middle in pixels; the disc must lie inside the picture.
        degrees: how far it is turned clockwise.
        mirrored: whether it is mirrored left to right before it is turned.
        color: colour of its rim.
    """
    pixels, rim = disc.turned(degrees, mirrored), _rim(disc.side)
    under = pixels[rim.edge].view(np.uint8).reshape(-1, 4)
    mixed = np.zeros_like(under)
    mixed[:, :3] = (under[:, :3] * (16 - rim.cover) + np.array(color, np.uint16) * rim.cover + 8) // 16
    pixels[rim.edge] = mixed.view(np.uint32)[:, 0]
    np.put(canvas, _places(disc.side, canvas.shape[1], middle), pixels)
