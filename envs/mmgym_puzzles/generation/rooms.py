"""Rooms and furniture seen from above, in whole centimetres; overlaps and bounds are decided exactly.

x goes to the right and y down, from the upper left corner. An angle says which way the front looks, clockwise from up:
0 up, 90 right, 180 down, 270 left; it is a multiple of 15. Directions are integers out of `UNIT`, so every comparison
is one of whole numbers and comes out the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "DIRECTIONS",
    "DOOR",
    "KINDS",
    "SMALL",
    "TURN",
    "UNIT",
    "WALLS",
    "Kind",
    "Place",
    "Room",
    "collisions",
    "door_zone",
    "is_inside",
    "offset",
    "overlap",
    "reach",
]

UNIT = 1 << 14
"""Length of a direction."""
TURN = 15
"""Angles are multiples of this many degrees."""
DIRECTIONS = {
    angle: (round(UNIT * math.sin(math.radians(angle))), -round(UNIT * math.cos(math.radians(angle))))
    for angle in range(0, 360, TURN)
}
"""The direction in which the front looks, by angle."""


class Kind(NamedTuple):
    """A kind of furniture, in centimetres."""

    width: int
    """Along its front."""
    depth: int
    """From front to back."""
    height: int


KINDS: dict[str, Kind] = {
    "bed": Kind(160, 200, 50),
    "sofa": Kind(190, 85, 80),
    "wardrobe": Kind(150, 60, 200),
    "piano": Kind(146, 60, 120),
    "desk": Kind(130, 64, 75),
    "cabinet": Kind(140, 46, 55),
    "bookcase": Kind(96, 36, 190),
    "table": Kind(110, 60, 45),
    "armchair": Kind(80, 80, 85),
    "nightstand": Kind(48, 44, 55),
    "chair": Kind(50, 50, 90),
    "plant": Kind(44, 44, 110),
    "television": Kind(100, 20, 60),
    "computer": Kind(50, 24, 45),
    "lamp": Kind(28, 28, 45),
    "vase": Kind(22, 22, 35),
}
"""Furniture by name."""
SMALL = ("television", "computer", "lamp", "vase")
"""What may stand on other furniture."""
WALLS = {"upper": 180, "right": 270, "lower": 0, "left": 90}
"""Walls, and the angle of a piece that has its back to one."""
DOOR = 85
"""Width of a door, and of the square of floor before it that must stay free."""


class Place(NamedTuple):
    """Where a piece stands: its middle, and the way it looks."""

    x: int
    y: int
    angle: int


class Room(NamedTuple):
    """An empty room, in centimetres."""

    width: int
    depth: int
    door: tuple[str, int]
    """Its wall, and its middle along the wall from the left or from above."""
    window: tuple[str, int]
    """Likewise."""
    style: int
    """Number from which colours are drawn."""


def _axes(angle: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Directions along a piece's width (to its right) and depth (to its front)."""
    x, y = DIRECTIONS[angle]
    return (-y, x), (x, y)


def reach(kind: Kind, angle: int, direction: tuple[int, int]) -> int:
    """Half the length of a piece's shadow on a direction, times 2 x UNIT x UNIT."""
    (ax, ay), (bx, by) = _axes(angle)
    x, y = direction
    return kind.width * abs(ax * x + ay * y) + kind.depth * abs(bx * x + by * y)


def is_inside(room: Room, kind: Kind, place: Place) -> bool:
    """Whether a piece lies in the room wholly; touching a wall is allowed."""
    across, down = reach(kind, place.angle, (UNIT, 0)), reach(kind, place.angle, (0, UNIT))
    scale = 2 * UNIT * UNIT
    return (
        place.x * scale >= across
        and (room.width - place.x) * scale >= across
        and place.y * scale >= down
        and (room.depth - place.y) * scale >= down
    )


def overlap(kind: Kind, place: Place, other_kind: Kind, other: Place) -> bool:
    """Whether two pieces overlap, by the separating axis theorem; touching is allowed."""
    dx, dy = other.x - place.x, other.y - place.y
    if 4 * (dx * dx + dy * dy) > (sum(kind[:2]) + sum(other_kind[:2])) ** 2:
        return False
    for x, y in (*_axes(place.angle), *_axes(other.angle)):
        shadows = reach(kind, place.angle, (x, y)) + reach(other_kind, other.angle, (x, y))
        if 2 * UNIT * abs(dx * x + dy * y) >= shadows:
            return False
    return True


def offset(place: Place, other: Place) -> tuple[int, int]:
    """How far `other` is to the right of a piece, as the piece looks, and before it; in centimetres times UNIT."""
    (ax, ay), (bx, by) = _axes(place.angle)
    dx, dy = other.x - place.x, other.y - place.y
    return dx * ax + dy * ay, dx * bx + dy * by


def door_zone(room: Room) -> tuple[Kind, Place]:
    """The floor before the door, as if it were furniture."""
    wall, middle = room.door
    half = DOOR // 2 + 1
    x, y = {
        "upper": (middle, half),
        "lower": (middle, room.depth - half),
        "left": (half, middle),
        "right": (room.width - half, middle),
    }[wall]
    return Kind(DOOR, DOOR, 0), Place(x, y, 0)


def collisions(room: Room, places: Mapping[str, Place], stacked: Mapping[str, str]) -> set[str]:
    """Names of the pieces that overlap one another, stand before the door, or lie outside the room.

    Args:
        room: where they stand.
        places: where each piece stands, by name.
        stacked: for a small piece that is to stand on another, that one's name: these two may overlap.
    """
    found: set[str] = set()
    zone, zone_place = door_zone(room)
    names = list(places)
    for k, name in enumerate(names):
        kind, place = KINDS[name], places[name]
        if not is_inside(room, kind, place) or overlap(kind, place, zone, zone_place):
            found.add(name)
        for other in names[:k]:
            together = other == stacked.get(name) or name == stacked.get(other)
            if not together and overlap(kind, place, KINDS[other], places[other]):
                found |= {name, other}
    return found
