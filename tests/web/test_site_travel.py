"""The travel site: its pages, what its forms change, and its tasks, without a browser and in one."""

import datetime as dt
import re
from collections import Counter

import numpy as np
import pytest
from sites import SPLITS, Browser, check_draws, check_effect, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.travel import TEMPLATES
from mmgym_web.webnav.sites.travel.network import cities, lines
from mmgym_web.webnav.sites.travel.pictures import city_at, seat_at, seat_place
from mmgym_web.webnav.sites.travel.site import SORTS
from mmgym_web.webnav.sites.travel.steps import travel_of
from mmgym_web.webnav.sites.travel.timetable import MODES, fare, free_seats, trend
from mmgym_web.webnav.sites.travel.trips import MEALS, REASONS, SEATS

BY_NAME = {template.name: template() for template in TEMPLATES}


@pytest.fixture
def world():
    made = episode(6, "files", "travel")
    yield made
    made.close()


def journey(made):
    """A coming journey."""
    return next(trip for trip in travel_of(made).coming() if trip["kind"] == "ride")


@pytest.mark.slow
def test_tasks_are_clear():
    said = ("travel_line_end", "travel_hotel_front", "travel_map_hotel")
    check_draws(BY_NAME.values(), refused_at_start=True, said=said)


def test_every_label_is_translated():
    dynamic = [*MODES.values(), *REASONS.values(), *SEATS.values(), *MEALS.values(), *SORTS.values()]
    assert untranslated("travel", [*dynamic, "Rating", "Distance", "Name"]) == []


def test_pages_answer_and_strangers_are_not_found(world):
    browser, site = Browser(world), travel_of(world)
    day, code = site.hint, journey(world)["code"]
    for path in ("/", f"/search?from=1&to=2&day={day}", f"/search?from=1&to=2&day={day}&sort=fare&direct=1&after=12",
                 f"/ride/1?day={day}", f"/ride/1/book?day={day}", "/map", "/map.svg", "/cities", "/place/3?sort=price",
                 "/hotel/4", "/front/4.svg", "/fares", "/fares?from=1&to=2", "/fares/1/2.svg", "/trips?when=past",
                 f"/trip/{code}", f"/trip/{code}/seat", f"/trip/{code}/change", f"/trip/{code}/cancel", "/points",
                 "/alerts", "/profile", "/travellers"):  # fmt: skip
        assert browser.ask("travel", path).status == 200, path
    for path in ("/ride/1", "/ride/9999?day=" + day, "/place/10", "/hotel/99", "/trip/NOTONE", "/trips?page=9"):
        assert browser.ask("travel", path).status == 404, path
    assert world.changes() == []


def test_a_refused_form_is_shown_again_with_what_was_written(world):
    browser, site = Browser(world), travel_of(world)
    past = (world.world.now.date() - dt.timedelta(days=2)).isoformat()
    for day in (past, "tomorrow", ""):
        text = browser.text("travel", f"/search?from=1&to=2&day={day}")
        assert "Write a day in the next" in text and f'name="day" id="day" value="{day}"' in text
    assert "two different cities" in browser.text("travel", f"/search?from=1&to=1&day={site.hint}")
    ride = next(r for r in site.rides_on(1, 2, dt.date.fromisoformat(site.hint)) if not r["full"])
    path = f"/ride/{ride['id']}/book?day={site.hint}"
    text = browser.text("travel", path, {"traveller": 2, "bags": 3})
    assert "accept the conditions" in text and "<option selected>3</option>" in text
    assert "at least one traveller" in browser.text("travel", path, {"terms": "on"})
    text = browser.text("travel", "/alerts", {"origin": 1, "destination": 2, "most": "cheap"})
    assert "whole dollars" in text and 'value="cheap"' in text
    assert "Choose a reason" in browser.text("travel", f"/trip/{journey(world)['code']}/cancel", {"reason": ""})
    assert world.changes() == []


def test_what_is_sold_out_or_over_cannot_be_booked_or_changed(world):
    browser, site = Browser(world), travel_of(world)
    day = dt.date.fromisoformat(site.hint)
    full = next(r for a in range(1, 10) for b in range(1, 10) for r in site.rides_on(a, b, day) if r["full"])
    form = {"traveller": 1, "bags": 0, "terms": "on"}
    assert "sold out" in browser.text("travel", f"/ride/{full['id']}/book?day={day}", form)
    past = world.db.execute("SELECT code FROM travel_bookings WHERE status = 'completed'").fetchone()["code"]
    assert "no longer be changed" in browser.text("travel", f"/trip/{past}/cancel", {"reason": "work"})
    dear = {"voucher": world.db.execute("SELECT id FROM travel_vouchers ORDER BY cost DESC").fetchone()["id"]}
    for _ in range(9):
        browser.ask("travel", "/points", dear)
    assert world.db.execute("SELECT SUM(points) FROM travel_points").fetchone()[0] >= 0


