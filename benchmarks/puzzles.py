"""Steps per second of the puzzles with their pictures, beside Minigrid, MiniWorld and gym-sokoban.

What is timed are steps, each with its observation (an RGB picture of the same size; gym-sokoban's is smaller); resets
are timed apart. All make random moves, in rounds that alternate between all of them, so that whatever else the machine
does falls on all alike. Ratios are medians over rounds.

    python benchmarks/puzzles.py                              # every puzzle at levels 1, 3 and 5
    python benchmarks/puzzles.py --words Sokoban Maze3D --rounds 3

Minigrid runs in this process; the others have packages of their own, in virtual environments below `.bench/`, made
once. MiniWorld also needs EGL (Debian: libegl1 libegl-mesa0 libgl1-mesa-dri libglu1-mesa). A peer that cannot be
installed or run is reported as such.
"""

from __future__ import annotations

import json
import logging
import statistics
import time
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

import mmgym
from benchmarks.peers import Unavailable, install, machine, run

MINIGRID = "MiniGrid-Empty-8x8-v0"
REQUIREMENTS = {
    "miniworld": ("miniworld==2.1.0", "gymnasium==1.4.0"),
    "gym_sokoban": ("gym-sokoban==0.0.6", "gym==0.25.2", "numpy<1.24", "setuptools<70"),
}
"""What the virtual environments of the peers hold; gym-sokoban needs a gym and a numpy of its time."""
LEVELS = (1, 3, 5)


@dataclass(frozen=True)
class Arguments:
    """Options of the benchmark."""

    words: tuple[str, ...] = ()
    """Only puzzles whose id holds one of these; all when empty."""
    image_size: int = 224
    """Side of the observed image in pixels; a multiple of 8, Minigrid's cells."""
    steps: int = 300
    """Steps of each environment per round."""
    rounds: int = 7
    """Rounds."""
    seed: int = 0
    """Seed of resets and actions."""
    output: Path = Path(__file__).parent / "results" / "puzzles.json"
    """Where the result is written."""

    def __post_init__(self) -> None:
        if self.image_size % 8:
            raise ValueError(f"image_size must be a multiple of 8, Minigrid's cells a side; got {self.image_size}")


@dataclass
class Timing:
    """What one environment took, over the rounds."""

    rates: list[float]
    """Steps per second of each round."""
    resets: list[float]
    """Seconds of each reset."""


def minigrid_room(size: int) -> gym.Env[Any, Any]:
    """Minigrid's empty room, seen whole, with an image of `size` pixels a side."""
    return RGBImgObsWrapper(gym.make(MINIGRID, render_mode="rgb_array"), tile_size=size // 8)


def puzzles(arguments: Arguments) -> dict[str, gym.Env[Any, Any]]:
    """The puzzles, each at some levels, by id and level."""
    chosen = [
        entry.id
        for entry in mmgym.entries()
        if entry.entry_point.startswith("mmgym_puzzles") and not entry.kwargs
        if not arguments.words or any(word in entry.id for word in arguments.words)
    ]
    if not chosen:
        raise SystemExit(f"no puzzle's id holds any of {', '.join(arguments.words)}")
    return {
        f"{id} level {level}": gym.make(id, level=level, image_size=arguments.image_size, disable_env_checker=True)
        for id in chosen
        for level in LEVELS
    }


def measure(env: gym.Env[Any, Any], steps: int, seed: int, timing: Timing) -> None:
    """One round of an environment."""
    actions = [env.action_space.sample() for _ in range(steps)]
    for k in range(5):
        begin = time.perf_counter()
        env.reset(seed=seed + k)
        timing.resets.append(time.perf_counter() - begin)
    spent = 0.0
    for action in actions:
        begin = time.perf_counter()
        _, _, terminated, truncated, _ = env.step(action)
        spent += time.perf_counter() - begin
        if terminated or truncated:
            begin = time.perf_counter()
            env.reset()
            timing.resets.append(time.perf_counter() - begin)
    timing.rates.append(steps / spent)


def measure_peer(name: str, arguments: Arguments, seed: int, timing: Timing) -> list[int]:
    """One round of a peer with packages of its own; the shape of its picture."""
    python = install(name, REQUIREMENTS[name])
    options = ["--steps", str(arguments.steps), "--image-size", str(arguments.image_size), "--seed", str(seed)]
    printed = run([str(python), "benchmarks/puzzle_peers/rates.py", name, *options], "could not be run")
    found = json.loads(printed.splitlines()[-1])
    timing.rates.append(found["rate"])
    timing.resets += found["resets"]
    shape: list[int] = found["shape"]
    return shape


def row(timing: Timing, peers: dict[str, Timing]) -> dict[str, Any]:
    """What is written of one environment."""
    found: dict[str, Any] = {
        "steps_per_second": round(statistics.median(timing.rates), 1),
        "reset_milliseconds": round(1e3 * statistics.median(timing.resets), 3),
        "reset_milliseconds_p95": round(1e3 * float(np.quantile(timing.resets, 0.95)), 3),
    }
    for name, peer in peers.items():
        ratios = [a / b for a, b in zip(timing.rates, peer.rates, strict=True)]
        found[f"times_{name}"] = round(statistics.median(ratios), 2)
        found[f"times_{name}_least"] = round(min(ratios), 2)
    return found


def main(arguments: Arguments) -> None:
    """Measure and write the result."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    where = machine()
    envs = puzzles(arguments)
    envs[MINIGRID] = minigrid_room(arguments.image_size)
    timings = {name: Timing([], []) for name in (*envs, *REQUIREMENTS)}
    for env in envs.values():
        env.reset(seed=arguments.seed)
        env.action_space.seed(arguments.seed)
    shapes: dict[str, list[int]] = {}
    missing: dict[str, str] = {}
    for round_ in range(arguments.rounds):
        logging.info("round %d of %d", round_ + 1, arguments.rounds)
        for name, env in envs.items():
            measure(env, arguments.steps, arguments.seed + 1000 * round_, timings[name])
        for name in REQUIREMENTS:
            if name not in missing:
                try:
                    shapes[name] = measure_peer(name, arguments, arguments.seed + round_, timings[name])
                except Unavailable as problem:
                    missing[name] = str(problem)
    peers = {"minigrid": timings.pop(MINIGRID)}
    for name in REQUIREMENTS:
        timing = timings.pop(name)
        if name not in missing:
            peers[name] = timing
    rows = {name: row(timing, peers) for name, timing in timings.items()}
    result = {
        "what": "steps per second with an RGB observation, random actions; resets apart",
        "image_size": arguments.image_size,
        "steps_per_round": arguments.steps,
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "peers": {name: {**row(timing, {}), "picture": shapes.get(name)} for name, timing in peers.items()},
        "missing": missing,
        "environments": rows,
        "machine": where,
        "versions": {
            name: version(name) for name in ("gymnasium", "minigrid", "numpy", "opencv-python-headless", "panda3d")
        },
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    for name, found in rows.items():
        ratios = "  ".join(f"{found[f'times_{peer}']:6.1f}x {peer}" for peer in peers)
        logging.info("%-34s %8.0f steps/s  reset %6.2f ms  %s", name, *list(found.values())[:2], ratios)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
