"""What is asked on the issue tracker: fourteen kinds of tasks, verified on Roundup's database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.apps.tasks import AppTemplate, is_done, pick, still_unmet, update
from mmgym_web.apps.tracker import TrackerEpisode
from mmgym_web.apps.tracker_world import PRIORITIES, STATUSES, Issue
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task

__all__ = ["TEMPLATES"]

_QUIET = ("deferred", "chatting", "need-eg", "in-progress", "testing")
"""Statuses that Roundup leaves alone when somebody writes a message."""
_NOTES = (
    "The technician comes on Monday.", "Fixed with a new cable.", "Please check again tomorrow.", "The part is here.",
    "This is covered by the warranty.", "I asked the supplier.", "Closed after a test of one hour.",
)  # fmt: skip


class _Look(AppTemplate[TrackerEpisode]):
    """A question that the page of one issue answers."""

    question = ""

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue = pick(rng, [i for i in episode.content.issues if i.status != "resolved" and self.answer(episode, i)])
        answer = self.answer(episode, issue)
        facts = {"path": _path(episode, issue), "answer": answer[0]}
        given = Answer(answer[0], also=tuple(answer[1:]))
        return Task("tracker", self.question.format(title=issue.title), 2, answer=given, facts=facts)

    def answer(self, episode: TrackerEpisode, issue: Issue) -> list[str]:
        """The right answers; none when the issue is not good for the question."""
        raise NotImplementedError

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        yield from g.visit("tracker", task.facts["path"])
        yield from g.answer(task.facts["answer"])


class Open(AppTemplate[TrackerEpisode]):
    """Open an issue by its title."""

    name, level = "tracker_open", 1

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue = pick(rng, [issue for issue in episode.content.issues if issue.status != "resolved"])
        path = _path(episode, issue)
        return Task("tracker", f"Open the issue “{issue.title}”.", 1, page=f"tracker:{path}", facts={"path": path})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        yield from g.visit("tracker", task.facts["path"])
        yield from g.answer("done")


class Assignee(_Look):
    """Who an issue is assigned to."""

    name, level = "tracker_assignee", 1
    question = "Who is the issue “{title}” assigned to? Answer with the user name."

    def answer(self, episode: TrackerEpisode, issue: Issue) -> list[str]:
        return [issue.assignedto, episode.content.user(issue.assignedto).realname] if issue.assignedto else []


class Priority(_Look):
    """Which priority an issue has."""

    name, level = "tracker_priority", 1
    question = "Which priority does the issue “{title}” have?"

    def answer(self, episode: TrackerEpisode, issue: Issue) -> list[str]:
        return [issue.priority]


class Creator(_Look):
    """Who entered an issue."""

    name, level = "tracker_creator", 2
    question = "Which user created the issue “{title}”? Answer with the user name."

    def answer(self, episode: TrackerEpisode, issue: Issue) -> list[str]:
        return [issue.author, episode.content.user(issue.author).realname] if issue.assignedto != issue.author else []


class _Edit(AppTemplate[TrackerEpisode]):
    """A task on the forms of issues: `Task.facts` holds, by path, the value of each field to set."""

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        if is_done(task, g):
            yield from g.answer("done")
            return
        ids = {expect.where.get("id", "") for expect in still_unmet(task, g)}
        for path, fields in task.facts["forms"].items():
            number = int("".join(c for c in path if c.isdigit()) or 0)
            if number and number not in ids:
                continue
            yield from g.visit("tracker", path)
            for field, value in fields.items():
                if field in _MENUS:
                    yield from g.choose(f"select[name={field}]", value)
                else:
                    yield from g.fill(f"form[name=itemSynopsis] [name='{field}']", value)
            yield from g.click("input[name=submit_button]")


class SetStatus(_Edit):
    """Give an issue another status."""

    name, level = "tracker_status", 2

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue = pick(rng, [issue for issue in episode.content.issues if issue.status in STATUSES[:6]])
        status = pick(rng, [name for name in STATUSES if name != issue.status])
        text = f"Set the status of the issue “{issue.title}” to {status}."
        return _edit(text, [(episode, issue, {"status": status})])


class SetPriority(_Edit):
    """Give an issue another priority."""

    name, level = "tracker_set_priority", 2

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue = pick(rng, [issue for issue in episode.content.issues if issue.status in STATUSES[:6]])
        priority = pick(rng, [name for name in PRIORITIES if name != issue.priority])
        text = f"Change the priority of the issue “{issue.title}” to {priority}."
        return _edit(text, [(episode, issue, {"priority": priority})])


class Note(_Edit):
    """Write a message on an issue."""

    name, level = "tracker_note", 2

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue = pick(rng, [issue for issue in episode.content.issues if issue.status in _QUIET])
        note = pick(rng, _NOTES)
        text = f"Add this change note to the issue “{issue.title}”: “{note}”"
        return _edit(text, [(episode, issue, {"@note": note})])


class AssignAndTag(_Edit):
    """Assign an issue and add a keyword."""

    name, level = "tracker_assign", 3

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        content = episode.content
        issue = pick(rng, [i for i in content.issues if i.status in STATUSES[:6] and not i.assignedto])
        user = pick(rng, content.users)
        keyword = pick(rng, [name for name in content.keywords if name not in issue.keywords])
        keywords = ",".join(sorted([*issue.keywords, keyword]))
        text = f"Assign the issue “{issue.title}” to {user.realname} and add the keyword {keyword} to it."
        return _edit(text, [(episode, issue, {"assignedto": user.username, "keyword": keywords})])


class Create(_Edit):
    """Enter a new issue."""

    name, level = "tracker_create", 3

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        content = episode.content
        other = pick(rng, content.issues)
        title, priority, user = f"Again: {other.title}", pick(rng, PRIORITIES), pick(rng, content.users)
        note = pick(rng, _NOTES)
        text = (
            f"Create a new issue with the title “{title}” and the priority {priority}, assigned to {user.realname}. "
            f"Its change note says: “{note}”"
        )
        row = {
            "title": title, "priority": priority, "assignedto": user.username, "status": "unread", "keyword": [],
            "superseder": [], "files": [], "retired": 0, "messages": [[content.me, note]],
        }  # fmt: skip
        fields = {"title": title, "priority": priority, "assignedto": user.username, "@note": note}
        forms = {"/issue?@template=item": fields}
        expects = (Expect("issue", "insert", where=row),)
        return Task("tracker", text, _steps(forms), expects=expects, facts={"forms": forms})


class Count(AppTemplate[TrackerEpisode]):
    """How many issues a user has."""

    name, level = "tracker_count", 3

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        content = episode.content
        user = pick(rng, [u for u in content.users if any(i.assignedto == u.username for i in content.issues)])
        count = sum(i.assignedto == user.username and i.status != "resolved" for i in content.issues)
        text = f"How many issues that are not resolved are assigned to {user.username}?"
        return Task("tracker", text, 1, answer=Answer(str(count), "number"), facts={"answer": str(count)})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        yield from g.answer(task.facts["answer"])


class Close(_Edit):
    """Correct the title of an issue, resolve it and say why."""

    name, level = "tracker_close", 4

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue = pick(rng, [issue for issue in episode.content.issues if issue.status in _QUIET])
        title, note = f"Done: {issue.title}", pick(rng, _NOTES)
        text = (
            f"Rename the issue “{issue.title}” to “{title}”, set its status to resolved, "
            f"and add the change note “{note}”"
        )
        return _edit(text, [(episode, issue, {"title": title, "status": "resolved", "@note": note})])


class Profile(_Edit):
    """Change one's own details."""

    name, level = "tracker_profile", 4

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        content = episode.content
        me, other = content.user(content.me), pick(rng, content.users[1:])
        if me.organisation == other.organisation:
            raise Redraw("the organisation would not change")
        phone = f"0{rng.integers(20, 99)} {rng.integers(100, 999)} {rng.integers(1000, 9999)}"
        values = {"phone": phone, "organisation": other.organisation}
        text = f"In your own details, set your phone to {phone} and your organisation to {other.organisation}."
        forms = {"/user3": values}  # after the administrator and the anonymous user
        expects = (update("user", 3, **values),)
        return Task("tracker", text, _steps(forms), expects=expects, facts={"forms": forms})


