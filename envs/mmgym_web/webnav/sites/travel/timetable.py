"""What can be booked: rides with their days, fares and seats, and what a price trend looks like.

A ride runs every day; its fare on a day and whether it is sold out follow from its number and the day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from mmgym_web.webnav.kit.world import World

__all__ = [
    "DAYS_AHEAD",
    "MODES",
    "SEAT_LETTERS",
    "SEAT_ROWS",
    "booking_code",
    "clock",
    "day_of",
    "fare",
    "free_seats",
    "sold_out",
    "trend",
]  # fmt: skip

MODES = {"train": "Train", "coach": "Coach", "flight": "Flight"}
"""Labels of the kinds of rides."""
DAYS_AHEAD = 90
"""How far ahead rides can be booked."""
SEAT_ROWS, SEAT_LETTERS = 9, "ABCD"
"""Seats of a carriage: rows from 1, and two seats on either side of the aisle; A and D are at the windows."""
_PERCENT = (100, 90, 85, 95, 120, 125, 110)
"""Fares by weekday, from Monday, of the base price."""


def clock(minutes: int) -> str:
    """Minutes since midnight as ``HH:MM``."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def day_of(text: str) -> dt.date | None:
    """The date that a text writes as ``YYYY-MM-DD``, or None."""
    try:
        return dt.datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError:
        return None


def fare(ride: Any, day: dt.date) -> int:
    """Cents per person for a ride (a row of ``travel_rides``) on a day."""
    percent = _PERCENT[day.weekday()] + (ride["id"] * 7 + day.toordinal() * 13) % 17
    return int(ride["price"] * percent // 1000 * 10)


def sold_out(ride: Any, day: dt.date) -> bool:
    """Whether a ride is full on a day."""
    return bool((ride["id"] * 31 + day.toordinal() * 17) % 13 == 0)


def free_seats(world: World, ride: int, day: str) -> list[str]:
    """The seats that are free on a ride on a day, ``7C`` for one; one to three of them are at a window."""
    rng = world.rng("travel", "seats", ride, day)
    windows = [f"{row}{letter}" for row in range(1, SEAT_ROWS + 1) for letter in "AD"]
    aisles = [f"{row}{letter}" for row in range(1, SEAT_ROWS + 1) for letter in "BC"]
    counts = int(rng.integers(1, 4)), int(rng.integers(4, 9))
    found = [windows[i] for i in rng.permutation(len(windows))[: counts[0]]]
    return sorted(found + [aisles[i] for i in rng.permutation(len(aisles))[: counts[1]]])


def booking_code(world: World, number: int) -> str:
    """The code of the booking with this id."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "".join(letters[i] for i in world.rng("travel", "code", number).integers(len(letters), size=6))


@dataclass(frozen=True)
class Trend:
    """Mean fares of a route by month, in whole dollars."""

    fares: tuple[int, ...]
    """Twelve, from January."""


def trend(world: World, start: int, end: int) -> Trend:
    """Mean fares between two cities (their ids), by month: lowest and highest stand out, in any month."""
    rng = world.rng("travel", "trend", min(start, end), max(start, end))
    low, high = (int(i) for i in rng.permutation(12)[:2])
    fares = [int(v) for v in rng.integers(45, 76, size=12)]
    fares[low], fares[high] = int(rng.integers(20, 36)), int(rng.integers(85, 100))
    return Trend(tuple(fares))
