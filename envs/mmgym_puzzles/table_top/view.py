"""The picture: the table with its rulers, the things, and a robot's arm, drawn by Panda3D's software renderer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mmgym.draw import Color, Shape, draw_text, paint, polygon
from mmgym_puzzles.scene import Mesh, Scene
from mmgym_puzzles.table_top.things import LOOKS, REACH, Kind, Layout
from mmgym_puzzles.table_top.world import Poses

__all__ = ["CAMERAS", "View"]

CAMERAS = {"high": ((0.2, -0.36, 0.62), (0.2, 0.185, 0.045)), "low": ((0.2, -0.47, 0.43), (0.2, 0.16, 0.05))}
"""By name: where the camera is and the point it looks at, in metres."""
_DARK: Color = (58, 60, 66)
_STEEL: Color = (150, 156, 166)
_ARM: Color = (176, 184, 196)
_ACCENT: Color = (214, 120, 40)
_MARK: Color = (255, 0, 90)


class View:
    """One instance, drawn in any state of it. It cannot be pickled.

    Table, rulers and mats lie below all else: they are painted once, and what moves is drawn over them.

    Args:
        layout: the instance.
        look: name of its look.
        mat: side of the mats in millimetres.
        camera: a name of `CAMERAS`.
        grid: whether lines are painted on the table every 100 mm.
    """

    def __init__(self, layout: Layout, look: str, mat: int, camera: str, grid: bool):
        colors, kinds = LOOKS[look].colors, LOOKS[look].kinds
        self._kinds = [kinds[thing.kind] for thing in layout.things]
        self._table = look, camera, grid
        self._mats = [(colors[color][1], x / 1000, y / 1000, mat / 2000) for color, x, y in layout.mats]
        self._scene = _scene(camera)
        self._drawers = []
        for color, x, _ in layout.drawers:
            self._scene.add(_cabinet(), (x / 1000, 0, 0))
            self._drawers.append((self._scene.add(_drawer(colors[color][1])), x / 1000))
        self._shadows = [self._scene.add(_shadow(kind)) for kind in self._kinds]
        self._things = [
            self._scene.add(_thing(kind, colors[thing.color][1]))
            for kind, thing in zip(self._kinds, layout.things, strict=True)
        ]
        self._hand = self._scene.add(_hand())
        self._fingers = [self._scene.add(_finger(side)) for side in (-1, 1)]
        self._plumb = self._scene.add(_plumb())
        self._mark = self._scene.add(_mark())
        self._links = [self._scene.add(_link(color)) for color in (_ARM, _ACCENT)]
        self._joint = self._scene.add(_joint())
        self._posed: list[list[int]] = [[] for _ in self._kinds]
        self._ground: np.ndarray | None = None
        self._drawn: tuple[object, np.ndarray] | None = None

    def image(self, poses: Poses, size: int) -> np.ndarray:
        """The picture of these poses: a fresh uint8 array (size, size, 3)."""
        state = size, poses.hand[:], poses.held, [pose[:] for pose in poses.things], poses.drawers[:]
        if self._drawn is None or self._drawn[0] != state:
            if self._ground is None or len(self._ground) != size:
                self._ground = self._paint_ground(size)
            self._pose(poses)
            self._drawn = state, self._scene.image_over(self._ground, 2 if size <= 1024 else 1)
        return self._drawn[1].copy()

    def _paint_ground(self, size: int) -> np.ndarray:
        ground = _painted_table(*self._table, size).copy()
        for color, x, y, half in self._mats:
            pale: Color = tuple(int(part + (255 - part) * 0.25) for part in color)  # type: ignore[assignment]
            for reach, tone in ((half, (30, 30, 34)), (half - 0.002, color), (half - 0.009, pale)):
                paint(ground, [_lying(self._scene, x - reach, y - reach, x + reach, y + reach, tone)])
        return ground

    def _pose(self, poses: Poses) -> None:
        tops = [kind.height / 1000 for kind in self._kinds]
        for k, pose in enumerate(poses.things):
            x, y, z = (v / 1e4 for v in pose[:3])
            if self._posed[k] != pose:
                self._posed[k] = pose[:]
                self._things[k].set_pos_quat((x, y, z), _quaternion(pose))
            self._shadows[k].set_pos(x, y, _support(poses, x, y, z - 0.012, k, tops) + 0.0035)
        for (node, x), opened in zip(self._drawers, poses.drawers, strict=True):
            node.set_pos(x, -opened / 1e4, 0)
        self._pose_hand(poses, tops)

    def _pose_hand(self, poses: Poses, tops: list[float]) -> None:
        x, y, z, turn = (v / 1e4 for v in poses.hand[:4])
        turn *= 100
        self._hand.set_pos_hpr(x, y, z, turn, 0, 0)
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        for side, node in zip((-1, 1), self._fingers, strict=True):
            out = side * poses.hand[4] / 2e4
            node.set_pos_hpr(x + c * out, y + s * out, z, turn, 0, 0)
        below = _support(poses, x, y, z, poses.held, tops)
        self._plumb.set_pos(x, y, z - 0.008)
        self._plumb.set_scale(1, 1, max(0.0005, z - 0.008 - below))
        self._mark.set_pos(x, y, below + 0.001)
        base, wrist = np.array([0.2, 0.56, 0.06]), np.array([x, y, z + 0.19])
        way = wrist - base
        length = float(np.linalg.norm(way))
        lift = math.sqrt(max(0.0, 0.36**2 - length**2 / 4))
        flat = math.hypot(way[0], way[1]) or 1.0
        up = np.array([-way[2] * way[0] / flat, -way[2] * way[1] / flat, flat]) / max(length, 1e-6)
        elbow = base + way / 2 + lift * up
        self._joint.set_pos(*elbow)
        for node, start, end in zip(self._links, (base, elbow), (elbow, wrist), strict=True):
            across = end - start
            span = float(np.linalg.norm(across))
            heading = math.degrees(math.atan2(-across[0], across[1]))
            node.set_pos_hpr(*start, heading, math.degrees(math.asin(across[2] / span)), 0)
            node.set_scale(1, span, 1)


def _support(poses: Poses, x: float, y: float, z: float, but: int, tops: Sequence[float] | None = None) -> float:
    """Height of what is right below a point: a thing's top (that much above its centre) or the table."""
    best = 0.0
    for k, pose in enumerate(poses.things):
        if k != but and pose[2] / 1e4 < z and abs(pose[0] / 1e4 - x) < 0.02 and abs(pose[1] / 1e4 - y) < 0.02:
            best = max(best, pose[2] / 1e4 + (tops[k] if tops else 0.02))
    return best


