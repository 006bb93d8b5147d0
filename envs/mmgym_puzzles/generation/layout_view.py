"""A furnished room in three dimensions, seen from above its lower wall, which is left out. Needs Panda3D."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from mmgym.draw import Color
from mmgym_puzzles.generation.layout_plan import LOOKS
from mmgym_puzzles.generation.layout_rules import WINDOW
from mmgym_puzzles.generation.rooms import DOOR, KINDS, SMALL, Place, Room, overlap
from mmgym_puzzles.scene import Mesh, Scene

__all__ = ["View"]

_WALL = 2.3
_WOOD, _DARK, _LIGHT = (120, 84, 56), (48, 48, 56), (246, 244, 238)


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
            standing(*walls[wall](one - 0.05, other + 0.05, 0.01), bottom, top + 0.05, _LIGHT)
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
    _SHAPES.get(name, _chest)(mesh, width, depth, height, color)
    return mesh


def _chest(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A closed piece with two doors."""
    mesh.box((0, 0, h / 2), (w, d, h), color, "wood")
    for side in (-1, 1):
        mesh.box((side * w / 4, d / 2, h / 2), (w * 0.46, 0.02, h * 0.88), _shade(color, 5, 4))
        mesh.box((side * 0.05, d / 2 + 0.02, h / 2), (0.02, 0.03, h * 0.12), _LIGHT)


def _bed(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.box((0, 0, h * 0.3), (w, d, h * 0.6), _WOOD, "wood")
    mesh.box((0, 0.02, h * 0.75), (w * 0.96, d * 0.94, h * 0.3), _LIGHT)
    mesh.box((0, d * 0.15, h * 0.78), (w * 0.98, d * 0.66, h * 0.3), color)
    mesh.box((0, -d / 2 + 0.04, h), (w, 0.08, h * 1.2), _WOOD, "wood")
    for side in (-1, 1):
        mesh.box((side * w / 4, -d * 0.34, h), (w * 0.36, d * 0.16, 0.12), _LIGHT)


def _sofa(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    dark, arm = _shade(color, 4, 5), min(0.18, w / 5)
    mesh.box((0, 0, h * 0.25), (w, d, h * 0.4), dark)
    mesh.box((0, -d * 0.4, h * 0.55), (w, d * 0.2, h * 0.9), dark)
    count = 2 if w > 1.2 else 1
    seat = (w - 2 * arm) / count
    for k in range(count):
        x = -w / 2 + arm + seat * (k + 0.5)
        mesh.box((x, d * 0.1, h * 0.5), (seat * 0.96, d * 0.76, h * 0.14), color)
        mesh.box((x, -d * 0.26, h * 0.7), (seat * 0.94, d * 0.14, h * 0.36), color)
    for side in (-1, 1):
        mesh.box((side * (w - arm) / 2, 0, h * 0.4), (arm, d, h * 0.55), dark)


def _table(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.box((0, 0, h - 0.025), (w, d, 0.05), color, "wood")
    leg = _shade(color, 3, 4)
    for x in (0.04 - w / 2, w / 2 - 0.04):
        for y in (0.04 - d / 2, d / 2 - 0.04):
            mesh.box((x, y, h / 2 - 0.02), (0.06, 0.06, h - 0.04), leg)


def _desk(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    _table(mesh, w, d, h, color)
    mesh.box((w * 0.28, 0, h * 0.52), (w * 0.34, d * 0.84, h * 0.8), _shade(color, 4, 5), "wood")


def _chair(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    _table(mesh, w, d, h / 2, color)
    mesh.box((0, -d / 2 + 0.03, h * 0.72), (w, 0.05, h * 0.5), _shade(color, 4, 5), "wood")


def _piano(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.box((0, -d * 0.18, h / 2), (w, d * 0.62, h), color)
    mesh.box((0, d * 0.28, h * 0.52), (w, d * 0.42, 0.1), color)
    mesh.box((0, d * 0.32, h * 0.52 + 0.06), (w * 0.9, d * 0.3, 0.02), _LIGHT)
    for k in range(8):
        mesh.box((w * (k - 3.5) / 9, d * 0.26, h * 0.52 + 0.08), (0.03, d * 0.18, 0.02), _DARK)
    for side in (-1, 1):
        mesh.box((side * w * 0.46, d * 0.42, h * 0.24), (0.07, 0.07, h * 0.48), color)


def _bookcase(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.box((0, -d * 0.1, h / 2), (w, d * 0.8, h), color, "wood")
    books: list[Color] = [(190, 70, 60), (70, 120, 170), (220, 180, 80), (90, 150, 100)]
    for shelf in range(4):
        low = h * (shelf + 0.12) / 4
        for k in range(7):
            at = -w * 0.4 + k * w * 0.8 / 6
            mesh.box((at, d * 0.36, low + h * 0.08), (w * 0.1, 0.1, h * 0.16), books[(k + shelf) % 4])


def _plant(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.cylinder((0, 0, h * 0.18), w * 0.32, h * 0.36, (176, 98, 66), taper=1.2)
    for x, y, z in ((0, 0, 0.8), (0.2, 0.1, 0.62), (-0.2, 0.12, 0.66), (0.02, -0.22, 0.6)):
        mesh.sphere((x * w, y * w, z * h), w * 0.3, color, stretch=1.2)


def _television(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.box((0, 0, 0.03), (w * 0.3, d, 0.04), _DARK)
    mesh.box((0, 0, h / 2 + 0.04), (w, d * 0.4, h - 0.06), _DARK)
    mesh.box((0, d * 0.22, h / 2 + 0.04), (w * 0.94, 0.02, h - 0.14), (96, 140, 180))


def _lamp(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.cylinder((0, 0, 0.02), w * 0.3, 0.04, _DARK)
    mesh.cylinder((0, 0, h * 0.35), 0.02, h * 0.7, _DARK)
    mesh.cylinder((0, 0, h * 0.78), w * 0.5, h * 0.42, color, taper=0.6)


def _vase(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    mesh.cylinder((0, 0, h * 0.3), w * 0.32, h * 0.6, color, taper=1.3)
    for x, y in ((0.15, 0), (-0.15, 0.1), (0, -0.15)):
        mesh.sphere((x * w * 2, y * w * 2, h * 0.8), w * 0.24, (236, 120, 130))


_SHAPES: dict[str, Callable[[Mesh, float, float, float, Color], None]] = {
    "bed": _bed,
    "sofa": _sofa,
    "armchair": _sofa,
    "table": _table,
    "desk": _desk,
    "chair": _chair,
    "piano": _piano,
    "bookcase": _bookcase,
    "plant": _plant,
    "television": _television,
    "computer": _television,
    "lamp": _lamp,
    "vase": _vase,
}


def _shade(color: Color, part: int, whole: int) -> Color:
    red, green, blue = (min(255, channel * part // whole) for channel in color)
    return red, green, blue
