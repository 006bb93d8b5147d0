"""Random play, comparison and expectations that the conformance checks share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import data_equivalence

from mmgym.env import MultimodalEnv, Unsupported, unwrap
from mmgym.messages import check_observation_space
from mmgym.registry import entries
from mmgym.spaces import InvalidAction, TextSpace, ToolCall

Make = Callable[..., gym.Env[Any, Any]]
"""Builds an environment from the keyword arguments of its constructor."""

INFO_TYPES: dict[str, type] = {
    "success": bool,
    "reward_terms": dict,
    "measures": dict,
    "action_valid": bool,
    "action_effective": bool,
    "feedback": str,
    "error": str,
    "level": int,
    "split": str,
    "expert_steps": int,
}
"""The keys of `info`, after `reset` and after every `step`, and the type of each."""


@contextmanager
def building(make: Make, **kwargs: Any) -> Iterator[gym.Env[Any, Any]]:
    """Build an environment, and close it at the end."""
    env = make(**kwargs)
    try:
        yield env
    finally:
        env.close()


def presets_of(env: gym.Env[Any, Any]) -> tuple[str, ...]:
    """The presets of a registered environment; none for another."""
    return next((entry.presets for entry in entries() if env.spec is not None and entry.id == env.spec.id), ())


def play(
    env: gym.Env[Any, Any], seed: int, steps: int, restart: bool = True, options: dict[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Five-tuples of random play; a reset counts as one with reward 0. Ends with the episode unless `restart`."""
    space = unwrap(env).action_space
    space.seed(seed)
    played = [_as_turn(env.reset(seed=seed, options=options))]
    for step in range(steps):
        turn = env.step(space.sample())
        played.append(turn)
        if turn[2] or turn[3]:
            if not restart:
                # a branch point must lie inside an episode: make it before the end
                return play(env, seed + 1, steps - 1, restart, options)
            played.append(_as_turn(env.reset(seed=seed + step, options=options)))
    return played


def continue_(env: gym.Env[Any, Any], steps: int) -> list[tuple[Any, ...]]:
    """Random play from here to the end of the episode, at most `steps` turns."""
    space = unwrap(env).action_space
    space.seed(11)
    played = []
    for _ in range(steps):
        played.append(env.step(space.sample()))
        if played[-1][2] or played[-1][3]:
            break
    return played


def _as_turn(result: tuple[Any, dict[str, Any]]) -> tuple[Any, ...]:
    return result[0], 0.0, False, False, result[1]


def play_vector(vector: gym.vector.VectorEnv[Any, Any, Any]) -> list[Any]:
    """Six turns of random play in a vector environment, with every batch checked."""
    observation, _ = vector.reset(seed=8)
    assert vector.observation_space.contains(observation), "the batched observation is not in the batched space"
    vector.action_space.seed(8)
    played: list[Any] = [observation]
    for _ in range(6):
        observation, reward, terminated, truncated, info = vector.step(vector.action_space.sample())
        assert vector.observation_space.contains(observation), "the batched observation is not in the batched space"
        assert set(INFO_TYPES) <= set(info), f"the batched info lacks {set(INFO_TYPES) - set(info)}"
        assert not any(info["error"]), f"the machinery failed: {info['error']}"
        for name, part in check_observation_space(vector.single_observation_space).spaces.items():
            if isinstance(part, TextSpace):
                assert all(isinstance(text, str) for text in observation[name]), (
                    f"{name} is not text in a vector environment"
                )
        played.append((observation, reward, terminated, truncated, list(info["feedback"])))
    return played


def equal(a: Any, b: Any) -> bool:
    """Whether two nested values are equal in value, type and order of keys."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(data_equivalence(a, b, exact=True))


def assert_info(info: dict[str, Any]) -> None:
    """Check the keys and types of `info`, and that no failure of the machinery is reported."""
    assert list(info) == list(INFO_TYPES), f"info must have the keys {list(INFO_TYPES)} in this order; got {list(info)}"
    for name, kind in INFO_TYPES.items():
        assert type(info[name]) is kind, f"info[{name!r}] must be {kind.__name__}; got {type(info[name]).__name__}"
    assert not info["error"], f"the machinery failed: {info['error']}"


def assert_value_error(attempt: Callable[[], Any], mention: str) -> None:
    """Check that `attempt` raises a ValueError that mentions what is allowed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attempt()
    except ValueError as error:
        assert mention in str(error), f"the error must name what is allowed ({mention!r}); it says {error}"
        return
    raise AssertionError(f"expected a ValueError that mentions {mention!r}; nothing was raised")


def assert_unsupported(attempt: Callable[[], Any]) -> None:
    """Check that `attempt` raises `Unsupported`."""
    try:
        attempt()
    except Unsupported:
        return
    raise AssertionError("a capability that is not declared must raise Unsupported")


def invalid_actions(env: MultimodalEnv) -> list[tuple[str, Any]]:
    """Many kinds of invalid actions for `env`, each with its name."""
    tool = env.action_space.tools[0]
    valid = env.action_space.sample()
    calls = valid if isinstance(valid, list) else [valid]
    wrong = {p.name: object() for p in tool.parameters} or {"nonesuch": 1}
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    return [
        ("None", None),
        ("a number", 3),
        ("not a number", float("nan")),
        ("a huge number", 10**5000),
        ("a text", tool.name),
        ("a lone surrogate", "\ud800"),
        ("bytes", b"\x00"),
        ("an array", np.zeros(3)),
        ("an empty list", []),
        ("too many calls", calls[:1] * (env.action_space.max_calls + 1)),
        ("a nested list", deep),
        ("an empty dict", {}),
        ("a dict of odd keys", {1: 2}),
        ("an unknown tool", {"name": "nonesuch", "arguments": {}}),
        ("a nameless call", ToolCall("", {})),
        ("a name that is no text", {"name": ["x"], "arguments": {}}),
        ("arguments that are no object", {"name": tool.name, "arguments": "text"}),
        ("an unknown parameter", {"name": tool.name, "arguments": {"nonesuch": 1}}),
        ("values of a wrong type", ToolCall(tool.name, wrong)),
        ("huge values", ToolCall(tool.name, {p.name: 10**400 for p in tool.parameters} or {"nonesuch": 10**400})),
        ("an announced parse error", InvalidAction("could not be read")),
    ]
