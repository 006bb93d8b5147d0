"""Eight MiniWoB environments in one worker process: throughput, memory, and whether memory stays flat over episodes.

Each environment is played by a thread of its own with random clicks; all share one browser. Memory is the proportional
set size (PSS) that the kernel gives for each process: pages shared by n processes count 1/n in each, so that sums mean
something. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gymnasium as gym

import mmgym  # noqa: F401  (registers its ids)
from benchmarks.web_peers import protocol
from mmgym.spaces import ToolCall
from mmgym_web.browser import get_pool
from mmgym_web.browser.process import tree_memory

FIRST, EVERY = 200, 400
"""Episodes before memory is first looked at, and between looks."""


def memory() -> dict[str, float]:
    """PSS in MB of the browser (all that this process has started) and of this process."""
    sizes = tree_memory(os.getpid())
    worker = sizes.pop(os.getpid())
    return {"browser_mb": round(sum(sizes.values()) / 2**20, 1), "worker_mb": round(worker / 2**20, 1)}


@dataclass
class Player:
    """One environment, what is clicked in it, and how often it was."""

    task: str
    seed: int
    steps: int = 0
    episodes: int = 0
    errors: int = 0
    env: gym.Env[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.env = gym.make("mmgym/MiniWoB-v0", task=self.task, disable_env_checker=True)
        self.places = protocol.clicks(self.task, self.seed)
        self.env.reset(seed=self.seed)

    def play(self, go_on: Callable[[], bool]) -> None:
        """Play whole episodes while `go_on` says so."""
        while go_on():
            self.env.reset(seed=self.seed + self.episodes)
            self.episodes += 1
            for x, y in itertools.islice(self.places, protocol.EPISODE_STEPS):
                _, _, terminated, truncated, info = self.env.step(ToolCall("click", {"x": x, "y": y}))
                self.steps += 1
                self.errors += bool(info["error"])
                if terminated or truncated:
                    break


def throughput(players: list[Player], seconds: float) -> dict[str, float]:
    """Steps per second of these players together, with the resets between episodes."""
    steps, episodes = sum(p.steps for p in players), sum(p.episodes for p in players)
    begin = time.perf_counter()
    together(players, lambda: time.perf_counter() - begin < seconds)
    elapsed = time.perf_counter() - begin
    steps, episodes = sum(p.steps for p in players) - steps, sum(p.episodes for p in players) - episodes
    return {
        "environments": len(players),
        "steps_per_second": round(steps / elapsed, 1),
        "resets_per_second": round(episodes / elapsed, 1),
    }


def together(players: list[Player], go_on: Callable[[], bool]) -> None:
    """Let all play at once, each in a thread."""
    with ThreadPoolExecutor(len(players)) as threads:
        for future in [threads.submit(player.play, go_on) for player in players]:
            future.result()


def flatness(players: list[Player], episodes: int) -> list[dict[str, float]]:
    """Memory after 200, 600, ... episodes of all players together."""
    lock, started = threading.Lock(), 0

    def start(limit: int) -> bool:
        nonlocal started
        with lock:
            if started == limit:
                return False
            started += 1
            return True

    looks = []
    for limit in sorted({*range(FIRST, episodes + 1, EVERY), episodes}):
        together(players, partial(start, limit))
        looks.append({"episodes": limit, **memory()})
    return looks


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--browser", required=True)
    parser.add_argument("--tasks", nargs="+", default=list(protocol.TASKS))
    parser.add_argument("--environments", type=int, default=8, help="at least 2")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement of throughput")
    parser.add_argument("--episodes", type=int, default=2000, help="of all environments together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["MMGYM_CHROMIUM"] = options.browser
    tasks = itertools.cycle(options.tasks)
    players = [Player(next(tasks), 1_000_000 * options.seed)]
    alone = {**throughput(players, options.seconds), **memory()}
    players += [Player(next(tasks), 1_000_000 * options.seed + 10_000 * k) for k in range(1, options.environments)]
    all_of_them = {**throughput(players, options.seconds), **memory()}
    before = set(get_pool().pids())
    looks = flatness(players, options.episodes)
    result = {
        "memory_is": "PSS, in MB, of all processes of the browser, and of the Python process",
        "one": alone,
        "all": all_of_them,
        "browser_mb_per_environment": round(all_of_them["browser_mb"] / options.environments, 1),
        "mb_of_one_more_environment": round(
            (all_of_them["browser_mb"] - alone["browser_mb"]) / (options.environments - 1), 1
        ),
        "over_episodes": looks,
        "growth": round(looks[-1]["browser_mb"] / looks[0]["browser_mb"], 3),
        "browsers_restarted": len(set(get_pool().pids()) - before),
        "errors": sum(player.errors for player in players),
    }
    for player in players:
        player.env.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