def _quaternion(pose: list[int]) -> Any:
    from mmgym_puzzles.scene.engine import panda

    w, x, y, z = (v / 1e4 for v in pose[3:])
    quaternion = panda().LQuaternion(w, x, y, z)
    quaternion.normalize()
    return quaternion


def _scene(camera: str) -> Scene:
    """A scene with nothing in it but the camera."""
    scene = Scene((222, 230, 236), 43.0, 0.3, 2.0)
    scene.look_at(*CAMERAS[camera])
    return scene


def _lying(scene: Scene, x0: float, y0: float, x1: float, y1: float, color: Color) -> Shape:
    """A rectangle that lies on the table, as the camera sees it, in the unit square."""
    seen = [scene.pixel_of((x, y, 0.0), 1) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    return polygon([point for point in seen if point is not None], color)


@lru_cache(maxsize=32)
def _painted_table(look: str, camera: str, grid: bool, size: int) -> np.ndarray:
    """The table with its rulers: read-only uint8 (size, size, 3)."""
    scene = _scene(camera)
    low, right, back = -0.085, REACH / 1000 + 0.085, REACH / 1000 + 0.25
    color, dark = LOOKS[look].table, (40, 44, 52)
    mesh = Mesh().quad(
        [(low, low, 0), (right, low, 0), (right, back, 0), (low, back, 0)], color, LOOKS[look].texture, (3, 3)
    )
    scene.add(mesh.box(((low + right) / 2, low - 0.004, -0.03), (right - low, 0.008, 0.06), color))
    image = scene.image(size, samples=max(1, min(4, 1024 // size)))
    reach, faint = REACH / 1000, tuple(int(part * 0.62) for part in color)
    lines = [(k / 10, faint, 0.002) for k in (1, 2, 3) if grid] + [(0.0, dark, 0.0025), (reach, dark, 0.0025)]
    for at, tone, half in lines:
        paint(image, [_lying(scene, at - half, -half, at + half, reach + half, tone)])  # type: ignore[arg-type]
        paint(image, [_lying(scene, -half, at - half, reach + half, at + half, tone)])  # type: ignore[arg-type]
    for k in range(9):
        at, length = k / 20, 0.026 if k % 2 == 0 else 0.014
        paint(image, [_lying(scene, at - 0.0022, -length, at + 0.0022, 0, dark)])
        paint(image, [_lying(scene, -length, at - 0.0022, 0, at + 0.0022, dark)])
    labels = [(str(v), v / 1000, -0.049) for v in range(0, REACH + 1, 100)]
    labels += [(str(v), -0.055, v / 1000) for v in range(100, REACH + 1, 100)]
    for text, x, y in [*labels, ("x", 0.25, -0.049), ("y", -0.055, 0.51)]:
        place = scene.pixel_of((x, y, 0.0), size)
        if place is not None and size >= 96:
            draw_text(image, text, *place, max(9, size // 16), dark, bold=True)
    image.flags.writeable = False
    return image


@lru_cache(maxsize=256)
def _thing(kind: Kind, color: Color) -> Mesh:
    half = [part / 1000 for part in kind.half]
    if kind.shape == "box":
        return Mesh().box((0, 0, 0), (2 * half[0], 2 * half[1], 2 * half[2]), color)
    if kind.shape == "cylinder":
        return Mesh().cylinder((0, 0, 0), half[0], 2 * half[1], color)
    return Mesh().sphere((0, 0, 0), half[0], color)


@lru_cache(maxsize=16)
def _shadow(kind: Kind) -> Mesh:
    return Mesh().shadow((0, 0, 0), (kind.half[0] * 0.0034, kind.half[0] * 0.0034))


@lru_cache(maxsize=1)
def _hand() -> Mesh:
    mesh = Mesh().box((0, 0, 0.122), (0.104, 0.028, 0.024), _DARK)
    return mesh.cylinder((0, 0, 0.165), 0.018, 0.062, _STEEL)


@lru_cache(maxsize=1)
def _plumb() -> Mesh:
    return Mesh().box((0, 0, -0.5), (0.0018, 0.0018, 1.0), _MARK)


@lru_cache(maxsize=1)
def _mark() -> Mesh:
    return Mesh().box((0, 0, 0), (0.009, 0.009, 0.001), _MARK)


@lru_cache(maxsize=1)
def _joint() -> Mesh:
    return Mesh().sphere((0, 0, 0), 0.03, _DARK)


@lru_cache(maxsize=2)
def _finger(side: int) -> Mesh:
    mesh = Mesh().box((side * 0.004, 0, 0.059), (0.008, 0.016, 0.106), _STEEL)
    return mesh.box((side * 0.004, 0, 0.0), (0.008, 0.016, 0.014), _DARK)


@lru_cache(maxsize=2)
def _link(color: Color) -> Mesh:
    return Mesh().box((0, 0.5, 0), (0.045, 1.0, 0.045), color)


@lru_cache(maxsize=1)
def _cabinet() -> Mesh:
    wood: Color = (150, 112, 74)
    mesh = Mesh().box((0, 0.4, 0.08), (0.132, 0.112, 0.008), wood)
    mesh.box((-0.063, 0.4, 0.038), (0.006, 0.112, 0.076), wood).box((0.063, 0.4, 0.038), (0.006, 0.112, 0.076), wood)
    return mesh.box((0, 0.453, 0.042), (0.132, 0.006, 0.084), wood)


@lru_cache(maxsize=64)
def _drawer(color: Color) -> Mesh:
    inside: Color = (214, 196, 166)
    mesh = Mesh().box((0, 0.395, 0.0055), (0.112, 0.1, 0.005), inside)
    for x in (-0.053, 0.053):
        mesh.box((x, 0.395, 0.03), (0.006, 0.1, 0.044), inside)
    mesh.box((0, 0.442, 0.03), (0.112, 0.006, 0.044), inside)
    mesh.box((0, 0.341, 0.0335), (0.124, 0.008, 0.061), color)
    mesh.box((0, 0.302, 0.033), (0.072, 0.008, 0.014), _DARK)
    for x in (-0.032, 0.032):
        mesh.box((x, 0.3215, 0.033), (0.008, 0.031, 0.01), _DARK)
    return mesh
