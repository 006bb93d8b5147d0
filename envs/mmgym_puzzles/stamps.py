"""Stamps: shapes of one colour whose coverage of each pixel is worked out once and laid down many times."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmgym.draw import Color

__all__ = ["FACTOR", "Stamp", "coverage"]

FACTOR = 4
"""A shape's coverage of a pixel is counted on this many points a side."""


@dataclass(frozen=True)
class Stamp:
    """How to lay a colour over the pixels of a region, in sixteenths."""

    keep: np.ndarray
    """How much of each pixel stays, uint16 (height, width, 3)."""
    add: np.ndarray
    """What is added to it, and a half for rounding, uint16 (height, width, 3)."""

    @classmethod
    def of(cls, cover: np.ndarray, color: Color) -> Stamp:
        """The stamp of a colour that covers so many points of each pixel (`coverage`)."""
        cover = cover.astype(np.uint16)
        # Whole arrays of three channels: NumPy is slow where it has to repeat a channel for every pixel.
        keep = cv2.merge([FACTOR * FACTOR - cover] * 3)
        add = cv2.merge([cover * np.uint16(channel) + np.uint16(FACTOR * FACTOR // 2) for channel in color])
        return cls(keep, add)

    def press(self, region: np.ndarray) -> None:
        """Lay the colour over a region of a picture, uint8 (height, width, 3), in place."""
        mixed = region * self.keep
        mixed += self.add
        mixed >>= 4
        region[:] = mixed


def coverage(height: int, width: int, outlines: list[np.ndarray]) -> np.ndarray:
    """How many points of each pixel the union of some outlines covers, uint8 (height, width), from 0 to 16.

    Args:
        height: of the region in pixels.
        width: of the region in pixels.
        outlines: corners x and y, int32 (corners, 2), counted in points from the upper left one.
    """
    mask = np.zeros((height * FACTOR, width * FACTOR), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [outline], 1)
    rows = mask[0::4] + mask[1::4] + mask[2::4] + mask[3::4]
    # Four bytes of a row at once: the product's highest byte is the sum of all four, whatever their order.
    fours = rows.view(np.uint32)
    fours *= np.uint32(0x01010101)
    fours >>= np.uint32(24)
    return fours.astype(np.uint8)
