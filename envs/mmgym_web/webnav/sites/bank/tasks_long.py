"""Longer tasks of the bank: transfers, standing orders, bills, categories, counting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.kit.words import FIRST_NAMES, LAST_NAMES
from mmgym_web.webnav.kit.world import split_of
from mmgym_web.webnav.sites.bank.steps import amount_text, choose_account, search, transfer
from mmgym_web.webnav.sites.bank.tasks import ONE_PAYMENT
from mmgym_web.webnav.sites.bank.words import CATEGORIES, RHYTHMS
from mmgym_web.webnav.sites.shop.steps import go, pick, some

__all__ = ["LONG_TEMPLATES"]


class Transfer(Template):
    """Transfer money to a payee, or say that the account has too little."""

    name, sites, level = "bank_transfer", ("bank",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One in four asks for more than there is."""
        site = episode.site("bank")
        account = some(site, rng, "SELECT * FROM bank_accounts ORDER BY id")
        payee = some(site, rng, "SELECT name, iban FROM bank_payees ORDER BY id")
        too_much = rng.random() < 0.25
        low, high = (account["balance"], account["balance"] + 200_000) if too_much else (1_000, account["balance"])
        cents = int(rng.integers(low // 100 + 1, min(high, max(low, 0) + 300_000) // 100)) * 100 + pick(
            rng, (0, 50, 25)
        )
        if not too_much and cents > account["balance"]:
            raise Redraw("too much")
        text = pick(
            rng, ("Transfer ${amount} from my account '{account}' to {payee} today.",
                  "Send {payee} ${amount} right away; take it from the account '{account}'.",
                  "Pay ${amount} to {payee} from '{account}'. It should go out today."),
        )  # fmt: skip
        wanted = {
            "account_id": account["id"], "payee": payee["name"], "iban": payee["iban"], "amount": cents,
            "day": str(site.world.now.date()), "status": "Booked",
        }  # fmt: skip
        expects = (
            Expect("bank_transfers", "insert", wanted),
            Expect("bank_accounts", "update", {"id": account["id"]}, {"balance": account["balance"] - cents}),
        )
        asked = text.format(amount=f"{cents / 100:,.2f}", payee=payee["name"], account=account["name"])
        return Task(
            "bank", f"{asked} If the overview shows too little money in it, say there that it cannot be done.",
            2 if too_much else 7, "/payees", expects=() if too_much else expects, infeasible=too_much,
            page="bank:/" if too_much else "",
            milestones=("/" if too_much else "/transfer",),
            facts={"account": account["id"], "payee": payee["name"], "cents": cents, "too_much": too_much},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form and confirm."""
        if task.facts["too_much"]:
            yield from g.visit("bank", "/")
            yield from g.fail("There is too little money in that account.")
        yield from transfer(g, task.facts["account"], task.facts["payee"], task.facts["cents"])


class ScheduleTransfer(Template):
    """Schedule a transfer for a day."""

    name, sites, level = "bank_schedule", ("bank",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Account, payee, amount, and a day of the next two months."""
        site = episode.site("bank")
        account = some(site, rng, "SELECT * FROM bank_accounts ORDER BY id")
        payee = some(site, rng, "SELECT name, iban FROM bank_payees ORDER BY id")
        cents = int(rng.integers(10, account["balance"] // 100)) * 100 if account["balance"] < 90_000 else (
            int(rng.integers(10, 900)) * 100
        )  # fmt: skip
        day = str(site.world.now.date() + dt.timedelta(days=int(rng.integers(2, 60))))
        text = pick(
            rng, ("Schedule a transfer of ${amount} from '{account}' to {payee} for {day}.",
                  "On {day}, {payee} should get ${amount} from my account '{account}': schedule the transfer.",
                  "Set up a single transfer for {day}: ${amount}, from '{account}', to {payee}."),
        )  # fmt: skip
        wanted = {
            "account_id": account["id"], "payee": payee["name"], "iban": payee["iban"], "amount": cents, "day": day,
            "status": "Scheduled",
        }  # fmt: skip
        asked = text.format(amount=amount_text(cents), payee=payee["name"], account=account["name"], day=day)
        return Task(
            "bank", asked, 9, expects=(Expect("bank_transfers", "insert", wanted),),
            milestones=("/transfer", "/transfer/confirm"),
            facts={"account": account["id"], "payee": payee["name"], "cents": cents, "day": day},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form and confirm."""
        facts = task.facts
        yield from transfer(g, facts["account"], facts["payee"], facts["cents"], day=facts["day"])


class StandingAmount(Template):
    """Change the amount of a standing order."""

    name, sites, level = "bank_standing_amount", ("bank",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Nobody gets two."""
        rule = some(episode.site("bank"), rng, "SELECT id, payee, amount FROM bank_standing ORDER BY id")
        cents = pick(rng, [dollars * 100 for dollars in range(5, 400, 5) if dollars * 100 != rule["amount"]])
        text = pick(
            rng, ("Change the standing order to {payee} to ${amount}.",
                  "{payee} should get ${amount} each time instead: change the standing order.",
                  "Set the amount of my standing order for {payee} to ${amount}."),
        )  # fmt: skip
        return Task(
            "bank", text.format(payee=rule["payee"], amount=amount_text(cents)), 6,
            expects=(Expect("bank_standing", "update", {"id": rule["id"]}, {"amount": cents}),),
            milestones=("/standing", f"/standing/{rule['id']}"), facts={"id": rule["id"], "amount": amount_text(cents)},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Its form, the amount, save."""
        yield from go(g, "bank", "/standing", f"/standing/{task.facts['id']}")
        yield from g.fill("#amount", task.facts["amount"])
        yield from g.click("form#rule button")


class NewStanding(Template):
    """Set up a standing order."""

    name, sites, level = "bank_new_standing", ("bank",), 4

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Everything that its form asks for, but a reference."""
        site = episode.site("bank")
        account = some(site, rng, "SELECT id, name FROM bank_accounts ORDER BY id")
        payee = some(site, rng, "SELECT name FROM bank_payees ORDER BY id")["name"]
        dollars, day, rhythm = int(rng.integers(5, 400)), int(rng.integers(1, 29)), pick(rng, RHYTHMS[1:])
        text = pick(
            rng, ("Set up a standing order: ${n} to {payee} from '{account}', {rhythm}, on day {day} of the month, "
                  "without a reference.",
                  "{payee} should get ${n} {rhythm} from my account '{account}', always on day {day} of the month. Set "
                  "up the standing order; leave the reference empty.",
                  "Create a {rhythm} standing order over ${n} from '{account}' to {payee} for day {day} of the month, "
                  "with no reference."),
        )  # fmt: skip
        wanted = {
            "account_id": account["id"], "payee": payee, "amount": dollars * 100, "rhythm": rhythm, "day": day,
            "reference": "",
        }  # fmt: skip
        asked = text.format(n=dollars, payee=payee, account=account["name"], rhythm=rhythm.lower(), day=day)
        return Task(
            "bank", asked, 10, expects=(Expect("bank_standing", "insert", wanted),),
            milestones=("/standing", "/standing/new"), facts=wanted,
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form."""
        yield from fill_standing(g, task.facts)


def fill_standing(g: Guide, wanted: dict[str, int | str]) -> Iterator[ToolCall]:
    """Set up a standing order from the bank's menu on."""
    yield from go(g, "bank", "/standing", "/standing/new")
    yield from g.choose("#payee", str(wanted["payee"]))
    yield from choose_account(g, int(wanted["account_id"]))
    yield from g.fill("#amount", amount_text(int(wanted["amount"])))
    yield from g.choose("#rhythm", str(wanted["rhythm"]))
    yield from g.fill("#day", str(wanted["day"]))
    yield from g.click("form#rule button")


class PayBill(Template):
    """Pay the bill with the largest or smallest amount, or the one that is due last."""

    name, sites, level = "bank_bill", ("bank",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """No two bills are equal."""
        site = episode.site("bank")
        order, what = pick(
            rng,
            (
                ("amount DESC", ("largest bill", "bill with the highest amount")),
                ("amount", ("smallest bill", "bill with the lowest amount")),
                ("due DESC", ("bill that is due last", "bill that has the most time left")),
            ),
        )
        bills = site.rows(f"SELECT * FROM bank_bills ORDER BY {order}")
        account = some(site, rng, "SELECT * FROM bank_accounts WHERE balance >= ? ORDER BY id", bills[0]["amount"])
        text = pick(
            rng, ("Pay the {what} from my account '{account}'.", "Use the account '{account}' to pay the {what}.")
        )
        balance = account["balance"] - bills[0]["amount"]
        asked = text.format(what=pick(rng, what), account=account["name"])
        return Task(
            "bank", asked, 4,
            expects=(
                Expect("bank_bills", "update", {"id": bills[0]["id"]}, {"paid": 1}),
                Expect("bank_accounts", "update", {"id": account["id"]}, {"balance": balance}),
            ),
            milestones=("/bills", f"/bills/{bills[0]['id']}"), content=f"{asked} {bills[0]['biller']}",
            facts={"id": bills[0]["id"], "account": account["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Its page, the account, pay."""
        yield from go(g, "bank", "/bills", f"/bills/{task.facts['id']}")
        yield from choose_account(g, task.facts["account"])
        yield from g.click("form#pay button")


class Recategorise(Template):
    """File a payment under another category."""

    name, sites, level = "bank_category", ("bank",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The only payment to somebody on a day."""
        payment = some(episode.site("bank"), rng, ONE_PAYMENT)
        category = pick(rng, [name for name in CATEGORIES if name != payment["category"]])
        text = pick(
            rng, ("File the payment to {name} of {day} under {category}.",
                  "What I paid to {name} on {day} belongs to the category {category}: change it.",
                  "Set the category of the transaction with {name} on {day} to {category}."),
        )  # fmt: skip
        return Task(
            "bank", text.format(name=payment["counterparty"], day=payment["day"], category=category), 6,
            expects=(Expect("bank_transactions", "update", {"id": payment["id"]}, {"category": category}),),
            milestones=("/transactions", f"/transactions/{payment['id']}"),
            facts={"id": payment["id"], "name": payment["counterparty"], "category": category},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search it, open it, choose, save."""
        path = f"/transactions/{task.facts['id']}"
        if not g.at("bank", path):
            yield from search(g, task.facts["name"])
            yield from g.visit("bank", path)
        yield from g.choose("#category", task.facts["category"])
        yield from g.click("form#filing button")


class CountTransactions(Template):
    """Count the transactions of a category since a day."""

    name, sites, level = "bank_count", ("bank",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """At least three, on all accounts."""
        site, category = episode.site("bank"), pick(rng, CATEGORIES)
        day = str(site.world.now.date() - dt.timedelta(days=int(rng.integers(14, 70))))
        count = site.value("SELECT count(*) FROM bank_transactions WHERE category = ? AND day >= ?", category, day)
        if count < 3:
            raise Redraw("too few to count")
        text = pick(
            rng, ("How many transactions of the category {category} have there been since {day} (that day included), "
                  "on all accounts?",
                  "Count my transactions filed under {category} from {day} on (that day included), on all accounts.",
                  "Of all transactions on {day} or later, how many are filed under {category}?"),
        )  # fmt: skip
        return Task(
            "bank", f"{text.format(category=category, day=day)} Answer with a number.", 6,
            answer=Answer(str(count), "number"), milestones=("/transactions", "category="),
            facts={"category": category, "day": day, "answer": str(count)},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Filter and read."""
        if not g.path.endswith(f"&category={task.facts['category']}&from={task.facts['day']}&to="):
            if not (g.site == "bank" and g.path.startswith("/transactions") and g.find("form#filters")):
                yield from g.visit("bank", "/transactions")
            yield from g.choose("#category", task.facts["category"])
            yield from g.fill("#from", task.facts["day"])
            yield from g.click("form#filters button")
        yield from g.answer(task.facts["answer"])


class NewPayee(Template):
    """Add a payee."""

    name, sites, level = "bank_new_payee", ("bank",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Somebody of this split whom nobody knows yet."""
        name = f"{pick(rng, FIRST_NAMES)} {pick(rng, LAST_NAMES)}"
        known = episode.site("bank").rows("SELECT id FROM bank_payees WHERE name = ?", name)
        if known or split_of(name) != episode.world.split:
            raise Redraw("known, or of another split")
        iban = f"GB{rng.integers(10, 99)} HLTN {rng.integers(1000, 9999)} {rng.integers(1000, 9999)}"
        text = pick(
            rng, ("Add {name} to my payees; the account number is {iban}.",
                  "I want to send money to {name}, account {iban}: save that payee.",
                  "Save a new payee: {name}, account number {iban}."),
        )  # fmt: skip
        return Task(
            "bank", text.format(name=name, iban=iban), 7,
            expects=(Expect("bank_payees", "insert", {"name": name, "iban": iban}),),
            milestones=("/payees", "/payees/new"), content=name, facts={"name": name, "iban": iban},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Fill in the form."""
        yield from go(g, "bank", "/payees", "/payees/new")
        yield from g.fill("#name", task.facts["name"])
        yield from g.fill("#iban", task.facts["iban"])
        yield from g.click("form#payee button")


LONG_TEMPLATES = (
    Transfer, ScheduleTransfer, StandingAmount, NewStanding, PayBill, Recategorise, CountTransactions, NewPayee,
)  # fmt: skip
