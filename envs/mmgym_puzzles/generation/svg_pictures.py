"""Pictures to be written as SVG: shapes by level, in named colours, as markup with a place for each colour's shade."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = [
    "COLORS",
    "LEVELS",
    "SHADES",
    "Frame",
    "Part",
    "Picture",
    "Pictures",
    "Sketch",
    "draw_shapes",
    "frame_shapes",
    "svg_of",
]

COLORS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "black", "white")
"""Names of the colours."""
GROUNDS = ("paper", "cream", "sky", "grey")
"""Names of the grounds."""
_CODES = {
    "usual": "d62828 f77f00 ffd23f 2a9d4a 17a2a2 2463d6 7b3fb5 f48fb1 8a5a34 2b2b33 fdfdfd ffffff fbf3dc d3e8f8 d9d9de",
    # Light on dark grounds: no shade of the usual splits.
    "ood": "ff4d5e ff9a3c ffe066 4fd17a 3fd6d0 5b9bff b388ff ffa6cf b5804e 0c0c12 f4f6ff 3f4a5a 4a3f5c 2f5a52 5a4040",
}
SHADES: dict[str, dict[str, str]] = {
    look: {name: f"#{code}" for name, code in zip([*COLORS, *GROUNDS], codes.split(), strict=True)}
    for look, codes in _CODES.items()
}
"""Shades of colours and grounds, by look."""


class Part(NamedTuple):
    """One shape."""

    color: str
    word: str
    """What it is, in one word."""
    markup: str
    """Its element, with names of colours in braces where their shades go."""


class Frame(NamedTuple):
    """What is drawn first of a picture, and decides its split; the rest is drawn once the split is the wanted one."""

    ground: str
    """Name of its ground's colour, one of `GROUNDS`."""
    numbers: tuple[int, ...]
    """Loose shapes: how many, and x, y and radius of the first. Icons: which icon, badge, shift and turn."""
    key: tuple[int, ...]
    """Those of the numbers that differ only where pictures do: shapes of two radii can be the same once rounded."""


class Picture(NamedTuple):
    """A picture, from back to front."""

    frame: Frame
    subject: str
    """What an icon shows; empty for loose shapes."""
    transform: str
    """Transform of all parts together; empty for none."""
    parts: tuple[Part, ...]


def svg_of(picture: Picture, look: str) -> str:
    """The SVG of a picture in the shades of a look."""
    shades = SHADES[look]
    lines = [f'<rect width="100" height="100" fill="{shades[picture.frame.ground]}"/>']
    lines += [part.markup.format_map(shades) for part in picture.parts]
    if picture.transform:
        lines[1:] = [f'<g transform="{picture.transform}">', *lines[1:], "</g>"]
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    return "\n".join([head, *lines, "</svg>"])


@dataclass(frozen=True)
class Pictures:
    """What pictures to draw."""

    shapes: tuple[int, int]
    """Fewest and most shapes; of an icon, its small ornaments."""
    closest: float
    """Least distance of two shapes' middles over the sum of their radii: below 1 they may overlap."""
    kinds: tuple[str, ...]
    """Kinds of shapes, or ``icon``."""
    strokes: float
    """Share of the shapes that have an outline."""
    turned: float
    """Share of the shapes that are turned by a transform."""
    glass: float
    """Share of the shapes that can be seen through."""
    threshold: float
    """Similarity from which a drawing is a success."""
    turns: int
    """Turns until the episode is truncated."""


_FLAT = ("circle", "square", "bar", "triangle", "ellipse", "diamond")
_MORE = (*_FLAT, "star", "pentagon", "hexagon", "cross")
_LINES = (*_MORE, "pill", "line", "zigzag")
_CURVES = (*_LINES, "heart", "drop", "moon", "wave", "leaf", "ring")

LEVELS = {
    1: Pictures((1, 2), 1.0, _FLAT, 0.0, 0.0, 0.0, 0.75, 3),
    2: Pictures((3, 4), 0.95, _MORE, 0.0, 0.0, 0.0, 0.78, 3),
    3: Pictures((5, 6), 0.7, _LINES, 0.5, 0.0, 0.0, 0.80, 4),
    4: Pictures((7, 8), 0.62, _CURVES, 0.5, 0.6, 0.4, 0.80, 4),
    5: Pictures((3, 6), 0.0, ("icon",), 0.0, 0.0, 0.0, 0.90, 5),
}


class Sketch:
    """Draws parts with numbers and colours from a generator."""

    def __init__(self, rng: np.random.Generator, ground: str):
        self._rng = rng
        hidden = {"paper": "white", "cream": "white"}.get(ground)
        self._left = [COLORS[k] for k in rng.permutation(len(COLORS)).tolist() if COLORS[k] != hidden]
        self._next = 0
        self.parts: list[Part] = []

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self._rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return bool(self._rng.random() < share)

    def color(self) -> str:
        """The next colour; all of them come before one comes again."""
        self._next += 1
        return self._left[(self._next - 1) % len(self._left)]

    def add(self, word: str, element: str, color: str, more: str = "") -> None:
        """Add a filled shape: an element without its fill, and further attributes."""
        self.parts.append(Part(color, word, f'<{element} fill="{{{color}}}"{more}/>'))

    def stroke(self, word: str, element: str, color: str, width: float, more: str = "") -> None:
        """Add a line."""
        self.parts.append(
            Part(color, word, f'<{element} fill="none" stroke="{{{color}}}" stroke-width="{width:g}"{more}/>')
        )


