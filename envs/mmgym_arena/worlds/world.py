"""What the worlds share: a grid of named tiles, of which each seat may see a part."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np

from mmgym.draw import Color, Grid, Shape, TileSet, disc, polygon, rectangle
from mmgym.spaces import Parameter, Tool, ToolCall
from mmgym_arena.game import Game, State

__all__ = ["DIRECTIONS", "WAYS", "GridWorld", "move_tool", "person", "steps_to"]

DIRECTIONS: dict[str, tuple[int, int]] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
"""Rows and columns that a step leads over."""
WAYS = (*DIRECTIONS, "stay")


class GridWorld(Game):
    """Base of the worlds. Cells are (row, column), from (0, 0) at the top left."""

    tiles: ClassVar[TileSet]
    letters: ClassVar[dict[str, str]]
    """For the text twin: a letter for each tile."""

    @abstractmethod
    def cells(self, state: State, seat: int) -> list[list[str]]:
        """The tiles that a seat sees, as many columns as rows."""

    def picture(self, state: State, seat: int, size: int) -> np.ndarray:
        """The cells that the seat sees."""
        rows = self.cells(state, seat)
        return Grid(size, len(rows)).fill(self.tiles, [tile for row in rows for tile in row])

    def text(self, state: State, seat: int) -> str:
        """The same in letters, with a legend of those that are there."""
        rows = self.cells(state, seat)
        seen = sorted({tile for row in rows for tile in row})
        lines = ["".join(self.letters[tile] for tile in row) for row in rows]
        legend = ", ".join(f"{self.letters[tile]} {tile}" for tile in seen)
        return "\n".join([*lines, legend])

    def questions(self, state: State, seat: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """What is in cells, in all of them in reading order, and how many there are of something."""
        rows = self.cells(state, seat)
        asked = []
        for cell in rng.permutation(len(rows) ** 2)[:3].tolist():
            row, column = divmod(cell, len(rows))
            asked.append((f"What is in row {row + 1}, column {column + 1}?", rows[row][column]))
        every = [tile for row in rows for tile in row]
        asked.append(("What is on the map, row by row?", ", ".join(every)))
        tile = sorted(set(every))[rng.integers(len(set(every)))]
        asked.append((f"How many cells show this: {tile}?", str(every.count(tile))))
        return [asked[k] for k in rng.permutation(len(asked))]


def move_tool(description: str = "Step to the next cell.", stay: bool = True) -> Tool:
    """The tool that moves a seat."""
    ways = WAYS if stay else tuple(DIRECTIONS)
    return Tool("move", description, (Parameter("direction", "choice", "where to", choices=ways),))


Cell = tuple[int, int]


def steps_to(start: Cell, goals: Iterable[Cell], free: Callable[[Cell], bool]) -> list[str]:
    """The first step of every shortest way from `start` to any of `goals`; none when there is no way.

    Args:
        start: where the way begins.
        goals: where it may end; these need not be free.
        free: whether a cell may be walked on.
    """
    wanted = set(goals)
    if start in wanted:
        return []
    distance = {cell: 0 for cell in wanted}
    waiting = deque(wanted)
    while waiting:
        cell = waiting.popleft()
        for down, right in DIRECTIONS.values():
            near = (cell[0] + down, cell[1] + right)
            if near not in distance and (near == start or free(near)):
                distance[near] = distance[cell] + 1
                waiting.append(near)
    if start not in distance:
        return []
    return [
        way
        for way, (down, right) in DIRECTIONS.items()
        if distance.get((start[0] + down, start[1] + right)) == distance[start] - 1
    ]


def person(coat: Color, skin: Color = (250, 206, 160), legs: Color = (40, 40, 56)) -> list[Shape]:
    """A small person in a coat."""
    return [
        rectangle(0.36, 0.70, 0.47, 0.90, legs),
        rectangle(0.53, 0.70, 0.64, 0.90, legs),
        polygon([(0.34, 0.44), (0.66, 0.44), (0.72, 0.74), (0.28, 0.74)], coat),
        disc(0.5, 0.29, 0.16, skin),
    ]


def stepped(cell: Cell, call: ToolCall | None, size: int) -> Cell:
    """Where a move leads inside a square of `size` cells a side; nowhere without one."""
    way = "stay" if call is None else call.arguments.get("direction", "stay")
    down, right = DIRECTIONS.get(way, (0, 0))
    row, column = cell[0] + down, cell[1] + right
    return (row, column) if 0 <= row < size and 0 <= column < size else cell
