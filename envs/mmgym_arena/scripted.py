"""Demonstrators for the arena."""

from __future__ import annotations

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_arena.seat import SeatEnv

__all__ = ["legal"]


def legal(env: SeatEnv, rng: np.random.Generator) -> ToolCall:
    """Any call that may be made now, all equally likely: a player that knows the rules and no more."""
    return env.random_call(rng)
