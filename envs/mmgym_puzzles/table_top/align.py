"""Align: set things side by side in a row."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmgym_puzzles.table_top.plan import Move
from mmgym_puzzles.table_top.table_top import Table, TableTop
from mmgym_puzzles.table_top.things import Layout, Thing, spread

__all__ = ["Align"]

PITCH = 57
"""Millimetres between the centres of neighbors as the expert sets them."""


@dataclass(frozen=True)
class Rows(Table):
    """What tables to lay."""

    closest: int = 36
    """Least distance between the centres of neighbors, in millimetres."""
    furthest: int = 90
    """Largest distance between them."""


LEVELS = {
    1: Rows(2, 0, 16, 84, False, "high", True, False, 6, furthest=90),
    2: Rows(2, 2, 12, 84, True, "high", True, False, 8, furthest=80),
    3: Rows(3, 1, 10, 78, True, "high", True, False, 12, furthest=74),
    4: Rows(3, 3, 7, 72, True, "high", False, True, 14, furthest=68),
    5: Rows(4, 2, 6, 66, True, "low", False, True, 20, furthest=64),
}


class Align(TableTop):
    """Set cubes side by side in a row, in a given order, with a robot's gripper.

    ## Description
    Coloured cubes stand on a table, among other things. The task names some of them from left to right: they are to
    stand in one row, neighbors close to each other, all equally far from the front edge. Things are solid, and MuJoCo
    moves them; none can leave the table. After each call everything comes to rest.

    ## Action space
    `pick(x, y, z)` grasps the thing whose centre is there, `place(x, y, z)` takes the centre
    of what is held there and lets go, `push(x1, y1, z1, x2, y2, z2)` moves the closed fingers from point to point. All
    in millimetres.

    ## Observation space
    `task`: the order, and how close neighbors must be. `image`: the table from in front, with rulers along its left and
    front edge, uint8 (image_size, image_size, 3); a red plumb line hangs from the gripper. `text`, the text twin: the
    coordinates of everything. `feedback`: what went wrong.

    ## Starting state
    Things at random places. The split is decided by a hash of the layout. The split `ood` has bricks instead of cubes,
    and colours of its own. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when each named cube stands on the table to the right of the one named before, no closer and no further than said,
    their y no more apart than the tolerance, and the gripper is empty (term `outcome`), else 0.

    ## Episode end
    Terminated when the row is right (success); truncated at the turn limit.

    ## Arguments
    Those of `TableTop` and `Puzzle`. The expert leaves one of the cubes where it is, if the row has room there, and
    sets the others beside it; what is in the way it sets aside.

    | level | cubes | others | tolerance | furthest | opening | turned | camera | turns |
    |---|---|---|---|---|---|---|---|---|
    | 1 | 2 | 0 | 16 mm | 90 mm | 84 mm | no | high | 6 |
    | 2 | 2 | 2 | 12 mm | 80 mm | 84 mm | yes | high | 8 |
    | 3 | 3 | 1 | 10 mm | 74 mm | 78 mm | yes | high | 12 |
    | 4 | 3 | 3 | 7 mm | 68 mm | 72 mm | yes | high | 14 |
    | 5 | 4 | 2 | 6 mm | 64 mm | 66 mm | yes | low | 20 |

    The preset `vagen` has two cubes and nothing else, as the task AlignTwoCube of VAGEN's PrimitiveSkill.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings: ClassVar[dict[str, Any]] = {"vagen": Rows(2, 0, 12, 84, False, "high", True, False, 10)}
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You control a robot's gripper over a table. Set the things that the task names side by side in one row that "
        "runs from left to right, then let go. Coordinates are whole millimetres: x from 0 at the left to 400 at the "
        "right, y from 0 at the front to 400 at the back, z up from the table; the rulers are marked in millimetres. "
        "The centre of a cube that stands on the table is at z=20."
    )
    description_rule = (
        "Name every thing from left to right: colour and kind, then x and y of its centre to the nearest centimetre."
    )

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Rows) -> Layout | None:
        """Draw a table, or None when its things find no room or something would have to be set aside."""
        count = settings.things + settings.others
        places = spread(rng, count, settings.apart + 8, (35, 35, 365, 345))
        if places is None:
            return None
        colors = rng.permutation(6).tolist()
        goal = tuple(int(k) for k in rng.permutation(settings.things))
        at = dict(enumerate((float(x), float(y)) for x, y in places))
        if not _is_plain(goal, at, settings):
            return None
        things = [
            Thing(
                0 if k < settings.things else int(rng.integers(1, 3)),
                colors[k],
                *places[k],
                int(rng.integers(90)) if settings.turned else 0,
            )
            for k in range(count)
        ]
        return Layout(tuple(things), (), goal)

    def _task(self) -> str:
        names = [f"the {self._name(k)}" for k in self.layout.goal]
        low, high, off = self.settings.closest, self.settings.furthest, self.settings.tolerance
        return (
            f"Set side by side, from left to right: {', '.join(names)}. Centres of neighbors must be {low} to {high} "
            f"mm apart in x and at most {off} mm in y."
        )

    def _is_success(self) -> bool:
        at = {k: self._at(k)[:2] for k in self.layout.goal}
        low = all(self._at(k)[2] < self._kind(k).half[0] + 6 for k in self.layout.goal)
        return self.poses.held < 0 and low and _in_row(self.layout.goal, at, self.settings)

    def _moves(self) -> list[Move]:
        goal, held, plan = self.layout.goal, self.poses.held, self._new_plan()
        standing = {k: (x, y) for k, (x, y, z) in plan.at.items() if k not in goal or z < self._kind(k).half[0] + 6}
        row = _best_row(goal, standing, self.settings)
        left = [k for k in goal if k not in standing or not _could_stay(standing[k], row[k], self.settings)]
        waiting = list(left)  # what may be in the way, each set aside once at most

        def in_the_way(thing: int) -> list[int]:
            return [k for k in waiting if k != thing and k in plan.at and _is_close(plan.at[k], row[thing])]

        if held >= 0 and (held not in goal or in_the_way(held)):
            plan.aside(held, row.values())
        for k in sorted(plan.at):
            if k not in goal and any(_is_close(place, plan.at[k]) for place in row.values()):
                plan.aside(k, row.values())
        left.sort(key=lambda k: (k != held, goal.index(k)))
        while left:
            thing = next((k for k in left if not in_the_way(k)), None)
            if thing is not None:
                plan.carry(thing, *row[thing])
                left.remove(thing)
            else:
                plan.aside(thing := in_the_way(left[0])[0], row.values())
            if thing in waiting:
                waiting.remove(thing)
        return plan.moves


