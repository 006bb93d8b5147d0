"""Shapes of furniture: meshes around the origin, with the lower side at 0 and the front looking along y.

Each takes the mesh that it adds its faces to, width, depth and height in metres, and the colour that gives the piece
its name; it returns nothing. Other parts have colours of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mmgym.draw import Color
from mmgym_puzzles.scene.mesh import Mesh

__all__ = [
    "DARK",
    "LIGHT",
    "WOOD",
    "Shape",
    "bathtub",
    "bed",
    "bookcase",
    "chair",
    "chest",
    "clock",
    "desk",
    "double_bed",
    "floor_lamp",
    "fridge",
    "lamp",
    "open_shelf",
    "piano",
    "plant",
    "pot_plant",
    "shade",
    "slatted_chair",
    "sofa",
    "stool",
    "stove",
    "table",
    "television",
    "vase",
    "wardrobe",
]

Shape = Callable[[Mesh, float, float, float, Color], None]
"""Adds a piece to a mesh: width, depth, height, colour."""

WOOD: Color = (120, 84, 56)
DARK: Color = (48, 48, 56)
LIGHT: Color = (246, 244, 238)
_BOOKS: tuple[Color, ...] = ((190, 70, 60), (70, 120, 170), (220, 180, 80), (90, 150, 100), (120, 80, 140))


def shade(color: Color, part: int, whole: int) -> Color:
    """A colour made `part` / `whole` times as bright."""
    red, green, blue = (min(255, channel * part // whole) for channel in color)
    return red, green, blue


def chest(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A closed piece with two doors."""
    mesh.box((0, 0, h / 2), (w, d, h), color, "wood")
    for side in (-1, 1):
        mesh.box((side * w / 4, d / 2, h / 2), (w * 0.46, 0.02, h * 0.88), shade(color, 5, 4))
        mesh.box((side * 0.05, d / 2 + 0.02, h / 2), (0.02, 0.03, h * 0.12), LIGHT)


