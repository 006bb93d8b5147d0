"""Kinds of things, such as a red star: drawn at random, named, and found again in what was seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.family import Setting, Sighting
from mmgym_video.procedural.stage import Actor

__all__ = ["OTHERS", "SOLID", "Kind", "draw_kinds", "draw_still"]

SOLID = ("circle", "cross", "heart", "square", "star", "triangle")
"""Shapes that are as wide as they are large."""
OTHERS = ("diamond", "fish", "house", "tree")
"""The other shapes, of things that are there to be seen and not asked about."""


class Kind(NamedTuple):
    """Colour and shape."""

    color: str
    shape: str

    @property
    def name(self) -> str:
        """As in ``red star``."""
        return f"{self.color} {self.shape}"

    def places(self, sighting: Sighting) -> list[tuple[int, int]]:
        """Where things of this kind are seen: x and y in hundredths of the frame's width and height."""
        return [
            (fact["x"], fact["y"])
            for fact in sighting.facts
            if fact["what"] == "thing" and (fact["color"], fact["shape"]) == self
        ]


def draw_kinds(
    rng: np.random.Generator, count: int, shapes: Sequence[str] = SOLID, colors: int = len(COLORS)
) -> list[Kind]:
    """Different kinds in random order.

    Args:
        rng: what is random.
        count: how many.
        shapes: to draw from.
        colors: so many colours, themselves random, to draw from; with few of them kinds are easily confused.
    """
    shades = [COLORS[i] for i in rng.permutation(len(COLORS))[:colors]]
    every = [Kind(color, shape) for color in shades for shape in shapes]
    return [every[i] for i in rng.permutation(len(every))[:count]]


def draw_still(
    rng: np.random.Generator, setting: Setting, count: int, shapes: Collection[str], clear: tuple[float, float]
) -> tuple[Actor, ...]:
    """Things that stand still throughout the video, so that frames without their times are not put in order by them.

    Args:
        rng: what is random.
        setting: of the instance.
        count: how many at most.
        shapes: to draw from.
        clear: top and bottom of the band that stays free of them, in thousandths of the frame's height.
    """
    names, width = sorted(shapes), 1000 * setting.size[1] / setting.size[0]
    actors = []
    for _ in range(count):
        size = int(rng.integers(60, 110))
        x, y = float(rng.uniform(size, width - size)), float(rng.uniform(size, 1000 - size))
        kind = Kind(COLORS[int(rng.integers(len(COLORS)))], names[int(rng.integers(len(names)))])
        if not clear[0] - size < y < clear[1] + size:
            actors.append(Actor(kind.shape, ((0.0, kind.color),), ((0.0, x, y),), size))
    return tuple(actors)
