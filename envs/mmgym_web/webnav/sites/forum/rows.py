"""What stands in the forum at the start: members, boards, threads, posts, polls, messages and reports."""

from __future__ import annotations

import datetime as dt
import functools
import json
from typing import Any

from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.forum import words
from mmgym_web.webnav.sites.forum.pictures import PLATE_LETTERS, SHAPES
from mmgym_web.webnav.sites.wiki.lore import COLOURS, Article, Picker, draw_lore, draw_name

__all__ = ["QUESTIONS", "Rows", "draw_rows"]

Row = dict[str, Any]
Rows = dict[str, list[Row]]

DESK = "Reference desk"
QUESTIONS = {
    "Towns": ("Population", "Area", "Elevation", "Founded"),
    "Rivers": ("Length", "Discharge", "Islands", "Locks"),
    "Mountains": ("Height", "First ascent", "Huts"),
    "Museums": ("Opened", "Objects", "Rooms"),
    "Bridges": ("Length", "Built", "Toll until"),
}
"""Facts that people ask for at the reference desk, by category of article."""

_CHATTER = (
    "Good point, I stumbled over this too.",
    "I can confirm that, I have the leaflet here.",
    "Thanks for looking into it!",
    "The county archive says the same.",
)


class _Threads:
    """Makes threads and their posts.

    Args:
        world: the world.
        p: the draws.
    """

    def __init__(self, world: World, p: Picker):
        self.world, self.p = world, p
        self.threads, self.posts = list[Row](), list[Row]()

    def add(self, board: int, title: str, opening: str, replies: int, **more: Any) -> Row:
        """A thread with its first post and drawn replies."""
        p, minutes = self.p, 90 + self.p.below(60 * 24 * 60)
        thread: Row = {
            "id": len(self.threads) + 1,
            "board": board,
            "author": 2 + p.below(13),
            "title": title,
            "tag": p.pick(words.TAGS),
            "locked": 0,
            "matter": "",
        } | more
        self.threads.append(thread)
        self.post(thread, thread["author"], opening, minutes)
        step = minutes // (replies + 1)
        for _ in range(replies):
            minutes -= 1 + p.below(max(1, step))
            self.post(thread, 2 + p.below(13), words.draw_post(p), minutes)
        return thread

    def post(self, thread: Row, author: int, body: str, minutes: int = 0, **more: Any) -> Row:
        """A post, so many minutes ago; with 0, a little later than the thread's last."""
        if minutes:
            at = self.world.now - dt.timedelta(minutes=minutes)
        else:
            last = next(post for post in reversed(self.posts) if post["thread"] == thread["id"])
            at = dt.datetime.fromisoformat(last["at"]) + (self.world.now - dt.datetime.fromisoformat(last["at"])) / 3
        post = {
            "id": len(self.posts) + 1,
            "thread": thread["id"],
            "author": author,
            "body": body,
            "at": at.strftime("%Y-%m-%d %H:%M"),
            "quote_of": None,
            "points": self.p.below(9),
            "picture": "",
            "removed": 0,
            "edited_at": "",
        } | more
        self.posts.append(post)
        return post


def draw_rows(world: World) -> Rows:
    """The rows of all tables of the forum, by the table's name."""
    rng = world.rng("forum", "rows")
    p = Picker(rng, 3000)
    names = p.shuffled(list(words.BOARDS))[:5]
    boards = [
        {"id": n, "name": name, "about": words.BOARDS[name], "moderator": None} for n, name in enumerate(names, 1)
    ]
    boards.insert(p.below(6), {"id": 6, "name": DESK, "about": "Ask what the wiki may know", "moderator": None})
    moderated = 1 + p.below(5)
    for board in boards:
        board["moderator"] = 1 if board["id"] == moderated else None
    made = _Threads(world, p)
    for number, name in enumerate(names, 1):
        for title in world.distinct(rng, functools.partial(words.draw_title, board=name), 5 + p.below(8)):
            made.add(number, title, words.draw_opening(p), p.below(4) if p.below(4) else 7 + p.below(5))
    plain = len(made.threads)
    mine = p.shuffled(made.threads[:plain])
    for thread in mine[:4]:
        made.post(thread, 1, words.draw_post(p))
        made.post(thread, 2 + p.below(13), words.draw_post(p))
    for thread in mine[4:7]:
        letters = "".join(p.pick(PLATE_LETTERS) for _ in range(2))
        code = f"{letters}-{1000 + p.below(9000)}"
        made.post(
            thread,
            2 + p.below(13),
            "Here is a picture of the type plate.",
            picture=json.dumps({"code": code, "tone": p.below(100)}),
        )
    for thread in mine[7:9]:
        thread["locked"] = 1
    polls, options = _polls(p, mine[9:13])
    titles = world.distinct(rng, draw_name, 6)
    _desk(p, made, draw_lore(world), titles, polls, options)
    users = _users(world, p)
    reports = _reports(p, made, moderated)
    return {
        "forum_users": users,
        "forum_boards": boards,
        "forum_threads": made.threads,
        "forum_posts": made.posts,
        "forum_polls": polls,
        "forum_options": options,
        "forum_reports": reports,
        "forum_messages": _messages(world, p),
        "forum_follows": [{"thread": thread["id"]} for thread in mine[13:16]],
    }


