"""Pictures made harder to read, for NoisyRollout (arXiv 2504.13055): what some members of a group see while sampling.

The update uses the clean picture. Each augmentation is a pure function of a uint8 array (height, width, 3), a
strength in [0, 1] and a generator; it keeps the size, so that the ids of a prompt are those of the clean picture, and
strength 0 changes nothing. Whether it keeps the answer is for the user to know: ``shift`` moves what an agent would
click on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from mmgym.trajectory import EpisodeTask

__all__ = [
    "AUGMENTATIONS",
    "annealed_strength",
    "augment",
    "augmentation_rng",
    "brightness_contrast",
    "check_augmentation",
    "gaussian_noise",
    "shift",
]

_STEPS = 1000
_BETA_LOW, _BETA_HIGH = 1e-5, 5e-3
_MAX_BRIGHTNESS = 64.0
_MAX_CONTRAST = 0.5
_MAX_SHIFT = 1 / 8


def gaussian_noise(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """The forward process of a diffusion model, stopped at step t = 1000 strength.

    With pixels x in [0, 1]: sqrt(a_t) x + sqrt(1 - a_t) e, where e is standard normal and a_t the product of
    1 - beta_s over the steps 0 to t; beta rises from 1e-5 to 5e-3 as a sigmoid over [-6, 6]. The paper starts at
    t = 500, which is strength 0.5.
    """
    kept = _kept_signal()[min(_STEPS - 1, int(_STEPS * strength))]
    noise = rng.standard_normal(image.shape, np.float32)
    return _to_pixels(np.sqrt(kept) * image.astype(np.float32) + np.sqrt(1 - kept) * 255 * noise)


def brightness_contrast(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Contrast around mid-grey times a factor in 1 +- 0.5 strength, and at most 64 strength levels up or down."""
    contrast, brightness = rng.uniform(-strength, strength, 2)
    grey = (image.astype(np.float32) - 127.5) * np.float32(1 + _MAX_CONTRAST * contrast)
    return _to_pixels(grey + np.float32(127.5 + _MAX_BRIGHTNESS * brightness))


def shift(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Moved by whole pixels, at most strength / 8 of the height and of the width; the border is repeated."""
    rows, columns = (_moved(size, strength, rng) for size in image.shape[:2])
    return image[rows[:, None], columns]


AUGMENTATIONS: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "gaussian_noise": gaussian_noise,
    "brightness_contrast": brightness_contrast,
    "shift": shift,
}
"""Augmentations by name."""


def check_augmentation(name: str) -> str:
    """`name` itself.

    Raises:
        ValueError: naming the known ones, if it is none of them.
    """
    if name not in AUGMENTATIONS:
        raise ValueError(f"augmentation must be one of {', '.join(AUGMENTATIONS)}; got {name!r}")
    return name


def augment(image: np.ndarray, name: str, strength: float, rng: np.random.Generator) -> np.ndarray:
    """A new picture of the same size.

    Args:
        image: uint8 array (height, width, 3).
        name: one of `AUGMENTATIONS`.
        strength: from 0 (the picture as it is) to 1.
        rng: decides what is drawn; equal generators give equal pictures.

    Raises:
        ValueError: for an unknown name or a strength out of range.
    """
    function = AUGMENTATIONS[check_augmentation(name)]
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be from 0 to 1; got {strength}")
    return function(image, strength, rng) if strength else image.copy()


def augmentation_rng(task: EpisodeTask, turn: int) -> np.random.Generator:
    """The generator of all pictures that a turn (from 0) of an episode shows, by noise, group, member and turn."""
    name = f"augmentation/{task.noise}/{task.group}/{task.member}/{turn}"
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def annealed_strength(
    initial: float, step: int, steps: int, *, midpoint: float = 2 / 3, steepness: float = 30.0
) -> float:
    """The paper's schedule: initial (1 - sigmoid(steepness (step / steps - midpoint))).

    Args:
        initial: strength at the start, but for what the sigmoid has taken by then.
        step: the iteration, from 0.
        steps: number of iterations.
        midpoint: share of the iterations after which half of it is left.
        steepness: how sudden the fall is; 30 in the paper.

    Raises:
        ValueError: when `initial` or `midpoint` is not from 0 to 1, or `steps` below 1.
    """
    for name, value in (("initial", initial), ("midpoint", midpoint)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1; got {value}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1; got {steps}")
    return initial * (1 - 1 / (1 + math.exp(-steepness * (step / steps - midpoint))))


@lru_cache(maxsize=1)
def _kept_signal() -> np.ndarray:
    """float32 (1000,): the share of the signal's power that is left at each step."""
    sigmoid = 1 / (1 + np.exp(-np.linspace(-6, 6, _STEPS)))
    return np.cumprod(1 - (_BETA_LOW + (_BETA_HIGH - _BETA_LOW) * sigmoid)).astype(np.float32)


def _moved(size: int, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Index of the source of each of `size` rows or columns after a random move."""
    most = round(_MAX_SHIFT * strength * size)
    return np.clip(np.arange(size) + int(rng.integers(-most, most + 1)), 0, size - 1)


def _to_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
