"""Give an agent fewer turns than the environment would."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from mmgym.env import unwrap, whole


class TurnBudget(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Truncates after `turns` turns, or earlier if the environment's own limit is tighter.

    It tightens the limit inside the environment, so that snapshots hold it. When the budget ends an episode, the
    feedback says so.

    Args:
        env: an environment with an mmgym environment inside.
        turns: the largest number of turns.

    Raises:
        ValueError: when `turns` is not a whole number from 1.
    """

    def __init__(self, env: gym.Env[Any, Any], turns: int):
        RecordConstructorArgs.__init__(self, turns=turns)
        gym.Wrapper.__init__(self, env)
        self.turns = whole("turns", turns)
        self._inner = unwrap(env)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode with the tighter limit."""
        result = self.env.reset(seed=seed, options=options)
        self._tighten()
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make one turn."""
        # again, because a snapshot of an environment without this budget may have been restored
        self._tighten()
        observation, reward, terminated, truncated, info = self.env.step(action)
        if truncated and self._inner.turn >= self.turns:
            notice = f"The budget of {self.turns} turns is used up."
            feedback = f"{info['feedback']} {notice}".strip()
            info = {**info, "feedback": feedback}
            if "feedback" in observation:
                observation = {**observation, "feedback": feedback}
        return observation, reward, terminated, truncated, info

    def _tighten(self) -> None:
        self._inner.max_turns = min(self._inner.max_turns, self.turns)
