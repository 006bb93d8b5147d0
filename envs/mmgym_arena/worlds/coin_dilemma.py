"""CoinDilemma: every coin is worth one to who takes it, and costs the other two if it is of the other's colour."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from mmgym.draw import Color, Shape, TileSet, disc, rectangle
from mmgym.spaces import Tool, ToolCall
from mmgym_arena.game import Calls
from mmgym_arena.worlds.world import Cell, GridWorld, move_tool, person, stepped, steps_to

__all__ = ["CoinDilemma"]

_SETTINGS = ((3, 12, 2), (4, 20, 3), (5, 30, 3))
"""Cells a side, turns, and the points that make a success, by level."""
_COLORS: tuple[Color, Color] = (206, 52, 40), (38, 84, 190)
_NAMES = ("red", "blue")


class Coins(NamedTuple):
    """Where everything is."""

    seed: int
    turn: int
    robots: tuple[Cell, Cell]
    coins: tuple[Cell, Cell]
    """The red coin and the blue one."""
    taken: tuple[tuple[int, int], tuple[int, int]]
    """For each seat: coins of its own colour, and of the other's."""


class CoinDilemma(GridWorld):
    """Two robots and two coins, one of each colour, on 3 x 3, 4 x 4 or 5 x 5 cells by level.

    A coin gives one point to who takes it; one of the other's colour costs the other two. A new coin of that colour
    lies elsewhere. Both move at once; after 12, 20 or 30 turns a seat has succeeded with at least 2, 3 or 3 points. Two
    that take all they can reach both lose by it.
    """

    seats = ("red", "blue")
    kind = "mixed"
    state = Coins
    value: ClassVar[str] = "leaving the other's coins alone is best for both together; taking them is best for one"
    tiles = TileSet(
        {
            "floor": [rectangle(0, 0, 1, 1, (206, 198, 180)), rectangle(0.02, 0.02, 0.98, 0.98, (240, 236, 226))],
            **{
                f"{name} {what}": [
                    rectangle(0, 0, 1, 1, (206, 198, 180)),
                    rectangle(0.02, 0.02, 0.98, 0.98, (240, 236, 226)),
                    *shapes,
                ]
                for name, color in zip(_NAMES, _COLORS, strict=True)
                for what, shapes in (
                    ("robot", person(color)),
                    (
                        "coin",
                        [
                            disc(0.5, 0.5, 0.30, color),
                            disc(0.5, 0.5, 0.21, (250, 226, 130)),
                            disc(0.5, 0.5, 0.09, color),
                        ],
                    ),
                )
            },
            "both robots": [
                rectangle(0, 0, 1, 1, (206, 198, 180)),
                rectangle(0.02, 0.02, 0.98, 0.98, (240, 236, 226)),
                *[Shape(tuple((x - 0.2, y) for x, y in shape.points), shape.color) for shape in person(_COLORS[0])],
                *[Shape(tuple((x + 0.2, y) for x, y in shape.points), shape.color) for shape in person(_COLORS[1])],
            ],
        }
    )
    letters: ClassVar[dict[str, str]] = {
        "floor": ".", "red robot": "R", "blue robot": "B", "both robots": "2", "red coin": "r", "blue coin": "b",
    }  # fmt: skip

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.size, self.turns, self.goal = _SETTINGS[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        own, other = _NAMES[seat], _NAMES[1 - seat]
        return (
            f"You move the {own} robot; the other player moves the {other} one, at the same time. Who steps on a coin "
            f"takes it and gets one point. A {own} coin that the other takes costs you two points, and a {other} coin "
            f"that you take costs the other two. After {self.turns} turns you want at least {self.goal} points."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Step or stay."""
        return (move_tool("Step to the next cell, or stay."),)

    def start(self, rng: np.random.Generator) -> Coins:
        """Robots and coins on four cells."""
        cells = [divmod(cell, self.size) for cell in rng.permutation(self.size**2)[:4].tolist()]
        return Coins(int(rng.integers(2**31)), 0, (cells[0], cells[1]), (cells[2], cells[3]), ((0, 0), (0, 0)))

    def movers(self, state: Coins) -> tuple[int, ...]:
        """Both."""
        return (0, 1) if state.turn < self.turns else ()

    def refusal(self, state: Coins, seat: int, call: ToolCall) -> str:
        """Every step may be tried; a step against the side leads nowhere."""
        return ""

    def play(self, state: Coins, calls: Calls) -> Coins:
        """Both step; coins are taken, also by both at once; new ones appear."""
        first, second = (stepped(state.robots[seat], calls[seat], self.size) for seat in (0, 1))
        robots = (first, second)
        taken = [list(pair) for pair in state.taken]
        coins = list(state.coins)
        rng = np.random.default_rng([state.seed, state.turn])
        for color, coin in enumerate(state.coins):
            takers = [seat for seat in (0, 1) if robots[seat] == coin]
            for seat in takers:
                taken[seat][0 if seat == color else 1] += 1
            if takers:
                free = [divmod(cell, self.size) for cell in range(self.size**2)]
                free = [cell for cell in free if cell not in robots and cell not in coins]
                coins[color] = free[rng.integers(len(free))]
        red, blue = ((own, other) for own, other in taken)
        return Coins(state.seed, state.turn + 1, robots, (coins[0], coins[1]), (red, blue))

    def points(self, state: Coins, seat: int) -> int:
        """Coins taken, less two for each that the other took of one's own colour."""
        return sum(state.taken[seat]) - 2 * state.taken[1 - seat][1]

    def scores(self, state: Coins) -> tuple[float, ...]:
        """Points, as shares of the goal."""
        return tuple(self.points(state, seat) / self.goal for seat in (0, 1))

    def solved(self, state: Coins, seat: int) -> bool:
        """Whether the time is over and there are enough points."""
        return not self.movers(state) and self.points(state, seat) >= self.goal

    def turn_limit(self) -> int:
        """As many as are played."""
        return self.turns

    def expert(self, state: Coins, seat: int, rng: np.random.Generator) -> ToolCall:
        """To the own coin, around the other's; stays where there is no way around."""
        other = state.coins[1 - seat]
        ways = steps_to(state.robots[seat], [state.coins[seat]], lambda cell: self._inside(cell) and cell != other)
        return ToolCall("move", {"direction": ways[rng.integers(len(ways))] if ways else "stay"})

    def weak(self, state: Coins, seat: int, rng: np.random.Generator) -> ToolCall:
        """To the nearer coin, whosever it is, in half of the turns; else anywhere."""
        if rng.random() < 0.5:
            return self.random(state, seat, rng)
        ways = steps_to(state.robots[seat], state.coins, self._inside)
        return ToolCall("move", {"direction": ways[rng.integers(len(ways))] if ways else "stay"})

    def _inside(self, cell: Cell) -> bool:
        return 0 <= cell[0] < self.size and 0 <= cell[1] < self.size

    def seen(self, state: Coins, seat: int) -> list[object]:
        """Everything but where new coins will lie, and the time."""
        return list(state[2:])

    def cells(self, state: Coins, seat: int) -> list[list[str]]:
        """The board."""
        rows = [["floor"] * self.size for _ in range(self.size)]
        for color, (row, column) in enumerate(state.coins):
            rows[row][column] = f"{_NAMES[color]} coin"
        for color, (row, column) in enumerate(state.robots):
            rows[row][column] = f"{_NAMES[color]} robot"
        if state.robots[0] == state.robots[1]:
            rows[state.robots[0][0]][state.robots[0][1]] = "both robots"
        return rows
