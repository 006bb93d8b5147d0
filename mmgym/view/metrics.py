"""What a training run wrote down: its metrics, read line by line, and the points of curves in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Line", "held_out_points", "points_of", "read_metrics"]

Line = dict[str, Any]
"""Values of a step, with ``stage``, ``kind`` and ``step``."""


def read_metrics(path: str | Path) -> list[Line]:
    """The lines of a ``metrics.jsonl``, in order. A last line that was cut off while it was written is left out.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the first other line that is no JSON object.
    """
    text = Path(path).read_text()
    lines = text.splitlines()
    found: list[Line] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except json.JSONDecodeError:
            content = None
        if isinstance(content, dict):
            found.append(content)
        elif number < len(lines) or text.endswith("\n"):
            raise ValueError(f"{path}, line {number}: expected a JSON object; got {line[:80]!r}")
    return found


def held_out_points(lines: Sequence[Line]) -> tuple[dict[int, Line], dict[int, Line]]:
    """Held-out results by GRPO iteration, sampled and greedy; iteration 0 is the end of cloning if not evaluated again.

    Where an iteration was evaluated twice, the later one (the final evaluation) counts.
    """
    sampled: dict[int, Line] = {}
    greedy: dict[int, Line] = {}
    for line in lines:
        if line.get("kind") != "eval" or line.get("stage") not in ("cloning", "grpo"):
            continue
        step = line["step"] if line["stage"] == "grpo" else 0
        for name, points in (("sampled", sampled), ("greedy", greedy)):
            if isinstance(line.get(name), dict):
                points[step] = line[name]
    return dict(sorted(sampled.items())), dict(sorted(greedy.items()))


def points_of(lines: Sequence[Line], stage: str, kind: str, name: str) -> list[tuple[int, float]]:
    """(step, value) of a metric wherever it is a number."""
    chosen = [line for line in lines if line.get("stage") == stage and line.get("kind") == kind]
    return [(line["step"], line[name]) for line in chosen if isinstance(line.get(name), (int, float))]
