"""Tasks of the bank whose answer is only drawn: charts on a canvas, what is printed on a card."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Task, Template
from mmgym_web.webnav.sites.bank.ledger import REVIEW_YEAR
from mmgym_web.webnav.sites.bank.words import CATEGORIES
from mmgym_web.webnav.sites.shop.steps import MONTHS, go, month_answers, pick, show_low, some

__all__ = ["PIXEL_TEMPLATES"]


class SecurityCode(Template):
    """Read the three digits on the back of a card."""

    name, sites, level, pixels = "bank_code", ("bank",), 2, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any card."""
        card = some(episode.site("bank"), rng, "SELECT id, last4, code FROM bank_cards ORDER BY id")
        text = pick(
            rng, ("What is the security code on the back of the card that ends in {}?",
                  "Turn over card {} and read the three digits of its security code.",
                  "Which three digits are printed on the back of card {}?"),
        )  # fmt: skip
        return Task(
            "bank", f"{text.format(card['last4'])} Answer with the three digits.", 3, "/cards",
            answer=Answer(card["code"]), milestones=(f"/cards/{card['id']}", "side=back"),
            facts={"id": card["id"], "answer": card["code"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The card, its back."""
        path = f"/cards/{task.facts['id']}"
        yield from go(g, "bank", "/cards", path, f"{path}?side=back")
        yield from show_low(g, "img.plastic")
        yield from g.answer(task.facts["answer"])


def month_of_review(g: Guide, month: int) -> Iterator[ToolCall]:
    """Show the spending of a month of last year."""
    if not g.at("bank", f"/review?month={month}"):
        if not (g.site == "bank" and g.path.startswith("/review") and g.find('select[name="month"]')):
            yield from g.visit("bank", "/review")
        yield from g.choose('select[name="month"]', f"{month:02}/{REVIEW_YEAR}")
        yield from g.click("main form button")
    yield from show_low(g, "canvas")


class Spending(Template):
    """Read how much was spent on a category in a month of last year."""

    name, sites, level, pixels = "bank_spending", ("bank",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A month and a category."""
        row = some(episode.site("bank"), rng, "SELECT * FROM bank_spending WHERE month > 1 ORDER BY id")
        text = pick(
            rng, ("How much did I spend on {category} in {month} {year}, by the bank's review of the year?",
                  "Look at the bank's chart of {month} {year}: how much went into {category}?",
                  "According to the bank's year in review, what did {category} cost me in {month} {year}?"),
        )  # fmt: skip
        asked = text.format(category=row["category"], month=MONTHS[row["month"] - 1], year=REVIEW_YEAR)
        return Task(
            "bank", f"{asked} Answer with the amount in dollars.", 4, answer=Answer(str(row["amount"]), "number"),
            milestones=("/review", f"month={row['month']}"), content=f"{asked} {row['amount']}",
            facts={"month": row["month"], "answer": str(row["amount"])},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Show the month and read."""
        yield from month_of_review(g, task.facts["month"])
        yield from g.answer(task.facts["answer"])


class TopCategory(Template):
    """Say on which of six categories most or least was spent in a month of last year."""

    name, sites, level, pixels = "bank_top_category", ("bank",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A month."""
        site, month = episode.site("bank"), int(rng.integers(2, 13))
        order, word = pick(rng, (("DESC", "most"), ("ASC", "least")))
        category = site.value(f"SELECT category FROM bank_spending WHERE month = ? ORDER BY amount {order}", month)
        text = pick(
            rng, ("On what did I spend {word} in {month} {year}, by the bank's review of the year?",
                  "In the bank's chart of {month} {year}, which category got {word} of my money?",
                  "According to the bank's year in review, which category cost {word} in {month} {year}?"),
        )  # fmt: skip
        asked = text.format(word=word, month=MONTHS[month - 1], year=REVIEW_YEAR)
        return Task(
            "bank", f"{asked} Answer with one of: {', '.join(CATEGORIES)}.", 4,
            answer=Answer(category, also=(site.t(category),)), milestones=("/review", f"month={month}"),
            content=f"{episode.world.me.name} {asked}", facts={"month": month, "answer": category},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Show the month and compare."""
        yield from month_of_review(g, task.facts["month"])
        yield from g.answer(task.facts["answer"])


class BalanceMonth(Template):
    """Say in which of twelve months an account's balance was highest or lowest."""

    name, sites, level, pixels = "bank_balance_month", ("bank",), 3, True

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An account that is not shown at once."""
        site = episode.site("bank")
        account = some(site, rng, "SELECT id, name FROM bank_accounts WHERE id > 1 ORDER BY id")
        order, word = pick(rng, (("DESC", "highest"), ("ASC", "lowest")))
        month = site.value(
            f"SELECT month FROM bank_balances WHERE account_id = ? ORDER BY amount {order}", account["id"]
        )
        text = pick(
            rng, ("At the end of which month of {year} was the balance of '{name}' {word}?",
                  "In which month of {year} did the account '{name}' end up {word}? The bank's review of the year has "
                  "a chart of the balance.",
                  "Look at the chart of the balance of '{name}' in {year}: which month is {word}?"),
        )  # fmt: skip
        right = month_answers(month, REVIEW_YEAR)
        asked = text.format(year=REVIEW_YEAR, name=account["name"], word=word)
        return Task(
            "bank", f"{asked} Answer with the name of the month in English.", 5,
            answer=Answer(right[0], also=right[1:]), milestones=("/review", "/review/balance", "account="),
            content=f"{episode.world.me.name} {asked}",
            facts={"id": account["id"], "name": account["name"], "answer": right[0]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Show the account's chart and compare."""
        if not g.at("bank", f"/review/balance?account={task.facts['id']}"):
            if not (g.site == "bank" and g.path.startswith("/review/balance")):
                yield from go(g, "bank", "/review", "/review/balance")
            yield from g.choose('select[name="account"]', task.facts["name"])
            yield from g.click("main form button")
        yield from show_low(g, "canvas")
        yield from g.answer(task.facts["answer"])


PIXEL_TEMPLATES = (SecurityCode, Spending, TopCategory, BalanceMonth)
