"""The learning table: algorithms on a puzzle, the web and videos, from the same cloned starts.

    python -m benchmarks.learn          # about an hour of two cores; what is there is read, so it can be stopped
    python -m benchmarks.learn --full   # every algorithm everywhere on three seeds
    python -m benchmarks.learn --tasks puzzle

For each task and seed a start is made once: perception questions, then cloning of a policy that knows the format and
not the task. Every algorithm goes on from it with the same number of iterations, groups and optimizer, so that only
estimator and loss differ. Success is measured on 500 held-out instances (150 on the web), sampled. `docs/algorithms.md`
says what one may conclude.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.peers import ROOT, machine
from examples.train_video import CONFIG as VIDEO
from examples.train_webnav import CONFIG as WEB
from mmgym.learn.config import EvaluationConfig, TrainConfig, read_config, to_mapping
from mmgym.learn.summary import versions

START = "cloning only"
PUZZLE_ALGORITHMS = ("grpo", "dr_grpo", "rloo", "gspo", "gigpo", "turn_returns", "turn_ratio")
OTHER_ALGORITHMS = ("grpo", "gigpo")
EPISODE_TOKENS = 16.0
"""What Dr.GRPO divides by: about the tokens of an episode here. With its usual 1,024 the perception questions that are
mixed into every update would weigh 64 times as much beside it as beside the others."""


@dataclass(frozen=True)
class Arguments:
    """What to run."""

    tasks: tuple[str, ...] = ("puzzle", "video", "web")
    """Which of puzzle, video, web."""
    full: bool = False
    """Every algorithm of the table on every task, three seeds each."""
    parallel: int = 2
    """Runs at once, each on one core."""
    folder: Path = Path("runs/learn")
    """Where the runs are kept, from the root of the repository."""
    output: Path = ROOT / "benchmarks" / "results" / "learn.json"
    """Where the result is written."""


@dataclass(frozen=True)
class Task:
    """A task of the table."""

    config: TrainConfig
    """Its configuration, with all stages."""
    iterations: int
    """Iterations of the third stage."""
    seeds: int
    """Seeds, unless the table is full."""
    algorithms: tuple[str, ...]
    """Algorithms, unless the table is full."""


def tasks() -> dict[str, Task]:
    """The tasks by name: the demos', on the puzzle with fewer iterations, so that all of them take about an hour."""
    puzzle = read_config(ROOT / "examples" / "frozen_lake.toml")
    return {
        "puzzle": Task(_bare(puzzle, 500), 40, 3, PUZZLE_ALGORITHMS),
        "video": Task(_bare(VIDEO, 500), VIDEO.grpo.iterations, 2, OTHER_ALGORITHMS),
        "web": Task(_bare(WEB, 150), WEB.grpo.iterations, 2, OTHER_ALGORITHMS),
    }


def _bare(config: TrainConfig, episodes: int) -> TrainConfig:
    """The configuration with one process and one evaluation."""
    evaluation = EvaluationConfig(every=0, final_episodes=episodes, greedy=False, samples=0, baselines={})
    return replace(config, processes=1, evaluation=evaluation, quote={})


@dataclass(frozen=True)
class Run:
    """One run of the table."""

    task: str
    seed: int
    algorithm: str
    """Empty for the start that the others go on from."""

    def folder(self, arguments: Arguments) -> Path:
        """Where it is kept."""
        return arguments.folder / self.task / f"seed{self.seed}" / (self.algorithm or "start")


def runs(arguments: Arguments) -> Iterator[list[Run]]:
    """The runs, in batches whose runs may go on side by side: starts, then what goes on from them."""
    known = {name: task for name, task in tasks().items() if name in arguments.tasks}
    seeds = {name: 3 if arguments.full else task.seeds for name, task in known.items()}
    for name in known:
        yield [Run(name, seed, "") for seed in range(seeds[name])]
        algorithms = PUZZLE_ALGORITHMS if arguments.full else known[name].algorithms
        yield [Run(name, seed, algorithm) for algorithm in algorithms for seed in range(seeds[name])]


