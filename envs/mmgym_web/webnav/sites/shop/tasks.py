"""Short tasks of the shop: one page, or a few, of which the text says everything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.shop.steps import NOT_IN_FRONT, go, open_product, pick, some

__all__ = ["SHORT_TEMPLATES"]

_UNWISHED = "id NOT IN (SELECT product_id FROM shop_wishes)"


class OpenProduct(Template):
    """Open the page of a product in a category."""

    name, sites, level = "shop_open_product", ("shop",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the eight products of a category."""
        product = some(episode.site("shop"), rng, "SELECT id, name, category FROM shop_products ORDER BY id")
        text = pick(
            rng,
            (
                "Open the page of the {}.",
                "Show me the {} in detail: open its page.",
                "Go to the product page of the {}.",
            ),
        )
        return Task(
            "shop", text.format(product["name"]), 1, f"/products?category={product['category']}",
            page=f"shop:/product/{product['id']}", milestones=(f"/product/{product['id']}",),
            facts={"id": product["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click its name."""
        yield from g.visit("shop", f"/product/{task.facts['id']}")


class AddWish(Template):
    """Put the product that is shown on the wish list."""

    name, sites, level = "shop_wish", ("shop",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product that is not on it."""
        product = some(episode.site("shop"), rng, f"SELECT id, name FROM shop_products WHERE {_UNWISHED} ORDER BY id")
        text = pick(
            rng, ("Put the {} on my wish list.", "Add the {} to the wish list.", "Save the {} to my list of wishes.")
        )
        return Task(
            "shop", text.format(product["name"]), 1, f"/product/{product['id']}",
            expects=(Expect("shop_wishes", "insert", {"product_id": product["id"]}),), facts=dict(product),
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press the button."""
        yield from open_product(g, task.facts["id"], task.facts["name"])
        yield from g.click('button[form="wish"]')


class RemoveLine(Template):
    """Remove a product from the basket."""

    name, sites, level = "shop_remove", ("shop",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One line of the basket."""
        line = some(episode.site("shop"), rng, _LINES)
        text = pick(
            rng, ("Remove the {} from the basket.", "I do not want the {} after all: take it out of the basket.",
                  "Delete the {} from my basket."),
        )  # fmt: skip
        expects = (Expect("shop_cart", "delete", {"id": line["id"]}),)
        return Task("shop", text.format(line["name"]), 1, "/cart", expects=expects, facts={"id": line["id"]})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press the button of its line."""
        yield from g.visit("shop", "/cart")
        yield from g.click(f'form[action="/cart/{task.facts["id"]}/remove"] button')


_LINES = (
    "SELECT c.*, p.name FROM shop_cart c JOIN shop_products p ON p.id = c.product_id "
    "WHERE (SELECT count(*) FROM shop_cart d WHERE d.product_id = c.product_id) = 1 ORDER BY c.id"
)


class FindPrice(Template):
    """Find what a product costs."""

    name, sites, level = "shop_price", ("shop",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product that the front page does not show."""
        product = some(
            episode.site("shop"), rng, f"SELECT id, name, price FROM shop_products WHERE {NOT_IN_FRONT} ORDER BY id"
        )
        text = pick(
            rng, ("How much is the {} in the shop?", "What does the {} cost?", "Find the price of the {}.",
                  "I am thinking of buying the {}. What is its price?"),
        )  # fmt: skip
        answer = Answer(f"{product['price'] / 100:.2f}", "number")
        return Task(
            "shop", f"{text.format(product['name'])} Answer with the amount in dollars.", 4, answer=answer,
            milestones=("/products",), facts={"id": product["id"], "name": product["name"], "answer": answer.value},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search for it."""
        path = f"/product/{task.facts['id']}"
        if not g.at("shop", path) and not (g.site == "shop" and g.path.startswith("/products?q=")):
            yield from open_product(g, task.facts["id"], task.facts["name"])
        yield from g.answer(task.facts["answer"])


class ChangeQuantity(Template):
    """Change how many of a product are in the basket."""

    name, sites, level = "shop_quantity", ("shop",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A line of the basket, and a quantity that it has not."""
        line = some(episode.site("shop"), rng, _LINES)
        quantity = pick(rng, [n for n in range(2, 31) if n != line["quantity"]])
        text = pick(
            rng, ("Make it {n} of the {name} in the basket.", "I need {n} of the {name}: change the basket.",
                  "Set the quantity of the {name} in my basket to {n}."),
        )  # fmt: skip
        return Task(
            "shop", text.format(n=quantity, name=line["name"]), 4, "/cart",
            expects=(Expect("shop_cart", "update", {"id": line["id"]}, {"quantity": quantity}),),
            facts={"id": line["id"], "quantity": str(quantity)},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Type the quantity and press the line's button."""
        form = f'form[action="/cart/{task.facts["id"]}"]'
        yield from g.visit("shop", "/cart")
        yield from g.fill(f"{form} input", task.facts["quantity"])
        yield from g.click(f"{form} button")


class CancelOrder(Template):
    """Cancel an order."""

    name, sites, level = "shop_cancel_order", ("shop",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An order that is being processed."""
        order = some(
            episode.site("shop"), rng, "SELECT id, number FROM shop_orders WHERE status = 'Processing' ORDER BY id"
        )
        text = pick(rng, ("Cancel order {}.", "I no longer need order {}: cancel it.", "Please call off order {}."))
        return Task(
            "shop", text.format(order["number"]), 4,
            expects=(Expect("shop_orders", "update", {"id": order["id"]}, {"status": "Cancelled"}),),
            milestones=("/orders", f"/orders/{order['id']}", "/cancel"), facts={"id": order["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Orders, the order, its button, and yes."""
        path = f"/orders/{task.facts['id']}"
        yield from go(g, "shop", "/orders", path, f"{path}/cancel")
        yield from g.click("form button.danger")


class PruneWishes(Template):
    """Take every wish over a price off the wish list."""

    name, sites, level = "shop_prune_wishes", ("shop",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A round price that is exceeded by two or three of the wishes."""
        rows = episode.site("shop").rows(
            "SELECT w.id, p.price FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id ORDER BY p.price DESC"
        )
        count = pick(rng, (2, 3))
        if len(rows) <= count:
            raise Redraw("too few wishes")
        low, high = rows[count]["price"], rows[count - 1]["price"]
        limits = [cents for cents in range(0, 30_000, 500) if low < cents < high]
        if not limits:
            raise Redraw("no round price between two wishes")
        text = pick(
            rng, ("Remove everything that costs more than ${} from my wish list.",
                  "Clean up my wish list: whatever is dearer than ${} has to go, the rest stays.",
                  "Take all products above ${} off the wish list."),
        )  # fmt: skip
        ids = [row["id"] for row in rows[:count]]
        return Task(
            "shop", text.format(pick(rng, limits) // 100), 1 + count,
            expects=tuple(Expect("shop_wishes", "delete", {"id": id}) for id in ids), milestones=("/wishes",),
            facts={"ids": ids},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press one button after the other."""
        yield from g.visit("shop", "/wishes")
        for wish in task.facts["ids"]:
            if g.find(f'form[action="/wishes/remove/{wish}"] button'):
                yield from g.click(f'form[action="/wishes/remove/{wish}"] button')


class BuyChoice(Template):
    """Put a product in a given colour, size and quantity into the basket, or say that it is sold out."""

    name, sites, level = "shop_basket", ("shop",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product that is not in the basket; one in four is sold out."""
        sold_out = rng.random() < 0.25
        product = some(
            episode.site("shop"), rng,
            f"SELECT * FROM shop_products WHERE stock {'=' if sold_out else '>'} 0 AND id NOT IN "
            "(SELECT product_id FROM shop_cart) ORDER BY id",
        )  # fmt: skip
        colour, quantity = pick(rng, product["colours"].split(",")), int(rng.integers(2, 8))
        size = pick(rng, product["sizes"].split(","))
        what = f"{quantity} of the {product['name']} in {colour}" + (f", size {size}," if size else "")
        text = pick(
            rng, ("Put {} into the basket.", "Add {} to my basket.", "I want {} in my shopping basket."),
        )  # fmt: skip
        wanted = {"product_id": product["id"], "colour": colour, "size": size, "quantity": quantity}
        return Task(
            "shop",
            f"{text.format(what)} If its page says that it is sold out, say there that it cannot be done.",
            2 if sold_out else 5 if size else 4, f"/products?category={product['category']}",
            expects=() if sold_out else (Expect("shop_cart", "insert", wanted),), infeasible=sold_out,
            page=f"shop:/product/{product['id']}" if sold_out else "",
            milestones=(f"/product/{product['id']}",), facts=wanted | {"name": product["name"], "sold_out": sold_out},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open it, make the choices, press the button."""
        yield from open_product(g, task.facts["product_id"], task.facts["name"])
        if task.facts["sold_out"]:
            yield from g.fail("It is sold out.")
        yield from g.choose("#colour", task.facts["colour"])
        if task.facts["size"]:
            yield from g.choose("#size", task.facts["size"])
        yield from g.choose("#quantity", str(task.facts["quantity"]))
        yield from g.click('button[form="buy"]')


class Postcode(Template):
    """Change the postcode of an address."""

    name, sites, level = "shop_postcode", ("shop",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the address book's entries."""
        row = some(episode.site("shop"), rng, "SELECT id, label FROM shop_addresses ORDER BY id")
        code = f"{rng.integers(10_000, 99_999)}"
        text = pick(
            rng, ("The postcode of the address '{label}' is wrong: it should be {code}. Correct it in the shop.",
                  "Change the postcode of my shop address '{label}' to {code}.",
                  "In the shop's address book, set the postcode of '{label}' to {code}."),
        )  # fmt: skip
        return Task(
            "shop", text.format(label=row["label"], code=code), 6,
            expects=(Expect("shop_addresses", "update", {"id": row["id"]}, {"postcode": code}),),
            milestones=("/addresses", f"/addresses/{row['id']}"), facts={"id": row["id"], "code": code},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Address book, the entry, the field, save."""
        yield from go(g, "shop", "/addresses", f"/addresses/{task.facts['id']}")
        yield from g.fill("#postcode", task.facts["code"])
        yield from g.click("form#address button")


SHORT_TEMPLATES = (
    OpenProduct, AddWish, RemoveLine, FindPrice, ChangeQuantity, CancelOrder, PruneWishes, BuyChoice, Postcode,
)  # fmt: skip
