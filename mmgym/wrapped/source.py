"""The environment inside: where it comes from, how to get another one like it, and what it says about itself."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from mmgym.env import MultimodalEnv
from mmgym.spaces import shorten
from mmgym.wrapped.pictures import PictureSource

__all__ = ["Source", "description", "identity", "turn_limit"]


class Source:
    """Makes the environment inside.

    Args:
        made_from: a Gymnasium id, the JSON of an `EnvSpec`, an `EnvSpec`, an environment, or a callable that returns
            one.
        kwargs: arguments for its maker.

    Raises:
        TypeError: for anything else.
        ValueError: for an environment with `kwargs` but no spec to make it again from.
    """

    def __init__(self, made_from: Any, kwargs: Mapping[str, Any] | None = None):
        self._kwargs = dict(kwargs or {})
        self._given: gym.Env[Any, Any] | None = None
        self._factory: Callable[..., Any] | None = None
        self._maker: str | EnvSpec | None = None
        if isinstance(made_from, gym.Env):
            _check_foreign(made_from)
            self._given, self._maker = made_from, _usable_spec(made_from)
        elif isinstance(made_from, str):
            self._maker = EnvSpec.from_json(made_from) if made_from.lstrip().startswith("{") else made_from
        elif isinstance(made_from, EnvSpec):
            self._maker = made_from
        elif callable(made_from):
            self._factory = made_from
        else:
            raise TypeError(
                "wrap takes a Gymnasium environment; an id, an EnvSpec or a callable that makes one will do as env_id; "
                f"got {shorten(made_from)}"
            )

    def make(self, picture: str | None, more: Mapping[str, Any] | None = None) -> gym.Env[Any, Any]:
        """An environment that can show its picture.

        Args:
            picture: as in `PictureSource.find`.
            more: arguments beside those of the constructor.

        Raises:
            TypeError: when what comes is no environment, or one of mmgym's already.
            ValueError: when it has no picture, or cannot be made so that it shows it.
        """
        kwargs = {**self._kwargs, **(more or {})}
        if self._factory is not None:
            env = self._factory(**kwargs)
        elif self._given is not None and not kwargs:
            env = self._given
            if self._maker is not None:  # it serves once: the next one is made anew
                self._given = None
        elif self._maker is not None:
            if self._given is not None:  # with other arguments it is another one
                self._given.close()
                self._given = None
            env = gym.make(self._maker, disable_env_checker=True, **kwargs)
        else:
            raise ValueError(f"{self._given} has no spec to be made again with {kwargs}: give its id or a callable")
        _check_foreign(env)
        if not PictureSource.find(env, picture).rendered or env.render_mode == "rgb_array":
            return env
        spec = _usable_spec(env)
        if spec is None:
            raise ValueError(
                f"{type(env.unwrapped).__name__} must be rendered to show a picture, but has "
                f"render_mode={env.render_mode!r} and no spec to be made again from: "
                'make it with render_mode="rgb_array"'
            )
        env.close()
        return gym.make(spec, disable_env_checker=True, render_mode="rgb_array")

    def portable(self) -> Any:
        """What another process can make the environment from: an id or JSON where that is possible."""
        if not isinstance(self._maker, EnvSpec):
            return self._maker or self._factory or self._given
        try:
            return self._maker.to_json()
        except (TypeError, ValueError):
            return self._maker


def identity(env: gym.Env[Any, Any]) -> dict[str, Any]:
    """The id and arguments of an environment, as JSON-able values."""
    spec = env.spec
    content = {
        "id": type(env.unwrapped).__name__ if spec is None else spec.id,
        "kwargs": {} if spec is None else {k: v for k, v in spec.kwargs.items() if k != "render_mode"},
        "wrappers": [] if spec is None else [[w.name, w.kwargs] for w in spec.additional_wrappers],
    }
    result: dict[str, Any] = json.loads(json.dumps(content, default=lambda value: type(value).__name__))
    return result


def turn_limit(env: gym.Env[Any, Any]) -> int | None:
    """The number of steps after which the environment ends an episode, if it says so."""
    limits = (env.spec and env.spec.max_episode_steps, getattr(env.unwrapped, "max_steps", None))
    return next((limit for limit in limits if isinstance(limit, int) and limit > 0), None)


def description(env: gym.Env[Any, Any]) -> str:
    """The first paragraph under the heading Description of the environment's docstring; empty if there is none."""
    text = inspect.getdoc(type(env.unwrapped)) or ""
    found = re.search(r"^#+ *Description\s*\n+(.+?)(?:\n\s*\n|\n#|\Z)", text, re.S | re.M)
    return " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", found[1]).split()) if found else ""


def _usable_spec(env: gym.Env[Any, Any]) -> EnvSpec | None:
    """The spec if it makes the same environment again: every wrapper has recorded its arguments."""
    spec = env.spec
    usable = spec is not None and all(wrapper.kwargs is not None for wrapper in spec.additional_wrappers)
    return spec if usable else None


def _check_foreign(env: Any) -> None:
    if not isinstance(env, gym.Env):
        kind = "vector environments cannot be wrapped" if isinstance(env, gym.vector.VectorEnv) else "expected one"
        raise TypeError(f"{type(env).__name__} is no Gymnasium environment (gymnasium.Env): {kind}")
    if isinstance(env.unwrapped, MultimodalEnv):
        raise TypeError(f"{type(env.unwrapped).__name__} is an mmgym environment already: it needs no wrapping")
