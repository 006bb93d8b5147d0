"""What lies in the folders of a world: names, texts, sheets and the facts that pictures are drawn from."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.files import words
from mmgym_web.webnav.sites.travel.network import cities

__all__ = ["ROOT", "contents"]

ROOT = 1
"""Id of the folder that holds all others."""

Row = dict[str, Any]


def contents(world: World) -> dict[str, list[Row]]:
    """The rows of all tables, by table."""
    return _Contents(world).tables


def _projects(rng: np.random.Generator) -> Iterator[str]:
    """Names of projects without end; drawn in blocks, which is quicker."""
    firsts, lasts = words.PROJECT_FIRST, words.PROJECT_LAST
    while True:
        for number in rng.integers(len(firsts) * len(lasts), size=200).tolist():
            yield f"{firsts[number % len(firsts)]} {lasts[number // len(firsts)]}"


class _Contents:
    def __init__(self, world: World):
        self.world, self.rng = world, world.rng("files", "contents")
        self.tables: dict[str, list[Row]] = {
            name: [] for name in ("items", "tags", "shares", "versions", "comments", "usage")
        }
        self.names: set[str] = set()
        names = _projects(world.rng("files", "projects"))
        self.projects = world.distinct(self.rng, lambda _: next(names), 42)
        self.cities = cities(world)
        self._fill()

    def _fill(self) -> None:
        self._item(0, "folder", "My files")
        areas = self._sample(words.AREAS, 6)
        folders = [self._item(ROOT, "folder", f"{self.projects.pop()} {area}") for area in areas]
        inner = [self._item(int(f), "folder", f"{self.projects.pop()} notes") for f in self._sample(folders, 2)]
        for number, folder in enumerate([ROOT, *folders, *inner]):
            self._documents(folder, 15 if number == 1 else int(self.rng.integers(5, 9)))
        for item in self._sample([i for i in self.tables["items"] if i["kind"] != "folder"], 8):
            item["trashed"] = 1
        for shown in self._sample(folders, 4):
            self._picture(shown)
        for _ in range(4):
            self._travel_request(folders[int(self.rng.integers(6))])
        for _ in range(4):
            self._visit_note(folders[int(self.rng.integers(6))])
        people = [self.world.people[i] for i in self.rng.permutation(14)[:6]]
        for person, used in zip(people, self.rng.permutation(np.arange(2, 20))[:6], strict=True):
            self.tables["usage"].append({"person": person.name, "gigabytes": int(used)})
        self._relations()

    def _documents(self, folder: int, count: int) -> None:
        """A mixture of documents, named after one or two projects each."""
        for _ in range(count):
            project, kind = self.projects[int(self.rng.integers(len(self.projects)))], self.rng.random()
            if kind < 0.6:
                name = words.DOCUMENTS[int(self.rng.integers(len(words.DOCUMENTS)))]
                self._item(folder, "text", f"{project} {name}.txt", self._text(project, name))
            elif kind < 0.8:
                self._item(folder, "sheet", f"{project} costs.sheet", json.dumps(self._sheet()))
            else:
                self._picture(folder)

    def _item(self, parent: int, kind: str, name: str, body: str = "") -> int:
        if name in self.names:
            stem, dot, end = name.rpartition(".")
            number = next(n for n in range(2, 99) if f"{stem} {n}.{end}" not in self.names)
            name = f"{stem} {number}{dot}{end}"
        self.names.add(name)
        days, minutes = int(self.rng.integers(1, 300)), int(self.rng.integers(480, 1140))
        day = self.world.now.date() - dt.timedelta(days=days)
        owner = self.world.me if parent == 0 or self.rng.random() < 0.7 else self._person()
        low, high = {"folder": (0, 1), "text": (2, 900), "sheet": (20, 2000), "picture": (200, 9000)}[kind]
        self.tables["items"].append(
            {
                "id": len(self.tables["items"]) + 1,
                "parent": parent,
                "kind": kind,
                "name": name,
                "owner": self.world.me.name if kind == "folder" else owner.name,
                "size": int(self.rng.integers(low, high)),
                "modified": f"{day.isoformat()} {minutes // 60:02d}:{minutes % 60:02d}",
                "body": body,
                "starred": int(kind != "folder" and self.rng.random() < 0.12),
                "trashed": 0,
            }
        )
        return len(self.tables["items"])

    def _text(self, project: str, name: str) -> str:
        rng, world = self.rng, self.world
        lines = [f"{project}: {name}", ""]
        for field in self._sample(words.FIELDS, 4):
            lines.append(f"{field}: {self._value(field)}")
        lines += ["", words.PARAGRAPHS[int(rng.integers(len(words.PARAGRAPHS)))]]
        lines += ["", f"Written by {world.people[int(rng.integers(14))].name}"]
        return "\n".join(lines)

    def _value(self, field: str) -> str:
        rng = self.rng
        if field == "Deadline":
            return self._day(10, 120)
        if field == "Budget":
            return f"${int(rng.integers(10, 990)) * 100:,}"
        if field == "Telephone":
            return f"0{rng.integers(20, 99)} {rng.integers(1000, 9999)}"
        if field in ("Contact", "Supplier"):
            return self._person().name
        if field == "Venue":
            return self._person().street
        return f"{'ABCDEFGHKMNPRSTUVWX'[int(rng.integers(19))]}-{rng.integers(1000, 9999)}"

    def _sheet(self) -> list[list[str]]:
        rows = [["Item", "Quantity", "Price", "Ordered by"]]
        for item in self._sample(words.EXPENSES, int(self.rng.integers(7, 15))):
            price = int(self.rng.integers(100, 20000))
            rows.append([item, str(int(self.rng.integers(1, 60))), f"{price / 100:.2f}", self._person().name])
        return rows

    def _picture(self, folder: int) -> None:
        project, rng = self.projects[int(self.rng.integers(len(self.projects)))], self.rng
        kind = ("bars", "receipt", "plan")[int(rng.integers(3))]
        if kind == "bars":
            labels = self._sample(words.DEPARTMENTS, 6)
            values = [int(v) for v in rng.permutation(np.arange(2, 13))[:6] * 8 + rng.integers(-1, 2, 6)]
            facts: Row = {"kind": kind, "title": project, "labels": labels, "values": values}
            name = f"{project} chart.png"
        elif kind == "receipt":
            lines = [[item, int(rng.integers(90, 4000))] for item in self._sample(words.EXPENSES, 5)]
            shop = words.SHOPS[int(rng.integers(len(words.SHOPS)))]
            facts = {"kind": kind, "shop": shop, "lines": lines, "number": int(rng.integers(10000, 99999))}
            name = f"{project} receipt.png"
        else:
            names = [self.world.people[i].first for i in rng.permutation(14)[:8]]
            numbers = [int(n) for n in rng.permutation(np.arange(100, 400))[:8]]
            facts = {"kind": kind, "people": names, "numbers": numbers, "wide": int(rng.integers(0, 4))}
            name = f"{project} floor plan.png"
        self._item(folder, "picture", name, json.dumps(facts | {"hue": int(rng.integers(len(words.COLOURS)))}))

    def _travel_request(self, folder: int) -> None:
        """A document that says which journey is wanted: the sites' level-5 tasks use it."""
        rng, project = self.rng, self.projects.pop()
        start, end = (self.cities[i] for i in rng.permutation(9)[:2])
        day = (self.world.now.date() + dt.timedelta(days=int(rng.integers(10, 60)))).isoformat()
        limit = f"{int(rng.integers(14, 20))}:{('00', '30')[int(rng.integers(2))]}"
        text = f"{project}: travel request\n\nFrom: {start.name}\nTo: {end.name}\nDate: {day}\nArrive by: {limit}"
        self._item(folder, "text", f"{project} travel request.txt", f"{text}\nTraveller: {self.world.me.name}\nCode:")
        self.tables["items"][-1]["owner"] = self.world.me.name

    def _visit_note(self, folder: int) -> None:
        """A picture of a note that asks for a hotel."""
        rng, project = self.rng, self.projects.pop()
        day = (self.world.now.date() + dt.timedelta(days=int(rng.integers(10, 60)))).isoformat()
        place = self.cities[int(rng.integers(9))]
        facts = {"kind": "note", "city": place.name, "day": day, "nights": int(rng.integers(1, 7)), "hue": 0}
        self._item(folder, "picture", f"{project} visit note.png", json.dumps(facts))
        self.tables["items"][-1]["owner"] = self.world.me.name

    def _relations(self) -> None:
        rng, me = self.rng, self.world.me.name
        for item in self.tables["items"][1:]:
            if item["kind"] == "folder":
                continue
            if rng.random() < 0.5:
                self.tables["tags"] += [{"item": item["id"], "tag": tag} for tag in self._sample(words.TAGS, 2)]
            if item["owner"] != me:
                access = ("view", "edit")[int(rng.integers(2))]
                self.tables["shares"].append({"item": item["id"], "person": me, "access": access})
            elif rng.random() < 0.4:
                access = ("view", "comment", "edit")[int(rng.integers(3))]
                self.tables["shares"].append({"item": item["id"], "person": self._person().name, "access": access})
            if rng.random() < 0.25:
                self._comment(item)
            if item["kind"] == "text":
                self._versions(item)

    def _comment(self, item: Row) -> None:
        texts = ("Thanks, this helps.", "Can we talk about it on Monday?", "Looks good to me.", "Who wrote this part?")
        text = texts[int(self.rng.integers(4))]
        row = {"item": item["id"], "author": self._person().name, "body": text, "written": item["modified"]}
        self.tables["comments"].append(row)

    def _versions(self, item: Row) -> None:
        """Earlier versions: in each, one line differs from the present one; each was saved by somebody else."""
        lines = item["body"].split("\n")
        authors, picks = self.rng.permutation(14)[:3].tolist(), self.rng.integers(0, 60, size=3).tolist()
        places = [n for n, line in enumerate(lines) if line.partition(": ")[0] in words.FIELDS]
        modified = dt.date.fromisoformat(item["modified"][:10])
        for number, (author, pick) in enumerate(zip(authors, picks, strict=True), start=1):
            changed = list(lines)
            if places:
                field = lines[places[pick % len(places)]].partition(": ")[0]
                changed[places[pick % len(places)]] = f"{field}: {self._value(field)}"
            self.tables["versions"].append(
                {
                    "item": item["id"],
                    "number": number,
                    "author": self.world.people[author].name,
                    "saved": f"{modified - dt.timedelta(days=12 - 3 * number)} 09:30",
                    "body": "\n".join(changed),
                }
            )

    def _day(self, first: int, last: int) -> str:
        day = self.world.now.date() + dt.timedelta(days=int(self.rng.integers(first, last)))
        return f"{day.day} {words.MONTHS[day.month - 1]} {day.year}"

    def _person(self) -> Any:
        return self.world.others[int(self.rng.integers(13))]

    def _sample(self, things: list[Any], count: int) -> list[Any]:
        return [things[i] for i in self.rng.permutation(len(things))[:count].tolist()]
