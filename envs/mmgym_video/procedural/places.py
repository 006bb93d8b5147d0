"""Where things are put in a frame: cells of a grid, and how high text has to be."""

from __future__ import annotations

import math

import numpy as np

from mmgym_video.procedural.family import Setting
from mmgym_video.procedural.stage import LEGIBLE

__all__ = ["grid", "legible_height", "text_height"]


def grid(
    rng: np.random.Generator, width: float, count: int, top: float, bottom: float
) -> tuple[list[tuple[float, float]], float]:
    """Middles of at least `count` equal cells that fill a band of the frame, in random order, and their shorter side.

    Args:
        rng: what is random.
        width: of the frame, in thousandths of its height.
        count: least number of cells, which are as large and as nearly square as that allows.
        top: of the band.
        bottom: of the band.
    """

    def side(rows: int) -> float:
        return min((bottom - top) / rows, width / -(-count // rows))

    rows = max(range(1, count + 1), key=side)
    columns = -(-count // rows)
    wide, high = width / columns, (bottom - top) / rows
    cells = [((column + 0.5) * wide, top + (row + 0.5) * high) for row in range(rows) for column in range(columns)]
    return [cells[i] for i in rng.permutation(len(cells)).tolist()], side(rows)


def legible_height(setting: Setting) -> int:
    """Least height of text, in thousandths of the frame's, that can be read in the frames as they are drawn."""
    return math.ceil(1000 * LEGIBLE / setting.size[0])


def text_height(setting: Setting, height: float, letters: int, share: float = 1.0) -> int:
    """A height of text on a display, in thousandths of the frame's.

    Args:
        setting: of the instance.
        height: what is wanted; more is given where it takes more to be read in small frames.
        letters: of the longest text, which must fit.
        share: of the frame's width that there is for it.
    """
    # A letter is seven tenths as wide as high at most, and a display has a margin.
    fits = share * 1000 * setting.size[1] / setting.size[0] / (0.7 * letters + 0.5)
    return int(min(max(height, legible_height(setting)), fits))
