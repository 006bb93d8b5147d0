"""Harvest: apples grow again only beside other apples."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from mmgym.draw import Color, Shape, TileSet, disc, line, rectangle
from mmgym.spaces import Tool, ToolCall
from mmgym_arena.game import Calls
from mmgym_arena.worlds.world import Cell, GridWorld, move_tool, person, stepped, steps_to

__all__ = ["Harvest"]

_SETTINGS = ((5, 1, 40, 5), (6, 2, 40, 9), (7, 3, 60, 16))
"""Cells a side, patches of apples, turns, and the apples that make a success, by level."""
_GROWTH = (0.0, 0.03, 0.06, 0.12)
"""Chance that an apple grows in a turn on a free cell of a patch.

It is listed by how many of the cell's neighbours have one (3 and more).
"""
_SPARED = 3
"""The expert leaves apples with fewer neighbours."""
_COLORS: tuple[Color, Color] = (206, 52, 160), (38, 84, 190)
_NAMES = ("purple", "blue")


class Orchard(NamedTuple):
    """Where everything is."""

    seed: int
    turn: int
    patches: tuple[Cell, ...]
    """Cells where apples grow."""
    apples: tuple[Cell, ...]
    pickers: tuple[Cell, Cell]
    picked: tuple[int, int]


_SOIL = [rectangle(0, 0, 1, 1, (168, 190, 130)), rectangle(0.02, 0.02, 0.98, 0.98, (206, 224, 168))]
_PATCH = [rectangle(0, 0, 1, 1, (168, 190, 130)), rectangle(0.02, 0.02, 0.98, 0.98, (150, 182, 104))]
_APPLE = [disc(0.5, 0.55, 0.26, (214, 40, 36)), line(0.5, 0.32, 0.58, 0.16, 0.06, (84, 54, 24))]


def _two() -> list[Shape]:
    moved = []
    for by, color in ((-0.2, _COLORS[0]), (0.2, _COLORS[1])):
        moved += [Shape(tuple((x + by, y) for x, y in shape.points), shape.color) for shape in person(color)]
    return moved


class Harvest(GridWorld):
    """Two pickers in an orchard of 5 x 5 to 7 x 7 cells. An apple is a point; apples grow only beside others.

    Both move at once, and an apple that both reach is lost to both. Who picks a patch bare ends it for good. After 40,
    40 or 60 turns a seat has succeeded with at least 5, 9 or 16 apples.
    """

    seats = ("purple", "blue")
    kind = "mixed"
    state = Orchard
    value: ClassVar[str] = "apples left standing feed both later; what is taken first is one's own"
    tiles = TileSet(
        {
            "grass": _SOIL,
            "bare patch": _PATCH,
            "apple": _PATCH + _APPLE,
            **{f"{name} picker": _SOIL + person(color) for name, color in zip(_NAMES, _COLORS, strict=True)},
            "both pickers": _SOIL + _two(),
        }
    )
    letters: ClassVar[dict[str, str]] = {
        "grass": ".", "bare patch": "_", "apple": "a", "purple picker": "P", "blue picker": "B", "both pickers": "2",
    }  # fmt: skip

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.size, self.patches, self.turns, self.goal = _SETTINGS[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        return (
            f"You move the {_NAMES[seat]} picker; the other player moves the {_NAMES[1 - seat]} one, at the same time. "
            "Who steps on an apple picks it; one that both reach at once is lost. Apples grow again on the dark "
            "patches, the sooner the more of the eight cells around have apples, and never without any. After "
            f"{self.turns} turns you want at least {self.goal} apples."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Step or stay."""
        return (move_tool("Step to the next cell, or stay."),)

    def start(self, rng: np.random.Generator) -> Orchard:
        """Patches around cells at random, full of apples."""
        patch: set[Cell] = set()
        for _ in range(self.patches):
            row, column = (int(part) for part in rng.integers(1, self.size - 1, 2))
            patch |= {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
        free = [divmod(cell, self.size) for cell in rng.permutation(self.size**2).tolist()]
        free = [cell for cell in free if cell not in patch]
        patches = tuple(sorted(patch))
        return Orchard(int(rng.integers(2**31)), 0, patches, patches, (free[0], free[1]), (0, 0))

    def movers(self, state: Orchard) -> tuple[int, ...]:
        """Both."""
        return (0, 1) if state.turn < self.turns else ()

    def refusal(self, state: Orchard, seat: int, call: ToolCall) -> str:
        """Every step may be tried."""
        return ""

    def play(self, state: Orchard, calls: Calls) -> Orchard:
        """Both step, pick, and then apples grow."""
        pickers = (stepped(state.pickers[0], calls[0], self.size), stepped(state.pickers[1], calls[1], self.size))
        apples, picked = set(state.apples), list(state.picked)
        for seat in (0, 1):
            if pickers[seat] in apples and pickers[0] != pickers[1]:
                picked[seat] += 1
        apples -= set(pickers)
        rng = np.random.default_rng([state.seed, state.turn])
        chances = rng.random(len(state.patches))
        grown = {
            cell
            for cell, chance in zip(state.patches, chances, strict=True)
            if cell not in apples and cell not in pickers and chance < _GROWTH[min(3, _near(cell, apples))]
        }
        return Orchard(
            state.seed, state.turn + 1, state.patches, tuple(sorted(apples | grown)), pickers, (picked[0], picked[1])
        )

    def scores(self, state: Orchard) -> tuple[float, ...]:
        """Apples, as shares of the goal."""
        return tuple(count / self.goal for count in state.picked)

    def solved(self, state: Orchard, seat: int) -> bool:
        """Whether the time is over and there are enough apples."""
        return not self.movers(state) and state.picked[seat] >= self.goal

    def turn_limit(self) -> int:
        """As many as are played."""
        return self.turns

    def expert(self, state: Orchard, seat: int, rng: np.random.Generator) -> ToolCall:
        """To an apple that leaves others beside it; to any towards the end."""
        late = self.turns - state.turn <= 2 * self.size
        apples = set(state.apples)
        rich = [cell for cell in state.apples if late or _near(cell, apples) >= _SPARED]
        kept = apples - set(rich)
        ways = steps_to(state.pickers[seat], rich, lambda cell: self._inside(cell) and cell not in kept)
        return ToolCall("move", {"direction": ways[rng.integers(len(ways))] if ways else "stay"})

    def weak(self, state: Orchard, seat: int, rng: np.random.Generator) -> ToolCall:
        """To the nearest apple in half of the turns; else anywhere."""
        ways = steps_to(state.pickers[seat], state.apples, self._inside)
        if rng.random() < 0.5 or not ways:
            return self.random(state, seat, rng)
        return ToolCall("move", {"direction": ways[rng.integers(len(ways))]})

    def _inside(self, cell: Cell) -> bool:
        return 0 <= cell[0] < self.size and 0 <= cell[1] < self.size

    def seen(self, state: Orchard, seat: int) -> list[object]:
        """Everything but what will grow, and the time."""
        return list(state[2:])

    def cells(self, state: Orchard, seat: int) -> list[list[str]]:
        """The orchard."""
        rows = [["grass"] * self.size for _ in range(self.size)]
        for row, column in state.patches:
            rows[row][column] = "apple" if (row, column) in state.apples else "bare patch"
        for which, (row, column) in enumerate(state.pickers):
            rows[row][column] = f"{_NAMES[which]} picker"
        if state.pickers[0] == state.pickers[1]:
            rows[state.pickers[0][0]][state.pickers[0][1]] = "both pickers"
        return rows


def _near(cell: Cell, apples: set[Cell]) -> int:
    """Apples on the eight cells around."""
    row, column = cell
    return sum((row + down, column + right) in apples for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right)
