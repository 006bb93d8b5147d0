"""What fills a video without being asked about: things that wander."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.family import Setting
from mmgym_video.procedural.stage import Actor

__all__ = ["draw_wanderers"]

LEGS = 24
"""Most stretches of a wanderer's path, however long the video."""


def draw_wanderers(
    rng: np.random.Generator,
    setting: Setting,
    count: int,
    shapes: Collection[str] = SHAPES,
    colors: Collection[str] = COLORS,
    size: tuple[int, int] = (60, 110),
) -> tuple[Actor, ...]:
    """Things that move from place to place throughout the video.

    Args:
        rng: what is random.
        setting: of the instance.
        count: how many.
        shapes: shapes to draw from, e.g. those that no question of the instance is about.
        colors: colours to draw from.
        size: smallest and largest, in thousandths of the frame's height.
    """
    names, shades = sorted(shapes), sorted(colors)
    width = 1000 * setting.size[1] / setting.size[0]
    actors = []
    for _ in range(count):
        legs = int(min(LEGS, max(2, setting.duration // 10)))
        times = np.linspace(0, setting.duration, legs + 1)
        xs, ys = rng.uniform(60, width - 60, legs + 1), rng.uniform(60, 940, legs + 1)
        actors.append(
            Actor(
                shape=names[int(rng.integers(len(names)))],
                colors=((0.0, shades[int(rng.integers(len(shades)))]),),
                path=tuple(zip(times.tolist(), xs.tolist(), ys.tolist(), strict=True)),
                size=int(rng.integers(*size)),
            )
        )
    return tuple(actors)
