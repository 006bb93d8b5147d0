"""What is in the bank at the start of an episode."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import numpy as np

from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.bank import words
from mmgym_web.webnav.sites.shop.orders import SHOP_IBAN, draw_orders

__all__ = ["REVIEW_YEAR", "SCHEMA", "SHOP_NAME", "fill"]

SHOP_NAME = "Oak & Penny"
"""What the shop is called on statements."""
REVIEW_YEAR = 2025
"""The year that the charts show."""

SCHEMA = """
CREATE TABLE bank_accounts (id INTEGER PRIMARY KEY, name TEXT, iban TEXT, balance INTEGER, opened TEXT);
CREATE TABLE bank_transactions (id INTEGER PRIMARY KEY, account_id INTEGER, day TEXT, counterparty TEXT,
    reference TEXT, amount INTEGER, category TEXT, note TEXT);
CREATE TABLE bank_payees (id INTEGER PRIMARY KEY, name TEXT, iban TEXT);
CREATE TABLE bank_transfers (id INTEGER PRIMARY KEY, account_id INTEGER, payee TEXT, iban TEXT, amount INTEGER,
    reference TEXT, day TEXT, status TEXT);
CREATE TABLE bank_standing (id INTEGER PRIMARY KEY, account_id INTEGER, payee TEXT, amount INTEGER, rhythm TEXT,
    day INTEGER, reference TEXT, active INTEGER);
CREATE TABLE bank_cards (id INTEGER PRIMARY KEY, account_id INTEGER, kind TEXT, last4 TEXT, frozen INTEGER,
    daily INTEGER, online INTEGER, expires TEXT, code TEXT, look INTEGER);
CREATE TABLE bank_bills (id INTEGER PRIMARY KEY, biller TEXT, number TEXT, amount INTEGER, due TEXT, paid INTEGER);
CREATE TABLE bank_settings (id INTEGER PRIMARY KEY, name TEXT, is_on INTEGER);
CREATE TABLE bank_spending (id INTEGER PRIMARY KEY, month INTEGER, category TEXT, amount INTEGER);
CREATE TABLE bank_balances (id INTEGER PRIMARY KEY, account_id INTEGER, month INTEGER, amount INTEGER);
"""


def fill(site: Site) -> None:
    """Fill the bank's tables."""
    world = site.world
    rng = world.rng("bank", "accounts")
    extra = [words.ACCOUNTS[1 + int(i)] for i in rng.choice(len(words.ACCOUNTS) - 1, 2, replace=False)]
    balances = [int(rng.integers(*limits)) for limits in ((240_000, 900_000), (300_000, 2_000_000), (9_000, 60_000))]
    site.insert(
        "bank_accounts",
        [
            {
                "name": name, "iban": _iban(rng), "balance": cents,
                "opened": f"20{rng.integers(10, 25)}-0{rng.integers(1, 10)}-1{rng.integers(10)}",
            }
            for name, cents in zip(["Everyday", *extra], balances, strict=True)
        ],
    )  # fmt: skip
    companies = _companies(world)
    site.insert("bank_transactions", _transactions(world, companies))
    payees = _payees(world)
    site.insert("bank_payees", payees)
    _payments(site, payees)
    _cards(site)
    _bills(site)
    rng = world.rng("bank", "settings")
    site.insert("bank_settings", [{"name": name, "is_on": int(rng.integers(2))} for name in words.SETTINGS])
    _charts(site)


def _iban(rng: np.random.Generator) -> str:
    digits = f"{int(rng.integers(10**15)):015}"
    return f"GB{rng.integers(10, 99)} FWBK {digits[:4]} {digits[4:8]} {digits[8:12]} {digits[12:14]}"


def _companies(world: World) -> list[tuple[str, str]]:
    """Companies with the categories of what one buys there: four each."""
    rng, found = world.rng("bank", "companies"), list[tuple[str, str]]()
    for category, kinds in words.SHOPS.items():
        for kind in kinds:
            found.append((world.distinct(rng, partial(_company, kind=kind), 1)[0], category))
    return found


def _company(rng: np.random.Generator, kind: str) -> str:
    name, tail = divmod(int(rng.integers(len(words.NAMES) * len(words.TAILS))), len(words.TAILS))
    return f"{words.NAMES[name]} {words.TAILS[tail]} {kind}"


def _transactions(world: World, companies: list[tuple[str, str]]) -> list[dict[str, Any]]:
    rng, today, rows = world.rng("bank", "transactions"), world.now.date(), list[dict[str, Any]]()
    count = 84
    ages, whom = rng.integers(1, 76, count), rng.integers(len(companies), size=count)
    references = rng.choice(900_000, count, replace=False) + 100_000
    cents, accounts = rng.integers(320, 24_000, count), rng.choice([1, 1, 1, 3], count)
    for age, who, number, amount, account in zip(
        ages.tolist(), whom.tolist(), references.tolist(), cents.tolist(), accounts.tolist(), strict=True
    ):
        name, category = companies[who]
        rows.append(_booking(account, today - dt.timedelta(days=age), name, f"Card {number}", -amount, category))
    salary, rent = int(rng.integers(2_800, 5_200)) * 100, int(rng.integers(700, 1_500)) * 100
    for age in (9, 40, 70):
        paid, due, saved = (today - dt.timedelta(days=age - later) for later in (0, 2, 3))
        rows.append(_booking(1, paid, f"{world.others[0].last} Ltd", "Salary", salary, "Income"))
        rows.append(_booking(1, due, world.others[1].name, "Rent", -rent, "Housing"))
        rows.append(_booking(2, saved, world.me.name, "Saving", 20_000 + age * 100, "Income"))
    for order in draw_orders(world):
        if order.paid_on:
            rows.append(_booking(1, order.paid_on, SHOP_NAME, f"Order {order.number}", -order.total, "Shopping"))
    return sorted(rows, key=lambda row: row["day"])


