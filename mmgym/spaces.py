"""What an agent may do and see: tools, tool calls, and the Gymnasium spaces made of them.

A tool is declared once, as a typed method with a docstring. From that declaration come the Gymnasium
space (sample, contains, seeding), the JSON schema for a chat template's ``tools=``, the validation
messages and the documentation. `mmgym.formats` turns a model's text into calls and back.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from annotated_types import Ge, Interval, Le, MaxLen
from gymnasium.spaces import Space

__all__ = ["InvalidAction", "Parameter", "TextSpace", "Tool", "ToolCall", "ToolSpace", "tool"]

MAX_TEXT = 4096
"""Longest text argument, in characters, of a tool whose declaration sets no ``MaxLen``."""

MAX_NUMBER = 2**53
"""Largest magnitude of an integer argument: beyond it JSON readers and floats lose digits."""

_MAX_FINITE = 4096
_UNTYPABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PRINTABLE = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;!?()'\"-_/éß漢字🙂\n"))


@dataclass(frozen=True)
class ToolCall:
    """One call of one tool."""

    name: str
    """Name of the tool."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Argument values by parameter name."""

    def as_dict(self) -> dict[str, Any]:
        """The plain form ``{"name": ..., "arguments": {...}}``, which `step` takes as well."""
        return {"name": self.name, "arguments": dict(self.arguments)}