def _users(world: World, p: Picker) -> list[Row]:
    looks = p.shuffled([(shape, colour) for shape in SHAPES for colour in COLOURS])[:14]
    users = list[Row]()
    for number, (person, (shape, colour)) in enumerate(zip(world.people, looks, strict=True), 1):
        ground = p.pick([c for c in COLOURS if c != colour])
        joined = world.now.date() - dt.timedelta(days=40 + p.below(2500))
        users.append(
            {
                "id": number,
                "name": person.name,
                "city": person.city,
                "job": person.job,
                "joined": joined.isoformat(),
                "about": p.pick(words.ABOUT),
                "signature": p.pick(words.SIGNATURES),
                "avatar": json.dumps({"shape": shape, "colour": colour, "ground": ground}),
            }
        )
    return users


def _polls(p: Picker, threads: list[Row]) -> tuple[list[Row], list[Row]]:
    polls, options = list[Row](), list[Row]()
    for number, (thread, (question, labels)) in enumerate(zip(threads, p.shuffled(words.POLLS), strict=False), 1):
        _poll(p, thread, question, labels, int(number == 4), polls, options)
    return polls, options


def _poll(
    p: Picker, thread: Row, question: str, labels: Any, closed: int, polls: list[Row], options: list[Row]
) -> None:
    polls.append({"id": len(polls) + 1, "thread": thread["id"], "question": question, "closed": closed})
    votes = p.shuffled(range(1, 10))
    for label, count in zip(p.shuffled(labels), votes, strict=False):
        options.append({"poll": polls[-1]["id"], "label": label, "votes": 4 * count + p.below(3)})


def _desk(
    p: Picker, made: _Threads, articles: tuple[Article, ...], names: list[str], polls: list[Row], options: list[Row]
) -> None:
    """Threads about articles of the wiki: questions, corrections, and a vote on a title."""
    chosen = p.shuffled(articles)
    jobs = p.shuffled(["question"] * 4 + ["correction"] * 3 + ["title"] * 1)
    for article, job in zip(chosen, jobs, strict=False):
        matter: Row = {"page": article.id, "kind": job}
        if job == "question":
            fact = p.pick(QUESTIONS[article.category])
            made.add(
                6,
                f"{article.title}: {fact.lower()}?",
                f"For a quiz I need this about {article.title}: {fact}. Can anybody look it up?",
                0,
                tag="question",
                matter=json.dumps(matter | {"fact": fact}),
            )
        elif job == "correction":
            _correction(p, made, article, matter)
        else:
            kind = {"Rivers": "River {}", "Mountains": "Mount {}", "Museums": "{} Museum", "Bridges": "{} Bridge"}
            labels = [kind.get(article.category, "{}").format(name) for name in names]
            thread = made.add(
                6,
                f"Vote on a new title for {article.title}",
                "The old name of this page is out of use. The title with most votes is taken.",
                1,
                tag="idea",
                matter=json.dumps(matter),
            )
            _poll(p, thread, f"Which title shall the page {article.title} get?", labels, 1, polls, options)


def _correction(p: Picker, made: _Threads, article: Article, matter: Row) -> None:
    line, column = p.below(len(article.rows)), 1 + p.below(2)
    key, old = article.rows[line][0], article.rows[line][column]
    first, second = _changed(p, old), _changed(p, old)
    thread = made.add(
        6,
        f"Mistake in the article {article.title}",
        f"The table “{article.table}” of this article is wrong. For {key}, {article.columns[column]} must be {first}, "
        f"not {old}.",
        0,
        tag="report",
    )
    author, right = thread["author"], first
    made.post(thread, 2 + (author - 1) % 13, p.pick(_CHATTER))
    if p.below(2) and second != first:
        right = second
        made.post(thread, author, f"Sorry, I have misread my own notes: the right value is {second}.")
        made.post(thread, 2 + author % 13, p.pick(_CHATTER))
    thread["matter"] = json.dumps(matter | {"title": article.title, "key": key, "column": column, "value": right})


def _changed(p: Picker, old: str) -> str:
    number = int(old.replace(",", ""))
    if 1900 <= number <= 2100:  # a year, as far as anybody can tell
        return str(number - 1 - p.below(9))
    number += (1 + p.below(max(3, number // 6))) * (1 if p.below(2) or number < 40 else -1)
    return f"{number:,}" if "," in old else str(number)


def _reports(p: Picker, made: _Threads, board: int) -> list[Row]:
    threads = {thread["id"] for thread in made.threads if thread["board"] == board}
    posts = p.shuffled([post for post in made.posts if post["thread"] in threads and post["author"] != 1])[:3]
    reasons = p.shuffled(words.REASONS)
    kinds = p.shuffled([reasons[0], reasons[0] if p.below(2) else reasons[1], reasons[1]])
    return [
        {"post": post["id"], "reporter": 2 + (post["author"] - 1 + p.below(12)) % 13, "reason": kind, "status": "open"}
        for post, kind in zip(posts, kinds, strict=False)
    ]


def _messages(world: World, p: Picker) -> list[Row]:
    found = list[Row]()
    for subject in p.shuffled(words.SUBJECTS)[:6]:
        at = world.now - dt.timedelta(minutes=100 + p.below(60 * 24 * 30))
        other, sent = 2 + p.below(13), p.below(4) == 0
        found.append(
            {
                "sender": 1 if sent else other,
                "recipient": other if sent else 1,
                "subject": subject,
                "body": words.draw_post(p),
                "at": at.strftime("%Y-%m-%d %H:%M"),
                "is_read": p.below(2),
            }
        )
    return found
