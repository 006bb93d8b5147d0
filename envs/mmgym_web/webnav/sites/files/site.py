"""The file manager: lists, search, trash, new things; the pages of one item are in `items`."""

from __future__ import annotations

import sqlite3
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import page
from mmgym_web.webnav.sites.files.contents import ROOT, contents
from mmgym_web.webnav.sites.files.items import KINDS, Items
from mmgym_web.webnav.sites.files.words import TAGS

__all__ = ["PAGE_SIZE", "SITE", "Files"]

PAGE_SIZE = 10
"""Entries on a page of a list."""
_SORTS = {"name": "Name", "modified": "Modified", "size": "Size"}


class Files(Items):
    """A file manager for one person and those who share with them."""

    name, title = "files", "Drawer"
    schema = """
        CREATE TABLE files_items (id INTEGER PRIMARY KEY, parent INTEGER, kind TEXT, name TEXT, owner TEXT,
            size INTEGER, modified TEXT, body TEXT DEFAULT '', data BLOB, starred INTEGER DEFAULT 0,
            trashed INTEGER DEFAULT 0);
        CREATE TABLE files_tags (id INTEGER PRIMARY KEY, item INTEGER, tag TEXT);
        CREATE TABLE files_shares (id INTEGER PRIMARY KEY, item INTEGER, person TEXT, access TEXT);
        CREATE TABLE files_versions (id INTEGER PRIMARY KEY, item INTEGER, number INTEGER, author TEXT, saved TEXT,
            body TEXT);
        CREATE TABLE files_comments (id INTEGER PRIMARY KEY, item INTEGER, author TEXT, body TEXT, written TEXT);
        CREATE TABLE files_usage (id INTEGER PRIMARY KEY, person TEXT, gigabytes INTEGER);
    """
    menu = (
        ("My files", "/"),
        ("Recent", "/recent"),
        ("Starred", "/starred"),
        ("Shared with me", "/shared"),
        ("Trash", "/trash"),
        ("Storage", "/storage"),
    )
    incidental = frozenset({"files_versions", "files_items.modified", "files_items.size"})
    known_by: ClassVar = {"files_tags": ("item", "tag"), "files_shares": ("item", "person")}

    def populate(self) -> None:
        """Fill the tables."""
        for table, rows in contents(self.world).items():
            self.insert(f"files_{table}", rows)

    # --- lists ---

    def _list(self, request: Request, title: str, rows: list[sqlite3.Row], **values: Any) -> Response:
        number = request.query_params.get("page", "1")
        at = int(number) if number.isdecimal() else 1
        pages = max(1, -(-len(rows) // PAGE_SIZE))
        if not 1 <= at <= pages:
            raise LookupError("there is no such page")
        view = request.query_params.get("view") or ("list" if self.theme.lists == "table" else "grid")
        shown = rows[(at - 1) * PAGE_SIZE : at * PAGE_SIZE]
        given = {"folder": None, "trail": [], "sorts": {}, "sort": ""} | values
        return self.render(
            "list.html", request, title=title, items=shown, count=len(rows), at=at, pages=pages, view=view,
            kinds=KINDS, **given,
        )  # fmt: skip

    @page("/")
    async def home(self, request: Request) -> Response:
        """The outermost folder."""
        return self._folder(request, ROOT)

    @page("/folder/{id:int}")
    async def folder(self, request: Request) -> Response:
        """A folder."""
        return self._folder(request, request.path_params["id"])

    def _folder(self, request: Request, number: int) -> Response:
        folder = self.row("SELECT * FROM files_items WHERE id = ? AND kind = 'folder'", number)
        sort = request.query_params.get("sort") or self.sort
        title = self.t("My files") if number == ROOT else folder["name"]
        return self._list(
            request, title, self.listing(number, sort), folder=folder, trail=self.trail(folder), sorts=_SORTS, sort=sort
        )

    @page("/recent")
    async def recent(self, request: Request) -> Response:
        """What was changed last."""
        sql = "SELECT * FROM files_items WHERE kind != 'folder' AND NOT trashed ORDER BY modified DESC, id LIMIT 20"
        return self._list(request, self.t("Recent"), self.rows(sql))

    @page("/starred")
    async def starred(self, request: Request) -> Response:
        """What has a star."""
        return self._list(
            request, self.t("Starred"), self.rows("SELECT * FROM files_items WHERE starred AND NOT trashed")
        )

    @page("/shared")
    async def shared(self, request: Request) -> Response:
        """What belongs to others."""
        sql = "SELECT * FROM files_items WHERE owner != ? AND NOT trashed ORDER BY name, id"
        return self._list(request, self.t("Shared with me"), self.rows(sql, self.world.me.name))

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Search by name, kind, owner and tag."""
        asked = {name: request.query_params.get(name, "").strip() for name in ("q", "kind", "owner", "tag")}
        words = asked["q"].split()
        sql = "SELECT * FROM files_items WHERE parent AND NOT trashed" + " AND name LIKE ?" * len(words)
        values: list[Any] = [f"%{word}%" for word in words]
        if asked["kind"]:
            sql, values = f"{sql} AND kind = ?", [*values, asked["kind"]]
        if asked["owner"]:
            sql, values = f"{sql} AND owner = ?", [*values, asked["owner"]]
        if asked["tag"]:
            sql, values = f"{sql} AND id IN (SELECT item FROM files_tags WHERE tag = ?)", [*values, asked["tag"]]
        rows = self.rows(f"{sql} ORDER BY name, id", *values) if any(asked.values()) else []
        return self._list(request, self.t("Search"), rows, asked=asked, tags=TAGS)

    @page("/trash")
    async def trash(self, request: Request) -> Response:
        """What was thrown away."""
        rows = self.rows("SELECT * FROM files_items WHERE trashed ORDER BY name, id")
        return self.render("trash.html", request, items=rows, kinds=KINDS)

    @page("/trash", "POST")
    async def empty(self, request: Request) -> Response:
        """Restore what is ticked, or delete it for good."""
        form = await request.form()
        ticked = [int(str(i)) for i in form.getlist("item") if str(i).isdecimal()]
        if not ticked:
            self.flash(request, self.t("Nothing was ticked."))
        for number in ticked:
            if form.get("do") == "delete":
                self.run("DELETE FROM files_items WHERE id = ? AND trashed", number)
            else:
                self.run("UPDATE files_items SET trashed = 0 WHERE id = ? AND trashed", number)
        if ticked:
            message = "{count} deleted for good." if form.get("do") == "delete" else "{count} restored."
            self.flash(request, self.t(message, count=len(ticked)))
        return self.redirect("/trash")

    @page("/bulk", "POST")
    async def bulk(self, request: Request) -> Response:
        """Put everything that is ticked in a list into the trash."""
        form = await request.form()
        ticked = [int(str(i)) for i in form.getlist("item") if str(i).isdecimal()]
        owned = [i for i in ticked if self.access(self.row("SELECT * FROM files_items WHERE id = ?", i)) == "own"]
        for number in owned:
            self.run("UPDATE files_items SET trashed = 1 WHERE id = ? AND id != ?", number, ROOT)
        if not ticked:
            self.flash(request, self.t("Nothing was ticked."))
        elif len(owned) < len(ticked):
            self.flash(request, self.t("Only the owner may do that."))
        else:
            self.flash(request, self.t("{count} moved to the trash.", count=len(owned)))
        back = str(form.get("back", "/"))
        return self.redirect(back if back.startswith("/") and not back.startswith("//") else "/")

    # --- new things ---

    @page("/folder/{id:int}/new", "GET", "POST")
    async def new(self, request: Request) -> Response:
        """Make a folder or a text document."""
        folder = self.row("SELECT * FROM files_items WHERE id = ? AND kind = 'folder'", request.path_params["id"])
        kind = "text" if request.query_params.get("kind") == "text" else "folder"
        name, body, error = "", "", ""
        if request.method == "POST":
            form = await request.form()
            name = " ".join(str(form.get("name", "")).split())
            body = str(form.get("body", "")).replace("\r\n", "\n").rstrip()
            error = self._name_error(name, folder["id"])
            if not error:
                made = self._make(folder["id"], kind, name, body)
                self.flash(request, self.t("Created."))
                return self.redirect(f"/item/{made}")
        return self.render(
            "new.html", request, 422 if error else 200, folder=folder, trail=[*self.trail(folder), folder], kind=kind,
            name=name, body=body, error=error,
        )  # fmt: skip

    def _make(self, parent: int, kind: str, name: str, body: str = "", data: bytes | None = None) -> int:
        sql = """INSERT INTO files_items (parent, kind, name, owner, size, modified, body, data)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
        size = max(1, len(data if data is not None else body) // 1000)
        now = self.world.now.strftime("%Y-%m-%d %H:%M")
        return self.run(sql, parent, kind, name, self.world.me.name, size, now, body, data)

    @page("/folder/{id:int}/upload", "GET", "POST")
    async def upload(self, request: Request) -> Response:
        """Upload a file into a folder."""
        folder = self.row("SELECT * FROM files_items WHERE id = ? AND kind = 'folder'", request.path_params["id"])
        error = ""
        if request.method == "POST":
            file = (await request.form()).get("file")
            if isinstance(file, str) or file is None or not file.filename:
                error = self.t("Choose a file first.")
            else:
                name, data = file.filename.rsplit("\\", 1)[-1].rsplit("/", 1)[-1], await file.read()
                error = self._name_error(name, folder["id"])
                if not error:
                    self._make(folder["id"], "upload", name, data=data)
                    self.flash(request, self.t("{name} was uploaded.", name=name))
                    return self.redirect(self.folder_path(folder["id"]))
        return self.render(
            "upload.html", request, 422 if error else 200, folder=folder, trail=[*self.trail(folder), folder],
            error=error,
        )  # fmt: skip

    @page("/storage")
    async def storage(self, request: Request) -> Response:
        """How much room everybody in the team uses, as a chart."""
        usage = [[r["person"], r["gigabytes"]] for r in self.rows("SELECT * FROM files_usage ORDER BY id")]
        return self.render("storage.html", request, usage=usage)


SITE = Files
