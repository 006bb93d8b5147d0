"""Steps per second of the puzzles beside Minigrid's, with an RGB observation of the same size.

Both sides make the same number of random moves, resets included, in rounds that alternate between all environments, so
that whatever else the machine does falls on all of them alike. Ratios are medians over rounds.

    python benchmarks/puzzles.py --image-size 224 --steps 1000 --rounds 9
"""

from __future__ import annotations

import json
import logging
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import minigrid  # noqa: F401  (registers its ids)
import numpy as np
import tyro
from minigrid.wrappers import RGBImgObsWrapper

from mmgym.env import MultimodalEnv
from mmgym_puzzles.frozen_lake import FrozenLake
from mmgym_puzzles.sokoban import Sokoban

PEER = "MiniGrid-Empty-8x8-v0"


@dataclass(frozen=True)
class Arguments:
    """Options of the benchmark."""

    image_size: int = 224
    """Side of the observed image in pixels; a multiple of 8, Minigrid's cells."""
    steps: int = 1000
    """Steps of each environment per round."""
    rounds: int = 9
    """Rounds."""
    seed: int = 0
    """Seed of resets and actions."""
    output: Path = Path(__file__).parent / "results" / "puzzles.json"
    """Where the result is written."""


def processor() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def make_minigrid(size: int) -> gym.Env[Any, Any]:
    """Minigrid's empty room, seen whole, with an image of `size` pixels a side."""
    cells = 8
    if size % cells:
        raise ValueError(f"image_size must be a multiple of {cells}, Minigrid's cells a side; got {size}")
    return RGBImgObsWrapper(gym.make(PEER, render_mode="rgb_array"), tile_size=size // cells)


def makers(size: int) -> dict[str, Callable[[], gym.Env[Any, Any]]]:
    """What is measured, by name; the peer first."""

    def puzzle(kind: type[MultimodalEnv], **arguments: Any) -> Callable[[], gym.Env[Any, Any]]:
        return lambda: kind(image_size=size, **arguments)

    return {
        PEER: lambda: make_minigrid(size),
        "FrozenLake two_holes": puzzle(FrozenLake, preset="two_holes"),
        **{f"FrozenLake level {level}": puzzle(FrozenLake, level=level) for level in range(1, 6)},
        "Sokoban vagen": puzzle(Sokoban, preset="vagen"),
        **{f"Sokoban level {level}": puzzle(Sokoban, level=level) for level in range(1, 6)},
    }


def seconds(env: gym.Env[Any, Any], actions: list[Any]) -> float:
    """Wall-clock time of these actions, with the resets that they make necessary."""
    begin = time.perf_counter()
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return time.perf_counter() - begin


def main(arguments: Arguments) -> None:
    """Measure and write the result."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    envs = {name: make() for name, make in makers(arguments.image_size).items()}
    for env in envs.values():
        observation, _ = env.reset(seed=arguments.seed)
        assert observation["image"].shape == (arguments.image_size, arguments.image_size, 3)
        env.action_space.seed(arguments.seed)
    rates: dict[str, list[float]] = {name: [] for name in envs}
    resets: dict[str, list[float]] = {name: [] for name in envs}
    for round_ in range(arguments.rounds):
        for name, env in envs.items():
            actions = [env.action_space.sample() for _ in range(arguments.steps)]
            rates[name].append(arguments.steps / seconds(env, actions))
            for k in range(20):
                begin = time.perf_counter()
                env.reset(seed=arguments.seed + 20 * round_ + k)
                resets[name].append(time.perf_counter() - begin)
    ratios = {name: [a / b for a, b in zip(values, rates[PEER], strict=True)] for name, values in rates.items()}
    rows = {
        name: {
            "median_steps_per_second": round(statistics.median(values), 1),
            "median_ratio_to_minigrid": round(statistics.median(ratios[name]), 2),
            "least_ratio_to_minigrid": round(min(ratios[name]), 2),
            "median_reset_milliseconds": round(1e3 * statistics.median(resets[name]), 3),
            "p95_reset_milliseconds": round(1e3 * float(np.quantile(resets[name], 0.95)), 3),
        }
        for name, values in rates.items()
    }
    result = {
        "what": "steps per second with an RGB observation, random actions, resets included",
        "image_size": arguments.image_size,
        "steps_per_round": arguments.steps,
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "environments": rows,
        "machine": {"cpu": processor(), "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("gymnasium", "minigrid", "numpy", "opencv-python-headless")},
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    for name, row in rows.items():
        rate, ratio = row["median_steps_per_second"], row["median_ratio_to_minigrid"]
        logging.info("%-22s %9.0f steps/s %7.1fx", name, rate, ratio)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
