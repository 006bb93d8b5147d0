"""What the tasks and experts of the webmail share: finding a message to ask about, and the way to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.world import Person
from mmgym_web.webnav.sites.calendar.choices import choose
from mmgym_web.webnav.sites.mail.site import PER_PAGE

__all__ = [
    "found_on",
    "list_path",
    "open_message",
    "pick_message",
    "reply",
    "send",
    "sender_of",
    "sent",
    "to_list",
]


def pick_message(episode: Episode, rng: np.random.Generator, where: str, *values: Any) -> sqlite3.Row:
    """A message whose subject no other has, not even as an answer.

    Raises:
        Redraw: when there is none.
    """
    rows = episode.db.execute(
        f"SELECT m.* FROM mail_messages m WHERE ({where}) AND subject NOT LIKE 'Re: %' AND NOT EXISTS (SELECT 1 FROM "
        "mail_messages o WHERE o.id != m.id AND o.subject LIKE '%' || m.subject) ORDER BY m.id",
        values,
    ).fetchall()
    row: sqlite3.Row = choose(rng, rows)
    return row


def sender_of(episode: Episode, message: sqlite3.Row) -> Person:
    """Who sent a message."""
    return next(p for p in episode.world.people if p.email == message["sender"])


def found_on(db: sqlite3.Connection, message: int) -> int:
    """Number of the page of its folder that lists a message, from 1 on."""
    row = db.execute("SELECT folder, sent_at FROM mail_messages WHERE id = ?", (message,)).fetchone()
    before = db.execute(
        "SELECT COUNT(*) FROM mail_messages WHERE folder = ? AND (sent_at > ? OR (sent_at = ? AND id < ?))",
        (row["folder"], row["sent_at"], row["sent_at"], message),
    ).fetchone()[0]
    return int(before) // PER_PAGE + 1


def list_path(db: sqlite3.Connection, message: int) -> str:
    """Path of that page."""
    folder = db.execute("SELECT folder FROM mail_messages WHERE id = ?", (message,)).fetchone()[0]
    page = found_on(db, message)
    return f"/folder/{folder}" + (f"?page={page}" if page > 1 else "")


def to_list(g: Guide, message: int) -> Iterator[ToolCall]:
    """Go to a page that links to a message: its folder, and from there page by page."""
    path, url = list_path(g.db, message), g.episode.site("mail").url(f"/message/{message}")
    if g.site == "mail" and g.find("a[href]", href=url):
        return
    folder, shown = path.split("?")[0], g.path.split("?")[0]
    if g.site == "mail" and (shown == folder or (shown == "/" and folder == "/folder/inbox")):
        text = g.path.partition("page=")[2] or "1"
        wanted, number = found_on(g.db, message), int(text) if text.isdigit() else 0
        if 0 < number < wanted:
            yield from g.click("a.next")
        if wanted < number <= wanted + 2:
            yield from g.click("a.previous")
    yield from g.visit("mail", folder)


def open_message(g: Guide, message: int) -> Iterator[ToolCall]:
    """Go to the page of a message."""
    path = f"/message/{message}"
    if not g.at("mail", path):
        yield from to_list(g, message)
        yield from g.visit("mail", path)


def reply(g: Guide, message: int, text: str) -> Iterator[ToolCall]:
    """Answer a message."""
    path = f"/compose?reply={message}"
    if not g.at("mail", path):
        yield from open_message(g, message)
        yield from g.visit("mail", path)
    row = g.db.execute("SELECT sender, subject FROM mail_messages WHERE id = ?", (message,)).fetchone()
    yield from send(g, to=row["sender"], subject=f"Re: {row['subject']}", body=text)


def send(g: Guide, **fields: str) -> Iterator[ToolCall]:
    """Fill in the form of a message, mend what is wrong in it, and send it."""
    for name, value in ({"cc": ""} | fields).items():
        yield from g.fill(f"#{name}", value)
    yield from g.click("button[name=action][value=send]")


def sent(**columns: Any) -> Expect:
    """That a message is sent, with these columns and no copies."""
    return Expect("mail_messages", "insert", {"folder": "sent", "cc": "", **columns})
