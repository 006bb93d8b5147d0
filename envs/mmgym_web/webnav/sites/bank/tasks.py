"""Short tasks of the bank: one page, or a few, of which the text says everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Task, Template
from mmgym_web.webnav.sites.bank.steps import search
from mmgym_web.webnav.sites.bank.words import LIMITS
from mmgym_web.webnav.sites.shop.steps import go, pick, some

__all__ = ["ONE_PAYMENT", "SHORT_TEMPLATES"]

ONE_PAYMENT = (
    "SELECT * FROM bank_transactions t WHERE amount < 0 AND (SELECT count(*) FROM bank_transactions s "
    "WHERE s.counterparty = t.counterparty AND s.day = t.day) = 1 ORDER BY id"
)
"""Payments that are the only ones to somebody on a day."""


class OpenAccount(Template):
    """Open an account."""

    name, sites, level = "bank_open_account", ("bank",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """One of the three."""
        account = some(episode.site("bank"), rng, "SELECT id, name, iban FROM bank_accounts ORDER BY id")
        text = pick(
            rng, ("Open the account '{}'.", "Show me the details of my account '{}'.", "Go to the account '{}'.")
        )
        asked = text.format(account["name"])
        return Task(
            "bank", asked, 1, page=f"bank:/accounts/{account['id']}",
            milestones=(f"/accounts/{account['id']}",), content=f"{asked} {account['iban']}",
            facts={"id": account["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click it."""
        yield from go(g, "bank", "/", f"/accounts/{task.facts['id']}")


