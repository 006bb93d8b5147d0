"""The index of a page of a training run: curves of every metric, and the episodes that it kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmgym.view.index import episode_table
from mmgym.view.metrics import Line, held_out_points, points_of, read_metrics
from mmgym.view.sources import Source

__all__ = ["training_index"]

_MOST_POINTS = 500
"""Points of a curve; of more, means of equally many neighbours are drawn."""
_FIRST = ("return", "entropy", "kl", "grad_norm", "loss", "seconds_rollout", "seconds_update", "valid_turns", "turns")
"""Metrics that come first, in this order; the others follow by name."""
_SHARES = ("success", "valid_turns", "clip_fraction", "used_groups", "accuracy", "lowest_recall")
_STAGES = {"grpo": "Learning from reward", "cloning": "Cloning", "perception": "Perception"}


def training_index(folder: Path, sources: Sequence[Source]) -> dict[str, Any]:
    """The index of a page of a training run.

    Raises:
        FileNotFoundError, ValueError: as `read_metrics` does.
    """
    lines = read_metrics(folder / "metrics.jsonl")
    stamps = [source.stamp() for source in sources]  # before the records: what comes between is news
    records = [source.records() for source in sources]
    groups = [_success(lines), *(_stage(lines, stage) for stage in _STAGES)]
    return {
        "kind": "training",
        "title": folder.resolve().name,
        "runs": [
            {"name": source.name, "done": len(own), "stamp": stamp}
            for source, own, stamp in zip(sources, records, stamps, strict=True)
        ],
        "curves": [group for group in groups if group["charts"]],
        **episode_table(sources, records),
    }


def _success(lines: Sequence[Line]) -> dict[str, Any]:
    """Success on held-out instances with intervals, and while training."""
    sampled, greedy = held_out_points(lines)
    several = sorted({name for line in sampled.values() for name in line.get("environments", {})})
    series: dict[str, list[list[float]]] = {}
    for name, points in (("held out, sampled", sampled), ("held out, greedy", greedy)):
        series[name] = [[step, line["success"], line["low"], line["high"]] for step, line in points.items()]
    series["while training"] = _thinned(points_of(lines, "grpo", "train", "success"))
    charts = [_chart("Success", {name: points for name, points in series.items() if points}, share=True)]
    for name in several:
        found = {step: line["environments"].get(name) for step, line in sampled.items() if "environments" in line}
        own = [[step, one["success"], one["low"], one["high"]] for step, one in found.items() if one]
        charts.append(_chart(name, {"held out, sampled": own}, share=True))
    about = "On held-out instances, with 95 % intervals. Iteration 0 is where learning from reward began."
    shown = [one for one in charts if one["series"]]
    return {"title": "Success", "about": about, "across": "iteration", "charts": shown, "large": True}


def _stage(lines: Sequence[Line], stage: str) -> dict[str, Any]:
    """A chart of every metric of a stage."""
    own = [line for line in lines if line.get("stage") == stage]
    names = {
        name
        for line in own
        for name, value in line.items()
        if isinstance(value, int | float) and name not in ("step", "success")
    }
    order = {name: place for place, name in enumerate(_FIRST)}
    charts = []
    for name in sorted(names, key=lambda name: (order.get(name, len(order)), name)):
        points = [point for kind in ("train", "eval") for point in points_of(own, stage, kind, name)]
        charts.append(_chart(name.replace("_", " "), {name: _thinned(sorted(points))}, name in _SHARES))
    across = "iteration" if stage == "grpo" else "step"
    return {"title": _STAGES[stage], "about": "", "across": across, "charts": charts}


def _chart(title: str, series: dict[str, list[list[float]]], share: bool = False) -> dict[str, Any]:
    return {"title": title, "names": list(series), "series": list(series.values()), "share": share}


def _thinned(points: Sequence[tuple[int, float]]) -> list[list[float]]:
    size = -(-len(points) // _MOST_POINTS)
    parts = [points[start : start + size] for start in range(0, len(points), size or 1)]
    return [[sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)] for part in parts]
