"""A furnished room in three dimensions, seen from above its lower wall, which is left out. Needs Panda3D."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from mmgym.draw import Color
from mmgym_puzzles.generation.layout_plan import LOOKS
from mmgym_puzzles.generation.layout_rules import WINDOW
from mmgym_puzzles.generation.rooms import DOOR, KINDS, SMALL, Place, Room, overlap
from mmgym_puzzles.scene import Mesh, Scene, furniture

__all__ = ["View"]

_WALL = 2.3


class View:
    """Draws one room.

    Args:
        room: the room.
        look: a name of `layout_plan.LOOKS`.

    Raises:
        MissingRenderer: when Panda3D is not installed.
    """

    def __init__(self, room: Room, look: str):
        self._look = look
        self._scene = Scene(background=LOOKS[look].paper, field_of_view=46)
        self._scene.add(_shell(room, look))
        wide, deep = room.width / 100, room.depth / 100
        far = max(wide, deep)
        self._scene.look_at((wide / 2, -deep - 0.85 * far, 1.4 * far), (wide / 2, -0.53 * deep, 0.1))
        self._nodes: list[Any] = []

    def image(self, places: Mapping[str, Place], wrong: set[str], size: int) -> np.ndarray:
        """The room: a fresh uint8 array (size, size, 3); pieces named in `wrong` are tinted red."""
        for node in self._nodes:
            node.remove_node()
        self._nodes = []
        for name in KINDS:
            if name in places:
                place = places[name]
                low = _support(name, places)
                node = self._scene.add(_mesh(name, self._look), (place.x / 100, -place.y / 100, low), -place.angle)
                if name in wrong:
                    node.set_color_scale(1.0, 0.3, 0.3, 1)
                self._nodes.append(node)
        return self._scene.image(size, samples=2)


def _support(name: str, places: Mapping[str, Place]) -> float:
    """Height in metres of what a small piece stands on: the highest large piece below any part of it."""
    if name not in SMALL:
        return 0.0
    below = [other for other in places if other not in SMALL]
    hit = [KINDS[o].height for o in below if overlap(KINDS[name], places[name], KINDS[o], places[o])]
    return max(hit, default=0) / 100


def _shell(room: Room, look_name: str) -> Mesh:
    look, mesh = LOOKS[look_name], Mesh()
    wide, deep = room.width / 100, room.depth / 100
    floor, _ = look.floors[room.style % len(look.floors)]
    paint: Color = (232, 226, 214) if look_name == "usual" else (44, 84, 140)
    low, high = [(0.0, -deep, 0.0), (wide, -deep, 0.0)], [(wide, 0.0, 0.0), (0.0, 0.0, 0.0)]
    mesh.quad([*low, *high], floor, "planks", (wide, deep))

    def standing(x: float, y: float, to_x: float, to_y: float, bottom: float, top: float, color: Color) -> None:
        corners = [(x, y, bottom), (to_x, to_y, bottom), (to_x, to_y, top), (x, y, top)]
        mesh.quad(corners, color)

    walls = {
        "upper": lambda a, b, back: (a, -back, b, -back),
        "left": lambda a, b, back: (back, -b, back, -a),
        "right": lambda a, b, back: (wide - back, -a, wide - back, -b),
    }
    for wall, line in walls.items():
        standing(*line(0.0, wide if wall == "upper" else deep, 0.0), 0.0, _WALL, paint)
    for (wall, middle), width, bottom, top, color in (
        (room.door, DOOR, 0.0, 2.0, (150, 104, 66)),
        (room.window, WINDOW, 0.9, 1.9, look.glass),
    ):
        one, other = (middle - width / 2) / 100, (middle + width / 2) / 100
        if wall in walls:
            standing(*walls[wall](one - 0.05, other + 0.05, 0.01), bottom, top + 0.05, furniture.LIGHT)
            standing(*walls[wall](one, other, 0.02), bottom + 0.05 * (bottom > 0), top, color)
        else:
            mesh.box(((one + other) / 2, -deep - 0.06, 0.05), (other - one, 0.12, 0.1), color)
    return _zone(mesh, room, look.zone)


def _zone(mesh: Mesh, room: Room, color: Color) -> Mesh:
    """A mat on the square before the door."""
    wall, middle = room.door
    half = DOOR / 200
    x = {"left": half, "right": room.width / 100 - half}.get(wall, middle / 100)
    y = {"upper": half, "lower": room.depth / 100 - half}.get(wall, middle / 100)
    corners = [(x - half, -y - half, 0.01), (x + half, -y - half, 0.01), (x + half, -y + half, 0.01)]
    return mesh.quad([*corners, (x - half, -y + half, 0.01)], color, "carpet", (1, 1))


@lru_cache(maxsize=64)
def _mesh(name: str, look_name: str) -> Mesh:
    """A piece whose front looks along y, with its middle above the origin and its lower side at 0."""
    color = LOOKS[look_name].furniture[list(KINDS).index(name)]
    width, depth, height = (part / 100 for part in KINDS[name])
    mesh = Mesh()
    if name not in SMALL:
        mesh.shadow((0, 0, 0.006), (width * 1.25, depth * 1.25))
    _SHAPES.get(name, furniture.chest)(mesh, width, depth, height, color)
    return mesh


_SHAPES: dict[str, furniture.Shape] = {
    "bed": furniture.bed,
    "sofa": furniture.sofa,
    "armchair": furniture.sofa,
    "table": furniture.table,
    "desk": furniture.desk,
    "chair": furniture.chair,
    "piano": furniture.piano,
    "bookcase": furniture.bookcase,
    "plant": furniture.plant,
    "television": furniture.television,
    "computer": furniture.television,
    "lamp": furniture.lamp,
    "vase": furniture.vase,
}
