"""Frames brought to the size that an agent sees: so many tokens, a part of a frame, several frames on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mmgym.draw import blank, draw_text, text_width

__all__ = ["WHOLE", "Box", "contact_sheet", "crop", "fitted", "inner_box", "seen_on_sheet"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom of a part of a picture, as shares of its width and height from 0 to 1."""
Place = tuple[int, int, int, int]
"""Left, top, right, bottom of a part of a picture in pixels, right and bottom not included."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
MAX_SIDE = 4096
"""Pixels that a side of a picture has at most."""
SMALLEST_LINE = 8
"""Pixels that a line of a caption is high at least."""


def fitted(height: int, width: int, tokens: int, patch: int) -> tuple[int, int]:
    """Height and width at which a picture takes at most `tokens` cells of `patch` by `patch` pixels.

    Both are multiples of `patch`, at least one and at most 4096 pixels; the proportions are kept as nearly as that
    allows.
    """
    scale = math.sqrt(tokens / (height * width))
    longest = max(1, MAX_SIDE // patch)
    rows = min(max(1, math.floor(height * scale + 1e-6)), tokens, longest)
    columns = min(max(1, math.floor(width * scale + 1e-6)), tokens // rows, longest)
    return rows * patch, columns * patch


def crop(image: np.ndarray, box: Box, height: int, width: int) -> np.ndarray:
    """A part of a picture at another size: a fresh uint8 array (height, width, 3).

    The part is widened to at least one pixel. It is averaged where it shrinks, interpolated where it grows.
    """
    rows, columns = image.shape[:2]
    left, top = min(int(box[0] * columns), columns - 1), min(int(box[1] * rows), rows - 1)
    right, bottom = max(left + 1, math.ceil(box[2] * columns)), max(top + 1, math.ceil(box[3] * rows))
    part = image[top:bottom, left:right]
    if part.shape[:2] == (height, width):
        return part.copy()
    shrinks = height <= part.shape[0] and width <= part.shape[1]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def inner_box(outer: Box, box: Box) -> Box:
    """The part of a picture that is the part `box` of its part `outer`."""
    width, height = outer[2] - outer[0], outer[3] - outer[1]
    left, top, right, bottom = box
    return outer[0] + left * width, outer[1] + top * height, outer[0] + right * width, outer[1] + bottom * height


def contact_sheet(images: Sequence[np.ndarray], captions: Sequence[str], height: int, width: int) -> np.ndarray:
    """Several pictures side by side in rows, each with its caption above: uint8 (height, width, 3).

    Args:
        images: uint8 (any height, any width, 3), in reading order; none gives an empty sheet.
        captions: one short line of printable ASCII for each.
        height: of the sheet in pixels.
        width: of the sheet in pixels.
    """
    sheet = blank(height, width, (24, 24, 28))
    places = _sheet_places([image.shape[:2] for image in images], height, width)
    for image, caption, (cell, place) in zip(images, captions, places, strict=True):
        left, top, right, line = cell
        size = line - top
        while size > SMALLEST_LINE and text_width(caption, size) > right - left - 4:
            size -= 1
        draw_text(sheet[top:line, left:right], caption, 2, (line - top) / 2, size, (236, 236, 236), anchor="left")
        left, top, right, bottom = place
        sheet[top:bottom, left:right] = crop(image, WHOLE, bottom - top, right - left)
    return sheet


def _sheet_places(sizes: Sequence[tuple[int, ...]], height: int, width: int) -> list[tuple[Place, Place]]:
    """Where on a `contact_sheet` of this height and width the captions and pictures of these sizes lie."""
    if not sizes:
        return []
    shape = sizes[0][1] / sizes[0][0]
    columns = min(range(1, len(sizes) + 1), key=lambda n: _waste(n, len(sizes), shape, height, width))
    rows = math.ceil(len(sizes) / columns)
    cell_height, cell_width = height // rows, width // columns
    line = min(max(8, min(cell_height // 8, 18)), cell_height // 2)
    room = cell_height - line - 2, cell_width - 2
    places = []
    for number, size in enumerate(sizes):
        top, left = number // columns * cell_height, number % columns * cell_width
        scale = min(room[0] / size[0], room[1] / size[1])
        high, wide = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
        row, column = top + line + (room[0] - high) // 2, left + 1 + (room[1] - wide) // 2
        places.append(((left, top, left + cell_width, top + line), (column, row, column + wide, row + high)))
    return places


def seen_on_sheet(box: Box, sizes: Sequence[tuple[int, ...]], height: int, width: int) -> list[tuple[int, Box, int]]:
    """What a part of a `contact_sheet` of this height and width shows of pictures of these sizes.

    Returns:
        For each picture that is in the part: its number from 0, what is seen of it, and how many pixels of the sheet
        that is high.
    """
    left, top, right, bottom = (
        round(box[0] * width),
        round(box[1] * height),
        round(box[2] * width),
        round(box[3] * height),
    )
    seen = []
    for number, (_, (x0, y0, x1, y1)) in enumerate(_sheet_places(sizes, height, width)):
        x2, y2, x3, y3 = max(left, x0), max(top, y0), min(right, x1), min(bottom, y1)
        if x2 < x3 and y2 < y3:
            wide, high = x1 - x0, y1 - y0
            inner = (x2 - x0) / wide, (y2 - y0) / high, (x3 - x0) / wide, (y3 - y0) / high
            seen.append((number, inner, y3 - y2))
    return seen


def _waste(columns: int, count: int, shape: float, height: int, width: int) -> float:
    """How little of a sheet the pictures fill with so many columns."""
    rows = math.ceil(count / columns)
    high = min(height / rows, width / columns / shape)
    return -high
