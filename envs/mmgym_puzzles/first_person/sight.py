"""What one sees from a pose: which pieces are in the picture and not hidden, by lines of sight past solid boxes.

Each piece is a box, from its kind's `low` to its height; walls hide too, but for their doors. Of the nine points of a
piece (its corners, drawn in a little, at two heights, and its middle) it is in view if `SEEN` are in the picture with
nothing between. The same rule decides what counts as success, what the text twin tells and what questions ask.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from mmgym_puzzles.first_person.home import DOOR, HEIGHT, LINTEL, Home, area_of, kind_of, wall_areas
from mmgym_puzzles.first_person.walks import CELL, HEADINGS, center

__all__ = [
    "CLEAR",
    "EYE",
    "PITCH",
    "POINTS",
    "SEEN",
    "TILT",
    "doors_in_view",
    "goals_in_view",
    "in_picture",
    "rims",
    "shares",
]

EYE = 140
"""Height of the eye in centimetres."""
PITCH, TILT = -12, 30
"""Degrees that the level camera looks up, and that a tilt adds."""
POINTS, SEEN = 9, 5
"""Points of a piece, and how many of them one has to see."""
CLEAR = 7
"""How many points one sees of what is seen well."""
_NINE = np.array(
    [(x, y, z) for z in (0.2, 0.85) for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))] + [(0.5, 0.5, 0.6)]
)
"""The nine points, in shares of a box."""
_GRID = np.stack(np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 7), np.linspace(0.02, 1, 8)), -1).reshape(-1, 3)
_MANY = _GRID[(_GRID[:, :2] % 1 == 0).any(axis=1) | (_GRID[:, 2] == 1)]
"""Points all over the sides and the top of a box: where none of them is seen, nothing of the piece is."""


@lru_cache(maxsize=256)
def _solids(home: Home) -> np.ndarray:
    """The boxes of the pieces, then those of the walls: float64 (boxes, 2, 3), lower and upper corner."""
    boxes = []
    for piece in home.pieces:
        left, lower, right, upper = area_of(home.look, piece)
        kind = kind_of(home.look, piece.kind)
        boxes.append(((left, lower, kind.low), (right, upper, kind.height)))
    for wall in home.walls:
        for (left, lower, right, upper), over in wall_areas(wall):
            boxes.append(((left, lower, LINTEL if over else 0), (right, upper, HEIGHT)))
    return np.array(boxes, np.float64)


def _points(boxes: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Points given in shares of each box: (boxes, points, 3)."""
    low, high = boxes[:, None, 0], boxes[:, None, 1]
    points: np.ndarray = low + where * (high - low)
    return points


