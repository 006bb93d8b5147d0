"""Draws homes: rooms, what stands in them so that the task names one thing alone, and a place for each piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmgym_puzzles.first_person.furnishings import COLORS, KINDS
from mmgym_puzzles.first_person.home import (
    BESIDE,
    DOOR,
    Piece,
    Room,
    Wall,
    area_of,
    gap,
    kind_of,
    room_area,
)
from mmgym_puzzles.first_person.walks import CELL, Rectangle

__all__ = ["Inventory", "Rooms", "Walk", "draw_inventory", "place"]

TRIES = 20
"""Places tried for a piece before the whole home is drawn again."""
_ROOM = 5
"""The narrowest gap between two pieces."""
_APART = 110
"""The narrowest gap between a thing that the task names and the like of what it is said to be beside."""


@dataclass(frozen=True)
class Walk:
    """How one walks and sees, and when one has arrived."""

    reach: int = 150
    """How near, in centimetres, one has to be to the middle of the target."""
    stop: bool = True
    """Whether one has to say that one is there; else the episode ends by itself within reach."""
    unit: int = 45
    """Degrees of the smallest turn."""
    turn: int = 180
    """Degrees of the largest turn of one call."""
    stride: int = 10
    """Most steps of one call."""
    view: int = 80
    """Field of view in degrees."""


@dataclass(frozen=True)
class Rooms:
    """What homes to draw."""

    rooms: int
    """Rooms, from 1 to 4."""
    side: tuple[int, int]
    """Fewest and most cells a side of a room."""
    pieces: tuple[int, int]
    """Fewest and most pieces of furniture."""
    forms: tuple[str, ...]
    """How the target may be described."""
    alike: int
    """Other pieces of the target's kind."""
    calls: tuple[int, int]
    """Fewest and most calls of the shortest way."""
    turns: int
    """Turns until the episode is truncated."""
    map: bool = False
    """Whether there is a map in the picture."""
    walk: Walk = Walk()
    """How one walks, and what success is."""
    look: str = "usual"
    """One of `furnishings.LOOKS`."""


class Item(NamedTuple):
    """A piece that has no place yet."""

    kind: int
    color: int
    room: int
    beside: int
    """Number of the piece that it stands beside, or -1."""


class Inventory(NamedTuple):
    """What a home has, before anything has its place."""

    look: str
    rooms: tuple[Room, ...]
    walls: tuple[Wall, ...]
    items: tuple[Item, ...]
    """The target first, then the one that a relation names, then those that are like them, then others."""
    form: str
    apart: tuple[tuple[int, int], ...]
    """Pairs of items that must stand far from each other."""


def draw_inventory(rng: np.random.Generator, settings: Rooms) -> Inventory:
    """Draw rooms and what stands in them."""
    chance = iter(rng.random(32 + 4 * settings.pieces[1]).tolist()).__next__

    def pick(count: int) -> int:
        return int(chance() * count)

    rooms, walls = _draw_rooms(pick, settings)
    kinds, colors = len(KINDS[settings.look]), len(COLORS[settings.look])
    form = settings.forms[pick(len(settings.forms))]
    target, color, home = pick(kinds), pick(colors), pick(len(rooms))
    anchor = (target + 1 + pick(kinds - 1)) % kinds
    other_color, away = (color + 1 + pick(colors - 1)) % colors, (home + 1 + pick(max(1, len(rooms) - 1))) % len(rooms)
    anchor_color, next_color = pick(colors), 1 + pick(colors - 1)
    items, apart = [Item(target, color, home, -1)], list[tuple[int, int]]()

    def decoy(kind: int, shade: int, room: int, beside: int = -1) -> None:
        items.append(Item(kind, shade, room, beside))

    near = form.endswith("beside")
    if near or form.endswith("room"):
        items[0] = items[0]._replace(beside=1 if near else -1)
        decoy(anchor, anchor_color, home)
    if form in ("colored", "beside", "room"):
        for _ in range(settings.alike):
            # A room that the task names holds one thing of the kind; elsewhere they look like the target.
            same = form != "colored" and pick(2) == 0
            where = pick(len(rooms)) if form != "room" else (home + 1 + pick(len(rooms) - 1)) % len(rooms)
            decoy(target, color if same else (color + 1 + pick(colors - 1)) % colors, where)
            apart += [(len(items) - 1, 1)] if form == "beside" else []
    elif form.startswith("colored_"):
        decoy(anchor, (anchor_color + next_color) % colors, away)
        decoy(target, color, away, 2 if near else -1)
        decoy(target, other_color, home)
        for _ in range(settings.alike - 2):
            decoy(target, color, away)
        apart += [(k, 1) for k in range(3, len(items)) if items[k][:2] == (target, color)] if near else []
    taken = {target} | ({anchor} if near or form.endswith("room") else set())
    fillers = [k for k in range(kinds) if k not in taken]
    count = settings.pieces[0] + pick(settings.pieces[1] - settings.pieces[0] + 1)
    held = [item.room for item in items]
    counts = [held.count(room) for room in range(len(rooms))]
    while len(items) < count:
        # A third of the others have the target's colour: colour alone does not find it.
        kind, shade = fillers[pick(len(fillers))], color if pick(3) == 0 else pick(colors)
        fewest = min(counts)
        least = [room for room, there in enumerate(counts) if there == fewest]
        room = least[pick(len(least))]
        counts[room] += 1
        items.append(Item(kind, shade, room, -1))
    return Inventory(settings.look, rooms, walls, tuple(items), form, tuple(apart))


