"""What the boards share: two seats that move in turn and see the whole board, drawn with rows and columns named."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mmgym.draw import Color, Shape, blank, draw_text, paint, rectangle
from mmgym.spaces import Parameter, ToolCall
from mmgym_arena.game import Calls, Game
from mmgym_arena.search import Table, best_moves

__all__ = ["COLUMNS", "INK", "BoardGame", "BoardState", "PlacingGame", "cell_parameters"]

COLUMNS = "abcdefgh"
INK: Color = (52, 48, 44)
_PAPER: Color = (246, 242, 232)
_MARK: Color = (255, 224, 130)
_MARGIN = 0.09
"""Width of the strip with the names of rows and columns, as a share of the picture."""


class BoardState(NamedTuple):
    """A board, who moves, and what was done last."""

    board: str
    """A letter for each cell, in reading order: ``x`` the first seat's, ``o`` the second's, ``.`` none."""
    mover: int
    last: int
    """The cell that the last move went to; -1 for none."""


PIECES = "xo"


class BoardGame(Game):
    """Base of the boards. A move is named by the cell it goes to, or by a pair of cells."""

    seats = ("first", "second")
    kind = "competitive"
    state = BoardState
    names: ClassVar[tuple[str, str]]
    """What the pieces of the two seats are called, with an article."""
    rows: int
    columns: int
    depth: float = math.inf
    """Moves that the expert looks ahead."""
    opening: int = 0
    """Most moves that are made at random before the first turn."""

    # --- what a board says -------------------------------------------------------------------------------------------

    @abstractmethod
    def moves(self, state: BoardState) -> list[Any]:
        """Moves of the seat that moves, likely good ones first; none when the game is over."""

    @abstractmethod
    def after(self, state: BoardState, move: Any) -> BoardState:
        """The state after a move."""

    @abstractmethod
    def winner(self, state: BoardState) -> int | None:
        """The seat that has won, if any."""

    @abstractmethod
    def move_of(self, call: ToolCall) -> Any:
        """The move of a call."""

    @abstractmethod
    def call_of(self, move: Any) -> ToolCall:
        """The call of a move."""

    @abstractmethod
    def piece(self, seat: int) -> list[Shape]:
        """How a piece of a seat looks in its cell."""

    def guess(self, state: BoardState) -> float:
        """What a position that was not searched to the end is worth to the seat that moves, between -1 and 1."""
        return 0.0

    # --- rules -------------------------------------------------------------------------------------------------------

    def start(self, rng: np.random.Generator) -> BoardState:
        """An empty board after an even number of moves at random, none of which decides the game."""
        begin = self.empty()
        for _ in range(1000):
            state = begin
            for _ in range(2 * int(rng.integers(0, self.opening // 2 + 1))):
                moves = self.moves(state)
                if not moves:
                    break
                state = self.after(state, moves[rng.integers(len(moves))])
            if self.movers(state) and state.mover == 0 and not self.is_lost_at_once(state):
                return state
        return begin

    def starts(self) -> list[tuple[BoardState, float]]:
        """The empty board, where no move is made by chance."""
        return [(self.empty(), 1.0)] if self.opening == 0 else super().starts()

    def empty(self) -> BoardState:
        """The board before the first move."""
        return BoardState("." * (self.rows * self.columns), 0, -1)

    def is_lost_at_once(self, state: BoardState) -> bool:
        """Whether the seat that moves wins with its next move: no start of a game."""
        return any(self.winner(self.after(state, move)) is not None for move in self.moves(state))

    def movers(self, state: BoardState) -> tuple[int, ...]:
        """The seat whose turn it is."""
        return (state.mover,) if self.worth(state) is None else ()

    def refusal(self, state: BoardState, seat: int, call: ToolCall) -> str:
        """Why a move is against the rules."""
        for prefix in ("", "to_"):
            column, row = call.arguments.get(f"{prefix}column", "a"), call.arguments.get(f"{prefix}row", 1)
            if COLUMNS.index(column) >= self.columns or row > self.rows:
                return f"The board has the columns a to {COLUMNS[self.columns - 1]} and the rows 1 to {self.rows}."
        return "" if self.move_of(call) in self.moves(state) else self.complaint(state, seat, call)

    def legal(self, state: BoardState, seat: int) -> tuple[ToolCall, ...]:
        """The calls of all moves; none out of turn."""
        return tuple(self.call_of(move) for move in self.moves(state)) if seat == state.mover else ()

    def mask(self, state: BoardState, seat: int) -> np.ndarray:
        """The same as a mask: read off the moves, since the largest board has two thousand calls."""
        numbers = _numbers(type(self), seat)
        mask = np.zeros(len(numbers), np.int8)
        mask[[numbers[repr(call)] for call in self.legal(state, seat)]] = 1
        return mask

    def complaint(self, state: BoardState, seat: int, call: ToolCall) -> str:
        """What is wrong with a move that is against the rules."""
        return "This move is against the rules."

    def play(self, state: BoardState, calls: Calls) -> BoardState:
        """Make the move."""
        call = calls[state.mover]
        assert call is not None
        return self.after(state, self.move_of(call))

    def worth(self, state: BoardState) -> float | None:
        """For the seat that moves: -1 if the other has won, 0 if the game is drawn, None if it goes on."""
        winner = self.winner(state)
        if winner is not None:
            return 1.0 if winner == state.mover else -1.0
        return None if self.moves(state) else 0.0

    def scores(self, state: BoardState) -> tuple[float, ...]:
        """1 for the winner, -1 for the loser."""
        winner = self.winner(state)
        return (0.0, 0.0) if winner is None else (1.0, -1.0) if winner == 0 else (-1.0, 1.0)

    def solved(self, state: BoardState, seat: int) -> bool:
        """Whether the seat has won."""
        return self.winner(state) == seat

    def turn_limit(self) -> int:
        """No more than there are cells; boards on which pieces move have their own."""
        return self.rows * self.columns

    def expert(self, state: BoardState, seat: int, rng: np.random.Generator) -> ToolCall:
        """One of the best moves that the search finds."""
        best = self.best(state)
        return self.call_of(best[rng.integers(len(best))])

    def best(self, state: BoardState) -> list[Any]:
        """The best moves that the search finds."""
        if self.depth < math.inf:
            return best_moves(self, state, self.depth)
        return best_moves(self, state, self.depth, _solved(type(self), self.level))

    # --- what is seen ------------------------------------------------------------------------------------------------

    def picture(self, state: BoardState, seat: int, size: int) -> np.ndarray:
        """The board, the last move marked."""
        image = self.background(size).copy()
        pixels = image.reshape(-1, 3)
        for cell, letter in enumerate(state.board):
            if letter != "." or cell == state.last:
                where, colors = _painted(type(self), self.level, size, cell, letter, cell == state.last)
                pixels[where] = colors
        return image

    def background(self, size: int) -> np.ndarray:
        """The empty board."""
        return _background(type(self), self.level, size)

    def draw_background(self, size: int) -> np.ndarray:
        """Draw the empty board: squares, letters below, numbers at the left."""
        image = blank(size, size, _PAPER)
        for cell in range(self.rows * self.columns):
            paint(image, self.empty_shapes(cell), self.box(cell, size))
        margin = _MARGIN * size
        for row in range(self.rows):
            _, top, _, bottom = self.box(row * self.columns, size)
            draw_text(image, self.row_name(row), margin / 2, (top + bottom) / 2, 0.8 * margin, INK, bold=True)
        for column in range(self.columns):
            left, _, right, bottom = self.box((self.rows - 1) * self.columns + column, size)
            draw_text(image, COLUMNS[column], (left + right) / 2, size - margin / 2, 0.8 * margin, INK, bold=True)
        return image

    def empty_shapes(self, cell: int) -> list[Shape]:
        """An empty cell."""
        return [rectangle(0, 0, 1, 1, (190, 180, 160)), rectangle(0.03, 0.03, 0.97, 0.97, (252, 250, 244))]

    def cell_shape(self, color: Color) -> list[Shape]:
        """A cell in one colour: the last move."""
        return [rectangle(0.03, 0.03, 0.97, 0.97, color)]

    def box(self, cell: int, size: int) -> tuple[float, float, float, float]:
        """Where a cell is drawn: left, top, right, bottom in pixels."""
        row, column = divmod(cell, self.columns)
        margin = round(_MARGIN * size)
        side = (size - margin) // max(self.rows, self.columns)
        left = margin + ((size - margin) - side * self.columns) // 2
        top = ((size - margin) - side * self.rows) // 2
        return left + column * side, top + row * side, left + (column + 1) * side, top + (row + 1) * side

    def row_name(self, row: int) -> str:
        """Rows are counted from the bottom, as in chess."""
        return str(self.rows - row)

    def cell_name(self, cell: int) -> str:
        """Column and row of a cell, such as ``b3``."""
        row, column = divmod(cell, self.columns)
        return f"{COLUMNS[column]}{self.row_name(row)}"

    def cell_named(self, column: str, row: int) -> int:
        """The cell in a column and row."""
        return (self.rows - row) * self.columns + COLUMNS.index(column)

    def text(self, state: BoardState, seat: int) -> str:
        """The board row by row, and who has which pieces."""
        lines = [
            f"{self.row_name(row):>2} {' '.join(state.board[row * self.columns : (row + 1) * self.columns])}"
            for row in range(self.rows)
        ]
        last = f" The last move went to {self.cell_name(state.last)}." if state.last >= 0 else ""
        legend = f"x: {self.names[0]}, o: {self.names[1]}. You have {self.names[seat]}.{last}"
        return "\n".join([*lines, f"   {' '.join(COLUMNS[: self.columns])}", legend])

    def questions(self, state: BoardState, seat: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """What is in cells, in all of them in reading order, how many pieces there are, where the last move went."""
        bare = [name.split(" ", 1)[-1] for name in self.names]
        words = {".": "nothing", "x": bare[0], "o": bare[1]}
        cells = rng.permutation(len(state.board))[:3].tolist()
        asked = [(f"What is on {self.cell_name(cell)}?", words[state.board[cell]]) for cell in cells]
        asked.append(("What is on the board, row by row?", " ".join(words[piece] for piece in state.board)))
        asked.append(("How many pieces are on the board?", str(len(state.board) - state.board.count("."))))
        if state.last >= 0:
            asked.append(("Where did the last move go?", self.cell_name(state.last)))
        return [asked[k] for k in rng.permutation(len(asked))]


class PlacingGame(BoardGame):
    """Base of the boards on which pieces are placed and stay. A move is a cell."""

    def after(self, state: BoardState, move: int) -> BoardState:
        """A piece of the mover's on the cell."""
        board = state.board[:move] + PIECES[state.mover] + state.board[move + 1 :]
        return BoardState(board, 1 - state.mover, move)

    def move_of(self, call: ToolCall) -> int:
        """The cell."""
        return self.cell_named(call.arguments["column"], call.arguments["row"])

    def call_of(self, move: int) -> ToolCall:
        """The call that puts a piece there."""
        name = self.cell_name(move)
        return ToolCall("place", {"column": name[0], "row": int(name[1:])})

    def complaint(self, state: BoardState, seat: int, call: ToolCall) -> str:
        """The cell is taken."""
        return f"{self.cell_name(self.move_of(call))} is taken."


