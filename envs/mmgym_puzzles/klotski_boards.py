"""The boards of Klotski: shapes of blocks, slides, and the distance of every arrangement from a solved one.

An arrangement is a `bytes` with one entry per cell of a square board, in reading order: the code of the shape whose
top left corner is there, else 0. Blocks of one shape are interchangeable in it. A board is its walls and all
arrangements that slides lead to; it is written as one of its solved arrangements, ``#`` for a wall, and R, W, T, S for
the corners of red, wide, tall and small blocks: the goal is where the red block is.

All boards are in `klotski_boards.txt`, which ``python -m mmgym_puzzles.klotski_boards`` wrote: random fillings that
have few arrangements, some of them far from the goal, and no two the same when rotated or mirrored. What has few
arrangements is searched exhaustively in milliseconds.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, cells_of, mask_of, neighbors, symmetries
from mmgym_puzzles.search import distances_to

__all__ = [
    "RED",
    "SHAPES",
    "arrangement",
    "boards",
    "covered",
    "distances",
    "goal_cell",
    "inverse",
    "slides",
    "turned",
    "turned_board",
    "walls",
]

RED = 1
"""Code of the red square, which has to reach the goal."""
SHAPES = {RED: (2, 2), 2: (1, 2), 3: (2, 1), 4: (1, 1)}
"""Rows and columns of each shape, by code."""
_CODES = ".RWTS"
_FILE = Path(__file__).with_suffix(".txt")
_COUNT = {4: 300, 5: 300}
"""How many boards there are, by side."""
_MOST = 900
"""Most arrangements of a board."""
_LEAST = 80
"""Fewest arrangements of one; with less, none is far from the goal."""
_FARTHEST = {4: 15, 5: 31}
"""How far its farthest arrangement must be."""


@lru_cache(maxsize=1)
def boards() -> dict[int, tuple[str, ...]]:
    """Every board, by its side."""
    lines = _FILE.read_text().split()
    return {size: tuple(line for line in lines if len(line) == size * size) for size in _COUNT}


def arrangement(board: str) -> bytes:
    """The solved arrangement that a board is written as."""
    return bytes(_CODES.index(code) if code in _CODES else 0 for code in board)


def walls(board: str) -> int:
    """The mask of a board's walls."""
    return mask_of(cell for cell, code in enumerate(board) if code == "#")


def goal_cell(board: str) -> int:
    """The cell of the red block's corner when the board is solved."""
    return board.index("R")


def _side(board: str | bytes) -> int:
    return {16: 4, 25: 5}[len(board)]


@lru_cache(maxsize=4)
def covered(size: int) -> dict[tuple[int, int], int]:
    """For every shape and cell of its corner where it fits: the mask of the cells it covers."""
    masks = {}
    for shape, (high, wide) in SHAPES.items():
        for row in range(size - high + 1):
            for column in range(size - wide + 1):
                corner = row * size + column
                masks[shape, corner] = mask_of(corner + r * size + c for r in range(high) for c in range(wide))
    return masks


@lru_cache(maxsize=4)
def slides(size: int) -> dict[tuple[int, int], list[tuple[str, int, int]]]:
    """For every shape and cell: the slides that stay on the board, as direction, cell after, mask that must be free."""
    ways: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
    for (shape, cell), mask in covered(size).items():
        after = [(direction, neighbors(size)[direction][cell]) for direction in DIRECTIONS]
        ways[shape, cell] = [
            (direction, target, covered(size)[shape, target] & ~mask)
            for direction, target in after
            if target != OUTSIDE and (shape, target) in covered(size)
        ]
    return ways


@lru_cache(maxsize=64)
def _turns(size: int, turn: int) -> dict[tuple[int, int], tuple[int, int]]:
    """The shape and cell that every block comes to have when the board is turned by one of `symmetries`."""
    image, found = symmetries(size)[turn], {}
    for (shape, cell), mask in covered(size).items():
        after = mask_of(image[c] for c in cells_of(mask))
        found[shape, cell] = next(
            block for block, other in covered(size).items() if other == after and (block[0] == RED) == (shape == RED)
        )
    return found


def turned(state: bytes, turn: int) -> bytes:
    """An arrangement on the board turned by one of `symmetries`, by number."""
    image, after = _turns(_side(state), turn), bytearray(len(state))
    for cell, shape in enumerate(state):
        if shape:
            shape, cell = image[shape, cell]
            after[cell] = shape
    return bytes(after)


