"""Pictures of figures of cubes: in parallel projection, each direction of faces in a shade of its own.

Cubes are painted from back to front, which is exact here: of two cubes on one lattice, the nearer one lies further
along every axis of the lattice, each taken in the sense in which it points to the viewer. Each pixel is the mean of
three by three points, of which those of each colour are counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, draw_text, line, paint, polygon
from mmgym_puzzles.imagery.cube_figures import Cubes
from mmgym_puzzles.imagery.rotations import AXES, Quaternion, matrix

__all__ = ["Sprite", "View", "draw_axes", "draw_cubes", "seen"]

_FACTOR = 3
_COUNTING = np.array([[0, 1, 1 << 8, 1 << 16, 1 << 24, *[0] * 251]], np.int32)
"""A point around the figure, of an edge, and of a face of each direction: nine, added up, count each in a byte."""
_INSET = 0.05
"""How much of a cube's side the dark line along an edge takes, on each face."""
_LIGHT = (0.55, 0.05, 0.83)


@dataclass(frozen=True)
class View:
    """From where figures are seen, and in which colours."""

    azimuth: float
    """Degrees from the axis x, about the axis z, at which the viewer stands."""
    elevation: float
    """Degrees at which the viewer looks down."""
    face: Color
    """Colour of the brightest face."""
    line: Color
    """Colour of edges."""

    @property
    def basis(self) -> np.ndarray:
        """Rows: the directions to the right, up and to the viewer, (3, 3)."""
        return _basis(self.azimuth, self.elevation)


@lru_cache(maxsize=8)
def _basis(azimuth: float, elevation: float) -> np.ndarray:
    a, e = math.radians(azimuth), math.radians(elevation)
    right = (-math.sin(a), math.cos(a), 0.0)
    up = (-math.sin(e) * math.cos(a), -math.sin(e) * math.sin(a), math.cos(e))
    return np.array([right, up, (math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e))])


@lru_cache(maxsize=1024)
def _middle(cubes: Cubes) -> tuple[np.ndarray, float]:
    """The middle of a figure's box, and how far from it the farthest corner of a cube is, in sides of a cube."""
    held = np.array(cubes, float)
    middle = (held.min(axis=0) + held.max(axis=0)) / 2
    return middle, float(np.linalg.norm(np.abs(held - middle) + 0.5, axis=1).max())


