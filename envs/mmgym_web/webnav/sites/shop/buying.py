"""The shop's pages about buying: basket, checkout, orders, returns, addresses."""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.shop.orders import DELIVERIES, SHOP_IBAN
from mmgym_web.webnav.sites.shop.words import REASONS

__all__ = ["BuyingPages"]

_PLACE = ("label", "name", "street", "postcode", "city")
_ON_PAGE = 6


class BuyingPages(Site):
    """Pages that take orders and look after them."""

    @page("/cart")
    async def cart(self, request: Request) -> Response:
        """The basket."""
        return self.render("cart.html", request, **self._basket())

    def _basket(self) -> dict[str, Any]:
        lines = self.rows(
            "SELECT c.*, p.name, p.price FROM shop_cart c JOIN shop_products p ON p.id = c.product_id ORDER BY c.id"
        )
        goods = sum(line["price"] * line["quantity"] for line in lines)
        code = self.value("SELECT coupon FROM shop_baskets")
        percent = self.value("SELECT coalesce(max(percent), 0) FROM shop_coupons WHERE code = ?", code)
        return {"lines": lines, "goods": goods, "code": code, "percent": percent, "off": goods * percent // 100}

    @page("/cart/{id:int}", "POST")
    async def change_line(self, request: Request) -> Response:
        """Change a line's quantity; 0 removes it."""
        line, form = self.row("SELECT * FROM shop_cart WHERE id = ?", request.path_params["id"]), await request.form()
        quantity = str(form.get("quantity", "")).strip()
        if not quantity.isdecimal() or len(quantity) > 8 or int(quantity) > 99:
            return self.render(
                "cart.html", request, 422, error=self.t("Please give a quantity from 0 to 99."), **self._basket()
            )
        if int(quantity):
            self.run("UPDATE shop_cart SET quantity = ? WHERE id = ?", int(quantity), line["id"])
            self.flash(request, self.t("Your basket has been updated."))
        else:
            self._remove(request, line["id"])
        return self.redirect("/cart")

    @page("/cart/{id:int}/remove", "POST")
    async def remove_line(self, request: Request) -> Response:
        """Remove a line of the basket."""
        self._remove(request, self.row("SELECT id FROM shop_cart WHERE id = ?", request.path_params["id"])["id"])
        return self.redirect("/cart")

    def _remove(self, request: Request, line: int) -> None:
        self.run("DELETE FROM shop_cart WHERE id = ?", line)
        self.flash(request, self.t("Removed from your basket."))

    @page("/coupon", "POST")
    async def coupon(self, request: Request) -> Response:
        """Use a coupon; an empty code takes it off."""
        code = str((await request.form()).get("code", "")).strip().upper()
        if code and not self.rows("SELECT id FROM shop_coupons WHERE code = ?", code):
            error = self.t("There is no coupon {code}.", code=code)
            return self.render("cart.html", request, 422, error=error, typed=code, **self._basket())
        self.run("UPDATE shop_baskets SET coupon = ?", code)
        self.flash(request, self.t("Your basket has been updated."))
        return self.redirect("/cart")

    @page("/checkout")
    async def checkout(self, request: Request) -> Response:
        """Address, delivery and payment."""
        return self._checkout(request, {"address": "", "delivery": "", "payment": "", "note": ""})

    def _checkout(self, request: Request, given: dict[str, str], error: str = "", status: int = 200) -> Response:
        addresses = self.rows("SELECT * FROM shop_addresses ORDER BY id")
        return self.render(
            "checkout.html", request, status, given=given, error=error, addresses=addresses, deliveries=DELIVERIES,
            **self._basket(),
        )  # fmt: skip

    @page("/checkout", "POST")
    async def place_order(self, request: Request) -> Response:
        """Place the order."""
        form = await request.form()
        given = {name: str(form.get(name, "")).strip() for name in ("address", "delivery", "payment", "note")}
        basket = self._basket()
        lines: list[sqlite3.Row] = basket["lines"]
        places = {str(row["id"]): row for row in self.rows("SELECT * FROM shop_addresses")}
        error = ""
        if not lines:
            error = self.t("Your basket is empty.")
        elif given["address"] not in places:
            error = self.t("Please choose an address.")
        elif given["delivery"] not in DELIVERIES:
            error = self.t("Please choose a delivery.")
        elif given["payment"] not in ("Card", "Invoice"):
            error = self.t("Please choose how to pay.")
        if error:
            return self._checkout(request, given, error, 422)
        place = places[given["address"]]
        total = basket["goods"] - basket["off"] + DELIVERIES[given["delivery"]]
        known = self.value("SELECT count(*) FROM shop_orders")
        number = f"P-{10_000 + int(self.world.rng('shop', 'order', known).integers(90_000))}"
        order = self.run(
            "INSERT INTO shop_orders (number, day, status, payment, paid, delivery, total, coupon, name, street, "
            "postcode, city, note) VALUES (?, ?, 'Processing', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            number, str(self.world.now.date()), given["payment"], int(given["payment"] == "Card"), given["delivery"],
            total, basket["code"], place["name"], place["street"], place["postcode"], place["city"], given["note"],
        )  # fmt: skip
        names = ("product_id", "quantity", "price", "colour", "size")
        self.insert("shop_items", [{"order_id": order, **{name: line[name] for name in names}} for line in lines])
        self.run("DELETE FROM shop_cart")
        self.run("UPDATE shop_baskets SET coupon = ''")
        self.flash(request, self.t("Thank you. Your order {number} has been placed.", number=number))
        return self.redirect(f"/orders/{order}")

    @page("/orders")
    async def orders(self, request: Request) -> Response:
        """The orders, by status and page."""
        status, text = (request.query_params.get(name, "").strip() for name in ("status", "page"))
        found = self.rows("SELECT * FROM shop_orders WHERE ? IN ('', status) ORDER BY day DESC, id DESC", status)
        pages = max(1, -(-len(found) // _ON_PAGE))
        number = min(max(int(text) if text.isdecimal() else 1, 1), pages)
        return self.render(
            "orders.html", request, found=found[_ON_PAGE * (number - 1) : _ON_PAGE * number], number=number,
            pages=pages, status_asked=status, statuses=("Processing", "Shipped", "Delivered", "Cancelled"),
        )  # fmt: skip

    def _order(self, request: Request) -> tuple[sqlite3.Row, list[sqlite3.Row]]:
        order = self.row("SELECT * FROM shop_orders WHERE id = ?", request.path_params["id"])
        items = self.rows(
            "SELECT i.*, p.name FROM shop_items i JOIN shop_products p ON p.id = i.product_id WHERE order_id = ?"
            " ORDER BY i.id",
            order["id"],
        )
        return order, items

    @page("/orders/{id:int}")
    async def order(self, request: Request) -> Response:
        """One order."""
        order, items = self._order(request)
        returns = self.rows(
            "SELECT r.*, p.name FROM shop_returns r JOIN shop_products p ON p.id = r.product_id WHERE order_id = ?",
            order["id"],
        )
        return self.render(
            "order.html", request, order=order, items=items, returns=returns, iban=SHOP_IBAN,
            delivery_cost=DELIVERIES[order["delivery"]],
        )  # fmt: skip

    @page("/orders/{id:int}/cancel")
    async def ask_cancel(self, request: Request) -> Response:
        """Ask whether an order is to be cancelled."""
        order, _ = self._order(request)
        return self.render("cancel.html", request, order=order)

    @page("/orders/{id:int}/cancel", "POST")
    async def cancel(self, request: Request) -> Response:
        """Cancel an order that has not been shipped."""
        order, _ = self._order(request)
        if order["status"] != "Processing":
            self.flash(request, self.t("Only orders that are being processed can be cancelled."))
        else:
            self.run("UPDATE shop_orders SET status = 'Cancelled' WHERE id = ?", order["id"])
            self.flash(request, self.t("The order has been cancelled."))
        return self.redirect(f"/orders/{order['id']}")

    @page("/orders/{id:int}/return")
    async def ask_return(self, request: Request) -> Response:
        """The form for a return."""
        return self._return(request, {"product": "", "reason": "", "paid_on": "", "comment": ""})

    def _return(self, request: Request, given: dict[str, str], error: str = "", status: int = 200) -> Response:
        order, items = self._order(request)
        return self.render(
            "return.html", request, status, order=order, items=items, given=given, error=error, reasons=REASONS
        )

    @page("/orders/{id:int}/return", "POST")
    async def file_return(self, request: Request) -> Response:
        """File a return."""
        order, items = self._order(request)
        form = await request.form()
        given = {name: str(form.get(name, "")).strip() for name in ("product", "reason", "paid_on", "comment")}
        error = ""
        if order["status"] != "Delivered":
            error = self.t("Only delivered orders can be returned.")
        elif given["product"] not in [str(item["product_id"]) for item in items]:
            error = self.t("Please choose a product.")
        elif given["reason"] not in REASONS:
            error = self.t("Please choose a reason.")
        elif given["paid_on"] and not _is_date(given["paid_on"]):
            error = self.t("Please give the date as YYYY-MM-DD.")
        if error:
            return self._return(request, given, error, 422)
        self.run(
            "INSERT INTO shop_returns (order_id, product_id, reason, paid_on, comment) VALUES (?, ?, ?, ?, ?)",
            order["id"], int(given["product"]), given["reason"], given["paid_on"], given["comment"],
        )  # fmt: skip
        self.flash(request, self.t("Your return has been registered."))
        return self.redirect(f"/orders/{order['id']}")

    @page("/addresses")
    async def addresses(self, request: Request) -> Response:
        """The address book."""
        return self.render("addresses.html", request, rows=self.rows("SELECT * FROM shop_addresses ORDER BY id"))

    @page("/addresses/new")
    async def new_address(self, request: Request) -> Response:
        """The form for a new address."""
        return self.render("address.html", request, given=dict.fromkeys(_PLACE, ""), address=None)

    @page("/addresses/{id:int}")
    async def edit_address(self, request: Request) -> Response:
        """The form for an address."""
        row = self.row("SELECT * FROM shop_addresses WHERE id = ?", request.path_params["id"])
        return self.render("address.html", request, given=row, address=row)

    @page("/addresses/new", "POST")
    async def add_address(self, request: Request) -> Response:
        """Add an address."""
        return await self._save_address(request, None)

    @page("/addresses/{id:int}", "POST")
    async def change_address(self, request: Request) -> Response:
        """Change an address."""
        row = self.row("SELECT * FROM shop_addresses WHERE id = ?", request.path_params["id"])
        return await self._save_address(request, row)

    async def _save_address(self, request: Request, row: sqlite3.Row | None) -> Response:
        form = await request.form()
        given = {name: str(form.get(name, "")).strip() for name in _PLACE}
        error = "" if all(given.values()) else self.t("Please fill in every field.")
        if not error and not (given["postcode"].isdecimal() and len(given["postcode"]) == 5):
            error = self.t("A postcode has five digits.")
        if error:
            return self.render("address.html", request, 422, given=given, address=row, error=error)
        if row:
            changes = ", ".join(f"{name} = ?" for name in _PLACE)
            self.run(f"UPDATE shop_addresses SET {changes} WHERE id = ?", *given.values(), row["id"])
        else:
            self.insert("shop_addresses", [given])
        self.flash(request, self.t("The address has been saved."))
        return self.redirect("/addresses")

    @page("/addresses/{id:int}/delete", "POST")
    async def delete_address(self, request: Request) -> Response:
        """Delete an address."""
        row = self.row("SELECT id FROM shop_addresses WHERE id = ?", request.path_params["id"])
        self.run("DELETE FROM shop_addresses WHERE id = ?", row["id"])
        self.flash(request, self.t("The address has been deleted."))
        return self.redirect("/addresses")


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
