"""Take tools away, to see what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from mmgym.env import unwrap
from mmgym.spaces import ToolSpace


class WithoutTools(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Offers fewer tools: an agent is told of the others alone, and a call of one that is gone is invalid.

    It changes the environment inside, whose instruction then says which tools are gone.

    Args:
        env: an environment with an mmgym environment inside.
        tools: names of the tools to take away; those that the environment does not have count for nothing.

    Raises:
        ValueError: when the environment has none of the tools, or nothing is left, or for a single text.
    """

    def __init__(self, env: gym.Env[Any, Any], tools: Sequence[str]):
        RecordConstructorArgs.__init__(self, tools=tools)
        gym.Wrapper.__init__(self, env)
        inner = unwrap(env)
        if isinstance(tools, str):
            raise ValueError(f"tools must be a list of names, such as [{tools!r}]; got {tools!r}")
        space = inner.action_space
        kept = [tool for tool in space.tools if tool.name not in tools]
        gone = [tool.name for tool in space.tools if tool.name in tools]
        if not gone or not kept:
            fault = "all tools" if gone else "none"
            have = ", ".join(tool.name for tool in space.tools)
            raise ValueError(f"tools {', '.join(map(repr, tools))} name {fault} of {type(inner).__name__}: {have}")
        inner.action_space = ToolSpace(kept, space.max_calls)
        inner.instruction = f"{inner.instruction} Not available: {', '.join(gone)}.".strip()
