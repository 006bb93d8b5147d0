"""The pages of a calendar around the events: invitations, things to do, who is busy when, statistics, settings."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.calendar.content import colleagues, next_week
from mmgym_web.webnav.sites.calendar.editing import parse_day
from mmgym_web.webnav.sites.calendar.pictures import busy_picture, png

__all__ = ["Office"]


class Office(Site):
    """Invitations, things to do, availability, statistics, settings."""

    priorities: ClassVar[tuple[str, ...]] = ("Low", "Normal", "High")
    """Labels of priorities, by number."""
    view_labels: ClassVar[dict[str, str]] = {"week": "Week", "day": "Day", "month": "Month"}
    """Views to begin with, and their labels."""

    @page("/invitations")
    async def invitations(self, request: Request) -> Response:
        """Events of other people to which the user is invited."""
        events = self.rows("SELECT * FROM calendar_events WHERE reply != '' AND deleted = 0 ORDER BY title")
        return self.render("invitations.html", request, events=events)

    @page("/event/{id:int}/reply", "POST")
    async def reply(self, request: Request) -> Response:
        """Accept or decline an invitation."""
        answer = str((await request.form()).get("answer"))
        if answer not in ("accepted", "declined"):
            raise LookupError(f"there is no answer {answer}")
        event = self.row("SELECT * FROM calendar_events WHERE id = ? AND reply != ''", request.path_params["id"])
        self.run("UPDATE calendar_events SET reply = ? WHERE id = ?", answer, event["id"])
        self.flash(request, self.t("You accepted.") if answer == "accepted" else self.t("You declined."))
        return self.redirect("/invitations")

    @page("/todos")
    async def todos(self, request: Request) -> Response:
        """Things to do."""
        return self._todos(request, {"title": "", "due": "", "priority": "1"}, "")

    def _todos(self, request: Request, draft: dict[str, str], error: str) -> Response:
        sort = request.query_params.get("sort", "due")
        order = {"due": "due", "title": "title", "priority": "priority DESC, due"}.get(sort, "due")
        todos = self.rows(f"SELECT * FROM calendar_todos ORDER BY done, {order}, id")
        return self.render(
            "todos.html", request, 422 if error else 200, todos=todos, draft=draft, error=error, sort=sort
        )

    @page("/todos", "POST")
    async def add_todo(self, request: Request) -> Response:
        """Add a thing to do; without a date it is due today."""
        form = await request.form()
        draft = {name: str(form.get(name) or "").strip() for name in ("title", "due", "priority")}
        due = parse_day(draft["due"]) if draft["due"] else self.world.now.date()
        if not draft["title"]:
            return self._todos(request, draft, self.t("Please give a title."))
        if due is None:
            return self._todos(request, draft, self.t("Please write the date as YYYY-MM-DD."))
        priority = int(draft["priority"]) if draft["priority"] in ("0", "1", "2") else 1
        self.insert("calendar_todos", [{"title": draft["title"], "due": str(due), "priority": priority, "done": 0}])
        self.flash(request, self.t("Added to your list."))
        return self.redirect("/todos")

    @page("/todo/{id:int}/tick", "POST")
    async def tick(self, request: Request) -> Response:
        """Tick a thing to do, or untick it."""
        todo = self.row("SELECT id FROM calendar_todos WHERE id = ?", request.path_params["id"])
        self.run("UPDATE calendar_todos SET done = 1 - done WHERE id = ?", todo["id"])
        return self.redirect("/todos")

    @page("/todo/{id:int}/delete", "POST")
    async def delete_todo(self, request: Request) -> Response:
        """Forget a thing to do."""
        self.run("DELETE FROM calendar_todos WHERE id = ?", request.path_params["id"])
        self.flash(request, self.t("Removed from your list."))
        return self.redirect("/todos")

    def _availability_day(self, request: Request) -> dt.date:
        return parse_day(request.query_params.get("day", "")) or next_week(self.world)[0]

    @page("/availability")
    async def availability(self, request: Request) -> Response:
        """When colleagues are busy, as a picture."""
        day = self._availability_day(request)
        return self.render("availability.html", request, day=day, days=next_week(self.world))

    @page("/availability.png")
    async def availability_picture(self, request: Request) -> Response:
        """The picture of a day."""
        day, people = self._availability_day(request), []
        for name, email in colleagues(self.world):
            meetings = self.rows("SELECT start, end FROM calendar_busy WHERE email = ? AND day = ?", email, str(day))
            people.append((name, [(row["start"], row["end"]) for row in meetings]))
        shades = ((196, 84, 76), (86, 122, 186), (120, 104, 168), (98, 140, 110))
        colour = shades[self.world.rng("calendar", "busy").integers(len(shades))]
        return Response(png(busy_picture(people, colour)), media_type="image/png")

    @page("/statistics")
    async def statistics(self, request: Request) -> Response:
        """Hours of meetings in each month of last year, drawn on a canvas."""
        hours = [row["hours"] for row in self.rows("SELECT hours FROM calendar_hours ORDER BY month")]
        return self.render("statistics.html", request, hours=hours, year=self.world.now.year - 1)

    @page("/settings")
    async def settings(self, request: Request) -> Response:
        """The settings."""
        return self.render("settings.html", request, settings=self.row("SELECT * FROM calendar_settings"))

    @page("/settings", "POST")
    async def save_settings(self, request: Request) -> Response:
        """Keep the settings."""
        form = await request.form()
        view, length, reminder = (str(form.get(name)) for name in ("view", "length", "reminder"))
        if view not in self.view_labels or not length.isdecimal() or not reminder.isdecimal():
            raise LookupError("there is no such setting")
        self.run("UPDATE calendar_settings SET view = ?, length = ?, reminder = ?", view, int(length), int(reminder))
        self.flash(request, self.t("Your settings were saved."))
        return self.redirect("/settings")
