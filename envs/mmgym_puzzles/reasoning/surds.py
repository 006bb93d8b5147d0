"""Exact numbers of school geometry: sums of rational multiples of square roots and powers of pi.

A `Surd` is a sum of c * pi^k * sqrt(n) with rational c, whole k and square-free n. Such terms are linearly independent
over the rationals, so two surds are equal exactly when their terms are: no rounding decides anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Inexact", "Surd", "whole"]

_MAX_TERMS = 24
_MAX_DIGITS = 60
_MAX_POWER = 12
_MAX_RADICAND = 10**9
"""Largest number that is taken apart into primes, by trial division."""

Key = tuple[int, int]
"""Power of pi, square-free number under the root."""


class Inexact(ValueError):
    """Raised where a result is no `Surd` (or a huge one): a float has to do."""


@dataclass(frozen=True)
class Surd:
    """An exact real number; arithmetic with ``+ - * / **`` and `sqrt`."""

    terms: tuple[tuple[Key, Fraction], ...]
    """Coefficients by power of pi and radicand, in order, none of them 0."""

    @classmethod
    def of(cls, terms: Iterable[tuple[Key, Fraction]]) -> Surd:
        """The sum of these terms.

        Raises:
            Inexact: when there are too many, or their numbers are too long.
        """
        total: dict[Key, Fraction] = {}
        for key, factor in terms:
            total[key] = total.get(key, Fraction(0)) + factor
        kept = tuple(sorted((key, factor) for key, factor in total.items() if factor))
        long = any(max(abs(c.numerator), c.denominator) >= 10**_MAX_DIGITS for _, c in kept)
        large = any(abs(power) > _MAX_POWER or radicand > _MAX_RADICAND for (power, radicand), _ in kept)
        if len(kept) > _MAX_TERMS or long or large:
            raise Inexact("the numbers are too large")
        return cls(kept)

    @classmethod
    def root(cls, value: Fraction | int) -> Surd:
        """The square root of a rational number.

        Raises:
            Inexact: for a number too large to take apart.
            ValueError: for a negative number.
        """
        value = Fraction(value)
        if value < 0:
            raise ValueError("the square root of a negative number is not a real number")
        outside, inside = _square_part(value.numerator * value.denominator)
        return cls.of([((0, inside), Fraction(outside, value.denominator))])

    @property
    def rational(self) -> Fraction | None:
        """The value if it is rational, else None."""
        if not self.terms:
            return Fraction(0)
        return self.terms[0][1] if len(self.terms) == 1 and self.terms[0][0] == (0, 1) else None

    def sqrt(self) -> Surd:
        """The square root, where the value is rational.

        Raises:
            Inexact: where it is not.
            ValueError: for a negative number.
        """
        if (value := self.rational) is None:
            raise Inexact("a nested root has no simple form")
        return Surd.root(value)

    def __add__(self, other: Surd | int) -> Surd:
        return Surd.of([*self.terms, *whole(other).terms])

    def __sub__(self, other: Surd | int) -> Surd:
        return self + whole(other) * -1

    def __mul__(self, other: Surd | int | Fraction) -> Surd:
        products = []
        for (power, n), c in self.terms:
            for (other_power, m), d in whole(other).terms:
                common = math.gcd(n, m)
                products.append(((power + other_power, n * m // common**2), c * d * common))
        return Surd.of(products)

    def __truediv__(self, other: Surd | int | Fraction) -> Surd:
        above, below = self, whole(other)
        if not below.terms:
            raise ValueError("division by zero")
        while len(below.terms) > 1:
            # The conjugate turns the sign of every root of one prime: the product has that root no more.
            prime = next((_least_prime(n) for (_, n), _ in below.terms if n > 1), None)
            if prime is None or len({power for (power, _), _ in below.terms}) > 1:
                raise Inexact("a sum with pi below the line has no simple form")
            conjugate = Surd(tuple((key, -c if key[1] % prime == 0 else c) for key, c in below.terms))
            above, below = above * conjugate, below * conjugate
        ((power, n), c) = below.terms[0]
        return above * Surd((((-power, n), 1 / (c * n)),))

    def __pow__(self, power: int) -> Surd:
        if abs(power) > 40:
            raise Inexact("the power is too large")
        result = whole(1)
        for _ in range(abs(power)):
            result = result * self
        return result if power >= 0 else whole(1) / result

    def __float__(self) -> float:
        return math.fsum(float(c) * math.pi**power * math.sqrt(n) for (power, n), c in self.terms)

    def __str__(self) -> str:
        """As it is written, e.g. ``3/2``, ``2*sqrt(3)``, ``9*pi/4 - 2``; `expressions.evaluate` reads it."""
        written = ""
        for (power, n), c in self.terms:
            factors = [f"sqrt({n})"] if n > 1 else []
            factors += [f"pi^{power}" if power != 1 else "pi"] if power else []
            if abs(c.numerator) != 1 or not factors:
                factors.insert(0, str(abs(c.numerator)))
            term = "*".join(factors) + (f"/{c.denominator}" if c.denominator > 1 else "")
            written += (" - " if c < 0 else " + ") + term if written else ("-" if c < 0 else "") + term
        return written or "0"


def whole(value: Surd | int | Fraction) -> Surd:
    """A whole or rational number as a `Surd`."""
    return value if isinstance(value, Surd) else Surd.of([((0, 1), Fraction(value))])


def _square_part(number: int) -> tuple[int, int]:
    """The (a, b) with number = a^2 * b and b square-free."""
    if math.isqrt(number) ** 2 == number:
        return math.isqrt(number), 1 if number else 0
    if number > _MAX_RADICAND:
        raise Inexact("the number under the root is too large")
    outside, inside, factor = 1, 1, 2
    while factor * factor <= number:
        count = 0
        while number % factor == 0:
            number, count = number // factor, count + 1
        outside, inside = outside * factor ** (count // 2), inside * factor ** (count % 2)
        factor += 1
    return outside, inside * number


def _least_prime(number: int) -> int:
    return next((p for p in range(2, math.isqrt(number) + 1) if number % p == 0), number)
