"""What is found out about the environment inside before it is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from mmgym.wrapped.actions import NamedActions
from mmgym.wrapped.pictures import PictureSource, Size, fitted_shape, text_names
from mmgym.wrapped.source import description, identity
from mmgym.wrapped.success import SuccessRule, make_rule

__all__ = ["Inside", "compose_instruction"]


@dataclass(frozen=True)
class Inside:
    """The environment inside, of one level, with all that its wrapping needs to know."""

    env: gym.Env[Any, Any]
    actions: NamedActions
    source: PictureSource
    texts: tuple[str, ...]
    """The entries of its observation that are texts."""
    shape: tuple[int, int]
    """Height and width of what an agent is shown."""
    is_success: SuccessRule
    enough: float | None
    """The total reward that is a success, where that is the rule."""
    identity: dict[str, Any]
    """Its id and arguments, as JSON-able values."""

    @classmethod
    def of(
        cls,
        env: gym.Env[Any, Any],
        names: Any,
        picture: str | None,
        size: Size,
        success: Any,
        reset_options: Mapping[str, Any] | None,
    ) -> Inside:
        """Look at `env`; the other arguments are those of `Wrapped`.

        Raises:
            TypeError: when its actions are not numbered.
            ValueError: when an argument does not fit it.
        """
        source = PictureSource.find(env, picture)
        actions = NamedActions(env, names)
        shape = source.shape(env.observation_space)
        if shape is None:  # only a picture tells
            env.reset(seed=0, options=None if reset_options is None else dict(reset_options))
            shape = source.take(env, None).shape
        rule, enough = make_rule(success, env)
        texts = text_names(env.observation_space)
        return cls(env, actions, source, texts, fitted_shape(shape, size), rule, enough, identity(env))


def compose_instruction(inside: Inside, frames: int) -> str:
    """The rules and the goal, as far as the environment itself says them."""
    seen = "the picture" if frames == 1 else f"the last {frames} pictures, the newest last,"
    goal = f"; {inside.enough:g} or more in an episode is a success" if inside.enough is not None else ""
    sentences = (
        f"This is {inside.identity['id']}.",
        description(inside.env),
        f"Each turn you see {seen} and choose what to do.",
        "The text beside the picture names your task." if inside.texts else "",
        f"Collect as much reward as you can{goal}.",
    )
    return " ".join(filter(None, sentences))
