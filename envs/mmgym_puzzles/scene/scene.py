"""A scene: meshes at poses that are set from outside, and a camera. Nothing moves by itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn

import cv2
import numpy as np

from mmgym.draw import Color
from mmgym_puzzles.scene.engine import draw_scene, panda
from mmgym_puzzles.scene.mesh import SHADOW, Mesh, Point
from mmgym_puzzles.scene.textures import texture

__all__ = ["Scene"]

_LAST = "mmgym-shadows"
"""The bin of what is drawn after all else; Panda3D's own bin "unsorted" has the number 50."""


class Scene:
    """Meshes in space, seen by one camera. The picture is a pure function of what was added, poses and camera.

    Many scenes share one engine. A scene cannot be pickled: keep the state, and build it again.

    Args:
        background: colour where nothing is.
        field_of_view: horizontal and vertical angle of the square picture in degrees.
        near, far: distances in metres between which things are seen; the closer they are to each other, the finer the
            depths that are told apart.
        flat_width: metres that the picture is wide in a view without perspective, as on a map; None for perspective.

    Raises:
        MissingRenderer: when Panda3D is not installed; the message says what installs it.
    """

    def __init__(
        self,
        background: Color = (200, 215, 230),
        field_of_view: float = 70.0,
        near: float = 0.1,
        far: float = 60.0,
        flat_width: float | None = None,
    ):
        core = panda()
        bins = core.CullBinManager.get_global_ptr()
        if bins.find_bin(_LAST) < 0:
            bins.add_bin(_LAST, core.CullBinManager.BT_unsorted, 60)
        self.root = core.NodePath("scene")
        # In the order in which they were added: sorting by state would compare addresses, which differ between runs.
        self.root.set_bin("unsorted", 0)
        if flat_width is None:
            self._lens = core.PerspectiveLens()
            self._lens.set_fov(field_of_view, field_of_view)
        else:
            self._lens = core.OrthographicLens()
            self._lens.set_film_size(flat_width, flat_width)
        self._lens.set_near_far(near, far)
        self._camera = self.root.attach_new_node(core.Camera("camera", self._lens))
        self._background = background

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Scene cannot be pickled: drop it in __getstate__ and build it again from the state")

    def add(self, mesh: Mesh, position: Point = (0.0, 0.0, 0.0), turn: float = 0.0) -> Any:
        """Put a mesh into the scene, turned about the vertical by `turn` degrees, counter-clockwise from above.

        The node returned is a ``panda3d.core.NodePath``: `set_pos(x, y, z)`, `set_h(degrees)`, `set_hpr(...)`,
        `set_quat(...)`, `set_scale(...)`, `set_color_scale(r, g, b, 1)` to tint, `hide()`, `show()` and
        `remove_node()`. The light of a mesh is baked in and turns with it.
        """
        if mesh.geometry is None:
            mesh.geometry = [(name, _geometry(np.concatenate(pieces))) for name, pieces in mesh.parts.items()]
        node = self.root.attach_new_node("mesh")
        for name, geometry in mesh.geometry:
            part = node.attach_new_node(geometry)
            if name:
                part.set_texture(_texture(name))
            if name == SHADOW:
                part.set_transparency(panda().TransparencyAttrib.M_alpha)
                part.set_depth_write(False)
                part.set_depth_offset(1)
                part.set_bin(_LAST, 0)
        node.set_pos_hpr(*position, turn, 0, 0)
        return node

    def look(self, position: Point, heading: float, pitch: float = 0.0) -> None:
        """Put the camera at a position, looking `heading` degrees counter-clockwise from y, and `pitch` up."""
        self._camera.set_pos_hpr(*position, heading, pitch, 0)

    def look_at(self, position: Point, target: Point) -> None:
        """Put the camera at a position, looking at a point."""
        self._camera.set_pos(*position)
        self._camera.look_at(panda().Point3(*target))

    def pixel_of(self, point: Point, height: int, width: int | None = None) -> tuple[float, float] | None:
        """Where a point lies in the picture: x from the left and y from the top, or None when it is outside."""
        core = panda()
        place, found = self._camera.get_relative_point(self.root, core.Point3(*point)), core.Point2()
        if not self._lens.project(place, found):
            return None
        return (found[0] + 1) / 2 * (width or height), (1 - found[1]) / 2 * height

    def image(self, height: int, width: int | None = None, samples: int = 1) -> np.ndarray:
        """The picture: a fresh uint8 array (height, width, 3); square without `width`.

        Args:
            height: pixels from top to bottom.
            width: pixels from left to right.
            samples: points a side that each pixel is averaged from; 2 smooths edges and takes three times as long.
        """
        return self._pixels(self._background, height, width or height, samples)

    def image_over(self, ground: np.ndarray, samples: int = 1) -> np.ndarray:
        """The picture with another one for its background: a fresh array of the same shape.

        What never moves need then be drawn but once. Shadows fall on the background too.

        Args:
            ground: uint8 (height, width, 3).
            samples: see `image`.
        """
        layer = self._pixels(None, ground.shape[0], ground.shape[1], samples)
        clear = cv2.cvtColor(cv2.bitwise_not(layer[..., 3]), cv2.COLOR_GRAY2RGB)
        colors = cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)
        return np.asarray(cv2.add(cv2.multiply(ground, clear, scale=1 / 255), colors), np.uint8)

    def _pixels(self, background: Color | None, height: int, width: int, samples: int) -> np.ndarray:
        pixels = draw_scene(self._camera, background, height * samples, width * samples)
        if samples > 1:
            pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return pixels


