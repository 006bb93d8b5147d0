"""Longer tasks of the shop: filters, coupons, returns, reviews, checkout, comparisons."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.shop.orders import DELIVERIES
from mmgym_web.webnav.sites.shop.steps import go, open_product, pick, seen, some
from mmgym_web.webnav.sites.shop.words import CATEGORIES, REASONS

__all__ = ["LONG_TEMPLATES"]

_PUBLISHED = (
    "Worth its price", "Not what I hoped for", "Would buy again", "Too loud for me", "Lovely in the hall", "Just right",
    "Smaller than expected", "My favourite by far", "Broke after a week", "Hard to clean",
)  # fmt: skip


class FilterCheapest(Template):
    """Put the cheapest product of a category with a minimum rating on the wish list."""

    name, sites, level = "shop_cheapest", ("shop",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A rating that the cheapest of all does not have."""
        site, category = episode.site("shop"), pick(rng, list(CATEGORIES))
        rating = pick(rng, (35, 40, 45))
        rows = site.rows(
            "SELECT id, name, rating, id IN (SELECT product_id FROM shop_wishes) AS wished FROM shop_products "
            "WHERE category = ? ORDER BY price", category,
        )  # fmt: skip
        good = [row for row in rows if row["rating"] >= rating]
        if len(good) < 2 or good[0]["id"] == rows[0]["id"] or good[0]["wished"]:
            raise Redraw("the filter would make no difference")
        text = pick(
            rng, ("Put the cheapest product of the category {c} that is rated {r} or better on my wish list.",
                  "In the shop's category {c}, find the product with the lowest price among those with at least {r} "
                  "of 5 stars on average, and add it to the wish list.",
                  "Among the goods in {c} with a rating of {r} or more, add the least expensive one to my wish list."),
        )  # fmt: skip
        return Task(
            "shop", text.format(c=category, r=rating / 10), 6,
            expects=(Expect("shop_wishes", "insert", {"product_id": good[0]["id"]}),),
            milestones=("/products", "rating=", f"/product/{good[0]['id']}"),
            facts={"id": good[0]["id"], "category": category, "rating": f"{rating / 10:.1f}"},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The category, the filter, the order, the product, its button."""
        if not g.at("shop", f"/product/{task.facts['id']}"):
            found = f"category={task.facts['category']}&colour=&rating={task.facts['rating']}&min=&max=&sort=cheap"
            if not g.path.endswith(found):
                if not g.find("form.filters") or f"category={task.facts['category']}" not in g.path:
                    yield from g.visit("shop", "/")
                    yield from g.visit("shop", f"/products?category={task.facts['category']}")
                yield from g.choose("#rating", g.t("{stars} or more", stars=task.facts["rating"]))
                yield from g.choose("#sort", "Price: low to high")
                yield from g.click("form.filters button")
            yield from g.visit("shop", f"/product/{task.facts['id']}")
        yield from g.click('button[form="wish"]')


class BestCoupon(Template):
    """Use the coupon with the highest discount."""

    name, sites, level = "shop_coupon", ("shop",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The best of the offers, or the one that is valid longest."""
        by, texts = pick(
            rng,
            (
                ("percent", ("Use the coupon with the highest discount for my basket.",
                             "Which of the shop's coupons takes off most? Use it for my basket.",
                             "Apply the shop's best discount code to the basket.")),
                ("until", ("Use the coupon that is valid longest for my basket.",
                           "Apply the discount code that runs out last to the basket.")),
            ),
        )  # fmt: skip
        codes = [row["code"] for row in episode.site("shop").rows(f"SELECT code FROM shop_coupons ORDER BY {by} DESC")]
        code = codes[0]
        asked = pick(rng, texts)
        return Task(
            "shop", asked, 5, expects=(Expect("shop_baskets", "update", {}, {"coupon": code}),),
            milestones=("/offers", "/cart"), content=f"{asked} {codes}", facts={"code": code},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look at the offers, then type the code in the basket."""
        if not g.at("shop", "/cart") and not g.at("shop", "/coupon"):
            yield from go(g, "shop", "/offers", "/cart") if g.at("shop", "/offers") else g.visit("shop", "/offers")
        yield from g.fill("#code", task.facts["code"])
        yield from g.click('form[action="/coupon"] button')


class Return(Template):
    """Return a product of an order for a reason."""

    name, sites, level = "shop_return", ("shop",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product of a delivered order."""
        item = some(
            episode.site("shop"), rng,
            "SELECT o.id AS order_id, o.number, i.product_id, p.name FROM shop_orders o JOIN shop_items i ON "
            "i.order_id = o.id JOIN shop_products p ON p.id = i.product_id WHERE o.status = 'Delivered' ORDER BY i.id",
        )  # fmt: skip
        reason = pick(rng, REASONS)
        text = pick(
            rng, ("Return the {name} of order {number}. The reason: {reason}.",
                  "I want to send back the {name} from order {number}, because: {reason}. Register the return.",
                  "Register a return for order {number}: the {name}. Give as reason: {reason}."),
        )  # fmt: skip
        wanted = {"order_id": item["order_id"], "product_id": item["product_id"], "reason": reason, "paid_on": ""}
        return Task(
            "shop", text.format(name=item["name"], number=item["number"], reason=reason.lower()), 6,
            expects=(Expect("shop_returns", "insert", wanted),),
            milestones=("/orders", f"/orders/{item['order_id']}", "/return"), facts=wanted | {"name": item["name"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Orders, the order, its form."""
        path = f"/orders/{task.facts['order_id']}"
        yield from go(g, "shop", "/orders", path, f"{path}/return")
        yield from g.choose("#product", task.facts["name"])
        yield from g.choose("#reason", task.facts["reason"])
        yield from g.click("form#return button")


class Review(Template):
    """Write a review."""

    name, sites, level = "shop_review", ("shop",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product, stars and a title."""
        product = some(episode.site("shop"), rng, "SELECT id, name FROM shop_products ORDER BY id")
        stars, title = int(rng.integers(1, 6)), pick(rng, _PUBLISHED)
        text = pick(
            rng, ("Write a review of the {name} with {n} of 5 stars and the title '{title}'; it needs no text.",
                  "Rate the {name}: stars: {n}, title: {title}. Publish it without a text.",
                  "Publish a review of the {name}, titled '{title}', that gives {n} of five stars and has no text."),
        )  # fmt: skip
        wanted = {"product_id": product["id"], "stars": stars, "title": title, "body": ""}
        return Task(
            "shop", text.format(name=product["name"], n=stars, title=title), 5, f"/product/{product['id']}",
            expects=(Expect("shop_reviews", "insert", wanted),), milestones=("/reviews",),
            facts=wanted | {"name": product["name"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The reviews' page and its form."""
        path = f"/product/{task.facts['product_id']}"
        if not g.at("shop", f"{path}/reviews"):
            yield from open_product(g, task.facts["product_id"], task.facts["name"])
            yield from g.visit("shop", f"{path}/reviews")
        yield from g.choose("#stars", str(task.facts["stars"]))
        yield from g.fill("#title", task.facts["title"])
        yield from g.click("form#review button")


class Checkout(Template):
    """Order what is in the basket: address, delivery, payment and a note."""

    name, sites, level = "shop_checkout", ("shop",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An address, a delivery and a payment."""
        site = episode.site("shop")
        lines = site.rows("SELECT id, product_id, colour, size, quantity FROM shop_cart ORDER BY id")
        place = some(site, rng, "SELECT * FROM shop_addresses ORDER BY id")
        delivery, payment = pick(rng, list(DELIVERIES)), pick(rng, ("Card", "Invoice"))
        note = pick(rng, ("Ring twice", "Leave at the gate", "Third floor", "Beware of the dog", "Call before")) + pick(
            rng, ("", " please", " if it rains", " before noon")
        )
        how = {"Standard": "standard delivery", "Express": "express delivery", "Pick-up": "pick-up instead of delivery"}
        text = pick(
            rng, ("Order what is in my basket: address '{label}', {how}, paid by {payment}, with the note for the "
                  "driver '{note}'.",
                  "Check out my basket. Choose the address '{label}', {how} and payment by {payment}, and leave the "
                  "driver the note '{note}'.",
                  "Buy everything in the basket with {how} to '{label}'; pay by {payment}. The driver should read: "
                  "'{note}'."),
        )  # fmt: skip
        order = {key: place[key] for key in ("name", "street", "postcode", "city")}
        order |= {"delivery": delivery, "payment": payment, "note": note, "coupon": "", "status": "Processing"}
        items = [{key: line[key] for key in ("product_id", "colour", "size", "quantity")} for line in lines]
        return Task(
            "shop", text.format(label=place["label"], how=how[delivery], payment=payment.lower(), note=note), 8,
            expects=(
                Expect("shop_orders", "insert", order),
                *(Expect("shop_items", "insert", item) for item in items),
                *(Expect("shop_cart", "delete", {"id": line["id"]}) for line in lines),
            ),
            milestones=("/cart", "/checkout"),
            facts={
                "address": f"{place['label']}: {place['street']}, {place['city']}", "delivery": delivery,
                "payment": payment, "note": note,
            },
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Basket, checkout, the form."""
        yield from go(g, "shop", "/cart", "/checkout")
        yield from g.choose("#address", task.facts["address"])
        yield from g.check(f'input[name="delivery"][value="{task.facts["delivery"]}"]')
        yield from g.choose("#payment", task.facts["payment"])
        yield from g.fill("#note", task.facts["note"])
        yield from g.click("form#order button")


class CompareWishes(Template):
    """Say which of three products on the wish list is the lightest or heaviest."""

    name, sites, level = "shop_compare", ("shop",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """No two products weigh the same."""
        rows = episode.site("shop").rows(
            "SELECT p.id, p.name, p.weight FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id ORDER BY w.id"
        )
        rows = [rows[i] for i in rng.permutation(len(rows))[:3]]
        best, words = pick(rng, ((min, ("lightest", "weighs least")), (max, ("heaviest", "weighs most"))))
        text = pick(
            rng, ("Which of these three products on my wish list is the {0}: the {names}?",
                  "Three things on my wish list: the {names}. Which of them {1}?"),
        )  # fmt: skip
        names = f"{rows[0]['name']}, the {rows[1]['name']} or the {rows[2]['name']}"
        answer = Answer(best(rows, key=lambda row: row["weight"])["name"])
        return Task(
            "shop", f"{text.format(*words, names=names)} Answer with its full name.", 7, answer=answer,
            milestones=("/wishes", "/product/"),
            facts={"ids": sorted(row["id"] for row in rows), "answer": answer.value},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Look at each of them, then answer."""
        left = [product for product in task.facts["ids"] if product not in seen(g)]
        if left:
            yield from go(g, "shop", "/wishes", f"/product/{left[0]}")
        yield from g.answer(task.facts["answer"])


LONG_TEMPLATES = (FilterCheapest, BestCoupon, Return, Review, Checkout, CompareWishes)
