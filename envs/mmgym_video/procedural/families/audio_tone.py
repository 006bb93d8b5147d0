"""A tone: what colour does the lamp have when the highest, or the lowest, of several tones sounds?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.audio_family import (
    AudioFamily,
    Round,
    cell_starts,
    draw_pitches,
    draw_place,
    nearest_things,
    sounds_of,
)
from mmgym_video.procedural.family import Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import SOLID
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.stage import Actor

__all__ = ["AudioTone"]

SHADES = {1: 4, 2: 4, 3: 5, 4: 5, 5: 6}
"""Colours of the lamp, by level."""
REPEATS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 2}
"""How often the lamp has each colour in a round, always equally long."""
TONES = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
"""Tones of a round, one of them the highest or lowest."""
LENGTH = {1: 1.5, 2: 1.2, 3: 1.0, 4: 0.8, 5: 0.6}
"""Seconds of a tone."""
APART = 0.5
"""Seconds between a tone and a change of colour."""
SIZE = 260


class AudioTone(AudioFamily):
    """A lamp changes its colour at even intervals; tones of several pitches sound, and one of them is asked about.

    In a round each colour fills equally much, in random order, and the tone sounds in any of the intervals.
    """

    name = "audio_tone"
    summary = "What colour is the lamp when the highest tone sounds?"
    noises = ("hiss",)

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same lamp in the same colours."""
        shape = SOLID[int(rng.integers(len(SOLID)))]
        colors = tuple(COLORS[i] for i in rng.permutation(len(COLORS))[: SHADES[setting.level]])
        highest = bool(rng.random() < 0.5)
        place = draw_place(rng, setting, SIZE)
        length = self.length(setting)
        return [_round(rng, setting, (start, start + length), shape, colors, highest, place) for start in starts]


def _round(
    rng: np.random.Generator,
    setting: Setting,
    stretch: tuple[float, float],
    shape: str,
    colors: tuple[str, ...],
    highest: bool,
    place: tuple[float, float],
) -> Round:
    start, end = stretch
    pool = colors * REPEATS[setting.level]
    sequence = shuffled(rng, pool)
    cells, cell = cell_starts(start, end - start, len(sequence))
    lamp = Actor(
        shape,
        tuple(zip([0.0, *cells[1:]], sequence, strict=True)),
        ((0.0, *place),),
        SIZE,
        shown=((start, cells[-1] + cell),),
    )
    pitches = draw_pitches(rng, setting, 3)
    wanted = pitches.pop() if highest else pitches.pop(0)
    heard = [wanted, *(pitches[i] for i in rng.integers(len(pitches), size=TONES[setting.level] - 1))]
    where = rng.permutation(len(cells))[: len(heard)].tolist()
    length = LENGTH[setting.level]
    times = [round(cells[i] + rng.uniform(APART, cell - APART - length), 2) for i in where]
    sounds = tuple(Sound("tone", t, length, pitch, loudness=0.45) for t, pitch in zip(times, heard, strict=True))
    asked, middle = where[0], times[0] + length / 2

    def conclude(seen: Sequence[Sighting]) -> str | None:
        tones = sounds_of(seen, "tone", start, end)
        if not tones:
            return None
        tone = (max if highest else min)(tones, key=lambda fact: fact["pitch"])
        things = nearest_things(seen, (tone["start"] + tone["end"]) / 2)
        return next((thing["color"] for thing in things if thing["shape"] == shape), None)

    return Round(
        actors=(lamp,),
        sounds=sounds,
        question=f"What colour is the {shape} when the {'highest' if highest else 'lowest'} tone sounds?",
        answer=sequence[asked],
        options=shuffled(rng, colors),
        evidence=((cells[asked], round(cells[asked] + cell, 1)),),
        looks=(Look(middle),),
        conclude=conclude,
        content=(shape, highest, sequence, asked, wanted),
    )
