"""Drawing SVG: from a strict document to flat outlines, and from those to a picture of any size.

Ours instead of resvg, Skia or Cairo: the subset that is allowed is small, integers give the same bytes on every
machine, nothing need be installed, and no text of an agent ever reaches a native renderer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from mmgym.draw import Color
from mmgym_puzzles.generation.rasterizer import ROWS, Box, blend, coverage
from mmgym_puzzles.generation.svg_colors import read_color
from mmgym_puzzles.generation.svg_document import Element, read_document
from mmgym_puzzles.generation.svg_paths import Contour, ellipse, read_path, rounded_rectangle
from mmgym_puzzles.generation.svg_strokes import CAPS, JOINS, Pen, outline
from mmgym_puzzles.generation.svg_values import (
    LARGEST,
    SvgError,
    apply,
    compose,
    numbers,
    read_length,
    read_points,
    read_transform,
)

__all__ = ["MAX_POINTS", "MAX_WORK", "Drawing", "draw", "read_svg"]

MAX_POINTS = 100_000
"""Points of all shapes together, curves and the outlines of strokes included."""
MAX_WORK = 6_000_000
"""Pixels mixed, and `_CROSSING` for each crossing of an outline and a line, in a picture of `_REFERENCE` pixels."""
_CROSSING = 10
_REFERENCE = 128
_CHUNK = 1 << 20
"""Pixels, about, for which coverage is counted at a time."""


@dataclass(frozen=True)
class Fill:
    """Outlines of one colour."""

    contours: tuple[np.ndarray, ...]
    """In the unit square; see `rasterizer.coverage`."""
    color: Color
    alpha: int
    """From 0 to 255."""
    evenodd: bool
    width: float
    """Of the box of what is seen, in the unit square."""
    height: float


@dataclass(frozen=True)
class Layer:
    """What is drawn together and then laid over what is behind it."""

    parts: tuple[Fill | Layer, ...]
    alpha: int
    """From 0 to 255."""


Drawing = Layer
"""A document that can be drawn at any size."""


@dataclass(frozen=True)
class _Style:
    """Properties that elements hand down to those inside them."""

    fill: Color | None = (0, 0, 0)
    fill_alpha: int = 255
    evenodd: bool = False
    stroke: Color | None = None
    stroke_alpha: int = 255
    pen: Pen = field(default_factory=lambda: Pen(1.0))


def draw(drawing: Drawing, size: int) -> np.ndarray:
    """A drawing on white paper: a fresh uint8 array (size, size, 3)."""
    image = np.full((size, size, 3), 255, np.uint8)
    _paint(image, drawing, _covered(list(_fills(drawing)), size))
    return image


def _fills(layer: Layer) -> Iterator[Fill]:
    """All fills of a layer, in the order in which they are painted."""
    for part in layer.parts:
        yield from _fills(part) if isinstance(part, Layer) else (part,)


def _covered(fills: Sequence[Fill], size: int) -> Iterator[tuple[Box, np.ndarray] | None]:
    """What each fill covers, many at a time, but no more than memory is there for."""
    start, pixels = 0, 0.0
    for end, fill in enumerate([*fills, None]):
        pixels += (fill.width * size + 2) * (fill.height * size + 2) if fill else _CHUNK
        if end > start and pixels > _CHUNK:
            chunk = fills[start:end]
            shapes = [[outline * size for outline in one.contours] for one in chunk]
            yield from coverage(shapes, [one.evenodd for one in chunk], size, size)
            start, pixels = end, pixels - sum((one.width * size + 2) * (one.height * size + 2) for one in chunk)


def _paint(image: np.ndarray, layer: Layer, covered: Iterator[tuple[Box, np.ndarray] | None]) -> Box | None:
    """Paint a layer in place; what is returned is the box that it reaches, or None where there is nothing."""
    under = image.copy() if layer.alpha < 255 else None
    boxes: list[Box] = []
    for part in layer.parts:
        if isinstance(part, Layer):
            box = _paint(image, part, covered)
            boxes += [box] if box else []
        elif found := next(covered):
            blend(image, *found, part.color, part.alpha)
            boxes.append(found[0])
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    left, top, right, bottom = min(lefts), min(tops), max(rights), max(bottoms)
    if under is not None:
        # Exact also for a group: what covers in part covers in part of that part.
        region, alpha = image[top:bottom, left:right], np.int32(layer.alpha)
        region[:] = (under[top:bottom, left:right] * (255 - alpha) + region * alpha + 127) // 255
    return left, top, right, bottom


@lru_cache(maxsize=256)
def read_svg(text: str) -> Drawing:
    """The drawing that a document describes. It is remembered: a group's members often write the same one.

    The viewBox is fitted into the square, in its middle. Without one, it is 0 0 width height, or else 0 0 100 100.

    Raises:
        SvgError: for a document that is not allowed, saying where and why.
    """
    root = read_document(text)
    maker = _Maker()
    try:
        matrix = _fitted(root.attributes)
    except SvgError as error:
        raise SvgError(f"{root.where}: {error}") from error
    drawing = maker.layer(root, matrix, _Style())
    return drawing if isinstance(drawing, Layer) else Layer((drawing,), 255)


def _fitted(attributes: Mapping[str, str]) -> np.ndarray:
    """The matrix from the viewBox to the unit square."""
    box = [0.0, 0.0, 100.0, 100.0]
    sides = [attributes.get(name, "100%").strip() for name in ("width", "height")]
    lengths = [read_length(side, "width and height") for side in sides if not side.endswith("%")]
    if "viewBox" in attributes:
        box = list(numbers(attributes["viewBox"], "viewBox"))
    elif len(lengths) == 2:
        box[2:] = lengths
    if len(box) != 4 or min(box[2:]) < 1e-2:
        raise SvgError("viewBox must be four numbers, x y width height, the last two at least 0.01")
    x, y, width, height = box
    scale = 1 / max(width, height)
    return np.array(
        [[scale, 0, 0.5 - scale * (x + width / 2)], [0, scale, 0.5 - scale * (y + height / 2)]], dtype=np.float64
    )


class _Maker:
    """Turns elements into layers, counting what they will cost."""

    def __init__(self) -> None:
        self._points = self._work = 0

    def layer(self, element: Element, matrix: np.ndarray, style: _Style) -> Layer:
        try:
            style, alpha = _styled(style, element.attributes), _alpha(element.attributes, "opacity", 255)
            if "transform" in element.attributes and element.name != "svg":
                matrix = compose(matrix, read_transform(element.attributes["transform"]))
            if element.name not in ("svg", "g"):
                contours = _contours(element, MAX_POINTS)
                return self._shape(contours, matrix, style, alpha, element.name == "line")
        except SvgError as error:
            raise SvgError(f"{element.where}: {error}") from error
        children = [child for child in element.children if child.name not in ("title", "desc")]
        parts: list[Fill | Layer] = []
        for child in children:
            made = self.layer(child, matrix, style)
            parts += made.parts if made.alpha == 255 else [made]
        self._spend(_REFERENCE * _REFERENCE if alpha < 255 else 0)
        return Layer(tuple(parts), alpha)

    def _shape(self, contours: list[Contour], matrix: np.ndarray, style: _Style, alpha: int, is_line: bool) -> Layer:
        parts: list[Fill | Layer] = []
        if style.fill is not None and not is_line:
            outlines = tuple(apply(matrix, contour.points) for contour in contours)
            parts.append(self._fill(outlines, style.fill, style.fill_alpha, style.evenodd))
        if style.stroke is not None and style.pen.width > 0:
            pieces = [piece for contour in contours for piece in outline(contour, style.pen, matrix)]
            parts.append(self._fill(tuple(pieces), style.stroke, style.stroke_alpha, False))
        if len(parts) == 1 and isinstance(parts[0], Fill) and alpha < 255:
            return Layer((replace(parts[0], alpha=(parts[0].alpha * alpha + 127) // 255),), 255)
        self._spend(_REFERENCE * _REFERENCE if alpha < 255 else 0)
        return Layer(tuple(parts), alpha)

    def _fill(self, outlines: tuple[np.ndarray, ...], color: Color, alpha: int, evenodd: bool) -> Fill:
        self._points += sum(points.size // 2 for points in outlines)
        if self._points > MAX_POINTS:
            raise SvgError(f"the shapes together have more than {MAX_POINTS} points")
        points = [outline.reshape(-1, 2) for outline in outlines if outline.size]
        if not points:
            return Fill((), color, alpha, evenodd, 0.0, 0.0)
        seen = np.clip(np.concatenate(points), 0, 1)
        width, height = (float(part) for part in seen.max(axis=0) - seen.min(axis=0))
        rows = float(np.abs(np.diff(seen[:, 1])).sum())
        self._spend(int(_REFERENCE * (_CROSSING * 2 * ROWS * rows + _REFERENCE * width * height)))
        return Fill(outlines, color, alpha, evenodd, width, height)

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise SvgError("the shapes together take too long to draw; use fewer or simpler ones")


def _contours(element: Element, most: int) -> list[Contour]:
    """The outlines of a shape, before its transform."""
    given = element.attributes
    if element.name in ("polyline", "polygon"):
        points = read_points(given.get("points", ""), "points")
        return [Contour(points, element.name == "polygon")] if len(points) > 1 else []
    if element.name == "path":
        return read_path(given.get("d", ""), most)

    def length(name: str, otherwise: float = 0.0, least: float = -LARGEST) -> float:
        value = read_length(given[name], name) if name in given else otherwise
        if value < least:
            raise SvgError(f"{name} must be at least {least:g}; got {value:g}")
        return value

    if element.name == "line":
        ends = [(length("x1"), length("y1")), (length("x2"), length("y2"))]
        return [Contour(np.array(ends, np.float64), False)]
    if element.name == "rect":
        width, height = length("width", least=0), length("height", least=0)
        rx, ry = length("rx", -1.0, least=-1), length("ry", -1.0, least=-1)
        rx, ry = max(rx if rx >= 0 else ry, 0), max(ry if ry >= 0 else rx, 0)
        return [rounded_rectangle(length("x"), length("y"), width, height, rx, ry)] if width and height else []
    rx, ry = (length("r", least=0),) * 2 if element.name == "circle" else (length("rx", least=0), length("ry", least=0))
    return [ellipse(length("cx"), length("cy"), rx, ry)] if rx and ry else []


def _styled(style: _Style, given: Mapping[str, str]) -> _Style:
    """A style with the properties that an element sets."""
    pen = style.pen
    if "stroke-width" in given:
        width = read_length(given["stroke-width"], "stroke-width")
        if width < 0:
            raise SvgError(f"stroke-width must be at least 0; got {width:g}")
        pen = replace(pen, width=width)
    if "stroke-miterlimit" in given:
        pen = replace(pen, miter_limit=max(1.0, read_length(given["stroke-miterlimit"], "stroke-miterlimit")))
    pen = replace(pen, cap=_word(given, "stroke-linecap", CAPS, pen.cap))
    pen = replace(pen, join=_word(given, "stroke-linejoin", JOINS, pen.join))
    return _Style(
        fill=_color(given, "fill", style.fill),
        fill_alpha=_alpha(given, "fill-opacity", style.fill_alpha),
        evenodd=_word(given, "fill-rule", ("nonzero", "evenodd"), "evenodd" if style.evenodd else "nonzero")
        == "evenodd",
        stroke=_color(given, "stroke", style.stroke),
        stroke_alpha=_alpha(given, "stroke-opacity", style.stroke_alpha),
        pen=pen,
    )


def _color(given: Mapping[str, str], name: str, otherwise: Color | None) -> Color | None:
    if name not in given:
        return otherwise
    try:
        return read_color(given[name])
    except ValueError as error:
        raise SvgError(f"{name}: {error}; got {given[name][:24]!r}") from error


def _alpha(given: Mapping[str, str], name: str, otherwise: int) -> int:
    if name not in given:
        return otherwise
    return round(255 * min(1.0, max(0.0, read_length(given[name], name))))


def _word(given: Mapping[str, str], name: str, allowed: tuple[str, ...], otherwise: str) -> str:
    word = given.get(name, otherwise).strip()
    if word not in allowed:
        raise SvgError(f"{name} must be one of {', '.join(allowed)}; got {word[:24]!r}")
    return word