def _booking(account: int, day: dt.date, name: str, reference: str, amount: int, category: str) -> dict[str, Any]:
    return {
        "account_id": account, "day": str(day), "counterparty": name, "reference": reference, "amount": amount,
        "category": category, "note": "",
    }  # fmt: skip


def _payees(world: World) -> list[dict[str, Any]]:
    rng = world.rng("bank", "payees")
    people = [world.others[i].name for i in rng.choice(len(world.others), 7, replace=False)]
    rows = [{"name": name, "iban": _iban(rng)} for name in people] + [{"name": SHOP_NAME, "iban": SHOP_IBAN}]
    return [rows[i] for i in rng.permutation(len(rows))]


def _payments(site: Site, payees: list[dict[str, Any]]) -> None:
    rng, today = site.world.rng("bank", "payments"), site.world.now.date()
    people = [payee for payee in payees if payee["name"] != SHOP_NAME]
    reasons = ("Tickets", "Dinner", "Flowers", "Loan", "Books", "Repair", "Present", "Deposit", "Lessons")
    order = rng.permutation(len(people))
    transfers = []
    for i in range(7):
        person = people[order[i]]
        ahead = int(rng.integers(2, 40)) if i < 4 else -int(rng.integers(3, 50))
        transfers.append(
            {
                "account_id": 1, "payee": person["name"], "iban": person["iban"], "reference": reasons[i],
                "amount": int(rng.integers(10, 400)) * 100, "day": str(today + dt.timedelta(days=ahead)),
                "status": "Scheduled" if i < 4 else "Booked",
            }
        )  # fmt: skip
    site.insert("bank_transfers", transfers)
    rules = []
    for i in range(6):
        amount, rhythm = int(rng.integers(10, 300)) * 100, words.RHYTHMS[rng.integers(len(words.RHYTHMS))]
        day = int(rng.integers(1, 29))
        rules.append(
            {
                "account_id": 1 if i < 4 else 3, "payee": people[i]["name"], "amount": amount, "rhythm": rhythm,
                "day": day % 7 + 1 if rhythm == "Weekly" else day, "reference": reasons[(i + 4) % len(reasons)],
                "active": 1,
            }
        )  # fmt: skip
    site.insert("bank_standing", rules)


def _cards(site: Site) -> None:
    rng, year = site.world.rng("bank", "cards"), site.world.now.year
    lasts, looks = rng.choice(9_000, 4, replace=False) + 1_000, rng.permutation(4)
    site.insert(
        "bank_cards",
        [
            {
                "account_id": (1, 1, 3, 2)[i], "kind": ("Debit card", "Credit card")[i % 2], "last4": str(lasts[i]),
                "frozen": int(i == 2 and rng.random() < 0.5), "daily": words.LIMITS[rng.integers(len(words.LIMITS))],
                "online": int(rng.integers(2)), "code": f"{rng.integers(1000):03}", "look": int(looks[i]),
                "expires": f"{rng.integers(1, 13):02}/{(year + int(rng.integers(1, 5))) % 100}",
            }
            for i in range(4)
        ],
    )  # fmt: skip


def _bills(site: Site) -> None:
    world = site.world
    rng, rows = world.rng("bank", "bills"), list[dict[str, Any]]()
    offsets = rng.choice(range(-6, 40), len(words.BILLERS), replace=False)
    amounts = rng.choice(range(1_500, 19_000), len(words.BILLERS), replace=False)
    for kind, offset, amount in zip(words.BILLERS, offsets.tolist(), amounts.tolist(), strict=True):
        name = world.distinct(rng, partial(_company, kind=kind), 1)[0]
        due = str(world.now.date() + dt.timedelta(days=offset))
        number = f"R{rng.integers(10**5, 10**6)}"
        rows.append({"biller": name, "number": number, "amount": amount, "due": due, "paid": 0})
    site.insert("bank_bills", [rows[i] for i in rng.permutation(len(rows))])


def _charts(site: Site) -> None:
    """Figures that are only drawn: which is the largest or lowest is drawn uniformly."""
    rng = site.world.rng("bank", "charts")
    spending, balances = list[dict[str, Any]](), list[dict[str, Any]]()
    for month in range(1, 13):
        levels, jitter = rng.permutation(len(words.CATEGORIES)), rng.integers(0, 40, len(words.CATEGORIES))
        for category, level, extra in zip(words.CATEGORIES, levels.tolist(), jitter.tolist(), strict=True):
            amount = 90 + 95 * level + extra + 40 * (level == 5)
            spending.append({"month": month, "category": category, "amount": amount})
    for account in (1, 2, 3):
        for month, level in enumerate(rng.permutation(12).tolist(), 1):
            amount = 900 + 310 * level + 500 * (level == 11) - 500 * (level == 0)
            balances.append({"account_id": account, "month": month, "amount": amount})
    site.insert("bank_spending", spending)
    site.insert("bank_balances", balances)
