"""Needle in a haystack: a number or a word is shown for moments, somewhere in a stretch of a long video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import SHAPES
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.slots import draw_cut_wanderers
from mmgym_video.procedural.stage import Display, Stage
from mmgym_video.question import Question

__all__ = ["Needle"]

WORDS = (
    "APPLE BRIDGE CANDLE DRAGON ENGINE FOREST GARDEN HAMMER ISLAND JUNGLE KETTLE LADDER MARBLE NEEDLE ORANGE PENCIL "
    "QUARRY RIBBON SADDLE TEMPLE UMPIRE VALLEY WINDOW YELLOW"
).split()
"""Words of six letters, none of them in another's spelling."""
SHOWN = {1: 8.0, 2: 8.0, 3: 6.0, 4: 5.0, 5: 4.0}
"""Seconds for which the needle is shown, by level."""
STRETCH = 10
"""The stretch that the question names is so many times as long as the needle is shown."""


class Needle(Family):
    """A display lights up once in a stretch of the video that the question names, and what it reads is asked.

    The same display shows other numbers or words of the same kind at other times, which are the wrong options.
    """

    name = "needle"
    summary = "What number or word does the display show in a stretch of the video?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        stretch = min(STRETCH * SHOWN[setting.level], setting.duration / 4)
        shown = min(SHOWN[setting.level], 0.7 * stretch)
        if rng.random() < 0.5:
            texts = [WORDS[i] for i in rng.permutation(len(WORDS))[:4]]
            kind = "word"
        else:
            texts = [str(n) for n in 1000 + rng.choice(9000, 4, replace=False)]
            kind = "number"
        slots = np.sort(rng.choice(int(setting.duration // stretch), 4, replace=False)).tolist()
        starts = [slot * stretch + rng.uniform(0.5, stretch - shown - 0.5) for slot in slots]
        order = rng.permutation(4).tolist()
        changes: list[tuple[float, str]] = []
        for start, which in zip(starts, order, strict=True):
            changes += [(start, texts[which]), (start + shown, "")]
        asked = int(rng.integers(4))
        # the display's place in time is not to be told from what moves beside it
        cuts = [(k * stretch, (k + 1) * stretch) for k in range(int(setting.duration // stretch))]
        width = 1000 * setting.size[1] / setting.size[0]
        high = int(min(130 - 12 * setting.level, width / 6))
        x, y = rng.uniform(3 * high, width - 3 * high), rng.uniform(120, 880)
        stage = Stage(
            setting.duration,
            actors=draw_cut_wanderers(rng, setting, cuts, int(rng.integers(1, 2 + setting.level)), SHAPES),
            displays=(Display(tuple(changes), x, y, high),),
            size=setting.size,
            look=setting.look,
        )
        begin, answer = slots[asked] * stretch, texts[order[asked]]
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {begin + stretch:g} s the display shows a {kind}. Which?",
            answer=answer,
            options=shuffled(rng, texts),
            evidence=((starts[asked], starts[asked] + shown),),
            family=self.name,
        )
        middle = starts[asked] + shown / 2

        def conclude(seen: Sequence[Sighting]) -> str:
            read = [
                fact["text"]
                for sighting in seen
                for fact in sighting.facts
                if fact["what"] == "display" and fact["text"] and begin <= sighting.time < begin + stretch
            ]
            return read[0] if read else question.options[0]

        return Case(stage, question, (Look(middle),), conclude, (kind, tuple(texts), answer))