def _draw_rooms(pick: Callable[[int], int], settings: Rooms) -> tuple[tuple[Room, ...], tuple[Wall, ...]]:
    """One room, or two to four around a cross of walls, with doors; mirrored along the diagonal half of the time."""
    low, high = settings.side
    x, y, right, up = (low + pick(high - low + 1) for _ in range(4))
    width, height = x + right, y + up

    def door(start: int, end: int) -> int:
        return start + 1 + pick(end - start - DOOR - 1)

    if settings.rooms == 1:
        rooms, walls = [(0, 0, x, y)], list[Wall]()
    elif settings.rooms == 2:
        rooms, walls = [(0, 0, x, y), (x, 0, width, y)], [Wall(True, x, 0, y, door(0, y))]
    else:
        rooms = [(x, 0, width, y), (x, y, width, height)]
        walls = [Wall(True, x, 0, y, door(0, y)), Wall(True, x, y, height, door(y, height))]
        walls.append(Wall(False, y, x, width, door(x, width)))
        rooms += [(0, 0, x, height)] if settings.rooms == 3 else [(0, 0, x, y), (0, y, x, height)]
        if settings.rooms == 4:
            walls.append(Wall(False, y, 0, x, door(0, x)))
        closed = pick(len(walls))
        walls[closed] = walls[closed]._replace(door=-1)
    if pick(2):
        rooms = [(b, a, d, c) for a, b, c, d in rooms]
        walls = [wall._replace(upright=not wall.upright) for wall in walls]
    return tuple(rooms), tuple(walls)


class _Placer:
    """Places the pieces of an inventory, one after another."""

    def __init__(self, rng: np.random.Generator, inventory: Inventory):
        self._chances = iter(rng.random(len(inventory.items) * TRIES * 4).tolist())
        self._inventory = inventory
        self._filled = [_before(wall) for wall in inventory.walls if wall.door >= 0]
        """Floor that is taken: by pieces, and what must stay free before doors."""
        self.pieces: dict[int, Piece] = {}
        self._areas: dict[int, Rectangle] = {}

    def put(self, index: int) -> bool:
        """Find a place for an item; whether there is one."""
        item = self._inventory.items[index]
        for _ in range(TRIES):
            piece = self._beside(item) if item.beside in self.pieces else self._anywhere(item)
            if self._fits(index, piece):
                self.pieces[index] = piece
                self._areas[index] = area_of(self._inventory.look, piece)
                self._filled.append(self._areas[index])
                return True
        return False

    def _between(self, low: float, high: float) -> int:
        return int(low + next(self._chances) * (high - low + 1))

    def _anywhere(self, item: Item) -> Piece:
        kind, room = kind_of(self._inventory.look, item.kind), room_area(self._inventory.rooms[item.room])
        if not kind.at_wall and next(self._chances) < 0.6:
            half = max(kind.width, kind.depth) / 2 + 45
            x, y = self._between(room[0] + half, room[2] - half), self._between(room[1] + half, room[3] - half)
            return Piece(item.kind, item.color, x, y, self._between(0, 3))
        wall, away, half = self._between(0, 3), kind.depth / 2 + self._between(2, 8), kind.width / 2 + 3
        if wall % 2 == 0:
            x = self._between(room[0] + half, room[2] - half)
            y = round(room[3] - away if wall == 0 else room[1] + away)
        else:
            y = self._between(room[1] + half, room[3] - half)
            x = round(room[2] - away if wall == 1 else room[0] + away)
        return Piece(item.kind, item.color, x, y, (wall + 2) % 4)

    def _beside(self, item: Item) -> Piece:
        """To the left or right of the other piece, with its back in line with the other's."""
        other = self.pieces[item.beside]
        kind, host = kind_of(self._inventory.look, item.kind), kind_of(self._inventory.look, other.kind)
        along = (kind.width + host.width) / 2 + self._between(6, 22)
        along, ahead = along * (1 if next(self._chances) < 0.5 else -1), (kind.depth - host.depth) / 2
        right, up = ((along, ahead), (ahead, -along), (-along, -ahead), (-ahead, along))[other.side]
        return Piece(item.kind, item.color, round(other.x + right), round(other.y + up), other.side)

    def _fits(self, index: int, piece: Piece) -> bool:
        inventory = self._inventory
        area, room = area_of(inventory.look, piece), room_area(inventory.rooms[inventory.items[index].room])
        if area[0] < room[0] or area[1] < room[1] or area[2] > room[2] or area[3] > room[3]:
            return False
        left, lower, right, upper = area[0] - _ROOM, area[1] - _ROOM, area[2] + _ROOM, area[3] + _ROOM
        for a, b, c, d in self._filled:
            if left < c and a < right and lower < d and b < upper:
                return False
        for one, other in inventory.apart:
            far = self._areas.get(other if index == one else one) if index in (one, other) else None
            if far is not None and gap(area, far) < _APART:
                return False
        item = inventory.items[index]
        return item.beside < 0 or item.beside not in self._areas or gap(area, self._areas[item.beside]) <= BESIDE


def _before(wall: Wall) -> Rectangle:
    """The floor on both sides of a door."""
    low, high, at = wall.door * CELL, (wall.door + DOOR) * CELL, wall.at * CELL
    return (at - 75, low, at + 75, high) if wall.upright else (low, at - 75, high, at + 75)


def place(rng: np.random.Generator, inventory: Inventory) -> tuple[Piece, ...] | None:
    """A place for every item, or None where they found no room: what others stand beside goes first, then the large."""
    items, look = inventory.items, inventory.look
    hosts = {item.beside for item in items}

    def order(index: int) -> tuple[bool, bool, int, int]:
        kind = kind_of(look, items[index].kind)
        return (index not in hosts, items[index].beside < 0, -kind.width * kind.depth, index)

    placer = _Placer(rng, inventory)
    if all(placer.put(index) for index in sorted(range(len(items)), key=order)):
        return tuple(placer.pieces[index] for index in range(len(items)))
    return None
