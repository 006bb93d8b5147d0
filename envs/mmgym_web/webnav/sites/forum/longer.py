"""Longer tasks in the forum: the moderation queue, private messages, new threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.forum.site import ME
from mmgym_web.webnav.sites.forum.words import SUBJECTS, TAGS, draw_title
from mmgym_web.webnav.sites.forum.writing import TEXTS
from mmgym_web.webnav.sites.wiki.steps import pick, say

__all__ = ["LONGER"]


class ForumModerate(Template):
    """Decide all reports: remove the posts reported for one reason, dismiss the others."""

    name, sites, level = "forum_moderate", ("forum",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A reason that some of the open reports give."""
        rows = episode.site("forum").rows("SELECT * FROM forum_reports WHERE status = 'open' ORDER BY id")
        if len(rows) < 2:
            raise Redraw("too few reports")
        reason = pick(rng, sorted({row["reason"] for row in rows}))
        text = say(
            rng,
            "Work through the reports in my moderation queue in the forum: remove the posts that were reported "
            "for this reason: {reason}. Dismiss all other reports.",
            "Empty the forum's moderation queue. If the reason of a report is {reason}, remove the post; "
            "otherwise dismiss the report.",
            "Go through all reports that wait for me as a moderator of the forum. Posts reported as {reason} are to be "
            "removed, every other report dismissed.",
            "As a moderator of the forum, decide every open report: remove the post where the reason is {reason}, and "
            "dismiss the report where it is not.",
            reason=reason,
        )
        expects = list[Expect]()
        for row in rows:
            bad = row["reason"] == reason
            expects.append(
                Expect("forum_reports", "update", {"id": row["id"]}, {"status": "removed" if bad else "dismissed"})
            )
            if bad:
                expects.append(Expect("forum_posts", "update", {"id": row["post"]}, {"removed": 1}))
        return Task(
            "forum",
            text,
            1 + 2 * len(rows),
            "/",
            tuple(expects),
            milestones=("/moderation", "/case/"),
            content=f"{episode.world.me.name} {text}",
            facts={"reason": reason},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Decide one report after the other."""
        row = g.db.execute("SELECT * FROM forum_reports WHERE status = 'open' ORDER BY id").fetchone()
        if row is None:
            return
        if not g.at("forum", f"/case/{row['id']}"):
            yield from g.visit("forum", "/moderation")
            yield from g.visit("forum", f"/case/{row['id']}")
        yield from g.click(f"button[value={'remove' if row['reason'] == task.facts['reason'] else 'dismiss'}]")


class ForumMessage(Template):
    """Send a private message to the member who has been there longest."""

    name, sites, level = "forum_message", ("forum",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A subject and a text; the longest member is somebody else."""
        users = episode.site("forum").rows("SELECT * FROM forum_users ORDER BY joined, id")
        if users[0]["id"] == ME or users[0]["joined"] == users[1]["joined"]:
            raise Redraw("no such member")
        subject, body = pick(rng, SUBJECTS), pick(rng, TEXTS)
        text = say(
            rng,
            'Send a private message in the forum to the member who joined first of all: subject "{subject}", '
            'text "{body}"',
            "Find out who has been a member of the forum for the longest time, and write to that person there. "
            'Subject: "{subject}". Text: "{body}"',
            subject=subject,
            body=body,
        )
        return Task(
            "forum",
            text,
            10,
            "/",
            (
                Expect(
                    "forum_messages",
                    "insert",
                    {"sender": ME, "recipient": users[0]["id"], "subject": subject, "body": body},
                ),
            ),
            milestones=("/members", "/compose"),
            content=f"{episode.world.me.name} {text}",
            facts={"member": users[0]["id"], "subject": subject, "body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Sort the members, open the first one's profile, write."""
        form, profile = f"/compose?to={task.facts['member']}", f"/member/{task.facts['member']}"
        if not g.path.startswith("/compose"):
            if not g.at("forum", profile):
                if g.path.split("?")[0] != "/members":
                    yield from g.visit("forum", "/members")
                if "sort=joined" not in g.path:
                    yield from g.choose("select[name=sort]", "longest here first")
                    yield from g.click("main form button", "Show")
                yield from g.visit("forum", profile)
            yield from g.visit("forum", form)
        member = g.db.execute("SELECT name FROM forum_users WHERE id = ?", (task.facts["member"],)).fetchone()[0]
        yield from g.choose("#to", member)
        yield from g.fill("#subject", task.facts["subject"])
        yield from g.fill("#body", task.facts["body"])
        yield from g.click("#send")


class ForumNew(Template):
    """Start a thread on a board, with a tag."""

    name, sites, level = "forum_new", ("forum",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A board, a tag, a title and a text."""
        site = episode.site("forum")
        board, tag, body = (
            pick(rng, site.rows("SELECT * FROM forum_boards WHERE id < 6 ORDER BY id")),
            pick(rng, TAGS),
            pick(rng, TEXTS),
        )
        title = episode.world.distinct(rng, lambda r: draw_title(r, board["name"]), 1)[0]
        if site.rows("SELECT 1 FROM forum_threads WHERE title = ?", title):
            raise Redraw("there is such a thread")
        text = say(
            rng,
            'Start a new thread in the forum: board "{board}", tag "{tag}", title "{title}", text "{body}"',
            'On the forum\'s board "{board}", open a new thread "{title}" with the tag "{tag}". It says: "{body}"',
            board=board["name"],
            tag=tag,
            title=title,
            body=body,
        )
        expects = (
            Expect("forum_threads", "insert", {"board": board["id"], "author": ME, "title": title, "tag": tag}),
            Expect("forum_posts", "insert", {"author": ME, "body": body}),
        )
        return Task(
            "forum",
            text,
            8,
            "/",
            expects,
            milestones=("/new",),
            facts={"board": board["name"], "tag": tag, "title": title, "body": body},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form for new threads."""
        if g.path.split("?")[0] != "/new":
            yield from g.visit("forum", "/new")
        yield from g.choose("#board", task.facts["board"])
        yield from g.choose("#tag", task.facts["tag"])
        yield from g.fill("#subject", task.facts["title"])
        yield from g.fill("#body", task.facts["body"])
        yield from g.click("#send")


LONGER: tuple[type[Template], ...] = (ForumModerate, ForumMessage, ForumNew)
