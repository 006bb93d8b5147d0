"""When the user is busy: the hours of the calendar's events, which invitations by mail have to know as well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from mmgym_web.webnav.kit.world import World

__all__ = ["DAY_END", "DAY_START", "Dice", "Slot", "busy_slots", "clock", "monday", "weekly_slot"]

T = TypeVar("T")
Slot = tuple[dt.date, int, int]
"""A day, and the minutes after midnight at which something begins and ends."""
DAY_START, DAY_END = 8 * 60, 18 * 60
"""Minutes after midnight between which the views show a day."""


class Dice:
    """Many small draws at the price of one: whole numbers drawn from a generator all at once."""

    def __init__(self, rng: np.random.Generator, size: int = 6000):
        self._numbers: Iterator[int] = iter(rng.integers(0, 1 << 31, size).tolist())

    def number(self, end: int) -> int:
        """A number from 0 to `end` - 1."""
        return next(self._numbers) % end

    def pick(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[next(self._numbers) % len(choices)]

    def sample(self, choices: Sequence[T], count: int) -> list[T]:
        """`count` different ones of several, in random order."""
        rest = list(choices)
        return [rest.pop(next(self._numbers) % len(rest)) for _ in range(count)]

    def texts(self, make: Callable[[int], str]) -> Callable[[np.random.Generator], str]:
        """What `World.distinct` draws with: texts by number."""
        return lambda _: make(next(self._numbers))


def clock(minutes: int) -> str:
    """Minutes after midnight as ``HH:MM``."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def monday(day: dt.date) -> dt.date:
    """The Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())


def weekly_slot(world: World) -> tuple[int, int, int]:
    """Weekday (0 is Monday), start and end of the event that repeats every week."""
    dice = Dice(world.rng("calendar", "weekly"), 2)
    start = 60 * (9 + dice.number(8))
    return dice.number(5), start, start + 60


def busy_slots(world: World) -> list[Slot]:
    """When single events take place: two to four a working day for three weeks, never two at the same time."""
    dice, first = Dice(world.rng("calendar", "slots"), 2000), monday(world.now.date())
    weekday, *weekly = weekly_slot(world)
    slots = list[Slot]()
    for offset in range(-7, 19):
        day = first + dt.timedelta(days=offset)
        if day.weekday() > 4 or (offset < 0 and dice.number(2)):
            continue
        taken = [(weekly[0], weekly[1])] if day.weekday() == weekday else []
        for _ in range(2 + dice.number(3)):
            start = DAY_START + 30 * dice.number(18)
            end = start + dice.pick((60, 60, 60, 90))
            if end <= DAY_END and all(end <= a or start >= b for a, b in taken):
                taken.append((start, end))
                slots.append((day, start, end))
    return sorted(slots)
