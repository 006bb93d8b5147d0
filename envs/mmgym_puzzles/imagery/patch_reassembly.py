"""PatchReassembly: fill an empty frame exactly with pieces of unequal shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.imagery.patch_drawing import Tray
from mmgym_puzzles.imagery.patches import Piece, cut, fillings, squares_at, turned_alike
from mmgym_puzzles.puzzle import Puzzle, layout_hash

__all__ = ["PatchReassembly"]

LARGEST = 8
MOST_PIECES = 10
WEAK_SHARE = 0.3
"""Share of the expert's calls among those of the weak solver."""
Line = Annotated[int, Interval(ge=1, le=LARGEST)]
Number = Annotated[int, Interval(ge=1, le=MOST_PIECES)]
Cut = tuple[int, tuple[Piece, ...]]
"""Squares a side of the frame, and the pieces in the order of their numbers."""


@dataclass(frozen=True)
class Patches:
    """What frames to cut."""

    side: int
    """Squares a side of the frame."""
    pieces: int
    """How many pieces."""
    sizes: tuple[int, int]
    """Fewest and most squares of a piece."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Patches(side=5, pieces=4, sizes=(3, 9), turns=10),
    2: Patches(side=6, pieces=6, sizes=(3, 9), turns=13),
    3: Patches(side=6, pieces=7, sizes=(3, 8), turns=15),
    4: Patches(side=7, pieces=8, sizes=(3, 9), turns=18),
    5: Patches(side=8, pieces=10, sizes=(3, 10), turns=20),
}
PRESETS = {
    "visgym_easy": Patches(side=6, pieces=5, sizes=(1, 36), turns=20),
    "visgym_hard": Patches(side=8, pieces=6, sizes=(1, 64), turns=30),
}


class PatchReassembly(Puzzle):
    """Fill an empty frame exactly with pieces of unequal shapes.

    ## Description
    A square frame was cut into pieces along the lines of its grid. They lie in a tray beside it, each in a colour of
    its own, with its number on its first square (the leftmost of its top row). They cannot be turned. The puzzle is
    solved when the frame is full.

    ## Action space
    Two tools: `place(piece, row, column)` lays a piece, from the tray or from elsewhere in the frame, so that the
    square with its number comes to that row and column; pieces that it would cover go back to the tray. `lift(piece)`
    takes a piece back to the tray. Rows and columns are counted from 1 at the top left. Nothing changes where a piece
    would stick out of the frame, lies there already, or does not exist.

    ## Observation space
    `image`: frame and tray, uint8 (image_size, image_size, 3). `text`, the text twin: the frame row by row, with the
    number of the piece on every square, and the shape of every piece in the tray, its first square marked. `feedback`:
    why nothing changed, or which pieces went back to the tray.

    ## Starting state
    All pieces in the tray, no two of one shape. The cut grows from random squares, piece by piece at random; their
    numbers are random. The split is decided by a hash of the shapes, whatever their order and whichever way each is
    turned or mirrored. In the split `ood` pieces have patterns, and everything has colours of its own.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the frame is full (term `outcome`), else 0. Any way to fill it counts, not only the one it was cut by.

    ## Episode end
    Terminated when the frame is full (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert finds every way to fill the frame by exhaustive search and goes for the one that most
    of the pieces in the frame lie right for already. It needs one call for each of the others, the fewest there can be.
    The weak solver does the same in three calls of ten; else it lays a piece of the tray wherever in the frame it fits,
    or takes one back where none fits.

    | level | side | pieces | squares of a piece | turns |
    |---|---|---|---|---|
    | 1 | 5 | 4 | 3-9 | 10 |
    | 2 | 6 | 6 | 3-9 | 13 |
    | 3 | 6 | 7 | 3-8 | 15 |
    | 4 | 7 | 8 | 3-9 | 18 |
    | 5 | 8 | 10 | 3-10 | 20 |

    Presets with the frames and turns of VisGym's patch reassembly: `visgym_easy` (6 a side, 5 pieces, 20 turns) and
    `visgym_hard` (8 a side, 6 pieces, 30 turns), pieces of any size. There a piece cannot cover others, and an agent
    says when it is done.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.02
    instruction = (
        "You see an empty frame and a tray of pieces. Fill the frame exactly: no gap, no overlap. Pieces cannot be "
        "turned. Name a piece by its number, and a place by the row and column that the square with the number comes "
        "to. A piece that is laid over others sends them back to the tray. Rows are counted from the top, columns from "
        "the left, both from 1."
    )
    description_rule = "For every piece, in order, say tray, or row and column of the square with its number: 2:3."
    question_texts = (
        "How many pieces are in the tray?",
        "How many squares of the frame are empty?",
        "Where is every piece?",
        *(f"How many squares has piece {piece}?" for piece in range(1, MOST_PIECES + 1)),
        *(f"How many rows high is piece {piece}?" for piece in range(1, MOST_PIECES + 1)),
        *(f"Which piece is at row {r} and column {c}?" for r in range(1, LARGEST + 1) for c in range(1, LARGEST + 1)),
    )
    words = (
        *map(str, range(LARGEST * LARGEST + 1)),
        "none",
        "tray",
        *(f"{row}:{column}" for row in range(1, LARGEST + 1) for column in range(1, LARGEST + 1)),
    )
    notes = (
        *(f"Piece {piece} goes back to the tray." for piece in range(1, MOST_PIECES + 1)),
        *(f"Piece {piece} would stick out of the frame there." for piece in range(1, MOST_PIECES + 1)),
        *(f"Piece {piece} lies there already." for piece in range(1, MOST_PIECES + 1)),
        *(f"Piece {piece} is in the tray." for piece in range(1, MOST_PIECES + 1)),
        *(f"There is no such piece: they go from 1 to {pieces}." for pieces in range(1, MOST_PIECES)),
    )
    side: int
    """Squares a side of the frame."""
    pieces: tuple[Piece, ...]
    """The pieces in the order of their numbers."""
    places: list[int | None]
    """The square of the frame under each piece's first square; None in the tray."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin((2, (((0, 0), (0, 1), (1, 0)), ((0, 0),))))

    @classmethod
    def vocabulary(cls) -> list[str]:
        """What an agent needs to say or read, without repetition: words first, then whole questions and feedback."""
        return list(dict.fromkeys([*cls.words, *cls.question_texts, *cls.notes]))

    @tool
    def place(self, piece: Number, row: Line, column: Line) -> Effect:
        """Lay a piece into the frame; pieces that it would cover go back to the tray.

        Args:
            piece: its number.
            row: where the square with the number goes, counted from the top, from 1.
            column: counted from the left, from 1.
        """
        if piece > len(self.pieces):
            return self._no_piece()
        inside = max(row, column) <= self.side
        square = (row - 1) * self.side + column - 1
        under = squares_at(self.pieces[piece - 1], square, self.side) if inside else None
        if under is None:
            return Effect(False, f"Piece {piece} would stick out of the frame there.")
        if self.places[piece - 1] == square:
            return Effect(False, f"Piece {piece} lies there already.")
        self.places[piece - 1] = None
        covered = sorted({other for at, other in self._filled().items() if at in under})
        for other in covered:
            self.places[other] = None
        self.places[piece - 1] = square
        return Effect(True, " ".join(f"Piece {other + 1} goes back to the tray." for other in covered))

    @tool
    def lift(self, piece: Number) -> Effect:
        """Take a piece back to the tray.

        Args:
            piece: its number.
        """
        if piece > len(self.pieces):
            return self._no_piece()
        if self.places[piece - 1] is None:
            return Effect(False, f"Piece {piece} is in the tray.")
        self.places[piece - 1] = None
        return Effect(True)

    def _no_piece(self) -> Effect:
        return Effect(False, f"There is no such piece: they go from 1 to {len(self.pieces)}.")

    def _filled(self) -> dict[int, int]:
        """The piece, counted from 0, on every square that is not empty."""
        lying = [(k, at) for k, at in enumerate(self.places) if at is not None]
        return {square: k for k, at in lying for square in squares_at(self.pieces[k], at, self.side) or ()}

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Patches) -> Cut | None:
        """Cut a frame, or None when the pieces are not as wanted."""
        pieces = cut(rng, settings.side, settings.pieces, settings.sizes)
        return None if pieces is None else (settings.side, pieces)

    @classmethod
    def candidate_key(cls, instance: Cut) -> str:
        """Key of the shapes, whatever their order and whichever way each is turned or mirrored."""
        return layout_hash("patches", instance[0], sorted(map(turned_alike, instance[1])))

    def layout_key(self) -> str:
        """Key of the set of shapes; it decides the split."""
        return self.candidate_key((self.side, self.pieces))

    def _begin(self, instance: Cut) -> None:
        self.side, self.pieces = instance
        self.places = [None] * len(self.pieces)
        self._canvas: Tray | None = None

    def _get_state(self) -> dict[str, Any]:
        pieces = [[list(place) for place in piece] for piece in self.pieces]
        return {"side": self.side, "pieces": pieces, "places": list(self.places)}

    def _set_state(self, state: dict[str, Any]) -> None:
        pieces = tuple(tuple((row, column) for row, column in piece) for piece in state["pieces"])
        self._begin((state["side"], pieces))
        self.places = list(state["places"])

    def _is_success(self) -> bool:
        return None not in self.places

    def _nearest(self) -> tuple[int, ...]:
        """The way to fill the frame that most pieces lie right for; of several such, the first."""
        ways = fillings(self.side, self.pieces)
        return max(ways, key=lambda way: sum(at == now for at, now in zip(way, self.places, strict=True)))

    def _wrong(self) -> list[tuple[int, int]]:
        """The pieces, counted from 0, that do not lie right, with the squares that they belong to."""
        return [(k, at) for k, at in enumerate(self._nearest()) if at != self.places[k]]

    def _turns_left(self) -> int:
        return len(self._wrong())

    def _expert_steps(self) -> int:
        return len(self.pieces)

    def _expert_call(self) -> ToolCall:
        wrong = self._wrong()
        if not wrong:  # of a full frame too, the expert says something valid
            return ToolCall("lift", {"piece": 1})
        return self._place_call(*min(wrong, key=lambda piece: piece[1]))

    def _place_call(self, piece: int, square: int) -> ToolCall:
        return ToolCall("place", {"piece": piece + 1, "row": square // self.side + 1, "column": square % self.side + 1})

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """One of the expert's in three of ten; else a piece of the tray wherever it fits, or one back if none does."""
        if rng.random() < WEAK_SHARE:
            return self.expert()
        filled = self._filled().keys()
        fits = [
            (k, at)
            for k, now in enumerate(self.places)
            for at in range(self.side * self.side)
            if now is None
            and (under := squares_at(self.pieces[k], at, self.side)) is not None
            and filled.isdisjoint(under)
        ]
        if fits:
            return self._place_call(*fits[rng.integers(len(fits))])
        lying = [k for k, at in enumerate(self.places) if at is not None]
        return ToolCall("lift", {"piece": lying[rng.integers(len(lying))] + 1})

    def _image(self) -> np.ndarray:
        if self._canvas is None:
            self._canvas = Tray(self.image_size, self.side, self.pieces, "ood" if self.split == "ood" else "usual")
        return self._canvas.draw(self.places)

    def _text(self) -> str:
        filled = self._filled()
        rows = [range(start, start + self.side) for start in range(0, self.side**2, self.side)]
        lines = ["frame", *(" ".join(str(filled[at] + 1) if at in filled else "." for at in row) for row in rows)]
        for k, piece in enumerate(self.pieces):
            if self.places[k] is None:
                left, right = min(c for _, c in piece), max(c for _, c in piece)
                marks = {place: "#" for place in piece} | {piece[0]: "@"}
                spans = [[marks.get((r, c), ".") for c in range(left, right + 1)] for r in range(piece[-1][0] + 1)]
                lines += [f"piece {k + 1} in the tray", *map(" ".join, spans)]
        return "\n".join([*lines, ". empty, # square of a piece, @ its first square"])

    def _where(self, piece: int) -> str:
        at = self.places[piece]
        return "tray" if at is None else f"{at // self.side + 1}:{at % self.side + 1}"

    def _description(self) -> str:
        return " ".join(map(self._where, range(len(self.pieces))))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        filled, (one, other) = self._filled(), rng.integers(len(self.pieces), size=2).tolist()
        row, column = rng.integers(self.side, size=2).tolist()
        shown = filled.get(row * self.side + column)
        asked = [
            ("How many pieces are in the tray?", str(self.places.count(None))),
            ("How many squares of the frame are empty?", str(self.side**2 - len(filled))),
            ("Where is every piece?", self._description()),
            (f"How many squares has piece {one + 1}?", str(len(self.pieces[one]))),
            (f"How many rows high is piece {other + 1}?", str(self.pieces[other][-1][0] + 1)),
            (f"Which piece is at row {row + 1} and column {column + 1}?", "none" if shown is None else str(shown + 1)),
        ]
        return [asked[k] for k in rng.permutation(len(asked))]
