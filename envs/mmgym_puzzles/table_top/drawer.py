"""Drawer: put things in a drawer and close it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_puzzles.table_top.table_top import Table, TableTop
from mmgym_puzzles.table_top.things import Layout, Thing, spread

__all__ = ["Drawer"]

WIDE_OPEN = 90
"""Millimetres from which on things go into a drawer."""
SHUT = 10
"""Millimetres up to which a drawer counts as closed."""


@dataclass(frozen=True)
class Chest(Table):
    """What tables to lay."""

    drawers: int = 1
    """Drawers at the back of the table."""
    closed: bool = False
    """Whether they are closed at the start."""
    to_close: bool = True
    """Whether the drawer is to be closed in the end."""


LEVELS = {
    1: Chest(1, 0, 20, 84, False, "high", True, False, 8, to_close=False),
    2: Chest(1, 2, 20, 84, True, "high", True, False, 6),
    3: Chest(2, 1, 20, 78, True, "high", True, False, 9),
    4: Chest(2, 2, 20, 72, True, "high", False, True, 10, drawers=2, closed=True),
    5: Chest(2, 3, 20, 66, True, "low", False, True, 8, drawers=2, closed=True),
}


class Drawer(TableTop):
    """Put things in a drawer and close it, with a robot's gripper.

    ## Description
    Coloured things lie on a table; at its back are one or two drawers that slide towards the camera. The task names
    things and a drawer. A closed drawer is pulled open at its handle: the closed fingers go down between the bar and
    the front, and move towards the camera. A push against the handle closes it. Things and
    drawers are moved by MuJoCo; after each call everything comes to rest.

    ## Action space
    `pick(x, y, z)` grasps the thing whose centre is there, `place(x, y, z)` takes the centre of what is held there and
    lets go, `push(x1, y1, z1, x2, y2, z2)` moves the closed fingers from point to point. All in millimetres.

    ## Observation space
    `task`: what to put where. `image`: the table from in front, with rulers along its left and front edge, uint8
    (image_size, image_size, 3); a red plumb line hangs from the gripper. `text`, the text twin: the coordinates of
    everything. `feedback`: what went wrong.

    ## Starting state
    Things at random places in the front half of the table. The split is decided by a hash of the layout. The split
    `ood` has kinds of things and colours of its own. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when every named thing lies in the drawer, the drawer is open by at most 10 mm (not asked on level 1), and the
    gripper is empty (term `outcome`), else 0.

    ## Episode end
    Terminated when the task is done (success); truncated at the turn limit.

    ## Arguments
    Those of `TableTop` and `Puzzle`.

    | level | things | others | opening | drawers | at the start | to be closed | camera | turns |
    |---|---|---|---|---|---|---|---|---|
    | 1 | 1 | 0 | 84 mm | 1 | open | no | high | 8 |
    | 2 | 1 | 2 | 84 mm | 1 | open | yes | high | 6 |
    | 3 | 2 | 1 | 78 mm | 1 | open | yes | high | 9 |
    | 4 | 2 | 2 | 72 mm | 2 | closed | yes | high | 10 |
    | 5 | 2 | 3 | 66 mm | 2 | closed | yes | low | 8 |

    The preset `vagen` has one thing and an open drawer to be closed, as the task PutAppleInDrawer of VAGEN's
    PrimitiveSkill.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings: ClassVar[dict[str, Any]] = {"vagen": Chest(1, 0, 20, 84, False, "high", True, False, 10)}
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You control a robot's gripper over a table with a drawer that slides towards you. Put the things that the "
        "task names in the drawer. Coordinates are whole millimetres: x from 0 at the left to 400 at the right, y from "
        "0 at the front to 400 at the back, z up from the table; the rulers are marked in millimetres. A drawer is "
        "opened by pushing from y=321 behind the bar of its closed handle, at z=33, towards you, and closed by pushing "
        "the bar away from you. Its floor is at z=8."
    )
    description_rule = (
        "Name every thing from left to right: colour and kind, then x and y of its centre to the nearest centimetre."
    )

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Chest) -> Layout | None:
        """Draw a table, or None when its things find no room."""
        count = settings.things + settings.others
        places = spread(rng, count, settings.apart, (32, 28, 368, 132))
        if places is None:
            return None
        colors, fronts = rng.permutation(6).tolist(), rng.permutation(6).tolist()
        things = [
            Thing(int(rng.integers(3)), colors[k], *places[k], int(rng.integers(90)) if settings.turned else 0)
            for k in range(count)
        ]
        wide = 0 if settings.closed else 100
        if settings.drawers == 1:
            middles = [int(rng.integers(90, 311))]
        else:
            left = int(rng.integers(80, 131))
            middles = [left, int(rng.integers(left + 150, 321))]
            if rng.random() < 0.5:
                middles.reverse()
        drawers = tuple((fronts[k], x, wide) for k, x in enumerate(middles))
        return Layout(tuple(things), (), tuple(range(settings.things)), drawers)

    def _task(self) -> str:
        names = " and ".join(f"the {self._name(k)}" for k in self.layout.goal)
        which = f"the {self._color(self.layout.drawers[0][0])} drawer"
        close = f", then close {which}" if self.settings.to_close else ""
        return f"Put {names} in {which}{close}."

    @property
    def _open(self) -> float:
        """Millimetres by which the task's drawer is open."""
        return self.poses.drawers[0] / 10

    def _is_inside(self, thing: int) -> bool:
        x, y, z = self._at(thing)
        middle = self.layout.drawers[0][1]
        back = y + self._open
        return self.poses.held != thing and abs(x - middle) < 50 and 345 < back < 439 and z < 50

    def _is_success(self) -> bool:
        inside = self.poses.held < 0 and all(map(self._is_inside, self.layout.goal))
        return inside and (not self.settings.to_close or self._open <= SHUT)

    def _calls(self) -> list[ToolCall]:
        """All calls that the expert still makes."""
        goal, held, middle = self.layout.goal, self.poses.held, self.layout.drawers[0][1]
        calls: list[ToolCall] = []
        opened = self._open
        left = [k for k in goal if not self._is_inside(k)]

        def push(y1: float, y2: float) -> None:
            ends = {"x1": middle, "y1": round(y1), "z1": 33, "x2": middle, "y2": round(y2), "z2": 33}
            calls.append(ToolCall("push", ends))

        def place(x: float, y: float, z: float) -> None:
            calls.append(ToolCall("place", {"x": round(x), "y": round(y), "z": round(z)}))

        if held >= 0 and (held not in left or opened < WIDE_OPEN):
            place(*self._new_plan().spot(), self._kind(held).height + 2)
            held = -1
        if left and opened < WIDE_OPEN:
            push(321 - opened, 215)
            opened = 100.0
        taken = [self._at(k)[0] - middle for k in goal if k not in left]
        for thing in sorted(left, key=lambda k: (k != held, k)):
            x, y, z = self._at(thing)
            if thing != held:
                calls.append(ToolCall("pick", {"x": round(x), "y": round(y), "z": round(z)}))
            slots = [0.0] if len(goal) == 1 else [-25.0, 25.0]
            slot = max(slots, key=lambda s: min([abs(s - t) for t in taken], default=99.0))
            taken.append(slot)
            place(middle + slot, 392 - opened, 8 + self._kind(thing).height + 2)
        if self.settings.to_close and (left or opened > SHUT):
            push(298 - opened - 17, 291)
        return calls

    def _turns_left(self) -> int:
        return len(self._calls())

    def _expert_call(self) -> ToolCall:
        calls = self._calls()
        bounded = calls[0] if calls else ToolCall("pick", {"x": 200, "y": 200, "z": 20})
        return ToolCall(bounded.name, {k: min(400, max(0, v)) for k, v in bounded.arguments.items()})