class FreezeCard(Template):
    """Freeze a card."""

    name, sites, level = "bank_freeze", ("bank",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A card that is not frozen."""
        card = some(episode.site("bank"), rng, "SELECT id, last4 FROM bank_cards WHERE NOT frozen ORDER BY id")
        text = pick(
            rng, ("Freeze the card that ends in {}.", "I cannot find my card {}: freeze it.",
                  "Block the card with the last digits {} until further notice: freeze it."),
        )  # fmt: skip
        expects = (Expect("bank_cards", "update", {"id": card["id"]}, {"frozen": 1}),)
        return Task("bank", text.format(card["last4"]), 1, "/cards", expects=expects, facts={"id": card["id"]})

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press its button."""
        yield from g.visit("bank", "/cards")
        yield from g.click(f'form[action="/cards/{task.facts["id"]}/freeze"] button')


class Setting(Template):
    """Switch a setting on or off."""

    name, sites, level = "bank_setting", ("bank",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The other way round than it is."""
        row = some(episode.site("bank"), rng, "SELECT id, name, is_on FROM bank_settings ORDER BY id")
        how = "off" if row["is_on"] else "on"
        text = pick(
            rng, ("Switch {how} the setting '{name}' and save.", "Turn '{name}' {how} in the settings.",
                  "In the settings, switch '{name}' {how}, and do not forget to save."),
        )  # fmt: skip
        asked = text.format(how=how, name=row["name"].lower())
        return Task(
            "bank", asked, 2, "/settings",
            expects=(Expect("bank_settings", "update", {"id": row["id"]}, {"is_on": 1 - row["is_on"]}),),
            content=f"{episode.world.me.name}: {asked}", facts={"id": row["id"], "is_on": 1 - row["is_on"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Tick and save."""
        yield from g.visit("bank", "/settings")
        for row in g.db.execute("SELECT id, is_on FROM bank_settings ORDER BY id").fetchall():
            mine = row["id"] == task.facts["id"]
            yield from g.check(f'input[name="s{row["id"]}"]', bool(task.facts["is_on"] if mine else row["is_on"]))
        yield from g.click("form#settings button")


class FindAmount(Template):
    """Find how much was paid to somebody on a day."""

    name, sites, level = "bank_amount", ("bank",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A payment of at least a week ago, so that the overview does not show it."""
        week_ago = str(episode.world.now.date() - dt.timedelta(days=7))
        payment = some(
            episode.site("bank"), rng, ONE_PAYMENT.replace("WHERE amount", "WHERE day < ? AND amount"), week_ago
        )
        text = pick(
            rng, ("How much did I pay to {name} on {day}?", "What did {name} cost me on {day}?",
                  "Find the payment of {day} to {name}: how much was it?"),
        )  # fmt: skip
        answer = Answer(f"{-payment['amount'] / 100:.2f}", "number")
        return Task(
            "bank",
            f"{text.format(name=payment['counterparty'], day=payment['day'])} Answer with the amount in dollars, "
            "without a sign.",
            4, answer=answer, milestones=("/transactions",),
            facts={"name": payment["counterparty"], "answer": answer.value},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Search and read."""
        yield from search(g, task.facts["name"])
        yield from g.answer(task.facts["answer"])


class CardLimit(Template):
    """Change the daily limit of a card."""

    name, sites, level = "bank_card_limit", ("bank",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A limit that it has not."""
        card = some(episode.site("bank"), rng, "SELECT id, last4, daily FROM bank_cards ORDER BY id")
        limit = pick(rng, [limit for limit in LIMITS if limit != card["daily"]])
        text = pick(
            rng, ("Set the daily limit of the card ending in {last4} to ${limit}.",
                  "The card {last4} should allow ${limit} a day: change its limit.",
                  "Change how much can be spent per day with card {last4} to ${limit}."),
        )  # fmt: skip
        return Task(
            "bank", text.format(last4=card["last4"], limit=limit), 3, "/cards",
            expects=(Expect("bank_cards", "update", {"id": card["id"]}, {"daily": limit}),),
            milestones=(f"/cards/{card['id']}",), facts={"id": card["id"], "limit": limit},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The card, the limit, save."""
        yield from go(g, "bank", "/cards", f"/cards/{task.facts['id']}")
        online = g.db.execute("SELECT online FROM bank_cards WHERE id = ?", (task.facts["id"],)).fetchone()[0]
        yield from g.check('input[name="online"]', bool(online))
        yield from g.choose("#daily", f"${task.facts['limit']}")
        yield from g.click("form#limits button")


class StopStanding(Template):
    """Stop a standing order."""

    name, sites, level = "bank_stop", ("bank",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Nobody gets two."""
        rule = some(episode.site("bank"), rng, "SELECT id, payee FROM bank_standing ORDER BY id")
        text = pick(
            rng, ("Stop the standing order to {}.", "{} should no longer get money from me regularly: stop the "
                  "standing order.", "End my standing order for {}."),
        )  # fmt: skip
        return Task(
            "bank", text.format(rule["payee"]), 3,
            expects=(Expect("bank_standing", "update", {"id": rule["id"]}, {"active": 0}),),
            milestones=("/standing", "/stop"), facts={"id": rule["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Its link, and yes."""
        yield from go(g, "bank", "/standing", f"/standing/{task.facts['id']}/stop")
        yield from g.click("form#stop button")


class CancelTransfer(Template):
    """Cancel a scheduled transfer."""

    name, sites, level = "bank_cancel", ("bank",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Nobody gets two."""
        row = some(
            episode.site("bank"), rng, "SELECT id, payee FROM bank_transfers WHERE status = 'Scheduled' ORDER BY id"
        )
        text = pick(
            rng, ("Cancel the scheduled transfer to {}.", "The transfer to {} that has not been made yet is no longer "
                  "needed: cancel it.", "Undo the transfer to {} that I have scheduled."),
        )  # fmt: skip
        return Task(
            "bank", text.format(row["payee"]), 3,
            expects=(Expect("bank_transfers", "update", {"id": row["id"]}, {"status": "Cancelled"}),),
            milestones=("/transfers",), facts={"id": row["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Unfold its button and press it."""
        yield from g.visit("bank", "/transfers")
        yield from unfold(g, f"#transfer{task.facts['id']}")


class DeletePayee(Template):
    """Delete a payee."""

    name, sites, level = "bank_delete_payee", ("bank",), 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Any of them."""
        row = some(episode.site("bank"), rng, "SELECT id, name FROM bank_payees ORDER BY id")
        text = pick(
            rng, ("Delete {} from my payees.", "I will not send money to {} again: remove that payee.",
                  "Remove the payee {}."),
        )  # fmt: skip
        asked = text.format(row["name"])
        return Task(
            "bank", asked, 3, expects=(Expect("bank_payees", "delete", {"id": row["id"]}),),
            milestones=("/payees",), content=f"{episode.world.me.name}: {asked}", facts={"id": row["id"]},
        )  # fmt: skip

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Unfold its button and press it."""
        yield from g.visit("bank", "/payees")
        yield from unfold(g, f"#payee{task.facts['id']}")


def unfold(g: Guide, row: str) -> Iterator[ToolCall]:
    """Press the button that a row hides until it is unfolded."""
    yield from g.click(f"{row} details form button" if g.find(f"{row} details[open]") else f"{row} summary")


SHORT_TEMPLATES = (
    OpenAccount, FreezeCard, Setting, FindAmount, CardLimit, StopStanding, CancelTransfer, DeletePayee,
)  # fmt: skip
