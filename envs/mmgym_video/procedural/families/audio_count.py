"""Counting beeps: how many sound while a thing is there?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_video.procedural.audio_family import AudioFamily, Round, cell_starts, draw_pitches, draw_place, sounds_of
from mmgym_video.procedural.family import Look, Setting, Sighting, pick_times, shuffled
from mmgym_video.procedural.kinds import Kind, draw_kinds
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.stage import Actor

__all__ = ["AudioCount"]

THINGS = {1: 4, 2: 4, 3: 4, 4: 5, 5: 5}
"""Things of a round, one after another, by level."""
FEWEST = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4}
"""Beeps while one of them is there; while another is, one more, and so on."""
BEEP = 0.12
SPACE = {1: 0.6, 2: 0.5, 3: 0.4, 4: 0.35, 5: 0.3}
"""Fewest seconds from the start of a beep to the next."""
APART = 1.0
"""Seconds between a beep and the coming or going of a thing."""
SIZES = {1: 240, 2: 200, 3: 160, 4: 130, 5: 100}


class AudioCount(AudioFamily):
    """Things are there one after another, each equally long, and during each another number of beeps sounds.

    The numbers follow one another (1, 2, 3, 4) and are dealt out to the things at random.
    """

    name = "audio_count"
    summary = "How many beeps sound while a thing is there?"
    open_kind = "numeric"

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same things, in which the same one is asked about."""
        kinds = draw_kinds(rng, THINGS[setting.level], colors=8 - setting.level)
        length = self.length(setting)
        return [_round(rng, setting, (start, start + length), kinds) for start in starts]


def _round(rng: np.random.Generator, setting: Setting, stretch: tuple[float, float], kinds: Sequence[Kind]) -> Round:
    start, end = stretch
    order = [kinds[i] for i in rng.permutation(len(kinds))]
    cells, cell = cell_starts(start, end - start, len(order))
    margin = round(cell * 0.05, 1)
    shown = [(round(t + margin, 1), round(t + cell - margin, 1)) for t in cells]
    size = SIZES[setting.level]
    actors = tuple(
        Actor(kind.shape, ((0.0, kind.color),), ((0.0, *draw_place(rng, setting, size)),), size, shown=(there,))
        for kind, there in zip(order, shown, strict=True)
    )
    counts = (FEWEST[setting.level] + rng.permutation(len(order))).tolist()
    pitch, space = draw_pitches(rng, setting, 1)[0], SPACE[setting.level]
    sounds = tuple(
        Sound("beep", time, BEEP, pitch)
        for (begins, ends), count in zip(shown, counts, strict=True)
        for time in pick_times(rng, count, begins + APART, ends - APART, space)
    )
    wanted = kinds[0]
    asked = order.index(wanted)
    begins, ends = shown[asked]

    def conclude(seen: Sequence[Sighting]) -> str | None:
        there = [s.time for s in seen if start <= s.time < end and wanted.places(s)]
        if not there:
            return None
        beeps = sounds_of(seen, "beep", start, end)
        return str(sum(min(there) <= beep["start"] and beep["end"] <= max(there) for beep in beeps))

    return Round(
        actors=actors,
        sounds=sounds,
        question=f"How many beeps sound while the {wanted.name} is there?",
        answer=str(counts[asked]),
        options=shuffled(rng, [str(count) for count in sorted(counts)]),
        evidence=(shown[asked],),
        looks=(Look(begins + APART / 2), Look(ends - APART / 2)),
        conclude=conclude,
        content=(wanted, tuple(order), tuple(counts)),
    )
