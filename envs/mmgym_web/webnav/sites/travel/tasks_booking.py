"""Longer tasks of the travel site: book and change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.travel.steps import (
    book,
    named,
    on_page,
    open_trip,
    pick,
    some_day,
    some_trip,
    travel_of,
    trip_clicks,
)
from mmgym_web.webnav.sites.travel.timetable import MODES, clock

__all__ = ["TEMPLATES", "booked"]


def booked(ride: dict[str, Any], day: str, travellers: list[str], bags: int = 0) -> Expect:
    """The booking of a ride that a task asks for."""
    row = {"kind": "ride", "ride": ride["id"], "day": day, "travellers": "; ".join(travellers), "bags": bags}
    return Expect("travel_bookings", "insert", row | {"status": "confirmed"})


class BookRide(Template):
    """Book the cheapest ride that fits."""

    name, sites, level = "travel_book_ride", ("travel",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Conditions that leave two rides or more, of which one is cheapest."""
        site, day = travel_of(episode), some_day(episode, rng)
        start, end = (int(i) for i in rng.permutation(9)[:2] + 1)
        rides = site.rides_on(start, end, day)
        if rng.random() < 0.5:
            hour = int(rng.integers(10, 19))
            fit, wish = [r for r in rides if r["arrives"] <= 60 * hour], f"arrives by {hour}:00"
        else:
            fit, wish = [r for r in rides if not r["changes"] and r["mode"] == "train"], "is a direct train"
        fit = sorted((ride for ride in fit if not ride["full"]), key=lambda ride: ride["fare"])
        if len(fit) < 2 or fit[0]["fare"] == fit[1]["fare"]:
            raise Redraw("not one alone is cheapest")
        text = pick(
            rng,
            ["Book the cheapest departure from {start} to {end} on {day} that {wish}, for me alone and without bags.",
             "I need to get from {start} to {end} on {day}. Of what {wish}, book me the cheapest. I have no bags.",
             "Find the departures {start} to {end} on {day}. Book the cheapest one that {wish}, for me only, no bags."],
            start=site.place(start), end=site.place(end), day=day.isoformat(), wish=wish,
        )  # fmt: skip
        ride = fit[0]
        home = site.value("SELECT home FROM travel_profile") == start
        steps = 8 - home + on_page(rides, ride["id"])
        facts = {"ride": ride["id"], "day": day.isoformat()}
        expects = (booked(ride, day.isoformat(), [episode.world.me.name]),)
        milestones = ("/search", f"/ride/{ride['id']}", f"/ride/{ride['id']}/book")
        return Task("travel", text, steps, "/", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search, open, book."""
        yield from book(g, travel_of(g.episode).ride(task.facts["ride"]), task.facts["day"])


class BookTogether(Template):
    """Book a given ride for two people with bags."""

    name, sites, level = "travel_book_together", ("travel",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A ride by its time, a second traveller, and bags."""
        site, day = travel_of(episode), some_day(episode, rng)
        home = site.value("SELECT home FROM travel_profile")
        end = int(rng.integers(1, 10))
        rides = site.rides_on(home, end, day)[:4]
        rides = [ride for ride in rides if not ride["full"]]
        if not rides:
            raise Redraw("nothing can be booked")
        ride, bags = rides[int(rng.integers(len(rides)))], int(rng.integers(1, 4))
        people = site.rows("SELECT * FROM travel_travellers WHERE id > 1 ORDER BY id")
        other = people[int(rng.integers(len(people)))]
        text = pick(
            rng,
            ["Book the {mode} that leaves {start} for {end} at {time} on {day} for me and {other}, with {bags} in "
             "all.", "{other} and I travel from {start} to {end} on {day} by the {mode} at {time}. Book it "
             "for us two, with {bags} altogether."],
            mode=MODES[ride["mode"]].lower(), start=site.place(home), end=site.place(end), time=clock(ride["departs"]),
            day=day.isoformat(), other=other["name"], 
            bags=("one large bag", "two large bags", "three large bags")[bags - 1],
        )  # fmt: skip
        expects = (booked(ride, day.isoformat(), [episode.world.me.name, other["name"]], bags),)
        facts = {"ride": ride["id"], "day": day.isoformat(), "other": other["id"], "bags": bags}
        milestones = ("/search", f"/ride/{ride['id']}", f"/ride/{ride['id']}/book")
        return Task("travel", text, 10, "/", expects, milestones=milestones, facts=facts)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search, open, book for two."""
        facts = task.facts
        yield from book(g, travel_of(g.episode).ride(facts["ride"]), facts["day"], (1, facts["other"]), facts["bags"])


class Rebook(Template):
    """Move a trip to another day and departure."""

    name, sites, level = "travel_rebook", ("travel",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The first or last departure of another day that is not sold out."""
        site, trip, day = travel_of(episode), some_trip(episode, rng, "ride"), some_day(episode, rng)
        old = site.ride(trip["ride"])
        rides = [r for r in site.rides_on(old["origin"], old["destination"], day) if not r["full"]]
        last = bool(rng.integers(2))
        ride = rides[-1] if last else rides[0]
        if day.isoformat() == trip["day"]:
            raise Redraw("the same day")
        text = pick(
            rng,
            ["Change my {trip} to {day}. Take the {what} departure of that day that is not sold out.",
             "My {trip} must be moved to {day}: choose the {what} departure that is still free.",
             "Move my {trip} to the {what} departure on {day} that can still be booked."],
            trip=named(site, trip), day=day.isoformat(), what="last" if last else "first",
        )  # fmt: skip
        change = {"ride": ride["id"], "day": day.isoformat(), "price": ride["fare"] + 500 * trip["bags"], "seat": ""}
        path = f"/trip/{trip['code']}"
        facts = {"code": trip["code"], "ride": ride["id"], "day": day.isoformat()}
        return Task(
            "travel", text, trip_clicks(site, trip) + 7, "/",
            (Expect("travel_bookings", "update", {"id": trip["id"]}, change),), milestones=(path, f"{path}/change"),
            content=f"{text} {trip['code']}", facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Show the day's departures and choose."""
        path = f"/trip/{task.facts['code']}/change"
        if not (g.site == "travel" and g.path.startswith(path)):
            yield from open_trip(g, task.facts["code"])
            yield from g.visit("travel", path)
        if f"day={task.facts['day']}" not in g.path:
            yield from g.fill("#day", task.facts["day"])
            yield from g.click("#other button")
        yield from g.check(f"input[name=ride][value='{task.facts['ride']}']")
        yield from g.click("#rides button")


class BookHotel(Template):
    """Book the best hotel that fits."""

    name, sites, level = "travel_book_hotel", ("travel",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A city, something the hotel must offer, and what makes it best."""
        site, day = travel_of(episode), some_day(episode, rng)
        city, nights = int(rng.integers(1, 10)), int(rng.integers(2, 8))
        offer, words = (("breakfast", "with breakfast"), ("pets", "where pets are welcome"))[int(rng.integers(2))]
        order, what = (("price", "cheapest"), ("rating DESC", "best rated"), ("distance", "nearest to the station"))[
            int(rng.integers(3))
        ]
        rows = site.rows(f"SELECT * FROM travel_hotels WHERE city = ? AND {offer} ORDER BY {order}", city)
        if len(rows) < 2:
            raise Redraw("too few hotels")
        text = pick(
            rng,
            ["Book {nights} nights from {day} in {city}: of the hotels {offer}, take the one that is {what}.",
             "I need a hotel in {city} {offer}, arriving on {day}, for {nights} nights. Book the one that is {what}.",
             "Of all hotels in {city} {offer}, book the one that is {what}: {nights} nights, arrival on {day}."],
            nights=nights, day=day.isoformat(), city=site.place(city), offer=words, what=what,
        )  # fmt: skip
        hotel = rows[0]
        row = {"kind": "hotel", "hotel": hotel["id"], "day": day.isoformat(), "nights": nights, "status": "confirmed"}
        milestones = ("/cities", f"/place/{city}", f"/hotel/{hotel['id']}")
        facts = {"city": city, "hotel": hotel["id"], "day": day.isoformat(), "nights": nights}
        return Task(
            "travel", text, 7, "/", (Expect("travel_bookings", "insert", row),), milestones=milestones,
            content=f"{text} {hotel['name']}", facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """City, hotel, form."""
        place, path = f"/place/{task.facts['city']}", f"/hotel/{task.facts['hotel']}"
        if not g.at("travel", path):
            if not g.at("travel", place):
                yield from g.visit("travel", "/cities")
            yield from g.visit("travel", place)
        yield from g.visit("travel", path)
        yield from g.choose("#nights", str(task.facts["nights"]))
        yield from g.fill("#day", task.facts["day"])
        yield from g.click("main form.card button")


TEMPLATES = (BookRide, BookTogether, Rebook, BookHotel)
