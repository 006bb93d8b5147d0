"""Pictures of charts, whole or in part: every view is drawn anew, so that zooming in shows more than pixels."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from mmgym.draw import Color, Shape, disc, draw_text, line, polygon, text_width
from mmgym_puzzles.reasoning.chart_data import PIE, Chart, along, band, bar, frame, spot_of
from mmgym_puzzles.reasoning.ink import ground, ink

__all__ = ["DARK", "WHOLE", "View", "color_names", "draw_chart_picture", "draw_reading"]

View = tuple[int, int, int]
"""Left, top and side of the square of the canvas that is shown."""
WHOLE: View = (0, 0, 1000)
_LARGEST = 0.1
"""Height of the largest line of text, as a share of the picture's."""

_BLUE, _ORANGE, _GREEN, _RED = (52, 110, 190), (240, 140, 40), (70, 160, 80), (206, 60, 66)
_PURPLE, _TEAL, _GOLD, _PINK = (132, 88, 172), (30, 150, 160), (222, 178, 34), (226, 110, 166)
PALETTES: tuple[tuple[tuple[str, Color], ...], ...] = (
    (("blue", _BLUE), ("orange", _ORANGE), ("green", _GREEN), ("red", _RED), ("purple", _PURPLE), ("gold", _GOLD)),
    (("teal", _TEAL), ("red", _RED), ("gold", _GOLD), ("purple", _PURPLE), ("green", _GREEN), ("orange", _ORANGE)),
    (("purple", _PURPLE), ("green", _GREEN), ("pink", _PINK), ("blue", _BLUE), ("orange", _ORANGE), ("teal", _TEAL)),
)
"""Names and shades of the series, by palette."""
_LIGHT_SHARE = 60
"""Per cent of white that the dark ground of the split ``ood`` mixes into a shade."""


@dataclass(frozen=True)
class Ground:
    """Colours around the data."""

    paper: Color
    text: Color
    axis: Color
    grid: Color
    reading: Color


LIGHT = (
    Ground((255, 255, 255), (40, 44, 54), (90, 96, 108), (222, 226, 232), (220, 0, 120)),
    Ground((250, 248, 242), (56, 46, 40), (110, 98, 88), (226, 220, 208), (0, 90, 200)),
    Ground((244, 248, 252), (24, 48, 72), (88, 108, 128), (212, 222, 232), (210, 40, 0)),
)
DARK = Ground((32, 36, 46), (236, 238, 242), (160, 168, 182), (66, 72, 86), (120, 255, 180))
"""The ground of the split ``ood``, which it alone has."""


def color_names(chart: Chart) -> list[str]:
    """Names of the colours of the series, or of the slices of a pie."""
    return [name for name, _ in PALETTES[chart.palette]]


def ground_of(chart: Chart) -> Ground:
    """The colours around the data of a chart."""
    return DARK if chart.ood else LIGHT[chart.palette]


