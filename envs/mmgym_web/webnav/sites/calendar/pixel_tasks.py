"""Tasks on the calendar whose answers are only in pixels: colours, a chart, the picture of busy hours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Task, Template
from mmgym_web.webnav.sites.calendar.choices import belonging, choose, say
from mmgym_web.webnav.sites.calendar.content import COLOURS, colleagues, next_week
from mmgym_web.webnav.sites.calendar.plan import clock
from mmgym_web.webnav.sites.calendar.site import Calendar
from mmgym_web.webnav.sites.calendar.steps import (
    choose_day,
    day_words,
    fill_event,
    free_hour,
    new_title,
    pick_event,
    show_day,
)

__all__ = ["PIXEL_TEMPLATES"]


class Colour(Template):
    """Say in which colour the week shows an event."""

    name: ClassVar[str] = "calendar_colour"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 2
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An event of next week."""
        event = pick_event(episode, rng, next_week(episode.world)[0], 5)
        site = episode.site("calendar")
        assert isinstance(site, Calendar)
        text = say(
            rng,
            'In which colour does the calendar show "{title}" on {day}? Answer with one of: {colours}.',
            'What is the colour of the event "{title}" on {day}? It is one of {colours}.',
            'Go to {day} and tell me the colour of "{title}" ({colours}).',
            title=event["title"],
            day=day_words(event["day"]),
            colours=", ".join(name for name, _ in COLOURS),
        )
        answer = Answer(site.colour_name(event["hue"]))
        return Task(
            "calendar",
            text,
            2,
            answer=answer,
            milestones=("/week?day=",),
            facts={"id": event["id"], "day": event["day"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Show the week, scroll to the event, answer."""
        assert task.answer is not None
        yield from show_day(g, task.facts["day"])
        event = g.find(f".chip[href='/event/{task.facts['id']}']")
        if event is not None:
            yield from g.show(event)
        yield from g.answer(task.answer.value)


class ChartMonth(Template):
    """Read off the chart in which month there were most or fewest meetings."""

    name: ClassVar[str] = "calendar_chart_month"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 2
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The month that stands out above, or below."""
        most = bool(rng.integers(2))
        order = "DESC" if most else "ASC"
        month = episode.db.execute(f"SELECT month FROM calendar_hours ORDER BY hours {order}").fetchone()[0]
        text = say(
            rng,
            "In which month of last year did I spend the {how} hours in meetings? The statistics of the calendar "
            "show it. "
            "Answer with the month's number, 1 to 12.",
            "Look at the calendar's statistics: which month had the {how} hours of meetings? Answer with a number, 1 "
            "to 12.",
            "By the chart of the calendar's statistics, which month has the {how} hours of meetings? Give its "
            "number, 1 to 12.",
            "Find the month with the {how} hours of meetings in the statistics of the calendar, and answer with 1 to "
            "12.",
            "{me} wants to know: the {how} hours of meetings last year were in which month (as a number from 1 to 12)?",
            how="most" if most else "fewest",
            me=episode.world.me.name,
        )
        hours = str([row[0] for row in episode.db.execute("SELECT hours FROM calendar_hours ORDER BY month")])
        answer = Answer(str(month), "number")
        content = belonging(episode, self.name, f"{hours} {most}")  # hours that no other world has
        return Task("calendar", text, 2, answer=answer, milestones=("/statistics",), content=content)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Show the chart, answer."""
        assert task.answer is not None
        yield from g.visit("calendar", "/statistics")
        chart = g.find("#chart")
        if chart is not None:
            yield from g.show(chart)
        yield from g.answer(task.answer.value)


class FreeHour(Template):
    """Read off the picture when a colleague is free."""

    name: ClassVar[str] = "calendar_free_hour"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 3
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A colleague and a day next week, which is not the one shown first."""
        name, email = choose(rng, colleagues(episode.world))
        day = choose(rng, next_week(episode.world)[1:])
        text = say(
            rng,
            "{name} is free for just one hour between 9:00 and 18:00 on {day}. When does it begin? Answer like 14:00.",
            "Find out in the calendar at what time {name} has the only free hour on {day}. Answer with its "
            "beginning, HH:MM.",
            "The calendar shows when my colleagues are busy. From when is {name} free on {day} (9 to 18)? Answer "
            "like 14:00.",
            name=name,
            day=day_words(str(day)),
        )
        time = clock(free_hour(episode, email, day))
        answer = Answer(time, also=(time.lstrip("0"), time[:2].lstrip("0")))
        milestones = ("/availability", f"day={day}")
        return Task("calendar", text, 4, answer=answer, milestones=milestones, facts={"day": str(day)})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Choose the day, look, answer."""
        assert task.answer is not None
        yield from see_day(g, task.facts["day"])
        yield from g.answer(task.answer.value)


class PlanWith(Template):
    """Make an event with a colleague at the only hour that is free."""

    name: ClassVar[str] = "calendar_plan_with"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 4
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A colleague and a day next week."""
        name, email = choose(rng, colleagues(episode.world))
        day = choose(rng, next_week(episode.world)[1:])
        start = free_hour(episode, email, day)
        title = new_title(episode, rng)
        text = say(
            rng,
            'Make an event "{title}" of one hour on {day}, at the only hour (from 9 to 18) at which {name} is not '
            "busy, "
            "with {name} as its guest. Never mind what else is in my calendar then.",
            'Plan "{title}" with {name} for {day}: an hour at the one time between 9 and 18 at which {name} is free, '
            "whatever I have then. Put it into the calendar and add {name} as a guest.",
            title=title,
            name=name,
            day=day_words(str(day)),
        )
        row = {"title": title, "day": str(day), "start": start, "end": start + 60, "weekly": 0}
        expects = (
            Expect("calendar_events", "insert", row),
            Expect("calendar_guests", "insert", {"email": email}),
        )
        milestones = ("/availability", f"day={day}", "/event/new")
        facts = row | {"guests": name}
        return Task("calendar", text, 10, expects=expects, hidden=str(start), milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look, then fill in the form of a new event on that day."""
        path = "/event/new"
        if not (g.path.startswith(path) or g.path.endswith("/save")):
            yield from see_day(g, task.facts["day"])
            yield from g.visit("calendar", f"{path}?day={task.facts['day']}")
        yield from fill_event(g, path, task.facts)


def see_day(g: Guide, day: str) -> Iterator[ToolCall]:
    """Show the busy hours of a day."""
    if not g.at("calendar", f"/availability?day={day}"):
        if not g.path.startswith("/availability"):
            yield from g.visit("calendar", "/availability")
        yield from choose_day(g, day)


PIXEL_TEMPLATES = (Colour, ChartMonth, FreeHour, PlanWith)
"""All of them."""
