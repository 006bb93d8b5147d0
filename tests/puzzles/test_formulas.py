"""Formulas of cards: their exact values, their values by Python's rules, and the solver against trying everything."""

import itertools
import random
import warnings
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from mmgym_puzzles.cards.ez_points import sums_of_products
from mmgym_puzzles.cards.formula import MISSED, FormulaError, by_python, exactly
from mmgym_puzzles.cards.solver import fewest_brackets, solutions


@pytest.mark.parametrize(
    ("formula", "value"),
    [("8 / ( 3 - 8 / 3 )", 24), ("1 + 2 * 3", 7), ("7 - 3 - 2", 2), ("12 / 3 / 2", 2), ("- 3 + 5", 2), ("( 1 )", 1),
     ("( ( 1 + 2 ) * 3 - 4 ) / 10", Fraction(1, 2)), ("2 * - 3", -6)],
)  # fmt: skip
def test_values_are_exact(formula, value):
    assert exactly(formula.split()) == value


@pytest.mark.parametrize(
    ("formula", "why"),
    [("", "not complete"), ("1 +", "not complete"), ("1 2", "2 is out of place"), ("* 2", "missing before *"),
     ("( 1", "not closed"), ("1 )", ") is out of place"), ("1 / ( 2 - 2 )", "division by zero"), ("( )", "before )"),
     ("2 ( 3 )", "( is out of place"), ("2 * * 3", "missing before *"), ("4 / / 2", "missing before /")],
)  # fmt: skip
def test_what_has_no_value_says_why(formula, why):
    with pytest.raises(FormulaError, match=re_escape(why)):
        exactly(formula.split())


def re_escape(text):
    return "".join(f"\\{c}" if c in "().*+/" else c for c in text)


def python_says(text):
    try:
        return eval(text)
    except (SyntaxError, TypeError, ZeroDivisionError, OverflowError):
        return "nothing"


def test_the_preset_reads_formulas_as_python_does():
    rng = random.Random(0)
    symbols = [*map(str, range(1, 11)), *"+-*/()", MISSED]
    shapes = ["n o n o n o n", "( n o n ) o n o n", "n o o n o n", "n n o n o n", "n o ( n o n o n )", "n o n b n o n"]
    values = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(6000):
            if k % 2:
                chosen = rng.choices(symbols, k=rng.randint(1, 9))
            else:
                fill = {"n": symbols[:10], "o": list("+-*/"), "b": [MISSED]}
                chosen = [rng.choice(fill.get(mark, [mark])) for mark in rng.choice(shapes).split()]
            text = "".join(chosen)
            if text.count("**") > 1 or text.endswith(MISSED):
                continue
            expected = python_says(text)
            expected = "nothing" if isinstance(expected, tuple) else expected
            try:
                value = by_python(chosen)
            except FormulaError:
                value = "nothing"
            too_large = isinstance(expected, int) and abs(expected) > 1 << 4000
            assert too_large or (value == expected and type(value) is type(expected)), text
            values += expected != "nothing"
    assert values > 1500


def test_huge_powers_end_at_once():
    for text in ("10 * * 10 * * 10", "9 * * 9 * * 9 * * 9", "9 9 9 * * 9 9 9 9 9", "( 1 - 3 ) * * 10 * * 10"):
        with pytest.raises(FormulaError):
            by_python(text.split())
    assert by_python("( 2 - 1 ) * * 10 * * 10".split()) == 1
    assert by_python("( 2 - 3 ) * * 9 9 9 9 9".split()) == -1


@cache
def values_of(numbers):
    """Every value of every formula of the numbers, by trying all ways to put them together."""
    if len(numbers) == 1:
        return {Fraction(numbers[0])}
    found = set()
    for size in range(1, len(numbers)):
        for chosen in itertools.combinations(range(len(numbers)), size):
            ones = values_of(tuple(numbers[k] for k in chosen))
            others = values_of(tuple(n for k, n in enumerate(numbers) if k not in chosen))
            for a, b in itertools.product(ones, others):
                found |= {a + b, a - b, a * b} | ({a / b} if b else set())
    return found


