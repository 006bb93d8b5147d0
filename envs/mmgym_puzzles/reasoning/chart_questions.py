"""Questions about charts: their words, their answers as functions of the values, and which values must be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mmgym_puzzles.reasoning.chart_data import Chart

__all__ = ["Answer", "Asked", "Question", "ask", "draw_question"]

Number = Fraction | int | float
Values = Sequence[Sequence[Number]]
Answer = Number | str
"""Exact where the values are whole."""

_PIXEL = 0.0035
"""Half a pixel of a picture of 224 pixels, as a share of an axis: how exactly a value is read without zooming, and a
part of a stacked bar, which has two ends, after zooming in to half the picture."""


@dataclass(frozen=True)
class Question:
    """What is asked."""

    kind: str
    series: tuple[int, ...]
    """Series it is about."""
    places: tuple[int, ...]
    """Categories, or points, it is about."""


@dataclass(frozen=True)
class Asked:
    """A question about one chart."""

    text: str
    sort: str
    """``number`` (5 % off is still right), ``count`` or ``label``."""
    answer: Callable[[Values], Answer]
    reads: tuple[tuple[int, int], ...]
    """Series and category of the values that must be read; none where looking is enough."""


def ask(chart: Chart, question: Question) -> Asked:
    """Words, answer and needed readings of a question."""
    series, places = question.series, question.places
    names = [_name(chart, s, c) for s in series[:1] for c in places] if chart.categories else []
    s = series[0] if series else 0
    each = [(s, c) for c in places]
    whose = f" of {chart.series[s]}" if len(chart.series) > 1 else ""
    noun, many = chart.noun, f"{chart.noun}s"
    unit = "percentage" if chart.kind == "pie" else "value"
    match question.kind:
        case "value":
            return Asked(f"What is the {unit} of {names[0]}?", "number", lambda v: v[s][places[0]], tuple(each))
        case "most" | "least":
            pick, word = (max, "largest") if question.kind == "most" else (min, "smallest")
            text = f"For which {noun} is the {unit}{whose} {word}?"
            return Asked(text, "label", lambda v: chart.categories[_first(v[s], pick(v[s]))], ())
        case "difference":
            text = f"By how much is the {unit} of {names[0]} larger than that of {names[1]}?"
            return Asked(text, "number", lambda v: v[s][places[0]] - v[s][places[1]], tuple(each))
        case "sum":
            text = f"What is the sum of the {unit}s of {', '.join(names[:-1])} and {names[-1]}?"
            return Asked(text, "number", lambda v: sum(v[s][c] for c in places), tuple(each))
        case "count":
            text = f"For how many {many} is the {unit}{whose} larger than for {chart.categories[places[0]]}?"
            return Asked(text, "count", lambda v: _larger(v[s], places[0]), ())
        case "ratio":
            text = f"How many times as large as the {unit} of {names[1]} is that of {names[0]}?"
            return Asked(text, "number", lambda v: _share(v[s][places[0]], v[s][places[1]]), tuple(each))
        case "average":
            text = f"What is the average {unit}{whose} over all {many}?"
            return Asked(text, "number", lambda v: _share(sum(v[s]), len(v[s])), tuple(each))
        case "rise":
            text = f"After which {noun} does the {unit}{whose} rise most to the next?"
            return Asked(text, "label", lambda v: chart.categories[_steepest(v[s])], ())
        case "beats":
            one, other = series
            text = f"For how many {many} is {chart.series[one]} larger than {chart.series[other]}?"
            return Asked(text, "count", lambda v: sum(a > b for a, b in zip(v[one], v[other], strict=True)), ())
        case "gap":
            one, other = series
            text = f"For which {noun} do {chart.series[one]} and {chart.series[other]} differ most?"
            return Asked(text, "label", lambda v: chart.categories[_widest(v[one], v[other])], ())
        case "between":
            one, other, c = *series, places[0]
            text = f"By how much is {chart.series[one]} larger than {chart.series[other]} for {chart.categories[c]}?"
            return Asked(text, "number", lambda v: v[one][c] - v[other][c], ((one, c), (other, c)))
        case "times":
            one, other, c = *series, places[0]
            text = (
                f"For {chart.categories[c]}, how many times as large as {chart.series[other]} is {chart.series[one]}?"
            )
            return Asked(text, "number", lambda v: _share(v[one][c], v[other][c]), ((one, c), (other, c)))
        case "above":
            this, that = chart.series[s], chart.series[1 - s]
            text = f"How many points have a larger {this} than the point with the largest {that}?"
            return Asked(text, "count", lambda v: _larger(v[s], _first(v[1 - s], max(v[1 - s]))), ())
        case "extreme":
            text = f"What is the {chart.series[1 - s]} of the point with the largest {chart.series[s]}?"
            return Asked(text, "number", lambda v: v[1 - s][_first(v[s], max(v[s]))], ((1 - s, places[0]),))
    raise ValueError(f"no question of the kind {question.kind!r}")


def _name(chart: Chart, series: int, category: int) -> str:
    label = chart.categories[category]
    return f"{chart.series[series]} for {label}" if len(chart.series) > 1 else label


def _share(part: Number, whole: Number) -> Number:
    return Fraction(part, whole) if isinstance(part, int) and isinstance(whole, int) else part / max(whole, 0.5)


def _first(values: Sequence[Number], value: Number) -> int:
    return list(values).index(value)


def _larger(values: Sequence[Number], place: int) -> int:
    return sum(value > values[place] for value in values)


def _steepest(values: Sequence[Number]) -> int:
    rises = [b - a for a, b in itertools.pairwise(values)]
    return _first(rises, max(rises))


def _widest(one: Sequence[Number], other: Sequence[Number]) -> int:
    gaps = [max(a - b, b - a) for a, b in zip(one, other, strict=True)]
    return _first(gaps, max(gaps))


def draw_question(rng: np.random.Generator, chart: Chart, kind: str, margin: int) -> Question | None:
    """Draw a question that the picture answers beyond doubt, or None where it does not.

    Args:
        rng: what draws it.
        chart: what it is about.
        kind: as in `Question`.
        margin: the least difference, in thousandths of an axis, on which a label or a count may depend.
    """
    count = len(chart.values[0])
    s, t = rng.permutation(max(2, len(chart.series)))[:2].tolist()
    s = s if len(chart.series) > 1 else 0
    order = rng.permutation(count).tolist()
    match kind:
        case "value" | "count":
            question = Question(kind, (s,), (order[0],))
        case "difference" | "ratio":
            one, other = sorted(order[:2], key=lambda c: -chart.values[s][c])
            question = Question(kind, (s,), (one, other))
        case "sum":
            question = Question(kind, (s,), tuple(sorted(order[: int(rng.integers(2, 4))])))
        case "average":
            question = Question(kind, (s,), tuple(range(count)))
        case "beats" | "gap":
            question = Question(kind, (s, t), ())
        case "between" | "times":
            one, other = sorted((s, t), key=lambda row: -chart.values[row][order[0]])
            question = Question(kind, (one, other), (order[0],))
        case "extreme":
            second, largest = sorted(chart.values[s])[-2:]
            end, _ = chart.axes[s]
            if 1000 * (largest - second) < margin * end:
                return None
            question = Question(kind, (s,), (_first(chart.values[s], largest),))
        case _:
            question = Question(kind, (s,), ())
    return question if _clear(chart, ask(chart, question), margin) else None


def _clear(chart: Chart, asked: Asked, margin: int) -> bool:
    """Whether readings suffice: within 5 % for numbers, with a margin for labels and counts."""
    true = asked.answer(chart.values)
    if asked.sort == "number":
        if true <= 0:  # type: ignore[operator]
            return False
        off = 0.0
        for s, c in asked.reads:
            moved = _moved(chart, [(s, c)], _PIXEL)
            off += abs(asked.answer(moved) - true)  # type: ignore[operator]
        return off <= 0.045 * true and true >= 0.02  # type: ignore[operator]
    places = [(s, c) for s, row in enumerate(chart.values) for c in range(len(row))]
    return all(
        asked.answer(_moved(chart, [place], sign * margin / 1000)) == true for place in places for sign in (-1, 1)
    )


def _moved(chart: Chart, places: Sequence[tuple[int, int]], share: float) -> list[list[Number]]:
    values: list[list[Number]] = [list(row) for row in chart.values]
    for s, c in places:
        values[s][c] += share * chart.axes[s if chart.kind == "scatter" else 0][0]
    return values