def test_the_map_knows_its_cities_and_lines():
    for seed in range(40):
        world = World(seed, SPLITS[seed % 4])
        found = cities(world)
        assert all(city_at(world, city.x, city.y) == city for city in found)
        assert len({(city.colour, city.shape) for city in found}) == len({city.name for city in found}) == 9
        assert city_at(world, 2, 2) is None
        ends = [stops[end] for stops in lines(world).values() for end in (0, -1)]
        assert len(set(ends)) == 8


def test_a_click_on_the_map_opens_the_city(world):
    browser, city = Browser(world), cities(world.world)[4]
    assert f"Hotels in {city.name}" in browser.text("travel", f"/map?at.x={city.x + 5}&at.y={city.y - 5}")
    assert "no city at this point" in browser.text("travel", "/map?at.x=1&at.y=1")


def test_a_seat_is_taken_by_a_click_and_a_confirmation(world):
    browser, trip = Browser(world), journey(world)
    path, free = f"/trip/{trip['code']}/seat", free_seats(world.world, trip["ride"], trip["day"])
    assert all(seat_at(*seat_place(seat)) == seat for seat in ("1A", "9D", "5C"))
    taken = next(seat for seat in ("1B", "2B", "3B", "4B", "5B", "6B", "7B", "8B", "9B") if seat not in free)
    x, y = seat_place(taken)
    assert "This seat is taken" in browser.text("travel", path, {"at.x": x, "at.y": y})
    x, y = seat_place(free[0])
    text = browser.text("travel", path, {"at.x": x + 4, "at.y": y - 4})
    assert f"Seat {free[0]}" in text and world.changes() == []
    browser.ask("travel", path, {"seat": free[0]})
    assert [(c.table, c.after["seat"]) for c in world.changes()] == [("travel_bookings", free[0])]


def test_results_are_filtered_and_sorted(world):
    browser, site = Browser(world), travel_of(world)
    day = dt.date.fromisoformat(site.hint)
    rides = [ride for ride in site.rides_on(3, 4, day) if not ride["changes"]]
    text = browser.text("travel", f"/search?from=3&to=4&day={day}&direct=1&sort=fare")
    shown = re.findall(r'href="/ride/(\d+)\?', text)
    assert [int(i) for i in shown] == [r["id"] for r in sorted(rides, key=lambda r: (r["fare"], r["id"]))][:4]


def test_short_tasks_are_done_by_their_forms_and_by_no_others():
    check_effect(
        BY_NAME["travel_voucher"], 1,
        lambda task: [("travel", "/points", {"voucher": task.facts["id"]})],
        lambda task: [("travel", "/points", {"voucher": task.facts["id"]})] * 2
        + [("travel", "/alerts", {"delete": 1})],
    )  # fmt: skip
    check_effect(
        BY_NAME["travel_add_traveller"], 2,
        lambda task: [("travel", "/travellers", task.facts)],
        lambda task: [("travel", "/travellers", task.facts | {"card": "0000"})],
    )  # fmt: skip
    reasons = {label: value for value, label in REASONS.items()}
    check_effect(
        BY_NAME["travel_cancel"], 3,
        lambda task: [("travel", f"/trip/{task.facts['code']}/cancel", {"reason": reasons[task.facts["reason"]]})],
        lambda task: [("travel", f"/trip/{task.facts['code']}/cancel", {"reason": reason})
                      for reason in REASONS if reason != reasons[task.facts["reason"]]],
    )  # fmt: skip


