"""Charts: answer questions about charts, with tools to look closer, to read axes and to compute."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.pointing import Pointer, pointers
from mmgym.spaces import Parameter, Tool, ToolCall, flag, tool
from mmgym_puzzles.puzzle import layout_hash
from mmgym_puzzles.reasoning.calculating import CalculatingPuzzle
from mmgym_puzzles.reasoning.chart_data import Chart, draw_chart, reading, spots
from mmgym_puzzles.reasoning.chart_drawing import WHOLE, View, color_names, draw_chart_picture, draw_reading
from mmgym_puzzles.reasoning.chart_questions import Answer, Asked, Question, ask, draw_question
from mmgym_puzzles.reasoning.surds import Surd, whole

__all__ = ["Charts"]

MOST_READINGS = 40
CLOSEST = 200
"""Side of the smallest part of the canvas that is shown, in thousandths of the picture."""
STEP = 50
"""Sides of parts are multiples of this: letters come in few sizes, and are drawn once in each."""
TOLERANCE = 0.05
"""ChartQA's relaxed accuracy: how far a number may be off, as a share of the true one."""
_OOD_DRAWS = 0.12
_DRAWS = 30
"""Charts drawn for a kind of chart and question: those that seldom come out shall not be rare."""
_OF_ONE = ("value", "most", "least", "difference", "sum", "count", "ratio", "average")
_OF_TWO = ("beats", "gap", "between", "times")
_KINDS = {
    "bar": _OF_ONE + _OF_TWO,
    "line": (*_OF_ONE, "rise", *_OF_TWO),
    "stacked": ("value", "difference", "sum", "ratio", "between", "times"),
    "pie": ("value", "most", "least", "difference", "sum", "ratio"),
    "scatter": ("above", "extreme"),
}
"""Kinds of questions by kind of chart."""

Asking = tuple[Chart, Question]


