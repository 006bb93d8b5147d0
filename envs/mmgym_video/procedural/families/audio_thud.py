"""A thud: which of several balls hits a wall just then?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.audio_family import MARGIN, AudioFamily, Round, nearest_things, sounds_of
from mmgym_video.procedural.family import Look, Setting, Sighting, shuffled
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.stage import Actor, Cover

__all__ = ["AudioThud"]

BALLS = 4
SPACE = {1: 1.2, 2: 1.0, 3: 0.8, 4: 0.7, 5: 0.6}
"""Seconds from one ball's hit to the next one's, by level."""
PERIODS = {1: 3, 2: 4, 3: 5, 4: 6, 5: 8}
"""How often each ball goes there and back in a round; as often as there is time for in a short video."""
THUD = 0.3
WALL = 0.04
"""Thickness of a wall as a share of the frame's width."""


class AudioThud(AudioFamily):
    """Balls go to and fro between two walls, and hit them in turns, evenly; a single hit is heard.

    A round is a whole number of times there and back, begun anywhere, so that its pictures without their times are
    always the same ones, and the hit that is heard is any of them.
    """

    name = "audio_thud"
    order_sensitive = False
    summary = "Which ball hits a wall when the thud sounds?"

    def length(self, setting: Setting) -> float:
        """Length of a round in seconds."""
        period = 2 * BALLS * SPACE[setting.level]
        return round(min(PERIODS[setting.level], (setting.duration - 2 * MARGIN) // period) * period, 1)

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same balls."""
        colors = tuple(COLORS[i] for i in rng.permutation(len(COLORS))[:BALLS])
        return [_round(rng, setting, start, self.length(setting), colors) for start in starts]


def _round(rng: np.random.Generator, setting: Setting, start: float, length: float, colors: tuple[str, ...]) -> Round:
    width, space, end = 1000 * setting.size[1] / setting.size[0], SPACE[setting.level], round(start + length, 1)
    half = BALLS * space
    size = int(min(110 - 8 * setting.level, 0.15 * width))
    # An odd fraction, so that no place lies between two pixels and is rounded now up, now down.
    left, right = WALL * width + size / 2 + 0.0137, (1 - WALL) * width - size / 2 - 0.0211
    phase = int(rng.integers(round(20 * half))) / 10
    order, sides = rng.permutation(BALLS).tolist(), rng.integers(2, size=BALLS).tolist()
    # Each ball is on its way before the round begins and after it ends.
    begun, hits = start - 4 * half + phase, 2 * round(length / (2 * half)) + 6
    actors = []
    for lane, (color, turn, side) in enumerate(zip(colors, order, sides, strict=True)):
        y = 140 + 720 * lane / (BALLS - 1)
        path = tuple(
            (round(begun + turn * space + n * half, 1), left if (n + side) % 2 else right, y) for n in range(hits)
        )
        actors.append(Actor("circle", ((0.0, color),), path, size, shown=((start, end),)))
    asked = int(rng.integers(BALLS))
    inner = [time for time, _, _ in actors[asked].path if start + 2 * half - 0.05 < time < end - 2 * half - 0.05]
    time = inner[int(rng.integers(len(inner)))]
    walls = tuple(
        Cover(edge, 0.0, edge + WALL * width, 1000.0, shown=((start, end),)) for edge in (0.0, (1 - WALL) * width)
    )

    def conclude(seen: Sequence[Sighting]) -> str | None:
        thuds = sounds_of(seen, "thud", start, end)
        balls = nearest_things(seen, thuds[0]["start"]) if thuds else []
        return max(balls, key=lambda fact: abs(fact["x"] - 50))["color"] if balls else None

    return Round(
        actors=tuple(actors),
        sounds=(Sound("thud", time, THUD, loudness=0.6),),
        question="Which of the balls hits a wall when the thud sounds? Answer with its colour.",
        answer=colors[asked],
        options=shuffled(rng, colors),
        evidence=((round(time - 0.5, 1), round(time + 0.5, 1)),),
        looks=(Look(time),),
        conclude=conclude,
        content=(colors, tuple(order), tuple(sides), asked, phase),
        covers=walls,
    )
