"""Pictures of the travel site, drawn as SVG images: what is on them is nowhere else."""

from __future__ import annotations

from html import escape
from typing import Any

from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.travel.network import LINE_COLOURS, MAP_HEIGHT, MAP_WIDTH, City, cities, lines
from mmgym_web.webnav.sites.travel.timetable import SEAT_LETTERS, SEAT_ROWS, Trend
from mmgym_web.webnav.sites.travel.words import FRONTS, MONTHS

__all__ = ["CARRIAGE_HEIGHT", "CARRIAGE_WIDTH", "carriage", "city_at", "front", "seat_at", "seat_place", "trend_chart",
           "world_map"]  # fmt: skip

CARRIAGE_WIDTH, CARRIAGE_HEIGHT = 440, 190
"""Size of the seat plan in pixels."""

_MARKER_COLOURS = {"red": "#d7263d", "blue": "#1f5fd0", "green": "#1d9a57", "yellow": "#f2c230"}
_INK = "#22262e"


def _svg(width: int, height: int, shapes: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="Liberation Sans"'
    return f'{head} font-size="13" fill="{_INK}">{"".join(shapes)}</svg>'


def _rect(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" {more}/>'


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


# --- the map ---


def world_map(world: World) -> str:
    """The map of the railway: land and sea, lines by colour, cities with their markers and names."""
    rng = world.rng("travel", "map")
    shapes = [_rect(0, 0, MAP_WIDTH, MAP_HEIGHT, "#cfe3ef")]
    coast = [int(v) for v in rng.integers(4, 26, size=12)]
    top = " ".join(f"{20 + 80 * i},{coast[i]}" for i in range(6))
    bottom = " ".join(f"{420 - 80 * i},{MAP_HEIGHT - coast[6 + i]}" for i in range(6))
    shapes.append(f'<polygon points="{top} {bottom}" fill="#eef0e2" stroke="#b9c9b5" stroke-width="2"/>')
    for x, y, size in rng.integers((40, 40, 14), (400, 300, 34), size=(7, 3)):
        shapes.append(f'<ellipse cx="{x}" cy="{y}" rx="{size}" ry="{size * 2 // 3}" fill="#d9e6cb"/>')
    by_id = {city.id: city for city in cities(world)}
    for number, (colour, stops) in enumerate(lines(world).items()):
        shift = 3 * number - 4.5
        points = [(by_id[stop].x + shift, by_id[stop].y + shift) for stop in stops]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        line = f'fill="none" stroke="{LINE_COLOURS[colour]}" stroke-width="3.5" stroke-linejoin="round"'
        shapes.append(f'<polyline points="{path}" {line}/>')
    for city in by_id.values():
        shapes += _city(city)
    return _svg(MAP_WIDTH, MAP_HEIGHT, shapes)


def _city(city: City) -> list[str]:
    style = f'fill="{_MARKER_COLOURS[city.colour]}" stroke="#ffffff" stroke-width="2"'
    x, y = city.x, city.y
    back = f'<circle cx="{x}" cy="{y}" r="13" fill="{_INK}"/>'
    marker = {
        "circle": f'<circle cx="{x}" cy="{y}" r="9" {style}/>',
        "square": f'<rect x="{x - 8}" y="{y - 8}" width="16" height="16" {style}/>',
        "triangle": f'<polygon points="{x},{y - 10} {x + 9},{y + 6} {x - 9},{y + 6}" {style}/>',
    }[city.shape]
    halo = 'text-anchor="middle" font-weight="700" stroke="#ffffff" stroke-width="3.5" paint-order="stroke"'
    return [back, marker, _text(x, y + 28, city.name, halo)]


def city_at(world: World, x: int, y: int) -> City | None:
    """The city whose marker or name is at a point of the map."""
    near = [c for c in cities(world) if abs(c.x - x) <= 16 and abs(c.y - y) <= 16]
    named = [c for c in cities(world) if abs(c.x - x) <= 34 and c.y + 15 <= y <= c.y + 32]
    return next(iter(near or named), None)


# --- seats ---


def seat_place(seat: str) -> tuple[int, int]:
    """The middle of a seat on the plan."""
    row, letter = int(seat[:-1]), SEAT_LETTERS.index(seat[-1])
    return 66 + 40 * (row - 1), (38, 70, 120, 152)[letter]


def seat_at(x: int, y: int) -> str:
    """The seat at a point of the plan, or an empty text."""
    for row in range(1, SEAT_ROWS + 1):
        for letter in SEAT_LETTERS:
            middle = seat_place(f"{row}{letter}")
            if abs(middle[0] - x) <= 15 and abs(middle[1] - y) <= 13:
                return f"{row}{letter}"
    return ""


def carriage(free: list[str], mine: str) -> str:
    """The seat plan: free seats are white with a green edge, taken ones grey, the traveller's own is blue."""
    shapes = [_rect(0, 0, CARRIAGE_WIDTH, CARRIAGE_HEIGHT, "#ffffff")]
    shapes.append(_rect(6, 12, 428, 166, "#f1f3f6", 'rx="22" stroke="#7b8494" stroke-width="3"'))
    for row in range(1, SEAT_ROWS + 1):
        x = seat_place(f"{row}A")[0]
        shapes.append(_rect(x - 14, 9, 28, 6, "#9fd0ee"))
        shapes.append(_rect(x - 14, 175, 28, 6, "#9fd0ee"))
        shapes.append(_text(x, 99, str(row), 'text-anchor="middle" font-size="11" fill="#66707e"'))
        for letter in SEAT_LETTERS:
            seat = f"{row}{letter}"
            fill, line = ("#ffffff", "#168a4a") if seat in free else ("#aab1bc", "#8d95a3")
            if seat == mine:
                fill, line = "#1f5fd0", "#123d8c"
            cx, cy = seat_place(seat)
            shapes.append(_rect(cx - 14, cy - 12, 28, 24, fill, f'rx="5" stroke="{line}" stroke-width="2"'))
    shapes += [_text(30, seat_place(f"1{s}")[1] + 4, s, 'text-anchor="middle" font-size="11"') for s in SEAT_LETTERS]
    return _svg(CARRIAGE_WIDTH, CARRIAGE_HEIGHT, shapes)


# --- charts and houses ---


def trend_chart(trend: Trend) -> str:
    """Fares by month, as a line with dots."""
    shapes = [_rect(0, 0, 440, 240, "#ffffff")]
    for mark in range(0, 101, 25):
        y = 205 - 1.8 * mark
        shapes.append(_rect(44, y, 384, 1, "#dfe3ea"))
        shapes.append(_text(38, y + 4, f"${mark}", 'text-anchor="end" font-size="11"'))
    points = [(60 + 32 * month, 205 - 1.8 * value) for month, value in enumerate(trend.fares)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    shapes.append(f'<polyline points="{path}" fill="none" stroke="#2f6fc0" stroke-width="3"/>')
    for (x, y), name in zip(points, MONTHS, strict=True):
        shapes.append(f'<circle cx="{x}" cy="{y:.1f}" r="4.5" fill="#2f6fc0"/>')
        shapes.append(_text(x, 225, name, 'text-anchor="middle" font-size="11"'))
    return _svg(440, 240, shapes)


def front(hotel: Any) -> str:
    """A hotel seen from the street; `hotel` is a row of ``travel_hotels``."""
    floors, wide, roof = 3 + hotel["shape"] % 3, 3 + hotel["shape"] // 3 % 3, hotel["shape"] // 12 % 3
    shapes = [_rect(0, 0, 180, 120, "#bcdcf2"), _rect(0, 104, 180, 16, "#b8b2a6")]
    left, width, top = 90 - 13 * wide, 26 * wide, 104 - 18 * floors - 6
    shapes.append(f'<circle cx="{20 + 20 * roof}" cy="20" r="9" fill="#fff0a8"/>')
    if roof == 1:
        shapes.append(f'<polygon points="{left - 5},{top} 90,{top - 18} {left + width + 5},{top}" fill="#5a4a42"/>')
    elif roof == 2:
        shapes.append(_rect(left - 4, top - 6, width + 8, 6, "#5a4a42"))
    shapes.append(_rect(left, top, width, 104 - top, FRONTS[hotel["front"]], 'stroke="#4d4d4d"'))
    for floor in range(floors):
        for place in range(wide):
            if floor < floors - 1 or place != wide // 2:
                x, y = left + 7 + 26 * place, top + 6 + 18 * floor
                shapes.append(_rect(x, y, 12, 11, "#33475c", 'stroke="#ffffff" stroke-width="1.5"'))
    shapes.append(_rect(left + 6 + 26 * (wide // 2), 88, 14, 16, "#4a3020"))
    shapes.append('<circle cx="14" cy="92" r="14" fill="#4f8a4a"/><rect x="12" y="96" width="4" height="10"/>')
    return _svg(180, 120, shapes)
