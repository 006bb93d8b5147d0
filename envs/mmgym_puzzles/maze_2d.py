"""Maze2D: walk through a maze seen from above to the goal, in fog from level 3 on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mmgym.draw import Color, TileSet, blank, disc, polygon, rectangle
from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, Direction, cells_of, mask_of, neighbors, symmetries, where
from mmgym_puzzles.puzzle import Puzzle, layout_hash
from mmgym_puzzles.search import distances_to

__all__ = ["Maze2D"]

Maze = tuple[int, frozenset[tuple[int, int]], int, int]
"""Cells a side, openings as pairs of cells (the smaller first), start, goal."""


@dataclass(frozen=True)
class Halls:
    """What mazes to draw."""

    size: int
    """Cells a side."""
    way: tuple[int, int]
    """Fewest and most steps of the shortest way."""
    loops: int
    """Openings beyond those of a maze without loops."""
    sight: int
    """Steps that one sees in fog; 0 without fog."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Halls(size=4, way=(3, 7), loops=2, sight=0, turns=30),
    2: Halls(size=6, way=(8, 14), loops=3, sight=0, turns=72),
    3: Halls(size=7, way=(14, 26), loops=1, sight=3, turns=100),
    4: Halls(size=9, way=(18, 36), loops=2, sight=2, turns=162),
    5: Halls(size=12, way=(28, 64), loops=2, sight=2, turns=288),
}
SIGHT = 2
"""Steps that one sees in a fog that was asked for where the level has none."""


@dataclass(frozen=True)
class Look:
    """How a maze is drawn."""

    wall: Color
    floor: Color
    fog: Color
    room: int
    """Width of a cell, where a wall is 1 wide."""
    tiles: TileSet
    """The tiles ``person``, ``goal`` and ``both``."""


def _look(wall: Color, floor: Color, fog: Color, room: int, coat: Color, flag: Color, dark: Color) -> Look:
    ground = [rectangle(0, 0, 1, 1, floor)]
    pad = [rectangle(0.26, 0.08, 0.36, 0.94, dark), polygon([(0.36, 0.08), (0.94, 0.32), (0.36, 0.56)], flag)]
    person = [
        polygon([(0.5, 0.30), (0.86, 0.96), (0.14, 0.96)], coat),
        disc(0.5, 0.27, 0.23, dark),
        disc(0.5, 0.27, 0.17, (255, 214, 170)),
    ]
    return Look(
        wall, floor, fog, room, TileSet({"person": ground + person, "goal": ground + pad, "both": pad + person})
    )


LOOKS = {
    "usual": _look((38, 50, 72), (240, 236, 224), (132, 142, 158), 5, (206, 44, 52), (22, 150, 70), (40, 30, 30)),
    "ood": _look((40, 110, 52), (226, 200, 150), (70, 66, 84), 2, (44, 70, 200), (226, 60, 150), (20, 20, 40)),
}
_LETTERS = "# wall, . floor, A person, G goal"


