"""What a written formula is worth: an exact reading, and a reading by Python's rules for RL4VLM's table.

Nothing is ever handed to `eval`: both readings are one small parser, over fractions or over Python's own numbers.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

__all__ = ["MISSED", "FormulaError", "by_python", "exactly"]

MISSED = " "
"""What RL4VLM writes in place of a card that is not there."""

_MOST_BITS = 1 << 13
_LITERAL = re.compile(r"\d+|\*\*|//|[-+*/()]")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
}


class FormulaError(ValueError):
    """Raised for a formula that has no value; the message says why, in a few words."""


def exactly(symbols: Sequence[str]) -> Fraction:
    """The value of a formula of whole numbers, ``+ - * /`` and brackets, with products before sums.

    Every number is a symbol of its own: two of them side by side are an error. A sign may stand before a number.

    Raises:
        FormulaError: when it is incomplete or cannot be read, and for a division by zero.
    """
    return Fraction(_Reader(list(symbols), Fraction).value())


def by_python(symbols: Sequence[str]) -> Any:
    """The value of the symbols joined to one text, as Python's own rules give it.

    Cards side by side join to one number (2 and 4 are 24), ``**`` and ``//`` are operators, ``/`` gives a float with
    its rounding, and `MISSED` parts what it stands between. RL4VLM's table is made so.

    Raises:
        FormulaError: where Python raises, and for powers of more than 8,192 bits (no hand of four cards gets from there
            to a number that counts).
    """
    return _Reader(_LITERAL.findall("".join(symbols)), int).value()


class _Reader:
    """A recursive-descent parser that works out what it reads, in numbers made by `number`."""

    def __init__(self, symbols: list[str], number: Callable[[int], Any]):
        self.symbols, self.number, self.at = symbols, number, 0

    def value(self) -> Any:
        try:
            value = self._sum()
        except (ZeroDivisionError, OverflowError, TypeError) as error:
            raise FormulaError("division by zero" if isinstance(error, ZeroDivisionError) else "no number") from error
        if self._next():
            raise FormulaError(f"{self._next()} is out of place")
        return value

    def _next(self) -> str:
        return self.symbols[self.at] if self.at < len(self.symbols) else ""

    def _take(self, *wanted: str) -> str:
        """The next symbol, which is passed over if it is one of `wanted`; else nothing."""
        symbol = self._next()
        if symbol not in wanted:
            return ""
        self.at += 1
        return symbol

    def _sum(self) -> Any:
        value = self._product()
        while sign := self._take("+", "-"):
            value = _OPERATORS[sign](value, self._product())
        return value

    def _product(self) -> Any:
        value = self._signed()
        while sign := self._take("*", "/", "//"):
            value = _OPERATORS[sign](value, self._signed())
        return value

    def _signed(self) -> Any:
        if sign := self._take("+", "-"):
            value = self._signed()
            return -value if sign == "-" else value
        value = self._single()
        return _power(value, self._signed()) if self._take("**") else value

    def _single(self) -> Any:
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise FormulaError("a bracket is not closed")
            return value
        symbol = self._next()
        if not symbol.isdigit():
            raise FormulaError(f"a number is missing before {symbol}" if symbol else "it is not complete")
        self.at += 1
        return self.number(int(symbol))


def _power(base: Any, exponent: Any) -> Any:
    """``base ** exponent``, refused before it would become huge."""
    if isinstance(base, int) and isinstance(exponent, int) and abs(base).bit_length() * exponent > _MOST_BITS:
        if abs(base) > 1:
            raise FormulaError("the number is too large")
        exponent = 2 + exponent % 2  # powers of 0, 1 and -1 only ask whether it is even
    return base**exponent
