"""PlaceDeltas: put things on mats, moving the gripper in small steps."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_puzzles.puzzle import Puzzle
from mmgym_puzzles.table_top.place import Mats, Place
from mmgym_puzzles.table_top.plan import reachable
from mmgym_puzzles.table_top.table_top import FINEST

__all__ = ["PlaceDeltas"]

LEVELS = {
    1: Mats(1, 0, 30, 84, False, "high", True, False, 44, mats=1),
    2: Mats(1, 1, 22, 84, False, "high", True, False, 34, mats=2),
    3: Mats(1, 3, 16, 80, False, "high", True, False, 27, mats=3),
    4: Mats(2, 2, 14, 76, False, "high", False, True, 52, mats=2),
    5: Mats(2, 3, 12, 72, False, "low", False, True, 44, mats=3),
}
HIGH = 110
"""Height in millimetres at which the expert crosses the table."""


class PlaceDeltas(Place):
    """Put things on the mats that are named, moving a robot's gripper in small steps.

    ## Description
    Coloured things stand on a table, among mats. The gripper moves by millimetres, and its fingers open and close.
    What they close on goes with them; what the gripper or the thing in it runs into is pushed.

    ## Action space
    `move(dx, dy, dz)` moves the gripper in a straight line by at most 60 mm along each axis, `grip(fingers)` opens or
    closes the fingers, which close from left and right.

    ## Observation space
    `task`: what to place where. `image`: the table from in front, with rulers along its left and front edge, uint8
    (image_size, image_size, 3); a red plumb line hangs from the gripper. `text`, the text twin: the coordinates of
    everything. `feedback`: what went wrong.

    ## Starting state
    As in `Place`, with things square to the table and no mat occupied; the gripper is open, above the middle of the
    table. The split is decided by a hash of the layout. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when every named thing lies on its mat, its centre no further from the middle than the tolerance in x and in y,
    and the gripper is empty (term `outcome`), else 0.

    ## Episode end
    Terminated when all is placed (success); truncated at the turn limit.

    ## Arguments
    Those of `Place`, but for the presets.

    | level | things | others | tolerance | opening | mats | camera | turns |
    |---|---|---|---|---|---|---|---|
    | 1 | 1 | 0 | 30 mm | 84 mm | 1 | high | 44 |
    | 2 | 1 | 1 | 22 mm | 84 mm | 2 | high | 34 |
    | 3 | 1 | 3 | 16 mm | 80 mm | 3 | high | 27 |
    | 4 | 2 | 2 | 14 mm | 76 mm | 2 | high | 52 |
    | 5 | 2 | 3 | 12 mm | 72 mm | 3 | low | 44 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    tools = ("move", "grip")
    start = (200, 200, 160)
    preset_settings: ClassVar[dict[str, Any]] = {}
    instruction = (
        "You control a robot's gripper over a table in small steps. Place the things that the task names on their "
        "mats, then open the fingers. Lengths are whole millimetres: x to the right, y away from you, z up; the rulers "
        "are marked in millimetres. The red line shows what is below the gripper. A cube that stands on the table has "
        "its centre at z=20: lower the open gripper about it, close, lift."
    )

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The expert's call, replaced by a random one with probability `weak_noise`."""
        return Puzzle.weak_call(self, rng)

    def _path(self) -> list[ToolCall]:
        """All calls that the expert still makes."""
        moves = self._moves()
        here = [round(v / 10) for v in self.poses.hand[:3]]
        held, opened = self.poses.held, self.poses.hand[4] >= self.settings.opening * 10 - 1
        calls: list[ToolCall] = []

        def go(x: float, y: float, z: float) -> None:
            there = [round(x), round(y), round(z)]
            while here != there:
                step = [max(-FINEST, min(FINEST, b - a)) for a, b in zip(here, there, strict=True)]
                calls.append(ToolCall("move", dict(zip(("dx", "dy", "dz"), step, strict=True))))
                here[:] = [a + b for a, b in zip(here, step, strict=True)]

        def across(x: float, y: float, z: float) -> None:
            """Over the table at a safe height, then down; straight down when it is there already."""
            off = max(abs(here[0] - round(x)), abs(here[1] - round(y)))
            if off > (3 if here[2] < HIGH else 0):
                if here[2] < HIGH:
                    go(here[0], here[1], HIGH)
                go(x, y, HIGH)
            go(here[0], here[1], z)

        at = {k: self._at(k) for k in range(len(self.layout.things))}
        for thing, x, y, z in moves:
            ax, ay, az = at[thing]
            if held != thing:
                if not opened:
                    calls.append(ToolCall("grip", {"fingers": "open"}))
                    opened = True
                across(reachable(ax), reachable(ay), max(12, round(az)))
                calls.append(ToolCall("grip", {"fingers": "close"}))
                off = (ax - here[0], ay - here[1], az - here[2])
            else:
                off = tuple(a - v / 10 for a, v in zip((ax, ay, az), self.poses.hand[:3], strict=True))  # type: ignore[assignment]
            across(x - off[0], y - off[1], z - off[2])
            calls.append(ToolCall("grip", {"fingers": "open"}))
            held, opened = -1, True
        return calls

    def _turns_left(self) -> int:
        return len(self._path())

    def _expert_call(self) -> ToolCall:
        path = self._path()
        return path[0] if path else ToolCall("grip", {"fingers": "open"})
