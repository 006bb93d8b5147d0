"""Pictures of geometry figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mmgym.draw import Color, Shape, arc, disc, draw_text, line, polygon
from mmgym_puzzles.reasoning.figures import Figure, Region
from mmgym_puzzles.reasoning.ink import ground, ink
from mmgym_puzzles.reasoning.placing import CANVAS, GRID_CELLS, Layout, Stroke

__all__ = ["LOOKS", "OOD_LOOK", "Look", "draw_figure"]


@dataclass(frozen=True)
class Look:
    """Colours of a figure."""

    paper: Color
    lines: Color
    marks: Color
    shade: Color
    numbers: Color
    asked: Color
    grid: Color


LOOKS = (
    Look((255, 255, 255), (30, 34, 44), (92, 100, 116), (206, 224, 246), (24, 60, 140), (206, 34, 44), (214, 218, 226)),
    Look((252, 249, 240), (44, 38, 34), (120, 104, 92), (246, 222, 178), (112, 62, 10), (190, 20, 90), (222, 214, 198)),
    Look((246, 250, 252), (16, 70, 96), (70, 128, 150), (204, 236, 220), (10, 96, 70), (214, 84, 0), (206, 220, 226)),
)
"""Looks of the usual splits."""
OOD_LOOK = Look(
    (28, 62, 50), (238, 240, 232), (168, 196, 180), (58, 108, 90), (255, 226, 120), (255, 138, 128), (62, 96, 82)
)
"""A blackboard, which the split ``ood`` alone has."""


def draw_figure(figure: Figure, layout: Layout, size: int, look: Look, grid: bool) -> np.ndarray:
    """A new picture of a figure, uint8 (size, size, 3)."""
    image = ground(size, look.paper)
    scale = size / CANVAS
    for region in figure.shaded:
        ink(image, [_region(region, layout, scale)], look.shade if region.sign > 0 else look.paper)
    if grid:
        ink(image, _grid(layout, scale), look.grid)
    thin, thick = max(1.0, 1.2 * scale), max(1.2, 1.9 * scale)
    ink(image, [_stroke(s, scale, thin) for s in layout.strokes if s.role == "mark"], look.marks)
    lines = [_stroke(s, scale, thick) for s in layout.strokes if s.role == "line"]
    for stroke in layout.strokes:
        if stroke.role == "dashed":
            lines += _dashes(stroke, scale, thick)
    lines += [arc(x * scale, y * scale, r * scale, 0, 2 * math.pi, thick, look.lines) for (x, y), r in layout.circles]
    named = [layout.points[name] for name in figure.points if name.isupper()]
    lines += [disc(x * scale, y * scale, 1.35 * thick, look.lines) for x, y in named]
    ink(image, lines, look.lines)
    shades = {"name": look.lines, "given": look.numbers, "asked": look.asked, "tick": look.marks}
    for label in layout.labels:
        bold = label.role != "given"
        height = max(7.0, label.height * scale)
        draw_text(image, label.text, label.x * scale, label.y * scale, height, shades[label.role], bold=bold)
    return image


def _stroke(stroke: Stroke, scale: float, width: float) -> Shape:
    (x, y), (to_x, to_y) = stroke.start, stroke.end
    return line(x * scale, y * scale, to_x * scale, to_y * scale, width, (0, 0, 0))


def _dashes(stroke: Stroke, scale: float, width: float) -> list[Shape]:
    (x, y), (to_x, to_y) = stroke.start, stroke.end
    count = max(1, round(math.dist(stroke.start, stroke.end) / 9))
    shapes = []
    for k in range(count):
        start, end = ((x + (to_x - x) * share, y + (to_y - y) * share) for share in (k / count, (k + 0.6) / count))
        shapes.append(_stroke(Stroke(start, end), scale, width))
    return shapes


def _grid(layout: Layout, scale: float) -> list[Shape]:
    ticks = [label for label in layout.labels if label.role == "tick"]
    columns = [label.x * scale for label in ticks[0::2]]
    rows = [label.y * scale for label in ticks[1::2]]
    width = max(1.0, scale)
    upright = [line(x, rows[0], x, rows[GRID_CELLS], width, (0, 0, 0)) for x in columns]
    return upright + [line(columns[0], y, columns[GRID_CELLS], y, width, (0, 0, 0)) for y in rows]


def _region(region: Region, layout: Layout, scale: float) -> Shape:
    if region.corners:
        corners = [layout.points[name] for name in region.corners]
        return polygon([(x * scale, y * scale) for x, y in corners], (0, 0, 0))
    x, y = layout.points[region.center]
    first, last = (math.radians(layout.direction(turn)) for turn in region.span)
    steps = max(8, round(abs(last - first) * 16))
    turns = [first + (last - first) * k / steps for k in range(steps + 1)]
    radius = region.radius * layout.scale
    around = [((x + radius * math.cos(t)) * scale, (y + radius * math.sin(t)) * scale) for t in turns]
    whole = region.span[1] - region.span[0] >= 360
    return polygon(around if whole else [(x * scale, y * scale), *around], (0, 0, 0))
