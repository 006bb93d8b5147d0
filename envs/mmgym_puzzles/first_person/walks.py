"""Walking on a fine grid with eight headings, and the fewest calls from every pose to a set of poses.

Cells are 25 cm wide and numbered row by row from the lower left. Sets of cells are whole numbers with one bit a cell,
so that a step of all of them at once is one shift: a search over thousands of poses takes a millisecond or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["CELL", "HEADINGS", "Ground", "Rectangle", "center", "distance_of", "search"]

CELL = 25
"""Width of a cell in centimetres."""
BODY = 20
"""How near, in centimetres, one's middle comes to walls and furniture."""
HEADINGS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""Cells to the right and ahead that a step in each direction leads, clockwise from up on the map, by 45 degrees."""
Rectangle = tuple[float, float, float, float]
"""Left, lower, right and upper side in centimetres."""


def center(cell: int, columns: int) -> tuple[float, float]:
    """The middle of a cell in centimetres from the lower left corner."""
    return (cell % columns + 0.5) * CELL, (cell // columns + 0.5) * CELL


class Ground:
    """Where one can stand, and from which cells one can step in which direction.

    A diagonal step needs the two cells beside it free as well.

    Args:
        columns, rows: cells along and up.
        obstacles: what stands in the way. The outer cells are never free.
    """

    def __init__(self, columns: int, rows: int, obstacles: Iterable[Rectangle]):
        self.columns, self.rows = columns, rows
        inner = ((1 << (columns - 2)) - 1) << 1
        free = 0
        for row in range(1, rows - 1):
            free |= inner << (row * columns)
        for obstacle in obstacles:
            free &= ~self.covered(obstacle)
        self.free = free
        self.offsets = [up * columns + right for right, up in HEADINGS]
        open_ = [_shifted(free, -offset) for offset in self.offsets]
        self.open = [
            free & open_[d] & (open_[d - 1] & open_[(d + 1) % 8] if d % 2 else -1) for d in range(len(HEADINGS))
        ]
        """By direction, the cells from which one can step that way."""

    def covered(self, obstacle: Rectangle) -> int:
        """The cells on whose middle one cannot stand for an obstacle."""
        left, lower, right, upper = obstacle
        first, last = _first(left - BODY), _last(right + BODY)
        bottom, top = max(0, _first(lower - BODY)), min(self.rows - 1, _last(upper + BODY))
        first, last = max(0, first), min(self.columns - 1, last)
        if first > last:
            return 0
        row, cells = ((1 << (last - first + 1)) - 1) << first, 0
        for k in range(bottom, top + 1):
            cells |= row << (k * self.columns)
        return cells

    def walk(self, cell: int, direction: int, steps: int) -> list[int]:
        """The cells that one comes to, one after another, on at most so many steps in a direction."""
        way: list[int] = []
        while len(way) < steps and self.open[direction] >> cell & 1:
            cell += self.offsets[direction]
            way.append(cell)
        return way

    def clear(self, direction: int, steps: int) -> int:
        """The cells from which one can walk so many steps in a direction."""
        cells = self.free
        for _ in range(steps):
            cells = _shifted(cells, -self.offsets[direction]) & self.open[direction]
        return cells


def search(ground: Ground, goals: Sequence[int], stride: int, turns: Sequence[int]) -> list[list[int]]:
    """All poses by their fewest calls to a goal, by breadth-first search backwards.

    A call walks 1 to `stride` steps ahead, back, left or right of the heading, or turns.

    Args:
        ground: where one can walk.
        goals: by heading, the cells where a goal is.
        stride: most steps of one call.
        turns: what one call may add to the heading, in eighths; with each its opposite.

    Returns:
        Entry k holds, by heading, the cells from which k calls are needed.
    """
    jumps = _jumps(ground, stride)
    seen, new, found = list(goals), list(goals), []
    while any(new):
        found.append(new)
        further = []
        for heading in range(len(HEADINGS)):
            reached = 0
            for turn in turns:
                reached |= new[(heading + turn) % 8]
            if start := new[heading]:
                for side in (0, 2, 4, 6):
                    ray = start
                    for right, left, allowed in jumps[(heading + side) % 8]:
                        ray |= ray >> right << left & allowed
                    reached |= ray
            reached &= ~seen[heading]
            seen[heading] |= reached
            further.append(reached)
        new = further
    return found


def _jumps(ground: Ground, stride: int) -> list[list[tuple[int, int, int]]]:
    """By direction, shifts that spread a set of cells back over 1 to `stride` steps, each with the cells it may reach.

    Their lengths double, 1, 2, 4 and so on, and add up to the stride: few shifts stand for many steps.
    """
    jumps = []
    for offset, allowed in zip(ground.offsets, ground.open, strict=True):
        shifts, made, run, length = [], 0, allowed, 1
        while made < stride:
            wanted = min(made + 1, stride - made)
            if wanted < length:
                run, length = allowed, 1
            while length < wanted:  # cells from which so many steps in a row are free
                run, length = run & _shifted(allowed, -offset * length), length + 1
            shifts.append((max(0, offset * wanted), max(0, -offset * wanted), run))
            made += wanted
        jumps.append(shifts)
    return jumps


def distance_of(found: list[list[int]], cell: int, heading: int) -> int | None:
    """The fewest calls from a pose, out of what `search` found; None where no goal can be reached."""
    for calls, cells in enumerate(found):
        if cells[heading] >> cell & 1:
            return calls
    return None


def _shifted(cells: int, by: int) -> int:
    return cells << by if by >= 0 else cells >> -by


def _first(edge: float) -> int:
    """The first cell whose middle lies right of an edge."""
    return int((edge + CELL / 2) // CELL)


def _last(edge: float) -> int:
    """The last cell whose middle lies left of an edge."""
    return -int((CELL / 2 - edge) // CELL) - 1
