"""Tasks across the bank and the shop: what is read on one is used on the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Task, Template
from mmgym_web.webnav.sites.bank.ledger import SHOP_NAME
from mmgym_web.webnav.sites.bank.steps import enter, search, transfer
from mmgym_web.webnav.sites.bank.tasks_long import fill_standing
from mmgym_web.webnav.sites.shop.orders import SHOP_IBAN
from mmgym_web.webnav.sites.shop.steps import NOT_IN_FRONT, go, open_product, pick, some
from mmgym_web.webnav.sites.shop.words import REASONS

__all__ = ["CROSS_TEMPLATES"]


class PayOrder(Template):
    """Look up the total of an unpaid order in the shop and pay it by transfer, with its number as reference."""

    name, sites, level = "shop_bank_pay_order", ("shop", "bank"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An unpaid order that the account can pay."""
        shop, bank = episode.site("shop"), episode.site("bank")
        order = some(shop, rng, "SELECT id, number, total FROM shop_orders WHERE NOT paid ORDER BY id")
        account = some(bank, rng, "SELECT * FROM bank_accounts WHERE balance >= ? ORDER BY id", order["total"])
        text = pick(
            rng, ("My order {number} in the shop is unpaid. Look up its total and pay it today by a transfer at the "
                  "bank ({url}), from the account '{account}' to {payee}, with the order number alone as reference.",
                  "Pay for order {number}: find out its total in the shop, then transfer exactly that to {payee} at "
                  "the bank ({url}) from my account '{account}'. The reference must be the order number.",
                  "{payee} still waits for the money for order {number}. Transfer the order's total from '{account}' "
                  "today; the reference is the order number. The bank is at {url}."),
        )  # fmt: skip
        wanted = {
            "account_id": account["id"], "payee": SHOP_NAME, "iban": SHOP_IBAN, "amount": order["total"],
            "reference": order["number"], "day": str(episode.world.now.date()), "status": "Booked",
        }  # fmt: skip
        balance = account["balance"] - order["total"]
        return Task(
            "shop", text.format(number=order["number"], url=bank.url(), account=account["name"], payee=SHOP_NAME), 12,
            expects=(
                Expect("bank_transfers", "insert", wanted),
                Expect("bank_accounts", "update", {"id": account["id"]}, {"balance": balance}),
            ),
            milestones=("/orders", f"/orders/{order['id']}", "/transfer", "/transfer/confirm"),
            facts={"order": order["id"], **wanted},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The order, then the transfer."""
        facts = task.facts
        if g.site != "bank":
            if not g.at("shop", f"/orders/{facts['order']}"):
                yield from go(g, "shop", "/orders", f"/orders/{facts['order']}")
            yield from enter(g)
        yield from transfer(g, facts["account_id"], SHOP_NAME, facts["amount"], facts["reference"])


class ReturnWithDate(Template):
    """Find when the bank booked an order's payment and give that day in the shop's return form."""

    name, sites, level = "bank_shop_return", ("bank", "shop"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product of a delivered order that has been paid."""
        bank, shop = episode.site("bank"), episode.site("shop")
        item = some(
            shop, rng,
            "SELECT o.id AS order_id, o.number, i.product_id, p.name FROM shop_orders o JOIN shop_items i ON "
            "i.order_id = o.id JOIN shop_products p ON p.id = i.product_id WHERE o.status = 'Delivered' AND o.paid "
            "ORDER BY i.id",
        )  # fmt: skip
        day = bank.value("SELECT day FROM bank_transactions WHERE reference = ?", f"Order {item['number']}")
        reason = pick(rng, REASONS)
        text = pick(
            rng, ("Return the {name} of order {number} in the shop ({url}); the reason: {reason}. The return form asks "
                  "for the day on which the bank booked the payment of that order: look it up here and fill it in.",
                  "On which day did the bank book the payment of order {number}? With that day, register in the shop "
                  "({url}) the return of the {name} from this order. Reason: {reason}.",
                  "I am sending back the {name} from order {number}. Register the return in the shop ({url}) with the "
                  "reason: {reason}, and with the day on which this bank booked the order's payment."),
        )  # fmt: skip
        wanted = {"order_id": item["order_id"], "product_id": item["product_id"], "reason": reason, "paid_on": day}
        asked = text.format(name=item["name"], number=item["number"], url=shop.url(), reason=reason.lower())
        return Task(
            "bank", asked, 12, expects=(Expect("shop_returns", "insert", wanted),),
            milestones=("/transactions", "shop.", f"/orders/{item['order_id']}", "/return"),
            facts={**wanted, "number": item["number"], "name": item["name"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The transaction, then the order and its form."""
        facts = task.facts
        if g.site != "shop":
            yield from search(g, facts["number"])
            yield from g.visit("shop", "/")
        path = f"/orders/{facts['order_id']}"
        yield from go(g, "shop", "/orders", path, f"{path}/return")
        yield from g.choose("#product", facts["name"])
        yield from g.choose("#reason", facts["reason"])
        yield from g.fill("#paid_on", facts["paid_on"])
        yield from g.click("form#return button")


class SaveForProduct(Template):
    """Look up a price in the shop and set up a standing order over it."""

    name, sites, level = "shop_bank_standing", ("shop", "bank"), 5

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A product that the front page does not show, and somebody who buys it in instalments."""
        shop, bank = episode.site("shop"), episode.site("bank")
        product = some(shop, rng, f"SELECT id, name, price FROM shop_products WHERE {NOT_IN_FRONT} ORDER BY id")
        account = some(bank, rng, "SELECT id, name FROM bank_accounts ORDER BY id")
        payee = some(bank, rng, "SELECT name FROM bank_payees WHERE name != ? ORDER BY id", SHOP_NAME)["name"]
        rhythm, day = pick(rng, ("Monthly", "Quarterly", "Yearly")), int(rng.integers(1, 29))
        text = pick(
            rng, ("{payee} is to get exactly the price of the {name} from me, {rhythm}, on day {day} of the month. "
                  "Look up the price in the shop, then set up the standing order at the bank ({url}) from '{account}', "
                  "without a reference.",
                  "Find out what the {name} costs in the shop. Then set up a {rhythm} standing order over that amount "
                  "at the bank ({url}): from '{account}' to {payee}, day {day} of the month, no reference."),
        )  # fmt: skip
        wanted = {
            "account_id": account["id"], "payee": payee, "amount": product["price"], "rhythm": rhythm, "day": day,
            "reference": "",
        }  # fmt: skip
        asked = text.format(
            payee=payee, name=product["name"], rhythm=rhythm.lower(), day=day, url=bank.url(), account=account["name"]
        )
        return Task(
            "shop", asked, 14, expects=(Expect("bank_standing", "insert", wanted),),
            milestones=("/products", "bank.", "/standing/new"),
            facts={**wanted, "product": product["id"], "name": product["name"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The price, then the form."""
        facts = task.facts
        if g.site != "bank":
            if not (g.site == "shop" and g.path.startswith("/products?q=")):
                yield from open_product(g, facts["product"], facts["name"])
            yield from enter(g)
        yield from fill_standing(g, facts)


CROSS_TEMPLATES = (PayOrder, ReturnWithDate, SaveForProduct)
