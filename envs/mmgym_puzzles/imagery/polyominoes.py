"""Figures of squares, plain or in two colours, which look different whichever way they are turned or mirrored."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["Figure", "draw_figure", "grow", "grow_almost_symmetric", "same_figure_key"]

Figure = tuple[tuple[int, int, int], ...]
"""Row, column and colour (0 or 1) of every square, in order; rows and columns begin at 0."""

_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def grow(rng: np.random.Generator, squares: int, box: int, colored: bool) -> Figure | None:
    """A figure grown square by square inside a box, or None if it looks the same in two ways.

    Args:
        rng: where chance comes from.
        squares: how many squares.
        box: rows and columns at most.
        colored: whether squares have two colours, drawn one by one.
    """
    cells = _grown(rng, [(0, 0)], squares, box)
    return _asymmetric((*cell, int(rng.integers(2)) if colored else 0) for cell in sorted(cells))


def grow_almost_symmetric(rng: np.random.Generator, squares: int, box: int) -> Figure | None:
    """A figure that one square keeps from a symmetry: of half a turn, or in a mirror; None if that does not work out.

    Args:
        rng: where chance comes from.
        squares: how many squares at most; there are at most two fewer.
        box: rows and columns at most.
    """
    half = _grown(rng, [(0, 0)], squares // 2, box)
    order = sorted(half)
    (row, column), (other_row, other_column) = (order[k] for k in rng.integers(len(order), size=2).tolist())
    down, right = rng.integers(2, size=2).tolist()
    across, along = row + other_row + down, column + other_column + right
    if rng.integers(2):
        whole = half | {(across - row, along - column) for row, column in half}
    else:
        whole = half | {(row, along - column) for row, column in half}
    if not squares - 3 <= len(whole) < squares:
        return None
    return _asymmetric((*cell, 0) for cell in _grown(rng, sorted(whole), len(whole) + 1, box))


def same_figure_key(figure: Figure) -> Figure:
    """The same for figures that are turned or mirrored into one another, and for no others."""
    return min(_turned(figure))


def _grown(rng: np.random.Generator, start: Iterable[tuple[int, int]], squares: int, box: int) -> set[tuple[int, int]]:
    cells = list(start)
    held = set(cells)
    top, left = (min(cell[k] for cell in cells) for k in (0, 1))
    bottom, right = (max(cell[k] for cell in cells) for k in (0, 1))
    for share, step in zip(rng.random(40 * squares).tolist(), rng.integers(4, size=40 * squares).tolist(), strict=True):
        if len(cells) >= squares:
            break
        at = cells[int(share * len(cells))]
        row, column = at[0] + _STEPS[step][0], at[1] + _STEPS[step][1]
        inside = max(bottom, row) - min(top, row) < box and max(right, column) - min(left, column) < box
        if inside and (row, column) not in held:
            cells.append((row, column))
            held.add((row, column))
            top, bottom, left, right = min(top, row), max(bottom, row), min(left, column), max(right, column)
    return held


def _asymmetric(cells: Iterable[tuple[int, int, int]]) -> Figure | None:
    """The figure in its place, or None where it is not connected or some turn or reflection leaves it as it is."""
    figure = _settled(cells)
    places = {(row, column) for row, column, _ in figure}
    found = [figure[0][:2]]
    seen = set(found)
    for row, column in found:
        for down, right in _STEPS:
            other = row + down, column + right
            if other in places and other not in seen:
                seen.add(other)
                found.append(other)
    return figure if len(seen) == len(places) and len(set(_turned(figure))) == 8 else None


def _settled(cells: Iterable[tuple[int, int, int]]) -> Figure:
    held = list(cells)
    top, left = min(cell[0] for cell in held), min(cell[1] for cell in held)
    return tuple(sorted((row - top, column - left, color) for row, column, color in held))


def _turned(figure: Figure) -> list[Figure]:
    """The figure in its eight ways."""
    ways = []
    for down, right in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        ways.append(_settled((down * row, right * column, color) for row, column, color in figure))
        ways.append(_settled((right * column, down * row, color) for row, column, color in figure))
    return ways


def draw_figure(figure: Figure, size: int, paper: int, inks: tuple[int, int], line: int) -> np.ndarray:
    """A figure as large as fits into a disc: packed, uint32 (size, size).

    Args:
        figure: what to draw.
        size: side of the picture in pixels.
        paper: packed colour around the figure.
        inks: packed colours of the squares.
        line: packed colour of the lines around and between the squares.
    """
    picture = np.full((size, size), paper, np.uint32)
    rows, columns = max(cell[0] for cell in figure) + 1, max(cell[1] for cell in figure) + 1
    reach = max(
        abs(2 * (row + down) - rows + 1j * (2 * (column + right) - columns))
        for row, column, _ in figure
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    cell = int(0.88 * size / reach)
    width = max(1, cell // 14)
    top, left = (size - rows * cell) // 2, (size - columns * cell) // 2
    corners = [(top + row * cell, left + column * cell, color) for row, column, color in figure]
    for y, x, _ in corners:
        picture[y - width : y + cell + width, x - width : x + cell + width] = line
    for y, x, color in corners:
        picture[y + width : y + cell - width, x + width : x + cell - width] = inks[color]
    return picture
