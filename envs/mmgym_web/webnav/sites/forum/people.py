"""The forum's members, their private messages, and the moderator's queue."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.forum.pictures import draw_avatar

__all__ = ["ME", "People", "cut", "field", "integer"]

ME = 1
"""Number of the member that is logged in."""


class People(Site):
    """The pages about people."""

    @property
    def now(self) -> str:
        """The moment of whatever is done now."""
        return self.world.now.strftime("%Y-%m-%d %H:%M")

    # --- members and messages ---

    @page("/members")
    async def members(self, request: Request) -> Response:
        """All members."""
        sort, text = request.query_params.get("sort", "name"), request.query_params.get("q", "").strip()
        order = {"joined": "joined", "posts": "posts DESC, name"}.get(sort, "name")
        found = self.rows(
            f"SELECT u.*, (SELECT count(*) FROM forum_posts WHERE author = u.id) AS posts FROM forum_users u"
            f" WHERE name LIKE ? OR city LIKE ? OR job LIKE ? ORDER BY {order}",
            *[f"%{text}%"] * 3,
        )
        shown, number, last = cut(found, request.query_params.get("page"), 14)
        return self.render("members.html", request, members=shown, sort=sort, text=text, number=number, last=last)

    @page("/member/{id:int}")
    async def member(self, request: Request) -> Response:
        """A member's profile."""
        member = self.row("SELECT * FROM forum_users WHERE id = ?", request.path_params["id"])
        posts = self.rows(
            "SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
            " WHERE p.author = ? ORDER BY p.at DESC, p.id",
            member["id"],
        )
        known = bool(self.rows("SELECT 1 FROM forum_contacts WHERE user = ?", member["id"]))
        return self.render("member.html", request, member=member, posts=posts, known=known)

    @page("/member/{id:int}/contact", "POST")
    async def contact(self, request: Request) -> Response:
        """Add a member to one's contacts, or take them off."""
        number = self.value("SELECT id FROM forum_users WHERE id = ?", request.path_params["id"])
        if self._toggle("forum_contacts", "user", number):
            self.flash(request, self.t("The member is one of your contacts now."))
        else:
            self.flash(request, self.t("The member is no longer one of your contacts."))
        return self.redirect(f"/member/{number}")

    @page("/avatar/{id:int}.png")
    async def avatar(self, request: Request) -> Response:
        """A member's picture."""
        look = json.loads(self.value("SELECT avatar FROM forum_users WHERE id = ?", request.path_params["id"]))
        return Response(draw_avatar(**look), media_type="image/png")

    @page("/messages")
    async def messages(self, request: Request) -> Response:
        """Private messages: received, or sent."""
        sent = request.query_params.get("box") == "sent"
        mine, other = ("sender", "recipient") if sent else ("recipient", "sender")
        found = self.rows(
            f"SELECT m.*, u.name FROM forum_messages m JOIN forum_users u ON u.id = m.{other}"
            f" WHERE m.{mine} = ? ORDER BY m.at DESC, m.id",
            ME,
        )
        return self.render("inbox.html", request, letters=found, sent=sent)

    @page("/message/{id:int}")
    async def message(self, request: Request) -> Response:
        """One private message."""
        letter = self.row(
            "SELECT m.*, s.name AS from_name, r.name AS to_name FROM forum_messages m JOIN forum_users s"
            " ON s.id = m.sender JOIN forum_users r ON r.id = m.recipient WHERE m.id = ?",
            request.path_params["id"],
        )
        self.run("UPDATE forum_messages SET is_read = 1 WHERE id = ?", letter["id"])
        return self.render("message.html", request, letter=letter)

    @page("/compose", "GET", "POST")
    async def compose(self, request: Request) -> Response:
        """Write a private message."""
        users = self.rows("SELECT * FROM forum_users WHERE id != ? ORDER BY name", ME)
        shown: dict[str, Any] = {
            "to": integer(request.query_params.get("to")),
            "subject": "",
            "body": "",
            "error": "",
            "users": users,
        }
        if request.method == "GET":
            return self.render("compose.html", request, **shown)
        form = await request.form()
        shown |= {"to": integer(field(form, "to")), "subject": field(form, "subject"), "body": field(form, "body")}
        if shown["to"] not in {user["id"] for user in users}:
            shown["error"] = self.t("Please choose a recipient.")
        elif not shown["subject"] or not shown["body"]:
            shown["error"] = self.t("Please fill in all fields.")
        if shown["error"]:
            return self.render("compose.html", request, 422, **shown)
        self.run(
            "INSERT INTO forum_messages (sender, recipient, subject, body, at, is_read) VALUES (?, ?, ?, ?, ?, 1)",
            ME,
            shown["to"],
            shown["subject"],
            shown["body"],
            self.now,
        )
        self.flash(request, self.t("Your message has been sent."))
        return self.redirect("/messages?box=sent")

    # --- moderation ---

    @page("/moderation")
    async def moderation(self, request: Request) -> Response:
        """Reports that wait for a decision, from the boards that one moderates."""
        found = self.rows(
            "SELECT r.*, u.name, t.title, b.name AS board FROM forum_reports r JOIN forum_posts p ON p.id = r.post"
            " JOIN forum_threads t ON t.id = p.thread JOIN forum_boards b ON b.id = t.board"
            " JOIN forum_users u ON u.id = r.reporter WHERE b.moderator = ? AND r.status = 'open' ORDER BY r.id",
            ME,
        )
        boards = self.rows("SELECT * FROM forum_boards WHERE moderator = ? ORDER BY position", ME)
        return self.render("moderation.html", request, reports=found, boards=boards)

    @page("/case/{id:int}", "GET", "POST")
    async def case(self, request: Request) -> Response:
        """One report: remove the post, or dismiss the report."""
        case = self.row(
            "SELECT r.*, p.body, p.at, t.title, t.id AS thread, w.name AS author, u.name AS reporter_name"
            " FROM forum_reports r JOIN forum_posts p ON p.id = r.post JOIN forum_threads t ON t.id = p.thread"
            " JOIN forum_boards b ON b.id = t.board JOIN forum_users w ON w.id = p.author"
            " JOIN forum_users u ON u.id = r.reporter WHERE r.id = ? AND b.moderator = ?",
            request.path_params["id"],
            ME,
        )
        if request.method == "GET" or case["status"] != "open":
            return self.render("case.html", request, case=case)
        form = await request.form()
        if field(form, "action") == "remove":
            self.run("UPDATE forum_posts SET removed = 1 WHERE id = ?", case["post"])
            self.run("UPDATE forum_reports SET status = 'removed' WHERE id = ?", case["id"])
            self.flash(request, self.t("The post has been removed."))
        else:
            self.run("UPDATE forum_reports SET status = 'dismissed' WHERE id = ?", case["id"])
            self.flash(request, self.t("The report has been dismissed."))
        return self.redirect("/moderation")

    # --- what several pages need ---

    def _toggle(self, table: str, column: str, number: int) -> bool:
        if self.rows(f"SELECT 1 FROM {table} WHERE {column} = ?", number):
            self.run(f"DELETE FROM {table} WHERE {column} = ?", number)
            return False
        self.run(f"INSERT INTO {table} ({column}) VALUES (?)", number)
        return True


def cut(found: list[Any], number: str | None, size: int) -> tuple[list[Any], int, int]:
    """The rows of one page, its number, and the number of the last page."""
    last = max(1, -(-len(found) // size))
    at = min(max(1, integer(number)), last)
    return found[size * (at - 1) : size * at], at, last


def field(form: FormData, name: str) -> str:
    """A field of a form with its spacing tidied, empty if it is missing."""
    return " ".join(str(form.get(name, "")).split())


def integer(text: str | None) -> int:
    """A number from an address or a form, 0 if it is none."""
    return int(text) if text and text.isdecimal() and len(text) < 9 else 0
