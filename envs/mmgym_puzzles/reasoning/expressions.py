"""Arithmetic as people and models write it, worked out exactly and safely: a small parser of our own, never `eval`.

A computer-algebra system would also do, but it is heavy, slow to import, and its own parsers evaluate Python. What
school geometry and charts need is small: numbers, ``+ - * / ^``, roots, pi, trigonometry in degrees, and the LaTeX
forms of these. Results are `Surd` where they have such a form, else floats.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from mmgym_puzzles.reasoning.surds import Inexact, Surd, whole

__all__ = ["MAX_LENGTH", "Value", "evaluate", "show"]

MAX_LENGTH = 200
"""Longest expression, in characters."""
_MAX_DEPTH = 25

Value = Surd | float

_NUMBER = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+")
_MIXED = re.compile(r"([0-9]+) +([0-9]+) */ *([0-9]+)(?![0-9.,])")
_TOKEN = re.compile(r"\\?[A-Za-z]+|[-+*/^(){}√π]")
_REWRITTEN = (
    (re.compile(r"\\(?:left|right|displaystyle|[,;:!])|\\ |~"), ""),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[dt]frac"), r"\\frac"),
    (re.compile(r"\\frac\s*([0-9])\s*([0-9])"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\sqrt\s*([0-9])"), r"\\sqrt{\1}"),
    (re.compile(r"\\cdot|\\times|×|·|⋅|∙|\*\*(?=\S)"), lambda m: "^" if m[0] == "**" else "*"),  # noqa: RUF001
    (re.compile(r"\\div|÷"), "/"),
    (re.compile(r"[−–]"), "-"),  # noqa: RUF001
    (re.compile(r"²"), "^2"),
    (re.compile(r"³"), "^3"),
    (re.compile(r"([½¼¾⅓⅔])"), lambda m: {"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3"}[m[0]]),
)
_SINES = {0: whole(0), 30: whole(Fraction(1, 2)), 45: Surd.root(Fraction(1, 2)), 60: Surd.root(Fraction(3, 4))}
_SINES[90] = whole(1)
_FUNCTIONS = ("sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "arcsin", "arccos", "arctan", "abs")


def evaluate(text: str) -> Value:
    r"""The value of an expression, e.g. ``2*sqrt(3)``, ``3π/4``, ``\frac{1}{2}``, ``1 1/2``, ``12 sin(30)``.

    Angles are in degrees; a thousands separator is a comma before three digits.

    Raises:
        ValueError: with a message for the agent, for what is no expression or has no finite real value.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"an expression has at most {MAX_LENGTH} characters")
    for pattern, replacement in _REWRITTEN:
        text = pattern.sub(replacement, text)
    reader = _Reader(text.strip())
    try:
        value = reader.sum()
    except OverflowError as error:
        raise ValueError("the numbers are too large") from error
    if reader.peek():
        raise ValueError(f"{reader.rest()!r} cannot be read")
    if isinstance(value, float) and not (math.isfinite(value) and abs(value) < 1e60):
        raise ValueError("the numbers are too large")
    return value


def show(value: Value) -> str:
    """A value for an agent to read: its exact form, and a decimal beside it, e.g. ``sqrt(2) ≈ 1.41421``."""
    if isinstance(value, Surd):
        exact, rational = str(value), value.rational
        if rational is not None and rational.denominator == 1:
            return exact
        decimal = f"{float(value):.10g}"
        return decimal if rational is not None and Fraction(decimal) == rational else f"{exact} ≈ {float(value):.6g}"
    return f"≈ {value:.6g}"


