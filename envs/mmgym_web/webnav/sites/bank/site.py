"""The bank."""

from __future__ import annotations

from typing import ClassVar

from mmgym_web.webnav.sites.bank.ledger import SCHEMA, fill
from mmgym_web.webnav.sites.bank.overview import OverviewPages
from mmgym_web.webnav.sites.bank.payments import PaymentPages

__all__ = ["Bank"]


class Bank(OverviewPages, PaymentPages):
    """Online banking."""

    name = "bank"
    title = "Fairwell Bank"
    schema = SCHEMA
    menu: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Overview", "/"),
        ("Transactions", "/transactions"),
        ("New transfer", "/transfer"),
        ("Transfers", "/transfers"),
        ("Standing orders", "/standing"),
        ("Payees", "/payees"),
        ("Bills", "/bills"),
        ("Cards", "/cards"),
        ("Year in review", "/review"),
        ("Settings", "/settings"),
    )

    def populate(self) -> None:
        """Fill the tables from the world."""
        fill(self)
