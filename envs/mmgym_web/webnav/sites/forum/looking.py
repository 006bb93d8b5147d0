"""Tasks about the forum's polls and pictures: voting, charts, avatars, photographs."""

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
from mmgym_web.webnav.sites.forum.steps import (
    draw_thread,
    open_thread,
    page_of_post,
    thread_facts,
    turns_to_thread,
)
from mmgym_web.webnav.sites.wiki.steps import look_at, pick, say

__all__ = ["LOOKING"]


class _Poll(Template):
    """A task about a thread with a poll."""

    sites, level = ("forum",), 2

    def poll(
        self, episode: Episode, rng: np.random.Generator, closed: tuple[int, ...]
    ) -> tuple[dict[str, object], list[dict[str, object]], int]:
        """A poll with its thread's columns, its options, and the turns to the thread."""
        site = episode.site("forum")
        row = pick(
            rng,
            site.rows(
                "SELECT t.*, p.id AS poll, p.question FROM forum_polls p JOIN forum_threads t ON"
                f" t.id = p.thread WHERE p.closed IN ({', '.join(map(str, closed))}) ORDER BY p.id"
            ),
        )
        options = site.rows("SELECT * FROM forum_options WHERE poll = ? ORDER BY id", row["poll"])
        return dict(row), [dict(option) for option in options], turns_to_thread(episode, row)


class ForumVote(_Poll):
    """Vote for an option of a poll."""

    name = "forum_vote"

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An open poll and an option."""
        row, options, turns = self.poll(episode, rng, (0,))
        option = pick(rng, options)
        text = say(
            rng,
            'Vote for "{option}" in the poll of the forum thread "{title}".',
            'There is a poll in the thread "{title}". Cast my vote for "{option}".',
            option=option["label"],
            title=row["title"],
        )
        return Task(
            "forum",
            text,
            turns + 2,
            f"/board/{row['board']}",
            (Expect("forum_ballots", "insert", {"poll": row["poll"], "option": option["id"]}),),
            milestones=(f"/thread/{row['id']}",),
            facts=thread_facts(row) | {"option": option["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the thread, choose, vote."""
        yield from open_thread(g, task.facts)
        yield from g.check(f"input[name=option][value='{task.facts['option']}']")
        yield from g.click("#vote")


class _PollResult(_Poll):
    """A question about the chart of a poll's result."""

    pixels = True

    def question(
        self, row: dict[str, object], options: list[dict[str, object]], rng: np.random.Generator
    ) -> tuple[str, Answer, str]:
        """The question, its answer, and which part of it only pixels tell."""
        raise NotImplementedError

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A poll and what is asked about it."""
        row, options, turns = self.poll(episode, rng, (0, 1))
        text, answer, hidden = self.question(row, options, rng)
        return Task(
            "forum",
            text,
            turns + 2,
            f"/board/{row['board']}",
            answer=answer,
            hidden=hidden,
            milestones=(f"/thread/{row['id']}", f"/poll/{row['poll']}"),
            facts=thread_facts(row) | {"poll": row["poll"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the thread and the result, look, answer."""
        result = f"/poll/{task.facts['poll']}"
        if not g.at("forum", result):
            yield from open_thread(g, task.facts)
            yield from g.visit("forum", result)
        yield from look_at(g, "#chart")
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class ForumPollWinner(_PollResult):
    """Say which option of a poll has most or fewest votes: only a drawn chart shows it."""

    name = "forum_poll_winner"

    def question(
        self, row: dict[str, object], options: list[dict[str, object]], rng: np.random.Generator
    ) -> tuple[str, Answer, str]:
        """One of six options."""
        most = bool(rng.integers(2))
        ranked = sorted(options, key=lambda option: int(str(option["votes"])))
        text = say(
            rng,
            'Which option has {word} votes in the poll of the forum thread "{title}"?',
            'See the result of the poll in the thread "{title}": what has got {word} votes?',
            title=row["title"],
            word="the most" if most else "the fewest",
        )
        asked = ranked[-1 if most else 0]
        return text, Answer(str(asked["label"])), str(options.index(asked))


class ForumPollCount(_PollResult):
    """Say how many votes an option of a poll has: only a drawn chart shows it."""

    name = "forum_poll_count"

    def question(
        self, row: dict[str, object], options: list[dict[str, object]], rng: np.random.Generator
    ) -> tuple[str, Answer, str]:
        """A number from 4 to 38."""
        option = pick(rng, options)
        text = say(
            rng,
            'How many votes has "{option}" got in the poll of the forum thread "{title}"?',
            'Look at the result of the poll in the thread "{title}". How many have voted for "{option}"?',
            title=row["title"],
            option=option["label"],
        )
        return text, Answer(str(option["votes"]), "number"), str(option["votes"])


