"""The learning curve of a run: held-out success over GRPO iterations, and the recall of perception before it.

Colours are of the Okabe-Ito palette, which colour-blind people tell apart; lines are named where they end rather than
in a legend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mmgym.view.metrics import Line, held_out_points, points_of, read_metrics

__all__ = ["plot_curves"]

SAMPLED, GREEDY, TRAINING, PERCEPTION, ACCURACY = "#0072B2", "#D55E00", "#56B4E9", "#009E73", "#8C8C8C"
_OF_MIXTURE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_INK, _SOFT = "#222222", "#6B6B6B"
_LABEL_GAP = 0.052
"""Least distance of two labels, as a share of the axis."""


def plot_curves(metrics_path: str | Path, out_png: str | Path, summary: Mapping[str, Any] | None = None) -> None:
    """Draw the learning curve of a run.

    Left: success over GRPO iterations - held out (sampled with its 95 % interval, greedy), while training behind it,
    the baselines as horizontal lines; iteration 0 is the end of the warm start. Right, if there was such a stage:
    perception on held-out pictures. Of several environments learned together, each has a line of its own.

    Args:
        metrics_path: ``metrics.jsonl`` of a run; each line has ``stage``, ``kind`` and ``step``.
        out_png: the picture to write, 1,500 or 2,100 pixels wide; its folder is made.
        summary: the run's summary, for the baselines; None reads ``summary.json`` beside the metrics, if it is there.

    Raises:
        FileNotFoundError: without metrics.
        ValueError: when a line of the metrics is no JSON object.
    """
    lines = read_metrics(metrics_path)
    beside = Path(metrics_path).with_name("summary.json")
    if summary is None:
        summary = json.loads(beside.read_text()) if beside.is_file() else {}
    sees = points_of(lines, "perception", "eval", "lowest_recall")
    figure = Figure(figsize=(10.5 if sees else 7.5, 4.3), dpi=200, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if sees:
        success, perception = figure.subplots(1, 2, width_ratios=[2.4, 1])
        _draw_perception(perception, sees, points_of(lines, "perception", "eval", "accuracy"))
    else:
        success = figure.subplots()
    _draw_success(success, lines, summary)
    Path(out_png).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out_png)


def _draw_success(axes: Axes, lines: Sequence[Line], summary: Mapping[str, Any]) -> None:
    sampled, greedy = held_out_points(lines)
    training = points_of(lines, "grpo", "train", "success")
    last = max([1, *sampled, *greedy, *(step for step, _ in training)])
    if any("environments" in found for found in sampled.values()):
        return _draw_mixture(axes, sampled, last)
    labels: list[tuple[float, str, str]] = []
    for name, values in (summary.get("baselines") or {}).items():
        axes.axhline(values["success"], color=_SOFT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        labels.append((values["success"], f"{name.replace('_', ' ')} {values['success']:.0%}", _SOFT))
    if training:
        axes.plot(*zip(*training, strict=True), color=TRAINING, linewidth=1, alpha=0.45, zorder=2)
        labels.append((training[-1][1], "while training", "#2B7FB8"))
    if sampled:
        steps, found = list(sampled), list(sampled.values())
        axes.fill_between(
            steps,
            [e["low"] for e in found],
            [e["high"] for e in found],
            color=SAMPLED,
            alpha=0.16,
            linewidth=0,
            zorder=3,
        )
        axes.plot(
            steps,
            [e["success"] for e in found],
            "o-",
            color=SAMPLED,
            markersize=4,
            linewidth=2.2,
            zorder=5,
            clip_on=False,
        )
        labels.append((found[-1]["success"], f"held out, sampled {found[-1]['success']:.1%}", SAMPLED))
    if greedy:
        steps, rates = list(greedy), [e["success"] for e in greedy.values()]
        # Greedy is often evaluated at the two ends only: markers alone, no line that pretends to know what is between.
        axes.plot(
            steps,
            rates,
            "D-" if len(steps) > 2 else "D",
            color=GREEDY,
            markersize=5,
            linewidth=1.4,
            zorder=6,
            clip_on=False,
        )
        labels.append((rates[-1], f"held out, greedy {rates[-1]:.1%}", GREEDY))
    if not labels:
        axes.text(0.5, 0.5, "no evaluation in the metrics yet", transform=axes.transAxes, ha="center", color=_SOFT)
    _mark_warm_start(axes, sampled.get(0), last)
    _finish_success(axes, labels, last, "Band: 95 % interval. Dashed: baselines.")


def _draw_mixture(axes: Axes, sampled: Mapping[int, Line], last: int) -> None:
    """A line for each of several environments that were learned together."""
    labels = []
    for number, name in enumerate(next(iter(sampled.values()))["environments"]):
        color, steps = _OF_MIXTURE[number % len(_OF_MIXTURE)], list(sampled)
        found = [line["environments"][name] for line in sampled.values()]
        axes.fill_between(
            steps, [e["low"] for e in found], [e["high"] for e in found], color=color, alpha=0.14, linewidth=0
        )
        rates = [e["success"] for e in found]
        axes.plot(steps, rates, "o-", color=color, markersize=4, linewidth=2, clip_on=False, zorder=5)
        labels.append((rates[-1], f"{name} {rates[-1]:.1%}", color))
    _finish_success(axes, labels, last, "Held out, sampled. Bands: 95 % intervals. Iteration 0: the warm start.")


def _finish_success(axes: Axes, labels: list[tuple[float, str, str]], last: int, note: str) -> None:
    _label_ends(axes, labels)
    axes.set_xlim(-0.02 * last, last)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("GRPO iteration")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _title(axes, "Success on held-out instances", note)
    _tidy(axes)


def _mark_warm_start(axes: Axes, start: Line | None, last: int) -> None:
    if start is None:
        return
    axes.axvline(0, color=_INK, linewidth=0.8, zorder=1)
    below = start["success"] > 0.3
    axes.annotate(
        f"warm start ends: {start['success']:.0%}\nthen GRPO",
        (0, start["success"]),
        xytext=(0.05 * last, start["low"] - 0.12 if below else start["high"] + 0.2),
        fontsize=8.5,
        color=_INK,
        va="center",
        arrowprops={"arrowstyle": "-", "color": _INK, "linewidth": 0.7, "shrinkB": 4},
        zorder=7,
    )


def _draw_perception(axes: Axes, lowest: list[tuple[int, float]], accuracy: list[tuple[int, float]]) -> None:
    labels = [(lowest[-1][1], f"lowest recall {lowest[-1][1]:.0%}", PERCEPTION)]
    if accuracy:
        axes.plot(*zip(*accuracy, strict=True), color=ACCURACY, linewidth=1.6)
        labels.append((accuracy[-1][1], f"all answers {accuracy[-1][1]:.0%}", _SOFT))
    axes.plot(*zip(*lowest, strict=True), "o-", color=PERCEPTION, markersize=3, linewidth=2, clip_on=False)
    _label_ends(axes, labels)
    axes.set_xlim(0, lowest[-1][0])
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("supervised step")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    _title(axes, "Perception, before", "Held-out pictures: share of answers right")
    _tidy(axes)


def _title(axes: Axes, title: str, note: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=_INK, pad=19)
    axes.text(0, 1.025, note, transform=axes.transAxes, fontsize=8, color=_SOFT, va="bottom")


def _label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Name the lines to the right of the axis, pushed apart where they end close together."""
    heights = spread([height for height, _, _ in labels], _LABEL_GAP, 1.02)
    for (height, text, colour), place in zip(labels, heights, strict=True):
        axes.annotate(
            text,
            (1, height),
            xytext=(1.035, place),
            xycoords=axes.get_yaxis_transform(),
            textcoords=axes.get_yaxis_transform(),
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.6,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def spread(heights: Sequence[float], gap: float, top: float) -> list[float]:
    """Places for labels near `heights`, at least `gap` apart and at most `top`, in the same order."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = [0.0] * len(heights)
    below = -float("inf")
    for i in order:
        placed[i] = below = max(heights[i], below + gap)
    above = top + gap
    for i in reversed(order):
        placed[i] = above = min(placed[i], above - gap)
    return placed


def _tidy(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#AAAAAA")