_CORNER = np.dtype([("place", np.float32, 5), ("color", np.uint8, 4)])


@lru_cache(maxsize=1)
def _format() -> Any:
    """The layout of `_CORNER`."""
    core = panda()
    form = core.GeomVertexArrayFormat()
    form.add_column(core.InternalName.get_vertex(), 3, core.Geom.NT_float32, core.Geom.C_point)
    form.add_column(core.InternalName.get_texcoord(), 2, core.Geom.NT_float32, core.Geom.C_texcoord)
    form.add_column(core.InternalName.get_color(), 4, core.Geom.NT_uint8, core.Geom.C_color)
    return core.GeomVertexFormat.register_format(core.GeomVertexFormat(form))


def _geometry(vertices: np.ndarray) -> Any:
    """A node of triangles from float32 (corners, 8): position, texture coordinates, colour."""
    core = panda()
    data = core.GeomVertexData("mesh", _format(), core.Geom.UH_static)
    data.unclean_set_num_rows(len(vertices))
    rows = np.empty(len(vertices), _CORNER)
    rows["place"] = vertices[:, :5]
    rows["color"][:, :3] = np.clip(vertices[:, 5:8], 0, 1) * 255 + 0.5
    rows["color"][:, 3] = 255
    np.frombuffer(memoryview(data.modify_array(0)).cast("B"), np.uint8)[:] = rows.view(np.uint8)
    triangles = core.GeomTriangles(core.Geom.UH_static)
    triangles.add_next_vertices(len(vertices))
    triangles.close_primitive()
    geometry = core.Geom(data)
    geometry.add_primitive(triangles)
    node = core.GeomNode("mesh")
    node.add_geom(geometry)
    return node


_textures: dict[str, Any] = {}


def _texture(name: str) -> Any:
    if name not in _textures:
        core = panda()
        pixels = texture(name)
        forms = {1: core.Texture.F_luminance, 3: core.Texture.F_rgb, 4: core.Texture.F_rgba}
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        made = core.Texture(name)
        made.setup_2d_texture(pixels.shape[1], pixels.shape[0], core.Texture.T_unsigned_byte, forms[channels])
        if channels > 1:  # Panda3D wants blue, green, red
            pixels = pixels[..., [2, 1, 0, 3][:channels]]
        made.set_ram_image(np.ascontiguousarray(pixels[::-1]).tobytes())
        made.set_minfilter(core.SamplerState.FT_linear_mipmap_nearest)
        made.set_magfilter(core.SamplerState.FT_linear)
        wrap = core.SamplerState.WM_clamp if channels > 1 else core.SamplerState.WM_repeat
        made.set_wrap_u(wrap)
        made.set_wrap_v(wrap)
        _textures[name] = made
    return _textures[name]
