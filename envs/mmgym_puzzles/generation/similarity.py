"""How alike two pictures are, in named terms, each normalised so that no picture of one colour scores above 0.

Without that, a blank page would score well wherever most of the target is ground. Everything is counted in whole
numbers or in single divisions of them, and rounded, so a score is the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np

__all__ = ["SIDE", "WEIGHTS", "Perceptual", "Target"]

SIDE = 128
"""Side in pixels at which pictures are compared, whatever size is shown."""
WEIGHTS: Mapping[str, float] = {"pixels": 0.4, "ssim": 0.3, "edges": 0.3}
"""What each term counts in the whole."""

Perceptual = Callable[[np.ndarray, np.ndarray], float]
"""A score of a user's own: of two uint8 pictures (SIDE, SIDE, 3), target and drawing, the larger the more alike."""

_WINDOW, _STRIDE = 8, 4
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_EDGE = 5
"""Part of the target's steepest edge from which a place counts as an edge."""
_REACH = np.ones((5, 5), np.uint8)


class Target:
    """A picture that drawings are held against.

    Args:
        picture: uint8 (SIDE, SIDE, 3), not all of one colour.
        perceptual: one more term, by the name ``perceptual``, or None.
        weights: what each term counts; they are divided by their sum.
    """

    def __init__(
        self, picture: np.ndarray, perceptual: Perceptual | None = None, weights: Mapping[str, float] = WEIGHTS
    ):
        self.picture, self._perceptual, self._weights = picture, perceptual, weights
        colors = picture.reshape(-1, 3).astype(np.int64)
        count = len(colors)
        self._mean = (colors.sum(axis=0) + count // 2) // count
        self._spread = float((colors * colors).sum() - ((colors.sum(axis=0) ** 2) / count).sum())
        self._windows = _windows(picture)
        self._constant_ssim = self._best_grey()
        steep = _steepness(picture)
        self._edge = max(1, int(steep.max()) // _EDGE)
        self._edges = (steep >= self._edge).astype(np.uint8)
        self._near_edges = _widened(self._edges)

    def terms(self, drawing: np.ndarray) -> dict[str, float]:
        """Each term from 0 to 1 (equal), and ``similarity``, their weighted mean.

        - ``pixels``: 1 - MSE(target, drawing) / MSE(target, its mean colour), the coefficient of determination.
        - ``ssim``: (SSIM - b) / (1 - b), with the structural similarity of Wang et al. 2004 (IEEE TIP 13(4), eq. 13)
          on brightness in 8 x 8 windows, and b that of the best picture of one grey.
        - ``edges``: F-measure of precision and recall of edges, within two pixels (Martin et al. 2004, TPAMI 26(5)).
        - ``perceptual``, where a user gives one: (p - b) / (1 - b), b that of the mean colour, 1 that of the target.

        Args:
            drawing: uint8 (SIDE, SIDE, 3).
        """
        terms = {"pixels": self._pixels(drawing), "ssim": self._ssim(drawing), "edges": self._edge_measure(drawing)}
        if self._perceptual is not None:
            terms["perceptual"] = self._own(self._perceptual, drawing)
        terms = {name: round(min(1.0, max(0.0, value)), 6) for name, value in terms.items()}
        whole = math.fsum(self._weights.get(name, 0.0) for name in terms)
        total = math.fsum(self._weights.get(name, 0.0) * value for name, value in terms.items())
        return {**terms, "similarity": round(total / whole, 6)}

    def _pixels(self, drawing: np.ndarray) -> float:
        difference = self.picture.astype(np.int64) - drawing
        return 1 - float((difference * difference).sum()) / self._spread

    def _ssim(self, drawing: np.ndarray) -> float:
        one, other = self._windows, _windows(drawing)
        products = _sums(_grey(self.picture) * _grey(drawing))
        count = float(_WINDOW * _WINDOW)
        covariance = products / count - one[0] * other[0]
        luminance = (2 * one[0] * other[0] + _C1) / (one[0] * one[0] + other[0] * other[0] + _C1)
        structure = (2 * covariance + _C2) / (one[1] + other[1] + _C2)
        return (_mean(luminance * structure) - self._constant_ssim) / (1 - self._constant_ssim)

    def _best_grey(self) -> float:
        """The best SSIM that a picture of one grey has."""
        (mean, variance), grey = self._windows, np.arange(256.0)[:, None, None]
        luminance = (2 * mean * grey + _C1) / (mean * mean + grey * grey + _C1)
        values = luminance * (_C2 / (variance + _C2))
        # Sums of numpy may differ in their last digits between machines: the best few are added up exactly.
        best = np.argsort(values.mean(axis=(1, 2)), kind="stable")[-3:]
        return max(_mean(values[level]) for level in best)

    def _edge_measure(self, drawing: np.ndarray) -> float:
        edges = (_steepness(drawing) >= self._edge).astype(np.uint8)
        drawn, wanted = int(edges.sum()), int(self._edges.sum())
        precise = int((edges * self._near_edges).sum())
        found = int((self._edges * _widened(edges)).sum())
        if not precise or not found:
            return 0.0
        precision, recall = precise / drawn, found / wanted
        return 2 * precision * recall / (precision + recall)

    def _own(self, perceptual: Perceptual, drawing: np.ndarray) -> float:
        mean = np.broadcast_to(self._mean.astype(np.uint8), self.picture.shape).copy()
        flat, equal = perceptual(self.picture, mean), perceptual(self.picture, self.picture)
        value = (perceptual(self.picture, drawing) - flat) / (equal - flat) if equal != flat else 0.0
        return value if math.isfinite(value) else 0.0


def _grey(picture: np.ndarray) -> np.ndarray:
    """Brightness, int64 (height, width), from 0 to 255."""
    wide = picture.astype(np.int64)
    return (77 * wide[..., 0] + 150 * wide[..., 1] + 29 * wide[..., 2]) >> 8


def _sums(values: np.ndarray) -> np.ndarray:
    """Sums over all windows, exact, as float64."""
    table = np.zeros((len(values) + 1, len(values) + 1), np.int64)
    table[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    low, high = table[:-_WINDOW:_STRIDE], table[_WINDOW::_STRIDE]
    sums = high[:, _WINDOW::_STRIDE] - high[:, :-_WINDOW:_STRIDE]
    sums = sums - low[:, _WINDOW::_STRIDE] + low[:, :-_WINDOW:_STRIDE]
    return sums.astype(np.float64)


def _windows(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the brightness in each window."""
    grey, count = _grey(picture), float(_WINDOW * _WINDOW)
    mean = _sums(grey) / count
    return mean, _sums(grey * grey) / count - mean * mean


def _mean(values: np.ndarray) -> float:
    return math.fsum(values.ravel().tolist()) / values.size


def _widened(edges: np.ndarray) -> np.ndarray:
    """Where an edge is within two pixels."""
    return np.asarray(cv2.dilate(edges, _REACH), np.uint8)


def _steepness(picture: np.ndarray) -> np.ndarray:
    """How steep colours change at each place, int32 (height - 2, width - 2): Sobel's gradient, in any colour."""
    wide = picture.astype(np.int32)
    down = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    across = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    sideways, upwards = np.abs(down[:, 2:] - down[:, :-2]), np.abs(across[2:] - across[:-2])
    return _largest(sideways) + _largest(upwards)


def _largest(values: np.ndarray) -> np.ndarray:
    """The largest of three colours; far faster than `max` along so short an axis."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
