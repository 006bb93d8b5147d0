"""``mmgym bench``: run an agent on a suite, watch it, and print what came out; or compare runs that are done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mmgym.bench.records import Folder, Record
from mmgym.bench.run import FIRST_SEED, BenchConfig, bench
from mmgym.bench.summary import By, summarise
from mmgym.bench.tables import comparison_table, suites_table, summary_table, transfer_table
from mmgym.rollout import RolloutConfig

__all__ = ["BenchArguments", "main"]


@dataclass(frozen=True)
class BenchArguments:
    """Run an agent on a suite of instances, or compare runs."""

    agent: str = "random"
    """random, weak, blind, expert, human, checkpoint, vllm, openai, anthropic, gemini, exploit (docs/agents.md), or
    `module:attr`, which is called with the options."""
    options: str = "{}"
    """The agent's options as JSON, e.g. '{"path": "runs/demo/checkpoint"}'."""
    suite: str = "smoke"
    """A suite (`--list` shows them), or an environment id."""
    kwargs: str = "{}"
    """Arguments of every environment as JSON, e.g. '{"preset": "two_holes", "image_size": 64}'."""
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
    live: int = 64
    """Episodes at once where there are no workers: as many requests an agent behind an API has under way."""
    format: str = "tool_call"
    """How a model writes calls: tool_call, call or tag; native takes its protocol's, or its chat template's."""
    prompt: str = "full"
    """full explains the rules, think also asks to reason first, minimal shows the observation alone; or a file (see
    mmgym/prompts)."""
    out: Path = Path("runs/bench")
    """Folder of the results; a run that was stopped goes on."""
    relaunch: bool = False
    """Play episodes again that the machinery spoilt."""
    without: tuple[str, ...] = ()
    """Tools to take away: what they are worth is the difference from a run that has them."""
    obs_mode: Literal["text", "both"] | None = None
    """Show the state in words in place of the picture, or both: what seeing costs is the difference from pictures."""
    probe: Literal["blank", "swapped", "shuffled", "muted"] | None = None
    """Take away what is seen or heard: grey pictures, those of another instance, frames in random order, silence. What
    looking is worth is the difference from a plain run (--compare)."""
    max_minutes: float | None = None
    """Begin no episode after this time."""
    max_tokens: float | None = None
    """Begin no episode after the agent has read and written this many tokens, over all commands of the run."""
    max_dollars: float | None = None
    """Begin no episode after the agent has cost this much, likewise; needs the agent's option `prices`."""
    compare: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER ...")] = ()
    """Folders of two or more runs: print them side by side, the first against each other one, and run nothing."""
    transfer: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER ...")] = ()
    """Folders of two or more runs, each of a checkpoint: print what each can do where, and run nothing."""
    by: By = "environment"
    """What --compare and --transfer tell apart."""
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
        console.print(suites_table())
        return
    if arguments.compare:
        console.print(comparison_table({str(path): Folder(path) for path in arguments.compare}, arguments.by))
        return
    if arguments.transfer:
        console.print(transfer_table({str(path): Folder(path) for path in arguments.transfer}, arguments.by))
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
        line = bar.add_task(escape(f"{config.agent} on {config.suite}"), total=None)
        seen: list[Record] = []

        def progress(done: int, total: int, new: Sequence[Record], spent: dict[str, float]) -> None:
            seen.extend(record for record in new if not record.failed)
            share = f", success {sum(record.success for record in seen) / len(seen):.0%}" if seen else ""
            about = escape(f"{config.agent} on {config.suite}{share}{_cost(spent)}")
            bar.update(line, completed=done, total=total, description=about)

        records = bench(config, progress)
    failed = [record for record in records if record.failed]
    all_failed = bool(records) and len(failed) == len(records)
    about = Folder(config.out).about()
    total = about["all_episodes"]
    if about.get("left_out"):
        console.print(f"left out, for they lack what is asked: {', '.join(about['left_out'])}", markup=False)
    if not all_failed:
        title = f"{config.agent} on {config.suite}: {len(records)} of {total} episodes"
        console.print(summary_table(summarise(records), title))
    if arguments.report:
        from mmgym.view.bench_report import write_bench_report

        console.print(f"wrote {write_bench_report([config.out])}", markup=False, soft_wrap=True)
    if all_failed:
        raise ValueError(
            f"all {len(records)} episodes were spoilt by the machinery (--relaunch plays them again); the first: "
            f"{failed[0].error}"
        )
    if failed:
        console.print(
            f"{len(failed)} episodes were spoilt by the machinery and count for nothing (--relaunch plays them "
            f"again); the first: {failed[0].error}",
            markup=False,
        )


def _cost(spent: dict[str, float]) -> str:
    """Tokens and dollars for the line of progress; nothing for agents without."""
    tokens = f", {spent['tokens'] / 1000:,.0f}k tokens" if spent["tokens"] else ""
    return tokens + (f", ${spent['dollars']:.2f}" if spent["dollars"] else "")


def _config(arguments: BenchArguments) -> BenchConfig:
    options, kwargs = (_json_object(name, getattr(arguments, name)) for name in ("options", "kwargs"))
    rollout = RolloutConfig(
        format=arguments.format,
        prompt=arguments.prompt,
        workers=arguments.workers,
        per_worker=arguments.per_worker if arguments.workers else 1,
        live=1 if arguments.agent == "human" else arguments.live,
        lockstep=False,
        record_observations=True,
    )
    same = ("agent", "suite", "episodes", "repeats", "seed", "relaunch", "max_minutes", "max_tokens", "max_dollars")
    kept: dict[str, Any] = {name: getattr(arguments, name) for name in (*same, "without", "obs_mode", "probe")}
    return BenchConfig(**kept, options=options, kwargs=kwargs, out=str(arguments.out), rollout=rollout)


def _json_object(name: str, written: str) -> dict[str, Any]:
    try:
        found = json.loads(written)
    except ValueError as problem:
        raise ValueError(f"{name} must be a JSON object; got {written!r} ({problem})") from problem
    if not isinstance(found, dict):
        raise ValueError(f"{name} must be a JSON object; got {written!r}")
    return found
