"""What is asked on the wiki: thirteen kinds of tasks, verified on the files of its repository."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.apps.tasks import AppTemplate, is_done, pick, still_unmet, update
from mmgym_web.apps.wiki import WikiEpisode
from mmgym_web.apps.wiki_world import KINDS, WikiPage
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task

__all__ = ["TEMPLATES"]

_SENTENCES = (
    "The window was repaired in May.", "Ask at the reception for a spare key.", "The next check is in October.",
    "Visitors need a badge.", "Please report damage at once.", "The old manual is out of date.",
    "There is a second one in the cellar.", "It is shared with the workshop.",
)  # fmt: skip

# The line of the editor in which the caret is, what is selected, and how many characters of the line are before it.
_CARET = """(() => {
  const selection = getSelection(), node = selection.focusNode;
  const line = node && (node.nodeType === 1 ? node : node.parentElement).closest('.cm-line');
  if (!line) return {line: null, selected: '', before: 0, last: false};
  const range = document.createRange();
  range.setStart(line, 0);
  range.setEnd(node, selection.focusOffset);
  return {line: line.textContent, selected: selection.toString(), before: range.toString().length,
    last: line === [...document.querySelectorAll('.cm-line')].pop()};
})()"""


class _Ask(AppTemplate[WikiEpisode]):
    """A question: `Task.facts` holds the answer, and the path of the page that tells it."""

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        yield from _visit(g, task.facts["path"])
        yield from g.answer(task.facts["answer"])


class Open(AppTemplate[WikiEpisode]):
    """Open a page by its name."""

    name, level = "wiki_open", 1

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page = pick(rng, episode.content.pages)
        return Task("wiki", f"Open the page {page.name}.", 1, page=f"wiki:{page.path}", facts={"path": page.path})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        yield from _visit(g, task.facts["path"])
        yield from g.answer("done")


class Fact(_Ask):
    """What a page says about something."""

    name, level = "wiki_fact", 1

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page = pick(rng, episode.content.pages)
        label, value = pick(rng, page.facts)
        text = f"What does the wiki say about {page.name}: {label}?"
        return Task("wiki", text, 2, answer=Answer(value), facts={"path": page.path, "answer": value})


class LastEditor(_Ask):
    """Who changed a page last."""

    name, level = "wiki_last_editor", 2

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page = pick(rng, [page for page in episode.content.pages if len(episode.content.history(page)) > 1])
        first, last = (edit.author for edit in episode.content.history(page))
        if first == last:
            raise Redraw("one person made all changes")
        name = episode.world.people[last].name
        text = f"Who made the last change to the page {page.name}? Answer with the full name."
        return Task("wiki", text, 2, answer=Answer(name), facts={"path": f"{page.path}/history", "answer": name})


class Owned(_Ask):
    """How many pages somebody owns."""

    name, level = "wiki_count_owned", 3

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        name = pick(rng, episode.content.pages).fact("Owner")
        count = str(sum(page.fact("Owner") == name for page in episode.content.pages))
        text = f"Of how many pages of the wiki is {name} the owner?"
        return Task("wiki", text, 1, answer=Answer(count, "number"), facts={"path": "/", "answer": count})


class Most(_Ask):
    """Which room has the most seats."""

    name, level = "wiki_most_seats", 3

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        most = bool(rng.integers(2))
        rooms = sorted((int(p.fact("Seats")) * (-1 if most else 1), p.name) for p in episode.content.pages if _room(p))
        if len(rooms) < 2 or rooms[0][0] == rooms[1][0]:
            raise Redraw("two are equal")
        text = f"Which room has the {'most' if most else 'fewest'} seats? Answer with the name of its page."
        # rooms are few: without their names many worlds would ask in the same words
        text += f" The rooms are {', '.join(sorted(name for _, name in rooms))}."
        return Task("wiki", text, 1, answer=Answer(rooms[0][1]), facts={"path": "/", "answer": rooms[0][1]})


class Previous(_Ask):
    """What a page said before its last change."""

    name, level = "wiki_previous", 4

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page, label, value = _changed(episode, rng)
        text = f"What did the page {page.name} say for {label} before its last change?"
        return Task("wiki", text, 2, answer=Answer(value), facts={"path": f"{page.path}/history", "answer": value})


class _Write(AppTemplate[WikiEpisode]):
    """A task in the editor: `Task.facts["lines"]` holds path, file, old line (empty: at the end) and new line."""

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        if is_done(task, g):
            yield from g.answer("done")
            return
        files = {expect.where["id"] for expect in still_unmet(task, g)}
        for path, file, old, new in task.facts["lines"]:
            if file in files:
                yield from _visit(g, f"{path}?edit")
                yield from _write_line(g, old, new)


class Append(_Write):
    """Write a sentence at the end of a page."""

    name, level = "wiki_append", 2

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page, sentence = pick(rng, episode.content.pages), pick(rng, _SENTENCES)
        text = f"Add this sentence as a new line at the end of the page {page.name}: {sentence}"
        expect = update("page", page.file, content=f"{page.text}{sentence}")
        return Task("wiki", text, 4, expects=(expect,), facts={"lines": [[page.path, page.file, "", sentence]]})


class SetFact(_Write):
    """Correct a fact on a page."""

    name, level = "wiki_set_fact", 3

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page = pick(rng, episode.content.pages)
        label = pick(rng, list(KINDS[page.kind]))
        value = pick(rng, [value for value in KINDS[page.kind][label] if value != page.fact(label)])
        text = f"Correct the page {page.name}: {label} is {value}."
        return _facts(text, [(page, label, value)])


class Undo(_Write):
    """Undo the last change of a page."""

    name, level = "wiki_undo", 4

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page, label, value = _changed(episode, rng)
        text = f"The last change to the page {page.name} was a mistake. Give the page back the content it had before."
        return _facts(text, [(page, label, value)])


class HandOver(_Write):
    """Make somebody the owner of all of somebody else's pages."""

    name, level = "wiki_hand_over", 5

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        old = pick(rng, episode.content.pages).fact("Owner")
        new = pick(rng, [person.name for person in episode.world.people[:6] if person.name != old])
        pages = [page for page in episode.content.pages if page.fact("Owner") == old]
        if not 2 <= len(pages) <= 3:
            raise Redraw("too few or too many pages")
        return _facts(f"{new} takes over from {old}: change the owner on every page whose owner is {old}.",
                      [(page, "Owner", new) for page in pages])  # fmt: skip


