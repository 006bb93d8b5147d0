"""What is asked of a vLLM engine and what it answers, wherever it runs: ids and pictures in, ids and numbers out."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmgym.trajectory import ImageRef

if TYPE_CHECKING:
    import torch

__all__ = ["Answer", "Engine", "EngineDied", "Request", "checksum", "collapse"]


class EngineDied(RuntimeError):
    """The engine is gone, and with it whatever it was working at."""


@dataclass(frozen=True)
class Request:
    """One answer to be sampled."""

    ids: np.ndarray
    """int32 (n,): the prompt, with **one** placeholder for each image; see `collapse`."""
    images: tuple[ImageRef, ...]
    pixels: tuple[np.ndarray, ...]
    """uint8 HWC each, of the size the model's image processor would resize them to."""
    expanded: int
    """`checksum` of the ids as the model reads them."""
    temperature: float
    """0 takes the likeliest token."""
    seed: int
    max_new_tokens: int
    end_ids: tuple[int, ...]
    banned_ids: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """What was sampled."""

    ids: np.ndarray
    """int32 (m,), the end token included."""
    logprobs: np.ndarray
    """float32 (m,): of the tempered distribution, banned ids at probability 0."""
    version: int
    """Of the weights that sampled; the oldest if they changed on the way."""


class Engine(Protocol):
    """An engine in this process or in another one.

    Whatever is called while an answer is being sampled takes its turn: weights change between answers.
    """

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        ...

    @property
    def death(self) -> str:
        """Why not, if it cannot."""
        ...

    def ask(self, request: Request) -> Future[Answer]:
        """Sample an answer; it joins those that are being sampled. `EngineDied` comes through the future."""
        ...

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Take new weights, and reset the caches of prefixes, of processed images and of image features."""
        ...

    def sleep(self, level: int) -> None:
        """Free the memory of the cache, and of the weights: 1 keeps a copy of them in the host's memory, 2 none."""
        ...

    def wake(self, part: str) -> None:
        """Take back the memory of ``weights`` or ``kv_cache``."""
        ...

    def close(self) -> None:
        """End it."""
        ...


def checksum(ids: Sequence[int] | np.ndarray) -> int:
    """A number that differs where ids do, as good as always."""
    return zlib.crc32(np.asarray(ids, np.int32).tobytes())


def collapse(ids: np.ndarray, images: Sequence[ImageRef], family: Any) -> np.ndarray:
    """A prompt as vLLM wants it: it expands images by itself, and would expand expanded ones again.

    Args:
        ids: int32 (n,), images expanded.
        images: in reading order.
        family: the model's family, which knows what stands for an image.

    Returns:
        int32 (m,), with one placeholder for each image.

    Raises:
        ValueError: when the ids do not hold the images.
    """
    pieces, start = [], 0
    for number, image in enumerate(images):
        run = np.asarray(family.image_ids(image), ids.dtype)
        begins = start + np.flatnonzero(ids[start : len(ids) - len(run) + 1] == run[0])
        first = next((int(i) for i in begins if np.array_equal(ids[i : i + len(run)], run)), None)
        if first is None:
            raise ValueError(f"the ids do not hold image {number} of {len(images)} ({image.height} x {image.width})")
        pieces += [ids[start:first], np.array([family.placeholder_id], ids.dtype)]
        start = first + len(run)
    return np.concatenate([*pieces, ids[start:]]).astype(np.int32)
