"""Count: how many times did something happen in a stretch of the video?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.pictures import WHOLE
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import OTHERS, SOLID, Kind, draw_kinds
from mmgym_video.procedural.scenery import draw_wanderers
from mmgym_video.procedural.stage import Actor, Stage
from mmgym_video.question import Question

__all__ = ["Count"]

CELLS = {1: 8, 2: 11, 3: 15, 4: 19, 5: 23}
"""Cells of the stretch, by level: in each of them one thing happens, or nothing."""
SECONDS = {1: 3.0, 2: 3.0, 3: 2.5, 4: 2.0, 5: 2.0}
"""Length of a cell, where the video is long enough."""
JITTER = 0.15
"""What happens in a cell starts, and ends, up to so much of the cell's length inside it."""
LOWEST = {1: (1, 1), 2: (1, 2), 3: (1, 4), 4: (2, 5), 5: (3, 7)}
"""Range of the smallest option; the others are the three numbers after it."""
BUSY = {1: 0.3, 2: 0.4, 3: 0.5, 4: 0.6, 5: 0.6}
"""Share of the other cells in which something else happens."""
SIZE = {1: 170, 2: 150, 3: 130, 4: 110, 5: 90}
"""Of the things that are counted."""

Event = tuple[float, float, int]
"""From, until (seconds), and which of the kinds; the first kind is counted."""


class Count(Family):
    """A circle turns red, or red stars appear, or they pass by, and how often is asked.

    Two of what is counted never come one right after another, so whoever looks once in every cell can tell them apart.
    Other colours or things, which differ from what is counted in colour or shape alone, come between them. The same
    goes on before and after the stretch.
    """

    name = "count"
    summary = "How many times does something happen in a stretch of the video?"
    order_sensitive = False
    open_kind = "numeric"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, cells = setting.level, CELLS[setting.level]
        # inside the stretch and beside it an empty cell at either end, so that nothing happens near its limits
        length = int(10 * min(SECONDS[level], (setting.duration - 1) / (cells + 4))) / 10
        first = round(float(rng.uniform(2 * length, setting.duration - (cells + 2) * length - 0.5)), 1)
        begin, end = round(first - length, 1), round(first + (cells + 1) * length, 1)
        low = int(rng.integers(LOWEST[level][0], LOWEST[level][1] + 1))
        count = low + int(rng.integers(4))
        form = ("turn", "appear", "pass")[int(rng.integers(3))]
        kinds = _draw_kinds(rng, form, 2 + (level + 1) // 2)
        inside = _fill(rng, cells, count, len(kinds) - 1, BUSY[level])
        row = [*_outside(rng, cells, len(kinds)), -1, -1, *inside, -1, -1, *_outside(rng, cells, len(kinds))]
        events = _at_times(rng, row, first - (cells + 2) * length, length, setting.duration)
        things = _actors(rng, setting, form, kinds, events)
        others = draw_wanderers(rng, setting, level, OTHERS)
        stage = Stage(setting.duration, (*others, *things), size=setting.size, look=setting.look)
        target = kinds[0]
        happens = {
            "turn": f"does the circle turn {target.color}",
            "appear": f"does a {target.name} appear",
            "pass": f"does a {target.name} pass by",
        }[form]
        options = [str(number) for number in range(low, low + 4)]
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s, how many times {happens}?",
            answer=str(count),
            options=shuffled(rng, options),
            evidence=((first, round(first + cells * length, 1)),),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            there, times = False, 0
            for sighting in seen:
                if begin <= sighting.time < end:
                    if target.places(sighting):
                        times += not there
                        there = True
                    elif sighting.box == WHOLE:
                        there = False
            return str(min(max(times, low), low + 3))

        looks = tuple(Look(round(first + (cell + 0.5) * length, 2)) for cell in range(cells))
        content = (form, tuple(kind.name for kind in kinds), tuple(inside))
        return Case(stage, question, looks, conclude, content)


def _draw_kinds(rng: np.random.Generator, form: str, count: int) -> list[Kind]:
    """What is counted, and what else happens: colours of a circle, or things that share its colour or its shape."""
    if form == "turn":
        shades = [color for color in COLORS if color != "black"]
        return [Kind(shades[i], "circle") for i in rng.permutation(len(shades))[:count]]
    target, *others = draw_kinds(rng, len(COLORS) * len(SOLID))
    near = [kind for kind in others if kind.color == target.color or kind.shape == target.shape]
    return [target, *near[: count - 1]]


def _fill(rng: np.random.Generator, cells: int, count: int, others: int, busy: float) -> list[int]:
    """Which kind comes in each cell: `count` times the first, never one beside another; -1 for nothing."""
    chosen = np.sort(rng.permutation(cells - count + 1)[:count]) + np.arange(count)
    row = np.where(rng.random(cells) < busy, rng.integers(1, others + 1, cells), -1)
    row[chosen] = 0
    return [int(kind) for kind in row]


def _outside(rng: np.random.Generator, cells: int, kinds: int) -> list[int]:
    """What comes in the cells before or after the stretch."""
    return [int(kind) for kind in rng.integers(-1, kinds, cells)]


def _at_times(rng: np.random.Generator, row: Sequence[int], start: float, length: float, until: float) -> list[Event]:
    """When it happens, if that is inside the video."""
    early, late = rng.uniform(0, JITTER * length, (2, len(row))).tolist()
    spans = [
        (round(start + cell * length + early[cell], 1), round(start + (cell + 1) * length - late[cell], 1), kind)
        for cell, kind in enumerate(row)
    ]
    return [span for span in spans if span[2] >= 0 and span[0] > 0 and span[1] < until]


def _actors(
    rng: np.random.Generator, setting: Setting, form: str, kinds: Sequence[Kind], events: Sequence[Event]
) -> list[Actor]:
    """The circle, or a thing of each kind that is there whenever it is its turn."""
    width, size = 1000 * setting.size[1] / setting.size[0], SIZE[setting.level]
    if form == "turn":
        x, y = rng.uniform(0.25 * width, 0.75 * width), rng.uniform(250, 750)
        changes = [(0.0, "black")]
        for start, end, which in events:
            if changes[-1][0] == start:
                changes.pop()
            changes += [(start, kinds[which].color), (end, "black")]
        return [Actor("circle", tuple(changes), ((0.0, x, y),), round(1.5 * size))]
    places = np.stack([rng.uniform(size, width - size, len(events)), rng.uniform(size, 1000 - size, len(events))], 1)
    ends = places.copy()
    if form == "pass":
        places[:, 0], ends[:, 0] = size, width - size
        ends[:, 1] = rng.uniform(size, 1000 - size, len(events))
    actors = []
    for number, kind in enumerate(kinds):
        mine = [i for i, event in enumerate(events) if event[2] == number]
        if mine:
            path = [
                step for i in mine for step in ((events[i][0], *places[i].tolist()), (events[i][1], *ends[i].tolist()))
            ]
            shown = tuple((events[i][0], events[i][1]) for i in mine)
            actors.append(Actor(kind.shape, ((0.0, kind.color),), tuple(path), size, shown=shown))
    return actors
