"""Which rooms of a home one may see something of, through doors, from where one stands."""

from __future__ import annotations

import math

from mmgym_puzzles.first_person.home import DOOR, Home, Wall
from mmgym_puzzles.first_person.walks import CELL

__all__ = ["room_at", "rooms_seen"]

Point = tuple[float, float]


def room_at(home: Home, x: float, y: float) -> int:
    """Number of the room at a point, in centimetres."""
    for number, (left, lower, right, upper) in enumerate(home.rooms):
        if left * CELL <= x <= right * CELL and lower * CELL <= y <= upper * CELL:
            return number
    raise ValueError(f"no room at ({x}, {y})")


def rooms_seen(home: Home, x: float, y: float) -> frozenset[int]:
    """The rooms that a line of sight from a point reaches, whichever way one looks; never too few.

    Walls are taken to be thin, so a room of which their thickness hides all may be among them.
    """
    doors = [_door(home, wall) for wall in home.walls if wall.door >= 0]
    start = room_at(home, x, y)
    seen = {start}
    # A room, the sector through which one looks into it (its middle and half its width), and the rooms on the way.
    ways: list[tuple[int, float, float, frozenset[int]]] = [(start, 0.0, math.pi, frozenset({start}))]
    while ways:
        room, middle, half, passed = ways.pop()
        for rooms, ends in doors:
            further = next((r for r in rooms if r not in passed), None)
            if room not in rooms or further is None:
                continue
            angles = [_turned(math.atan2(b - y, a - x), middle) for a, b in ends]
            low, high = min(angles), max(angles)
            if high - low > math.pi:  # behind: nothing is known of its sector, so it counts as seen
                low, high = -math.pi, math.pi
            low, high = max(low, -half), min(high, half)
            if low < high:
                seen.add(further)
                ways.append((further, middle + (low + high) / 2, (high - low) / 2, passed | {further}))
    return frozenset(seen)


def _turned(angle: float, middle: float) -> float:
    """An angle as seen from another one, from -pi to pi."""
    return (angle - middle + math.pi) % (2 * math.pi) - math.pi


def _door(home: Home, wall: Wall) -> tuple[tuple[int, int], tuple[Point, Point]]:
    """The two rooms of a door, and its two ends in centimetres."""
    at, low, high = wall.at * CELL, wall.door * CELL, (wall.door + DOOR) * CELL
    middle = (low + high) / 2
    if wall.upright:
        return (room_at(home, at - 1, middle), room_at(home, at + 1, middle)), ((at, low), (at, high))
    return (room_at(home, middle, at - 1), room_at(home, middle, at + 1)), ((low, at), (high, at))