def turned_board(board: str, turn: int) -> str:
    """A board turned by one of `symmetries`, by number."""
    image, state = symmetries(_side(board))[turn], turned(arrangement(board), turn)
    blocked = {image[cell] for cell in cells_of(walls(board))}
    return "".join("#" if cell in blocked else _CODES[shape] for cell, shape in enumerate(state))


def inverse(size: int, turn: int) -> int:
    """The number of the symmetry that undoes one."""
    image = symmetries(size)[turn]
    return symmetries(size).index(tuple(image.index(cell) for cell in range(size * size)))


@lru_cache(maxsize=1024)
def distances(board: str) -> dict[bytes, int]:
    """Fewest slides to a solved arrangement from every arrangement of a board, by exhaustive search."""
    everywhere = _explored(arrangement(board), walls(board), len(board) ** 9)
    return _to_goal(everywhere or [], walls(board), goal_cell(board))


def _after(state: bytes, blocked: int) -> list[bytes]:
    """The arrangements that one slide leads to; `blocked` is the mask of the walls."""
    size = _side(state)
    masks, ways = covered(size), slides(size)
    blocks = [(shape, cell) for cell, shape in enumerate(state) if shape]
    taken = blocked
    for block in blocks:
        taken |= masks[block]
    found = []
    for block in blocks:
        for _, target, needed in ways[block]:
            if not taken & needed:
                after = bytearray(state)
                after[block[1]], after[target] = 0, block[0]
                found.append(bytes(after))
    return found


def _explored(start: bytes, blocked: int, most: int) -> list[bytes] | None:
    """Every arrangement that slides lead to, or None when there are more than `most`."""
    found = {start}
    queue = [start]
    for state in queue:
        for after in _after(state, blocked):
            if after not in found:
                found.add(after)
                queue.append(after)
        if len(queue) > most:
            return None
    return queue


def _to_goal(everywhere: list[bytes], blocked: int, goal: int) -> dict[bytes, int]:
    return distances_to([s for s in everywhere if s[goal] == RED], lambda state: _after(state, blocked))


# --- how the file was written ----------------------------------------------------------------------------------------


def _filling(rng: np.random.Generator, size: int) -> tuple[bytes, int] | None:
    """A random arrangement and its walls, or None where the blocks drawn do not fit."""
    blocked = mask_of(rng.permutation(size * size)[: rng.integers(size - 3, 2 * size - 4)].tolist())
    gaps, small = int(rng.integers(size - 2, size + 1)), int(rng.integers(0, 5))
    pairs, odd = divmod(size * size - blocked.bit_count() - 4 - gaps - small, 2)
    left, taken, state = {RED: 1, 2: pairs, 4: small + odd}, blocked, bytearray(size * size)
    places = list(covered(size).items())
    order = rng.permutation(len(places)).tolist()
    for (shape, cell), mask in sorted((places[k] for k in order), key=lambda place: place[0][0] != RED):
        kind = 2 if shape == 3 else shape
        if left[kind] and not taken & mask:
            state[cell], taken = shape, taken | mask
            left[kind] -= 1
    return None if any(left.values()) else (bytes(state), blocked)


def _forms(state: bytes, blocked: int, size: int) -> tuple[int, bytes]:
    """Of the rotated and mirrored forms of an arrangement and its walls, the least."""
    walls_of = (mask_of(turn[c] for c in cells_of(blocked)) for turn in symmetries(size))
    return min((walled, turned(state, turn)) for turn, walled in enumerate(walls_of))


def main() -> None:
    """Write the file of boards."""
    lines: list[str] = []
    for size, count in _COUNT.items():
        rng, seen, found = np.random.default_rng(size), set[tuple[int, bytes]](), 0
        while found < count:
            drawn = _filling(rng, size)
            everywhere = drawn and _explored(*drawn, _MOST)
            if not drawn or not everywhere or len(everywhere) < _LEAST:
                continue
            blocked = drawn[1]
            goals = [goal for shape, goal in covered(size) if shape == RED and any(s[goal] for s in everywhere)]
            tables = {goal: _to_goal(everywhere, blocked, goal) for goal in goals}
            goal, table = max(tables.items(), key=lambda item: max(item[1].values(), default=0))
            if max(table.values(), default=0) < _FARTHEST[size]:
                continue
            forms = {_forms(state, blocked, size) for state in everywhere}
            if not forms & seen:
                found += 1
                solved = next(state for state in everywhere if state[goal] == RED)
                lines.append("".join("#" if blocked >> c & 1 else _CODES[s] for c, s in enumerate(solved)))
            seen |= forms
    _FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
