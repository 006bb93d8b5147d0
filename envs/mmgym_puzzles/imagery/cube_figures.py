"""Figures of cubes after Shepard and Metzler (1971): arms that turn corners, mirror images, relatives."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from mmgym_puzzles.imagery.rotations import UPRIGHT, Quaternion, matrix

__all__ = ["Cubes", "grow_arms", "looks_same", "mirror", "relative", "settled", "shape_key", "turn_upright"]

_Cube = tuple[int, int, int]
Cubes = tuple[_Cube, ...]
"""x, y and z of every cube, sorted; each coordinate begins at 0."""
_TRIES = 8
"""How often a place for one more cube is looked for."""


def settled(cubes: np.ndarray) -> Cubes:
    """A figure in its place, from whole coordinates (cubes, 3)."""
    return tuple(sorted(map(tuple, (cubes - cubes.min(axis=0)).tolist())))


def grow_arms(rng: np.random.Generator, lengths: list[int], stubs: int = 0, touching: bool = False) -> Cubes | None:
    """A figure whose arms have these lengths, each at a right angle to the one before; None if it does not work out.

    Args:
        rng: where chance comes from.
        lengths: cubes that each arm adds; the first begins with one more.
        stubs: single cubes that are put to the side of an arm.
        touching: whether arms may touch or cross others.
    """
    chain: list[_Cube] = [(0, 0, 0)]
    axis = 2
    corners = rng.integers(1, 3, size=len(lengths)).tolist()
    senses = rng.integers(2, size=len(lengths)).tolist()
    for length, corner, sense in zip(lengths, corners, senses, strict=True):
        axis = (axis + corner) % 3
        for _ in range(length):
            new = _beside(chain[-1], axis, 1 - 2 * sense)
            if not touching and _neighbors(new, chain) != 1:
                return None
            chain.append(new)
    for _ in range(stubs):
        stub = next((stub for _ in range(_TRIES) if (stub := _added(rng, chain)) is not None), None)
        if stub is None:
            return None
        chain.append(stub)
    figure = settled(np.array(list(dict.fromkeys(chain))))
    return figure if all(max(part) > 0 for part in zip(*figure, strict=True)) else None


def _beside(cube: _Cube, axis: int, sign: int) -> _Cube:
    x, y, z = cube
    return x + sign * (axis == 0), y + sign * (axis == 1), z + sign * (axis == 2)


def _added(rng: np.random.Generator, cubes: list[_Cube]) -> _Cube | None:
    """A cube beside one of some cubes, touching no other; None if it would."""
    base, axis, sense = rng.random(3).tolist()
    new = _beside(cubes[int(base * len(cubes))], int(3 * axis), 1 if sense < 0.5 else -1)
    return None if new in cubes or _neighbors(new, cubes) != 1 else new


def _neighbors(cube: _Cube, cubes: Iterable[_Cube]) -> int:
    """How many of some cubes share a face with a cube, or lie in its place."""
    x, y, z = cube
    near = {cube, (x - 1, y, z), (x + 1, y, z), (x, y - 1, z), (x, y + 1, z), (x, y, z - 1), (x, y, z + 1)}
    return len(near.intersection(cubes))


def mirror(cubes: Cubes) -> Cubes:
    """The mirror image of a figure."""
    return settled(np.array(cubes) * (-1, 1, 1))


def relative(rng: np.random.Generator, cubes: Cubes) -> Cubes | None:
    """A figure with one end cube put elsewhere, neither the same nor the mirror image; None if it does not work out."""
    ends = [cube for cube in cubes if _neighbors(cube, cubes) == 2]  # itself, and one
    if not ends:
        return None
    moved = ends[int(rng.integers(len(ends)))]
    rest = [cube for cube in cubes if cube != moved]
    new = next((new for _ in range(_TRIES) if (new := _added(rng, rest)) not in (None, moved)), None)
    if new is None:
        return None
    changed = settled(np.array([*rest, new]))
    return None if shape_key(changed) == shape_key(cubes) else changed


@lru_cache(maxsize=1)
def _forms() -> np.ndarray:
    """The matrices of the 24 rotations of a cube, in the order of `UPRIGHT`, and those after a mirror, (48, 3, 3)."""
    rotations = np.rint([matrix(q).T for q in UPRIGHT])
    return np.concatenate([rotations, rotations * np.array([[-1.0], [1.0], [1.0]])])


def _codes(cubes: Cubes) -> np.ndarray:
    """The figure in its 24 ways, and its mirror image in 24: sorted numbers, one for each cube, (48, cubes)."""
    forms = np.array(cubes, float) @ _forms()
    forms -= forms.min(axis=1, keepdims=True)
    numbers: np.ndarray = np.sort(forms @ np.array([64.0 * 64, 64, 1]), axis=1)
    return numbers


def looks_same(cubes: Cubes) -> list[Quaternion]:
    """The rotations of a cube after which the figure is the same set of cubes; the first is none at all."""
    codes = _codes(cubes)[:24]
    return [q for q, way in zip(UPRIGHT, codes, strict=True) if (way == codes[0]).all()]


def turn_upright(cubes: Cubes, q: Quaternion) -> Cubes:
    """The figure after one of the 24 rotations of a cube."""
    return settled(np.array(cubes) @ np.rint(matrix(q)).astype(np.int64).T)


@lru_cache(maxsize=4096)
def shape_key(cubes: Cubes) -> tuple[tuple[int, ...], bool]:
    """The same for figures that are rotated or mirrored into one another, and whether the mirror image is another."""
    codes = list(map(tuple, _codes(cubes).astype(int).tolist()))
    plain, mirrored = min(codes[:24]), min(codes[24:])
    return min(plain, mirrored), plain != mirrored
