"""Frames brought to the size that an agent sees: so many tokens, a part of a frame, several frames on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mmgym.draw import blank, draw_text, text_width

__all__ = ["WHOLE", "Box", "contact_sheet", "crop", "fitted", "inner_box"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom of a part of a picture, as shares of its width and height from 0 to 1."""
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
    if not images:
        return sheet
    shape = images[0].shape[1] / images[0].shape[0]
    columns = min(range(1, len(images) + 1), key=lambda n: _waste(n, len(images), shape, height, width))
    rows = math.ceil(len(images) / columns)
    cell_height, cell_width = height // rows, width // columns
    line = min(max(8, min(cell_height // 8, 18)), cell_height // 2)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = number // columns * cell_height, number % columns * cell_width
        size = line
        while size > SMALLEST_LINE and text_width(caption, size) > cell_width - 4:
            size -= 1
        head = sheet[top : top + line, left : left + cell_width]
        draw_text(head, caption, 2, line / 2, size, (236, 236, 236), anchor="left")
        room = cell_height - line - 2, cell_width - 2
        scale = min(room[0] / image.shape[0], room[1] / image.shape[1])
        high, wide = max(1, int(image.shape[0] * scale)), max(1, int(image.shape[1] * scale))
        row, column = top + line + (room[0] - high) // 2, left + 1 + (room[1] - wide) // 2
        sheet[row : row + high, column : column + wide] = crop(image, WHOLE, high, wide)
    return sheet


def _waste(columns: int, count: int, shape: float, height: int, width: int) -> float:
    """How little of a sheet the pictures fill with so many columns."""
    rows = math.ceil(count / columns)
    high = min(height / rows, width / columns / shape)
    return -high
