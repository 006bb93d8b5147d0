"""Let an agent act by writing: its text is parsed into tool calls, and what cannot be parsed costs a turn."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from mmgym import formats
from mmgym.spaces import InvalidAction, TextSpace, ToolSpace


class TextAction(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Takes text as its action, in one of `mmgym.formats.FORMATS`.

    Any text is allowed. One that makes no valid turn is passed on as `InvalidAction`: the environment counts it and the
    next observation says what was wrong.

    Args:
        env: an environment whose action space is a `ToolSpace`.
        format: ``"tool_call"``, ``"call"`` or ``"tag"``.

    Raises:
        TypeError: when the action space is no `ToolSpace`.
        ValueError: for an unknown format.
    """

    def __init__(self, env: gym.Env[Any, Any], format: str = "tool_call"):
        RecordConstructorArgs.__init__(self, format=format)
        gym.Wrapper.__init__(self, env)
        self.tools = tool_space(env, "TextAction")
        self.format = formats.check_format(format)
        self.action_space = TextSpace(formats.MAX_CHARACTERS)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make the turn that the text `action` describes."""
        return self.env.step(self.action(action))

    def action(self, action: Any) -> Any:
        """What the wrapped environment gets for the text `action`: calls, or an `InvalidAction`."""
        try:
            calls = formats.parse(action, self.tools, self.format)
        except ValueError as problem:
            return InvalidAction(str(problem))
        return calls[0] if self.tools.max_calls == 1 else calls


def tool_space(env: gym.Env[Any, Any], wrapper: str) -> ToolSpace:
    """The `ToolSpace` of `env`; TypeError naming `wrapper` if its action space is something else."""
    if not isinstance(env.action_space, ToolSpace):
        raise TypeError(f"{wrapper} needs an environment whose action space is a ToolSpace; got {env.action_space!r}")
    return env.action_space
