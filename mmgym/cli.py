"""The command line: ``mmgym list | play | train | bench | view | plan | doctor``.

Each subcommand is a frozen dataclass (its fields are the options) and a function in a module of its own, imported
only when it is asked for: ``mmgym list`` loads neither torch nor OpenCV. What a user can get wrong ends in one line
that says what is allowed, and exit status 2, never in a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["SUBCOMMANDS", "UsageError", "main"]


class UsageError(Exception):
    """Something the user can put right; its message says how."""


@dataclass(frozen=True)
class List:
    """List the environments: id, family, tools, size of the picture, levels and presets."""

    family: str | None = None
    """Only the environments of this family."""


@dataclass(frozen=True)
class Play:
    """Play an environment in the terminal, or watch a scripted agent play it."""

    env: tyro.conf.Positional[str]
    """Environment id, as `mmgym list` shows it."""
    agent: Literal["human", "random", "expert"] = "human"
    """Who plays."""
    preset: str | None = None
    """A named setting of the environment."""
    level: int | None = None
    """Difficulty, from 1."""
    split: str | None = None
    """train, val, test or ood."""
    task: str | None = None
    """Kind of instance, where the environment has several."""
    seed: int = 0
    """Seed of the first episode; the next ones count on from it."""
    episodes: int = 1
    """Number of episodes."""
    save: str | None = None
    """Folder for what was seen, as PNG files; for a human runs/play unless given."""


@dataclass(frozen=True)
class Train:
    """Train an agent: `mmgym train CONFIG.toml`, `mmgym train --help` lists every field."""


@dataclass(frozen=True)
class Bench:
    """Measure an agent: `mmgym bench --agent expert --suite core`, `mmgym bench --help` lists the options."""


@dataclass(frozen=True)
class View:
    """Look at runs in a browser: `mmgym view runs/bench`, `mmgym view --help` lists the options."""


@dataclass(frozen=True)
class Plan:
    """Say what of a training step fits on a GPU, and the least time that it takes."""

    model: str
    """A checkpoint folder, a config.json, or the name of a published shape, e.g. qwen2.5-vl-3b."""
    gpu: str
    """A GPU, e.g. h100, or memory, e.g. 80GB."""
    variant: Literal["all", "full", "frozen", "lora"] = "all"
    """What learns: everything, all but the vision tower, or adapters; all compares them."""
    trajectories: int = 128
    """Trajectories of a step, over all GPUs."""
    turns: int = 10
    """Turns of a trajectory, each with one image."""
    image: str = "1280x720"
    """Width and height of an image, in pixels."""
    prompt: int = 100
    """Tokens of text that are read in a turn."""
    answer: int = 150
    """Tokens that are sampled in a turn."""
    world: int = 1
    """GPUs that learn as one and share the weights."""
    optimizer: Literal["adamw", "adamw8bit"] = "adamw"
    """Whose state is kept."""
    master_weights: bool = True
    """Keep trained weights in float32, too."""
    lora_rank: int = 16
    """Rank of adapters."""
    engine: float = 0.0
    """GiB that a sampler keeps on the same GPU."""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """Type of weights and activations."""
    cached: bool = False
    """Features of a frozen tower are there already."""
    tflops: float = 0.0
    """Speed of products in TFLOP/s, in place of what is known of the GPU."""
    tb_per_s: float = 0.0
    """Speed of memory in TB/s, in place of what is known."""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class Doctor:
    """Say what is installed, what is missing, and the command that gets it."""


_FOLDED_FROM = 12
"""Families with more members are listed by one of them, unless they are asked for."""

_MOST_TOOLS = 6
"""Tools that are named of an environment, unless its family is asked for."""

SUBCOMMANDS: dict[str, Callable[..., object]] = {
    "list": List,
    "play": Play,
    "train": Train,
    "bench": Bench,
    "view": View,
    "plan": Plan,
    "doctor": Doctor,
}
"""Subcommands by name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        The exit status: 0, 1 when `doctor` finds the core broken, 2 for a mistake in the arguments, or 130 where the
        user has stopped it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if os.getcwd() not in sys.path:  # last: agents and environments of one's own, but never in place of a package
        sys.path.append(os.getcwd())
    try:
        if arguments[:1] == ["train"]:  # has a command line of its own, with every field of its configuration
            return _train(arguments[1:])
        if arguments[:1] == ["bench"]:
            return _bench(arguments[1:])
        if arguments[:1] == ["view"]:
            return _view(arguments[1:])
        options = tyro.extras.subcommand_cli_from_dict(
            SUBCOMMANDS,
            prog="mmgym",
            description="A gym for vision-language-model agents.",
            args=arguments or ["--help"],
        )
        return _run(options)
    except UsageError as problem:
        # Never wrapped: a path or a command in the message must survive copy and paste.
        Console(stderr=True).print(Text.assemble(("mmgym: ", "bold red"), str(problem)), soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        goes_on = ": the same command goes on" if arguments[:1] in (["bench"], ["train"]) else ""
        Console(stderr=True).print(f"mmgym: stopped{goes_on}")
        return 130


def _run(options: object) -> int:
    if isinstance(options, List):
        Console().print(environment_table(options.family))
        return 0
    if isinstance(options, Play):
        return _play(options)
    if isinstance(options, Plan):
        return _plan(options)
    from mmgym.doctor import doctor

    return doctor()


def _play(options: Play) -> int:
    from mmgym.env import Unsupported, unwrap
    from mmgym.play import open_environment, play

    try:
        env = open_environment(
            options.env,
            preset=options.preset,
            level=options.level,
            split=options.split,
            task=options.task,
            human=options.agent == "human",
        )
        if options.episodes < 1:
            raise ValueError(f"episodes must be at least 1; got {options.episodes}")
        if options.seed < 0:
            raise ValueError(f"seed must be at least 0; got {options.seed}")
        save = options.save or ("runs/play" if options.agent == "human" else None)
        if save is not None:
            Path(save).mkdir(parents=True, exist_ok=True)
        if options.agent == "expert" and unwrap(env).capabilities.expert == "none":
            raise ValueError(f"{options.env} has no expert; take --agent random or human")
    except OSError as problem:
        raise UsageError(str(problem)) from problem
    except (LookupError, ValueError, ImportError, Unsupported) as problem:
        raise UsageError(str(problem.args[0] if problem.args else problem)) from problem
    play(
        env,
        options.agent,
        seed=options.seed,
        episodes=options.episodes,
        task=options.task,
        save=None if save is None else Path(save),
    )
    return 0


def _train(argv: list[str]) -> int:
    from mmgym.doctor import install_command, missing_packages

    if missing := missing_packages("train"):
        raise UsageError(f"training needs {', '.join(missing)}: {install_command('train')}")
    # By name, so that the command line can be type-checked and imported without torch.
    if argv and not argv[0].startswith("-"):
        try:
            importlib.import_module("mmgym.learn.config").read_config(Path(argv[0]))
        except FileNotFoundError as problem:
            raise UsageError(f"there is no configuration file {argv[0]}; see examples/*.toml") from problem
        except (ValueError, TypeError, OSError) as problem:
            raise UsageError(f"{argv[0]}: {problem}") from problem
    return importlib.import_module("mmgym.learn.main").main(argv) or 0


def _bench(argv: list[str]) -> int:
    from mmgym.doctor import install_command, missing_packages

    if missing := missing_packages("bench"):
        raise UsageError(f"benchmarks need {', '.join(missing)}: {install_command('bench')}")
    main = importlib.import_module("mmgym.bench.main")
    try:
        main.main(tyro.cli(main.BenchArguments, prog="mmgym bench", args=argv))
    except (LookupError, ValueError, ImportError, OSError) as problem:
        raise UsageError(str(problem.args[0] if len(problem.args) == 1 else problem)) from problem
    return 0


def _view(argv: list[str]) -> int:
    from mmgym.doctor import install_command, missing_packages

    if missing := missing_packages("bench"):
        raise UsageError(f"looking at runs needs {', '.join(missing)}: {install_command('bench')}")
    main = importlib.import_module("mmgym.view.main")
    try:
        main.main(tyro.cli(main.ViewArguments, prog="mmgym view", args=argv))
    except (LookupError, ValueError, ImportError, OSError) as problem:
        raise UsageError(str(problem.args[0] if len(problem.args) == 1 else problem)) from problem
    return 0


def _plan(options: Plan) -> int:
    from mmgym.doctor import install_command, missing_packages

    if missing := missing_packages("train"):
        raise UsageError(f"planning needs {', '.join(missing)}: {install_command('train')}")
    try:
        importlib.import_module("mmgym.plan.main").run(options)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    return 0


def environment_table(family: str | None = None) -> Table:
    """The table that ``mmgym list`` prints.

    Raises:
        UsageError: for a family that no environment belongs to, naming those that exist.
    """
    from mmgym import registry
    from mmgym.doctor import install_command, missing_packages

    entries = registry.entries()
    extras = {entry.id: plugin.extra for plugin in registry.plugins() for entry in plugin.environments}
    families = sorted({entry.family for entry in entries})
    if family is not None and family not in families:
        raise UsageError(f"no family {family!r}; there are: {', '.join(families) or 'none'}")
    table = Table()
    for column in ("id", "image", "levels"):
        table.add_column(column, no_wrap=True)
    table.add_column("what it is")
    for name in families if family is None else [family]:
        members = [entry for entry in entries if entry.family == name]
        shown = members if family or len(members) <= _FOLDED_FROM else [min(members, key=lambda e: len(e.id))]
        table.add_section()
        table.add_row(Text(f"family {name}", style="italic"))
        for entry in shown:
            extra = extras.get(entry.id, "")
            about = [entry.summary]
            if extra and missing_packages(extra):
                about.append(f"first: {install_command(extra)}")
            named = entry.tools if family or len(entry.tools) <= _MOST_TOOLS else (*entry.tools[:_MOST_TOOLS], "...")
            about.append(f"tools: {', '.join(named)}")
            if entry.presets:
                about.append(f"presets: {', '.join(entry.presets)}")
            levels = f"1-{entry.levels}" if entry.levels > 1 else "1"
            image = f"{entry.image[1]}x{entry.image[0]}"
            table.add_row(Text(entry.id, style="bold"), image, levels, Text("\n".join(about)))
        if len(shown) < len(members):
            table.add_row("...", "", "", Text(f"{len(members) - len(shown)} more: mmgym list --family {name}"))
    return table
