"""Align: set things side by side in a row."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmgym_puzzles.table_top.table_top import Move, Table, TableTop
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
    4: Rows(3, 3, 8, 72, True, "high", False, True, 14, furthest=68),
    5: Rows(4, 2, 6, 66, True, "low", False, True, 20, furthest=64),
}


class Align(TableTop):
    """Set cubes side by side in a row, in a given order, with a robot's gripper.

    ## Description
    Coloured cubes stand on a table, among other things. The task names some of them from left to right: they are to
    stand in one row, neighbors close to each other, all equally far from the front edge.

    ## Action space
    With `control="skills"`: `pick(x, y, z)` grasps the thing whose centre is there, `place(x, y, z)` takes the centre
    of what is held there and lets go, `push(x1, y1, z1, x2, y2, z2)` moves the closed fingers from point to point. With
    `control="deltas"`: `move(dx, dy, dz)` and `grip(fingers)`. All in millimetres.

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
    `control`: `"skills"` (default) or `"deltas"`. And those of `Puzzle`. The expert leaves the first cube or another
    where it is, if the row has room there, and sets the others beside it.

    | level | cubes | others | tolerance | furthest | opening | turned | camera | turns |
    |---|---|---|---|---|---|---|---|---|
    | 1 | 2 | 0 | 16 mm | 90 mm | 84 mm | no | high | 6 |
    | 2 | 2 | 2 | 12 mm | 80 mm | 84 mm | yes | high | 8 |
    | 3 | 3 | 1 | 10 mm | 74 mm | 78 mm | yes | high | 12 |
    | 4 | 3 | 3 | 8 mm | 68 mm | 72 mm | yes | high | 14 |
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
        "Name every thing from left to right: its colour and kind, then x and y of its centre in whole centimetres."
    )

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Rows) -> Layout | None:
        """Draw a table, or None when its things find no room or no row fits at the place of one of them."""
        count = settings.things + settings.others
        places = spread(rng, count, settings.apart + 8, (35, 35, 365, 345))
        if places is None:
            return None
        colors = rng.permutation(6).tolist()
        goal = tuple(int(k) for k in rng.permutation(settings.things))
        at = dict(enumerate((float(x), float(y)) for x, y in places))
        if _anchor(goal, at) is None or _in_row(goal, at, settings):
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

    def _moves(self) -> list[Move] | None:
        goal, held = self.layout.goal, self.poses.held
        at = {k: self._at(k)[:2] for k in range(len(self.layout.things)) if k != held}
        moves: list[Move] = []

        def carry(thing: int, x: float, y: float) -> None:
            moves.append((thing, round(x), round(y), round(self._kind(thing).height) + 2))
            at[thing] = (x, y)

        if held >= 0 and held not in goal:
            x, y = self._spot([])
            carry(held, x, y)
        high = {k for k in goal if k in at and self._at(k)[2] > self._kind(k).half[0] + 6}
        anchor = _anchor(goal, at, high)
        if anchor is None:  # no room beside any of them: a row at a place of its own
            for y in (60, 140, 220, 300, 340):
                row = {thing: (60.0 + PITCH * k, float(y)) for k, thing in enumerate(goal)}
                if _has_room(row, goal, at):
                    anchor = row
                    break
        if anchor is None:
            return None
        order = sorted(goal, key=lambda k: (k != held, goal.index(k)))
        left = [k for k in order if k == held or k in high or not _is_near(at[k], anchor[k])]
        while left:
            thing = next(
                (k for k in left if all(o == k or not _is_close(at[o], anchor[k]) for o in goal if o in at)),
                left[0],
            )
            if any(o != thing and o in at and _is_close(at[o], anchor[thing]) for o in goal):
                at.pop(thing, None)
                x, y = self._spot([*anchor.values()])
                carry(thing, x, y)
                continue
            carry(thing, *anchor[thing])
            left.remove(thing)
            if len(moves) > 30:
                break
        return moves


def _in_row(goal: tuple[int, ...], at: dict[int, tuple[float, float]], settings: Rows) -> bool:
    """Whether each thing is beside the one before."""
    for one, other in itertools.pairwise(goal):
        (x, y), (a, b) = at[one], at[other]
        if not settings.closest <= a - x <= settings.furthest or abs(b - y) > settings.tolerance:
            return False
    return True


def _anchor(
    goal: tuple[int, ...], at: dict[int, tuple[float, float]], high: set[int] | None = None
) -> dict[int, tuple[float, float]] | None:
    """The row of places about a thing that stays where it is, the one that leaves most of them; None without room."""
    best: dict[int, tuple[float, float]] | None = None
    kept = 0
    for k, thing in enumerate(goal):
        if thing not in at or thing in (high or ()):
            continue
        x, y = at[thing]
        row = {other: (x + PITCH * (n - k), y) for n, other in enumerate(goal)}
        stay = sum(o in at and o not in (high or ()) and _is_near(at[o], row[o]) for o in goal)
        if stay > kept and _has_room(row, goal, at):
            best, kept = row, stay
    return best


def _has_room(row: dict[int, tuple[float, float]], goal: tuple[int, ...], at: dict[int, tuple[float, float]]) -> bool:
    if not all(20 <= x <= 380 and 20 <= y <= 380 for x, y in row.values()):
        return False
    others = [place for k, place in at.items() if k not in goal or not _is_near(place, row[k])]
    return not any(abs(x - a) < 60 and abs(y - b) < 84 for x, y in row.values() for a, b in others)


def _is_near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) <= 4 and abs(one[1] - other[1]) <= 2


def _is_close(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 < 50**2
