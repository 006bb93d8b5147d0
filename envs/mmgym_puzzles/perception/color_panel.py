"""The picture of ColorMatch: two patches of colour, and sliders whose tracks show the colours they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym.draw import blank, draw_text

__all__ = ["Panel", "Track", "draw_panel"]

Track = tuple[str, int, np.ndarray]
"""Name of a channel, the position of its slider, and the colours of all positions, uint8 (positions, 3)."""

_TRACK = (0.30, 0.82)
"""Left and right end of the tracks, as shares of the picture's side."""
_ROWS = (0.70, 0.81, 0.92)
"""Middles of the tracks."""


@dataclass(frozen=True)
class Panel:
    """How the panel looks."""

    dark: bool
    """Whether it is dark, with one patch over the other instead of beside it."""
    touching: bool
    """Whether the patches touch."""
    numbers: bool
    """Whether numbers stand beside the sliders."""

    @property
    def patches(self) -> tuple[tuple[float, float, float, float], ...]:
        """Left, top, right, bottom of the target and of yours, as shares of the picture's side."""
        gap = 0.0 if self.touching else 0.06
        if self.dark:
            return (0.30, 0.06, 0.94, 0.32 - gap), (0.30, 0.32 + gap, 0.94, 0.58)
        return (0.06, 0.15, 0.5 - gap, 0.6), (0.5 + gap, 0.15, 0.94, 0.6)


@lru_cache(maxsize=32)
def _background(size: int, panel: Panel, names: tuple[str, ...]) -> np.ndarray:
    ground, ink = ((34, 36, 42), (226, 228, 234)) if panel.dark else ((244, 243, 239), (40, 40, 46))
    image = blank(size, size, ground)
    for word, (left, top, right, bottom) in zip(("target", "yours"), panel.patches, strict=True):
        if panel.dark:
            draw_text(image, word, 0.06 * size, (top + bottom) / 2 * size, 0.075 * size, ink, anchor="left", bold=True)
        else:
            draw_text(image, word, (left + right) / 2 * size, 0.09 * size, 0.08 * size, ink, bold=True)
    for name, row in zip(names, _ROWS, strict=False):
        short = {"saturation": "satur.", "brightness": "bright"}.get(name, name)
        draw_text(image, short, 0.06 * size, row * size, 0.07 * size, ink, anchor="left")
    image.flags.writeable = False
    return image


def draw_panel(size: int, panel: Panel, target: np.ndarray, yours: np.ndarray, tracks: Sequence[Track]) -> np.ndarray:
    """A new picture, uint8 (size, size, 3), of two colours, uint8 (3,), and at most three sliders."""
    image = _background(size, panel, tuple(name for name, *_ in tracks)).copy()
    for color, patch in zip((target, yours), panel.patches, strict=True):
        left, top, right, bottom = (round(edge * size) for edge in patch)
        image[top:bottom, left:right] = np.repeat(color[None], right - left, axis=0)
    first, last = (round(end * size) for end in _TRACK)
    half, knob = max(1, round(0.022 * size)), max(2, round(0.04 * size))
    ink, paper = ((255, 255, 255), (10, 10, 12)) if panel.dark else ((20, 20, 24), (255, 255, 255))
    for (_, position, colors), row in zip(tracks, _ROWS, strict=False):
        y, count = round(row * size), len(colors)
        image[y - half : y + half, first:last] = colors[np.arange(last - first) * count // (last - first)]
        x = first + (2 * position + 1) * (last - first) // (2 * count)
        wide = max(1, round(0.012 * size))
        image[y - knob : y + knob, x - wide : x + wide + 1] = ink
        image[y - knob + 1 : y + knob - 1, x - wide + 1 : x + wide] = paper
        if panel.numbers:
            draw_text(image, str(position), 0.91 * size, y, 0.075 * size, ink)
    return image