class Maze2D(Puzzle):
    """Walk through a maze seen from above to the goal.

    ## Description
    A square of cells with walls between some of them, and a person who wants to reach the flag. In fog only those
    cells are shown that are, or were, at most a few steps away from the person; the flag may be hidden too.

    ## Action space
    One tool: `move(direction)`, one of up, down, left, right. A wall stops the person; then nothing changes.

    ## Observation space
    `image`: the maze, uint8 (image_size, image_size, 3). `text`, the text twin: one letter per cell and per place
    between cells, `?` in fog. `feedback`: that a wall is in the way.

    ## Starting state
    A maze grown by a random depth-first walk, with a few walls opened after; start and goal drawn until the shortest
    way has the level's length. The split is decided by a hash of walls, start and goal, equal for rotated and
    mirrored mazes. In the split `ood` walls are hedges as wide as half a path, in colours of their own.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the goal is reached (term `outcome`), else 0.

    ## Episode end
    Terminated at the goal (success); truncated at the turn limit. In fog the limit is at least two turns per cell,
    enough to search a whole maze.

    ## Arguments
    fog: whether there is fog; None takes the level's. Then those of `Puzzle`. The expert knows the whole maze, in fog
    too, and takes the shortest way: `expert_steps` is the length of that way, a lower bound for an agent that must
    search. The weak solver knows where the goal lies but no walls ahead: it walks nearer to the goal as the crow flies
    where no wall is in the way, and at random every third turn or so.

    | level | size | shortest way | loops | fog: steps seen | turns |
    |---|---|---|---|---|---|
    | 1 | 4 | 3-7 | 2 | no fog | 30 |
    | 2 | 6 | 8-14 | 3 | no fog | 72 |
    | 3 | 7 | 14-26 | 1 | 3 | 100 |
    | 4 | 9 | 18-36 | 2 | 2 | 162 |
    | 5 | 12 | 28-64 | 2 | 2 | 288 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.2
    instruction = (
        "You see a maze from above. Walk to the flag. Walls stop you. Where there is fog, you see only what is, or "
        "was, a few steps away; the flag may be hidden too. Rows are counted from the top, columns from the left, "
        "from 1."
    )
    description_rule = (
        "For up, down, left and right of the person say open or wall, then the numbers of its row and column."
    )
    agent: int
    """The person's cell."""
    seen: int
    """Mask of the cells that are, or were, in sight."""

    def __init__(self, *, fog: bool | None = None, **arguments: Any) -> None:
        self.fog = fog
        super().__init__(**arguments)
        self._begin((2, frozenset({(0, 1), (1, 3), (2, 3)}), 0, 3))

    @tool
    def move(self, direction: Direction) -> Effect:
        """Move the person one cell.

        Args:
            direction: where to go.
        """
        target = neighbors(self.size)[direction][self.agent]
        if target not in self._ways[self.agent]:
            return Effect(False, "A wall is in the way.")
        self.agent = target
        self.seen |= self._in_sight()
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Halls) -> Maze | None:
        """Draw a maze, start and goal, or None when no start is as far away as wanted."""
        size, shuffles = settings.size, rng.random(settings.size**2 * 4).tolist()
        steps = [[n for n in cell if n != OUTSIDE] for cell in zip(*neighbors(size).values(), strict=True)]
        goal = int(rng.integers(size * size))
        path, seen, openings = [goal], {goal}, set()
        while path:
            cell = path[-1]
            ahead = [other for other in steps[cell] if other not in seen]
            if not ahead:
                path.pop()
                continue
            other = ahead[int(shuffles.pop() * len(ahead))]
            seen.add(other)
            openings.add((min(cell, other), max(cell, other)))
            path.append(other)
        closed = [(c, n) for c in range(size * size) for n in steps[c] if c < n and (c, n) not in openings]
        openings |= {closed[k] for k in rng.permutation(len(closed))[: settings.loops].tolist()}
        maze = frozenset(openings)
        fewest, most = settings.way
        starts = [c for c, far in sorted(_distances(size, maze, goal).items()) if fewest <= far <= most]
        return (size, maze, starts[rng.integers(len(starts))], goal) if starts else None

    @classmethod
    def candidate_key(cls, instance: Maze) -> str:
        """Key of walls, start and goal, equal for rotated and mirrored mazes."""
        size, openings, start, goal = instance
        turned = [
            (t[start], t[goal], sorted((t[a], t[b]) if t[a] < t[b] else (t[b], t[a]) for a, b in openings))
            for t in symmetries(size)
        ]
        return layout_hash("maze", size, min(turned))

    def _walker(self) -> int:
        return self.agent

    def layout_key(self) -> str:
        """Key of the maze at the start; it decides the split."""
        return self.candidate_key((self.size, self.openings, self._start, self.goal))

    def _begin(self, instance: Maze) -> None:
        self.size, self.openings, self._start, self.goal = instance
        self.agent = self._start
        self._ways = _ways(self.size, self.openings)
        self._distance = _distances(self.size, self.openings, self.goal)
        self._sight = 0 if self.fog is False else self.settings.sight or (SIGHT if self.fog else 0)
        self._whole: np.ndarray | None = None
        self.seen = self._in_sight()

    def _in_sight(self) -> int:
        """Mask of the cells at most the fog's steps away; all without fog."""
        if not self._sight:
            return (1 << self.size**2) - 1
        found = edge = {self.agent}
        for _ in range(self._sight):
            edge = {other for cell in edge for other in self._ways[cell]} - found
            found = found | edge
        return mask_of(found)

    def _get_state(self) -> dict[str, Any]:
        ends = {"start": self._start, "goal": self.goal, "agent": self.agent, "seen": f"{self.seen:x}"}
        return {"size": self.size, "openings": sorted(map(list, self.openings)), "sight": self._sight, **ends}

    def _set_state(self, state: dict[str, Any]) -> None:
        openings = frozenset((one, other) for one, other in state["openings"])
        self._begin((state["size"], openings, state["start"], state["goal"]))
        self.agent, self.seen, self._sight = state["agent"], int(state["seen"], 16), state["sight"]

    def _is_success(self) -> bool:
        return self.agent == self.goal

    def _expert_call(self) -> ToolCall:
        for direction in DIRECTIONS:
            other = neighbors(self.size)[direction][self.agent]
            if other in self._ways[self.agent] and self._distance[other] < self._distance[self.agent]:
                return ToolCall("move", {"direction": direction})
        return ToolCall("move", {"direction": "up"})  # at the goal, where nothing is left to do

    def _expert_steps(self) -> int:
        return self._distance[self._start]

    def _turns_left(self) -> int:
        return self._distance[self.agent]

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """Nearer to the goal as the crow flies where no wall is in the way, else, and in a third of turns, anywhere."""
        wanted = [d for d in where(self.agent, self.goal, self.size) if d != "same"]
        free = [d for d in wanted if neighbors(self.size)[d][self.agent] in self._ways[self.agent]]
        choices = free if free and rng.random() < 2 / 3 else DIRECTIONS
        return ToolCall("move", {"direction": choices[rng.integers(len(choices))]})

    def _image(self) -> np.ndarray:
        look = LOOKS["ood" if self.split == "ood" else "usual"]
        edges = _edges(self.image_size, self.size, look.room)
        if self._whole is None:
            self._whole = _drawn(self.openings, self.size, edges, look)
            self._unfogged, self._uncovered = blank(self.image_size, self.image_size, look.fog), 0
            if self.seen == (1 << self.size**2) - 1:
                self._unfogged, self._uncovered = self._whole, self.seen
        for cell in cells_of(self.seen & ~self._uncovered):
            row, column = divmod(cell, self.size)
            box = np.s_[edges[2 * row] : edges[2 * row + 3], edges[2 * column] : edges[2 * column + 3]]
            self._unfogged[box] = self._whole[box]
        self._uncovered = self.seen
        image = self._unfogged.copy()
        things = [(self.agent, "both" if self.agent == self.goal else "person")]
        if self.agent != self.goal and self.seen >> self.goal & 1:
            things.append((self.goal, "goal"))
        for cell, name in things:
            row, column = divmod(cell, self.size)
            top, bottom = edges[2 * row + 1 : 2 * row + 3]
            left, right = edges[2 * column + 1 : 2 * column + 3]
            if top < bottom and left < right:
                image[top:bottom, left:right] = look.tiles.tile(name, bottom - top, right - left)
        return image

    def _text(self) -> str:
        width = 2 * self.size + 1
        rows = [["#"] * width for _ in range(width)]
        for a, b in self.openings:
            rows[a // self.size + b // self.size + 1][a % self.size + b % self.size + 1] = "."
        for cell in range(self.size**2):
            mark = "A" if cell == self.agent else "G" if cell == self.goal else "."
            rows[cell // self.size * 2 + 1][cell % self.size * 2 + 1] = mark
        known = {
            (cell // self.size * 2 + down, cell % self.size * 2 + right)
            for cell in cells_of(self.seen)
            for down in range(3)
            for right in range(3)
        }
        shown = [" ".join(m if (r, c) in known else "?" for c, m in enumerate(row)) for r, row in enumerate(rows)]
        return "\n".join([*shown, _LETTERS + (", ? fog" if self._sight else "")])

    def _open(self) -> list[str]:
        ways = self._ways[self.agent]
        return ["open" if neighbors(self.size)[d][self.agent] in ways else "wall" for d in DIRECTIONS]

    def _description(self) -> str:
        row, column = divmod(self.agent, self.size)
        return " ".join([*self._open(), str(row + 1), str(column + 1)])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        row, column = divmod(self.agent, self.size)
        sides = zip(DIRECTIONS, self._open(), strict=True)
        asked = [(f"Is {direction} of the person open or a wall?", answer) for direction, answer in sides]
        asked += [("Which row is the person in?", str(row + 1)), ("Which column is the person in?", str(column + 1))]
        asked.append(("Look around.", self._description()))
        shown = bool(self.seen >> self.goal & 1)
        asked.append(("Is the goal shown?", "yes" if shown else "no"))
        if shown:
            vertical, horizontal = where(self.agent, self.goal, self.size)
            asked += [("Is the goal up or down?", vertical), ("Is the goal left or right?", horizontal)]
        return [asked[k] for k in rng.permutation(len(asked))]


def _ways(size: int, openings: frozenset[tuple[int, int]]) -> list[list[int]]:
    """The cells that can be entered from each cell."""
    ways: list[list[int]] = [[] for _ in range(size * size)]
    for one, other in sorted(openings):
        ways[one].append(other)
        ways[other].append(one)
    return ways


@lru_cache(maxsize=1024)
def _distances(size: int, openings: frozenset[tuple[int, int]], goal: int) -> dict[int, int]:
    return distances_to([goal], _ways(size, openings).__getitem__)


@lru_cache(maxsize=256)
def _edges(image_size: int, size: int, room: int) -> list[int]:
    """Where walls and cells begin in the picture, in turns: wall, cell, wall, ..., and the end."""
    parts = [k * (room + 1) + more for k in range(size + 1) for more in (0, 1)]
    return [part * image_size // parts[-1] for part in parts]


def _drawn(openings: frozenset[tuple[int, int]], size: int, edges: list[int], look: Look) -> np.ndarray:
    """The maze alone, uint8 (image_size, image_size, 3)."""
    image = blank(edges[-1], edges[-1], look.wall)
    for one, other in [*openings, *((cell, cell) for cell in range(size * size))]:
        top, left = edges[one // size * 2 + 1], edges[one % size * 2 + 1]
        image[top : edges[other // size * 2 + 2], left : edges[other % size * 2 + 2]] = look.floor
    return image