def bed(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A bed with two pillows at its back."""
    mesh.box((0, 0, h * 0.3), (w, d, h * 0.6), WOOD, "wood")
    mesh.box((0, 0.02, h * 0.75), (w * 0.96, d * 0.94, h * 0.3), LIGHT)
    mesh.box((0, d * 0.15, h * 0.78), (w * 0.98, d * 0.66, h * 0.3), color)
    mesh.box((0, -d / 2 + 0.04, h), (w, 0.08, h * 1.2), WOOD, "wood")
    for side in (-1, 1):
        mesh.box((side * w / 4, -d * 0.34, h), (w * 0.36, d * 0.16, 0.12), LIGHT)


def sofa(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A sofa, or an armchair if it is narrow."""
    dark, arm = shade(color, 4, 5), min(0.18, w / 5)
    mesh.box((0, 0, h * 0.25), (w, d, h * 0.4), dark)
    mesh.box((0, -d * 0.4, h * 0.55), (w, d * 0.2, h * 0.9), dark)
    count = 2 if w > 1.2 else 1
    seat = (w - 2 * arm) / count
    for k in range(count):
        x = -w / 2 + arm + seat * (k + 0.5)
        mesh.box((x, d * 0.1, h * 0.5), (seat * 0.96, d * 0.76, h * 0.14), color)
        mesh.box((x, -d * 0.26, h * 0.7), (seat * 0.94, d * 0.14, h * 0.36), color)
    for side in (-1, 1):
        mesh.box((side * (w - arm) / 2, 0, h * 0.4), (arm, d, h * 0.55), dark)


def table(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A table with four legs."""
    mesh.box((0, 0, h - 0.025), (w, d, 0.05), color, "wood")
    leg = shade(color, 3, 4)
    for x in (0.04 - w / 2, w / 2 - 0.04):
        for y in (0.04 - d / 2, d / 2 - 0.04):
            mesh.box((x, y, h / 2 - 0.02), (0.06, 0.06, h - 0.04), leg)


def desk(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A table with drawers below it."""
    table(mesh, w, d, h, color)
    mesh.box((w * 0.28, 0, h * 0.52), (w * 0.34, d * 0.84, h * 0.8), shade(color, 4, 5), "wood")


def chair(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A chair with a solid back."""
    table(mesh, w, d, h / 2, color)
    mesh.box((0, -d / 2 + 0.03, h * 0.72), (w, 0.05, h * 0.5), shade(color, 4, 5), "wood")


def piano(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """An upright piano."""
    mesh.box((0, -d * 0.18, h / 2), (w, d * 0.62, h), color)
    mesh.box((0, d * 0.28, h * 0.52), (w, d * 0.42, 0.1), color)
    mesh.box((0, d * 0.32, h * 0.52 + 0.06), (w * 0.9, d * 0.3, 0.02), LIGHT)
    for k in range(8):
        mesh.box((w * (k - 3.5) / 9, d * 0.26, h * 0.52 + 0.08), (0.03, d * 0.18, 0.02), DARK)
    for side in (-1, 1):
        mesh.box((side * w * 0.46, d * 0.42, h * 0.24), (0.07, 0.07, h * 0.48), color)


def bookcase(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A bookcase, full of books."""
    mesh.box((0, -d * 0.1, h / 2), (w, d * 0.8, h), color, "wood")
    books: list[Color] = [(190, 70, 60), (70, 120, 170), (220, 180, 80), (90, 150, 100)]
    for shelf in range(4):
        low = h * (shelf + 0.12) / 4
        for k in range(7):
            at = -w * 0.4 + k * w * 0.8 / 6
            mesh.box((at, d * 0.36, low + h * 0.08), (w * 0.1, 0.1, h * 0.16), books[(k + shelf) % 4])


def plant(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A round bush in a clay pot."""
    mesh.cylinder((0, 0, h * 0.18), w * 0.32, h * 0.36, (176, 98, 66), taper=1.2)
    for x, y, z in ((0, 0, 0.8), (0.2, 0.1, 0.62), (-0.2, 0.12, 0.66), (0.02, -0.22, 0.6)):
        mesh.sphere((x * w, y * w, z * h), w * 0.3, color, stretch=1.2)


def television(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A screen on a foot."""
    mesh.box((0, 0, 0.03), (w * 0.3, d, 0.04), DARK)
    mesh.box((0, 0, h / 2 + 0.04), (w, d * 0.4, h - 0.06), DARK)
    mesh.box((0, d * 0.22, h / 2 + 0.04), (w * 0.94, 0.02, h - 0.14), (96, 140, 180))


def lamp(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A table lamp; the shade has its colour."""
    mesh.cylinder((0, 0, 0.02), w * 0.3, 0.04, DARK)
    mesh.cylinder((0, 0, h * 0.35), 0.02, h * 0.7, DARK)
    mesh.cylinder((0, 0, h * 0.78), w * 0.5, h * 0.42, color, taper=0.6)


def vase(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A vase of flowers."""
    mesh.cylinder((0, 0, h * 0.3), w * 0.32, h * 0.6, color, taper=1.3)
    for x, y in ((0.15, 0), (-0.15, 0.1), (0, -0.15)):
        mesh.sphere((x * w * 2, y * w * 2, h * 0.8), w * 0.24, (236, 120, 130))


def slatted_chair(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A chair whose back is two posts, a wide board above and a narrow one below."""
    table(mesh, w, d, h / 2, color)
    back, dark = 0.025 - d / 2, shade(color, 4, 5)
    for side in (-1, 1):
        mesh.box((side * (w / 2 - 0.03), back, h * 0.75), (0.06, 0.05, h * 0.5), dark)
    mesh.box((0, back, h * 0.89), (w - 0.12, 0.04, h * 0.2), color)
    mesh.box((0, back, h * 0.66), (w - 0.12, 0.04, h * 0.08), color)


def double_bed(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A bed whose blanket hangs over its sides, with a headboard twice as high."""
    mesh.box((0, 0, h * 0.22), (w * 0.94, d * 0.96, h * 0.44), WOOD, "wood")
    mesh.box((0, 0, h * 0.66), (w * 0.96, d * 0.98, h * 0.48), LIGHT)
    mesh.box((0, d * 0.16, h * 0.67), (w, d * 0.68, h * 0.7), color)
    mesh.box((0, -d * 0.2, h * 1.02), (w, d * 0.1, h * 0.06), shade(color, 7, 10))
    mesh.box((0, -d / 2 + 0.03, h), (w, 0.06, h * 2), WOOD, "wood")
    for side in (-1, 1):
        mesh.box((side * w * 0.24, -d * 0.37, h * 1.02), (w * 0.38, d * 0.16, h * 0.28), (255, 255, 255))


def floor_lamp(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A lamp that stands on the floor; the shade has its colour."""
    mesh.cylinder((0, 0, 0.02), w * 0.36, 0.04, DARK, sides=10)
    mesh.cylinder((0, 0, h * 0.4), 0.022, h * 0.8, DARK, sides=6)
    mesh.cylinder((0, 0, h * 0.86), w * 0.5, h * 0.28, color, sides=12, taper=0.6)
    mesh.cylinder((0, 0, h * 0.72), w * 0.44, 0.01, (255, 244, 200), sides=10)


def pot_plant(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A leafy plant; the pot has its colour."""
    pot = h * 0.34
    mesh.cylinder((0, 0, pot / 2), w * 0.3, pot, color, sides=10, taper=1.35)
    mesh.cylinder((0, 0, pot * 0.94), w * 0.44, pot * 0.16, shade(color, 5, 4), sides=10)
    mesh.cylinder((0, 0, pot * 1.04), w * 0.36, 0.01, (70, 48, 34), sides=8)
    mesh.cylinder((0, 0, h * 0.45), 0.025, h * 0.3, WOOD, sides=5)
    greens: tuple[Color, ...] = ((46, 130, 52), (60, 150, 62), (38, 112, 48))
    leaves = ((0, 0, 0.86), (0.24, 0.1, 0.66), (-0.24, 0.12, 0.7), (0.06, -0.24, 0.62))
    for k, (x, y, z) in enumerate(leaves):
        mesh.sphere((x * w, y * w, z * h), w * (0.28 if k else 0.24), greens[k % 3], sides=8, stretch=1.25)


def open_shelf(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A tall shelf with rows of books that stand in the open; the boards have its colour."""
    board, dark = 0.045, shade(color, 3, 5)
    mesh.box((0, 0.02 - d / 2, h / 2), (w, 0.04, h), dark)
    for side in (-1, 1):
        mesh.box((side * (w - board) / 2, 0, h / 2), (board, d, h), color)
    rows = 4
    for row in range(rows + 1):
        mesh.box((0, 0, board / 2 + (h - board) * row / rows), (w - 2 * board, d, board), color)
    inner = w - 2 * board
    for row in range(rows):
        low, at, k = board + (h - board) * row / rows, -inner / 2, row
        while at < inner / 2 - 0.1 - 0.16 * (row % 2):
            thick, tall = 0.055 + 0.02 * (k * 7 % 3), (h / rows - board) * (0.62 + 0.08 * (k * 5 % 4))
            corners = [(at, low), (at + thick, low), (at + thick, low + tall), (at, low + tall)]
            mesh.quad([(-x, d * 0.3, z) for x, z in corners], _BOOKS[k % 5])
            at, k = at + thick + 0.004, k + 1


def fridge(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A fridge with a small door above a large one, and long handles."""
    mesh.box((0, -0.02, h / 2), (w, d - 0.04, h), shade(color, 4, 5))
    for low, high in ((0.04, h * 0.66), (h * 0.68, h - 0.02)):
        mesh.box((0, d / 2 - 0.03, (low + high) / 2), (w * 0.98, 0.06, high - low), color)
        handle = low + (high - low) * (0.78 if low < 1 else 0.3)
        mesh.box((w * 0.38, d / 2 + 0.02, handle), (0.035, 0.04, 0.34), (210, 212, 218))
    mesh.box((-w * 0.22, d / 2 + 0.002, h * 0.9), (w * 0.3, 0.004, 0.03), (210, 212, 218))


def wardrobe(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A tall wardrobe with two doors and knobs."""
    mesh.box((0, 0, h / 2), (w, d, h), color, "wood")
    mesh.box((0, 0, h - 0.03), (w + 0.06, d + 0.06, 0.06), shade(color, 3, 4))
    for side in (-1, 1):
        mesh.box((side * w / 4, d / 2, h * 0.5), (w * 0.46, 0.03, h * 0.84), shade(color, 6, 5), "wood")
        mesh.box((side * 0.06, d / 2 + 0.03, h / 2), (0.03, 0.04, 0.16), LIGHT)


def stool(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A stool with a round seat and four legs."""
    mesh.cylinder((0, 0, h - 0.04), w / 2, 0.08, color, sides=14)
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        mesh.box((x * w * 0.28, y * d * 0.28, (h - 0.08) / 2), (0.05, 0.05, h - 0.08), WOOD)
    mesh.box((0, 0, h * 0.35), (w * 0.56, 0.03, 0.03), WOOD).box((0, 0, h * 0.35), (0.03, d * 0.56, 0.03), WOOD)


def bathtub(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A bathtub with water; the outside has its colour."""
    mesh.box((0, 0, h / 2 - 0.03), (w, d, h - 0.06), color)
    rim = 0.08
    for side in (-1, 1):
        mesh.box((0, side * (d - rim) / 2, h - 0.03), (w, rim, 0.06), LIGHT)
        mesh.box((side * (w - rim) / 2, 0, h - 0.03), (rim, d - 2 * rim, 0.06), LIGHT)
    x, y = w / 2 - rim, d / 2 - rim
    mesh.quad([(-x, -y, h - 0.055), (x, -y, h - 0.055), (x, y, h - 0.055), (-x, y, h - 0.055)], (150, 206, 232))
    mesh.box((w / 2 - 0.05, 0, h + 0.1), (0.05, 0.05, 0.2), (170, 174, 184))
    mesh.box((w / 2 - 0.12, 0, h + 0.18), (0.18, 0.05, 0.04), (170, 174, 184))


def stove(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A stove with four plates, knobs and the window of an oven."""
    mesh.box((0, 0, h / 2), (w, d, h), color)
    mesh.box((0, 0, h + 0.01), (w * 0.96, d * 0.96, 0.02), (40, 40, 46))
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        mesh.cylinder((x * w * 0.22, y * d * 0.22, h + 0.025), w * 0.16, 0.02, (120, 120, 128), sides=10)
    mesh.box((0, d / 2, h * 0.4), (w * 0.74, 0.02, h * 0.4), (30, 30, 36))
    mesh.box((0, d / 2 + 0.02, h * 0.66), (w * 0.7, 0.04, 0.03), (210, 212, 218))
    for k in range(4):
        mesh.box((w * (k - 1.5) * 0.2, d / 2 + 0.01, h * 0.86), (0.06, 0.03, 0.06), DARK)


def clock(mesh: Mesh, w: float, d: float, h: float, color: Color) -> None:
    """A tall clock that stands on the floor, with a round face and a pendulum."""
    mesh.box((0, 0, h * 0.09), (w, d, h * 0.18), color)
    mesh.box((0, 0, h * 0.45), (w * 0.74, d * 0.8, h * 0.55), color)
    mesh.box((0, 0, h * 0.84), (w, d, h * 0.26), color)
    mesh.prism([(-w / 2, -d / 2), (w / 2, -d / 2), (w / 2, d / 2), (-w / 2, d / 2)], (0, 0, h * 0.985), h * 0.03,
               shade(color, 3, 4), taper=0.7)  # fmt: skip
    front = d / 2
    _dial(mesh, w * 0.4, front, h * 0.84)
    mesh.box((0, front * 0.8, h * 0.46), (w * 0.46, 0.02, h * 0.44), (40, 32, 26))
    mesh.box((0, front * 0.8 + 0.02, h * 0.5), (0.02, 0.02, h * 0.3), (230, 190, 80))
    mesh.box((0, front * 0.8 + 0.02, h * 0.33), (0.12, 0.02, 0.12), (230, 190, 80))


def _dial(mesh: Mesh, radius: float, y: float, z: float) -> None:
    """The face of a clock, on a wall that looks along y."""
    for size, away, color in ((radius, 0.004, DARK), (radius * 0.9, 0.01, LIGHT)):
        ring = [(size * math.cos(a), y + away, z + size * math.sin(a)) for a in (k * math.pi / 4 for k in range(8))]
        for k in range(1, 7, 2):  # half an octagon at a time, as quads seen from the front
            mesh.quad([ring[0], ring[k + 2 if k + 2 < 8 else 0], ring[k + 1], ring[k]], color, shaded=False)
    mesh.box((0, y + 0.016, z + radius * 0.3), (0.02, 0.012, radius * 0.6), DARK)
    mesh.box((-radius * 0.2, y + 0.016, z), (radius * 0.42, 0.012, 0.02), DARK)
