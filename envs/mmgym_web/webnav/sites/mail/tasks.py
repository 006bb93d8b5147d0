"""Tasks on the webmail whose answers are in its texts."""

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
from mmgym_web.webnav.sites.mail.pictures import draw, png
from mmgym_web.webnav.sites.mail.steps import (
    belonging,
    choose,
    found_on,
    open_message,
    pick_message,
    reply,
    say,
    sender_of,
    sent,
    to_list,
)
from mmgym_web.webnav.sites.mail.words import FACTS, REPLIES, subject

__all__ = ["TEXT_TEMPLATES"]

_FRESH = "folder = 'inbox' AND sent_at >= (SELECT sent_at FROM mail_messages WHERE folder = 'inbox' ORDER BY sent_at DESC LIMIT 1 OFFSET 6)"
"""Among the newest seven messages of the inbox."""


class Open(Template):
    """Open the message with a given subject."""

    name: ClassVar[str] = "mail_open"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
        message = pick_message(episode, rng, _FRESH)
        text = say(
            rng,
            'Open the message "{subject}".',
            'Read the mail with the subject "{subject}".',
            'In the inbox there is a message "{subject}". Open it.',
            subject=message["subject"],
        )
        path = f"/message/{message['id']}"
        return Task(
            "mail",
            text,
            1,
            page=f"mail:{path}",
            milestones=(path,),
            facts={"id": message["id"]},
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        yield from open_message(g, task.facts["id"])


class Star(Template):
    """Star the message with a given subject."""

    name: ClassVar[str] = "mail_star"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
        message = pick_message(episode, rng, f"{_FRESH} AND starred = 0")
        text = say(
            rng,
            'Put a star on the message "{subject}" in the inbox.',
            'Star the mail from {name} called "{subject}".',
            'The message "{subject}" matters to me: give it a star.',
            subject=message["subject"],
            name=sender_of(episode, message).name,
        )
        expect = Expect("mail_messages", "update", {"id": message["id"]}, {"starred": 1})
        return Task(
            "mail", text, 1, expects=(expect,), facts={"id": message["id"]}, content=belonging(episode, self.name, text)
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        yield from to_list(g, task.facts["id"])
        yield from g.click(f"button.star[formaction='/message/{task.facts['id']}/star']")


class File(Template):
    """Archive or delete a message."""

    name: ClassVar[str] = "mail_file"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
        message = pick_message(episode, rng, "folder = 'inbox'")
        folder = choose(rng, ("archive", "trash"))
        verbs = ("Archive", "Move to the archive:") if folder == "archive" else ("Delete", "Put into the trash:")
        text = say(
            rng,
            '{verb} the message "{subject}" from {name}.',
            '{verb} the mail that {name} sent with the subject "{subject}".',
            'In the inbox is a message "{subject}". {verb} this message.',
            verb=choose(rng, verbs),
            subject=message["subject"],
            name=sender_of(episode, message).name,
        )
        after = {"folder": folder, "origin": "inbox" if folder == "trash" else ""}
        expect = Expect("mail_messages", "update", {"id": message["id"]}, after)
        steps = 1 + found_on(episode.db, message["id"])
        facts = {"id": message["id"], "folder": folder}
        return Task("mail", text, steps, expects=(expect,), milestones=(f"/message/{message['id']}",), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        yield from open_message(g, task.facts["id"])
        yield from g.click(f"button[name=folder][value={task.facts['folder']}]")


class Label(Template):
    """Put a label on a message."""

    name: ClassVar[str] = "mail_label"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
        message = pick_message(episode, rng, _FRESH)
        label = choose(rng, episode.db.execute("SELECT * FROM mail_labels ORDER BY id").fetchall())
        text = say(
            rng,
            'Put the label {label} on the message "{subject}".',
            'The mail "{subject}" in the inbox belongs under the label {label}: add it.',
            'Label the message "{subject}" from {name} with {label}.',
            label=label["name"],
            subject=message["subject"],
            name=sender_of(episode, message).name,
        )
        expect = Expect("mail_tags", "insert", {"message": message["id"], "label": label["id"]})
        facts = {"id": message["id"], "label": label["name"]}
        return Task("mail", text, 3, expects=(expect,), milestones=(f"/message/{message['id']}",), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        yield from open_message(g, task.facts["id"])
        yield from g.choose("select[name=label]", task.facts["label"])
        yield from g.click("select[name=label] + button")


class Restore(Template):
    """Take a message out of the trash."""

    name: ClassVar[str] = "mail_restore"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
        message = pick_message(episode, rng, "folder = 'trash'")
        text = say(
            rng,
            'I deleted the message "{subject}" by mistake. Bring it back to the inbox.',
            'Restore the deleted mail "{subject}".',
            'The message "{subject}" from {name} should not be in the trash. Put it back to where it was.',
            subject=message["subject"],
            name=sender_of(episode, message).name,
        )
        expect = Expect("mail_messages", "update", {"id": message["id"]}, {"folder": message["origin"], "origin": ""})
        return Task(
            "mail",
            text,
            3,
            expects=(expect,),
            milestones=("/folder/trash",),
            facts={"id": message["id"]},
            content=belonging(episode, self.name, text),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        yield from open_message(g, task.facts["id"])
        yield from g.click("button[name=folder][value=back]")


class Contact(Template):
    """Look up something about a contact."""

    name: ClassVar[str] = "mail_contact"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
        contact = choose(rng, episode.db.execute("SELECT * FROM mail_contacts ORDER BY id").fetchall())
        key, what = choose(
            rng,
            (
                ("phone", "telephone number"),
                ("birthday", "date of birth (as YYYY-MM-DD)"),
                ("address", "postal address (street and town)"),
                ("job", "job"),
            ),
        )
        text = say(
            rng,
            "What is the {what} of {name}? It is among the contacts of the mail site.",
            "Look up the {what} of {name} in my mail contacts, and answer with it.",
            "Tell me the {what} that my mail contacts hold for {name}.",
            what=what,
            name=contact["name"],
        )
        answer = Answer(contact[key], also=(contact[key].replace(" ", ""), contact[key].replace(",", "")))
        milestones = ("/contacts", f"/contact/{contact['id']}")
        return Task("mail", text, 3, answer=answer, milestones=milestones, facts={"id": contact["id"]})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        path = f"/contact/{task.facts['id']}"
        if not g.at("mail", path):
            yield from g.visit("mail", "/contacts")
            yield from g.visit("mail", path)
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class FindFact(Template):
    """Find what a message says."""

    name: ClassVar[str] = "mail_find_fact"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
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
        """The expert; see `Template.guide`."""
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
        """A task; see `Template.draw`."""
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
        """The expert; see `Template.guide`."""
        yield from reply(g, task.facts["id"], task.facts["words"])


class Forward(Template):
    """Forward a message to somebody."""

    name: ClassVar[str] = "mail_forward"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
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
        facts = {"id": message["id"], "person": person.email}
        return Task("mail", text, steps, expects=(expect,), milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert; see `Template.guide`."""
        path = f"/compose?forward={task.facts['id']}"
        if not g.at("mail", path):
            yield from open_message(g, task.facts["id"])
            yield from g.visit("mail", path)
        yield from g.fill("#to", task.facts["person"])
        yield from g.click("button[name=action][value=send]")


class CountFrom(Template):
    """Count the messages of a person in a folder."""

    name: ClassVar[str] = "mail_count_from"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
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
        """The expert; see `Template.guide`."""
        assert task.answer is not None
        yield from search_from(g, task.facts["name"], task.facts["email"])
        yield from g.answer(task.answer.value)


class Tidy(Template):
    """Archive all messages of a person."""

    name: ClassVar[str] = "mail_tidy"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task; see `Template.draw`."""
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
        """The expert; see `Template.guide`."""
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
        """A task; see `Template.draw`."""
        person, me = choose(rng, episode.world.others), episode.world.me
        away = choose(rng, ("I am away until {day}. Please write to {name}.", "Back on {day}. {name} can help you."))
        day = f"{1 + int(rng.integers(28))} {choose(rng, ('March', 'June', 'August', 'October'))}"
        signature = f"{me.first}, {choose(rng, ('tel.', 'phone'))} {me.phone}"
        notify, told = choose(rng, (("contacts", "only for messages of my contacts"), ("never", "never")))
        away = away.format(day=day, name=person.name)
        text = say(
            rng,
            'Prepare my mailbox for my holidays, in its settings: switch the automatic answer on with the text "{away}", '
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
        """The expert; see `Template.guide`."""
        yield from g.visit("mail", "/settings")
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
        """A task; see `Template.draw`."""
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
        """The expert; see `Template.guide`."""
        yield from g.visit("mail", "/compose")
        yield from g.fill("#to", task.facts["name"])
        yield from g.fill("#subject", task.facts["about"])
        spot = g.find("#file")
        if spot is not None and not spot.value.endswith(task.facts["file"]):
            yield from g.show(spot)
            yield ToolCall("upload", {"x": spot.x, "y": spot.y, "file": task.facts["file"]})
        yield from g.click("button[name=action][value=send]")


TEXT_TEMPLATES = (
    Open, Star, File, Label, Restore, Contact, FindFact, Reply, Forward, CountFrom, Tidy, Away, SendFile,
)  # fmt: skip
"""All of them."""
