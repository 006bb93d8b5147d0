"""Klotski: slide blocks of several sizes out of the way of the red one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from mmgym.draw import Color, blank, draw_text, paint, rectangle
from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.grid import DIRECTIONS, Direction, GridPuzzle, cells_of
from mmgym_puzzles.klotski_boards import (
    RED,
    SHAPES,
    arrangement,
    boards,
    covered,
    distances,
    goal_cell,
    inverse,
    slides,
    turned,
    turned_board,
    walls,
)
from mmgym_puzzles.puzzle import layout_hash, split_of

__all__ = ["Klotski"]

Block = Literal["R", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J"]
BLOCKS = "RABCDEFGHIJ"
_SIDES = (("row", "top"), ("column", "left"))
Start = tuple[str, bytes, int]
"""Board and arrangement, as in `klotski_boards`, and by which of `symmetries` both are turned."""


@dataclass(frozen=True)
class Slides:
    """What boards to draw."""

    size: int
    """Cells a side."""
    fewest: int
    """Fewest slides of the shortest solution."""
    most: int
    """Most slides of it."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Slides(size=4, fewest=2, most=4, turns=16),
    2: Slides(size=4, fewest=6, most=9, turns=28),
    3: Slides(size=4, fewest=11, most=15, turns=38),
    4: Slides(size=5, fewest=17, most=22, turns=52),
    5: Slides(size=5, fewest=25, most=31, turns=69),
}


