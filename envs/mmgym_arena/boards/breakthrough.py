"""Breakthrough: bring one piece to the far side."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from mmgym.draw import Shape, disc, polygon, rectangle
from mmgym.spaces import Tool, ToolCall
from mmgym_arena.boards.board import PIECES, BoardGame, BoardState, cell_parameters

__all__ = ["Breakthrough"]

_SIZES = ((5, 4, 5), (6, 5, 4), (8, 6, 3))
"""Rows, columns and the expert's depth, by level."""


class Step(NamedTuple):
    """A move."""

    start: int
    end: int


class Breakthrough(BoardGame):
    """Bring one piece to the far side. Pieces step forward, straight or slanting, and take slanting.

    5 x 4, 6 x 5 and 8 x 6 cells by level; the two rows next to each player are full at the start (one row at level 1).
    """

    names: ClassVar[tuple[str, str]] = ("the light pieces", "the dark pieces")
    opening = 4

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.rows, self.columns, self.depth = _SIZES[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        way = "up" if seat == 0 else "down"
        return (
            f"You play Breakthrough and have {self.names[seat]}, which move {way}; the other player has "
            f"{self.names[1 - seat]}. In turn, each moves one piece one cell forward, straight or slanting. A straight "
            "step needs a free cell; a slanting one may also take a piece of the other player. Who first reaches the "
            "far side wins, and who has no piece left loses. Cells are named by the letter below and the number at the "
            "left."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Move a piece."""
        cells = cell_parameters(8, 6) + cell_parameters(8, 6, "to_")
        return (Tool("move", "Move a piece from one cell to the next.", cells),)

    def empty(self) -> BoardState:
        """Full rows on both sides."""
        deep = 1 if self.level == 1 else 2
        side = deep * self.columns
        return BoardState("o" * side + "." * ((self.rows - 2 * deep) * self.columns) + "x" * side, 0, -1)

    def moves(self, state: BoardState) -> list[Step]:
        """Steps of the mover's pieces, the foremost first."""
        if self.winner(state) is not None:
            return []
        own, ahead = PIECES[state.mover], -1 if state.mover == 0 else 1
        found: list[Step] = []
        for cell, letter in enumerate(state.board):
            if letter != own:
                continue
            row, column = divmod(cell, self.columns)
            for side in (0, -1, 1):
                if 0 <= column + side < self.columns and 0 <= row + ahead < self.rows:
                    end = (row + ahead) * self.columns + column + side
                    if state.board[end] == "." or (side and state.board[end] != own):
                        found.append(Step(cell, end))
        return sorted(found, key=lambda step: (state.board[step.end] == ".", ahead * -step.start))

    def after(self, state: BoardState, move: Step) -> BoardState:
        """The piece has moved."""
        board = list(state.board)
        board[move.start], board[move.end] = ".", PIECES[state.mover]
        return BoardState("".join(board), 1 - state.mover, move.end)

    def winner(self, state: BoardState) -> int | None:
        """Who has reached the far side, or has the only pieces, or has locked the other in."""
        if "x" in state.board[: self.columns]:
            return 0
        if "o" in state.board[-self.columns :]:
            return 1
        left = [seat for seat in (0, 1) if PIECES[seat] in state.board]
        return left[0] if len(left) == 1 else None

    def worth(self, state: BoardState) -> float | None:
        """As on other boards; the foremost piece can always step, so no game is drawn."""
        winner = self.winner(state)
        return None if winner is None else 1.0 if winner == state.mover else -1.0

    def guess(self, state: BoardState) -> float:
        """Pieces, and how far they have come."""
        balance = 0.0
        for cell, letter in enumerate(state.board):
            if letter != ".":
                row = cell // self.columns
                come = self.rows - 1 - row if letter == "x" else row
                balance += (1 if letter == PIECES[state.mover] else -1) * (1 + 0.1 * come**2)
        return max(-0.45, min(0.45, balance / 40))

    def turn_limit(self) -> int:
        """Every piece all the way."""
        return 2 * self.columns * (self.rows - 1)

    def move_of(self, call: ToolCall) -> Step:
        """From where, and where to."""
        start = self.cell_named(call.arguments["column"], call.arguments["row"])
        return Step(start, self.cell_named(call.arguments["to_column"], call.arguments["to_row"]))

    def call_of(self, move: Step) -> ToolCall:
        """The call that makes it."""
        start, end = self.cell_name(move.start), self.cell_name(move.end)
        names = {"column": start[0], "row": int(start[1:]), "to_column": end[0], "to_row": int(end[1:])}
        return ToolCall("move", names)

    def complaint(self, state: BoardState, seat: int, call: ToolCall) -> str:
        """What is wrong with a step."""
        step = self.move_of(call)
        start, end = self.cell_name(step.start), self.cell_name(step.end)
        if state.board[step.start] != PIECES[seat]:
            return f"You have no piece on {start}."
        if state.board[step.end] == PIECES[seat]:
            return f"{end} is taken by a piece of yours."
        way = "up" if seat == 0 else "down"
        return f"A piece on {start} steps one cell {way}, straight onto a free cell or slanting; not to {end}."

    def empty_shapes(self, cell: int) -> list[Shape]:
        """Light and dark cells in turn."""
        row, column = divmod(cell, self.columns)
        return [rectangle(0, 0, 1, 1, (232, 214, 180) if (row + column) % 2 else (190, 158, 116))]

    def piece(self, seat: int) -> list[Shape]:
        """A light piece that points up or a dark one that points down."""
        rim, face = ((90, 84, 74), (250, 248, 240)) if seat == 0 else ((14, 14, 18), (66, 66, 76))
        tip = ((0.5, 0.30), (0.68, 0.62), (0.32, 0.62)) if seat == 0 else ((0.5, 0.70), (0.68, 0.38), (0.32, 0.38))
        return [disc(0.5, 0.5, 0.38, rim), disc(0.5, 0.5, 0.33, face), polygon(tip, rim)]
