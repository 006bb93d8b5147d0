"""SlidingTiles: the 8-puzzle and the 15-puzzle, with numbers or as a picture."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmgym.draw import Color, blank, draw_text
from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, Direction, GridPuzzle, neighbors
from mmgym_puzzles.imagery.pictures import PICTURES, draw_picture
from mmgym_puzzles.puzzle import layout_hash
from mmgym_puzzles.search import follow, plan, shortest

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
NEAR = 13
"""Boards at most this many slides from the solved one are listed; a search ends where it meets one."""
BUDGET = 3000
"""Boards that a search visits before the expert goes on tile by tile. No instance needs as many."""
PARTS = {
    3: ((1,), (2, 3), (4, 7), (5, 6, 8)),
    4: ((1,), (2,), (3, 4), (5,), (6,), (7, 8), (9, 13), (10, 14), (11, 12, 15)),
}
"""The order in which tiles are put in place, by size, each part never touched again."""


class SlidingTiles(GridPuzzle):
    """Slide the tiles until they are in order: the 8-puzzle and the 15-puzzle.

    ## Description
    A square board of tiles with one gap. A tile beside the gap can slide into it. The board is solved when the numbers
    stand in reading order and the gap is at the bottom right; the picture on the tiles, if any, is then whole.

    ## Action space
    One tool: `slide(direction)`, one of up, down, left, right: the way the tile goes that moves into the gap. Where no
    tile can go that way, nothing changes.

    ## Observation space
    `image`: the board, uint8 (image_size, image_size, 3). `text`, the text twin: the numbers row by row, `.` for the
    gap, and a legend. `feedback`: that no tile can go that way.

    ## Starting state
    A random walk of the gap from the solved board, redrawn until the shortest solution has the level's length. The
    split is decided by a hash of the board. In the split `ood` tiles are parts of a picture of a neon night, each with
    its number in a corner; the picture follows from the board. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the board is solved (term `outcome`), else 0.

    ## Episode end
    Terminated when the board is solved (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The preset `picture` has tiles with parts of a picture in every split, by day where it is not
    `ood`. The expert solves every instance in the fewest slides, by A* with the Manhattan distance, which ends at one
    of the boards nearest to the solved one, whose distances are listed. From a board farther away than any
    instance, where that would take long, it puts tile after tile in its place.

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
    random_below: ClassVar[float] = 0.05
    weak_noise: ClassVar[float] = 0.45
    instruction = (
        "You see a board of sliding tiles with one gap. Slide tiles into the gap until the numbers stand in reading "
        "order, row by row from the top left, with the gap at the bottom right. If the tiles show a picture, each has "
        "its number in a corner. The direction is the way the tile goes that moves into the gap."
    )
    description_rule = "Name the tile in every cell, row by row: its number, or gap."
    question_texts = (
        "Which row is the gap in?",
        "Which column is the gap in?",
        *(f"Which {line} is tile {tile} in?" for tile in range(1, 16) for line in ("row", "column")),
        *(f"What is {side} the gap?" for side in ("above", "below", "left of", "right of")),
        "Which tiles are in place?",
        "What is on the board, row by row?",
    )
    words = (*DIRECTIONS, "gap", "edge", "none", *map(str, range(1, 16)))
    notes = ("No tile can go that way.",)
    board: Board
    """The board as it is."""

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
        """Draw a board by a random walk, or None when it is surely farther away than wanted."""
        fewest, most = settings.slides
        cells, gap, last, sources = list(_solved(settings.size)), settings.size**2 - 1, "up", _sources(settings.size)
        for _ in range(int(rng.integers(fewest, most + 1))):
            back = OPPOSITE[last]
            ways = [way for way in sources[gap] if way[0] != back]
            last, source = ways[rng.integers(len(ways))]
            cells[gap], cells[source], gap = cells[source], 0, source
        board = tuple(cells)
        return board if _estimate(board) <= most else None

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Tiles, split: str) -> Board:
        fewest, most = settings.slides
        while True:  # solved once the split is known, for solving takes longest
            board: Board = super()._draw(rng, settings, split)
            if fewest <= len(_solution(board)) - 1 <= most:
                return board

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
        self._new_instance()

    def _get_state(self) -> dict[str, Any]:
        return {"start": list(self._start), "board": list(self.board)}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin(tuple(state["start"]))
        self.board = tuple(state["board"])

    def _is_success(self) -> bool:
        return self.board == _solved(self.size)

    def _ahead(self) -> tuple[int, str | None]:
        """Slides left and the next one: along the solution from the start, and from elsewhere one of its own."""
        known = _solution(self._start)
        return known[self.board] if self.board in known else _solution(self.board)[self.board]

    def _expert_call(self) -> ToolCall:
        return ToolCall("slide", {"direction": self._ahead()[1] or "up"})

    def _expert_steps(self) -> int:
        return _solution(self._start)[self._start][0]

    def _turns_left(self) -> int:
        return self._ahead()[0]

    def _image(self) -> np.ndarray:
        if self._background is None:
            look = "ood" if self.split == "ood" else "usual"
            if self.split == "ood" or self.settings.picture:
                picture = int(layout_hash("picture", self._start)[:12], 16) % PICTURES
                self._tiles = _pictured(picture, look, self.size, self.image_size)
            else:
                self._tiles = _numbered(self.size, self.image_size)
            self._background, self._laid = blank(self.image_size, self.image_size, GAP), (-1,) * len(self.board)
        edges = _edges(self.size, self.image_size)
        for cell, (tile, before) in enumerate(zip(self.board, self._laid, strict=True)):
            if tile != before:
                row, column = divmod(cell, self.size)
                top, left, bottom, right = edges[row], edges[column], edges[row + 1], edges[column + 1]
                self._background[top:bottom, left:right] = self._tiles[tile][: bottom - top, : right - left]
        self._laid = self.board
        return self._background.copy()

    def _names(self, gap: str) -> list[str]:
        return [str(tile) if tile else gap for tile in self.board]

    def _text(self) -> str:
        names = self._names(".")
        rows = [" ".join(names[k : k + self.size]) for k in range(0, len(names), self.size)]
        return "\n".join([*rows, ". gap"])

    def _description(self) -> str:
        return " ".join(self._names("gap"))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        gap = self.board.index(0)
        tile = int(rng.integers(1, len(self.board)))
        place = self.board.index(tile)
        at_home = [str(tile) for cell, tile in enumerate(self.board) if tile == cell + 1]
        asked = [
            ("Which row is the gap in?", str(gap // self.size + 1)),
            ("Which column is the gap in?", str(gap % self.size + 1)),
            (f"Which row is tile {tile} in?", str(place // self.size + 1)),
            (f"Which column is tile {tile} in?", str(place % self.size + 1)),
            ("Which tiles are in place?", " ".join(at_home) or "none"),
            ("What is on the board, row by row?", self._description()),
        ]
        for side, direction in (("above", "up"), ("below", "down"), ("left of", "left"), ("right of", "right")):
            beside = neighbors(self.size)[direction][gap]
            asked.append((f"What is {side} the gap?", "edge" if beside == OUTSIDE else str(self.board[beside])))
        return [asked[k] for k in rng.permutation(len(asked))]


def _side(board: Board) -> int:
    return 3 if len(board) == 9 else 4


@functools.lru_cache(maxsize=4)
def _solved(size: int) -> Board:
    return (*range(1, size * size), 0)


# --- solving ---------------------------------------------------------------------------------------------------------


def _slid(board: Board, direction: str) -> Board | None:
    """The board after a tile went that way into the gap, or None where none can."""
    gap = board.index(0)
    source = neighbors(_side(board))[OPPOSITE[direction]][gap]
    if source == OUTSIDE:
        return None
    after = list(board)
    after[gap], after[source] = after[source], 0
    return tuple(after)


@functools.lru_cache(maxsize=4)
def _sources(size: int) -> list[list[tuple[str, int]]]:
    """For every cell that the gap may be in: the ways that a tile can go there, each with the cell it comes from."""
    beside = neighbors(size)
    return [
        [(way, source) for way in DIRECTIONS if (source := beside[OPPOSITE[way]][gap]) != OUTSIDE]
        for gap in range(size * size)
    ]


def _moves(board: Board) -> list[tuple[str, Board]]:
    gap, found = board.index(0), []
    for way, source in _sources(_side(board))[gap]:
        after = list(board)
        after[gap], after[source] = after[source], 0
        found.append((way, tuple(after)))
    return found


@functools.lru_cache(maxsize=4)
def _near(size: int) -> dict[Board, int]:
    """Fewest slides from every board at most `NEAR` slides away from the solved one."""
    near, edge = {_solved(size): 0}, [_solved(size)]
    for slides in range(1, NEAR + 1):
        further = []
        for board in edge:
            for _, after in _moves(board):
                if after not in near:
                    near[after] = slides
                    further.append(after)
        edge = further
    return near


@functools.lru_cache(maxsize=4)
def _away(size: int) -> list[list[int]]:
    """How far each tile is from its place, by cell and tile."""
    cells = range(size * size)
    return [
        [0, *(abs(c // size - k // size) + abs(c % size - k % size) for k in range(size * size - 1))] for c in cells
    ]


def _estimate(board: Board) -> int:
    """Slides left where they are listed, else the Manhattan distance or one more than listed: never too many."""
    size = _side(board)
    listed = _near(size).get(board)
    if listed is not None:
        return listed
    return max(NEAR + 1, sum([row[tile] for row, tile in zip(_away(size), board, strict=True)]))


@functools.lru_cache(maxsize=4096)
def _solution(board: Board) -> dict[Board, tuple[int, str | None]]:
    """Every board of a solution, with the slides left and the next one."""
    solved = _solved(_side(board))
    try:
        return plan(board, _moves, lambda state: state == solved, _estimate, BUDGET) or {}
    except RuntimeError:
        return follow(board, _by_parts(board))


def _placed(goal: tuple[int, ...], state: tuple[int, ...]) -> bool:
    return state[1:] == goal


def _by_parts(board: Board) -> list[tuple[str, Board]]:
    """A solution that puts part after part in its place: never the shortest, always found at once."""
    size, fixed, path = _side(board), set[int](), list[tuple[str, Board]]()
    for part in PARTS[size]:
        goal = tuple(tile - 1 for tile in part)

        def moves(state: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
            gap, *places = state
            found: list[tuple[str, tuple[int, ...]]] = []
            for way in DIRECTIONS:
                source = neighbors(size)[OPPOSITE[way]][gap]
                if source != OUTSIDE and source not in fixed:
                    found.append((way, (source, *(gap if place == source else place for place in places))))
            return found

        start = (board.index(0), *map(board.index, part))
        for way, _ in shortest(start, moves, functools.partial(_placed, goal)) or []:
            board = _slid(board, way) or board
            path.append((way, board))
        fixed.update(goal)
    return path


# --- looks -----------------------------------------------------------------------------------------------------------

GAP: Color = (44, 40, 44)
LIGHT: Color = (240, 222, 184)
DARK: Color = (226, 196, 140)
INK: Color = (88, 34, 20)


def _edges(size: int, image_size: int) -> list[int]:
    return [k * image_size // size for k in range(size + 1)]


@functools.lru_cache(maxsize=16)
def _numbered(size: int, image_size: int) -> list[np.ndarray]:
    """The picture of every tile with its number, 0 for the gap; where cells differ by a pixel, that of the larger."""
    side = -(-image_size // size)
    edge, tiles = max(1, side // 24), [blank(side, side, GAP)]
    for tile in range(1, size * size):
        image = blank(side, side, GAP)
        row, column = divmod(tile - 1, size)
        image[edge : side - edge, edge : side - edge] = LIGHT if (row + column) % 2 else DARK
        draw_text(image, str(tile), side / 2, side / 2, side * 0.66, INK, bold=True)
        tiles.append(image)
    return tiles


@functools.lru_cache(maxsize=256)
def _pictured(picture: int, look: str, size: int, image_size: int) -> list[np.ndarray]:
    """As `_numbered`, for tiles with parts of a picture and a small number."""
    side = -(-image_size // size)
    edge, tiles = max(1, side // 40), [blank(side, side, GAP)]
    whole = draw_picture(picture, look, side * size)
    for tile in range(1, size * size):
        image = blank(side, side, GAP)
        row, column = divmod(tile - 1, size)
        part = whole[row * side : (row + 1) * side, column * side : (column + 1) * side]
        image[edge : side - edge, edge : side - edge] = part[edge : side - edge, edge : side - edge]
        image[edge : side * 2 // 5, edge : side // 2] = (255, 255, 255)
        draw_text(image, str(tile), side * 0.26, side * 0.21, side * 0.44, (20, 20, 20), bold=True)
        tiles.append(image)
    return tiles
