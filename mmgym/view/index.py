"""What a page knows before any episode is looked at: tables, curves, and a line for every episode."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

from mmgym.bench.records import Record
from mmgym.bench.statistics import Estimate
from mmgym.bench.summary import Cell, compare_runs, name_of, summarise
from mmgym.view.episodes import outcome
from mmgym.view.sources import Source

__all__ = ["OUTCOMES", "bench_index", "episode_table"]

OUTCOMES = ("solved", "failed", "out of turns", "machinery failed")
_MOST_COMPARED = 8
"""Agents of which every pair is compared; of more, the first against each other one."""
_SECRET = re.compile(r"key|secret|password|credential|authorization|cookie|^(access_|auth_|bearer_|api_)?token$", re.I)
_NOTE = 300
"""Characters of an error that the search looks through."""


def bench_index(sources: Sequence[Source]) -> dict[str, Any]:
    """The index of a page of benchmark runs."""
    records = [source.records() for source in sources]
    return {
        "kind": "bench",
        "title": ", ".join(dict.fromkeys(str(source.about.get("suite", "")) for source in sources)),
        "runs": [_run(source, own) for source, own in zip(sources, records, strict=True)],
        "pairs": _pairs(records),
        **episode_table(sources, records),
    }


def episode_table(sources: Sequence[Source], records: Sequence[Sequence[Record]]) -> dict[str, Any]:
    """A line for every episode, and the names that its numbers stand for.

    Returns:
        ``environments``, ``splits`` and ``outcomes`` (names), ``shards`` ([run, file] each), ``columns`` and
        ``episodes`` (a list of values each, in the order of the columns). ``instance`` is equal for equal instances.
    """
    environments: dict[str, int] = {}
    splits: dict[str, int] = {}
    instances: dict[str, int] = {}
    shards: dict[tuple[int, str], int] = {}
    episodes = [
        [
            run,
            record.index,
            instances.setdefault(record.instance, len(instances)),
            environments.setdefault(name_of(record), len(environments)),
            record.level,
            splits.setdefault(record.split, len(splits)),
            record.seed,
            record.repeat,
            OUTCOMES.index(outcome(record)),
            round(record.episode_return, 4),
            record.turns,
            record.expert_steps,
            record.turns - record.valid_turns,
            record.usage.get("prompt_tokens", 0) + record.usage.get("completion_tokens", 0),
            round(record.seconds_model + record.seconds_env, 3),
            shards.setdefault((run, record.shard), len(shards)),
            record.row,
            f"{record.error[:_NOTE]} {record.last_words}".strip(),
        ]
        for run, own in enumerate(records)
        for record in own
    ]
    columns = "run index instance env level split seed repeat outcome return turns expertSteps invalid tokens seconds"
    return {
        "environments": list(environments),
        "splits": list(splits),
        "outcomes": OUTCOMES,
        "shards": [list(shard) for shard in shards],
        "columns": [*columns.split(), "shard", "row", "note"],
        "episodes": episodes,
    }


def _run(source: Source, records: Sequence[Record]) -> dict[str, Any]:
    about = source.about
    counted = any(not record.failed for record in records)
    summary = summarise(records) if counted else None
    how = ("format", "prompt", "without", "obs_mode", "probe", "wrappers", "repeats", "seed")
    named = ("agent", "options", "suite", *how, "machine", "versions")
    return {
        "name": source.name,
        "about": _without_secrets({name: about[name] for name in named if about.get(name) not in (None, {}, [], "")}),
        "planned": about.get("all_episodes"),
        "done": len(records),
        "spoilt": sum(record.failed for record in records),
        "total": _cell(summary.total) if summary else None,
        "aggregate": _estimate(summary.aggregate) if summary else None,
        "families": {name: _cell(cell) for name, cell in summary.families.items()} if summary else {},
        "environments": {name: _cell(cell) for name, cell in summary.environments.items()} if summary else {},
        "levels": {
            name: {str(level): _cell(cell) for level, cell in levels.items()} for name, levels in summary.levels.items()
        }
        if summary
        else {},
    }


def _without_secrets(value: Any) -> Any:
    """Plain data in which no option is shown whose name speaks of a key: pages are passed on."""
    if isinstance(value, dict):
        return {name: "(not shown)" if _SECRET.search(name) else _without_secrets(part) for name, part in value.items()}
    return [_without_secrets(part) for part in value] if isinstance(value, list) else value


def _pairs(records: Sequence[Sequence[Record]]) -> list[dict[str, Any]]:
    numbers = range(len(records))
    chosen = list(combinations(numbers, 2)) if len(records) <= _MOST_COMPARED else [(0, n) for n in numbers[1:]]
    found = []
    for first, second in chosen:
        try:
            comparison = compare_runs(records[first], records[second])
        except ValueError:  # nothing in common: there is no difference to show
            continue
        counts = {name: getattr(comparison, name) for name in ("both", "only_first", "only_second", "neither")}
        found.append(
            {
                "first": first,
                "second": second,
                **counts,
                "difference": _estimate(comparison.difference),
                "p": comparison.p_value,
            }
        )
    return found


def _cell(cell: Cell) -> dict[str, Any]:
    return {**asdict(cell), "success": _estimate(cell.success)}


def _estimate(estimate: Estimate) -> list[float]:
    """[value, low, high, episodes, instances]."""
    return [estimate.value, estimate.low, estimate.high, estimate.n, estimate.clusters]
