"""Hex: join one's two sides of a board of hexagons."""

from __future__ import annotations

import heapq
import math
from functools import cached_property
from typing import ClassVar

import numpy as np

from mmgym.draw import Color, Shape, blank, disc, draw_text, paint, polygon
from mmgym.spaces import Tool
from mmgym_arena.boards.board import COLUMNS, INK, PIECES, BoardState, PlacingGame, cell_parameters

__all__ = ["Hex"]

_SIDES = ((3, math.inf), (4, 3), (5, 2))
"""Cells a side and the expert's depth, by level."""
_COLORS: tuple[Color, Color] = (206, 52, 40), (38, 84, 190)
_NEIGHBORS = ((-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0))


class Hex(PlacingGame):
    """Join one's two sides of a board of hexagons: red top and bottom, blue left and right. 3 to 5 cells a side."""

    names: ClassVar[tuple[str, str]] = ("the red pieces", "the blue pieces")
    value = "the first wins from the empty board, on every size (Nash); no game is drawn"
    opening = 2

    def __init__(self, level: int = 1):
        super().__init__(level)
        side, self.depth = _SIDES[level - 1]
        self.rows = self.columns = side

    def instruction(self, seat: int) -> str:
        """The rules."""
        goal = "the upper and the lower side" if seat == 0 else "the left and the right side"
        return (
            f"You play Hex and have {self.names[seat]}; the other player has {self.names[1 - seat]}. In turn, each "
            f"puts one piece on a free hexagon. You win when your pieces join {goal}; the other player wants to join "
            "the other two. Hexagons are named by the letter of the slanting column, written below, and the number of "
            "the row, at the left."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Put a piece on a hexagon."""
        return (Tool("place", "Put a piece on a free hexagon.", cell_parameters(5, 5)),)

    @cached_property
    def _near(self) -> list[list[int]]:
        side = self.rows
        return [
            [
                (row + down) * side + column + right
                for down, right in _NEIGHBORS
                if 0 <= row + down < side and 0 <= column + right < side
            ]
            for row in range(side)
            for column in range(side)
        ]

    @cached_property
    def _order(self) -> list[int]:
        middle = (self.rows - 1) / 2
        return sorted(
            range(self.rows**2), key=lambda cell: abs(cell // self.rows - middle) + abs(cell % self.rows - middle)
        )

    def moves(self, state: BoardState) -> list[int]:
        """Free cells, the middle first."""
        return [] if self.winner(state) is not None else [cell for cell in self._order if state.board[cell] == "."]

    def winner(self, state: BoardState) -> int | None:
        """Who has joined its sides: only the last piece can have done it."""
        if state.last < 0:
            return None
        seat = PIECES.index(state.board[state.last])
        return seat if self.distance(state.board, seat) == 0 else None

    def distance(self, board: str, seat: int) -> float:
        """Fewest pieces that a seat still needs to join its sides; infinite if the other has."""
        side, own, other = self.rows, PIECES[seat], PIECES[1 - seat]
        begin = range(side) if seat == 0 else range(0, side * side, side)
        best: dict[int, int] = {}
        heap = [(0 if board[cell] == own else 1, cell) for cell in begin if board[cell] != other]
        heapq.heapify(heap)
        while heap:
            steps, cell = heapq.heappop(heap)
            if cell in best:
                continue
            best[cell] = steps
            if (cell // side if seat == 0 else cell % side) == side - 1:
                return steps
            for near in self._near[cell]:
                if near not in best and board[near] != other:
                    heapq.heappush(heap, (steps + (board[near] != own), near))
        return math.inf

    def guess(self, state: BoardState) -> float:
        """How much nearer to its goal the mover is."""
        ahead = self.distance(state.board, 1 - state.mover) - self.distance(state.board, state.mover)
        return max(-0.45, min(0.45, 0.1 * ahead))

    def row_name(self, row: int) -> str:
        """Rows are counted from the top."""
        return str(row + 1)

    def cell_named(self, column: str, row: int) -> int:
        """The cell in a column and row."""
        return (row - 1) * self.columns + COLUMNS.index(column)

    def box(self, cell: int, size: int) -> tuple[float, float, float, float]:
        """Rows are shifted by half a cell each, so that the board is a rhombus."""
        row, column = divmod(cell, self.columns)
        side = self.rows
        width = 0.80 * size / (1.5 * side - 0.5)
        height = width * 2 / math.sqrt(3)
        left = 0.12 * size + width * (column + row / 2)
        top = (0.92 * size - height * (0.75 * side + 0.25)) / 2 + 0.75 * height * row
        return left, top, left + width, top + height

    def empty_shapes(self, cell: int) -> list[Shape]:
        """A hexagon."""
        return [_hexagon(0.5, (150, 140, 122)), _hexagon(0.46, (252, 250, 244))]

    def cell_shape(self, color: Color) -> list[Shape]:
        """A hexagon in one colour."""
        return [_hexagon(0.46, color)]

    def draw_background(self, size: int) -> np.ndarray:
        """The rhombus with its four sides in the colours of who wants to join them."""
        image = blank(size, size, (246, 242, 232))
        last = self.rows - 1
        for k in range(self.rows):
            for seat, cell in ((0, k), (0, last * self.rows + k), (1, k * self.rows), (1, k * self.rows + last)):
                left, top, right, bottom = self.box(cell, size)
                width, height = right - left, bottom - top
                down = 0.17 * height * (1 if cell // self.rows == last else -1) if seat == 0 else 0
                over = 0.17 * width * (1 if cell % self.rows == last else -1) if seat == 1 else 0
                paint(image, [_hexagon(0.5, _COLORS[seat])], (left + over, top + down, right + over, bottom + down))
        for cell in range(self.rows**2):
            paint(image, self.empty_shapes(cell), self.box(cell, size))
        height = 0.072 * size
        for k in range(self.rows):
            left, top, right, bottom = self.box(k * self.rows, size)
            draw_text(image, str(k + 1), left - 0.45 * (right - left), (top + bottom) / 2, height, INK, bold=True)
            left, top, right, bottom = self.box(last * self.rows + k, size)
            across = (left + right) / 2 + 0.25 * (right - left)
            draw_text(image, COLUMNS[k], across, bottom + 0.24 * (bottom - top), height, INK, bold=True)
        return image

    def piece(self, seat: int) -> list[Shape]:
        """A red piece with an upright hole or a blue one with a lying one."""
        upright = ((0.46, 0.32), (0.54, 0.32), (0.54, 0.68), (0.46, 0.68))
        hole = upright if seat == 0 else tuple((y, x) for x, y in upright)
        return [disc(0.5, 0.5, 0.36, _COLORS[seat], 0.87), polygon(hole, (252, 250, 244))]


def _hexagon(radius: float, color: Color) -> Shape:
    """A hexagon that stands on a corner and fills the unit square at radius 0.5."""
    corners = ((0, -1), (1, -0.5), (1, 0.5), (0, 1), (-1, 0.5), (-1, -0.5))
    return polygon([(0.5 + radius * x, 0.5 + radius * y) for x, y in corners], color)
