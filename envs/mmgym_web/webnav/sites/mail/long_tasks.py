"""Longer tasks on the webmail: search, answer, forward, count, tidy up, settings, files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.calendar.choices import belonging, choose, say
from mmgym_web.webnav.sites.calendar.pictures import png
from mmgym_web.webnav.sites.mail.pictures import draw
from mmgym_web.webnav.sites.mail.steps import found_on, open_message, pick_message, reply, send, sender_of, sent
from mmgym_web.webnav.sites.mail.words import FACTS, REPLIES, subject

__all__ = ["LONG_TEMPLATES"]


class FindFact(Template):
    """Find what a message says."""

    name: ClassVar[str] = "mail_find_fact"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        where = "folder = 'archive' AND id IN (SELECT message FROM mail_facts WHERE kind != 'proposal')"
        message = pick_message(episode, rng, where)
        fact = episode.db.execute("SELECT * FROM mail_facts WHERE message = ?", (message["id"],)).fetchone()
        text = say(
            rng,
            'Which {what} does {name} give in the message "{subject}"?',
            'Some time ago {name} wrote to me under the subject "{subject}". Answer with the {what} in that mail.',
            'I need the {what} from the archived message "{subject}". What is it?',
            what=FACTS[fact["kind"]][0],
            name=sender_of(episode, message).name,
            subject=message["subject"],
        )
        path = f"/message/{message['id']}"
        return Task(
            "mail",
            text,
            5,
            answer=Answer(fact["value"]),
            milestones=("/search", path),
            facts={"id": message["id"], "words": message["subject"]},
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        path = f"/message/{task.facts['id']}"
        if not g.at("mail", path):
            if not g.find("a[href]", href=g.episode.site("mail").url(path)):
                yield from g.fill("header.site input[name=q]", task.facts["words"])
                yield from g.click("header.site form button")
            yield from g.visit("mail", path)
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class Reply(Template):
    """Answer a message with a given text."""

    name: ClassVar[str] = "mail_reply"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        message = pick_message(episode, rng, "folder = 'inbox'")
        words = choose(rng, REPLIES)
        text = say(
            rng,
            'Answer the message "{subject}" with the text "{words}".',
            'Reply to {name}\'s mail "{subject}". Write just this: {words}',
            '{name} sent me "{subject}". Send this answer, and nothing more: "{words}"',
            subject=message["subject"],
            name=sender_of(episode, message).name,
            words=words,
        )
        expect = sent(recipients=message["sender"], subject=f"Re: {message['subject']}", body=words)
        steps = 4 + found_on(episode.db, message["id"])
        milestones = (f"/message/{message['id']}", "/compose?reply=")
        facts = {"id": message["id"], "words": words}
        return Task("mail", text, steps, expects=(expect,), milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        yield from reply(g, task.facts["id"], task.facts["words"])


class Forward(Template):
    """Forward a message to somebody."""

    name: ClassVar[str] = "mail_forward"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        plain = "folder = 'inbox' AND id NOT IN (SELECT message FROM mail_attachments)"
        message = pick_message(episode, rng, plain)
        person = choose(rng, [p for p in episode.world.others if p.email != message["sender"]])
        text = say(
            rng,
            'Forward the message "{subject}" to {person}.',
            '{person} should see the mail "{subject}" from {name}: forward it.',
            'Pass the message "{subject}" from the inbox on to {person}, just as it is.',
            subject=message["subject"],
            name=sender_of(episode, message).name,
            person=person.name,
        )
        expect = sent(recipients=person.email, subject=f"Fwd: {message['subject']}")
        steps = 4 + found_on(episode.db, message["id"])
        milestones = (f"/message/{message['id']}", "/compose?forward=")
        facts = {"id": message["id"], "person": person.email, "subject": f"Fwd: {message['subject']}"}
        return Task("mail", text, steps, expects=(expect,), milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        path = f"/compose?forward={task.facts['id']}"
        if not g.at("mail", path):
            yield from open_message(g, task.facts["id"])
            yield from g.visit("mail", path)
        yield from send(g, to=task.facts["person"], subject=task.facts["subject"])


class CountFrom(Template):
    """Count the messages of a person in a folder."""

    name: ClassVar[str] = "mail_count_from"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        person = choose(rng, episode.world.others)
        count = episode.db.execute(
            "SELECT COUNT(*) FROM mail_messages WHERE folder = 'inbox' AND sender = ?", (person.email,)
        ).fetchone()[0]
        text = say(
            rng,
            "How many messages from {name} are in the inbox?",
            "Count the mails in the inbox that {name} sent. How many are there?",
            "How many of the messages in my inbox were written by {name}? Answer with the number.",
            name=person.name,
        )
        answer = Answer(str(count), "number")
        return Task(
            "mail", text, 5, answer=answer, milestones=("/search",), facts={"name": person.name, "email": person.email}
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        assert task.answer is not None
        yield from search_from(g, task.facts["name"], task.facts["email"])
        yield from g.answer(task.answer.value)


class Tidy(Template):
    """Archive all messages of a person."""

    name: ClassVar[str] = "mail_tidy"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        person = choose(rng, episode.world.others)
        ids = [
            row["id"]
            for row in episode.db.execute(
                "SELECT id FROM mail_messages WHERE folder = 'inbox' AND sender = ? ORDER BY id", (person.email,)
            )
        ]
        if not 2 <= len(ids) <= 6:
            raise Redraw("too few or too many messages of one person")
        text = say(
            rng,
            "Move every message from {name} that is in the inbox to the archive.",
            "Archive all mails in the inbox that came from {name}.",
            "I am done with {name}: all messages from there should leave the inbox for the archive.",
            name=person.name,
        )
        expects = tuple(Expect("mail_messages", "update", {"id": k}, {"folder": "archive", "origin": ""}) for k in ids)
        facts = {"name": person.name, "email": person.email, "ids": ids}
        return Task("mail", text, 6, expects=expects, milestones=("/search",), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        yield from search_from(g, task.facts["name"], task.facts["email"])
        yield from g.check("#all")
        yield from g.click("button[name=action][value=archive]")


def search_from(g: Guide, name: str, email: str) -> Iterator[ToolCall]:
    """Find a person's messages in the inbox by the search form."""
    if (
        g.site == "mail"
        and g.path.startswith("/search")
        and f"from={email.replace('@', '%40')}" in g.path
        and "in=inbox" in g.path
    ):
        return
    if g.site != "mail":
        yield from g.visit("mail", "/")
    if not g.path.startswith("/search"):
        yield from g.click("header.site form button")
    yield from g.choose("#from", name)
    yield from g.choose("#in", "Inbox")
    yield from g.click("form.card button")


