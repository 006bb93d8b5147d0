"""Tasks in the forum that end with an answer or with one press: opening, following, counting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.forum.longer import LONGER
from mmgym_web.webnav.sites.forum.looking import LOOKING
from mmgym_web.webnav.sites.forum.steps import (
    draw_thread,
    open_thread,
    thread_facts,
    thread_path,
    turns_to_thread,
)
from mmgym_web.webnav.sites.forum.two_sites import TWO_SITES
from mmgym_web.webnav.sites.forum.words import TAGS
from mmgym_web.webnav.sites.forum.writing import WRITING
from mmgym_web.webnav.sites.wiki.steps import pick, say

__all__ = ["TEMPLATES"]


class ForumOpen(Template):
    """Open a thread of a board by its title."""

    name, sites, level = "forum_open", ("forum",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A thread on the first page of its board."""
        thread = draw_thread(episode, rng, "1")
        if turns_to_thread(episode, thread) > 1:
            raise Redraw("on a later page")
        text = say(
            rng,
            'Open the thread "{title}" in the forum.',
            'I want to read the forum thread "{title}". Open it.',
            'Go to the discussion "{title}".',
            title=thread["title"],
        )
        return Task(
            "forum",
            text,
            1,
            f"/board/{thread['board']}",
            page=f"forum:/thread/{thread['id']}",
            milestones=(f"/thread/{thread['id']}",),
            facts=thread_facts(thread),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click its title."""
        yield from open_thread(g, task.facts)


class ForumFollow(Template):
    """Follow the thread that is shown, or stop following it."""

    name, sites, level = "forum_follow", ("forum",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A thread that is followed or not."""
        on = bool(rng.integers(2))
        thread = draw_thread(episode, rng, "(id IN (SELECT thread FROM forum_follows)) = ?", int(not on))
        forms = ('Follow this thread, "{title}".', 'I do not want to miss anything in "{title}". Follow the thread.')
        if not on:
            forms = (
                'Stop following this thread, "{title}".',
                'I do not want to hear of "{title}" any more: unfollow it.',
            )
        return Task(
            "forum",
            say(rng, *forms, title=thread["title"]),
            1,
            thread_path(thread["id"]),
            (Expect("forum_follows", "insert" if on else "delete", {"thread": thread["id"]}),),
            milestones=(f"/thread/{thread['id']}",),
            facts=thread_facts(thread),
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press the button."""
        yield from open_thread(g, task.facts)
        yield from g.click("#follow")


class ForumLike(Template):
    """Like the post that a member has written in the thread that is shown."""

    name, sites, level = "forum_like", ("forum",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A thread of two to five posts, and the author of only one of them."""
        site = episode.site("forum")
        thread = draw_thread(episode, rng, "(SELECT count(*) FROM forum_posts WHERE thread = t.id) BETWEEN 2 AND 5")
        post = pick(
            rng,
            site.rows(
                "SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author"
                " WHERE thread = ? AND author != 1 GROUP BY author HAVING count(*) = 1 ORDER BY p.id",
                thread["id"],
            ),
        )
        text = say(
            rng,
            'Like the post by {name} in this thread, "{title}".',
            'Give a like to what {name} has written here in "{title}".',
            name=post["name"],
            title=thread["title"],
        )
        return Task(
            "forum",
            text,
            1,
            thread_path(thread["id"]),
            (Expect("forum_likes", "insert", {"post": post["id"]}),),
            milestones=(f"/thread/{thread['id']}",),
            facts=thread_facts(thread) | {"post": post["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press the button below the post."""
        yield from open_thread(g, task.facts)
        yield from g.click(f"#post{task.facts['post']} .like")


class ForumCountTag(Template):
    """Count the threads of a board that have a tag."""

    name, sites, level = "forum_count_tag", ("forum",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A board and a tag that some of its threads have."""
        site = episode.site("forum")
        board, tag = pick(rng, site.rows("SELECT * FROM forum_boards ORDER BY position")), pick(rng, TAGS)
        count = site.value("SELECT count(*) FROM forum_threads WHERE board = ? AND tag = ?", board["id"], tag)
        if not 1 <= count <= 8:
            raise Redraw("none, or more than a page")
        what = {"question": "questions", "report": "reports", "offer": "offers", "idea": "ideas"}[tag]
        text = say(
            rng,
            'How many threads of the forum\'s board "{board}" are tagged as {what}?',
            'Count the threads on the board "{board}" in the forum that carry the tag for {what}.',
            board=board["name"],
            what=what,
        )
        return Task(
            "forum",
            text,
            4,
            "/",
            answer=Answer(str(count), "number"),
            milestones=(f"/board/{board['id']}",),
            content=f"{episode.world.me.name} {text}",
            facts={"board": board["id"], "tag": tag},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Filter the board by the tag, then answer."""
        board = f"/board/{task.facts['board']}"
        if g.path.split("?")[0] != board:
            yield from g.visit("forum", board)
        if not g.path.endswith(f"tag={task.facts['tag']}"):
            yield from g.choose("select[name=tag]", task.facts["tag"])
            yield from g.click("#show")
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class ForumLongest(Template):
    """Find who started the thread of a board with most posts."""

    name, sites, level = "forum_longest", ("forum",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A board on which one thread is longer than all others."""
        site = episode.site("forum")
        board = pick(rng, site.rows("SELECT * FROM forum_boards ORDER BY position"))
        rows = site.rows(
            "SELECT u.name, count(*) AS posts FROM forum_posts p JOIN forum_threads t ON t.id = p.thread"
            " JOIN forum_users u ON u.id = t.author WHERE t.board = ? GROUP BY t.id ORDER BY posts DESC",
            board["id"],
        )
        if len(rows) < 2 or rows[0]["posts"] == rows[1]["posts"]:
            raise Redraw("no longest thread")
        text = say(
            rng,
            'Who started the thread with the most posts on the forum\'s board "{board}"?',
            'Look at the board "{board}" in the forum: by whom is the thread with the largest number of posts?',
            board=board["name"],
        )
        return Task(
            "forum",
            text,
            4,
            "/",
            answer=Answer(rows[0]["name"]),
            milestones=(f"/board/{board['id']}",),
            content=f"{episode.world.me.name} {text}",
            facts={"board": board["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Sort the board by posts, then answer."""
        board = f"/board/{task.facts['board']}"
        if g.path.split("?")[0] != board:
            yield from g.visit("forum", board)
        if "sort=posts" not in g.path:
            yield from g.choose("select[name=sort]", "most posts first")
            yield from g.click("#show")
        assert task.answer is not None
        yield from g.answer(task.answer.value)


TEMPLATES: tuple[type[Template], ...] = (
    *(ForumOpen, ForumFollow, ForumLike, ForumCountTag, ForumLongest),
    *LOOKING,
    *WRITING,
    *LONGER,
    *TWO_SITES,
)
