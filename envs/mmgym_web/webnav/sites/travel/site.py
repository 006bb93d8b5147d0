"""The travel site's public pages: searching and booking rides and hotels, the map, cities, fares."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import page
from mmgym_web.webnav.sites.travel.contents import contents
from mmgym_web.webnav.sites.travel.network import MAP_HEIGHT, MAP_WIDTH
from mmgym_web.webnav.sites.travel.pictures import city_at, front, trend_chart, world_map
from mmgym_web.webnav.sites.travel.timetable import DAYS_AHEAD, MODES, booking_code, trend
from mmgym_web.webnav.sites.travel.trips import Trips

__all__ = ["RIDES_ON_PAGE", "SITE", "SORTS", "Travel"]

RIDES_ON_PAGE = 4
SORTS = {"departs": "Departure", "fare": "Price", "minutes": "Duration", "arrives": "Arrival"}
"""Labels of the orders of search results."""
_HOTEL_SORTS = {"name": "Name", "price": "Price", "rating": "Rating", "distance": "Distance"}


class Travel(Trips):
    """A site on which one books trains, coaches, flights and hotels."""

    name, title = "travel", "Wayfarer"
    schema = """
        CREATE TABLE travel_places (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE travel_rides (id INTEGER PRIMARY KEY, number TEXT, mode TEXT, operator TEXT, origin INTEGER,
            destination INTEGER, departs INTEGER, minutes INTEGER, changes INTEGER, platform INTEGER, price INTEGER);
        CREATE TABLE travel_hotels (id INTEGER PRIMARY KEY, city INTEGER, name TEXT, stars INTEGER, price INTEGER,
            rating INTEGER, distance INTEGER, breakfast INTEGER, pets INTEGER, front TEXT, shape INTEGER);
        CREATE TABLE travel_bookings (id INTEGER PRIMARY KEY, code TEXT, kind TEXT, ride INTEGER DEFAULT 0,
            hotel INTEGER DEFAULT 0, day TEXT, nights INTEGER DEFAULT 0, seat TEXT DEFAULT '', travellers TEXT,
            bags INTEGER DEFAULT 0, price INTEGER, status TEXT DEFAULT 'confirmed', reason TEXT DEFAULT '',
            booked TEXT);
        CREATE TABLE travel_travellers (id INTEGER PRIMARY KEY, name TEXT, card TEXT);
        CREATE TABLE travel_points (id INTEGER PRIMARY KEY, day TEXT, what TEXT, points INTEGER);
        CREATE TABLE travel_vouchers (id INTEGER PRIMARY KEY, name TEXT, cost INTEGER);
        CREATE TABLE travel_alerts (id INTEGER PRIMARY KEY, origin INTEGER, destination INTEGER, most INTEGER);
        CREATE TABLE travel_profile (id INTEGER PRIMARY KEY, seat TEXT, meal TEXT, home INTEGER, newsletter INTEGER,
            reminders INTEGER);
    """
    menu = (
        ("Search trips", "/"),
        ("Map", "/map"),
        ("Cities", "/cities"),
        ("Fares", "/fares"),
        ("My trips", "/trips"),
        ("Points", "/points"),
        ("Price alerts", "/alerts"),
        ("Profile", "/profile"),
    )

    def populate(self) -> None:
        """Fill the tables."""
        for table, rows in contents(self.world).items():
            self.insert(f"travel_{table}", rows)

    def turn(self, request: Request, **values: Any) -> str:
        """The request's path with changed query values."""
        query = {**dict(request.query_params), **{name: str(value) for name, value in values.items()}}
        return f"{request.url.path}?{urlencode(query)}"

    # --- rides ---

    @page("/")
    async def home(self, request: Request) -> Response:
        """The search form."""
        home = self.value("SELECT home FROM travel_profile")
        asked = {"from": str(home), "to": "", "day": "", "mode": ""}
        return self.render("home.html", request, asked=asked, modes=MODES, coming=self.coming()[:2])

    @page("/search")
    async def search(self, request: Request) -> Response:
        """Rides between two cities on a day."""
        names = ("from", "to", "day", "mode", "direct", "sort", "after")
        asked = {name: request.query_params.get(name, "").strip() for name in names}
        known, day = {str(p["id"]) for p in self.places()}, self.bookable(asked["day"])
        error = ""
        if not {asked["from"], asked["to"]} <= known or asked["from"] == asked["to"]:
            error = self.t("Choose two different cities.")
        elif day is None:
            error = self.t("Write a day in the next {days} days, like {hint}.", days=DAYS_AHEAD, hint=self.hint)
        if error or day is None:
            return self.render("home.html", request, 422, asked=asked, modes=MODES, coming=[], error=error)
        rides = self.rides_on(int(asked["from"]), int(asked["to"]), day)
        after = int(asked["after"]) if asked["after"].isdecimal() else 0
        rides = [
            r
            for r in rides
            if (not asked["mode"] or r["mode"] == asked["mode"])
            and (not asked["direct"] or not r["changes"])
            and r["departs"] >= 60 * after
        ]
        sort = asked["sort"] if asked["sort"] in SORTS else "departs"
        rides.sort(key=lambda r: (r[sort], r["id"]))
        number = request.query_params.get("page", "1")
        at, pages = int(number) if number.isdecimal() else 1, max(1, -(-len(rides) // RIDES_ON_PAGE))
        if not 1 <= at <= pages:
            raise LookupError("there is no such page")
        shown = rides[(at - 1) * RIDES_ON_PAGE : at * RIDES_ON_PAGE]
        return self.render(
            "results.html", request, asked=asked, day=day, rides=shown, count=len(rides), sort=sort, sorts=SORTS,
            modes=MODES, at=at, pages=pages,
        )  # fmt: skip

    def _asked_ride(self, request: Request) -> dict[str, Any]:
        """The ride of the path on the day of the query."""
        ride, day = self.ride(request.path_params["id"]), self.bookable(request.query_params.get("day", ""))
        if day is None:
            raise LookupError("there is no ride on this day")
        found = next(r for r in self.rides_on(ride["origin"], ride["destination"], day) if r["id"] == ride["id"])
        return {"ride": found, "day": day.isoformat()}

    @page("/ride/{id:int}")
    async def details(self, request: Request) -> Response:
        """One ride on one day."""
        return self.render("ride.html", request, modes=MODES, **self._asked_ride(request))

    @page("/ride/{id:int}/book", "GET", "POST")
    async def book(self, request: Request) -> Response:
        """Book a ride for one or more travellers."""
        about, error = self._asked_ride(request), ""
        ride = about["ride"]
        if ride["full"]:
            self.flash(request, self.t("This departure is sold out."))
            return self.redirect(f"/ride/{ride['id']}?day={about['day']}")
        people = self.rows("SELECT * FROM travel_travellers ORDER BY id")
        form = await request.form() if request.method == "POST" else None
        ticked = [str(i) for i in form.getlist("traveller")] if form else ["1"]
        bags = str(form.get("bags", "0")) if form else "0"
        if form is not None:
            names = [p["name"] for p in people if str(p["id"]) in ticked]
            if not names:
                error = self.t("Tick at least one traveller.")
            elif "terms" not in form:
                error = self.t("Please accept the conditions.")
            elif bags not in ("0", "1", "2", "3"):
                error = self.t("Choose how many bags.")
            else:
                price = ride["fare"] * len(names) + 500 * int(bags)
                values = {"ride": ride["id"], "day": about["day"], "travellers": "; ".join(names), "bags": int(bags)}
                return self._made(request, {"kind": "ride", "price": price, **values})
        return self.render(
            "book.html", request, 422 if error else 200, people=people, ticked=ticked, bags=bags, error=error, **about
        )

    def _made(self, request: Request, values: dict[str, Any]) -> Response:
        """Write a booking down and show it."""
        number = self.value("SELECT MAX(id) FROM travel_bookings") + 1
        code, today = booking_code(self.world, number), self.world.now.date().isoformat()
        self.insert("travel_bookings", [{"id": number, "code": code, "booked": today, **values}])
        self.flash(request, self.t("Thank you! Your booking code is {code}.", code=code))
        return self.redirect(f"/trip/{code}")

    # --- the map, cities and hotels ---

    @page("/map")
    async def map(self, request: Request) -> Response:
        """The map; a click on a city opens it."""
        at = [request.query_params.get(name, "") for name in ("at.x", "at.y")]
        if all(value.isdecimal() for value in at):
            city = city_at(self.world, int(at[0]), int(at[1]))
            if city:
                return self.redirect(f"/place/{city.id}")
            self.flash(request, self.t("There is no city at this point of the map."))
            return self.redirect("/map")
        return self.render("map.html", request, width=MAP_WIDTH, height=MAP_HEIGHT)

    @page("/map.svg")
    async def map_picture(self, request: Request) -> Response:
        """The map itself."""
        return Response(world_map(self.world), media_type="image/svg+xml")

    @page("/cities")
    async def cities(self, request: Request) -> Response:
        """All cities."""
        sql = """SELECT city, COUNT(*) AS hotels, MIN(price) AS lowest FROM travel_hotels GROUP BY city"""
        return self.render("cities.html", request, about={row["city"]: row for row in self.rows(sql)})

    @page("/place/{id:int}")
    async def city(self, request: Request) -> Response:
        """A city and its hotels."""
        city = self.row("SELECT * FROM travel_places WHERE id = ?", request.path_params["id"])
        sort = request.query_params.get("sort", "")
        order = {"price": "price", "rating": "rating DESC", "distance": "distance"}.get(sort, "name")
        wanted = {name: request.query_params.get(name) == "1" for name in ("breakfast", "pets")}
        extra = "".join(f" AND {name}" for name, on in wanted.items() if on)
        hotels = self.rows(f"SELECT * FROM travel_hotels WHERE city = ?{extra} ORDER BY {order}, id", city["id"])
        return self.render("place.html", request, city=city, hotels=hotels, sort=sort, sorts=_HOTEL_SORTS, **wanted)

    @page("/front/{id:int}.svg")
    async def front(self, request: Request) -> Response:
        """A picture of a hotel."""
        return Response(front(self.hotel(request.path_params["id"])), media_type="image/svg+xml")

    @page("/hotel/{id:int}", "GET", "POST")
    async def inn(self, request: Request) -> Response:
        """A hotel; nights are booked here."""
        hotel, error = self.hotel(request.path_params["id"]), ""
        form = await request.form() if request.method == "POST" else {}
        day, nights = str(form.get("day", "")).strip(), str(form.get("nights", "1"))
        if request.method == "POST":
            if self.bookable(day) is None:
                error = self.t("Write a day in the next {days} days, like {hint}.", days=DAYS_AHEAD, hint=self.hint)
            elif nights not in [str(n) for n in range(1, 8)]:
                error = self.t("Choose one to seven nights.")
            else:
                values = {"hotel": hotel["id"], "day": day, "nights": int(nights), "travellers": self.world.me.name}
                return self._made(request, {"kind": "hotel", "price": hotel["price"] * int(nights), **values})
        return self.render(
            "hotel.html", request, 422 if error else 200, hotel=hotel, day=day, nights=nights, error=error
        )

    # --- fares ---

    @page("/fares")
    async def fares(self, request: Request) -> Response:
        """How fares between two cities went over the year, as a chart."""
        asked, error = {name: request.query_params.get(name, "") for name in ("from", "to")}, ""
        known = {str(p["id"]) for p in self.places()}
        chosen = {asked["from"], asked["to"]} <= known and asked["from"] != asked["to"]
        if not chosen and any(asked.values()):
            error = self.t("Choose two different cities.")
        return self.render("fares.html", request, 422 if error else 200, asked=asked, chosen=chosen, error=error)

    @page("/fares/{start:int}/{end:int}.svg")
    async def fares_picture(self, request: Request) -> Response:
        """The chart itself."""
        start, end = request.path_params["start"], request.path_params["end"]
        return Response(trend_chart(trend(self.world, start, end)), media_type="image/svg+xml")


SITE = Travel