class ForumAvatar(Template):
    """Say what a member's picture shows."""

    name, sites, level, pixels = "forum_avatar", ("forum",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The shape or its colour."""
        member = pick(rng, episode.site("forum").rows("SELECT * FROM forum_users ORDER BY id"))
        look, shape = json.loads(member["avatar"]), bool(rng.integers(2))
        forms = (
            (
                "Which shape is on the profile picture of {name} in the forum?",
                "Look at the forum's members: what shape does the picture of {name} show?",
            )
            if shape
            else (
                "Which colour has the shape on the profile picture of {name} in the forum?",
                "Look at the forum's members: what colour is the shape in the picture of {name}?",
            )
        )
        text = say(rng, *forms, name=member["name"])
        text += (
            " (circle, triangle, square, star, heart or cross)"
            if shape
            else " (red, blue, green, yellow, white, black, orange or purple)"
        )
        return Task(
            "forum",
            text,
            2,
            "/",
            answer=Answer(look["shape" if shape else "colour"]),
            hidden=f"{look['colour']} {look['shape']}",
            milestones=("/member",),
            facts={"member": member["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the profile through the list of members, look, answer."""
        path = f"/member/{task.facts['member']}"
        if not g.at("forum", path):
            if g.find("main a[href]", href=g.episode.site("forum").url(path)) is None:
                yield from g.visit("forum", "/members")
            yield from g.visit("forum", path)
        yield from look_at(g, "#avatar")
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class ForumAvatarOwner(Template):
    """Say whose picture shows a shape of a colour."""

    name, sites, level, pixels = "forum_avatar_owner", ("forum",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A member: no two have the same shape in the same colour."""
        member = pick(rng, episode.site("forum").rows("SELECT * FROM forum_users ORDER BY id"))
        look = json.loads(member["avatar"])
        text = say(
            rng,
            "Which member of the forum has a {colour} {shape} as profile picture?",
            "I am looking for the forum member whose picture shows a {colour} {shape}. What is the name?",
            colour=look["colour"],
            shape=look["shape"],
        )
        return Task(
            "forum",
            text,
            2,
            "/",
            answer=Answer(member["name"]),
            milestones=("/members",),
            content=f"{look['colour']} {look['shape']} {member['name']}",
            facts={"member": member["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Scroll through the list of members until the picture is seen."""
        yield from g.visit("forum", "/members")
        yield from look_at(g, f"img[src='/avatar/{task.facts['member']}.png']")
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class ForumPlate(Template):
    """Read the number on a photographed type plate in a thread."""

    name, sites, level, pixels = "forum_plate", ("forum",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A post with a photograph."""
        site = episode.site("forum")
        post = pick(
            rng,
            site.rows(
                "SELECT p.*, u.name FROM forum_posts p JOIN forum_users u ON u.id = p.author"
                " WHERE picture != '' ORDER BY p.id"
            ),
        )
        thread = draw_thread(episode, rng, "id = ?", post["thread"])
        number, code = page_of_post(episode, post), json.loads(post["picture"])["code"]
        turns = turns_to_thread(episode, thread) + number
        if turns > 4:
            raise Redraw("too far away")
        text = say(
            rng,
            'In the forum thread "{title}", {name} shows a photo of a type plate. What is the number on it?',
            'Read the serial number on the type plate that {name} has photographed for the thread "{title}".',
            title=thread["title"],
            name=post["name"],
        )
        return Task(
            "forum",
            text,
            turns,
            f"/board/{thread['board']}",
            answer=Answer(code, also=(code.replace("-", ""), code.replace("-", " "))),
            milestones=(f"/thread/{thread['id']}",),
            facts=thread_facts(thread) | {"post": post["id"], "number": number},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the thread, scroll to the photograph, answer."""
        yield from open_thread(g, task.facts, task.facts["number"])
        yield from look_at(g, f"#post{task.facts['post']} .photo")
        assert task.answer is not None
        yield from g.answer(task.answer.value)


LOOKING: tuple[type[Template], ...] = (
    *(ForumVote, ForumPollWinner, ForumPollCount, ForumAvatar, ForumAvatarOwner, ForumPlate),
)
