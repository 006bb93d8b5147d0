"""Reading what people type about money and days."""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["is_date", "read_cents"]

_AMOUNT = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.(\d{1,2}))?")


def read_cents(text: str) -> int | None:
    """Cents of an amount such as ``12.5`` or ``$1,200.00``; None when it is no amount, or of more than 15 digits."""
    found = _AMOUNT.fullmatch(text.strip())
    if not found:
        return None
    return int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))


def is_date(text: str) -> bool:
    """Whether a text is a date such as ``2026-03-01``."""
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10
