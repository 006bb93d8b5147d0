"""What drawing and guiding tasks of the shop and the bank have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.kit.task import Redraw

__all__ = ["MONTHS", "NOT_IN_FRONT", "go", "month_answers", "open_product", "pick", "seen", "show_low", "some"]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

NOT_IN_FRONT = (
    "id NOT IN (SELECT id FROM shop_products ORDER BY added DESC, id LIMIT 6) AND id NOT IN "
    "(SELECT id FROM shop_products ORDER BY rating DESC, ratings DESC, id LIMIT 4)"
)
"""Goods that the front page does not show."""

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of `options`, all equally likely."""
    return options[int(rng.integers(len(options)))]


def some(site: Site, rng: np.random.Generator, sql: str, *values: Any) -> Any:
    """A row of a query, all equally likely.

    Raises:
        Redraw: when there is none.
    """
    rows = site.rows(sql, *values)
    if not rows:
        raise Redraw(f"no row for {sql}")
    return pick(rng, rows)


def month_answers(month: int, year: int) -> tuple[str, ...]:
    """How one may write a month (1-12) of a year."""
    name = MONTHS[month - 1]
    return (
        name, f"{name} {year}", name[:3], f"{month:02}/{year % 100:02}", f"{month:02}/{year}", f"{year}-{month:02}",
        f"{month:02}", f"{month}", f"{month}/{year}",
    )  # fmt: skip


def go(g: Guide, site: str, *paths: str) -> Iterator[ToolCall]:
    """Go along pages that link to each other, from wherever on the way one is, to the last of them."""
    if g.at(site, paths[-1]):
        return
    here = next((i for i, path in enumerate(paths) if g.at(site, path)), -1)
    for path in reversed(paths[here + 1 :]):
        if g.find("a[href]", href=g.episode.site(site).url(path)):
            yield from g.visit(site, path)
    yield from g.visit(site, paths[here + 1])


def open_product(g: Guide, product: int, name: str) -> Iterator[ToolCall]:
    """Go to a product's page: by a link to it, else by searching for its name."""
    path = f"/product/{product}"
    if g.at("shop", path):
        return
    if g.site != "shop":
        yield from g.visit("shop", "/")
    if not g.find("a[href]", href=g.episode.site("shop").url(path)):
        yield from g.fill('header.site input[name="q"]', name)
        yield from g.click("header.site form button")
    yield from g.visit("shop", path)


def show_low(g: Guide, selector: str) -> Iterator[ToolCall]:
    """Scroll until an element is in the lower half of the view, so that what stands above it can be used as well."""
    spot = g.find(selector)
    if spot and not spot.shown:
        height = g.page.query("innerHeight")
        yield ToolCall("scroll", {"x": 320, "y": 240, "dx": 0, "dy": spot.y - round(0.75 * height)})


def seen(g: Guide) -> set[int]:
    """Products whose pages have been looked at."""
    return {product for data in g.episode.sessions.get("shop", {}).values() for product in data.get("seen", [])}
