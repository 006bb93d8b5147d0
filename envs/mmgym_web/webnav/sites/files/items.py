"""The file manager's pages of one item: view, edit, rename, move, share, versions, trash."""

from __future__ import annotations

import json
import sqlite3
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.files.contents import ROOT
from mmgym_web.webnav.sites.files.pictures import picture
from mmgym_web.webnav.sites.files.words import TAGS

__all__ = ["KINDS", "RIGHTS", "Items"]

KINDS = {"folder": "Folder", "text": "Text document", "sheet": "Spreadsheet", "picture": "Picture", "upload": "File"}
"""Labels of the kinds of items."""
RIGHTS = {"view": "May view", "comment": "May comment", "edit": "May edit"}
"""Labels of the rights that a share gives."""


class Items(Site):
    """The part of the file manager that is about one item."""

    # --- what templates and tasks ask ---

    @property
    def sort(self) -> str:
        """The order in which folders are listed when none is asked for: it varies by world."""
        return ("name", "modified")[int(self.world.rng("files", "sort").integers(2))]

    def folder_path(self, folder: int, number: int = 1) -> str:
        """Path of a page of a folder."""
        path = "/" if folder == ROOT else f"/folder/{folder}"
        return path if number == 1 else f"{path}?page={number}"

    def listing(self, folder: int, sort: str = "") -> list[sqlite3.Row]:
        """What lies in a folder, folders first."""
        order = {"name": "name", "modified": "modified DESC", "size": "size DESC"}.get(sort or self.sort, "name")
        sql = f"SELECT * FROM files_items WHERE parent = ? AND NOT trashed ORDER BY kind != 'folder', {order}, id"
        return self.rows(sql, folder)

    def trail(self, item: sqlite3.Row) -> list[sqlite3.Row]:
        """The folders in which an item lies, outermost first."""
        found: list[sqlite3.Row] = []
        while item["parent"]:
            item = self.row("SELECT * FROM files_items WHERE id = ?", item["parent"])
            found.insert(0, item)
        return found

    def access(self, item: sqlite3.Row) -> str:
        """What the user may do with an item: ``own``, ``edit``, ``comment`` or ``view``."""
        if item["owner"] == self.world.me.name:
            return "own"
        shared = self.rows(
            "SELECT access FROM files_shares WHERE item = ? AND person = ?", item["id"], self.world.me.name
        )
        return str(shared[0]["access"]) if shared else "view"

    def folders(self) -> list[tuple[int, str]]:
        """Id and full name of every folder that is not in the trash."""
        rows = self.rows("SELECT * FROM files_items WHERE kind = 'folder' AND NOT trashed ORDER BY name")
        named = [(r["id"], " / ".join(f["name"] for f in [*self.trail(r)[1:], r]) if r["parent"] else "") for r in rows]
        return sorted((i, name or self.t("My files")) for i, name in named)

    def size(self, kilobytes: int) -> str:
        """A size as people write it."""
        return f"{kilobytes} KB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"

    def item(self, request: Request) -> sqlite3.Row:
        """The item that the request's path names."""
        return self.row("SELECT * FROM files_items WHERE id = ?", request.path_params["id"])

    def turn(self, request: Request, **values: Any) -> str:
        """The request's path with changed query values."""
        query = {**dict(request.query_params), **{k: str(v) for k, v in values.items()}}
        return f"{request.url.path}?{urlencode(query)}" if query else request.url.path

    # --- one item ---

    @page("/item/{id:int}")
    async def view(self, request: Request) -> Response:
        """An item: what is in it and about it."""
        item = self.item(request)
        if item["kind"] == "folder":
            return self.redirect(self.folder_path(item["id"]))
        return self.render("item.html", request, **self._about(item))

    def _about(self, item: sqlite3.Row) -> dict[str, Any]:
        return {
            "item": item,
            "trail": self.trail(item),
            "access": self.access(item),
            "kinds": KINDS,
            "sheet": json.loads(item["body"]) if item["kind"] == "sheet" else [],
            "tags": self.rows("SELECT * FROM files_tags WHERE item = ? ORDER BY tag", item["id"]),
            "comments": self.rows("SELECT * FROM files_comments WHERE item = ? ORDER BY id", item["id"]),
            "shares": self.rows("SELECT * FROM files_shares WHERE item = ? ORDER BY id", item["id"]),
            "all_tags": TAGS,
            "rights": RIGHTS,
        }

    @page("/picture/{id:int}.svg")
    async def picture(self, request: Request) -> Response:
        """The picture itself."""
        item = self.item(request)
        if item["kind"] != "picture":
            raise LookupError("this is not a picture")
        return Response(picture(json.loads(item["body"])), media_type="image/svg+xml")

    @page("/download/{id:int}")
    async def download(self, request: Request) -> Response:
        """Downloads are refused."""
        item = self.item(request)
        self.flash(request, self.t("Downloads are switched off by your administrator."))
        return self.redirect(f"/item/{item['id']}")

    @page("/item/{id:int}/star", "POST")
    async def star(self, request: Request) -> Response:
        """Give a star, or take it away."""
        item = self.item(request)
        self.run("UPDATE files_items SET starred = 1 - starred WHERE id = ?", item["id"])
        self.flash(request, self.t("Star removed." if item["starred"] else "Star added."))
        return self.redirect(f"/item/{item['id']}")

    @page("/item/{id:int}/tag", "POST")
    async def tag(self, request: Request) -> Response:
        """Add or remove a tag."""
        item, form = self.item(request), await request.form()
        tag = str(form.get("tag", "")).strip().lower()
        known = self.rows("SELECT * FROM files_tags WHERE item = ? AND tag = ?", item["id"], tag)
        if form.get("do") == "remove":
            self.run("DELETE FROM files_tags WHERE item = ? AND tag = ?", item["id"], tag)
            self.flash(request, self.t("Tag removed."))
        elif tag not in TAGS:
            self.flash(request, self.t("There is no such tag."))
        elif known:
            self.flash(request, self.t("It has this tag already."))
        else:
            self.run("INSERT INTO files_tags (item, tag) VALUES (?, ?)", item["id"], tag)
            self.flash(request, self.t("Tag added."))
        return self.redirect(f"/item/{item['id']}")

    @page("/item/{id:int}/comment", "POST")
    async def comment(self, request: Request) -> Response:
        """Write a comment."""
        item, text = self.item(request), str((await request.form()).get("body", "")).strip()
        if not text:
            return self.render("item.html", request, 422, error=self.t("Write something first."), **self._about(item))
        written = self.world.now.strftime("%Y-%m-%d %H:%M")
        sql = "INSERT INTO files_comments (item, author, body, written) VALUES (?, ?, ?, ?)"
        self.run(sql, item["id"], self.world.me.name, text, written)
        self.flash(request, self.t("Comment added."))
        return self.redirect(f"/item/{item['id']}")

    @page("/item/{id:int}/edit", "GET", "POST")
    async def edit(self, request: Request) -> Response:
        """Edit a text document; the text that was there becomes a version."""
        item = self.item(request)
        if item["kind"] != "text" or self.access(item) not in ("own", "edit"):
            self.flash(request, self.t("You may not edit this."))
            return self.redirect(f"/item/{item['id']}")
        if request.method == "GET":
            return self.render("edit.html", request, item=item, body=item["body"], trail=self.trail(item))
        body = str((await request.form()).get("body", "")).replace("\r\n", "\n").rstrip()
        if not body:
            error = self.t("The document would be empty.")
            return self.render("edit.html", request, 422, item=item, body=body, trail=self.trail(item), error=error)
        self._write(item, body)
        self.flash(request, self.t("Saved."))
        return self.redirect(f"/item/{item['id']}")

    def _write(self, item: sqlite3.Row, body: str) -> None:
        now = self.world.now.strftime("%Y-%m-%d %H:%M")
        last = self.value("SELECT COALESCE(MAX(number), 0) FROM files_versions WHERE item = ?", item["id"])
        self.run(
            "INSERT INTO files_versions (item, number, author, saved, body) VALUES (?, ?, ?, ?, ?)",
            item["id"], last + 1, self.world.me.name, now, item["body"],
        )  # fmt: skip
        self.run("UPDATE files_items SET body = ?, modified = ? WHERE id = ?", body, now, item["id"])

    @page("/item/{id:int}/rename", "GET", "POST")
    async def rename(self, request: Request) -> Response:
        """Give an item another name."""
        item = self.item(request)
        if self.access(item) != "own" or item["id"] == ROOT:
            return self._refuse(request, item)
        if request.method == "GET":
            return self.render("rename.html", request, item=item, name=item["name"], trail=self.trail(item))
        name = " ".join(str((await request.form()).get("name", "")).split())
        error = self._name_error(name, item["parent"], item["id"])
        if error:
            return self.render("rename.html", request, 422, item=item, name=name, trail=self.trail(item), error=error)
        self.run("UPDATE files_items SET name = ? WHERE id = ?", name, item["id"])
        self.flash(request, self.t("Renamed."))
        return self.redirect(f"/item/{item['id']}")

    def _name_error(self, name: str, parent: int, but: int = 0) -> str:
        if not name:
            return self.t("A name is missing.")
        sql = "SELECT 1 FROM files_items WHERE parent = ? AND name = ? AND id != ? AND NOT trashed"
        return self.t("This name is taken in the folder.") if self.rows(sql, parent, name, but) else ""

    def _refuse(self, request: Request, item: sqlite3.Row) -> Response:
        self.flash(request, self.t("Only the owner may do that."))
        return self.redirect(f"/item/{item['id']}")

    @page("/item/{id:int}/move", "GET", "POST")
    async def move(self, request: Request) -> Response:
        """Move or copy an item to another folder."""
        item, error = self.item(request), ""
        copying = request.query_params.get("copy") == "1"
        if item["kind"] == "folder" or (self.access(item) != "own" and not copying):
            return self._refuse(request, item)
        if request.method == "POST":
            asked = str((await request.form()).get("folder", ""))
            folder = int(asked) if asked.isdecimal() else 0
            if folder not in dict(self.folders()):
                error = self.t("Choose a folder.")
            elif folder == item["parent"] and not copying:
                error = self.t("It is in this folder already.")
            else:
                error = "" if copying else self._name_error(item["name"], folder, item["id"])
            if not error:
                return self._put(request, item, folder, copying)
        return self.render(
            "move.html", request, 422 if error else 200, item=item, trail=self.trail(item), copying=copying, error=error
        )

    def _put(self, request: Request, item: sqlite3.Row, folder: int, copying: bool) -> Response:
        if copying:
            name, owner = self.t("Copy of {name}", name=item["name"]), self.world.me.name
            sql = """INSERT INTO files_items (parent, kind, name, owner, size, modified, body, data)
                SELECT ?, kind, ?, ?, size, modified, body, data FROM files_items WHERE id = ?"""
            self.run(sql, folder, name, owner, item["id"])
        else:
            self.run("UPDATE files_items SET parent = ? WHERE id = ?", folder, item["id"])
        self.flash(request, self.t("Copied." if copying else "Moved."))
        return self.redirect(self.folder_path(folder))

    @page("/item/{id:int}/trash", "GET", "POST")
    async def throw(self, request: Request) -> Response:
        """Put an item into the trash, after asking."""
        item = self.item(request)
        if self.access(item) != "own" or item["id"] == ROOT:
            return self._refuse(request, item)
        if request.method == "GET":
            return self.render("throw.html", request, item=item, trail=self.trail(item))
        self.run("UPDATE files_items SET trashed = 1 WHERE id = ?", item["id"])
        self.flash(request, self.t("{count} moved to the trash.", count=1))
        return self.redirect(self.folder_path(item["parent"]))

    @page("/item/{id:int}/share", "GET", "POST")
    async def share(self, request: Request) -> Response:
        """Who may see an item; give and take rights."""
        item, error = self.item(request), ""
        if self.access(item) != "own":
            return self._refuse(request, item)
        form = await request.form() if request.method == "POST" else {}
        person, access = str(form.get("person", "")), str(form.get("access", ""))
        shares = self.rows("SELECT * FROM files_shares WHERE item = ? ORDER BY id", item["id"])
        if request.method == "POST":
            if person not in [p.name for p in self.world.others]:
                error = self.t("Choose a person.")
            elif access != "none" and access not in RIGHTS:
                error = self.t("Choose a right.")
            else:
                self._grant(item["id"], person, access, person in [s["person"] for s in shares])
                self.flash(request, self.t("Sharing was changed."))
                return self.redirect(f"/item/{item['id']}/share")
        return self.render(
            "share.html", request, 422 if error else 200, item=item, trail=self.trail(item), shares=shares,
            rights=RIGHTS, person=person, access=access, error=error,
        )  # fmt: skip

    def _grant(self, item: int, person: str, access: str, known: bool) -> None:
        if access == "none":
            self.run("DELETE FROM files_shares WHERE item = ? AND person = ?", item, person)
        elif known:
            self.run("UPDATE files_shares SET access = ? WHERE item = ? AND person = ?", access, item, person)
        else:
            self.run("INSERT INTO files_shares (item, person, access) VALUES (?, ?, ?)", item, person, access)

    @page("/item/{id:int}/versions")
    async def versions(self, request: Request) -> Response:
        """Earlier versions of a text document."""
        item = self.item(request)
        rows = self.rows("SELECT * FROM files_versions WHERE item = ? ORDER BY number DESC", item["id"])
        return self.render("versions.html", request, item=item, trail=self.trail(item), versions=rows)

    @page("/item/{id:int}/versions/{number:int}", "GET", "POST")
    async def version(self, request: Request) -> Response:
        """One earlier version; it can be restored."""
        item = self.item(request)
        number = request.path_params["number"]
        version = self.row("SELECT * FROM files_versions WHERE item = ? AND number = ?", item["id"], number)
        if request.method == "GET":
            return self.render(
                "version.html", request, item=item, trail=self.trail(item), version=version, access=self.access(item)
            )
        if self.access(item) not in ("own", "edit"):
            return self._refuse(request, item)
        self._write(item, version["body"])
        self.flash(request, self.t("Version {number} is the current one again.", number=number))
        return self.redirect(f"/item/{item['id']}")
