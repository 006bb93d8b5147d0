"""Tiles: small pictures made of a few flat shapes, sharp at every size, and square grids filled with them.

A shape is given in the unit square, so a tile has no size of its own: it is drawn for the pixels of the cell it is to
fill. Edges are smoothed by drawing larger and averaging in integers, which gives the same bytes everywhere
(OpenCV's own smoothing and resizing differ between processors).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

from mmgym.draw.shapes import Shape

__all__ = ["Grid", "TileSet"]

_CANVAS = 256
"""Tiles are drawn on a canvas of about this many pixels a side (at least twice their size), then averaged down."""


class TileSet:
    """Named tiles, each drawn once per size.

    Args:
        tiles: the shapes of each tile, painted in order; what they leave uncovered is black.
    """

    def __init__(self, tiles: Mapping[str, Sequence[Shape]]):
        self._shapes = {name: tuple(shapes) for name, shapes in tiles.items()}
        self._drawn: dict[tuple[str, int, int], np.ndarray] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tiles."""
        return tuple(self._shapes)

    def tile(self, name: str, height: int, width: int) -> np.ndarray:
        """One tile as a read-only uint8 array (height, width, 3).

        Raises:
            KeyError: for a name that the set does not have.
        """
        key = (name, height, width)
        if key not in self._drawn:
            if name not in self._shapes:
                raise KeyError(f"no tile {name!r}; tiles: {', '.join(self._shapes)}")
            self._drawn[key] = _rasterize(self._shapes[name], height, width)
        return self._drawn[key]


class Grid:
    """A square picture divided into `cells` x `cells` cells, numbered in reading order from 0.

    Where the cells do not divide the picture evenly, their sides differ by at most one pixel.

    Args:
        image_size: side of the picture in pixels, at least `cells`.
        cells: cells a side.

    Raises:
        ValueError: when a cell would have no pixel.
    """

    def __init__(self, image_size: int, cells: int):
        if image_size < cells or cells < 1:
            raise ValueError(f"image_size must be at least the number of cells a side ({cells}); got {image_size}")
        edges = [k * image_size // cells for k in range(cells + 1)]
        spans = list(itertools.pairwise(edges))
        self.image_size = image_size
        self._boxes = [(top, bottom, left, right) for top, bottom in spans for left, right in spans]

    def fill(self, tiles: TileSet, names: Iterable[str]) -> np.ndarray:
        """A new picture, uint8 (image_size, image_size, 3), with one named tile per cell."""
        image = np.empty((self.image_size, self.image_size, 3), np.uint8)
        for cell, name in enumerate(names):
            self.put(image, tiles, cell, name)
        return image

    def put(self, image: np.ndarray, tiles: TileSet, cell: int, name: str) -> None:
        """Draw one tile into its cell of `image`, in place."""
        top, bottom, left, right = self._boxes[cell]
        image[top:bottom, left:right] = tiles.tile(name, bottom - top, right - left)


def _rasterize(shapes: Sequence[Shape], height: int, width: int) -> np.ndarray:
    factor = max(2, _CANVAS // max(height, width))
    canvas = np.zeros((height * factor, width * factor, 3), np.uint8)
    scale = np.array([width * factor, height * factor])
    for shape in shapes:
        # The half pixel: corners lie between pixels, OpenCV's coordinates are pixel centres.
        corners = np.rint(np.asarray(shape.points) * scale - 0.5).astype(np.int32)
        cv2.fillPoly(canvas, [corners], shape.color)
    sums = canvas.reshape(height, factor, width, factor, 3).sum(axis=(1, 3), dtype=np.uint32)
    tile = ((sums + factor * factor // 2) // (factor * factor)).astype(np.uint8)
    tile.flags.writeable = False
    return tile
