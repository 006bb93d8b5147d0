"""Rotations in space as unit quaternions, and the fewest turns about the axes x, y and z that bring one to another.

A quaternion is (w, x, y, z) with its first part that is not zero above zero, so that a rotation has one quaternion.
The 24 rotations of a cube (`UPRIGHT`) are exact: what comes out near one of them is put onto it.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np

__all__ = [
    "AXES",
    "IDENTITY",
    "UPRIGHT",
    "Quaternion",
    "Turn",
    "angle",
    "any_rotation",
    "apart",
    "fewest",
    "matrix",
    "turned",
]

Quaternion = tuple[float, float, float, float]
Turn = tuple[str, int]
"""Name of an axis, and degrees counter-clockwise as seen from the tip of that axis."""

AXES = ("x", "y", "z")
"""Names of the axes, right-handed."""
IDENTITY: Quaternion = (1.0, 0.0, 0.0, 0.0)
"""No rotation."""


def _times(p: Quaternion, q: Quaternion) -> Quaternion:
    """First `q`, then `p`."""
    a, b, c, d = p
    e, f, g, h = q
    return (
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    )


def _clean(q: Quaternion) -> Quaternion:
    length = math.sqrt(sum(part * part for part in q))
    a, b, c, d = (round(part / length, 12) + 0.0 for part in q)
    sign = math.copysign(1.0, next(part for part in (a, b, c, d) if part))
    return sign * a + 0.0, sign * b + 0.0, sign * c + 0.0, sign * d + 0.0


def _about(axis: int, degrees: float) -> Quaternion:
    half = math.radians(degrees) / 2
    parts = [0.0, 0.0, 0.0]
    parts[axis] = math.sin(half)
    return math.cos(half), parts[0], parts[1], parts[2]


def _upright() -> dict[Quaternion, list[Turn]]:
    """The 24 rotations of a cube, each with a shortest list of quarter and half turns that makes it."""
    turns = [(axis, degrees) for axis in AXES for degrees in (90, -90, 180)]
    found: dict[Quaternion, list[Turn]] = {IDENTITY: []}
    queue = [IDENTITY]
    for q in queue:
        for axis, degrees in turns:
            other = _clean(_times(_about(AXES.index(axis), degrees), q))
            if other not in found:
                found[other] = [*found[q], (axis, degrees)]
                queue.append(other)
    return found


UPRIGHT = _upright()
"""The 24 rotations of a cube, each with a shortest list of quarter and half turns that makes it."""
_UPRIGHT_FIRST = tuple({q[0] for q in UPRIGHT})
"""Their first parts: four numbers."""


def _dot(p: Quaternion, q: Quaternion) -> float:
    return abs(p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3])


def _settle(q: Quaternion) -> Quaternion:
    q = _clean(q)
    if min([abs(q[0] - first) for first in _UPRIGHT_FIRST]) > 1e-5:
        return q
    return next((upright for upright in UPRIGHT if _dot(q, upright) > 1 - 1e-12), q)


def turned(q: Quaternion, axis: str, degrees: float) -> Quaternion:
    """A rotation, followed by a turn about an axis."""
    return _settle(_times(_about(AXES.index(axis), degrees), q))


def any_rotation(rng: np.random.Generator) -> Quaternion:
    """A rotation drawn uniformly from all."""
    a, b, c, d = rng.normal(size=4).tolist()
    return _settle((a, b, c, d))


def apart(p: Quaternion, q: Quaternion) -> Quaternion:
    """The rotation that leads from `p` to `q`."""
    return _settle(_times(q, (p[0], -p[1], -p[2], -p[3])))


def angle(q: Quaternion) -> float:
    """Degrees of a rotation, from 0 to 180."""
    return math.degrees(2 * math.acos(min(1.0, abs(q[0]))))


@lru_cache(maxsize=4096)
def matrix(q: Quaternion) -> np.ndarray:
    """A rotation as a matrix (3, 3), which turns columns. Not to be changed."""
    w, x, y, z = q
    rows = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    rows.flags.writeable = False
    return rows


@lru_cache(maxsize=16384)
def fewest(wanted: tuple[Quaternion, ...], step: int, tolerance: float) -> tuple[Turn, ...]:
    """The fewest turns whose product is within a tolerance of one of some rotations; of several, the closest.

    Args:
        wanted: the rotations; with `step` 90 they must be of the 24 rotations of a cube.
        step: 90 for quarter and half turns alone, 1 for turns by any whole degrees.
        tolerance: degrees; at least 1.5 with `step` 1, so that three turns are enough.
    """
    if step == 90:
        return tuple(UPRIGHT[min(wanted, key=lambda q: len(UPRIGHT[q]))])
    close = math.cos(math.radians(tolerance) / 2)
    if any(q[0] >= close for q in wanted):
        return ()
    for plans in (_single, _double, _triple):
        found = [(reached, plan) for q in wanted for reached, plan in plans(q, close) if reached >= close]
        if found:
            return tuple(max(found)[1])
    raise ValueError(f"three turns by whole degrees are not enough for a tolerance of {tolerance} degrees")


Plans = list[tuple[float, list[Turn]]]
"""How close each list of turns comes to what is wanted, as the dot product of quaternions, from 0 to 1."""


def _judge(q: Quaternion, turns: list[tuple[int, int]]) -> tuple[float, list[Turn]]:
    product = IDENTITY
    for axis, degrees in turns:
        product = _times(_about(axis, degrees), product)
    return _dot(product, q), [(AXES[axis], degrees) for axis, degrees in turns]


def _whole(radians: float) -> list[int]:
    """The whole degrees next to an angle, from -179 to 180, without 0."""
    low = math.floor(math.degrees(radians))
    return [degrees for near in (low, low + 1) if (degrees := (near + 179) % 360 - 179)]


def _single(q: Quaternion, close: float) -> Plans:
    w = q[0]
    return [_judge(q, [(axis, degrees)]) for axis in range(3) for degrees in _whole(2 * math.atan2(q[axis + 1], w))]


def _double(q: Quaternion, close: float) -> Plans:
    plans = []
    for first, second in itertools.permutations(range(3), 2):
        third = 3 - first - second
        sign = -1 if (second - first) % 3 == 1 else 1
        # With half angles a and b, the dot product is (cos a, sin a) M (cos b, sin b).
        m00, m01, m10, m11 = q[0], q[1 + second], q[1 + first], sign * q[1 + third]
        less, more = (m00 + m11, m10 - m01), (m00 - m11, m10 + m01)
        if (math.hypot(*less) + math.hypot(*more)) / 2 < close:
            continue
        difference, total = math.atan2(less[1], less[0]), math.atan2(more[1], more[0])
        near = itertools.product(_whole(total + difference), _whole(total - difference))
        tried = [_judge(q, [(first, one), (second, other)]) for one, other in near]
        if all(reached < close for reached, _ in tried):  # whole degrees farther away may still do
            for one in range(-179, 181):
                c, s = math.cos(math.radians(one) / 2), math.sin(math.radians(one) / 2)
                best = 2 * math.atan2(c * m01 + s * m11, c * m00 + s * m10)
                tried += [_judge(q, [(first, one), (second, other)]) for other in _whole(best) if one]
        plans += tried
    return plans


def _triple(q: Quaternion, close: float) -> Plans:
    """Turns about x, y and z, by the nearest whole degrees; each is off by half a degree at most."""
    m = matrix(q)
    angles = (math.atan2(m[2, 1], m[2, 2]), -math.asin(max(-1.0, min(1.0, m[2, 0]))), math.atan2(m[1, 0], m[0, 0]))
    turns = [(axis, round(math.degrees(radians))) for axis, radians in enumerate(angles)]
    return [_judge(q, [turn for turn in turns if turn[1]])]
