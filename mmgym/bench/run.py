"""A benchmark run: one agent on a suite, many episodes at once, to be stopped and gone on with at any instant."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mmgym.bench.records import Folder, Record
from mmgym.registry import Suite, SuiteEntry, suite
from mmgym.registry import entry as environment
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.host import load_attribute
from mmgym.trajectory import EpisodeTask, ImageStore, Trajectory

__all__ = ["FIRST_SEED", "BenchConfig", "bench", "digest", "tasks"]

FIRST_SEED = 10_000_000
"""Seed of the first instance; training draws below it."""

_AT_ONCE = 256
"""Episodes whose pictures are held at once."""
_SHARD = 16
"""Episodes that are written at once,"""
_SECONDS = 10.0
"""unless this time has passed."""


@dataclass(frozen=True)
class BenchConfig:
    """What is run."""

    agent: str = "random"
    """Who plays: a name that `mmgym_agents.named` knows, or ``module:attr``, called with `options`."""
    options: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the agent."""
    suite: str = "smoke"
    """Which instances: a suite, or the id of an environment."""
    episodes: int | None = None
    """Instances of each environment and level; None plays as many as the suite says."""
    repeats: int = 1
    """How often each instance is played."""
    seed: int = FIRST_SEED
    """Seed of the first instance of each environment and level; the next ones count on from it."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around every environment, inner first, each ``module:Class``."""
    out: str = "runs/bench"
    """Folder of the results. A run that was stopped goes on."""
    relaunch: bool = False
    """Play episodes again that the machinery spoilt."""
    max_minutes: float | None = None
    """Begin no episode after this time."""
    max_tokens: float | None = None
    """Begin no episode after the agent has read and written this many tokens."""
    rollout: RolloutConfig = field(default_factory=lambda: RolloutConfig(lockstep=False, record_observations=True))
    """How episodes are played."""

    def __post_init__(self) -> None:
        for name in ("episodes", "repeats", "max_minutes", "max_tokens"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0; got {value}")


_ASKED = ("agent", "options", "suite", "suite_digest", "episodes", "repeats", "seed", "wrappers", "format", "prompt")
"""In what a run that goes on must be equal."""


def tasks(what: Suite, episodes: int | None = None, repeats: int = 1, seed: int = FIRST_SEED) -> list[EpisodeTask]:
    """The episodes of a suite, the same for every agent.

    Args:
        what: the suite.
        episodes: instances of each environment and level; None takes the suite's number.
        repeats: episodes of each instance.
        seed: of the first instance.
    """
    result: list[EpisodeTask] = []
    group = 0
    for entry in what.entries:
        kwargs = {**entry.kwargs, **({"max_turns": entry.max_turns} if entry.max_turns else {})}
        for level in entry.levels or (None,):
            options = {"split": entry.split, **({} if level is None else {"level": level})}
            for number in range(episodes or entry.episodes):
                result += [
                    EpisodeTask(entry.id, seed + number, kwargs, options, group=group, member=repeat, noise=seed)
                    for repeat in range(repeats)
                ]
                group += 1
    return result


def digest(what: Suite) -> str:
    """A hash of a suite's entries: equal for equal instances."""
    content = json.dumps([asdict(entry) for entry in what.entries], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def bench(config: BenchConfig, progress: Callable[[int, int, list[Record]], None] | None = None) -> list[Record]:
    """Run a benchmark, or go on with one.

    Args:
        config: what.
        progress: called with the episodes that are done, all there are, and the records just written.

    Returns:
        The records of all episodes that were played, by index.

    Raises:
        ValueError: for an unknown suite or agent, or a folder that holds another run.
    """
    what = _suite(config.suite)
    episodes = [
        replace(task, wrappers=config.wrappers) for task in tasks(what, config.episodes, config.repeats, config.seed)
    ]
    about = {
        **asdict(config),
        "suite": what.full_name,
        "suite_digest": digest(what),
        "format": config.rollout.format,
        "prompt": config.rollout.prompt,
        "all_episodes": len(episodes),
    }
    folder = Folder(config.out)
    records = {record.index: record for record in folder.open(about, _ASKED)}
    done = {index for index, record in records.items() if not (config.relaunch and record.failed)}
    missing = [index for index in range(len(episodes)) if index not in done]
    agent = load_attribute("mmgym_agents.named:make_agent")(config.agent, **config.options)
    budget = _Budget(config)

    def written(new: list[Record]) -> None:
        records.update({record.index: record for record in new})
        done.update(record.index for record in new)
        budget.spend(new)
        if progress:
            progress(len(done), len(episodes), new)

    with Executor(config.rollout) as executor:
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            writer = _Writer(folder, part, written, budget)
            rollout = executor.run([episodes[index] for index in part], agent, writer.ended)
            writer.write(rollout.images)
            if budget.is_over:
                break
    return [records[index] for index in sorted(records)]


class _Writer:
    """Writes episodes as they end."""

    def __init__(self, folder: Folder, part: list[int], written: Callable[[list[Record]], None], budget: _Budget):
        self._folder, self._part, self._written, self._budget = folder, part, written, budget
        self._pending: list[tuple[int, Trajectory]] = []
        self._last = time.monotonic()

    def ended(self, key: int, trajectory: Trajectory, images: ImageStore) -> bool:
        """An episode has ended."""
        self._pending.append((self._part[key], trajectory))
        if len(self._pending) >= _SHARD or time.monotonic() - self._last > _SECONDS:
            self.write(images)
        return self._budget.is_over

    def write(self, images: ImageStore) -> None:
        """Write what has ended."""
        if self._pending:
            self._written(self._folder.add(self._pending, images))
        self._pending, self._last = [], time.monotonic()


def _suite(name: str) -> Suite:
    """A suite by name, or one that is made of an environment's id."""
    if "/" not in name:
        return suite(name)
    found = environment(name)
    return Suite(name, 0, (SuiteEntry(found.id, tuple(range(1, found.levels + 1))),))


class _Budget:
    """What a run may still spend."""

    def __init__(self, config: BenchConfig):
        self._config, self._start, self._tokens = config, time.monotonic(), 0.0

    def spend(self, records: list[Record]) -> None:
        """Note what some episodes took."""
        self._tokens += sum(value for record in records for name, value in record.usage.items() if "tokens" in name)

    @property
    def is_over(self) -> bool:
        """Whether no further episode may begin."""
        config = self._config
        late = config.max_minutes is not None and time.monotonic() - self._start > 60 * config.max_minutes
        return late or (config.max_tokens is not None and self._tokens >= config.max_tokens)
