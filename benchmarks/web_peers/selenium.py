"""MiniWoB++'s own Gymnasium environment, which drives Chromium by selenium.

Observations are the instruction, the DOM and a screenshot of 160x210. On the step that ends an episode this
environment returns an empty observation and takes no screenshot.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import miniwob  # type: ignore[import-untyped]
import numpy as np
from miniwob.action import ActionTypes  # type: ignore[import-untyped]

from benchmarks.web_peers import protocol


class Selenium:
    """One environment of the `miniwob` package at a time."""

    def __init__(self) -> None:
        self.env: gym.Env[Any, Any] | None = None
        self.last: dict[str, Any] = {}

    def open(self, task: str) -> None:
        """Make the environment of this task."""
        self.close()
        self.env = gym.make(f"miniwob/{task}-v1", disable_env_checker=True)

    def reset(self, seed: int) -> None:
        """Reset the environment."""
        assert self.env is not None
        self.last, _ = self.env.reset(seed=seed)

    def click(self, x: int, y: int) -> bool:
        """Click by the package's own coordinate action."""
        assert self.env is not None
        action = self.env.unwrapped.create_action(  # type: ignore[attr-defined]
            ActionTypes.CLICK_COORDS, coords=np.array([x, y], dtype=np.float32)
        )
        self.last, _, terminated, truncated, _ = self.env.step(action)
        return terminated or truncated

    def close(self) -> None:
        """Close the environment, its driver and its browser."""
        if self.env is not None:
            self.env.close()

    def observation(self) -> dict[str, Any]:
        """What the package returns."""
        height, width, _ = self.last["screenshot"].shape
        return {"screenshot": [width, height], "dom": "dom_elements" in self.last, "accessibility": False}


def main() -> None:
    parser = protocol.parser()
    parser.add_argument("--driver", required=True, help="chromedriver's binary")
    options = parser.parse_args()
    os.environ["MINIWOB_CHROME_BINARY"] = options.browser
    os.environ["MINIWOB_CHROMEDRIVER"] = options.driver
    gym.register_envs(miniwob)
    packages = ("miniwob", "selenium", "gymnasium")
    protocol.report("MiniWoB++ with selenium", Selenium(), options, packages, "new episode on the loaded page")


if __name__ == "__main__":
    main()