class Duplicate(_Edit):
    """Close an issue as a duplicate of another."""

    name, level = "tracker_duplicate", 4

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        issue, other = (pick(rng, [i for i in episode.content.issues if i.status in STATUSES[:6]]) for _ in range(2))
        if issue == other:
            raise Redraw("an issue is no duplicate of itself")
        text = (
            f"The issue “{issue.title}” is a duplicate of “{other.title}”: make the second the superseder of the first "
            "and set the status of the first to done-cbb."
        )
        number = episode.content.number(other)
        return _edit(text, [(episode, issue, {"superseder": str(number), "status": "done-cbb"})])


class ResolveAll(_Edit):
    """Resolve all issues with a keyword and assign them."""

    name, level = "tracker_resolve_all", 5

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        content = episode.content
        keyword = pick(rng, content.keywords)
        found = [i for i in content.issues if keyword in i.keywords and i.status not in ("resolved", "done-cbb")]
        if not 2 <= len(found) <= 3:
            raise Redraw("too few or too many issues")
        user = pick(rng, content.users)
        text = (
            f"{user.realname} has dealt with everything about {keyword}: set every issue with that keyword that is "
            f"neither resolved nor done-cbb to resolved, and assign it to {user.username}."
        )
        values = {"status": "resolved", "assignedto": user.username}
        return _edit(text, [(episode, issue, values) for issue in found])


