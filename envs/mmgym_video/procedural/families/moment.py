"""A moment: what does the lamp show at a time that the question names?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.slots import Slot, draw_cut_wanderers, equal_slots
from mmgym_video.procedural.stage import Actor, Stage
from mmgym_video.question import Question

__all__ = ["Moment"]

CHANGES = {1: 4, 2: 8, 3: 16, 4: 32, 5: 64}
"""Stretches of one colour, by level; every colour fills equally many."""

SHORTEST = 3.0
"""Seconds that a stretch lasts at least: in a shorter video there are fewer."""


class Moment(Family):
    """A large circle changes its colour at even intervals, and its colour at a named time is asked.

    Each of four colours fills a quarter of the video, so that the frames without their times say nothing.
    """

    name = "moment"
    summary = "What colour is the circle at a time?"
    order_sensitive = True
    open_kind = "ocr"
    least_height = 32
    stretches = CHANGES
    values = COLORS

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        colors = [COLORS[i] for i in rng.permutation(len(COLORS))[:4]]
        slots = equal_slots(setting.duration, CHANGES[setting.level], SHORTEST, 4)
        count = len(slots)
        sequence = _no_neighbours(rng, colors, count)
        named = {number: times for number in range(count) if (times := _times(slots, number, setting.duration))}
        asked = list(named)[int(rng.integers(len(named)))]
        time = named[asked][int(rng.integers(len(named[asked])))]
        width = 1000 * setting.size[1] / setting.size[0]
        edge = min(200, 0.45 * width)
        x, y = rng.uniform(edge, width - edge), rng.uniform(250, 750)
        lamp = Actor(
            "circle",
            tuple((start, color) for (start, _), color in zip(slots, sequence, strict=True)),
            ((0.0, x, y),),
            300,
        )
        others = draw_cut_wanderers(rng, setting, slots, setting.level, ("square", "triangle", "star"))
        stage = Stage(setting.duration, actors=(lamp, *others), size=setting.size, look=setting.look)
        question = Question(
            id=self.name,
            video=self.name,
            question=f"What colour is the circle at {time} s?",
            answer=sequence[asked],
            options=shuffled(rng, colors),
            evidence=(slots[asked],),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            nearest = min(seen, key=lambda sighting: abs(sighting.time - time), default=None)
            found = [fact["color"] for fact in nearest.facts if fact.get("shape") == "circle"] if nearest else []
            return found[0] if found else question.options[0]

        return Case(stage, question, (Look(time),), conclude, (tuple(sequence), asked))


def _times(slots: Sequence[Slot], number: int, duration: float) -> range:
    """Whole seconds in a slot that show the same as the middle of the part that they are in.

    It holds for any number of equal parts of the whole video that is a multiple of the number of slots. Slots end the
    later before such parts the more frames are left over at the end of the video: by `late`, and a part whose middle is
    not in the slot any more begins less than that before the slot's end.
    """
    part = duration / len(slots)
    late = (number + 1) * part - slots[number][1]
    first, last = number * part + 0.5, slots[number][1] - max(0.5, late)
    return range(math.ceil(round(first, 6)), math.floor(round(last, 6)) + 1)


def _no_neighbours(rng: np.random.Generator, colors: Sequence[str], count: int) -> list[str]:
    """Each colour equally often, in random order, with no two neighbours alike where there is a choice."""
    pool = [color for color in colors for _ in range(count // len(colors))]
    while True:
        order = [pool[i] for i in rng.permutation(len(pool))]
        for i in range(1, len(order)):
            if order[i] == order[i - 1]:
                later = [j for j in range(i + 1, len(order)) if order[j] != order[i]]
                if not later:
                    break
                j = later[int(rng.integers(len(later)))]
                order[i], order[j] = order[j], order[i]
        else:
            return order
