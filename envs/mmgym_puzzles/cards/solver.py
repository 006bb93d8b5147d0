"""Formulas that make a target of some numbers: the shortest, and all of them.

A formula uses every number once, with ``+ - * /`` and no bracket that could be left out. Its length is
2 x numbers - 1 symbols and two for every pair of brackets, so the shortest is the one with fewest brackets.

Up to three numbers are put together in every way, once and for all. Four and five are taken apart instead: what the
whole must be and what one or two of the numbers are say what the others must be. Fractions are pairs of whole
numbers (numerator, denominator > 0) without a common factor, which is several times as fast as `fractions.Fraction`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

__all__ = ["LARGEST", "Formula", "completions", "fewest_brackets", "solutions"]

Formula = tuple[str, ...]
"""The symbols of a formula."""
Rational = tuple[int, int]
Numbers = tuple[int, ...]
Kind = str
"""What a formula is at its top: a ``sum`` (also a difference), or a ``product`` (also a quotient, or one number)."""

LARGEST = 5
"""The most numbers that can be solved for."""
_WHOLE = 3
_MANY = 99


def fewest_brackets(numbers: Numbers, target: int) -> int | None:
    """Pairs of brackets in the shortest formula that makes the target; None where there is no formula.

    Args:
        numbers: in rising order, two to `LARGEST`.
        target: a whole number.
    """
    found = _fewest(numbers, (target, 1))
    return None if found is None else min(found)


@lru_cache(maxsize=512)
def solutions(numbers: Numbers, target: int) -> tuple[Formula, ...]:
    """Every formula that makes the target, without needless brackets, the shortest first, then in order of symbols.

    Args:
        numbers: in rising order, two to `LARGEST`.
        target: a whole number.
    """
    made = _all_for(numbers, (target, 1))
    return tuple(sorted({*made[0], *made[1]}, key=lambda formula: (len(formula), formula)))


def completions(formulas: Sequence[Formula]) -> dict[Formula, tuple[int, Formula]]:
    """For every beginning of any of the formulas: how many symbols it lacks, at the least, and the formula it becomes.

    Args:
        formulas: the shortest first.
    """
    found: dict[Formula, tuple[int, Formula]] = {}
    for formula in formulas:
        for length in range(len(formula) + 1):
            found.setdefault(formula[:length], (len(formula) - length, formula))
    return found


def _reduced(over: int, under: int) -> Rational:
    common = math.gcd(over, under)
    if under < 0:
        common = -common
    return over // common, under // common


def _results(a: Rational, b: Rational) -> Iterator[tuple[str, Rational]]:
    """Every operator between two numbers, ``a`` on the left, with its result."""
    (p, q), (r, s) = a, b
    yield "+", _reduced(p * s + r * q, q * s)
    yield "-", _reduced(p * s - r * q, q * s)
    yield "*", _reduced(p * r, q * s)
    if r:
        yield "/", _reduced(p * s, q * r)


def _partners(target: Rational, b: Rational) -> list[tuple[str, bool, Rational]]:
    """What makes the target together with ``b``: the operator, whether ``b`` is on its left, and the other number.

    Left out is the case that both are 0, where any number will do: look at it with the sides exchanged.
    """
    (p, q), (r, s) = target, b
    ps, rq = p * s, r * q
    if s == 1:  # adding a whole number leaves a fraction reduced
        found = [("+", False, (p - rq, q)), ("-", False, (p + rq, q)), ("-", True, (rq - p, q))]
    else:
        over, under = _reduced(ps - rq, q * s)
        found = [("+", False, (over, under)), ("-", False, _reduced(ps + rq, q * s)), ("-", True, (-over, under))]
    if r:  # reduced here, for this is where the solver's time goes
        pr, qs = p * r, q * s
        common, other = math.gcd(ps, rq) * (1 if r > 0 else -1), math.gcd(pr, qs)
        over, under = ps // common, rq // common
        found += [("*", False, (over, under)), ("/", False, (pr // other, qs // other))]
        if p:
            found.append(("/", True, (under, over) if over > 0 else (-under, -over)))
    return found


@lru_cache(maxsize=1 << 14)
def _splits(numbers: Numbers, most: int) -> tuple[tuple[Numbers, Numbers], ...]:
    """Every way to part the numbers in two; the second part has at most `most`, and no more than the first."""
    found = set()
    for size in range(1, min(most, len(numbers) // 2) + 1):
        for second in itertools.combinations(range(len(numbers)), size):
            first = tuple(n for k, n in enumerate(numbers) if k not in second)
            found.add((first, tuple(numbers[k] for k in second)))
    return tuple(sorted(found))


def _needs_brackets(sign: str, right: bool, is_sum: int, size: int) -> bool:
    """Whether a formula needs brackets as the left or right side of an operator."""
    if is_sum:
        return sign in "*/" or (sign == "-" and right)
    return sign == "/" and right and size > 1


Costs = tuple[int, int]
"""Fewest pairs of brackets of a product, and of a sum; `_MANY` where there is none."""


def _joined_cost(sign: str, left: Costs, left_size: int, right: Costs, right_size: int) -> int:
    one = min(cost + _needs_brackets(sign, False, kind, left_size) for kind, cost in enumerate(left))
    return one + min(cost + _needs_brackets(sign, True, kind, right_size) for kind, cost in enumerate(right))


@lru_cache(maxsize=1 << 12)
def _costs(numbers: Numbers) -> dict[Rational, Costs]:
    """Every value that up to three numbers make."""
    if len(numbers) == 1:
        return {(numbers[0], 1): (0, _MANY)}
    found: dict[Rational, list[int]] = {}
    for first, second in _splits(numbers, 1):
        for one, other in ((first, second), (second, first)):
            for a, a_costs in _costs(one).items():
                for b, b_costs in _costs(other).items():
                    for sign, value in _results(a, b):
                        cost = _joined_cost(sign, a_costs, len(one), b_costs, len(other))
                        best = found.setdefault(value, [_MANY, _MANY])
                        best[sign in "+-"] = min(best[sign in "+-"], cost)
    return {value: (best[0], best[1]) for value, best in found.items()}


@lru_cache(maxsize=1 << 15)
def _fewest(numbers: Numbers, target: Rational) -> Costs | None:
    """Fewest pairs of brackets of a product and of a sum that make the target; None where nothing does."""
    if len(numbers) <= _WHOLE:
        return _costs(numbers).get(target)
    # Numerator and denominator of what an operator makes of two fractions add up to no more than the product of what
    # theirs add up to: |ps + rq| + |qs|, |pr| + |qs| and |ps| + |qr| are all at most (|p| + |q|) (|r| + |s|).
    if abs(target[0]) + target[1] > math.prod([abs(number) + 1 for number in numbers]):
        return None
    best = [_MANY, _MANY]
    for rest, few in _ways(numbers, target):
        made = _costs(rest).get if len(rest) <= _WHOLE else partial(_fewest, rest)
        for b, b_costs in _costs(few).items():
            for sign, b_left, a in _partners(target, b):
                a_costs = made(a)
                if a_costs is None:
                    continue
                if b_left:
                    cost = _joined_cost(sign, b_costs, len(few), a_costs, len(rest))
                else:
                    cost = _joined_cost(sign, a_costs, len(rest), b_costs, len(few))
                best[sign in "+-"] = min(best[sign in "+-"], cost)
    return (best[0], best[1]) if min(best) < _MANY else None


def _ways(numbers: Numbers, target: Rational) -> list[tuple[Numbers, Numbers]]:
    """The splits to look at; where the target is 0, those into halves with the sides exchanged as well."""
    ways = list(_splits(numbers, 2))
    if not target[0]:
        ways += [(few, rest) for rest, few in ways if len(few) == len(rest)]
    return ways


Made = tuple[tuple[Formula, ...], tuple[Formula, ...]]
"""Formulas that are products, and those that are sums."""


def _written(sign: str, left: Made, left_size: int, right: Made, right_size: int) -> Iterator[Formula]:
    for left_kind, ones in enumerate(left):
        for right_kind, others in enumerate(right):
            open_left = _needs_brackets(sign, False, left_kind, left_size)
            open_right = _needs_brackets(sign, True, right_kind, right_size)
            for one, other in itertools.product(ones, others):
                yield (
                    *(("(", *one, ")") if open_left else one),
                    sign,
                    *(("(", *other, ")") if open_right else other),
                )


@lru_cache(maxsize=1 << 12)
def _all(numbers: Numbers) -> dict[Rational, Made]:
    """Every formula of up to three numbers, by its value."""
    if len(numbers) == 1:
        return {(numbers[0], 1): (((str(numbers[0]),),), ())}
    found: dict[Rational, tuple[dict[Formula, None], dict[Formula, None]]] = {}
    for first, second in _splits(numbers, 1):
        for one, other in ((first, second), (second, first)):
            for a, a_made in _all(one).items():
                for b, b_made in _all(other).items():
                    for sign, value in _results(a, b):
                        written = _written(sign, a_made, len(one), b_made, len(other))
                        found.setdefault(value, ({}, {}))[sign in "+-"].update(dict.fromkeys(written))
    return {value: (tuple(products), tuple(sums)) for value, (products, sums) in found.items()}


@lru_cache(maxsize=1 << 13)
def _all_for(numbers: Numbers, target: Rational) -> Made:
    if len(numbers) <= _WHOLE:
        return _all(numbers).get(target, ((), ()))
    made: tuple[dict[Formula, None], dict[Formula, None]] = ({}, {})
    for rest, few in _ways(numbers, target):
        for b, b_made in _all(few).items():
            for sign, b_left, a in _partners(target, b):
                if _fewest(rest, a) is None:
                    continue
                a_made = _all_for(rest, a)
                if b_left or sign in "+*":
                    made[sign in "+-"].update(dict.fromkeys(_written(sign, b_made, len(few), a_made, len(rest))))
                if not b_left:
                    made[sign in "+-"].update(dict.fromkeys(_written(sign, a_made, len(rest), b_made, len(few))))
    return tuple(made[0]), tuple(made[1])
