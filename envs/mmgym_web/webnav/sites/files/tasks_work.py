"""Longer tasks of the file manager: rename, upload, restore a version, edit, tidy up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.files.contents import ROOT
from mmgym_web.webnav.sites.files.steps import clicks_to, files_of, folder_name, page_of, pick, reach, some
from mmgym_web.webnav.sites.files.words import EXPENSES, PROJECT_LAST

__all__ = ["TEMPLATES"]


class Rename(Template):
    """Give a file another name."""

    name, sites, level = "files_rename", ("files",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the user's files."""
        site, item = files_of(episode), some(episode, rng, "owner = ?", episode.world.me.name)
        stem, _, end = item["name"].rpartition(".")
        name = f"{stem} {('final', 'old', 'new', 'signed')[int(rng.integers(4))]} {int(rng.integers(2, 100))}.{end}"
        text = pick(
            rng,
            ["Rename '{old}' in this folder to '{new}'.", "Change the name of the file '{old}' to '{new}'.",
             "'{old}' should be called '{new}' from now on."],
            old=item["name"], new=name,
        )  # fmt: skip
        start = site.folder_path(item["parent"], page_of(site, item))
        expects = (Expect("files_items", "update", {"id": item["id"]}, {"name": name}),)
        milestones = (f"/item/{item['id']}", "/rename")
        return Task("files", text, 6, start, expects, milestones=milestones, facts={"id": item["id"], "name": name})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill the form in."""
        if not g.at("files", f"/item/{task.facts['id']}/rename"):
            yield from reach(g, task.facts["id"])
        yield from g.visit("files", f"/item/{task.facts['id']}/rename")
        yield from g.fill("#name", task.facts["name"])
        yield from g.click("form.card button")


class Upload(Template):
    """Upload a file into a folder."""

    name, sites, level = "files_upload", ("files",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Two files to choose from, and any folder."""
        site = files_of(episode)
        folders = [number for number, _ in site.folders() if number != ROOT]
        folder = folders[int(rng.integers(len(folders)))]
        words = [EXPENSES[i].lower() for i in rng.permutation(len(EXPENSES))[:2]]
        names = [f"{word}-{int(rng.integers(100, 1000))}.csv" for word in words]
        files = {name: f"item,amount\n{name[:-4]},{int(rng.integers(10000))}\n".encode() for name in sorted(names)}
        text = pick(
            rng,
            ["Upload your file '{name}' into {folder}.", "Put your file '{name}' into {folder} by uploading it.",
             "{person} needs '{name}' in {folder}. Upload it there."],
            name=names[0], folder=folder_name(episode, folder), person=episode.world.others[0].first,
        )  # fmt: skip
        row = {"parent": folder, "kind": "upload", "name": names[0], "data": files[names[0]], "trashed": 0}
        steps = clicks_to(site, site.row("SELECT * FROM files_items WHERE id = ?", folder)) + 3
        milestones = (f"/folder/{folder}", f"/folder/{folder}/upload")
        return Task(
            "files", text, steps, "/", (Expect("files_items", "insert", row),), milestones=milestones, files=files,
            facts={"folder": folder, "name": names[0]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Choose the file and send it."""
        path = f"/folder/{task.facts['folder']}/upload"
        if not g.at("files", path):
            yield from reach(g, task.facts["folder"])
        yield from g.visit("files", path)
        field = g.find("input[type=file]")
        if field and not field.value.endswith(task.facts["name"]):
            yield from g.show(field)
            yield ToolCall("upload", {"x": field.x, "y": field.y, "file": task.facts["name"]})
        yield from g.click("form.card button")


class Version(Template):
    """Make an earlier version of a document the current one."""

    name, sites, level = "files_version", ("files",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A version by whoever saved it; its text differs from all others."""
        site, me = files_of(episode), episode.world.me.name
        where = "kind = 'text' AND (owner = ? OR id IN (SELECT item FROM files_shares WHERE person = ? AND "
        item = some(episode, rng, f"{where} access = 'edit')) AND body LIKE '%Written by%'", me, me)
        versions = site.rows("SELECT * FROM files_versions WHERE item = ? ORDER BY number", item["id"])
        version = versions[int(rng.integers(len(versions)))]
        bodies = [row["body"] for row in versions] + [item["body"]]
        if bodies.count(version["body"]) > 1:
            raise Redraw("two versions are the same")
        text = pick(
            rng,
            ["Somebody spoilt '{name}' in this folder. Go back to the version that {person} saved.",
             "Restore the version of '{name}' that was saved by {person}.",
             "Make {person}'s version of the document '{name}' the current one again."],
            name=item["name"], person=version["author"],
        )  # fmt: skip
        start = site.folder_path(item["parent"], page_of(site, item))
        expects = (Expect("files_items", "update", {"id": item["id"]}, {"body": version["body"]}),)
        milestones = (f"/item/{item['id']}", "/versions", f"/versions/{version['number']}")
        facts = {"id": item["id"], "number": version["number"]}
        return Task("files", text, 4, start, expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the version and restore it."""
        path = f"/item/{task.facts['id']}"
        version = f"{path}/versions/{task.facts['number']}"
        if not g.path.startswith(f"{path}/versions"):
            yield from reach(g, task.facts["id"])
            yield from g.visit("files", f"{path}/versions")
        yield from g.visit("files", version)
        yield from g.click("main form button", "Restore this version")


class EditLine(Template):
    """Change one line of a document."""

    name, sites, level = "files_edit", ("files",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A line with a name and a value, in a document that fits into one go of typing."""
        site = files_of(episode)
        item = some(episode, rng, "kind = 'text' AND owner = ? AND length(body) < 440", episode.world.me.name)
        lines = item["body"].split("\n")
        fields = [line.split(": ")[0] for line in lines[1:] if ": " in line and line.split(": ")[0] in _NEW]
        if not fields:
            raise Redraw("nothing to change")
        field = fields[int(rng.integers(len(fields)))]
        value = _NEW[field].format(int(rng.integers(100, 1000)))
        body = "\n".join(f"{field}: {value}" if line.startswith(f"{field}: ") else line for line in lines)
        text = pick(
            rng,
            ["In the document '{name}' in {folder}, change the line '{field}' to '{field}: {value}' and save it. "
             "Leave everything else as it is.",
             "Correct '{name}' in {folder}: the line that begins with '{field}:' must read '{field}: {value}'.",
             "Edit '{name}' in {folder} so that '{field}' is '{value}'; nothing else in it may change."],
            name=item["name"], folder=folder_name(episode, item["parent"]), field=field, value=value,
        )  # fmt: skip
        expects = (Expect("files_items", "update", {"id": item["id"]}, {"body": body}),)
        steps, facts = clicks_to(site, item) + 5, {"id": item["id"], "body": body}
        if not 6 <= steps <= 10:
            raise Redraw("too far away")
        milestones = (f"/item/{item['id']}", f"/item/{item['id']}/edit")
        return Task("files", text, steps, "/", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Write the text anew."""
        path = f"/item/{task.facts['id']}"
        if not g.at("files", f"{path}/edit"):
            yield from reach(g, task.facts["id"])
        yield from g.visit("files", f"{path}/edit")
        yield from g.fill("textarea", task.facts["body"])
        yield from g.click("main form button")


_NEW = {"Budget": "${},500", "Reference": "Q-8{}", "Order number": "Z-4{}", "Telephone": "077 7{}"}
"""New values by field."""


class NewFolder(Template):
    """Make a folder and move a file into it."""

    name, sites, level = "files_new_folder", ("files",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the user's files, directly in the outermost folder."""
        site = files_of(episode)
        item = some(episode, rng, f"owner = ? AND parent = {ROOT}", episode.world.me.name)
        stem = item["name"].rpartition(".")[0]
        name = f"{stem} {PROJECT_LAST[int(rng.integers(len(PROJECT_LAST)))].lower()}"
        text = pick(
            rng,
            ["Make a folder '{new}' in the outermost folder and move '{name}', which lies there, into it.",
             "Create a new folder called '{new}' beside the file '{name}' and put the file into it.",
             "'{name}' in the outermost folder should get its own folder there: create '{new}' and move it in."],
            name=item["name"], new=name,
        )  # fmt: skip
        made = site.value("SELECT MAX(id) FROM files_items") + 1
        expects = (
            Expect("files_items", "insert", {"parent": ROOT, "kind": "folder", "name": name, "trashed": 0}),
            Expect("files_items", "update", {"id": item["id"]}, {"parent": made}),
        )
        facts = {"id": item["id"], "name": name, "made": made}
        steps = 9 + page_of(site, item)
        milestones = (f"/folder/{ROOT}/new", f"/folder/{made}", f"/item/{item['id']}", "/move")
        return Task("files", text, min(steps, 10), "/", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """First the folder, then the file."""
        path, made = f"/item/{task.facts['id']}", task.facts["made"]
        if not g.db.execute("SELECT 1 FROM files_items WHERE id = ?", (made,)).fetchone():
            new = f"/folder/{ROOT}/new"
            if not g.at("files", new):
                yield from g.visit("files", "/")
                if not g.find("#new a"):
                    yield from g.click("#new button")
            yield from g.visit("files", new)
            yield from g.fill("#name", task.facts["name"])
            yield from g.click("form.card button")
        if not g.at("files", f"{path}/move"):
            yield from reach(g, task.facts["id"])
        yield from g.visit("files", f"{path}/move")
        yield from g.choose("#folder", task.facts["name"])
        yield from g.click("form.card button")


TEMPLATES = (Rename, Upload, Version, EditLine, NewFolder)
