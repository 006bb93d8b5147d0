"""Round pictures that can be turned by any whole angle and mirrored, fast and in whole numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, Shape

__all__ = ["Disc", "pack", "pack_color", "paint_packed", "place_disc", "unpack"]

_UNIT = 1 << 16
"""One, in the fixed-point numbers of sines and cosines."""
_PARTS = 4
"""Coverage of the rim is counted on this many points a side of a pixel."""
_LARGE = 160
"""Discs up to this many pixels wide keep for all angles where their pixels come from, 18 MB at most."""
_QUARTERS = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


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
        self._points = sums >> 2 & 0xFF | sums >> 4 & 0xFF00 | sums >> 6 & 0xFF0000

    @cached_property
    def _mirrored(self) -> np.ndarray:
        return self._points[:, ::-1].copy()

    def turned(self, degrees: int, mirrored: bool) -> np.ndarray:
        """The square around the disc, uint32 (side x side,), packed: first mirrored, then turned clockwise.

        Beside the disc, where the source has no points, it holds whatever is near.
        """
        quarters, rest = divmod(degrees % 360, 90)
        points = self._mirrored if mirrored else self._points
        sources = _sources if self.side <= _LARGE else _sources.__wrapped__
        pixels: np.ndarray = points.take(sources(self.side, rest), mode="clip")
        if quarters:
            square = pixels.view(np.int32).reshape(self.side, self.side)
            pixels = np.asarray(cv2.rotate(square, _QUARTERS[quarters])).view(np.uint32).ravel()
        return pixels


@lru_cache(maxsize=90)
def _sources(side: int, degrees: int) -> np.ndarray:
    """Which points of a disc its pixels take after a turn by 0 to 89 degrees, intp (side x side,)."""
    radians = math.radians(degrees)
    c, s = round(math.cos(radians) * _UNIT), round(math.sin(radians) * _UNIT)
    at = np.arange(side, dtype=np.int32) * 2 + 1 - side  # in half pixels from the middle
    middle = (side - 1) * _UNIT + _UNIT // 2
    right = (c * at[None, :] + s * at[:, None] + middle) >> 16
    down = (c * at[:, None] - s * at[None, :] + middle) >> 16
    sources: np.ndarray = (down * (2 * side - 1) + right).astype(np.intp).ravel()
    sources.flags.writeable = False
    return sources


@dataclass(frozen=True)
class _Rim:
    inside: np.ndarray
    """Which pixels of the square around the disc belong to it: 1 there, else 0, uint8 (side, side)."""
    edge: np.ndarray
    """Which of them, by their numbers in the square, the rim covers in part or whole."""
    cover: np.ndarray
    """How much of them it covers, in 16ths, uint16 (edge, 1)."""


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
    inside = covered(outer) > 0
    cover = np.where(inside, _PARTS**2 - covered(outer - max(1.0, side / 70)), 0).ravel()
    edge = np.flatnonzero(cover)
    return _Rim(inside.astype(np.uint8), edge, cover[edge].astype(np.uint16)[:, None])


@lru_cache(maxsize=64)
def _mixing(side: int, color: Color) -> tuple[np.ndarray, np.ndarray]:
    """For every pixel of the rim: the part of it that stays, in 16ths, and what the rim's colour adds to that."""
    cover = _rim(side).cover
    return 16 - cover, np.array([*color, 0], np.uint16) * cover + np.uint16(8)


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
    free, added = _mixing(disc.side, color)
    under = pixels[rim.edge].view(np.uint8).reshape(-1, 4)
    pixels[rim.edge] = ((under * free + added) >> 4).astype(np.uint8).view(np.uint32)[:, 0]
    left, top = middle[0] - disc.side // 2, middle[1] - disc.side // 2
    region = canvas.view(np.int32)[top : top + disc.side, left : left + disc.side]
    cv2.copyTo(pixels.view(np.int32).reshape(disc.side, disc.side), rim.inside, region)
