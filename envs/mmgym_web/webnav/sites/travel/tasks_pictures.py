"""Tasks of the travel site that need eyes: the map, the seat plan, houses, the chart of fares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.travel.network import cities, lines
from mmgym_web.webnav.sites.travel.pictures import seat_place
from mmgym_web.webnav.sites.travel.steps import aim, named, open_trip, pick, some_trip, travel_of, trip_clicks
from mmgym_web.webnav.sites.travel.timetable import free_seats, trend

__all__ = ["TEMPLATES"]

_MONTHS = "January February March April May June July August September October November December".split()


class MapMarker(Template):
    """Click on the city with a certain marker on the map."""

    name, sites, level, pixels = "travel_map_marker", ("travel",), 1, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any city."""
        city = cities(episode.world)[int(rng.integers(9))]
        text = pick(
            rng,
            ["Open the city that has a {colour} {shape} on the map.", "Click on the {colour} {shape} on the map.",
             "Which city is marked with a {colour} {shape}? Open it by a click on the map."],
            colour=city.colour, shape=city.shape,
        )  # fmt: skip
        return Task(
            "travel", text, 1, "/map", page=f"travel:/place/{city.id}", content=f"{text} {city}",
            facts={"x": city.x, "y": city.y},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click on it."""
        yield from g.visit("travel", "/map")
        yield from aim(g, "input[type=image]", task.facts["x"], task.facts["y"])


class LineEnd(Template):
    """Say where a line of the map ends."""

    name, sites, level, pixels = "travel_line_end", ("travel",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of four lines, from either end."""
        all_lines, names = lines(episode.world), {city.id: city.name for city in cities(episode.world)}
        colour = list(all_lines)[int(rng.integers(4))]
        stops = all_lines[colour] if rng.random() < 0.5 else all_lines[colour][::-1]
        text = pick(
            rng,
            ["On the map of the travel site, the {colour} line starts in {start}. At which city does it end?",
             "Follow the {colour} line on the railway map from {start} to its other end. Which city is there?",
             "Look at the travel map: which city is at the other end of the {colour} line from {start}?"],
            colour=colour, start=names[stops[0]],
        )  # fmt: skip
        answer, others = names[stops[-1]], [city for city in sorted(names) if city != stops[0]]
        return Task(
            "travel", text, 2, "/", answer=Answer(answer), milestones=("/map",), content=f"{text} {answer}",
            facts={"answer": answer}, hidden=str(others.index(stops[-1])),
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the map and look."""
        yield from g.visit("travel", "/map")
        yield from g.answer(task.facts["answer"])


class HotelFront(Template):
    """Say which hotel of a city has a front of a certain colour."""

    name, sites, level, pixels = "travel_hotel_front", ("travel",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any hotel of any city; the six of a city differ."""
        site = travel_of(episode)
        hotel = site.hotel(int(rng.integers(1, 55)))
        text = pick(
            rng,
            ["Which hotel in {city} has a {colour} front in its picture?",
             "In {city} there is a hotel with a {colour} front. What is it called?",
             "Look at the pictures of the hotels in {city}: give the name of the one whose front is {colour}."],
            city=site.place(hotel["city"]), colour=hotel["front"],
        )  # fmt: skip
        answer = Answer(hotel["name"], also=(hotel["name"].removeprefix("The "),))
        return Task(
            "travel", text, 3, "/", answer=answer, milestones=("/cities", f"/place/{hotel['city']}"),
            content=f"{text} {hotel['name']}", facts={"city": hotel["city"], "answer": hotel["name"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the city, see the hotel, answer."""
        path = f"/place/{task.facts['city']}"
        if not g.at("travel", path):
            yield from g.visit("travel", "/cities")
        yield from g.visit("travel", path)
        yield from g.answer(task.facts["answer"])


class FareMonth(Template):
    """Say in which month fares were lowest or highest, by a chart."""

    name, sites, level, pixels = "travel_fare_month", ("travel",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any route."""
        site = travel_of(episode)
        start, end = (int(i) for i in rng.permutation(9)[:2] + 1)
        fares, low = trend(episode.world, start, end).fares, bool(rng.integers(2))
        month = fares.index(min(fares) if low else max(fares))
        text = pick(
            rng,
            ["In which month are fares between {start} and {end} {what}?",
             "Look at the fares over the year from {start} to {end}. Which month is the {what}?",
             "Going by the chart of fares, when is the trip from {start} to {end} {what}? Name the month."],
            start=site.place(start), end=site.place(end), what="cheapest" if low else "dearest",
        )  # fmt: skip
        answer = Answer(_MONTHS[month], also=(_MONTHS[month][:3],))
        facts = {"from": start, "to": end, "answer": _MONTHS[month]}
        return Task(
            "travel", text, 5, "/", answer=answer, milestones=("/fares", "/fares?from="), content=f"{text} {fares}",
            facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Choose the route and read the chart."""
        start, end = task.facts["from"], task.facts["to"]
        if not g.at("travel", f"/fares?from={start}&to={end}"):
            if not (g.site == "travel" and g.path.startswith("/fares")):
                yield from g.visit("travel", "/fares")
            site = travel_of(g.episode)
            yield from g.choose("#from", site.place(start))
            yield from g.choose("#to", site.place(end))
            yield from g.click("main form.card button")
        yield from g.answer(task.facts["answer"])


class WindowSeat(Template):
    """Take the only free window seat of a trip."""

    name, sites, level, pixels = "travel_window_seat", ("travel",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A journey whose train has one free seat at a window."""
        site, trip = travel_of(episode), some_trip(episode, rng, "ride")
        windows = [seat for seat in free_seats(episode.world, trip["ride"], trip["day"]) if seat[-1] in "AD"]
        if len(windows) != 1:
            raise Redraw("not exactly one window seat is free")
        text = pick(
            rng,
            ["Change my seat on my {trip} to the only free window seat.",
             "I want to sit at the window on my {trip}. One such seat is still free: take it.",
             "Find the free window seat on my {trip} and make it mine."],
            trip=named(site, trip),
        )  # fmt: skip
        expects = (Expect("travel_bookings", "update", {"id": trip["id"]}, {"seat": windows[0]}),)
        path = f"/trip/{trip['code']}"
        return Task(
            "travel", text, max(4, trip_clicks(site, trip) + 3), "/", expects, milestones=(path, f"{path}/seat"),
            hidden=windows[0], content=f"{text} {trip['code']}", facts={"code": trip["code"], "seat": windows[0]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click on the seat and confirm it."""
        path, seat = f"/trip/{task.facts['code']}/seat", task.facts["seat"]
        if g.at("travel", f"{path}?seat={seat}"):
            yield from g.click("main form.row button")
            return
        if not g.path.startswith(path):
            yield from open_trip(g, task.facts["code"])
            yield from g.visit("travel", path)
        yield from aim(g, "input[type=image]", *seat_place(seat))


class MapHotel(Template):
    """Find the best hotel of a city that is only marked on the map."""

    name, sites, level, pixels = "travel_map_hotel", ("travel",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A marker, and the cheapest or best rated of its city's six hotels."""
        site, city = travel_of(episode), cities(episode.world)[int(rng.integers(9))]
        cheap = bool(rng.integers(2))
        order = "price" if cheap else "rating DESC"
        best = site.row(f"SELECT * FROM travel_hotels WHERE city = ? ORDER BY {order} LIMIT 1", city.id)
        text = pick(
            rng,
            ["What is the {what} hotel in the city with the {colour} {shape} on the travel map?",
             "Find the city that the travel map marks with a {colour} {shape}. Name its {what} hotel.",
             "Which hotel is the {what} in the city with a {colour} {shape} on the map?"],
            what="cheapest" if cheap else "best rated", colour=city.colour, shape=city.shape,
        )  # fmt: skip
        answer = Answer(best["name"], also=(best["name"].removeprefix("The "),))
        facts = {"x": city.x, "y": city.y, "city": city.id, "answer": best["name"], "sort": order.split()[0]}
        return Task(
            "travel", text, 5, "/", answer=answer, milestones=("/map", f"/place/{city.id}"),
            content=f"{text} {best['name']}", facts=facts,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click on the map, sort, read."""
        place, sort = f"/place/{task.facts['city']}", task.facts["sort"]
        if not (g.site == "travel" and g.path.startswith(place)):
            yield from g.visit("travel", "/map")
            yield from aim(g, "input[type=image]", task.facts["x"], task.facts["y"])
        if f"sort={sort}" not in g.path:
            yield from g.choose("select[name=sort]", sort.capitalize())
            yield from g.click("main form.card button")
        yield from g.answer(task.facts["answer"])


TEMPLATES = (MapMarker, LineEnd, HotelFront, FareMonth, WindowSeat, MapHotel)
