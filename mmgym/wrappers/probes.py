"""Probes of whether an agent looks and listens: take away what it would need, and see whether its score falls.

`PROBES` names them, for ``mmgym bench --probe``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from mmgym.env import unwrap
from mmgym.messages import is_image, is_image_sequence
from mmgym.parts import AudioSpace, PartsSpace

PROBES: Mapping[str, str] = MappingProxyType(
    {
        "blank": "mmgym.wrappers:BlankImage",
        "swapped": "mmgym.wrappers:OtherImage",
        "shuffled": "mmgym.wrappers:ShuffledFrames",
        "muted": "mmgym.wrappers:MutedSound",
    }
)
"""Wrappers by the name of the probe; each refuses with a TypeError an environment that has nothing to take away."""

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


class ShuffledFrames(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Puts the pictures of each observation in random order; texts between them, times among them, stay in place.

    Entries that are one picture each, all of one size (the frames of `mmgym.wrap`), change places as well. Only what is
    shown together is shuffled: who asks for one frame at a time still knows when it was. The order depends
    on the episode's seed, the turn and `seed` only. A single picture stays what it is.

    Args:
        env: an environment whose observations hold several pictures.
        seed: seed of the orders.

    Raises:
        TypeError: when no entry of the observation can hold more than one picture.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0):
        RecordConstructorArgs.__init__(self, seed=seed)
        gym.Wrapper.__init__(self, env)
        spaces = env.observation_space.spaces if isinstance(env.observation_space, gym.spaces.Dict) else {}
        several = {name for name, space in spaces.items() if _shows_images(space) and not is_image(space)}
        alone = [name for name, space in spaces.items() if is_image(space)]
        alike = [name for name in alone if [spaces[other] for other in alone].count(spaces[name]) > 1]
        if not several and not alike:
            raise TypeError(f"ShuffledFrames needs several images in an observation; got {env.observation_space!r}")
        self._several, self._alike = several, alike
        self._seed = seed
        self._rng = np.random.default_rng(seed)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        if seed is not None:
            self._rng = np.random.default_rng([self._seed, seed])
        observation, info = self.env.reset(seed=seed, options=options)
        return self._shuffled(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make one turn."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._shuffled(observation), reward, terminated, truncated, info

    def _shuffled(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        rng = np.random.default_rng(self._rng.integers(2**63))  # one draw a turn, however many pictures there are
        order = dict(zip(self._alike, rng.permutation(self._alike).tolist(), strict=True))
        return {
            name: _in_random_order(value, rng) if name in self._several else observation[order.get(name, name)]
            for name, value in observation.items()
        }


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


def _in_random_order(parts: Any, rng: np.random.Generator) -> Any:
    """Parts whose pictures changed places, as the same kind of sequence."""
    if isinstance(parts, np.ndarray):
        return rng.permutation(parts)
    places = [place for place, part in enumerate(parts) if not isinstance(part, str)]
    shown = dict(zip(places, (parts[place] for place in rng.permutation(places)), strict=True))
    return type(parts)(shown.get(place, part) for place, part in enumerate(parts))


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
