"""From a decoded frame to the picture a person would see: RGB, upright, with square pixels, of one size."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

__all__ = ["Orientation", "orientation", "rgb"]

Orientation = tuple[int, bool]
"""Quarter turns anticlockwise that make a picture upright, and whether it is then mirrored left to right."""

MAX_STRETCH = 8
"""Pixels that are said to be more oblong than this are a mistake of the header, and taken as square."""


def orientation(frame: Any) -> Orientation | None:
    """How a frame is to be turned, from the display matrix that came with it; None when none came."""
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None or len(bytes(data)) < 36:
        return None
    # Fixed-point numbers (a, b, _, c, d, ...): the point (x, y), y downwards, is shown at (ax + cy, bx + dy).
    values = struct.unpack("=9i", bytes(data)[:36])
    a, b, c, d = (round(v / 65536) for v in (values[0], values[1], values[3], values[4]))
    turns = {
        (1, 0, 0, 1): (0, False),
        (0, 1, -1, 0): (3, False),
        (-1, 0, 0, -1): (2, False),
        (0, -1, 1, 0): (1, False),
        (-1, 0, 0, 1): (0, True),
        (1, 0, 0, -1): (2, True),
        (0, 1, 1, 0): (3, True),
        (0, -1, -1, 0): (1, True),
    }
    return turns.get((a, b, c, d))


def rgb(frame: Any, reformatter: Any, coded_size: tuple[int, int], aspect: Any, turn: Orientation | None) -> np.ndarray:
    """The picture of a frame: uint8 (height, width, 3), read-only.

    Args:
        frame: A frame of PyAV.
        reformatter: PyAV's converter, of the thread that calls.
        coded_size: Width and height that frames have before they are turned; one that differs is scaled.
        aspect: Width of a pixel over its height, or None.
        turn: How it is made upright.
    """
    width, height = coded_size
    if aspect and 1 / MAX_STRETCH <= aspect <= MAX_STRETCH:
        width = max(1, round(width * aspect))
    # One thread: how many there are must not decide about pixels.
    image: np.ndarray = reformatter.reformat(frame, width, height, "rgb24", threads=1).to_ndarray()
    if turn:
        quarters, mirrored = turn
        image = np.rot90(image, quarters)
        image = np.ascontiguousarray(image[:, ::-1] if mirrored else image)
    image.flags.writeable = False
    return image
