"""Steps per second of one peer with its picture, in a process with the peer's own packages; prints one line of JSON.

    PYTHON benchmarks/puzzle_peers/rates.py miniworld --steps 300 --image-size 224 --seed 0

Only the standard library and the peer are imported. What is timed are its steps, each with its observation; resets are
timed apart.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from typing import Any


def miniworld(size: int, seed: int) -> Any:
    """MiniWorld's maze, seen from within, with an image of `size` pixels a side, drawn by EGL."""
    import pyglet  # type: ignore[import-not-found]

    pyglet.options["headless"] = True
    import gymnasium as gym
    import miniworld  # type: ignore[import-not-found]  # noqa: F401  (registers its ids)

    return gym.make("MiniWorld-Maze-v0", obs_width=size, obs_height=size, disable_env_checker=True)


def gym_sokoban(size: int, seed: int) -> Any:
    """Gym-sokoban with the picture it makes: 160 pixels a side, whatever `size` is."""
    import gym  # type: ignore[import-not-found]
    import gym_sokoban  # type: ignore[import-not-found]  # noqa: F401  (registers its ids)

    env = gym.make("Sokoban-v0", disable_env_checker=True)
    env.seed(seed)
    return env


PEERS = {"miniworld": miniworld, "gym_sokoban": gym_sokoban}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--resets", type=int, default=5)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    env = PEERS[options.peer](options.image_size, options.seed)
    env.action_space.seed(options.seed)
    resets = []
    for _ in range(options.resets):
        begin = time.perf_counter()
        first = env.reset()
        resets.append(time.perf_counter() - begin)
    picture = first[0] if isinstance(first, tuple) else first
    spent = 0.0
    for _ in range(options.steps):
        action = env.action_space.sample()
        begin = time.perf_counter()
        _, _, *ended, _ = env.step(action)
        spent += time.perf_counter() - begin
        if any(ended):
            env.reset()
    print(json.dumps({"shape": list(picture.shape), "rate": options.steps / spent, "resets": resets}))


if __name__ == "__main__":
    main()
