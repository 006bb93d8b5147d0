"""When an episode of a wrapped environment counts as a success.

Gymnasium has rewards but no notion of success, so what is claimed here is what the environment declares, or what a goal
looks like in every environment that has one; where neither says anything, no episode is a success.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

__all__ = ["Ending", "SuccessRule", "make_rule"]


@dataclass(frozen=True)
class Ending:
    """How an episode ended, for the caller's ``success`` to judge."""

    rewards: tuple[float, ...]
    """The environment's reward of each of its steps."""
    terminated: bool
    """Whether the environment ended the episode itself, rather than a limit of time or turns."""
    truncated: bool
    """Whether a limit of the environment's own ended it; neither is so where `max_turns` were over first."""
    info: dict[str, Any]
    """The environment's last info."""
    env: gym.Env[Any, Any]
    """The environment."""

    @property
    def total(self) -> float:
        """The sum of the rewards."""
        return float(sum(self.rewards))


SuccessRule = Callable[[Ending], bool]


def make_rule(success: Any, env: gym.Env[Any, Any]) -> tuple[SuccessRule, float | None]:
    """The rule, and the total reward that it asks for if it is such a rule.

    Args:
        success: a total reward that is enough, a callable from `Ending` to bool, or None: the ``reward_threshold`` that
            the environment's spec declares, else that a goal was reached (see `reached_goal`).
        env: the environment.

    Raises:
        ValueError: for another `success`.
    """
    threshold = success
    if success is None and env.spec is not None:
        threshold = env.spec.reward_threshold
    if threshold is None:
        return reached_goal, None
    if callable(threshold):
        return threshold, None
    if not isinstance(threshold, (int, float)) or isinstance(threshold, bool):
        raise ValueError(f'success must be a number, a callable, "module:function" or None; got {threshold!r}')
    enough = float(threshold)

    def reaches(ending: Ending) -> bool:
        # Where steps cost, a total is large until the end is there, and largest where nothing is done.
        ended = ending.terminated or ending.truncated
        return ending.total >= enough and (enough > 0 or ended)

    return reaches, enough


def reached_goal(ending: Ending) -> bool:
    """Whether the environment ended the episode with a positive reward that is larger than every one before it.

    A goal pays at the end. A game that pays all the time, for every turn survived say, does not look like that.
    """
    if not ending.terminated or not ending.rewards:
        return False
    *before, last = ending.rewards
    return last > 0 and all(last > reward for reward in before)
