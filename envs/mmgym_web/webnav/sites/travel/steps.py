"""What the travel tasks share: choosing things, clicking on pictures, filling in the search."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide, Spot
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.sites.travel.site import RIDES_ON_PAGE, Travel
from mmgym_web.webnav.sites.travel.trips import TRIPS_ON_PAGE

__all__ = [
    "aim",
    "book",
    "named",
    "on_page",
    "open_trip",
    "pick",
    "search",
    "some_day",
    "some_trip",
    "travel_of",
    "trip_clicks",
]


def travel_of(episode: Episode) -> Travel:
    """The travel site of an episode."""
    return cast(Travel, episode.site("travel"))


def pick(rng: np.random.Generator, texts: Sequence[str], **values: Any) -> str:
    """One of several ways to say the same, with values put in."""
    return texts[int(rng.integers(len(texts)))].format(**values)


def some_day(episode: Episode, rng: np.random.Generator) -> dt.date:
    """A day on which rides can be booked."""
    return episode.world.now.date() + dt.timedelta(days=int(rng.integers(3, 80)))


def some_trip(episode: Episode, rng: np.random.Generator, kind: str = "") -> sqlite3.Row:
    """A coming trip of a kind (``ride``, ``hotel``, or any) that nothing else is called like."""
    site = travel_of(episode)
    trips = site.coming()
    titles = [site.title_of(trip) for trip in trips]
    fit = [t for t, title in zip(trips, titles, strict=True) if titles.count(title) == 1 and kind in ("", t["kind"])]
    if not fit:
        raise Redraw("no trip fits")
    return fit[int(rng.integers(len(fit)))]


def named(site: Travel, trip: sqlite3.Row) -> str:
    """How a task calls a coming trip."""
    if trip["kind"] == "hotel":
        return f"stay at '{site.title_of(trip)}'"
    ride = site.ride(trip["ride"])
    return f"trip from {site.place(ride['origin'])} to {site.place(ride['destination'])} on {trip['day']}"


def trip_clicks(site: Travel, trip: sqlite3.Row) -> int:
    """The clicks from the site's start to a coming trip, by the list of trips."""
    place = [row["id"] for row in site.coming()].index(trip["id"])
    return 1 if place < 2 else 2 + place // TRIPS_ON_PAGE


def open_trip(g: Guide, code: str) -> Iterator[ToolCall]:
    """Open a coming trip by the list of trips."""
    site, path = travel_of(g.episode), f"/trip/{code}"
    if g.at("travel", path):
        return
    if g.find("a[href]", href=site.url(path)) is None:
        place = next((n for n, trip in enumerate(site.coming()) if trip["code"] == code), 0)
        number = place // TRIPS_ON_PAGE + 1
        if not g.at("travel", f"/trips?page={number}"):
            yield from g.visit("travel", "/trips")
        if number > 1:
            yield from g.visit("travel", f"/trips?page={number}")
    yield from g.visit("travel", path)


def aim(g: Guide, selector: str, x: int, y: int) -> Iterator[ToolCall]:
    """Click at a point of a picture (in its own pixels), after scrolling to it."""
    middle = g.find(selector)
    if middle is None:
        raise LookupError(f"no {selector} on {g.page.url}")
    box = "(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, innerHeight]; })"
    left, top, height = g.page.query(f"{box}(document.querySelector({selector!r}))")
    at = round(left + x), round(top + y)
    yield from g.press_at(
        Spot(at[0], at[1], 2 <= at[1] < height - 2, "", "", "", checked=False, disabled=False, focused=False, href="")
    )


def search(g: Guide, start: int, end: int, day: str) -> Iterator[ToolCall]:
    """Fill the search form in and send it, unless its results are shown."""
    if g.site == "travel" and g.path.startswith("/search") and f"from={start}&to={end}&day={day}" in g.path:
        return
    if not (g.site == "travel" and g.find("#day") and g.find("#from") and g.find("#to")):
        yield from g.visit("travel", "/")
    site = travel_of(g.episode)
    yield from g.choose("#from", site.place(start))
    yield from g.choose("#to", site.place(end))
    yield from g.fill("#day", day)
    yield from g.click("main form.card button:not([type=button])")


def book(g: Guide, ride: sqlite3.Row | dict[str, Any], day: str, travellers: Sequence[int] = (1,), bags: int = 0) -> (
    Iterator[ToolCall]
):  # fmt: skip
    """Find a ride by a search and book it for travellers (their ids)."""
    path, form = f"/ride/{ride['id']}?day={day}", f"/ride/{ride['id']}/book?day={day}"
    if not g.at("travel", form):
        if not g.at("travel", path):
            yield from search(g, ride["origin"], ride["destination"], day)
            site = travel_of(g.episode)
            if g.find("a[href]", href=site.url(path)) is None:
                link = g.find("a[href*='page=2']")
                if link is None:
                    raise LookupError("the ride is not on the page")
                yield from g.press_at(link)
        yield from g.visit("travel", path)
    yield from g.visit("travel", form)
    for number in range(1, 6):
        box = f"input[name=traveller][value='{number}']"
        if g.find(box):
            yield from g.check(box, number in travellers)
    yield from g.choose("#bags", str(bags))
    yield from g.check("input[name=terms]")
    yield from g.click("#booking button")


def on_page(rides: Sequence[dict[str, Any]], number: int) -> int:
    """The page of results, in their usual order, on which a ride stands."""
    return [ride["id"] for ride in rides].index(number) // RIDES_ON_PAGE + 1
