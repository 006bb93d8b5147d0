"""The forum's pages and its database."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.forum.pictures import draw_avatar, draw_plate
from mmgym_web.webnav.sites.forum.rows import draw_rows
from mmgym_web.webnav.sites.forum.words import REASONS, TAGS

__all__ = ["ME", "POSTS_PER_PAGE", "THREADS_PER_PAGE", "Forum"]

ME = 1
"""Number of the member that is logged in."""
THREADS_PER_PAGE = 8
POSTS_PER_PAGE = 6
_SORTS = {
    "latest": "last DESC, t.id",
    "posts": "posts DESC, t.id",
    "new": "first DESC, t.id",
    "old": "first, t.id",
    "title": "t.title",
}
_THREADS = """
    SELECT t.*, u.name AS author_name, b.name AS board_name, (SELECT count(*) FROM forum_posts WHERE thread = t.id) AS posts,
        (SELECT min(at) FROM forum_posts WHERE thread = t.id) AS first,
        (SELECT max(at) FROM forum_posts WHERE thread = t.id) AS last,
        EXISTS (SELECT 1 FROM forum_polls WHERE thread = t.id) AS poll
    FROM forum_threads t JOIN forum_users u ON u.id = t.author JOIN forum_boards b ON b.id = t.board
"""


class Forum(Site):
    """Boards with threads and polls, members, private messages, and a moderator's queue."""

    name, title = "forum", "Roundtable"
    menu = (
        ("Boards", "/"),
        ("Members", "/members"),
        ("Messages", "/messages"),
        ("My posts", "/mine"),
        ("Followed", "/followed"),
        ("Moderation", "/moderation"),
        ("Wiki", "/wiki"),
    )
    schema = """
        CREATE TABLE forum_users (id INTEGER PRIMARY KEY, name TEXT, city TEXT, job TEXT, joined TEXT, about TEXT,
            signature TEXT, avatar TEXT);
        CREATE TABLE forum_boards (position INTEGER PRIMARY KEY, id INTEGER, name TEXT, about TEXT, moderator INTEGER);
        CREATE TABLE forum_threads (id INTEGER PRIMARY KEY, board INTEGER, author INTEGER, title TEXT, tag TEXT,
            locked INTEGER, matter TEXT);
        CREATE TABLE forum_posts (id INTEGER PRIMARY KEY, thread INTEGER, author INTEGER, body TEXT, at TEXT,
            quote_of INTEGER, points INTEGER, picture TEXT, removed INTEGER, edited_at TEXT);
        CREATE INDEX forum_by_thread ON forum_posts (thread);
        CREATE TABLE forum_likes (id INTEGER PRIMARY KEY, post INTEGER UNIQUE);
        CREATE TABLE forum_polls (id INTEGER PRIMARY KEY, thread INTEGER, question TEXT, closed INTEGER);
        CREATE TABLE forum_options (id INTEGER PRIMARY KEY, poll INTEGER, label TEXT, votes INTEGER);
        CREATE TABLE forum_ballots (id INTEGER PRIMARY KEY, poll INTEGER UNIQUE, option INTEGER);
        CREATE TABLE forum_follows (id INTEGER PRIMARY KEY, thread INTEGER UNIQUE);
        CREATE TABLE forum_contacts (id INTEGER PRIMARY KEY, user INTEGER UNIQUE);
        CREATE TABLE forum_reports (id INTEGER PRIMARY KEY, post INTEGER, reporter INTEGER, reason TEXT, status TEXT);
        CREATE TABLE forum_messages (id INTEGER PRIMARY KEY, sender INTEGER, recipient INTEGER, subject TEXT, body TEXT,
            at TEXT, is_read INTEGER);
    """
    incidental = frozenset({"forum_messages.is_read", "forum_posts.edited_at"})

    def populate(self) -> None:
        """Fill the tables."""
        for table, rows in draw_rows(self.world).items():
            self.insert(table, rows)

    @property
    def now(self) -> str:
        """The moment of whatever is done now."""
        return self.world.now.strftime("%Y-%m-%d %H:%M")

    # --- boards and threads ---

    @page("/")
    async def home(self, request: Request) -> Response:
        """All boards, and what was written last."""
        boards = self.rows(
            "SELECT b.*, count(DISTINCT t.id) AS threads, count(p.id) AS posts FROM forum_boards b LEFT JOIN forum_threads t"
            " ON t.board = b.id LEFT JOIN forum_posts p ON p.thread = t.id GROUP BY b.position ORDER BY b.position"
        )  # fmt: skip
        latest = self.rows(f"{_THREADS} ORDER BY last DESC, t.id LIMIT 5")
        return self.render("home.html", request, boards=boards, latest=latest)

    @page("/board/{id:int}")
    async def board(self, request: Request) -> Response:
        """The threads of a board: sorted, with one tag or all, in pages."""
        board = self.row("SELECT * FROM forum_boards WHERE id = ?", request.path_params["id"])
        sort, tag = request.query_params.get("sort", "latest"), request.query_params.get("tag", "")
        found = self.rows(f"{_THREADS} WHERE t.board = ? AND (? = '' OR t.tag = ?) ORDER BY {_SORTS.get(sort, 't.id')}",
                          board["id"], tag, tag)  # fmt: skip
        shown, number, last = _cut(found, request.query_params.get("page"), THREADS_PER_PAGE)
        return self.render("board.html", request, board=board, threads=shown, sort=sort, tag=tag, tags=TAGS,
                           number=number, last=last)  # fmt: skip

    @page("/thread/{id:int}")
    async def thread(self, request: Request) -> Response:
        """A thread, in pages."""
        return self._show_thread(request, request.path_params["id"])

    @page("/thread/{id:int}/reply", "GET", "POST")
    async def reply(self, request: Request) -> Response:
        """Reply to a thread, or to one of its posts."""
        thread = self.row("SELECT * FROM forum_threads WHERE id = ?", request.path_params["id"])
        form = await request.form()
        body, source = _text(form, "body"), _integer(_text(form, "quote") or request.query_params.get("quote"))
        quoted = self.row(
            "SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author WHERE p.id = ? AND p.thread = ?",
            source, thread["id"],
        ) if source else None  # fmt: skip
        error = self.t("This thread is closed.") if thread["locked"] else ""
        if request.method == "POST" and not error and not body:
            error = self.t("Please write something.")
        if request.method == "GET" or error:
            status = 422 if request.method == "POST" else 200
            return self.render("reply.html", request, status, thread=thread, quoted=quoted, body=body, error=error)
        self.run("INSERT INTO forum_posts (thread, author, body, at, quote_of, points, picture, removed, edited_at)"
                 " VALUES (?, ?, ?, ?, ?, 0, '', 0, '')", thread["id"], ME, body, self.now, source or None)  # fmt: skip
        self.flash(request, self.t("Your post has been published."))
        posts = self.value("SELECT count(*) FROM forum_posts WHERE thread = ?", thread["id"])
        return self.redirect(f"/thread/{thread['id']}?page={-(-posts // POSTS_PER_PAGE)}")

    @page("/thread/{id:int}/follow", "POST")
    async def follow(self, request: Request) -> Response:
        """Follow a thread, or stop."""
        number = self.value("SELECT id FROM forum_threads WHERE id = ?", request.path_params["id"])
        if self._toggle("forum_follows", "thread", number):
            self.flash(request, self.t("You follow this thread now."))
        else:
            self.flash(request, self.t("You no longer follow this thread."))
        return self.redirect(f"/thread/{number}")

    @page("/new", "GET", "POST")
    async def new(self, request: Request) -> Response:
        """Start a thread."""
        boards = self.rows("SELECT * FROM forum_boards ORDER BY position")
        shown: dict[str, Any] = {"board": _integer(request.query_params.get("board")), "subject": "", "tag": "",
                                 "body": "", "error": "", "boards": boards, "tags": TAGS}  # fmt: skip
        if request.method == "GET":
            return self.render("new.html", request, **shown)
        form = await request.form()
        shown |= {name: _text(form, name) for name in ("subject", "tag", "body")} | {
            "board": _integer(_text(form, "board"))
        }
        if shown["board"] not in {board["id"] for board in boards} or shown["tag"] not in TAGS:
            shown["error"] = self.t("Please choose a board and a tag.")
        elif not shown["subject"] or not shown["body"]:
            shown["error"] = self.t("Please fill in all fields.")
        if shown["error"]:
            return self.render("new.html", request, 422, **shown)
        number = self.run("INSERT INTO forum_threads (board, author, title, tag, locked, matter) VALUES (?, ?, ?, ?, 0, '')",
                          shown["board"], ME, shown["subject"], shown["tag"])  # fmt: skip
        self.run("INSERT INTO forum_posts (thread, author, body, at, quote_of, points, picture, removed, edited_at)"
                 " VALUES (?, ?, ?, ?, NULL, 0, '', 0, '')", number, ME, shown["body"], self.now)  # fmt: skip
        self.flash(request, self.t("Your thread has been published."))
        return self.redirect(f"/thread/{number}")

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Threads that hold a text, and perhaps are by one member."""
        text, author = request.query_params.get("q", "").strip(), _integer(request.query_params.get("author"))
        like = "%" + text.replace("%", "").replace("_", " ") + "%"
        found = self.rows(
            f"{_THREADS} WHERE (? = 0 OR t.author = ?) AND (t.title LIKE ? OR EXISTS (SELECT 1 FROM forum_posts"
            " WHERE thread = t.id AND removed = 0 AND body LIKE ?)) ORDER BY t.title LIKE ? DESC, last DESC, t.id LIMIT 30",
            author, author, like, like, like,
        ) if text or author else []  # fmt: skip
        users = self.rows("SELECT * FROM forum_users ORDER BY name")
        return self.render("search.html", request, text=text, author=author, found=found, users=users)

    @page("/followed")
    async def followed(self, request: Request) -> Response:
        """The threads that one follows."""
        found = self.rows(f"{_THREADS} JOIN forum_follows f ON f.thread = t.id ORDER BY last DESC, t.id")
        return self.render("followed.html", request, threads=found)

    @page("/wiki")
    async def wiki(self, request: Request) -> Response:
        """Go to the wiki of the same town."""
        return RedirectResponse(f"http://wiki.{self.world.town}.test/", 303)

    # --- posts ---

    @page("/mine")
    async def mine(self, request: Request) -> Response:
        """One's own posts."""
        found = self.rows("SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
                          " WHERE p.author = ? ORDER BY p.at DESC, p.id", ME)  # fmt: skip
        return self.render("mine.html", request, posts=found)

    @page("/post/{id:int}/edit", "GET", "POST")
    async def edit(self, request: Request) -> Response:
        """Change a post of one's own."""
        post = self._own_post(request)
        form = await request.form()
        body = _text(form, "body")
        if request.method == "GET" or not body:
            error = self.t("Please write something.") if request.method == "POST" else ""
            return self.render("edit.html", request, 422 if error else 200, post=post, error=error,
                               body=body if error else post["body"])  # fmt: skip
        self.run("UPDATE forum_posts SET body = ?, edited_at = ? WHERE id = ?", body, self.now, post["id"])
        self.flash(request, self.t("Your post has been changed."))
        return self.redirect(self._place(post))

    @page("/post/{id:int}/delete", "GET", "POST")
    async def delete(self, request: Request) -> Response:
        """Delete a post of one's own, after a question."""
        post = self._own_post(request)
        if request.method == "GET":
            return self.render("delete.html", request, post=post)
        self.run("DELETE FROM forum_posts WHERE id = ?", post["id"])
        self.flash(request, self.t("Your post has been deleted."))
        return self.redirect("/mine")

    @page("/post/{id:int}/like", "POST")
    async def like(self, request: Request) -> Response:
        """Like a post, or take that back."""
        post = self.row("SELECT * FROM forum_posts WHERE id = ?", request.path_params["id"])
        self._toggle("forum_likes", "post", post["id"])
        return self.redirect(self._place(post))

    @page("/post/{id:int}/report", "GET", "POST")
    async def report(self, request: Request) -> Response:
        """Report a post to the moderator."""
        post = self.row("SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author WHERE p.id = ?",
                        request.path_params["id"])  # fmt: skip
        form = await request.form()
        reason = _text(form, "reason")
        if request.method == "GET" or reason not in REASONS:
            error = self.t("Please choose a reason.") if request.method == "POST" else ""
            return self.render("report.html", request, 422 if error else 200, post=post, reasons=REASONS, error=error)
        self.run(
            "INSERT INTO forum_reports (post, reporter, reason, status) VALUES (?, ?, ?, 'open')",
            post["id"],
            ME,
            reason,
        )
        self.flash(request, self.t("Thank you, a moderator will look at it."))
        return self.redirect(self._place(post))

    @page("/picture/{id:int}.png")
    async def picture(self, request: Request) -> Response:
        """The photograph in a post."""
        picture = self.value(
            "SELECT picture FROM forum_posts WHERE id = ? AND picture != ''", request.path_params["id"]
        )
        return Response(draw_plate(**json.loads(picture)), media_type="image/png")

    # --- polls ---

    @page("/poll/{id:int}")
    async def poll(self, request: Request) -> Response:
        """The result of a poll, as a chart."""
        poll = self.row("SELECT p.*, t.title FROM forum_polls p JOIN forum_threads t ON t.id = p.thread WHERE p.id = ?",
                        request.path_params["id"])  # fmt: skip
        options = self.rows(
            "SELECT o.label, o.votes + (SELECT count(*) FROM forum_ballots WHERE option = o.id) AS votes"
            " FROM forum_options o WHERE poll = ? ORDER BY id", poll["id"],
        )  # fmt: skip
        return self.render("poll.html", request, poll=poll, options=[[row["label"], row["votes"]] for row in options])

    @page("/poll/{id:int}/vote", "POST")
    async def vote(self, request: Request) -> Response:
        """Vote in an open poll, once."""
        poll = self.row("SELECT * FROM forum_polls WHERE id = ?", request.path_params["id"])
        form = await request.form()
        chosen = self.rows(
            "SELECT id FROM forum_options WHERE id = ? AND poll = ?", _integer(_text(form, "option")), poll["id"]
        )
        if poll["closed"] or self.rows("SELECT 1 FROM forum_ballots WHERE poll = ?", poll["id"]):
            self.flash(request, self.t("One can no longer vote here."))
        elif not chosen:
            self.flash(request, self.t("Please choose an option."))
        else:
            self.run("INSERT INTO forum_ballots (poll, option) VALUES (?, ?)", poll["id"], chosen[0]["id"])
            self.flash(request, self.t("Your vote has been counted."))
            return self.redirect(f"/poll/{poll['id']}")
        return self.redirect(f"/thread/{poll['thread']}")

    # --- members and messages ---

    @page("/members")
    async def members(self, request: Request) -> Response:
        """All members."""
        sort, text = request.query_params.get("sort", "name"), request.query_params.get("q", "").strip()
        order = {"joined": "joined", "posts": "posts DESC, name"}.get(sort, "name")
        found = self.rows(f"SELECT u.*, (SELECT count(*) FROM forum_posts WHERE author = u.id) AS posts FROM forum_users u"
                          f" WHERE name LIKE ? OR city LIKE ? OR job LIKE ? ORDER BY {order}", *[f"%{text}%"] * 3)  # fmt: skip
        shown, number, last = _cut(found, request.query_params.get("page"), 14)
        return self.render("members.html", request, members=shown, sort=sort, text=text, number=number, last=last)

    @page("/member/{id:int}")
    async def member(self, request: Request) -> Response:
        """A member's profile."""
        member = self.row("SELECT * FROM forum_users WHERE id = ?", request.path_params["id"])
        posts = self.rows("SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
                          " WHERE p.author = ? ORDER BY p.at DESC, p.id", member["id"])  # fmt: skip
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
        found = self.rows(f"SELECT m.*, u.name FROM forum_messages m JOIN forum_users u ON u.id = m.{other}"
                          f" WHERE m.{mine} = ? ORDER BY m.at DESC, m.id", ME)  # fmt: skip
        return self.render("inbox.html", request, letters=found, sent=sent)

    @page("/message/{id:int}")
    async def message(self, request: Request) -> Response:
        """One private message."""
        letter = self.row("SELECT m.*, s.name AS from_name, r.name AS to_name FROM forum_messages m JOIN forum_users s"
                          " ON s.id = m.sender JOIN forum_users r ON r.id = m.recipient WHERE m.id = ?",
                          request.path_params["id"])  # fmt: skip
        self.run("UPDATE forum_messages SET is_read = 1 WHERE id = ?", letter["id"])
        return self.render("message.html", request, letter=letter)

    @page("/compose", "GET", "POST")
    async def compose(self, request: Request) -> Response:
        """Write a private message."""
        users = self.rows("SELECT * FROM forum_users WHERE id != ? ORDER BY name", ME)
        shown: dict[str, Any] = {"to": _integer(request.query_params.get("to")), "subject": "", "body": "", "error": "",
                                 "users": users}  # fmt: skip
        if request.method == "GET":
            return self.render("compose.html", request, **shown)
        form = await request.form()
        shown |= {"to": _integer(_text(form, "to")), "subject": _text(form, "subject"), "body": _text(form, "body")}
        if shown["to"] not in {user["id"] for user in users}:
            shown["error"] = self.t("Please choose a recipient.")
        elif not shown["subject"] or not shown["body"]:
            shown["error"] = self.t("Please fill in all fields.")
        if shown["error"]:
            return self.render("compose.html", request, 422, **shown)
        self.run("INSERT INTO forum_messages (sender, recipient, subject, body, at, is_read) VALUES (?, ?, ?, ?, ?, 1)",
                 ME, shown["to"], shown["subject"], shown["body"], self.now)  # fmt: skip
        self.flash(request, self.t("Your message has been sent."))
        return self.redirect("/messages?box=sent")

    # --- moderation ---

    @page("/moderation")
    async def moderation(self, request: Request) -> Response:
        """Reports that wait for a decision, from the boards that one moderates."""
        found = self.rows(
            "SELECT r.*, u.name, t.title, b.name AS board FROM forum_reports r JOIN forum_posts p ON p.id = r.post"
            " JOIN forum_threads t ON t.id = p.thread JOIN forum_boards b ON b.id = t.board"
            " JOIN forum_users u ON u.id = r.reporter WHERE b.moderator = ? AND r.status = 'open' ORDER BY r.id", ME,
        )  # fmt: skip
        boards = self.rows("SELECT * FROM forum_boards WHERE moderator = ? ORDER BY position", ME)
        return self.render("moderation.html", request, reports=found, boards=boards)

    @page("/case/{id:int}", "GET", "POST")
    async def case(self, request: Request) -> Response:
        """One report: remove the post, or dismiss the report."""
        case = self.row(
            "SELECT r.*, p.body, p.at, t.title, t.id AS thread, w.name AS author, u.name AS reporter_name"
            " FROM forum_reports r JOIN forum_posts p ON p.id = r.post JOIN forum_threads t ON t.id = p.thread"
            " JOIN forum_boards b ON b.id = t.board JOIN forum_users w ON w.id = p.author"
            " JOIN forum_users u ON u.id = r.reporter WHERE r.id = ? AND b.moderator = ?", request.path_params["id"], ME,
        )  # fmt: skip
        if request.method == "GET" or case["status"] != "open":
            return self.render("case.html", request, case=case)
        form = await request.form()
        if _text(form, "action") == "remove":
            self.run("UPDATE forum_posts SET removed = 1 WHERE id = ?", case["post"])
            self.run("UPDATE forum_reports SET status = 'removed' WHERE id = ?", case["id"])
            self.flash(request, self.t("The post has been removed."))
        else:
            self.run("UPDATE forum_reports SET status = 'dismissed' WHERE id = ?", case["id"])
            self.flash(request, self.t("The report has been dismissed."))
        return self.redirect("/moderation")

    # --- what several pages need ---

    def _show_thread(self, request: Request, number: int) -> Response:
        thread = self.row(f"{_THREADS} WHERE t.id = ?", number)
        seen = self.session(request).setdefault("seen", [])
        if number in seen:
            seen.remove(number)
        seen.append(number)
        posts = self.rows(
            "SELECT p.*, u.name, u.signature, q.body AS quoted, v.name AS quoted_name,"
            " EXISTS (SELECT 1 FROM forum_likes WHERE post = p.id) AS liked FROM forum_posts p"
            " JOIN forum_users u ON u.id = p.author LEFT JOIN forum_posts q ON q.id = p.quote_of"
            " LEFT JOIN forum_users v ON v.id = q.author WHERE p.thread = ? ORDER BY p.at, p.id", number,
        )  # fmt: skip
        shown, at, last = _cut(posts, request.query_params.get("page"), POSTS_PER_PAGE)
        polls = self.rows("SELECT p.*, (SELECT option FROM forum_ballots WHERE poll = p.id) AS mine FROM forum_polls p"
                          " WHERE thread = ?", number)  # fmt: skip
        options = self.rows("SELECT * FROM forum_options WHERE poll = ? ORDER BY id", polls[0]["id"]) if polls else []
        followed = bool(self.rows("SELECT 1 FROM forum_follows WHERE thread = ?", number))
        return self.render("thread.html", request, thread=thread, posts=shown, number=at, last=last, first=posts[0]["id"],
                           poll=polls[0] if polls else None, options=options, followed=followed, my_number=ME,
                           article=_article(thread["matter"]))  # fmt: skip

    def _own_post(self, request: Request) -> Any:
        return self.row("SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
                        " WHERE p.id = ? AND p.author = ?", request.path_params["id"], ME)  # fmt: skip

    def _place(self, post: Any) -> str:
        before = self.value("SELECT count(*) FROM forum_posts WHERE thread = ? AND (at, id) < (?, ?)",
                            post["thread"], post["at"], post["id"])  # fmt: skip
        return f"/thread/{post['thread']}?page={1 + before // POSTS_PER_PAGE}"

    def _toggle(self, table: str, column: str, number: int) -> bool:
        if self.rows(f"SELECT 1 FROM {table} WHERE {column} = ?", number):
            self.run(f"DELETE FROM {table} WHERE {column} = ?", number)
            return False
        self.run(f"INSERT INTO {table} ({column}) VALUES (?)", number)
        return True


def _article(matter: str) -> tuple[int, str] | None:
    """Number and title of the wiki's article that a thread corrects."""
    about = json.loads(matter) if matter else {}
    return (about["page"], about["title"]) if about.get("kind") == "correction" else None


def _cut(found: list[Any], number: str | None, size: int) -> tuple[list[Any], int, int]:
    """The rows of one page, its number, and the number of the last page."""
    last = max(1, -(-len(found) // size))
    at = min(max(1, _integer(number)), last)
    return found[size * (at - 1) : size * at], at, last


def _text(form: FormData, name: str) -> str:
    return " ".join(str(form.get(name, "")).split())


def _integer(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 0
