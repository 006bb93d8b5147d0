"""Short tasks on the webmail whose answers are in its texts."""

from __future__ import annotations

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
from mmgym_web.webnav.sites.mail.steps import found_on, open_message, pick_message, sender_of, to_list
from mmgym_web.webnav.sites.mail.words import subject

__all__ = ["SHORT_TEMPLATES"]

_FRESH = (
    "folder = 'inbox' AND sent_at >= "
    "(SELECT sent_at FROM mail_messages WHERE folder = 'inbox' ORDER BY sent_at DESC LIMIT 1 OFFSET 6)"
)
"""Among the newest seven messages of the inbox."""


class Open(Template):
    """Open the message with a given subject."""

    name: ClassVar[str] = "mail_open"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
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
        """The expert."""
        yield from open_message(g, task.facts["id"])


class Star(Template):
    """Star the message with a given subject."""

    name: ClassVar[str] = "mail_star"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
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
        """The expert."""
        yield from to_list(g, task.facts["id"])
        yield from g.click(f"button.star[formaction='/message/{task.facts['id']}/star']")


class File(Template):
    """Archive or delete a message."""

    name: ClassVar[str] = "mail_file"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
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
        """The expert."""
        yield from open_message(g, task.facts["id"])
        yield from g.click(f"button[name=folder][value={task.facts['folder']}]")


class Label(Template):
    """Put a label on a message."""

    name: ClassVar[str] = "mail_label"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
        message = pick_message(episode, rng, _FRESH)
        other = "SELECT * FROM mail_labels WHERE id NOT IN (SELECT label FROM mail_tags WHERE message = ?) ORDER BY id"
        label = choose(rng, episode.db.execute(other, (message["id"],)).fetchall())
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
        """The expert."""
        yield from open_message(g, task.facts["id"])
        yield from g.choose("select[name=label]", task.facts["label"])
        yield from g.click("select[name=label] + button")


class Restore(Template):
    """Take a message out of the trash, if it is there."""

    name: ClassVar[str] = "mail_restore"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A message in the trash; in a quarter of all tasks, one that does not exist."""
        message = pick_message(episode, rng, "folder = 'trash'")
        missing = bool(rng.integers(4) == 0)
        title = message["subject"]
        if missing:
            title = episode.world.distinct(rng, lambda r: subject(int(r.integers(1 << 20))), 1)[0]
            if episode.db.execute("SELECT 1 FROM mail_messages WHERE subject LIKE ?", (f"%{title}%",)).fetchone():
                raise Redraw("this message exists")
        text = say(
            rng,
            'I may have deleted the message "{title}" by mistake. Bring it back to the inbox. If it is not in the '
            "trash, "
            "say that it cannot be done while the trash is shown.",
            'Restore the deleted mail "{title}". Should the trash not hold it, give up there: it cannot be done then.',
            'The message "{title}" should not be in the trash: put it back to where it was. If there is no such '
            "message "
            "in the trash, stay there and say that you failed.",
            title=title,
        )
        content = belonging(episode, self.name, text)
        if missing:
            page = "mail:/folder/trash"
            return Task("mail", text, 2, page=page, infeasible=True, facts={"id": 0}, content=content)
        expect = Expect("mail_messages", "update", {"id": message["id"]}, {"folder": message["origin"], "origin": ""})
        facts, milestones = {"id": message["id"]}, ("/folder/trash",)
        return Task("mail", text, 3, expects=(expect,), milestones=milestones, facts=facts, content=content)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it in the trash and restore it."""
        if not task.facts["id"]:
            yield from g.visit("mail", "/folder/trash")
            yield from g.fail("there is no such message in the trash")
        yield from open_message(g, task.facts["id"])
        yield from g.click("button[name=folder][value=back]")


class Contact(Template):
    """Look up something about a contact."""

    name: ClassVar[str] = "mail_contact"
    sites: ClassVar[tuple[str, ...]] = ("mail",)
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task."""
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
        """The expert."""
        path = f"/contact/{task.facts['id']}"
        if not g.at("mail", path):
            yield from g.visit("mail", "/contacts")
            yield from g.visit("mail", path)
        assert task.answer is not None
        yield from g.answer(task.answer.value)


SHORT_TEMPLATES = (Open, Star, File, Label, Restore, Contact)
"""All of them."""
