"""LightsOut: switch off every lamp, where each switch works on its neighbors too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, GridPuzzle, cells_of, mask_of, neighbors, symmetries
from mmgym_puzzles.looks import LAMPS
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["LightsOut"]

LARGEST = 6
Board = tuple[int, int, int]
"""Cells a side, mask of the lamps, mask of the lit ones."""


@dataclass(frozen=True)
class Lamps:
    """What boards to draw."""

    size: int
    """Cells a side."""
    gaps: tuple[int, int]
    """Fewest and most cells without a lamp."""
    presses: tuple[int, int]
    """Fewest and most presses of the shortest solution."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Lamps(size=4, gaps=(2, 4), presses=(1, 2), turns=6),
    2: Lamps(size=4, gaps=(2, 5), presses=(3, 4), turns=12),
    3: Lamps(size=5, gaps=(3, 6), presses=(4, 7), turns=18),
    4: Lamps(size=5, gaps=(2, 5), presses=(7, 11), turns=26),
    5: Lamps(size=6, gaps=(2, 6), presses=(11, 20), turns=40),
}


class LightsOut(GridPuzzle):
    """Switch off every lamp, where each switch works on its neighbors too.

    ## Description
    A square board with lamps in most of its cells, some lit. Pressing a lamp switches it and those above, below, left
    and right of it. The board is solved when no lamp is lit.

    ## Action space
    One tool: `press(row, column)`, both counted from 1 at the top left. A press where no lamp is changes nothing.

    ## Observation space
    `image`: the board, uint8 (image_size, image_size, 3). `text`, the text twin: one letter per lamp and a legend.
    `feedback`: that there is no such lamp.

    ## Starting state
    Gaps and a set of presses on a dark board, drawn uniformly and redrawn until the shortest solution has the level's
    length; every board can be solved. The split is decided by a hash of gaps and lit lamps, equal for rotated and
    mirrored boards. The split `ood` has colours of
    its own. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the last lamp goes out (term `outcome`), else 0.

    ## Episode end
    Terminated when every lamp is dark (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert solves every board in the fewest presses: the switches are linear over two elements,
    so one solution is found by elimination, and the shortest is looked up among it and its sums with the quiet
    patterns (those that change nothing). The weak solver takes the press after which the fewest lamps are lit.

    | level | size | gaps | fewest presses | turns |
    |---|---|---|---|---|
    | 1 | 4 | 2-4 | 1-2 | 6 |
    | 2 | 4 | 2-5 | 3-4 | 12 |
    | 3 | 5 | 3-6 | 4-7 | 18 |
    | 4 | 5 | 2-5 | 7-11 | 26 |
    | 5 | 6 | 2-6 | 11-20 | 40 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.15
    instruction = (
        "You see a board of lamps. Pressing a lamp switches it and the lamps above, below, left and right of it. "
        "Switch off every lamp. Rows are counted from the top, columns from the left, both from 1."
    )
    description_rule = "Name every cell, row by row: lit, dark or gap."
    tile_sets = LAMPS
    letters: ClassVar[dict[str, str]] = {"lit": "O", "dark": ".", "gap": "#"}
    question_texts = ("How many lamps are lit?", "Which row has most lit lamps?", "Look around.")
    words = ("lit", "dark", "gap", *map(str, range(LARGEST * LARGEST + 1)))
    notes = ("There is no such lamp.",)
    board: int
    """Mask of the lamps: bit c stands for cell c."""
    lit: int
    """Mask of the lit lamps."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin((3, 0b111111111, 0b1011))

    @tool
    def press(
        self, row: Annotated[int, Interval(ge=1, le=LARGEST)], column: Annotated[int, Interval(ge=1, le=LARGEST)]
    ) -> Effect:
        """Press one lamp.

        Args:
            row: counted from the top, from 1.
            column: counted from the left, from 1.
        """
        cell = (row - 1) * self.size + column - 1
        if max(row, column) > self.size or not self.board >> cell & 1:
            return Effect(False, "There is no such lamp.")
        self.lit ^= _switches(self.size, self.board)[cell]
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Lamps) -> Board | None:
        """Draw a board, or None when its shortest solution is not of the wanted length."""
        size, fewest, most = settings.size, *settings.presses
        gaps = int(rng.integers(settings.gaps[0], settings.gaps[1] + 1))
        count = int(rng.integers(fewest, most + 1))
        order = rng.permutation(size * size).tolist()
        board, lit = mask_of(order[gaps:]), 0
        switches = _switches(size, board)
        for cell in order[gaps : gaps + count]:
            lit ^= switches[cell]
        return (size, board, lit) if fewest <= _shortest(size, board, lit).bit_count() <= most else None

    @classmethod
    def candidate_key(cls, instance: Board) -> str:
        """Key of the lamps and which are lit, equal for rotated and mirrored boards."""
        size, board, lit = instance
        turned = [tuple(mask_of(turn[c] for c in cells_of(mask)) for mask in (board, lit)) for turn in symmetries(size)]
        return layout_hash("lamps", size, min(turned))

    def layout_key(self) -> str:
        """Key of the board at the start; it decides the split."""
        return self.candidate_key((self.size, self.board, self._start))

    def _begin(self, instance: Board) -> None:
        self.size, self.board, self._start = instance
        self.lit = self._start
        self._new_instance()

    def _get_state(self) -> dict[str, Any]:
        masks = {"board": self.board, "start": self._start, "lit": self.lit}
        return {"size": self.size, **{name: f"{mask:x}" for name, mask in masks.items()}}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((state["size"], int(state["board"], 16), int(state["start"], 16)))
        self.lit = int(state["lit"], 16)

    def _is_success(self) -> bool:
        return self.lit == 0

    def _expert_call(self) -> ToolCall:
        row, column = divmod((cells_of(_shortest(self.size, self.board, self.lit)) or [0])[0], self.size)
        return ToolCall("press", {"row": row + 1, "column": column + 1})

    def _expert_steps(self) -> int:
        return _shortest(self.size, self.board, self._start).bit_count()

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The press that leaves the fewest lamps lit, of several such any; one press in four is any at all."""
        switches = _switches(self.size, self.board)
        left = {cell: (self.lit ^ lamps).bit_count() for cell, lamps in switches.items()}
        fewest = min(left.values()) if rng.random() < 0.75 else max(left.values())
        cells = [cell for cell, lit in left.items() if lit <= fewest]
        row, column = divmod(cells[rng.integers(len(cells))], self.size)
        return ToolCall("press", {"row": row + 1, "column": column + 1})

    def _turns_left(self) -> int:
        return _shortest(self.size, self.board, self.lit).bit_count()

    def _still_tiles(self) -> list[str]:
        return ["dark" if self.board >> cell & 1 else "gap" for cell in range(self.size * self.size)]

    def _moving_tiles(self) -> list[tuple[int, str]]:
        return [(cell, "lit") for cell in cells_of(self.lit)]

    def _description(self) -> str:
        return " ".join(self._all_tiles())

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        rows = [(self.lit >> self.size * row & (1 << self.size) - 1).bit_count() for row in range(self.size)]
        asked = {
            "How many lamps are lit?": str(self.lit.bit_count()),
            "Look around.": self._description(),
        }
        if rows.count(max(rows)) == 1:
            asked["Which row has most lit lamps?"] = str(rows.index(max(rows)) + 1)
        questions = list(asked.items())
        return [questions[k] for k in rng.permutation(len(questions))]


@lru_cache(maxsize=256)
def _switches(size: int, board: int) -> dict[int, int]:
    """For the cell of every lamp, the mask of the lamps that its switch works on."""
    steps = [neighbors(size)[direction] for direction in DIRECTIONS]
    return {c: (1 << c | mask_of(s[c] for s in steps if s[c] != OUTSIDE)) & board for c in cells_of(board)}


@lru_cache(maxsize=256)
def _elimination(size: int, board: int) -> tuple[list[tuple[int, int, int]], list[int]]:
    """The switches in echelon form, (highest lamp, lamps, presses), and all sums of patterns that change nothing."""
    pivots: list[tuple[int, int, int]] = []
    quiet = [0]
    for cell, lamps in _switches(size, board).items():
        presses = 1 << cell
        for highest, other, pressed in pivots:
            if lamps >> highest & 1:
                lamps, presses = lamps ^ other, presses ^ pressed
        if lamps:
            pivots.append((lamps.bit_length() - 1, lamps, presses))
        else:
            quiet += [pattern ^ presses for pattern in quiet]
    return pivots, quiet


@lru_cache(maxsize=4096)
def _shortest(size: int, board: int, lit: int) -> int:
    """Mask of the fewest presses that switch off these lamps; of several such, the one with the smallest mask."""
    pivots, quiet = _elimination(size, board)
    presses = 0
    for highest, lamps, pressed in pivots:
        if lit >> highest & 1:
            lit, presses = lit ^ lamps, presses ^ pressed
    return min((presses ^ pattern for pattern in quiet), key=lambda mask: (mask.bit_count(), mask))
