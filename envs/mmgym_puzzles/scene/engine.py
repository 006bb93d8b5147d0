"""One Panda3D engine per process, drawing on the processor: pictures of scenes as numpy arrays.

Panda3D's software renderer needs no display, no GPU and no GL library. Everything it holds is ordinary memory; a
forked child makes an engine of its own all the same, so that no two processes share a buffer's history. Threads take
turns: one picture is drawn at a time in a process. Pictures are the same bytes on every run on one machine; floats
decide at edges, so other kinds of CPU may differ there.
"""

from __future__ import annotations

import importlib
import os
import threading
from typing import Any

import cv2
import numpy as np

from mmgym.draw import Color

__all__ = ["MissingRenderer", "draw_scene", "panda"]

_SETTINGS = """
load-display p3tinydisplay
td-ignore-clamp 0
window-type none
audio-library-name null
notify-level-display error
threading-model
"""


class MissingRenderer(ImportError):
    """Raised when Panda3D is not installed; the message says what installs it."""


_core: Any = None


def panda() -> Any:
    """The module ``panda3d.core``, configured for drawing without a display.

    Raises:
        MissingRenderer: when Panda3D is not installed.
    """
    global _core
    if _core is None:
        try:
            core = importlib.import_module("panda3d.core")
        except ImportError as error:
            raise MissingRenderer("3-D scenes need Panda3D: pip install 'mmgym[robot]'") from error
        core.load_prc_file_data("mmgym", _SETTINGS)
        _core = core
    return _core


class _Engine:
    """The engine of one process and its buffers, one for each size of picture."""

    def __init__(self) -> None:
        core = panda()
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._engine = core.GraphicsEngine()
        self._pipe = core.GraphicsPipeSelection.get_global_ptr().make_pipe("TinyOffscreenGraphicsPipe", "p3tinydisplay")
        if self._pipe is None:
            raise MissingRenderer("this build of Panda3D lacks its software renderer: pip install 'mmgym[robot]'")
        self._buffers: dict[tuple[int, int], tuple[Any, Any, Any]] = {}

    def draw(self, camera: Any, background: Color | None, height: int, width: int) -> np.ndarray:
        with self._lock:  # Panda3D releases the interpreter's lock while it draws
            return self._draw(camera, background, height, width)

    def _draw(self, camera: Any, background: Color | None, height: int, width: int) -> np.ndarray:
        buffer, region, texture = self._buffer(height, width)
        region.set_camera(camera)
        solid = background is not None
        buffer.set_clear_color(panda().LColor(*(part / 255 for part in background or (0, 0, 0)), solid))
        for (h, w), (other, _, _) in self._buffers.items():
            other.set_active((h, w) == (height, width))
        self._engine.render_frame()
        # Rows come from the bottom up and colours as blue, green, red, alpha.
        pixels = np.frombuffer(texture.get_ram_image(), np.uint8).reshape(height, width, 4)
        order = cv2.COLOR_BGRA2RGB if solid else cv2.COLOR_BGRA2RGBA
        return np.asarray(cv2.cvtColor(cv2.flip(pixels, 0), order), np.uint8)

    def _buffer(self, height: int, width: int) -> tuple[Any, Any, Any]:
        if (height, width) not in self._buffers:
            core = panda()
            properties = core.FrameBufferProperties()
            properties.set_rgba_bits(8, 8, 8, 8)
            properties.set_depth_bits(24)
            size, flags = core.WindowProperties.size(width, height), core.GraphicsPipe.BF_refuse_window
            buffer = self._engine.make_output(self._pipe, f"{width}x{height}", 0, properties, size, flags)
            if buffer is None:
                raise RuntimeError(f"Panda3D gave no buffer of {width} x {height} pixels")
            texture = core.Texture()
            buffer.add_render_texture(texture, core.GraphicsOutput.RTM_copy_ram)
            self._buffers[height, width] = (buffer, buffer.make_display_region(), texture)
        return self._buffers[height, width]


_engine: _Engine | None = None


def draw_scene(camera: Any, background: Color | None, height: int, width: int) -> np.ndarray:
    """What a camera (a node path of Panda3D with a lens) sees: a fresh uint8 array (height, width, 3).

    Without a background it has four channels: the colours where something is, black elsewhere and under shadows, and
    how solid each pixel is.

    Raises:
        MissingRenderer: when Panda3D or its software renderer is not installed.
    """
    global _engine
    if _engine is None or _engine.pid != os.getpid():
        _engine = _Engine()
    return _engine.draw(camera, background, height, width)
