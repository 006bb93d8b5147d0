"""GuideWalker: one sees the map, the other walks and sees little."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from mmgym.draw import TileSet, disc, polygon, rectangle
from mmgym.spaces import Parameter, Tool, ToolCall
from mmgym_arena.game import Calls
from mmgym_arena.worlds.world import DIRECTIONS, WAYS, Cell, GridWorld, move_tool, person, steps_to

__all__ = ["GuideWalker"]

_SETTINGS = ((5, 16), (7, 36), (9, 64))
"""Cells a side, walls included, and the walker's steps, by level: twice the longest way that there can be, and four."""

_FLOOR = [rectangle(0, 0, 1, 1, (206, 198, 180)), rectangle(0.02, 0.02, 0.98, 0.98, (240, 236, 226))]
_FLAG = [
    rectangle(0.30, 0.16, 0.38, 0.88, (70, 60, 50)),
    polygon([(0.38, 0.18), (0.82, 0.34), (0.38, 0.50)], (22, 140, 50)),
]


class Maze(NamedTuple):
    """A maze, where the walker is, and what was said."""

    walls: tuple[str, ...]
    """Rows of ``#`` and ``.``."""
    walker: Cell
    goal: Cell
    steps: int
    message: str
    """What the guide has said last."""
    speaking: bool
    """Whether the guide is to speak."""


