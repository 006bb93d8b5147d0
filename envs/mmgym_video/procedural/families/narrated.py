"""Narration: a voice says when to look, in the subtitles; what is to be seen then is on the screen alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.family import Case, Family, Listen, Look, Setting, Sighting, pick_times, shuffled
from mmgym_video.procedural.kinds import draw_still
from mmgym_video.procedural.stage import Actor, Stage
from mmgym_video.question import Question
from mmgym_video.video import Subtitle

__all__ = ["Narrated"]

NAMES = "Ada Ben Cleo Dan Eva Finn Gina Hugo Iris Jack Kim Leo".split()
"""Who may speak of the moment that is asked about; each does so once."""
TALK = (
    "Well, that took a while.",
    "I wonder what comes next.",
    "Keep watching.",
    "It looks much the same as before.",
    "Some of these things never stop.",
    "Let us wait a little.",
    "This is a long one.",
    "Nothing to add here.",
)
"""What is said in between."""
CHANGES = {1: 4, 2: 8, 3: 12, 4: 16, 5: 24}
"""Stretches of one colour in the stretch that the question names, by level."""
STRETCH = {1: 60.0, 2: 120.0, 3: 240.0, 4: 360.0, 5: 600.0}
"""Seconds of that stretch, by level."""
LINE = 2.0
"""Seconds for which a line is shown."""


class Narrated(Family):
    """A star changes its colour at even intervals, and people say "Look now!" at moments; one of these is asked about.

    Each of four colours fills a quarter of the stretch that the question names, so that neither the frames without
    their times nor the subtitles alone say anything.
    """

    name = "narrated"
    summary = "What colour is the star when somebody says to look?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        stretch = min(STRETCH[setting.level], setting.duration)
        count = CHANGES[setting.level]
        while stretch / count < LINE + 1.5:
            count -= 4
        length = stretch / count
        room = setting.duration - stretch
        begin = min(round(float(rng.uniform(0, room))), math.floor(room))
        colors = [COLORS[i] for i in rng.permutation(len(COLORS))[:4]]
        sequence = [colors[i % 4] for i in rng.permutation(count)]
        # the star has one colour for the whole of the line, and half a second before and after
        spoken = sorted(rng.choice(count, 4, replace=False).tolist())
        starts = [begin + i * length + float(rng.uniform(0.5, length - LINE - 0.5)) for i in spoken]
        people = [NAMES[i] for i in rng.permutation(len(NAMES))[:4]]
        asked = int(rng.integers(4))
        calls = [Subtitle(t, t + LINE, f"{who}: Look now!") for t, who in zip(starts, people, strict=True)]
        width = 1000 * setting.size[1] / setting.size[0]
        edge = min(200, 0.45 * width)
        x, y = rng.uniform(edge, width - edge), rng.uniform(250, 750)
        clear = (y - 200, y + 200)
        changes = [(0.0, sequence[0]), *((begin + i * length, color) for i, color in enumerate(sequence))]
        star = Actor("star", tuple(dict(changes).items()), ((0.0, x, y),), 300)
        stage = Stage(
            setting.duration,
            actors=(*draw_still(rng, setting, 2 + setting.level, ("diamond", "fish", "house", "tree"), clear), star),
            subtitles=tuple(sorted([*calls, *_talk(rng, setting, calls)], key=lambda line: line.start)),
            size=setting.size,
            look=setting.look,
        )
        where = "" if stretch == setting.duration else f"Between {begin:g} s and {begin + stretch:g} s: "
        said = f'hat colour is the star while {people[asked]} says "Look now!"?'
        answer = sequence[spoken[asked]]
        question = Question(
            id=self.name,
            video=self.name,
            question=f"{where}w{said}" if where else f"W{said}",
            answer=answer,
            options=shuffled(rng, colors),
            evidence=((starts[asked], starts[asked] + LINE),),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            lines = [fact for s in seen for fact in s.facts if fact["what"] == "line"]
            moments = [fact for fact in lines if fact["text"].startswith(f"{people[asked]}:")]
            for sighting in seen:
                for fact in sighting.facts:
                    if fact.get("shape") == "star" and any(m["start"] <= sighting.time <= m["end"] for m in moments):
                        return str(fact["color"])
            return question.options[0]

        reads = (Listen(begin, begin + stretch),)
        look = Look(starts[asked] + LINE / 2)
        return Case(stage, question, (look,), conclude, (tuple(sequence), spoken[asked]), reads=reads)


def _talk(rng: np.random.Generator, setting: Setting, calls: Sequence[Subtitle]) -> list[Subtitle]:
    """Lines about nothing, which do not overlap those that count."""
    count = int(min(setting.duration // 15, 60))
    starts = pick_times(rng, count, 0.0, setting.duration, LINE)
    lines = [Subtitle(t, t + LINE, TALK[int(rng.integers(len(TALK)))]) for t in starts]
    return [line for line in lines if not any(line.start < call.end and call.start < line.end for call in calls)]
