"""Length: how long was a thing there, was the circle of a colour, or was there a gap between two things?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.pictures import WHOLE
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import OTHERS, Kind, draw_kinds
from mmgym_video.procedural.scenery import draw_wanderers
from mmgym_video.procedural.stage import Actor, Stage
from mmgym_video.question import Question

__all__ = ["Length"]

SHORTEST = {1: (3, 6), 2: (4, 8), 3: (5, 10), 4: (6, 11), 5: (6, 12)}
"""Range of the shortest option, in whole seconds, the last not included, by level."""
STEP = {1: 3, 2: 3, 3: 3, 4: 2, 5: 2}
"""Seconds from one option to the next."""
STRETCH = {1: 20.0, 2: 40.0, 3: 75.0, 4: 120.0, 5: 180.0}
"""Length of the stretch that the question names, where the video is long enough."""
EDGE = 0.6
"""The question names a stretch without so many seconds at either end, where things may come and go unasked."""
MARGIN = 1.6
"""Seconds at either end of a stretch in which nothing that is asked about changes."""
SIZE = {1: 170, 2: 150, 3: 130, 4: 110, 5: 90}
"""Of the things that are asked about."""
DELTA = 0.3
"""The expert looks so long before and after a change."""

Span = tuple[float, float]


class Length(Family):
    """A thing comes and goes, a circle turns red and then another colour, or one thing goes before another comes.

    It takes one of four numbers of whole seconds. In other stretches of the same length the same thing takes the other
    numbers of seconds, and so do other things in the same stretch.
    """

    name = "length"
    summary = "How many seconds does something last, or pass between two events?"
    order_sensitive = False
    open_kind = "numeric"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level = setting.level
        low, step = int(rng.integers(*SHORTEST[level])), STEP[level]
        lengths = [low + step * i for i in range(4)]
        needed = lengths[-1] + 2 * MARGIN + 0.2
        stretch = round(min(max(STRETCH[level], needed), max(needed, setting.duration / 2)), 1)
        slots = int(setting.duration // stretch)
        used = np.sort(rng.permutation(slots)[:4]).tolist()
        order = [lengths[i] for i in rng.permutation(4)[: len(used)]]
        asked = int(rng.integers(len(used)))
        spans = [_place(rng, slot * stretch, stretch, length) for slot, length in zip(used, order, strict=True)]
        form = ("there", "color", "gap")[int(rng.integers(3))]
        kinds = _draw_kinds(rng, form, level)
        begin, end = round(used[asked] * stretch + EDGE, 1), round((used[asked] + 1) * stretch - EDGE, 1)
        windows = [(slot * stretch, (slot + 1) * stretch) for slot in used]
        beside = [_place(rng, windows[asked][0], stretch, lengths[int(rng.integers(4))]) for _ in kinds[1:]]
        actors = _actors(rng, setting, form, kinds, spans, windows, beside)
        others = draw_wanderers(rng, setting, level, OTHERS)
        stage = Stage(setting.duration, (*others, *actors), size=setting.size, look=setting.look)
        asks = {
            "there": f"how many whole seconds is the {kinds[0].name} there",
            "color": f"how many whole seconds is the circle {kinds[0].color}",
            "gap": f"how many whole seconds pass from when the {kinds[0].name} goes to when the {kinds[-1].name} comes",
        }[form]
        on, off = spans[asked]
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s, {asks}?",
            answer=str(order[asked]),
            options=shuffled(rng, [str(length) for length in lengths]),
            evidence=((round(on - 2 * DELTA, 1), round(off + 2 * DELTA, 1)),),
            family=self.name,
        )

        def lasts(sighting: Sighting) -> bool | None:
            """Whether what is asked about goes on, if that can be seen."""
            if form == "gap":
                seen = any(kind.places(sighting) for kind in kinds)
                return False if seen else True if sighting.box == WHOLE else None
            return True if kinds[0].places(sighting) else False if sighting.box == WHOLE else None

        def conclude(seen: Sequence[Sighting]) -> str:
            told = [(s.time, state) for s in seen if begin <= s.time < end and (state := lasts(s)) is not None]
            times = [time for time, state in told if state]
            if not times:
                return question.options[0]
            rise = [(a + b) / 2 for (a, before), (b, after) in pairwise(told) if after and not before]
            fall = [(a + b) / 2 for (a, before), (b, after) in pairwise(told) if before and not after]
            found = (fall[-1] if fall else times[-1]) - (rise[0] if rise else times[0])
            return str(min(lengths, key=lambda length: abs(length - found)))

        looks = tuple(Look(round(time, 2)) for time in (on - DELTA, on + DELTA, off - DELTA, off + DELTA))
        content = (form, tuple(kind.name for kind in kinds), tuple(order), asked)
        return Case(stage, question, looks, conclude, content)


def _place(rng: np.random.Generator, start: float, stretch: float, length: int) -> Span:
    """A span of so many seconds in a stretch."""
    begin = round(float(rng.uniform(start + MARGIN, start + stretch - MARGIN - length)), 1)
    return begin, round(begin + length, 1)


def _draw_kinds(rng: np.random.Generator, form: str, level: int) -> list[Kind]:
    """What is asked about, and for ``there`` what else is there, for ``color`` which colours come before and after."""
    if form == "color":
        return [Kind(COLORS[i], "circle") for i in rng.permutation(len(COLORS))[:3]]
    return draw_kinds(rng, 2 if form == "gap" else 1 + (level + 1) // 2, colors=8 if level < 4 else 3)


def _actors(
    rng: np.random.Generator,
    setting: Setting,
    form: str,
    kinds: Sequence[Kind],
    spans: Sequence[Span],
    windows: Sequence[Span],
    beside: Sequence[Span],
) -> list[Actor]:
    """What does the same in every window, lasting for the span in it; for ``there`` also what comes `beside` it."""
    width, size = 1000 * setting.size[1] / setting.size[0], SIZE[setting.level]
    if form == "color":
        now, changes = 1, [(0.0, kinds[1].color)]
        for start, end in spans:
            now = 3 - now
            changes += [(start, kinds[0].color), (end, kinds[now].color)]
        place = (0.0, float(rng.uniform(size, width - size)), float(rng.uniform(size, 1000 - size)))
        return [Actor("circle", tuple(changes), (place,), size)]
    if form == "gap":
        before = tuple((start, span[0]) for (start, _), span in zip(windows, spans, strict=True))
        after = tuple((span[1], end) for (_, end), span in zip(windows, spans, strict=True))
        shown = [before, after]
    else:
        shown = [tuple(spans), *((span,) for span in beside)]
    actors = []
    for kind, lane, when in zip(kinds, rng.permutation(len(kinds)).tolist(), shown, strict=True):
        # a lane for each, so that none stands in front of another
        x = float((lane + rng.uniform(0.4, 0.6)) * width / len(kinds))
        place = (0.0, x, float(rng.uniform(size, 1000 - size)))
        actors.append(Actor(kind.shape, ((0.0, kind.color),), (place,), size, shown=when))
    return actors
