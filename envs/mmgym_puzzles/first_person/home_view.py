"""What one sees who stands in a furnished home, drawn by Panda3D; and a map of the home."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from mmgym.draw import Color, blank, paint, polygon
from mmgym_puzzles.first_person.furnishings import COLORS, KINDS
from mmgym_puzzles.first_person.home import DOOR, HEIGHT, LINTEL, WALL, Home, Room, Wall, area_of, room_area, wall_areas
from mmgym_puzzles.first_person.portals import room_at, rooms_seen
from mmgym_puzzles.first_person.sight import EYE, PITCH, TILT
from mmgym_puzzles.first_person.walks import CELL, center
from mmgym_puzzles.scene import Mesh, Scene, furniture

__all__ = ["HomeView", "MapView"]

Surface = tuple[str, Color]
"""Texture and colour."""

_SHAPES: dict[str, furniture.Shape] = {
    "chair": furniture.slatted_chair,
    "table": furniture.table,
    "sofa": furniture.sofa,
    "bed": furniture.double_bed,
    "lamp": furniture.floor_lamp,
    "plant": furniture.pot_plant,
    "shelf": furniture.open_shelf,
    "fridge": furniture.fridge,
    "stool": furniture.stool,
    "desk": furniture.desk,
    "armchair": furniture.sofa,
    "wardrobe": furniture.wardrobe,
    "piano": furniture.piano,
    "bathtub": furniture.bathtub,
    "stove": furniture.stove,
    "clock": furniture.clock,
}
_WALLS: dict[str, tuple[Surface, ...]] = {
    "usual": (
        ("", (236, 226, 204)),
        ("", (206, 222, 232)),
        ("", (212, 230, 208)),
        ("stripes", (244, 222, 212)),
    ),
    "ood": (
        ("brick", (214, 164, 140)),
        ("stone", (196, 204, 216)),
        ("stripes", (190, 214, 190)),
        ("planks", (228, 200, 160)),
    ),
}
_FLOORS: dict[str, tuple[Surface, ...]] = {
    "usual": (
        ("planks", (188, 146, 102)),
        ("carpet", (166, 170, 178)),
        ("planks", (150, 112, 76)),
        ("tiles", (204, 204, 200)),
    ),
    "ood": (
        ("stone", (170, 166, 160)),
        ("tiles", (150, 176, 190)),
        ("carpet", (140, 156, 120)),
        ("tiles", (206, 176, 150)),
    ),
}
_CEILING: Color = (244, 243, 238)
_FRAME: Surface = ("", (250, 250, 248))
_SKIRTING: Surface = ("", (120, 104, 88))
_SKY: Surface = ("", (150, 202, 246))
_HILL: Surface = ("", (130, 186, 110))
_LIGHT = (1.0, 0.94, 0.88, 0.97)
"""How bright the walls on the four sides are: each a little different, so that corners are seen."""
_M = 100.0
"""Centimetres in a metre."""


@lru_cache(maxsize=256)
def _piece(look: str, kind: int, color: int) -> Mesh:
    name, size = list(KINDS[look].items())[kind]
    width, depth, height = size.width / _M, size.depth / _M, size.height / _M
    mesh = Mesh().shadow((0, 0, 0.008), (width * 1.25, depth * 1.25))
    _SHAPES[name](mesh, width, depth, height, list(COLORS[look].values())[color])
    return mesh


class HomeView:
    """A home and one who looks around in it.

    Args:
        home: the home.
        view: field of view in degrees.

    Raises:
        MissingRenderer: when Panda3D is not installed.
    """

    def __init__(self, home: Home, view: int):
        self._home = home
        self._scene = Scene(_CEILING, field_of_view=view, near=0.05, far=30)
        self._scene.add(_shell(home))
        for wall in home.walls:
            if wall.door >= 0:
                at, middle = wall.at * CELL / _M, (wall.door + DOOR / 2) * CELL / _M
                where = (at, middle, 0.0) if wall.upright else (middle, at, 0.0)
                self._scene.add(_frame(), where, 90.0 * wall.upright)
        self._pieces: list[tuple[int, Any]] = []
        for piece in home.pieces:
            mesh = _piece(home.look, piece.kind, piece.color)
            node = self._scene.add(mesh, (piece.x / _M, piece.y / _M, 0.0), -90.0 * piece.side)
            self._pieces.append((room_at(home, piece.x, piece.y), node))
        self._shown = frozenset(range(len(home.rooms)))
        self._seen: dict[int, frozenset[int]] = {}

    def image(self, cell: int, heading: int, tilt: int, side: int) -> np.ndarray:
        """What one sees from a pose (see `sight`): uint8 (side, side, 3)."""
        x, y = center(cell, self._home.columns)
        if cell not in self._seen:
            self._seen[cell] = rooms_seen(self._home, x, y)
        self._show(self._seen[cell])
        self._scene.look((x / _M, y / _M, EYE / _M), -45.0 * heading, float(PITCH + TILT * tilt))
        return self._scene.image(side)

    def _show(self, rooms: frozenset[int]) -> None:
        """Leave out what stands in other rooms, where walls hide it: most of the time goes into furniture."""
        if rooms != self._shown:
            for room, node in self._pieces:
                (node.show if room in rooms else node.hide)()
            self._shown = rooms


def _shell(home: Home) -> Mesh:
    """Floors, walls and windows of a home. There is no ceiling: above the walls one sees the background."""
    patches = _Patches()
    for number, room in enumerate(home.rooms):
        left, lower, right, upper = (edge / _M for edge in room_area(room))
        texture, color = _FLOORS[home.look][(home.style // 4 + number) % len(_FLOORS[home.look])]
        patches.add((left, lower, 0), (right - left, 0, 0), (0, upper - lower, 0), color, texture)
        surface = _WALLS[home.look][(home.style + number) % len(_WALLS[home.look])]
        flat = [(left, lower), (right, lower), (right, upper), (left, upper)]
        outer = (room[3] == home.rows, room[2] == home.columns, room[1] == 0, room[0] == 0)
        for side in range(4):
            face = _Face(patches, flat[(3 - side) % 4], flat[(2 - side) % 4], _LIGHT[side])
            face.paper(surface, [_span for wall in home.walls if (_span := _door(wall, room, side))])
            if outer[side] and home.style >> (2 * number + side) & 1:
                face.window()
    return patches.mesh()


def _door(wall: Wall, room: Room, side: int) -> tuple[float, float] | None:
    """Where a wall has its door, in metres along x or y, if it is on this side of the room; else None."""
    low, high = (room[1], room[3]) if side % 2 else (room[0], room[2])
    here = wall.upright == bool(side % 2) and wall.at == room[(3, 2, 1, 0)[side]] and low <= wall.door < high
    return (wall.door * CELL / _M, (wall.door + DOOR) * CELL / _M) if here else None


class _Patches:
    """Flat patches of walls and floors, made into one mesh at once."""

    def __init__(self) -> None:
        self._plain: list[tuple[float, ...]] = []
        self._mesh = Mesh()

    def add(
        self,
        corner: tuple[float, float, float],
        along: tuple[float, float, float],
        up: tuple[float, float, float],
        color: Color,
        texture: str = "",
        light: float = 1.0,
        fade: float = 1.0,
    ) -> None:
        """A patch from its lower left corner along its lower and its left side; its lower side is `fade` as bright."""
        if texture:
            wide, high = math.hypot(*along), math.hypot(*up)
            uv = _tiling(max(1, math.ceil(wide - 0.01)), max(1, math.ceil(high - 0.01)))
            vertices = np.empty((len(uv), 8))
            vertices[:, :3] = corner + uv[:, :1] * along + uv[:, 1:] * up
            vertices[:, 3:5] = uv * (wide, high)
            vertices[:, 5:] = np.array(color) / 255 * light * (fade + (1 - fade) * uv[:, 1:])
            self._mesh.triangles(vertices, texture)
        else:
            self._plain.append((*corner, *along, *up, *color, light, fade))

    def mesh(self) -> Mesh:
        """The mesh of all patches."""
        rows, uv = np.array(self._plain)[:, None], _tiling(1, 1)[None]
        vertices = np.zeros((len(self._plain), uv.shape[1], 8))
        vertices[..., :3] = rows[..., :3] + uv[..., :1] * rows[..., 3:6] + uv[..., 1:] * rows[..., 6:9]
        fade = rows[..., 13:]
        vertices[..., 5:] = rows[..., 9:12] / 255 * rows[..., 12:13] * (fade + (1 - fade) * uv[..., 1:])
        return self._mesh.triangles(vertices.reshape(-1, 8))


@lru_cache(maxsize=256)
def _tiling(across: int, up: int) -> np.ndarray:
    """The unit square in pieces, as corners of triangles (corners, 2): the renderer bends textures on larger ones."""
    x, y = (part.ravel()[:, None] for part in np.meshgrid(np.arange(across), np.arange(up)))
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 1)])
    return np.stack([(x + corners[:, 0]) / across, (y + corners[:, 1]) / up], -1).reshape(-1, 2)


class _Face:
    """A wall as seen from within, from its left end to its right end; places along it are metres from the left."""

    def __init__(self, patches: _Patches, left: tuple[float, float], right: tuple[float, float], light: float):
        self._patches, self._left, self._light = patches, left, light
        self._length = abs(right[0] - left[0]) + abs(right[1] - left[1])
        self._way = ((right[0] - left[0]) / self._length, (right[1] - left[1]) / self._length)

    def paper(self, surface: Surface, doors: list[tuple[float, float]]) -> None:
        """Wall and skirting board around doors, which are given by their two ends along x or y."""
        axis, start = (0 if self._way[0] else 1), 0.0
        spans = sorted(sorted((end - self._left[axis]) * self._way[axis] for end in door) for door in doors)
        for low, end in [*spans, [self._length, self._length]]:
            self._patch(start, low, 0, HEIGHT / _M, surface)
            self._patch(start, low, 0, 0.09, _SKIRTING, out=0.012)
            self._patch(low, end, LINTEL / _M, HEIGHT / _M, surface)
            start = end

    def window(self) -> None:
        """A window in the middle, with a view of a hill and the sky."""
        middle = self._length / 2
        self._patch(middle - 0.6, middle + 0.6, 0.95, 2.05, _FRAME, out=0.008)
        for left in (middle - 0.54, middle + 0.04):
            self._patch(left, left + 0.5, 1.01, 1.99, _SKY, out=0.016)
            self._patch(left, left + 0.5, 1.01, 1.3, _HILL, out=0.022)

    def _patch(self, start: float, end: float, low: float, high: float, surface: Surface, out: float = 0.0) -> None:
        """A part of the wall, `out` metres before it."""
        if end - start < 0.01:
            return
        (x, y), (right, up), length = self._left, self._way, end - start
        corner = (x + right * start + up * out, y + up * start - right * out, low)
        along = (right * length, up * length, 0.0)
        self._patches.add(corner, along, (0, 0, high - low), surface[1], surface[0], self._light, 0.9)


@lru_cache(maxsize=1)
def _frame() -> Mesh:
    """The white frame of a door in a wall along x, around the origin."""
    wide, thick, top, board = DOOR * CELL / _M, 2 * WALL / _M + 0.04, LINTEL / _M, 0.07
    mesh, white = Mesh(), _FRAME[1]
    for side in (-1, 1):
        mesh.box((side * (wide - board) / 2, 0, top / 2), (board, thick, top), white)
    return mesh.box((0, 0, top - board / 2), (wide - 2 * board, thick, board), white)


class MapView:
    """A small map for a corner of the picture: floors white, walls dark, furniture in its colours, oneself an arrow.

    Args:
        home: the home.
        side: side of the map in pixels.
    """

    def __init__(self, home: Home, side: int):
        self._home, self._side = home, side
        self._scale = side / (max(home.columns, home.rows) * CELL + 20)
        self._map = blank(side, side, (36, 40, 52))
        for room in home.rooms:
            self._fill(room_area(room), (244, 242, 236))
        for wall in home.walls:
            for area, over in wall_areas(wall):
                self._fill(area, (244, 242, 236) if over else (36, 40, 52))
        for piece in home.pieces:
            left, lower, right, upper = area_of(home.look, piece)
            self._fill((left - 3, lower - 3, right + 3, upper + 3), (70, 70, 76))
            self._fill((left, lower, right, upper), list(COLORS[home.look].values())[piece.color])

    def put(self, image: np.ndarray, cell: int, heading: int) -> None:
        """Lay the map over the upper right corner of a picture, in place, with oneself in a pose."""
        corner = image[: self._side, image.shape[1] - self._side :]
        corner[:] = self._map
        x, y = center(cell, self._home.columns)
        size = 34
        turn = np.deg2rad(45 * heading)
        arrow = [(0.0, 1.0), (0.75, -0.9), (0.0, -0.45), (-0.75, -0.9)]
        turned = [(a * np.cos(turn) + b * np.sin(turn), b * np.cos(turn) - a * np.sin(turn)) for a, b in arrow]
        left, top = self._pixel(x - size, y + size)
        right, bottom = self._pixel(x + size, y - size)
        shape = polygon([((a + 1) / 2, (1 - b) / 2) for a, b in turned], (20, 60, 240))
        paint(corner, [shape], (left, top, right, bottom))

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        return (x + 10) * self._scale, (self._home.rows * CELL + 10 - y) * self._scale

    def _fill(self, area: tuple[float, float, float, float], color: Color) -> None:
        (left, bottom), (right, top) = self._pixel(area[0], area[1]), self._pixel(area[2], area[3])
        self._map[round(top) : max(round(bottom), round(top) + 1), round(left) : max(round(right), round(left) + 1)] = (
            color
        )
