"""The wiki's pages and its database."""

from __future__ import annotations

import difflib
import json
from typing import Any, ClassVar

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from mmgym_web.webnav.kit.site import page
from mmgym_web.webnav.sites.wiki.figures import draw_figure
from mmgym_web.webnav.sites.wiki.lore import CATEGORIES
from mmgym_web.webnav.sites.wiki.rows import draw_rows
from mmgym_web.webnav.sites.wiki.store import Store

__all__ = ["Wiki"]

PER_PAGE = 10


class Wiki(Store):
    """Articles with a box of facts, sections, a table and a picture; history, talk, search and a watch list."""

    name, title = "wiki", "Fieldbook"
    menu = (
        ("Main page", "/"),
        ("All pages", "/pages"),
        ("Recent changes", "/recent"),
        ("Watch list", "/watchlist"),
        ("New page", "/new"),
        ("Forum", "/forum"),
    )
    schema = """
        CREATE TABLE wiki_pages (id INTEGER PRIMARY KEY, title TEXT, category TEXT, lead TEXT, protected INTEGER,
            redirect INTEGER, table_heading TEXT, columns TEXT, figure TEXT, caption TEXT);
        CREATE TABLE wiki_sections (id INTEGER PRIMARY KEY, page INTEGER, heading TEXT, body TEXT);
        CREATE TABLE wiki_facts (id INTEGER PRIMARY KEY, page INTEGER, name TEXT, value TEXT);
        CREATE TABLE wiki_rows (id INTEGER PRIMARY KEY, page INTEGER, a TEXT, b TEXT, c TEXT);
        CREATE TABLE wiki_revisions (id INTEGER PRIMARY KEY, page INTEGER, at TEXT, author TEXT, part TEXT,
            before TEXT, after TEXT, comment TEXT);
        CREATE TABLE wiki_topics (id INTEGER PRIMARY KEY, page INTEGER, at TEXT, author TEXT, title TEXT, body TEXT);
        CREATE TABLE wiki_watched (id INTEGER PRIMARY KEY, page INTEGER UNIQUE);
        CREATE TABLE wiki_pending (id INTEGER PRIMARY KEY, section INTEGER, author TEXT, body TEXT);
        CREATE INDEX wiki_by_page ON wiki_revisions (page);
    """
    incidental = frozenset({"wiki_pending"})
    known_by: ClassVar = {"wiki_watched": ("page",)}

    def populate(self) -> None:
        """Fill the tables."""
        for table, rows in draw_rows(self.world).items():
            self.insert(table, rows)

    # --- reading ---

    @page("/")
    async def home(self, request: Request) -> Response:
        """The main page: one article in full, what is new, the categories."""
        number = self.world.rng("wiki", "featured").integers(1, 37)
        featured = self.row("SELECT * FROM wiki_pages WHERE id = ?", int(number))
        counts = self.rows("SELECT category, count(*) AS n FROM wiki_pages WHERE redirect IS NULL GROUP BY category")
        return self.render("home.html", request, featured=featured, counts=counts, recent=self._recent(6))

    @page("/pages")
    async def pages(self, request: Request) -> Response:
        """All pages, or one category's."""
        category, sort = request.query_params.get("category", ""), request.query_params.get("sort", "title")
        order = {"title": "title", "category": "category, title", "changed": "changed DESC, title"}.get(sort, "title")
        found = self.rows(
            "SELECT *, (SELECT max(at) FROM wiki_revisions WHERE page = p.id) AS changed FROM wiki_pages p"
            f" WHERE redirect IS NULL AND (? = '' OR category = ?) ORDER BY {order}",
            category,
            category,
        )
        number = max(1, _integer(request.query_params.get("page")))
        shown = found[PER_PAGE * (number - 1) : PER_PAGE * number]
        last = max(1, -(-len(found) // PER_PAGE))
        return self.render(
            "pages.html",
            request,
            found=shown,
            total=len(found),
            category=category,
            sort=sort,
            number=number,
            last=last,
            categories=CATEGORIES,
        )

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Pages that hold a text, those with it in their title first."""
        text = request.query_params.get("q", "").strip()
        like = "%" + text.replace("%", "").replace("_", " ") + "%"
        found = (
            self.rows(
                "SELECT *, title LIKE ? AS named FROM wiki_pages p WHERE title LIKE ? OR lead LIKE ? OR EXISTS"
                " (SELECT 1 FROM wiki_facts WHERE page = p.id AND value LIKE ?) ORDER BY named DESC, title LIMIT 20",
                like,
                like,
                like,
                like,
            )
            if text
            else []
        )
        return self.render("search.html", request, text=text, found=found)

    @page("/suggest")
    async def suggest(self, request: Request) -> Response:
        """Titles that begin like a text, for the search field."""
        text = request.query_params.get("q", "").strip().replace("%", "")
        found = self.rows("SELECT title FROM wiki_pages WHERE title LIKE ? ORDER BY title LIMIT 6", f"%{text}%")
        return JSONResponse([row["title"] for row in found] if len(text) > 1 else [])

    @page("/page/{id:int}")
    async def article(self, request: Request) -> Response:
        """An article."""
        row, came_from = self._page(request), None
        if row["redirect"] is not None:
            came_from, row = row["title"], self.row("SELECT * FROM wiki_pages WHERE id = ?", row["redirect"])
        seen = self.session(request).setdefault("seen", [])
        if row["id"] in seen:
            seen.remove(row["id"])
        seen.append(row["id"])
        return self.render(
            "page.html",
            request,
            page=row,
            came_from=came_from,
            watched=self._watched(row["id"]),
            columns=row["columns"].split("|") if row["columns"] else [],
            sections=self.rows("SELECT * FROM wiki_sections WHERE page = ? ORDER BY id", row["id"]),
            facts=self.rows("SELECT * FROM wiki_facts WHERE page = ? ORDER BY id", row["id"]),
            rows=self.rows("SELECT * FROM wiki_rows WHERE page = ? ORDER BY id", row["id"]),
        )

    @page("/figure/{id:int}.png")
    async def figure(self, request: Request) -> Response:
        """The picture of an article."""
        figure = self.value("SELECT figure FROM wiki_pages WHERE id = ? AND figure != ''", request.path_params["id"])
        return Response(draw_figure(json.loads(figure)), media_type="image/png")

    @page("/page/{id:int}/picture")
    async def picture(self, request: Request) -> Response:
        """The picture of an article in full size."""
        row = self.row("SELECT * FROM wiki_pages WHERE id = ? AND figure != ''", request.path_params["id"])
        return self.render("picture.html", request, page=row)

    @page("/recent")
    async def recent(self, request: Request) -> Response:
        """What was changed last."""
        return self.render("recent.html", request, recent=self._recent(40))

    @page("/page/{id:int}/history")
    async def history(self, request: Request) -> Response:
        """All changes of a page."""
        row = self._page(request)
        changes = self.rows("SELECT * FROM wiki_revisions WHERE page = ? ORDER BY at DESC, id DESC", row["id"])
        return self.render("history.html", request, page=row, watched=self._watched(row["id"]), changes=changes)

    @page("/change/{id:int}")
    async def change(self, request: Request) -> Response:
        """One change: what stood there before and after."""
        return self._show_change(request)

    @page("/forum")
    async def forum(self, request: Request) -> Response:
        """Go to the forum of the same town."""
        return RedirectResponse(f"http://forum.{self.world.town}.test/", 303)

    # --- writing ---

    @page("/change/{id:int}/undo", "POST")
    async def undo(self, request: Request) -> Response:
        """Put back what stood there before a change, if nothing newer is in the way."""
        change = self.row("SELECT * FROM wiki_revisions WHERE id = ?", request.path_params["id"])
        row = self.row("SELECT * FROM wiki_pages WHERE id = ?", change["page"])
        if row["protected"]:
            return self._show_change(request, self.t("This page is protected. Only administrators can change it."))
        if not change["before"] or self._read(change["part"], row["id"]) != change["after"]:
            return self._show_change(request, self.t("This change cannot be undone: the text has changed since."))
        form = await request.form()
        self._write(change["part"], row["id"], change["before"], _text(form, "comment"))
        self.flash(request, self.t("The change has been undone."))
        return self.redirect(f"/page/{row['id']}")

    @page("/page/{id:int}/edit/{part}", "GET", "POST")
    async def edit(self, request: Request) -> Response:
        """Change a text: the lead (``lead``) or a section (its number)."""
        row, name = self._page(request), request.path_params["part"]
        part, heading = "lead", ""
        if name != "lead":
            part = f"section:{_integer(name)}"
            heading = self.value(
                "SELECT heading FROM wiki_sections WHERE id = ? AND page = ?", _integer(name), row["id"]
            )
        shown: dict[str, Any] = {
            "page": row,
            "part": name,
            "heading": heading,
            "text": self._read(part, row["id"]),
            "comment": "",
            "error": "",
            "preview": False,
            "theirs": "",
            "base": self._version(row["id"]),
        }
        if request.method == "GET" or row["protected"]:
            return self.render("edit.html", request, **shown)
        form = await request.form()
        shown |= {"text": _text(form, "text"), "comment": _text(form, "comment")}
        if _text(form, "action") == "preview":
            return self.render("edit.html", request, **shown | {"preview": True, "base": _text(form, "base")})
        if not shown["text"]:
            return self.render("edit.html", request, 422, **shown | {"error": self.t("The text must not be empty.")})
        self._somebody_else_saves(part, row["id"])
        if str(self._version(row["id"])) != _text(form, "base"):
            theirs, version = self._read(part, row["id"]), self._version(row["id"])
            return self.render("edit.html", request, 409, **shown | {"theirs": theirs, "base": version})
        self._write(part, row["id"], shown["text"], shown["comment"])
        self.flash(request, self.t("Your change has been saved."))
        return self.redirect(f"/page/{row['id']}")

    @page("/page/{id:int}/facts", "GET", "POST")
    async def facts(self, request: Request) -> Response:
        """Change the box of facts."""
        row = self._page(request)
        facts = self.rows("SELECT * FROM wiki_facts WHERE page = ? ORDER BY id", row["id"])
        values = {fact["id"]: fact["value"] for fact in facts}
        if request.method == "GET" or row["protected"]:
            return self.render("facts.html", request, page=row, facts=facts, values=values, error="")
        form = await request.form()
        new = {key: _text(form, f"fact{key}") for key in values}
        if not all(new.values()):
            error = self.t("No field may be empty.")
            return self.render("facts.html", request, 422, page=row, facts=facts, values=new, error=error)
        for key, value in new.items():
            if value != values[key]:
                self._write(f"fact:{key}", row["id"], value, "")
        self.flash(request, self.t("Your change has been saved."))
        return self.redirect(f"/page/{row['id']}")

    @page("/row/{row:int}", "GET", "POST")
    async def row_of_table(self, request: Request) -> Response:
        """Change a row of a table."""
        line = self.row("SELECT * FROM wiki_rows WHERE id = ?", request.path_params["row"])
        row = self.row("SELECT * FROM wiki_pages WHERE id = ?", line["page"])
        shown = {
            "page": row,
            "line": line["id"],
            "columns": row["columns"].split("|"),
            "values": [line["a"], line["b"], line["c"]],
            "error": "",
        }
        if request.method == "GET" or row["protected"]:
            return self.render("row.html", request, **shown)
        form = await request.form()
        new = [_text(form, name) for name in "abc"]
        if not all(new):
            shown |= {"values": new, "error": self.t("No field may be empty.")}
            return self.render("row.html", request, 422, **shown)
        if new != shown["values"]:
            self._write(f"row:{line['id']}", row["id"], " | ".join(value.replace("|", "/") for value in new), "")
        self.flash(request, self.t("Your change has been saved."))
        return self.redirect(f"/page/{row['id']}")

    @page("/page/{id:int}/rename", "GET", "POST")
    async def rename(self, request: Request) -> Response:
        """Give a page another title, with or without a redirect from the old one."""
        row = self._page(request)
        shown = {"page": row, "watched": self._watched(row["id"]), "new": row["title"], "keep": True, "error": ""}
        if request.method == "GET" or row["protected"]:
            return self.render("rename.html", request, **shown)
        form = await request.form()
        shown |= {"new": _text(form, "title"), "keep": bool(_text(form, "keep"))}
        shown["error"] = self._wrong_title(shown["new"])
        if shown["error"]:
            return self.render("rename.html", request, 422, **shown)
        self.run("UPDATE wiki_pages SET title = ? WHERE id = ?", shown["new"], row["id"])
        self._record(row["id"], "title", row["title"], shown["new"], "")
        if shown["keep"]:
            self._add_page(row["title"], row["category"], "", row["id"])
        self.flash(request, self.t("The page has been renamed."))
        return self.redirect(f"/page/{row['id']}")

    @page("/new", "GET", "POST")
    async def new(self, request: Request) -> Response:
        """Write a new page."""
        shown: dict[str, Any] = {"name": "", "category": "", "lead": "", "error": "", "categories": CATEGORIES}
        if request.method == "GET":
            return self.render("new.html", request, **shown)
        form = await request.form()
        shown |= {key: _text(form, key) for key in ("name", "category", "lead")}
        shown["error"] = self._wrong_title(shown["name"])
        if not shown["error"] and shown["category"] not in CATEGORIES:
            shown["error"] = self.t("Please choose a category.")
        if not shown["error"] and not shown["lead"]:
            shown["error"] = self.t("The text must not be empty.")
        if shown["error"]:
            return self.render("new.html", request, 422, **shown)
        number = self._add_page(shown["name"], shown["category"], shown["lead"], None)
        self._record(number, "lead", "", shown["lead"], "")
        self.flash(request, self.t("The page has been created."))
        return self.redirect(f"/page/{number}")

    @page("/page/{id:int}/talk", "GET", "POST")
    async def talk(self, request: Request) -> Response:
        """What people say about a page, and a form to say more."""
        row = self._page(request)
        shown = {"page": row, "watched": self._watched(row["id"]), "subject": "", "text": "", "error": ""}
        topics = self.rows("SELECT * FROM wiki_topics WHERE page = ? ORDER BY at, id", row["id"])
        if request.method == "GET":
            return self.render("talk.html", request, topics=topics, **shown)
        form = await request.form()
        shown |= {"subject": _text(form, "subject"), "text": _text(form, "text")}
        if not shown["subject"] or not shown["text"]:
            shown["error"] = self.t("Please fill in both fields.")
            return self.render("talk.html", request, 422, topics=topics, **shown)
        self.run(
            "INSERT INTO wiki_topics (page, at, author, title, body) VALUES (?, ?, ?, ?, ?)",
            row["id"],
            self.now,
            self.world.me.name,
            shown["subject"],
            shown["text"],
        )
        self.flash(request, self.t("Your contribution has been added."))
        return self.redirect(f"/page/{row['id']}/talk")

    @page("/page/{id:int}/watch", "POST")
    async def watch(self, request: Request) -> Response:
        """Put a page on the watch list, or take it off."""
        row = self._page(request)
        if self._watched(row["id"]):
            self.run("DELETE FROM wiki_watched WHERE page = ?", row["id"])
            self.flash(request, self.t("The page is no longer on your watch list."))
        else:
            self.run("INSERT INTO wiki_watched (page) VALUES (?)", row["id"])
            self.flash(request, self.t("The page is on your watch list now."))
        return self.redirect(f"/page/{row['id']}")

    @page("/watchlist")
    async def watchlist(self, request: Request) -> Response:
        """The pages that one watches."""
        found = self.rows("SELECT p.* FROM wiki_pages p JOIN wiki_watched w ON w.page = p.id ORDER BY p.title")
        return self.render("watchlist.html", request, found=found)

    # --- what several pages need ---

    def _page(self, request: Request) -> Any:
        return self.row("SELECT * FROM wiki_pages WHERE id = ?", request.path_params["id"])

    def _watched(self, number: int) -> bool:
        return bool(self.rows("SELECT 1 FROM wiki_watched WHERE page = ?", number))

    def _recent(self, count: int) -> Any:
        return self.rows(
            "SELECT r.*, p.title FROM wiki_revisions r JOIN wiki_pages p ON p.id = r.page"
            " ORDER BY r.at DESC, r.id DESC LIMIT ?",
            count,
        )

    def _show_change(self, request: Request, error: str = "") -> Response:
        change = self.row("SELECT * FROM wiki_revisions WHERE id = ?", request.path_params["id"])
        row = self.row("SELECT * FROM wiki_pages WHERE id = ?", change["page"])
        before, after = _difference(change["before"], change["after"])
        return self.render(
            "change.html",
            request,
            409 if error else 200,
            page=row,
            change=change,
            error=error,
            before=before,
            after=after,
            watched=self._watched(row["id"]),
        )


def _text(form: FormData, name: str) -> str:
    return " ".join(str(form.get(name, "")).split())


def _integer(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 0


def _difference(before: str, after: str) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
    """Both texts in pieces; True marks those that the other does not have."""
    a, b = before.split(" "), after.split(" ")
    left, right = list[tuple[bool, str]](), list[tuple[bool, str]]()
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if a2 > a1:
            left.append((kind != "equal", " ".join(a[a1:a2])))
        if b2 > b1:
            right.append((kind != "equal", " ".join(b[b1:b2])))
    return left, right
