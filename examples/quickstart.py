"""Quickstart: make an environment, watch the expert and a random agent, and look at what they saw.

    python examples/quickstart.py --env mmgym/Sokoban-v0

Every environment is an ordinary Gymnasium environment: `reset` and `step` are all there is to know. The rest of this
file is what mmgym adds: tool calls, an expert, a text twin, questions about the picture, and branch points.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
import tyro
from rich import print

import mmgym  # registers the environments


@dataclass(frozen=True)
class Args:
    """Options."""

    env: str = "mmgym/FrozenLake-v0"
    """Environment id; `mmgym list` shows them."""
    seed: int = 0
    """The instance is drawn from it: the same seed is the same instance, always."""
    out: Path = Path("runs/quickstart")
    """Folder for the pictures."""


def save(image: np.ndarray, path: Path) -> None:
    """Write an RGB image as PNG."""
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def main(args: Args) -> None:
    """Play two episodes of the same instance."""
    args.out.mkdir(parents=True, exist_ok=True)
    env = gym.make(args.env)
    inner = mmgym.unwrap(env)  # Gymnasium's wrappers forward no attributes; what mmgym adds is on the inside

    print(f"[bold]{args.env}[/]\n{inner.instruction}")
    print("tools:", [tool["function"]["name"] for tool in inner.action_space.schemas()])

    # 1. The expert reads the state; an agent sees only the observation.
    observation, info = env.reset(seed=args.seed, options={"split": "train", "level": 1})
    save(observation["image"], args.out / "expert_turn0.png")
    start = inner.snapshot()
    done = False
    while not done:
        call = inner.expert()
        observation, reward, terminated, truncated, info = env.step(call)
        done = terminated or truncated
        print(f"expert turn {inner.turn}: {call.as_dict()} reward {reward:g}")
        save(observation["image"], args.out / f"expert_turn{inner.turn}.png")
    print("success:", info["success"])

    # 2. Back to the start, and a random agent: any element of the action space is a valid turn.
    inner.restore(start)
    env.reset(seed=args.seed)  # the same instance again, the Gymnasium way
    env.action_space.seed(args.seed)
    done = False
    while not done:
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        done = terminated or truncated
    save(observation["image"], args.out / "random_end.png")
    print("random agent: success", info["success"], "after", inner.turn, "turns")

    # 3. Questions about the picture, with exact answers: they measure what an agent sees.
    env.reset(seed=args.seed)
    for question, answer in inner.questions(np.random.default_rng(args.seed))[:3]:
        print(f"question: {question}  answer: {answer}")

    # 4. What a model writes is data: nonsense costs a turn and is answered, it never raises.
    observation, _, _, _, info = env.step({"name": "fly", "arguments": {}})
    print("nonsense:", {"action_valid": info["action_valid"], "feedback": observation["feedback"]})
    print(f"pictures in {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
