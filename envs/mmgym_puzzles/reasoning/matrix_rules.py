"""Rules of matrices: what may hold along the rows of three panels, and which value a rule gives the last one.

The rules are those of RAVEN (arXiv 1903.02741): constant, progression, arithmetic, distribution of three, and for sets
of places the logical ones. Choices are made as in I-RAVEN (arXiv 2002.06838): they halve by each attribute, so that no
vote among them tells the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ATTRIBUTES", "LAYOUTS", "Attribute", "choices_of", "draw_rows", "holds", "last_values", "third"]

Row = tuple[int, int, int]

STEPS = {"one more": 1, "one less": -1, "two more": 2, "two less": -2}
LOGIC = ("xor", "union", "common")


@dataclass(frozen=True)
class Attribute:
    """Something that panels differ in."""

    kind: str
    """``named`` values have no order; ``ordered`` ones do; ``number`` can be added; ``places`` are sets of cells."""
    low: int
    high: int

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that it may follow."""
        return {
            "named": ("constant", "three"),
            "ordered": ("constant", "three", *STEPS),
            "number": ("constant", "three", *STEPS, "sum", "difference"),
            "places": ("constant", "three", *LOGIC),
        }[self.kind]


ATTRIBUTES = {
    "shape": Attribute("named", 0, 4),
    "frame": Attribute("named", 0, 4),
    "size": Attribute("ordered", 0, 3),
    "shade": Attribute("ordered", 0, 4),
    "number": Attribute("number", 1, 9),
    "places": Attribute("places", 1, 511),
}
"""Attributes by name."""
LAYOUTS = {
    "single": ("shape", "size", "shade"),
    "several": ("number", "shape", "shade"),
    "framed": ("frame", "shape", "size", "shade"),
    "scattered": ("places", "shape", "shade"),
    "framed and scattered": ("frame", "places", "shape", "shade"),
}
"""Names of the attributes that a panel has, by layout."""


def third(rule: str, one: int, two: int, known: Sequence[int] = ()) -> int | None:
    """The value that a rule gives after two others, or None where it gives none; it may lie out of range.

    Args:
        rule: its name.
        one: the first value of the row.
        two: the second.
        known: for a distribution of three, the values of another row.
    """
    if rule == "constant":
        return one if one == two else None
    if rule in STEPS:
        return two + STEPS[rule] if two == one + STEPS[rule] else None
    if rule == "three":
        left = [value for value in known if value not in (one, two)]
        return left[0] if len(set(known)) == 3 and len(left) == 1 and one != two else None
    return {"sum": one + two, "difference": one - two, "xor": one ^ two, "union": one | two, "common": one & two}[rule]


def holds(rule: str, row: Row, known: Sequence[int] = ()) -> bool:
    """Whether a row follows a rule."""
    return third(rule, row[0], row[1], known) == row[2]


def last_values(attribute: Attribute, rows: Sequence[Sequence[int]]) -> set[int]:
    """Every value that some rule, true of the first two rows, gives the last panel. One is what a matrix needs."""
    first, second, (one, two, *_) = rows
    values = set()
    for rule in attribute.rules:
        if holds(rule, (first[0], first[1], first[2]), first) and holds(rule, (second[0], second[1], second[2]), first):
            value = third(rule, one, two, first)
            if value is not None and attribute.low <= value <= attribute.high:
                values.add(value)
    return values


def draw_rows(rng: np.random.Generator, attribute: Attribute, rule: str, same: bool) -> tuple[Row, Row, Row] | None:
    """Values of an attribute for all nine panels, or None where these do not fit, or fit other rules too.

    Args:
        rng: what draws them.
        attribute: what they are of.
        rule: what they follow.
        same: whether a constant is the same in every row.
    """
    if rule == "three":
        values = _values(rng, attribute, 3)
        turns = rng.permutation(3).tolist()
        rows = [tuple(values[(column + turn) % 3] for column in range(3)) for turn in turns]
    elif rule == "constant":
        values = _values(rng, attribute, 1) * 3 if same else [_values(rng, attribute, 1)[0] for _ in range(3)]
        rows = [(value,) * 3 for value in values]
    else:
        found = [_row(rng, attribute, rule) for _ in range(3)]
        rows = [row for row in found if row is not None]
        if len(rows) < 3:
            return None
    first, second, last_row = rows
    return (first, second, last_row) if last_values(attribute, rows) == {last_row[2]} else None


def _row(rng: np.random.Generator, attribute: Attribute, rule: str) -> Row | None:
    """A row that follows a rule which makes its last value from the others."""
    low, high = attribute.low, attribute.high
    if rule in STEPS:
        step = STEPS[rule]
        first, last = low - min(0, 2 * step), high - max(0, 2 * step)
        one = int(rng.integers(first, last + 1)) if first <= last else 0
        return (one, one + step, one + 2 * step) if first <= last else None
    for _ in range(12):
        one, two = _values(rng, attribute, 2)
        made = third(rule, one, two)
        # Where places stay as they were, too little is to be seen.
        if made is not None and low <= made <= high and not (rule in LOGIC and made in (one, two)):
            return one, two, made
    return None


def _values(rng: np.random.Generator, attribute: Attribute, count: int) -> list[int]:
    """Different values of an attribute; sets have three to five of nine places."""
    if attribute.kind != "places":
        return (attribute.low + rng.permutation(attribute.high - attribute.low + 1)[:count]).tolist()
    found: list[int] = []
    while len(found) < count:
        places = rng.permutation(9)[: int(rng.integers(2, 6))].tolist()
        value = sum(1 << place for place in places)
        if value not in found:
            found.append(value)
    return found


def choices_of(
    rng: np.random.Generator, names: Sequence[str], changing: Sequence[str], rows: dict[str, Sequence[Row]]
) -> list[tuple[int, ...]]:
    """Eight panels, the right one first: three attributes take each of two values in every combination.

    Args:
        rng: what draws them.
        names: attributes of a panel.
        changing: those that change along the rows, which are preferred.
        rows: values of all nine panels, by attribute.
    """
    order = [names[k] for k in rng.permutation(len(names))]
    split = sorted(order, key=lambda name: (name not in changing, name != "places"))[:3]
    right = {name: rows[name][2][2] for name in names}
    other = {name: _other(rng, name, rows[name]) for name in split}
    choices = []
    for bits in range(8):
        panel = {
            name: other[name] if name in split and bits >> split.index(name) & 1 else right[name] for name in names
        }
        choices.append(tuple(panel[name] for name in names))
    return choices


def _other(rng: np.random.Generator, name: str, rows: Sequence[Row]) -> int:
    """Another value of the last panel, one that stands elsewhere in the matrix where there is one."""
    attribute, right, (one, two, _) = ATTRIBUTES[name], rows[2][2], rows[2]
    near = {value for row in rows for value in row}
    if attribute.kind == "places":
        near = {one ^ two, one | two, one & two, one, two} if rng.random() < 0.7 else near
        near |= {right ^ (1 << int(rng.integers(9)))}
    elif len(near) < 3:
        near = set(range(attribute.low, attribute.high + 1))
    values = sorted(near - {right, 0} if attribute.low else near - {right})
    return int(values[rng.integers(len(values))])
