"""What drawing and guiding tasks of the bank have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.guide import Guide

__all__ = ["account_label", "amount_text", "enter", "search", "transfer"]


def amount_text(cents: int) -> str:
    """An amount as one types it: ``12``, ``12.50``."""
    return f"{cents / 100:.2f}" if cents % 100 else str(cents // 100)


def account_label(account: sqlite3.Row) -> str:
    """What a form calls an account."""
    return f"{account['name']} (${account['balance'] / 100:,.2f})"


def choose_account(g: Guide, account: int) -> Iterator[ToolCall]:
    """Choose an account in a form, whatever its balance is now."""
    row = g.db.execute("SELECT * FROM bank_accounts WHERE id = ?", (account,)).fetchone()
    yield from g.choose("#account", account_label(row))


def enter(g: Guide) -> Iterator[ToolCall]:
    """Go to the bank when another site is shown."""
    if g.site != "bank":
        yield from g.visit("bank", "/")


def search(g: Guide, text: str) -> Iterator[ToolCall]:
    """Search the transactions."""
    if not (g.site == "bank" and g.path.startswith(f"/transactions?q={text.replace(' ', '+').replace('&', '%26')}")):
        yield from enter(g)
        yield from g.fill('header.site input[name="q"]', text)
        yield from g.click("header.site form button")


def transfer(g: Guide, account: int, payee: str, cents: int, reference: str = "", day: str = "") -> Iterator[ToolCall]:
    """Make a transfer, and confirm it if it is the right one."""
    payee_id = g.db.execute("SELECT id FROM bank_payees WHERE name = ?", (payee,)).fetchone()["id"]
    amount = amount_text(cents)
    wanted = {"account": str(account), "payee": str(payee_id), "amount": amount, "reference": reference, "day": day}
    drafts = [data.get("transfer") for data in g.episode.sessions.get("bank", {}).values()]
    if g.at("bank", "/transfer/confirm") and wanted in drafts:
        yield from g.click("form#confirm button")
    yield from enter(g)
    yield from g.visit("bank", "/transfer")
    yield from choose_account(g, account)
    yield from g.choose("#payee", payee)
    yield from g.fill("#amount", amount)
    if reference or _holds(g, "#reference"):
        yield from g.fill("#reference", reference)
    if day or _holds(g, "#day"):
        yield from g.fill("#day", day)
    yield from g.click("form#transfer button")


def _holds(g: Guide, selector: str) -> bool:
    spot = g.find(selector)
    return bool(spot and spot.value)
