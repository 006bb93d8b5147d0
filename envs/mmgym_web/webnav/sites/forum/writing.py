"""Tasks in the forum that change something: replies, quotes, edits, reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.forum.site import ME
from mmgym_web.webnav.sites.forum.steps import (
    draw_thread,
    open_thread,
    page_of_post,
    thread_facts,
    turns_to_thread,
)
from mmgym_web.webnav.sites.forum.words import REASONS
from mmgym_web.webnav.sites.wiki.steps import pick, say

__all__ = ["TEXTS", "WRITING", "reply_expected"]

TEXTS = (
    "I will bring mine along on Sunday.",
    "Thanks, that has solved it for me.",
    "Could you post a second photo?",
    "The shop at the station sells them.",
    "I would wait until spring.",
    "My neighbour has two of them to give away.",
    "It took me twenty minutes in all.",
    "Please write down the size first.",
    "There was a leaflet about it in the library.",
    "Mine is green, but otherwise the same.",
)


def reply_expected(thread: int, body: str, quote_of: int | None = None) -> Expect:
    """That the member who is logged in has posted a text in a thread."""
    return Expect("forum_posts", "insert", {"thread": thread, "author": ME, "body": body, "quote_of": quote_of})


def _post(episode: Episode, rng: np.random.Generator, thread: Any) -> Any:
    """A post of somebody else who has written only one in the thread."""
    return pick(
        rng,
        episode.site("forum").rows(
            "SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author"
            " WHERE thread = ? AND author != ?"
            " GROUP BY author HAVING count(*) = 1 ORDER BY p.id",
            thread["id"],
            ME,
        ),
    )


def _ask_reply(rng: np.random.Generator, title: str, body: str) -> str:
    return say(
        rng,
        'Reply to the forum thread "{title}": "{body}"',
        'Write "{body}" as an answer in the thread "{title}".',
        'Post this reply in the discussion "{title}": "{body}"',
        title=title,
        body=body,
    )


class ForumReply(Template):
    """Reply to a thread."""

    name, sites, level = "forum_reply", ("forum",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An open thread and a text."""
        thread, body = draw_thread(episode, rng, "locked = 0"), pick(rng, TEXTS)
        return Task(
            "forum",
            _ask_reply(rng, thread["title"], body),
            turns_to_thread(episode, thread) + 3,
            f"/board/{thread['board']}",
            (reply_expected(thread["id"], body),),
            milestones=(f"/thread/{thread['id']}",),
            facts=thread_facts(thread) | {"body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the thread; write below the posts."""
        yield from open_thread(g, task.facts)
        yield from g.fill("#body", task.facts["body"])
        yield from g.click("#send")


class ForumClosed(Template):
    """Reply to a thread that is closed: a request to turn down."""

    name, sites, level = "forum_closed", ("forum",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A closed thread and a text."""
        thread = draw_thread(episode, rng, "locked = 1")
        return Task(
            "forum",
            _ask_reply(rng, thread["title"], pick(rng, TEXTS)),
            turns_to_thread(episode, thread) + 1,
            f"/board/{thread['board']}",
            infeasible=True,
            page=f"forum:/thread/{thread['id']}",
            milestones=(f"/thread/{thread['id']}",),
            facts=thread_facts(thread),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the thread; it is closed."""
        yield from open_thread(g, task.facts)
        yield from g.fail("the thread is closed")


class ForumQuote(Template):
    """Reply to a post of a thread by quoting it."""

    name, sites, level = "forum_quote", ("forum",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A post whose author has written only one in its thread, and a text."""
        thread, body = draw_thread(episode, rng, "locked = 0"), pick(rng, TEXTS)
        post = _post(episode, rng, thread)
        number = page_of_post(episode, post)
        turns = turns_to_thread(episode, thread) + number + 3
        if turns > 7:
            raise Redraw("too far away")
        text = say(
            rng,
            'Quote the post by {name} in the forum thread "{title}" and reply: "{body}"',
            'Answer what {name} has written in the thread "{title}": quote that post and write "{body}"',
            name=post["name"],
            title=thread["title"],
            body=body,
        )
        return Task(
            "forum",
            text,
            turns,
            f"/board/{thread['board']}",
            (reply_expected(thread["id"], body, post["id"]),),
            milestones=(f"/thread/{thread['id']}", f"/thread/{thread['id']}/reply"),
            facts=thread_facts(thread) | {"post": post["id"], "number": number, "body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the thread, press the post's link to quote it, write."""
        form = f"/thread/{task.facts['thread']}/reply?quote={task.facts['post']}"
        if not g.at("forum", form):
            yield from open_thread(g, task.facts, task.facts["number"])
            yield from g.visit("forum", form)
        yield from g.fill("#body", task.facts["body"])
        yield from g.click("#send")


class ForumEdit(Template):
    """Replace the text of one's own post."""

    name, sites, level = "forum_edit", ("forum",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A post of one's own and a text."""
        post = _own_post(episode, rng)
        body = pick(rng, TEXTS)
        text = say(
            rng,
            'Change my post in the forum thread "{title}" so that it says only: "{body}"',
            'Replace what I have written in the thread "{title}" by "{body}"',
            title=post["title"],
            body=body,
        )
        return Task(
            "forum",
            text,
            6,
            "/",
            (Expect("forum_posts", "update", {"id": post["id"]}, {"body": body}),),
            milestones=(f"/post/{post['id']}/edit",),
            facts={"post": post["id"], "body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """From the list of one's own posts to the form."""
        form = f"/post/{task.facts['post']}/edit"
        if not g.at("forum", form):
            if not g.at("forum", "/mine"):
                yield from g.visit("forum", "/mine")
            yield from g.visit("forum", form)
        yield from g.fill("#body", task.facts["body"])
        yield from g.click("#send")


class ForumDelete(Template):
    """Delete one's own post in a thread."""

    name, sites, level = "forum_delete", ("forum",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A post of one's own."""
        post = _own_post(episode, rng)
        text = say(
            rng,
            'Delete my post in the forum thread "{title}".',
            'I regret what I have written in the thread "{title}". Delete that post.',
            'Take my post out of the forum thread "{title}" again.',
            'What I have posted in "{title}" in the forum has to go: delete it.',
            title=post["title"],
        )
        return Task(
            "forum",
            text,
            3,
            "/",
            (Expect("forum_posts", "delete", {"id": post["id"]}),),
            milestones=(f"/post/{post['id']}/delete",),
            facts={"post": post["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """From the list of one's own posts, and confirm."""
        form = f"/post/{task.facts['post']}/delete"
        if not g.at("forum", form):
            if not g.at("forum", "/mine"):
                yield from g.visit("forum", "/mine")
            yield from g.visit("forum", form)
        yield from g.click("#delete")


def _own_post(episode: Episode, rng: np.random.Generator) -> Any:
    return pick(
        rng,
        episode.site("forum").rows(
            "SELECT p.*, t.title FROM forum_posts p JOIN forum_threads t ON t.id = p.thread WHERE p.author = ?"
            " GROUP BY p.thread HAVING count(*) = 1 ORDER BY p.id",
            ME,
        ),
    )


class ForumReport(Template):
    """Report a post to the moderators, with a reason."""

    name, sites, level = "forum_report", ("forum",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A post whose author has written only one in its thread, and a reason."""
        thread, reason = draw_thread(episode, rng, "1"), pick(rng, REASONS)
        post = _post(episode, rng, thread)
        number = page_of_post(episode, post)
        turns = turns_to_thread(episode, thread) + number + 3
        if turns > 7:
            raise Redraw("too far away")
        text = say(
            rng,
            'Report the post by {name} in the forum thread "{title}". The reason: {reason}.',
            'The post that {name} wrote in the thread "{title}" breaks the rules ({reason}). Report it.',
            name=post["name"],
            title=thread["title"],
            reason=reason,
        )
        return Task(
            "forum",
            text,
            turns,
            f"/board/{thread['board']}",
            (Expect("forum_reports", "insert", {"post": post["id"], "reporter": ME, "reason": reason}),),
            milestones=(f"/thread/{thread['id']}", f"/post/{post['id']}/report"),
            facts=thread_facts(thread) | {"post": post["id"], "number": number, "reason": reason},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the post's menu, then the form for a report."""
        form = f"/post/{task.facts['post']}/report"
        if not g.at("forum", form):
            yield from open_thread(g, task.facts, task.facts["number"])
            link = g.find(f"#post{task.facts['post']} details[open] a")
            yield from g.press_at(link) if link else g.click(f"#post{task.facts['post']} summary")
        yield from g.check(f"input[name=reason][value='{task.facts['reason']}']")
        yield from g.click("#send")


WRITING: tuple[type[Template], ...] = (*(ForumReply, ForumClosed, ForumQuote, ForumEdit, ForumDelete, ForumReport),)
