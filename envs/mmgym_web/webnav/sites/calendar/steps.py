"""What the tasks and experts of the calendar share: finding an event to ask about, and filling in the form."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.sites.calendar.editing import Editing, parse_day
from mmgym_web.webnav.sites.calendar.plan import clock, monday
from mmgym_web.webnav.sites.calendar.words import CODENAMES, KINDS, event_title

__all__ = [
    *(
        "choose_day",
        "day_words",
        "fill_event",
        "free_hour",
        "new_title",
        "open_event",
        "pick_event",
        "show_day",
        "this_week",
    ),
]


def new_title(episode: Episode, rng: np.random.Generator) -> str:
    """A title that no event has."""
    known = {row["title"] for row in episode.db.execute("SELECT title FROM calendar_events")}
    count = len(CODENAMES) * len(KINDS)
    titles = episode.world.distinct(rng, lambda r: event_title(int(r.integers(count))), 3)
    fresh = [title for title in titles if title not in known]
    if not fresh:
        raise Redraw("all titles are taken")
    return fresh[0]


def this_week(episode: Episode) -> dt.date:
    """The Monday of the present week."""
    return monday(episode.world.now.date())


def pick_event(episode: Episode, rng: np.random.Generator, first: dt.date, days: int, where: str = "1") -> sqlite3.Row:
    """A single event of the user's own on one of `days` days from `first` on.

    Raises:
        Redraw: when there is none.
    """
    rows = episode.db.execute(
        "SELECT * FROM calendar_events WHERE deleted = 0 AND weekly = 0 AND reply = '' AND day >= ? AND day < ? "
        f"AND ({where}) ORDER BY id",
        (str(first), str(first + dt.timedelta(days=days))),
    ).fetchall()
    if not rows:
        raise Redraw("no such event")
    row: sqlite3.Row = rows[int(rng.integers(len(rows)))]
    return row


def free_hour(episode: Episode, email: str, day: dt.date) -> int:
    """The only hour from 9 to 18 at which a colleague is free on a day, in minutes after midnight."""
    sql = "SELECT * FROM calendar_busy WHERE email = ? AND day = ?"
    rows = episode.db.execute(sql, (email, str(day))).fetchall()
    free = [h for h in range(540, 1080, 60) if not any(row["start"] < h + 60 and h < row["end"] for row in rows)]
    assert len(free) == 1
    return free[0]


def day_words(day: str) -> str:
    """A date as instructions write it."""
    return f"{dt.date.fromisoformat(day):%A} ({day})"


def show_day(g: Guide, day: str) -> Iterator[ToolCall]:
    """Go to the week of a day, week by week from the one that is shown."""
    wanted, site = monday(dt.date.fromisoformat(day)), g.episode.site("calendar")
    if g.find(".days a[href]", href=site.url(f"/day?day={day}")):
        return
    if g.site != "calendar" or not (g.path == "/" or g.path.startswith("/week")):
        yield from g.visit("calendar", "/week")
    shown = monday(parse_day(g.path.partition("day=")[2]) or g.world.now.date())
    if abs(wanted - shown) > dt.timedelta(days=28):
        yield from g.visit("calendar", "/week")
    step = dt.timedelta(days=7 if wanted > shown else -7)
    yield from g.visit("calendar", f"/week?day={shown + step}")


def open_event(g: Guide, event: int, day: str) -> Iterator[ToolCall]:
    """Go to the page of an event by the week in which it takes place."""
    path = f"/event/{event}"
    if not g.at("calendar", path):
        if not (g.site == "calendar" and g.find("a[href]", href=g.episode.site("calendar").url(path))):
            yield from show_day(g, day)
        yield from g.visit("calendar", path)


def choose_day(g: Guide, day: str) -> Iterator[ToolCall]:
    """Choose a day on the page about busy hours."""
    site = g.episode.site("calendar")
    label = f"{site.t(f'{dt.date.fromisoformat(day):%A}')}, {day}"
    yield from g.choose("select[name=day]", label)
    yield from g.click("select[name=day] + button")


def fill_event(g: Guide, path: str, values: dict[str, Any]) -> Iterator[ToolCall]:
    """Fill in the form of an event at `path`, mend what is wrong in other fields, and save it.

    Args:
        g: the guide.
        path: ``/event/new`` or ``/event/ID/edit``.
        values: any of ``title``, ``day``, ``place``, ``guests``, ``start``, ``end``, ``weekly``.
    """
    # A form that came back with an error is at another address, which ends with "/save".
    if not g.path.endswith("/save") and not (g.site == "calendar" and g.path.split("?")[0] == path):
        yield from g.visit("calendar", path)
    values = _as_it_is(g, path) | values
    for name in ("title", "day", "place", "guests", "note"):
        if name in values:
            yield from g.fill(f"#{name}", str(values[name]))
    if "start" in values:
        yield from g.choose("#start", clock(values["start"]))
    if "weekly" in values:
        yield from g.choose("#weekly", "Every week" if values["weekly"] else "Never")
    length = values["end"] - values["start"] if "end" in values else values.get("length")
    if length:
        yield from g.choose("#length", Editing.lengths[length])
    yield from g.click("main form[method=post] button")


def _as_it_is(g: Guide, path: str) -> dict[str, Any]:
    """What the form at `path` holds when nobody has changed it."""
    if path == "/event/new":
        return {"guests": ""}
    event = g.db.execute("SELECT * FROM calendar_events WHERE id = ?", (int(path.split("/")[2]),)).fetchone()
    sql = "SELECT name FROM calendar_guests JOIN calendar_people USING (email) WHERE event = ? ORDER BY "
    guests = [row["name"] for row in g.db.execute(f"{sql} calendar_guests.rowid", (event["id"],))]
    kept = {name: event[name] for name in ("title", "day", "place", "note", "start")}
    return kept | {"guests": ", ".join(guests), "length": event["end"] - event["start"]}
