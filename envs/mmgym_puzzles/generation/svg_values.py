"""Numbers, points and transforms as SVG writes them, each with a cap, so that no text can ask for unbounded work."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

__all__ = [
    "IDENTITY",
    "LARGEST",
    "SvgError",
    "apply",
    "compose",
    "numbers",
    "read_length",
    "read_number",
    "read_points",
    "read_transform",
]

LARGEST = 1e5
"""Largest magnitude of a number in a document."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BETWEEN = re.compile(r"\s*,?\s*", re.ASCII)
_FUNCTION = re.compile(r"([a-zA-Z]+)\s*\(([^()]*)\)", re.ASCII)
_LONGEST_NUMBER = 40

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


class SvgError(ValueError):
    """A document that is not drawn; the message says why, and where once the parser has added line and column."""


def read_number(text: str, what: str) -> float:
    """One finite number of at most `LARGEST`.

    Raises:
        SvgError: for anything else.
    """
    shown = text if len(text) <= 24 else f"{text[:24]}..."
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise SvgError(f"{what} must be a number; got {shown!r}")
    value = float(text)
    if not abs(value) <= LARGEST:
        raise SvgError(f"{what} must lie between -{LARGEST:g} and {LARGEST:g}; got {shown!r}")
    return value


def read_length(text: str, what: str) -> float:
    """A number that may end in ``px``.

    Raises:
        SvgError: for anything else; other units and percentages are not drawn.
    """
    return read_number(text.strip().removesuffix("px"), what)


def numbers(text: str, what: str) -> Iterator[float]:
    """The numbers of a list separated by spaces or commas.

    Raises:
        SvgError: when something else stands in the list.
    """
    place = _skip(text, 0)
    while place < len(text):
        found = _NUMBER.match(text, place)
        if found is None:
            raise SvgError(f"{what} holds {text[place : place + 12]!r} where a number should be")
        yield read_number(found.group(), what)
        place = _skip(text, found.end())


def _skip(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place


def read_points(text: str, what: str) -> np.ndarray:
    """Points of a polygon, float64 (points, 2).

    Raises:
        SvgError: for an odd count or something that is no number.
    """
    values = list(numbers(text, what))
    if len(values) % 2:
        raise SvgError(f"{what} must hold an even count of numbers; got {len(values)}")
    return np.array(values, np.float64).reshape(-1, 2)


def read_transform(text: str) -> np.ndarray:
    """The matrix of a transform list, float64 (2, 3): `points @ m[:, :2].T + m[:, 2]`.

    Raises:
        SvgError: for an unknown function or a wrong count of numbers.
    """
    matrix, place, end = IDENTITY, 0, len(text.rstrip())
    while place < end:
        # Blanks are skipped first, never within the pattern: a failing match would try every way to share them out.
        found = _FUNCTION.match(text, _skip(text, place))
        if found is None:
            raise SvgError(f"transform holds {text[place:].strip()[:12]!r}; write rotate(30 50 50)")
        matrix = compose(matrix, _function(found.group(1), list(numbers(found.group(2), "transform"))))
        if not np.abs(matrix).max() <= LARGEST * LARGEST:
            raise SvgError("the transforms together are too large")
        place = found.end()
    return matrix


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The matrix that applies `inner` first, then `outer`; all float64 (2, 3)."""
    # Written out: a matrix product may be summed in another order on another machine.
    (a, c, e), (b, d, f) = outer.tolist()
    (p, r, t), (q, s, u) = inner.tolist()
    return np.array(
        [[a * p + c * q, a * r + c * s, a * t + c * u + e], [b * p + d * q, b * r + d * s, b * t + d * u + f]]
    )


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points under a matrix, float64 (points, 2)."""
    (a, c, e), (b, d, f) = matrix.tolist()
    x, y = points[:, 0], points[:, 1]
    return np.stack([a * x + c * y + e, b * x + d * y + f], axis=1)


_COUNTS = {"translate": (1, 2), "scale": (1, 2), "rotate": (1, 3), "skewX": (1,), "skewY": (1,), "matrix": (6,)}


def _function(name: str, values: list[float]) -> np.ndarray:
    if name not in _COUNTS:
        raise SvgError(f"transform {name[:20]!r} is not allowed; allowed: {', '.join(_COUNTS)}")
    if len(values) not in _COUNTS[name]:
        wanted = " or ".join(map(str, _COUNTS[name]))
        raise SvgError(f"{name} takes {wanted} numbers; got {len(values)}")
    if name == "matrix":
        a, b, c, d, e, f = values
        return np.array([[a, c, e], [b, d, f]])
    if name == "translate":
        x, y = values if len(values) == 2 else (values[0], 0.0)
        return np.array([[1, 0, x], [0, 1, y]], np.float64)
    if name == "scale":
        x, y = values if len(values) == 2 else (values[0], values[0])
        return np.array([[x, 0, 0], [0, y, 0]], np.float64)
    turn = math.radians(values[0])
    if name == "rotate":
        x, y = values[1:] if len(values) == 3 else (0.0, 0.0)
        c, s = math.cos(turn), math.sin(turn)
        return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y]])
    slope = math.tan(turn)
    return np.array([[1, slope, 0], [0, 1, 0]] if name == "skewX" else [[1, 0, 0], [slope, 1, 0]], np.float64)