class Klotski(GridPuzzle):
    """Slide blocks of several sizes out of the way of the red one.

    ## Description
    A square board full of rectangular blocks, each with a letter, a few free cells, and walls that never move. Blocks
    slide over free cells, one cell at a time, and do not turn. The board is solved when the red block, R, of two by two
    cells, is where its goal is marked.

    ## Action space
    One tool: `slide(block, direction)`: a letter, and one of up, down, left, right. A block that is blocked, or that is
    not on the board, changes nothing.

    ## Observation space
    `image`: the board, uint8 (image_size, image_size, 3). `text`, the text twin: the letter of the block in every cell
    (`.` free, `#` wall) and a legend with the goal's rows and columns. `feedback`: that the block is blocked, or that
    there is none.

    ## Starting state
    One of the 300 boards of the level's size, rotated or mirrored, and one of its arrangements from which the shortest
    solution has the level's length, each drawn uniformly. Letters are given in reading order. The split is decided by a
    hash of the board, so that no arrangement of a held-out split can be reached from one of another, in any
    orientation. The split `ood` has colours of its own, and its goal is marked by a whole frame. `options["task"]` can
    only be `"any"`.

    ## Rewards
    1 when the red block is at its goal (term `outcome`), else 0.

    ## Episode end
    Terminated when the board is solved (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert needs the fewest slides, from an exhaustive search of all arrangements of the board
    (at most 900), one cell of one block being one slide.

    | level | size | fewest slides | turns |
    |---|---|---|---|
    | 1 | 4 | 2-4 | 16 |
    | 2 | 4 | 6-9 | 28 |
    | 3 | 4 | 11-15 | 38 |
    | 4 | 5 | 17-22 | 52 |
    | 5 | 5 | 25-31 | 69 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.05
    weak_noise: ClassVar[float] = 0.6
    instruction = (
        "You see a board with walls and with blocks of several sizes, each with a letter in its first cell. Slide "
        "blocks over free cells, one cell at a time, until the red block R, of two by two cells, is at the marked "
        "goal. Rows are counted from the top, columns from the left, both from 1."
    )
    description_rule = "Name what is in every cell, row by row: the letter of its block, free or wall."
    question_texts = (
        *(f"Which {line} is the {side} of block {block} in?" for block in BLOCKS for line, side in _SIDES),
        *(f"Can block {block} slide {direction}?" for block in BLOCKS for direction in DIRECTIONS),
        "How many cells are free?",
        "How many blocks are there?",
        "Which row is the top of the goal in?",
        "Which column is the left of the goal in?",
        "What is in every cell, row by row?",
    )
    words = (*DIRECTIONS, "free", "wall", "yes", "no", *BLOCKS, *map(str, range(17)))
    notes = ("The block is blocked.", "There is no such block.")

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        board = boards()[4][0]
        self._begin((board, arrangement(board), 0))

    @tool
    def slide(self, block: Block, direction: Direction) -> Effect:
        """Slide one block by one cell.

        Args:
            block: the letter on it.
            direction: where it goes.
        """
        number = BLOCKS.index(block)
        if number >= len(self.blocks):
            return Effect(False, "There is no such block.")
        target = self._targets(number).get(direction)
        if target is None:
            return Effect(False, "The block is blocked.")
        self.blocks[number] = (self.blocks[number][0], target)
        return Effect(True)

    def _targets(self, number: int) -> dict[str, int]:
        """Where a block's corner can go now, by direction."""
        masks = covered(self.size)
        taken = walls(self.board)
        for other in self.blocks:
            taken |= masks[other]
        ways = slides(self.size)[self.blocks[number]]
        return {direction: target for direction, target, needed in ways if not taken & needed}

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Slides, split: str) -> Start:
        choices = _choices(settings.size, split)
        board = choices[rng.integers(len(choices))]
        starts = _starts(board, settings.fewest, settings.most)
        return board, starts[rng.integers(len(starts))], int(rng.integers(8))

    @classmethod
    def candidate_key(cls, instance: Start) -> str:
        """Key of the board, whatever the arrangement."""
        return layout_hash("klotski", instance[0])

    def layout_key(self) -> str:
        """Key of the board; it decides the split."""
        return self.candidate_key(self._instance)

    def _begin(self, instance: Start) -> None:
        self._instance = instance
        board, start, turn = instance
        self.size = 4 if len(board) == 16 else 5
        self.board, self._back = turned_board(board, turn), inverse(self.size, turn)
        found = [(shape, cell) for cell, shape in enumerate(turned(start, turn)) if shape]
        self.blocks = sorted(found, key=lambda block: (block[0] != RED, block[1]))
        self._new_instance()

    def _get_state(self) -> dict[str, Any]:
        board, start, turn = self._instance
        return {"board": board, "start": list(start), "turn": turn, "blocks": [list(block) for block in self.blocks]}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((state["board"], bytes(state["start"]), state["turn"]))
        self.blocks = [(shape, cell) for shape, cell in state["blocks"]]

    def _is_success(self) -> bool:
        return self.blocks[0][1] == goal_cell(self.board)

    def _left(self, number: int, cell: int) -> int:
        """Slides left with one block's corner elsewhere."""
        state = bytearray(len(self.board))
        for k, (shape, corner) in enumerate(self.blocks):
            state[cell if k == number else corner] = shape
        return distances(self._instance[0])[turned(bytes(state), self._back)]

    def _expert_call(self) -> ToolCall:
        left = self._turns_left()
        for number in range(len(self.blocks)):
            for direction, target in self._targets(number).items():
                if self._left(number, target) < left:
                    return ToolCall("slide", {"block": BLOCKS[number], "direction": direction})
        return ToolCall("slide", {"block": "R", "direction": "up"})  # at the goal, where nothing is left to do

    def _expert_steps(self) -> int:
        board, start, _ = self._instance
        return distances(board)[start]

    def _turns_left(self) -> int:
        return self._left(0, self.blocks[0][1])

    def _image(self) -> np.ndarray:
        look = LOOKS["ood" if self.split == "ood" else "usual"]
        edges = _edges(self.size, self.image_size)
        if self._background is None:
            self._background = _empty(look, self.board, self.size, self.image_size)
        image = self._background.copy()
        for letter, (shape, cell) in zip(BLOCKS, self.blocks, strict=False):
            (top, bottom), (left, right) = _span(cell, shape, self.size, edges)
            image[top:bottom, left:right] = _block(look, shape, letter, bottom - top, right - left)
        for rows, columns, color in _goal(look, goal_cell(self.board), self.size, self.image_size):
            image[rows, columns] = color
        return image

    def _cells(self, free: str, wall: str) -> list[str]:
        names = [wall if code == "#" else free for code in self.board]
        for letter, block in zip(BLOCKS, self.blocks, strict=False):
            for cell in cells_of(covered(self.size)[block]):
                names[cell] = letter
        return names

    def _text(self) -> str:
        names, (row, column) = self._cells(".", "#"), divmod(goal_cell(self.board), self.size)
        rows = [" ".join(names[k : k + self.size]) for k in range(0, len(names), self.size)]
        goal = f"goal of R: rows {row + 1} to {row + 2} and columns {column + 1} to {column + 2}"
        return "\n".join([*rows, f". free, # wall, R red block; {goal}"])

    def _description(self) -> str:
        return " ".join(self._cells("free", "wall"))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        number = int(rng.integers(len(self.blocks)))
        letter, row, column = BLOCKS[number], *divmod(self.blocks[number][1], self.size)
        goal, targets = divmod(goal_cell(self.board), self.size), self._targets(number)
        names = self._cells("free", "wall")
        asked = [
            (f"Which row is the top of block {letter} in?", str(row + 1)),
            (f"Which column is the left of block {letter} in?", str(column + 1)),
            ("How many cells are free?", str(names.count("free"))),
            ("How many blocks are there?", str(len(self.blocks))),
            ("Which row is the top of the goal in?", str(goal[0] + 1)),
            ("Which column is the left of the goal in?", str(goal[1] + 1)),
            ("What is in every cell, row by row?", " ".join(names)),
        ]
        for direction in DIRECTIONS:
            asked.append((f"Can block {letter} slide {direction}?", "yes" if direction in targets else "no"))
        return [asked[k] for k in rng.permutation(len(asked))]


