"""Pieces that fill a square frame: cut at random, laid out in a tray, and put together in every possible way.

A piece is the places of its squares as seen from its first one in reading order, which carries its number. Squares of
the frame are numbered in reading order.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from mmgym_puzzles.grid import OUTSIDE, mask_of, neighbors

__all__ = ["Piece", "cut", "fillings", "lay_out", "squares_at", "turned_alike"]

Piece = tuple[tuple[int, int], ...]
"""Row and column of every square in reading order, the first at (0, 0); columns may be negative."""


def cut(rng: np.random.Generator, side: int, count: int, sizes: tuple[int, int]) -> tuple[Piece, ...] | None:
    """Cut a frame into pieces in random order, or None if two are alike or one has too few or too many squares.

    Args:
        rng: where chance comes from.
        side: squares a side of the frame.
        count: how many pieces.
        sizes: fewest and most squares of a piece.
    """
    squares = side * side
    steps = _beside(side)
    grown = [[square] for square in rng.permutation(squares)[:count].tolist()]
    edges = [list(steps[piece[0]]) for piece in grown]
    free = set(range(squares)) - {piece[0] for piece in grown}
    growing = list(range(count))
    chances = rng.random(16 * squares).tolist()  # an edge is looked at once, and a piece ends once
    chance = chances.pop
    while free:
        some = len(growing)
        if not some:
            return None
        k, other = growing[int(chance() * some)], growing[int(chance() * some)]
        if len(grown[other]) < len(grown[k]):
            k = other
        piece, edge = grown[k], edges[k]
        if not edge or len(piece) == sizes[1]:
            if len(piece) < sizes[0]:
                return None
            growing.remove(k)
            continue
        square = edge.pop(int(chance() * len(edge)))
        if square in free:
            free.remove(square)
            piece.append(square)
            edge += steps[square]
    if min(map(len, grown)) < sizes[0]:
        return None
    pieces = tuple(_piece(divmod(square, side) for square in piece) for piece in grown)
    return pieces if len(set(pieces)) == count else None


@lru_cache(maxsize=16)
def _beside(side: int) -> tuple[tuple[int, ...], ...]:
    """The neighbors of every square."""
    return tuple(tuple(n for n in around if n != OUTSIDE) for around in zip(*neighbors(side).values(), strict=True))


def _piece(places: Iterable[tuple[int, int]]) -> Piece:
    first, *others = sorted(places)
    return tuple((row - first[0], column - first[1]) for row, column in (first, *others))


@lru_cache(maxsize=65536)
def turned_alike(piece: Piece) -> Piece:
    """The same for pieces that are turned or mirrored into one another, and for no others."""
    ways = [(a, b, swapped) for a in (1, -1) for b in (1, -1) for swapped in (False, True)]
    return min(_piece((a * c, b * r) if swapped else (a * r, b * c) for r, c in piece) for a, b, swapped in ways)


def squares_at(piece: Piece, square: int, side: int) -> list[int] | None:
    """The squares of the frame under a piece whose first square is at `square`; None if it sticks out."""
    row, column = divmod(square, side)
    places = [(row + down, column + right) for down, right in piece]
    if any(not (0 <= r < side and 0 <= c < side) for r, c in places):
        return None
    return [r * side + c for r, c in places]


@lru_cache(maxsize=1024)
def fillings(side: int, pieces: tuple[Piece, ...]) -> tuple[tuple[int, ...], ...]:
    """Every way to fill the frame exactly: the square of each piece's first square.

    The first empty square in reading order can only be covered by the first square of a piece, so that one place per
    piece is tried for it.
    """
    whole = (1 << side * side) - 1
    masks = [
        [0 if under is None else mask_of(under) for under in (squares_at(piece, at, side) for at in range(side * side))]
        for piece in pieces
    ]
    found: list[tuple[int, ...]] = []
    places = [0] * len(pieces)

    def fill(filled: int, left: list[int]) -> None:
        if not left:
            if filled == whole:
                found.append(tuple(places))
            return
        gaps = whole & ~filled
        at = (gaps & -gaps).bit_length() - 1
        for piece in left:
            mask = masks[piece][at]
            if mask and not mask & filled:
                places[piece] = at
                fill(filled | mask, [other for other in left if other != piece])

    fill(0, list(range(len(pieces))))
    return tuple(found)


@lru_cache(maxsize=1024)
def lay_out(side: int, pieces: tuple[Piece, ...]) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Where pieces lie beside the frame, in the smallest square that the frame at the top left leaves room in.

    Returns:
        The side of that square, and row and column of each piece's first square in it. The frame begins at row 1 and
        column 1, after a row and a column for numbers. No piece touches another or the frame.
    """
    width = side + 3
    while True:
        placed = _laid(side, width, pieces)
        if placed is not None:
            return width, placed
        width += 1


def _laid(side: int, width: int, pieces: tuple[Piece, ...]) -> tuple[tuple[int, int], ...] | None:
    stride = width + 2  # a square of margin on both sides, so that what is left of a row is not right of the last
    taken = mask_of(row * stride + column for row in range(side + 3) for column in range(side + 3))
    places: dict[int, tuple[int, int]] = {}
    for k in sorted(range(len(pieces)), key=lambda k: (-len(pieces[k]), k)):
        piece = pieces[k]
        left, right = min(c for _, c in piece), max(c for _, c in piece)
        deep = piece[-1][0]
        shape = [(row, column - left) for row, column in piece]
        mask = mask_of(row * stride + column for row, column in shape)
        around = mask_of(
            (row + down) * stride + column + along for row, column in shape for down in (0, 1, 2) for along in (0, 1, 2)
        )
        spots = ((row, column) for row in range(width - deep) for column in range(width - (right - left)))
        spot = next((s for s in spots if not taken >> ((s[0] + 1) * stride + s[1] + 1) & mask), None)
        if spot is None:
            return None
        taken |= around << (spot[0] * stride + spot[1])
        places[k] = (spot[0], spot[1] - left)
    return tuple(places[k] for k in range(len(pieces)))
