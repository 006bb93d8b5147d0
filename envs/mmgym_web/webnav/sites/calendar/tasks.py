"""Short tasks on the calendar whose answers are in its texts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Task, Template
from mmgym_web.webnav.sites.calendar.choices import belonging, choose, say
from mmgym_web.webnav.sites.calendar.steps import day_words, new_title, open_event, pick_event, this_week

__all__ = ["SHORT_TEMPLATES"]


class Open(Template):
    """Open an event of this week."""

    name: ClassVar[str] = "calendar_open"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An event of this week, which is shown."""
        event = pick_event(episode, rng, this_week(episode), 5)
        text = say(
            rng,
            'Open the event "{title}" in the calendar.',
            'Show me the details of "{title}", which is this week.',
            'There is a "{title}" in this week\'s calendar. Go to its page.',
            title=event["title"],
        )
        path = f"/event/{event['id']}"
        facts = {"id": event["id"], "day": event["day"]}
        return Task(
            "calendar",
            text,
            1,
            page=f"calendar:{path}",
            milestones=(path,),
            facts=facts,
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click it in its week."""
        yield from open_event(g, task.facts["id"], task.facts["day"])


class Tick(Template):
    """Tick a thing to do."""

    name: ClassVar[str] = "calendar_tick"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A thing that is not done yet."""
        todo = choose(rng, episode.db.execute("SELECT * FROM calendar_todos WHERE done = 0 ORDER BY id").fetchall())
        text = say(
            rng,
            'Tick "{title}" on the list: it is done.',
            'I have done "{title}". Mark it as done.',
            'Check off the entry "{title}".',
            title=todo["title"],
        )
        expect = Expect("calendar_todos", "update", {"id": todo["id"]}, {"done": 1})
        return Task(
            "calendar",
            text,
            1,
            start="/todos",
            expects=(expect,),
            facts={"id": todo["id"]},
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click its box."""
        yield from g.visit("calendar", "/todos")
        yield from g.click(f"form[action='/todo/{task.facts['id']}/tick'] button")


class Respond(Template):
    """Accept or decline an invitation."""

    name: ClassVar[str] = "calendar_respond"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An invitation without an answer."""
        event = choose(
            rng, episode.db.execute("SELECT * FROM calendar_events WHERE reply = 'pending' ORDER BY id").fetchall()
        )
        name = next(p.name for p in episode.world.people if p.email == event["organiser"])
        answer, verb = choose(rng, (("accepted", "Accept"), ("declined", "Decline")))
        text = say(
            rng,
            '{verb} the invitation to "{title}" in the calendar.',
            '{name} has invited me to "{title}". {verb} this invitation.',
            'Among the invitations is one to "{title}". {verb} it for me.',
            verb=verb,
            title=event["title"],
            name=name,
        )
        expect = Expect("calendar_events", "update", {"id": event["id"]}, {"reply": answer})
        facts = {"id": event["id"], "answer": answer}
        return Task(
            "calendar",
            text,
            2,
            expects=(expect,),
            milestones=("/invitations",),
            facts=facts,
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press its button in the list."""
        yield from g.visit("calendar", "/invitations")
        form = f"form[action='/event/{task.facts['id']}/reply']"
        yield from g.click(f"{form} button[value={task.facts['answer']}]")


class Restore(Template):
    """Take an event out of the bin, if it is there."""

    name: ClassVar[str] = "calendar_restore"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An event in the bin; in a quarter of all tasks, one that does not exist."""
        sql = "SELECT * FROM calendar_events WHERE deleted = 1 ORDER BY id"
        event = choose(rng, episode.db.execute(sql).fetchall())
        missing = bool(rng.integers(4) == 0)
        text = say(
            rng,
            'The event "{title}" was deleted by mistake. Bring it back into the calendar. If it is not in the bin, '
            "say that "
            "it cannot be done while the bin is shown.",
            'Restore "{title}" from the deleted events of the calendar. Should the bin not hold it, give up there: it '
            "cannot be done then.",
            '"{title}" takes place after all: take it out of the bin of the calendar. If there is no such event in the '
            "bin, stay there and say that you failed.",
            title=new_title(episode, rng) if missing else event["title"],
        )
        content = belonging(episode, self.name, text)
        if missing:
            page = "calendar:/bin"
            return Task("calendar", text, 2, page=page, infeasible=True, facts={"id": 0}, content=content)
        expect = Expect("calendar_events", "update", {"id": event["id"]}, {"deleted": 0})
        facts, milestones = {"id": event["id"]}, ("/bin",)
        return Task("calendar", text, 2, expects=(expect,), milestones=milestones, facts=facts, content=content)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press its button in the bin."""
        yield from g.visit("calendar", "/bin")
        if not task.facts["id"]:
            yield from g.fail("there is no such event in the bin")
        yield from g.click(f"form[action='/event/{task.facts['id']}/restore'] button")


class Delete(Template):
    """Delete an event, which the calendar asks to confirm."""

    name: ClassVar[str] = "calendar_delete"
    sites: ClassVar[tuple[str, ...]] = ("calendar",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An event of this week or the next."""
        event = pick_event(episode, rng, this_week(episode), 12)
        steps = 3 + (event["day"] >= str(this_week(episode) + dt.timedelta(days=7)))
        text = say(
            rng,
            'Delete the event "{title}" on {day}.',
            '"{title}" on {day} does not take place. Remove it from the calendar.',
            'Take "{title}" ({day}) out of the calendar.',
            title=event["title"],
            day=day_words(event["day"]),
        )
        expect = Expect("calendar_events", "update", {"id": event["id"]}, {"deleted": 1})
        path = f"/event/{event['id']}"
        facts = {"id": event["id"], "day": event["day"]}
        return Task("calendar", text, steps, expects=(expect,), milestones=(path, f"{path}/delete"), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it, delete, confirm."""
        path = f"/event/{task.facts['id']}/delete"
        if not g.at("calendar", path):
            yield from open_event(g, task.facts["id"], task.facts["day"])
            yield from g.visit("calendar", path)
        yield from g.click(f"form[action='{path}'] button")


SHORT_TEMPLATES = (Open, Tick, Respond, Restore, Delete)
"""All of them."""
