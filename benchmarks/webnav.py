"""WebNav's promises, checked at length: `python benchmarks/webnav.py`, 5 to 8 minutes on two cores.

The expert solves every one of 500 instances (all levels, all splits, seeds that no test uses); random play solves
almost none from level 2 on; and recorded episodes, played again in new processes, give the same rewards, state keys and
pixels.
"""

from __future__ import annotations

import collections
import hashlib
import itertools
import json
import multiprocessing
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import tyro
from rich import print

import mmgym
from benchmarks.web import machine_and_browser
from mmgym.env import SPLITS
from mmgym.spaces import ToolCall
from mmgym.stats import wilson
from mmgym_web.browser.process import find_browser

FIRST_SEED = 70_000_000
"""Far from the seeds of tests."""


@dataclass(frozen=True)
class Args:
    """Options."""

    episodes: int = 500
    """Episodes of the expert."""
    random_episodes: int = 100
    """Episodes of random play, at each level."""
    replays: int = 100
    """Episodes that are played again."""
    processes: int = 2
    """Processes."""
    out: Path = Path("benchmarks/results/webnav.json")
    """Where the results go."""


def instances(episodes: int) -> list[tuple[int, int, str]]:
    """Seed, level and split of each episode: levels and splits in turn."""
    return [(FIRST_SEED + n, 1 + n % 5, SPLITS[n // 5 % 4]) for n in range(episodes)]


def play(agent: str, instance: tuple[int, int, str], actions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """One episode: by the expert, at random, or the given actions again."""
    env = _environment()
    inner = mmgym.unwrap(env)
    seed, level, split = instance
    observation, info = env.reset(seed=seed, options={"level": level, "split": split})
    inner.action_space.seed(seed)
    steps, done = info["expert_steps"], False
    played: list[dict[str, Any]] = []
    trace: list[list[Any]] = [_look(observation, inner)]
    started = time.perf_counter()
    while not done and (actions is None or len(played) < len(actions)):
        if actions is not None:
            call = ToolCall(**actions[len(played)])
        else:
            call = inner.expert() if agent == "expert" else inner.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(call)
        played.append(call.as_dict())
        trace.append([reward, *_look(observation, inner)])
        done = terminated or truncated
    return {
        "instance": instance,
        "task": observation["task"],
        "template": inner._template.name,  # type: ignore[attr-defined]
        "success": info["success"],
        "error": info["error"],
        "feedback": info["feedback"],
        "turns": len(played),
        "expert_steps": steps,
        "seconds": time.perf_counter() - started,
        "actions": played,
        "trace": trace,
    }


_ENV: list[gym.Env[Any, Any]] = []


def _environment() -> gym.Env[Any, Any]:
    if not _ENV:
        _ENV.append(gym.make("mmgym/WebNav-v0", disable_env_checker=True))
    return _ENV[0]


def _look(observation: dict[str, Any], inner: mmgym.MultimodalEnv) -> list[Any]:
    return [inner.state_key(), hashlib.sha256(observation["image"].tobytes()).hexdigest()[:16]]


def _again(episode: dict[str, Any]) -> dict[str, Any]:
    return play("replay", episode["instance"], episode["actions"])


def main(args: Args) -> None:
    """Run everything and write the results."""
    context, found = multiprocessing.get_context("spawn"), machine_and_browser(find_browser())
    with context.Pool(args.processes) as pool:
        expert = pool.map(partial(play, "expert"), instances(args.episodes), chunksize=5)
        chances = [(FIRST_SEED + n, level, SPLITS[n % 4]) for level in range(1, 6) for n in range(args.random_episodes)]
        random = pool.map(partial(play, "random"), chances, chunksize=5)
    with context.Pool(args.processes) as pool:  # new processes, new browsers
        recorded = expert[:: max(1, len(expert) // (args.replays // 2))][: args.replays // 2]
        recorded += random[:: max(1, len(random) // (args.replays // 2))][: args.replays - len(recorded)]
        replayed = pool.map(_again, recorded, chunksize=5)
    failed = [
        {k: e[k] for k in ("instance", "template", "task", "error", "feedback")} for e in expert if not e["success"]
    ]
    differing = [different for a, b in zip(recorded, replayed, strict=True) if (different := _difference(a, b))]
    results = {
        "machine": found,
        "first_seed": FIRST_SEED,
        "expert": {
            **_share([e["success"] for e in expert]),
            "by_level": {
                level: _share([e["success"] for e in expert if e["instance"][1] == level]) for level in range(1, 6)
            },
            "templates": dict(sorted(collections.Counter(e["template"] for e in expert).items())),
            "turns_over_fewest": round(float(np.mean([e["turns"] / e["expert_steps"] for e in expert])), 3),
            "failed": failed,
        },
        "random_by_level": {
            level: _share([e["success"] for e in random if e["instance"][1] == level]) for level in range(1, 6)
        },
        "errors": [e["error"] for e in [*expert, *random] if e["error"]],
        "replay": {"episodes": len(recorded), "turns": sum(e["turns"] for e in recorded), "differing": differing},
    }
    print(results)
    args.out.write_text(json.dumps(results, indent=1) + "\n")


def _difference(recorded: dict[str, Any], replayed: dict[str, Any]) -> dict[str, Any]:
    """At which turn, and in what, two episodes part; empty if they are equal."""
    for turn, (a, b) in enumerate(
        itertools.zip_longest(recorded["trace"], replayed["trace"], fillvalue=["no turn"] * 3)
    ):
        if a != b:
            names = ("reward", "state key", "pixels")[-len(a) :]
            what = [name for name, x, y in zip(names, a, b, strict=True) if x != y]
            return {"instance": recorded["instance"], "template": recorded["template"], "turn": turn, "what": what}
    return {}


def _share(successes: list[bool]) -> dict[str, Any]:
    low, high = wilson(sum(successes), len(successes))
    return {"episodes": len(successes), "success": float(np.mean(successes)), "low": low, "high": high}


if __name__ == "__main__":
    main(tyro.cli(Args))