class _Reader:
    """A recursive-descent parser that works the value out as it reads."""

    def __init__(self, text: str):
        self.text, self.at, self.depth = text, 0, 0

    def rest(self) -> str:
        return self.text[self.at : self.at + 20]

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.peek()
        if match := pattern.match(self.text, self.at):
            self.at = match.end()
        return match

    def sum(self) -> Value:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError("too many brackets")
        value = self.product()
        while (sign := self.peek()) and sign in "+-":
            self.at += 1
            other = self.product()
            value = _add(value, other if sign == "+" else _times(whole(-1), other))
        self.depth -= 1
        return value

    def product(self) -> Value:
        value = self.signed()
        while True:
            sign = self.peek()
            if sign and sign in "*/":
                self.at += 1
                other = self.signed()
                value = _times(value, other) if sign == "*" else _over(value, other)
            elif sign and (sign in "({√π\\" or (sign.isascii() and sign.isalpha())):
                value = _times(value, self.power())
            else:
                return value

    def signed(self) -> Value:
        minus = False
        while (sign := self.peek()) and sign in "+-":
            minus ^= sign == "-"
            self.at += 1
        value = self.power()
        return _times(whole(-1), value) if minus else value

    def power(self) -> Value:
        value = self.atom()
        if self.peek() == "^":
            self.at += 1
            minus = self.peek() == "-"
            self.at += minus
            exponent = self.power()
            return _to_power(value, _times(whole(-1), exponent) if minus else exponent)
        return value

    def atom(self) -> Value:
        if mixed := self.take(_MIXED):
            return self.mixed(int(mixed[1]), int(mixed[2]), int(mixed[3]))
        if number := self.take(_NUMBER):
            return self.number(number[0])
        before = self.at
        token = self.take(_TOKEN)
        name = token[0].lstrip("\\") if token else ""
        if name in ("(", "{"):
            return self.closed(")" if name == "(" else "}")
        if name in ("pi", "π"):
            return Surd((((1, 1), Fraction(1)),))
        if name == "√":
            return _call("sqrt", self.atom())
        if name == "frac":
            above = self.group()
            return _over(above, self.group())
        if name in _FUNCTIONS:
            return _call(name, self.group() if name == "sqrt" else self.atom())
        self.at = before
        raise ValueError(f"{self.rest()!r} cannot be read" if self.rest() else "something is missing at the end")

    def mixed(self, units: int, above: int, below: int) -> Value:
        if not 0 < above < below:
            raise ValueError("two numbers side by side are no mixed number")
        return whole(units + Fraction(above, below))

    def number(self, digits: str) -> Value:
        if len(digits) > 40:
            raise ValueError("the numbers are too large")
        value = Fraction(digits.replace(",", "").removesuffix("."))
        if self.text.startswith("\\frac", self.at) and value.denominator == 1:  # 2\frac{1}{3} is a mixed number
            part = self.atom()
            rational = part.rational if isinstance(part, Surd) else None
            return whole(value + rational) if rational is not None and 0 < rational < 1 else _times(whole(value), part)
        if self.peek().isdigit() or self.peek() == ".":
            raise ValueError("give one number: two stand side by side")
        return whole(value)

    def group(self) -> Value:
        if self.peek() not in ("{", "("):
            raise ValueError("a bracket is missing")
        self.at += 1
        return self.closed("}" if self.text[self.at - 1] == "{" else ")")

    def closed(self, bracket: str) -> Value:
        value = self.sum()
        if self.peek() != bracket:
            raise ValueError(f"a {bracket} is missing" + (f" before {self.rest()!r}" if self.rest() else ""))
        self.at += 1
        return value


def _add(one: Value, other: Value) -> Value:
    if isinstance(one, Surd) and isinstance(other, Surd):
        try:
            return one + other
        except Inexact:
            pass
    return float(one) + float(other)


def _times(one: Value, other: Value) -> Value:
    if isinstance(one, Surd) and isinstance(other, Surd):
        try:
            return one * other
        except Inexact:
            pass
    return float(one) * float(other)


def _over(one: Value, other: Value) -> Value:
    if float(other) == 0.0:
        raise ValueError("division by zero")
    if isinstance(one, Surd) and isinstance(other, Surd):
        try:
            return one / other
        except Inexact:
            pass
    return float(one) / float(other)


def _to_power(base: Value, exponent: Value) -> Value:
    rational = exponent.rational if isinstance(exponent, Surd) else None
    if rational is None:
        raise ValueError("a power must be a rational number")
    if abs(rational) > 40:
        raise ValueError("a power must be at most 40")
    if rational < 0 and float(base) == 0.0:
        raise ValueError("division by zero")
    if rational == Fraction(1, 2):
        return _call("sqrt", base)
    if rational.denominator == 1 and isinstance(base, Surd):
        try:
            return base**rational.numerator
        except Inexact:
            pass
    if float(base) < 0 and rational.denominator > 1:
        raise ValueError("a root of a negative number is not a real number")
    return float(base) ** float(rational)


def _call(name: str, value: Value) -> Value:
    try:
        if name == "abs":
            return value if float(value) >= 0 else _times(whole(-1), value)
        if name == "sqrt":
            return _root(value)
        if name in ("sin", "cos", "tan"):
            return _turned(name, value)
        inverse = getattr(math, name.replace("arc", "a"))
        return math.degrees(inverse(float(value)))
    except ValueError as error:
        if "domain" in str(error):
            raise ValueError(f"{name} has no value there") from error
        raise


def _root(value: Value) -> Value:
    if isinstance(value, Surd):
        try:
            return value.sqrt()
        except Inexact:
            pass
    return math.sqrt(float(value))


def _turned(name: str, value: Value) -> Value:
    """Sine, cosine or tangent of an angle in degrees, exact for multiples of 30 and 45."""
    degrees = value.rational if isinstance(value, Surd) else None
    if name == "tan":
        return _over(_turned("sin", value), _turned("cos", value))
    if degrees is None:
        return getattr(math, name)(math.radians(float(value)))
    turned = (degrees + (90 if name == "cos" else 0)) % 360
    sign, folded = (-1, turned - 180) if turned >= 180 else (1, turned)
    folded = min(folded, 180 - folded)
    known = _SINES.get(int(folded)) if folded.denominator == 1 else None
    return known * sign if known is not None else sign * math.sin(math.radians(float(folded)))
