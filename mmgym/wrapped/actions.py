"""Names for the numbered actions of an environment, and the one tool that takes them.

One tool ``act`` with a choice, rather than one tool per name: its schema in the prompt stays short however many actions
there are, a name may be anything (tool names may not), a `MultiDiscrete` space fits (one choice per dimension), and in
the format ``tag`` an action is written the same way, ``<action>left</action>``.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.spaces import Parameter, Tool, shorten

__all__ = ["TOOL", "NamedActions"]

TOOL = "act"
"""Name of the tool."""

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")


class NamedActions:
    """The actions of `env` by name.

    Args:
        env: an environment with a `Discrete` space, or a `MultiDiscrete` one of one dimension.
        given: the caller's names, or None for the environment's own. For `Discrete` a mapping from name to number
            (which may leave actions out) or a list with a name for each; for `MultiDiscrete` a mapping from the name of
            each dimension to such a mapping or list.

    Raises:
        TypeError: for another action space, saying what to do about it.
        ValueError: when the names do not fit the space, saying what would.
    """

    def __init__(self, env: gym.Env[Any, Any], given: Any = None):
        space = env.action_space
        self._space = space
        self.choices: dict[str, dict[str, int]] = {}
        """For each parameter of the tool the number of each name."""
        if isinstance(space, gym.spaces.Discrete):
            numbers = range(int(space.start), int(space.start + space.n))
            own = _own_names(env, numbers) if given is None else None
            self.choices["action"] = _numbered(given or own or _plain(numbers, "action"), numbers, "actions")
        elif isinstance(space, gym.spaces.MultiDiscrete) and space.nvec.ndim == 1:
            ranges = [range(int(s), int(s + n)) for s, n in zip(space.start, space.nvec, strict=True)]
            dimensions = given or {f"choice_{i}": _plain(numbers, "value") for i, numbers in enumerate(ranges)}
            if not isinstance(dimensions, Mapping) or len(dimensions) != len(ranges):
                raise ValueError(
                    f"actions must name each of the {len(ranges)} dimensions of {space}, such as "
                    f'{{"steer": ["left", "right"], ...}}; got {shorten(given)}'
                )
            for (name, names), numbers in zip(dimensions.items(), ranges, strict=True):
                if not isinstance(name, str) or not name.isidentifier() or name == "repeat":
                    raise ValueError(f"a dimension's name must be an identifier other than repeat; got {name!r}")
                self.choices[name] = _numbered(names, numbers, f"actions[{name!r}]")
        else:
            raise TypeError(
                f"wrap needs numbered actions (Discrete, or MultiDiscrete of one dimension); got {space!r}: put a "
                "wrapper around the environment first that makes them so, such as gymnasium.wrappers.DiscretizeAction"
            )

    def tool(self, max_repeat: int) -> Tool:
        """The tool; with ``max_repeat > 1`` it takes an optional number of times."""
        parameters = [Parameter(name, "choice", "", tuple(numbers)) for name, numbers in self.choices.items()]
        if max_repeat > 1:
            times = "how many times in a row; 1 unless given"
            parameters.append(Parameter("repeat", "integer", times, low=1, high=max_repeat, required=False))
        return Tool(TOOL, "Act in the environment.", tuple(parameters))

    def number(self, arguments: Mapping[str, Any]) -> int | list[int]:
        """The action as JSON, for the arguments of a valid call."""
        numbers = [names[arguments[name]] for name, names in self.choices.items()]
        return numbers[0] if isinstance(self._space, gym.spaces.Discrete) else numbers

    def native(self, number: int | list[int]) -> Any:
        """The action as the environment takes it."""
        return np.array(number, self._space.dtype) if isinstance(number, list) else number

    def arguments(self, action: Any) -> dict[str, str]:
        """The arguments of the call that makes `action`, a name or what the environment takes.

        Raises:
            ValueError: when it is no action that has a name.
        """
        if isinstance(action, str) and list(self.choices) == ["action"] and action in self.choices["action"]:
            return {"action": action}
        numbers = np.atleast_1d(action).tolist() if not isinstance(action, str) else []
        found = {
            parameter: next((name for name, known in names.items() if known == number), None)
            for (parameter, names), number in zip(self.choices.items(), numbers, strict=False)
        }
        if len(numbers) != len(self.choices) or None in found.values():
            raise ValueError(f"no action {shorten(action)}; known: {self.choices}")
        return {parameter: str(name) for parameter, name in found.items()}


def _own_names(env: gym.Env[Any, Any], numbers: range) -> dict[str, int] | None:
    """The names that the environment gives its actions itself: an enum ``actions``, or ``get_action_meanings()``."""
    inner = env.unwrapped
    if inner.action_space != env.action_space:  # a wrapper gave the numbers another meaning
        return None
    listed, meanings = getattr(inner, "actions", None), getattr(inner, "get_action_meanings", None)
    names: dict[str, Any]
    if isinstance(listed, type) and issubclass(listed, enum.Enum):
        names = {_tidy(member.name): member.value for member in listed}
    elif callable(meanings):
        names = dict(zip(map(_tidy, meanings()), numbers, strict=False))
    else:
        return None
    names = {name: int(value) for name, value in names.items() if value in numbers}
    if set(names.values()) != set(numbers):
        raise ValueError(
            f"{type(inner).__name__} names {len(names)} of its {len(numbers)} actions ({', '.join(names)}): "
            "name them with actions={name: number, ...}"
        )
    return names


def _tidy(name: Any) -> str:
    return " ".join(str(name).casefold().split())


def _plain(numbers: range, word: str) -> dict[str, int]:
    return {f"{word}_{number}": number for number in numbers}


def _numbered(names: Any, numbers: range, what: str) -> dict[str, int]:
    """`names` as a mapping from name to number, checked."""
    allowed = f"{what} must name the numbers {numbers.start} to {numbers.stop - 1}"
    if isinstance(names, Mapping):
        result = dict(names)
    elif isinstance(names, Sequence) and not isinstance(names, str):
        if len(names) != len(numbers):
            raise ValueError(f"{allowed}, one name for each of the {len(numbers)}; got {len(names)}: {shorten(names)}")
        if len(set(map(str, names))) != len(names):
            raise ValueError(f"{allowed}, each with another name; got {shorten(names)}")
        result = dict(zip(names, numbers, strict=True))
    else:
        raise ValueError(f"{allowed}, as {{name: number}} or a list of names; got {shorten(names)}")
    for name, number in result.items():
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or number not in numbers:
            raise ValueError(f"{allowed}; got {shorten(number)} for {shorten(name)}")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
            raise ValueError(f"{what}: a name must be a text of 1 to 80 printable characters; got {shorten(name)}")
    if not result:
        raise ValueError(f"{allowed}; got none")
    return {name: int(number) for name, number in result.items()}
