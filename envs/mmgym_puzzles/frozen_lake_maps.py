"""Maps of the frozen lake: what a level or preset asks for, how a map is drawn, and what is known about it exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, mask_of, neighbors, symmetries
from mmgym_puzzles.puzzle import layout_hash, split_of

__all__ = ["LEVELS", "PRESETS", "SLIPS", "TASKS", "LakeMap", "LakeSettings", "draw_map", "slippery_policy"]

TASKS = ("any", "risky", "detour", "safe", "brink")
"""What a map may be asked to do to a walker that goes straight to the goal and sees no holes."""

SLIPS = {
    "up": ("up", "left", "right"),
    "down": ("down", "left", "right"),
    "left": ("left", "up", "down"),
    "right": ("right", "up", "down"),
}
"""Where a move leads on slippery ice, each with probability 1/3, as in Gymnasium's FrozenLake."""

_MAX_DRAWS = 200_000
_SALT = 588
"""Small lakes have few layouts that are no rotation or reflection of one another (219 with two holes), so chance makes
their splits unequal. This salt, of 3,000 tried, makes them alike in number of holes, straight walks and detours."""
_UNREACHABLE = -1


@dataclass(frozen=True)
class LakeSettings:
    """What maps to draw. Start, goal and holes are distinct cells, drawn uniformly."""

    size: int
    """Cells a side."""
    holes: tuple[int, int] | None
    """Fewest and most holes, each number equally likely; None makes every other cell a hole with `density`."""
    turns: int
    """Turns until the episode is truncated."""
    nearest: int = 1
    """Fewest moves from the start to the goal, around the holes."""
    farthest: int = 64
    """Most moves from the start to the goal, around the holes."""
    density: float = 0.0
    """Probability that a cell is a hole, when `holes` is None."""
    slippery: bool = False
    """Whether a move slides sideways with probability 2/3."""


LEVELS = {
    1: LakeSettings(size=4, holes=(2, 3), turns=16, nearest=2, farthest=8),
    2: LakeSettings(size=5, holes=(5, 6), turns=20, nearest=3, farthest=10),
    3: LakeSettings(size=6, holes=(9, 10), turns=30, nearest=5, farthest=15),
    4: LakeSettings(size=7, holes=(14, 15), turns=40, nearest=7, farthest=20),
    5: LakeSettings(size=8, holes=(20, 22), turns=50, nearest=9, farthest=25),
}
PRESETS = {
    "vagen": LakeSettings(size=4, holes=None, density=0.2, turns=20),
    "vagen_slippery": LakeSettings(size=4, holes=None, density=0.2, turns=100, slippery=True),
    "two_holes": LakeSettings(size=4, holes=(2, 2), turns=8, nearest=2, farthest=7),
    "many_holes": LakeSettings(size=4, holes=(2, 6), turns=16),
}


@dataclass(frozen=True)
class LakeMap:
    """One map. Cells are numbered in reading order."""

    size: int
    start: int
    goal: int
    holes: tuple[int, ...]
    """Sorted."""

    def key(self) -> str:
        """Key of size, goal and holes, without the start, the same for rotated and mirrored maps."""
        return _key(self.size, self.goal, self.holes)

    @cached_property
    def way(self) -> int:
        """Moves from the start to the goal around the holes, or -1: `distances` for one cell, several times faster."""
        size, goal = self.size, 1 << self.goal
        border = sum(1 << row * size for row in range(size))
        ice = (1 << size * size) - 1 & ~mask_of(self.holes)
        left, right = ice & ~(border << size - 1), ice & ~border
        reached, moves = 1 << self.start, 0
        while not reached & goal:
            wider = reached | (reached << size | reached >> size) & ice | reached << 1 & right | reached >> 1 & left
            if wider == reached:
                return _UNREACHABLE
            reached, moves = wider, moves + 1
        return moves

    @cached_property
    def distances(self) -> list[int]:
        """Moves from each cell to the goal around the holes, or -1."""
        distance = [_UNREACHABLE] * (self.size * self.size)
        distance[self.goal] = 0
        steps, holes, queue = neighbors(self.size), set(self.holes), [self.goal]
        for cell in queue:
            for direction in DIRECTIONS:
                other = steps[direction][cell]
                if other != OUTSIDE and distance[other] == _UNREACHABLE and other not in holes:
                    distance[other] = distance[cell] + 1
                    queue.append(other)
        return distance

    def straight_moves(self, cell: int) -> list[str]:
        """The moves from `cell` that come nearer to the goal as the crow flies, holes ignored."""
        rows, columns = self.goal // self.size - cell // self.size, self.goal % self.size - cell % self.size
        moves = ["up"] if rows < 0 else ["down"] if rows > 0 else []
        return moves + (["left"] if columns < 0 else ["right"] if columns > 0 else [])

    def straight_survival(self) -> float:
        """Probability that a walker that picks uniformly among `straight_moves` reaches the goal on firm ice."""
        steps, holes = neighbors(self.size), set(self.holes)
        known = {self.goal: 1.0}

        def survival(cell: int) -> float:
            if cell not in known:
                moves = self.straight_moves(cell)
                known[cell] = 0.0 if cell in holes else sum(survival(steps[m][cell]) for m in moves) / len(moves)
            return known[cell]

        return survival(self.start)

    def fits(self, task: str) -> bool:
        """Whether straight walks do what `task` says: some fall (risky), all fall (detour), none falls (safe).

        Of the task ``brink`` are maps in which some straight walk falls with its first move.
        """
        if task == "any":
            return True
        if task == "brink":
            steps = neighbors(self.size)
            return any(steps[move][self.start] in self.holes for move in self.straight_moves(self.start))
        survival = self.straight_survival()
        return survival < 1 if task == "risky" else survival == 0 if task == "detour" else survival == 1


