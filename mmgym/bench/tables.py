"""What ``mmgym bench`` prints: tables of a run, of runs against each other, of transfer, of suites."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from mmgym.bench.records import Folder, Record, run_name
from mmgym.bench.statistics import Estimate
from mmgym.bench.summary import By, Cell, Summary, compare_runs, split
from mmgym.bench.transfer import transfer_matrix
from mmgym.registry import suites

__all__ = ["comparison_table", "suites_table", "summary_table", "transfer_table"]


def summary_table(summary: Summary, title: str) -> Table:
    """Success of each environment and level, and how it was reached."""
    table = _table(title)
    table.add_column("environment", overflow="fold", min_width=14)
    for column in ("level", "n", "success %, 95 %", "turns", "path", "invalid", "idle", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, cell in summary.environments.items():
        short = _short(name)
        levels = summary.levels[name]
        for level, part in levels.items():
            table.add_row(short, str(level), *_numbers(part))
        if len(levels) > 1:
            table.add_row(short, "all", *_numbers(cell))
        table.add_section()
    for name, cell in summary.families.items() if len(summary.families) > 1 else ():
        table.add_row(escape(name), "all", *_numbers(cell))
    table.add_row("all episodes", "", *_numbers(summary.total))
    table.add_row("their middle half", "", str(summary.aggregate.n), _share(summary.aggregate))
    table.caption = (
        "path: the expert's steps over those of solved episodes. idle: valid turns that changed nothing. "
        "their middle half: interquartile mean over environments. Under these: their families. s: seconds an episode."
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


def comparison_table(folders: dict[str, Folder], by: By = "environment") -> Table:
    """The first run against each other one, on the instances that both have played: all of them, and apart.

    Raises:
        ValueError: for fewer than two folders, or runs without a common instance.
        FileNotFoundError: for a folder that holds no results.
    """
    if len(folders) < 2:
        raise ValueError("compare needs two folders or more")
    first, *others = folders
    names = {name: f"{run_name(folder.about())} ({name})" for name, folder in folders.items()}
    records = {name: [r for r in folder.records() if not r.failed] for name, folder in folders.items()}
    table = _table(f"{names[first]} against")
    table.add_column("run", overflow="fold", min_width=14)
    for column in ("n", "both", "first", "other", "neither", "difference, 95 %", "p"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in others:
        table.add_row(escape(names[name]), *_compared(records[first], records[name]))
        parts, theirs = split(records[first], by), split(records[name], by)
        for part in parts if len(parts) > 1 else ():
            if {r.instance for r in parts[part]} & {r.instance for r in theirs.get(part, ())}:
                table.add_row(f"  {_short(part)}", *_compared(parts[part], theirs[part]))
        table.add_section()
    table.caption = "first, other: solved by that one alone. p: McNemar's exact test, each row by itself."
    return table


def _compared(first: Sequence[Record], second: Sequence[Record]) -> list[str]:
    found = compare_runs(first, second)
    counts = (found.difference.clusters, found.both, found.only_first, found.only_second, found.neither)
    return [*map(str, counts), _share(found.difference), f"{found.p_value:.2g}"]


def transfer_table(folders: dict[str, Folder], by: By = "environment") -> Table:
    """What each checkpoint can do where: a column for each run, so that many environments fit.

    Raises:
        ValueError: for fewer than two folders, or runs without a common instance.
        FileNotFoundError: for a folder that holds no results.
    """
    rows = transfer_matrix(folders, by)
    table = _table("success %, 95 %, on the instances that all have played")
    table.add_column(by, overflow="fold", min_width=14)
    for row in rows:
        table.add_column(escape(row.name), overflow="fold", justify="right")
    for column in rows[0].cells:
        marks = ("* " if column in row.trained else "" for row in rows)
        table.add_row(
            _short(column), *(mark + _share(row.cells[column]) for mark, row in zip(marks, rows, strict=True))
        )
    table.add_section()
    table.add_row("trained on", *("" if row.within is None else _share(row.within) for row in rows))
    table.add_row("all others", *("" if row.beyond is None else _share(row.beyond) for row in rows))
    table.caption = "* holds what the checkpoint was trained on, as config.json beside it says."
    return table


def _table(title: str) -> Table:
    # no padding but the space that the box draws: ten columns fit into a terminal of 80
    return Table(title=escape(title), box=SIMPLE_HEAD, pad_edge=False, padding=0, title_justify="left")


def _short(name: str) -> str:
    return escape(name.removeprefix("mmgym/"))


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}, {100 * estimate.high:.1f})"


def suites_table() -> Table:
    """The suites that plug-ins announce."""
    table = Table()
    for column in ("suite", "environments", "episodes", "what it is"):
        table.add_column(column)
    for name, suite in suites().items():
        environments = len({entry.id for entry in suite.entries})
        episodes = sum(entry.episodes * max(1, len(entry.levels)) for entry in suite.entries)
        table.add_row(escape(name), str(environments), str(episodes), escape(suite.summary))
    return table
