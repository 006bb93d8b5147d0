"""The cities of a world's railway map, and where they lie: what other sites may know about travel."""

from __future__ import annotations

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
    """The railway lines by colour: the ids of their stops in order, four to five each, with distinct ends."""
    rng = world.rng("travel", "lines")
    ends, found = rng.permutation(9)[:8] + 1, {}
    by_id = {city.id: city for city in cities(world)}
    for number, colour in enumerate(LINE_COLOURS):
        first, last = by_id[int(ends[2 * number])], by_id[int(ends[2 * number + 1])]
        others = [by_id[int(i)] for i in rng.permutation(9) + 1 if int(i) not in (first.id, last.id)][:3]
        others = others[: int(rng.integers(2, 4))]
        others.sort(key=lambda c: (c.x - first.x) * (last.x - first.x) + (c.y - first.y) * (last.y - first.y))
        found[colour] = (first.id, *(c.id for c in others), last.id)
    return found
