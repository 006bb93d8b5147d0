"""What puzzles on a square grid share: cells and directions, and drawing only what moved.

Cells are numbered in reading order: cell = row x size + column.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np

from mmgym.draw import Grid, TileSet
from mmgym.pointing import Pointer
from mmgym.spaces import ToolCall
from mmgym_puzzles.puzzle import Puzzle

__all__ = [
    "DIRECTIONS",
    "OUTSIDE",
    "Direction",
    "GridPuzzle",
    "cells_of",
    "mask_of",
    "neighbors",
    "symmetries",
    "where",
]

Direction = Literal["up", "down", "left", "right"]
DIRECTIONS: tuple[Direction, ...] = ("up", "down", "left", "right")
"""The directions, in the order in which experts break ties."""

OUTSIDE = -1
"""The neighbor of a cell at the edge."""


@lru_cache(maxsize=64)
def neighbors(size: int) -> dict[str, tuple[int, ...]]:
    """The neighbor of every cell in each direction, or `OUTSIDE`, on a `size` x `size` grid."""
    cells = range(size * size)
    return {
        "up": tuple(c - size if c >= size else OUTSIDE for c in cells),
        "down": tuple(c + size if c < size * (size - 1) else OUTSIDE for c in cells),
        "left": tuple(c - 1 if c % size else OUTSIDE for c in cells),
        "right": tuple(c + 1 if (c + 1) % size else OUTSIDE for c in cells),
    }


@lru_cache(maxsize=64)
def symmetries(size: int) -> tuple[tuple[int, ...], ...]:
    """The eight rotations and reflections of a `size` x `size` grid, each as the image of every cell."""
    cells = np.arange(size * size).reshape(size, size)
    turned = [np.rot90(cells, k) for k in range(4)]
    return tuple(tuple(grid.ravel().tolist()) for t in turned for grid in (t, t.T))


def cells_of(mask: int) -> list[int]:
    """The cells of a bit mask, in order."""
    cells = []
    while mask:
        lowest = mask & -mask
        cells.append(lowest.bit_length() - 1)
        mask ^= lowest
    return cells


def mask_of(cells: Iterable[int]) -> int:
    """The bit mask of some cells."""
    mask = 0
    for cell in cells:
        mask |= 1 << cell
    return mask


def where(origin: int, other: int, size: int) -> tuple[str, str]:
    """Where `other` lies as seen from `origin`: ("up", "down" or "same", "left", "right" or "same")."""
    rows, columns = other // size - origin // size, other % size - origin % size
    vertical = "same" if rows == 0 else "up" if rows < 0 else "down"
    return vertical, "same" if columns == 0 else "left" if columns < 0 else "right"


class GridPuzzle(Puzzle):
    """Base of puzzles on a square grid.

    A subclass sets `size` and `tile_sets`, gives the tiles that never move in an episode (`_still_tiles`) and those
    that do (`_moving_tiles`), the letter of each tile (`letters`), and calls `_new_instance` when the former change.
    """

    tile_sets: ClassVar[dict[str, TileSet]]
    """Tiles by look: ``usual`` and ``ood``."""
    letters: ClassVar[dict[str, str]]
    """The letter of each tile in the text twin."""
    question_texts: ClassVar[tuple[str, ...]]
    """Every text that `questions` can pose."""
    words: ClassVar[tuple[str, ...]]
    """Every word that an answer or an action can hold."""
    notes: ClassVar[tuple[str, ...]]
    """Every feedback that a valid action can bring."""
    size: int
    """Cells a side of the current instance."""

    _background: np.ndarray | None = None
    _grid: Grid | None = None

    @classmethod
    def vocabulary(cls) -> list[str]:
        """What an agent needs to say or read, without repetition: words first, then whole questions and feedback."""
        return list(dict.fromkeys([*cls.words, *cls.question_texts, *cls.notes]))

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """The cell of a row and a column, or the way from the agent's cell to the next one in a direction."""
        row, column, direction = (call.arguments.get(name) for name in ("row", "column", "direction"))
        if row is not None and column is not None:
            edges = (column - 1, row - 1, column, row)
            return (Pointer("box", tuple(edge / self.size for edge in edges)),)
        agent = self._walker()
        if agent is None or direction not in DIRECTIONS:
            return ()
        y, x = (0.5 + part for part in divmod(agent, self.size))
        right = {"left": -1, "right": 1}.get(direction, 0)
        down = {"up": -1, "down": 1}.get(direction, 0)
        return (Pointer("arrow", tuple(part / self.size for part in (x, y, x + right, y + down))),)

    def _walker(self) -> int | None:
        """The cell of what moves in the direction that a call gives; None where nothing does."""
        return None

    def layout_key(self) -> str:
        """Key of the layout that decides its split; equal for layouts that are rotated or mirrored into one another."""
        raise NotImplementedError

    def _still_tiles(self) -> list[str]:
        raise NotImplementedError

    def _moving_tiles(self) -> Iterable[tuple[int, str]]:
        raise NotImplementedError

    def _new_instance(self) -> None:
        self._background = None

    def _image(self) -> np.ndarray:
        tiles = self.tile_sets["ood" if self.split == "ood" else "usual"]
        if self._background is None or self._grid is None:
            self._grid = Grid(self.image_size, self.size)
            self._background = self._grid.fill(tiles, self._still_tiles())
        image = self._background.copy()
        for cell, name in self._moving_tiles():
            self._grid.put(image, tiles, cell, name)
        return image

    def _all_tiles(self) -> list[str]:
        names = self._still_tiles()
        for cell, name in self._moving_tiles():
            names[cell] = name
        return names

    def _text(self) -> str:
        letters = [self.letters[name] for name in self._all_tiles()]
        rows = [" ".join(letters[start : start + self.size]) for start in range(0, len(letters), self.size)]
        return "\n".join([*rows, ", ".join(f"{letter} {name}" for name, letter in self.letters.items())])
