"""Rooms of Sokoban: how one is carved, and a table of exact move distances to its solved positions.

The table is found backwards, by pulling boxes away from the targets from every solved position at once. It holds what
is solvable and nothing else, with the length of the optimal solution, so the start of an episode is simply chosen from
it, and the expert reads its moves off it.

Sets of cells are bit masks: bit c stands for cell c = row x size + column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym_puzzles.grid import DIRECTIONS, Direction, cells_of, mask_of, neighbors, symmetries
from mmgym_puzzles.puzzle import layout_hash, split_of

__all__ = ["LEVELS", "PRESETS", "Room", "RoomSettings", "SolutionTable", "draw_room", "solutions"]

_PLAYER_BITS = 6
_PLAYER = (1 << _PLAYER_BITS) - 1
_MAX_DRAWS = 20_000

# What a step of the carving walk clears around itself, as (row, column) offsets.
_STAMPS = (
    ((0, -1), (0, 0), (0, 1)),
    ((-1, 0), (0, 0), (1, 0)),
    ((0, -1), (0, 0), (1, 0)),
    ((0, -1), (0, 0), (1, -1), (1, 0)),
    ((0, 0), (0, 1), (1, 0)),
)
_TURN_PROBABILITY = 0.35


@dataclass(frozen=True)
class RoomSettings:
    """What rooms to draw."""

    size: int
    """Cells a side, the border wall included; at most 8."""
    boxes: int
    carving: int
    """Steps of the walk that clears the floor."""
    shortest: int
    """Fewest moves of the optimal solution."""
    longest: int
    """Most moves of the optimal solution."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: RoomSettings(size=6, boxes=1, carving=16, shortest=2, longest=6, turns=20),
    2: RoomSettings(size=6, boxes=1, carving=16, shortest=7, longest=15, turns=40),
    3: RoomSettings(size=7, boxes=2, carving=20, shortest=12, longest=30, turns=60),
    4: RoomSettings(size=8, boxes=2, carving=26, shortest=20, longest=40, turns=80),
    5: RoomSettings(size=8, boxes=3, carving=26, shortest=28, longest=60, turns=120),
}
PRESETS = {
    "vagen": RoomSettings(size=6, boxes=1, carving=20, shortest=5, longest=50, turns=100),
    "vagen_two_boxes": RoomSettings(size=6, boxes=2, carving=20, shortest=5, longest=50, turns=100),
}


@dataclass(frozen=True)
class Room:
    """One room at the start of an episode; sets of cells are bit masks."""

    size: int
    walls: int
    targets: int
    boxes: int
    agent: int

    def key(self) -> str:
        """Key of walls, targets and boxes, without the agent, the same for rotated and mirrored rooms."""
        return _key(self.size, self.walls, self.targets, self.boxes)


@lru_cache(maxsize=4096)
def _turned(size: int, mask: int) -> tuple[int, ...]:
    cells = cells_of(mask)
    return tuple(sum(1 << turn[cell] for cell in cells) for turn in symmetries(size))


@lru_cache(maxsize=65536)
def _key(size: int, walls: int, targets: int, boxes: int) -> str:
    images = zip(_turned(size, walls), _turned(size, targets), _turned(size, boxes), strict=True)
    return layout_hash("room", size, min(images))


