"""`mmgym/MiniWoB-v0`, made and played as any Gymnasium environment is.

With `--both` an observation also holds the accessibility tree as text, to be compared with peers that return a tree.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym

import mmgym  # noqa: F401  (registers its ids)
from benchmarks.web_peers import protocol
from mmgym.spaces import ToolCall


class Environment:
    """One environment at a time; the browser stays between tasks, as it does for a user."""

    def __init__(self, obs_mode: str):
        self.obs_mode = obs_mode
        self.env: gym.Env[Any, Any] | None = None
        self.last: dict[str, Any] = {}

    def open(self, task: str) -> None:
        """Make the environment of this task."""
        self.close()
        self.env = gym.make("mmgym/MiniWoB-v0", task=task, obs_mode=self.obs_mode, disable_env_checker=True)

    def reset(self, seed: int) -> None:
        """Reset the environment."""
        assert self.env is not None
        self.last, _ = self.env.reset(seed=seed)

    def click(self, x: int, y: int) -> bool:
        """Click by the environment's own tool."""
        assert self.env is not None
        self.last, _, terminated, truncated, info = self.env.step(ToolCall("click", {"x": x, "y": y}))
        if info["error"] or not info["action_valid"]:
            raise RuntimeError(f"mmgym did not click: {info['error'] or info['feedback']}")
        return terminated or truncated

    def close(self) -> None:
        """Close the environment."""
        if self.env is not None:
            self.env.close()

    def observation(self) -> dict[str, Any]:
        """What the environment returns."""
        height, width, _ = self.last["image"].shape
        return {"screenshot": [width, height], "dom": False, "accessibility": "text" in self.last}


def main() -> None:
    parser = protocol.parser()
    parser.add_argument("--both", action="store_true", help="observe the accessibility tree too")
    options = parser.parse_args()
    os.environ["MMGYM_CHROMIUM"] = options.browser
    name = "mmgym, with accessibility tree" if options.both else "mmgym"
    env = Environment("both" if options.both else "image")
    reset = "new episode on the loaded page, or the page loaded again where episodes leak"
    protocol.report(name, env, options, ("mmgym", "gymnasium", "miniwob"), reset)


if __name__ == "__main__":
    main()