def _clear(eyes: np.ndarray, points: np.ndarray, boxes: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether nothing is between eyes and points.

    Args:
        eyes: (eyes, 3).
        points: (points, 3).
        boxes: what may be between: (boxes, 2, 3).
        own: by point, the number of the box that it belongs to, which hides it not.

    Returns:
        bool (eyes, points).
    """
    ray = points[None] - eyes[:, None]
    ray = np.where(ray == 0, 1e-9, ray)[:, :, None]
    start = eyes[:, None, None]
    one, other = (boxes[:, 0] - start) / ray, (boxes[:, 1] - start) / ray
    enter, leave = np.minimum(one, other).max(axis=-1), np.maximum(one, other).min(axis=-1)
    hit = (leave > np.maximum(enter, 0)) & (enter < 1)
    hit &= np.arange(len(boxes)) != own[:, None]
    clear: np.ndarray = ~hit.any(axis=-1)
    return clear


def in_picture(away: np.ndarray, heading: int, tilt: int, view: int) -> np.ndarray:
    """Whether points lie in the picture, if nothing hides them.

    Args:
        away: from the eye to the points, in centimetres: (..., 3).
        heading: number of a direction of `walks.HEADINGS`.
        tilt: -1 down, 0 level, 1 up.
        view: field of view in degrees.
    """
    turn, pitch = math.radians(45 * heading), math.radians(PITCH + TILT * tilt)
    right = away[..., 0] * math.cos(turn) - away[..., 1] * math.sin(turn)
    ahead = away[..., 0] * math.sin(turn) + away[..., 1] * math.cos(turn)
    depth = ahead * math.cos(pitch) + away[..., 2] * math.sin(pitch)
    up = away[..., 2] * math.cos(pitch) - ahead * math.sin(pitch)
    edge = depth * math.tan(math.radians(view / 2))
    inside: np.ndarray = (depth > 5) & (np.abs(right) < edge) & (np.abs(up) < edge)
    return inside


def shares(home: Home, cell: int, heading: int, tilt: int, view: int) -> list[int]:
    """How many of the nine points of each piece one sees from a pose, in the order of the pieces."""
    boxes = _solids(home)
    return _count(home, boxes[: len(home.pieces)], _NINE, cell, heading, tilt, view)


def rims(home: Home, cell: int, heading: int, tilt: int, view: int) -> list[bool]:
    """Whether one may see anything of each piece from a pose, be it a rim."""
    bodies = _solids(home)[: len(home.pieces)].copy()
    # Legs, leaves and headboards reach out of the boxes.
    bodies[:, 0] -= 4
    bodies[:, 1] += 4
    bodies[:, 0, 2] = 0
    bodies[:, 1, 2] = np.maximum(bodies[:, 1, 2], 100)
    return [count > 0 for count in _count(home, bodies, _MANY, cell, heading, tilt, view)]


def _count(
    home: Home, bodies: np.ndarray, where: np.ndarray, cell: int, heading: int, tilt: int, view: int
) -> list[int]:
    eye = np.array([*center(cell, home.columns), EYE])
    points = _points(bodies, where).reshape(-1, 3)
    seen = np.nonzero(in_picture(points - eye, heading, tilt, view))[0]
    own = seen // len(where)
    clear = _clear(eye[None], points[seen], _solids(home), own)[0]
    counts: list[int] = np.bincount(own[clear], minlength=len(bodies)).tolist()
    return counts


def doors_in_view(home: Home, cell: int, heading: int, tilt: int, view: int) -> list[tuple[float, float]]:
    """The middles of the doors of which one sees the middle."""
    doors = []
    for wall in home.walls:
        if wall.door >= 0:
            at, along = wall.at * CELL, (wall.door + DOOR / 2) * CELL
            doors.append((at, along, 120) if wall.upright else (along, at, 120))
    if not doors:
        return []
    eye, points = np.array([*center(cell, home.columns), EYE]), np.array(doors, np.float64)
    seen = in_picture(points - eye, heading, tilt, view)
    seen &= _clear(eye[None], points, _solids(home), np.full(len(doors), -1))[0]
    return [door[:2] for door, shown in zip(doors, seen.tolist(), strict=True) if shown]


def goals_in_view(home: Home, cells: list[int], view: int) -> list[int]:
    """By heading, those of some cells from which the target is in view, as a set of bits."""
    boxes = _solids(home)
    eyes = np.array([(*center(cell, home.columns), EYE) for cell in cells])
    points = _points(boxes[:1], _NINE)[0]
    # Only what reaches into the square around the eyes and the target can hide it.
    low, high = np.minimum(eyes.min(axis=0), points.min(axis=0)), np.maximum(eyes.max(axis=0), points.max(axis=0))
    near = ((boxes[:, 0] < high) & (boxes[:, 1] > low))[:, :2].all(axis=1)
    near[0] = True
    clear = _clear(eyes, points, boxes[near], np.zeros(len(points), int))
    away = points[None] - eyes[:, None]
    goals = []
    for heading in range(len(HEADINGS)):
        seen = (clear & in_picture(away, heading, 0, view)).sum(axis=1) >= SEEN
        goals.append(sum(1 << cell for cell, good in zip(cells, seen.tolist(), strict=True) if good))
    return goals
