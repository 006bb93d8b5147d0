"""A calendar: days, weeks and months, events with guests and colours, invitations, things to do, and who is busy."""

from __future__ import annotations

import datetime as dt
import functools
import sqlite3
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import page
from mmgym_web.webnav.sites.calendar.content import COLOURS, fill
from mmgym_web.webnav.sites.calendar.editing import Editing, parse_day
from mmgym_web.webnav.sites.calendar.office import Office
from mmgym_web.webnav.sites.calendar.plan import monday

__all__ = ["Calendar", "Occurrence"]

FIRST_HOUR, LAST_HOUR = 8, 20
HOUR_HEIGHT = 32
"""Height of an hour in the views, in CSS pixels."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_PER_PAGE = 12


@dataclass(frozen=True)
class Occurrence:
    """An event on one day, and where a view of the day draws it."""

    event: sqlite3.Row
    day: dt.date
    top: int
    height: int
    lane: int
    """0, or the number of earlier events that it overlaps."""


class Calendar(Editing, Office):
    """The calendar of the world's user."""

    name, title = "calendar", "Daybook"
    known_by: ClassVar = {"calendar_guests": ("event", "email")}
    menu = (
        ("Week", "/week"), ("Day", "/day"), ("Month", "/month"), ("Events", "/events"), ("Invitations", "/invitations"),
        ("To do", "/todos"), ("Availability", "/availability"), ("Statistics", "/statistics"), ("Bin", "/bin"),
        ("Settings", "/settings"),
    )  # fmt: skip
    schema = """
        CREATE TABLE calendar_events (
            id INTEGER PRIMARY KEY, title TEXT, day TEXT, start INTEGER, end INTEGER, place TEXT, hue INTEGER,
            weekly INTEGER, note TEXT, organiser TEXT, reply TEXT, deleted INTEGER);
        CREATE TABLE calendar_guests (event INTEGER, email TEXT, UNIQUE (event, email));
        CREATE TABLE calendar_people (name TEXT, email TEXT);
        CREATE TABLE calendar_todos (id INTEGER PRIMARY KEY, title TEXT, due TEXT, priority INTEGER, done INTEGER);
        CREATE TABLE calendar_busy (email TEXT, day TEXT, start INTEGER, end INTEGER);
        CREATE TABLE calendar_hours (month INTEGER, hours INTEGER);
        CREATE TABLE calendar_settings (id INTEGER PRIMARY KEY, view TEXT, length INTEGER, reminder INTEGER);
    """

    def populate(self) -> None:
        """Fill the calendar."""
        fill(self)

    # --- what the templates use ---

    def colour(self, hue: int) -> str:
        """A colour of events as CSS; which number is which differs from world to world."""
        return self._colours[hue][1]

    def colour_name(self, hue: int) -> str:
        """What people call that colour."""
        return self._colours[hue][0]

    @functools.cached_property
    def _colours(self) -> list[tuple[str, str]]:
        return [COLOURS[k] for k in self.world.rng("calendar", "colours").permutation(len(COLOURS))]

    def weekday(self, day: dt.date) -> str:
        """The name of a day's weekday."""
        return self.t(_WEEKDAYS[day.weekday()])

    def month_name(self, day: dt.date) -> str:
        """The name of a day's month."""
        return self.t(_MONTHS[day.month - 1])

    def long_day(self, day: dt.date | str) -> str:
        """A day in words."""
        day = dt.date.fromisoformat(day) if isinstance(day, str) else day
        return f"{self.weekday(day)}, {day.day} {self.month_name(day)} {day.year}"

    # --- views ---

    def occurrences(self, first: dt.date, days: int) -> dict[dt.date, list[Occurrence]]:
        """What takes place on each day from `first` on, in order; declined invitations are left out."""
        last = first + dt.timedelta(days=days - 1)
        events = self.rows(
            "SELECT * FROM calendar_events WHERE deleted = 0 AND reply != 'declined' AND day <= ? "
            "AND (weekly = 1 OR day >= ?) ORDER BY start, end, id",
            *(str(last), str(first)),
        )
        found: dict[dt.date, list[Occurrence]] = {first + dt.timedelta(days=k): [] for k in range(days)}
        for event in events:
            begins = dt.date.fromisoformat(event["day"])
            for day, there in found.items():
                if day == begins or (event["weekly"] and day > begins and day.weekday() == begins.weekday()):
                    lane = sum(event["start"] < other.event["end"] for other in there)
                    top = (event["start"] - 60 * FIRST_HOUR) * HOUR_HEIGHT // 60
                    height = (event["end"] - event["start"]) * HOUR_HEIGHT // 60
                    there.append(Occurrence(event, day, top, height - 2, min(lane, 2)))
        return found

    @page("/")
    async def home(self, request: Request) -> Response:
        """The view that the settings name."""
        view = self.value("SELECT view FROM calendar_settings")
        return self._month(request) if view == "month" else self._days(request, view)

    @page("/week")
    async def week(self, request: Request) -> Response:
        """Monday to Friday."""
        return self._days(request, "week")

    @page("/day")
    async def day(self, request: Request) -> Response:
        """One day."""
        return self._days(request, "day")

    def _shown_day(self, request: Request) -> dt.date:
        return parse_day(request.query_params.get("day", "")) or self.world.now.date()

    def _days(self, request: Request, view: str) -> Response:
        day = self._shown_day(request)
        first, count, step = (monday(day), 5, 7) if view == "week" else (day, 1, 1)
        return self.render(
            "days.html", request, view=view, first=first, found=self.occurrences(first, count),
            before=first - dt.timedelta(days=step), after=first + dt.timedelta(days=step),
            hours=range(FIRST_HOUR, LAST_HOUR), hour_height=HOUR_HEIGHT,
        )  # fmt: skip

    @page("/month")
    async def month(self, request: Request) -> Response:
        """A month."""
        return self._month(request)

    def _month(self, request: Request) -> Response:
        day = self._shown_day(request).replace(day=1)
        after = (day + dt.timedelta(days=31)).replace(day=1)
        first = monday(day)
        weeks = (after - first).days // 7 + (1 if (after - first).days % 7 else 0)
        found = list(self.occurrences(first, 7 * weeks).items())
        rows = [found[7 * k : 7 * k + 7] for k in range(weeks)]
        before = (day - dt.timedelta(days=1)).replace(day=1)
        return self.render("month.html", request, month=day, rows=rows, before=before, after=after)

    @page("/events")
    async def events(self, request: Request) -> Response:
        """Coming events as a list, with a search in titles, places and guests."""
        text = request.query_params.get("q", "").strip()
        number = request.query_params.get("page", "1")
        shown = max(1, int(number)) if number.isdecimal() and len(number) < 6 else 1
        where = (
            "deleted = 0 AND reply != 'declined' AND (weekly = 1 OR day >= ?) AND (title LIKE ? OR place LIKE ? OR "
            "id IN "
            "(SELECT event FROM calendar_guests g JOIN calendar_people p USING (email) WHERE p.name LIKE ?))"
        )
        values: tuple[Any, ...] = (str(self.world.now.date()), *[f"%{text}%"] * 3)
        total = self.value(f"SELECT COUNT(*) FROM calendar_events WHERE {where}", *values)
        events = self.rows(
            f"SELECT * FROM calendar_events WHERE {where} ORDER BY day, start, id LIMIT ? OFFSET ?",
            *(*values, _PER_PAGE, _PER_PAGE * (shown - 1)),
        )
        return self.render(
            "events.html",
            request,
            events=events,
            text=text,
            number=shown,
            pages=max(1, -(-total // _PER_PAGE)),
            total=total,
        )
