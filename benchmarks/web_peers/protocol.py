"""What every peer is asked to do: open a task, reset it, click at the same places, and be timed the same way.

Only the standard library is used here, since each peer runs in the Python that has its own packages, from the root of
the repository:

    PYTHON -m benchmarks.web_peers.cdp --browser /usr/lib/chromium/chromium-headless-shell

A peer is an object with `open`, `reset`, `click` and `close`. Its script prints one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

TASKS = ("click-button", "click-checkboxes", "click-option", "enter-text", "login-user")
"""MiniWoB tasks that every peer plays: pages without animation, with a text twin, that need no reload on reset."""
EPISODE_STEPS = 10
"""Clicks after which an episode is reset if the page has not ended it."""
PAGE_WIDTH, PAGE_TOP, PAGE_HEIGHT = 160, 50, 210
"""Where MiniWoB's pages can be clicked, in CSS pixels: below the instruction."""

DONE = "[WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL]"
"""JavaScript: whether the episode has ended, and its raw reward."""


class Peer(Protocol):
    """What is measured. Each of its methods returns when the observation that follows is a numpy array."""

    def open(self, task: str) -> None:
        """Make ready to play this task; not timed."""

    def reset(self, seed: int) -> None:
        """Start an episode and observe."""

    def click(self, x: int, y: int) -> bool:
        """Click there, in CSS pixels of the page, observe, and say whether the episode has ended."""

    def close(self) -> None:
        """Stop every process."""

    def observation(self) -> dict[str, Any]:
        """What the last observation held: ``screenshot`` as [width, height], and what else."""


def parser() -> argparse.ArgumentParser:
    """The options that all peers have."""
    options = argparse.ArgumentParser()
    options.add_argument("--browser", required=True, help="the browser's binary")
    options.add_argument("--tasks", nargs="+", default=list(TASKS))
    options.add_argument("--resets", type=int, default=3, help="timed resets per task before the steps")
    options.add_argument("--steps", type=int, default=30, help="timed steps per task")
    options.add_argument("--seconds", type=float, default=60.0, help="after so long a task is cut short, and said so")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--width", type=int, default=332, help="of the page in CSS pixels, where a peer lets us choose"
    )
    options.add_argument("--height", type=int, default=214, help="of the page in CSS pixels, likewise")
    return options


def pages() -> Path:
    """The folder of MiniWoB's pages inside the `miniwob` package, which is not imported (it would load selenium)."""
    spec = importlib.util.find_spec("miniwob")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package miniwob is missing: pip install miniwob")
    return Path(spec.origin).parent / "html" / "miniwob"


def start_episode(seed: int) -> str:
    """JavaScript that starts an episode without loading the page again, and gives its instruction."""
    return (
        f"core.EPISODE_MAX_TIME = 1e9; core.endEpisode(0); Math.seedrandom('{seed}'); "
        "core.startEpisodeReal(); core.getUtterance()"
    )


def clicks(task: str, seed: int) -> Iterator[tuple[int, int]]:
    """Places to click, the same for every peer."""
    places = random.Random(f"{seed} {task}")
    while True:
        yield places.randrange(PAGE_WIDTH), places.randrange(PAGE_TOP, PAGE_HEIGHT)


def milliseconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Wall-clock time of a call, and what it returned."""
    begin = time.perf_counter()
    result = call()
    return 1e3 * (time.perf_counter() - begin), result


def summary(values: list[float]) -> dict[str, float]:
    """Median, 90th percentile, mean and number of times in milliseconds."""
    if len(values) < 2:
        raise ValueError(f"needs at least 2 measurements, got {len(values)}; raise --resets, --steps or --seconds")
    return {
        "median": round(statistics.median(values), 2),
        "p90": round(statistics.quantiles(values, n=10)[-1], 2),
        "mean": round(statistics.fmean(values), 2),
        "count": len(values),
    }


def time_task(peer: Peer, task: str, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Milliseconds of each reset and of each step. The first of either warms the peer up and is left out."""
    resets: list[float] = []
    steps: list[float] = []
    seeds = iter(range(1000 * options.seed, 1000 * (options.seed + 1)))

    def timed_reset() -> None:
        resets.append(milliseconds(partial(peer.reset, next(seeds)))[0])

    peer.open(task)
    places = clicks(task, options.seed)
    peer.reset(next(seeds))
    peer.click(*next(places))
    for _ in range(options.resets):
        timed_reset()
    turn, end = 0, time.perf_counter() + options.seconds
    for x, y in islice(places, options.steps):
        if time.perf_counter() > end:
            break
        elapsed, done = milliseconds(partial(peer.click, x, y))
        steps.append(elapsed)
        turn += 1
        if done or turn == EPISODE_STEPS:
            timed_reset()
            turn = 0
    return resets, steps


def report(name: str, peer: Peer, options: argparse.Namespace, packages: tuple[str, ...], reset: str) -> None:
    """Time the peer on all tasks and print the line of JSON.

    Args:
        name: the peer's name in the table.
        peer: what is measured; closed at the end.
        options: what `parser` gave.
        packages: distributions whose versions are told.
        reset: in words, what a reset does.
    """
    resets: list[float] = []
    steps: list[float] = []
    try:
        for task in options.tasks:
            task_resets, task_steps = time_task(peer, task, options)
            resets += task_resets
            steps += task_steps
        observation = peer.observation()
    finally:
        peer.close()
    line = {
        "name": name,
        "reset_ms": summary(resets),
        "step_ms": summary(steps),
        "cut_short": len(steps) < options.steps * len(options.tasks),
        "observation": observation,
        "reset": reset,
        "versions": {package: version(package) for package in packages},
    }
    print(json.dumps(line))
