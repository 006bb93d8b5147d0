"""Long tasks across the webmail and the calendar: what is read on one is used on the other."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.calendar.choices import belonging, choose, say
from mmgym_web.webnav.sites.calendar.content import colleagues, next_week
from mmgym_web.webnav.sites.calendar.plan import clock
from mmgym_web.webnav.sites.calendar.steps import choose_day, fill_event, free_hour, new_title
from mmgym_web.webnav.sites.mail.pixel_tasks import go_to, look_at, pick_picture
from mmgym_web.webnav.sites.mail.steps import found_on, open_message, pick_message, reply, send, sender_of, sent

__all__ = ["OFFICE_TEMPLATES"]


def _has_event(g: Guide) -> bool:
    return any(change.table == "calendar_events" and change.kind == "insert" for change in g.changes)


class FindSlot(Template):
    """Put the one proposed time that is free into the calendar, and answer with it."""

    name: ClassVar[str] = "office_find_slot"
    sites: ClassVar[tuple[str, ...]] = ("mail", "calendar")
    level: ClassVar[int] = 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A message that proposes three times, of which exactly one is free."""
        message = pick_message(
            episode, rng, "folder = 'inbox' AND id IN (SELECT message FROM mail_facts WHERE kind = 'proposal')"
        )
        sql = "SELECT value FROM mail_facts WHERE message = ?"
        proposals = json.loads(episode.db.execute(sql, (message["id"],)).fetchone()["value"])
        free = [(day, start) for day, start in proposals if not _clashes(episode, day, start)]
        if len(free) != 1 or found_on(episode.db, message["id"]) > 2:
            raise Redraw("not exactly one of the times is free, or the message is too far away")
        day, start = free[0]
        title = new_title(episode, rng)
        text = say(
            rng,
            'In the message "{subject}", {name} proposes times for an hour next week. See in the calendar which one is '
            'free, make an event "{title}" of one hour there, and answer the message with the time of day alone, '
            "like 14:00.",
            '{name} asks by mail ("{subject}") when we can meet. Only one of the proposed times is free in my '
            "calendar: "
            'enter it there as "{title}", for an hour, and reply with just the time at which it begins, like 14:00.',
            subject=message["subject"],
            name=sender_of(episode, message).name,
            title=title,
        )
        event = {"title": title, "day": day, "start": start, "end": start + 60, "weekly": 0}
        expects = (
            Expect("calendar_events", "insert", event),
            sent(recipients=message["sender"], subject=f"Re: {message['subject']}", body=clock(start)),
        )
        path = f"/message/{message['id']}"
        steps = 11 + found_on(episode.db, message["id"])
        facts = {"id": message["id"], "title": title, "day": day, "start": start}
        milestones = (path, "calendar.", path, "/compose?reply=")
        return Task(
            "mail",
            text,
            steps,
            expects=expects,
            milestones=milestones,
            facts=facts,
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Read, look, enter, answer."""
        message, day, start = (task.facts[key] for key in ("id", "day", "start"))
        if not _has_event(g):
            if g.site == "mail" and not g.at("mail", f"/message/{message}"):
                yield from open_message(g, message)
            slot = f"/event/new?day={day}&start={start}"
            if not g.at("calendar", slot) and not g.path.endswith("/save"):
                url = g.episode.site("calendar").url(slot)
                if not (g.site == "calendar" and g.find("a[href]", href=url)):
                    if g.site != "calendar":
                        yield from g.visit("calendar", "/")
                    yield from g.visit("calendar", f"/week?day={next_week(g.world)[0]}")
                yield from g.visit("calendar", slot)
            event = {"title": task.facts["title"], "day": day, "start": start, "end": start + 60, "weekly": 0}
            yield from fill_event(g, "/event/new", event)
        if g.site != "mail":
            yield from g.visit("mail", f"/message/{message}")
        yield from reply(g, message, clock(start))


def _clashes(episode: Episode, day: str, start: int) -> bool:
    """Whether something takes place on a day in the hour from `start` on."""
    site = episode.site("calendar")
    weekday = dt.date.fromisoformat(day).weekday()
    return any(
        event["start"] < start + 60 and start < event["end"]
        for event in site.rows(
            "SELECT * FROM calendar_events WHERE deleted = 0 AND reply != 'declined' AND (day = ? OR weekly = 1)", day
        )
        if event["day"] == day or dt.date.fromisoformat(event["day"]).weekday() == weekday
    )


class PosterEvent(Template):
    """Put what an attached poster announces into the calendar, and archive the message."""

    name: ClassVar[str] = "office_poster_event"
    sites: ClassVar[tuple[str, ...]] = ("mail", "calendar")
    level: ClassVar[int] = 5
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A poster in the inbox."""
        message, spec = pick_picture(episode, rng, "poster", "inbox")
        if found_on(episode.db, message["id"]) > 2:
            raise Redraw("the message is too far away")
        title = new_title(episode, rng)
        text = say(
            rng,
            'The mail "{subject}" has a picture that announces an event. Put it into the calendar as "{title}", with '
            "the "
            "day, the time and the place from the picture (the place as it is written there). Then archive the "
            "message.",
            'Enter what the picture in the message "{subject}" announces into my calendar: call it "{title}", and take '
            "day, time and place exactly from the picture. When that is done, move the message to the archive.",
            subject=message["subject"],
            title=title,
        )
        hours, minutes = map(int, spec["time"].split(":"))
        event = {
            "title": title, "day": spec["date"], "start": 60 * hours + minutes, "place": spec["place"], "weekly": 0,
        }  # fmt: skip
        expects = (
            Expect("calendar_events", "insert", event),
            Expect("mail_messages", "update", {"id": message["id"]}, {"folder": "archive", "origin": ""}),
        )
        path = f"/message/{message['id']}"
        milestones = (path, "calendar.", "/event/new", path)
        steps = 12 + found_on(episode.db, message["id"])
        facts = {"id": message["id"]} | event
        return Task(
            "mail",
            text,
            steps,
            expects=expects,
            milestones=milestones,
            facts=facts,
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look, enter, archive."""
        message = task.facts["id"]
        if not _has_event(g):
            if g.site == "mail":
                yield from look_at(g, message)
            if g.site != "calendar":
                yield from go_to(g, "calendar", "/")
            yield from fill_event(g, "/event/new", task.facts)
        yield from g.visit("mail", f"/message/{message}")
        yield from g.click("button[name=folder][value=archive]")


class TellFreeHour(Template):
    """Read off a picture when a colleague is free, and write it to somebody."""

    name: ClassVar[str] = "office_tell_free_hour"
    sites: ClassVar[tuple[str, ...]] = ("calendar", "mail")
    level: ClassVar[int] = 5
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A colleague's only free hour on a day next week."""
        name, email = choose(rng, colleagues(episode.world))
        day = choose(rng, next_week(episode.world)[1:])
        start = free_hour(episode, email, day)
        reader = choose(rng, [p for p in episode.world.others if p.email != email])
        title = new_title(episode, rng)
        text = say(
            rng,
            "The calendar shows when colleagues are busy. Find the one hour between 9 and 18 at which {name} is free "
            "on "
            '{day}, and mail its beginning (like 14:00, nothing else) to {reader}, with the subject "{title}".',
            'Write to {reader}, under the subject "{title}", at what time {name} has a free hour on {day}: the text '
            "should "
            "be just the time, like 14:00. The picture of busy hours in the calendar shows it (from 9 to 18).",
            name=name,
            day=day,
            reader=reader.name,
            title=title,
        )
        expect = sent(recipients=reader.email, subject=title, body=clock(start))
        facts = {"day": str(day), "reader": reader.name, "title": title, "text": clock(start)}
        milestones = ("/availability", f"day={day}", "mail.", "/compose")
        return Task("calendar", text, 12, expects=(expect,), hidden=clock(start), milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look, then write."""
        shown = f"/availability?day={task.facts['day']}"
        if g.site != "mail":
            if not g.at("calendar", shown):
                if not g.path.startswith("/availability"):
                    yield from g.visit("calendar", "/availability")
                yield from choose_day(g, task.facts["day"])
            yield from g.visit("mail", "/")
        if g.path != "/compose":
            yield from g.visit("mail", "/compose")
        yield from send(g, to=task.facts["reader"], subject=task.facts["title"], body=task.facts["text"])


OFFICE_TEMPLATES = (FindSlot, PosterEvent, TellFreeHour)
"""All of them."""
