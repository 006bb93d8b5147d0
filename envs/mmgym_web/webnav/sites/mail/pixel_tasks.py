"""Tasks on the webmail whose answers are only in attached pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.calendar.choices import belonging, say
from mmgym_web.webnav.sites.mail.pictures import MONTHS
from mmgym_web.webnav.sites.mail.steps import found_on, open_message, pick_message, reply, sender_of, sent

__all__ = ["PIXEL_TEMPLATES", "go_to", "look_at", "pick_picture"]

_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def pick_picture(episode: Episode, rng: np.random.Generator, kind: str, folder: str) -> tuple[Any, dict[str, Any]]:
    """A message of a folder with an attached picture of a kind, and what is in the picture."""
    having = "id IN (SELECT message FROM mail_attachments WHERE json_extract(spec, '$.kind') = ?)"
    message = pick_message(episode, rng, f"folder = ? AND {having}", folder, kind)
    sql = "SELECT spec FROM mail_attachments WHERE message = ?"
    return message, json.loads(episode.db.execute(sql, (message["id"],)).fetchone()["spec"])


class PosterTime(Template):
    """Read a time off an attached poster."""

    name: ClassVar[str] = "mail_poster_time"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A poster in the inbox."""
        message, spec = pick_picture(episode, rng, "poster", "inbox")
        text = say(
            rng,
            'At what time does the event begin that is on the picture in the mail "{subject}"? Answer like 14:30.',
            '{name} sent a picture in the message "{subject}". Which time does it give? Answer like 14:30.',
            'Look at the picture attached to "{subject}" and tell me when it starts, as HH:MM.',
            subject=message["subject"],
            name=sender_of(episode, message).name,
        )
        path = f"/message/{message['id']}"
        answer = Answer(spec["time"], also=(spec["time"].lstrip("0"), spec["time"].replace(":", ".")))
        steps = 1 + found_on(episode.db, message["id"])
        return Task(
            "mail",
            text,
            steps,
            answer=answer,
            milestones=(path,),
            facts={"id": message["id"]},
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the message, scroll to the picture, answer."""
        yield from look_at(g, task.facts["id"])
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class ChartMonth(Template):
    """Read off an attached chart in which month the bar is highest or lowest."""

    name: ClassVar[str] = "mail_chart_month"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A chart in the archive."""
        message, spec = pick_picture(episode, rng, "chart", "archive")
        most = bool(rng.integers(2))
        values = spec["values"]
        month = values.index(max(values) if most else min(values))
        text = say(
            rng,
            'The archived message "{subject}" has a chart. Which month has the {bar} bar? Answer with its name.',
            'In the archive is the mail "{subject}" by {name}. Name the month with the {bar} bar of its chart.',
            'Which month stands out with the {bar} bar in the chart that came with "{subject}" (in the archive)?',
            subject=message["subject"],
            name=sender_of(episode, message).name,
            bar="highest" if most else "lowest",
        )
        path = f"/message/{message['id']}"
        answer = Answer(MONTHS[month], also=(_MONTH_NAMES[month], str(month + 1)))
        steps = 2 + found_on(episode.db, message["id"])
        return Task(
            "mail",
            text,
            steps,
            answer=answer,
            milestones=("/folder/archive", path),
            facts={"id": message["id"]},
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the message, scroll to the picture, answer."""
        yield from look_at(g, task.facts["id"])
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class TwoReceipts(Template):
    """Add up the totals of two photographed receipts."""

    name: ClassVar[str] = "mail_two_receipts"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A receipt in the inbox and one in the archive."""
        found = [pick_picture(episode, rng, "receipt", folder) for folder in ("inbox", "archive")]
        total = sum(cents for _, spec in found for _, cents in spec["items"])
        (new, _), (old, _) = found
        text = say(
            rng,
            'How much do the two receipts come to together that are attached to "{new}" (inbox) and "{old}" (archive)? '
            "Answer with the sum, like 23.45.",
            'Add up the totals on two photographed receipts: the one in the mail "{new}" in the inbox, and the one in '
            '"{old}" in the archive. Answer like 23.45.',
            new=new["subject"],
            old=old["subject"],
        )
        steps = 3 + found_on(episode.db, new["id"]) + found_on(episode.db, old["id"]) - 1
        milestones = (f"/message/{new['id']}", "/folder/archive", f"/message/{old['id']}")
        facts = {"new": new["id"], "old": old["id"]}
        return Task(
            "mail",
            text,
            steps,
            answer=Answer(f"{total / 100:.2f}", "number"),
            milestones=milestones,
            facts=facts,
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look at the new one, then at the old one, and answer."""
        assert task.answer is not None
        old, on_the_way = f"/message/{task.facts['old']}", g.path.startswith("/folder/archive")
        if not (g.site == "mail" and (on_the_way or g.path in (f"/message/{task.facts['new']}", old))):
            yield from open_message(g, task.facts["new"])
        yield from look_at(g, task.facts["old"])
        yield from g.answer(task.answer.value)


class RelayCode(Template):
    """Send the code on a photographed tag as an answer to somebody else's message."""

    name: ClassVar[str] = "mail_relay_code"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 4
    pixels: ClassVar[bool] = True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A tag in the archive, and a message in the inbox."""
        tag, spec = pick_picture(episode, rng, "badge", "archive")
        plain = "folder = 'inbox' AND id NOT IN (SELECT message FROM mail_attachments) AND sender != ?"
        other = pick_message(episode, rng, plain, tag["sender"])
        if found_on(episode.db, tag["id"]) + found_on(episode.db, other["id"]) > 4:
            raise Redraw("too far from each other")
        text = say(
            rng,
            'In the archived message "{tag}" is a photograph with a code. Answer the message "{other}" of {name}, '
            "which "
            "is in the inbox, with this code and nothing else.",
            '{name} needs the code that is on the picture in the archived mail "{tag}". Send it, and nothing else, as '
            'the answer to the message "{other}".',
            tag=tag["subject"],
            other=other["subject"],
            name=sender_of(episode, other).name,
        )
        expect = sent(recipients=other["sender"], subject=f"Re: {other['subject']}", body=spec["code"])
        steps = 6 + found_on(episode.db, tag["id"]) + found_on(episode.db, other["id"])
        milestones = (f"/message/{tag['id']}", f"/message/{other['id']}", "/compose?reply=")
        facts = {"tag": tag["id"], "other": other["id"], "code": spec["code"]}
        return Task("mail", text, steps, expects=(expect,), milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look at the tag first: from there on, answer."""
        tag = f"/message/{task.facts['tag']}"
        if g.site != "mail" or g.path in ("/", tag) or g.path.startswith("/folder/archive"):
            yield from look_at(g, task.facts["tag"])
            yield from go_to(g, "mail", "/folder/inbox")
        yield from reply(g, task.facts["other"], task.facts["code"])


def look_at(g: Guide, message: int) -> Iterator[ToolCall]:
    """Open a message, and scroll until its picture is in view."""
    yield from open_message(g, message)
    picture = g.find(".pictures img")
    if picture is not None:
        yield from g.show(picture)


def go_to(g: Guide, site: str, path: str) -> Iterator[ToolCall]:
    """Go to a page by its address: by a link, one would scroll away from the picture that was scrolled to."""
    yield ToolCall("goto", {"url": g.episode.site(site).url(path)})


PIXEL_TEMPLATES = (PosterTime, ChartMonth, TwoReceipts, RelayCode)
"""All of them."""
