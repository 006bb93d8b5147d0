"""Colours on sliders: what red, green and blue a set of slider positions gives, and how different two colours look.

The measure is the distance in OKLab (Ottosson 2020, "A perceptual color space for image processing"; CSS Color 4 calls
it deltaEOK), here in hundredths: about 2 is a difference that is just noticed. Coordinates are rounded to whole
ten-thousandths of the space's unit, so that every machine decides alike.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

__all__ = ["CHANNELS", "Model", "difference", "lab_table", "oklab", "rgb_of"]

Model = Literal["hsv", "rgb"]
CHANNELS: dict[Model, tuple[str, str, str]] = {
    "hsv": ("hue", "saturation", "brightness"),
    "rgb": ("red", "green", "blue"),
}
"""Names of the channels of each model."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Colours in OKLab, float64 (..., 3), from sRGB, uint8 (..., 3)."""
    share = np.asarray(rgb, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    lab: np.ndarray = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """How different two sRGB colours look: their distance in OKLab, in hundredths of its unit."""
    return float(100 * np.linalg.norm(oklab(one) - oklab(other)))


def rgb_of(model: Model, notches: tuple[int, int, int], positions: np.ndarray) -> np.ndarray:
    """The sRGB colours, uint8 (..., 3), of slider positions, int (..., 3), each below its number of `notches`.

    Hue goes once around in its notches; the other channels reach from none to full in theirs.
    """
    places = np.asarray(positions, np.float64)
    spans = np.array([notches[0] if model == "hsv" else notches[0] - 1, notches[1] - 1, notches[2] - 1], np.float64)
    shares = places / np.maximum(spans, 1)
    if model == "rgb":
        return np.rint(255 * shares).astype(np.uint8)
    hue, saturation, value = 6 * shares[..., 0], shares[..., 1], shares[..., 2]
    # f(n) = v - v s max(0, min(k, 4 - k, 1)), k = (n + h / 60) mod 6, for n = 5, 3, 1 (red, green, blue).
    turned = (np.array([5.0, 3.0, 1.0]) + hue[..., None]) % 6
    cut = np.clip(np.minimum(turned, 4 - turned), 0, 1)
    return np.rint(255 * value[..., None] * (1 - saturation[..., None] * cut)).astype(np.uint8)


@lru_cache(maxsize=8)
def lab_table(model: Model, notches: tuple[int, int, int]) -> np.ndarray:
    """OKLab in ten-thousandths, int32 (*notches, 3), of the colours of all slider positions. Not to be changed."""
    positions = np.stack(np.meshgrid(*map(np.arange, notches), indexing="ij"), axis=-1)
    table = np.rint(10_000 * oklab(rgb_of(model, notches, positions))).astype(np.int32)
    table.flags.writeable = False
    return table
