"""Tasks in the wiki that change something: facts, titles, sections, discussions, new pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.wiki.lore import CATEGORIES, draw_name
from mmgym_web.webnav.sites.wiki.steps import look_at, open_article, pick, say

__all__ = ["EDITS", "revision"]


def revision(episode: Episode, page: int, part: str) -> Expect:
    """That the history of a page names a change of ours."""
    return Expect("wiki_revisions", "insert", {"page": page, "part": part, "author": episode.world.me.name})


def _list(row: Any) -> str:
    return f"/pages?category={row['category']}"


def _free_title(episode: Episode, rng: np.random.Generator, category: str) -> str:
    name = episode.world.distinct(rng, draw_name, 1)[0]
    title = {
        "Rivers": f"River {name}",
        "Mountains": f"Mount {name}",
        "Museums": f"{name} Museum",
        "Bridges": f"{name} Bridge",
    }.get(category, name)
    if episode.site("wiki").rows("SELECT 1 FROM wiki_pages WHERE title LIKE ?", f"%{name}%"):
        raise Redraw("there is such a page")
    return title


def _other_value(value: str, rng: np.random.Generator) -> str:
    """Another number with the same unit and separators."""
    number, *unit = value.split(" ")
    old = int(number.replace(",", ""))
    year = not unit and 1000 < old < 2100 and "," not in number
    change = int(rng.integers(1, 20 if year else max(4, old // 8)))
    new = max(1, old + change if rng.integers(2) and not year else old - change)
    if new == old:
        raise Redraw("the same number")
    return " ".join([f"{new:,}" if "," in number else str(new), *unit])


def _fact(episode: Episode, rng: np.random.Generator, protected: int) -> Any:
    return pick(
        rng,
        episode.site("wiki").rows(
            "SELECT f.*, p.title, p.category FROM wiki_facts f JOIN wiki_pages p ON p.id = f.page WHERE p.protected = ?"
            " AND substr(f.value, 1, 1) BETWEEN '0' AND '9' ORDER BY f.id",
            protected,
        ),
    )


def _ask_fact(rng: np.random.Generator, row: Any, value: str) -> str:
    return say(
        rng,
        'In the wiki, change "{name}" of {title} to "{value}".',
        'The fact "{name}" in the wiki article {title} is out of date: it must be "{value}". Please correct it.',
        'Correct the wiki: for {title}, "{name}" has to read "{value}".',
        name=row["name"],
        title=row["title"],
        value=value,
    )


class WikiEditFact(Template):
    """Correct a value in an article's box of facts."""

    name, sites, level = "wiki_edit_fact", ("wiki",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A fact with a number, and another number."""
        row = _fact(episode, rng, 0)
        value = _other_value(row["value"], rng)
        expects = (
            Expect("wiki_facts", "update", {"id": row["id"]}, {"value": value}),
            revision(episode, row["page"], f"fact:{row['id']}"),
        )
        return Task(
            "wiki",
            _ask_fact(rng, row, value),
            6,
            _list(row),
            expects,
            milestones=(f"/page/{row['page']}", f"/page/{row['page']}/facts"),
            facts={"page": row["page"], "title": row["title"], "fact": row["id"], "value": value},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the article, then its facts; put every field right; save."""
        form = f"/page/{task.facts['page']}/facts"
        if not g.at("wiki", form):
            yield from open_article(g, task.facts["page"], task.facts["title"])
            yield from g.visit("wiki", form)
        for row in g.db.execute(
            "SELECT * FROM wiki_facts WHERE page = ? ORDER BY id", (task.facts["page"],)
        ).fetchall():
            yield from g.fill(
                f"#fact{row['id']}", task.facts["value"] if row["id"] == task.facts["fact"] else row["value"]
            )
        yield from g.click("#save")


class WikiProtected(Template):
    """Correct a fact of an article that cannot be changed: a request to turn down."""

    name, sites, level = "wiki_protected", ("wiki",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A fact of a protected article."""
        row = _fact(episode, rng, 1)
        return Task(
            "wiki",
            _ask_fact(rng, row, _other_value(row["value"], rng)),
            2,
            _list(row),
            infeasible=True,
            page=f"wiki:/page/{row['page']}",
            milestones=(f"/page/{row['page']}",),
            facts={"page": row["page"], "title": row["title"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the article; it is protected."""
        yield from open_article(g, task.facts["page"], task.facts["title"])
        yield from g.fail("the article is protected")


class WikiUndo(Template):
    """Undo a change that spoils an article."""

    name, sites, level = "wiki_undo", ("wiki",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The newest change of a section, if it added a sentence."""
        row = pick(
            rng,
            episode.site("wiki").rows(
                "SELECT r.*, p.title, p.category FROM wiki_revisions r JOIN wiki_pages p ON p.id = r.page"
                " JOIN wiki_sections s ON r.part = 'section:' || s.id WHERE p.protected = 0 AND s.body = r.after"
                " AND r.id = (SELECT max(id) FROM wiki_revisions WHERE page = r.page) ORDER BY r.id",
            ),
        )
        added = row["after"].removeprefix(row["before"]).strip()
        if not row["before"] or added == row["after"]:
            raise Redraw("nothing was added")
        text = say(
            rng,
            'Somebody has added the sentence "{added}" to the wiki article {title}. Undo that change.',
            'Revert the edit that put "{added}" into the wiki article {title}.',
            'The last edit of {title} in the wiki is nonsense ("{added}"). Please undo it.',
            added=added,
            title=row["title"],
        )
        expects = (
            Expect("wiki_sections", "update", {"id": int(row["part"].split(":")[1])}, {"body": row["before"]}),
            revision(episode, row["page"], row["part"]),
        )
        return Task(
            "wiki",
            text,
            4,
            _list(row),
            expects,
            milestones=(f"/page/{row['page']}", f"/page/{row['page']}/history", f"/change/{row['id']}"),
            facts={"page": row["page"], "title": row["title"], "change": row["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """By the history to the change, and undo."""
        page, change = task.facts["page"], task.facts["change"]
        if g.at("wiki", f"/change/{change}"):
            yield from g.click("#undo")
        elif g.at("wiki", f"/page/{page}/history"):
            yield from g.visit("wiki", f"/change/{change}")
        else:
            yield from open_article(g, page, task.facts["title"])
            yield from g.visit("wiki", f"/page/{page}/history")


class WikiRename(Template):
    """Rename an article, with or without a redirect."""

    name, sites, level = "wiki_rename", ("wiki",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An article and a free title."""
        row = pick(rng, episode.site("wiki").rows("SELECT * FROM wiki_pages WHERE protected = 0 ORDER BY id"))
        title, keep = _free_title(episode, rng, row["category"]), bool(rng.integers(2))
        text = say(
            rng,
            "Rename the wiki article {old} to {new}, {how}.",
            "In the wiki, the page {old} has to be called {new} from now on. Rename it, {how}.",
            old=row["title"],
            new=title,
            how="leaving a redirect behind" if keep else "without leaving a redirect behind",
        )
        expects = [
            Expect("wiki_pages", "update", {"id": row["id"]}, {"title": title}),
            revision(episode, row["id"], "title"),
        ]
        if keep:
            expects.append(Expect("wiki_pages", "insert", {"title": row["title"], "redirect": row["id"]}))
        return Task(
            "wiki",
            text,
            6 if keep else 7,
            _list(row),
            tuple(expects),
            milestones=(f"/page/{row['id']}", f"/page/{row['id']}/rename"),
            facts={"page": row["id"], "old": row["title"], "new": title, "keep": keep},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the article and its form for renaming."""
        form = f"/page/{task.facts['page']}/rename"
        if not g.at("wiki", form):
            yield from open_article(g, task.facts["page"], task.facts["old"])
            yield from g.visit("wiki", form)
        yield from g.fill("#title", task.facts["new"])
        yield from g.check("input[name=keep]", task.facts["keep"])
        yield from g.click("#save")


class WikiTalk(Template):
    """Start a topic on an article's discussion page."""

    name, sites, level = "wiki_talk", ("wiki",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An article, a subject and a text."""
        row = pick(rng, episode.site("wiki").rows("SELECT * FROM wiki_pages ORDER BY id"))
        subject = pick(
            rng, ("Missing photo", "Second source", "Old maps", "Wrong date?", "Local dialect", "Coat of arms")
        )
        body = pick(
            rng,
            (
                "Does anybody have a scan?",
                "I found a newer book about it.",
                "The archive opens on Monday.",
                "Please check the second sentence.",
                "I can ask the mayor.",
            ),
        )
        text = say(
            rng,
            'Start a topic on the discussion page of the wiki article {title}: subject "{subject}", text "{body}".',
            'On the talk page of {title} in the wiki, add a topic "{subject}" that says: "{body}"',
            title=row["title"],
            subject=subject,
            body=body,
        )
        expects = (
            Expect(
                "wiki_topics",
                "insert",
                {"page": row["id"], "title": subject, "body": body, "author": episode.world.me.name},
            ),
        )
        return Task(
            "wiki",
            text,
            7,
            _list(row),
            expects,
            milestones=(f"/page/{row['id']}", f"/page/{row['id']}/talk"),
            facts={"page": row["id"], "title": row["title"], "subject": subject, "body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the article and its discussion; fill in; add."""
        form = f"/page/{task.facts['page']}/talk"
        if not g.at("wiki", form):
            yield from open_article(g, task.facts["page"], task.facts["title"])
            yield from g.visit("wiki", form)
        yield from g.fill("#subject", task.facts["subject"])
        yield from g.fill("#text", task.facts["body"])
        yield from g.click("#save")


class WikiNew(Template):
    """Write a new article."""

    name, sites, level = "wiki_new", ("wiki",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A free title, a category and an introduction."""
        category = pick(rng, CATEGORIES)
        title = _free_title(episode, rng, category)
        lead = f"{title} " + pick(
            rng,
            (
                "is little known.",
                "was first described in an old letter.",
                "appears on few maps.",
                "is the pride of its region.",
                "has its own festival.",
            ),
        )
        text = say(
            rng,
            'Create a new page in the wiki: title "{title}", category "{category}", introduction "{lead}"',
            'Write a new wiki article called "{title}" in the category "{category}". Its introduction: "{lead}"',
            title=title,
            category=category,
            lead=lead,
        )
        expects = (
            Expect("wiki_pages", "insert", {"title": title, "category": category, "lead": lead, "redirect": None}),
            Expect("wiki_revisions", "insert", {"part": "lead", "author": episode.world.me.name, "after": lead}),
        )
        return Task(
            "wiki",
            text,
            7,
            "/",
            expects,
            milestones=("/new",),
            facts={"title": title, "category": category, "lead": lead},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form for new pages."""
        yield from g.visit("wiki", "/new")
        yield from g.fill("#name", task.facts["title"])
        yield from g.choose("#category", task.facts["category"])
        yield from g.fill("#lead", task.facts["lead"])
        yield from g.click("#save")


class WikiConflict(Template):
    """Add a sentence to a section that somebody else changes meanwhile: both texts are to be kept."""

    name, sites, level = "wiki_conflict", ("wiki",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A section with a change that comes in between, and a sentence."""
        row = pick(
            rng,
            episode.site("wiki").rows(
                "SELECT s.*, p.title, p.category, n.body AS theirs, n.author FROM wiki_pending n JOIN wiki_sections s"
                " ON s.id = n.section JOIN wiki_pages p ON p.id = s.page WHERE p.protected = 0 ORDER BY s.id",
            ),
        )
        added = pick(
            rng,
            (
                "A guide in four languages is sold there.",
                "It was painted by several artists.",
                "The last survey was made from the air.",
                "Local children know a song about it.",
                "Its name has never been explained.",
            ),
        )
        text = say(
            rng,
            'Add the sentence "{added}" at the very end of the section "{heading}" of the wiki article {title}. '
            "If somebody else changes the section meanwhile, keep their text and put the sentence after it.",
            'In the wiki article {title}, the section "{heading}" has to end with the sentence "{added}" '
            "Do not lose anything that others write there in the meantime.",
            added=added,
            heading=row["heading"],
            title=row["title"],
        )
        part = f"section:{row['id']}"
        expects = (
            Expect("wiki_sections", "update", {"id": row["id"]}, {"body": f"{row['theirs']} {added}"}),
            Expect("wiki_revisions", "insert", {"page": row["page"], "part": part, "author": row["author"]}),
            revision(episode, row["page"], part),
        )
        return Task(
            "wiki",
            text,
            10,
            _list(row),
            expects,
            milestones=(f"/page/{row['page']}", f"/page/{row['page']}/edit/{row['id']}"),
            facts={"page": row["page"], "title": row["title"], "section": row["id"], "added": added},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Edit the section; after the conflict, put the sentence behind the others' text."""
        form = f"/page/{task.facts['page']}/edit/{task.facts['section']}"
        if not g.at("wiki", form):
            yield from open_article(g, task.facts["page"], task.facts["title"])
            yield from g.visit("wiki", form)
        body = g.db.execute("SELECT body FROM wiki_sections WHERE id = ?", (task.facts["section"],)).fetchone()[0]
        if g.find("#theirs") is not None and g.find("#text", body) is None:
            yield from look_at(g, "#theirs")
        yield from g.fill("#text", f"{body} {task.facts['added']}")
        yield from g.click("#save")


EDITS: tuple[type[Template], ...] = (
    *(WikiEditFact, WikiProtected, WikiUndo, WikiRename, WikiTalk, WikiNew, WikiConflict),
)
