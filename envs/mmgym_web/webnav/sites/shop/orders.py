"""The orders that have been made in the shop before the episode. The bank knows their payments from here, too."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from mmgym_web.webnav.kit.world import World

__all__ = ["PRODUCTS", "SHOP_IBAN", "Order", "draw_orders", "draw_prices"]

PRODUCTS = 48
"""How many goods the shop has."""
SHOP_IBAN = "GB40 PENN 6016 1331 9268 19"
"""Account that invoices are paid to."""
DELIVERIES = {"Standard": 495, "Express": 1295, "Pick-up": 0}
"""Ways of delivery and what they cost, in cents."""


@dataclass(frozen=True)
class Order:
    """One order. Its items are indices of goods, from 0, with quantities."""

    number: str
    day: dt.date
    status: str
    payment: str
    """``Card`` or ``Invoice``."""
    paid_on: dt.date | None
    """When the bank booked the payment; None: not paid yet."""
    delivery: str
    items: tuple[tuple[int, int], ...]
    total: int
    """In cents."""


def draw_prices(world: World) -> list[int]:
    """Prices of all goods in cents; no two are equal."""
    rng = world.rng("shop", "prices")
    units, ends = rng.permutation(range(6, 280))[:PRODUCTS], rng.integers(4, size=PRODUCTS)
    return [int(unit) * 100 + (0, 50, 90, 95)[end] for unit, end in zip(units, ends, strict=True)]


def draw_orders(world: World) -> list[Order]:
    """Fifteen orders, the newest first."""
    rng, prices, orders = world.rng("shop", "orders"), draw_prices(world), list[Order]()
    numbers = rng.choice(90_000, 15, replace=False) + 10_000
    ages = sorted(int(age) for age in rng.choice(range(1, 72), 15, replace=False))
    unpaid = {int(i) for i in rng.choice(range(2, 8), 2, replace=False)}
    for index, (number, age) in enumerate(zip(numbers, ages, strict=True)):
        day = world.now.date() - dt.timedelta(days=age)
        goods = rng.choice(PRODUCTS, int(rng.integers(1, 4)), replace=False)
        items = tuple((int(good), int(rng.integers(1, 4))) for good in goods)
        delivery = ("Standard", "Standard", "Express")[rng.integers(3)]
        status = "Processing" if index < 3 else "Shipped" if index < 5 else "Delivered"
        paid_on = None if index in unpaid else day + dt.timedelta(days=min(age, int(rng.integers(1, 5))))
        total = DELIVERIES[delivery] + sum(prices[good] * quantity for good, quantity in items)
        payment = "Invoice" if index in unpaid or rng.random() < 0.2 else "Card"
        orders.append(Order(f"P-{number}", day, status, payment, paid_on, delivery, items, total))
    return orders