def _shades(chart: Chart) -> list[Color]:
    shades = [shade for _, shade in PALETTES[chart.palette]]
    if not chart.ood:
        return shades
    return [tuple((c * 100 + (255 - c) * _LIGHT_SHARE // 2) // 100 for c in shade) for shade in shades]  # type: ignore[misc]


class _Page:
    """A picture with the canvas laid over it, as a view shows it."""

    def __init__(self, chart: Chart, size: int, view: View):
        self.left, self.top, side = view
        self.scale = size / side
        self.ground = ground_of(chart)
        self.image = ground(size, self.ground.paper)

    def to(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.left) * self.scale, (y - self.top) * self.scale

    def fill(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        """An upright rectangle, at least one pixel thick."""
        size = self.image.shape[0]
        (x0, y0), (x1, y1) = self.to(left, top), self.to(right, bottom)
        if x1 < 0 or y1 < 0 or x0 > size or y0 > size:
            return
        a, b = max(0, round(x0)), max(0, round(y0))
        self.image[b : max(b + 1, round(y1)), a : max(a + 1, round(x1))] = color

    def shapes(self, shapes: list[Shape], color: Color) -> None:
        """Shapes of the canvas."""
        ink(self.image, shapes, color, (self.left, self.top), self.scale)

    def write(
        self, text: str, x: float, y: float, height: float, color: Color, anchor: str = "center", bold: bool = False
    ) -> None:
        """One line of text, which grows with the view only up to a size that can be read with ease."""
        size, reach = self.image.shape[0], 1000 * self.scale
        at, pixels = self.to(x, y), min(height * self.scale, max(_LARGEST, height / 1000) * size)
        if -pixels < at[1] < size + pixels and -reach < at[0] < size + reach:
            draw_text(self.image, text, *at, max(6.0, pixels), color, anchor=anchor, bold=bold)  # type: ignore[arg-type]


def draw_chart_picture(chart: Chart, size: int, view: View = WHOLE) -> np.ndarray:
    """A new picture of a chart, uint8 (size, size, 3), showing a square part of the canvas."""
    page = _Page(chart, size, view)
    page.write(chart.title, 500, 56, 76, page.ground.text, bold=True)
    shades = _shades(chart)
    if chart.kind == "pie":
        _draw_pie(page, chart, shades)
        return page.image
    _draw_axes(page, chart)
    if len(chart.series) > 1 and chart.kind != "scatter":
        _draw_legend(page, chart, shades)
    if chart.kind == "line":
        _draw_lines(page, chart, shades)
    elif chart.kind == "scatter":
        points = [(along(chart, x, 0), along(chart, y, 1)) for x, y in zip(*chart.values, strict=True)]
        page.shapes([_marker(point, 11, chart.ood) for point in points], shades[0])
    else:
        for s in range(len(chart.series)):
            for c in range(len(chart.categories)):
                page.fill(*bar(chart, s, c), shades[s])
    box = frame(chart)
    page.fill(box.left - 3, box.top, box.left, box.bottom, page.ground.axis)
    page.fill(box.left - 3, box.bottom, box.right, box.bottom + 3, page.ground.axis)
    return page.image


def _draw_axes(page: _Page, chart: Chart) -> None:
    box, colors = frame(chart), page.ground
    for axis, (end, step) in enumerate(chart.axes):
        upright = chart.lying or (chart.kind == "scatter" and axis == 0)
        for tick in range(0, end + 1, step):
            place = along(chart, tick, axis)
            if upright:
                page.fill(place - 1, box.top, place + 1, box.bottom, colors.grid)
                page.write(str(tick), place, box.bottom + 36, 54, colors.text)
            else:
                page.fill(box.left, place - 1, box.right, place + 1, colors.grid)
                page.write(str(tick), box.left - 14, place, 54, colors.text, "right")
    room = 180.0 if chart.lying else 0.88 * (box.right - box.left) / max(1, len(chart.categories))
    widest = max((text_width(label, 58) for label in chart.categories), default=1)
    height = 58 * min(1.0, room / widest)
    for c, label in enumerate(chart.categories):
        if chart.lying:
            page.write(label, box.left - 16, band(chart, c), height, colors.text, "right")
        else:
            page.write(label, band(chart, c), box.bottom + 42, height, colors.text)
    if chart.kind == "scatter":
        page.write(chart.series[0], (box.left + box.right) / 2, box.bottom + 92, 58, colors.text, bold=True)
        page.write(chart.series[1], 40, box.top - 60, 58, colors.text, "left", bold=True)


def _draw_legend(page: _Page, chart: Chart, shades: list[Color]) -> None:
    room = [text_width(name, 58) + 90 for name in chart.series]
    x = 560 - sum(room) / 2
    for name, shade, width in zip(chart.series, shades, room, strict=False):
        page.fill(x, 122, x + 36, 158, shade)
        page.write(name, x + 48, 141, 58, page.ground.text, "left")
        x += width


def _draw_lines(page: _Page, chart: Chart, shades: list[Color]) -> None:
    for row, shade in zip(chart.values, shades, strict=False):
        points = [(band(chart, c), along(chart, value)) for c, value in enumerate(row)]
        path = points
        if chart.ood:  # in steps: the value holds half-way to its neighbours
            half = (points[1][0] - points[0][0]) / 2
            path = [p for x, y in points for p in ((x - half, y), (x + half, y))]
        strokes = [line(*a, *b, 8, shade) for a, b in itertools.pairwise(path)]
        page.shapes(strokes + [_marker(point, 13, chart.ood) for point in points], shade)


_ROUND = [(math.cos(2 * math.pi * k / 20), math.sin(2 * math.pi * k / 20)) for k in range(20)]
_AROUND = [(math.cos(2 * math.pi * k / 24), math.sin(2 * math.pi * k / 24)) for k in range(25)]
_SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]


def _marker(middle: tuple[float, float], half: float, square: bool) -> Shape:
    x, y = middle
    corners = _SQUARE if square else _ROUND
    return polygon([(x + half * a, y + half * b) for a, b in corners], (0, 0, 0))


def _draw_pie(page: _Page, chart: Chart, shades: list[Color]) -> None:
    before = 0
    for c, (label, share) in enumerate(zip(chart.categories, chart.values[0], strict=True)):
        steps = max(4, round(share))
        edge = [spot_of(before + share * k / steps, PIE[2]) for k in range(steps + 1)]
        page.shapes([polygon([(PIE[0], PIE[1]), *edge], (0, 0, 0))], shades[c])
        y = PIE[1] + 92 * (c - (len(chart.categories) - 1) / 2)
        page.fill(756, y - 20, 796, y + 20, shades[c])
        page.write(label, 810, y, 60, page.ground.text, "left")
        before += share
    before = 0
    cuts = []
    for share in chart.values[0]:
        cuts.append(line(PIE[0], PIE[1], *spot_of(before, PIE[2]), 7, (0, 0, 0)))
        before += share
    page.shapes(cuts, page.ground.paper)
    if chart.ood:
        page.shapes([disc(PIE[0], PIE[1], 0.55 * PIE[2], (0, 0, 0))], page.ground.paper)


def draw_reading(image: np.ndarray, chart: Chart, view: View, x: float, y: float) -> None:
    """Mark a point of the canvas at which the axes were read, in place: a small ring, and thin lines to the axes."""
    page = _Page(chart, 1, view)
    page.image, page.scale = image, image.shape[0] / view[2]
    color, thin = page.ground.reading, 0.5 / page.scale
    if chart.kind != "pie":
        box = frame(chart)
        if not chart.lying:
            page.fill(box.left, y - thin, max(x, box.left), y + thin, color)
        if chart.lying or chart.kind == "scatter":
            page.fill(x - thin, min(y, box.bottom), x + thin, box.bottom, color)
    at, radius = page.to(x, y), max(2.0, image.shape[0] / 90)
    turned = [(radius, _AROUND), (radius / 2, _AROUND[::-1])]
    ring = [(at[0] + r * a, at[1] + r * b) for r, around in turned for a, b in around]
    ink(image, [polygon(ring, color)], color)
