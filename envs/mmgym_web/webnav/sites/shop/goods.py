"""The shop's pages about its goods: front page, search and filters, products, reviews, wish list, offers, pictures."""

from __future__ import annotations

import sqlite3
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.shop.pictures import draw_product, draw_size_chart, draw_stars
from mmgym_web.webnav.sites.shop.words import CATEGORIES, COLOURS, SIZES

__all__ = ["GoodsPages"]

_PAGE = 8
_SORTS = {
    "new": ("Newest first", "added DESC, id"),
    "cheap": ("Price: low to high", "price, id"),
    "dear": ("Price: high to low", "price DESC, id"),
    "rated": ("Best rated", "rating DESC, ratings DESC, id"),
    "name": ("Name", "name, id"),
}


class GoodsPages(Site):
    """Pages that show what there is to buy."""

    @page("/")
    async def home(self, request: Request) -> Response:
        """The front page."""
        seen = self.session(request).get("seen", [])[-3:]
        return self.render(
            "home.html",
            request,
            categories=self.categories(),
            seen=[self.row("SELECT * FROM shop_products WHERE id = ?", product) for product in reversed(seen)],
            newest=self.rows("SELECT * FROM shop_products ORDER BY added DESC, id LIMIT 6"),
            loved=self.rows("SELECT * FROM shop_products ORDER BY rating DESC, ratings DESC, id LIMIT 4"),
        )

    def categories(self) -> list[str]:
        """The categories, in this world's order."""
        names = list(CATEGORIES)
        return [names[i] for i in self.world.rng("shop", "categories").permutation(len(names))]

    @page("/products")
    async def products(self, request: Request) -> Response:
        """Search, filters and sorting."""
        asked = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
        conditions, values, errors = list[str](), list[Any](), list[str]()
        for name, sql in _FILTERS.items():
            if not asked[name] or not sql:
                continue
            try:
                values.append(_filter_value(name, asked[name]))
                conditions.append(sql)
            except ValueError:
                errors.append(self.t("Please give prices as numbers."))
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sort = asked["sort"] if asked["sort"] in _SORTS else "new"
        found = self.rows(f"SELECT * FROM shop_products {where} ORDER BY {_SORTS[sort][1]}", *values)
        number = int(asked["page"]) if asked["page"].isdecimal() else 1
        pages = max(1, -(-len(found) // _PAGE))
        number = min(max(number, 1), pages)
        links = [
            (n, "/products?" + urlencode({k: v for k, v in asked.items() if v and k != "page"} | {"page": n}))
            for n in range(1, pages + 1)
        ]
        return self.render(
            "products.html", request, asked=asked, found=found[_PAGE * (number - 1) : _PAGE * number],
            count=len(found), number=number, links=links, errors=errors[:1], categories=self.categories(),
            colours=list(COLOURS), sorts={key: label for key, (label, _) in _SORTS.items()}, sort=sort,
        )  # fmt: skip

    @page("/suggest")
    async def suggest(self, request: Request) -> Response:
        """Names that hold what has been typed, for the search field."""
        text = request.query_params.get("q", "").strip()
        rows = self.rows("SELECT name FROM shop_products WHERE name LIKE ? ORDER BY name LIMIT 5", f"%{text}%")
        return JSONResponse([row["name"] for row in rows] if len(text) > 1 else [])

    @page("/product/{id:int}")
    async def product(self, request: Request) -> Response:
        """A product with its choices, details and price history."""
        product, seen = request.path_params["id"], self.session(request).setdefault("seen", [])
        seen[:] = [other for other in seen if other != product] + [product]
        return self._product(request, {"colour": "", "size": "", "quantity": "1"})

    def _product(self, request: Request, chosen: dict[str, str], error: str = "", status: int = 200) -> Response:
        product = self.row("SELECT * FROM shop_products WHERE id = ?", request.path_params["id"])
        months = [self.month(back) for back in range(12, 0, -1)]
        similar = self.rows(
            "SELECT * FROM shop_products WHERE category = ? AND id != ? ORDER BY (id * 7) % 11, id LIMIT 3",
            product["category"], product["id"],
        )  # fmt: skip
        reviews = self.value("SELECT count(*) FROM shop_reviews WHERE product_id = ?", product["id"])
        wished = self.rows("SELECT id FROM shop_wishes WHERE product_id = ?", product["id"])
        return self.render(
            "product.html", request, status, product=product, chosen=chosen, error=error, wished=bool(wished),
            colours=product["colours"].split(","), sizes=[size for size in product["sizes"].split(",") if size],
            history={"months": months, "cents": [int(cents) for cents in product["history"].split(",")]},
            similar=similar, reviews=reviews,
        )  # fmt: skip

    def month(self, back: int) -> str:
        """The month that lies so many months before the present one, as ``MM/YY``."""
        year, month = divmod(self.world.now.year * 12 + self.world.now.month - 1 - back, 12)
        return f"{month + 1:02}/{year % 100:02}"

    @page("/product/{id:int}", "POST")
    async def add_to_cart(self, request: Request) -> Response:
        """Put a product into the basket; the same choice twice adds up."""
        product = self.row("SELECT * FROM shop_products WHERE id = ?", request.path_params["id"])
        form = await request.form()
        chosen = {name: str(form.get(name, "")) for name in ("colour", "size", "quantity")}
        error = self._refusal(product, chosen)
        if error:
            return self._product(request, chosen, error, 422)
        key = (product["id"], chosen["colour"], chosen["size"])
        count = int(chosen["quantity"])
        same = self.rows("SELECT id FROM shop_cart WHERE product_id = ? AND colour = ? AND size = ?", *key)
        if same:
            self.run("UPDATE shop_cart SET quantity = quantity + ? WHERE id = ?", count, same[0]["id"])
        else:
            self.run(
                "INSERT INTO shop_cart (product_id, colour, size, quantity) VALUES (?, ?, ?, ?)",
                *key, count,
            )  # fmt: skip
        self.flash(request, self.t("{name} is in your basket.", name=product["name"]))
        return self.redirect("/cart")

    def _refusal(self, product: sqlite3.Row, chosen: dict[str, str]) -> str:
        if not product["stock"]:
            return self.t("This product is sold out.")
        if chosen["colour"] not in product["colours"].split(","):
            return self.t("Please choose a colour.")
        if product["sizes"] and chosen["size"] not in SIZES:
            return self.t("Please choose a size.")
        count = chosen["quantity"]
        if not count.isdecimal() or len(count) > 8 or not 1 <= int(count) <= 9:
            return self.t("Please choose a quantity from 1 to 9.")
        return ""

    @page("/product/{id:int}/reviews")
    async def reviews(self, request: Request) -> Response:
        """What people wrote about a product."""
        return self._reviews(request, {"stars": "", "title": "", "body": ""})

    def _reviews(self, request: Request, given: dict[str, str], error: str = "", status: int = 200) -> Response:
        product = self.row("SELECT * FROM shop_products WHERE id = ?", request.path_params["id"])
        rows = self.rows("SELECT * FROM shop_reviews WHERE product_id = ? ORDER BY day DESC, id", product["id"])
        return self.render("reviews.html", request, status, product=product, rows=rows, given=given, error=error)

    @page("/product/{id:int}/reviews", "POST")
    async def write_review(self, request: Request) -> Response:
        """Write a review."""
        product = self.row("SELECT * FROM shop_products WHERE id = ?", request.path_params["id"])
        form = await request.form()
        given = {name: str(form.get(name, "")).strip() for name in ("stars", "title", "body")}
        if given["stars"] not in ("1", "2", "3", "4", "5"):
            return self._reviews(request, given, self.t("Please choose one to five stars."), 422)
        if not given["title"]:
            return self._reviews(request, given, self.t("Please give your review a title."), 422)
        self.run(
            "INSERT INTO shop_reviews (product_id, author, stars, title, body, day) VALUES (?, ?, ?, ?, ?, ?)",
            product["id"], self.world.me.name, int(given["stars"]), given["title"], given["body"],
            str(self.world.now.date()),
        )  # fmt: skip
        self.flash(request, self.t("Thank you for your review."))
        return self.redirect(f"/product/{product['id']}/reviews")

    @page("/wishes")
    async def wishes(self, request: Request) -> Response:
        """The wish list."""
        rows = self.rows(
            "SELECT p.*, w.id AS wish FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id ORDER BY w.id"
        )
        return self.render("wishes.html", request, rows=rows)

    @page("/wishes/add/{id:int}", "POST")
    async def add_wish(self, request: Request) -> Response:
        """Put a product on the wish list."""
        product = self.row("SELECT id, name FROM shop_products WHERE id = ?", request.path_params["id"])
        if not self.rows("SELECT id FROM shop_wishes WHERE product_id = ?", product["id"]):
            self.run("INSERT INTO shop_wishes (product_id) VALUES (?)", product["id"])
        self.flash(request, self.t("{name} is on your wish list.", name=product["name"]))
        return self.redirect(f"/product/{product['id']}")

    @page("/wishes/remove/{id:int}", "POST")
    async def remove_wish(self, request: Request) -> Response:
        """Take a product off the wish list."""
        wish = self.row("SELECT id FROM shop_wishes WHERE id = ?", request.path_params["id"])
        self.run("DELETE FROM shop_wishes WHERE id = ?", wish["id"])
        self.flash(request, self.t("Removed from your wish list."))
        return self.redirect("/wishes")

    @page("/offers")
    async def offers(self, request: Request) -> Response:
        """Coupons that are valid now."""
        return self.render("offers.html", request, rows=self.rows("SELECT * FROM shop_coupons ORDER BY id"))

    @page("/picture/{id:int}")
    async def picture(self, request: Request) -> Response:
        """A product's picture, in the colour that the query names or else in the one it is shown in."""
        row = self.row("SELECT picture, colour, backdrop FROM shop_products WHERE id = ?", request.path_params["id"])
        colour = COLOURS[request.query_params.get("colour", row["colour"])]
        return _svg(draw_product(row["picture"], colour, row["backdrop"]))

    @page("/stars/{id:int}")
    async def stars(self, request: Request) -> Response:
        """A review's stars."""
        return _svg(draw_stars(self.value("SELECT stars FROM shop_reviews WHERE id = ?", request.path_params["id"])))

    @page("/sizes/{id:int}")
    async def sizes(self, request: Request) -> Response:
        """A product's size chart."""
        low = self.value("SELECT chest FROM shop_products WHERE id = ? AND sizes != ''", request.path_params["id"])
        heads = [self.t(head) for head in ("Size", "Chest (cm)", "Length (cm)")]
        rows = [(size, f"{low + 6 * i}-{low + 6 * i + 5}", f"{58 + 2 * i}") for i, size in enumerate(SIZES)]
        return _svg(draw_size_chart(heads, rows))


def _svg(text: str) -> Response:
    return Response(text, media_type="image/svg+xml")


_FILTERS = {
    "q": "name LIKE ?",
    "category": "category = ?",
    "colour": "colours LIKE ?",
    "rating": "rating >= ?",
    "min": "price >= ?",
    "max": "price <= ?",
    "sort": "",
    "page": "",
}


def _filter_value(name: str, text: str) -> Any:
    """What a filter's SQL is given.

    Raises:
        ValueError: when a number is none.
    """
    if name in ("min", "max"):
        return round(float(text.lstrip("$")) * 100)
    if name == "rating":
        return round(float(text) * 10)
    return f"%{text}%" if name in ("q", "colour") else text