class Away(Template):
    """Set up an automatic answer, a signature and notifications."""

    name: ClassVar[str] = "mail_away"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        person, me = choose(rng, episode.world.others), episode.world.me
        away = choose(rng, ("I am away until {day}. Please write to {name}.", "Back on {day}. {name} can help you."))
        day = f"{1 + int(rng.integers(28))} {choose(rng, ('March', 'June', 'August', 'October'))}"
        signature = f"{me.first}, {choose(rng, ('tel.', 'phone'))} {me.phone}"
        notify, told = choose(rng, (("contacts", "only for messages of my contacts"), ("never", "never")))
        away = away.format(day=day, name=person.name)
        text = say(
            rng,
            "Prepare my mailbox for my holidays, in its settings: switch the automatic answer on with the text "
            '"{away}", '
            'make "{signature}" my signature, and let me be notified {told}.',
            'In the settings of the mail site, set the signature to "{signature}", notifications to come {told}, and '
            'turn on the automatic answer, which should say "{away}".',
            away=away,
            signature=signature,
            told=told,
        )
        after = {"away": 1, "away_text": away, "signature": signature, "notify": notify}
        expect = Expect("mail_settings", "update", {"id": 1}, after)
        return Task("mail", text, 8, expects=(expect,), milestones=("/settings",), facts=after)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        yield from g.visit("mail", "/settings")
        yield from g.fill("#alias", "")
        yield from g.fill("#signature", task.facts["signature"])
        yield from g.choose("#notify", {"contacts": "Only my contacts", "never": "Never"}[task.facts["notify"]])
        yield from g.check("input[name=away]")
        yield from g.fill("#away_text", task.facts["away_text"])
        yield from g.click("form[action='/settings'] button")


class SendFile(Template):
    """Send a file to somebody."""

    name: ClassVar[str] = "mail_send_file"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        person = choose(rng, episode.world.others)
        about = episode.world.distinct(rng, lambda r: subject(int(r.integers(1 << 20))), 1)[0]
        names = [f"{kind}-{rng.integers(100, 999)}.png" for kind in ("plan", "photo")]
        spec = {"kind": "badge", "title": "Plan"}
        files = {name: png(draw(spec | {"look": int(rng.integers(1 << 20)), "code": name[-7:-4]})) for name in names}
        wanted = choose(rng, names)
        text = say(
            rng,
            'Send the file {file} to {name}, with the subject "{about}".',
            'Write a message to {name} with the subject "{about}" and the file {file} attached.',
            '{name} needs the file {file}. Mail it with the subject "{about}"; no text is needed.',
            file=wanted,
            name=person.name,
            about=about,
        )
        digest = hashlib.sha256(files[wanted]).hexdigest()
        expects = (
            sent(recipients=person.email, subject=about),
            Expect("mail_attachments", "insert", {"name": wanted, "digest": digest}),
        )
        facts = {"file": wanted, "name": person.name, "about": about}
        return Task("mail", text, 7, expects=expects, milestones=("/compose",), files=files, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert."""
        yield from g.visit("mail", "/compose")
        spot = g.find("#file")
        if spot is not None and not spot.value.endswith(task.facts["file"]):
            yield from g.show(spot)
            yield ToolCall("upload", {"x": spot.x, "y": spot.y, "file": task.facts["file"]})
        yield from send(g, to=task.facts["name"], subject=task.facts["about"])


LONG_TEMPLATES = (FindFact, Reply, Forward, CountFrom, Tidy, Away, SendFile)
"""All of them."""
