"""Maze3D: find the red ball in a maze seen through the eyes of one who walks in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.first_person.maze_view import COLORS, LOOKS, SHAPES, MapView, MazeView, Poster
from mmgym_puzzles.grid import OUTSIDE, neighbors, symmetries
from mmgym_puzzles.puzzle import Puzzle, layout_hash
from mmgym_puzzles.scene.engine import panda
from mmgym_puzzles.search import distances_to

__all__ = ["Maze3D"]

SIDES = ("up", "right", "down", "left")
"""Headings on the map, clockwise; heading + 1 is a turn to the right."""
STRIDE = 9
"""Most steps of one call."""
COUNTED = 3
"""Steps ahead that descriptions and questions count up to: one sees as far in every darkness."""
_KINDS = 3
"""Posters of a colour: as many as `ood` has shapes, so that no two in a maze are alike in any split."""
Openings = frozenset[tuple[int, int]]
Pose = tuple[int, int]
"""Cell and heading."""
Maze = tuple[int, Openings, int, int, int, tuple[Poster, ...], int]
"""Cells a side, openings as pairs of cells (the smaller first), start, heading, goal, posters, number of the look."""


@dataclass(frozen=True)
class Halls:
    """What mazes to draw."""

    size: int
    """Cells a side."""
    calls: tuple[int, int]
    """Fewest and most calls of the shortest way."""
    loops: int
    """Openings beyond those of a maze without loops."""
    posters: int
    """Posters on walls."""
    map: bool
    """Whether there is a map in the picture."""
    sight: int
    """Cells that one sees in darkness; 0 where there is light."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Halls(size=3, calls=(2, 5), loops=1, posters=6, map=True, sight=0, turns=24),
    2: Halls(size=4, calls=(5, 9), loops=1, posters=8, map=True, sight=0, turns=40),
    3: Halls(size=5, calls=(7, 14), loops=1, posters=8, map=False, sight=0, turns=80),
    4: Halls(size=6, calls=(12, 22), loops=1, posters=8, map=False, sight=4, turns=120),
    5: Halls(size=8, calls=(18, 44), loops=1, posters=6, map=False, sight=3, turns=200),
}


