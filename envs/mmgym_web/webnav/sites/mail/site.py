"""A webmail: folders, messages with pictures, writing and answering, labels, contacts, search and settings."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import Any, ClassVar

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mmgym_web.webnav.kit.site import page
from mmgym_web.webnav.sites.calendar.pictures import png
from mmgym_web.webnav.sites.mail.content import fill
from mmgym_web.webnav.sites.mail.people import People
from mmgym_web.webnav.sites.mail.pictures import draw
from mmgym_web.webnav.sites.mail.writing import Writing

__all__ = ["FOLDERS", "PER_PAGE", "Mail"]

FOLDERS = {
    "inbox": "Inbox", "starred": "Starred", "sent": "Sent", "drafts": "Drafts", "archive": "Archive", "spam": "Spam",
    "trash": "Trash",
}  # fmt: skip
"""Folders and their labels; ``starred`` shows the starred messages of all others."""
PER_PAGE = 9
_BOXES = ("inbox", "archive", "spam", "trash")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Mail(Writing, People):
    """The webmail of the world's user."""

    name, title = "mail", "Pigeon Mail"
    menu = (
        *((label, f"/folder/{folder}") for folder, label in FOLDERS.items()),
        *(("Contacts", "/contacts"), ("Settings", "/settings")),
    )
    incidental = frozenset({"mail_messages.is_read"})
    known_by: ClassVar = {"mail_tags": ("message", "label")}
    folder_labels: ClassVar[dict[str, str]] = FOLDERS
    schema = """
        CREATE TABLE mail_messages (
            id INTEGER PRIMARY KEY, thread INTEGER, folder TEXT, origin TEXT, sender TEXT, recipients TEXT, cc TEXT,
            subject TEXT, body TEXT, signature TEXT, sent_at TEXT, is_read INTEGER, starred INTEGER);
        CREATE TABLE mail_attachments (
            id INTEGER PRIMARY KEY, message INTEGER, name TEXT, spec TEXT, digest TEXT, size INTEGER, content BLOB);
        CREATE TABLE mail_facts (message INTEGER, kind TEXT, value TEXT);
        CREATE TABLE mail_labels (id INTEGER PRIMARY KEY, name TEXT, colour TEXT);
        CREATE TABLE mail_tags (message INTEGER, label INTEGER, UNIQUE (message, label));
        CREATE TABLE mail_contacts (
            id INTEGER PRIMARY KEY, name TEXT, email TEXT, phone TEXT, company TEXT, address TEXT, birthday TEXT,
            job TEXT);
        CREATE TABLE mail_settings (
            id INTEGER PRIMARY KEY, signature TEXT, notify TEXT, away INTEGER, away_text TEXT, alias TEXT);
    """

    def populate(self) -> None:
        """Fill the mailboxes."""
        fill(self)

    # --- what the templates use ---

    def render(self, template: str, request: Request, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, with what can be undone."""
        undo = self.session(request).pop("offer", "")
        return super().render(template, request, status, undo=undo, **values)

    def who(self, address: str) -> str:
        """The name that belongs to an address."""
        if address == self.world.me.email:
            return self.world.me.name
        found = self.rows("SELECT name FROM mail_contacts WHERE email = ?", address)
        return str(found[0]["name"]) if found else address

    def date(self, moment: str) -> str:
        """A short date: the time today, else day and month."""
        when = dt.datetime.fromisoformat(moment)
        if when.date() == self.world.now.date():
            return f"{when:%H:%M}"
        return f"{when.day} {self.t(_MONTHS[when.month - 1])}"

    def long_date(self, moment: str) -> str:
        """A date with year and time."""
        when = dt.datetime.fromisoformat(moment)
        return f"{when.day} {self.t(_MONTHS[when.month - 1])} {when.year}, {when:%H:%M}"

    def tags(self, message: int) -> list[sqlite3.Row]:
        """The labels of a message."""
        return self.rows(
            "SELECT l.* FROM mail_labels l JOIN mail_tags t ON t.label = l.id WHERE t.message = ? ORDER BY l.name",
            message,
        )

    def other_site(self, site: str) -> str:
        """Address of another site of this world."""
        return f"http://{site}.{self.world.town}.test/"

    # --- lists ---

    @page("/")
    async def home(self, request: Request) -> Response:
        """The inbox."""
        return self._folder(request, "inbox")

    @page("/folder/{folder}")
    async def folder(self, request: Request) -> Response:
        """A folder, page by page."""
        folder = request.path_params["folder"]
        if folder not in FOLDERS:
            raise LookupError(f"there is no folder {folder}")
        return self._folder(request, folder)

    def _folder(self, request: Request, folder: str) -> Response:
        where = "starred = 1 AND folder != 'trash'" if folder == "starred" else "folder = ?"
        return self._list(
            request, where, () if folder == "starred" else (folder,), folder=folder, title=FOLDERS[folder]
        )

    @page("/label/{id:int}")
    async def label(self, request: Request) -> Response:
        """The messages with a label."""
        label = self.row("SELECT * FROM mail_labels WHERE id = ?", request.path_params["id"])
        where = "folder != 'trash' AND id IN (SELECT message FROM mail_tags WHERE label = ?)"
        return self._list(request, where, (label["id"],), folder="", title=label["name"])

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Messages by words, sender, folder and attachment."""
        query = request.query_params
        where, values = ["folder != 'trash'"], []
        for word in query.get("q", "").split():
            where.append("(subject LIKE ? OR body LIKE ? OR sender LIKE ?)")
            values += [f"%{word}%"] * 3
        if query.get("from"):
            where.append("sender = ?")
            values.append(query["from"])
        if query.get("in") in FOLDERS:
            where.append("folder = ?")
            values.append(query["in"])
        if query.get("attachment"):
            where.append("id IN (SELECT message FROM mail_attachments)")
        people = self.rows("SELECT name, email FROM mail_contacts ORDER BY name")
        return self._list(request, " AND ".join(where), tuple(values), folder="search", title="Search", people=people)

    def _list(self, request: Request, where: str, values: tuple[Any, ...], folder: str, **more: Any) -> Response:
        number = _page_number(request)
        total = self.value(f"SELECT COUNT(*) FROM mail_messages WHERE {where}", *values)
        order = "sent_at, id DESC" if request.query_params.get("sort") == "oldest" else "sent_at DESC, id"
        letters = self.rows(
            f"SELECT *, (SELECT COUNT(*) FROM mail_attachments a WHERE a.message = mail_messages.id) AS pictures "
            f"FROM mail_messages WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
            *(*values, PER_PAGE, PER_PAGE * (number - 1)),
        )
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        unread = self.value("SELECT COUNT(*) FROM mail_messages WHERE folder = 'inbox' AND is_read = 0")
        labels = self.rows("SELECT * FROM mail_labels ORDER BY name")
        return self.render(
            "list.html", request, letters=letters, number=number, pages=max(1, -(-total // PER_PAGE)), total=total,
            folder=folder, here=here, unread=unread, labels=labels, query=request.query_params,
            page_url=lambda n: str(request.url.include_query_params(page=n).replace(scheme="", netloc="")), **more,
        )  # fmt: skip

    # --- messages ---

    def _message(self, request: Request) -> sqlite3.Row:
        return self.row("SELECT * FROM mail_messages WHERE id = ?", request.path_params["id"])

    @page("/message/{id:int}")
    async def message(self, request: Request) -> Response:
        """A message, with the others of its thread below."""
        message = self._message(request)
        self.run("UPDATE mail_messages SET is_read = 1 WHERE id = ?", message["id"])
        thread = self.rows(
            "SELECT * FROM mail_messages WHERE thread = ? AND id != ? AND folder != 'trash' ORDER BY sent_at DESC",
            *(message["thread"], message["id"]),
        )
        attachments = self.rows("SELECT id, name, size, spec FROM mail_attachments WHERE message = ?", message["id"])
        labels = self.rows("SELECT * FROM mail_labels ORDER BY name")
        return self.render(
            "message.html", request, message=message, thread=thread, attachments=attachments, labels=labels
        )

    @page("/message/{id:int}/star", "POST")
    async def star(self, request: Request) -> Response:
        """Star a message, or take its star."""
        self.run("UPDATE mail_messages SET starred = 1 - starred WHERE id = ?", self._message(request)["id"])
        return self.redirect(_next(await request.form(), f"/message/{request.path_params['id']}"))

    @page("/message/{id:int}/move", "POST")
    async def move(self, request: Request) -> Response:
        """Move a message to a folder."""
        message, form = self._message(request), await request.form()
        self._move(request, [message["id"]], str(form.get("folder")))
        return self.redirect(f"/folder/{message['folder']}")

    @page("/bulk", "POST")
    async def bulk(self, request: Request) -> Response:
        """Do something with the ticked messages of a list."""
        form = await request.form()
        ids = [int(str(value)) for value in form.getlist("ids") if str(value).isdecimal()]
        action = str(form.get("action"))
        if not ids:
            self.flash(request, self.t("Tick at least one message first."))
        elif action in ("read", "unread"):
            marks = ", ".join("?" * len(ids))
            self.run(f"UPDATE mail_messages SET is_read = ? WHERE id IN ({marks})", int(action == "read"), *ids)
        else:
            self._move(request, ids, action)
        return self.redirect(_next(form, "/"))

    def _move(self, request: Request, ids: list[int], folder: str) -> None:
        if folder not in (*_BOXES, "back"):
            raise LookupError(f"there is no folder {folder}")
        rows = [self.row("SELECT id, folder, origin FROM mail_messages WHERE id = ?", message) for message in ids]
        for row in rows:
            target = (row["origin"] or "inbox") if folder == "back" else folder
            origin = row["folder"] if target == "trash" and row["folder"] != "trash" else ""
            self.run("UPDATE mail_messages SET folder = ?, origin = ? WHERE id = ?", target, origin, row["id"])
        done = {"archive": "Archived.", "spam": "Marked as spam.", "trash": "Moved to the trash."}.get(folder, "Moved.")
        self.session(request)["undo"] = [list(row) for row in rows]
        self.session(request)["offer"] = self.t(done)

    @page("/undo", "POST")
    async def undo(self, request: Request) -> Response:
        """Take back the last move."""
        for message, folder, origin in self.session(request).pop("undo", []):
            self.run("UPDATE mail_messages SET folder = ?, origin = ? WHERE id = ?", folder, origin, message)
        self.flash(request, self.t("Undone."))
        return self.redirect(_next(await request.form(), "/"))

    @page("/message/{id:int}/label", "POST")
    async def tag(self, request: Request) -> Response:
        """Put a label on a message."""
        message, form = self._message(request), await request.form()
        if str(form.get("label", "")).isdecimal():
            label = self.row("SELECT id FROM mail_labels WHERE id = ?", int(str(form["label"])))
            self.run("INSERT OR IGNORE INTO mail_tags (message, label) VALUES (?, ?)", message["id"], label["id"])
            self.flash(request, self.t("Label added."))
        return self.redirect(f"/message/{message['id']}")

    @page("/message/{id:int}/unlabel", "POST")
    async def untag(self, request: Request) -> Response:
        """Take a label off a message."""
        message, form = self._message(request), await request.form()
        self.run("DELETE FROM mail_tags WHERE message = ? AND label = ?", message["id"], str(form.get("label")))
        return self.redirect(f"/message/{message['id']}")

    @page("/attachment/{id:int}.png")
    async def picture(self, request: Request) -> Response:
        """The picture of an attachment."""
        row = self.row("SELECT spec, content FROM mail_attachments WHERE id = ?", request.path_params["id"])
        content = png(draw(json.loads(row["spec"]))) if row["spec"] else bytes(row["content"])
        return Response(content, media_type="image/png")


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1


def _next(form: FormData, default: str) -> str:
    """The page of this site to go back to."""
    path = str(form.get("next") or "")
    return path if path.startswith("/") and not path.startswith("//") else default