def _places(cubes: Cubes, turn: Quaternion, view: View, radius: float) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Where the cubes of a figure are seen.

    Returns:
        Their middles, (cubes, 2), x to the right and y down, from the middle of the circle; their order from back to
        front; half of each side that points to the viewer, (3, 2).
    """
    middle, reach = _middle(cubes)
    sides = view.basis @ matrix(turn)  # columns: the sides of a cube as seen
    toward = np.where(sides[2] >= 0, 1.0, -1.0)
    places = np.array(cubes, float) - middle
    flat = sides[:2] * (radius / reach) * np.array([[1.0], [-1.0]])
    order = np.argsort(places @ toward, kind="stable").tolist()
    return places @ flat.T, order, (flat * toward).T / 2


def _signs() -> np.ndarray:
    """The outline of a cube, six corners, then three visible faces of four corners, in halves of its sides: (18, 3)."""
    outline = [(1, 1, -1), (1, -1, -1), (1, -1, 1), (-1, -1, 1), (-1, 1, 1), (-1, 1, -1)]
    inner = 1 - 2 * _INSET
    faces = []
    for side in range(3):
        for one, other in ((inner, inner), (inner, -inner), (-inner, -inner), (-inner, inner)):
            corner = [0.0, 0.0, 0.0]
            corner[side], corner[side - 1], corner[side - 2] = 1.0, one, other
            faces.append(tuple(corner))
    return np.array([*outline, *faces], float)


_CORNERS = _signs()


def _whole(points: np.ndarray) -> np.ndarray:
    return np.floor(points.round(5) + 0.5).astype(np.int32)


@dataclass(frozen=True)
class Sprite:
    """A drawn figure, to be put onto a picture."""

    left: int
    top: int
    pixels: np.ndarray
    """uint8 (height, width, 3)."""
    painted: np.ndarray
    """Which pixels belong to the figure: 1 there, else 0, uint8 (height, width)."""

    def put(self, image: np.ndarray) -> None:
        """Put the figure onto a picture, uint8 (height, width, 3), in place."""
        height, width = self.pixels.shape[:2]
        region = image[self.top : self.top + height, self.left : self.left + width]
        cv2.copyTo(self.pixels, self.painted, region)


def draw_cubes(
    cubes: Cubes, turn: Quaternion, view: View, middle: tuple[int, int], radius: float, ground: Color
) -> Sprite:
    """Draw a figure at a size at which every turn of it stays inside a circle.

    Args:
        cubes: the figure.
        turn: how it is turned.
        view: from where it is seen, and in which colours.
        middle: x and y of the middle of the circle in pixels.
        radius: of the circle, in pixels.
        ground: colour of what is around the figure.
    """
    middles, order, halves = _places(cubes, turn, view, (radius - 1) * _FACTOR)
    sides = matrix(turn)
    shades = 0.5 + 0.5 * (np.array(_LIGHT) @ sides) * np.where(view.basis[2] @ sides >= 0, 1.0, -1.0)
    centers = middles[order] + (np.array(middle) * _FACTOR - 0.5)
    corners = _whole(centers[:, None] + _CORNERS @ halves)
    # Only the part of the picture that holds the figure is painted.
    left, top = (corners.min(axis=(0, 1)) // _FACTOR).tolist()
    right, bottom = (corners.max(axis=(0, 1)) // _FACTOR + 1).tolist()
    corners -= np.array([left, top], np.int32) * _FACTOR
    canvas = np.zeros(((bottom - top) * _FACTOR, (right - left) * _FACTOR), np.uint8)
    for cube in corners:
        cv2.fillConvexPoly(canvas, cube[:6], 1)
        cv2.fillConvexPoly(canvas, cube[6:10], 2)
        cv2.fillConvexPoly(canvas, cube[10:14], 3)
        cv2.fillConvexPoly(canvas, cube[14:], 4)
    points = np.asarray(cv2.LUT(canvas, _COUNTING))
    rows = points[::_FACTOR] + points[1::_FACTOR] + points[2::_FACTOR]
    counts = rows[:, ::_FACTOR] + rows[:, 1::_FACTOR] + rows[:, 2::_FACTOR]
    colors = (view.line, *(_shaded(view, shade) for shade in shades.tolist()))
    return Sprite(left, top, _means(counts, ground, colors), (counts != 0).view(np.uint8))


def _means(counts: np.ndarray, ground: Color, colors: tuple[Color, ...]) -> np.ndarray:
    """The mean of the nine points of each pixel, to the nearest whole number, uint8 (height, width, 3).

    A ninth part is never near a half, so fractions may be added up in any way.
    """
    shares = np.zeros((4, 5))  # OpenCV is fastest where as many channels come out as go in
    shares[:3, 4] = ground
    shares[:3, :4] = (np.array(colors).T - shares[:3, 4:]) / _FACTOR**2
    mixed = cv2.transform(counts.view(np.uint8).reshape(*counts.shape, 4), shares)
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_RGBA2RGB), np.uint8)


def _shaded(view: View, shade: float) -> Color:
    red, green, blue = (round(part * min(1.0, max(0.3, shade))) for part in view.face)
    return red, green, blue


def seen(cubes: Cubes, turn: Quaternion, view: View, size: int = 60) -> np.ndarray:
    """How much of each cube is seen: its share, from 0 to 1, of what would be seen of a cube that stands alone."""
    middles, order, halves = _places(cubes, turn, view, size / 2 - 1)
    outline = _CORNERS[:6] @ halves
    canvas = np.zeros((size, size), np.uint8)
    edges = _whole(middles[order][:, None] + (size / 2 - 0.5) + outline)
    for k, cube in enumerate(order):
        cv2.fillConvexPoly(canvas, edges[k], cube + 1)
    alone = cv2.contourArea(outline.astype(np.float32))
    counts = np.bincount(canvas.ravel(), minlength=len(cubes) + 1)[1:]
    return np.minimum(1.0, counts / max(alone, 1.0))


def draw_axes(image: np.ndarray, view: View, middle: tuple[float, float], reach: float, ink: Color) -> None:
    """Three arrows that show where the axes point, with their names, onto a picture in place.

    Args:
        image: uint8 (height, width, 3).
        view: from where it is seen.
        middle: where the axes begin, in pixels.
        reach: length of an arrow that lies flat in the picture, in pixels.
        ink: colour of arrows and names.
    """
    x, y = middle
    for name, (right, up, _) in zip(AXES, view.basis.T, strict=True):
        tip = x + right * reach, y - up * reach
        _arrow(image, (x, y), tip, max(1.0, reach / 12), ink)
        length = math.hypot(right, up)
        at = x + right * reach * (1 + 0.32 / length), y - up * reach * (1 + 0.32 / length)
        draw_text(image, name, *at, max(7.0, reach * 0.5 + 0.018 * len(image)), ink, bold=True)


def _arrow(image: np.ndarray, start: tuple[float, float], tip: tuple[float, float], width: float, ink: Color) -> None:
    length = math.dist(start, tip)
    dx, dy = (tip[0] - start[0]) / length * width, (tip[1] - start[1]) / length * width
    neck = tip[0] - 4 * dx, tip[1] - 4 * dy
    head = [(neck[0] - 1.8 * dy, neck[1] + 1.8 * dx), tip, (neck[0] + 1.8 * dy, neck[1] - 1.8 * dx)]
    paint(image, [line(*start, *neck, width, ink), polygon(head, ink)], (0, 0, 1, 1))
