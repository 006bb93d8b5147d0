"""How a frame and the pieces that fill it are drawn: only the squares of pieces that went elsewhere are drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym.draw import Color, blank, disc, draw_text, paint, polygon
from mmgym_puzzles.imagery.patches import Piece, lay_out

__all__ = ["LOOKS", "Tray"]

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Look:
    """How table, frame and pieces are coloured."""

    table: Color
    ink: Color
    rim: Color
    empty: Color
    lines: Color
    edge: Color
    pieces: tuple[Color, ...]
    """By number."""
    pattern: bool
    """Whether pieces have a pattern of their own besides."""


LOOKS = {
    "usual": Look(
        table=(238, 234, 224), ink=(40, 40, 50), rim=(70, 52, 40), empty=(252, 251, 247), lines=(205, 200, 190),
        edge=(30, 30, 36),
        pieces=(
            (214, 64, 60), (70, 130, 214), (250, 202, 66), (84, 168, 92), (168, 104, 196),
            (245, 142, 56), (96, 200, 206), (238, 146, 182), (150, 112, 76), (160, 168, 178),
        ),
        pattern=False,
    ),
    "ood": Look(
        table=(24, 26, 38), ink=(226, 230, 240), rim=(196, 164, 92), empty=(46, 50, 66), lines=(76, 82, 102),
        edge=(8, 8, 12),
        pieces=(
            (0, 150, 136), (236, 64, 122), (124, 179, 66), (126, 87, 194), (255, 167, 38),
            (41, 182, 246), (212, 225, 87), (255, 112, 67), (141, 110, 99), (207, 216, 220),
        ),
        pattern=True,
    ),
}  # fmt: skip
"""Looks, by name."""


class Tray:
    """The picture of one set of pieces, in the frame or beside it.

    Args:
        size: side of the picture in pixels.
        side: squares a side of the frame.
        pieces: in the order of their numbers.
        look: one of `LOOKS`.
    """

    def __init__(self, size: int, side: int, pieces: tuple[Piece, ...], look: str):
        width, self._tray = lay_out(side, pieces)
        self._cell = max(1, size // width)
        self._origin = (size - self._cell * width) // 2 if size > width else 0
        self._side, self._pieces, self._look = side, pieces, look
        self._background = _background(size, side, self._cell, self._origin, look)
        self._canvas = self._background.copy()
        self._drawn: list[tuple[int, int] | None] = [None] * len(pieces)

    def draw(self, places: Sequence[int | None]) -> np.ndarray:
        """The picture, a fresh uint8 array (size, size, 3).

        Args:
            places: the square of the frame under each piece's first square; None in the tray.
        """
        spots = [
            spot if at is None else (1 + at // self._side, 1 + at % self._side)
            for at, spot in zip(places, self._tray, strict=True)
        ]
        changed = [k for k, (now, then) in enumerate(zip(spots, self._drawn, strict=True)) if now != then]
        for k in changed:
            if (spot := self._drawn[k]) is not None:
                for box in self._boxes(k, spot):
                    self._canvas[box] = self._background[box]
        for k in changed:
            squares = _squares(self._pieces[k], k, self._cell, self._look)
            for box, square in zip(self._boxes(k, spots[k]), squares, strict=True):
                part = self._canvas[box]
                part[:] = square[: part.shape[0], : part.shape[1]]
            self._drawn[k] = spots[k]
        return self._canvas.copy()

    def _boxes(self, piece: int, spot: tuple[int, int]) -> list[Box]:
        cell, corner = self._cell, [self._origin + self._cell * k for k in spot]
        corners = [(corner[0] + cell * down, corner[1] + cell * right) for down, right in self._pieces[piece]]
        return [np.s_[top : top + cell, left : left + cell] for top, left in corners]


@lru_cache(maxsize=64)
def _background(size: int, side: int, cell: int, origin: int, look: str) -> np.ndarray:
    """Table and empty frame with the numbers of its rows and columns, read-only."""
    colors = LOOKS[look]
    image = blank(size, size, colors.table)
    first, last = origin + cell, origin + cell * (side + 1)
    rim = max(1, cell // 8)
    image[first - rim : last + rim, first - rim : last + rim] = colors.rim
    image[first:last, first:last] = colors.empty
    for k in range(1, side):
        image[first + k * cell, first:last] = image[first:last, first + k * cell] = colors.lines
    for k in range(side):
        middle, beside = first + (k + 0.5) * cell, origin + 0.45 * cell
        draw_text(image, str(k + 1), beside, middle, cell, colors.ink)
        draw_text(image, str(k + 1), middle, beside, cell, colors.ink)
    image.flags.writeable = False
    return image


@lru_cache(maxsize=4096)
def _squares(piece: Piece, number: int, cell: int, look: str) -> list[np.ndarray]:
    """The squares of a piece, each a read-only uint8 array (cell, cell, 3), with edges where the piece ends."""
    drawn = []
    for row, column in piece:
        around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        ends = tuple(place not in piece for place in around)
        drawn.append(_square(number, ends, (row, column) == piece[0], cell, look))
    return drawn


@lru_cache(maxsize=4096)
def _square(number: int, ends: tuple[bool, ...], numbered: bool, cell: int, look: str) -> np.ndarray:
    colors = LOOKS[look]
    color = colors.pieces[number]
    image = blank(cell, cell, color)
    dark = _mix(color, (0, 0, 0), 0.25)
    image[0] = image[:, 0] = dark
    if colors.pattern and not numbered:
        light = _mix(color, (255, 255, 255), 0.35)
        dot, stripe = disc(0.5, 0.5, 0.24, light), polygon([(0.2, 0.8), (0.7, 0.2), (0.85, 0.2), (0.35, 0.8)], light)
        paint(image, [dot if number % 2 else stripe])
    edge = max(1, cell // 9)
    whole = slice(None)
    borders: list[Box] = [
        (slice(edge), whole),
        (slice(-edge, None), whole),
        (whole, slice(edge)),
        (whole, slice(-edge, None)),
    ]
    for end, border in zip(ends, borders, strict=True):
        if end:
            image[border] = colors.edge
    if numbered:
        ink = (255, 255, 255) if sum(w * c for w, c in zip((3, 6, 1), color, strict=True)) < 1300 else (0, 0, 0)
        middle = (cell + edge) / 2
        draw_text(image, str(number + 1), middle, middle, cell * (1.15 if number < 9 else 0.9), ink, bold=True)
    image.flags.writeable = False
    return image


def _mix(color: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(color, other, strict=True))
    return red, green, blue
