"""What is in the calendar of a world: events, invitations, the bin, things to do, and when colleagues are busy."""

from __future__ import annotations

import datetime as dt
from typing import Any

from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.calendar.plan import Dice, busy_slots, monday, weekly_slot
from mmgym_web.webnav.sites.calendar.words import CODENAMES, PLACES, TODOS, event_title

__all__ = ["COLOURS", "colleagues", "fill", "next_week"]

COLOURS = (
    ("red", "#d32f2f"), ("orange", "#e87500"), ("green", "#2e8b3d"), ("blue", "#1f6fd6"), ("purple", "#7b3fb5"),
    ("pink", "#e0559f"), ("brown", "#7a5230"),
)  # fmt: skip
"""Colours of events: what people call them, which no page ever does, and as CSS."""

Row = dict[str, Any]


def colleagues(world: World) -> list[tuple[str, str]]:
    """Name and address of the four people whose calendars the user may see."""
    return [(person.name, person.email) for person in world.others[:4]]


def next_week(world: World) -> list[dt.date]:
    """The five working days of next week."""
    first = monday(world.now.date()) + dt.timedelta(days=7)
    return [first + dt.timedelta(days=k) for k in range(5)]


def fill(site: Site) -> None:
    """Fill the tables of the calendar."""
    world = site.world
    dice = Dice(world.rng("calendar", "events"), 12000)
    slots = [(str(day), start, end, 0) for day, start, end in busy_slots(world)]
    weekday, start, end = weekly_slot(world)
    first = monday(world.now.date())
    slots.append((str(first + dt.timedelta(days=weekday - 14)), start, end, 1))
    away = [first + dt.timedelta(days=21 + k) for k in range(5)]  # invitations come for a week without other events
    asked = [(str(day), 60 * (9 + dice.number(8)), away.index(day)) for day in away]
    binned = [(str(dice.pick(away) + dt.timedelta(days=7)), 60 * (9 + dice.number(8))) for _ in range(4)]
    titles = world.distinct(world.rng("calendar", "titles"), dice.texts(event_title), len(slots) + 9)

    events = list[Row]()
    for k, title in enumerate(titles):
        row: Row = {
            "id": k + 1, "title": title, "day": "", "start": 0, "end": 0, "place": dice.pick(PLACES),
            "hue": dice.number(7), "weekly": 0, "note": "", "organiser": world.me.email, "reply": "", "deleted": 0,
        }  # fmt: skip
        if k < len(slots):
            row["day"], row["start"], row["end"], row["weekly"] = slots[k]
        elif k < len(slots) + 5:
            row["day"], row["start"], who = asked[k - len(slots)]
            row |= {"end": row["start"] + 60, "organiser": world.others[who].email, "reply": "pending"}
        else:
            row["day"], row["start"] = binned[k - len(slots) - 5]
            row |= {"end": row["start"] + 60, "deleted": 1}
        events.append(row)
    site.insert("calendar_events", events)
    site.insert("calendar_guests", _guests(world, dice, events))
    site.insert("calendar_people", [{"name": p.name, "email": p.email} for p in world.people])
    site.insert("calendar_todos", _todos(world, dice))
    site.insert("calendar_busy", _busy(world, dice))
    site.insert("calendar_hours", _hours(dice))
    settings = {"id": 1, "view": "week", "length": 60, "reminder": 10}
    site.insert("calendar_settings", [settings])


def _guests(world: World, dice: Dice, events: list[Row]) -> list[Row]:
    guests = [person.email for person in world.others[:8]]
    return [
        {"event": row["id"], "email": email}
        for row in events
        if not row["reply"]
        for email in sorted(dice.sample(guests, (0, 1, 1, 2)[dice.number(4)]))
    ]


def _todos(world: World, dice: Dice) -> list[Row]:
    def make(number: int) -> str:
        return f"{TODOS[number % len(TODOS)]} for {CODENAMES[number // len(TODOS) % len(CODENAMES)]}"

    today = world.now.date()
    titles = world.distinct(world.rng("calendar", "todos"), dice.texts(make), 10)
    return [
        {
            "id": k + 1, "title": title, "due": str(today + dt.timedelta(days=dice.number(30))),
            "priority": dice.number(3), "done": int(k > 7),
        }
        for k, title in enumerate(titles)
    ]  # fmt: skip


def _busy(world: World, dice: Dice) -> list[Row]:
    """Every day next week, each colleague has exactly one free hour from 9 to 18, and three or four meetings."""
    rows = list[Row]()
    for _, email in colleagues(world):
        for day in next_week(world):
            free, hour = 9 + dice.number(9), 9
            while hour < 18:
                stop = min(hour + 1 + dice.number(3), free if hour < free else 18)
                if hour == free:
                    stop = hour = hour + 1
                elif stop > hour:
                    rows.append({"email": email, "day": str(day), "start": 60 * hour, "end": 60 * stop})
                hour = stop
    return rows


def _hours(dice: Dice) -> list[Row]:
    """Hours of meetings in each month of last year: one month stands out above, one below."""
    high, low = dice.sample(range(12), 2)
    hours = [22 + dice.number(26) for _ in range(12)]
    hours[high], hours[low] = 58 + dice.number(8), 6 + dice.number(8)
    return [{"month": k + 1, "hours": value} for k, value in enumerate(hours)]
