"""Tasks of the shop whose answer is only drawn: colours of goods, stars, size charts, price histories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.shop.steps import NOT_IN_FRONT, go, month_answers, open_product, pick, show_low, some
from mmgym_web.webnav.sites.shop.words import CATEGORIES, COLOURS, SIZES

__all__ = ["PIXEL_TEMPLATES"]

_CHESTS = range(95, 108)
"""For these, each size is equally likely to be right, whatever chart one imagines: charts begin at 60 to 107 cm."""


class PictureColour(Template):
    """Say which of its colours a product has in its picture: one of six."""

    name, sites, level, pixels = "shop_picture_colour", ("shop",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product that the front page does not show."""
        site = episode.site("shop")
        product = some(site, rng, f"SELECT id, name, colour FROM shop_products WHERE {NOT_IN_FRONT} ORDER BY id")
        text = pick(
            rng, ("In which of its colours does the shop's picture show the {}?",
                  "What is the main colour of the {} in its picture?",
                  "Look at the picture of the {} in the shop: which colour is it?"),
        )  # fmt: skip
        also = (site.t(product["colour"]),)
        return Task(
            "shop", f"{text.format(product['name'])} Answer with one of: {', '.join(COLOURS)}.", 4,
            answer=Answer(product["colour"], also=also), milestones=("/products",),
            facts={"id": product["id"], "name": product["name"], "answer": product["colour"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search for it and look."""
        if not (g.site == "shop" and g.path.startswith("/products?q=")):
            yield from open_product(g, task.facts["id"], task.facts["name"])
        yield from g.answer(task.facts["answer"])


class ReviewStars(Template):
    """Say how many stars somebody gave: one to five, drawn."""

    name, sites, level, pixels = "shop_stars", ("shop",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A review; nobody has written two of a product."""
        review = some(
            episode.site("shop"), rng,
            "SELECT r.*, p.name FROM shop_reviews r JOIN shop_products p ON p.id = r.product_id ORDER BY r.id",
        )  # fmt: skip
        text = pick(
            rng, ("How many stars did {author} give the {name}?", "What is {author}'s rating of the {name}, in stars?",
                  "Read the reviews of the {name}: how many of the five stars come from {author}?"),
        )  # fmt: skip
        return Task(
            "shop", f"{text.format(author=review['author'], name=review['name'])} Answer with a number.", 2,
            f"/product/{review['product_id']}", answer=Answer(str(review["stars"]), "number"),
            milestones=("/reviews",),
            facts={
                "id": review["id"], "product": review["product_id"], "name": review["name"],
                "answer": str(review["stars"]),
            },
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look at the review."""
        path = f"/product/{task.facts['product']}"
        if not g.at("shop", f"{path}/reviews"):
            yield from open_product(g, task.facts["product"], task.facts["name"])
            yield from g.visit("shop", f"{path}/reviews")
        yield from show_low(g, f'img[src="/stars/{task.facts["id"]}"]')
        yield from g.answer(task.facts["answer"])


class OnlyColour(Template):
    """Put the one product of a category that is shown in a colour on the wish list."""

    name, sites, level, pixels = "shop_only_colour", ("shop",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """At least five products come in the colour, but only one is shown in it."""
        category, colour = pick(rng, list(CATEGORIES)), pick(rng, list(COLOURS))
        rows = episode.site("shop").rows(
            "SELECT id, colour, id IN (SELECT product_id FROM shop_wishes) AS wished FROM shop_products "
            "WHERE category = ? AND ',' || colours || ',' LIKE ? ORDER BY id", category, f"%,{colour},%",
        )  # fmt: skip
        shown = [row for row in rows if row["colour"] == colour]
        if len(shown) != 1 or shown[0]["wished"] or sum(not row["wished"] for row in rows) < 5:
            raise Redraw("not exactly one is shown in this colour")
        text = pick(
            rng, ("In the category {cat} exactly one product is pictured in {col}. Put it on my wish list.",
                  "Add the product of the category {cat} whose picture is {col} to the wish list.",
                  "Look through {cat} in the shop and save the one thing that its picture shows in {col} to my "
                  "wish list."),
        )  # fmt: skip
        product = shown[0]["id"]
        return Task(
            "shop", text.format(cat=category, col=colour), 4,
            expects=(Expect("shop_wishes", "insert", {"product_id": product}),),
            hidden=str([row["id"] for row in rows].index(product)),
            milestones=("/products", f"/product/{product}"), facts={"id": product, "category": category},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look at the category, open the one, press the button."""
        path = f"/product/{task.facts['id']}"
        listing = f"/products?category={task.facts['category']}"
        if not g.at("shop", path) and not g.at("shop", listing):
            yield from go(g, "shop", "/", listing)
        yield from g.visit("shop", path)
        yield from g.click('button[form="wish"]')


class SizeChart(Template):
    """Buy a garment in the size that a drawn chart gives for a chest: one of six."""

    name, sites, level, pixels = "shop_size_chart", ("shop",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A garment whose chart covers the chest."""
        product = some(
            episode.site("shop"), rng,
            "SELECT * FROM shop_products WHERE sizes != '' AND stock > 0 AND id NOT IN "
            "(SELECT product_id FROM shop_cart) ORDER BY id",
        )  # fmt: skip
        chest = pick(rng, _CHESTS)
        row = (chest - product["chest"]) // 6
        if not 0 <= row < len(SIZES):
            raise Redraw("the chart does not cover this chest")
        colour = pick(rng, product["colours"].split(","))
        text = pick(
            rng, ("My chest measures {chest} cm. Put the {name} in {colour} into the basket, in the size that its size "
                  "chart gives for me.",
                  "Look up in the size chart of the {name} which size fits a chest of {chest} cm, and add one in "
                  "{colour} to the basket.",
                  "Buy me the {name} in {colour}: by the size chart it has to fit a chest of {chest} cm. The basket "
                  "is enough, do not check out."),
        )  # fmt: skip
        wanted = {"product_id": product["id"], "colour": colour, "size": SIZES[row], "quantity": 1}
        return Task(
            "shop", text.format(chest=chest, name=product["name"], colour=colour), 6,
            f"/products?category={product['category']}", expects=(Expect("shop_cart", "insert", wanted),),
            milestones=(f"/product/{product['id']}",), facts=wanted | {"name": product["name"]}, hidden=SIZES[row],
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the chart, read it, choose."""
        yield from open_product(g, task.facts["product_id"], task.facts["name"])
        yield from g.choose("#colour", task.facts["colour"])
        size = g.find("#size")
        if size and size.value != task.facts["size"]:
            if not g.find("section#sizes img"):
                yield from g.click('.tabs button[data-tab="sizes"]')
            yield from show_low(g, "section#sizes img")
            yield from g.choose("#size", task.facts["size"])
        yield from g.click('button[form="buy"]')


class PriceMonth(Template):
    """Say in which month a product was cheapest or dearest: one of twelve, on a canvas."""

    name, sites, level, pixels = "shop_price_month", ("shop",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product that the front page does not show."""
        site = episode.site("shop")
        product = some(site, rng, f"SELECT id, name, history FROM shop_products WHERE {NOT_IN_FRONT} ORDER BY id")
        cents = [int(price) for price in product["history"].split(",")]
        best, word = pick(rng, ((min(cents), "lowest"), (max(cents), "highest")))
        year, month = divmod(site.world.now.year * 12 + site.world.now.month - 1 - (12 - cents.index(best)), 12)
        text = pick(
            rng, ("In which of the past twelve months was the price of the {name} {word}?",
                  "Look at the price history of the {name}: in which month was its price {word}?",
                  "When did the {name} have its {word} price of the past twelve months?"),
        )  # fmt: skip
        right = month_answers(month + 1, year)
        return Task(
            "shop", f"{text.format(name=product['name'], word=word)} Answer with the name of the month in English.", 7,
            answer=Answer(right[0], also=right[1:]), milestones=("/products", f"/product/{product['id']}"),
            facts={"id": product["id"], "name": product["name"], "answer": right[0]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open its price history."""
        yield from open_product(g, task.facts["id"], task.facts["name"])
        if not g.find("section#history canvas"):
            yield from g.click('.tabs button[data-tab="history"]')
        yield from show_low(g, "section#history canvas")
        yield from g.answer(task.facts["answer"])


PIXEL_TEMPLATES = (PictureColour, ReviewStars, OnlyColour, SizeChart, PriceMonth)
