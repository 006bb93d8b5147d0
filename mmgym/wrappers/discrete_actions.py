"""View an environment whose tools are all finite as one with numbered actions, for classical RL libraries."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from mmgym.formats import labels
from mmgym.spaces import InvalidAction, shorten
from mmgym.wrappers.text_action import tool_space


class DiscreteActions(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Takes the number of a call as its action: ``Discrete(n)``, in the order of ``ToolSpace.calls``.

    Args:
        env: an environment with a finite `ToolSpace` and one call per turn.

    Raises:
        TypeError: when the action space is no `ToolSpace`.
        ValueError: when its calls cannot be listed, or a turn may hold several.
    """

    def __init__(self, env: gym.Env[Any, Any]):
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        space = tool_space(env, "DiscreteActions")
        if space.max_calls != 1:
            raise ValueError(f"DiscreteActions needs max_calls=1; got {space.max_calls}")
        self._calls = space.calls
        self.action_meanings = labels(space)
        """The wording of each action, e.g. ``["left", "down", "right", "up"]``."""
        self.action_space = gym.spaces.Discrete(len(self._calls))

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make the call with number `action`; any other value is a counted invalid turn."""
        # a one-element array is what libraries send that never unpack their batches of one
        number = action.item() if isinstance(action, np.ndarray) and action.size == 1 else action
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or not 0 <= number < len(self._calls):
            allowed = f"a whole number from 0 to {len(self._calls) - 1}"
            return self.env.step(InvalidAction(f"the action must be {allowed}; got {shorten(action)}"))
        return self.env.step(self._calls[int(number)])