@dataclass(frozen=True)
class InvalidAction:
    """A turn in which the agent produced no valid call. `step` counts it and shows `message` to the agent."""

    message: str
    """What was wrong and what is allowed, for the agent to read."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a tool."""

    name: str
    kind: Literal["choice", "integer", "number", "boolean", "text"]
    description: str = ""
    choices: tuple[str, ...] = ()
    """Allowed values of a ``choice``."""
    low: float | None = None
    """Smallest allowed number (inclusive)."""
    high: float | None = None
    """Largest allowed number (inclusive)."""
    max_length: int = MAX_TEXT
    """Longest allowed text, in characters."""
    required: bool = True

    def problem(self, value: Any) -> str:
        """Why `value` is not allowed here, or the empty string if it is."""
        if self.kind == "choice":
            ok = isinstance(value, str) and value in self.choices
            return "" if ok else f"{self.name} must be one of {', '.join(self.choices)}; got {shorten(value)}"
        if self.kind == "boolean":
            return (
                ""
                if isinstance(value, (bool, np.bool_))
                else f"{self.name} must be true or false; got {shorten(value)}"
            )
        if self.kind == "text":
            if not isinstance(value, str):
                return f"{self.name} must be text; got {shorten(value)}"
            if _UNTYPABLE.search(value):
                return f"{self.name} must hold neither control characters nor lone surrogates; got {shorten(value)}"
            too_long = len(value) > self.max_length
            return f"{self.name} must have at most {self.max_length} characters; got {len(value)}" if too_long else ""
        whole = self.kind == "integer"
        number = isinstance(value, (int, np.integer) if whole else (int, float, np.integer, np.floating))
        if (
            not number
            or isinstance(value, bool)
            or (isinstance(value, (float, np.floating)) and not math.isfinite(value))
        ):
            return f"{self.name} must be {'a whole' if whole else 'a finite'} number{self.span()}; got {shorten(value)}"
        if isinstance(value, (int, np.integer)) and not -MAX_NUMBER <= value <= MAX_NUMBER:
            return f"{self.name} must be a number of at most 15 digits; got {shorten(value)}"
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return f"{self.name} must be a number{self.span()}; got {shorten(value)}"
        return ""

    def span(self) -> str:
        """The allowed range in words, e.g. `` from 0 to 9``; empty without limits."""
        low = "" if self.low is None else f" from {self.low:g}"
        return low + ("" if self.high is None else f" to {self.high:g}")

    def schema(self) -> dict[str, Any]:
        """The JSON schema of this parameter."""
        schema: dict[str, Any] = {"type": {"choice": "string", "text": "string"}.get(self.kind, self.kind)}
        if self.description:
            schema["description"] = self.description
        if self.kind == "choice":
            schema["enum"] = list(self.choices)
        if self.kind == "text":
            schema["maxLength"] = self.max_length
        if self.low is not None:
            schema["minimum"] = self.low
        if self.high is not None:
            schema["maximum"] = self.high
        return schema

    def sample(self, rng: np.random.Generator) -> Any:
        """A uniformly drawn allowed value."""
        if self.kind == "choice":
            return self.choices[rng.integers(len(self.choices))]
        if self.kind == "boolean":
            return bool(rng.integers(2))
        if self.kind == "text":
            return "".join(rng.choice(_PRINTABLE, size=rng.integers(0, min(self.max_length, 16) + 1)))
        low = -1e6 if self.low is None else self.low
        high = 1e6 if self.high is None else self.high
        return int(rng.integers(int(low), int(high) + 1)) if self.kind == "integer" else float(rng.uniform(low, high))

    def values(self) -> list[Any] | None:
        """Every allowed value in order, or None when there are too many to list."""
        if self.kind == "choice":
            return list(self.choices)
        if self.kind == "boolean":
            return [False, True]
        if (
            self.kind == "integer"
            and self.low is not None
            and self.high is not None
            and self.high - self.low < _MAX_FINITE
        ):
            return list(range(int(self.low), int(self.high) + 1))
        return None

    @classmethod
    def from_annotation(cls, name: str, hint: Any, description: str, required: bool) -> Parameter:
        """Build a parameter from a type annotation.

        Allowed are ``Literal["a", "b"]``, ``bool``, ``int``, ``float`` and ``str``, the last three also as
        ``Annotated[int, Interval(ge=0, le=9)]`` and ``Annotated[str, MaxLen(80)]`` (from `annotated_types`).

        Raises:
            TypeError: for any other annotation.
        """
        common: dict[str, Any] = {"name": name, "description": description, "required": required}
        limits: dict[str, Any] = {}
        if typing.get_origin(hint) is typing.Annotated:
            hint, *constraints = typing.get_args(hint)
            for constraint in constraints:
                parts = list(constraint) if isinstance(constraint, Interval) else [constraint]
                for part in parts:
                    if isinstance(part, Ge):
                        limits["low"] = part.ge
                    elif isinstance(part, Le):
                        limits["high"] = part.le
                    elif isinstance(part, MaxLen):
                        limits["max_length"] = part.max_length
        if typing.get_origin(hint) is Literal:
            choices = typing.get_args(hint)
            if not all(isinstance(choice, str) for choice in choices):
                raise TypeError(f"parameter {name!r}: the choices of Literal must be strings; got {choices}")
            return cls(kind="choice", choices=tuple(choices), **common)
        kind = {bool: "boolean", int: "integer", float: "number", str: "text"}.get(hint)
        if kind is None:
            raise TypeError(f"parameter {name!r}: {hint!r} is not allowed; use Literal[...], bool, int, float or str")
        return cls(kind=kind, **common, **limits)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Tool:
    """A named action with typed parameters."""

    name: str
    description: str
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def from_function(cls, function: Callable[..., Any]) -> Tool:
        """Read a tool off a typed function or method with a Google-style docstring.

        Raises:
            TypeError: when a parameter has no annotation or one that `Parameter` does not know.
        """
        description, arguments = _read_docstring(function)
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = []
        for name, parameter in inspect.signature(function).parameters.items():
            if name == "self":
                continue
            if name not in hints:
                raise TypeError(f"tool {function.__name__!r}: parameter {name!r} has no type annotation")
            required = parameter.default is inspect.Parameter.empty
            parameters.append(Parameter.from_annotation(name, hints[name], arguments.get(name, ""), required))
        return cls(function.__name__, description, tuple(parameters))

    def problem(self, arguments: Any) -> str:
        """Why `arguments` do not fit this tool, or the empty string if they do."""
        names = [p.name for p in self.parameters]
        allowed = f"{self.name} takes {', '.join(names) or 'no arguments'}"
        if not isinstance(arguments, Mapping):
            return f"the arguments of {self.name} must be an object; {allowed}"
        unknown = [name for name in arguments if name not in names]
        if unknown:
            return f"{self.name} has no parameter {shorten(unknown[0])}; {allowed}"
        for parameter in self.parameters:
            if parameter.name not in arguments:
                if parameter.required:
                    return f"{self.name} needs {parameter.name}; {allowed}"
            elif message := parameter.problem(arguments[parameter.name]):
                return message
        return ""

    def schema(self) -> dict[str, Any]:
        """The function schema that chat templates and OpenAI-compatible servers take in ``tools=``."""
        parameters = {
            "type": "object",
            "properties": {p.name: p.schema() for p in self.parameters},
            "required": [p.name for p in self.parameters if p.required],
            "additionalProperties": False,
        }
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