@lru_cache(maxsize=64)
def _numbers(kind: type[BoardGame], seat: int) -> dict[str, int]:
    """The place of each call in the list of all."""
    return {repr(call): number for number, call in enumerate(kind().calls(seat))}


@lru_cache(maxsize=64)
def _solved(kind: type[BoardGame], level: int) -> Table:
    """What searches of small boards to the end have found so far."""
    return {}


@lru_cache(maxsize=4096)
def _painted(
    kind: type[BoardGame], level: int, size: int, cell: int, letter: str, marked: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that a piece or the mark of the last move changes on the empty board, and their colours."""
    game = kind(level)
    empty = game.background(size)
    image = empty.copy()
    if marked:
        paint(image, game.cell_shape(_MARK), game.box(cell, size))
    if letter != ".":
        paint(image, game.piece(PIECES.index(letter)), game.box(cell, size))
    where = np.flatnonzero((image != empty).any(axis=2))
    return where, image.reshape(-1, 3)[where]


@lru_cache(maxsize=64)
def _background(kind: type[BoardGame], level: int, size: int) -> np.ndarray:
    image = kind(level).draw_background(size)
    image.flags.writeable = False
    return image


def cell_parameters(rows: int, columns: int, prefix: str = "") -> tuple[Parameter, Parameter]:
    """The parameters that name a cell of the largest board: tools are the same at every level."""
    column = Parameter(f"{prefix}column", "choice", "letter below the board", choices=tuple(COLUMNS[:columns]))
    return column, Parameter(f"{prefix}row", "integer", "number at the left of the board", low=1, high=rows)


def lines(rows: int, columns: int, length: int) -> Iterable[tuple[int, ...]]:
    """Every straight line of `length` cells: rows, columns and diagonals."""
    for row in range(rows):
        for column in range(columns):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                end_row, end_column = row + down * (length - 1), column + right * (length - 1)
                if end_row < rows and 0 <= end_column < columns:
                    yield tuple((row + down * k) * columns + column + right * k for k in range(length))
