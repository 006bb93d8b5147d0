"""A rhythm: which of several lamps blinks together with the beeps?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.audio_family import AudioFamily, Round, draw_pitches, nearest_things, sounds_of
from mmgym_video.procedural.family import Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import SOLID
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.stage import Actor

__all__ = ["AudioRhythm"]

SLOTS = {1: 8, 2: 8, 3: 10, 4: 12, 5: 16}
"""Moments of a round at which lamps may light up, by level. Each lamp does so at half of them."""
SLOT = {1: 1.5, 2: 1.2, 3: 1.0, 4: 0.8, 5: 0.6}
"""Seconds from one such moment to the next."""
APART = {1: 2, 2: 2, 3: 1, 4: 1, 5: 1}
"""At so many moments or more a lamp is lit while another one is not."""
LAMPS = {1: 4, 2: 4, 3: 4, 4: 5, 5: 5}
BEEP = 0.2
DARK = "black"


class AudioRhythm(AudioFamily):
    """Lamps blink, each in a rhythm of its own, and one of them with the beeps.

    All are lit equally often and equally long, at moments that are drawn at random from the same ones: any order of the
    moments is as likely as any other, so that pictures without their times tell nothing.
    """

    name = "audio_rhythm"
    summary = "Which of several lamps blinks with the beeps?"

    def length(self, setting: Setting) -> float:
        """Length of a round in seconds."""
        return round(SLOTS[setting.level] * SLOT[setting.level], 1)

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same lamps."""
        shapes = tuple(SOLID[i] for i in rng.permutation(len(SOLID))[: LAMPS[setting.level]])
        lit = [color for color in COLORS if color not in (DARK, "purple", "blue")]
        color = lit[int(rng.integers(len(lit)))]
        return [_round(rng, setting, start, shapes, color) for start in starts]


def _rhythms(rng: np.random.Generator, slots: int, count: int, apart: int) -> list[frozenset[int]]:
    """Random halves of the moments, each of which has `apart` moments or more that another has not, in random order."""
    found: list[frozenset[int]] = []
    while len(found) < count:
        drawn = frozenset(rng.permutation(slots)[: slots // 2].tolist())
        if all(len(drawn - other) >= apart for other in found):
            found.append(drawn)
    return [found[i] for i in rng.permutation(count)]


def _round(rng: np.random.Generator, setting: Setting, start: float, shapes: tuple[str, ...], color: str) -> Round:
    level, width = setting.level, 1000 * setting.size[1] / setting.size[0]
    slot, slots = SLOT[level], SLOTS[level]
    times = [round(start + number * slot, 1) for number in range(slots)]
    end, lit = round(start + slots * slot, 1), round(slot / 2, 1)
    ends = [round(time + lit, 1) for time in times]
    rhythms = _rhythms(rng, slots, len(shapes), APART[level])
    space = width / len(shapes)
    size = int(min(180, 0.8 * space))
    actors = []
    for number, (shape, rhythm) in enumerate(zip(shapes, rhythms, strict=True)):
        blinks = [blink for i in sorted(rhythm) for blink in ((times[i], color), (ends[i], DARK))]
        place = (number + 0.5) * space, 500 + (150 if number % 2 else -150)
        actors.append(Actor(shape, ((0.0, DARK), *blinks), ((0.0, *place),), size, shown=((start, end),)))
    asked = int(rng.integers(len(shapes)))
    pitch = draw_pitches(rng, setting, 1)[0]
    beeps = [times[i] for i in sorted(rhythms[asked])]
    sounds = tuple(Sound("beep", time, BEEP, pitch) for time in beeps)

    def conclude(seen: Sequence[Sighting]) -> str | None:
        frames = [s for s in seen if start <= s.time < end]
        found = dict.fromkeys(shapes, 0)
        for beep in sounds_of(seen, "beep", start, end):
            now = [s for s in frames if beep["start"] - 0.05 <= s.time < beep["start"] + lit - 0.05]
            for thing in nearest_things(now, beep["start"]):
                if thing["shape"] in found:
                    found[thing["shape"]] += thing["color"] != DARK
        return max(found, key=lambda shape: found[shape])

    return Round(
        actors=tuple(actors),
        sounds=sounds,
        question="Several lamps blink. Which one lights up exactly when the beeps sound?",
        answer=shapes[asked],
        options=shuffled(rng, shapes),
        evidence=((beeps[0], round(beeps[-1] + lit, 1)),),
        looks=tuple(Look(time + BEEP / 2) for time in beeps),
        conclude=conclude,
        content=(color, shapes, tuple(tuple(sorted(rhythm)) for rhythm in rhythms), asked),
    )