def tool(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an environment's method as a tool that agents may call."""
    function.__mmgym_tool__ = True  # type: ignore[attr-defined]
    return function


class ToolSpace(Space[Any]):
    """The space of turns of 1 to `max_calls` tool calls.

    With ``max_calls=1`` an element is a `ToolCall`, or the equal plain dict; otherwise a list of them.

    Args:
        tools: the tools that may be called; names must be distinct.
        max_calls: the largest number of calls in one turn.
        seed: seed of the space's generator.

    Raises:
        ValueError: without tools, with equal names, or when `max_calls` is not a whole number from 1.
    """

    def __init__(self, tools: Sequence[Tool], max_calls: int = 1, seed: int | None = None):
        names = [tool.name for tool in tools]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"tools must be at least one, with distinct names; got {names}")
        self.tools = tuple(tools)
        self.max_calls = whole("max_calls", max_calls)
        self._by_name = {tool.name: tool for tool in tools}
        self._calls = self._enumerate()
        super().__init__(None, None, seed)

    def _enumerate(self) -> list[ToolCall] | None:
        calls: list[ToolCall] = []
        for tool_ in self.tools:
            values = [p.values() for p in tool_.parameters]
            if any(v is None for v in values):
                return None
            if len(calls) + math.prod(len(v) for v in values if v is not None) > _MAX_FINITE:
                return None
            names = [p.name for p in tool_.parameters]
            product = itertools.product(*[v for v in values if v is not None])
            calls += [ToolCall(tool_.name, dict(zip(names, combination, strict=True))) for combination in product]
        return calls

    @property
    def is_finite(self) -> bool:
        """Whether the calls can be listed (every parameter is a choice, a boolean or a short range)."""
        return self._calls is not None

    @property
    def calls(self) -> list[ToolCall]:
        """Every call, in a fixed order.

        Raises:
            ValueError: when a tool takes text or numbers, so that the calls cannot be listed.
        """
        if self._calls is None:
            raise ValueError(
                f"the calls of {', '.join(self._by_name)} cannot be listed: a tool takes text or open numbers"
            )
        return list(self._calls)

    def parse(self, action: Any) -> list[ToolCall]:
        """The calls of an action.

        Raises:
            ValueError: with a message for the agent, when the action is not in the space.
        """
        if isinstance(action, InvalidAction):
            raise ValueError(action.message)
        turn = action if isinstance(action, (list, tuple)) else [action]
        if not 1 <= len(turn) <= self.max_calls:
            raise ValueError(
                f"give {'one call' if self.max_calls == 1 else f'1 to {self.max_calls} calls'}; got {len(turn)}"
            )
        return [self._parse_call(call) for call in turn]

    def _parse_call(self, call: Any) -> ToolCall:
        if isinstance(call, Mapping):
            unknown = [key for key in call if key not in ("name", "arguments")]
            if unknown or "name" not in call:
                raise ValueError('a call has the form {"name": ..., "arguments": {...}}')
            call = ToolCall(call["name"], call.get("arguments", {}))
        if not isinstance(call, ToolCall):
            raise ValueError(f"not a tool call: {shorten(call)}; tools: {', '.join(self._by_name)}")
        known = self._by_name.get(call.name) if isinstance(call.name, str) else None
        if known is None:
            raise ValueError(f"unknown tool {shorten(call.name)}; tools: {', '.join(self._by_name)}")
        if message := known.problem(call.arguments):
            raise ValueError(message)
        return call

    def contains(self, x: Any) -> bool:
        """Whether `x` is a valid turn. Never raises, whatever `x` is."""
        try:
            self.parse(x)
        except ValueError:
            return False
        return True

    def sample(self, mask: Any = None, probability: Any = None) -> Any:
        """Draw a valid turn.

        Args:
            mask: int8 array, one entry per element of `calls` (finite spaces), or a dict from tool name to
                bool; entries that are 0 or False are never drawn.
            probability: float array, one entry per element of `calls` (finite spaces only).

        Raises:
            ValueError: when the mask has the wrong shape or leaves nothing to draw.
        """
        size = 1 if self.max_calls == 1 else int(self.np_random.integers(1, self.max_calls + 1))
        turn = [self._sample_call(mask, probability) for _ in range(size)]
        return turn[0] if self.max_calls == 1 else turn

    def draw(self, rng: np.random.Generator) -> Any:
        """A valid turn as `sample` draws it, by a generator of the caller's: the space's own stays as it is."""
        space = copy.copy(self)
        space.seed(int(rng.integers(2**31)))
        return space.sample()

    def _sample_call(self, mask: Any, probability: Any) -> ToolCall:
        rng = self.np_random
        if probability is not None or (mask is not None and not isinstance(mask, Mapping)):
            weights = np.asarray(mask if probability is None else probability, dtype=np.float64)
            if weights.shape != (len(self.calls),) or weights.sum() <= 0 or (weights < 0).any():
                raise ValueError(
                    f"the mask needs {len(self.calls)} non-negative entries, not all 0; got shape {weights.shape}"
                )
            return self.calls[rng.choice(len(weights), p=weights / weights.sum())]
        tools = [t for t in self.tools if mask is None or mask.get(t.name, True)]
        if not tools:
            raise ValueError(f"the mask leaves no tool; tools: {', '.join(self._by_name)}")
        chosen = tools[rng.integers(len(tools))]
        return ToolCall(chosen.name, {p.name: p.sample(rng) for p in chosen.parameters})

    def schemas(self) -> list[dict[str, Any]]:
        """The schemas of all tools, for a chat template's ``tools=``."""
        return [tool_.schema() for tool_ in self.tools]

    @property
    def is_np_flattenable(self) -> bool:
        """False: calls may hold text."""
        return False

    def to_jsonable(self, sample_n: Iterable[Any]) -> list[Any]:
        """Turns as JSON-able values."""
        return [[call.as_dict() for call in self.parse(turn)] for turn in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[Any]:
        """The inverse of `to_jsonable`."""
        turns = [self.parse(turn) for turn in sample_n]
        return [turn[0] for turn in turns] if self.max_calls == 1 else turns

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, ToolSpace) and (self.tools, self.max_calls) == (other.tools, other.max_calls)
        )

    def __hash__(self) -> int:
        return hash((tuple(self._by_name), self.max_calls))

    def __repr__(self) -> str:
        return f"ToolSpace({', '.join(self._by_name)}, max_calls={self.max_calls})"


