"""SlidingTiles: the 8-puzzle and the 15-puzzle, with numbers or as a picture."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mmgym.draw import Color, Shape, blank, disc, draw_text, paint, polygon, rectangle
from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, Direction, neighbors
from mmgym_puzzles.puzzle import Puzzle, layout_hash
from mmgym_puzzles.search import Planner

__all__ = ["SlidingTiles"]

Board = tuple[int, ...]
"""The tile in every cell, 0 for the gap. Solved: 1, 2, 3, ... in reading order, the gap last."""


@dataclass(frozen=True)
class Tiles:
    """What boards to draw."""

    size: int
    """Cells a side."""
    slides: tuple[int, int]
    """Fewest and most slides of the shortest solution."""
    turns: int
    """Turns until the episode is truncated."""
    picture: bool = False
    """Whether tiles are parts of a picture in every split."""


LEVELS = {
    1: Tiles(size=3, slides=(5, 9), turns=30),
    2: Tiles(size=3, slides=(10, 14), turns=32),
    3: Tiles(size=3, slides=(15, 19), turns=38),
    4: Tiles(size=4, slides=(18, 21), turns=40),
    5: Tiles(size=4, slides=(22, 24), turns=44),
}
PRESETS = {"picture": Tiles(size=3, slides=(10, 19), turns=40, picture=True)}
OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}


class SlidingTiles(Puzzle):
    """Slide the tiles until they are in order: the 8-puzzle and the 15-puzzle.

    ## Description
    A square board of tiles with one gap. A tile beside the gap can slide into it. The board is solved when the numbers
    stand in reading order and the gap is at the bottom right, or when the picture on the tiles is whole.

    ## Action space
    One tool: `slide(direction)`, one of up, down, left, right: the way the tile goes that moves into the gap. Where no
    tile can go that way, nothing changes.

    ## Observation space
    `image`: the board, uint8 (image_size, image_size, 3). `text`, the text twin: the numbers row by row, `.` for the
    gap. `feedback`: that no tile can go that way.

    ## Starting state
    A random walk of the gap from the solved board, redrawn until the shortest solution has the level's length. The
    split is decided by a hash of the board. In the split `ood` the tiles show a picture and a small number.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the board is solved (term `outcome`), else 0.

    ## Episode end
    Terminated when the board is solved (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The preset `picture` has picture tiles in every split. The expert solves every board in the
    fewest slides, by A* with the Manhattan distance and linear conflicts (Hansson, Mayer, Yung 1992).

    | level | size | fewest slides | turns |
    |---|---|---|---|
    | 1 | 3 | 5-9 | 30 |
    | 2 | 3 | 10-14 | 32 |
    | 3 | 3 | 15-19 | 38 |
    | 4 | 4 | 18-21 | 40 |
    | 5 | 4 | 22-24 | 44 |
    | preset `picture` | 3 | 10-19 | 40 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.15
    weak_noise: ClassVar[float] = 0.45
    instruction = (
        "You see a board of sliding tiles with one gap. Slide tiles into the gap until the numbers stand in reading "
        "order, row by row from the top left, with the gap at the bottom right. If the tiles show a picture, each has "
        "its number in a corner. The direction is the way the tile goes that moves into the gap."
    )
    description_rule = "Name the tile in every cell, row by row: its number, or gap."

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin((1, 2, 3, 4, 5, 6, 7, 0, 8))

    @tool
    def slide(self, direction: Direction) -> Effect:
        """Slide one tile into the gap.

        Args:
            direction: the way the tile goes.
        """
        after = _slid(self.board, direction)
        if after is None:
            return Effect(False, "No tile can go that way.")
        self.board = after
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Tiles) -> Board | None:
        """Draw a board, or None when its shortest solution is not of the wanted length."""
        fewest, most = settings.slides
        board = (*range(1, settings.size**2), 0)
        last = "up"
        for _ in range(int(rng.integers(fewest, most + 1))):
            ways = [(way, after) for way in DIRECTIONS if way != OPPOSITE[last] and (after := _slid(board, way))]
            last, board = ways[rng.integers(len(ways))]
        if _estimate(board) > most:
            return None
        length = _planner(settings.size).length(board)
        return board if length is not None and fewest <= length <= most else None

    @classmethod
    def candidate_key(cls, instance: Board) -> str:
        """Key of the board."""
        return layout_hash("tiles", instance)

    def layout_key(self) -> str:
        """Key of the board at the start; it decides the split."""
        return self.candidate_key(self._start)

    def _begin(self, instance: Board) -> None:
        self._start = self.board = instance
        self.size = _side(instance)
        self._shows: np.ndarray | None = None

    def _get_state(self) -> dict[str, Any]:
        return {"start": list(self._start), "board": list(self.board)}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin(tuple(state["start"]))
        self.board = tuple(state["board"])

    def _is_success(self) -> bool:
        return _estimate(self.board) == 0

    def _expert_call(self) -> ToolCall:
        return ToolCall("slide", {"direction": _planner(self.size).move(self.board) or "up"})

    def _expert_steps(self) -> int:
        return _planner(self.size).length(self._start) or 0

    def _turns_left(self) -> int | None:
        return _planner(self.size).length(self.board)

    def _image(self) -> np.ndarray:
        look = "picture" if self.split == "ood" or getattr(self.settings, "picture", False) else "numbers"
        tiles, edges = _tiles(look, self.size, self.image_size)
        if self._shows is None:
            self._shows = blank(self.image_size, self.image_size, GAPS[look])
            self._laid: Board = (-1,) * len(self.board)
        for cell, (tile, before) in enumerate(zip(self.board, self._laid, strict=True)):
            if tile != before:
                row, column = divmod(cell, self.size)
                top, left = edges[row], edges[column]
                bottom, right = edges[row + 1], edges[column + 1]
                self._shows[top:bottom, left:right] = tiles[tile][: bottom - top, : right - left]
        self._laid = self.board
        return self._shows.copy()

    def _text(self) -> str:
        names = [str(tile or ".") for tile in self.board]
        return "\n".join(" ".join(names[k : k + self.size]) for k in range(0, len(names), self.size))

    def _description(self) -> str:
        return " ".join(str(tile or "gap") for tile in self.board)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        gap = self.board.index(0)
        tile = int(rng.integers(1, len(self.board)))
        asked = [
            ("Which row is the gap in?", str(gap // self.size + 1)),
            ("Which column is the gap in?", str(gap % self.size + 1)),
            (f"Which row is tile {tile} in?", str(self.board.index(tile) // self.size + 1)),
            (f"Which column is tile {tile} in?", str(self.board.index(tile) % self.size + 1)),
            ("What is on the board, row by row?", self._description()),
        ]
        return [asked[k] for k in rng.permutation(len(asked))]


def _side(board: Board) -> int:
    return 3 if len(board) == 9 else 4


def _slid(board: Board, direction: str) -> Board | None:
    """The board after a tile went that way into the gap, or None where none can."""
    gap = board.index(0)
    source = neighbors(_side(board))[OPPOSITE[direction]][gap]
    if source == OUTSIDE:
        return None
    after = list(board)
    after[gap], after[source] = after[source], 0
    return tuple(after)


def _moves(board: Board) -> list[tuple[str, Board]]:
    return [(way, after) for way in DIRECTIONS if (after := _slid(board, way))]


@lru_cache(maxsize=4)
def _planner(size: int) -> Planner[Board, str]:
    """One planner per size: every board seen on a solution is remembered."""
    return Planner(_moves, lambda board: _estimate(board) == 0, _estimate)


def _estimate(board: Board) -> int:
    """Manhattan distance and 2 for every tile that must leave its line to let others pass: never too high."""
    size = _side(board)
    away = 0
    for cell, tile in enumerate(board):
        if tile:
            away += abs(cell // size - (tile - 1) // size) + abs(cell % size - (tile - 1) % size)
    for k in range(size):
        row = board[k * size : (k + 1) * size]
        away += _conflicts(tuple(t if t and (t - 1) // size == k else 0 for t in row))
        column = board[k::size]
        away += _conflicts(tuple(t if t and (t - 1) % size == k else 0 for t in column))
    return away


@lru_cache(maxsize=1 << 16)
def _conflicts(line: tuple[int, ...]) -> int:
    """Twice the fewest tiles to take out of a line so that the rest is in order; 0 stands for a tile from elsewhere."""
    home = [tile for tile in line if tile]
    longest = max(
        (
            count
            for count in range(len(home) + 1)
            for kept in itertools.combinations(home, count)
            if list(kept) == sorted(kept)
        ),
        default=0,
    )
    return 2 * (len(home) - longest)


# --- looks -----------------------------------------------------------------------------------------------------------

GAPS: dict[str, Color] = {"numbers": (58, 50, 46), "picture": (30, 30, 36)}
SCENE: tuple[Shape, ...] = (
    rectangle(0, 0, 1, 0.62, (120, 190, 240)),
    disc(0.80, 0.18, 0.12, (255, 220, 60)),
    polygon([(0.02, 0.62), (0.30, 0.20), (0.58, 0.62)], (120, 110, 130)),
    polygon([(0.22, 0.32), (0.30, 0.20), (0.38, 0.32)], (250, 250, 255)),
    polygon([(0.36, 0.62), (0.62, 0.34), (0.92, 0.62)], (92, 84, 108)),
    rectangle(0, 0.60, 1, 1, (96, 170, 84)),
    polygon([(0.60, 0.60), (0.66, 0.60), (0.50, 1.0), (0.20, 1.0)], (226, 200, 150)),
    rectangle(0.08, 0.62, 0.30, 0.84, (200, 70, 60)),
    polygon([(0.04, 0.64), (0.19, 0.48), (0.34, 0.64)], (110, 44, 40)),
    rectangle(0.15, 0.70, 0.22, 0.84, (250, 230, 150)),
    rectangle(0.76, 0.66, 0.80, 0.88, (110, 74, 44)),
    disc(0.78, 0.60, 0.12, (30, 110, 60)),
)


@lru_cache(maxsize=64)
def _tiles(look: str, size: int, image_size: int) -> tuple[list[np.ndarray], list[int]]:
    """The picture of every tile, 0 for the gap, one pixel larger than some cells; and the edges of the cells."""
    edges = [k * image_size // size for k in range(size + 1)]
    side = -(-image_size // size)
    scene = blank(side * size, side * size, (120, 190, 240))
    paint(scene, SCENE)
    tiles = [blank(side, side, GAPS[look])]
    edge = max(1, side // 24)
    for tile in range(1, size * size):
        image = blank(side, side, GAPS[look])
        row, column = divmod(tile - 1, size)
        inner = image[edge : side - edge, edge : side - edge]
        if look == "picture":
            top, left = row * side + edge, column * side + edge
            inner[:] = scene[top : top + len(inner), left : left + len(inner)]
            paint(image, [rectangle(0.05, 0.05, 0.37, 0.31, (255, 255, 255))])
            draw_text(image, str(tile), side * 0.21, side * 0.18, side * 0.30, (20, 20, 20), bold=True)
        else:
            inner[:] = (240, 222, 184) if (row + column) % 2 else (226, 196, 140)
            draw_text(image, str(tile), side / 2, side / 2, side * 0.66, (88, 34, 20), bold=True)
        tiles.append(image)
    return tiles, edges
