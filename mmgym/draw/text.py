"""Text in pictures, from a strip of glyphs that comes with the package: the same bytes on every machine.

`make_glyphs.py` draws the strip once, large, from DejaVu Sans and Liberation Sans Bold; here it is averaged down to the
size asked for. The averaging is exact: all sums are whole numbers that a float64 holds without rounding.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from mmgym.draw.paint import _blend
from mmgym.draw.shapes import Color

__all__ = ["draw_text", "text_width"]

_FILE = Path(__file__).with_name("glyphs.npz")


@lru_cache(maxsize=1)
def _strips() -> dict[bool, tuple[np.ndarray, dict[str, tuple[int, int]]]]:
    """For normal and bold: the strip, uint8 (rows, columns), and each character's first and last column + 1."""
    strips = {}
    with np.load(_FILE) as stored:
        for bold, name in ((False, "normal"), (True, "bold")):
            edges = stored[f"{name}_edges"].tolist()
            characters = str(stored[f"{name}_characters"])
            spans = {c: (edges[k], edges[k + 1]) for k, c in enumerate(characters)}
            strips[bold] = (stored[f"{name}_strip"], spans)
    return strips


def draw_text(
    image: np.ndarray,
    text: str,
    x: float,
    y: float,
    height: float,
    color: Color,
    *,
    anchor: Literal["left", "center", "right"] = "center",
    bold: bool = False,
) -> None:
    """Write one line of text onto a picture, in place; parts outside the picture are left out.

    Args:
        image: uint8 (height, width, 3).
        text: printable ASCII and the symbols of `make_glyphs.py`.
        x: pixels from the left to the text's left end, middle or right end, as `anchor` says.
        y: pixels from the top to the middle of the line.
        height: height of the line in pixels; a capital letter takes six tenths of it.
        color: colour of the letters.
        anchor: which part of the text is at `x`.
        bold: whether to use bold letters.

    Raises:
        ValueError: for a character that there is no glyph for.
    """
    cover = _cover(text, round(height), bold)
    rows, columns = cover.shape
    left = round(x - {"left": 0, "center": columns / 2, "right": columns}[anchor])
    top = round(y - rows / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + columns, image.shape[1]), min(top + rows, image.shape[0])
    if x0 < x1 and y0 < y1:
        _blend(image[y0:y1, x0:x1], cover[y0 - top : y1 - top, x0 - left : x1 - left], 255, color)


def text_width(text: str, height: float, bold: bool = False) -> int:
    """Pixels that a line of text takes from left to right."""
    strip, spans = _strips()[bold]
    return _width(sum(spans[c][1] - spans[c][0] for c in _known(text, bold)), round(height), len(strip))


@lru_cache(maxsize=4096)
def _cover(text: str, height: int, bold: bool) -> np.ndarray:
    """How much of each pixel the letters cover, read-only uint8 (height, width), 255 for all of it."""
    strip, spans = _strips()[bold]
    whole = np.concatenate([strip[:, slice(*spans[c])] for c in _known(text, bold)] or [strip[:, :0]], axis=1).astype(
        np.float64
    )
    rows, columns = whole.shape
    width = _width(columns, height, rows)
    down, across = _shares(rows, height), _shares(columns, width)
    cover = (down @ whole @ across.T + rows * columns // 2) // max(1, rows * columns)
    cover = cover.astype(np.uint8)
    cover.flags.writeable = False
    return cover


def _known(text: str, bold: bool) -> str:
    if missing := sorted(set(text) - set(_strips()[bold][1])):
        raise ValueError(f"no glyph for {', '.join(map(repr, missing))}; see mmgym/draw/make_glyphs.py")
    return text


def _width(columns: int, height: int, rows: int) -> int:
    """Columns of a text that has so many in the strip, and is `height` instead of `rows` high."""
    return max(1, round(columns * height / rows)) if columns else 0


def _shares(source: int, target: int) -> np.ndarray:
    """How much of each of `source` pixels lies in each of `target`, (target, source); each row sums to `source`."""
    low = np.maximum(np.arange(target)[:, None] * source, np.arange(source) * target)
    high = np.minimum((np.arange(target)[:, None] + 1) * source, (np.arange(source) + 1) * target)
    return np.maximum(high - low, 0).astype(np.float64)
