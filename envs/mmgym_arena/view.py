"""What a seat is shown: the parts of its observation, the same for every interface."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.spaces import TextSpace
from mmgym_arena.game import Game
from mmgym_arena.match import Match

__all__ = ["observation", "observation_space"]


def observation_space(game: Game, seat: int, obs_mode: str, image_size: int) -> gym.spaces.Dict:
    """``image`` and ``text`` as `obs_mode` says, ``messages`` of others, ``feedback``, and ``action_mask``.

    The mask is int8, 1 for each of ``action_space.calls`` that the seat may make now; it is there where calls can be
    listed. Out of turn nothing that is done counts, and it holds ones.
    """
    parts: dict[str, gym.Space[Any]] = {}
    if obs_mode != "text":
        parts["image"] = gym.spaces.Box(0, 255, (image_size, image_size, 3), np.uint8)
    if obs_mode != "image":
        parts["text"] = TextSpace()
    parts["messages"] = TextSpace()
    parts["feedback"] = TextSpace()
    if game.space(seat).is_finite:
        parts["action_mask"] = gym.spaces.Box(0, 1, (len(game.calls(seat)),), np.int8)
    return gym.spaces.Dict(parts, sort_keys=False)


def observation(match: Match, seat: int, obs_mode: str, image_size: int) -> dict[str, Any]:
    """What a seat is shown now: fresh arrays, in the order of `observation_space`."""
    game, state = match.game, match.state
    shown: dict[str, Any] = {}
    if obs_mode != "text":
        shown["image"] = game.picture(state, seat, image_size)
    if obs_mode != "image":
        shown["text"] = game.text(state, seat)
    shown["messages"] = game.messages(state, seat)
    shown["feedback"] = match.last[seat].feedback
    if game.space(seat).is_finite:
        waits = seat not in match.movers
        shown["action_mask"] = np.ones(len(game.calls(seat)), np.int8) if waits else game.mask(state, seat)
    return shown
