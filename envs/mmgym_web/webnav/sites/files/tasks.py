"""Short tasks of the file manager: open, look up, tag, restore, share, move, count."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.files.contents import ROOT
from mmgym_web.webnav.sites.files.items import KINDS, RIGHTS
from mmgym_web.webnav.sites.files.steps import clicks_to, files_of, folder_name, look_up, page_of, pick, reach, some
from mmgym_web.webnav.sites.files.words import TAGS

__all__ = ["TEMPLATES"]


class Open(Template):
    """Open a file that is on the page."""

    name, sites, level = "files_open", ("files",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any file, from the page of its folder."""
        site, item = files_of(episode), some(episode, rng)
        start = site.folder_path(item["parent"], page_of(site, item))
        text = pick(
            rng,
            ["Open '{name}'.", "Show me '{name}'.", "Open the file '{name}' in this folder.", "Click on '{name}'."],
            name=item["name"],
        )
        return Task("files", text, 1, start, page=f"files:/item/{item['id']}", facts={"id": item["id"]})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click on it."""
        yield from reach(g, task.facts["id"])


class Star(Template):
    """Give the open file a star."""

    name, sites, level = "files_star", ("files",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A file without a star."""
        item = some(episode, rng, "NOT starred")
        text = pick(
            rng,
            ["Give '{name}', which is open, a star.", "Mark the open file '{name}' with a star.", "Star '{name}'."],
            name=item["name"],
        )
        path = f"/item/{item['id']}"
        expects = (Expect("files_items", "update", {"id": item["id"]}, {"starred": 1}),)
        return Task("files", text, 1, path, expects, facts={"id": item["id"]})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press the button."""
        yield from reach(g, task.facts["id"])
        yield from g.click("#star")


class Locked(Template):
    """Change a file that one may only look at: impossible."""

    name, sites, level = "files_locked", ("files",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Somebody else's document, shared for reading."""
        me = episode.world.me.name
        where = "owner != ? AND id IN (SELECT item FROM files_shares WHERE person = ? AND access = 'view')"
        item = some(episode, rng, where, me, me)
        text = pick(
            rng,
            [
                "Rename '{name}', which is open, to 'Old {name}'.",
                "Move the open file '{name}' to another folder. Do not copy it.",
                "Let {person} edit '{name}', the file that is open.",
            ],
            name=item["name"],
            person=episode.world.others[int(rng.integers(13))].name,
        )
        return Task("files", text, 1, f"/item/{item['id']}", infeasible=True)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Only the owner may."""
        yield from g.fail("only the owner may do that")


class Largest(Template):
    """Say which file of a folder is the largest or the smallest."""

    name, sites, level = "files_largest", ("files",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A folder with five files or more, whose sizes differ as they are shown."""
        site = files_of(episode)
        folders = [number for number, _ in site.folders()]
        folder = folders[int(rng.integers(len(folders)))]
        items = [row for row in site.listing(folder, "size") if row["kind"] != "folder"]
        if len(items) < 5:
            raise Redraw("too few files")
        first = bool(rng.integers(2))
        best, second = (items[0], items[1]) if first else (items[-1], items[-2])
        if site.size(best["size"]) == site.size(second["size"]):
            raise Redraw("two are as large")
        text = pick(
            rng,
            [
                "Which file in {folder} is the {what}? Do not look into folders inside it.",
                "Find the {what} file that lies directly in {folder} and give its full name.",
                "Name the {what} file of {folder}, not counting what is in its subfolders.",
            ],
            folder=folder_name(episode, folder),
            what="largest" if first else "smallest",
        )
        row = site.row("SELECT * FROM files_items WHERE id = ?", folder)
        steps, stem = clicks_to(site, row) + 2, best["name"].rpartition(".")[0]
        facts = {"folder": folder, "pages": page_of(site, best), "name": best["name"]}
        return Task("files", text, steps, answer=Answer(best["name"], also=(stem,)), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Sort the folder by size."""
        folder = files_of(g.episode).folder_path(task.facts["folder"])
        if "sort=size" not in g.path:
            yield from reach(g, task.facts["folder"])
            yield from g.visit("files", f"{folder}?sort=size&page=1")
        yield from g.answer(task.facts["name"])


class Cell(Template):
    """Read a cell of a spreadsheet."""

    name, sites, level = "files_cell", ("files",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any cell of any spreadsheet."""
        site, item = files_of(episode), some(episode, rng, "kind = 'sheet'")
        lines = json.loads(item["body"])[1:]
        line, column = lines[int(rng.integers(len(lines)))], int(rng.integers(1, 4))
        texts = {
            1: ["How many of '{what}' does the spreadsheet '{name}' in {folder} list?",
                "Look into '{name}' in {folder}: what is the quantity of '{what}'?"],
            2: ["What is the price of '{what}' in the spreadsheet '{name}' in {folder}?",
                "Look into '{name}' in {folder}: what does '{what}' cost?"],
            3: ["Who ordered '{what}', going by the spreadsheet '{name}' in {folder}?",
                "Look into '{name}' in {folder}: give the name of the person who ordered '{what}'."],
        }  # fmt: skip
        text = pick(rng, texts[column], what=line[0], name=item["name"], folder=folder_name(episode, item["parent"]))
        answer = Answer(line[column], "text" if column == 3 else "number")
        steps = clicks_to(site, item) + 1
        if steps > 4:
            raise Redraw("too far away")
        facts = {"id": item["id"], "value": line[column]}
        return Task("files", text, steps, answer=answer, milestones=(f"/item/{item['id']}",), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open and read it."""
        yield from reach(g, task.facts["id"])
        yield from g.answer(task.facts["value"])


class Tag(Template):
    """Add a tag to a file."""

    name, sites, level = "files_tag", ("files",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A tag that the file does not have yet."""
        site, item = files_of(episode), some(episode, rng)
        tag = TAGS[int(rng.integers(len(TAGS)))]
        if site.rows("SELECT 1 FROM files_tags WHERE item = ? AND tag = ?", item["id"], tag):
            raise Redraw("it has the tag")
        text = pick(
            rng,
            ["Tag '{name}' in this folder as '{tag}'.", "Add the tag '{tag}' to the file '{name}'.",
             "Put the tag '{tag}' on '{name}'."],
            name=item["name"], tag=tag,
        )  # fmt: skip
        start = site.folder_path(item["parent"], page_of(site, item))
        expects = (Expect("files_tags", "insert", {"item": item["id"], "tag": tag}),)
        facts = {"id": item["id"], "tag": tag}
        return Task("files", text, 4, start, expects, milestones=(f"/item/{item['id']}",), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Choose the tag below the file."""
        yield from reach(g, task.facts["id"])
        yield from g.choose("#tag select", task.facts["tag"])
        yield from g.click("#tag button")


class Restore(Template):
    """Take a file out of the trash."""

    name, sites, level = "files_restore", ("files",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Anything in the trash."""
        rows = files_of(episode).rows("SELECT * FROM files_items WHERE trashed ORDER BY id")
        item = rows[int(rng.integers(len(rows)))]
        text = pick(
            rng,
            ["I threw '{name}' away by mistake. Get it back.", "Restore '{name}' from the trash.",
             "Bring the deleted file '{name}' back, and nothing else."],
            name=item["name"],
        )  # fmt: skip
        expects = (Expect("files_items", "update", {"id": item["id"]}, {"trashed": 0}),)
        return Task("files", text, 3, "/", expects, milestones=("/trash",), facts={"id": item["id"]})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Tick it, and nothing else."""
        box = f"input[name=item][value='{task.facts['id']}']"
        yield from g.visit("files", "/trash")
        wrong = g.find(f"input[name=item]:checked:not([value='{task.facts['id']}'])")
        if wrong:
            yield from g.press_at(wrong)
        yield from g.check(box)
        yield from g.click("button[value=restore]")


class Share(Template):
    """Give somebody a right on a file."""

    name, sites, level = "files_share", ("files",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the user's files, and a person who has no right on it."""
        site, world = files_of(episode), episode.world
        item = some(episode, rng, "owner = ?", world.me.name)
        person, access = world.others[int(rng.integers(13))].name, list(RIGHTS)[int(rng.integers(3))]
        if site.rows("SELECT 1 FROM files_shares WHERE item = ? AND person = ?", item["id"], person):
            raise Redraw("it is shared already")
        text = pick(
            rng,
            ["Share '{name}', which lies in {folder}, with {person}, who may {access} it.",
             "{person} should be able to {access} '{name}' in {folder}, but no more than that. See to it.",
             "Give {person} the right to {access} the file '{name}' in {folder}."],
            name=item["name"], folder=folder_name(episode, item["parent"]), person=person,
            access={"view": "view", "comment": "comment on", "edit": "edit"}[access],
        )  # fmt: skip
        expects = (Expect("files_shares", "insert", {"item": item["id"], "person": person, "access": access}),)
        steps, facts = clicks_to(site, item) + 4, {"id": item["id"], "person": person, "access": access}
        if steps > 7:
            raise Redraw("too far away")
        milestones = (f"/item/{item['id']}", f"/item/{item['id']}/share")
        return Task("files", text, steps, "/", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill the form in."""
        if not g.at("files", f"/item/{task.facts['id']}/share"):
            yield from reach(g, task.facts["id"])
        yield from g.visit("files", f"/item/{task.facts['id']}/share")
        yield from g.choose("#person", task.facts["person"])
        yield from g.choose("#access", RIGHTS[task.facts["access"]])
        yield from g.click("form.card button")


class Move(Template):
    """Move a file, to be found by a search, to another folder."""

    name, sites, level = "files_move", ("files",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the user's files and any other folder."""
        site = files_of(episode)
        item = some(episode, rng, f"owner = ? AND parent != {ROOT}", episode.world.me.name)
        folders = [(i, name) for i, name in site.folders() if i not in (item["parent"], ROOT) and " / " not in name]
        folder, name = folders[int(rng.integers(len(folders)))]
        text = pick(
            rng,
            ["Move the file '{file}' to the folder '{folder}'.", "'{file}' belongs in '{folder}'. Move it there.",
             "Somewhere there is a file '{file}'. Find it and put it into the folder '{folder}'."],
            file=item["name"], folder=name,
        )  # fmt: skip
        expects = (Expect("files_items", "update", {"id": item["id"]}, {"parent": folder}),)
        facts = {"id": item["id"], "folder": name, "file": item["name"]}
        milestones = ("/search", f"/item/{item['id']}", f"/item/{item['id']}/move")
        return Task("files", text, 7, "/", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search, open, move."""
        path = f"/item/{task.facts['id']}"
        if not g.at("files", f"{path}/move"):
            yield from look_up(g, task.facts["id"], task.facts["file"])
        yield from g.visit("files", f"{path}/move")
        yield from g.choose("#folder", task.facts["folder"])
        yield from g.click("form.card button")


class Count(Template):
    """Count somebody's files of a kind."""

    name, sites, level = "files_count", ("files",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A person and a kind, or a tag, of which there are some."""
        site, kinds = files_of(episode), ["text", "sheet", "picture"]
        person, kind = episode.world.people[int(rng.integers(14))], kinds[int(rng.integers(3))]
        sql = "SELECT COUNT(*) FROM files_items WHERE NOT trashed AND owner = ? AND kind = ?"
        count = site.value(sql, person.name, kind)
        if not count:
            raise Redraw("there are none")
        text = pick(
            rng,
            ["How many {kind}s does {person} own here? Do not count the trash.",
             "Count all {kind}s that belong to {person}, whatever folder they are in, but not those in the trash.",
             "Find out how many {kind}s have {person} as their owner. Leave the trash out."],
            kind=KINDS[kind].lower(), person=person.name,
        )  # fmt: skip
        facts = {"kind": kind, "person": person.name, "count": count}
        answer = Answer(str(count), "number")
        return Task("files", text, 5, "/", answer=answer, milestones=("/search", "owner="), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Filter a search."""
        owner = task.facts["person"].replace(" ", "+")
        if f"kind={task.facts['kind']}&owner={owner}&tag=" not in g.path or "q=&" not in g.path:
            if not g.path.startswith("/search"):
                yield from g.click("header.site button")
            yield from g.fill("main input[name=q]", "")
            yield from g.choose("main select[name=kind]", KINDS[task.facts["kind"]])
            yield from g.choose("main select[name=owner]", task.facts["person"])
            yield from g.click("main form.card button")
        yield from g.answer(str(task.facts["count"]))


TEMPLATES = (Open, Star, Locked, Largest, Cell, Tag, Restore, Share, Move, Count)
