"""What fills a video without being asked about: things that wander."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.family import Setting
from mmgym_video.procedural.stage import Actor

__all__ = ["draw_wanderers", "wander"]

LEGS = 24
"""Most stretches of a wanderer's path, however long the video."""


def draw_wanderers(
    rng: np.random.Generator, setting: Setting, count: int, shapes: Collection[str]
) -> tuple[Actor, ...]:
    """Things of these shapes that move from place to place throughout the video."""
    legs = int(min(LEGS, max(2, setting.duration // 10)))
    return wander(rng, setting, count, shapes, np.linspace(0, setting.duration, legs + 1).tolist())


def wander(
    rng: np.random.Generator,
    setting: Setting,
    count: int,
    shapes: Collection[str],
    times: Sequence[float],
    size: tuple[int, int] = (60, 110),
) -> tuple[Actor, ...]:
    """Things that move evenly between random places.

    Args:
        rng: what is random.
        setting: of the instance.
        count: how many.
        shapes: shapes to draw from, none that a question of the instance is about.
        times: when they are at the places, in seconds.
        size: smallest and largest, in thousandths of the frame's height.
    """
    names, shades = sorted(shapes), sorted(COLORS)
    width = 1000 * setting.size[1] / setting.size[0]
    actors = []
    for _ in range(count):
        places = rng.random((len(times), 2)) * (width - 120, 880) + 60
        actors.append(
            Actor(
                shape=names[int(rng.integers(len(names)))],
                colors=((0.0, shades[int(rng.integers(len(shades)))]),),
                path=tuple([(time, x, y) for time, (x, y) in zip(times, places.tolist(), strict=True)]),
                size=int(rng.integers(*size)),
            )
        )
    return tuple(actors)
