"""The traveller's own pages: trips with their changes, seats, points, alerts and the profile."""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.travel.pictures import CARRIAGE_HEIGHT, CARRIAGE_WIDTH, carriage, seat_at
from mmgym_web.webnav.sites.travel.timetable import DAYS_AHEAD, clock, day_of, fare, free_seats, sold_out

__all__ = ["MEALS", "REASONS", "SEATS", "TRIPS_ON_PAGE", "Trips"]

TRIPS_ON_PAGE = 5
REASONS = {"ill": "I am ill", "work": "Work", "price": "Found something cheaper", "other": "Something else"}
"""Labels of the reasons for which a trip is cancelled."""
SEATS = {"window": "Window", "aisle": "Aisle", "any": "Any seat"}
MEALS = {"none": "No meal", "vegetarian": "Vegetarian", "vegan": "Vegan", "halal": "Halal"}


class Trips(Site):
    """The part of the travel site that belongs to the traveller."""

    # --- what pages and tasks ask ---

    def place(self, number: int) -> str:
        """Name of a city."""
        return str(self.value("SELECT name FROM travel_places WHERE id = ?", number))

    def places(self) -> list[sqlite3.Row]:
        """The cities by name."""
        return self.rows("SELECT * FROM travel_places ORDER BY name")

    def ride(self, number: int) -> sqlite3.Row:
        """A ride."""
        return self.row("SELECT * FROM travel_rides WHERE id = ?", number)

    def hotel(self, number: int) -> sqlite3.Row:
        """A hotel."""
        return self.row("SELECT * FROM travel_hotels WHERE id = ?", number)

    def coming(self) -> list[sqlite3.Row]:
        """Confirmed trips that are still ahead, in the order of the list."""
        sql = "SELECT * FROM travel_bookings WHERE status = 'confirmed' ORDER BY day, id"
        return self.rows(sql)

    def title_of(self, trip: sqlite3.Row) -> str:
        """What a trip is called in lists."""
        if trip["kind"] == "hotel":
            return str(self.hotel(trip["hotel"])["name"])
        ride = self.ride(trip["ride"])
        return f"{self.place(ride['origin'])} - {self.place(ride['destination'])}"

    def rides_on(self, start: int, end: int, day: dt.date) -> list[dict[str, Any]]:
        """The rides between two cities with their fares and times on a day, by departure."""
        rows = self.rows("SELECT * FROM travel_rides WHERE origin = ? AND destination = ? ORDER BY departs", start, end)
        return [
            {**dict(r), "fare": fare(r, day), "full": sold_out(r, day), "arrives": r["departs"] + r["minutes"]}
            for r in rows
        ]

    def bookable(self, text: str) -> dt.date | None:
        """The day that a text names, if rides can be booked on it."""
        day, today = day_of(text), self.world.now.date()
        return day if day and today < day <= today + dt.timedelta(days=DAYS_AHEAD) else None

    def clock(self, minutes: int) -> str:
        """Minutes since midnight as ``HH:MM``."""
        return clock(minutes)

    @property
    def hint(self) -> str:
        """A day in the format that fields want."""
        return (self.world.now.date() + dt.timedelta(days=7)).isoformat()

    # --- trips ---

    @page("/trips")
    async def trips(self, request: Request) -> Response:
        """Coming or past trips."""
        when = "past" if request.query_params.get("when") == "past" else "coming"
        sql = "SELECT * FROM travel_bookings WHERE status != 'confirmed' ORDER BY day DESC, id"
        rows = self.coming() if when == "coming" else self.rows(sql)
        number = request.query_params.get("page", "1")
        at, pages = int(number) if number.isdecimal() else 1, max(1, -(-len(rows) // TRIPS_ON_PAGE))
        if not 1 <= at <= pages:
            raise LookupError("there is no such page")
        shown = rows[(at - 1) * TRIPS_ON_PAGE : at * TRIPS_ON_PAGE]
        return self.render("trips.html", request, trips=shown, when=when, at=at, pages=pages)

    def _trip(self, request: Request) -> sqlite3.Row:
        return self.row("SELECT * FROM travel_bookings WHERE code = ?", request.path_params["code"])

    def _about(self, trip: sqlite3.Row) -> dict[str, Any]:
        ride = self.ride(trip["ride"]) if trip["kind"] == "ride" else None
        return {"trip": trip, "ride": ride, "hotel": None if ride else self.hotel(trip["hotel"])}

    def _open_trip(self, request: Request, rides_only: bool = True) -> sqlite3.Row | None:
        """The trip, if it can still be changed; else a message is waiting."""
        trip = self._trip(request)
        if trip["status"] != "confirmed":
            self.flash(request, self.t("This trip can no longer be changed."))
        elif rides_only and trip["kind"] != "ride":
            self.flash(request, self.t("This is possible for journeys only."))
        else:
            return trip
        return None

    @page("/trip/{code}")
    async def trip(self, request: Request) -> Response:
        """One trip."""
        return self.render("trip.html", request, reasons=REASONS, **self._about(self._trip(request)))

    @page("/trip/{code}/cancel", "GET", "POST")
    async def cancel(self, request: Request) -> Response:
        """Cancel a trip, with a reason."""
        trip, error = self._open_trip(request, rides_only=False), ""
        if trip is None:
            return self.redirect(f"/trip/{request.path_params['code']}")
        form = await request.form() if request.method == "POST" else {}
        reason = str(form.get("reason", ""))
        if request.method == "POST":
            if reason not in REASONS:
                error = self.t("Choose a reason.")
            else:
                sql = "UPDATE travel_bookings SET status = 'cancelled', reason = ? WHERE id = ?"
                self.run(sql, reason, trip["id"])
                self.flash(request, self.t("The trip was cancelled."))
                return self.redirect(f"/trip/{trip['code']}")
        status = 422 if error else 200
        return self.render("cancel.html", request, status, reasons=REASONS, error=error, **self._about(trip))

    @page("/trip/{code}/change", "GET", "POST")
    async def change(self, request: Request) -> Response:
        """Move a journey to another day or departure."""
        trip, error = self._open_trip(request), ""
        if trip is None:
            return self.redirect(f"/trip/{request.path_params['code']}")
        ride = self.ride(trip["ride"])
        form = await request.form() if request.method == "POST" else {}
        asked = str(form.get("day", request.query_params.get("day", trip["day"])))
        day = self.bookable(asked)
        rides = self.rides_on(ride["origin"], ride["destination"], day) if day else []
        if day is None:
            error = self.t("Write a day in the next {days} days, like {hint}.", days=DAYS_AHEAD, hint=self.hint)
        elif request.method == "POST":
            chosen = next((r for r in rides if str(r["id"]) == form.get("ride")), None)
            if chosen is None or chosen["full"]:
                error = self.t("Choose a departure.")
            else:
                price = chosen["fare"] * len(trip["travellers"].split("; ")) + 500 * trip["bags"]
                sql = "UPDATE travel_bookings SET ride = ?, day = ?, price = ?, seat = '' WHERE id = ?"
                self.run(sql, chosen["id"], day.isoformat(), price, trip["id"])
                self.flash(request, self.t("Your trip was changed. Choose a new seat if you like."))
                return self.redirect(f"/trip/{trip['code']}")
        return self.render(
            "change.html", request, 422 if error else 200, trip=trip, ride=ride, rides=rides, day=asked, error=error
        )

    @page("/trip/{code}/seat", "GET", "POST")
    async def seat(self, request: Request) -> Response:
        """Choose a seat on the plan: a click on it, then a confirmation."""
        trip = self._open_trip(request)
        if trip is None:
            return self.redirect(f"/trip/{request.path_params['code']}")
        free = free_seats(self.world, trip["ride"], trip["day"])
        if request.method == "GET":
            seat = request.query_params.get("seat", "")
            chosen = seat if seat in free else ""
            size = {"width": CARRIAGE_WIDTH, "height": CARRIAGE_HEIGHT}
            return self.render("seat.html", request, chosen=chosen, **size, **self._about(trip))
        form = await request.form()
        if form.get("seat") in free:
            self.run("UPDATE travel_bookings SET seat = ? WHERE id = ?", form["seat"], trip["id"])
            self.flash(request, self.t("Your seat is {seat}.", seat=form["seat"]))
            return self.redirect(f"/trip/{trip['code']}")
        at = [str(form.get(name, "")) for name in ("at.x", "at.y")]
        seat = seat_at(int(at[0]), int(at[1])) if all(value.isdecimal() for value in at) else ""
        if seat in free:
            return self.redirect(f"/trip/{trip['code']}/seat?seat={seat}")
        self.flash(request, self.t("This seat is taken.") if seat else self.t("Click on a free seat."))
        return self.redirect(f"/trip/{trip['code']}/seat")

    @page("/carriage/{code}.svg")
    async def carriage(self, request: Request) -> Response:
        """The seat plan."""
        trip = self._trip(request)
        free = free_seats(self.world, trip["ride"], trip["day"])
        seat = request.query_params.get("seat", "")
        return Response(carriage(free, seat if seat in free else trip["seat"]), media_type="image/svg+xml")

    # --- points ---

    @page("/points", "GET", "POST")
    async def points(self, request: Request) -> Response:
        """Points, and vouchers to be had for them."""
        rows = self.rows("SELECT * FROM travel_points ORDER BY day DESC, id DESC")
        balance = sum(row["points"] for row in rows)
        vouchers = self.rows("SELECT * FROM travel_vouchers ORDER BY cost, id")
        if request.method == "GET":
            return self.render("points.html", request, rows=rows, balance=balance, vouchers=vouchers)
        asked = str((await request.form()).get("voucher", ""))
        voucher = next((v for v in vouchers if str(v["id"]) == asked), None)
        if voucher is None:
            self.flash(request, self.t("Choose a voucher."))
        elif voucher["cost"] > balance:
            self.flash(request, self.t("You do not have enough points."))
        else:
            sql = "INSERT INTO travel_points (day, what, points) VALUES (?, ?, ?)"
            self.run(sql, self.world.now.date().isoformat(), voucher["name"], -voucher["cost"])
            self.flash(request, self.t("Your voucher is on its way."))
        return self.redirect("/points")

    # --- alerts ---

    @page("/alerts", "GET", "POST")
    async def alerts(self, request: Request) -> Response:
        """Price alerts: see, add and delete them."""
        form = await request.form() if request.method == "POST" else {}
        asked = {name: str(form.get(name, "")) for name in ("origin", "destination", "most")}
        error = ""
        if form.get("delete"):
            self.run("DELETE FROM travel_alerts WHERE id = ?", str(form["delete"]))
            self.flash(request, self.t("The alert was deleted."))
            return self.redirect("/alerts")
        if request.method == "POST":
            known = {str(p["id"]) for p in self.places()}
            if not {asked["origin"], asked["destination"]} <= known or asked["origin"] == asked["destination"]:
                error = self.t("Choose two different cities.")
            elif not asked["most"].strip().isdecimal() or not 1 <= int(asked["most"]) <= 999:
                error = self.t("Write a price in whole dollars, from 1 to 999.")
            else:
                sql = "INSERT INTO travel_alerts (origin, destination, most) VALUES (?, ?, ?)"
                self.run(sql, int(asked["origin"]), int(asked["destination"]), 100 * int(asked["most"]))
                self.flash(request, self.t("We will write when the price is right."))
                return self.redirect("/alerts")
        rows = self.rows("SELECT * FROM travel_alerts ORDER BY id")
        return self.render("alerts.html", request, 422 if error else 200, rows=rows, asked=asked, error=error)

    # --- the profile ---

    @page("/profile", "GET", "POST")
    async def profile(self, request: Request) -> Response:
        """What the traveller likes."""
        if request.method == "POST":
            form = await request.form()
            seat, meal, home = (str(form.get(name, "")) for name in ("seat", "meal", "home"))
            if seat in SEATS and meal in MEALS and home in {str(p["id"]) for p in self.places()}:
                sql = "UPDATE travel_profile SET seat = ?, meal = ?, home = ?, newsletter = ?, reminders = ?"
                self.run(sql, seat, meal, int(home), int("newsletter" in form), int("reminders" in form))
                self.flash(request, self.t("Your profile was saved."))
            return self.redirect("/profile")
        row = self.row("SELECT * FROM travel_profile")
        people = self.rows("SELECT * FROM travel_travellers ORDER BY id")
        return self.render("profile.html", request, profile=row, people=people, seats=SEATS, meals=MEALS)

    @page("/travellers", "GET", "POST")
    async def travellers(self, request: Request) -> Response:
        """People to travel with: see, add and remove them."""
        form = await request.form() if request.method == "POST" else {}
        name, card, error = " ".join(str(form.get("name", "")).split()), str(form.get("card", "")).strip(), ""
        if form.get("remove"):
            self.run("DELETE FROM travel_travellers WHERE id = ? AND id > 1", str(form["remove"]))
            self.flash(request, self.t("Removed."))
            return self.redirect("/travellers")
        if request.method == "POST":
            if " " not in name:
                error = self.t("Write first and last name.")
            elif not (card.isdecimal() and len(card) == 4):
                error = self.t("A card number has four digits.")
            else:
                self.run("INSERT INTO travel_travellers (name, card) VALUES (?, ?)", name, card)
                self.flash(request, self.t("Added."))
                return self.redirect("/travellers")
        people = self.rows("SELECT * FROM travel_travellers ORDER BY id")
        status = 422 if error else 200
        return self.render("travellers.html", request, status, people=people, name=name, card=card, error=error)