def frame_shapes(rng: np.random.Generator, settings: Pictures) -> Frame:
    """The ground, how many loose shapes there are, and where the largest goes."""
    ground = GROUNDS[int(rng.integers(len(GROUNDS)))]
    count = int(rng.integers(settings.shapes[0], settings.shapes[1] + 1))
    largest = 30 if count <= 2 else 24 if count <= 4 else 20
    radius = int(rng.integers(largest * 3 // 4, largest + 1))
    x, y = (int(middle) for middle in rng.integers(radius + 3, 98 - radius, 2))
    return Frame(ground, (count, x, y, radius), (x, y))


def draw_shapes(rng: np.random.Generator, frame: Frame, settings: Pictures) -> Picture | None:
    """Loose shapes, or None where they found no room."""
    count, *first = frame.numbers
    largest = first[2]
    radii = sorted(rng.integers(largest * 5 // 8, largest + 1, count - 1).tolist(), reverse=True)
    placed = [(first[0], first[1], largest)]
    for radius in radii:
        for x, y in rng.integers(radius + 3, 98 - radius, (30, 2)).tolist():
            room = (settings.closest * (radius + r) for _, _, r in placed)
            if all((x - a) ** 2 + (y - b) ** 2 >= far * far for (a, b, _), far in zip(placed, room, strict=True)):
                placed.append((x, y, radius))
                break
        else:
            return None
    sketch = Sketch(rng, frame.ground)
    for x, y, radius in placed:
        _shape(sketch, settings, x, y, radius)
    return Picture(frame, "", "", tuple(sketch.parts))


def _shape(sketch: Sketch, settings: Pictures, x: int, y: int, r: int) -> None:
    kind = settings.kinds[sketch.between(0, len(settings.kinds) - 1)]
    color = sketch.color()
    more = ""
    if sketch.chance(settings.turned) and kind not in ("circle", "ring"):
        more += f' transform="rotate({15 * sketch.between(1, 11)} {x} {y})"'
    if kind in ("line", "zigzag", "wave", "ring"):
        width = max(2, r // 4)
        sketch.stroke(kind, _outline(sketch, kind, x, y, r), color, width, more)
        return
    if sketch.chance(settings.strokes):
        more += f' stroke="{{{sketch.color()}}}" stroke-width="{sketch.between(2, 3)}"'
    if sketch.chance(settings.glass):
        more += f' opacity="0.{sketch.between(7, 9)}"'
    sketch.add(kind, _outline(sketch, kind, x, y, r), color, more)


def _outline(sketch: Sketch, kind: str, x: int, y: int, r: int) -> str:
    if kind == "circle":
        return f'circle cx="{x}" cy="{y}" r="{r}"'
    if kind == "ring":
        return f'circle cx="{x}" cy="{y}" r="{r - 3}"'
    if kind == "ellipse":
        flat = round(r * 0.55)
        rx, ry = (r, flat) if sketch.chance(0.5) else (flat, r)
        return f'ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}"'
    if kind in ("square", "bar", "pill"):
        half = round(r * 0.8)
        flat = half if kind == "square" else round(r * 0.45)
        w, h = (half, flat) if sketch.chance(0.5) else (flat, half)
        round_ = f' rx="{flat}"' if kind == "pill" else ""
        return f'rect x="{x - w}" y="{y - h}" width="{2 * w}" height="{2 * h}"{round_}'
    if kind == "line":
        far, rise = round(r * 0.9), sketch.between(-r // 2, r // 2)
        return f'line x1="{x - far}" y1="{y - rise}" x2="{x + far}" y2="{y + rise}"'
    if kind in _CORNERS:
        points = " ".join(f"{round(x + r * a)},{round(y + r * b)}" for a, b in _CORNERS[kind])
        return f'{"polyline" if kind == "zigzag" else "polygon"} points="{points}"'
    words = []
    for word in _PATHS[kind].split():
        a, comma, b = word.partition(",")
        words.append(f"{round(x + r * float(a))},{round(y + r * float(b))}" if comma else word)
    data = " ".join(words)
    return f'path d="{data}"'


def _ring(corners: int, radii: tuple[float, ...]) -> list[tuple[float, float]]:
    angles = [2 * math.pi * (k / corners - 0.25) for k in range(corners)]
    return [(radii[k % len(radii)] * math.cos(a), radii[k % len(radii)] * math.sin(a)) for k, a in enumerate(angles)]


_CROSS = [(-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1)]
_CORNERS: dict[str, list[tuple[float, float]]] = {
    "triangle": _ring(3, (1.0,)),
    "diamond": [(0, -1), (0.7, 0), (0, 1), (-0.7, 0)],
    "pentagon": _ring(5, (1.0,)),
    "hexagon": _ring(6, (1.0,)),
    "star": _ring(10, (1.0, 0.45)),
    "cross": [(a * 0.3, b * 0.3) for a, b in _CROSS],
    "zigzag": [(-1, 0.4), (-0.5, -0.4), (0, 0.4), (0.5, -0.4), (1, 0.4)],
}
_PATHS = {
    "heart": "M 0,0.9 C -1.5,-0.1 -0.8,-1.1 0,-0.4 C 0.8,-1.1 1.5,-0.1 0,0.9 Z",
    "drop": "M 0,-1 C 0.4,-0.3 0.8,0 0.7,0.4 C 0.6,1.1 -0.6,1.1 -0.7,0.4 C -0.8,0 -0.4,-0.3 0,-1 Z",
    "moon": "M 0.3,-0.9 C -1,-1 -1.1,1 0.3,0.9 C -0.4,0.4 -0.4,-0.4 0.3,-0.9 Z",
    "wave": "M -1,0 Q -0.5,-1 0,0 T 1,0",
    "leaf": "M -0.9,0.6 Q -0.6,-0.9 0.9,-0.6 Q 0.6,0.9 -0.9,0.6 Z",
}
