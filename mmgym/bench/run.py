"""A benchmark run: one agent on a suite, many episodes at once, to be stopped and gone on with at any instant."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import gymnasium as gym

from mmgym.bench.budget import Budget
from mmgym.bench.records import Folder, Record
from mmgym.env import Unsupported, choose
from mmgym.messages import PROMPTS, prompt_template
from mmgym.registry import Suite, SuiteEntry, suite
from mmgym.registry import entry as environment
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.host import load_attribute, put_on
from mmgym.spaces import whole
from mmgym.trajectory import EpisodeTask, ImageStore, Trajectory
from mmgym.wrappers import PROBES

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
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Arguments of every environment, such as a preset or the size of its pictures, beside those of the suite."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around every environment, inner first, each as `mmgym.rollout.host.put_on` takes it."""
    without: tuple[str, ...] = ()
    """Tools that are taken away; environments that have none of them are left out."""
    obs_mode: str | None = None
    """``text`` or ``both``, in place of the picture alone; environments without a text twin are left out."""
    probe: str | None = None
    """One of `mmgym.wrappers.PROBES`: what is taken away from what the agent sees or hears; environments that have
    nothing of the kind are left out."""
    out: str = "runs/bench"
    """Folder of the results. A run that was stopped goes on."""
    relaunch: bool = False
    """Play episodes again that the machinery spoilt."""
    max_minutes: float | None = None
    """Begin no episode after this time."""
    max_tokens: float | None = None
    """Begin no episode after the agent has read and written this many tokens, those before the run was stopped too."""
    max_dollars: float | None = None
    """Begin no episode after the agent has cost this much, likewise; for agents that are given prices."""
    rollout: RolloutConfig = field(default_factory=lambda: RolloutConfig(lockstep=False, record_observations=True))
    """How episodes are played."""

    def __post_init__(self) -> None:
        for name in ("episodes", "repeats", "max_minutes", "max_tokens", "max_dollars"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0; got {value}")
        object.__setattr__(self, "seed", whole("seed", self.seed, 0))


Progress = Callable[[int, int, list[Record], dict[str, float]], None]
"""What `bench` tells while it runs."""

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


def bench(config: BenchConfig, progress: Progress | None = None) -> list[Record]:
    """Run a benchmark, or go on with one.

    Args:
        config: what.
        progress: called with the episodes that are done, all there are, the records just written, and what was spent
            (`Budget.spent`).

    Returns:
        The records of all episodes that were played, by index.

    Raises:
        ValueError: for an unknown suite or agent, or a folder that holds another run.
        OSError: when an agent's endpoint will not answer; episodes that have ended are written.
    """
    what, left_out = _able(_suite(config.suite), config)
    wrappers = config.wrappers
    if config.without:
        wrappers = (f"mmgym.wrappers:WithoutTools {json.dumps({'tools': config.without})}", *wrappers)
    if config.probe is not None:
        wrappers = (*wrappers, PROBES[config.probe])
    episodes = [replace(task, wrappers=wrappers) for task in tasks(what, config.episodes, config.repeats, config.seed)]
    about = {
        **asdict(config),
        "suite": what.full_name,
        "suite_digest": digest(what),
        "wrappers": wrappers,
        "format": config.rollout.format,
        "prompt": _prompt(config.rollout.prompt),
        "left_out": left_out,
        "all_episodes": len(episodes),
    }
    folder = Folder(config.out)
    with folder.locked():
        records = {record.index: record for record in folder.open(about, _ASKED)}
        agent = load_attribute("mmgym_agents.named:make_agent")(config.agent, **config.options)
        try:
            _play(config, folder, agent, episodes, records, progress)
        finally:
            if hasattr(agent, "close"):
                agent.close()
    return [records[index] for index in sorted(records)]


def _play(
    config: BenchConfig,
    folder: Folder,
    agent: Any,
    episodes: list[EpisodeTask],
    records: dict[int, Record],
    progress: Progress | None,
) -> None:
    """Play what has no record yet."""
    done = {index for index, record in records.items() if not (config.relaunch and record.failed)}
    missing = [index for index in range(len(episodes)) if index not in done]
    budget = Budget(agent, folder.spent(), config.max_minutes, config.max_tokens, config.max_dollars)

    def written(new: list[Record]) -> None:
        records.update({record.index: record for record in new})
        done.update(record.index for record in new)
        budget.add(new)
        folder.note_spent(budget.total)
        if progress:
            progress(len(done), len(episodes), new, budget.spent)

    with Executor(config.rollout) as executor:
        for start in range(0, len(missing), _AT_ONCE):
            if budget.is_spent:
                break
            part = missing[start : start + _AT_ONCE]
            writer = _Writer(folder, part, written, budget)
            try:
                executor.run([episodes[index] for index in part], agent, writer.ended)
            finally:
                writer.write()
                folder.note_spent(budget.total)
            if budget.is_over:
                break


class _Writer:
    """Writes episodes as they end."""

    def __init__(self, folder: Folder, part: list[int], written: Callable[[list[Record]], None], budget: Budget):
        self._folder, self._part, self._written, self._budget = folder, part, written, budget
        self._pending: list[tuple[int, Trajectory]] = []
        self._images = ImageStore()
        self._last = time.monotonic()

    def ended(self, key: int, trajectory: Trajectory, images: ImageStore) -> bool:
        """An episode has ended."""
        self._pending.append((self._part[key], trajectory))
        self._images = images
        if len(self._pending) >= _SHARD or time.monotonic() - self._last > _SECONDS:
            self.write()
        return self._budget.is_over

    def write(self) -> None:
        """Write what has ended."""
        if self._pending:
            self._written(self._folder.add(self._pending, self._images))
        self._pending, self._last = [], time.monotonic()


def _suite(name: str) -> Suite:
    """A suite by name, or one that is made of an environment's id."""
    if "/" not in name:
        return suite(name)
    found = environment(name)
    return Suite(name, 0, (SuiteEntry(found.id, tuple(range(1, found.levels + 1))),))


def _able(what: Suite, config: BenchConfig) -> tuple[Suite, list[str]]:
    """A suite with the text of its pictures, without some tools or probed, and the environments that this leaves out.

    Raises:
        ValueError: when no environment is left.
    """
    kept: list[SuiteEntry] = []
    if config.obs_mode is not None:
        choose("obs_mode", config.obs_mode, ("text", "both"))
    if config.probe is not None:
        choose("probe", config.probe, PROBES)
    for entry in what.entries:
        entry = replace(entry, kwargs={**entry.kwargs, **config.kwargs})
        if config.without and not set(config.without) & set(environment(entry.id).tools):
            continue
        if config.obs_mode is not None:
            entry = replace(entry, kwargs={**entry.kwargs, "obs_mode": config.obs_mode})
            try:
                gym.make(entry.id, disable_env_checker=True, **entry.kwargs).close()
            except Unsupported:
                continue
        if config.probe is not None and not _can_be_probed(entry, config.probe):
            continue
        kept.append(entry)
    if not kept:
        needs = {
            "a text twin": config.obs_mode is not None,
            f"a tool {' or '.join(config.without)}": bool(config.without),
            f"what the probe {config.probe} takes away": config.probe is not None,
        }
        asked = " and ".join(need for need, is_asked in needs.items() if is_asked)
        raise ValueError(f"no environment of {what.name} has {asked}")
    left = {entry.id for entry in kept}
    return replace(what, entries=tuple(kept)), sorted({entry.id for entry in what.entries} - left)


def _can_be_probed(entry: SuiteEntry, probe: str) -> bool:
    """Whether the environment has what the probe takes away: its wrapper says so."""
    env = gym.make(entry.id, disable_env_checker=True, **entry.kwargs)
    try:
        env = put_on(PROBES[probe], env)
    except TypeError:
        return False
    finally:
        env.close()
    return True


def _prompt(prompt: str) -> str:
    """What is recorded of a prompt: its name; of a file a digest too: one that has changed is another prompt."""
    if prompt in PROMPTS:
        return prompt
    return f"{prompt} sha256:{hashlib.sha256(prompt_template(prompt).encode()).hexdigest()[:16]}"
