"""The n-th beep: which thing appears next after it?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_video.procedural.audio_family import AudioFamily, Round, cell_starts, draw_pitches, draw_place, sounds_of
from mmgym_video.procedural.family import Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import Kind, draw_kinds
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.stage import Actor

__all__ = ["ORDINALS", "AudioNext"]

ORDINALS = ("first", "second", "third", "fourth", "fifth")
THINGS = {1: 4, 2: 4, 3: 5, 4: 6, 5: 6}
"""Things that appear in a round, by level."""
ASKED = {1: (1, 2), 2: (1, 3), 3: (2, 4), 4: (2, 5), 5: (3, 5)}
"""Smallest and largest number of the beep that is asked about."""
AFTER = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
"""Most beeps after it."""
BEEP = 0.15
SIZES = {1: 240, 2: 200, 3: 160, 4: 130, 5: 100}
MOST = 5
"""Most beeps between two things."""


class AudioNext(AudioFamily):
    """Things appear one after another, each alone and equally long; before each there may be beeps.

    The beep that is asked about comes before each of the things equally often.
    """

    name = "audio_next"
    summary = "Which thing appears next after the n-th beep?"

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same things."""
        kinds = draw_kinds(rng, THINGS[setting.level], colors=8 - setting.level)
        low, high = ASKED[setting.level]
        number = int(rng.integers(low, high + 1))
        length = self.length(setting)
        return [_round(rng, setting, (start, start + length), kinds, number) for start in starts]


def _round(
    rng: np.random.Generator, setting: Setting, stretch: tuple[float, float], kinds: Sequence[Kind], number: int
) -> Round:
    start, end = stretch
    order = [kinds[i] for i in rng.permutation(len(kinds))]
    cells, cell = cell_starts(start, end - start, len(order))
    shown = [(round(t + round(cell * 0.55, 1), 1), round(t + round(cell * 0.95, 1), 1)) for t in cells]
    actors = tuple(
        Actor(kind.shape, ((0.0, kind.color),), ((0.0, *draw_place(rng, setting, SIZES[setting.level])),),
              SIZES[setting.level], shown=(there,))
        for kind, there in zip(order, shown, strict=True)
    )  # fmt: skip
    asked = int(rng.integers(len(order)))
    gaps = [*rng.integers(asked + 1, size=number - 1).tolist(), asked]
    if asked < len(order) - 1:
        later = rng.integers(asked + 1, len(order), size=int(rng.integers(AFTER[setting.level] + 1))).tolist()
        gaps += [gap for place, gap in enumerate(later) if later[:place].count(gap) < MOST]
    pitch = draw_pitches(rng, setting, 1)[0]
    first, room = 0.04 * cell, 0.46 * cell
    sounds = tuple(
        Sound("beep", round(cells[gap] + first + room * (place + rng.uniform(0, 0.2)) / MOST, 2), BEEP, pitch)
        for gap in sorted(set(gaps))
        for place in sorted(rng.permutation(MOST)[: gaps.count(gap)].tolist())
    )

    def conclude(seen: Sequence[Sighting]) -> str | None:
        beeps = sounds_of(seen, "beep", start, end)
        if len(beeps) < number:
            return None
        after = [s for s in seen if beeps[number - 1]["end"] <= s.time < end]
        things = [f for s in sorted(after, key=lambda s: s.time) for f in s.facts if f["what"] == "thing"]
        return f"{things[0]['color']} {things[0]['shape']}" if things else None

    return Round(
        actors=actors,
        sounds=sounds,
        question=f"Which thing appears next after the {ORDINALS[number - 1]} beep?",
        answer=order[asked].name,
        options=shuffled(rng, [kind.name for kind in kinds]),
        evidence=(shown[asked],),
        looks=(Look(sum(shown[asked]) / 2),),
        conclude=conclude,
        content=(tuple(order), number, asked),
    )
