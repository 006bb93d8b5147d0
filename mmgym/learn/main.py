"""The command ``mmgym train``: a configuration file, and any field of it on the command line."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmgym.learn.config import ConfigurationError, TrainConfig, from_mapping, read_config, to_mapping
from mmgym.learn.distributed import started_from_outside
from mmgym.learn.trainer import train

__all__ = ["main"]

_USAGE = """Train a vision-language model in an environment.

mmgym train [CONFIG.toml|CONFIG.yaml] [--field value ...]

Fields on the command line override the file's. A run that was stopped goes on where it was when the same command is
given again. The folder of the run (--out) then holds summary.json, success.png, report.html, metrics.jsonl,
tensorboard/, trajectories/, checkpoint/ (loads with transformers' Auto classes)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, or 2 for a configuration that cannot be run."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["--config"]:
        del arguments[0]
    arguments = [re.sub("^--executor(?=$|=)", "--rollout.executor", argument) for argument in arguments]
    default = TrainConfig()
    if arguments and not arguments[0].startswith("-"):
        path = Path(arguments.pop(0))
        try:
            default = read_config(path)
        except (ValueError, OSError) as problem:
            return _refuse(f"{path}: {problem}")
    config = tyro.cli(TrainConfig, args=arguments, default=default, description=_USAGE, prog="mmgym train")
    try:
        config = from_mapping(TrainConfig, to_mapping(config))  # what came as JSON has its types checked here
    except ValueError as problem:
        return _refuse(str(problem))
    speaks = not started_from_outside() or os.environ["RANK"] == "0"
    try:
        summary = train(config)
    except ConfigurationError as problem:
        return _refuse(str(problem)) if speaks else 2
    if speaks:
        _show(config, summary)
    return 0


def _refuse(problem: str) -> int:
    Console(stderr=True).print(Text.assemble(("mmgym: ", "bold red"), problem), soft_wrap=True)
    return 2


def _show(config: TrainConfig, summary: dict[str, Any]) -> None:
    table = Table(title=f"Held-out success, {config.environment.id}, split {config.evaluation.final_split}")
    for column in ("agent", "success", "95 % interval", "episodes"):
        table.add_column(column, justify="left" if column == "agent" else "right")
    rows = dict(summary.get("baselines", {}))
    for name, ways in summary.get("heldout", {}).items():
        rows |= {f"{name} ({way})": values for way, values in ways.items()}
    rows |= {f"control: {name}": values for name, values in summary.get("controls", {}).items()}
    for name, values in rows.items():
        interval = f"{values['low']:.1%} - {values['high']:.1%}"
        table.add_row(name, f"{values['success']:.1%}", interval, str(values["episodes"]))
    console = Console()
    console.print(table)
    looks = f"Look at {config.out}/report.html and {config.out}/success.png"
    console.print(f"{summary['seconds']['total']:.0f} s. {looks}", markup=False)
