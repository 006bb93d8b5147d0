"""Tasks across forum and wiki: what is read on one is used on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.forum.steps import open_thread, thread_facts, thread_path, turns_to_thread
from mmgym_web.webnav.sites.forum.writing import reply_expected
from mmgym_web.webnav.sites.wiki.edits import revision
from mmgym_web.webnav.sites.wiki.steps import look_at, open_article, pick, say, seen

__all__ = ["TWO_SITES"]

_DONE = (
    "Done.",
    "I have put it into the wiki.",
    "The wiki is up to date now.",
    "Taken care of, thank you!",
    "It is in the wiki.",
    "Changed as you wished.",
    "The article is right again.",
    "Consider it done.",
)


def _matter(episode: Episode, rng: np.random.Generator, kind: str) -> tuple[Any, dict[str, Any], Any]:
    """A thread of the reference desk, what it is about, and the article's row."""
    found = episode.site("forum").rows("SELECT * FROM forum_threads WHERE matter != '' ORDER BY id")
    thread = pick(rng, [row for row in found if json.loads(row["matter"])["kind"] == kind])
    matter = json.loads(thread["matter"])
    return thread, matter, episode.site("wiki").row("SELECT * FROM wiki_pages WHERE id = ?", matter["page"])


def _reply(g: Guide, facts: dict[str, Any]) -> Iterator[ToolCall]:
    """Go back to the thread, whose address is known by now, and post the reply."""
    if g.site == "wiki":
        yield from g.visit("forum", thread_path(facts["thread"]))
    yield from open_thread(g, facts)
    yield from g.fill("#body", facts["body"])
    yield from g.click("#send")