class GuideWalker(GridWorld):
    """A guide sees a whole maze and may only speak; a walker sees the nine cells around and may only walk.

    They take turns. The maze has 5 x 5, 7 x 7 or 9 x 9 cells by level; both win when the walker reaches the flag, in at
    most 16, 36 or 64 steps. The guide has five words.
    """

    seats = ("guide", "walker")
    kind = "cooperative"
    state = Maze
    tiles = TileSet(
        {
            "floor": _FLOOR,
            "wall": [rectangle(0, 0, 1, 1, (70, 48, 46)), rectangle(0.06, 0.06, 0.94, 0.94, (112, 78, 70))],
            "flag": _FLOOR + _FLAG,
            "walker": _FLOOR + person((38, 84, 190)),
            "walker at the flag": _FLOOR + _FLAG + person((38, 84, 190)),
            "unseen": [rectangle(0, 0, 1, 1, (24, 24, 30)), disc(0.5, 0.5, 0.06, (70, 70, 84))],
        }
    )
    letters: ClassVar[dict[str, str]] = {
        "floor": ".", "wall": "#", "flag": "F", "walker": "W", "walker at the flag": "X", "unseen": "?",
    }  # fmt: skip

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.size, self.limit = _SETTINGS[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        if seat == 0:
            return (
                "You are the guide: you see the whole maze and cannot walk. The walker sees only the nine cells around "
                "itself, and what you say. Lead it to the flag. You speak and it walks, in turn."
            )
        return (
            "You are the walker: you see only the nine cells around you. The guide sees the whole maze and speaks "
            "before each of your steps. Reach the flag. Walls cannot be walked through."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """The guide speaks, the walker walks."""
        if seat == 1:
            return (move_tool("Step to the next cell, or stay."),)
        words = Parameter("word", "choice", "what the walker hears", choices=WAYS)
        return (Tool("tell", "Say one word to the walker.", (words,)),)

    def start(self, rng: np.random.Generator) -> Maze:
        """A maze without loops, the walker and the flag far apart."""
        size = self.size
        rows = [["#"] * size for _ in range(size)]
        rooms = [(row, column) for row in range(1, size, 2) for column in range(1, size, 2)]
        stack = [rooms[rng.integers(len(rooms))]]
        rows[stack[0][0]][stack[0][1]] = "."
        while stack:
            row, column = stack[-1]
            onward = [
                (down, right)
                for down, right in DIRECTIONS.values()
                if 0 < row + 2 * down < size
                and 0 < column + 2 * right < size
                and rows[row + 2 * down][column + 2 * right] == "#"
            ]
            if not onward:
                stack.pop()
                continue
            down, right = onward[rng.integers(len(onward))]
            rows[row + down][column + right] = rows[row + 2 * down][column + 2 * right] = "."
            stack.append((row + 2 * down, column + 2 * right))
        walls = tuple("".join(row) for row in rows)
        while True:
            first, second = rng.permutation(len(rooms))[:2]
            far = _length(walls, rooms[first], rooms[second])
            if far >= size - 1:
                return Maze(walls, rooms[first], rooms[second], 0, "", True)

    def movers(self, state: Maze) -> tuple[int, ...]:
        """The guide, then the walker."""
        if state.walker == state.goal or state.steps >= self.limit:
            return ()
        return (0,) if state.speaking else (1,)

    def refusal(self, state: Maze, seat: int, call: ToolCall) -> str:
        """Everything may be said, and every step tried."""
        return ""

    def play(self, state: Maze, calls: Calls) -> Maze:
        """A word or a step."""
        if state.speaking:
            call = calls[0]
            assert call is not None
            (said,) = call.arguments.values()
            return state._replace(message=said, speaking=False)
        call = calls[1]
        assert call is not None
        down, right = DIRECTIONS.get(call.arguments["direction"], (0, 0))
        row, column = state.walker[0] + down, state.walker[1] + right
        walker = (row, column) if state.walls[row][column] != "#" else state.walker
        return state._replace(walker=walker, steps=state.steps + 1, speaking=True)

    def scores(self, state: Maze) -> tuple[float, ...]:
        """1 for both at the flag."""
        reached = float(state.walker == state.goal)
        return reached, reached

    def solved(self, state: Maze, seat: int) -> bool:
        """Whether the walker is at the flag."""
        return state.walker == state.goal

    def turn_limit(self) -> int:
        """A turn a step, and some to spare for slips."""
        return self.limit + 4

    def messages(self, state: Maze, seat: int) -> str:
        """What the guide has said."""
        return f"The guide says: {state.message}" if seat == 1 and state.message else ""

    def expert(self, state: Maze, seat: int, rng: np.random.Generator) -> ToolCall:
        """The guide names the next step of the shortest way; the walker does as it is told."""
        if seat == 0:
            (way, *_) = steps_to(state.walker, [state.goal], lambda cell: _is_free(state.walls, cell))
            return ToolCall("tell", {"word": way})
        return ToolCall("move", {"direction": state.message or "stay"})

    def seen(self, state: Maze, seat: int) -> list[object]:
        """The whole maze, or what is around the walker and what it has heard."""
        return (
            [list(state.walls), state.walker, state.goal, state.message]
            if seat == 0
            else [self.cells(state, 1), state.message]
        )

    def questions(self, state: Maze, seat: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """Those of the worlds, what is next to the walker, and on which side of it the flag is."""
        asked = super().questions(state, seat, rng)
        tiles = {(row, k): tile for row, line in enumerate(self.cells(state, seat)) for k, tile in enumerate(line)}
        row, column = next(cell for cell, tile in tiles.items() if tile.startswith("walker"))
        around = (f"{way} {tiles[row + down, column + right]}" for way, (down, right) in DIRECTIONS.items())
        asked.append(("What is next to the walker?", ", ".join(around)))
        flag = next((cell for cell, tile in tiles.items() if tile == "flag"), (row, column))
        down, right = np.sign(np.subtract(flag, (row, column))).tolist()
        sides = f"{('up', '', 'down')[1 + down]} {('left', '', 'right')[1 + right]}".strip()
        asked.append(("On which side of the walker is the flag?", sides or "none is seen"))
        return [asked[k] for k in rng.permutation(len(asked))]

    def cells(self, state: Maze, seat: int) -> list[list[str]]:
        """The maze; for the walker the cells around it."""
        if seat == 1:
            row, column = state.walker
            return [[self._tile(state, (row + down, column + right)) for right in (-1, 0, 1)] for down in (-1, 0, 1)]
        return [[self._tile(state, (row, column)) for column in range(self.size)] for row in range(self.size)]

    def _tile(self, state: Maze, cell: Cell) -> str:
        if cell == state.walker:
            return "walker at the flag" if cell == state.goal else "walker"
        if cell == state.goal:
            return "flag"
        return "floor" if _is_free(state.walls, cell) else "wall"


def _is_free(walls: tuple[str, ...], cell: Cell) -> bool:
    return 0 <= cell[0] < len(walls) and 0 <= cell[1] < len(walls) and walls[cell[0]][cell[1]] != "#"


def _length(walls: tuple[str, ...], start: Cell, goal: Cell) -> int:
    """Steps of the only way from one cell to another."""
    steps = 0
    while start != goal:
        (way, *_) = steps_to(start, [goal], lambda cell: _is_free(walls, cell))
        start = (start[0] + DIRECTIONS[way][0], start[1] + DIRECTIONS[way][1])
        steps += 1
    return steps
