"""Environments that draw nothing: who does not look needs no pictures, and drawing them takes most of the time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from mmgym.env import unwrap

__all__ = ["DrawsNothing"]


class DrawsNothing(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Shows empty pictures of the same size, where pictures are a pure function of the state.

    It replaces the method that draws, so that nothing is drawn at all (`mmgym.wrappers.BlankImage` draws first). Its
    environment can draw no more.

    Args:
        env: an environment whose observation has one picture of a fixed size; another is left as it is.
    """

    def __init__(self, env: gym.Env[Any, Any]):
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        inner: Any = unwrap(env)
        space = inner.observation_space.spaces.get("image")
        if isinstance(space, gym.spaces.Box):
            empty = np.zeros(space.shape, np.uint8)
            inner._image = lambda: empty
