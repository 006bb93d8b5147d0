"""A furnished home: rooms with doors between them, what stands where, and what one is to go to.

Lengths are whole centimetres, x to the right and y up from the lower left corner of the map, unless they are cells of
25 cm. Sides are numbered clockwise from up: 0 up, 1 right, 2 down, 3 left.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

from mmgym_puzzles.first_person.furnishings import KINDS, Kind, named
from mmgym_puzzles.first_person.walks import CELL, Ground, Rectangle

__all__ = [
    "BESIDE",
    "DOOR",
    "HEIGHT",
    "LINTEL",
    "WALL",
    "Home",
    "Piece",
    "Room",
    "Wall",
    "area_of",
    "from_json",
    "gap",
    "ground_of",
    "kind_of",
    "phrase",
    "room_area",
    "to_json",
    "wall_areas",
]

WALL = 5
"""Half of the thickness of a wall."""
DOOR = 4
"""Width of a door in cells."""
HEIGHT, LINTEL = 250, 210
"""Heights of rooms and of doors."""
BESIDE = 40
"""The widest gap between two things that are beside each other. Others of a described kind are farther away."""

Room = tuple[int, int, int, int]
"""Left, lower, right and upper side in cells."""


class Wall(NamedTuple):
    """A wall between two rooms, in cells."""

    upright: bool
    """Whether it goes up on the map; else it goes to the right."""
    at: int
    """Its x if it is upright, else its y."""
    low: int
    high: int
    """Where it begins and ends."""
    door: int
    """Where its door begins; -1 if it has none."""


class Piece(NamedTuple):
    """A piece of furniture."""

    kind: int
    color: int
    x: int
    y: int
    """Its middle."""
    side: int
    """Where its front looks."""


class Home(NamedTuple):
    """An instance."""

    look: str
    style: int
    """Number that decides walls, floors and windows."""
    rooms: tuple[Room, ...]
    walls: tuple[Wall, ...]
    pieces: tuple[Piece, ...]
    """The first is the target; the second the one that a relation names."""
    form: str
    """How the target is described: a key of `_PHRASES`."""
    start: tuple[int, int]
    """Cell and heading."""

    @property
    def columns(self) -> int:
        """Cells along."""
        return max(room[2] for room in self.rooms)

    @property
    def rows(self) -> int:
        """Cells up."""
        return max(room[3] for room in self.rooms)


def to_json(home: Home) -> dict[str, Any]:
    """A home as JSON-able values."""
    return {name: [list(p) for p in v] if name in _NESTED else v for name, v in home._asdict().items()}


def from_json(values: dict[str, Any]) -> Home:
    """The inverse of `to_json`."""
    parts = {**values, "start": tuple(values["start"]), "rooms": tuple(map(tuple, values["rooms"]))}
    parts["walls"] = tuple(Wall(*wall) for wall in values["walls"])
    parts["pieces"] = tuple(Piece(*piece) for piece in values["pieces"])
    return Home(**parts)


_NESTED = ("rooms", "walls", "pieces")


def kind_of(look: str, kind: int) -> Kind:
    """A kind by its number."""
    return _kinds(look)[kind]


@lru_cache(maxsize=4)
def _kinds(look: str) -> list[Kind]:
    return list(KINDS[look].values())


def area_of(look: str, piece: Piece) -> Rectangle:
    """The floor that a piece covers."""
    kind = _kinds(look)[piece.kind]
    wide, deep = (kind.depth, kind.width) if piece.side % 2 else (kind.width, kind.depth)
    return piece.x - wide / 2, piece.y - deep / 2, piece.x + wide / 2, piece.y + deep / 2


def gap(one: Rectangle, other: Rectangle) -> float:
    """The distance between two rectangles; 0 where they touch or overlap."""
    across = max(one[0] - other[2], other[0] - one[2], 0.0)
    up = max(one[1] - other[3], other[1] - one[3], 0.0)
    return math.hypot(across, up)


def room_area(room: Room) -> Rectangle:
    """The floor of a room, without its walls."""
    left, lower, right, upper = room
    return left * CELL + WALL, lower * CELL + WALL, right * CELL - WALL, upper * CELL - WALL


def wall_areas(wall: Wall) -> list[tuple[Rectangle, bool]]:
    """The parts of a wall between rooms: the floor that each covers, and whether it is only the lintel over a door."""
    cuts = [(wall.low, wall.high, False)]
    if wall.door >= 0:
        end = wall.door + DOOR
        cuts = [(wall.low, wall.door, False), (wall.door, end, True), (end, wall.high, False)]
    at, parts = wall.at * CELL, list[tuple[Rectangle, bool]]()
    for low, high, over in cuts:
        if low < high:
            along = (low * CELL, high * CELL)
            area = (
                (at - WALL, along[0], at + WALL, along[1])
                if wall.upright
                else (along[0], at - WALL, along[1], at + WALL)
            )
            parts.append((area, over))
    return parts


def ground_of(home: Home) -> Ground:
    """Where one can walk in a home."""
    walls = (area for wall in home.walls for area, over in wall_areas(wall) if not over)
    return Ground(home.columns, home.rows, [*walls, *(area_of(home.look, piece) for piece in home.pieces)])


_PHRASES = {
    "kind": "the {target}",
    "use": "{use}",
    "colored": "the {colored}",
    "beside": "the {target} beside the {other}",
    "room": "the {target} in the room with the {other}",
    "colored_beside": "the {colored} beside the {other_colored}",
    "colored_room": "the {colored} in the room with the {other_colored}",
}


def phrase(home: Home) -> str:
    """The target in words."""
    target, other = home.pieces[0], home.pieces[min(1, len(home.pieces) - 1)]
    return _PHRASES[home.form].format(
        target=named(home.look, target.kind),
        colored=named(home.look, target.kind, target.color),
        use=_kinds(home.look)[target.kind].use,
        other=named(home.look, other.kind),
        other_colored=named(home.look, other.kind, other.color),
    )