@lru_cache(maxsize=16)
def _choices(size: int, split: str) -> tuple[str, ...]:
    """The boards of a split."""
    return tuple(board for board in boards()[size] if split_of(layout_hash("klotski", board)) == split)


@lru_cache(maxsize=2048)
def _starts(board: str, fewest: int, most: int) -> list[bytes]:
    """The arrangements of a board that are so far from the goal."""
    return sorted(state for state, far in distances(board).items() if fewest <= far <= most)


# --- looks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How a board is drawn."""

    floor: Color
    line: Color
    wall: Color
    mortar: Color
    goal: Color
    rim: Color
    """Around the mark of the goal, which lies over blocks of any colour."""
    blocks: tuple[Color, Color, Color, Color]
    """Red, wide, tall, small."""
    ink: Color
    framed: bool
    """Whether the goal is marked by a whole frame, not by its corners."""


LOOKS = {
    "usual": Look(
        floor=(250, 246, 236), line=(222, 214, 196), wall=(70, 62, 60), mortar=(120, 108, 102), goal=(0, 150, 60),
        rim=(255, 255, 255), blocks=((216, 40, 44), (242, 190, 70), (92, 156, 226), (176, 140, 206)), ink=(24, 20, 24),
        framed=False,
    ),
    "ood": Look(
        floor=(26, 30, 44), line=(44, 50, 70), wall=(150, 156, 170), mortar=(206, 210, 220), goal=(255, 236, 60),
        rim=(0, 0, 0), blocks=((236, 60, 84), (46, 160, 130), (214, 120, 40), (120, 132, 160)), ink=(255, 255, 255),
        framed=True,
    ),
}  # fmt: skip


def _edges(size: int, image_size: int) -> list[int]:
    return [k * image_size // size for k in range(size + 1)]


def _span(cell: int, shape: int, size: int, edges: list[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rows and the columns of pixels that a block takes."""
    (row, column), (high, wide) = divmod(cell, size), SHAPES[shape]
    return (edges[row], edges[row + high]), (edges[column], edges[column + wide])


def _empty(look: Look, board: str, size: int, image_size: int) -> np.ndarray:
    """The board without blocks."""
    image, edges = blank(image_size, image_size, look.line), _edges(size, image_size)
    for cell, code in enumerate(board):
        (top, bottom), (left, right) = _span(cell, 4, size, edges)
        image[top + 1 : bottom, left + 1 : right] = look.floor
        if code == "#":
            image[top:bottom, left:right] = look.mortar
            bricks = [
                rectangle(left + 0.03, top + 0.03, right - 0.03, top + 0.30, look.wall)
                for top, cuts in ((0.0, (0.0, 0.5, 1.0)), (0.33, (0.0, 0.25, 0.75, 1.0)), (0.67, (0.0, 0.5, 1.0)))
                for left, right in itertools.pairwise(cuts)
            ]
            paint(image, bricks, (left, top, right, bottom))
    return image


@lru_cache(maxsize=1024)
def _block(look: Look, shape: int, letter: str, height: int, width: int) -> np.ndarray:
    """The picture of a block with its letter in the first cell, read-only."""
    color = look.blocks[shape - 1]
    image = blank(height, width, look.line)
    unit = min(height // SHAPES[shape][0], width // SHAPES[shape][1])
    edge, bevel = max(1, unit // 24), max(1, unit // 12)
    red, green, blue = color
    image[edge : height - edge, edge : width - edge] = (red * 6 // 10, green * 6 // 10, blue * 6 // 10)
    image[edge + bevel : height - edge - bevel, edge + bevel : width - edge - bevel] = color
    ink = (255, 255, 255) if shape == RED else look.ink
    draw_text(image, letter, unit / 2, unit / 2, unit * 0.72, ink, bold=True)  # clear of the goal's mark, on cell edges
    image.flags.writeable = False
    return image


@lru_cache(maxsize=256)
def _goal(look: Look, cell: int, size: int, image_size: int) -> list[tuple[slice, slice, Color]]:
    """The bars that mark the goal, as rows, columns and colour of pixels."""
    (top, bottom), (left, right) = _span(cell, RED, size, _edges(size, image_size))
    thick, rim = max(2, image_size // (size * 11)), max(1, image_size // (size * 40))
    long = (bottom - top + 1) // 2 if look.framed else (bottom - top) // 4
    bars = []
    for color, more in ((look.rim, rim), (look.goal, 0)):
        across, wide = long + more, thick + more
        for rows in (slice(top, top + wide), slice(bottom - wide, bottom)):
            bars += [(rows, slice(left, left + across), color), (rows, slice(right - across, right), color)]
        for columns in (slice(left, left + wide), slice(right - wide, right)):
            bars += [(slice(top, top + across), columns, color), (slice(bottom - across, bottom), columns, color)]
    return bars
