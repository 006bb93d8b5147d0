"""Meshes: boxes, quads, prisms, cylinders, spheres and soft shadows as coloured, textured triangles with baked light.

Lengths are in metres, x to the right, y ahead, z up. The renderer has no lights: how bright a face is depends on its
direction alone and is part of its colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmgym.draw import Color
from mmgym_puzzles.scene.textures import TEXTURES

__all__ = ["SHADOW", "Mesh", "Point", "brightness"]

Point = tuple[float, float, float]
"""x, y, z in metres."""

SHADOW = "shadow"
"""The texture of soft shadows: black, clear towards the rim."""

_SUN = np.array([0.35, -0.55, 0.76])
_INSET = 1 / 128
_TILE = 0.5
"""Textured faces are cut into pieces no longer than this: the renderer bends textures on larger ones."""


def brightness(normals: np.ndarray) -> np.ndarray:
    """How bright faces of these directions (..., 3) are, from about 0.5 to 1: brightest above, each side different."""
    length = np.linalg.norm(normals, axis=-1)
    light: np.ndarray = 0.76 + 0.24 * (normals @ _SUN) / np.where(length > 0, length, 1.0)
    return light


class Mesh:
    """Faces to be put into a `Scene`, grouped by texture. Shapes can be chained: each method returns the mesh.

    A mesh that many scenes show is best kept: what the renderer needs of it is made once, when it is first added.
    """

    def __init__(self) -> None:
        self.parts: dict[str, list[np.ndarray]] = {}
        """By texture name ("" for none): arrays of corners, each float32 (corners, 8): x, y, z, u, v, red, green,
        blue; every three corners are a triangle, counter-clockwise as seen from outside."""
        self.geometry: Any = None
        """What `Scene` made of the parts; not for other use."""

    def __getstate__(self) -> dict[str, Any]:
        return {"parts": self.parts, "geometry": None}

    def quad(
        self,
        corners: Sequence[Point] | np.ndarray,
        color: Color = (255, 255, 255),
        texture: str = "",
        repeat: tuple[float, float] = (1.0, 1.0),
        shaded: bool = True,
        fade: float = 1.0,
        cuts: int = 1,
    ) -> Mesh:
        """A flat face with four corners, counter-clockwise from the lower left one as seen from its front.

        Args:
            corners: the four corners.
            color: its colour, which multiplies the texture's.
            texture: a name of `textures.TEXTURES` or of `textures.add_texture`, or "".
            repeat: how often the texture is repeated along and up.
            shaded: whether brightness depends on the direction.
            fade: how bright its lower side is against its upper one, as walls are darker near the floor.
            cuts: pieces along and up that it is cut into at least, for light that is changed at their corners.
        """
        points = np.asarray(corners, np.float64)
        normal = np.cross(points[1] - points[0], points[3] - points[0])
        light = brightness(normal) if shaded else 1.0
        across = down = cuts
        if texture and texture != SHADOW:
            across = max(cuts, math.ceil(math.dist(points[0], points[1]) / _TILE - 0.01))
            down = max(cuts, math.ceil(math.dist(points[0], points[3]) / _TILE - 0.01))
        u, v = np.meshgrid(np.linspace(0, 1, across + 1), np.linspace(0, 1, down + 1))
        low = points[0] + u[..., None] * (points[1] - points[0])
        high = points[3] + u[..., None] * (points[2] - points[3])
        places = low + v[..., None] * (high - low)
        lights = light * (fade + (1 - fade) * v)
        uv = np.stack([u * repeat[0], v * repeat[1]], -1)
        if texture and texture not in TEXTURES:  # a picture: nothing of its other side at its edge
            uv = uv * (1 - 2 * _INSET) + _INSET
        return self._lattice(places, uv, color, lights, texture)

    def box(self, center: Point, size: Point, color: Color, texture: str = "", turn: float = 0.0) -> Mesh:
        """A box with this centre and size, turned about the vertical by `turn` degrees, counter-clockwise from above.

        The texture is repeated once a metre.
        """
        x, y = size[0] / 2, size[1] / 2
        return self.prism([(-x, -y), (x, -y), (x, y), (-x, y)], center, size[2], color, texture, turn)

    def prism(
        self,
        outline: Sequence[tuple[float, float]],
        center: Point,
        height: float,
        color: Color,
        texture: str = "",
        turn: float = 0.0,
        taper: float = 1.0,
    ) -> Mesh:
        """An upright prism over a convex outline (counter-clockwise from above); its top is `taper` times as large."""
        bottom, top = _ends(outline, center, height, turn, taper)
        for k in range(len(outline)):
            n = (k + 1) % len(outline)
            along = math.dist(bottom[k], bottom[n])
            self.quad(np.stack([bottom[k], bottom[n], top[n], top[k]]), color, texture, (along, height))
        if taper > 0:
            self._fan(top, color, texture)
        return self._fan(bottom[::-1], color, texture)

    def cylinder(
        self, center: Point, radius: float, height: float, color: Color, sides: int = 16, taper: float = 1.0
    ) -> Mesh:
        """An upright round cylinder; a cone with `taper` 0, the frustum of one in between."""
        bottom, top = _ends(_circle(radius, sides), center, height, 0.0, taper)
        ring = np.concatenate([bottom, bottom[:1]]), np.concatenate([top, top[:1]])
        outward = (ring[0] - np.asarray(center)) * (1, 1, 0)
        outward[:, 2] = radius * (1 - taper) * radius / max(height, 1e-9)
        lights = np.tile(brightness(outward), (2, 1))
        self._lattice(np.stack(ring), np.zeros((2, sides + 1, 2)), color, lights, "")
        if taper > 0:
            self._fan(top, color, "")
        return self._fan(bottom[::-1], color, "")

    def sphere(self, center: Point, radius: float, color: Color, sides: int = 14, stretch: float = 1.0) -> Mesh:
        """A sphere, `stretch` times as high as wide."""
        rings = max(4, sides // 2)
        across = np.pi * np.arange(rings + 1)[:, None] / rings
        around = 2 * np.pi * np.arange(sides + 1)[None] / sides
        unit = np.stack(
            [np.sin(across) * np.cos(around), np.sin(across) * np.sin(around), -np.cos(across) + 0 * around], -1
        )
        places = np.asarray(center) + unit * (radius, radius, radius * stretch)
        return self._lattice(places, np.zeros((rings + 1, sides + 1, 2)), color, brightness(unit), "")

    def shadow(self, center: Point, size: tuple[float, float], turn: float = 0.0, strength: float = 1.0) -> Mesh:
        """A soft shadow lying flat: an ellipse in a box of this width and depth, darkest in its middle.

        Shadows are drawn after all else and darken what is just below them: put the centre some millimetres above the
        floor or table. `strength` 1 is the usual darkness; more of it makes a smaller rim.
        """
        x, y = size[0] / 2, size[1] / 2
        flat, _ = _ends([(-x, -y), (x, -y), (x, y), (-x, y)], center, 0.0, turn, 1.0)
        for _ in range(max(1, round(strength))):
            self.quad(flat, (0, 0, 0), SHADOW, shaded=False)
        return self

    def triangles(self, vertices: np.ndarray, texture: str = "") -> Mesh:
        """Triangles given as they are, (corners, 8): see `parts`. Their light is part of their colour, from 0 to 1."""
        self.parts.setdefault(texture, []).append(np.asarray(vertices, np.float32))
        self.geometry = None
        return self

    def merge(self, other: Mesh, position: Point = (0.0, 0.0, 0.0), turn: float = 0.0) -> Mesh:
        """Add another mesh's faces, turned about the vertical by `turn` degrees and moved; their light stays as is."""
        spin = _spin(turn)
        for name, pieces in other.parts.items():
            vertices = np.concatenate(pieces)
            vertices[:, :2] = vertices[:, :2] @ spin.T
            vertices[:, :3] += np.asarray(position, np.float32)
            self.triangles(vertices, name)
        return self

    def _fan(self, ring: np.ndarray, color: Color, texture: str) -> Mesh:
        normal = np.cross(ring[1] - ring[0], ring[2] - ring[0])
        shade = np.tile(np.array(color) / 255 * brightness(normal), (len(ring), 1))
        vertices = np.concatenate([ring, ring[:, :2], shade], axis=1)
        order = [corner for k in range(1, len(ring) - 1) for corner in (0, k, k + 1)]
        return self.triangles(vertices[order], texture)

    def _lattice(self, places: np.ndarray, uv: np.ndarray, color: Color, lights: np.ndarray, texture: str) -> Mesh:
        """Quads between neighboring points of a lattice (rows, columns, 3): columns to the right, rows up."""
        shade = np.clip(lights, 0, 1)[..., None] * (np.array(color) / 255)
        corners = np.concatenate([places, uv, shade], axis=-1)
        a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
        return self.triangles(np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 8), texture)


def _circle(radius: float, sides: int) -> list[tuple[float, float]]:
    angles = [2 * math.pi * k / sides for k in range(sides)]
    return [(radius * math.cos(a), radius * math.sin(a)) for a in angles]


def _spin(turn: float) -> np.ndarray:
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return np.array([[c, -s], [s, c]])


def _ends(
    outline: Sequence[tuple[float, float]], center: Point, height: float, turn: float, taper: float
) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper ring of an upright prism, each (corners, 3)."""
    flat = np.asarray(outline, np.float64) @ _spin(turn).T
    low = np.full((len(flat), 1), -height / 2)
    return np.hstack([flat, low]) + center, np.hstack([flat * taper, -low]) + center
