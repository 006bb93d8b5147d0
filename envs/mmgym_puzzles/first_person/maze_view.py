"""What one sees who stands in a maze: walls, posters and the goal, by light or in darkness; and a map of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym.draw import Color, Shape, blank, disc, paint, polygon, rectangle
from mmgym_puzzles.scene import Mesh, Scene, add_texture

__all__ = ["COLORS", "LOOKS", "SHAPES", "Look", "MapView", "MazeView", "Poster"]

Poster = tuple[int, int, int, int]
"""Cell, side of the cell (0 up, 1 right, 2 down, 3 left on the map), number of the colour, number of the shape."""

COLORS: dict[str, Color] = {
    "blue": (40, 84, 214),
    "green": (24, 150, 62),
    "orange": (244, 130, 20),
    "purple": (132, 50, 176),
    "black": (24, 24, 28),
    "pink": (240, 96, 170),
}
"""Colours of posters. Nothing but the goal is red."""

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "diamond", "arrow")
"""Shapes on posters; those of the split ``ood`` are the last three."""

_BACK = 0.42
"""How far behind the middle of its cell the eye is, in cells: so that one sees the walls of the own cell."""
_GOAL_COLOR = (226, 28, 36)


@dataclass(frozen=True)
class Look:
    """Textures and colours of a maze."""

    wall: tuple[str, Color]
    floor: tuple[str, Color]
    ceiling: tuple[str, Color]


LOOKS: dict[str, tuple[Look, ...]] = {
    "usual": (
        Look(("brick", (214, 128, 104)), ("planks", (176, 136, 96)), ("", (236, 234, 226))),
        Look(("brick", (226, 204, 160)), ("tiles", (150, 158, 170)), ("", (240, 238, 230))),
        Look(("planks", (206, 168, 120)), ("carpet", (96, 122, 92)), ("", (232, 230, 222))),
        Look(("brick", (170, 190, 206)), ("planks", (146, 112, 84)), ("", (238, 240, 242))),
    ),
    "ood": (
        Look(("stone", (150, 196, 152)), ("stone", (128, 120, 112)), ("", (150, 196, 240))),
        Look(("stripes", (206, 176, 222)), ("tiles", (198, 206, 150)), ("", (250, 226, 196))),
    ),
}


def _cover(cells: np.ndarray, template: np.ndarray, size: int) -> np.ndarray:
    """A face drawn around the origin, (corners, 8), moved to each of `cells`: (cells, corners, 8)."""
    faces = np.repeat(template[None].astype(np.float32), len(cells), axis=0)
    faces[..., 0] += (cells % size + 0.5)[:, None]
    faces[..., 1] += (size - cells // size - 0.5)[:, None]
    return faces


@lru_cache(maxsize=64)
def _faces(look: Look, cuts: int) -> list[tuple[str, np.ndarray]]:
    """Floor, ceiling and the four walls of a cell around the origin, each as texture and corners."""
    half = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    floor = Mesh().quad([(x, y, 0) for x, y in half], look.floor[1], look.floor[0], cuts=cuts)
    ceiling = Mesh().quad(
        [(x, y, 1) for x, y in reversed(half)], look.ceiling[1], look.ceiling[0], shaded=False, cuts=cuts
    )
    walls = []
    for side in range(4):
        corners = [_turned(x, 0.5, z, side) for x, z in ((-0.5, 0), (0.5, 0), (0.5, 1), (-0.5, 1))]
        walls.append(Mesh().quad(corners, look.wall[1], look.wall[0], fade=0.72, cuts=cuts))
    return [(name, np.concatenate(pieces)) for mesh in (floor, ceiling, *walls) for name, pieces in mesh.parts.items()]


def _turned(x: float, y: float, z: float, side: int) -> tuple[float, float, float]:
    for _ in range(side):
        x, y = y, -x
    return x, y, z


@lru_cache(maxsize=512)
def _poster_face(side: int, color: int, shape: int, cuts: int) -> tuple[str, np.ndarray]:
    corners = [_turned(x, 0.49, z, side) for x, z in ((-0.26, 0.3), (0.26, 0.3), (0.26, 0.82), (-0.26, 0.82))]
    mesh = Mesh().quad(corners, (255, 255, 255), _poster_texture(color, shape), shaded=False, cuts=cuts)
    return next((name, np.concatenate(pieces)) for name, pieces in mesh.parts.items())


@lru_cache(maxsize=64)
def _poster_texture(color: int, shape: int) -> str:
    image = blank(64, 64, (74, 54, 40))
    paint(image, [rectangle(0.06, 0.06, 0.94, 0.94, (250, 246, 232))])
    paint(image, _symbol(SHAPES[shape], list(COLORS.values())[color]))
    return add_texture(f"poster {color} {shape}", image)


def _symbol(shape: str, color: Color) -> list[Shape]:
    paper = (250, 246, 232)
    spikes = [
        (0.5 + r * np.sin(np.pi * k / 5), 0.52 - r * np.cos(np.pi * k / 5))
        for k in range(10)
        for r in [0.36 if k % 2 == 0 else 0.15]
    ]
    drawn: dict[str, list[Shape]] = {
        "circle": [disc(0.5, 0.5, 0.3, color)],
        "square": [rectangle(0.22, 0.22, 0.78, 0.78, color)],
        "triangle": [polygon([(0.5, 0.16), (0.84, 0.78), (0.16, 0.78)], color)],
        "star": [polygon(spikes, color)],
        "cross": [rectangle(0.4, 0.18, 0.6, 0.82, color), rectangle(0.18, 0.4, 0.82, 0.6, color)],
        "ring": [disc(0.5, 0.5, 0.34, color), disc(0.5, 0.5, 0.19, paper)],
        "diamond": [polygon([(0.5, 0.12), (0.82, 0.5), (0.5, 0.88), (0.18, 0.5)], color)],
        "arrow": [polygon([(0.5, 0.14), (0.84, 0.5), (0.16, 0.5)], color), rectangle(0.4, 0.5, 0.6, 0.86, color)],
    }
    return drawn[shape]


@lru_cache(maxsize=1)
def _goal_mesh() -> Mesh:
    mesh = (
        Mesh().cylinder((0, 0, 0.12), 0.17, 0.24, (236, 236, 240)).cylinder((0, 0, 0.01), 0.22, 0.02, (206, 206, 212))
    )
    return mesh.sphere((0, 0, 0.42), 0.19, _GOAL_COLOR, sides=18).shadow((0, 0, 0.025), (0.75, 0.75))


class MazeView:
    """A maze and one who looks around in it.

    Args:
        size: cells a side.
        walls: by cell, whether there is a wall up, right, down and left: bool (size * size, 4).
        goal: cell of the goal.
        posters: posters on walls.
        look: textures and colours.
        sight: cells that one sees in darkness; 0 where there is light.
    """

    def __init__(self, size: int, walls: np.ndarray, goal: int, posters: tuple[Poster, ...], look: Look, sight: int):
        self._size, self._sight, self._walls = size, sight, walls
        background = (0, 0, 0) if sight else look.ceiling[1]
        self._scene = Scene(background, field_of_view=84, near=0.04, far=2.0 * size)
        cuts, every = (2 if sight else 1), np.arange(size * size)
        floor, ceiling, *sides = _faces(look, cuts)
        owned = [(*floor, every), (*ceiling, every)]
        owned += [(*face, np.nonzero(walls[:, side])[0]) for side, face in enumerate(sides)]
        owned += [(*_poster_face(side, c, s, cuts), np.array([cell])) for cell, side, c, s in posters]
        parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for texture, template, cells in owned:
            parts.setdefault(texture, []).append((cells, _cover(cells, template, size)))
        self._parts = [
            (texture, np.concatenate([cells for cells, _ in pieces]), np.concatenate([faces for _, faces in pieces]))
            for texture, pieces in parts.items()
        ]
        self._node = None if sight else self._scene.add(self._mesh())
        self._goal = goal
        self._goal_at = (goal % size + 0.5, size - goal // size - 0.5, 0.0)
        self._goal_node = self._scene.add(_goal_mesh(), self._goal_at)

    def image(self, cell: int, heading: int, side: int) -> np.ndarray:
        """What one sees from a cell, heading 0 up, 1 right, 2 down or 3 left on the map: uint8 (side, side, 3)."""
        ahead = np.array(((0, 1), (1, 0), (0, -1), (-1, 0))[heading])
        eye = np.array([cell % self._size + 0.5, self._size - cell // self._size - 0.5]) - _BACK * ahead
        if self._sight:
            self._darken(eye, cell, heading)
        self._scene.look((float(eye[0]), float(eye[1]), 0.52), -90.0 * heading, -3.0)
        return self._scene.image(side)

    def _mesh(self) -> Mesh:
        mesh = Mesh()
        for texture, _, faces in self._parts:
            mesh.triangles(faces.reshape(-1, 8), texture)
        return mesh

    def _darken(self, eye: np.ndarray, cell: int, heading: int) -> None:
        """Put what may be seen into the scene, the darker the farther it is."""
        if self._node is not None:
            self._node.remove_node()
        mesh, shown = Mesh(), self._reached(cell, heading)
        for texture, cells, faces in self._parts:
            seen = shown[cells]
            if seen.any():
                corners = faces[seen].reshape(-1, 8)
                away = corners[:, :2] - eye
                corners[:, 5:8] *= self._light(np.sqrt((away * away).sum(axis=1)))[:, None]
                mesh.triangles(corners, texture)
        self._node = self._scene.add(mesh)
        lit = float(self._light(np.hypot(self._goal_at[0] - eye[0], self._goal_at[1] - eye[1])))
        self._goal_node.set_color_scale(lit, lit, lit, 1)
        (self._goal_node.show if lit > 0 else self._goal_node.hide)()

    def _light(self, distance: np.ndarray) -> np.ndarray:
        light: np.ndarray = np.maximum(0, np.minimum(1, 1.12 - distance / (self._sight + 0.6)))
        return light

    def _reached(self, cell: int, heading: int) -> np.ndarray:
        """The cells that a line of sight may reach: never back, and no farther than darkness lets."""
        steps = (-self._size, 1, self._size, -1)
        found = {cell}
        edge = [cell]
        for _ in range(self._sight + 1):
            edge = [
                one + steps[side]
                for one in edge
                for side in range(4)
                if side != (heading + 2) % 4 and not self._walls[one, side] and one + steps[side] not in found
            ]
            found.update(edge)
        shown = np.zeros(self._size**2, bool)
        shown[list(found)] = True
        return shown


class MapView:
    """A small map for a corner of the picture: white halls, dark walls, the goal a red dot, oneself a blue arrow.

    Args:
        size: cells a side.
        walls: as in `MazeView`.
        goal: cell of the goal.
        side: side of the map in pixels.
    """

    def __init__(self, size: int, walls: np.ndarray, goal: int, side: int):
        self._size, self._side = size, side
        edges = [(k // 2 * 5 + k % 2 * 1) * side // (size * 5 + 1) for k in range(2 * size + 2)]
        self._edges = edges
        self._map = blank(side, side, (36, 40, 52))
        for cell in range(size * size):
            row, column = divmod(cell, size)
            bottom = edges[2 * row + 2] if walls[cell, 2] else edges[2 * row + 3]
            right = edges[2 * column + 2] if walls[cell, 1] else edges[2 * column + 3]
            self._map[edges[2 * row + 1] : bottom, edges[2 * column + 1] : edges[2 * column + 2]] = (244, 242, 236)
            self._map[edges[2 * row + 1] : edges[2 * row + 2], edges[2 * column + 1] : right] = (244, 242, 236)
        paint(self._map, [disc(0.5, 0.5, 0.36, _GOAL_COLOR)], self._box(goal))

    def put(self, image: np.ndarray, cell: int, heading: int) -> None:
        """Lay the map over the upper right corner of a picture, in place, with oneself in a cell."""
        corner = image[: self._side, image.shape[1] - self._side :]
        corner[:] = self._map
        arrow = [(0.5, 0.02), (0.92, 0.92), (0.5, 0.72), (0.08, 0.92)]
        for _ in range(heading):
            arrow = [(1 - y, x) for x, y in arrow]
        paint(corner, [polygon(arrow, (20, 80, 230))], self._box(cell))

    def _box(self, cell: int) -> tuple[float, float, float, float]:
        row, column = divmod(cell, self._size)
        left, right = self._edges[2 * column + 1], self._edges[2 * column + 2]
        return left, self._edges[2 * row + 1], right, self._edges[2 * row + 2]
