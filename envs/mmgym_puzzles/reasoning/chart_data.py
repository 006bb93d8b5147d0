"""Charts as data: what they show, and where on the canvas each value lies.

The canvas has 1000 units a side, x to the right and y down, whatever the size of the picture.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["AXES", "PIE", "Chart", "draw_chart", "frame", "reading", "spot_of", "spots"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
YEARS = tuple(str(year) for year in range(2012, 2026))
NAMES = ("Ann", "Ben", "Cem", "Dia", "Eli", "Fay", "Gus", "Ida", "Jon", "Kim", "Lea", "Max", "Noa", "Pia", "Sam", "Tom")
PLACES = ("Bern", "Cork", "Graz", "Kyiv", "Lima", "Lyon", "Nice", "Oslo", "Pisa", "Riga", "Rome", "York")
FRUITS = ("Apple", "Fig", "Grape", "Kiwi", "Lemon", "Lime", "Mango", "Melon", "Peach", "Pear", "Plum")
TOPICS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Rainfall in mm", "month", MONTHS),
    ("Books lent", "month", MONTHS),
    ("Guests", "day", DAYS),
    ("Calls answered", "day", DAYS),
    ("Trees planted", "year", YEARS),
    ("Exports in tons", "year", YEARS),
    ("Points scored", "name", NAMES),
    ("Minutes read", "name", NAMES),
    ("Hotels", "place", PLACES),
    ("Bridges", "place", PLACES),
    ("Fruit sold in kg", "fruit", FRUITS),
)
"""Title, what a category is, categories; the first six have an order in time."""
_TIMED = 6
GROUPS = (
    ("North", "South", "East", "West"),
    ("Shop", "Web", "Fair"),
    ("Plan", "Real", "Past"),
    ("Cats", "Dogs", "Birds"),
)
SCATTERS = (
    ("Price and weight", "weight", "price"),
    ("Age and score", "age", "score"),
    ("Size and rent", "size", "rent"),
)
AXES: tuple[tuple[int, int], ...] = (
    (40, 10),
    (50, 10),
    (60, 10),
    (80, 20),
    (100, 20),
    (120, 20),
    (200, 50),
    (250, 50),
    (400, 100),
    (500, 100),
)
"""End of an axis and the distance of its ticks."""
AXES += ((600, 100), (800, 200), (1000, 200))
PIE = (390.0, 570.0, 330.0)
"""Middle and radius of a pie."""


@dataclass(frozen=True)
class Chart:
    """One chart."""

    kind: str
    """``bar`` (side by side where there are several series), ``stacked``, ``line``, ``pie``, ``scatter``."""
    title: str
    noun: str
    """What a category is, such as ``month``; for a scatter chart what its x axis shows."""
    categories: tuple[str, ...]
    """Empty for a scatter chart."""
    series: tuple[str, ...]
    """Names of the series; one empty name where there is no legend; for a scatter chart what its axes show."""
    values: tuple[tuple[int, ...], ...]
    """By series and category. For a pie percentages; for a scatter chart first all x, then all y."""
    axes: tuple[tuple[int, int], ...]
    """End and tick distance of the value axis; for a scatter chart of the x and the y axis."""
    palette: int
    ood: bool
    """Drawn as in the split ``ood``: bars lying, lines in steps, pies with a hole, on dark ground."""

    @property
    def lying(self) -> bool:
        """Whether its bars run to the right."""
        return self.ood and self.kind in ("bar", "stacked")

    @cached_property
    def frame(self) -> Frame:
        """The box of its axes; a pie has none."""
        numbered = self.lying or self.kind == "scatter"  # the last number below the axis needs room at its right
        top = 205.0 if len(self.series) > 1 else 140.0
        return Frame(225.0 if self.lying else 150.0, top, 930.0 if numbered else 965.0, 860.0)


@dataclass(frozen=True)
class Frame:
    """Where the axes are."""

    left: float
    top: float
    right: float
    bottom: float


def frame(chart: Chart) -> Frame:
    """The box of the axes of a chart that is no pie."""
    return chart.frame


def along(chart: Chart, value: float, axis: int = 0) -> float:
    """Where on the canvas a value of an axis lies: x for lying bars and the first axis of a scatter chart, else y."""
    box, end = frame(chart), chart.axes[axis][0]
    if chart.lying or (chart.kind == "scatter" and axis == 0):
        return box.left + (box.right - box.left) * value / end
    return box.bottom - (box.bottom - box.top) * value / end


def band(chart: Chart, category: int) -> float:
    """The middle of a category on the canvas, along the axis of the categories."""
    box, count = frame(chart), len(chart.categories)
    if chart.lying:
        return box.top + (box.bottom - box.top) * (category + 0.5) / count
    return box.left + (box.right - box.left) * (category + 0.5) / count


def bar(chart: Chart, series: int, category: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a bar, or of its part in a stacked one."""
    box, count = frame(chart), len(chart.categories)
    room = ((box.bottom - box.top) if chart.lying else (box.right - box.left)) / count * 0.74
    low, value = 0, chart.values[series][category]
    start, width = band(chart, category) - room / 2, room
    if chart.kind == "stacked":
        low = sum(row[category] for row in chart.values[:series])
    else:
        width = room / len(chart.series)
        start += series * width
    near, far = along(chart, low), along(chart, low + value)
    return (near, start, far, start + width) if chart.lying else (start, far, start + width, near)


