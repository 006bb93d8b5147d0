"""Procedural pictures to cut up: landscapes, villages, seas and shapes, each told by a number and a look.

Every picture is lit from one corner, so that no two places of it look alike, not even in an empty sky.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, Shape, disc, line, polygon, rectangle

__all__ = ["LOOKS", "PICTURES", "draw_picture", "picture_shapes"]

LOOKS = ("usual", "ood")
"""Looks of pictures: colours of day, and those of a neon night, which share none."""
PICTURES = 1 << 40
"""How many pictures there are of each look."""

_PALETTES: dict[str, dict[str, list[Color]]] = {
    "usual": {
        "sky": [(120, 180, 230), (200, 225, 240), (245, 205, 160), (160, 200, 215)],
        "sun": [(255, 220, 90), (255, 240, 170), (250, 160, 80)],
        "cloud": [(250, 250, 250), (235, 240, 245)],
        "hill": [(90, 150, 80), (130, 170, 90), (70, 120, 90), (160, 160, 90)],
        "wall": [(205, 92, 72), (230, 200, 150), (180, 120, 90), (120, 140, 180), (240, 235, 220)],
        "roof": [(130, 50, 45), (90, 60, 50), (60, 70, 90)],
        "glass": [(60, 70, 100), (250, 225, 130)],
        "tree": [(40, 100, 60), (70, 130, 50), (110, 120, 40)],
        "wood": [(100, 70, 45)],
        "water": [(60, 120, 180), (50, 140, 170), (80, 150, 200), (40, 100, 150)],
        "shape": [(220, 80, 70), (240, 190, 60), (70, 140, 90), (60, 110, 190), (150, 90, 160), (240, 240, 235)],
    },
    "ood": {
        "sky": [(25, 10, 60), (60, 15, 90), (15, 25, 80), (90, 20, 80)],
        "sun": [(255, 90, 200), (140, 255, 250)],
        "cloud": [(110, 50, 140), (70, 60, 150)],
        "hill": [(20, 60, 90), (50, 20, 100), (10, 90, 100), (90, 10, 90)],
        "wall": [(15, 15, 40), (40, 10, 60), (10, 40, 60)],
        "roof": [(255, 60, 160), (60, 240, 220), (160, 80, 255)],
        "glass": [(255, 250, 120), (90, 255, 200)],
        "tree": [(0, 200, 170), (200, 40, 190), (120, 90, 250)],
        "wood": [(60, 30, 90)],
        "water": [(10, 60, 120), (40, 30, 130), (0, 90, 130), (70, 20, 120)],
        "shape": [(255, 60, 160), (60, 240, 220), (160, 80, 255), (250, 240, 90), (30, 90, 220)],
    },
}


class _Scene:
    """Draws the parts of a scene from a generator, in the colours of a look."""

    def __init__(self, number: int, look: str):
        self._rng = np.random.default_rng(number)
        self._colors = _PALETTES[look]
        self.shapes: list[Shape] = []

    def draw(self) -> list[Shape]:
        [self._village, self._sea, self._mountains, self._figures][int(self._rng.integers(4))]()
        return self.shapes

    def _between(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def _color(self, kind: str) -> Color:
        colors = self._colors[kind]
        return colors[int(self._rng.integers(len(colors)))]

    def _sky(self) -> None:
        first, second = self._color("sky"), self._color("sky")
        bands = 10
        for k in range(bands):
            red, green, blue = ((a * (bands - k) + b * k) // bands for a, b in zip(first, second, strict=True))
            self.shapes.append(rectangle(0, k / bands, 1, 1, (red, green, blue)))
        x, y, radius = self._between(0.1, 0.9), self._between(0.1, 0.25), self._between(0.05, 0.09)
        color = self._color("sun")
        for k in range(12):
            angle = math.pi * k / 6
            far = radius * 1.7
            end = x + far * math.cos(angle), y + far * math.sin(angle)
            self.shapes.append(line(x, y, *end, 0.012, color))
        self.shapes.append(disc(x, y, radius, color))
        for _ in range(int(self._rng.integers(3, 6))):
            x, y, radius = self._between(0, 1), self._between(0.05, 0.4), self._between(0.03, 0.06)
            color = self._color("cloud")
            puffs = ((-1.3, 0.2, 0.7), (0, 0, 1.0), (1.2, 0.3, 0.6))
            self.shapes += [disc(x + dx * radius, y + dy * radius, size * radius, color) for dx, dy, size in puffs]

    def _ridge(self, height: float, swing: float, color: Color, teeth: int) -> None:
        """Ground with a jagged or, with many teeth, a wavy upper edge."""
        phase, waves = self._between(0, 6), self._between(1.0, 2.5)
        points = [(k / teeth, height + swing * math.sin(phase + 2 * math.pi * waves * k / teeth)) for k in range(teeth)]
        self.shapes.append(polygon([(0, 1), *points, (1, points[-1][1]), (1, 1)], color))

    def _house(self, x: float, base: float, side: float) -> None:
        wall, glass = self._color("wall"), self._color("glass")
        top = base - side * self._between(0.8, 1.3)
        self.shapes.append(rectangle(x, top, x + side, base, wall))
        peak = (x + side / 2, top - side * self._between(0.4, 0.7))
        self.shapes.append(polygon([(x - side / 8, top), peak, (x + side * 9 / 8, top)], self._color("roof")))
        self.shapes.append(rectangle(x + side * 0.4, base - side * 0.4, x + side * 0.62, base, self._color("wood")))
        for left in (0.12, 0.66):
            self.shapes.append(
                rectangle(x + side * left, top + side * 0.15, x + side * (left + 0.2), top + side * 0.38, glass)
            )

    def _tree(self, x: float, base: float, size: float) -> None:
        self.shapes.append(rectangle(x - size / 12, base - size / 2, x + size / 12, base, self._color("wood")))
        color = self._color("tree")
        if self._rng.random() < 0.5:
            self.shapes.append(disc(x, base - size * 0.7, size * 0.33, color))
        else:
            for low, wide in ((0.35, 0.32), (0.6, 0.24)):
                corners = [(x - size * wide, base - size * low), (x, base - size * (low + 0.45))]
                self.shapes.append(polygon([*corners, (x + size * wide, base - size * low)], color))

    def _village(self) -> None:
        self._sky()
        self._ridge(self._between(0.4, 0.5), 0.06, self._color("hill"), 24)
        self._ridge(self._between(0.6, 0.68), 0.03, self._color("hill"), 24)
        x = self._between(-0.05, 0.1)
        while x < 0.95:
            side = self._between(0.13, 0.2)
            self._house(x, self._between(0.66, 0.76), side)
            x += side + self._between(0.06, 0.15)
        path, middle = self._color("wall"), self._between(0.3, 0.7)
        self.shapes.append(
            polygon([(middle, 0.74), (middle + 0.04, 0.74), (middle + 0.25, 1), (middle - 0.2, 1)], path)
        )
        for _ in range(5):
            self._tree(self._between(0.02, 0.98), self._between(0.84, 1.02), self._between(0.15, 0.24))

    def _sea(self) -> None:
        self._sky()
        self._ridge(self._between(0.4, 0.48), 0.05, self._color("hill"), 9)
        for k in range(7):
            self._ridge(0.52 + 0.075 * k, 0.012, self._color("water"), 40)
            if k in (1, 3, 5):
                self._boat(self._between(0.1, 0.9), 0.55 + 0.075 * k, self._between(0.08, 0.15))

    def _boat(self, x: float, y: float, size: float) -> None:
        hull = [(x - size, y - size * 0.3), (x + size, y - size * 0.3), (x + size * 0.6, y + size * 0.2)]
        self.shapes.append(line(x, y, x, y - size * 2, size / 8, self._color("wood")))
        self.shapes.append(polygon([*hull, (x - size * 0.6, y + size * 0.2)], self._color("roof")))
        sail = [(x + size * 0.1, y - size * 1.9), (x + size * 0.9, y - size * 0.5), (x + size * 0.1, y - size * 0.5)]
        self.shapes.append(polygon(sail, self._color("shape")))
        self.shapes.append(
            polygon(
                [(x - size * 0.1, y - size * 1.6), (x - size * 0.7, y - size * 0.5), (x - size * 0.1, y - size * 0.5)],
                self._color("shape"),
            )
        )

    def _mountains(self) -> None:
        self._sky()
        for _ in range(4):
            x, top, wide = self._between(0, 1), self._between(0.2, 0.4), self._between(0.2, 0.4)
            self.shapes.append(polygon([(x - wide, 0.72), (x, top), (x + wide, 0.72)], self._color("hill")))
            cap = 0.3
            drop = (0.72 - top) * cap
            snow = [(x - wide * cap, top + drop), (x, top), (x + wide * cap, top + drop), (x, top + drop * 0.6)]
            self.shapes.append(polygon(snow, self._color("cloud")))
        self._ridge(self._between(0.6, 0.66), 0.03, self._color("hill"), 24)
        x, bank = self._between(0.2, 0.8), self._between(0.3, 0.7)
        river = [(x, 0.66), (x + 0.03, 0.66), (bank + 0.1, 0.8), (bank + 0.3, 1), (bank - 0.05, 1), (bank, 0.8)]
        self.shapes.append(polygon(river, self._color("water")))
        for _ in range(7):
            self._tree(self._between(0.02, 0.98), self._between(0.75, 1.02), self._between(0.12, 0.24))

    def _figures(self) -> None:
        self.shapes.append(rectangle(0, 0, 1, 1, self._color("sky")))
        x, y = self._between(0.2, 0.8), self._between(0.2, 0.8)
        for k in range(9, 0, -1):
            self.shapes.append(disc(x, y, 0.11 * k, self._color("sky" if k % 2 else "cloud")))
        for cell in self._rng.permutation(16).tolist():
            x, y = (cell % 4 + self._between(0.3, 0.7)) / 4, (cell // 4 + self._between(0.3, 0.7)) / 4
            size, color = self._between(0.07, 0.13), self._color("shape")
            corners = int(self._rng.integers(2, 6))
            if corners == 2:
                self.shapes.append(disc(x, y, size, color))
                self.shapes.append(disc(x, y, size / 2, self._color("sky")))
            else:
                turn = self._between(0, 6)
                angles = [turn + 2 * math.pi * k / corners for k in range(corners)]
                corner_points = [(x + size * math.cos(a), y + size * math.sin(a)) for a in angles]
                self.shapes.append(polygon(corner_points, color))


def picture_shapes(number: int, look: str) -> list[Shape]:
    """The shapes of a picture, to be painted in order; without the light."""
    return _Scene(number, look).draw()


@lru_cache(maxsize=512)
def draw_picture(number: int, look: str, size: int) -> np.ndarray:
    """A picture as a read-only uint8 array (size, size, 3).

    Args:
        number: which picture, from 0 to `PICTURES` - 1.
        look: one of `LOOKS`.
        size: side in pixels.
    """
    # Twice the size and averaged down; much faster than `mmgym.draw.paint` for shapes that fill the picture.
    factor = 2 if size >= 128 else 4
    canvas = np.zeros((size * factor, size * factor, 3), np.uint8)
    for shape in picture_shapes(number, look):
        corners = np.rint(np.asarray(shape.points) * (size * factor) - 0.5).astype(np.int32)
        cv2.fillPoly(canvas, [corners], shape.color)
    # Red, green and blue are added up apart, which is several times as fast.
    planes: np.ndarray = np.stack([canvas[..., channel] for channel in range(3)])
    sums = np.zeros((3, size, size), np.uint32)
    for row in range(factor):
        for column in range(factor):
            sums += planes[:, row::factor, column::factor]
    # The light: 40 levels of red from left to right and of blue from top to bottom, or the other way round. Colours
    # leave it 20 levels at both ends, so that it is never cut off.
    picture = (sums * np.uint32(215) // np.uint32(factor * factor * 255)).astype(np.int16) + np.int16(20)
    ramp = ((np.arange(size) * 40 // size - 20) * (1 if number % 2 else -1)).astype(np.int16)
    picture[0] += ramp[None, :]
    picture[2] += ramp[:, None]
    lit = np.asarray(cv2.merge(list(picture.astype(np.uint8))))
    lit.flags.writeable = False
    return lit
