"""Jigsaw: put a picture together again whose square pieces were swapped and turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.draw import Color, blank, draw_text
from mmgym.env import Capabilities, Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.imagery.pictures import PICTURES, draw_picture
from mmgym_puzzles.puzzle import Puzzle, layout_hash

__all__ = ["Jigsaw"]

LARGEST = 5
Place = Annotated[int, Interval(ge=1, le=LARGEST)]
Cut = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Number of the picture, pieces a side, the piece at every place, quarter turns clockwise of the piece there."""
_PAPER: dict[str, tuple[Color, Color]] = {
    "usual": ((250, 248, 240), (60, 60, 70)),
    "ood": ((8, 8, 12), (190, 255, 240)),
}
"""Colours of the table and of the numbers at its edge, by look."""


@dataclass(frozen=True)
class Pieces:
    """What pictures to cut."""

    side: int
    """Pieces a side."""
    swaps: tuple[int, int]
    """Fewest and most swaps that put every piece in its place."""
    turned: tuple[int, int]
    """Fewest and most pieces that are turned."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Pieces(side=2, swaps=(1, 3), turned=(0, 0), turns=9),
    2: Pieces(side=3, swaps=(3, 5), turned=(0, 0), turns=11),
    3: Pieces(side=3, swaps=(4, 7), turned=(2, 4), turns=17),
    4: Pieces(side=4, swaps=(9, 13), turned=(4, 6), turns=27),
    5: Pieces(side=5, swaps=(16, 22), turned=(8, 12), turns=44),
}
PRESETS = {
    "visgym_easy": Pieces(side=2, swaps=(1, 3), turned=(0, 0), turns=20),
    "visgym_hard": Pieces(side=3, swaps=(1, 8), turned=(0, 0), turns=20),
}


class Jigsaw(Puzzle):
    """Put a picture together again whose square pieces were swapped and turned.

    ## Description
    A drawn scene is cut into square pieces, which lie in a square in the wrong order; from level 3 on some are turned
    as well. Numbers at the edge count rows and columns. The puzzle is solved when the picture is whole.

    ## Action space
    Two tools: `swap(row, column, other_row, other_column)` exchanges the pieces of two places, each keeping the way it
    is turned; `rotate(row, column, degrees)` turns one piece clockwise. Rows and columns are counted from 1 at the top
    left. A call for a place that does not exist, or a swap of a place with itself, changes nothing.

    ## Observation space
    `image`: the pieces as they lie, uint8 (image_size, image_size, 3). `feedback`: that there is no such place, or
    that one was named twice. There is no text twin: which piece fits where is only in the pixels.

    ## Starting state
    The picture is drawn from a number below 2**40: a village, a sea, mountains or figures. The order of the pieces is
    drawn uniformly and redrawn until the fewest swaps are in the level's range; so is the set of turned pieces. The
    split is decided by a hash of the picture's number. The split `ood` has pictures of a neon night.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the picture is whole (term `outcome`), else 0.

    ## Episode end
    Terminated when the picture is whole (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert needs the fewest calls: one per turned piece, and pieces minus cycles of their order.

    | level | pieces a side | fewest swaps | turned pieces | turns |
    |---|---|---|---|---|
    | 1 | 2 | 1-3 | 0 | 9 |
    | 2 | 3 | 3-5 | 0 | 11 |
    | 3 | 3 | 4-7 | 2-4 | 17 |
    | 4 | 4 | 9-13 | 4-6 | 27 |
    | 5 | 5 | 16-22 | 8-12 | 44 |

    Presets with the sizes of VisGym's jigsaw: `visgym_easy` (2 a side) and `visgym_hard` (3 a side), no piece turned,
    20 turns.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    capabilities = Capabilities(text_twin=False)
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You see a picture cut into square pieces that were mixed up; some may be turned. Swap and rotate pieces until "
        "the picture is whole. Rows are counted from the top, columns from the left, both from 1."
    )
    description_rule = (
        "For every place, row by row, say the number of the place where its piece belongs (places are counted from 1 "
        "in reading order), a colon, and by how many degrees clockwise the piece is turned: 3:90."
    )

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin((0, 2, (1, 0, 2, 3), (0, 0, 0, 0)))

    @tool
    def swap(self, row: Place, column: Place, other_row: Place, other_column: Place) -> Effect:
        """Exchange the pieces of two places.

        Args:
            row: row of the first place, counted from the top, from 1.
            column: column of the first place, counted from the left, from 1.
            other_row: row of the second place.
            other_column: column of the second place.
        """
        if max(row, column, other_row, other_column) > self.side:
            return Effect(False, f"There is no such place: rows and columns go from 1 to {self.side}.")
        one, other = self._place(row, column), self._place(other_row, other_column)
        if one == other:
            return Effect(False, "Both places are the same.")
        for held in (self.order, self.turned):
            held[one], held[other] = held[other], held[one]
        return Effect(True)

    @tool
    def rotate(self, row: Place, column: Place, degrees: Literal["90", "180", "270"]) -> Effect:
        """Turn the piece of one place clockwise.

        Args:
            row: counted from the top, from 1.
            column: counted from the left, from 1.
            degrees: how far.
        """
        if max(row, column) > self.side:
            return Effect(False, f"There is no such place: rows and columns go from 1 to {self.side}.")
        place = self._place(row, column)
        self.turned[place] = (self.turned[place] + int(degrees) // 90) % 4
        return Effect(True)

    def _place(self, row: int, column: int) -> int:
        return (row - 1) * self.side + column - 1

    def _where(self, place: int) -> dict[str, int]:
        return {"row": place // self.side + 1, "column": place % self.side + 1}

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Pieces) -> Cut | None:
        """Draw a picture and how its pieces lie, or None when it takes too few or too many swaps."""
        picture, places = int(rng.integers(PICTURES)), settings.side**2
        order = tuple(rng.permutation(places).tolist())
        count = int(rng.integers(settings.turned[0], settings.turned[1] + 1))
        turned = [0] * places
        for place in rng.permutation(places)[:count].tolist():
            turned[place] = int(rng.integers(1, 4))
        if not settings.swaps[0] <= _swaps(order) <= settings.swaps[1]:
            return None
        return picture, settings.side, order, tuple(turned)

    @classmethod
    def candidate_key(cls, instance: Cut) -> str:
        """Key of the picture, however it is cut."""
        return layout_hash("jigsaw", instance[0])

    def layout_key(self) -> str:
        """Key of the picture; it decides the split."""
        return self.candidate_key(self._start)

    def _begin(self, instance: Cut) -> None:
        self._start = instance
        self.picture, self.side = instance[:2]
        self.order, self.turned = list(instance[2]), list(instance[3])
        self._drawn: list[tuple[int, int]] = []

    def _get_state(self) -> dict[str, Any]:
        start = [list(part) if isinstance(part, tuple) else part for part in self._start]
        return {"start": start, "order": list(self.order), "turned": list(self.turned)}

    def _set_state(self, state: dict[str, Any]) -> None:
        picture, side, order, turned = state["start"]
        self._begin((picture, side, tuple(order), tuple(turned)))
        self.order, self.turned = list(state["order"]), list(state["turned"])

    def _is_success(self) -> bool:
        return self._turns_left() == 0

    def _turns_left(self) -> int:
        return _swaps(self.order) + sum(map(bool, self.turned))

    def _expert_steps(self) -> int:
        return _swaps(self._start[2]) + sum(map(bool, self._start[3]))

    def _expert_call(self) -> ToolCall:
        for place, piece in enumerate(self.order):
            if self.turned[place]:
                return ToolCall("rotate", {**self._where(place), "degrees": str(360 - 90 * self.turned[place])})
            if piece != place:
                other = {f"other_{name}": number for name, number in self._where(piece).items()}
                return ToolCall("swap", {**self._where(place), **other})
        return ToolCall("rotate", {"row": 1, "column": 1, "degrees": "90"})

    def _image(self) -> np.ndarray:
        look = "ood" if self.split == "ood" else "usual"
        paper, ink = _PAPER[look]
        margin, gap = self.image_size // 16, max(1, self.image_size // 112)
        piece = (self.image_size - margin - gap * self.side) // self.side
        if not self._drawn:
            self._canvas = blank(self.image_size, self.image_size, paper)
            for k in range(self.side):
                middle = margin + k * (piece + gap) + piece / 2
                for x, y in ((margin / 2, middle), (middle, margin / 2)):
                    draw_text(self._canvas, str(k + 1), x, y, margin, ink, bold=True)
            self._drawn = [(-1, -1)] * len(self.order)
        whole = draw_picture(self.picture, look, piece * self.side)
        for place, lies in enumerate(zip(self.order, self.turned, strict=True)):
            if lies != self._drawn[place]:
                top, left = (k * piece for k in divmod(lies[0], self.side))
                row, column = (margin + k * (piece + gap) for k in divmod(place, self.side))
                cut = np.rot90(whole[top : top + piece, left : left + piece], -lies[1])
                self._canvas[row : row + piece, column : column + piece] = cut
                self._drawn[place] = lies
        return self._canvas.copy()

    def _description(self) -> str:
        return " ".join(f"{piece + 1}:{90 * turned}" for piece, turned in zip(self.order, self.turned, strict=True))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        right = sum(
            place == piece and not t for place, (piece, t) in enumerate(zip(self.order, self.turned, strict=True))
        )
        row, column = self._where(self.order.index(0)).values()
        asked = [
            ("How many pieces lie in their place and upright?", str(right)),
            ("How many pieces are turned?", str(sum(map(bool, self.turned)))),
            ("In which row and column does the top left piece of the picture lie?", f"{row} {column}"),
            ("Which piece lies where, and how is it turned?", self._description()),
        ]
        return [asked[k] for k in rng.permutation(len(asked))]


def _swaps(order: tuple[int, ...] | list[int]) -> int:
    """Fewest swaps that sort an order: its length minus its cycles."""
    seen, cycles = [False] * len(order), 0
    for start in range(len(order)):
        cycles += not seen[start]
        while not seen[start]:
            seen[start] = True
            start = order[start]
    return len(order) - cycles
