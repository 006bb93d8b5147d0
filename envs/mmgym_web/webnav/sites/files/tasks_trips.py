"""Tasks across the file manager and the travel site: what is read on one is needed on the other."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Contains, Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.files.contents import ROOT
from mmgym_web.webnav.sites.files.steps import comment, files_of, pick, reach, some
from mmgym_web.webnav.sites.travel.steps import book, named, some_trip, travel_of, trip_clicks
from mmgym_web.webnav.sites.travel.tasks_booking import booked
from mmgym_web.webnav.sites.travel.timetable import booking_code

__all__ = ["TEMPLATES"]


def _next_code(episode: Episode) -> tuple[int, str]:
    """Id and code that the next booking will have."""
    number = episode.site("travel").value("SELECT MAX(id) FROM travel_bookings") + 1
    return number, booking_code(episode.world, number)


def _is_booked(g: Guide, number: int) -> bool:
    return g.db.execute("SELECT 1 FROM travel_bookings WHERE id = ?", (number,)).fetchone() is not None


class Request(Template):
    """Book what a travel request asks for, and note the code as a comment."""

    name, sites, level = "files_travel_request", ("files", "travel"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A request for which one departure is cheapest."""
        travel, item = travel_of(episode), some(episode, rng, "name LIKE '%travel request.txt'")
        wanted = dict(line.split(": ") for line in item["body"].split("\n") if ": " in line)
        start, end = (
            travel.value("SELECT id FROM travel_places WHERE name = ?", wanted[key]) for key in ("From", "To")
        )
        hours, minutes = wanted["Arrive by"].split(":")
        day, limit = dt.date.fromisoformat(wanted["Date"]), 60 * int(hours) + int(minutes)
        rides = [r for r in travel.rides_on(start, end, day) if r["arrives"] <= limit and not r["full"]]
        rides.sort(key=lambda ride: ride["fare"])
        if len(rides) < 2 or rides[0]["fare"] == rides[1]["fare"]:
            raise Redraw("not one alone is cheapest")
        number, code = _next_code(episode)
        text = pick(
            rng,
            ["'{name}', which is open, says which journey I need. Book the cheapest departure that fits on the travel "
             "site ({url}), for me alone and without bags. Then write the booking code as a comment on the request.",
             "Read the travel request '{name}' and book it at {url}: the cheapest departure that arrives in time, one "
             "traveller (me), no bags. Put nothing but the booking code into a comment below the request.",
             "Do what '{name}' asks: book the cheapest fitting departure at {url}, only me, no bags. Come back here "
             "and add the booking code as a comment."],
            name=item["name"], url=travel.url(),
        )  # fmt: skip
        note = {"item": item["id"], "author": episode.world.me.name, "body": code}
        expects = (booked(rides[0], wanted["Date"], [wanted["Traveller"]]), Expect("files_comments", "insert", note))
        facts = {"id": item["id"], "ride": rides[0]["id"], "day": wanted["Date"], "number": number, "code": code}
        milestones = ("travel.", "/search", f"/ride/{rides[0]['id']}", f"/trip/{code}")
        steps = 15 - (travel.value("SELECT home FROM travel_profile") == start)
        return Task("files", text, steps, f"/item/{item['id']}", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Book, then comment."""
        if not _is_booked(g, task.facts["number"]):
            yield from book(g, travel_of(g.episode).ride(task.facts["ride"]), task.facts["day"])
        yield from comment(g, task.facts["id"], task.facts["code"])


class Visit(Template):
    """Book the hotel that a note in a picture asks for, and write the code below it."""

    name, sites, level, pixels = "files_visit_note", ("files", "travel"), 5, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A note; the best hotel of its city."""
        travel, item = travel_of(episode), some(episode, rng, "name LIKE '%visit note.png'")
        note = json.loads(item["body"])
        city = travel.value("SELECT id FROM travel_places WHERE name = ?", note["city"])
        order, what = (("price", "cheapest"), ("rating DESC", "best rated"))[int(rng.integers(2))]
        hotel = travel.row(f"SELECT * FROM travel_hotels WHERE city = ? ORDER BY {order}", city)
        number, code = _next_code(episode)
        text = pick(
            rng,
            ["The picture '{name}' is a note to me. Book what it asks for on the travel site ({url}), in the {what} "
             "hotel of that city, and write the booking code as a comment on the picture.",
             "Read the note in '{name}' and book that room at {url}: take the {what} hotel there. Then add nothing but "
             "the booking code as a comment on the picture.",
             "Somebody left me the note '{name}'. Book the {what} hotel of the city for these nights at {url}, and put "
             "the booking code into a comment here."],
            name=item["name"], url=travel.url(), what=what,
        )  # fmt: skip
        row = {"kind": "hotel", "hotel": hotel["id"], "day": note["day"], "nights": note["nights"]}
        expects = (
            Expect("travel_bookings", "insert", row | {"status": "confirmed"}),
            Expect("files_comments", "insert", {"item": item["id"], "author": episode.world.me.name, "body": code}),
        )
        facts = {"id": item["id"], "city": city, "code": code, "number": number, **row}
        milestones = ("travel.", f"/place/{city}", f"/hotel/{hotel['id']}", f"/trip/{code}")
        return Task(
            "files", text, 12 - (note["nights"] == 1), f"/item/{item['id']}", expects, milestones=milestones,
            content=f"{text} {note}",
            facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Book, then comment."""
        facts = task.facts
        place, path = f"/place/{facts['city']}", f"/hotel/{facts['hotel']}"
        if not _is_booked(g, facts["number"]):
            if not g.at("travel", path):
                if not g.at("travel", place):
                    yield from g.visit("travel", "/cities")
                yield from g.visit("travel", place)
            yield from g.visit("travel", path)
            yield from g.choose("#nights", str(facts["nights"]))
            yield from g.fill("#day", facts["day"])
            yield from g.click("main form.card button")
        yield from comment(g, facts["id"], facts["code"])


class Costs(Template):
    """Write down in a new document what two trips cost together."""

    name, sites, level = "files_trip_costs", ("files", "travel"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Two coming trips, and a folder for the document."""
        travel, site = travel_of(episode), files_of(episode)
        first, second = some_trip(episode, rng), some_trip(episode, rng)
        if first["id"] == second["id"]:
            raise Redraw("the same trip twice")
        total = f"{(first['price'] + second['price']) / 100:.2f}"
        folders = [(i, name) for i, name in site.folders() if i != ROOT and " / " not in name]
        folder, named_folder = folders[int(rng.integers(len(folders)))]
        name = f"{named_folder.rpartition(' ')[0]} trips {int(rng.integers(10, 100))}"
        text = pick(
            rng,
            ["What do my {first} and my {second} cost together? Look at my trips and write the sum, like 123.45, "
             "into a new text document called '{name}' in the folder '{folder}' of the file store ({url}).",
             "Add up the prices of my {first} and my {second}. Then go to the file store, {url}, and make a "
             "text document '{name}' in the folder '{folder}' whose text is the sum, written like 123.45."],
            first=named(travel, first), second=named(travel, second), url=site.url(), name=name, folder=named_folder,
        )  # fmt: skip
        row = {"parent": folder, "kind": "text", "name": name, "body": Contains((total,)), "trashed": 0}
        facts = {"codes": [first["code"], second["code"]], "total": total, "folder": folder, "name": name}
        pages = max(trip_clicks(travel, trip) for trip in (first, second)) > 2
        facts["page"] = "/trips?page=2" if pages else "/trips"
        milestones = ("/trips", "files.", f"/folder/{folder}", "/new?kind=text")
        return Task(
            "travel", text, 10 + pages, "/", (Expect("files_items", "insert", row),), milestones=milestones,
            content=f"{text} {total}", facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """See the trips, then write the document."""
        new = f"/folder/{task.facts['folder']}/new?kind=text"
        if g.site == "travel" and not g.at("travel", task.facts["page"]):
            if not g.path.startswith("/trips"):
                yield from g.visit("travel", "/trips")
            yield from g.visit("travel", task.facts["page"])
        if not g.at("files", new):
            yield from reach(g, task.facts["folder"])
            if not g.find("#new a"):
                yield from g.click("#new button")
        yield from g.visit("files", new)
        yield from g.fill("#name", task.facts["name"])
        yield from g.fill("#body", task.facts["total"])
        yield from g.click("form.card button")


TEMPLATES = (Request, Visit, Costs)
