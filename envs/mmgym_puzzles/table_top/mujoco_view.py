"""The picture by MuJoCo's own renderer: real shadows, shiny things and smooth edges, by OpenGL.

The camera, the rulers and all sizes are those of `mmgym_puzzles.table_top.view.View`, so coordinates are read off
alike. The scene is made of MuJoCo's shapes and handed to the renderer as it is: no model is compiled for an instance,
and only what moves is set anew for a picture.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NoReturn

import cv2
import numpy as np

from mmgym.draw import Color, draw_text, paint, rectangle
from mmgym_puzzles.table_top.mujoco_gl import draw, load_mujoco
from mmgym_puzzles.table_top.things import LOOKS, REACH, Kind, Layout
from mmgym_puzzles.table_top.view import CAMERAS, _support
from mmgym_puzzles.table_top.world import Poses

__all__ = ["MujocoView", "assets"]

FIELD_OF_VIEW = 43.0
"""Vertical and horizontal angle of the picture in degrees."""
_NEAR, _FAR = 0.3, 3.0
_LEFT, _RIGHT, _FRONT, _BACK = -0.085, 0.485, -0.085, 0.65
"""Edges of the table top in metres."""
_DARK: Color = (58, 60, 66)
_STEEL: Color = (168, 174, 184)
_ARM: Color = (240, 240, 236)
_ACCENT: Color = (224, 124, 40)
_MARK: Color = (255, 0, 90)
_INK: Color = (40, 44, 52)
_WOOD: Color = (150, 112, 74)
_INSIDE: Color = (214, 196, 166)
_SIDE = 1024
"""Side in pixels of the painting on the table top."""
_SHAPES = {"box": 6, "cylinder": 5, "sphere": 2, "capsule": 3}
_UPRIGHT = np.eye(3)


class MujocoView:
    """One instance, drawn in any state of it. It cannot be pickled.

    Args:
        layout: the instance.
        look: name of its look.
        mat: side of the mats in millimetres.
        camera: a name of `CAMERAS`.
        grid: whether lines are painted on the table every 100 mm.
        shadows: whether things cast shadows; without them, dark discs lie below things.
        samples: points a side that each pixel is averaged from; 1 leaves edges jagged.

    Raises:
        MissingRenderer: when MuJoCo is not installed; a missing GL library is told when a picture is drawn.
    """

    def __init__(
        self, layout: Layout, look: str, mat: int, camera: str, grid: bool, shadows: bool = True, samples: int = 2
    ):
        self._mujoco = load_mujoco()
        colors, kinds = LOOKS[look].colors, LOOKS[look].kinds
        self._kinds = [kinds[thing.kind] for thing in layout.things]
        self._tops = [kind.height / 1000 for kind in self._kinds]
        self.samples, self.shadow = samples, 512 if shadows else 1
        self.scene = self._mujoco.MjvScene(assets(), maxgeom=64 + 16 * len(layout.drawers) + 4 * len(layout.things))
        self._light(shadows)
        self._eye, forward, up = _aim(*CAMERAS[camera])
        self._axes = np.cross(forward, up), up, forward
        self._lens(self._eye, forward, up)
        self._table(look, grid, forward, up)
        for color, x, y in layout.mats:
            self._mat(x / 1000, y / 1000, mat / 2000, colors[color][1])
        self._drawers = [self._drawer(x / 1000, colors[color][1]) for color, x, _ in layout.drawers]
        self._things = [
            self._thing(kind, colors[thing.color][1]) for kind, thing in zip(self._kinds, layout.things, strict=True)
        ]
        self._discs = [] if shadows else [self._disc(kind) for kind in self._kinds]
        self._build_hand()
        self._drawn: tuple[object, np.ndarray] | None = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MujocoView cannot be pickled: drop it in __getstate__ and build it again from the state")

    # --- what does not move ------------------------------------------------------------------------------------------

    def _put(
        self,
        shape: str,
        size: tuple[float, float, float],
        place: Any,
        color: Color,
        turned: np.ndarray = _UPRIGHT,
        shine: float = 0.15,
        glow: float = 0.0,
        solid: float = 1.0,
        material: int = -1,
        casts: bool = True,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add a shape, of half the size; its place, orientation and size, which may be written to."""
        scene = self.scene
        geom = scene.geoms[scene.ngeom]
        scene.ngeom += 1
        rgba = np.array([*(part / 255 for part in color), solid], np.float32)
        self._mujoco.mjv_initGeom(
            geom, _SHAPES[shape], np.array(size, float), np.array(place, float), turned.ravel(), rgba
        )
        geom.specular, geom.shininess, geom.emission, geom.reflectance = shine, 0.6, glow, 0.0
        geom.matid, geom.transparent = material, solid < 1
        geom.category = self._mujoco.mjtCatBit.mjCAT_STATIC  # left to chance otherwise, and decoration casts no shadow
        if hasattr(geom, "castshadow"):  # MuJoCo 4 and later
            geom.castshadow = casts
        return geom.pos, geom.mat, geom.size

    def _box(self, x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, color: Color, **more: Any) -> Any:
        size = ((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2)
        return self._put("box", size, ((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2), color, **more)

    def _light(self, shadows: bool) -> None:
        flags, flag = self.scene.flags, self._mujoco.mjtRndFlag
        for name in ("SKYBOX", "REFLECTION", "FOG", "HAZE"):
            flags[getattr(flag, f"mjRND_{name}")] = 0
        flags[flag.mjRND_SHADOW] = int(shadows)
        self.scene.nlight = 2
        # The first fills what the second leaves in the shade.
        for light, way, ambient, diffuse, casts in (
            (self.scene.lights[0], (-0.25, 0.6, -0.76), 0.46, 0.26, False),
            (self.scene.lights[1], (0.3, 0.42, -0.86), 0.0, 0.36, shadows),
        ):
            along = np.array(way) / np.linalg.norm(way)
            light.type = self._mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
            light.pos[:], light.dir[:] = np.array([0.2, 0.25, 0.0]) - 0.8 * along, along
            light.ambient[:], light.diffuse[:], light.specular[:] = ambient, diffuse, 0.4 * (not ambient)
            light.attenuation[:] = 1, 0, 0
            light.castshadow, light.cutoff, light.exponent, light.headlight, light.texid = int(casts), 180, 0, 0, -1

    def _lens(self, eye: np.ndarray, forward: np.ndarray, up: np.ndarray) -> None:
        half = _NEAR * math.tan(math.radians(FIELD_OF_VIEW / 2))
        for camera in self.scene.camera:  # one for each eye; the picture is from between
            camera.pos[:], camera.forward[:], camera.up[:] = eye, forward, up
            camera.frustum_near, camera.frustum_far, camera.frustum_center = _NEAR, _FAR, 0
            camera.frustum_bottom, camera.frustum_top, camera.frustum_width = -half, half, half

    def _table(self, look: str, grid: bool, forward: np.ndarray, up: np.ndarray) -> None:
        wall = np.stack([np.cross(up, -forward), up, -forward], axis=1)
        self._put(
            "box", (1.3, 1.3, 0.01), self._eye + forward * 2.6, (222, 230, 236), wall, shine=0.0, glow=0.02, casts=False
        )
        material = 2 * [*LOOKS].index(look) + grid
        self._box(_LEFT, _RIGHT, _FRONT, _BACK, -0.004, 0.0, (255, 255, 255), shine=0.0, material=material, casts=False)
        apron: Color = tuple(int(part * 0.8) for part in LOOKS[look].table)  # type: ignore[assignment]
        self._box(_LEFT, _RIGHT, _FRONT, _BACK, -0.4, -0.004, apron, shine=0.0, casts=False)

    def _mat(self, x: float, y: float, half: float, color: Color) -> None:
        pale: Color = tuple(int(part + (255 - part) * 0.25) for part in color)  # type: ignore[assignment]
        for k, (reach, tone) in enumerate(((half, (30, 30, 34)), (half - 0.002, color), (half - 0.009, pale))):
            self._put("box", (reach, reach, 0.0004 * (k + 1)), (x, y, 0), tone, shine=0.0)

    def _drawer(self, x: float, color: Color) -> list[tuple[np.ndarray, float]]:
        """A cabinet and its drawer; places of the drawer's parts, and their y when it is closed."""
        for left, right, front, back, low, high in (
            (-0.066, -0.06, 0.344, 0.456, 0, 0.076),
            (0.06, 0.066, 0.344, 0.456, 0, 0.076),
            (-0.066, 0.066, 0.344, 0.456, 0.076, 0.084),
            (-0.066, 0.066, 0.45, 0.456, 0, 0.084),
        ):
            self._box(x + left, x + right, front, back, low, high, _WOOD)
        parts = [
            self._box(x + left, x + right, front, back, low, high, tone)[0]
            for left, right, front, back, low, high, tone in (
                (-0.056, 0.056, 0.345, 0.445, 0.003, 0.008, _INSIDE),
                (-0.056, -0.05, 0.345, 0.445, 0.008, 0.052, _INSIDE),
                (0.05, 0.056, 0.345, 0.445, 0.008, 0.052, _INSIDE),
                (-0.056, 0.056, 0.439, 0.445, 0.008, 0.052, _INSIDE),
                (-0.062, 0.062, 0.337, 0.345, 0.003, 0.064, color),
                (-0.036, 0.036, 0.298, 0.306, 0.026, 0.040, _DARK),
                (-0.036, -0.028, 0.306, 0.337, 0.028, 0.038, _DARK),
                (0.028, 0.036, 0.306, 0.337, 0.028, 0.038, _DARK),
            )
        ]
        return [(place, float(place[1])) for place in parts]

    # --- what moves --------------------------------------------------------------------------------------------------

    def _thing(self, kind: Kind, color: Color) -> tuple[np.ndarray, np.ndarray]:
        a, b, c = (part / 1000 for part in kind.half)
        size = {"box": (a, b, c), "cylinder": (a, a, b), "sphere": (a, a, a)}[kind.shape]
        place, turned, _ = self._put(kind.shape, size, (0, 0, 0), color, shine=0.4)
        return place, turned

    def _disc(self, kind: Kind) -> np.ndarray:
        half = kind.half[0] * 0.00125
        place, _, _ = self._put("cylinder", (half, half, 0.0002), (0, 0, 0), (0, 0, 0), solid=0.3, shine=0.0)
        return place

    def _build_hand(self) -> None:
        self._palm = self._put("box", (0.052, 0.014, 0.012), (0, 0, 0), _DARK)
        self._wrist = self._put("cylinder", (0.018, 0.018, 0.031), (0, 0, 0), _STEEL, shine=0.6)
        self._fingers = [
            (
                self._put("box", (0.004, 0.008, 0.053), (0, 0, 0), _STEEL, shine=0.6),
                self._put("box", (0.0041, 0.0081, 0.007), (0, 0, 0), _DARK),
            )
            for _ in range(2)
        ]
        self._links = [
            self._put("capsule", (0.024, 0.024, 0.1), (0, 0, 0), color, shine=0.5) for color in (_ARM, _ACCENT)
        ]
        self._joint = self._put("sphere", (0.032, 0.032, 0.032), (0, 0, 0), _DARK, shine=0.5)
        self._plumb = self._put("box", (0.0013, 0.0013, 0.1), (0, 0, 0), _MARK, shine=0.0, glow=1.0, casts=False)
        self._mark = self._put("box", (0.0045, 0.0045, 0.0008), (0, 0, 0), _MARK, shine=0.0, glow=1.0, casts=False)

    def _pose(self, poses: Poses) -> None:
        """Put everything where it is."""
        for k, (pose, (place, turned)) in enumerate(zip(poses.things, self._things, strict=True)):
            place[:] = pose[0] / 1e4, pose[1] / 1e4, pose[2] / 1e4
            turned[:] = _rotation(pose[3:])
            if self._discs:
                x, y, z = place.tolist()
                self._discs[k][:] = x, y, _support(poses, x, y, z - 0.012, k, self._tops) + 0.0016
        for parts, opened in zip(self._drawers, poses.drawers, strict=True):
            for place, y in parts:
                place[1] = y - opened / 1e4
        x, y, z = (v / 1e4 for v in poses.hand[:3])
        c, s = math.cos(math.radians(poses.hand[3] / 100)), math.sin(math.radians(poses.hand[3] / 100))
        turn = ((c, -s, 0), (s, c, 0), (0, 0, 1))
        for part, high in ((self._palm, 0.122), (self._wrist, 0.165)):
            part[0][:], part[1][:] = (x, y, z + high), turn
        for side, finger in zip((-1, 1), self._fingers, strict=True):
            out = side * (poses.hand[4] / 2e4 + 0.004)
            for part, high in zip(finger, (0.059, 0.0), strict=True):
                part[0][:], part[1][:] = (x + c * out, y + s * out, z + high), turn
        below = _support(poses, x, y, z, poses.held, self._tops)
        top = max(z - 0.008, below + 0.0005)
        self._plumb[0][:] = x, y, (top + below) / 2
        self._plumb[2][2] = (top - below) / 2
        self._mark[0][:] = x, y, below + 0.001
        self._reach(np.array([x, y, z + 0.19]))

    def _reach(self, wrist: np.ndarray) -> None:
        """Bend the arm so that it ends at the wrist."""
        base = np.array([0.2, 0.56, 0.06])
        way = wrist - base
        length = math.sqrt(float(way @ way))
        lift = math.sqrt(max(0.0, 0.36**2 - length**2 / 4))
        flat = math.hypot(way[0], way[1]) or 1.0
        up = np.array([-way[2] * way[0] / flat, -way[2] * way[1] / flat, flat]) / max(length, 1e-6)
        elbow = base + way / 2 + lift * up
        self._joint[0][:] = elbow
        for (place, turned, size), start, end in zip(self._links, (base, elbow), (elbow, wrist), strict=True):
            along = end - start
            span = math.sqrt(float(along @ along))
            along = along / span
            side = np.array([along[1], -along[0], 0.0])
            side /= math.hypot(side[0], side[1]) or 1.0
            place[:], size[2] = (start + end) / 2, span / 2
            turned[:] = np.stack([side, np.cross(along, side), along], axis=1)

    # --- the picture -------------------------------------------------------------------------------------------------

    def image(self, poses: Poses, size: int) -> np.ndarray:
        """The picture of these poses: a fresh uint8 array (size, size, 3).

        Raises:
            MissingRenderer: where no GL library is installed; the message says what to install.
        """
        state = size, poses.hand[:], poses.held, [pose[:] for pose in poses.things], poses.drawers[:]
        if self._drawn is None or self._drawn[0] != state:
            self._pose(poses)
            image = draw(self.scene, assets, size, self.samples_at(size), self.shadow)
            self._label(image)
            self._drawn = state, image
        return self._drawn[1].copy()

    def forget(self) -> None:
        """Draw the next picture anew, even if nothing has moved."""
        self._drawn = None

    def samples_at(self, size: int) -> int:
        """Points a side that each pixel is averaged from in a picture of this size; large ones are smooth enough."""
        return max(1, min(self.samples, 2048 // size))

    def pixel_of(self, point: tuple[float, float, float], size: int) -> tuple[float, float]:
        """Where a point in metres lies in a picture of `size` pixels: x from the left and y from the top."""
        right, up, forward = (float(axis @ (np.array(point) - self._eye)) for axis in self._axes)
        scale = size / 2 / math.tan(math.radians(FIELD_OF_VIEW / 2)) / forward
        return size / 2 + right * scale, size / 2 - up * scale

    def _label(self, image: np.ndarray) -> None:
        """Write the rulers' numbers, as large and where the default view has them."""
        size = len(image)
        if size < 96:
            return
        numbers = range(0, REACH + 1, 100)
        labels = [(str(value), value / 1000, -0.049) for value in numbers] + [("x", 0.25, -0.049), ("y", -0.055, 0.51)]
        labels += [(str(value), -0.055, value / 1000) for value in numbers[1:]]
        for text, x, y in labels:
            draw_text(image, text, *self.pixel_of((x, y, 0.0), size), max(9, size // 16), _INK, bold=True)


def _aim(
    eye: tuple[float, float, float], target: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position, forward and up of a camera that looks at a point."""
    position = np.array(eye)
    forward = np.array(target) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return position, forward, np.cross(right, forward)


def _rotation(quaternion: list[int]) -> tuple[tuple[float, float, float], ...]:
    """The rotation matrix of a quaternion of any length."""
    w, x, y, z = quaternion
    n = 2 / (w * w + x * x + y * y + z * z)
    return (
        (1 - n * (y * y + z * z), n * (x * y - w * z), n * (x * z + w * y)),
        (n * (x * y + w * z), 1 - n * (x * x + z * z), n * (y * z - w * x)),
        (n * (x * z - w * y), n * (y * z + w * x), 1 - n * (x * x + y * y)),
    )


@lru_cache(maxsize=1)
def assets() -> Any:
    """A model with nothing but the paintings on the table tops, a material for each: look by look, plain and grid."""
    names = [f"{look} {grid}" for look in LOOKS for grid in (False, True)]
    assets = "".join(
        f'<texture name="{name}" type="2d" builtin="flat" width="{_SIDE}" height="{_SIDE}"/>'
        f'<material name="{name}" texture="{name}"/>'
        for name in names
    )
    model = load_mujoco().MjModel.from_xml_string(
        f'<mujoco><visual><map shadowclip="0.65" shadowscale="1"/></visual><statistic extent="1"/>'
        f'<asset>{assets}</asset><worldbody><geom size="1"/></worldbody></mujoco>'
    )
    paintings = [_painting(look, grid) for look in LOOKS for grid in (False, True)]
    model.tex_data[:] = np.concatenate([painting.ravel() for painting in paintings])
    return model


def _painting(look: str, grid: bool) -> np.ndarray:
    """The table top from above: grain, lines and rulers; uint8 (_SIDE, _SIDE, 3), its first row the back edge."""
    rng = np.random.default_rng(0)
    color, wood = LOOKS[look].table, LOOKS[look].texture == "wood"
    grey = np.ones((_SIDE, _SIDE), np.float32)
    for rows, columns in ((400, 12), (90, 3)) if wood else ((400, 400), (90, 90)):  # fine grain, and coarse
        noise = rng.normal(0, 0.032 if wood else 0.014, (rows, columns)).astype(np.float32)
        grey += cv2.resize(noise, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    image = np.clip(grey[..., None] * np.array(color, np.float32), 0, 255).astype(np.uint8)
    reach, dark = REACH / 1000, tuple(int(part * 0.62) for part in color)
    lines: list[tuple[float, float, float, float, Any]] = []
    if grid:
        for k in range(1, 4):
            lines.append((k / 10 - 0.002, 0, k / 10 + 0.002, reach, dark))
            lines.append((0, k / 10 - 0.002, reach, k / 10 + 0.002, dark))
    for at in (0, reach):
        lines.append((-0.0025, at - 0.0025, reach + 0.0025, at + 0.0025, _INK))
        lines.append((at - 0.0025, -0.0025, at + 0.0025, reach + 0.0025, _INK))
    for k in range(9):
        length = 0.026 if k % 2 == 0 else 0.014
        lines.append((k / 20 - 0.0022, -length, k / 20 + 0.0022, 0, _INK))
        lines.append((-length, k / 20 - 0.0022, 0, k / 20 + 0.0022, _INK))
    wide, deep = _RIGHT - _LEFT, _BACK - _FRONT
    shapes = [
        rectangle((x0 - _LEFT) / wide, (_BACK - y1) / deep, (x1 - _LEFT) / wide, (_BACK - y0) / deep, tone)
        for x0, y0, x1, y1, tone in lines
    ]
    paint(image, shapes)
    return image
