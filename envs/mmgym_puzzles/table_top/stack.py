"""Stack: build a tower in a given order."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np

from mmgym_puzzles.table_top.plan import Move, Plan
from mmgym_puzzles.table_top.table_top import Table, TableTop
from mmgym_puzzles.table_top.things import Layout, Thing, spread

__all__ = ["Stack"]

LEVELS = {
    1: Table(2, 0, 17, 84, False, "high", True, False, 6),
    2: Table(3, 0, 16, 84, True, "high", True, False, 12),
    3: Table(3, 2, 12, 78, True, "high", True, False, 10),
    4: Table(4, 2, 10, 72, True, "high", False, True, 20),
    5: Table(4, 3, 8, 66, True, "low", False, True, 20),
}


class Stack(TableTop):
    """Stack cubes in a given order with a robot's gripper.

    ## Description
    Coloured cubes stand on a table, among other things. The task names a tower from the bottom to the top. On the
    upper two levels two of the cubes are stacked in a wrong order at the start. Things are solid, and MuJoCo
    moves them: what is let go too far off its place falls. None can leave the table. After each call everything comes
    to rest.

    ## Action space
    `pick(x, y, z)` grasps the thing whose centre is there, `place(x, y, z)` takes the centre
    of what is held there and lets go, `push(x1, y1, z1, x2, y2, z2)` moves the closed fingers from point to point. All
    in millimetres.

    ## Observation space
    `task`: what to stack on what. `image`: the table from in front, with rulers along its left and front edge, uint8
    (image_size, image_size, 3); a red plumb line hangs from the gripper. `text`, the text twin: the coordinates of
    everything. `feedback`: what went wrong.

    ## Starting state
    Things at random places. The split is decided by a hash of the layout. The split `ood` has bricks instead of cubes,
    and colours of its own. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when every cube stands on the one named before, its centre no further from that one's than the tolerance in x and
    in y, and the gripper is empty (term `outcome`), else 0.

    ## Episode end
    Terminated when the tower stands (success); truncated at the turn limit.

    ## Arguments
    Those of `TableTop` and `Puzzle`.

    | level | cubes | others | tolerance | opening | wrong pair | turned | camera | turns |
    |---|---|---|---|---|---|---|---|---|
    | 1 | 2 | 0 | 17 mm | 84 mm | no | no | high | 6 |
    | 2 | 3 | 0 | 16 mm | 84 mm | no | yes | high | 12 |
    | 3 | 3 | 2 | 12 mm | 78 mm | no | yes | high | 10 |
    | 4 | 4 | 2 | 10 mm | 72 mm | yes | yes | high | 20 |
    | 5 | 4 | 3 | 8 mm | 66 mm | yes | yes | low | 20 |

    The preset `vagen` has three cubes, as the task StackThreeCube of VAGEN's PrimitiveSkill.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings: ClassVar[dict[str, Any]] = {"vagen": Table(3, 0, 17, 84, False, "high", True, False, 10)}
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You control a robot's gripper over a table. Stack the things as the task says, then let go. "
        "Coordinates are whole millimetres: x from 0 at the left to 400 at the right, y from 0 at the front to 400 at "
        "the back, z up from the table; the rulers are marked in millimetres. A cube is 40 high: its centre is at z=20 "
        "on the table, at z=60 on another cube. Let things go just above what they are to stand on."
    )
    description_rule = (
        "Name every thing from left to right: colour and kind, then x and y of its centre to the nearest centimetre."
    )

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Table) -> Layout | None:
        """Draw a table, or None when its things find no room."""
        count = settings.things + settings.others
        false_start = settings.things >= 4
        places = spread(rng, count, settings.apart + 6, (35, 35, 365, 345))
        if places is None:
            return None
        colors = rng.permutation(6).tolist()
        colors += colors  # a seventh thing has a cube's colour, and is no cube
        goal = [int(k) for k in rng.permutation(settings.things)]
        things = [
            Thing(
                0 if k < settings.things else int(rng.integers(1, 3)),
                colors[k],
                *places[k],
                int(rng.integers(90)) if settings.turned else 0,
            )
            for k in range(count)
        ]
        if false_start:
            # The last of the things stands on an earlier one, against the order of the tower.
            top = settings.things - 1
            under = next(k for k in range(settings.things) if k != top and goal.index(top) != goal.index(k) + 1)
            base = things[under]
            things[top] = Thing(0, colors[top], base.x, base.y, base.turn, under)
        return Layout(tuple(things), (), tuple(goal))

    def _task(self) -> str:
        names = [f"the {self._name(k)}" for k in self.layout.goal]
        return f"Stack, from the bottom to the top: {', '.join(names)}."

    def _is_on(self, top: int, under: int) -> bool:
        """Whether a thing stands well on another."""
        (x, y, z), (a, b, c) = self._at(top), self._at(under)
        reach = self.settings.tolerance
        high = self._kind(top).height + self._kind(under).height
        return max(abs(x - a), abs(y - b)) <= reach and abs(z - c - high) < 6 and self.poses.held != top

    def _is_success(self) -> bool:
        goal = self.layout.goal
        return self.poses.held < 0 and all(self._is_on(goal[k], goal[k - 1]) for k in range(1, len(goal)))

    def _moves(self) -> list[Move]:
        goal, held, plan = self.layout.goal, self.poses.held, self._new_plan()
        if held >= 0 and not self._is_next(held, plan):
            plan.aside(held)
        if goal[0] in plan.at and any(goal[0] in _above(plan, k) for k in goal if k in plan.at):
            self._clear(plan, goal[0])
            plan.aside(goal[0])
        for under, top in itertools.pairwise(goal):
            moved = {thing for thing, *_ in plan.moves}
            if top in plan.at and top != held and not moved & {top, under} and self._is_on(top, under):
                continue
            if top in plan.at:
                self._clear(plan, top)
            for other in _above(plan, under):
                if other != top:
                    plan.aside(other)
            plan.at.pop(top, None)
            x, y, z = plan.at[under]
            plan.carry(top, x, y, z + self._kind(under).height)
        return plan.moves

    def _is_next(self, thing: int, plan: Plan) -> bool:
        """Whether a thing can go onto the tower as it stands."""
        goal = self.layout.goal
        built = 1
        while built < len(goal) and goal[built] in plan.at and self._is_on(goal[built], goal[built - 1]):
            built += 1
        return goal[0] != thing and goal[built : built + 1] == (thing,) and not _above(plan, goal[built - 1])

    def _clear(self, plan: Plan, thing: int) -> None:
        """Set aside what stands on a thing."""
        for other in _above(plan, thing):
            plan.aside(other)


def _above(plan: Plan, thing: int) -> list[int]:
    """What stands on a thing, the highest first."""
    x, y, z = plan.at[thing]
    found = [k for k, (a, b, c) in plan.at.items() if k != thing and max(abs(a - x), abs(b - y)) < 36 and c > z + 12]
    return sorted(found, key=lambda k: -plan.at[k][2])
