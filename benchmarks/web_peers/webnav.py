"""Eight WebNav environments in one process that repeat what the expert did: steps per second, apart by navigation.

First the expert plays episodes of all levels, and each of its steps is marked as navigating when another document is
there afterwards. Then all environments repeat these episodes at once, each in a thread, for a fixed time. The rate of a
kind of step is the number of environments over the mean time of such a step while all are at work: what they would do
together if all steps were of this kind. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym

import mmgym
from benchmarks.web_peers.scale import memory
from mmgym.spaces import ToolCall

# Variables of this world of scripts live as long as the document, and the page cannot see them.
NEW_DOCUMENT = "(() => { const fresh = !globalThis.benchmarkSawIt; globalThis.benchmarkSawIt = true; return fresh; })()"


@dataclass(frozen=True)
class Episode:
    """What the expert did."""

    seed: int
    level: int
    calls: tuple[ToolCall, ...]
    navigates: tuple[bool, ...]


@dataclass
class Times:
    """Seconds of steps and resets in one environment."""

    navigating: list[float] = field(default_factory=list)
    staying: list[float] = field(default_factory=list)
    resets: list[float] = field(default_factory=list)
    failures: int = 0


def make(width: int, height: int) -> gym.Env[Any, Any]:
    """The environment that is measured."""
    return gym.make("mmgym/WebNav-v0", width=width, height=height, disable_env_checker=True)


def record(env: gym.Env[Any, Any], seed: int, level: int) -> Episode:
    """Let the expert play one episode."""
    page: Any = mmgym.unwrap(env)
    env.reset(seed=seed, options={"level": level})
    page.query(NEW_DOCUMENT)
    calls, navigates, over, info = [], [], False, {"success": False}
    while not over:
        calls.append(page.expert())
        _, _, terminated, truncated, info = env.step(calls[-1])
        over = terminated or truncated
        navigates.append(bool(page.query(NEW_DOCUMENT)))
    if not info["success"]:
        raise RuntimeError(f"the expert did not solve seed {seed} of level {level}: {info['error']}")
    return Episode(seed, level, tuple(calls), tuple(navigates))


def repeat(env: gym.Env[Any, Any], episodes: Iterator[Episode], lock: threading.Lock, end: float) -> Times:
    """Repeat episodes until `end`, a time of `time.perf_counter`."""
    times = Times()
    while True:
        with lock:
            episode = next(episodes)
        begin = time.perf_counter()
        if begin > end:
            return times
        env.reset(seed=episode.seed, options={"level": episode.level})
        times.resets.append(time.perf_counter() - begin)
        info: dict[str, Any] = {"success": False}
        for call, navigates in zip(episode.calls, episode.navigates, strict=True):
            begin = time.perf_counter()
            _, _, terminated, truncated, info = env.step(call)
            (times.navigating if navigates else times.staying).append(time.perf_counter() - begin)
            if terminated or truncated:
                break
        times.failures += not info["success"]


def kind(seconds: list[float], environments: int) -> dict[str, float]:
    """Rate and times of one kind of step; only their number when there are too few."""
    if len(seconds) < 2:
        return {"count": len(seconds)}
    return {
        "steps_per_second": round(environments / statistics.fmean(seconds), 1),
        "mean_ms": round(1e3 * statistics.fmean(seconds), 1),
        "median_ms": round(1e3 * statistics.median(seconds), 1),
        "p90_ms": round(1e3 * statistics.quantiles(seconds, n=10)[-1], 1),
        "count": len(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--browser", required=True)
    parser.add_argument("--environments", type=int, default=8)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--episodes", type=int, default=20, help="episodes of the expert, over these levels")
    parser.add_argument("--seconds", type=float, default=30.0, help="for which they are repeated")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["MMGYM_CHROMIUM"] = options.browser
    envs = [make(options.width, options.height) for _ in range(options.environments)]
    levels = itertools.cycle(options.levels)
    recorded = [record(envs[0], 1000 * options.seed + k, next(levels)) for k in range(options.episodes)]
    episodes, lock = itertools.cycle(recorded), threading.Lock()
    begin = time.perf_counter()
    with ThreadPoolExecutor(len(envs)) as threads:
        tasks = [threads.submit(repeat, env, episodes, lock, begin + options.seconds) for env in envs]
        times = [task.result() for task in tasks]
    elapsed = time.perf_counter() - begin
    navigating = [t for one in times for t in one.navigating]
    staying = [t for one in times for t in one.staying]
    resets = [t for one in times for t in one.resets]
    result = {
        "environments": len(envs),
        "levels": options.levels,
        "size": [options.width, options.height],
        "share_of_navigations": round(len(navigating) / (len(navigating) + len(staying)), 3),
        "navigating": kind(navigating, len(envs)),
        "not_navigating": kind(staying, len(envs)),
        "steps_per_second_with_resets": round((len(navigating) + len(staying)) / elapsed, 1),
        "reset_ms_median": round(1e3 * statistics.median(resets), 1),
        "episodes": len(resets),
        "episodes_not_solved": sum(one.failures for one in times),
        **memory(),
    }
    for env in envs:
        env.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
