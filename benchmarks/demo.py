"""The demo on three seeds, its blind arm and its ablation: runs them and keeps their summaries in benchmarks/results.

    python benchmarks/demo.py                  # all; a run that is already there is only read
    python benchmarks/demo.py --parts seeds

About 3 minutes a run on two cores, 10 on the web. `docs/demo.md` shows the table this prints.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BLIND = ("--perception.steps", "500", "--environment.wrappers", "mmgym.wrappers:BlankImage")
NO_HOLES = ("--perception.questions", "Is the goal up or down?", "Is the goal left or right?")


@dataclass(frozen=True)
class Args:
    """What to run."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the demo."""
    web_seeds: tuple[int, ...] = (0, 1)
    """Seeds of the demo on the web."""
    parts: tuple[str, ...] = ("blind", "no_holes", "seeds", "sokoban", "web")
    """Which of blind, no_holes, seeds, sokoban, web."""
    runs: Path = Path("runs")
    """Where the runs are kept, from the root of the repository."""


def run(config: str, out: Path, *changes: str) -> dict[str, Any]:
    """Train (or go on training) and return the summary."""
    if not (ROOT / out / "summary.json").is_file():
        command = [f"examples/{config}"] if config.endswith(".py") else ["-m", "mmgym", "train", f"examples/{config}"]
        subprocess.run([sys.executable, *command, "--out", str(out), *changes], check=True, cwd=ROOT)
    return json.loads((ROOT / out / "summary.json").read_text())


def keep(name: str, content: Any) -> None:
    """Write a result."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def main(args: Args) -> None:
    """Run the parts in order; the demo quotes the first two."""
    if "blind" in args.parts:
        keep("demo_blind", run("frozen_lake.toml", args.runs / "demo-blind", *BLIND))
    if "no_holes" in args.parts:
        keep("demo_no_holes", run("frozen_lake.toml", args.runs / "demo-no-holes", *NO_HOLES))
    if "seeds" in args.parts:
        found = [run("frozen_lake.toml", args.runs / f"demo-seed-{s}", "--seed", str(s)) for s in args.seeds]
        keep("demo", found)
        show(found)
    if "sokoban" in args.parts:
        keep("demo_sokoban", run("sokoban.toml", args.runs / "demo-sokoban"))
    if "web" in args.parts:
        runs = [(args.runs / f"demo-web-seed-{seed}", str(seed)) for seed in args.web_seeds]
        keep("demo_web", [run("train_webnav.py", out, "--seed", seed) for out, seed in runs])


def show(summaries: list[dict[str, Any]]) -> None:
    """Print the table of seeds."""
    table = Table(title="Held-out success (test split), 95 % intervals")
    for column in (
        "seed",
        "cloned",
        "GRPO sampled",
        "GRPO greedy",
        "detours",
        "walker",
        "risk before",
        "after",
        "seconds",
    ):
        table.add_column(column, justify="right")
    for summary in summaries:
        cloned, trained = (summary["heldout"][name] for name in ("cloned", "trained"))
        detour = summary["by_task"]["trained"]["detour"]
        table.add_row(
            str(summary["seed"]),
            *(share(values) for values in (cloned["sampled"], trained["sampled"], trained["greedy"], detour)),
            share(summary["baselines"]["walker"]),
            f"{summary['risk']['cloned']:.2f}",
            f"{summary['risk']['trained']:.2f}",
            f"{summary['seconds']['total']:.0f}",
        )
    Console(width=160).print(table)


def share(values: dict[str, Any]) -> str:
    """A success rate with its interval."""
    return f"{values['success']:.3f} [{values['low']:.3f}, {values['high']:.3f}]"


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
