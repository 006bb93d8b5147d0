"""A voice names a thing: where is it, or what colour has it, at that moment?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.audio_family import AudioFamily, Round, cell_starts, nearest_things, sounds_of
from mmgym_video.procedural.families.audio_next import ORDINALS
from mmgym_video.procedural.family import Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import SOLID
from mmgym_video.procedural.sound import Sound
from mmgym_video.procedural.speech import WORD_SECONDS
from mmgym_video.procedural.stage import Actor, Fact

__all__ = ["AudioVoice"]

TURNS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 3}
"""How often each thing has each place, or colour, in a round, by level."""
WORDS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
"""Words that the voice says in a round."""
APART = 0.5
"""Seconds between a word and a change."""
SIZES = {1: 220, 2: 200, 3: 170, 4: 140, 5: 110}
PLACES = {
    "upper left": (0.25, 0.25),
    "upper right": (0.75, 0.25),
    "lower left": (0.25, 0.75),
    "lower right": (0.75, 0.75),
}
"""Places as shares of the frame's width and height."""


class AudioVoice(AudioFamily):
    """Four things change places, or colours, at even intervals; a voice names one of them now and then.

    In a round each thing has each of the places equally long, and no two have the same at the same time.
    """

    name = "audio_voice"
    summary = "Where is the thing, or what colour has it, when a voice names it?"
    needs_speech = True

    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """Draw rounds with the same things."""
        shapes = tuple(SOLID[i] for i in rng.permutation(len(SOLID))[:4])
        colors = tuple(COLORS[i] for i in rng.permutation(len(COLORS))[:4])
        number = int(rng.integers(WORDS[setting.level]))
        moves = bool(rng.random() < 0.5)
        length = self.length(setting)
        return [_round(rng, setting, (start, start + length), shapes, colors, number, moves) for start in starts]


def _round(
    rng: np.random.Generator,
    setting: Setting,
    stretch: tuple[float, float],
    shapes: tuple[str, ...],
    colors: tuple[str, ...],
    number: int,
    moves: bool,
) -> Round:
    start, end = stretch
    places, width = tuple(PLACES), 1000 * setting.size[1] / setting.size[0]
    shifts = rng.permutation([shift for shift in range(4) for _ in range(TURNS[setting.level])]).tolist()
    dealt, kept = rng.permutation(4).tolist(), rng.permutation(4).tolist()
    cells, cell = cell_starts(start, end - start, len(shifts))
    size = int(min(SIZES[setting.level], 0.4 * width))

    # Which of the places, or colours, each thing has in each interval; what does not change has one for all.
    values = [[dealt[(thing + shift) % 4] for shift in shifts] for thing in range(4)]
    actors = []
    for shape, own, changing in zip(shapes, kept, values, strict=True):
        where = [PLACES[places[i]] for i in (changing if moves else [own])]
        shades = [colors[i] for i in ([own] if moves else changing)]
        path = tuple(
            (round(time, 2), x * width, y * 1000)
            for begins, (x, y) in zip(cells, where, strict=False)
            for time in (begins, begins + cell - 0.05)  # frames are tenths of seconds: none shows it on its way
        )
        actors.append(
            Actor(
                shape,
                tuple(zip([0.0, *cells[1:]], shades, strict=False)),
                path,
                size,
                shown=((start, round(cells[-1] + cell, 1)),),
            )
        )
    when = sorted(rng.permutation(len(cells))[: WORDS[setting.level]].tolist())
    said = rng.integers(4, size=len(when)).tolist()
    times = [round(cells[i] + rng.uniform(APART, cell - APART - WORD_SECONDS), 2) for i in when]
    sounds = tuple(
        Sound("word", time, WORD_SECONDS, loudness=0.6, text=shapes[thing])
        for time, thing in zip(times, said, strict=True)
    )
    names = places if moves else colors

    def conclude(seen: Sequence[Sighting]) -> str | None:
        words = sounds_of(seen, "word", start, end)
        if len(words) <= number:
            return None
        word = words[number]
        things = nearest_things(seen, (word["start"] + word["end"]) / 2)
        found = [thing for thing in things if thing["shape"] == word["text"]]
        if not found:
            return None
        return _place(found[0]) if moves else str(found[0]["color"])

    named = "A voice names a shape, once." if len(when) == 1 else "A voice names several shapes."
    which = "that shape" if len(when) == 1 else f"the shape that it names {ORDINALS[number]}"
    asked = f"Where in the picture is {which}" if moves else f"What colour is {which}"
    return Round(
        actors=tuple(actors),
        sounds=sounds,
        question=f"{named} {asked}, at the moment when it is named?",
        answer=names[values[said[number]][when[number]]],
        options=shuffled(rng, names),
        evidence=((cells[when[number]], round(cells[when[number]] + cell, 1)),),
        looks=(Look(times[number] + WORD_SECONDS / 2),),
        conclude=conclude,
        content=(shapes, colors, number, moves, tuple(dealt), tuple(shifts), tuple(said), tuple(when)),
    )


def _place(thing: Fact) -> str:
    return f"{'upper' if thing['y'] < 50 else 'lower'} {'left' if thing['x'] < 50 else 'right'}"