def test_the_solver_finds_a_formula_wherever_there_is_one():
    rng = np.random.default_rng(1)
    for count in (2, 3, 3, 4, 4, 4, 4):
        numbers = tuple(sorted(rng.integers(1, 14, count).tolist()))
        reachable = values_of(numbers)
        for target in range(1, 60):
            assert (fewest_brackets(numbers, target) is not None) == (target in reachable), (numbers, target)
            made = solutions(numbers, target)
            assert bool(made) == (target in reachable) and all(exactly(f) == target for f in made)
            assert all(sorted(int(s) for s in f if s.isdigit()) == list(numbers) for f in made)


def test_five_numbers_are_solved_as_by_trying_everything():
    numbers = (1, 1, 3, 7, 7)
    reachable = values_of(numbers)
    for target in range(1, 400, 7):
        assert (fewest_brackets(numbers, target) is not None) == (target in reachable), target


def test_known_hands():
    solvable = [fewest_brackets(n, 24) for n in itertools.combinations_with_replacement(range(1, 11), 4)]
    assert len(solvable) == 715 and sum(found is not None for found in solvable) == 566
    assert ["".join(f) for f in solutions((3, 3, 8, 8), 24)] == ["8/(3-8/3)"]
    assert ["".join(f) for f in solutions((1, 3, 4, 6), 24)] == ["6/(1-3/4)"]
    assert solutions((1, 1, 1, 1), 24) == () and fewest_brackets((1, 1, 1, 1), 24) is None


def bracketed(symbols, pairs):
    """The formula with this many pairs of brackets around parts of it, in every way."""
    if not pairs:
        yield symbols
        return
    places = [k for k, s in enumerate(symbols) if s.isdigit()]
    for first, last in itertools.combinations(places, 2):
        inner = symbols[first : last + 1]
        if inner.count("(") == inner.count(")"):
            yield from bracketed((*symbols[:first], "(", *inner, ")", *symbols[last + 1 :]), pairs - 1)


def worth(symbols):
    try:
        return exactly(symbols)
    except FormulaError:
        return None


def test_the_shortest_formula_is_the_shortest():
    for numbers, target in (((2, 3, 4), 14), ((2, 3, 4), 20), ((1, 5, 7), 3), ((2, 6, 9), 21), ((3, 8, 8), 40)):
        plain = [
            tuple(s for pair in itertools.zip_longest(map(str, order), signs) for s in pair if s)
            for order in set(itertools.permutations(numbers))
            for signs in itertools.product("+-*/", repeat=len(numbers) - 1)
        ]
        shortest = next(
            (k for k in range(3) if any(worth(f) == target for p in plain for f in bracketed(p, k))),
            None,
        )
        assert fewest_brackets(numbers, target) == shortest, (numbers, target)
        if shortest is not None:
            assert len(solutions(numbers, target)[0]) == 2 * len(numbers) - 1 + 2 * shortest


@pytest.mark.parametrize(("numbers", "target", "pairs"), [((5, 6, 7, 9), 176, 2), ((2, 3, 5, 12), 24, 1)])
def test_fewer_brackets_than_the_solver_says_do_not_do(numbers, target, pairs):
    assert fewest_brackets(numbers, target) == pairs
    for order in set(itertools.permutations(numbers)):
        for signs in itertools.product("+-*/", repeat=3):
            plain = tuple(s for pair in itertools.zip_longest(map(str, order), signs) for s in pair if s)
            for fewer in range(pairs):
                assert all(worth(f) != target for f in bracketed(plain, fewer))


def test_sums_of_products_are_all_there():
    for numbers, target in (((2, 10), 12), ((2, 3, 4), 14), ((1, 2, 2, 6), 24), ((1, 1, 3), 9)):
        tried = {
            tuple(s for pair in itertools.zip_longest(map(str, order), signs) for s in pair if s)
            for order in itertools.permutations(numbers)
            for signs in itertools.product("+*", repeat=len(numbers) - 1)
        }
        assert set(sums_of_products(numbers, target)) == {f for f in tried if exactly(f) == target}
