"""``mmgym bench``: run an agent on a suite, watch it, and print what came out; or compare runs that are done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from mmgym.bench.records import Folder, Record
from mmgym.bench.run import FIRST_SEED, BenchConfig, bench
from mmgym.bench.statistics import Estimate
from mmgym.bench.summary import Cell, Summary, compare_runs, summarise
from mmgym.rollout import RolloutConfig

__all__ = ["BenchArguments", "comparison_table", "main", "summary_table"]


@dataclass(frozen=True)
class BenchArguments:
    """Run an agent on a suite of instances, or compare runs."""

    agent: str = "random"
    """random, weak, expert, checkpoint, or `module:attr`, which is called with the options."""
    options: str = "{}"
    """The agent's options as JSON, e.g. '{"path": "runs/demo/checkpoint"}'."""
    suite: str = "smoke"
    """A suite (`--list` shows them), or an environment id."""
    episodes: int | None = None
    """Instances of each environment and level; not given: as many as the suite says."""
    repeats: int = 1
    """How often each instance is played."""
    seed: int = FIRST_SEED
    """Seed of the first instance of each environment and level."""
    workers: int = 0
    """Processes that hold environments; 0 plays in this one."""
    per_worker: int = 4
    """Episodes that share a process."""
    format: str = "tool_call"
    """How a model writes calls: tool_call, call or tag."""
    prompt: str = "full"
    """full explains the rules, minimal shows the observation alone."""
    out: Path = Path("runs/bench")
    """Folder of the results; a run that was stopped goes on."""
    relaunch: bool = False
    """Play episodes again that the machinery spoilt."""
    max_minutes: float | None = None
    """Begin no episode after this time."""
    max_tokens: float | None = None
    """Begin no episode after the agent has read and written this many tokens."""
    compare: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER ...")] = ()
    """Folders of two or more runs: print them side by side, the first against each other one, and run nothing."""
    report: bool = True
    """Write report.html, with tables and every episode, into the folder."""
    list: bool = False
    """Show the suites and run nothing."""


def main(arguments: BenchArguments, console: Console | None = None) -> None:
    """Run the command.

    Raises:
        ValueError: for what the user can put right; the message says how.
    """
    console = console or Console()
    if arguments.list:
        console.print(_suites())
        return
    if arguments.compare:
        console.print(comparison_table({str(path): Folder(path) for path in arguments.compare}))
        return
    config = _config(arguments)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        line = bar.add_task(f"{config.agent} on {config.suite}", total=None)
        seen: list[Record] = []

        def progress(done: int, total: int, new: Sequence[Record]) -> None:
            seen.extend(new)
            share = sum(record.success for record in seen) / len(seen)
            about = f"{config.agent} on {config.suite}, success {share:.0%}"
            bar.update(line, completed=done, total=total, description=about)

        records = bench(config, progress)
    summary = summarise(records)
    total = Folder(config.out).about()["all_episodes"]
    console.print(summary_table(summary, f"{config.agent} on {config.suite}: {len(records)} of {total} episodes"))
    if arguments.report:
        from mmgym.view.bench_report import write_bench_report

        console.print(f"wrote {write_bench_report([config.out])}", soft_wrap=True)
    if summary.failed:
        console.print(
            f"{len(summary.failed)} episodes were spoilt by the machinery and count for nothing (--relaunch plays them "
            f"again); the first: {summary.failed[0].error}"
        )


def _config(arguments: BenchArguments) -> BenchConfig:
    try:
        options = json.loads(arguments.options)
    except ValueError as problem:
        raise ValueError(f"options must be a JSON object; got {arguments.options!r} ({problem})") from problem
    if not isinstance(options, dict):
        raise ValueError(f"options must be a JSON object; got {arguments.options!r}")
    rollout = RolloutConfig(
        format=arguments.format,
        prompt=arguments.prompt,
        workers=arguments.workers,
        per_worker=arguments.per_worker if arguments.workers else 1,
        live=64,
        lockstep=False,
        record_observations=True,
    )
    same = ("agent", "suite", "episodes", "repeats", "seed", "relaunch", "max_minutes", "max_tokens")
    kept: dict[str, Any] = {name: getattr(arguments, name) for name in same}
    return BenchConfig(**kept, options=options, out=str(arguments.out), rollout=rollout)


def summary_table(summary: Summary, title: str) -> Table:
    """Success of each environment and level, and how it was reached."""
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title_justify="left")
    table.add_column("environment", overflow="fold", min_width=14)
    for column in ("level", "n", "success %, 95 %", "turns", "path", "invalid", "idle", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, cell in summary.environments.items():
        short = name.removeprefix("mmgym/")
        levels = summary.levels[name]
        for level, part in levels.items():
            table.add_row(short, str(level), *_numbers(part))
        if len(levels) > 1:
            table.add_row(short, "all", *_numbers(cell))
        table.add_section()
    table.add_row("all episodes", "", *_numbers(summary.total))
    table.add_row("their middle half", "", str(summary.aggregate.n), _share(summary.aggregate))
    table.caption = (
        "path: the expert's steps over those of solved episodes. idle: valid turns that changed nothing. "
        "their middle half: interquartile mean over environments. s: seconds an episode."
    )
    return table


def _numbers(cell: Cell) -> list[str]:
    return [
        str(cell.success.n),
        _share(cell.success),
        f"{cell.turns:.1f}",
        "" if cell.efficiency is None else f"{cell.efficiency:.2f}",
        f"{cell.invalid:.0%}",
        f"{cell.ineffective:.0%}",
        f"{cell.seconds:.2f}",
    ]


def comparison_table(folders: dict[str, Folder]) -> Table:
    """The first run against each other one, on the instances that both have played.

    Raises:
        ValueError: for fewer than two folders, or runs without a common instance.
        FileNotFoundError: for a folder that holds no results.
    """
    if len(folders) < 2:
        raise ValueError("compare needs two folders or more")
    first, *others = folders
    records = {name: folder.records() for name, folder in folders.items()}
    title = f"{folders[first].about()['agent']} ({first}) against"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title_justify="left")
    table.add_column("run", overflow="fold", min_width=14)
    for column in ("instances", "both", "first", "other", "neither", "difference, 95 %", "p"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in others:
        found = compare_runs(records[first], records[name])
        counts = (found.difference.clusters, found.both, found.only_first, found.only_second, found.neither)
        agent = folders[name].about()["agent"]
        table.add_row(f"{agent} ({name})", *map(str, counts), _share(found.difference), f"{found.p_value:.2g}")
    table.caption = "first, other: solved by that one alone. p: McNemar's exact test."
    return table


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}, {100 * estimate.high:.1f})"


def _suites() -> Table:
    from mmgym.registry import suites

    table = Table()
    for column in ("suite", "environments", "episodes", "what it is"):
        table.add_column(column)
    for name, suite in suites().items():
        environments = len({entry.id for entry in suite.entries})
        episodes = sum(entry.episodes * max(1, len(entry.levels)) for entry in suite.entries)
        table.add_row(name, str(environments), str(episodes), suite.summary)
    return table
