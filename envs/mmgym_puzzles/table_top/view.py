"""The picture: the table with its rulers, the things, and a robot's arm, drawn by Panda3D's software renderer."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from mmgym.draw import Color, draw_text
from mmgym_puzzles.scene import Mesh, Scene
from mmgym_puzzles.table_top.things import LOOKS, REACH, Kind, Layout
from mmgym_puzzles.table_top.world import Poses

__all__ = ["CAMERAS", "View"]

CAMERAS = {"high": ((0.2, -0.36, 0.62), (0.2, 0.185, 0.045)), "low": ((0.2, -0.47, 0.43), (0.2, 0.16, 0.05))}
"""By name: where the camera is and the point it looks at, in metres."""
_DARK: Color = (58, 60, 66)
_STEEL: Color = (150, 156, 166)
_ARM: Color = (236, 236, 232)
_MARK: Color = (255, 0, 90)


class View:
    """One instance, drawn in any state of it. It cannot be pickled.

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
        self._scene = Scene((222, 230, 236), 43.0, 0.3, 2.0)
        self._scene.look_at(*CAMERAS[camera])
        self._flat(_table(look, grid))
        for color, x, y in layout.mats:
            self._flat(_mat(mat, colors[color][1])).set_pos(x / 1000, y / 1000, 0)
        self._drawers = []
        for color, x, _ in layout.drawers:
            self._scene.add(_cabinet(colors[color][1]), (x / 1000, 0, 0))
            self._drawers.append((self._scene.add(_drawer(colors[color][1])), x / 1000))
        self._shadows = [self._scene.add(_shadow(kind)) for kind in self._kinds]
        self._things = [
            self._scene.add(_thing(kind, colors[thing.color][1]))
            for kind, thing in zip(self._kinds, layout.things, strict=True)
        ]
        self._hand = self._scene.add(_hand())
        self._fingers = [self._scene.add(_finger(side)) for side in (-1, 1)]
        self._plumb = self._scene.add(Mesh().box((0, 0, -0.5), (0.0016, 0.0016, 1.0), _MARK))
        self._mark = self._scene.add(Mesh().box((0, 0, 0), (0.009, 0.009, 0.001), _MARK))
        self._links = [self._scene.add(_link(color)) for color in (_ARM, (214, 120, 40))]
        self._joint = self._scene.add(Mesh().sphere((0, 0, 0), 0.03, _DARK))
        self._labels: dict[int, list[tuple[str, float, float]]] = {}

    def _flat(self, mesh: Mesh) -> Any:
        """Put what lies flat below all else into the scene: what is added later covers it, whatever the depth."""
        node = self._scene.add(mesh)
        node.set_depth_write(False)
        node.set_depth_test(False)
        return node

    def image(self, poses: Poses, size: int) -> np.ndarray:
        """The picture of these poses: a fresh uint8 array (size, size, 3)."""
        for k, (pose, node, shadow) in enumerate(zip(poses.things, self._things, self._shadows, strict=True)):
            x, y, z = (v / 1e4 for v in pose[:3])
            node.set_pos(x, y, z)
            node.set_quat(_quaternion(pose))
            below = _support(poses, x, y, z - 0.02, k)
            shadow.set_pos(x, y, below + 0.0035)
        for (node, x), opened in zip(self._drawers, poses.drawers, strict=True):
            node.set_pos(x, -opened / 1e4, 0)
        self._pose_hand(poses)
        image = self._scene.image(size)
        if size >= 96:
            if size not in self._labels:
                self._labels[size] = self._find_labels(size)
            for text, px, py in self._labels[size]:
                draw_text(image, text, px, py, max(9, size // 16), (40, 44, 52), bold=True)
        return image

    def _pose_hand(self, poses: Poses) -> None:
        x, y, z, turn = (v / 1e4 for v in poses.hand[:4])
        turn *= 100
        self._hand.set_pos_hpr(x, y, z, turn, 0, 0)
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        for side, node in zip((-1, 1), self._fingers, strict=True):
            out = side * poses.hand[4] / 2e4
            node.set_pos_hpr(x + c * out, y + s * out, z, turn, 0, 0)
        below = _support(poses, x, y, z, poses.held)
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

    def _find_labels(self, size: int) -> list[tuple[str, float, float]]:
        found = []
        for value in range(0, REACH + 1, 100):
            for text, point in (
                (str(value), (value / 1000, -0.047, 0.0)),
                (str(value), (-0.053, value / 1000, 0.0)),
            ):
                place = self._scene.pixel_of(point, size)
                if place is not None:
                    found.append((text, *place))
        for text, point in (("x", (0.25, -0.047, 0.0)), ("y", (-0.053, 0.25, 0.0))):
            place = self._scene.pixel_of(point, size)
            if place is not None:
                found.append((text, *place))
        return found


def _support(poses: Poses, x: float, y: float, z: float, but: int) -> float:
    """Height of what is right below a point: a thing's top or the table."""
    best = 0.0
    for k, pose in enumerate(poses.things):
        near = abs(pose[0] / 1e4 - x) < 0.02 and abs(pose[1] / 1e4 - y) < 0.02
        top = pose[2] / 1e4 + 0.02
        if k != but and near and pose[2] / 1e4 < z:
            best = max(best, top)
    return best


def _quaternion(pose: list[int]) -> Any:
    from mmgym_puzzles.scene.engine import panda

    w, x, y, z = (v / 1e4 for v in pose[3:])
    quaternion = panda().LQuaternion(w, x, y, z)
    quaternion.normalize()
    return quaternion


@lru_cache(maxsize=16)
def _table(look: str, grid: bool) -> Mesh:
    low, high = -0.085, REACH / 1000 + 0.05
    color = LOOKS[look].table
    mesh = Mesh().quad(
        [(low, low, 0), (high + 0.035, low, 0), (high + 0.035, high + 0.2, 0), (low, high + 0.2, 0)],
        color,
        LOOKS[look].texture,
        (3, 3),
    )
    mesh.box(((low + high + 0.035) / 2, low - 0.004, -0.03), (high + 0.035 - low, 0.008, 0.06), color)
    dark = tuple(int(part * 0.62) for part in color)
    edge = (40, 44, 52)

    def stripe(x0: float, y0: float, x1: float, y1: float, tone: Color, z: float) -> None:
        mesh.quad([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], tone, shaded=False)

    reach = REACH / 1000
    if grid:
        for k in range(1, 4):
            stripe(k / 10 - 0.0016, 0, k / 10 + 0.0016, reach, dark, 0.0005)  # type: ignore[arg-type]
            stripe(0, k / 10 - 0.0016, reach, k / 10 + 0.0016, dark, 0.0005)  # type: ignore[arg-type]
    for x0, y0, x1, y1 in (
        (-0.0015, -0.0015, reach, 0.0015),
        (-0.0015, reach - 0.0015, reach, reach + 0.0015),
        (-0.0015, 0, 0.0015, reach),
        (reach - 0.0015, 0, reach + 0.0015, reach),
    ):
        stripe(x0, y0, x1, y1, edge, 0.0006)
    for k in range(9):
        length = 0.024 if k % 2 == 0 else 0.013
        stripe(k / 20 - 0.0014, -length, k / 20 + 0.0014, 0, edge, 0.0006)
        stripe(-length, k / 20 - 0.0014, 0, k / 20 + 0.0014, edge, 0.0006)
    return mesh


@lru_cache(maxsize=256)
def _mat(side: int, color: Color) -> Mesh:
    half = side / 2000

    mesh = Mesh()
    pale: Color = tuple(int(part + (255 - part) * 0.25) for part in color)  # type: ignore[assignment]
    for reach, tone in ((half, (30, 30, 34)), (half - 0.002, color), (half - 0.009, pale)):
        corners = [(-reach, -reach, 0.0), (reach, -reach, 0.0), (reach, reach, 0.0), (-reach, reach, 0.0)]
        mesh.quad(corners, tone, shaded=False)
    return mesh


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


@lru_cache(maxsize=2)
def _finger(side: int) -> Mesh:
    mesh = Mesh().box((side * 0.004, 0, 0.059), (0.008, 0.016, 0.106), _STEEL)
    return mesh.box((side * 0.004, 0, 0.0), (0.008, 0.016, 0.014), _DARK)


@lru_cache(maxsize=2)
def _link(color: Color) -> Mesh:
    return Mesh().box((0, 0.5, 0), (0.045, 1.0, 0.045), color)


@lru_cache(maxsize=64)
def _cabinet(color: Color) -> Mesh:
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
