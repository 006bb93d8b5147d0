"""Baselines of every environment: how far agents that anyone can run get, in benchmarks/baselines/*.json.

    make baselines
    python -m benchmarks.baselines --only Sokoban FrozenLake

Each row is a run of `mmgym bench` on the test split, all levels, the same instances for all agents; how many depends on
what an episode costs (`EPISODES`). `solved` tells every instance apart, so agents are compared instance by instance.
An hour or two on two cores for all but the tiny VLM, which is trained for some minutes on each environment. A run that
was stopped goes on where it was, and rows that are there stay: `--fresh` measures them again. What has no row is named,
with the reason.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from benchmarks.peers import ROOT, machine
from benchmarks.tiny_policy import PLAYED, TINY, options_of
from mmgym.bench.records import Record
from mmgym.bench.run import FIRST_SEED, BenchConfig, bench
from mmgym.bench.summary import cell
from mmgym.files import write_atomically
from mmgym.learn.summary import versions
from mmgym.registry import EnvironmentEntry, plugins
from mmgym.rollout import RolloutConfig

__all__ = ["AGENTS", "FOLDER", "NOT_YET", "Args", "main", "read", "row"]

FOLDER = ROOT / "benchmarks" / "baselines"

AGENTS = ("random", "weak", "expert", "blind", *TINY)
"""Agents of `mmgym bench` that need no training, and the tiny VLM before and after it."""

EPISODES = {"puzzles": 10, "arena": 30, "video": 6, "web": 2, "miniwob": 3}
"""Test instances of each level, by plug-in; MiniWoB's tasks have a single level."""

NOT_YET = "not measured yet"
"""Why a row is missing that nothing stands in the way of."""


@dataclass(frozen=True)
class Args:
    """Options."""

    only: tuple[str, ...] = ()
    """Only ids that hold one of these; all when empty."""
    agents: tuple[str, ...] = AGENTS
    """Which agents."""
    episodes: int | None = None
    """Test instances of each level; not given: as many as `EPISODES` says."""
    fresh: bool = False
    """Measure rows again that are there."""
    runs: Path = Path("runs/baselines")
    """Where episodes are kept until their row is written."""
    out: Path = FOLDER
    """Folder of the results."""


def kinds() -> dict[str, list[EnvironmentEntry]]:
    """Every environment of this project by what it costs, the cheapest first: a key of `EPISODES` each."""
    found: dict[str, list[EnvironmentEntry]] = {kind: [] for kind in EPISODES}
    for plugin in plugins():
        for entry in plugin.environments:
            if entry.id.startswith("mmgym/"):
                found["miniwob" if entry.family == "miniwob" and entry.levels == 1 else plugin.name].append(entry)
    return found


def read(agent: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The results of an agent; without rows where nothing is measured."""
    path = folder / f"{agent}.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"rows": {}, "missing": {}}
    return content


def row(entry: EnvironmentEntry, episodes: int, records: Sequence[Record]) -> dict[str, Any]:
    """What is kept of the episodes of an environment.

    Raises:
        ValueError: when none counts.
    """
    counted = [record for record in records if not record.failed]
    if not counted:
        raise ValueError(records[0].error if records else "no episode was played")
    numbers = cell(counted)
    solved: dict[str, str] = {}
    for record in records:
        sign = "-" if record.failed else "1" if record.success else "0"
        solved[str(record.level)] = solved.get(str(record.level), "") + sign
    return {
        "family": entry.family,
        "episodes": episodes,
        "n": numbers.success.n,
        "success": round(numbers.success.value, 4),
        "low": round(numbers.success.low, 4),
        "high": round(numbers.success.high, 4),
        "return": round(numbers.episode_return, 4),
        "turns": round(numbers.turns, 2),
        "invalid": round(numbers.invalid, 4),
        "solved": solved,
    }


def measure(agent: str, entry: EnvironmentEntry, episodes: int, runs: Path) -> dict[str, Any]:
    """The row of an agent on an environment; its episodes are kept in `runs` until then."""
    folder = runs / agent / f"{entry.id.rpartition('/')[2]}-{episodes}"
    tiny = agent in TINY
    config = BenchConfig(
        agent="checkpoint" if tiny else agent,
        options=options_of(agent, entry, folder / "policy") if tiny else {},
        suite=entry.id,
        episodes=episodes,
        out=str(folder / "bench"),
        relaunch=True,
        rollout=PLAYED if tiny else RolloutConfig(lockstep=False, live=1),
    )
    found = row(entry, episodes, bench(config))
    shutil.rmtree(folder)
    return found


def main(args: Args) -> None:
    """Measure what is missing, environment by environment; write each row when it is there, and name the others.

    Raises:
        ValueError: for an unknown agent.
    """
    if unknown := set(args.agents) - set(AGENTS):
        raise ValueError(f"unknown agent {', '.join(sorted(unknown))}; there are: {', '.join(AGENTS)}")
    console = Console()
    about = {"machine": machine(), "versions": versions(), "seed": FIRST_SEED, "split": "test"}
    for agent in args.agents:
        content = read(agent, args.out)
        wanted = [entry.id for entries in kinds().values() for entry in entries if entry.id not in content["rows"]]
        content["missing"] = dict.fromkeys(wanted, NOT_YET) | content["missing"]
        _write(agent, content, args.out)
    for agent, entry, episodes in _wanted(args):
        started = time.monotonic()
        said = _add(agent, entry, episodes, args, about)
        line = f"{agent} {entry.id}: {said}, {time.monotonic() - started:.0f} s"
        console.print(line, markup=False, soft_wrap=True)


def _wanted(args: Args) -> Iterator[tuple[str, EnvironmentEntry, int]]:
    """The rows that are to be measured, as (agent, environment, instances of each level)."""
    # the blind one first learns from the expert, for a good while: it comes when the others are there
    turns = [[agent for agent in args.agents if (agent == "blind") is last] for last in (False, True)]
    for kind, entries in kinds().items():
        episodes = args.episodes or EPISODES[kind]
        chosen = [entry for entry in entries if not args.only or any(word in entry.id for word in args.only)]
        for entry, agent in ((e, a) for agents in turns for e in chosen for a in agents):
            before = read(agent, args.out)["rows"].get(entry.id)
            if args.fresh or not before or before["episodes"] < episodes:
                yield agent, entry, episodes


def _add(agent: str, entry: EnvironmentEntry, episodes: int, args: Args, about: dict[str, Any]) -> str:
    """Measure a row, or find out why there is none, and write it; returns what to print."""
    try:
        new = measure(agent, entry, episodes, args.runs)
    except Exception as error:  # the other rows must not be lost to one; the reason is written down
        new, reason = None, f"{type(error).__name__}: {error}".splitlines()[0].replace(str(ROOT), ".")
    content = {**read(agent, args.out), "agent": agent, **about}
    content["missing"].pop(entry.id, None)
    if new:
        content["rows"][entry.id] = new
    else:
        content["missing"][entry.id] = reason
    _write(agent, content, args.out)
    return f"{new['success']:.0%} of {new['n']}" if new else reason


def _write(agent: str, content: dict[str, Any], folder: Path) -> None:
    parts = {name: dict(sorted(content[name].items())) for name in ("missing", "rows")}
    folder.mkdir(parents=True, exist_ok=True)
    about = {name: value for name, value in content.items() if name not in parts}
    write_atomically(folder / f"{agent}.json", (json.dumps(about | parts, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(tyro.cli(Args))
