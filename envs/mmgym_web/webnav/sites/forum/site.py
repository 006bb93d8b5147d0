"""The forum's boards, threads, posts and polls, and its database."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mmgym_web.webnav.kit.site import page
from mmgym_web.webnav.sites.forum.people import ME, People, cut, field, integer
from mmgym_web.webnav.sites.forum.pictures import draw_plate
from mmgym_web.webnav.sites.forum.rows import draw_rows
from mmgym_web.webnav.sites.forum.words import REASONS, TAGS

__all__ = ["ME", "POSTS_PER_PAGE", "THREADS_PER_PAGE", "Forum"]

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
    SELECT t.*, u.name AS author_name, b.name AS board_name,
        (SELECT count(*) FROM forum_posts WHERE thread = t.id) AS posts,
        (SELECT min(at) FROM forum_posts WHERE thread = t.id) AS first,
        (SELECT max(at) FROM forum_posts WHERE thread = t.id) AS last,
        EXISTS (SELECT 1 FROM forum_polls WHERE thread = t.id) AS poll
    FROM forum_threads t JOIN forum_users u ON u.id = t.author JOIN forum_boards b ON b.id = t.board
"""


class Forum(People):
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
    known_by: ClassVar = {"forum_likes": ("post",), "forum_follows": ("thread",), "forum_contacts": ("user",)}

    def populate(self) -> None:
        """Fill the tables."""
        for table, rows in draw_rows(self.world).items():
            self.insert(table, rows)

    # --- boards and threads ---

    @page("/")
    async def home(self, request: Request) -> Response:
        """All boards, and what was written last."""
        boards = self.rows(
            "SELECT b.*, count(DISTINCT t.id) AS threads, count(p.id) AS posts FROM forum_boards b"
            " LEFT JOIN forum_threads t ON t.board = b.id"
            " LEFT JOIN forum_posts p ON p.thread = t.id GROUP BY b.position ORDER BY b.position"
        )
        latest = self.rows(f"{_THREADS} ORDER BY last DESC, t.id LIMIT 5")
        return self.render("home.html", request, boards=boards, latest=latest)

    @page("/board/{id:int}")
    async def board(self, request: Request) -> Response:
        """The threads of a board: sorted, with one tag or all, in pages."""
        board = self.row("SELECT * FROM forum_boards WHERE id = ?", request.path_params["id"])
        sort, tag = request.query_params.get("sort", "latest"), request.query_params.get("tag", "")
        found = self.rows(
            f"{_THREADS} WHERE t.board = ? AND (? = '' OR t.tag = ?) ORDER BY {_SORTS.get(sort, 't.id')}",
            board["id"],
            tag,
            tag,
        )
        shown, number, last = cut(found, request.query_params.get("page"), THREADS_PER_PAGE)
        return self.render(
            "board.html", request, board=board, threads=shown, sort=sort, tag=tag, tags=TAGS, number=number, last=last
        )

    @page("/thread/{id:int}")
    async def thread(self, request: Request) -> Response:
        """A thread, in pages."""
        return self._show_thread(request, request.path_params["id"])

    @page("/thread/{id:int}/reply", "GET", "POST")
    async def reply(self, request: Request) -> Response:
        """Reply to a thread, or to one of its posts."""
        thread = self.row("SELECT * FROM forum_threads WHERE id = ?", request.path_params["id"])
        form = await request.form()
        body, source = field(form, "body"), integer(field(form, "quote") or request.query_params.get("quote"))
        quoted = (
            self.row(
                "SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author"
                " WHERE p.id = ? AND p.thread = ?",
                source,
                thread["id"],
            )
            if source
            else None
        )
        error = self.t("This thread is closed.") if thread["locked"] else ""
        if request.method == "POST" and not error and not body:
            error = self.t("Please write something.")
        if request.method == "GET" or error:
            status = 422 if request.method == "POST" else 200
            return self.render("reply.html", request, status, thread=thread, quoted=quoted, body=body, error=error)
        self.run(
            "INSERT INTO forum_posts (thread, author, body, at, quote_of, points, picture, removed, edited_at)"
            " VALUES (?, ?, ?, ?, ?, 0, '', 0, '')",
            thread["id"],
            ME,
            body,
            self.now,
            source or None,
        )
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
        shown: dict[str, Any] = {
            "board": integer(request.query_params.get("board")),
            "subject": "",
            "tag": "",
            "body": "",
            "error": "",
            "boards": boards,
            "tags": TAGS,
        }
        if request.method == "GET":
            return self.render("new.html", request, **shown)
        form = await request.form()
        shown |= {name: field(form, name) for name in ("subject", "tag", "body")} | {
            "board": integer(field(form, "board"))
        }
        if shown["board"] not in {board["id"] for board in boards} or shown["tag"] not in TAGS:
            shown["error"] = self.t("Please choose a board and a tag.")
        elif not shown["subject"] or not shown["body"]:
            shown["error"] = self.t("Please fill in all fields.")
        if shown["error"]:
            return self.render("new.html", request, 422, **shown)
        number = self.run(
            "INSERT INTO forum_threads (board, author, title, tag, locked, matter) VALUES (?, ?, ?, ?, 0, '')",
            shown["board"],
            ME,
            shown["subject"],
            shown["tag"],
        )
        self.run(
            "INSERT INTO forum_posts (thread, author, body, at, quote_of, points, picture, removed, edited_at)"
            " VALUES (?, ?, ?, ?, NULL, 0, '', 0, '')",
            number,
            ME,
            shown["body"],
            self.now,
        )
        self.flash(request, self.t("Your thread has been published."))
        return self.redirect(f"/thread/{number}")

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Threads that hold a text, and perhaps are by one member."""
        text, author = request.query_params.get("q", "").strip(), integer(request.query_params.get("author"))
        like = "%" + text.replace("%", "").replace("_", " ") + "%"
        found = (
            self.rows(
                f"{_THREADS} WHERE (? = 0 OR t.author = ?) AND (t.title LIKE ? OR EXISTS (SELECT 1 FROM forum_posts"
                " WHERE thread = t.id AND removed = 0 AND body LIKE ?))"
                " ORDER BY t.title LIKE ? DESC, last DESC, t.id LIMIT 30",
                author,
                author,
                like,
                like,
                like,
            )
            if text or author
            else []
        )
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
        found = self.rows(
            "SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
            " WHERE p.author = ? ORDER BY p.at DESC, p.id",
            ME,
        )
        return self.render("mine.html", request, posts=found)

    @page("/post/{id:int}/edit", "GET", "POST")
    async def edit(self, request: Request) -> Response:
        """Change a post of one's own."""
        post = self._own_post(request)
        form = await request.form()
        body = field(form, "body")
        if request.method == "GET" or not body:
            error = self.t("Please write something.") if request.method == "POST" else ""
            return self.render(
                "edit.html",
                request,
                422 if error else 200,
                post=post,
                error=error,
                body=body if error else post["body"],
            )
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
        post = self.row(
            "SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author WHERE p.id = ?",
            request.path_params["id"],
        )
        form = await request.form()
        reason = field(form, "reason")
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
        poll = self.row(
            "SELECT p.*, t.title FROM forum_polls p JOIN forum_threads t ON t.id = p.thread WHERE p.id = ?",
            request.path_params["id"],
        )
        options = self.rows(
            "SELECT o.label, o.votes + (SELECT count(*) FROM forum_ballots WHERE option = o.id) AS votes"
            " FROM forum_options o WHERE poll = ? ORDER BY id",
            poll["id"],
        )
        return self.render("poll.html", request, poll=poll, options=[[row["label"], row["votes"]] for row in options])

    @page("/poll/{id:int}/vote", "POST")
    async def vote(self, request: Request) -> Response:
        """Vote in an open poll, once."""
        poll = self.row("SELECT * FROM forum_polls WHERE id = ?", request.path_params["id"])
        form = await request.form()
        chosen = self.rows(
            "SELECT id FROM forum_options WHERE id = ? AND poll = ?", integer(field(form, "option")), poll["id"]
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
            " LEFT JOIN forum_users v ON v.id = q.author WHERE p.thread = ? ORDER BY p.at, p.id",
            number,
        )
        shown, at, last = cut(posts, request.query_params.get("page"), POSTS_PER_PAGE)
        polls = self.rows(
            "SELECT p.*, (SELECT option FROM forum_ballots WHERE poll = p.id) AS mine FROM forum_polls p"
            " WHERE thread = ?",
            number,
        )
        options = self.rows("SELECT * FROM forum_options WHERE poll = ? ORDER BY id", polls[0]["id"]) if polls else []
        followed = bool(self.rows("SELECT 1 FROM forum_follows WHERE thread = ?", number))
        return self.render(
            "thread.html",
            request,
            thread=thread,
            posts=shown,
            number=at,
            last=last,
            first=posts[0]["id"],
            poll=polls[0] if polls else None,
            options=options,
            followed=followed,
            my_number=ME,
            article=_article(thread["matter"]),
        )

    def _own_post(self, request: Request) -> Any:
        return self.row(
            "SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
            " WHERE p.id = ? AND p.author = ?",
            request.path_params["id"],
            ME,
        )

    def _place(self, post: Any) -> str:
        before = self.value(
            "SELECT count(*) FROM forum_posts WHERE thread = ? AND (at, id) < (?, ?)",
            post["thread"],
            post["at"],
            post["id"],
        )
        return f"/thread/{post['thread']}?page={1 + before // POSTS_PER_PAGE}"


def _article(matter: str) -> tuple[int, str] | None:
    """Number and title of the wiki's article that a thread corrects."""
    about = json.loads(matter) if matter else {}
    return (about["page"], about["title"]) if about.get("kind") == "correction" else None