def spots(chart: Chart, series: int, category: int) -> list[tuple[float, float]]:
    """The points of the canvas at which axes are to be read to know a value."""
    if chart.kind == "pie":
        before = sum(chart.values[0][:category])
        ends = [before, before + chart.values[0][category]]
        return [spot_of(share) for share in ends if 0 < share < 100]
    if chart.kind == "scatter":
        xs, ys = chart.values
        return [(along(chart, xs[category], 0), along(chart, ys[category], 1))]
    if chart.kind == "line":
        return [(band(chart, category), along(chart, chart.values[series][category]))]
    left, top, right, bottom = bar(chart, series, category)
    middle = ((left + right) / 2, (top + bottom) / 2)
    tips: list[tuple[float, float]] = (
        [(right, middle[1]), (left, middle[1])] if chart.lying else [(middle[0], top), (middle[0], bottom)]
    )
    return tips if chart.kind == "stacked" and series else tips[:1]


def spot_of(share: float, radius: float = 0.8 * PIE[2]) -> tuple[float, float]:
    """The point of a pie that some percentage of the circle lies before, clockwise from the top."""
    turn = 2 * math.pi * share / 100
    return PIE[0] + radius * math.sin(turn), PIE[1] - radius * math.cos(turn)


def reading(chart: Chart, x: float, y: float) -> str:
    """What the axes say at a point of the canvas; empty outside of them."""
    if chart.kind == "pie":
        dx, dy = x - PIE[0], y - PIE[1]
        if not 20 < math.hypot(dx, dy) < PIE[2] + 25:
            return ""
        share = math.degrees(math.atan2(dx, -dy)) % 360 / 3.6
        return f"{share:.2f} % of the circle lies before this point, clockwise from the top"
    box = frame(chart)
    if not (box.left - 8 <= x <= box.right + 8 and box.top - 8 <= y <= box.bottom + 8):
        return ""
    if chart.kind == "scatter":
        return f"{chart.series[0]} {_value(chart, x, y, 0):.4g}, {chart.series[1]} {_value(chart, x, y, 1):.4g}"
    return f"the axis says {_value(chart, x, y, 0):.4g}"


def _value(chart: Chart, x: float, y: float, axis: int) -> float:
    box, end = frame(chart), chart.axes[axis][0]
    if chart.lying or (chart.kind == "scatter" and axis == 0):
        share = (x - box.left) / (box.right - box.left)
    else:
        share = (box.bottom - y) / (box.bottom - box.top)
    return round(end * share, 6) + 0.0


def draw_chart(
    rng: np.random.Generator, kind: str, categories: tuple[int, int], series: int, ood: bool
) -> Chart | None:
    """Draw a chart, or None where the numbers do not come out.

    Args:
        rng: what draws it.
        kind: as in `Chart`.
        categories: fewest and most categories, or points of a scatter chart.
        series: how many series.
        ood: as in `Chart`.
    """
    count = int(rng.integers(categories[0], categories[1] + 1))
    palette = int(rng.integers(3))
    if kind == "scatter":
        title, *series_names = SCATTERS[rng.integers(len(SCATTERS))]
        axes = tuple(AXES[k] for k in rng.integers(len(AXES), size=2))
        values = _apart(rng, count, axes)
        return values and Chart(kind, title, series_names[0], (), tuple(series_names), values, axes, palette, ood)
    title, noun, names = TOPICS[rng.integers(_TIMED if kind == "line" else len(TOPICS))]
    labels = _labels(rng, names, count, timed=noun in ("month", "day", "year"))
    if labels is None:
        return None
    if kind == "pie":
        cuts = np.sort(rng.choice(99, count - 1, replace=False) + 1)
        shares = np.diff(np.concatenate([[0], cuts, [100]])).tolist()
        return (
            Chart(kind, title, noun, labels, ("",), (tuple(shares),), ((100, 25),), palette, ood)
            if min(shares) >= 8
            else None
        )
    group = GROUPS[rng.integers(len(GROUPS))]
    if series > len(group):
        return None
    axis = AXES[rng.integers(len(AXES))]
    top = axis[0] // series if kind == "stacked" else axis[0]
    rows = rng.integers(max(1, round(0.14 * axis[0])), round(0.97 * top) + 1, (series, count)).tolist()
    if kind == "line" and any(40 * (b - a) < axis[0] for at in zip(*rows, strict=True) for a, b in _neighbors(at)):
        return None  # one point would hide another
    chosen = tuple(group[k] for k in sorted(rng.permutation(len(group))[:series].tolist())) if series > 1 else ("",)
    return Chart(kind, title, noun, labels, chosen, tuple(map(tuple, rows)), (axis,), palette, ood)


def _neighbors(values: Sequence[int]) -> Iterable[tuple[int, int]]:
    return itertools.pairwise(sorted(values))


def _labels(rng: np.random.Generator, names: Sequence[str], count: int, timed: bool) -> tuple[str, ...] | None:
    if count > len(names):
        return None
    if timed:
        first = int(rng.integers(len(names) - count + 1))
        return tuple(names[first : first + count])
    return tuple(names[k] for k in rng.permutation(len(names))[:count])


def _apart(
    rng: np.random.Generator, count: int, axes: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Points none of which touches another, as all x and all y."""
    found: list[tuple[int, int]] = []
    for x, y in rng.uniform(0.06, 0.95, (20 * count, 2)).tolist():
        point = round(x * axes[0][0]), round(y * axes[1][0])
        if all(math.hypot((point[0] - a) / axes[0][0], (point[1] - b) / axes[1][0]) > 0.075 for a, b in found):
            found.append(point)
        if len(found) == count:
            return tuple(x for x, _ in found), tuple(y for _, y in found)
    return None
