"""TicTacToe: three in a row on a board of nine cells."""

from __future__ import annotations

from typing import ClassVar

from mmgym.draw import Shape, disc, line
from mmgym.spaces import Tool
from mmgym_arena.boards.board import PIECES, BoardState, PlacingGame, cell_parameters, lines

__all__ = ["TicTacToe"]

_LINES = tuple(lines(3, 3, 3))


class TicTacToe(PlacingGame):
    """Three in a row on a board of nine cells; from level 2 on the first two moves are made by chance."""

    names: ClassVar[tuple[str, str]] = ("the crosses", "the rings")
    value = "drawn from the empty board"
    rows = columns = 3

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.opening = (0, 2, 4)[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        return (
            f"You play TicTacToe and have {self.names[seat]}; the other player has {self.names[1 - seat]}. In turn, "
            "each puts one piece on a free cell. Who first has three in a row, a column or a diagonal wins. Cells are "
            "named by the letter below and the number at the left."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Put a piece on a cell."""
        return (Tool("place", "Put a piece on a free cell.", cell_parameters(3, 3)),)

    def moves(self, state: BoardState) -> list[int]:
        """Free cells, the middle first."""
        if self.winner(state) is not None:
            return []
        return [cell for cell in (4, 0, 2, 6, 8, 1, 3, 5, 7) if state.board[cell] == "."]

    def winner(self, state: BoardState) -> int | None:
        """Who has three in a row."""
        board = state.board
        for a, b, c in _LINES:
            if board[a] != "." and board[a] == board[b] == board[c]:
                return PIECES.index(board[a])
        return None

    def piece(self, seat: int) -> list[Shape]:
        """A blue cross or a red ring."""
        if seat == 0:
            blue = (38, 84, 190)
            return [line(0.22, 0.22, 0.78, 0.78, 0.14, blue), line(0.78, 0.22, 0.22, 0.78, 0.14, blue)]
        return [disc(0.5, 0.5, 0.34, (206, 52, 40)), disc(0.5, 0.5, 0.20, (252, 250, 244))]