def _best_row(
    goal: tuple[int, ...], at: dict[int, tuple[float, float]], settings: Rows
) -> dict[int, tuple[float, float]]:
    """The row of places that takes fewest moves, about a thing that stays where it is if there is room."""
    starts = [(at[k][0] - PITCH * n, at[k][1]) for n, k in enumerate(goal) if k in at]
    starts += [(float(x), float(y)) for y in range(60, 341, 40) for x in range(40, 361 - PITCH * (len(goal) - 1), 40)]
    best: dict[int, tuple[float, float]] = {}
    least = len(at) + len(goal) + 1
    for x, y in starts:
        row = {thing: (x + PITCH * n, y) for n, thing in enumerate(goal)}
        if all(20 <= x <= 380 and 20 <= y <= 380 for x, y in row.values()):
            cost = sum(k not in at or not _could_stay(at[k], row[k], settings) for k in goal)
            cost += sum(any(_is_close(a, b) for a in row.values()) for k, b in at.items() if k not in goal)
            if cost < least:
                best, least = row, cost
    return best


def _could_stay(place: tuple[float, float], wanted: tuple[float, float], settings: Rows, slack: float = 1.0) -> bool:
    """Whether a thing may stay where it is: any two of which that is so are not too far apart, nor too close."""
    along = min(PITCH - settings.closest, settings.furthest - PITCH) / 2
    return abs(place[0] - wanted[0]) <= along * slack and abs(place[1] - wanted[1]) <= settings.tolerance / 2 * slack


def _is_plain(goal: tuple[int, ...], at: dict[int, tuple[float, float]], settings: Rows) -> bool:
    """Whether a row takes two turns for each cube that is off its place: none is in the way, nor nearly right."""
    row = _best_row(goal, at, settings)
    left = [k for k in goal if not _could_stay(at[k], row[k], settings)]
    others = [place for k, place in at.items() if k not in goal]
    if any(_is_close(a, b) for a in row.values() for b in others):
        return False
    if not left or any(_could_stay(at[k], row[k], settings, 2.5) for k in left):
        return False
    while left:
        free = [k for k in left if not any(o != k and _is_close(at[o], row[k]) for o in left)]
        if not free:
            return False
        left.remove(free[0])
    return True


def _is_close(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether a thing at one place is in the way of the fingers at the other."""
    return abs(one[0] - other[0]) < 60 and abs(one[1] - other[1]) < 84


def _in_row(goal: tuple[int, ...], at: dict[int, tuple[float, float]], settings: Rows) -> bool:
    """Whether each thing is beside the one before."""
    for one, other in itertools.pairwise(goal):
        (x, y), (a, b) = at[one], at[other]
        if not settings.closest <= a - x <= settings.furthest or abs(b - y) > settings.tolerance:
            return False
    return True