@lru_cache(maxsize=65536)
def _key(size: int, goal: int, holes: tuple[int, ...]) -> str:
    images = [(turn[goal], mask_of([turn[hole] for hole in holes])) for turn in symmetries(size)]
    return layout_hash("lake", _SALT, size, min(images))


def draw_map(rng: np.random.Generator, settings: LakeSettings, split: str, task: str) -> LakeMap:
    """Draw a solvable map of a split that fits a task.

    Start, goal and holes are uniform over the maps that fit. For the task ``safe``, of which uniform draws find next to
    none on large lakes, start and goal are drawn first, then the holes outside the rectangle between them.

    Raises:
        RuntimeError: when no map was found in very many draws (the split, settings and task exclude one another).
    """
    cells = settings.size * settings.size
    for _ in range(_MAX_DRAWS):
        if settings.holes is None:
            count = int(rng.binomial(cells - 2, settings.density))
        else:
            count = int(rng.integers(settings.holes[0], settings.holes[1] + 1))
        goal, start, *rest = rng.permutation(cells).tolist()
        if task == "safe":
            rest = [cell for cell in rest if not _between(cell, start, goal, settings.size)]
            if len(rest) < count:
                continue
        lake = LakeMap(settings.size, start, goal, tuple(sorted(rest[:count])))
        if settings.nearest <= lake.way <= settings.farthest and split_of(lake.key()) == split and lake.fits(task):
            return lake
    raise RuntimeError(f"no map of split {split!r} and task {task!r} found for {settings}; choose another task")


def _between(cell: int, start: int, goal: int, size: int) -> bool:
    rows, columns = sorted((start // size, goal // size)), sorted((start % size, goal % size))
    return rows[0] <= cell // size <= rows[1] and columns[0] <= cell % size <= columns[1]


def slippery_policy(lake: LakeMap, turns: int) -> np.ndarray:
    """The best move on slippery ice, by value iteration over the turns left.

    Returns:
        int array (turns + 1, cells): entry [t, c] is the index in `DIRECTIONS` of the move that maximises the
        probability of being at the goal within t moves from cell c. Ties go to the first direction.
    """
    cells = lake.size * lake.size
    steps = neighbors(lake.size)
    landing = np.empty((cells, len(DIRECTIONS), 3), np.int64)
    for index, direction in enumerate(DIRECTIONS):
        for slip, actual in enumerate(SLIPS[direction]):
            landing[:, index, slip] = [c if n == OUTSIDE else n for c, n in enumerate(steps[actual])]
    absorbing = [lake.goal, *lake.holes]
    reward = np.zeros(cells)
    reward[lake.goal] = 1.0
    value, policy = reward.copy(), np.zeros((turns + 1, cells), np.int64)
    for left in range(1, turns + 1):
        # Rounded, so that moves of equal worth tie whatever the order of the additions.
        worth = (value[landing].sum(axis=2) / 3).round(12)
        policy[left] = worth.argmax(axis=1)
        value = worth.max(axis=1)
        value[absorbing] = reward[absorbing]
    return policy