@dataclass(frozen=True)
class Plots:
    """What charts and questions to draw."""

    charts: tuple[tuple[str, int, int, int], ...]
    """Kinds of charts, each with its fewest and most categories or points, and its number of series."""
    questions: tuple[str, ...]
    """Kinds of questions."""
    margin: int
    """Least difference on which a label or a count may depend, in thousandths of an axis."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Plots((("bar", 3, 5, 1), ("line", 4, 5, 1)), ("value", "most", "least"), 80, 8),
    2: Plots(
        (("bar", 4, 6, 1), ("line", 5, 6, 1), ("pie", 3, 4, 1)), ("value", "difference", "sum", "count", "most"), 50, 10
    ),
    3: Plots(
        (("bar", 3, 4, 2), ("line", 4, 6, 2), ("pie", 4, 5, 1), ("scatter", 6, 9, 1)),
        ("difference", "count", "rise", "gap", "between", "above", "extreme"),
        30,
        12,
    ),
    4: Plots(
        (("bar", 4, 5, 2), ("line", 5, 6, 3), ("stacked", 3, 5, 2), ("scatter", 9, 12, 1)),
        ("ratio", "rise", "gap", "beats", "between", "sum", "above", "extreme"),
        24,
        16,
    ),
    5: Plots(
        (("bar", 4, 5, 3), ("line", 6, 7, 3), ("stacked", 4, 6, 3), ("scatter", 12, 15, 1)),
        ("difference", "ratio", "times", "average", "beats", "extreme"),
        18,
        20,
    ),
}


class Charts(CalculatingPuzzle):
    """Answer a question about a chart, with tools to look closer, to read axes and to compute.

    ## Description
    Bar charts (also in groups and stacked), line charts, pies and scatter charts with titles, axes and legends. Values
    are not printed: they are read off the axes. Questions ask for a value, a label, a comparison, a sum, a ratio, an
    average, a count or a trend. The numbers of the chart stand in the picture alone.

    ## Action space
    Five tools. `crop(left, top, right, bottom)` shows a part of the picture, drawn anew and larger, made a square;
    `zoom_out()` shows the whole again. `read_axis(x, y)` says what the axes say at a pixel and marks it; on a pie, how
    much of the circle lies before it. `compute(expression)` works out arithmetic. `answer(value)` ends the episode.
    Pixels are those of the picture as it is shown.

    ## Observation space
    `task`: the question. `image`: the chart and where axes were read, uint8 (image_size, image_size, 3). `text`, the
    text twin: the chart as a table. `feedback`: what the axes say, results of `compute`, or what was wrong.

    ## Starting state
    A chart and a question of the level, redrawn until the picture settles the answer: numbers can be read to within
    5 % (without zooming, but for stacked bars), labels and counts hang on differences that the level names. The
    split is decided by a hash of chart and question. The split `ood` has charts of its own: lying bars, lines in steps,
    pies with a hole, square marks, on dark ground. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for the right answer (term `outcome`), else 0. Numbers may be off by 5 % (relaxed accuracy of ChartQA, arXiv
    2203.10244); counts must be exact, and labels too, but for case.

    ## Episode end
    Terminated by an answer (success if it is right; words where a number is asked for are no answer); truncated at the
    turn limit.

    ## Arguments
    `expert_reads`: whether the expert first reads the axes at each value that it needs (the default), one a turn, as a
    careful reader would, and then answers; if not, it answers at once. And those of `Puzzle`.

    | level | charts (series) | questions | least difference | turns |
    |---|---|---|---|---|
    | 1 | bar, line (1) | value, largest, smallest | 8 % of the axis | 8 |
    | 2 | bar, line, pie (1) | value, difference, sum, count, largest | 5 % | 10 |
    | 3 | bar, line (2), pie, scatter | difference, count, steepest rise, gap of two series, extreme point | 3 % | 12 |
    | 4 | bar, stacked (2), line (3), scatter | sum, gap, ratio, comparison, rise, count, extreme | 2.4 % | 16 |
    | 5 | bar, stacked, line (3), scatter | difference, ratio, average, comparison, extreme of 15 | 1.8 % | 20 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You see a chart with a question. Values are not printed: read them off the axes. You can crop to look closer, "
        "read the axes at a pixel, and compute. Answer once: a number that is off by at most 5 %, an exact count, or a "
        "label as it is written. Pixels are counted from the left and from the top of the picture as it is shown."
    )
    chart: Chart
    question: Question
    view: View
    """The part that is shown, in thousandths of the whole."""
    readings: list[tuple[int, int]]
    """Where axes were read, in hundred-thousandths of the whole picture."""
    _steps: int | None
    """Turns the expert needs from the start, once they are known."""
    _whole: np.ndarray | None
    """The picture of the whole chart without readings, once it is drawn."""
    _picture: np.ndarray | None
    """The picture of the part that is shown, with its readings, once it is drawn."""

    def __init__(self, *, expert_reads: bool = True, **arguments: Any) -> None:
        self.expert_reads = flag("expert_reads", expert_reads)
        super().__init__(**arguments)
        chart = Chart("bar", "Guests", "day", ("Mon", "Tue"), ("",), ((20, 35),), ((40, 10),), 0, False)
        self._begin((chart, Question("value", (0,), (0,))))

    def _tools(self) -> list[Tool]:
        def narrowed(parameter: Parameter) -> Parameter:
            if parameter.kind != "integer":
                return parameter
            edge = parameter.name in ("right", "bottom")
            return Parameter(parameter.name, "integer", parameter.description, low=0, high=self.image_size - (not edge))

        return [Tool(t.name, t.description, tuple(map(narrowed, t.parameters))) for t in super()._tools()]

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """The place or the box that a call names."""
        return pointers(call.arguments, self.image_size, self.image_size)

    @tool
    def crop(
        self,
        left: Annotated[int, Interval(ge=0, le=4096)],
        top: Annotated[int, Interval(ge=0, le=4096)],
        right: Annotated[int, Interval(ge=0, le=4096)],
        bottom: Annotated[int, Interval(ge=0, le=4096)],
    ) -> Effect:
        """Show a part of the picture, drawn anew and larger. It is widened to a square.

        Args:
            left: left edge in pixels.
            top: upper edge in pixels.
            right: right edge in pixels.
            bottom: lower edge in pixels.
        """
        if left >= right or top >= bottom:
            return Effect(False, "The left edge must be left of the right one, and the upper one above the lower one.")
        x, y, side = self.view
        unit = side / self.image_size
        wide = min(side, max(CLOSEST, STEP * math.ceil(max(right - left, bottom - top) * unit / STEP)))
        middle = x + (left + right) / 2 * unit, y + (top + bottom) / 2 * unit
        corner = [min(max(0, round(m - wide / 2)), 1000 - wide) for m in middle]
        return self._show_part(
            (corner[0], corner[1], wide), "This part is shown already; it cannot be enlarged further."
        )

    @tool
    def zoom_out(self) -> Effect:
        """Show the whole chart again."""
        return self._show_part(WHOLE, "The whole chart is shown already.")

    @tool
    def read_axis(
        self, x: Annotated[int, Interval(ge=0, le=4095)], y: Annotated[int, Interval(ge=0, le=4095)]
    ) -> Effect:
        """Read the axes at a pixel: the values that belong to it. The pixel is marked.

        Args:
            x: pixels from the left.
            y: pixels from the top.
        """
        place = self._place(x, y)
        said = reading(self.chart, place[0] / 100, place[1] / 100)
        if not said:
            return Effect(False, "This pixel lies outside the axes.")
        if place in self.readings:
            return Effect(False, f"At this pixel {said}.")
        if len(self.readings) == MOST_READINGS:
            return Effect(False, f"The axes were read {MOST_READINGS} times: that is enough.")
        self.readings.append(place)
        if self._picture is not None:
            draw_reading(self._picture, self.chart, self.view, place[0] / 100, place[1] / 100)
        return Effect(True, f"At this pixel {said}.")

    def _show_part(self, view: View, refusal: str) -> Effect:
        if view == self.view:
            return Effect(False, refusal)
        self.view, self._picture = view, None
        return Effect(True)

    def _place(self, x: float, y: float) -> tuple[int, int]:
        """The middle of a pixel, in hundred-thousandths of the whole picture."""
        left, top, side = self.view
        unit = side / self.image_size
        return round(100 * (left + (x + 0.5) * unit)), round(100 * (top + (y + 0.5) * unit))

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Plots) -> Asking | None:
        """Draw a chart and a question, or None where the picture would not settle the answer."""
        ood = bool(rng.random() < _OOD_DRAWS)
        kind, low, high, series = settings.charts[rng.integers(len(settings.charts))]
        fitting = [q for q in settings.questions if q in _KINDS[kind] and (series > 1 or q not in _OF_TWO)]
        asked = fitting[rng.integers(len(fitting))]
        for _ in range(_DRAWS):
            chart = draw_chart(rng, kind, (low, high), series, ood)
            question = None if chart is None else draw_question(rng, chart, asked, settings.margin)
            if chart is not None and question is not None:
                return chart, question
        return None

    @classmethod
    def candidate_key(cls, instance: Asking) -> str:
        """Key of chart and question. Those of the split ``ood`` take the end of all keys, others the rest."""
        chart, question = instance
        key = layout_hash("charts", chart, question)
        place = int(key[:8], 16)
        place = 2**32 - 1 - place // 32 if chart.ood else place * 949 // 1000
        return f"{place:08x}{key[8:]}"

    def layout_key(self) -> str:
        """Key of chart and question; it decides the split."""
        return self.candidate_key((self.chart, self.question))

    def _begin(self, instance: Asking) -> None:
        self.chart, self.question = instance
        self.asked: Asked = ask(*instance)
        self.view, self.readings, self.said = WHOLE, [], None
        self._steps = self._whole = self._picture = None

    def _get_state(self) -> dict[str, Any]:
        shown = {"view": list(self.view), "readings": [list(place) for place in self.readings], "said": self.said}
        return {"chart": asdict(self.chart), "question": asdict(self.question), **shown}

    def _set_state(self, state: dict[str, Any]) -> None:
        def fixed(value: Any) -> Any:
            return tuple(map(fixed, value)) if isinstance(value, (list, tuple)) else value

        chart = Chart(**{name: fixed(value) for name, value in state["chart"].items()})
        self._begin((chart, Question(**{name: fixed(value) for name, value in state["question"].items()})))
        left, top, side = state["view"]
        self.view, self.said = (left, top, side), state["said"]
        self.readings = [(x, y) for x, y in state["readings"]]

    def __getstate__(self) -> dict[str, Any]:
        """Without the question's words and functions, which are made again: functions cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name != "asked"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.asked = ask(self.chart, self.question)

    def _task(self) -> str:
        return self.asked.text

    def _truth(self) -> tuple[Surd, str, float]:
        answer = self.asked.answer(self.chart.values)
        assert isinstance(answer, (int, Fraction))
        unit = "%" if self.chart.kind == "pie" and self.question.kind != "ratio" else ""
        return whole(answer), unit, TOLERANCE if self.asked.sort == "number" else 0.0

    def _read(self, value: str) -> bool:
        if self.asked.sort != "label":
            return super()._read(value)
        if not value.strip():
            raise ValueError("there is no label")
        return value.strip().strip(".\"'").casefold() == str(self.asked.answer(self.chart.values)).casefold()

    def _unread(self) -> list[tuple[float, float]]:
        """Points of the canvas at which the expert still reads the axes."""
        if not self.expert_reads or len(self.readings) == MOST_READINGS:
            return []
        reach = 60_000 / self.image_size  # a little more than half a pixel of the whole picture
        needed = dict.fromkeys(spot for s, c in self.asked.reads for spot in spots(self.chart, s, c))

        def is_read(x: float, y: float) -> bool:
            return any(max(abs(a - 100 * x), abs(b - 100 * y)) <= reach for a, b in self.readings)

        return [spot for spot in needed if not is_read(*spot)]

    def _expert_call(self) -> ToolCall:
        left, top, side = self.view
        unread = self._unread()
        if not unread:
            return ToolCall("answer", {"value": _written(self.asked.answer(self.chart.values))})
        for x, y in unread:
            pixel = [math.floor((x - left) * self.image_size / side), math.floor((y - top) * self.image_size / side)]
            if all(0 <= p < self.image_size for p in pixel):
                return ToolCall("read_axis", {"x": pixel[0], "y": pixel[1]})
        return ToolCall("zoom_out")

    def _expert_steps(self) -> int:
        if self._steps is None:
            view, readings = self.view, self.readings
            self.view, self.readings = WHOLE, []
            self._steps = self._turns_left()
            self.view, self.readings = view, readings
        return self._steps

    def _turns_left(self) -> int:
        left, top, side = self.view
        unread = self._unread()
        hidden = any(not (0 <= x - left < side and 0 <= y - top < side) for x, y in unread)
        return 1 + min(len(unread), MOST_READINGS - len(self.readings)) + hidden

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The answer of one who misreads each value by up to 6 % of the axis, and takes one in ten from beside it."""
        values: list[list[float]] = []
        for s, row in enumerate(self.chart.values):
            end = self.chart.axes[s if self.chart.kind == "scatter" else 0][0]
            off = (rng.uniform(-0.06, 0.06, len(row)) * end).tolist()
            seen = [row[c - 1] if slip else row[c] for c, slip in enumerate((rng.random(len(row)) < 0.1).tolist())]
            values.append([max(1.0, value + o) for value, o in zip(seen, off, strict=True)])
        return ToolCall("answer", {"value": _written(self.asked.answer(values))})

    def _image(self) -> np.ndarray:
        if self._picture is None:
            self._picture = self._drawn_part()
            for x, y in self.readings:
                draw_reading(self._picture, self.chart, self.view, x / 100, y / 100)
        return self._picture.copy()

    def _drawn_part(self) -> np.ndarray:
        """A new picture of the part that is shown, without readings."""
        if self.view != WHOLE:
            return draw_chart_picture(self.chart, self.image_size, self.view)
        if self._whole is None:
            self._whole = draw_chart_picture(self.chart, self.image_size, WHOLE)
        return self._whole.copy()

    def _text(self) -> str:
        chart = self.chart
        rows = [f"{chart.kind} chart: {chart.title}"]
        if chart.kind == "scatter":
            rows += [f"{chart.series[0]} {x}, {chart.series[1]} {y}" for x, y in zip(*chart.values, strict=True)]
        else:
            rows.append(" | ".join([chart.noun, *(name or "value" for name in chart.series)]))
            for c, label in enumerate(chart.categories):
                rows.append(" | ".join([label, *(str(row[c]) for row in chart.values)]))
        left, top, side = self.view
        shown = (
            "the whole chart"
            if self.view == WHOLE
            else f"{side / 10:g} % of its width, from {left / 10:g} %, {top / 10:g} %"
        )
        rows += [f"shown: {shown}", *(f"read at {x / 1000:g} %, {y / 1000:g} %" for x, y in self.readings)]
        return "\n".join(rows)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        chart = self.chart
        asked = [("What is the title of the chart?", chart.title)]
        if chart.kind == "scatter":
            asked.append(("How many points are there?", str(len(chart.values[0]))))
        else:
            asked.append((f"How many {chart.noun}s are shown?", str(len(chart.categories))))
            s = int(rng.integers(len(chart.series)))
            one, other = rng.permutation(len(chart.categories))[:2].tolist()
            whose = f"{chart.series[s]}: is" if chart.series[s] else "Is"
            larger = "yes" if chart.values[s][one] > chart.values[s][other] else "no"
            asked.append((f"{whose} {chart.categories[one]} larger than {chart.categories[other]}?", larger))
        if chart.kind != "pie":
            asked.append(("What is the highest number on the axis of the values?", str(chart.axes[-1][0])))
        named = chart.categories if chart.kind == "pie" else chart.series if chart.kind != "scatter" else ()
        if len(named) > 1:
            k = int(rng.integers(len(named)))
            asked.append((f"What colour is {named[k]}?", color_names(chart)[k]))
        return [asked[k] for k in rng.permutation(len(asked))]


def _written(answer: Answer) -> str:
    return answer if isinstance(answer, str) else f"{float(answer):.6g}"
