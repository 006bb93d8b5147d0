"""A glide: which thing is there while the tone rises, or falls?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
from mmgym_video.procedural.kinds import Kind, draw_kinds
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.stage import Actor

__all__ = ["AudioGlide"]

THINGS = {1: 4, 2: 4, 3: 5, 4: 6, 5: 6}
"""Things of a round, one after another, by level."""
SEMITONES = {1: 12, 2: 9, 3: 7, 4: 5, 5: 4}
"""How far a tone rises or falls."""
LENGTH = {1: 2.0, 2: 1.6, 3: 1.4, 4: 1.2, 5: 1.0}
"""Seconds of a tone."""
APART = 0.5
SIZES = {1: 240, 2: 200, 3: 160, 4: 130, 5: 100}


class AudioGlide(AudioFamily):
    """Things are there one after another, each equally long, and a tone sounds during each.

    One of the tones rises while the others fall or stay, or one falls while the others rise or stay.
    """

    name = "audio_glide"
    summary = "Which thing is there while the tone rises?"
    noises = ("hiss",)

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same things."""
        kinds = draw_kinds(rng, THINGS[setting.level], colors=8 - setting.level)
        rises = bool(rng.random() < 0.5)
        length = self.length(setting)
        return [_round(rng, setting, (start, start + length), kinds, rises) for start in starts]


def _round(
    rng: np.random.Generator, setting: Setting, stretch: tuple[float, float], kinds: Sequence[Kind], rises: bool
) -> Round:
    start, end = stretch
    order = [kinds[i] for i in rng.permutation(len(kinds))]
    cells, cell = cell_starts(start, end - start, len(order))
    margin = round(cell * 0.05, 1)
    shown = [(round(t + margin, 1), round(t + cell - margin, 1)) for t in cells]
    size, length = SIZES[setting.level], LENGTH[setting.level]
    actors = tuple(
        Actor(kind.shape, ((0.0, kind.color),), ((0.0, *draw_place(rng, setting, size)),), size, shown=(there,))
        for kind, there in zip(order, shown, strict=True)
    )
    asked = int(rng.integers(len(order)))
    ratio = 2 ** (SEMITONES[setting.level] / 12)
    turns = [1.0 if rng.random() < 0.5 else (1 / ratio if rises else ratio) for _ in order]
    turns[asked] = ratio if rises else 1 / ratio
    pitches = [draw_pitches(rng, setting, 1)[0] * 1.5 for _ in order]
    times = [round(rng.uniform(begins + APART, ends - APART - length), 2) for begins, ends in shown]
    sounds = tuple(
        # Spread around the pitch, so that where a tone begins does not tell where it goes.
        Sound("glide", time, length, round(pitch / turn**0.5, 1), round(pitch * turn**0.5, 1), loudness=0.45)
        for time, pitch, turn in zip(times, pitches, turns, strict=True)
    )

    def conclude(seen: Sequence[Sighting]) -> str | None:
        tones = sounds_of(seen, "glide", start, end)
        if not tones:
            return None
        found = (max if rises else min)(tones, key=lambda fact: fact["to"] / fact["pitch"])
        things = nearest_things(seen, (found["start"] + found["end"]) / 2)
        return f"{things[0]['color']} {things[0]['shape']}" if things else None

    return Round(
        actors=actors,
        sounds=sounds,
        question=f"Which thing is there while a tone {'rises' if rises else 'falls'}?",
        answer=order[asked].name,
        options=shuffled(rng, [kind.name for kind in kinds]),
        evidence=(shown[asked],),
        looks=(Look(times[asked] + length / 2),),
        conclude=conclude,
        content=(tuple(order), rises, asked),
    )
