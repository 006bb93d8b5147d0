"""Embodied-R1's rewards (arXiv 2508.13998): an answer, a point, a region, a free spot, a trace.

Written from the rules as coded in the authors' repository (``verl/utils/reward_score/embodiedr1.py``). A text is a
thought and an answer in tags; points stand in ``<point>`` as a JSON list of pairs, in pixels. Anything that cannot be
read, coordinates that are no finite numbers among it, earns what the format earns and no more. The kind of question
that asks for positions in 3-D is left out: its camera is fixed in the code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import numpy as np

from mmgym.rewards.tags import between, is_framed

__all__ = [
    "embodied_r1_answer",
    "embodied_r1_free_point",
    "embodied_r1_point",
    "embodied_r1_region",
    "embodied_r1_trace",
]

Point = tuple[float, float]
_TRACE = 8
"""Points of a trace."""


def _same(said: str, truth: str) -> bool:
    return said.casefold() == truth.casefold()


def embodied_r1_answer(said: str, truth: str, same: Callable[[str, str], bool] = _same) -> float:
    """General and spatial questions: .1 format + .9 accuracy.

    Args:
        said: the model's text; its answer is what stands in ``<answer>`` in one line, else all of it.
        truth: the right answer.
        same: whether two answers are the same; the original asks a grader of mathematics, here equal but for case.
    """
    answers = [text for text in between(said, "<answer>", "</answer>") if "\n" not in text]
    return 0.1 * is_framed(said) + 0.9 * same((answers[0] if answers else said).strip(), truth.strip())


def embodied_r1_point(said: str, points: Sequence[Point]) -> float:
    """Pointing by example: .1 format + .1 point format + .8 nearness.

    Nearness is 1 where the said points are 10 pixels or less from the nearest right one, in the mean, and falls to 0 at
    50.
    """
    return _formats(said) + 0.8 * _nearness(_points(said), points)


def embodied_r1_region(said: str, outline: Sequence[Point]) -> float:
    """Pointing into a region: .1 format + .1 point format + .8 x the share of points inside.

    Args:
        said: the model's text.
        outline: corners of the region, at least 3.

    Raises:
        ValueError: for fewer corners.
    """
    if len(outline) < 3:
        raise ValueError(f"outline must have at least 3 corners; got {len(outline)}")
    points = _points(said)
    inside = sum(_is_inside(point, outline) for point in points)
    return _formats(said) + (0.8 * inside / len(points) if points else 0.0)


def embodied_r1_free_point(said: str, box: tuple[float, float, float, float], points: Sequence[Point]) -> float:
    """Pointing at a free spot: .1 format + .1 point format + .6 x the share of points in the box + .2 nearness.

    Args:
        said: the model's text.
        box: (x1, y1, x2, y2) of the free area, edges included.
        points: examples of free spots; nearness as in `embodied_r1_point`.
    """
    said_points = _points(said)
    left, top, right, bottom = box
    inside = sum(left <= x <= right and top <= y <= bottom for x, y in said_points)
    share = inside / len(said_points) if said_points else 0.0
    return _formats(said) + 0.6 * share + 0.2 * _nearness(said_points, points)


def embodied_r1_trace(said: str, trace: Sequence[Point]) -> float:
    """A path in the picture: .1 format + .1 point format + .1 count + .3 Frechet + .4 RMSE.

    Only a path of exactly 8 points earns the last three. Frechet falls from 1 at a discrete Frechet distance of 10
    pixels to 0 at 100, RMSE from 1 at a root mean square distance of 5 pixels to 0 at 50, the shorter path stretched to
    the length of the longer one.

    Raises:
        ValueError: for an empty `trace`.
    """
    if not trace:
        raise ValueError("trace must have at least one point; got none")
    path = _points(said)
    if len(path) != _TRACE:
        return _formats(said)
    ours, theirs = np.array(path, np.float64), np.array(trace, np.float64)
    return _formats(said) + 0.1 + 0.3 * _ramp(_frechet(ours, theirs), 10, 100) + 0.4 * _ramp(_rmse(ours, theirs), 5, 50)


def _formats(said: str) -> float:
    return 0.1 * is_framed(said) + 0.1 * bool(between(said, "<point>", "</point>"))


def _points(said: str) -> list[Point]:
    """The points in the first ``<point>``; none where they are not a list of pairs of finite numbers."""
    text = next(iter(between(said, "<point>", "</point>")), "")
    try:
        points = json.loads(text)
        if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
            return []
        pairs = [(float(x), float(y)) for x, y in points if not isinstance(x, str) and not isinstance(y, str)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return []
    whole = len(pairs) == len(points) and all(math.isfinite(x) and math.isfinite(y) for x, y in pairs)
    return pairs if whole else []


def _ramp(distance: float, near: float, far: float) -> float:
    return min(1.0, max(0.0, (far - distance) / (far - near)))


def _nearness(said: Sequence[Point], points: Sequence[Point]) -> float:
    if not said or not points:
        return 0.0
    nearest = [min(math.dist(one, other) for other in points) for one in said]
    return _ramp(math.fsum(nearest) / len(nearest), 10, 50)


def _is_inside(point: Point, outline: Sequence[Point]) -> bool:
    """Whether a ray from the point to the right crosses the outline an odd number of times."""
    (x, y), inside = point, False
    for (ax, ay), (bx, by) in zip(outline, [outline[-1], *outline[:-1]], strict=True):
        if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
            inside = not inside
    return inside


def _frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Discrete Frechet distance of two paths (n, 2) and (m, 2) (Eiter and Mannila 1994)."""
    distances = np.linalg.norm(one[:, None] - other[None], axis=2)
    reach = np.empty_like(distances)
    for i, j in np.ndindex(*distances.shape):
        before = [reach[a, b] for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if a >= 0 and b >= 0]
        reach[i, j] = max(distances[i, j], min(before, default=0.0))
    return float(reach[-1, -1])


def _rmse(one: np.ndarray, other: np.ndarray) -> float:
    at = np.linspace(0, 1, max(len(one), len(other)))
    first, second = (
        np.stack([np.interp(at, np.linspace(0, 1, len(path)), path[:, axis]) for axis in (0, 1)], axis=1)
        for path in (one, other)
    )
    return float(np.sqrt(((first - second) ** 2).sum(axis=1).mean()))
