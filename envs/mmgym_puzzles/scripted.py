"""Scripted agents that are no experts: baselines, and demonstrators that lack what reward is to teach."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.env import unwrap
from mmgym.spaces import ToolCall
from mmgym_puzzles.frozen_lake import FrozenLake

__all__ = ["straight_walker"]


def straight_walker(env: gym.Env[Any, Any], rng: np.random.Generator) -> ToolCall:
    """The obstacle-blind walker: uniform among the moves that come nearer to the goal as the crow flies.

    It knows where the goal is and nothing of the holes.

    Args:
        env: a FrozenLake environment, wrapped or not, in a running episode.
        rng: where its choices come from.

    Raises:
        TypeError: for another environment.
    """
    inner = unwrap(env)
    if not isinstance(inner, FrozenLake):
        raise TypeError(f"straight_walker walks on a FrozenLake; got {type(inner).__name__}")
    moves = inner.lake.straight_moves(inner.agent) or ["up"]
    return ToolCall("move", {"direction": moves[rng.integers(len(moves))]})
