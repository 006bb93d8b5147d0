"""What is in the shop at the start of an episode."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import numpy as np

from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.sites.shop import words
from mmgym_web.webnav.sites.shop.orders import PRODUCTS, draw_orders, draw_prices

__all__ = ["SCHEMA", "fill"]

SCHEMA = """
CREATE TABLE shop_products (id INTEGER PRIMARY KEY, name TEXT, category TEXT, noun TEXT, picture TEXT, colour TEXT,
    colours TEXT, sizes TEXT, price INTEGER, rating INTEGER, ratings INTEGER, stock INTEGER, material TEXT,
    weight INTEGER, warranty INTEGER, chest INTEGER, history TEXT, added TEXT, backdrop INTEGER);
CREATE TABLE shop_reviews (id INTEGER PRIMARY KEY, product_id INTEGER, author TEXT, stars INTEGER, title TEXT,
    body TEXT, day TEXT);
CREATE TABLE shop_cart (id INTEGER PRIMARY KEY, product_id INTEGER, colour TEXT, size TEXT, quantity INTEGER);
CREATE TABLE shop_baskets (id INTEGER PRIMARY KEY, coupon TEXT);
CREATE TABLE shop_coupons (id INTEGER PRIMARY KEY, code TEXT, percent INTEGER, until TEXT);
CREATE TABLE shop_wishes (id INTEGER PRIMARY KEY, product_id INTEGER);
CREATE TABLE shop_addresses (id INTEGER PRIMARY KEY, label TEXT, name TEXT, street TEXT, postcode TEXT, city TEXT);
CREATE TABLE shop_orders (id INTEGER PRIMARY KEY, number TEXT, day TEXT, status TEXT, payment TEXT, paid INTEGER,
    delivery TEXT, total INTEGER, coupon TEXT, name TEXT, street TEXT, postcode TEXT, city TEXT, note TEXT);
CREATE TABLE shop_items (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER, quantity INTEGER, price INTEGER,
    colour TEXT, size TEXT);
CREATE TABLE shop_returns (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER, reason TEXT, paid_on TEXT,
    comment TEXT);
"""


def fill(site: Site) -> None:
    """Fill the shop's tables."""
    products = _products(site)
    site.insert("shop_products", products)
    _reviews(site)
    addresses = _addresses(site)
    site.insert("shop_addresses", addresses)
    _orders(site, products, addresses[0])
    rng = site.world.rng("shop", "basket")
    chosen = [int(i) for i in rng.choice(PRODUCTS, 7, replace=False)]
    in_cart = [products[i] for i in chosen if products[i]["stock"]][:3]
    site.insert("shop_cart", [_choice(rng, good) | {"quantity": int(rng.integers(1, 4))} for good in in_cart])
    wishes = [i for i in chosen if products[i] not in in_cart]
    site.insert("shop_wishes", [{"product_id": i + 1} for i in wishes])
    site.insert("shop_baskets", [{"coupon": ""}])
    today = site.world.now.date()
    site.insert(
        "shop_coupons",
        [
            {
                "code": f"{words.COUPONS[word]}{percent}",
                "percent": int(percent),
                "until": str(today + dt.timedelta(days=int(days))),
            }
            for word, percent, days in zip(
                rng.choice(len(words.COUPONS), 4, replace=False),
                rng.choice((5, 8, 10, 12, 15, 20, 25), 4, replace=False),
                rng.choice(range(2, 60), 4, replace=False),
                strict=True,
            )
        ],
    )


def _choice(rng: np.random.Generator, product: dict[str, Any]) -> dict[str, Any]:
    colours, sizes = product["colours"].split(","), product["sizes"].split(",")
    return {
        "product_id": product["id"],
        "colour": colours[rng.integers(len(colours))],
        "size": sizes[rng.integers(len(sizes))],
    }