class SolutionTable:
    """Exact move distances from every solvable position of one room to its nearest solved position.

    A position is the agent's cell and the mask of the boxes. Solved positions have distance 0; what cannot be solved is
    not in the table.

    Args:
        size: cells a side.
        walls: mask of the walls, which hold the whole border.
        targets: mask of the targets, as many as there are boxes.
    """

    def __init__(self, size: int, walls: int, targets: int):
        self._steps = [neighbors(size)[direction] for direction in DIRECTIONS]
        self._walls = walls
        floor = [cell for cell in range(size * size) if not walls >> cell & 1]
        pulls = self._pulls(floor)
        solved = targets << _PLAYER_BITS
        frontier = [solved | cell for cell in floor if not targets >> cell & 1]
        self.distance: dict[int, int] = dict.fromkeys(frontier, 0)
        self.layers: list[list[int]] = []
        """Positions by distance; `decode` reads them."""
        while frontier:
            self.layers.append(frontier)
            frontier = self._layer_before(frontier, pulls, len(self.layers))

    def _pulls(self, floor: list[int]) -> list[list[tuple[int, int, int, int]]]:
        """Ways the agent may have come to each cell.

        Each is (the cell it came from, and in the bits of a position: that cell, the cell where a box it pushed is now,
        both cells between which that box moved).
        """
        walls = self._walls
        pulls: list[list[tuple[int, int, int, int]]] = [[] for _ in self._steps[0]]
        for cell in floor:
            # up and down, left and right are opposite: a move from `origin` in one leads on to `ahead`.
            for forward, backward in ((0, 1), (1, 0), (2, 3), (3, 2)):
                origin, ahead = self._steps[backward][cell], self._steps[forward][cell]
                if not walls >> origin & 1:
                    here, there = 1 << cell + _PLAYER_BITS, 1 << ahead + _PLAYER_BITS
                    pulls[cell].append((origin, 1 << origin + _PLAYER_BITS, there, here | there))
        return pulls

    def _layer_before(self, frontier: list[int], pulls: list[list[tuple[int, int, int, int]]], depth: int) -> list[int]:
        distance, found = self.distance, []
        for position in frontier:
            agent = position & _PLAYER
            boxes = position ^ agent
            for origin, origin_flag, ahead_flag, both in pulls[agent]:
                if boxes & origin_flag:
                    continue
                before = boxes | origin
                if before not in distance:
                    distance[before] = depth
                    found.append(before)
                if boxes & ahead_flag:
                    before ^= both
                    if before not in distance:
                        distance[before] = depth
                        found.append(before)
        return found

    @staticmethod
    def decode(position: int) -> tuple[int, int]:
        """(agent's cell, mask of the boxes) of a position in `layers`."""
        return position & _PLAYER, position >> _PLAYER_BITS

    def length(self, agent: int, boxes: int) -> int | None:
        """Moves of the optimal solution from a position; None if there is no solution any more."""
        return self.distance.get(boxes << _PLAYER_BITS | agent)

    def best_direction(self, agent: int, boxes: int) -> Direction:
        """The first move of an optimal solution; some possible move where there is no solution any more."""
        position = boxes << _PLAYER_BITS | agent
        moves, here = self._moves(position), self.distance.get(position)
        best = [index for index, after in moves if here is None or self.distance.get(after) == here - 1]
        return DIRECTIONS[best[0] if best else 0]

    def _moves(self, position: int) -> list[tuple[int, int]]:
        """The moves that change a position: (index of the direction, position after)."""
        agent, boxes = position & _PLAYER, position >> _PLAYER_BITS
        moves = []
        for index, steps in enumerate(self._steps):
            target = steps[agent]
            if self._walls >> target & 1:
                continue
            if boxes >> target & 1:
                beyond = steps[target]
                if (self._walls | boxes) >> beyond & 1:
                    continue
                moves.append((index, (boxes ^ (1 << target | 1 << beyond)) << _PLAYER_BITS | target))
            else:
                moves.append((index, boxes << _PLAYER_BITS | target))
        return moves


@lru_cache(maxsize=4)
def solutions(size: int, walls: int, targets: int) -> SolutionTable:
    """The table of a room; the latest few are kept."""
    return SolutionTable(size, walls, targets)


def _carve(rng: np.random.Generator, size: int, steps: int) -> int:
    """Mask of a connected floor inside the border: a random walk that clears a stamp at each step."""
    row, column = rng.integers(1, size - 1, 2).tolist()
    turns, ways, stamps = rng.random(steps) < _TURN_PROBABILITY, rng.integers(0, 4, steps), rng.integers(0, 5, steps)
    way, floor = int(ways[0]), 0
    for turn, new_way, stamp in zip(turns.tolist(), ways.tolist(), stamps.tolist(), strict=True):
        if turn:
            way = new_way
        row = min(max(row + (way == 1) - (way == 0), 1), size - 2)
        column = min(max(column + (way == 3) - (way == 2), 1), size - 2)
        for down, right in _STAMPS[stamp]:
            r, c = row + down, column + right
            if 0 < r < size - 1 and 0 < c < size - 1:
                floor |= 1 << r * size + c
    return floor


def draw_room(rng: np.random.Generator, settings: RoomSettings, split: str) -> Room:
    """Draw a room of a split, solvable in `shortest` to `longest` moves, with no box on a target at the start.

    Raises:
        RuntimeError: when no room was found in very many draws.
    """
    size = settings.size
    for _ in range(_MAX_DRAWS):
        floor = _carve(rng, size, settings.carving)
        walls = (1 << size * size) - 1 & ~floor
        free = cells_of(floor)
        if len(free) < 2 * settings.boxes + 1:
            continue
        targets = mask_of(rng.permutation(free)[: settings.boxes].tolist())
        table = solutions(size, walls, targets)
        starts = [p for layer in table.layers[settings.shortest : settings.longest + 1] for p in layer]
        # A few tries per room: rare splits would otherwise cost a search each.
        for pick in rng.integers(0, len(starts), 32).tolist() if starts else ():
            agent, boxes = table.decode(starts[pick])
            room = Room(size, walls, targets, boxes, agent)
            if not boxes & targets and split_of(room.key()) == split:
                return room
    raise RuntimeError(f"no room of split {split!r} found for {settings}")
