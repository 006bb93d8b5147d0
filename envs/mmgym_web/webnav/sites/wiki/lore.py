"""What the wiki is about: a made-up region with its towns, rivers, mountains, museums and bridges.

The forum speaks of the same things, so its people ask what the wiki answers; both read them from `draw_lore`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from mmgym_web.webnav.kit.world import World

__all__ = ["CATEGORIES", "COLOURS", "MONTHS", "Article", "Picker", "draw_lore", "draw_name"]

T = TypeVar("T")

CATEGORIES = ("Towns", "Rivers", "Mountains", "Museums", "Bridges")
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "orange", "purple")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

_STARTS = """
Al Bar Bel Bran Cal Cor Dal Dor El Fal Fen Gal Gar Hal Har Kar Kel Lan Lor Mar Mel Nor Or Pel Ral Ros Sel Tal Tor Ul
Val Ver Wen Yar Zel
""".split()
_MIDDLES = "a e i o u an en in on ar er or al el".split()
_ENDS = "den dor gan heim lan len lin mond nor rin san tan ten thal ton van ven wald wick mar".split()
_REGIONS = ("North", "East", "South", "West", "Lakeland", "Highland", "Coast", "Borderland")
_GOODS = ("wool", "salt", "glass", "timber", "copper", "pottery", "linen", "slate", "cider", "paper")
_STONES = ("granite", "limestone", "sandstone", "basalt", "gneiss", "slate")
_STYLES = ("plain", "lively", "quiet", "austere", "generous", "irregular")
_WORKS = ("Maps", "Clocks", "Portraits", "Machines", "Masks", "Prints", "Textiles", "Tools", "Ships", "Instruments")
_PARTS = ("Old Town", "Harbour", "Mill Quarter", "New Gate", "Hillside", "Orchard End", "Station", "Upper Market")
_GAUGES = ("Weir", "Ferry", "Sluice", "Mill", "Ford", "Lock", "Landing", "Narrows")
_ROUTES = ("North Ridge", "Chimney", "South Face", "Old Path", "Snow Gully", "East Pillar", "West Slope", "Hut Trail")
_REPAIRS = ("Deck", "Railing", "Lighting", "Foundations", "Paint", "Drainage", "Masonry", "Bearings")


class Picker:
    """Many small draws from a generator, made in one go.

    Args:
        rng: the generator.
        count: how many draws are kept ready.
    """

    def __init__(self, rng: np.random.Generator, count: int = 1500):
        self._rng, self._count = rng, count
        self._ready: list[int] = []

    def below(self, end: int) -> int:
        """A number from 0 to `end` - 1."""
        if not self._ready:
            self._ready = self._rng.integers(0, 1 << 40, size=self._count).tolist()
        return self._ready.pop() % end

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`."""
        return options[self.below(len(options))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """All of `options` in any order."""
        found = list(options)
        for last in range(len(found) - 1, 0, -1):
            other = self.below(last + 1)
            found[last], found[other] = found[other], found[last]
        return found


@dataclass(frozen=True)
class Article:
    """One page of the wiki as it stands at the start."""

    id: int
    title: str
    category: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    """Names and values in the box beside the text."""
    sections: tuple[tuple[str, str], ...]
    """Headings and texts."""
    table: str
    """Heading of the table."""
    columns: tuple[str, str, str]
    rows: tuple[tuple[str, str, str], ...]
    figure: dict[str, Any]
    """What `figures.draw_figure` draws."""
    caption: str


def draw_name(rng: np.random.Generator) -> str:
    """A made-up place name, one of about ten thousand."""
    number = int(rng.integers(len(_STARTS) * len(_MIDDLES) * len(_ENDS)))
    number, end = divmod(number, len(_ENDS))
    start, middle = divmod(number, len(_MIDDLES))
    return _STARTS[start] + _MIDDLES[middle] + _ENDS[end]


@functools.lru_cache(maxsize=8)
def draw_lore(world: World) -> tuple[Article, ...]:
    """All articles of a world's wiki."""
    rng = world.rng("wiki", "lore")
    names = world.distinct(rng, draw_name, 36)
    p = Picker(rng)
    towns, people = names[:8], [person.name for person in world.others]
    rivers, mountains = [f"River {n}" for n in names[8:15]], [f"Mount {n}" for n in names[15:22]]
    made: list[dict[str, Any]] = [_town(p, town, people) for town in towns]
    made += [_river(p, river, mountains, towns) for river in rivers]
    made += [_mountain(p, mountain, people) for mountain in mountains]
    made += [_museum(p, f"{name} Museum", towns, people) for name in names[22:29]]
    made += [_bridge(p, f"{name} Bridge", rivers, people) for name in names[29:36]]
    return tuple(Article(id=number, **article) for number, article in enumerate(p.shuffled(made), 1))


def _town(p: Picker, title: str, people: list[str]) -> dict[str, Any]:
    region, good, year = p.pick(_REGIONS), p.pick(_GOODS), 1100 + p.below(780)
    middle = p.pick(COLOURS)
    outer = [p.pick([c for c in COLOURS if c != middle]) for _ in range(2)]
    parts = p.shuffled(_PARTS)[:5]
    return {
        "title": title,
        "category": "Towns",
        "lead": f"{title} is a town in the {region} region. It is known for its {good} and for its weekly market.",
        "facts": (
            ("Population", f"{4000 + p.below(90000):,}"),
            ("Area", f"{12 + p.below(180)} km²"),
            ("Elevation", f"{20 + p.below(900)} m"),
            ("Founded", str(year)),
            ("Mayor", p.pick(people)),
        ),
        "sections": (
            ("History", _text(p, f"The oldest record of {title} is a charter.", f"Trade in {good} made it prosperous.",
                "A fire destroyed the town hall.", "The walls were taken down in favour of a ring road.")),
            ("Economy", _text(p, f"Most firms still work with {good}.", "Every third household keeps a garden.",
                "The railway workshop is the largest employer.", "Unemployment is low.")),
        ),
        "table": "Districts",
        "columns": ("District", "Inhabitants", "Schools"),
        "rows": tuple((part, f"{300 + p.below(9000):,}", str(1 + p.below(9))) for part in parts),
        "figure": {"kind": "flag", "colours": [outer[0], middle, outer[1]], "upright": p.below(2) == 1},
        "caption": "Flag",
    }  # fmt: skip


def _river(p: Picker, title: str, mountains: list[str], towns: list[str]) -> dict[str, Any]:
    source = p.pick(mountains)
    marked = p.shuffled(towns)[:6]
    return {
        "title": title,
        "category": "Rivers",
        "lead": f"The {title} rises near {source} and flows to the sea. It is used for boating and for power.",
        "facts": (
            ("Length", f"{40 + p.below(760)} km"),
            ("Source", source),
            ("Discharge", f"{5 + p.below(420)} m³/s"),
            ("Islands", str(1 + p.below(40))),
            ("Locks", str(p.below(25))),
        ),
        "sections": (
            ("Course", _text(p, "The upper valley is narrow and wooded.", "In the plain the river divides into arms.",
                "A lake calms the water halfway.", "Near the mouth it is tidal.")),
            ("Wildlife", _text(p, "Otters have come back.", "Herons nest on the islands.",
                "Salmon climb a ladder at the last weir.", "Beavers live in the side arms.")),
        ),
        "table": "Gauges",
        "columns": ("Gauge", "Kilometre", "Depth (cm)"),
        "rows": tuple((g, str(5 + p.below(380)), str(40 + p.below(700))) for g in p.shuffled(_GAUGES)[:5]),
        "figure": {
            "kind": "map", "towns": marked, "marked": p.below(6), "bends": [p.below(100) for _ in range(8)],
            "sides": [p.below(2) for _ in range(6)],
        },
        "caption": "Course of the river",
    }  # fmt: skip


def _mountain(p: Picker, title: str, people: list[str]) -> dict[str, Any]:
    stone = p.pick(_STONES)
    return {
        "title": title,
        "category": "Mountains",
        "lead": f"{title} is a peak of {stone}. Its top is reached by marked paths from May to October.",
        "facts": (
            ("Height", f"{900 + p.below(3800):,} m"),
            ("First ascent", str(1780 + p.below(150))),
            ("First climber", p.pick(people)),
            ("Huts", str(1 + p.below(7))),
            ("Rock", stone),
        ),
        "sections": (
            ("Geology", _text(p, f"The summit consists of {stone}.", "Ice shaped the bowls on the shaded side.",
                "Crystals are found in the clefts.", "Rockfall is frequent in spring.")),
            ("Climbing", _text(p, "The normal route is easy in good weather.", "A rope is advised on the last stretch.",
                "Guides can be hired in the valley.", "A book on the summit holds the names of visitors.")),
        ),
        "table": "Routes",
        "columns": ("Route", "Hours", "Ascent (m)"),
        "rows": tuple((r, str(2 + p.below(11)), str(300 + 10 * p.below(160))) for r in p.shuffled(_ROUTES)[:5]),
        "figure": {"kind": "peaks", "heights": [p.below(100) for _ in range(14)], "hue": p.below(180)},
        "caption": "Seen from the valley",
    }  # fmt: skip


def _museum(p: Picker, title: str, towns: list[str], people: list[str]) -> dict[str, Any]:
    town, theme, high, low = p.pick(towns), p.pick(_WORKS), p.below(12), p.below(11)
    low += low >= high
    visitors = [25 + p.below(50) for _ in range(12)]
    visitors[high], visitors[low] = 84 + p.below(12), 6 + p.below(10)
    return {
        "title": title,
        "category": "Museums",
        "lead": f"The {title} shows {theme.lower()} from four centuries. It stands in {town}.",
        "facts": (
            ("Town", town),
            ("Opened", str(1830 + p.below(180))),
            ("Director", p.pick(people)),
            ("Objects", f"{900 + p.below(60000):,}"),
            ("Rooms", str(6 + p.below(60))),
        ),
        "sections": (
            ("Collection", _text(p, f"The {theme.lower()} fill the ground floor.", "A third of them is on show.",
                "The oldest piece is a gift of the founder.", "A small library belongs to it.")),
            ("Building", _text(p, f"The front is {p.pick(_STYLES)}.", "A glass roof covers the yard.",
                "The stairs were moved during the last repair.", "The café looks out on the garden.")),
        ),
        "table": "Exhibitions",
        "columns": ("Exhibition", "Year", "Visitors"),
        "rows": tuple((w, str(1990 + p.below(36)), f"{1500 + p.below(80000):,}") for w in p.shuffled(_WORKS)[:5]),
        "figure": {"kind": "bars", "values": visitors, "high": high, "low": low},
        "caption": "Visitors by month",
    }  # fmt: skip


def _bridge(p: Picker, title: str, rivers: list[str], people: list[str]) -> dict[str, Any]:
    river, stone = p.pick(rivers), p.pick(_STONES)
    return {
        "title": title,
        "category": "Bridges",
        "lead": f"The {title} is a bridge of {stone} across the {river}. It replaced a ferry.",
        "facts": (
            ("Length", f"{60 + p.below(900)} m"),
            ("Crosses", river),
            ("Built", str(1750 + p.below(250))),
            ("Engineer", p.pick(people)),
            ("Toll until", str(1880 + p.below(120))),
        ),
        "sections": (
            ("Construction", _text(p, f"The piers are made of {stone}.", "Work took three winters.",
                "The scaffolding was reused elsewhere.", "A flood delayed the opening.")),
            ("Traffic", _text(p, "Heavy lorries are turned away.", "Cyclists have a lane of their own.",
                "The bridge is closed on market days.", "A toll was once taken at both ends.")),
        ),
        "table": "Repairs",
        "columns": ("Part", "Year", "Cost (thousand)"),
        "rows": tuple((r, str(1960 + p.below(66)), str(12 + p.below(900))) for r in p.shuffled(_REPAIRS)[:5]),
        "figure": {"kind": "arches", "count": 3 + p.below(7), "hue": p.below(180)},
        "caption": "The bridge at high water",
    }  # fmt: skip


def _text(p: Picker, *sentences: str) -> str:
    return " ".join([sentences[0], *p.shuffled(sentences[1:])[:2]])