class Create(AppTemplate[WikiEpisode]):
    """Make a new page."""

    name, level = "wiki_create", 4

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page, sentence = pick(rng, episode.content.pages), pick(rng, _SENTENCES)
        name = f"{page.name}-notes"
        text = f"Create a page with the name {name}. Below its heading it says: {sentence}"
        row = {"id": f"{name.lower()}.md", "content": f"# {name} {sentence}"}
        facts = {"name": name, "line": sentence}
        return Task("wiki", text, 5, expects=(Expect("page", "insert", where=row),), facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        if is_done(task, g):
            yield from g.answer("done")
        elif g.find(".cm-line", f"# {task.facts['name']}"):
            yield from _write_line(g, "", task.facts["line"])
        else:
            yield from _visit(g, "/-/create")
            yield from g.fill("#pagename", task.facts["name"])
            yield from g.click("input[type=submit]")


class Rename(AppTemplate[WikiEpisode]):
    """Rename a page."""

    name, level = "wiki_rename", 4

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page = pick(rng, episode.content.pages)
        name = f"{page.name}-{rng.integers(2, 10)}"
        old, new = f"{page.kind.capitalize()}/{page.name}", f"{page.kind.capitalize()}/{name}"
        text = f"Rename the page {old} to {new}. Change nothing else."
        expects = (
            Expect("page", "delete", where={"id": page.file}),
            Expect("page", "insert", where={"id": f"{new.lower()}.md", "content": page.text}),
        )
        return Task("wiki", text, 3, expects=expects, facts={"path": f"{page.path}/rename", "name": new})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        if is_done(task, g):
            yield from g.answer("done")
            return
        yield from _visit(g, task.facts["path"])
        yield from g.fill("#new_pagename", task.facts["name"])
        yield from g.click("input[type=submit]")


class Delete(AppTemplate[WikiEpisode]):
    """Delete the page of a finished thing."""

    name, level = "wiki_delete", 3

    def draw(self, episode: WikiEpisode, rng: np.random.Generator) -> Task:
        page = pick(rng, episode.content.pages)
        expect = Expect("page", "delete", where={"id": page.file})
        text = f"Delete the page {page.name}."
        return Task("wiki", text, 2, expects=(expect,), facts={"path": f"{page.path}/delete"})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        if is_done(task, g):
            yield from g.answer("done")
            return
        yield from _visit(g, task.facts["path"])
        yield from g.click("input[type=submit]", "Delete")


TEMPLATES = (
    Open, Fact, LastEditor, Append, Owned, Most, SetFact, Delete, Previous, Undo, Create, Rename, HandOver,
)  # fmt: skip
"""The classes of all templates."""


def _room(page: WikiPage) -> bool:
    return page.kind == "rooms"


def _changed(episode: WikiEpisode, rng: np.random.Generator) -> tuple[WikiPage, str, str]:
    """A page that was changed, the fact that was, and its value before."""
    page = pick(rng, [page for page in episode.content.pages if len(episode.content.history(page)) > 1])
    before = episode.content.history(page)[-2].page
    label = next(label for label, value in before.facts if page.fact(label) != value)
    return page, label, before.fact(label)


def _facts(text: str, changes: list[tuple[WikiPage, str, str]]) -> Task:
    """The task of giving facts other values."""
    expects = tuple(
        update("page", page.file, content=page.with_fact(label, value).text) for page, label, value in changes
    )
    lines: list[Any] = [
        [page.path, page.file, f"- {label}: {page.fact(label)}", f"- {label}: {value}"]
        for page, label, value in changes
    ]
    return Task("wiki", text, 4 * len(changes), expects=expects, facts={"lines": lines})


def _visit(g: Guide, path: str) -> Iterator[ToolCall]:
    """Go to a page: by a link in the text, or by its address (links in the sidebar may be folded away)."""
    if not g.at("wiki", path):
        url = g.episode.site("wiki").url(path)
        link = g.find("article a[href]", href=url)
        yield from g.press_at(link) if link else iter([ToolCall("goto", {"url": url})])


def _write_line(g: Guide, old: str, new: str) -> Iterator[ToolCall]:
    """In the open editor, put `new` in place of the line `old`, or at the end if that is empty, and save."""
    if g.find(".cm-line", new):
        yield from g.click("#save-page-btn")
        return
    caret = g.page.query(_CARET)
    if old and caret["selected"] == old:
        yield ToolCall("type", {"text": new})
    elif old and caret["line"] == old:
        yield ToolCall("press", {"keys": "Shift+Home" if caret["before"] == len(old) else "End"})
    elif old:
        yield from g.click(".cm-line", old)
    elif caret["last"] and caret["line"] == "":
        yield ToolCall("type", {"text": new})
    elif caret["line"] is not None:
        yield ToolCall("press", {"keys": "Control+End"})
    else:
        yield from g.click(".cm-line")
