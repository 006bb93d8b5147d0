"""What the forum's task templates and experts share: finding threads and posts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.sites.forum.site import POSTS_PER_PAGE, THREADS_PER_PAGE
from mmgym_web.webnav.sites.wiki.steps import pick

__all__ = ["draw_thread", "open_thread", "page_of_post", "thread_facts", "thread_path", "turns_to_thread"]

_LATEST = "ORDER BY (SELECT max(at) FROM forum_posts WHERE thread = t.id) DESC, t.id"


def draw_thread(episode: Episode, rng: np.random.Generator, condition: str, *values: Any) -> Any:
    """A thread ``t`` for which an SQL condition holds.

    Raises:
        Redraw: when there is none.
    """
    return pick(
        rng, episode.site("forum").rows(f"SELECT * FROM forum_threads t WHERE {condition} ORDER BY id", *values)
    )


def turns_to_thread(episode: Episode, thread: Any) -> int:
    """Turns from the thread's board to the thread: a click for each page of the list."""
    rows = episode.site("forum").rows(f"SELECT id FROM forum_threads t WHERE board = ? {_LATEST}", thread["board"])
    return 1 + [row["id"] for row in rows].index(thread["id"]) // THREADS_PER_PAGE


def page_of_post(episode: Episode, post: Any) -> int:
    """The page of its thread on which a post stands, from 1."""
    before = episode.site("forum").value(
        "SELECT count(*) FROM forum_posts WHERE thread = ? AND (at, id) < (?, ?)",
        post["thread"],
        post["at"],
        post["id"],
    )
    return 1 + int(before) // POSTS_PER_PAGE


def thread_path(thread: int, number: int = 1) -> str:
    """Path of a page of a thread."""
    return f"/thread/{thread}" if number == 1 else f"/thread/{thread}?page={number}"


def thread_facts(thread: Any) -> dict[str, Any]:
    """What `open_thread` needs to know."""
    return {"thread": thread["id"], "board": thread["board"]}


def open_thread(g: Guide, facts: dict[str, Any], number: int = 1) -> Iterator[ToolCall]:
    """Go to a page of a thread, through the list of its board."""
    path = thread_path(facts["thread"])
    if g.at("forum", thread_path(facts["thread"], number)) or (number == 1 and g.at("forum", f"{path}?page=1")):
        return
    if g.site == "forum" and g.path.split("?")[0] == path:
        here = int(g.path.partition("page=")[2] or 1)
        yield from g.visit("forum", f"{path}?page={here + (1 if here < number else -1)}")
    elif (link := g.find("main a[href]", href=g.episode.site("forum").url(path))) is not None:
        yield from g.press_at(link)
    elif g.site == "forum" and g.path.startswith(f"/board/{facts['board']}") and g.find(".pager a", "Next"):
        yield from g.click(".pager a", "Next")
    elif g.site == "wiki":
        yield from g.visit("wiki", "/forum")
    else:
        yield from g.visit("forum", f"/board/{facts['board']}")
