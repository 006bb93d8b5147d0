"""Where an environment's picture comes from, and how it is brought to the size that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.spaces import TextSpace, shorten

__all__ = ["PictureSource", "check_size", "fit", "fitted_shape", "rest_of", "text_names"]

SMALLEST = 32
"""Least height and width of an array that is taken for a picture; smaller ones encode something, cell by cell."""
SIZES = (16, 4096)
"""Least and largest height and width of what an agent is shown."""

Size = int | tuple[int, int] | None
"""A square's side, (height, width), or None for a picture as it is."""


@dataclass(frozen=True)
class PictureSource:
    """Where the picture comes from."""

    rendered: bool
    """Whether it is what ``render()`` returns; else it is the observation or part of it."""
    name: str | None = None
    """Entry of a `Dict` observation; None for the whole."""

    @classmethod
    def find(cls, env: gym.Env[Any, Any], wanted: str | None = None) -> PictureSource:
        """The picture of `env`: in the observation if it has exactly one, else rendered.

        The observation comes first: it is what the environment says an agent sees, and rendering may show more.

        Args:
            env: the environment.
            wanted: ``"observation"``, ``"render"``, the name of an entry of the observation, or None to look.

        Raises:
            ValueError: when there is no such picture, or there are several, saying what to do.
        """
        space = env.observation_space
        parts: dict[Any, Any] = dict(space.spaces) if isinstance(space, gym.spaces.Dict) else {None: space}
        renders = "rgb_array" in (env.metadata.get("render_modes") or ())
        if wanted == "render":
            if not renders:
                raise ValueError(f"picture='render': {_named(env)} has no render mode rgb_array")
            return cls(rendered=True)
        if wanted not in (None, "observation"):
            if wanted not in parts or not _can_be_picture(parts[wanted]):
                able = [name for name, part in parts.items() if name is not None and _can_be_picture(part)]
                known = ", ".join(map(repr, ["observation", "render", *able]))
                raise ValueError(f"picture must be one of {known}; got {wanted!r}")
            return cls(False, wanted)
        found = [name for name, part in parts.items() if _can_be_picture(part, SMALLEST)]
        if len(found) > 1:
            listed = " or ".join(f"picture={name!r}" for name in found)
            raise ValueError(f"the observation of {_named(env)} holds several pictures: choose {listed}")
        if found:
            return cls(False, found[0])
        if wanted is None and renders:
            return cls(rendered=True)
        raise ValueError(
            f"{_named(env)} shows no picture: its observation {shorten(space, 200)} holds no uint8 Box "
            f"(height, width, 3) of at least {SMALLEST} pixels a side"
            + ("" if wanted else ", and it has no render mode rgb_array")
        )

    def shape(self, space: gym.Space[Any]) -> tuple[int, ...] | None:
        """The picture's shape as the observation space tells it; None for one that is rendered."""
        part = space[self.name] if isinstance(space, gym.spaces.Dict) and self.name is not None else space
        return None if self.rendered else part.shape

    def take(self, env: gym.Env[Any, Any], observation: Any) -> np.ndarray:
        """The picture now: a fresh uint8 array (height, width, 3).

        Raises:
            TypeError: when it is no picture after all.
        """
        picture = env.render() if self.rendered else observation if self.name is None else observation[self.name]
        if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim not in (2, 3):
            raise TypeError(f"expected a picture, a uint8 array (height, width, 3); got {shorten(picture)}")
        if picture.ndim == 2 or picture.shape[2] == 1:
            return np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=2)
        if picture.shape[2] != 3:
            raise TypeError(f"expected a picture of 3 channels, or 1; got an array of shape {picture.shape}")
        return np.array(picture, order="C")


def check_size(size: Any) -> Size:
    """`size`, checked. Raises ValueError saying what is allowed."""
    sides = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    good = all(isinstance(s, int) and not isinstance(s, bool) and SIZES[0] <= s <= SIZES[1] for s in sides)
    if size is not None and not good:
        raise ValueError(
            f"image_size must be a whole number from {SIZES[0]} to {SIZES[1]} (a square), (height, width), or None for "
            f"the picture as it is; got {size!r}"
        )
    return (int(size[0]), int(size[1])) if isinstance(size, (tuple, list)) else size


def fitted_shape(shape: tuple[int, ...], size: Size) -> tuple[int, int]:
    """Height and width of what `fit` makes of a picture of `shape`."""
    return (size, size) if isinstance(size, int) else size or (int(shape[0]), int(shape[1]))


def fit(picture: np.ndarray, size: Size) -> np.ndarray:
    """`picture` brought to the size: whole into a square, with black bars; stretched to (height, width)."""
    height, width = fitted_shape(picture.shape, size)
    if picture.shape[:2] == (height, width):
        return picture
    if not isinstance(size, int):
        return _resize(picture, height, width)
    scale = size / max(picture.shape[:2])
    inner = _resize(picture, *(max(1, round(side * scale)) for side in picture.shape[:2]))
    top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
    square = np.zeros((size, size, 3), np.uint8)
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return square


def text_names(space: gym.Space[Any]) -> tuple[str, ...]:
    """The entries of a `Dict` observation that are texts, such as a mission."""
    parts = space.spaces.items() if isinstance(space, gym.spaces.Dict) else ()
    return tuple(str(name) for name, part in parts if _is_text(part))


def rest_of(observation: Any, source: PictureSource) -> bytes:
    """All of an observation but the picture, as bytes: equal exactly if it is equal."""
    if source.rendered:
        return _bytes(observation)
    if source.name is None:
        return b""
    return _bytes({name: part for name, part in observation.items() if name != source.name})


def _bytes(value: Any) -> bytes:
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{value.dtype}{value.shape}".encode() + value.tobytes()
    if isinstance(value, Mapping):
        value = [part for name in sorted(value, key=str) for part in (str(name), value[name])]
    if isinstance(value, (list, tuple)):
        parts = [_bytes(part) for part in value]
        return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return repr(value).encode("utf-8", "surrogatepass")


def _resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2  # only who changes sizes needs it

    # A side that shrinks is averaged, one that grows is repeated: no colours that were not there, no grey edges.
    small = min(height, picture.shape[0]), min(width, picture.shape[1])
    if small != picture.shape[:2]:
        picture = cv2.resize(picture, small[::-1], interpolation=cv2.INTER_AREA)
    if (height, width) != small:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    return picture


def _can_be_picture(space: gym.Space[Any], smallest: int = 1) -> bool:
    if not isinstance(space, gym.spaces.Box) or space.dtype != np.uint8 or len(space.shape) not in (2, 3):
        return False
    return space.shape[2:] in ((), (1,), (3,)) and min(space.shape[:2]) >= smallest


def _is_text(space: gym.Space[Any]) -> bool:
    if isinstance(space, (gym.spaces.Text, TextSpace)):
        return True
    # spaces of other packages say only by their elements what they are
    return not type(space).__module__.startswith("gymnasium.") and isinstance(space.sample(), str)


def _named(env: gym.Env[Any, Any]) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__
