"""Training while episodes are played, beside playing and learning in turn: iterations a minute, and what is learned.

    python -m benchmarks.asynchronous                  # a quarter of an hour on two free cores
    python -m benchmarks.asynchronous --parts speed --rounds 3

A tiny model answers to signals, red or blue, one picture after the other. *Speed*: every reset and step takes its time,
0.3 to 1 s as on a live web site, without costing this machine anything; the same iterations for every way of playing,
side by side in rounds. *Learning*: without delays, so that everything is as old as it may be, from the same cloned
start, with equal numbers of iterations.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal
from unittest.mock import patch

import gymnasium as gym
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

import mmgym.learn.trainer
from benchmarks.peers import ROOT, machine
from mmgym import Capabilities, Effect, MultimodalEnv, ToolCall, tool
from mmgym.env import SPLITS
from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.distributed import World
from mmgym.learn.summary import versions
from mmgym.learn.trainer import Trainer, train
from mmgym.rewards import RewardTerms
from mmgym.rollout import Executor
from mmgym.rollout.executor import EnvironmentHandle

SIGNALS = "benchmarks.asynchronous:bench/Signals-v0"
SHORTEST, LONGEST = 0.3, 1.0
"""Seconds of a reset or step."""
WAYS: dict[str, dict[str, Any]] = {
    "in turn": {},
    "in turn, not in lockstep": {"lockstep": False},
    "staleness 1": {"staleness": 1},
    "staleness 2": {"staleness": 2},
    "staleness 4": {"staleness": 4},
}
CORRECTED = {"recompute": True, "loss": {"entropy_bonus": 0.02, "correction": "truncate"}}
LEARNED: dict[str, dict[str, Any]] = {
    "in turn": {},
    "staleness 1": {"staleness": 1},
    "staleness 2": {"staleness": 2},
    "staleness 4": {"staleness": 4},
    "in turn, truncated weights": CORRECTED,
    "staleness 2, truncated weights": {"staleness": 2, **CORRECTED},
}
NOTED = ("seconds_rollout", "seconds_update", "seconds_idle", "overlap", "staleness", "staleness_max")


class Signals(MultimodalEnv):
    """Red means left, blue means right; as many pictures as there are turns. Splits differ by the shade.

    Args:
        each: whether each right answer pays its share, so that no group of long episodes is without difference.
        arguments: those of `MultimodalEnv`.
    """

    instruction = "Answer left if the picture is red, right if it is blue."
    capabilities = Capabilities(snapshot="none", text_twin=False, questions=False)
    levels: ClassVar[int] = 1

    def __init__(self, *, each: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.each = each

    def vocabulary(self) -> list[str]:
        """The words of an answer."""
        return ["left", "right"]

    def _generate(self, task: Any) -> None:
        self.colours = [("red", "blue")[int(number)] for number in self.np_random.integers(2, size=self._turn_limit())]
        self.shade = 128 + 4 * int(self.np_random.integers(30)) + SPLITS.index(self.split)
        self.answers: list[bool] = []

    def _turn_limit(self) -> int:
        return self._max_turns_argument or 2

    def _get_state(self) -> dict[str, Any]:
        return {"colours": self.colours, "shade": self.shade, "answers": self.answers}

    def _colour(self) -> str:
        return self.colours[min(len(self.answers), len(self.colours) - 1)]

    def _image(self) -> np.ndarray:
        image = np.zeros((self.image_size, self.image_size, 3), np.uint8)
        image[..., 0 if self._colour() == "red" else 2] = self.shade
        return image

    def _is_success(self) -> bool:
        return len(self.answers) == len(self.colours) and all(self.answers)

    def _reward_terms(self) -> RewardTerms:
        if not self.each:
            return super()._reward_terms()
        return {"outcome": float(bool(self.answers) and self.answers[-1]) / len(self.colours)}

    def _expert_call(self) -> ToolCall:
        return ToolCall("say", {"side": "left" if self._colour() == "red" else "right"})

    def _expert_steps(self) -> int:
        return len(self.colours)

    @tool
    def say(self, side: Literal["left", "right"]) -> Effect:
        """Answer.

        Args:
            side: left for red, right for blue.
        """
        self.answers.append((side == "left") == (self._colour() == "red"))
        return Effect()


if "bench/Signals-v0" not in gym.registry:
    gym.register("bench/Signals-v0", entry_point="benchmarks.asynchronous:Signals")


_PACES = itertools.count()


class _Paced:
    """An environment that is somewhere else: it takes its time, and none of ours."""

    def __init__(self, handle: EnvironmentHandle):
        self._handle = handle
        self._pace = np.random.default_rng(next(_PACES))

    def __getattr__(self, name: str) -> Any:
        async def request(*arguments: Any) -> Any:
            await asyncio.sleep(float(self._pace.uniform(SHORTEST, LONGEST)))
            return await getattr(self._handle, name)(*arguments)

        return request


class PacedExecutor(Executor):
    """An executor whose environments are somewhere else."""

    def _handles(self, tasks: int) -> Sequence[EnvironmentHandle]:
        paced: list[Any] = [_Paced(handle) for handle in super()._handles(tasks)]
        return paced


@dataclass(frozen=True)
class Arguments:
    """What to run."""

    parts: tuple[str, ...] = ("speed", "learning")
    """What is measured; of a part that is not, the result that is there is kept."""
    rounds: int = 2
    """Rounds of the speed part, each with every way of playing."""
    iterations: int = 6
    """Iterations of a run of the speed part."""
    environments: int = 64
    """Environments at once in the speed part."""
    turns: int = 6
    """Turns of an episode in the speed part."""
    layers: int = 16
    """Layers of 512 units of the model in the speed part: an update takes a good part of what playing does."""
    seeds: int = 2
    """Seeds of the learning part."""
    learning_iterations: int = 50
    """Iterations of a run of the learning part."""
    episodes: int = 300
    """Held-out episodes."""
    output: Path = ROOT / "benchmarks" / "results" / "asynchronous.json"
    """Where the result is written."""


def start(seed: int, folder: Path, **tiny: int) -> TrainConfig:
    """A configuration that goes on from a start, which is made here: a clone of random play, which knows the format."""
    tiny = {"hidden_size": 64, **tiny}
    content = {
        "out": str(folder / f"start{seed}-{tiny['hidden_size']}"),
        "seed": seed,
        "environment": {"id": SIGNALS, "kwargs": {"image_size": 64}},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 6, "tiny": tiny},
        "cloning": {
            "steps": 40,
            "demonstrator": "random",
            "episodes": 16,
            "question_weight": 0.0,
            "optimizer": {"lr": 1e-2 * 64 / tiny["hidden_size"], "warmup_steps": 5},
        },
        "grpo": {
            "groups": 8,
            "group_size": 8,
            "minibatches": 2,
            "rows_per_minibatch": 1,
            "loss": {"entropy_bonus": 0.02},
            "optimizer": {"lr": 2e-3, "warmup_steps": 3, "decay_from": 0.5},
        },
        "evaluation": {"every": 0, "final_episodes": 1, "samples": 0, "baselines": {}},
    }
    config = from_mapping(TrainConfig, content)
    train(config)
    policy = replace(config.policy, checkpoint=f"{config.out}/checkpoint")
    return replace(config, policy=policy, cloning=replace(config.cloning, steps=0))


@contextmanager
def trainer_of(config: TrainConfig, executor: type[Executor]) -> Iterator[Trainer]:
    """A trainer that is ready for its first iteration, writes nothing, and ends in the end."""
    with patch.object(mmgym.learn.trainer, "Executor", executor):
        trainer = Trainer(config, World())
    trainer.log = None
    with trainer.executor:
        trainer._begin("grpo")
        try:
            yield trainer
        finally:
            trainer._end()


def speed(config: TrainConfig, way: dict[str, Any], arguments: Arguments) -> dict[str, float]:
    """Iterations a minute of one run, from its first episode on, and means of what its iterations report."""
    changes = {name: value for name, value in way.items() if name != "lockstep"}
    kwargs = {**config.environment.kwargs, "max_turns": arguments.turns, "each": True}
    config = replace(
        config,
        environment=replace(config.environment, kwargs=kwargs),
        rollout=replace(config.rollout, live=arguments.environments, lockstep=bool(way.get("lockstep", True))),
        grpo=replace(config.grpo, iterations=arguments.iterations, **changes),
    )
    with trainer_of(config, PacedExecutor) as trainer:
        started, busy = time.perf_counter(), time.process_time()
        found = [trainer._improve(step, 1.0) for step in range(arguments.iterations)]
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
    means = {name: statistics.fmean(one[name] for one in found) for name in NOTED if name in found[0]}
    pace = {"iterations_per_minute": 60 * arguments.iterations / seconds, "cpu_seconds": busy / arguments.iterations}
    return {**pace, **means}


def learn(config: TrainConfig, way: dict[str, Any], arguments: Arguments) -> dict[str, float]:
    """Held-out success after training without delays."""
    steps, optimizer = arguments.learning_iterations, config.grpo.optimizer
    with trainer_of(replace(config, grpo=replace(config.grpo, iterations=steps, **way)), Executor) as trainer:
        found = [trainer._improve(step, optimizer.scale(step, steps)) for step in range(steps)]
        values = trainer._evaluate(trainer.sampler, "test", arguments.episodes)[0]
    return {
        **{name: values[name] for name in ("success", "low", "high", "episodes")},
        "staleness": statistics.fmean(one.get("staleness", 0.0) for one in found),
        "sampler_difference": max(one["sampler_difference"] for one in found),
    }


def main(arguments: Arguments) -> None:
    """Run both parts, write the result, show it."""
    about = {"machine": machine(), "versions": versions(), "arguments": {**vars(arguments), "output": None}}
    content: dict[str, Any] = {
        "what": "training while episodes are played beside playing and learning in turn",
        "about": {part: about for part in arguments.parts},
        "seconds_of_a_step": [SHORTEST, LONGEST],
        "speed": {name: [] for name in WAYS},
        "learning": {name: {} for name in LEARNED},
    }
    if arguments.output.is_file():
        known = json.loads(arguments.output.read_text())
        for part in {"speed", "learning"} - {*arguments.parts}:
            content[part], content["about"][part] = known[part], known["about"][part]
    with tempfile.TemporaryDirectory() as folder:
        if "speed" in arguments.parts:
            large = start(0, Path(folder), hidden_size=512, layers=arguments.layers)
            for _, (name, way) in itertools.product(range(arguments.rounds), WAYS.items()):
                content["speed"][name].append(speed(large, way, arguments))
                write(content, arguments.output)
        for seed in range(arguments.seeds if "learning" in arguments.parts else 0):
            begun = start(seed, Path(folder))
            for name, way in LEARNED.items():
                content["learning"][name][str(seed)] = learn(begun, way, arguments)
                write(content, arguments.output)
    show(content)


def write(content: dict[str, Any], output: Path) -> None:
    """Write what there is so far."""
    output.write_text(json.dumps({**content, "ratios": ratios(content["speed"])}, indent=1) + "\n")


def ratios(speeds: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Iterations a minute over those of the same round in turn: median, lowest and highest."""
    base = [one["iterations_per_minute"] for one in speeds["in turn"]]
    found = {}
    for name, rows in speeds.items():
        values = [row["iterations_per_minute"] / one for row, one in zip(rows, base, strict=False)]
        if values:
            found[name] = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return found


def show(content: dict[str, Any]) -> None:
    """Print both tables."""
    table = Table("", "iterations/min", "ratio", "waited, s", "update, s", "CPU, s", "overlap", "staleness")
    for name, rows in content["speed"].items():
        if rows:
            mean = {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}
            ratio = ratios(content["speed"])[name]
            table.add_row(
                name,
                f"{mean['iterations_per_minute']:.1f}",
                f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})",
                f"{mean['seconds_rollout']:.2f}",
                f"{mean['seconds_update']:.2f}",
                f"{mean['cpu_seconds']:.2f}",
                f"{mean.get('overlap', 0):.2f}",
                f"{mean.get('staleness', 0):.2f}",
            )
    Console().print(table)
    table = Table("held-out success, %", *(f"seed {seed}" for seed in content["learning"]["in turn"]))
    for name, row in content["learning"].items():
        cells = [f"{100 * one['success']:.1f} ({100 * one['low']:.1f}-{100 * one['high']:.1f})" for one in row.values()]
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
