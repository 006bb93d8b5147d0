"""The outlines of SVG's shapes, path data among them, as lists of points; curves become short straight pieces."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.generation.svg_values import SvgError, read_number

__all__ = ["Contour", "ellipse", "read_path", "rounded_rectangle"]

_PIECES = 16
"""Straight pieces of a Bézier curve."""
_STEPS = np.arange(1, _PIECES + 1)[:, None] / _PIECES
_LEFT = 1 - _STEPS
_WEIGHTS = {
    3: [_LEFT * _LEFT, 2 * _LEFT * _STEPS, _STEPS * _STEPS],
    4: [_LEFT * _LEFT * _LEFT, 3 * _LEFT * _LEFT * _STEPS, 3 * _LEFT * _STEPS * _STEPS, _STEPS * _STEPS * _STEPS],
}
"""Bernstein polynomials at the ends of the pieces, by how many points a curve has."""
_CIRCLE_PIECES = 64
"""Straight pieces of a whole ellipse."""
_TOKEN = re.compile(r"[\s,]*([a-zA-Z]|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_FLAG = re.compile(r"[\s,]*([01])", re.ASCII)
_COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


@dataclass(frozen=True)
class Contour:
    """One line, open or closed."""

    points: np.ndarray
    """float64 (points, 2)."""
    closed: bool


def ellipse(x: float, y: float, rx: float, ry: float) -> Contour:
    """An ellipse around (x, y)."""
    angles = [2 * math.pi * k / _CIRCLE_PIECES for k in range(_CIRCLE_PIECES)]
    return Contour(np.array([(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]), True)


def rounded_rectangle(x: float, y: float, width: float, height: float, rx: float, ry: float) -> Contour:
    """A rectangle whose corners are quarters of an ellipse, or sharp with a radius of 0."""
    rx, ry = min(rx, width / 2), min(ry, height / 2)
    if rx <= 0 or ry <= 0:
        return Contour(np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), True)
    points, pieces = [], _CIRCLE_PIECES // 4
    for quarter, (cx, cy) in enumerate(
        [(x + width - rx, y + height - ry), (x + rx, y + height - ry), (x + rx, y + ry), (x + width - rx, y + ry)]
    ):
        for k in range(pieces + 1):
            angle = math.pi / 2 * (quarter + k / pieces)
            points.append((cx + rx * math.cos(angle), cy + ry * math.sin(angle)))
    return Contour(np.array(points), True)


def read_path(data: str, most: int) -> list[Contour]:
    """The contours of path data.

    Args:
        data: the attribute ``d``.
        most: points allowed in all.

    Raises:
        SvgError: for data that does not follow the grammar, or with more points.
    """
    pen = _Pen(most)
    place, end, command = 0, len(data.rstrip(" \t\r\n,")), ""
    while place < end:
        found = _TOKEN.match(data, place)
        if found is None:
            raise SvgError(f"path data holds {data[place : place + 12].strip()!r} at character {place + 1}")
        word = found.group(1)
        if word.isalpha():
            if word.upper() not in _COUNTS:
                raise SvgError(f"path data has no command {word!r}; allowed: {', '.join(_COUNTS)}")
            command, place = word, found.end()
            if command.upper() == "Z":
                pen.close()
                continue
        elif command in ("", "Z", "z"):
            raise SvgError(f"path data has a number without a command at character {place + 1}")
        values, place = _arguments(data, place, command)
        pen.draw(command, values)
        command = {"M": "L", "m": "l"}.get(command, command)
    return pen.end()


def _arguments(data: str, place: int, command: str) -> tuple[list[float], int]:
    values: list[float] = []
    for index in range(_COUNTS[command.upper()]):
        flag = command in "Aa" and index in (3, 4)
        found = (_FLAG if flag else _TOKEN).match(data, place)
        if found is None or found.group(1).isalpha():
            wanted = _COUNTS[command.upper()]
            raise SvgError(f"path command {command} takes {wanted} numbers; number {index + 1} is missing or wrong")
        values.append(read_number(found.group(1), "a number in path data"))
        place = found.end()
    return values, place


class _Pen:
    """Follows path commands and keeps the contours drawn so far."""

    def __init__(self, most: int):
        self._most, self._count = most, 0
        self._contours: list[Contour] = []
        self._points: list[tuple[float, float]] = []
        self._start = self._at = (0.0, 0.0)
        self._handle: tuple[str, tuple[float, float]] = ("", (0.0, 0.0))

    def close(self) -> None:
        if not self._points and not self._contours:
            raise SvgError("path data must begin with M")
        self._finish(True)
        self._at = self._start
        self._handle = ("", self._at)

    def end(self) -> list[Contour]:
        self._finish(False)
        return self._contours

    def draw(self, command: str, values: list[float]) -> None:
        kind, relative = command.upper(), command.islower()
        x, y = self._at
        if kind == "M":
            self._finish(False)
            self._start = self._at = (values[0] + x * relative, values[1] + y * relative)
            self._points = [self._at]
            self._handle = ("", self._at)
            return
        if not self._points:
            if not self._contours:
                raise SvgError("path data must begin with M")
            self._points = [self._at]
        if kind in "HV":
            end = (values[0] + x * relative, y) if kind == "H" else (x, values[0] + y * relative)
            self._line_to([end])
        elif kind == "A":
            self._arc(values[:5], (values[5] + x * relative, values[6] + y * relative))
        else:
            shift = (x, y) if relative else (0.0, 0.0)
            pairs = [(values[k] + shift[0], values[k + 1] + shift[1]) for k in range(0, len(values), 2)]
            self._curve(kind, pairs)
        if kind not in "CSQT":
            self._handle = ("", self._at)

    def _curve(self, kind: str, pairs: list[tuple[float, float]]) -> None:
        if kind == "L":
            self._line_to(pairs)
            return
        if kind in "ST":
            family, (hx, hy) = self._handle
            x, y = self._at
            mirrored = (2 * x - hx, 2 * y - hy) if family == ("C" if kind == "S" else "Q") else (x, y)
            pairs = [mirrored, *pairs]
        self._handle = ("C" if kind in "CS" else "Q", pairs[-2])
        corners = [self._at, *pairs]
        sums = sum(w * np.array(c) for w, c in zip(_WEIGHTS[len(corners)], corners, strict=True))
        self._line_to([(x, y) for x, y in np.asarray(sums).tolist()])

    def _arc(self, values: list[float], end: tuple[float, float]) -> None:
        """An elliptical arc, by the conversion to its centre of SVG 1.1, appendix F.6."""
        (x1, y1), (x2, y2) = self._at, end
        rx, ry, turn = abs(values[0]), abs(values[1]), math.radians(values[2])
        large, sweep = bool(values[3]), bool(values[4])
        if rx < 1e-6 or ry < 1e-6 or (x1, y1) == (x2, y2):
            self._line_to([end])
            return
        c, s = math.cos(turn), math.sin(turn)
        dx, dy = (x1 - x2) / 2, (y1 - y2) / 2
        px, py = c * dx + s * dy, c * dy - s * dx
        size = (px / rx) ** 2 + (py / ry) ** 2
        if size > 1:
            rx, ry, size = rx * math.sqrt(size), ry * math.sqrt(size), 1.0
        root = math.sqrt(max(0.0, 1 / size - 1)) * (-1 if large == sweep else 1)
        qx, qy = root * rx * py / ry, -root * ry * px / rx
        cx, cy = c * qx - s * qy + (x1 + x2) / 2, s * qx + c * qy + (y1 + y2) / 2
        begin = math.atan2((py - qy) / ry, (px - qx) / rx)
        sweeping = math.atan2((-py - qy) / ry, (-px - qx) / rx) - begin
        if sweep and sweeping < 0:
            sweeping += 2 * math.pi
        if not sweep and sweeping > 0:
            sweeping -= 2 * math.pi
        pieces = max(2, math.ceil(_CIRCLE_PIECES * abs(sweeping) / (2 * math.pi)))
        points = []
        for k in range(1, pieces):
            angle = begin + sweeping * k / pieces
            ux, uy = rx * math.cos(angle), ry * math.sin(angle)
            points.append((cx + c * ux - s * uy, cy + s * ux + c * uy))
        self._line_to([*points, end])

    def _line_to(self, points: list[tuple[float, float]]) -> None:
        self._count += len(points)
        if self._count > self._most:
            raise SvgError(f"the path has more than {self._most} points")
        self._points += points
        self._at = points[-1]

    def _finish(self, closed: bool) -> None:
        if len(self._points) > 1:
            self._contours.append(Contour(np.array(self._points), closed))
        self._points = []
