"""The pages of a calendar on which events are read, made, changed and deleted."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from typing import Any, ClassVar

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.calendar.plan import clock

__all__ = ["Editing", "parse_day"]


def parse_day(text: str) -> dt.date | None:
    """A date written YYYY-MM-DD from 2000 to 2099, or None."""
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", text.strip()):
        return None
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:  # such as 2026-02-31
        return None


class Editing(Site):
    """Events and the bin."""

    starts: ClassVar[tuple[int, ...]] = tuple(range(7 * 60, 21 * 60, 15))
    """When an event may begin, in minutes after midnight."""
    lengths: ClassVar[dict[int, str]] = {
        30: "30 min",
        45: "45 min",
        60: "1 h",
        90: "1 h 30 min",
        120: "2 h",
        180: "3 h",
    }
    """How long it may last, in minutes, and as the form says it."""

    def clock(self, minutes: int) -> str:
        """Minutes after midnight as ``HH:MM``."""
        return clock(minutes)

    def person(self, email: str) -> str:
        """The name that belongs to an address."""
        found = self.rows("SELECT name FROM calendar_people WHERE email = ?", email)
        return str(found[0]["name"]) if found else email

    def guests(self, event: int) -> list[str]:
        """Names of an event's guests."""
        rows = self.rows("SELECT email FROM calendar_guests WHERE event = ? ORDER BY rowid", event)
        return [self.person(row["email"]) for row in rows]

    def event_at(self, request: Request) -> sqlite3.Row:
        """The event that a request is about."""
        return self.row("SELECT * FROM calendar_events WHERE id = ?", request.path_params["id"])

    @page("/event/new")
    async def new(self, request: Request) -> Response:
        """The form of a new event."""
        query = request.query_params
        start = int(query["start"]) if query.get("start", "").isdecimal() else 9 * 60
        day = parse_day(query.get("day", ""))
        length = self.value("SELECT length FROM calendar_settings")
        blank = {
            "title": "", "day": str(day) if day else "", "start": start, "length": length, "place": "", "hue": 0,
            "weekly": 0, "note": "", "guests": "",
        }  # fmt: skip
        return self.render("event_form.html", request, event=blank, id=0, error="")

    @page("/event/{id:int}")
    async def event(self, request: Request) -> Response:
        """An event."""
        return self.render("event.html", request, event=self.event_at(request))

    @page("/event/{id:int}/edit")
    async def edit(self, request: Request) -> Response:
        """The form of an event."""
        event = self.event_at(request)
        values = dict(event) | {"length": event["end"] - event["start"], "guests": ", ".join(self.guests(event["id"]))}
        return self.render("event_form.html", request, event=values, id=event["id"], error="")

    @page("/event/{id:int}/save", "POST")
    async def save(self, request: Request) -> Response:
        """Keep an event; 0 is a new one."""
        event, values = int(request.path_params["id"]), _read(await request.form())
        day = parse_day(values["day"])
        emails = {row["name"].casefold(): row["email"] for row in self.rows("SELECT * FROM calendar_people")}
        entries = [entry.strip() for entry in re.split("[,;]", values["guests"]) if entry.strip()]
        guests = [emails.get(entry.casefold(), entry.casefold()) for entry in entries]
        stranger = next((entry for entry in guests if "@" not in entry), "")
        error = ""
        if not values["title"]:
            error = self.t("Please give a title.")
        elif day is None:
            error = self.t("Please write the date as YYYY-MM-DD.")
        elif stranger:
            error = self.t("Nobody here is called {entry}.", entry=stranger)
        elif values["start"] not in self.starts or not 0 < values["length"] <= 600 or not 0 <= values["hue"] < 7:
            error = self.t("Please check the times.")
        if error:
            return self.render("event_form.html", request, 422, event=values, id=event, error=error)
        row = {name: values[name] for name in ("title", "start", "place", "hue", "weekly", "note")}
        row |= {"day": str(day), "end": values["start"] + values["length"]}
        if event:
            marks = ", ".join(f"{name} = ?" for name in row)
            self.run(f"UPDATE calendar_events SET {marks} WHERE id = ?", *row.values(), self.event_at(request)["id"])
        else:
            self.insert("calendar_events", [row | {"organiser": self.world.me.email, "reply": "", "deleted": 0}])
            event = int(self.value("SELECT MAX(id) FROM calendar_events"))
        self._invite(event, guests)
        self.flash(request, self.t("The event was saved."))
        return self.redirect(f"/event/{event}")

    def _invite(self, event: int, guests: list[str]) -> None:
        """Make these the guests; those who were invited before keep their rows."""
        before = [row["email"] for row in self.rows("SELECT email FROM calendar_guests WHERE event = ?", event)]
        for email in before:
            if email not in guests:
                self.run("DELETE FROM calendar_guests WHERE event = ? AND email = ?", event, email)
        for email in dict.fromkeys(guests):
            if email not in before:
                self.run("INSERT INTO calendar_guests (event, email) VALUES (?, ?)", event, email)

    @page("/event/{id:int}/delete")
    async def really_delete(self, request: Request) -> Response:
        """Ask before an event is deleted."""
        return self.render("delete.html", request, event=self.event_at(request))

    @page("/event/{id:int}/delete", "POST")
    async def delete(self, request: Request) -> Response:
        """Put an event into the bin."""
        event = self.event_at(request)
        self.run("UPDATE calendar_events SET deleted = 1 WHERE id = ?", event["id"])
        self.flash(request, self.t("“{title}” is in the bin now.", title=event["title"]))
        return self.redirect(f"/week?day={event['day']}")

    @page("/bin")
    async def bin(self, request: Request) -> Response:
        """Deleted events."""
        events = self.rows("SELECT * FROM calendar_events WHERE deleted = 1 ORDER BY title")
        return self.render("bin.html", request, events=events)

    @page("/event/{id:int}/restore", "POST")
    async def restore(self, request: Request) -> Response:
        """Take an event out of the bin."""
        event = self.event_at(request)
        self.run("UPDATE calendar_events SET deleted = 0 WHERE id = ?", event["id"])
        self.flash(request, self.t("“{title}” is back.", title=event["title"]))
        return self.redirect("/bin")


def _read(form: FormData) -> dict[str, Any]:
    """The fields of the form of an event; a number that is none becomes -1."""
    values: dict[str, Any] = {
        name: str(form.get(name) or "").strip() for name in ("title", "day", "place", "guests", "note")
    }
    for name, default in (("start", "-1"), ("length", "-1"), ("hue", "0"), ("weekly", "0")):
        text = str(form.get(name, default))
        values[name] = int(text) if text.isdecimal() and len(text) < 6 else -1
    values["weekly"] = int(values["weekly"] == 1)
    values["note"] = values["note"].replace("\r\n", "\n")
    return values
