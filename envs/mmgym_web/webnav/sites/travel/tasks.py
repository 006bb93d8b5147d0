"""Short tasks of the travel site: open, look up, count points, find the cheapest, set up, cancel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.travel.steps import (
    named,
    open_trip,
    pick,
    search,
    some_day,
    some_trip,
    travel_of,
    trip_clicks,
)
from mmgym_web.webnav.sites.travel.timetable import clock
from mmgym_web.webnav.sites.travel.trips import MEALS, REASONS, SEATS, TRIPS_ON_PAGE

__all__ = ["TEMPLATES"]


class OpenTrip(Template):
    """Open a trip that is on the page."""

    name, sites, level = "travel_open_trip", ("travel",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any coming trip, from its page of the list."""
        site, trip = travel_of(episode), some_trip(episode, rng)
        page = [row["id"] for row in site.coming()].index(trip["id"]) // TRIPS_ON_PAGE + 1
        text = pick(
            rng, ["Open my {trip}.", "Show me the details of my {trip}.", "Go to my {trip}."], trip=named(site, trip)
        )
        start = "/trips" if page == 1 else f"/trips?page={page}"
        return Task(
            "travel", text, 1, start, page=f"travel:/trip/{trip['code']}", content=f"{text} {trip['code']}",
            facts={"code": trip["code"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click on it."""
        yield from open_trip(g, task.facts["code"])


class PointsFor(Template):
    """Say how many points an entry brought, or how many there are."""

    name, sites, level = "travel_points", ("travel",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The points of a day, or the balance."""
        rows = travel_of(episode).rows("SELECT * FROM travel_points ORDER BY id")
        if rng.random() < 0.3:
            number, texts = sum(row["points"] for row in rows), ["How many points do I have?", "What is my balance of "
                "travel points?", "How many travel points could I spend now?"]  # fmt: skip
            text = pick(rng, texts)
        else:
            row = rows[int(rng.integers(len(rows)))]
            number, texts = row["points"], ["How many travel points did I get on {day}?",
                "What did {day} bring me in travel points?",
                "Give the number of points I earned on {day}."]  # fmt: skip
            text = pick(rng, texts, day=row["day"])
        return Task(
            "travel", text, 2, "/", answer=Answer(str(number), "number"), milestones=("/points",),
            content=f"{text} {number}", facts={"answer": str(number)},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the page of points."""
        yield from g.visit("travel", "/points")
        yield from g.answer(task.facts["answer"])


class SoldOut(Template):
    """Book a departure that is sold out: impossible."""

    name, sites, level = "travel_sold_out", ("travel",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A full ride, from its page."""
        site, day = travel_of(episode), some_day(episode, rng)
        start, end = (int(i) for i in rng.permutation(9)[:2] + 1)
        full = [ride for ride in site.rides_on(start, end, day) if ride["full"]]
        if not full:
            raise Redraw("nothing is sold out")
        ride = full[0]
        text = pick(
            rng,
            ["Book {number} on {day}, leaving at {time}. No other departure will do.",
             "I want to take exactly this departure: {number} on {day} at {time}. Book it.",
             "Get me a seat on {number} at {time} on {day}; I cannot take another one."],
            number=ride["number"], day=day.isoformat(), time=clock(ride["departs"]),
        )  # fmt: skip
        return Task("travel", text, 1, f"/ride/{ride['id']}?day={day.isoformat()}", infeasible=True)

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Nothing can be done."""
        yield from g.fail("this departure is sold out")


class TripDetail(Template):
    """Say something about a coming trip."""

    name, sites, level = "travel_detail", ("travel",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Platform, seat, number or arrival of a journey."""
        site, trip = travel_of(episode), some_trip(episode, rng, "ride")
        ride, number = site.ride(trip["ride"]), int(rng.integers(4))
        value, texts = [
            (str(ride["platform"]), ["From which platform does my {trip} leave?", "Which platform is my {trip} from?"]),
            (trip["seat"], ["Which seat do I have on my {trip}?", "Give my seat on my {trip}."]),
            (ride["number"], ["What is the number of the train I take on my {trip}?", "Which train is my {trip} with? "
                              "Give its number."]),
            (clock(ride["departs"] + ride["minutes"]), ["At what time do I arrive on my {trip}? Write it as 00:00.",
                                                        "When does my {trip} end? Answer like 00:00."]),
        ][number]  # fmt: skip
        text = pick(rng, texts, trip=named(site, trip))
        facts, milestones = {"code": trip["code"], "answer": value}, (f"/trip/{trip['code']}",)
        return Task(
            "travel", text, max(2, trip_clicks(site, trip) + 1), "/",
            answer=Answer(value, "number" if number == 0 else "text"),
            milestones=milestones,
            content=f"{text} {value}", facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the trip and read."""
        yield from open_trip(g, task.facts["code"])
        yield from g.answer(task.facts["answer"])


class Profile(Template):
    """Change something in the profile."""

    name, sites, level = "travel_profile", ("travel",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Another home city, and another meal or seat."""
        site = travel_of(episode)
        row, places = site.row("SELECT * FROM travel_profile"), site.places()
        home = places[int(rng.integers(9))]
        field, labels = (("meal", MEALS), ("seat", SEATS))[int(rng.integers(2))]
        value = list(labels)[int(rng.integers(1, 3))]
        if home["id"] == row["home"] or value == row[field]:
            raise Redraw("it is so already")
        wish = f"my meals are {value}" if field == "meal" else _SEAT_WISHES[value]
        text = pick(
            rng,
            ["Change my travel profile: my home city is {home} now, and {wish}.",
             "I have moved to {home}, and {wish}. Put both into my travel profile.",
             "Correct two things in my travel profile: {home} is my home city, and {wish}. Leave the rest."],
            home=home["name"], wish=wish,
        )  # fmt: skip
        expects = (Expect("travel_profile", "update", {"id": 1}, {"home": home["id"], field: value}),)
        facts = {"home": home["name"], "field": field, "label": labels[value]}
        return Task(
            "travel", text, 4, "/", expects, milestones=("/profile",), content=f"{text} {episode.world.me.name}",
            facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Choose and save."""
        yield from g.visit("travel", "/profile")
        yield from g.choose("#home", task.facts["home"])
        yield from g.choose(f"#{task.facts['field']}", task.facts["label"])
        yield from g.click("main form.card button")


_SEAT_WISHES = {"aisle": "my favourite seat is at the aisle", "any": "any seat will do for me"}


class Voucher(Template):
    """Spend points on a voucher."""

    name, sites, level = "travel_voucher", ("travel",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One that the balance pays for, by name or as the dearest."""
        site = travel_of(episode)
        balance = site.value("SELECT SUM(points) FROM travel_points")
        rows = site.rows("SELECT * FROM travel_vouchers WHERE cost <= ? ORDER BY id", balance)
        if len(rows) < 2:
            raise Redraw("too few points")
        voucher = rows[int(rng.integers(len(rows)))]
        text = pick(
            rng,
            ["Spend travel points on the voucher '{name}'.", "Get me the voucher '{name}' for my travel points.",
             "Turn {cost} of my travel points into a '{name}' voucher."],
            name=voucher["name"], cost=voucher["cost"],
        )  # fmt: skip
        row = {"what": voucher["name"], "points": -voucher["cost"]}
        return Task(
            "travel", text, 3, "/", (Expect("travel_points", "insert", row),), milestones=("/points",),
            content=f"{text} {episode.world.me.name} {balance}", facts={"id": voucher["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Choose and redeem."""
        yield from g.visit("travel", "/points")
        yield from g.check(f"input[name=voucher][value='{task.facts['id']}']")
        yield from g.click("main form.card button")


class Cheapest(Template):
    """Find the cheapest or the quickest ride."""

    name, sites, level = "travel_cheapest", ("travel",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A route and a day on which one ride is best."""
        site, day = travel_of(episode), some_day(episode, rng)
        start, end = (int(i) for i in rng.permutation(9)[:2] + 1)
        rides = [ride for ride in site.rides_on(start, end, day) if not ride["full"]]
        field = ("fare", "minutes")[int(rng.integers(2))]
        rides.sort(key=lambda ride: ride[field])
        if len(rides) < 3 or rides[0][field] == rides[1][field]:
            raise Redraw("not one alone is best")
        text = pick(
            rng,
            ["Which is the {what} way from {start} to {end} on {day} that is not sold out? Give its number, like AB "
             "1234.", "I must go from {start} to {end} on {day}. Give the number of the {what} departure that can "
             "still be booked.", "Search {start} to {end} on {day}: what is the number of the {what} departure? Ignore "
             "what is sold out."],
            what="cheapest" if field == "fare" else "quickest", start=site.place(start), end=site.place(end),
            day=day.isoformat(),
        )  # fmt: skip
        facts = {"from": start, "to": end, "day": day.isoformat(), "answer": rides[0]["number"]}
        same = site.value("SELECT home FROM travel_profile") == start
        compact = rides[0]["number"].replace(" ", "")
        return Task(
            "travel", text, 6 if same else 7, "/", answer=Answer(rides[0]["number"], also=(compact,)),
            milestones=("/search",), content=f"{text} {facts['answer']}", facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search, see all results, compare."""
        yield from search(g, task.facts["from"], task.facts["to"], task.facts["day"])
        following = g.find("a[href*='page=2']")
        if following:
            yield from g.press_at(following)
        yield from g.answer(task.facts["answer"])


class Alert(Template):
    """Set a price alert."""

    name, sites, level = "travel_alert", ("travel",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A route without an alert, and a price."""
        site = travel_of(episode)
        start, end = (int(i) for i in rng.permutation(9)[:2] + 1)
        if site.rows("SELECT 1 FROM travel_alerts WHERE origin = ? AND destination = ?", start, end):
            raise Redraw("there is one")
        dollars = int(rng.integers(12, 100))
        text = pick(
            rng,
            ["Set a price alert for {start} to {end} at ${dollars}.",
             "I want to be told when a trip from {start} to {end} costs {dollars} dollars or less. Set that up.",
             "Add a price alert: from {start} to {end}, at most {dollars} dollars."],
            start=site.place(start), end=site.place(end), dollars=dollars,
        )  # fmt: skip
        row = {"origin": start, "destination": end, "most": 100 * dollars}
        facts = {"from": site.place(start), "to": site.place(end), "most": str(dollars)}
        return Task(
            "travel", text, 6, "/", (Expect("travel_alerts", "insert", row),), milestones=("/alerts",), facts=facts
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill the form in."""
        yield from g.visit("travel", "/alerts")
        yield from g.choose("#origin", task.facts["from"])
        yield from g.choose("#destination", task.facts["to"])
        yield from g.fill("#most", task.facts["most"])
        yield from g.click("#new button")


class Cancel(Template):
    """Cancel a trip for a reason."""

    name, sites, level = "travel_cancel", ("travel",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any coming trip."""
        site, trip = travel_of(episode), some_trip(episode, rng)
        reason = list(REASONS)[int(rng.integers(4))]
        text = pick(
            rng,
            ["Cancel my {trip}. The reason is {reason}.", "I cannot make my {trip}: cancel it, because of {reason}.",
             "Call off my {trip} and give {reason} as the reason."],
            trip=named(site, trip), reason=_REASON_WORDS[reason],
        )  # fmt: skip
        change = {"status": "cancelled", "reason": reason}
        path = f"/trip/{trip['code']}"
        return Task(
            "travel", text, max(4, trip_clicks(site, trip) + 3), "/",
            (Expect("travel_bookings", "update", {"id": trip["id"]}, change),), milestones=(path, f"{path}/cancel"),
            content=f"{text} {trip['code']}", facts={"code": trip["code"], "reason": REASONS[reason]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open, cancel, say why."""
        path = f"/trip/{task.facts['code']}/cancel"
        if not g.at("travel", path):
            yield from open_trip(g, task.facts["code"])
        yield from g.visit("travel", path)
        yield from g.choose("#reason", task.facts["reason"])
        yield from g.click("main form.card button")


_REASON_WORDS = {
    "ill": "illness",
    "work": "work",
    "price": "a cheaper offer",
    "other": "something that is not in the list of reasons",
}


class AddTraveller(Template):
    """Save somebody as a traveller."""

    name, sites, level = "travel_add_traveller", ("travel",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Somebody who is not saved yet."""
        known = {row["name"] for row in travel_of(episode).rows("SELECT name FROM travel_travellers")}
        people = [person.name for person in episode.world.others if person.name not in known]
        name, card = people[int(rng.integers(len(people)))], str(int(rng.integers(1000, 10000)))
        text = pick(
            rng,
            ["Save {name} as a traveller on the travel site, with card number {card}.",
             "{name} will travel with me. Add {name} with the card number {card} to the travellers.",
             "Put a new traveller down in my travel profile: {name}, card {card}."],
            name=name, card=card,
        )  # fmt: skip
        expects = (Expect("travel_travellers", "insert", {"name": name, "card": card}),)
        milestones = ("/profile", "/travellers")
        return Task("travel", text, 7, "/", expects, milestones=milestones, facts={"name": name, "card": card})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """From the profile to the list of travellers."""
        if not g.at("travel", "/travellers"):
            yield from g.visit("travel", "/profile")
            yield from g.visit("travel", "/travellers")
        yield from g.fill("#name", task.facts["name"])
        yield from g.fill("#card", task.facts["card"])
        yield from g.click("#new button")


TEMPLATES = (
    OpenTrip, PointsFor, SoldOut, TripDetail, Profile, Voucher, Cheapest, Alert, Cancel, AddTraveller,
)  # fmt: skip
