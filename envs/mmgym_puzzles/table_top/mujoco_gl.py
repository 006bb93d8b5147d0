"""MuJoCo's own renderer in one process: GL contexts that all views share, one for each size of picture.

MuJoCo draws by OpenGL, which a machine may have in two forms that need no display: EGL (a graphics card, or Mesa on
the processor) and OSMesa (Mesa on the processor). What is there is found at run time; ``MUJOCO_GL`` chooses, if set.

A GL context belongs to one thread at a time, so each picture takes it and gives it back under a lock: any thread may
draw, one after the other. A forked child makes contexts of its own. Mesa's own threads would not survive the fork and
leave the child waiting for them for ever, so Mesa is told to do without (``LP_NUM_THREADS=0`` and
``MESA_SHADER_CACHE_DISABLE=true``, unless they are set); that costs nothing at the sizes of our pictures.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from mmgym_puzzles.scene import MissingRenderer

__all__ = ["draw", "find_gl", "load_mujoco"]

_ADVICE = (
    "apt-get install libegl1 libopengl0 libgl1-mesa-dri, or apt-get install libosmesa6; "
    "or take the default renderer, which needs neither"
)
_KEPT = 4
"""Buffers kept; the one not used for longest goes first."""
_THREADLESS = {"LP_NUM_THREADS": "0", "MESA_SHADER_CACHE_DISABLE": "true"}
"""What keeps Mesa from starting threads."""


def load_mujoco() -> Any:
    """The module ``mujoco``.

    Raises:
        MissingRenderer: when it is not installed.
    """
    try:
        return importlib.import_module("mujoco")
    except ImportError as error:
        raise MissingRenderer("the renderer 'mujoco' needs MuJoCo: pip install 'mmgym[robot]'") from error


def find_gl() -> str | None:
    """``"egl"`` or ``"osmesa"``, the first that works here and that ``MUJOCO_GL`` allows, or None."""
    if not sys.platform.startswith("linux"):
        return None
    for variable, value in _THREADLESS.items():
        os.environ.setdefault(variable, value)
    named = os.environ.get("MUJOCO_GL", "").lower()
    # PyOpenGL stands for one of them in a process, decided when it is first imported.
    bound = os.environ.get("PYOPENGL_PLATFORM", "").lower()
    for name, works in (("egl", _has_egl), ("osmesa", _has_osmesa)):
        if named in ("", name) and bound in ("", name) and works():
            return name
    return None


def _has_osmesa() -> bool:
    return _library("libOSMesa.so.8", "libOSMesa.so.6") is not None


def _has_egl() -> bool:
    """Whether an EGL device can be opened; that the library is there says little, its drivers come apart from it."""
    egl = _library("libEGL.so.1")
    if egl is None or _library("libOpenGL.so.0", "libGL.so.1") is None:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    addresses = [egl.eglGetProcAddress(name) for name in (b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT")]
    if not all(addresses):
        return False
    pointer, whole = ctypes.c_void_p, ctypes.c_int
    query = ctypes.CFUNCTYPE(whole, whole, ctypes.POINTER(pointer), ctypes.POINTER(whole))(addresses[0])
    display_of = ctypes.CFUNCTYPE(pointer, ctypes.c_uint, pointer, pointer)(addresses[1])
    egl.eglInitialize.argtypes = [pointer, pointer, pointer]
    devices, count = (pointer * 16)(), whole(0)
    query(16, devices, ctypes.byref(count))
    platform_device = 0x313F
    displays = (display_of(platform_device, device, None) for device in devices[: count.value])
    return any(display and egl.eglInitialize(display, None, None) for display in displays)


def _library(*names: str) -> Any:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


class _Buffer:
    """A GL context with one buffer of MuJoCo's in it. Two in one context would disturb each other's light."""

    def __init__(self, model: Any, side: int, shadow: int) -> None:
        name = _chosen()
        self._mujoco = load_mujoco()
        try:
            backend = importlib.import_module(f"mujoco.{name}")
            self._context = backend.GLContext(16, 16)  # MuJoCo draws into a buffer of its own
            self._context.make_current()
        except Exception as error:  # drivers that are there and do not work raise errors of PyOpenGL and others
            raise MissingRenderer(f"MuJoCo's renderer does not start by {name} ({error!r}): {_ADVICE}") from error
        self._release = _releaser(name, backend)
        model.vis.global_.offwidth = model.vis.global_.offheight = side
        model.vis.quality.offsamples, model.vis.quality.shadowsize = 0, shadow
        self._buffer = self._mujoco.MjrContext(model, self._mujoco.mjtFontScale.mjFONTSCALE_50)
        self._mujoco.mjr_setBuffer(self._mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._buffer)
        self._frame = self._mujoco.MjrRect(0, 0, side, side)
        self._pixels = np.empty((side, side, 3), np.uint8)
        self._release()

    def draw(self, scene: Any) -> np.ndarray:
        """Pixels of the scene from the bottom up; they change with the next picture."""
        self._context.make_current()
        try:
            self._mujoco.mjr_render(self._frame, scene, self._buffer)
            self._mujoco.mjr_readPixels(self._pixels, None, self._frame, self._buffer)
        finally:
            self._release()
        return self._pixels

    def close(self) -> None:
        self._context.make_current()
        self._buffer.free()
        self._context.free()


def _chosen() -> str:
    """The library that is used."""
    name = find_gl()
    if name is None:
        told = {key: os.environ[key] for key in ("MUJOCO_GL", "PYOPENGL_PLATFORM") if os.environ.get(key)}
        allowed = "".join(f", and {key}={value} allows no other" for key, value in told.items())
        raise MissingRenderer(f"MuJoCo's renderer finds neither EGL nor OSMesa here{allowed}: {_ADVICE}")
    changed = [f"{variable}={value}" for variable, value in _THREADLESS.items() if os.environ[variable] != value]
    if _of_parents and changed:
        raise RuntimeError(f"a forked process can draw only with {', '.join(changed)}; or start workers by spawn")
    os.environ.setdefault("MUJOCO_GL", name)  # libmujoco looks there for the functions of GL
    return name


def _releaser(name: str, backend: Any) -> Callable[[], Any]:
    """What lets go of the context that is current in this thread."""
    if name == "egl":
        egl, display = backend.EGL, backend.EGL_DISPLAY
        none = egl.EGL_NO_SURFACE, egl.EGL_NO_SURFACE, egl.EGL_NO_CONTEXT
        return lambda: egl.eglMakeCurrent(display, *none)
    mesa, kind = backend.osmesa, backend.GL.GL_FLOAT
    return lambda: mesa.OSMesaMakeCurrent(None, None, kind, 0, 0)


_buffers: OrderedDict[tuple[Callable[[], Any], int, int], _Buffer] = OrderedDict()
_lock = threading.Lock()
_of_parents: list[_Buffer] = []
"""Buffers made before a fork: kept, as freeing them would call GL on what is the parent's."""


