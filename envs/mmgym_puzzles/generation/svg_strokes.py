"""Strokes as filled outlines: a quadrilateral for each piece of a line, and what fills its joins and ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.generation.svg_paths import Contour
from mmgym_puzzles.generation.svg_values import apply

__all__ = ["CAPS", "JOINS", "Pen", "outline"]

CAPS = ("butt", "round", "square")
"""Values of ``stroke-linecap``."""
JOINS = ("miter", "round", "bevel")
"""Values of ``stroke-linejoin``."""

_DISC = np.array([(math.cos(2 * math.pi * k / 20), math.sin(2 * math.pi * k / 20)) for k in range(20)])


@dataclass(frozen=True)
class Pen:
    """How a line is stroked."""

    width: float
    cap: str = "butt"
    join: str = "miter"
    miter_limit: float = 4.0


def outline(contour: Contour, pen: Pen, matrix: np.ndarray) -> list[np.ndarray]:
    """Polygons whose union is the stroke of a contour.

    Args:
        contour: the line, before the transform.
        pen: how it is stroked; widths are those before the transform too.
        matrix: the transform, float64 (2, 3).

    Returns:
        Batches of polygons, each float64 (polygons, corners, 2), all turning the same way, to be filled by the rule
        ``nonzero``.
    """
    points, half = contour.points, pen.width / 2
    ends = np.concatenate([points, points[:1]]) if contour.closed else points
    kept = np.concatenate([[True], np.abs(np.diff(ends, axis=0)).max(axis=1) > 1e-9]) if len(ends) > 1 else [True]
    ends = ends[kept]
    if len(ends) < 2:
        return [_turned(piece, matrix) for piece in _dot(ends[0], half, pen.cap)]
    along = np.diff(ends, axis=0)
    along = along / np.sqrt(along[:, :1] ** 2 + along[:, 1:] ** 2)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) * half
    start, stop = ends[:-1].copy(), ends[1:].copy()
    if pen.cap == "square" and not contour.closed:
        start[0], stop[-1] = start[0] - along[0] * half, stop[-1] + along[-1] * half
    pieces = [np.stack([start + normal, stop + normal, stop - normal, start - normal], axis=1)]
    if contour.closed:
        middle, before, after = ends[1:], normal, np.roll(normal, -1, axis=0)
    else:
        middle, before, after = ends[1:-1], normal[:-1], normal[1:]
    if pen.join == "round":
        pieces.append(middle[:, None] + _DISC * half)
    elif len(middle):
        pieces.append(_joins(middle, before, after, pen, half))
    if pen.cap == "round" and not contour.closed:
        pieces.append(ends[[0, -1]][:, None] + _DISC * half)
    return [_turned(piece, matrix) for piece in pieces if len(piece)]


def _dot(point: np.ndarray, half: float, cap: str) -> list[np.ndarray]:
    """What is seen of a line without length."""
    if cap == "round":
        return [(point + _DISC * half)[None]]
    if cap == "square":
        return [(point + np.array([(-half, -half), (half, -half), (half, half), (-half, half)]))[None]]
    return []


def _joins(middle: np.ndarray, before: np.ndarray, after: np.ndarray, pen: Pen, half: float) -> np.ndarray:
    """The wedge at each corner, with its tip where the miter is short enough."""
    turning = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    outer = np.where(turning > 0, -1.0, 1.0)[:, None]
    one, other = middle + outer * before, middle + outer * after
    both = before + after
    # The miter is half the width times 2 / |sum of the unit normals|, along that sum.
    length = both[:, 0] ** 2 + both[:, 1] ** 2
    limit = pen.miter_limit if pen.join == "miter" else 0.0
    sharp = length * max(limit, 1e-9) ** 2 < 4 * half * half
    reach = np.where(sharp, 0.0, 2 * half * half / np.maximum(length, 1e-30))[:, None]
    tip = np.where(sharp[:, None], (one + other) / 2, middle + outer * both * reach)
    return np.stack([middle, one, tip, other], axis=1)


def _turned(polygons: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Polygons under a matrix, with their corners in one order."""
    placed = apply(matrix, polygons.reshape(-1, 2)).reshape(polygons.shape)
    after = np.roll(placed, -1, axis=1)
    area = (placed[..., 0] * after[..., 1] - placed[..., 1] * after[..., 0]).sum(axis=1)
    flipped = placed[:, ::-1]
    return np.where((area < 0)[:, None, None], flipped, placed)
