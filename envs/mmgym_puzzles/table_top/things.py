"""What lies on the table: kinds of things, their colours and sizes, and an instance of a task.

Lengths are millimetres, x to the right, y away from the camera, z up from the table; the workspace goes from 0 to
`REACH` in x and y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmgym.draw import Color

__all__ = ["LOOKS", "REACH", "TOP", "Kind", "Layout", "Look", "Thing", "look_of", "spread"]

REACH = 400
"""Largest x and y that the gripper reaches."""
TOP = 260
"""Largest z that the gripper reaches."""


@dataclass(frozen=True)
class Kind:
    """A kind of thing."""

    name: str
    shape: str
    """``box``, ``cylinder`` or ``sphere``, as MuJoCo names them."""
    half: tuple[float, float, float]
    """Half of its size along x, y and z in millimetres; a radius comes first, then the half of the height."""

    @property
    def height(self) -> float:
        """Height of its centre above what it stands on."""
        return {"box": self.half[2], "cylinder": self.half[1], "sphere": self.half[0]}[self.shape]


@dataclass(frozen=True)
class Look:
    """The kinds and colours of a split."""

    kinds: tuple[Kind, Kind, Kind]
    colors: tuple[tuple[str, Color], ...]
    table: Color
    texture: str


LOOKS = {
    "standard": Look(
        (
            Kind("cube", "box", (20, 20, 20)),
            Kind("ball", "sphere", (20, 0, 0)),
            Kind("can", "cylinder", (19, 25, 0)),
        ),
        (
            ("red", (214, 44, 40)),
            ("green", (44, 160, 60)),
            ("blue", (40, 90, 214)),
            ("yellow", (240, 200, 36)),
            ("purple", (142, 64, 178)),
            ("orange", (244, 134, 28)),
        ),
        (205, 178, 142),
        "wood",
    ),
    "ood": Look(
        (
            Kind("brick", "box", (22, 18, 17)),
            Kind("puck", "cylinder", (21, 13, 0)),
            Kind("tower", "box", (16, 16, 30)),
        ),
        (
            ("white", (246, 246, 244)),
            ("black", (42, 42, 48)),
            ("pink", (246, 140, 180)),
            ("cyan", (40, 190, 200)),
            ("brown", (128, 78, 44)),
            ("lime", (168, 220, 48)),
        ),
        (168, 178, 190),
        "paint",
    ),
}
"""By name: the split ``ood`` has kinds and colours that no other has."""


def look_of(split: str) -> str:
    """Name of the look of a split."""
    return "ood" if split == "ood" else "standard"


class Thing(NamedTuple):
    """One thing at the start."""

    kind: int
    """Place of its kind in the look."""
    color: int
    """Place of its colour in the look."""
    x: int
    y: int
    turn: int
    """Degrees about the vertical."""
    on: int = -1
    """The thing that it stands on, or -1 for the table."""


class Layout(NamedTuple):
    """An instance of a task."""

    things: tuple[Thing, ...]
    mats: tuple[tuple[int, int, int], ...] = ()
    """Colour, x and y of the mats."""
    goal: tuple[int, ...] = ()
    """Indices of things that the task is about; what they mean is the task's."""
    drawers: tuple[tuple[int, int, int], ...] = ()
    """Colour, x of the middle, and millimetres by which each drawer is open."""


def spread(
    rng: np.random.Generator,
    count: int,
    apart: float,
    box: tuple[int, int, int, int],
    taken: list[tuple[float, float]] | None = None,
) -> list[tuple[int, int]] | None:
    """Random places in a box (left, front, right, back) that are `apart` from each other and those taken, or None."""
    found: list[tuple[float, float]] = list(taken or ())
    first = len(found)
    for _ in range(60 * count):
        if len(found) == first + count:
            break
        x, y = int(rng.integers(box[0], box[2] + 1)), int(rng.integers(box[1], box[3] + 1))
        if all((x - a) ** 2 + (y - b) ** 2 >= apart * apart for a, b in found):
            found.append((x, y))
    places = [(int(x), int(y)) for x, y in found[first:]]
    return places if len(places) == count else None
