"""Spaces of observations that are more than one picture: texts and pictures in reading order, and sound.

Neither has a fixed size, so that `gymnasium.vector.AsyncVectorEnv` needs ``shared_memory=False`` (in
`gymnasium.make_vec` ``vector_kwargs={"shared_memory": False}``), as for Gymnasium's `Sequence`.
"""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
from gymnasium.spaces import Space

from mmgym.spaces import TextSpace

__all__ = ["AudioSpace", "PartsSpace", "as_picture", "wave_file"]

_SAMPLE_SIDE = 32


class PartsSpace(Space[tuple[Any, ...]]):
    """Tuples of texts and pictures in the order in which they are read, e.g. frames, each after its time.

    A picture is a uint8 array (height, width, 3); pictures may differ in size.

    Args:
        max_parts: the most parts.
        max_side: the largest height and width of a picture in pixels.
        seed: seed of the space's generator.

    Raises:
        ValueError: for limits below 1.
    """

    def __init__(self, max_parts: int = 1024, max_side: int = 4096, seed: int | None = None):
        if max_parts < 1 or max_side < 1:
            raise ValueError(f"max_parts and max_side must be at least 1; got {max_parts} and {max_side}")
        self.max_parts, self.max_side = max_parts, max_side
        self._text = TextSpace()
        super().__init__(None, None, seed)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a tuple of at most `max_parts` texts and pictures."""
        return isinstance(x, tuple) and len(x) <= self.max_parts and all(map(self._is_part, x))

    def _is_part(self, part: Any) -> bool:
        if isinstance(part, np.ndarray):
            picture = part.dtype == np.uint8 and part.ndim == 3 and part.shape[2] == 3
            return picture and all(1 <= side <= self.max_side for side in part.shape[:2])
        return self._text.contains(part)

    def sample(self, mask: Any = None, probability: Any = None) -> tuple[Any, ...]:
        """Up to three pictures of noise, each after a text; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("PartsSpace.sample takes neither mask nor probability")
        parts: list[Any] = []
        side = min(_SAMPLE_SIDE, self.max_side)
        for number in range(int(self.np_random.integers(0, min(3, self.max_parts // 2) + 1))):
            parts += [f"picture {number + 1}", self.np_random.integers(0, 256, (side, side, 3), np.uint8)]
        return tuple(parts)

    @property
    def is_np_flattenable(self) -> bool:
        """False: parts have no fixed-size array form."""
        return False

    def __eq__(self, other: object) -> bool:
        mine = (self.max_parts, self.max_side)
        return isinstance(other, PartsSpace) and mine == (other.max_parts, other.max_side)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"PartsSpace(max_parts={self.max_parts}, max_side={self.max_side})"


class AudioSpace(Space[np.ndarray]):
    """Sound of one channel: float32 arrays (samples,) in [-1, 1].

    Args:
        sample_rate: samples per second.
        max_seconds: the longest sound.
        seed: seed of the space's generator.

    Raises:
        ValueError: for limits that are not above 0.
    """

    def __init__(self, sample_rate: int, max_seconds: float = 3600.0, seed: int | None = None):
        if sample_rate < 1 or not max_seconds > 0:
            raise ValueError(f"sample_rate and max_seconds must be above 0; got {sample_rate} and {max_seconds}")
        self.sample_rate, self.max_seconds = sample_rate, max_seconds
        super().__init__(None, None, seed)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a float32 array (samples,) in [-1, 1] of at most `max_seconds`."""
        return (
            isinstance(x, np.ndarray)
            and x.dtype == np.float32
            and x.ndim == 1
            and len(x) <= self.sample_rate * self.max_seconds
            and bool(np.all(np.abs(x) <= 1))
        )

    def sample(self, mask: Any = None, probability: Any = None) -> np.ndarray:
        """Up to a second of noise; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("AudioSpace.sample takes neither mask nor probability")
        most = int(self.sample_rate * min(1.0, self.max_seconds))
        samples = self.np_random.uniform(-1, 1, int(self.np_random.integers(0, most + 1)))
        return samples.astype(np.float32)

    @property
    def is_np_flattenable(self) -> bool:
        """False: sounds differ in length."""
        return False

    def __eq__(self, other: object) -> bool:
        mine = (self.sample_rate, self.max_seconds)
        return isinstance(other, AudioSpace) and mine == (other.sample_rate, other.max_seconds)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"AudioSpace({self.sample_rate}, max_seconds={self.max_seconds:g})"


def wave_file(samples: np.ndarray, rate: int) -> bytes:
    """Sound as a WAV file, 16 bits, mono.

    Args:
        samples: float (samples,), from -1 to 1.
        rate: samples per second.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def as_picture(maker: str, picture: Any, size: tuple[int, int]) -> np.ndarray:
    """`picture` if it is a uint8 array (height, width, 3).

    Args:
        maker: who made it, for the message.
        picture: what was made.
        size: the height and width that it must have.

    Raises:
        TypeError: when it is anything else, naming its form and the one that it must have.
    """
    shape = (*size, 3)
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.shape == shape:
        return picture
    form = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
    raise TypeError(f"{maker} must return a uint8 array {shape}; got {form}")
