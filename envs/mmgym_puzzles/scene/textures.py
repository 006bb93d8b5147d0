"""Textures drawn by numpy: brick, wood, carpet, painted wall and others, the same on every machine.

A texture is grey and coloured by what it is put on, so one drawing serves every colour. Pictures (posters, screens)
come with colours of their own, by `add_texture`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["TEXTURES", "add_texture", "texture"]

SIZE = 64
"""Side of a texture in pixels."""

TEXTURES = ("brick", "wood", "carpet", "paint", "stone", "tiles", "planks", "stripes")
"""Names of the textures."""


_added: dict[str, np.ndarray] = {}


def add_texture(name: str, pixels: np.ndarray) -> str:
    """Make a picture known by a name, for meshes that name it as their texture; its name. It is kept for good.

    Args:
        name: any text that is no name of `TEXTURES`. A name stands for one picture always.
        pixels: uint8 (height, width, 3), or (height, width, 4) with how solid each point is; the first row is the top.
            Sides are powers of two.

    Raises:
        ValueError: for sides that are no powers of two, or a name that stands for another picture already.
    """
    sides = pixels.shape[:2]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or any(n & (n - 1) for n in sides):
        raise ValueError(f"a texture must be uint8 (2^a, 2^b, 3 or 4); got {pixels.dtype} {pixels.shape}")
    if name in TEXTURES or (name in _added and not np.array_equal(_added[name], pixels)):
        raise ValueError(f"the name {name!r} stands for another texture; choose another")
    _added[name] = pixels.copy()
    return name


@cache
def texture(name: str) -> np.ndarray:
    """A texture: read-only uint8, (SIZE, SIZE) or (height, width, channels); the first row is the top.

    Raises:
        KeyError: for a name that is not known.
    """
    if name in _added:
        return _added[name]
    if name == "shadow":
        return _shadow()
    if name not in TEXTURES:
        raise KeyError(f"no texture {name!r}; textures: {', '.join((*TEXTURES, *_added))}")
    rng = np.random.default_rng(TEXTURES.index(name))
    grey = np.clip(_DRAWN[name](rng), 0, 255).astype(np.uint8)
    grey.flags.writeable = False
    return grey


def _shadow() -> np.ndarray:
    """Black, half solid in the middle, clear from the inscribed circle on: uint8 (SIZE, SIZE, 4)."""
    y, x = np.mgrid[:SIZE, :SIZE]
    rim = np.clip(1 - np.hypot(x - SIZE / 2 + 0.5, y - SIZE / 2 + 0.5) / (SIZE / 2 - 1), 0, 1)
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    pixels[..., 3] = np.clip(rim * 2.2, 0, 1) * 115
    return pixels


def _noise(rng: np.random.Generator, amount: int, grain: tuple[int, int] = (1, 1)) -> np.ndarray:
    coarse = rng.integers(-amount, amount + 1, (SIZE // grain[0], SIZE // grain[1]))
    return np.kron(coarse, np.ones(grain, int))


def _courses(rng: np.random.Generator, rows: int, columns: int, spread: int, joint: int, base: int) -> np.ndarray:
    """Bricks in `rows` courses, every other one shifted by half a brick, with joints of another brightness."""
    y, x = np.mgrid[:SIZE, :SIZE]
    high, wide = SIZE // rows, SIZE // columns
    row = y // high
    shifted = (x + row % 2 * (wide // 2)) % SIZE
    tone = rng.integers(-spread, spread + 1, (rows, columns))[row, shifted // wide]
    grey = base + tone + _noise(rng, 8, (2, 2))
    return np.where((y % high < 2) | (shifted % wide < 2), joint, grey)


def _brick(rng: np.random.Generator) -> np.ndarray:
    return _courses(rng, 8, 4, 22, 120, 218)


def _stone(rng: np.random.Generator) -> np.ndarray:
    return _courses(rng, 4, 2, 18, 110, 215) + _noise(rng, 9, (4, 4))


def _wood(rng: np.random.Generator) -> np.ndarray:
    return 222 + _noise(rng, 14, (1, 16)) + _noise(rng, 8, (2, 32))


def _planks(rng: np.random.Generator) -> np.ndarray:
    y, _ = np.mgrid[:SIZE, :SIZE]
    tone = rng.integers(-16, 17, 8)[y // 8]
    return np.where(y % 8 == 0, 176, 222 + tone + _noise(rng, 7, (1, 16)))


def _carpet(rng: np.random.Generator) -> np.ndarray:
    return 222 + _noise(rng, 9, (2, 2)) + _noise(rng, 9)


def _paint(rng: np.random.Generator) -> np.ndarray:
    return 246 + _noise(rng, 3, (4, 4))


def _tiles(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    chess = np.where((x // 32 + y // 32) % 2, 236, 200)
    return np.where((x % 32 < 1) | (y % 32 < 1), 150, chess + _noise(rng, 3, (4, 4)))


def _stripes(rng: np.random.Generator) -> np.ndarray:
    _, x = np.mgrid[:SIZE, :SIZE]
    return np.where(x // 8 % 2, 250, 205) + _noise(rng, 2)


_DRAWN = {
    "brick": _brick,
    "wood": _wood,
    "carpet": _carpet,
    "paint": _paint,
    "stone": _stone,
    "tiles": _tiles,
    "planks": _planks,
    "stripes": _stripes,
}
