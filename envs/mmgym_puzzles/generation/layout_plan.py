"""The plan of a furnished room, seen from above: floor, walls, rulers, and furniture as architects draw it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmgym.draw import Color, Shape, blank, disc, draw_text, paint, polygon, rectangle, text_width
from mmgym_puzzles.generation.layout_rules import WINDOW
from mmgym_puzzles.generation.rasterizer import WHOLE, coverage
from mmgym_puzzles.generation.rooms import DOOR, KINDS, Place, Room

__all__ = ["LOOKS", "Plan"]


@dataclass(frozen=True)
class Look:
    """Colours of a plan."""

    paper: Color
    ink: Color
    rim: Color
    """Around letters."""
    wall: Color
    glass: Color
    zone: Color
    floors: tuple[tuple[Color, Color], ...]
    """Floors and their grids."""
    edge: Color
    light: Color
    """Cushions, sheets and screens."""
    furniture: tuple[Color, ...]
    """By the order of `KINDS`."""
    wrong: Color
    """Outline of pieces that overlap or stand where they must not."""


_FURNITURE = {
    "usual": "7ea2d6 ce7868 966c4c 46424a c49862 b08458 805c42 d6b078 "
    "e09858 aa7c54 cca474 569e54 32363e 54606e f6d65c b060a8",
    "ood": "3a68b0 4a5cbe 265496 183468 3c78aa 3064a0 224886 5284be "
    "606cc8 347096 4e7ab2 288c96 122852 1e3e74 bedcff 8078d6",
}


def _furniture(look: str) -> tuple[Color, ...]:
    codes = _FURNITURE[look].split()
    return tuple((int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for code in codes)


LOOKS = {
    "usual": Look(
        paper=(244, 244, 240),
        ink=(28, 28, 34),
        rim=(255, 255, 252),
        wall=(84, 86, 96),
        glass=(150, 206, 238),
        zone=(214, 206, 192),
        floors=(
            ((236, 228, 212), (222, 212, 194)),
            ((226, 230, 228), (210, 216, 214)),
            ((240, 232, 224), (226, 216, 206)),
        ),
        edge=(56, 48, 46),
        light=(248, 246, 240),
        furniture=_furniture("usual"),
        wrong=(226, 20, 40),
    ),
    "ood": Look(
        paper=(10, 30, 66),
        ink=(232, 242, 255),
        rim=(8, 24, 56),
        wall=(220, 234, 252),
        glass=(70, 220, 230),
        zone=(22, 66, 120),
        floors=(((16, 50, 100), (32, 70, 124)), ((14, 44, 92), (30, 64, 116))),
        edge=(226, 238, 255),
        light=(160, 196, 240),
        furniture=_furniture("ood"),
        wrong=(255, 120, 60),
    ),
}
"""Looks of the usual splits, and that of ``ood`` alone: a blueprint."""


def _parts(name: str, body: Color, look: Look) -> list[Shape]:
    """What is seen on top of a piece, in the unit square with its front at the upper edge."""
    light, edge = look.light, look.edge
    dark: Color = (body[0] * 3 // 4, body[1] * 3 // 4, body[2] * 3 // 4)
    if name == "bed":
        pillows = [rectangle(x, 0.76, x + 0.36, 0.95, light) for x in (0.08, 0.56)]
        return [rectangle(0.04, 0.03, 0.96, 0.97, light), rectangle(0.04, 0.03, 0.96, 0.66, body), *pillows]
    if name in ("sofa", "armchair"):
        arm = 0.1 if name == "sofa" else 0.2
        seats = [arm, 0.5, 1 - arm] if name == "sofa" else [arm, 1 - arm]
        inner = [rectangle(a + 0.015, 0.06, b - 0.015, 0.68, body) for a, b in itertools.pairwise(seats)]
        return [rectangle(0, 0, 1, 1, dark), *inner]
    if name == "chair":
        return [rectangle(0.06, 0.74, 0.94, 0.94, dark)]
    if name == "piano":
        keys = [rectangle(k / 20, 0.22, k / 20 + 0.02, 0.38, edge) for k in range(2, 19, 2)]
        return [rectangle(0.06, 0.06, 0.94, 0.38, light), *keys]
    if name in ("wardrobe", "cabinet"):
        return [rectangle(0.495, 0, 0.505, 1, edge), rectangle(0.0, 0.0, 1.0, 0.12, dark)]
    if name == "bookcase":
        books: list[Color] = [(190, 70, 60), (70, 120, 170), (220, 180, 80), (90, 150, 100)]
        if look is LOOKS["ood"]:
            books = [(120, 160, 220), (90, 130, 200), (160, 190, 240), (70, 110, 180)]
        return [rectangle(0.05 + k * 0.09, 0.2, 0.12 + k * 0.09, 0.9, books[k % 4]) for k in range(10)]
    if name == "desk":
        return [rectangle(0.62, 0.16, 0.9, 0.72, dark)]
    if name == "nightstand":
        return [rectangle(0.2, 0.06, 0.8, 0.2, dark)]
    if name == "plant":
        leaves = [(0.5 + 0.26 * math.cos(a), 0.5 + 0.26 * math.sin(a)) for a in (0.3, 1.6, 2.8, 4.1, 5.3)]
        return [disc(0.5, 0.5, 0.46, dark), *(disc(x, y, 0.2, body) for x, y in leaves), disc(0.5, 0.5, 0.1, light)]
    if name == "television":
        return [rectangle(0, 0, 1, 0.45, light)]
    if name == "computer":
        return [rectangle(0.05, 0.5, 0.95, 0.9, dark), rectangle(0.05, 0.05, 0.95, 0.4, light)]
    if name == "lamp":
        return [disc(0.5, 0.5, 0.46, body), disc(0.5, 0.5, 0.2, light)]
    if name == "vase":
        return [disc(0.5, 0.5, 0.46, dark), disc(0.5, 0.5, 0.26, body)]
    return []


@lru_cache(maxsize=1024)
def _sprite(name: str, angle: int, scale: float, look_name: str, wrong: bool) -> tuple[np.ndarray, np.ndarray]:
    """A piece: its colours times coverage, and the free part of each pixel, both uint16 (height, width, 3)."""
    if angle >= 90:
        colors, free = (np.rot90(part, -(angle // 90)) for part in _sprite(name, angle % 90, scale, look_name, wrong))
        return colors.copy(), free.copy()
    look, kind = LOOKS[look_name], KINDS[name]
    body = look.furniture[list(KINDS).index(name)]
    wide, deep = kind.width * scale, kind.depth * scale
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across, down = (2 * math.ceil((a * wide + b * deep) / 2 + 0.5) for a, b in ((c, s), (s, c)))

    def turned(x: float, y: float) -> tuple[float, float]:
        """A point of the unit square of the piece, in that of the sprite."""
        right, low = (x - 0.5) * wide, (y - 0.5) * deep
        return round(0.5 + (c * right - s * low) / across, 6), round(0.5 + (s * right + c * low) / down, 6)

    line = max(1.0, wide / 40, 1.6 if wrong else 0.0) * (1.5 if wrong else 1.0)
    x, y = line / wide, line / deep
    shapes = [rectangle(x, y, 1 - x, 1 - y, body), *_parts(name, body, look)]
    # The front is marked, so that the way a piece looks can be seen even on a square one.
    mark = min(0.3, 7 / wide), min(0.3, 7 / deep)
    arrow = [(0.5 - mark[0], mark[1] + y), (0.5, y * 0.6), (0.5 + mark[0], mark[1] + y)]
    if name not in ("lamp", "vase"):
        shapes.append(polygon(arrow, look.wrong if wrong else look.ink))
    frame = look.wrong if wrong else look.edge
    bars = [(0, 0, 1, y), (0, 1 - y, 1, 1), (0, 0, x, 1), (1 - x, 0, 1, 1)]
    shapes += [rectangle(*bar, frame) for bar in bars]
    image = blank(down, across, frame)
    paint(image, [Shape(tuple(turned(*point) for point in shape.points), shape.color) for shape in shapes])
    cover = np.zeros((down, across), np.uint16)
    corners = np.array([turned(*point) for point in ((0, 0), (1, 0), (1, 1), (0, 1))])
    (found,) = coverage([[corners * (across, down)]], [False], down, across)
    if found is not None:
        (left, top, right, bottom), covered = found
        cover[top:bottom, left:right] = covered
    return image * cover[..., None] + np.uint16(WHOLE // 2), _threefold(WHOLE - cover)


class Plan:
    """Draws one room at one size; the empty room is drawn once.

    Args:
        room: the room.
        size: side of the picture in pixels.
        look: a name of `LOOKS`.
    """

    def __init__(self, room: Room, size: int, look: str):
        self._size, self._look = size, look
        self._margin = max(2.0, size / 11)
        # Few scales, so that pieces drawn for one room serve for others.
        self._scale = (size - 1.4 * self._margin) / (-(-max(room.width, room.depth) // 40) * 40)
        self._empty = self._draw_empty(room)

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        return self._margin + x * self._scale, self._margin + y * self._scale

    def _draw_empty(self, room: Room) -> np.ndarray:
        size, look = self._size, LOOKS[self._look]
        image = blank(size, size, look.paper)

        def box(left: float, top: float, right: float, bottom: float, color: Color) -> None:
            x0, y0 = (round(part) for part in self._pixel(left, top))
            x1, y1 = (round(part) for part in self._pixel(right, bottom))
            image[max(0, y0) : max(y1, y0 + 1), max(0, x0) : max(x1, x0 + 1)] = color

        thick = max(6.0, 3 / self._scale)
        floor, grid = look.floors[room.style % len(look.floors)]
        box(-thick, -thick, room.width + thick, room.depth + thick, look.wall)
        box(0, 0, room.width, room.depth, floor)
        zone = _wall_box(room, room.door[0], room.door[1], DOOR, DOOR)
        box(*zone, look.zone)
        for at in range(50, max(room.width, room.depth), 50):
            if at < room.width:
                box(at, 0, at, room.depth, grid)
            if at < room.depth:
                box(0, at, room.width, at, grid)
        box(*_wall_box(room, room.door[0], room.door[1], DOOR, -thick), look.zone)
        box(*_wall_box(room, room.window[0], room.window[1], WINDOW, -thick), look.glass)
        x0, y0 = self._pixel((zone[0] + zone[2]) / 2, (zone[1] + zone[3]) / 2)
        letters = max(5.0, size / 24)
        draw_text(image, "door", x0, y0, letters, look.ink)
        for at in range(0, max(room.width, room.depth) + 1, 100):
            x, y = self._pixel(at, at)
            if at <= room.width:
                draw_text(image, str(at), x, self._margin * 0.42, letters, look.ink)
            if at <= room.depth:
                draw_text(image, str(at), self._margin * 0.74, y, letters, look.ink, anchor="right")
        return image

    def image(self, places: Mapping[str, Place], wrong: frozenset[str] | set[str]) -> np.ndarray:
        """The plan: a fresh uint8 array (size, size, 3); small pieces lie on top.

        Args:
            places: where each piece stands, by name.
            wrong: names of the pieces whose outline shows that they overlap or stand where they must not.
        """
        image = self._empty.copy()
        places = {name: places[name] for name in KINDS if name in places}
        for name, place in places.items():
            x, y = self._pixel(place.x, place.y)
            colors, free = _sprite(name, place.angle, self._scale, self._look, name in wrong)
            down, across = free.shape[:2]
            left, top = round(x) - across // 2, round(y) - down // 2
            x0, y0 = max(0, left), max(0, top)
            x1, y1 = min(self._size, left + across), min(self._size, top + down)
            inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
            region = image[y0:y1, x0:x1]
            region[:] = (region * free[inside] + colors[inside]) // WHOLE
        self._label(image, places)
        return image

    def _label(self, image: np.ndarray, places: Mapping[str, Place]) -> None:
        """Names, each shifted up or down where another one is in the way."""
        taken: list[tuple[int, int, int, int]] = []
        for name, place in places.items():
            colors, free = _name(name, self._size, self._look)
            high, wide = free.shape[:2]
            x, y = self._pixel(place.x, place.y)
            left = min(max(round(x) - wide // 2, 0), max(0, self._size - wide))
            for shift in (0, -high + 2, high - 2, 4 - 2 * high, 2 * high - 4):
                top = min(max(round(y) - high // 2 + shift, 0), max(0, self._size - high))
                if not any(
                    x0 < left + wide and left < x1 and y0 + 2 < top + high and top < y1 - 2 for x0, y0, x1, y1 in taken
                ):
                    break
            taken.append((left, top, left + wide, top + high))
            region = image[top : top + high, left : left + wide]
            inside = np.s_[: region.shape[0], : region.shape[1]]
            region[:] = (region * free[inside] + colors[inside]) // 255


@lru_cache(maxsize=256)
def _name(name: str, size: int, look_name: str) -> tuple[np.ndarray, np.ndarray]:
    """A name with a rim: its colours times coverage, and the free part of each pixel, uint16 (height, width, 3)."""
    look, height = LOOKS[look_name], max(5, round(size / 23))
    wide = text_width(name, height, bold=True) + 4
    letters = blank(height + 2, wide, (0, 0, 0))
    draw_text(letters, name, wide / 2, height / 2 + 1, height, (255, 255, 255), bold=True)
    ink = letters[:, :, :1].astype(np.uint16)
    rim = np.asarray(cv2.dilate(letters, np.ones((3, 3), np.uint8)))[:, :, :1].astype(np.uint16)
    rim = np.minimum(rim * 7 // 8, 255 - ink)
    ground, front = (np.array(color, np.uint16) for color in (look.rim, look.ink))
    return ground * rim + front * ink + np.uint16(127), _threefold((255 - ink - rim)[..., 0])


def _threefold(shares: np.ndarray) -> np.ndarray:
    """The same for red, green and blue, (height, width, 3): several times as fast to reckon with as broadcasting."""
    return np.repeat(shares[..., None], 3, axis=2)


def _wall_box(room: Room, wall: str, middle: int, length: int, depth: float) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a strip along a wall, `depth` into the room, or out of it where that is negative."""
    low, high = middle - length / 2, middle + length / 2
    near, far = min(0.0, depth), max(0.0, depth)
    return {
        "upper": (low, near, high, far),
        "lower": (low, room.depth - far, high, room.depth - near),
        "left": (near, low, far, high),
        "right": (room.width - far, low, room.width - near, high),
    }[wall]