def _products(site: Site) -> list[dict[str, Any]]:
    world, rng = site.world, site.world.rng("shop", "products")
    prices, today = draw_prices(world), site.world.now.date()
    names = {
        noun: world.distinct(rng, partial(_name, noun=noun), 2)
        for nouns in words.CATEGORIES.values()
        for noun, _ in nouns
    }
    kinds = [(c, *kind) for c, nouns in words.CATEGORIES.items() for kind in nouns for _ in range(2)]
    kinds = [kinds[i] for i in rng.permutation(len(kinds))]
    n, products, colours = PRODUCTS, list[dict[str, Any]](), list(words.COLOURS)
    ratings, counts, stock = rng.integers(28, 50, n), rng.integers(3, 900, n), rng.integers(1, 60, n)
    warranties, chests, ages = rng.integers(1, 6, n), rng.integers(60, 108, n), rng.integers(1, 500, n)
    materials, backdrops = rng.integers(len(words.MATERIALS), size=n), rng.integers(4, size=n)
    shown = rng.integers(6, size=n)
    weights, sold_out = rng.choice(range(12, 900), n, replace=False), set(rng.choice(n, 5, replace=False).tolist())
    offers = np.sort(rng.permuted(np.tile(np.arange(len(colours)), (n, 1)), axis=1)[:, :6], axis=1).tolist()
    histories = _histories(rng, prices)
    for i, (category, noun, picture) in enumerate(kinds):
        offered = [colours[colour] for colour in offers[i]]
        products.append(
            {
                "id": i + 1, "name": names[noun].pop(), "category": category, "noun": noun, "picture": picture,
                "colour": offered[shown[i]], "colours": ",".join(offered),
                "sizes": ",".join(words.SIZES) if category == "Clothing" else "", "price": prices[i],
                "rating": int(ratings[i]), "ratings": int(counts[i]), "stock": 0 if i in sold_out else int(stock[i]),
                "material": words.MATERIALS[materials[i]], "weight": int(weights[i]) * 10,
                "warranty": int(warranties[i]), "chest": int(chests[i]), "history": histories[i],
                "added": str(today - dt.timedelta(days=int(ages[i]))), "backdrop": int(backdrops[i]),
            }
        )  # fmt: skip
    return products


def _name(rng: np.random.Generator, noun: str) -> str:
    brand, look = divmod(int(rng.integers(len(words.BRANDS) * len(words.LOOKS))), len(words.LOOKS))
    return f"{words.BRANDS[brand]} {words.LOOKS[look]} {noun}"


def _histories(rng: np.random.Generator, prices: list[int]) -> list[str]:
    """Prices of the past twelve months: which is the lowest and which the highest is drawn uniformly."""
    levels = rng.permuted(np.tile(np.arange(12), (len(prices), 1)), axis=1)
    steps = 0.78 + 0.03 * levels + 0.07 * (levels == 11) - 0.07 * (levels == 0)
    cents = np.rint(np.array(prices)[:, None] * steps).astype(int).tolist()
    return [",".join(map(str, row)) for row in cents]


def _reviews(site: Site) -> None:
    rng, today, rows = site.world.rng("shop", "reviews"), site.world.now.date(), list[dict[str, Any]]()
    names = [person.name for person in site.world.others]
    people = rng.permuted(np.tile(np.arange(len(names)), (PRODUCTS, 1)), axis=1).tolist()
    stars, texts = rng.integers(1, 6, (PRODUCTS, 6)).tolist(), rng.integers(1 << 20, size=(PRODUCTS, 6)).tolist()
    days = [str(today - dt.timedelta(days=age)) for age in range(1, 301)]
    for product in range(PRODUCTS):
        count = 2 + product % 5
        draws = (people[product][:count], stars[product][:count], texts[product][:count])
        for person, star, text in zip(*draws, strict=True):
            opening, remark = words.OPENINGS[text % 10], words.REMARKS[text // 10 % 10]
            rows.append(
                {
                    "product_id": product + 1, "author": names[person], "stars": star,
                    "title": words.TITLES[text // 100 % len(words.TITLES)], "body": f"{opening} {remark}",
                    "day": days[text // 2000 % 300],
                }
            )  # fmt: skip
    site.insert("shop_reviews", rows)


def _addresses(site: Site) -> list[dict[str, Any]]:
    rng, me = site.world.rng("shop", "addresses"), site.world.me
    friends = [site.world.others[i] for i in rng.choice(len(site.world.others), 3, replace=False)]
    people = [("Home", me.name, me), ("Office", me.name, friends[0])]
    people += [(friend.first, friend.name, friend) for friend in friends[1:]]
    return [
        {
            "label": label, "name": name, "street": person.street, "postcode": f"{rng.integers(10_000, 99_999)}",
            "city": person.city,
        }
        for label, name, person in people
    ]  # fmt: skip


def _orders(site: Site, products: list[dict[str, Any]], home: dict[str, Any]) -> None:
    rng, items = site.world.rng("shop", "items"), list[dict[str, Any]]()
    orders = draw_orders(site.world)
    place = {key: home[key] for key in ("name", "street", "postcode", "city")}
    for order_id, order in enumerate(orders, 1):
        for good, quantity in order.items:
            line = _choice(rng, products[good])
            items.append({"order_id": order_id, "quantity": quantity, "price": products[good]["price"], **line})
    site.insert(
        "shop_orders",
        [
            {
                "number": order.number, "day": str(order.day), "status": order.status, "payment": order.payment,
                "paid": int(order.paid_on is not None), "delivery": order.delivery, "total": order.total,
                "coupon": "", "note": "", **place,
            }
            for order in orders
        ],
    )  # fmt: skip
    site.insert("shop_items", items)
