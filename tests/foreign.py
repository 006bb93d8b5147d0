"""Gymnasium environments that know nothing of mmgym, for the tests of `mmgym.wrap`."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Text

PICTURE = Box(0, 255, (32, 48, 3), np.uint8)
LETTERS = "abcdefghijklmnopqrstuvwxyz 5"


class Shelf(gym.Env[Any, Any]):
    """Boxes on a shelf, drawn as bars: add or take away, and stop at 5. The fault comes at the step `at`."""

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 7}
    action_space: Any = Discrete(3)

    def __init__(self, fault: str = "", at: int = 2, width: int = 48, render_mode: str | None = None):
        self.fault, self.at, self.width, self.render_mode = fault, at, width, render_mode
        self.observation_space = Dict(
            {
                "picture": Box(0, 255, (32, width, 3), np.uint8),
                "codes": Box(0, 255, (4, 4, 3), np.uint8),
                "order": Text(100, charset=LETTERS),
                "hint": Text(100, charset=LETTERS),
            }
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.boxes = int(self.np_random.integers(3)) if not options else options["boxes"]
        self.steps = 0
        return self._observe(), {"boxes": self.boxes}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert isinstance(action, int), f"the action must be as it is given to any Discrete; got {action!r}"
        self.steps += 1
        self.boxes = max(0, self.boxes + (-1, 0, 1)[action])
        reward, terminated, truncated = (1.5 if self.boxes == 5 else -0.25), self.boxes == 5, self.steps == 12
        if self.fault and self.steps == self.at:
            if self.fault == "raise":
                raise OSError("the shelf fell down")
            if self.fault == "lose":
                reward, terminated = -1.0, True
            if self.fault == "nan":
                reward = float("nan")
            if self.fault == "chance":
                self.boxes = int(np.random.default_rng().integers(1_000_000))
        return self._observe(), reward, terminated, truncated, {"boxes": self.boxes}

    def _observe(self) -> dict[str, Any]:
        picture = np.full((32, self.width, 3), 255, np.uint8)
        picture[0] = 0
        picture[1:, : 4 * self.boxes] = (200, 30, self.boxes % 200)
        return {"picture": picture, "codes": np.zeros((4, 4, 3), np.uint8), "order": "stop at 5", "hint": "bars"}

    def render(self) -> Any:
        return self._observe()["picture"] // 2 if self.render_mode == "rgb_array" else None


class Buttons(gym.Env[Any, Any]):
    """Two dials; what is observed is one grey picture."""

    action_space: Any = MultiDiscrete([3, 2])
    observation_space: Any = Box(0, 255, (40, 40), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.dials = [0, 0]
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action.dtype == np.int64 and action.shape == (2,)
        self.dials = action.tolist()
        return self._observe(), 0.0, False, False, {}

    def _observe(self) -> np.ndarray:
        first, second = self.dials
        return np.repeat([[50 * first], [50 * first + second + 3]], 20, 0).repeat(40, 1).astype(np.uint8)


def has_five(ending: Any) -> bool:
    """A rule of success, to be named by ``module:function``."""
    return bool(ending.info["boxes"] == 5)


def puts_one_more(inner: gym.Env[Any, Any]) -> str:
    """An expert, to be named by ``module:function``."""
    return "put"