def test_longer_tasks_are_done_by_their_forms_and_by_no_others():
    form = {"bags": 0, "terms": "on"}
    check_effect(
        BY_NAME["travel_book_ride"], 4,
        lambda task: [("travel", f"/ride/{task.facts['ride']}/book?day={task.facts['day']}", form | {"traveller": 1})],
        lambda task: [("travel", f"/ride/{task.facts['ride']}/book?day={task.facts['day']}", form | {"traveller": 2})],
    )  # fmt: skip
    check_effect(
        BY_NAME["travel_rebook"], 5,
        lambda task: [("travel", f"/trip/{task.facts['code']}/change", task.facts)],
        lambda task: [("travel", f"/trip/{task.facts['code']}/change", task.facts)] * 2
        + [("travel", f"/trip/{task.facts['code']}/cancel", {"reason": "work"})],
    )  # fmt: skip
    check_effect(
        BY_NAME["travel_book_hotel"], 6,
        lambda task: [("travel", f"/hotel/{task.facts['hotel']}", task.facts)],
        lambda task: [("travel", f"/hotel/{task.facts['hotel'] % 54 + 1}", task.facts)],
    )  # fmt: skip
    check_effect(
        BY_NAME["travel_window_seat"], 7,
        lambda task: [("travel", f"/trip/{task.facts['code']}/seat", {"seat": task.facts["seat"]})],
        lambda task: [("travel", f"/trip/{task.facts['code']}/seat", {"seat": f"{row}{letter}"})
                      for row in range(1, 10) for letter in "BC"],
    )  # fmt: skip


def test_the_cheapest_ride_is_the_cheapest():
    for seed in range(5):
        made, task = drawn(BY_NAME["travel_cheapest"], seed)
        facts, site, browser = task.facts, travel_of(made), Browser(made)
        rides = site.rides_on(facts["from"], facts["to"], dt.date.fromisoformat(facts["day"]))
        field = "fare" if "cheapest" in task.instruction else "minutes"
        assert facts["answer"] == min((r for r in rides if not r["full"]), key=lambda r: r[field])["number"]
        sort = browser.text("travel", f"/search?from={facts['from']}&to={facts['to']}&day={facts['day']}&sort={field}")
        assert facts["answer"] in sort
        made.close()


def test_fares_depend_on_the_day_alone(world):
    ride, day = travel_of(world).ride(7), dt.date(2026, 5, 4)
    assert fare(ride, day) == fare(ride, day) != fare(ride, day + dt.timedelta(days=4))
    assert fare(ride, day) % 10 == 0


def test_what_pictures_say_is_in_no_text(world):
    browser = Browser(world)
    text = browser.text("travel", "/map") + browser.text("travel", "/fares?from=1&to=2")
    assert not [city for city in cities(world.world) if f"{city.colour} {city.shape}" in text]
    place = browser.text("travel", "/place/2")
    for hotel in world.db.execute("SELECT * FROM travel_hotels WHERE city = 2").fetchall():
        assert hotel["name"] in place and not re.search(rf">\s*{hotel['front']}|alt=\"[^\"]*{hotel['front']}", place)
    seat = browser.text("travel", f"/trip/{journey(world)['code']}/seat")
    free = free_seats(world.world, journey(world)["ride"], journey(world)["day"])
    assert not [one for one in free if f">{one}<" in seat]


def test_answers_in_pictures_vary():
    charts = [trend(World(seed), a, b).fares for seed in range(12) for a in range(1, 10) for b in range(a + 1, 10)]
    months = Counter(fares.index(min(fares)) for fares in charts)
    assert len(months) == 12 and max(months.values()) < 2 * min(months.values())
    places, seats = Counter(), Counter()
    for seed in range(24):
        made = episode(seed, "travel", split=SPLITS[seed % 4])
        for number in range(8):
            try:
                task = BY_NAME["travel_window_seat"].draw(made, np.random.default_rng(number))
            except Redraw:
                continue
            seats[task.facts["seat"]] += 1
        task = BY_NAME["travel_hotel_front"].draw(made, np.random.default_rng(seed))
        names = [row["name"] for row in made.db.execute(
            "SELECT name FROM travel_hotels WHERE city = ? ORDER BY name", (task.facts["city"],)
        )]  # fmt: skip
        places[names.index(task.facts["answer"])] += 1
        made.close()
    assert len(places) == 6 and max(places.values()) <= 11
    assert len(seats) >= 8


def test_a_booking_of_something_else_does_not_count():
    made, task = drawn(BY_NAME["travel_book_together"], 8)
    facts, browser = task.facts, Browser(made)
    path, form = f"/ride/{facts['ride']}/book?day={facts['day']}", [("bags", facts["bags"]), ("terms", "on")]
    browser.ask("travel", path, [*form, ("traveller", 1), ("traveller", facts["other"])])
    assert is_met(made, task)
    browser.ask("travel", path, [*form, ("traveller", 1)])
    assert not is_met(made, task)


@pytest.mark.slow
def test_expert_solves_short_tasks_in_the_browser():
    check_experts([t for t in BY_NAME.values() if t.level <= 2], 9100, ("train", "ood"))


@pytest.mark.slow
def test_expert_solves_longer_tasks_in_the_browser():
    check_experts([t for t in BY_NAME.values() if t.level > 2], 9200, ("train", "ood"))
