"""Ways to a wrapped environment: from one that is there, or by an id of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from mmgym.registry import EnvironmentEntry
from mmgym.wrapped.actions import TOOL
from mmgym.wrapped.env import ENTRY_POINT, ID, Wrapped
from mmgym.wrapped.pictures import check_size, fitted_shape

__all__ = ["wrap", "wrapped_entry"]


def wrap(env: gym.Env[Any, Any], **arguments: Any) -> Wrapped:
    """Turn a Gymnasium environment with a picture and numbered actions into an mmgym environment.

        env = mmgym.wrap(gym.make("MiniGrid-Empty-8x8-v0"))
        env = mmgym.wrap(gym.make("CartPole-v1"), actions=["left", "right"], image_size=224)

    `env` itself is used where it can show its picture; where that must be rendered and its render mode is another, it
    is closed and made again from its spec. From then on it belongs to the result.

    Args:
        env: the environment.
        arguments: see `Wrapped`.

    Raises:
        TypeError: when `env` is no environment, its actions are not numbered, or it is mmgym's already.
        ValueError: for a value that is not allowed, or an environment without a picture; the message says what to do.
    """
    if not isinstance(env, gym.Env):
        raise TypeError(f"wrap takes a Gymnasium environment; got {type(env).__name__} (an id goes to {ID} as env_id)")
    wrapped = Wrapped(env_id=env, **arguments)
    wrapped.spec = wrapped.made_of()
    return wrapped


def wrapped_entry(
    id: str,
    env_id: str,
    *,
    family: str = "wrapped",
    summary: str = "",
    image_size: int | tuple[int, int] = 224,
    levels: Sequence[Any] | None = None,
    **arguments: Any,
) -> EnvironmentEntry:
    """An id of its own for a wrapped environment, for `mmgym.register` or a plug-in's table. Imports nothing.

    Args:
        id: the new id.
        env_id: the id of what is inside, as ``module:id`` where a module registers it.
        family: family of environments.
        summary: one line for ``mmgym list``; empty for one that names `env_id`.
        image_size: side of the square picture in pixels, or (height, width).
        levels: see `Wrapped`.
        arguments: see `Wrapped`.
    """
    size = fitted_shape((224, 224), check_size(image_size))
    kwargs = {"env_id": env_id, "image_size": image_size, **({} if levels is None else {"levels": levels}), **arguments}
    summary = summary or f"{env_id.rpartition(':')[2]}, wrapped"
    return EnvironmentEntry(
        id, ENTRY_POINT, family, summary, (TOOL,), size, 1 if levels is None else len(levels), kwargs=kwargs
    )
