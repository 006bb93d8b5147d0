"""Probes of whether an agent looks: take the picture away, or show another one, and see whether its score falls."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from mmgym.env import unwrap
from mmgym.messages import is_image, is_image_sequence
from mmgym.parts import AudioSpace, PartsSpace

GREY = 128
"""The constant that blank images hold."""

_MAX_OTHER_STEPS = 8


class BlankImage(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Replaces every image of the observation by a constant mid grey of the same size; text stays.

    Raises:
        TypeError: when the observation space has no image.
    """

    def __init__(self, env: gym.Env[Any, Any]):
        RecordConstructorArgs.__init__(self)
        gym.ObservationWrapper.__init__(self, env)
        self._images = _image_names(env, "BlankImage")

    def observation(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """`observation` with grey images."""
        return {name: _grey(value) if name in self._images else value for name, value in observation.items()}


class OtherImage(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replaces every image by that of another instance of the same environment, level and split, a few turns in.

    A second environment is reset with a fresh seed for each observation, and plays up to 8 random turns (no more than
    the agent made). What is shown depends on the episode's seed and `seed` only, not on what the agent does.

    Args:
        env: an environment with an mmgym environment inside.
        seed: seed of the choice of pictures.

    Raises:
        TypeError: when the observation space has no image, or there is no mmgym environment inside.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0):
        RecordConstructorArgs.__init__(self, seed=seed)
        gym.Wrapper.__init__(self, env)
        self._images = _image_names(env, "OtherImage")
        self._inner = unwrap(env)
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._turn = 0
        spec = self._inner.spec
        self._other = copy.deepcopy(self._inner) if spec is None else unwrap(gym.make(spec))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        if seed is not None:
            self._rng = np.random.default_rng([self._seed, seed])
        self._turn = 0
        observation, info = self.env.reset(seed=seed, options=options)
        return self._swap(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make one turn."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._turn += 1
        return self._swap(observation), reward, terminated, truncated, info

    def close(self) -> None:
        """Close both environments."""
        self._other.close()
        super().close()

    def _swap(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        shown = self._draw()
        return {name: shown[name] if name in self._images else value for name, value in observation.items()}

    def _draw(self) -> dict[str, Any]:
        options = {"level": self._inner.level, "split": self._inner.split}
        other_seed, action_seed = (int(value) for value in self._rng.integers(2**31, size=2))
        turns = int(self._rng.integers(min(self._turn, _MAX_OTHER_STEPS) + 1))
        observation, _ = self._other.reset(seed=other_seed, options=options)
        self._other.action_space.seed(action_seed)
        for _ in range(turns):
            following, _, terminated, truncated, _ = self._other.step(self._other.action_space.sample())
            if terminated or truncated:
                break
            observation = following
        return observation


class MutedSound(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Replaces every sound of the observation by silence of the same length.

    A picture of the sound (a spectrogram) that the environment draws itself is not touched.

    Raises:
        TypeError: when the observation space has no sound.
    """

    def __init__(self, env: gym.Env[Any, Any]):
        RecordConstructorArgs.__init__(self)
        gym.ObservationWrapper.__init__(self, env)
        spaces = env.observation_space.spaces if isinstance(env.observation_space, gym.spaces.Dict) else {}
        self._sounds = {name for name, space in spaces.items() if isinstance(space, AudioSpace)}
        if not self._sounds:
            raise TypeError(f"MutedSound needs a sound in the observation; got {env.observation_space!r}")

    def observation(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """`observation` with silence."""
        return {name: np.zeros_like(part) if name in self._sounds else part for name, part in observation.items()}


def _shows_images(space: gym.Space[Any]) -> bool:
    return is_image(space) or is_image_sequence(space) or isinstance(space, PartsSpace)


def _image_names(env: gym.Env[Any, Any], wrapper: str) -> set[str]:
    spaces = env.observation_space.spaces if isinstance(env.observation_space, gym.spaces.Dict) else {}
    names = {name for name, space in spaces.items() if _shows_images(space)}
    if not names:
        raise TypeError(f"{wrapper} needs an image in the observation; got {env.observation_space!r}")
    return names


def _grey(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.full_like(value, GREY)
    return type(value)(part if isinstance(part, str) else np.full_like(part, GREY) for part in value)
