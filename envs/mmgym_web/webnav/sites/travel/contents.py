"""The rows of the travel site: rides, hotels, bookings, travellers, points, alerts."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.travel import words
from mmgym_web.webnav.sites.travel.network import City, cities
from mmgym_web.webnav.sites.travel.timetable import booking_code, fare, free_seats

__all__ = ["contents"]

Row = dict[str, Any]


def contents(world: World) -> dict[str, list[Row]]:
    """The rows of all tables, by table."""
    places, rng = cities(world), world.rng("travel", "contents")
    rides, hotels = _rides(world, places), _hotels(world, places)
    return {
        "places": [{"id": c.id, "name": c.name} for c in places],
        "rides": rides,
        "hotels": hotels,
        "bookings": _bookings(world, rng, rides, hotels),
        "travellers": [{"name": p.name, "card": f"{rng.integers(1000, 9999)}"} for p in (world.me, *world.others[:4])],
        "points": _points(world, rng),
        "vouchers": _vouchers(rng),
        "alerts": _alerts(rng),
        "profile": [
            {
                "id": 1,
                "seat": ("window", "aisle")[int(rng.integers(2))],
                "meal": ("none", "vegetarian", "vegan", "halal")[int(rng.integers(4))],
                "home": int(rng.integers(1, 10)),
                "newsletter": int(rng.integers(2)),
                "reminders": int(rng.integers(2)),
            }
        ],
    }


def _names(rng: np.random.Generator, *parts: list[str]) -> Iterator[str]:
    """Names of one word of each list, without end; drawn in blocks, which is quicker."""
    sizes = [len(part) for part in parts]
    while True:
        for numbers in rng.integers(0, sizes, size=(200, len(sizes))).tolist():
            yield " ".join(part[number] for part, number in zip(parts, numbers, strict=True))


def _rides(world: World, places: tuple[City, ...]) -> list[Row]:
    """Five rides or so for each pair of cities, with distinct numbers, times and prices."""
    rng = world.rng("travel", "rides")
    names = _names(world.rng("travel", "operators"), words.OPERATOR_FIRST, words.OPERATOR_LAST)
    operators = world.distinct(rng, lambda _: next(names), 6)
    pairs = [(a, b, math.hypot(a.x - b.x, a.y - b.y)) for a in places for b in places if a.id != b.id]
    count = 6 * len(pairs)
    numbers = (rng.permutation(9000)[:count] + 1000).tolist()
    late, mode_draws, change_draws, quick, dear, platforms = (
        rng.integers(low, high, size=count).tolist()
        for low, high in ((0, 28), (0, 10), (0, 10), (80, 140), (80, 140), (1, 13))
    )
    rows = []
    for index in range(count):
        (a, b, distance), slot = pairs[index // 6], index % 6
        mode = "train" if mode_draws[index] < 6 else "coach" if mode_draws[index] < 8 else "flight"
        change = 0 if mode != "train" or change_draws[index] < 6 else 1 if change_draws[index] < 9 else 2
        minutes = {"train": 0.6 * distance, "coach": distance, "flight": 45 + 0.12 * distance}[mode]
        cents = {"train": 1500 + 14 * distance, "coach": 700 + 9 * distance, "flight": 4500 + 15 * distance}[mode]
        operator, departs = operators[(slot + mode_draws[index]) % 6], 330 + 140 * slot + 5 * late[index]
        minutes = 20 + int(minutes * (1 + 0.25 * change) * quick[index] / 100) // 5 * 5
        rows.append(
            {
                "id": index + 1,
                "number": f"{operator[0]}{operator.split()[1][0]} {numbers[index]}",
                "mode": mode,
                "operator": operator,
                "origin": a.id,
                "destination": b.id,
                "departs": departs,
                "minutes": min(minutes, 1435 - departs),
                "changes": change,
                "platform": platforms[index],
                "price": int(cents * dear[index] / 100),
            }
        )
    return rows


def _hotels(world: World, places: tuple[City, ...]) -> list[Row]:
    """Six hotels in each city, with fronts of six colours."""
    rng = world.rng("travel", "hotels")
    drawn = _names(world.rng("travel", "hotel names"), words.HOTEL_FIRST, words.HOTEL_SECOND, words.HOTEL_LAST)
    names = world.distinct(rng, lambda _: next(drawn), 6 * len(places))
    colours, rows = list(words.FRONTS), list[Row]()
    for number, place in enumerate(places):
        fronts, prices = rng.permutation(len(colours))[:6], rng.permutation(np.arange(45, 220))[:6]
        distances, ratings = rng.permutation(np.arange(2, 60))[:6], rng.permutation(np.arange(58, 98))[:6]
        stars, flags, shape = rng.integers(2, 6, size=6), rng.integers(0, 2, size=(2, 6)), rng.integers(0, 60, size=6)
        for slot in range(6):
            rows.append(
                {
                    "id": len(rows) + 1,
                    "city": place.id,
                    "name": f"The {names[6 * number + slot]}",
                    "stars": int(stars[slot]),
                    "price": int(prices[slot]) * 100,
                    "rating": int(ratings[slot]),
                    "distance": int(distances[slot]),
                    "breakfast": int(flags[0, slot]),
                    "pets": int(flags[1, slot]),
                    "front": colours[fronts[slot]],
                    "shape": int(shape[slot]),
                }
            )
    return rows


def _bookings(world: World, rng: np.random.Generator, rides: list[Row], hotels: list[Row]) -> list[Row]:
    """Past and coming journeys and hotel nights; the coming ones go to different cities."""
    rows: list[Row] = []
    today = world.now.date()
    goals = [int(i) for i in rng.permutation(9) + 1]
    for number in range(13):
        past, hotel = number >= 8, number in (5, 6, 7, 11)
        ahead = -int(rng.integers(5, 200)) if past else int(rng.integers(8, 75))
        day = today + dt.timedelta(days=ahead)
        row: Row = {
            "id": number + 1,
            "code": booking_code(world, number + 1),
            "kind": "hotel" if hotel else "ride",
            "ride": 0,
            "hotel": 0,
            "day": day.isoformat(),
            "nights": 0,
            "seat": "",
            "travellers": world.me.name,
            "bags": int(rng.integers(0, 3)),
            "status": "completed" if past else "confirmed",
            "reason": "",
            "booked": (today - dt.timedelta(days=int(rng.integers(1, 5)) - min(ahead, 0))).isoformat(),
        }
        if hotel:
            choice = [h for h in hotels if h["city"] == goals[number % 9]][int(rng.integers(6))]
            nights = int(rng.integers(1, 6))
            row |= {"hotel": choice["id"], "nights": nights, "bags": 0, "price": choice["price"] * nights}
        else:
            choices = [r for r in rides if r["destination"] == goals[number % 9] and r["mode"] == "train"]
            ride = choices[int(rng.integers(len(choices)))]
            free = free_seats(world, ride["id"], day.isoformat())
            taken = [f"{r}{s}" for r in range(1, 10) for s in "BC" if f"{r}{s}" not in free]
            row |= {"ride": ride["id"], "seat": taken[int(rng.integers(len(taken)))]}
            row["price"] = fare(ride, day) + 500 * row["bags"]
        rows.append(row)
    return rows


def _points(world: World, rng: np.random.Generator) -> list[Row]:
    rows = []
    for number in range(9):
        day = world.now.date() - dt.timedelta(days=int(rng.integers(20, 30)) * (9 - number))
        what = ("Journey", "Hotel nights", "Welcome gift")[int(rng.integers(3))]
        rows.append({"day": day.isoformat(), "what": what, "points": int(rng.integers(90, 900))})
    return rows


def _alerts(rng: np.random.Generator) -> list[Row]:
    pairs = rng.permutation(72)[:4]
    rows = []
    for pair in pairs:
        start, other = divmod(int(pair), 8)
        end = other if other < start else other + 1
        rows.append({"origin": start + 1, "destination": end + 1, "most": int(rng.integers(10, 90)) * 100})
    return rows


def _vouchers(rng: np.random.Generator) -> list[Row]:
    prices = [cost for _, cost in words.VOUCHERS]
    order = rng.permutation(len(prices))
    return [{"name": name, "cost": prices[i]} for (name, _), i in zip(words.VOUCHERS, order, strict=True)]
