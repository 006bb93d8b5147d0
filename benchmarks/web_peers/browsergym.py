"""BrowserGym's MiniWoB tasks, as they are or with the delays set to zero.

BrowserGym waits 0.5 s before each observation and slows each Playwright call of its MiniWoB tasks by 0.1 s; with
`--no-delays` both are zero. Everything else is BrowserGym's: two new browsers per reset (one for its chat), and an
observation of screenshot, DOM snapshot and accessibility tree.
"""

from __future__ import annotations

import os
from typing import Any

import browsergym.core  # type: ignore[import-not-found]
import browsergym.miniwob  # type: ignore[import-not-found]  # noqa: F401  (registers its ids)
import gymnasium as gym
from browsergym.core.action.highlevel import HighLevelActionSet  # type: ignore[import-not-found]
from playwright.sync_api import BrowserType

from benchmarks.web_peers import protocol

SCALE = 1.5
"""BrowserGym's screenshot pixels per CSS pixel on MiniWoB; its mouse actions take screenshot pixels."""


def use_browser(path: str) -> None:
    """Let Playwright launch this binary, also for the chat, whose launch has no argument for it."""
    launch = BrowserType.launch

    def launch_path(self: BrowserType, **arguments: Any) -> Any:
        return launch(self, **{"executable_path": path, **arguments})

    BrowserType.launch = launch_path  # type: ignore[method-assign]


class BrowserGym:
    """One BrowserGym environment at a time."""

    def __init__(self, delays: bool):
        self.arguments: dict[str, Any] = {} if delays else {"slow_mo": 0, "pre_observation_delay": 0.0}
        # The default set of actions cannot click at coordinates.
        self.arguments["action_mapping"] = HighLevelActionSet(["coord"]).to_python_code
        self.env: gym.Env[Any, Any] | None = None
        self.last: dict[str, Any] = {}

    def open(self, task: str) -> None:
        """Make the environment of this task."""
        self.close()
        self.env = gym.make(f"browsergym/miniwob.{task}", disable_env_checker=True, **self.arguments)

    def reset(self, seed: int) -> None:
        """Reset the environment."""
        assert self.env is not None
        self.last, _ = self.env.reset(seed=seed)

    def click(self, x: int, y: int) -> bool:
        """Click by BrowserGym's own coordinate action."""
        assert self.env is not None
        self.last, _, terminated, truncated, _ = self.env.step(f"mouse_click({SCALE * x}, {SCALE * y})")
        if self.last["last_action_error"]:
            raise RuntimeError(f"BrowserGym did not click: {self.last['last_action_error']}")
        return terminated or truncated

    def close(self) -> None:
        """Close the environment and its browsers."""
        if self.env is not None:
            self.env.close()

    def observation(self) -> dict[str, Any]:
        """What BrowserGym returns."""
        height, width, _ = self.last["screenshot"].shape
        holds = {key: key in self.last for key in ("dom_object", "axtree_object")}
        return {"screenshot": [width, height], "dom": holds["dom_object"], "accessibility": holds["axtree_object"]}


def main() -> None:
    parser = protocol.parser()
    parser.add_argument("--no-delays", action="store_true", help="set BrowserGym's two delays to zero")
    options = parser.parse_args()
    os.environ["MINIWOB_URL"] = f"file://{protocol.pages()}/"
    use_browser(options.browser)
    name = "BrowserGym, delays zeroed" if options.no_delays else "BrowserGym"
    packages = ("browsergym-core", "browsergym-miniwob", "playwright", "gymnasium", "miniwob")
    protocol.report(name, BrowserGym(not options.no_delays), options, packages, "two new browsers")


if __name__ == "__main__":
    main()
