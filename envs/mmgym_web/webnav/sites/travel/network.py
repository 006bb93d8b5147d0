"""The cities of a world's railway map, and where they lie: what other sites may know about travel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmgym_web.webnav.kit.words import CITIES
from mmgym_web.webnav.kit.world import World

__all__ = ["LINE_COLOURS", "MAP_HEIGHT", "MAP_WIDTH", "MARKERS", "City", "cities", "lines"]

MAP_WIDTH, MAP_HEIGHT = 440, 340
"""Size of the map in pixels."""

LINE_COLOURS = {"red": "#d7263d", "blue": "#1f5fd0", "green": "#1d9a57", "orange": "#f08a1d"}
"""Colours of the lines by name."""

MARKERS = [
    (colour, shape) for colour in ("red", "blue", "green", "yellow") for shape in ("circle", "square", "triangle")
]
"""Colour and shape of the markers that stand for what a city is known for."""


@dataclass(frozen=True)
class City:
    """A city on the map."""

    id: int
    """From 1."""
    name: str
    x: int
    """Pixels from the left edge of the map."""
    y: int
    """Pixels from the top of the map."""
    colour: str
    """Colour of its marker."""
    shape: str
    """Shape of its marker."""


def cities(world: World) -> tuple[City, ...]:
    """The nine cities of a world: names, places and markers are drawn independently of each other."""
    rng = world.rng("travel", "cities")
    names = [CITIES[i] for i in rng.permutation(len(CITIES))[:9]]
    markers = [MARKERS[i] for i in rng.permutation(len(MARKERS))[:9]]
    found = []
    for number, cell in enumerate(rng.permutation(9)):
        x = 68 + int(cell) % 3 * 146 + int(rng.integers(-20, 21))
        y = 56 + int(cell) // 3 * 108 + int(rng.integers(-18, 19))
        found.append(City(number + 1, names[number], x, y, *markers[number]))
    return tuple(found)


def lines(world: World) -> dict[str, tuple[int, ...]]:
    """The railway lines by colour: the ids of their stops in order. All their ends are different cities."""
    ends, by_id = world.rng("travel", "lines").permutation(9)[:8] + 1, {city.id: city for city in cities(world)}
    found = {}
    for number, colour in enumerate(LINE_COLOURS):
        first, last = by_id[int(ends[2 * number])], by_id[int(ends[2 * number + 1])]
        across, down = last.x - first.x, last.y - first.y
        near = []
        for city in by_id.values():
            x, y, length = city.x - first.x, city.y - first.y, math.hypot(across, down)
            along, beside = (x * across + y * down) / length**2, abs(x * down - y * across) / length
            if 0.1 < along < 0.9 and beside < 60:
                near.append((along, city.id))
        found[colour] = (first.id, *(stop for _, stop in sorted(near)), last.id)
    return found
