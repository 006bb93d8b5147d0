"""How an equation of match sticks is drawn: places in rows, each with its number beneath, sticks with a head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym.draw import Color, blank, disc, draw_text, line, paint
from mmgym_puzzles.imagery.stick_equations import EQUALS

__all__ = ["LOOKS", "Laying", "laying", "place_tile"]

HEIGHT = 1.62
"""Height of a place over its width."""
_NUMBER = 0.5
"""Height of the line with its number over its width."""


@dataclass(frozen=True)
class Look:
    """How sticks and table are coloured."""

    table: Color
    ghost: Color
    """A free slot of a digit."""
    wood: Color
    shine: Color
    head: Color
    moved: Color
    """The head of a stick that lies where none lay at the start."""
    fixed: Color
    """The sticks of the equals sign."""
    ink: Color
    slant: float
    """How far the top of a symbol leans to the right, over its height."""


LOOKS = {
    "usual": Look(
        table=(30, 66, 62), ghost=(44, 82, 77), wood=(226, 178, 110), shine=(250, 216, 160), head=(222, 50, 44),
        moved=(80, 170, 255), fixed=(168, 128, 84), ink=(214, 232, 226), slant=0.0,
    ),
    "ood": Look(
        table=(236, 228, 240), ghost=(218, 208, 226), wood=(112, 62, 36), shine=(150, 92, 58), head=(20, 20, 24),
        moved=(240, 120, 0), fixed=(150, 140, 160), ink=(90, 40, 110), slant=0.2,
    ),
}  # fmt: skip
"""Looks, by name."""

_LEFT, _RIGHT, _TOP, _MIDDLE, _BOTTOM = 0.21, 0.79, 0.17, 0.81, 1.45
_GAP = 0.085
"""From a corner of a digit to the end of a stick."""
_DIAGONAL = 0.23

# Where the sticks of every slot begin (there is the head) and end, in widths of a place.
_ENDS: dict[int, tuple[float, float, float, float]] = {
    0: (_LEFT + _GAP, _TOP, _RIGHT - _GAP, _TOP),
    1: (_LEFT, _TOP + _GAP, _LEFT, _MIDDLE - _GAP),
    2: (_RIGHT, _TOP + _GAP, _RIGHT, _MIDDLE - _GAP),
    3: (_LEFT + _GAP, _MIDDLE, _RIGHT - _GAP, _MIDDLE),
    4: (_LEFT, _BOTTOM - _GAP, _LEFT, _MIDDLE + _GAP),
    5: (_RIGHT, _BOTTOM - _GAP, _RIGHT, _MIDDLE + _GAP),
    6: (_RIGHT - _GAP, _BOTTOM, _LEFT + _GAP, _BOTTOM),
    7: (0.5, _MIDDLE - 0.3, 0.5, _MIDDLE + 0.3),
    8: (0.5 + _DIAGONAL, _MIDDLE - _DIAGONAL, 0.5 - _DIAGONAL, _MIDDLE + _DIAGONAL),
    9: (0.5 - _DIAGONAL, _MIDDLE - _DIAGONAL, 0.5 + _DIAGONAL, _MIDDLE + _DIAGONAL),
    10: (_LEFT + _GAP, _MIDDLE - 0.15, _RIGHT - _GAP, _MIDDLE - 0.15),
    11: (_RIGHT - _GAP, _MIDDLE + 0.15, _LEFT + _GAP, _MIDDLE + 0.15),
}


@dataclass(frozen=True)
class Laying:
    """Where the places of an equation lie in the picture."""

    width: int
    """Width of a place in pixels."""
    corners: tuple[tuple[int, int], ...]
    """Left and top of every place in pixels."""
    background: np.ndarray
    """The table with the numbers of the places, read-only."""


@lru_cache(maxsize=256)
def laying(symbols: str, size: int, look: str) -> Laying:
    """Lay an equation in rows, broken before operators so that its symbols become as large as the picture allows.

    Args:
        symbols: what every place shows at the start.
        size: side of the picture in pixels.
        look: one of `LOOKS`.
    """
    inner = size - 2 * (size // 28)

    def widest(rows: list[str]) -> int:
        return int(min(inner / max(map(len, rows)), inner / len(rows) / (HEIGHT + _NUMBER)))

    rows = max(_rows(symbols), key=lambda rows: (widest(rows), -len(rows)))
    width = max(4, widest(rows))
    tall, deep = round(HEIGHT * width), round((HEIGHT + _NUMBER) * width)
    image = blank(size, size, LOOKS[look].table)
    corners: list[tuple[int, int]] = []
    for k, row in enumerate(rows):
        top = (size - deep * len(rows)) // 2 + deep * k
        for column in range(len(row)):
            left = (size - width * len(row)) // 2 + width * column
            number = str(len(corners) + 1)
            middle = left + width / 2, top + tall + _NUMBER * width * 0.45
            draw_text(image, number, *middle, max(5.0, _NUMBER * width), LOOKS[look].ink, bold=True)
            corners.append((left, top))
    image.flags.writeable = False
    return Laying(width, tuple(corners), image)


def _rows(symbols: str) -> list[list[str]]:
    """The ways to break an equation into rows that take as many places as fit."""
    parts = "".join(s if s.isdigit() else f" {s}" for s in symbols).split()
    broken = []
    for longest in range(max(map(len, parts)), len(symbols) + 1):
        rows = [""]
        for part in parts:
            if len(rows[-1]) + len(part) <= longest:
                rows[-1] += part
            else:
                rows.append(part)
        broken.append([row for row in rows if row])
    return broken


@lru_cache(maxsize=8192)
def place_tile(symbol: str, mask: int, moved: int, width: int, look: str) -> np.ndarray:
    """One place with its sticks as a read-only uint8 array (`HEIGHT` x `width`, `width`, 3).

    Args:
        symbol: what it showed at the start, which says where sticks can lie.
        mask: the sticks that lie there.
        moved: those of them that lay elsewhere at the start.
        width: in pixels.
        look: one of `LOOKS`.
    """
    colors = LOOKS[look]
    tile = blank(round(HEIGHT * width), width, colors.table)
    lying = [slot for slot in _ENDS if mask >> slot & 1]
    if symbol.isdigit():
        for slot in range(7):
            if slot not in lying:
                _lay(tile, _cover(slot, "ghost", width, colors.slant), colors.ghost)
    for slot in lying:
        _lay(tile, _cover(slot, "stick", width, colors.slant), colors.fixed if mask == EQUALS else colors.wood)
        if mask != EQUALS:
            _lay(tile, _cover(slot, "shine", width, colors.slant), colors.shine)
    # The heads come last: where sticks touch or cross, all of them stay in sight.
    for slot in lying if mask != EQUALS else ():
        _lay(tile, _cover(slot, "head", width, colors.slant), colors.moved if moved >> slot & 1 else colors.head)
    tile.flags.writeable = False
    return tile


_THICKNESS = {"ghost": 0.07, "stick": 0.115, "shine": 0.04}
_HEAD = 0.085
Cover = tuple[tuple[slice, slice], np.ndarray]
"""Part of a place, and how much of each of its pixels is covered, int32 (height, width, 1), 255 for all of it."""


@lru_cache(maxsize=4096)
def _cover(slot: int, part: str, width: int, slant: float) -> Cover:
    x, y, to_x, to_y = _ENDS[slot]
    x, to_x = x + slant * (_MIDDLE - y), to_x + slant * (_MIDDLE - to_y)
    white = (255, 255, 255)
    shape = disc(x, y, _HEAD, white) if part == "head" else line(x, y, to_x, to_y, _THICKNESS[part], white)
    image = blank(round(HEIGHT * width), width, (0, 0, 0))
    paint(image, [shape], (0, 0, width, width))
    rows, columns = (np.flatnonzero(image[..., 0].any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return box, image[box][..., :1].astype(np.int32)


def _lay(tile: np.ndarray, cover: Cover, color: Color) -> None:
    box, share = cover
    region = tile[box]
    region[:] = (region * (255 - share) + np.array(color, np.int32) * share + 127) // 255