class ForumWikiAnswer(Template):
    """Answer a question of the forum with a fact of the wiki."""

    name, sites, level = "forum_wiki_answer", ("forum", "wiki"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A question that the wiki answers."""
        thread, matter, row = _matter(episode, rng, "question")
        fact = episode.site("wiki").row(
            "SELECT * FROM wiki_facts WHERE page = ? AND name = ?", row["id"], matter["fact"]
        )
        text = say(
            rng,
            'In the forum thread "{title}" somebody asks for a fact. Look it up in the wiki and reply in the '
            "thread with nothing but the value, exactly as the wiki writes it.",
            'Somebody has a question in the forum thread "{title}". The wiki has the answer: find it and post just '
            "that value, written as in the wiki, as a reply.",
            title=thread["title"],
        )
        return Task(
            "forum",
            text,
            turns_to_thread(episode, thread) + 9,
            f"/board/{thread['board']}",
            (reply_expected(thread["id"], fact["value"]),),
            milestones=(f"/thread/{thread['id']}", "wiki.", f"/page/{row['id']}", f"/thread/{thread['id']}"),
            facts=thread_facts(thread)
            | {"page": row["id"], "title": row["title"], "fact": fact["id"], "body": fact["value"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Read the question, look it up, go back, reply."""
        facts = task.facts
        if not seen(g, "forum", facts["thread"]):
            yield from open_thread(g, facts)
        if not seen(g, "wiki", facts["page"]):
            yield from open_article(g, facts["page"], facts["title"])
        if g.at("wiki", f"/page/{facts['page']}"):
            yield from look_at(g, f"#fact{facts['fact']}")
        yield from _reply(g, facts)


class ForumWikiCorrection(Template):
    """Carry a correction from a thread of the forum into a table of the wiki, and say so."""

    name, sites, level = "forum_wiki_correction", ("forum", "wiki"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A correction, which its author may have corrected once more below."""
        thread, matter, row = _matter(episode, rng, "correction")
        if row["protected"]:
            raise Redraw("the article cannot be changed")
        last = episode.site("forum").value(
            "SELECT id FROM forum_posts WHERE thread = ? ORDER BY at DESC, id DESC", thread["id"]
        )
        line = episode.site("wiki").row("SELECT * FROM wiki_rows WHERE page = ? AND a = ?", row["id"], matter["key"])
        body, column = pick(rng, _DONE), "abc"[matter["column"]]
        text = say(
            rng,
            'The forum thread "{title}" reports a mistake in a table of the wiki. Read all of it, correct the '
            'table in the wiki, then reply in the thread: "{body}"',
            'Do what is asked for in the forum thread "{title}" (read it to its end): put the right value into the '
            'wiki\'s table. Afterwards post "{body}" in the thread.',
            title=thread["title"],
            body=body,
        )
        expects = (
            Expect("wiki_rows", "update", {"id": line["id"]}, {column: matter["value"]}),
            revision(episode, row["id"], f"row:{line['id']}"),
            reply_expected(thread["id"], body),
        )
        return Task(
            "forum",
            text,
            turns_to_thread(episode, thread) + 11,
            f"/board/{thread['board']}",
            expects,
            milestones=(
                f"/thread/{thread['id']}",
                f"/page/{row['id']}",
                f"/row/{line['id']}",
                f"/thread/{thread['id']}",
            ),
            facts=thread_facts(thread)
            | {
                "page": row["id"],
                "title": row["title"],
                "row": line["id"],
                "column": column,
                "value": matter["value"],
                "last": last,
                "body": body,
            },
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Read the thread to its end, correct the row in the wiki, go back, reply."""
        facts = task.facts
        row = g.db.execute("SELECT * FROM wiki_rows WHERE id = ?", (facts["row"],)).fetchone()
        if row[facts["column"]] != facts["value"]:
            if not g.at("wiki", f"/row/{facts['row']}"):
                if not seen(g, "forum", facts["thread"]):
                    yield from open_thread(g, facts)
                if g.at("forum", thread_path(facts["thread"])):
                    yield from look_at(g, f"#post{facts['last']}")
                yield from open_article(g, facts["page"], facts["title"])
                yield from g.visit("wiki", f"/row/{facts['row']}")
            for column in "abc":
                yield from g.fill(f"#{column}", facts["value"] if column == facts["column"] else row[column])
            yield from g.click("#save")
        yield from _reply(g, facts)


class ForumWikiTitle(Template):
    """Give an article of the wiki the title that won a poll of the forum, whose chart is drawn, and say so."""

    name, sites, level, pixels = "forum_wiki_title", ("forum", "wiki"), 5, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A poll about a title."""
        thread, _, row = _matter(episode, rng, "title")
        site, body = episode.site("forum"), pick(rng, _DONE)
        poll = site.value("SELECT id FROM forum_polls WHERE thread = ?", thread["id"])
        title = site.value("SELECT label FROM forum_options WHERE poll = ? ORDER BY votes DESC", poll)
        if row["protected"] or episode.site("wiki").rows("SELECT 1 FROM wiki_pages WHERE title = ?", title):
            raise Redraw("the article cannot be renamed")
        text = say(
            rng,
            'See in the forum thread "{title}" which title has most votes. Rename the article in the wiki to it, '
            'leaving a redirect, then reply in the thread: "{body}"',
            'The poll in the forum thread "{title}" is over. Give the wiki\'s article the title that has won (with a '
            'redirect from the old one), and post "{body}" in the thread.',
            title=thread["title"],
            body=body,
        )
        expects = (
            Expect("wiki_pages", "update", {"id": row["id"]}, {"title": title}),
            revision(episode, row["id"], "title"),
            Expect("wiki_pages", "insert", {"title": row["title"], "redirect": row["id"]}),
            reply_expected(thread["id"], body),
        )
        return Task(
            "forum",
            text,
            15,
            thread_path(thread["id"]),
            expects,
            milestones=(f"/poll/{poll}", "wiki.", f"/page/{row['id']}/rename", f"/thread/{thread['id']}"),
            facts=thread_facts(thread)
            | {"page": row["id"], "old": row["title"], "new": title, "poll": poll, "body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """See the result, rename the article, go back, reply."""
        facts = task.facts
        title = g.db.execute("SELECT title FROM wiki_pages WHERE id = ?", (facts["page"],)).fetchone()[0]
        if title == facts["old"]:
            form = f"/page/{facts['page']}/rename"
            if g.at("forum", thread_path(facts["thread"])):
                yield from g.visit("forum", f"/poll/{facts['poll']}")
            if g.at("forum", f"/poll/{facts['poll']}"):
                yield from look_at(g, "#chart")
            if not g.at("wiki", form):
                yield from open_article(g, facts["page"], facts["old"])
                yield from g.visit("wiki", form)
            yield from g.fill("#title", facts["new"])
            yield from g.check("input[name=keep]", True)
            yield from g.click("#save")
        yield from _reply(g, facts)


TWO_SITES: tuple[type[Template], ...] = (ForumWikiAnswer, ForumWikiCorrection, ForumWikiTitle)
