"""What a run says: success by environment, level and family with intervals, and how it was reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal, TypeVar

from mmgym.bench.records import Record
from mmgym.bench.statistics import Comparison, Estimate, compare, interquartile_mean, success_rate
from mmgym.registry import entries

__all__ = ["By", "Cell", "Summary", "cell", "compare_runs", "family_of", "name_of", "split", "summarise"]

Key = TypeVar("Key")
By = Literal["environment", "family"]


@dataclass(frozen=True)
class Cell:
    """Episodes of one kind."""

    success: Estimate
    episode_return: float
    """Mean."""
    turns: float
    """Mean."""
    efficiency: float | None
    """Mean over solved episodes of the expert's steps over the turns taken, at most 1 if the expert is the shortest;
    None where nothing was solved or no expert says how long it takes."""
    invalid: float
    """Share of turns whose action was not valid."""
    ineffective: float
    """Share of valid turns that changed nothing."""
    seconds: float
    """Mean of an episode, model and environment."""
    usage: dict[str, float] = field(default_factory=dict)
    """Means of an episode: tokens, dollars, pictures."""
    tools: dict[str, float] = field(default_factory=dict)
    """Mean number of calls of an episode, by tool."""


@dataclass(frozen=True)
class Summary:
    """A run."""

    total: Cell
    aggregate: Estimate
    """Interquartile mean over environments of their success."""
    families: dict[str, Cell]
    environments: dict[str, Cell]
    levels: dict[str, dict[int, Cell]]
    """By environment and level."""
    failed: list[Record]
    """Episodes that the machinery spoilt; they enter nothing else."""


def summarise(records: Sequence[Record]) -> Summary:
    """The summary of some records.

    Raises:
        ValueError: when no episode counts.
    """
    counted = [record for record in records if not record.failed]
    if not counted:
        raise ValueError(f"no episode to summarise: of {len(records)} all were spoilt by the machinery or none was run")
    by_env = split(counted, "environment")
    return Summary(
        cell(counted),
        interquartile_mean(
            {name: [float(r.success) for r in own] for name, own in by_env.items()},
            {name: [r.instance for r in own] for name, own in by_env.items()},
        ),
        {name: cell(own) for name, own in split(counted, "family").items()},
        {name: cell(own) for name, own in by_env.items()},
        {
            name: {level: cell(part) for level, part in sorted(_by(own, lambda record: record.level).items())}
            for name, own in by_env.items()
        },
        [record for record in records if record.failed],
    )


def name_of(record: Record) -> str:
    """The environment as tables name it: its id, and its preset if it has one."""
    preset = record.kwargs.get("preset")
    return f"{record.env} {preset}" if preset else record.env


def family_of(record: Record) -> str:
    """The family of a record's environment; ``not installed`` where the plug-in that announces it is not here."""
    known = {entry.id: entry.family for entry in entries()}
    return known.get(record.env, "not installed")


def cell(records: Sequence[Record]) -> Cell:
    """Numbers of some episodes, of which at least one."""
    turns = sum(record.turns for record in records)
    valid = sum(record.valid_turns for record in records)
    paths = [r.expert_steps / r.turns for r in records if r.success and r.expert_steps and r.turns]
    names = sorted({name for record in records for name in record.usage})
    return Cell(
        success_rate([record.success for record in records], [record.instance for record in records]),
        fmean(record.episode_return for record in records),
        turns / len(records),
        fmean(paths) if paths else None,
        1 - valid / turns if turns else 0.0,
        1 - sum(record.effective_turns for record in records) / valid if valid else 0.0,
        fmean(record.seconds_model + record.seconds_env for record in records),
        {
            **{name: fmean(record.usage.get(name, 0.0) for record in records) for name in names},
            "images": fmean(record.images for record in records),
        },
        {
            name: fmean(record.tools.get(name, 0) for record in records)
            for name in sorted({name for record in records for name in record.tools})
        },
    )


def compare_runs(first: Iterable[Record], second: Iterable[Record]) -> Comparison:
    """Two agents on the instances that both have played.

    Raises:
        ValueError: when there is none.
    """

    def successes(records: Iterable[Record]) -> dict[Hashable, list[bool]]:
        found: dict[Hashable, list[bool]] = defaultdict(list)
        for record in records:
            if not record.failed:
                found[record.instance].append(record.success)
        return found

    return compare(successes(first), successes(second))


def split(records: Iterable[Record], by: By) -> dict[str, list[Record]]:
    """Records by environment (as `name_of` says) or by family, in the order in which these come first."""
    by_env = _by(records, name_of)
    if by == "environment":
        return by_env
    found: dict[str, list[Record]] = defaultdict(list)
    for own in by_env.values():
        found[family_of(own[0])] += own
    return dict(found)


def _by(records: Iterable[Record], key: Callable[[Record], Key]) -> dict[Key, list[Record]]:
    found: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        found[key(record)].append(record)
    return dict(found)
