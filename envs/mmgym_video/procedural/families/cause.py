"""Cause: what did a thing set moving, what set it moving, or what switched a circle?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, pick_times, shuffled
from mmgym_video.procedural.kinds import OTHERS, SOLID, Kind, draw_kinds, draw_still
from mmgym_video.procedural.meetings import FPS, Ground, collide, switch
from mmgym_video.procedural.stage import Actor, Stage
from mmgym_video.question import Question

__all__ = ["Cause"]

FRAMES = {1: 80, 2: 70, 3: 60, 4: 50, 5: 40}
"""Frames of a meeting, by level, where the video is long enough."""
PAIRS = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}
"""Meetings of other things in the same stretch."""
ELSEWHERE = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}
"""Meetings of the things that are asked about before the stretch, and as many after it, if there is room."""
SIZE = {1: 150, 2: 140, 3: 120, 4: 100, 5: 90}
"""Of the things."""
EDGE = 0.6
"""Seconds at the limits of the stretch in which nothing happens."""
Form = tuple[str, tuple[str, str]]
"""``sets``, ``set`` or ``switch``, and for the last the colours of the circle, before and after."""


class Cause(Family):
    """Things of equal weight meet and exchange their motion, or things touch a circle, which changes its colour.

    Backwards each meeting is as good a meeting, with the two in each other's role, and has the same frames. Of four
    meetings one goes the way that is asked for, and three the other way. Outside of meetings nothing moves or changes,
    so the frames without their times leave every one of the four equally likely.
    """

    name = "cause"
    summary = "What did a thing set moving, what set it moving, or what switched a circle?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, duration = setting.level, setting.duration
        form, kinds = _draw_things(rng, level)
        main, partners = kinds[0], kinds[1:5]
        number = 4 + PAIRS[level]
        frames = min(FRAMES[level], int((duration - 3) * FPS / (1.1 * number)) // 2 * 2)
        length = round(min(1.3 * number * frames / FPS + 2 * EDGE, duration - 1), 1)
        begin = round(float(rng.uniform(0.4, duration - length - 0.4)), 1)
        end = round(begin + length, 1)
        y = float(rng.uniform(300, 700))
        starts = _starts(rng, number, begin + EDGE, end - EDGE, frames)
        met = rng.permutation([0, 1, 2, 3, *(-1 for _ in range(PAIRS[level]))]).tolist()
        right = int(rng.integers(4))
        actors: list[Actor] = []
        for start, which in zip(starts, met, strict=True):
            ground = _ground(rng, setting, y, start, frames)
            if which >= 0:
                actors += meet(rng, form, main, partners[which], ground, asked=which == right)
            else:
                pair = [kinds[1 + i] for i in rng.permutation(len(kinds) - 1)[:2]]
                actors += collide(pair[0], pair[1], ground, forward=bool(rng.random() < 0.5))
        for since, until in ((0.0, begin - EDGE), (end + EDGE, duration)):
            room = int((until - since) * FPS / (1.5 * frames))
            for start in _starts(rng, min(ELSEWHERE[level], max(0, room)), since, until, frames):
                ground = _ground(rng, setting, y, start, frames)
                partner = partners[int(rng.integers(4))]
                actors += meet(rng, form, main, partner, ground, asked=bool(rng.random() < 0.5))
        still = draw_still(rng, setting, 2 + level, OTHERS, (y - 100, y + 100))
        stage = Stage(duration, (*still, *actors), size=setting.size, look=setting.look)
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s " + _query(form, main),
            answer=partners[right].name,
            options=shuffled(rng, [partner.name for partner in partners]),
            evidence=tuple((s / FPS, (s + frames) / FPS) for s, which in zip(starts, met, strict=True) if which >= 0),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            found = [sighting for sighting in seen if begin <= sighting.time < end]
            ways = {partner: _way(form, main, partner, found) for partner in partners}
            best = max(partners, key=lambda partner: {True: 2, None: 1, False: 0}[ways[partner]])
            return best.name

        looks = tuple(
            Look((start + int(share * frames)) / FPS)
            for start, which in zip(starts, met, strict=True)
            if which >= 0
            for share in (0.1, 0.9)
        )
        content = (form, main.name, tuple(partners[which].name for which in met if which >= 0), partners[right].name)
        return Case(stage, question, looks, conclude, content)


def _draw_things(rng: np.random.Generator, level: int) -> tuple[Form, list[Kind]]:
    """What is asked, the thing that meets four (or the circle), those four, and two more."""
    colors = 8 if level < 4 else 2
    what = ("sets", "set", "switch")[int(rng.integers(3))]
    if what != "switch":
        return (what, ("", "")), draw_kinds(rng, 7, colors=colors)
    first, second = (COLORS[i] for i in rng.permutation(len(COLORS))[:2])
    things = draw_kinds(rng, 6, [shape for shape in SOLID if shape != "circle"], colors)
    return (what, (first, second)), [Kind(first, "circle"), *things]


def _starts(rng: np.random.Generator, count: int, since: float, until: float, frames: int) -> list[int]:
    """Frames at which meetings start."""
    return [int(FPS * time) for time in pick_times(rng, count, since, until, frames / FPS)] if count else []


def _ground(rng: np.random.Generator, setting: Setting, y: float, start: int, frames: int) -> Ground:
    width, size = 1000 * setting.size[1] / setting.size[0], SIZE[setting.level]
    size = min(size, int(width / 5))
    run = min(350.0, 0.42 * width - size)
    return Ground(float(rng.uniform(0.42, 0.58)) * width, y + float(rng.uniform(-40, 40)), run, size, start, frames)


def meet(
    rng: np.random.Generator, form: Form, main: Kind, partner: Kind, ground: Ground, asked: bool
) -> tuple[Actor, Actor]:
    """A meeting of what is asked about with another thing.

    Args:
        rng: decides which of them is on the left.
        form: of the question.
        main: what is asked about.
        partner: the other thing.
        ground: where and when.
        asked: whether it goes the way that is asked for, not the other.
    """
    what, colors = form
    left = bool(rng.random() < 0.5)
    if what == "switch":
        return switch(partner, colors if asked else colors[::-1], ground, from_left=left)
    strikes = asked == (what == "sets")
    pair = (main, partner) if left else (partner, main)
    return collide(*pair, ground, forward=strikes == left)


def _query(form: Form, main: Kind) -> str:
    what, (before, after) = form
    if what == "switch":
        return f"four things touch a circle, one after another. Which of them turns it from {before} to {after}?"
    meets = f"the {main.name} meets four things, one after another. Which of them "
    return meets + ("does it hit and set moving?" if what == "sets" else "hits it and sets it moving?")


def _way(form: Form, main: Kind, partner: Kind, seen: Sequence[Sighting]) -> bool | None:
    """Whether their meeting goes the way that is asked for, if that was seen."""
    what, colors = form
    if what == "switch":
        circles = [
            fact["color"]
            for sighting in seen
            if partner.places(sighting)
            for fact in sighting.facts
            if fact.get("shape") == "circle"
        ]
        return (circles[0], circles[-1]) == colors if circles and circles[0] != circles[-1] else None
    both = [(main.places(s)[0][0], partner.places(s)[0][0]) for s in seen if main.places(s) and partner.places(s)]
    shift = sum(both[-1]) - sum(both[0]) if both else 0
    if not shift:
        return None
    # both move the way of the blow, so the one it comes from is the one that strikes
    strikes = (both[0][0] < both[0][1]) == (shift > 0)
    return strikes == (what == "sets")