class TextSpace(Space[str]):
    """All unicode text up to `max_length` characters (`gymnasium.spaces.Text` rejects spaces and punctuation).

    Vector environments carry it as a tuple of strings; `AsyncVectorEnv` needs ``shared_memory=False``.
    """

    def __init__(self, max_length: int = 65536, seed: int | None = None):
        if max_length < 0:
            raise ValueError(f"max_length must not be negative; got {max_length}")
        self.max_length = max_length
        super().__init__(None, None, seed)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a string of at most `max_length` characters."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A short random text; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("TextSpace.sample takes neither mask nor probability")
        size = self.np_random.integers(0, min(self.max_length, 32) + 1)
        return "".join(self.np_random.choice(_PRINTABLE, size=size))

    @property
    def is_np_flattenable(self) -> bool:
        """False: text has no fixed-size array form."""
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace) and self.max_length == other.max_length

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"TextSpace({self.max_length})"


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """`value` if it is a whole number from `least` to `most`; else a ValueError that names field, value and limits."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_whole and least <= value and (most is None or value <= most):
        return int(value)
    span = f"from {least}" if most is None else f"from {least} to {most}"
    raise ValueError(f"{name} must be a whole number {span}; got {value!r}")


def number(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """`value` if it is a finite number from `least` to `most`; else a ValueError that names field, value and limits."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if real and math.isfinite(value) and least <= value <= most:
        return float(value)
    span = f"number from {least:g}" if most == math.inf else f"number from {least:g} to {most:g}"
    raise ValueError(f"{name} must be a {'finite number' if least == -math.inf else span}; got {value!r}")


def flag(name: str, value: Any) -> bool:
    """`value` if it is True or False; else a ValueError that names field and value: text is true, "false" too."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ValueError(f"{name} must be True or False; got {value!r}")


def shorten(value: Any, limit: int = 60) -> str:
    """A short printable form of any value, for messages."""
    try:
        text = repr(value if not isinstance(value, str) else value[: 2 * limit])
    except (ValueError, RecursionError):  # integers beyond the interpreter's digit limit, deep nesting
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _read_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    text = inspect.getdoc(function) or ""
    summary, _, rest = text.partition("\nArgs:\n")
    section = re.split(r"\n\S", rest)[0]
    arguments = {m[1]: " ".join(m[2].split()) for m in re.finditer(r"^ {4}(\w+):((?:.|\n {5,})*)", section, re.M)}
    return " ".join(summary.split()), arguments
