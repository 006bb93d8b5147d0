"""The wiki's pages and its database."""

from __future__ import annotations

import datetime as dt
import difflib
import json
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.wiki.figures import draw_figure
from mmgym_web.webnav.sites.wiki.lore import CATEGORIES, Article, Picker, draw_lore

__all__ = ["Wiki"]

PER_PAGE = 10
_CLAIMS = (
    "Nobody really believes that it exists.",
    "My uncle owns all of it.",
    "It is made entirely of cheese.",
    "Everything above is wrong, trust me.",
    "Come and buy my old car here.",
    "It was moved here last week by helicopter.",
)
_ADDED = (
    "A plaque recalls the event.",
    "Old photographs show it.",
    "Schools often come for a day.",
    "A footpath leads there.",
    "It was restored with donations.",
    "Details are in the county archive.",
)
_COMMENTS = ("typo", "new source", "wording", "added a sentence", "from the county archive", "links")
_TOPICS = (
    ("A better picture?", "The picture is small. Does anybody have a newer one?"),
    ("Sources", "Where do these numbers come from? A source would be good."),
    ("Too short", "The text could be longer. I will look for books."),
    ("Spelling of the name", "I have seen other spellings of the name on old maps."),
)


class Wiki(Site):
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

    # --- the start ---

    def populate(self) -> None:
        """Write the articles and their past."""
        articles, p = draw_lore(self.world), Picker(self.world.rng("wiki", "rows"))
        self.people = [person.name for person in self.world.others]
        self.insert("wiki_pages", [{
            "id": a.id, "title": a.title, "category": a.category, "lead": a.lead, "protected": int(p.below(7) == 0),
            "redirect": None, "table_heading": a.table, "columns": "|".join(a.columns),
            "figure": json.dumps(a.figure), "caption": a.caption,
        } for a in articles])  # fmt: skip
        facts = [{"page": a.id, "name": n, "value": v} for a in articles for n, v in p.shuffled(a.facts)]
        self.insert("wiki_facts", facts)
        self.insert("wiki_rows", [dict(page=a.id, a=x, b=y, c=z) for a in articles for x, y, z in a.rows])
        sections, revisions = list[dict[str, Any]](), list[dict[str, Any]]()
        for article in articles:
            self._past(article, p, sections, revisions)
        revisions.sort(key=lambda revision: (revision["at"], revision["page"]))
        self.insert("wiki_sections", sections)
        self.insert("wiki_revisions", revisions)
        numbers = p.shuffled(range(1, len(articles) + 1))
        self.insert("wiki_watched", [{"page": number} for number in sorted(numbers[:4])])
        self.insert("wiki_topics", [
            {"page": number, "at": self._ago(p), "author": p.pick(self.people), "title": title, "body": body}
            for number in numbers[4:16] for title, body in p.shuffled(_TOPICS)[: 1 + p.below(2)]
        ])  # fmt: skip
        self.insert("wiki_pending", [
            {"section": 2 * number, "author": p.pick(self.people), "body": f"{sections[2 * number - 1]['body']} {added}"}
            for number, added in zip(numbers[16:24], p.shuffled(_ADDED) * 2, strict=False)
        ])  # fmt: skip

    def _past(
        self, article: Article, p: Picker, sections: list[dict[str, Any]], revisions: list[dict[str, Any]]
    ) -> None:
        def revise(part: str, before: str, after: str, comment: str, days: int) -> None:
            at = self.world.now - dt.timedelta(days=days, minutes=p.below(1440) + 1)
            revisions.append({"page": article.id, "at": at.strftime("%Y-%m-%d %H:%M"), "author": p.pick(self.people),
                              "part": part, "before": before, "after": after, "comment": comment})  # fmt: skip

        revise("lead", "", article.lead, "first version", 300 + p.below(500))
        for number, (heading, body) in enumerate(article.sections):
            key = len(sections) + 1
            before = body
            if p.below(2):
                cut = body.rsplit(". ", 1)[0] + "."
                revise(f"section:{key}", cut, body, p.pick(_COMMENTS), 60 + p.below(200))
            # The first section of every other page has been spoilt: there is something to undo.
            if number == 0 and p.below(2):
                before = f"{body} {p.pick(_CLAIMS)}"
                revise(f"section:{key}", body, before, p.pick(("", "improved")), 1 + p.below(20))
            sections.append({"page": article.id, "heading": heading, "body": before})

    def _ago(self, p: Picker) -> str:
        return (self.world.now - dt.timedelta(minutes=60 + p.below(60 * 24 * 90))).strftime("%Y-%m-%d %H:%M")

    @property
    def now(self) -> str:
        """The moment of whatever is done now."""
        return self.world.now.strftime("%Y-%m-%d %H:%M")

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
            f" WHERE redirect IS NULL AND (? = '' OR category = ?) ORDER BY {order}", category, category,
        )  # fmt: skip
        number = max(1, _integer(request.query_params.get("page")))
        shown = found[PER_PAGE * (number - 1) : PER_PAGE * number]
        last = max(1, -(-len(found) // PER_PAGE))
        return self.render("pages.html", request, found=shown, total=len(found), category=category, sort=sort,
                           number=number, last=last, categories=CATEGORIES)  # fmt: skip

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Pages that hold a text, those with it in their title first."""
        text = request.query_params.get("q", "").strip()
        like = "%" + text.replace("%", "").replace("_", " ") + "%"
        found = self.rows(
            "SELECT *, title LIKE ? AS named FROM wiki_pages p WHERE title LIKE ? OR lead LIKE ? OR EXISTS"
            " (SELECT 1 FROM wiki_facts WHERE page = p.id AND value LIKE ?) ORDER BY named DESC, title LIMIT 20",
            like, like, like, like,
        ) if text else []  # fmt: skip
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
        return self.render("page.html", request, page=row, came_from=came_from, watched=self._watched(row["id"]),
                           columns=row["columns"].split("|") if row["columns"] else [],
                           sections=self.rows("SELECT * FROM wiki_sections WHERE page = ? ORDER BY id", row["id"]),
                           facts=self.rows("SELECT * FROM wiki_facts WHERE page = ? ORDER BY id", row["id"]),
                           rows=self.rows("SELECT * FROM wiki_rows WHERE page = ? ORDER BY id", row["id"]))  # fmt: skip

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
        shown: dict[str, Any] = {"page": row, "part": name, "heading": heading, "text": self._read(part, row["id"]),
                                 "comment": "", "error": "", "preview": False, "theirs": "",
                                 "base": self._version(row["id"])}  # fmt: skip
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
        shown = {"page": row, "line": line["id"], "columns": row["columns"].split("|"),
                 "values": [line["a"], line["b"], line["c"]], "error": ""}  # fmt: skip
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
        shown = {"name": "", "category": "", "lead": "", "error": "", "categories": CATEGORIES}
        if request.method == "GET":
            return self.render("new.html", request, **shown)
        form = await request.form()
        shown |= {key: _text(form, key) for key in ("name", "category", "lead")}
        shown["error"] = self._wrong_title(str(shown["name"]))
        if not shown["error"] and shown["category"] not in CATEGORIES:
            shown["error"] = self.t("Please choose a category.")
        if not shown["error"] and not shown["lead"]:
            shown["error"] = self.t("The text must not be empty.")
        if shown["error"]:
            return self.render("new.html", request, 422, **shown)
        number = self._add_page(str(shown["name"]), str(shown["category"]), str(shown["lead"]), None)
        self._record(number, "lead", "", str(shown["lead"]), "")
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
        self.run("INSERT INTO wiki_topics (page, at, author, title, body) VALUES (?, ?, ?, ?, ?)",
                 row["id"], self.now, self.world.me.name, shown["subject"], shown["text"])  # fmt: skip
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
        return self.rows("SELECT r.*, p.title FROM wiki_revisions r JOIN wiki_pages p ON p.id = r.page"
                         " ORDER BY r.at DESC, r.id DESC LIMIT ?", count)  # fmt: skip

    def _show_change(self, request: Request, error: str = "") -> Response:
        change = self.row("SELECT * FROM wiki_revisions WHERE id = ?", request.path_params["id"])
        row = self.row("SELECT * FROM wiki_pages WHERE id = ?", change["page"])
        before, after = _difference(change["before"], change["after"])
        return self.render("change.html", request, 409 if error else 200, page=row, change=change, error=error,
                           before=before, after=after, watched=self._watched(row["id"]))  # fmt: skip

    def part_name(self, part: str) -> str:
        """What a change is about, as the history says it: the heading, the fact, the row."""
        kind, _, key = part.partition(":")
        if kind == "lead":
            return self.t("Introduction")
        if kind == "title":
            return self.t("Title")
        table, column = {"section": ("wiki_sections", "heading"), "fact": ("wiki_facts", "name"),
                         "row": ("wiki_rows", "a")}[kind]  # fmt: skip
        return str(self.value(f"SELECT {column} FROM {table} WHERE id = ?", int(key)))

    def _read(self, part: str, number: int) -> str:
        kind, _, key = part.partition(":")
        if kind == "row":
            return " | ".join(self.row("SELECT a, b, c FROM wiki_rows WHERE id = ?", int(key)))
        if kind in ("lead", "title"):
            return str(self.value(f"SELECT {kind} FROM wiki_pages WHERE id = ?", number))
        table, column = {"section": ("wiki_sections", "body"), "fact": ("wiki_facts", "value")}[kind]
        return str(self.value(f"SELECT {column} FROM {table} WHERE id = ?", int(key)))

    def _write(self, part: str, number: int, text: str, comment: str, author: str = "") -> None:
        before = self._read(part, number)
        kind, _, key = part.partition(":")
        if kind == "row":
            self.run("UPDATE wiki_rows SET a = ?, b = ?, c = ? WHERE id = ?", *text.split(" | "), int(key))
        elif kind in ("lead", "title"):
            self.run(f"UPDATE wiki_pages SET {kind} = ? WHERE id = ?", text, number)
        else:
            table, column = {"section": ("wiki_sections", "body"), "fact": ("wiki_facts", "value")}[kind]
            self.run(f"UPDATE {table} SET {column} = ? WHERE id = ?", text, int(key))
        self._record(number, part, before, text, comment, author)

    def _record(self, number: int, part: str, before: str, after: str, comment: str, author: str = "") -> None:
        self.run("INSERT INTO wiki_revisions (page, at, author, part, before, after, comment) VALUES (?, ?, ?, ?, ?, ?, ?)",
                 number, self.now, author or self.world.me.name, part, before, after, comment)  # fmt: skip

    def _version(self, number: int) -> int:
        return int(self.value("SELECT coalesce(max(id), 0) FROM wiki_revisions WHERE page = ?", number))

    def _somebody_else_saves(self, part: str, number: int) -> None:
        """What makes edit conflicts: somebody has saved the same section while it was being edited."""
        kind, _, key = part.partition(":")
        pending = self.rows("SELECT * FROM wiki_pending WHERE section = ?", int(key)) if kind == "section" else []
        for other in pending:
            self.run("DELETE FROM wiki_pending WHERE id = ?", other["id"])
            self._write(part, number, other["body"], "", other["author"])

    def _wrong_title(self, title: str) -> str:
        if not title:
            return self.t("The title must not be empty.")
        if self.rows("SELECT 1 FROM wiki_pages WHERE title = ? COLLATE NOCASE", title):
            return self.t("There is already a page with this title.")
        return ""

    def _add_page(self, title: str, category: str, lead: str, redirect: int | None) -> int:
        return self.run("INSERT INTO wiki_pages (title, category, lead, protected, redirect, table_heading, columns, figure,"
                        " caption) VALUES (?, ?, ?, 0, ?, '', '', '', '')", title, category, lead, redirect)  # fmt: skip


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
