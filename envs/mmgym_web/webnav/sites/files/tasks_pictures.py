"""Tasks of the file manager whose answers are only in pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.files.contents import ROOT
from mmgym_web.webnav.sites.files.pictures import total
from mmgym_web.webnav.sites.files.steps import files_of, look_up, page_of, pick, reach, some

__all__ = ["TEMPLATES"]


def _drawing(episode: Episode, rng: np.random.Generator, kind: str) -> tuple[Any, dict[str, Any]]:
    """A picture of a kind, and its facts."""
    item = some(episode, rng, "kind = 'picture' AND body LIKE ?", f'{{"kind": "{kind}"%')
    return item, json.loads(item["body"])


class Chart(Template):
    """Say which bar of a chart is the highest, second highest or lowest."""

    name, sites, level, pixels = "files_chart", ("files",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A chart of six bars, from the page of its folder."""
        site, (item, facts) = files_of(episode), _drawing(episode, rng, "bars")
        what, place = (("highest", -1), ("second highest", -2), ("lowest", 0))[int(rng.integers(3))]
        values = facts["values"]
        label = facts["labels"][values.index(sorted(values)[place])]
        text = pick(
            rng,
            ["Which bar of the chart '{name}' is the {what}? Give its label.",
             "Open '{name}' and name the department with the {what} bar.",
             "Look at the chart '{name}' in this folder. What is the label of the {what} bar?"],
            name=item["name"], what=what,
        )  # fmt: skip
        start = site.folder_path(item["parent"], page_of(site, item))
        path = f"/item/{item['id']}"
        return Task(
            "files", text, 2, start, answer=Answer(label), milestones=(path,), content=f"{text} {values}",
            facts={"id": item["id"], "answer": label},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it and read it."""
        yield from reach(g, task.facts["id"])
        yield from g.answer(task.facts["answer"])


class Receipt(Template):
    """Say what a receipt adds up to, or its number."""

    name, sites, level, pixels = "files_receipt", ("files",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A receipt, to be found by a search."""
        item, facts = _drawing(episode, rng, "receipt")
        if item["parent"] == ROOT:
            raise Redraw("it needs no search")
        if rng.random() < 0.5:
            answer, texts = f"{total(facts) / 100:.2f}", ["What is the total on the receipt '{name}'?",
                "How much was paid in all, going by the picture '{name}'?"]  # fmt: skip
        else:
            answer, texts = str(facts["number"]), ["Find the receipt '{name}'. What is its number?",
                "Give the number that is printed below the shop's name on '{name}'."]  # fmt: skip
        text = pick(rng, texts, name=item["name"])
        return Task(
            "files", text, 5, answer=Answer(answer, "number"), milestones=("/search", f"/item/{item['id']}"),
            facts={"id": item["id"], "name": item["name"], "answer": answer},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Find it, open it, read it."""
        yield from look_up(g, task.facts["id"], task.facts["name"])
        yield from g.answer(task.facts["answer"])


class FloorPlan(Template):
    """Say in which room of a floor plan somebody sits."""

    name, sites, level, pixels = "files_floor_plan", ("files",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A plan of eight rooms, from the page of its folder."""
        site, (item, facts) = files_of(episode), _drawing(episode, rng, "plan")
        place = int(rng.integers(8))
        text = pick(
            rng,
            ["What is the number of {person}'s room on the floor plan '{name}'?",
             "Open '{name}' and give the number of the room in which {person} sits.",
             "Where does {person} sit, going by the plan '{name}'? Answer with the number of the room."],
            name=item["name"], person=facts["people"][place],
        )  # fmt: skip
        start, answer = site.folder_path(item["parent"], page_of(site, item)), str(facts["numbers"][place])
        return Task(
            "files", text, 2, start, answer=Answer(answer, "number"), milestones=(f"/item/{item['id']}",),
            facts={"id": item["id"], "answer": answer},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it and read it."""
        yield from reach(g, task.facts["id"])
        yield from g.answer(task.facts["answer"])


class Storage(Template):
    """Say who uses most or least storage, by the sectors of a chart."""

    name, sites, level, pixels = "files_storage", ("files",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The chart's largest or smallest sector, where it stands out, or the one of a colour."""
        rows = files_of(episode).rows("SELECT * FROM files_usage ORDER BY id")
        number = int(rng.integers(len(_SECTORS)))
        if rng.random() < 0.5:
            best, texts = rows[number], ["In the chart of the team's storage, whose sector is {what}?",
                "Who is the {what} part of the storage chart? Give the full name."]  # fmt: skip
            what = _SECTORS[number]
        else:
            most = bool(rng.integers(2))
            what = "most" if most else "least"
            best, second = sorted(rows, key=lambda row: row["gigabytes"], reverse=most)[:2]
            if abs(best["gigabytes"] - second["gigabytes"]) < 2:
                raise Redraw("too close")
            texts = ["Who in the team uses the {what} storage? Give the full name.",
                     "Find out whose files take up the {what} room, and give the person's full name.",
                     "Look at how the team's storage is used: who has the {what} of it?"]  # fmt: skip
        text = pick(rng, texts, what=what)
        return Task(
            "files", text, 2, "/", answer=Answer(best["person"]), milestones=("/storage",),
            content=f"{text} {best['person']}", facts={"answer": best["person"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the page and read the chart."""
        yield from g.visit("files", "/storage")
        yield from g.answer(task.facts["answer"])


_SECTORS = ("blue", "orange", "green", "purple", "yellow", "turquoise")
"""Colours of the sectors of the storage chart, in their order."""

TEMPLATES = (Chart, Receipt, FloorPlan, Storage)