def config_of(run: Run, arguments: Arguments) -> TrainConfig:
    """The configuration of a run."""
    task = tasks()[run.task]
    config = replace(task.config, seed=run.seed, out=str(run.folder(arguments)))
    if not run.algorithm:
        return replace(config, grpo=replace(config.grpo, iterations=0))
    loss = dict(config.grpo.loss)
    if run.algorithm == "dr_grpo":
        loss["aggregation_constant"] = EPISODE_TOKENS
    return replace(
        config,
        policy=replace(config.policy, checkpoint=str(Run(run.task, run.seed, "").folder(arguments) / "checkpoint")),
        perception=replace(config.perception, steps=0),
        cloning=replace(config.cloning, steps=0),
        grpo=replace(config.grpo, iterations=task.iterations, algorithm=run.algorithm, loss=loss),
    )


def play(run: Run, arguments: Arguments) -> dict[str, Any]:
    """Train (or go on training, or read) one run; its summary.

    Raises:
        ValueError: where its folder holds a run with other settings.
    """
    summary = ROOT / run.folder(arguments) / "summary.json"
    if not summary.is_file():
        code = (
            "import sys; from benchmarks.learn import *; "
            "from mmgym.learn.trainer import train; "
            "train(config_of(Run(sys.argv[1], int(sys.argv[2]), sys.argv[3]), Arguments(folder=Path(sys.argv[4]))))"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        words = [run.task, str(run.seed), run.algorithm, str(arguments.folder)]
        subprocess.run([sys.executable, "-c", code, *words], check=True, cwd=ROOT, env=environment)
    found: dict[str, Any] = json.loads(summary.read_text())
    ours, theirs = json.loads(json.dumps(to_mapping(config_of(run, arguments)))), found["config"]
    for config in (ours, theirs):
        config["evaluation"].pop("greedy", None)  # the table reads what was sampled
    if other := [name for name in ours if ours[name] != theirs.get(name)]:
        raise ValueError(
            f"{run.folder(arguments)} holds a run with other settings ({', '.join(other)}): remove it, or give --folder"
        )
    return found


def methods(results: dict[str, dict[str, dict[str, Any]]], arguments: Arguments) -> dict[str, dict[str, str]]:
    """Estimator and loss as they were run, with what the task changes in them, by task and algorithm."""
    return {
        task: {name: str(config_of(Run(task, 0, name), arguments).grpo.method()) for name in rows if name != START}
        for task, rows in results.items()
    }


def entry(run: Run, summary: dict[str, Any]) -> dict[str, Any]:
    """What is written of a run."""
    sampled = summary["heldout"]["trained" if run.algorithm else "cloned"]["sampled"]
    kept = {name: sampled[name] for name in ("success", "low", "high", "episodes")}
    return {**kept, "training_episodes": summary["episodes"], "seconds": summary["seconds"]["total"]}


def main(arguments: Arguments) -> None:
    """Run what is missing, write the result after each run, show the table."""
    about = {"machine": machine(), "versions": versions()}
    iterations = {name: task.iterations for name, task in tasks().items()}
    results: dict[str, dict[str, dict[str, Any]]] = {}
    if arguments.output.is_file():
        before = json.loads(arguments.output.read_text())
        if before["iterations"] == iterations:  # else its runs were others
            results = before["results"]
    for batch in runs(arguments):
        with ThreadPoolExecutor(arguments.parallel) as pool:
            for run, summary in zip(batch, pool.map(lambda run: play(run, arguments), batch), strict=True):
                rows = results.setdefault(run.task, {})
                rows.setdefault(run.algorithm or START, {})[str(run.seed)] = entry(run, summary)
                content = {
                    "what": "held-out success after training from the same cloned start, by task, algorithm and seed",
                    **about,
                    "iterations": iterations,
                    "methods": methods(results, arguments),
                    "results": results,
                }
                arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    show(results)


def show(results: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print the table."""
    for task, rows in results.items():
        seeds = sorted({seed for row in rows.values() for seed in row})
        table = Table("algorithm", *(f"seed {seed}" for seed in seeds), "mean", title=f"{task}: held-out success, %")
        for name, row in rows.items():
            cells = [_cell(row[seed]) if seed in row else "" for seed in seeds]
            mean = statistics.fmean(one["success"] for one in row.values())
            table.add_row(name, *cells, f"{100 * mean:.1f}")
        Console().print(table)


def _cell(found: dict[str, Any]) -> str:
    return f"{100 * found['success']:.1f} ({100 * found['low']:.1f}-{100 * found['high']:.1f})"


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