class Maze3D(Puzzle):
    """Find the red ball in a maze seen through the eyes of one who walks in it.

    ## Description
    A square of cells with walls between some of them. One stands in a cell and looks in one of four directions, which
    are those of the walls. The goal is a red ball on a white stand. Posters on some walls help to know places again:
    no two in a maze are alike. From level 4 on it is dark, and walls fade a few cells away.

    ## Action space
    `forward(steps)`: walk 1 to 9 cells ahead; a wall ends the walk, and so does the ball. `rotate(direction)`: turn
    left or right by 90 degrees.

    ## Observation space
    `image`: the view, uint8 (image_size, image_size, 3), with a map in the corner on levels 1 and 2. `text`, the text
    twin: the hall straight ahead, cell by cell, as far as one sees, and the map if there is one. `feedback`: that a
    wall ended the walk.

    ## Starting state
    A maze grown by a random depth-first walk, with a wall opened after; start, heading and goal drawn until the
    shortest way has the level's number of calls. The split is decided by a hash of walls, start and goal, equal for
    rotated and mirrored mazes. The split `ood` has walls, floors and shapes on posters of its own. `options["task"]`
    can only be `"any"`.

    ## Rewards
    1 when the ball is reached (term `outcome`), else 0.

    ## Episode end
    Terminated in the cell of the ball (success); truncated at the turn limit.

    ## Arguments
    map: whether the picture has a map; None takes the level's. dark: whether it is dark; None takes the level's. Then
    those of `Puzzle`. The picture needs Panda3D (`pip install 'mmgym[robot]'`); the text twin does not. The expert
    knows the whole maze and needs the fewest calls, found by search over cells and headings; `expert_steps` is
    therefore a lower bound for an agent that must search. The weak solver feels only the walls around it and knows in
    which direction the goal lies: it walks there where it can, and at random in a third of turns.

    | level | size | fewest calls | loops | posters | map | dark: cells seen | turns |
    |---|---|---|---|---|---|---|---|
    | 1 | 3 | 2-5 | 1 | 6 | yes | no | 24 |
    | 2 | 4 | 5-9 | 1 | 8 | yes | no | 40 |
    | 3 | 5 | 7-14 | 1 | 8 | no | no | 80 |
    | 4 | 6 | 12-22 | 1 | 8 | no | 4 | 120 |
    | 5 | 8 | 18-44 | 1 | 6 | no | 3 | 200 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.25
    instruction = (
        "You walk in a maze and see what is ahead of you. Find the red ball on the white stand and walk up to it. "
        "Walls stop you. If there is a map in the corner, the blue arrow is you, pointing where you look, and the red "
        "dot is the ball."
    )
    description_rule = (
        "Three words: for the way ahead, to your left and to your right say open or wall; then how many steps are free "
        f"ahead, {COUNTED} at most."
    )

    agent: int
    """The cell where one stands."""
    heading: int
    """Where one looks: a number of `SIDES`."""

    def __init__(self, *, map: bool | None = None, dark: bool | None = None, **arguments: Any) -> None:
        self.map, self.dark = map, dark
        super().__init__(**arguments)
        if self.obs_mode != "text":
            panda()  # a missing renderer is told here
        self._view: MazeView | None = None
        self._map_view: MapView | None = None
        self._begin((2, frozenset({(0, 1), (1, 3), (2, 3)}), 0, 1, 2, (), 0))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_view": None, "_map_view": None}

    @tool
    def forward(self, steps: Annotated[int, Interval(ge=1, le=STRIDE)]) -> Effect:
        """Walk straight ahead.

        Args:
            steps: how many cells.
        """
        made = 0
        while made < steps and self.agent != self.goal and (ahead := self._beside(self.agent, self.heading)) != OUTSIDE:
            self.agent, made = ahead, made + 1
        if made < steps and self.agent != self.goal:
            return Effect(made > 0, f"A wall stopped you after {made} steps." if made else "A wall is in the way.")
        return Effect(made > 0)

    @tool
    def rotate(self, direction: Literal["left", "right"]) -> Effect:
        """Turn by 90 degrees where you stand.

        Args:
            direction: which way.
        """
        self.heading = (self.heading + (1 if direction == "right" else -1)) % 4
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Halls) -> Maze | None:
        """Draw a maze, start and goal, or None when no start is as far away as wanted."""
        size, goal = settings.size, int(rng.integers(settings.size**2))
        openings = _grown(rng, size, goal, settings.loops)
        fewest, most = settings.calls
        starts = [pose for pose, far in sorted(_distances(size, openings, goal).items()) if fewest <= far <= most]
        if not starts:
            return None
        start, heading = starts[rng.integers(len(starts))]
        ways = _ways(size, openings)
        walls = [(cell, side) for cell in range(size * size) for side in range(4) if ways[cell][side] == OUTSIDE]
        kinds = rng.permutation(len(COLORS) * _KINDS).tolist()
        places = [walls[k] for k in rng.permutation(len(walls))[: settings.posters].tolist()]
        posters = tuple((*place, *divmod(kind, _KINDS)) for place, kind in zip(places, kinds, strict=False))
        return size, openings, start, heading, goal, posters, int(rng.integers(1 << 16))

    @classmethod
    def candidate_key(cls, instance: Maze) -> str:
        """Key of walls, start and goal, equal for rotated and mirrored mazes."""
        size, openings, start, _, goal, *_ = instance
        turned = [
            (t[start], t[goal], sorted((t[a], t[b]) if t[a] < t[b] else (t[b], t[a]) for a, b in openings))
            for t in symmetries(size)
        ]
        return layout_hash("maze seen from inside", size, min(turned))

    def layout_key(self) -> str:
        """Key of the maze at the start; it decides the split."""
        return self.candidate_key(self._instance)

    def _begin(self, instance: Maze) -> None:
        self._instance = instance
        self.size, self.openings, self._start, self._start_heading, self.goal, posters, self._look = instance
        self.agent, self.heading = self._start, self._start_heading
        shapes = (5, 3) if self.split == "ood" else (0, 5)
        self.posters = tuple((cell, side, c, shapes[0] + (s + c) % shapes[1]) for cell, side, c, s in posters)
        self._ways = _ways(self.size, self.openings)
        self._distance = _distances(self.size, self.openings, self.goal)
        self._has_map = self.settings.map if self.map is None else self.map
        self._sight = 0 if self.dark is False else self.settings.sight or (COUNTED if self.dark else 0)
        self._view = self._map_view = None

    def _beside(self, cell: int, side: int) -> int:
        return self._ways[cell][side]

    def _get_state(self) -> dict[str, Any]:
        size, openings, start, start_heading, goal, posters, look = self._instance
        return {
            "size": size,
            "openings": sorted(map(list, openings)),
            "start": [start, start_heading],
            "goal": goal,
            "posters": [list(poster) for poster in posters],
            "look": look,
            "map": self._has_map,
            "sight": self._sight,
            "agent": [self.agent, self.heading],
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        openings = frozenset((one, other) for one, other in state["openings"])
        posters = tuple((cell, side, color, shape) for cell, side, color, shape in state["posters"])
        self._begin((state["size"], openings, *state["start"], state["goal"], posters, state["look"]))
        self._has_map, self._sight = state["map"], state["sight"]
        self.agent, self.heading = state["agent"]

    def _is_success(self) -> bool:
        return self.agent == self.goal

    def _expert_call(self) -> ToolCall:
        here = self._distance[self.agent, self.heading]
        cell = self.agent
        for steps in range(1, STRIDE + 1):
            cell = self._beside(cell, self.heading) if cell != self.goal else OUTSIDE
            if cell == OUTSIDE:
                break
            if self._distance[cell, self.heading] < here:
                return ToolCall("forward", {"steps": steps})
        left = self._distance[self.agent, (self.heading - 1) % 4] < here
        return ToolCall("rotate", {"direction": "left" if left else "right"})

    def _expert_steps(self) -> int:
        return self._distance[self._start, self._start_heading]

    def _turns_left(self) -> int:
        return self._distance[self.agent, self.heading]

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """Towards the goal as the crow flies where no wall is in the way, else, and in a third of turns, anywhere."""
        down, right = (b - a for a, b in zip(divmod(self.agent, self.size), divmod(self.goal, self.size), strict=True))
        sides = [2 if down > 0 else 0] * (down != 0) + [1 if right > 0 else 3] * (right != 0)
        turns = [(side - self.heading) % 4 for side in sides if self._beside(self.agent, side) != OUTSIDE]
        if turns and rng.random() < 2 / 3:
            wanted = min(turns, key=lambda turn: (turn == 2, turn))
        else:
            wanted = int(rng.integers(4))
        if wanted == 0:
            return ToolCall("forward", {"steps": 1})
        return ToolCall("rotate", {"direction": "left" if wanted == 3 else "right"})

    def _image(self) -> np.ndarray:
        if self._view is None:
            looks = LOOKS["ood" if self.split == "ood" else "usual"]
            walls = np.array(self._ways) == OUTSIDE
            look = looks[self._look % len(looks)]
            self._view = MazeView(self.size, walls, self.goal, self.posters, look, self._sight)
            side = self.image_size * 3 // 8
            self._map_view = MapView(self.size, walls, self.goal, side) if self._has_map else None
        image = self._view.image(self.agent, self.heading, self.image_size)
        if self._map_view is not None:
            self._map_view.put(image, self.agent, self.heading)
        return image

    def _hall(self) -> list[int]:
        """The cells straight ahead up to the wall, from the one where one stands."""
        hall = [self.agent]
        while (ahead := self._beside(hall[-1], self.heading)) != OUTSIDE:
            hall.append(ahead)
        return hall

    def _poster(self, cell: int, side: int) -> str:
        """The poster on a wall in words, or an empty text."""
        found = [(c, s) for at, on, c, s in self.posters if (at, on) == (cell, side)]
        return f"{list(COLORS)[found[0][0]]} {SHAPES[found[0][1]]}" if found else ""

    def _text(self) -> str:
        lines, hall = [], self._hall()
        shown = hall[: self._sight + 1] if self._sight else hall
        for far, cell in enumerate(shown):
            parts = ["the red ball"] if cell == self.goal else []
            for name, side in (("left", (self.heading - 1) % 4), ("right", (self.heading + 1) % 4)):
                poster = self._poster(cell, side)
                wall = "opening" if self._beside(cell, side) != OUTSIDE else "wall"
                parts.append(f"{name} {wall}" + (f" with a poster of a {poster}" if poster else ""))
            lines.append(f"{f'{far} ahead' if far else 'here'}: {', '.join(parts)}")
        if len(shown) == len(hall):
            poster = self._poster(hall[-1], self.heading)
            lines.append("then a wall" + (f" with a poster of a {poster}" if poster else ""))
        else:
            lines.append("then darkness")
        return "\n".join([*lines, *(self._map_text() if self._has_map else [])])

    def _map_text(self) -> list[str]:
        width = 2 * self.size + 1
        rows = [["#"] * width for _ in range(width)]
        for a, b in self.openings:
            rows[a // self.size + b // self.size + 1][a % self.size + b % self.size + 1] = "."
        for cell in range(self.size**2):
            mark = "^>v<"[self.heading] if cell == self.agent else "G" if cell == self.goal else "."
            rows[cell // self.size * 2 + 1][cell % self.size * 2 + 1] = mark
        return ["map: # wall, . floor, G ball, ^ > v < you", *(" ".join(row) for row in rows)]

    def _description(self) -> str:
        sides = [self._beside(self.agent, (self.heading + turn) % 4) for turn in (0, -1, 1)]
        return " ".join([*("wall" if side == OUTSIDE else "open" for side in sides), str(self._free())])

    def _free(self) -> int:
        return min(COUNTED, len(self._hall()) - 1)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        ahead, left, right, _ = self._description().split()
        hall = self._hall()[: COUNTED + 1]
        asked = [
            ("Is the way ahead open or a wall?", ahead),
            ("Is there an opening or a wall on your left, where you stand?", left),
            ("Is there an opening or a wall on your right, where you stand?", right),
            (f"How many steps can you walk straight ahead, counted up to {COUNTED}?", str(self._free())),
            (f"Is the red ball straight ahead, at most {COUNTED} steps away?", "yes" if self.goal in hall else "no"),
        ]
        if len(self._hall()) <= COUNTED and (poster := self._poster(hall[-1], self.heading)):
            asked.append(("What is on the poster on the wall straight ahead? Say colour and shape.", poster))
        if self._has_map:
            asked.append(("Which way do you look on the map?", SIDES[self.heading]))
        return [asked[k] for k in rng.permutation(len(asked))]


def _grown(rng: np.random.Generator, size: int, root: int, loops: int) -> Openings:
    """The openings of a maze grown from a cell by a random depth-first walk, and of some walls more."""
    shuffles = rng.random(size * size * 4).tolist()
    steps = [[n for n in cell if n != OUTSIDE] for cell in zip(*neighbors(size).values(), strict=True)]
    path, seen, openings = [root], {root}, set()
    while path:
        ahead = [other for other in steps[path[-1]] if other not in seen]
        if not ahead:
            path.pop()
            continue
        other = ahead[int(shuffles.pop() * len(ahead))]
        seen.add(other)
        openings.add((min(path[-1], other), max(path[-1], other)))
        path.append(other)
    closed = [(c, n) for c in range(size * size) for n in steps[c] if c < n and (c, n) not in openings]
    return frozenset(openings | {closed[k] for k in rng.permutation(len(closed))[:loops].tolist()})


@lru_cache(maxsize=1024)
def _ways(size: int, openings: Openings) -> list[list[int]]:
    """For every cell the cells up, right, down and left of it, or `OUTSIDE` where there is a wall."""
    around = [neighbors(size)[side] for side in SIDES]
    return [
        [side[c] if (min(c, side[c]), max(c, side[c])) in openings else OUTSIDE for side in around]
        for c in range(size * size)
    ]


@lru_cache(maxsize=1024)
def _distances(size: int, openings: Openings, goal: int) -> dict[Pose, int]:
    """Fewest calls to the goal from every cell and heading."""
    ways = _ways(size, openings)

    def before(pose: Pose) -> list[Pose]:
        cell, heading = pose
        poses = [(cell, (heading + 1) % 4), (cell, (heading - 1) % 4)]
        for _ in range(STRIDE):
            cell = ways[cell][(heading + 2) % 4]
            if cell in (OUTSIDE, goal):  # nobody walks on from the goal
                break
            poses.append((cell, heading))
        return poses

    return distances_to([(goal, heading) for heading in range(4)], before)
