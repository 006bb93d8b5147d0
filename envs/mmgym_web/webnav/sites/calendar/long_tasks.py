"""Longer tasks on the calendar: add, move, create, count, invite."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.calendar.choices import choose, say
from mmgym_web.webnav.sites.calendar.plan import clock
from mmgym_web.webnav.sites.calendar.steps import day_words, fill_event, new_title, open_event, pick_event, this_week
from mmgym_web.webnav.sites.calendar.words import CODENAMES, PLACES, TODOS

__all__ = ["LONG_TEMPLATES"]


class AddTodo(Template):
    """Add a thing to do, with its date and priority."""

    name: ClassVar[str] = "calendar_add_todo"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Something new to do."""
        names = episode.world.distinct(rng, lambda r: f"{choose(r, TODOS)} for {choose(r, CODENAMES)}", 3)
        known = {row["title"] for row in episode.db.execute("SELECT title FROM calendar_todos")}
        title = choose(rng, [name for name in names if name not in known])
        due = str(episode.world.now.date() + dt.timedelta(days=int(rng.integers(2, 40))))
        priority, level = choose(rng, ((2, "high"), (0, "low")))
        text = say(
            rng,
            'Add "{title}" to my list of things to do, due on {due}, with {level} priority.',
            'I have to do this until {due}: "{title}". Put it on the to-do list of the calendar; its priority is '
            "{level}.",
            'On the list of things to do in the calendar, make a new entry "{title}" of {level} priority, due {due}.',
            title=title,
            due=due,
            level=level,
        )
        row = {"title": title, "due": due, "priority": priority, "done": 0}
        return Task(
            "calendar", text, 7, expects=(Expect("calendar_todos", "insert", row),), milestones=("/todos",), facts=row
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the row above the list."""
        yield from g.visit("calendar", "/todos")
        yield from g.fill("main input[name=title]", task.facts["title"])
        yield from g.fill("main input[name=due]", task.facts["due"])
        yield from g.choose("select[name=priority]", {0: "Low", 2: "High"}[task.facts["priority"]])
        yield from g.click("form[action='/todos'] button")


class Move(Template):
    """Move an event to another time of its day."""

    name: ClassVar[str] = "calendar_move"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An event of this week or the next, and another time."""
        event = pick_event(episode, rng, this_week(episode), 12)
        start = 15 * int(rng.integers(30, 72))
        if start == event["start"]:
            raise Redraw("it begins then already")
        steps = 4 + (event["day"] >= str(this_week(episode) + dt.timedelta(days=7)))
        text = say(
            rng,
            'Move the event "{title}" on {day} to {time} on the same day. It lasts as long as before.',
            '"{title}" ({day}) is to begin at {time} instead of {before}; its length stays. Change that in the '
            "calendar.",
            'Change the beginning of "{title}" on {day} to {time}, and leave everything else.',
            title=event["title"],
            day=day_words(event["day"]),
            time=clock(start),
            before=clock(event["start"]),
        )
        after = {"start": start, "end": start + event["end"] - event["start"]}
        expect = Expect("calendar_events", "update", {"id": event["id"]}, after)
        path = f"/event/{event['id']}"
        facts = {"id": event["id"], "day": event["day"], "start": start}
        return Task("calendar", text, steps, expects=(expect,), milestones=(path, f"{path}/edit"), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it, edit, choose the time, save."""
        path = f"/event/{task.facts['id']}/edit"
        if not g.at("calendar", path):
            yield from open_event(g, task.facts["id"], task.facts["day"])
        yield from fill_event(g, path, {"start": task.facts["start"]})


class Create(Template):
    """Create an event."""

    name: ClassVar[str] = "calendar_create"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A new event of an hour."""
        title = new_title(episode, rng)
        day = str(this_week(episode) + dt.timedelta(days=int(rng.integers(14, 60))))
        start = 15 * int(rng.integers(30, 72))
        if start == 540:
            raise Redraw("the form offers this time")
        text = say(
            rng,
            'Enter a new event "{title}" on {day} at {time} into the calendar. It lasts one hour.',
            'Put "{title}" into the calendar: {day}, from {time} to {end}.',
            'On {day} from {time} to {end} there is a "{title}". Make this event in the calendar.',
            title=title,
            day=day_words(day),
            time=clock(start),
            end=clock(start + 60),
        )
        row = {"title": title, "day": day, "start": start, "end": start + 60, "weekly": 0}
        return Task(
            "calendar",
            text,
            7,
            expects=(Expect("calendar_events", "insert", row),),
            milestones=("/event/new",),
            facts=row,
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form."""
        yield from fill_event(g, "/event/new", task.facts)


class Count(Template):
    """Count coming events with a guest."""

    name: ClassVar[str] = "calendar_count"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Somebody who is a guest of at least one coming event."""
        person = choose(rng, episode.world.others[:8])
        today = str(episode.world.now.date())
        count = episode.db.execute(
            "SELECT COUNT(*) FROM calendar_guests g JOIN calendar_events e ON e.id = g.event WHERE g.email = ? AND "
            "e.deleted = 0 AND e.reply != 'declined' AND (e.weekly = 1 OR e.day >= ?)",
            (person.email, today),
        ).fetchone()[0]
        if not count:
            raise Redraw("nobody asks for nothing")
        text = say(
            rng,
            "How many coming events (from today on) have {name} as a guest? Count one that repeats once.",
            "{name} is a guest at some of my events from today on. At how many? One that repeats counts once.",
            "Count the events in the calendar, from today on, to which {name} is invited as a guest. A repeating one "
            "is one.",
            name=person.name,
        )
        answer = Answer(str(count), "number")
        return Task("calendar", text, 5, answer=answer, milestones=("/events",), facts={"name": person.name})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Filter the list of events by the name."""
        assert task.answer is not None
        name = task.facts["name"]
        if not g.path.startswith("/events?q=" + name.replace(" ", "+")):
            if not g.path.startswith("/events"):
                yield from g.visit("calendar", "/events")
            yield from g.fill("#filter", name)
            yield from g.click("#filter + button")
        yield from g.answer(task.answer.value)


class Invite(Template):
    """Change the place of an event and invite somebody to it."""

    name: ClassVar[str] = "calendar_invite"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An event without guests."""
        event = pick_event(
            episode, rng, this_week(episode), 12, "id NOT IN (SELECT event FROM calendar_guests) AND place != ''"
        )
        steps = 8 + (event["day"] >= str(this_week(episode) + dt.timedelta(days=7)))
        person = choose(rng, episode.world.others)
        place = choose(rng, [place for place in PLACES if place != event["place"]])
        text = say(
            rng,
            'The event "{title}" on {day} moves to another place: {place}. Change that, and add {name} as a guest.',
            'Invite {name} to "{title}" ({day}), and change its place to {place}.',
            'Edit "{title}" on {day}: its place is {place} now, and {name} is a guest.',
            title=event["title"],
            day=day_words(event["day"]),
            place=place,
            name=person.name,
        )
        expects = (
            Expect("calendar_events", "update", {"id": event["id"]}, {"place": place}),
            Expect("calendar_guests", "insert", {"event": event["id"], "email": person.email}),
        )
        path = f"/event/{event['id']}"
        facts = {"id": event["id"], "day": event["day"], "place": place, "guests": person.name}
        return Task("calendar", text, steps, expects=expects, milestones=(path, f"{path}/edit"), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it, edit, fill in, save."""
        path = f"/event/{task.facts['id']}/edit"
        if not g.at("calendar", path):
            yield from open_event(g, task.facts["id"], task.facts["day"])
        yield from fill_event(g, path, {key: task.facts[key] for key in ("place", "guests")})


LONG_TEMPLATES = (AddTodo, Move, Create, Count, Invite)
"""All of them."""