class HandOver(_Edit):
    """Give all of one user's issues to another."""

    name, level = "tracker_hand_over", 5

    def draw(self, episode: TrackerEpisode, rng: np.random.Generator) -> Task:
        content = episode.content
        old, new = pick(rng, content.users), pick(rng, content.users)
        found = [i for i in content.issues if i.assignedto == old.username and i.status != "resolved"]
        if old == new or not 2 <= len(found) <= 3:
            raise Redraw("too few or too many issues")
        text = (
            f"{old.realname} leaves. Assign every issue of {old.username} that is not resolved to {new.username}, "
            "and set the status of each to deferred."
        )
        values = {"assignedto": new.username, "status": "deferred"}
        return _edit(text, [(episode, issue, values) for issue in found])


TEMPLATES = (
    Open, Assignee, Priority, Creator, SetStatus, SetPriority, Note, AssignAndTag, Create, Count, Close, Profile,
    Duplicate, ResolveAll, HandOver,
)  # fmt: skip
"""The classes of all templates."""

_MENUS = ("status", "priority", "assignedto")


def _path(episode: TrackerEpisode, issue: Issue) -> str:
    return f"/issue{episode.content.number(issue)}"


def _edit(text: str, edits: list[tuple[TrackerEpisode, Issue, dict[str, str]]]) -> Task:
    """The task of setting fields of issues' forms; fields that have their value already are left out."""
    forms: dict[str, dict[str, str]] = {}
    expects = []
    for episode, issue, fields in edits:
        fields = {name: value for name, value in fields.items() if getattr(issue, name, None) != value}
        forms[_path(episode, issue)] = fields
        expects.append(update("issue", episode.content.number(issue), **_row(episode, issue, fields)))
    return Task("tracker", text, _steps(forms), expects=tuple(expects), facts={"forms": forms})


def _steps(forms: dict[str, dict[str, str]]) -> int:
    """The fewest turns for some forms: open each, choose from a menu or mark a field and type, submit."""
    return sum(2 + sum(1 if name in _MENUS else 2 for name in fields) for fields in forms.values())


def _row(episode: TrackerEpisode, issue: Issue, fields: dict[str, str]) -> dict[str, Any]:
    """What the fields of a form become in the row of an issue."""
    row: dict[str, Any] = dict(fields)
    if "@note" in row:
        row["messages"] = [*map(list, issue.messages), [episode.content.me, row.pop("@note")]]
    if "keyword" in row:
        row["keyword"] = row["keyword"].split(",")
    if "superseder" in row:
        row["superseder"] = [int(row["superseder"])]
    return row
