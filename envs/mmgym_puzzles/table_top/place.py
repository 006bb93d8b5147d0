"""Place: put things on mats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmgym_puzzles.table_top.plan import Move, Plan
from mmgym_puzzles.table_top.table_top import Table, TableTop
from mmgym_puzzles.table_top.things import Layout, Thing, spread

__all__ = ["Place"]


@dataclass(frozen=True)
class Mats(Table):
    """What tables to lay."""

    mats: int = 1
    """Mats on the table."""
    occupied: int = 0
    """Mats of the task on which another thing lies."""


LEVELS = {
    1: Mats(1, 0, 30, 84, False, "high", True, False, 8, mats=1),
    2: Mats(1, 2, 19, 84, True, "high", True, False, 6, mats=2),
    3: Mats(2, 2, 16, 78, True, "high", True, False, 8, mats=3),
    4: Mats(2, 3, 12, 72, True, "high", False, True, 10, mats=3, occupied=1),
    5: Mats(3, 3, 9, 66, True, "low", False, True, 12, mats=3, occupied=1),
}


class Place(TableTop):
    """Put things on the mats that are named, with a robot's gripper.

    ## Description
    Coloured things stand on a table, among mats. The gripper takes them to the mats that the task names. Things are
    solid, and MuJoCo moves them: they can be pushed, toppled and stacked, and balls roll; none can leave the table.
    After each call everything comes to rest.

    ## Action space
    `pick(x, y, z)` grasps the thing whose centre is there, `place(x, y, z)` takes the centre
    of what is held there and lets go, `push(x1, y1, z1, x2, y2, z2)` moves the closed fingers from point to point. All
    in millimetres.

    ## Observation space
    `task`: what to place where. `image`: the table from in front, with rulers along its left and front edge, uint8
    (image_size, image_size, 3); a red plumb line hangs from the gripper. `text`, the text twin: the coordinates of
    everything. `feedback`: what went wrong.

    ## Starting state
    Things and mats at random places; where some mat is occupied, the thing on it must be moved away first. The split is
    decided by a hash of the layout. The split `ood` has kinds of things and colours of its own. `options["task"]` can
    only be `"any"`.

    ## Rewards
    1 when every named thing lies on its mat, its centre no further from the middle than the tolerance in x and in y,
    and the gripper is empty (term `outcome`), else 0.

    ## Episode end
    Terminated when all is placed (success); truncated at the turn limit.

    ## Arguments
    Those of `TableTop` and `Puzzle`.

    | level | things | others | tolerance | opening | mats | occupied | turned | camera | turns |
    |---|---|---|---|---|---|---|---|---|---|
    | 1 | 1 | 0 | 30 mm | 84 mm | 1 | 0 | no | high | 8 |
    | 2 | 1 | 2 | 19 mm | 84 mm | 2 | 0 | yes | high | 6 |
    | 3 | 2 | 2 | 16 mm | 78 mm | 3 | 0 | yes | high | 8 |
    | 4 | 2 | 3 | 12 mm | 72 mm | 3 | 1 | yes | high | 10 |
    | 5 | 3 | 3 | 9 mm | 66 mm | 3 | 1 | yes | low | 12 |

    The preset `vagen` has two things and two mats, as the task PlaceTwoCube of VAGEN's PrimitiveSkill.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings: ClassVar[dict[str, Any]] = {"vagen": Mats(2, 0, 20, 84, False, "high", True, False, 10, mats=2)}
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You control a robot's gripper over a table. Place the things that the task names on their mats, then let go. "
        "Coordinates are whole millimetres: x from 0 at the left to 400 at the right, y from 0 at the front to 400 at "
        "the back, z up from the table; the rulers are marked in millimetres. The centre of a cube that stands on the "
        "table is at z=20. Let things go just above what they are to stand on."
    )
    description_rule = (
        "Name every thing from left to right: colour and kind, then x and y of its centre to the nearest centimetre."
    )

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Mats) -> Layout | None:
        """Draw a table, or None when its things find no room."""
        side = 40 + 2 * settings.tolerance
        mats = spread(rng, settings.mats, side + 30, (60, 50, 340, 330))
        if mats is None:
            return None
        free = settings.things + settings.others - settings.occupied
        room = spread(rng, free, max(settings.apart, side / 2 + 45), (35, 35, 365, 345), [(x, y) for x, y in mats])
        if room is None:
            return None
        colors = rng.permutation(6).tolist()
        looks = rng.permutation(6).tolist()
        things = []
        for k in range(settings.things + settings.others):
            blocker = k - settings.things
            x, y = mats[blocker] if 0 <= blocker < settings.occupied else room.pop()
            kind = 0 if k < settings.things else int(rng.integers(3))
            things.append(Thing(kind, colors[k], x, y, int(rng.integers(90)) if settings.turned else 0))
        ground = tuple((looks[k], x, y) for k, (x, y) in enumerate(mats))
        return Layout(tuple(things), ground, tuple(range(settings.things)))

    def _task(self) -> str:
        parts = [
            f"the {self._name(k)} on the {self._color(self.layout.mats[mat][0])} mat"
            for k, mat in enumerate(self.layout.goal)
        ]
        return f"Place {' and '.join(parts)}."

    def _is_placed(self, thing: int) -> bool:
        _, x, y = self.layout.mats[self.layout.goal[thing]]
        a, b, c = self._at(thing)
        reach = self.settings.tolerance
        on_table = c < self._kind(thing).half[0] + 14
        return self.poses.held != thing and on_table and max(abs(a - x), abs(b - y)) <= reach

    def _is_success(self) -> bool:
        return self.poses.held < 0 and all(map(self._is_placed, range(len(self.layout.goal))))

    def _moves(self) -> list[Move]:
        plan, held = self._new_plan(), self.poses.held
        left = [k for k in range(len(self.layout.goal)) if not self._is_placed(k)]
        aside: set[int] = set()  # each once at most
        if held >= 0 and (held not in left or self._in_the_way(plan, held, aside)):
            plan.aside(held)
        left.sort(key=lambda k: (k != held, k))
        while left:
            thing = next((k for k in left if not self._in_the_way(plan, k, aside)), None)
            if thing is not None:
                plan.carry(thing, *self._goal(thing))
                left.remove(thing)
            else:
                blocking = self._in_the_way(plan, left[0], aside)[0]
                plan.aside(blocking)
                aside.add(blocking)
        return plan.moves

    def _goal(self, thing: int) -> tuple[int, int]:
        _, x, y = self.layout.mats[self.layout.goal[thing]]
        return x, y

    def _in_the_way(self, plan: Plan, thing: int, aside: set[int]) -> list[int]:
        """What stands where a thing is to go, but for what was set aside."""
        return [k for k in plan.near(*self._goal(thing), 52) if k != thing and k not in aside]