def draw(scene: Any, model: Callable[[], Any], size: int, samples: int, shadow: int) -> np.ndarray:
    """The picture of a scene (``mujoco.MjvScene``): a fresh uint8 array (size, size, 3).

    Args:
        scene: what to draw.
        model: gives the ``mujoco.MjModel`` with the textures and the settings; called once for each kind of buffer.
        size: pixels a side.
        samples: points a side that each pixel is averaged from.
        shadow: pixels a side of the map that shadows are looked up in.

    Raises:
        MissingRenderer: where no GL library is installed; the message says what to install.
    """
    key = model, size * samples, shadow
    with _lock:
        if key not in _buffers:
            _buffers[key] = _Buffer(model(), size * samples, shadow)
            if len(_buffers) == 1:
                atexit.register(_close)  # only now: MuJoCo has registered its own, so that ours goes first
        _buffers.move_to_end(key)
        while len(_buffers) > _KEPT:
            _buffers.popitem(last=False)[1].close()
        pixels = _buffers[key].draw(scene)
        if samples > 1:
            pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.flip(pixels, 0), np.uint8)


def _close() -> None:
    while _buffers:
        _buffers.popitem()[1].close()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _of_parents.extend(_buffers.values())
    _buffers.clear()


os.register_at_fork(after_in_child=_after_fork)
