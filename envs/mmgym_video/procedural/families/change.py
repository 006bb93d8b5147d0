"""Change: a thing goes through states one after another; which came after another, which was the third or the last?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.families.needle import WORDS
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.orders import ordinal
from mmgym_video.procedural.places import legible_height, text_height
from mmgym_video.procedural.slots import Slot, draw_cut_wanderers, equal_slots, parts_of
from mmgym_video.procedural.stage import Actor, Display, Fact, Stage
from mmgym_video.question import Question

__all__ = ["Change"]

STATES = 8
"""States that each thing takes on once in each stretch."""
STRETCHES = {1: 1, 2: 2, 3: 2, 4: 4, 5: 8}
"""Stretches of the video, by level, in each of which the order of the states is another."""
THINGS = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3}
"""Things that change, one of which is asked about."""
SHOWN = {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6, 5: 0.5}
"""For how much of its turn each state is seen."""
ASKED = {
    1: ("first", "last", "next", "previous"),
    2: ("first", "last", "next", "previous", "nth"),
    3: ("next", "previous", "nth", "skip"),
    4: ("next", "previous", "nth", "skip", "between"),
    5: ("nth", "skip", "between"),
}


@dataclass(frozen=True)
class _Thing:
    """Something that changes."""

    kind: str
    """``color``, ``shape`` or ``word``: what it changes."""
    mark: str
    """What it is known by: its shape, or the letter on it."""
    states: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is that changes, in words."""
        named = {"color": f"colour of the {self.mark}", "shape": f"shape of the thing labelled {self.mark}"}
        return named.get(self.kind, "word on the display")

    def seen(self, facts: Sequence[Fact]) -> str | None:
        """Its state in a frame, None where it cannot be seen."""
        for fact in facts:
            if self.kind == "word" and fact["what"] == "display":
                return fact["text"] or None
            if fact["what"] == "thing" and self.mark == fact["shape" if self.kind == "color" else "label"]:
                return str(fact[self.kind])
        return None


class Change(Family):
    """A thing changes its colour, another its shape, a display its word; between two states they are gone for a while.

    In every stretch of the video each takes on its eight states once, for equally long and in an order drawn evenly:
    frames without their times say nothing about it.
    """

    name = "change"
    summary = "Which colour, shape or word comes right after another, between two others, third or last?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level = setting.level
        slots = equal_slots(setting.duration, STATES * STRETCHES[level], shortest=3, least=STATES)
        parts = parts_of(rng, slots, SHOWN[level])
        things = _draw_things(rng, THINGS[level])
        orders = [
            [thing.states[i] for _ in range(0, len(slots), STATES) for i in rng.permutation(STATES).tolist()]
            for thing in things
        ]
        which = int(rng.integers(len(things)))
        thing, first = things[which], STATES * int(rng.integers(len(slots) // STATES))
        order, mine = orders[which][first : first + STATES], parts[first : first + STATES]
        begin, end = slots[first][0], slots[first + STATES - 1][1]

        kind = ASKED[level][int(rng.integers(len(ASKED[level])))]
        asked, place, known, needed, judge = _ask(rng, kind, order)
        wrong = [state for state in order if state not in (order[place], *known)]
        options = shuffled(rng, [order[place], *shuffled(rng, wrong)[:3]])
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s, what is the {thing.name} {asked}?",
            answer=order[place],
            options=options,
            evidence=tuple(mine[i] for i in needed),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            states = [thing.seen(sight.facts) for sight in seen if begin <= sight.time < end]
            concluded = judge([state for state in dict.fromkeys(states) if state])
            return concluded if concluded in options else options[0]

        actors, displays = _stage(rng, setting, things, orders, parts)
        # Nothing else has the shape by which a thing is known.
        others = [shape for shape in SHAPES if shape not in {thing.mark for thing in things}]
        stage = Stage(
            setting.duration,
            actors=(*draw_cut_wanderers(rng, setting, slots, level - 1, shapes=others), *actors),
            displays=displays,
            size=setting.size,
            look=setting.look,
        )
        looks = tuple(Look(mine[i][0] + (mine[i][1] - mine[i][0]) / 2) for i in needed)
        return Case(stage, question, looks, conclude, (thing.kind, thing.name, kind, place, tuple(order)))


Judge = Callable[[Sequence[str]], str]


def _ask(
    rng: np.random.Generator, kind: str, order: Sequence[str]
) -> tuple[str, int, tuple[str, ...], list[int], Judge]:
    """The question's end, the answer's place, the states it names, what must be seen, and the answer to what was."""
    last = len(order) - 1
    if kind in ("first", "last", "nth"):
        place = {"first": 0, "last": last}.get(kind, int(rng.integers(1, 5)))
        text = {"first": "at first", "last": "in the end"}.get(kind, f"that comes {ordinal(place + 1)}")
        needed = [last] if kind == "last" else list(range(place + 1))
        return text, place, (), needed, lambda seen: _at(seen, len(seen) - 1 if kind == "last" else place)
    if kind == "between":
        place = int(rng.integers(1, last))
        known = order[place - 1], order[place + 1]
        text = f"between {known[0]} and {known[1]}"
        return text, place, known, [place - 1, place, place + 1], lambda seen: _at(seen, _find(seen, known[0], -1) + 1)
    step = {"next": 1, "previous": -1}.get(kind) or (2, -2)[int(rng.integers(2))]
    place = int(rng.integers(max(0, step), last + 1 + min(0, step)))
    state = order[place - step]
    side = "after" if step > 0 else "before"
    text = f"right {side} {state}" if abs(step) == 1 else f"two changes {side} {state}"
    needed = list(range(min(place, place - step), max(place, place - step) + 1))
    return text, place, (state,), needed, lambda seen: _at(seen, _find(seen, state, len(seen)) + step)


def _at(seen: Sequence[str], place: int) -> str:
    return seen[place] if 0 <= place < len(seen) else ""


def _find(seen: Sequence[str], state: str, missing: int) -> int:
    return seen.index(state) if state in seen else missing


def _draw_things(rng: np.random.Generator, count: int) -> list[_Thing]:
    shapes = [SHAPES[i] for i in rng.permutation(len(SHAPES)).tolist()]
    letter = "KMRX"[int(rng.integers(4))]
    words = tuple(WORDS[i] for i in rng.permutation(len(WORDS))[:STATES].tolist())
    things = [
        _Thing("color", shapes[0], COLORS),
        _Thing("shape", letter, tuple(shapes[1 : 1 + STATES])),
        _Thing("word", "display", words),
    ]
    return [things[i] for i in rng.permutation(len(things))[:count].tolist()]


def _stage(
    rng: np.random.Generator,
    setting: Setting,
    things: Sequence[_Thing],
    orders: Sequence[Sequence[str]],
    parts: Sequence[Slot],
) -> tuple[list[Actor], tuple[Display, ...]]:
    """The things that change, side by side, the display above them."""
    width = 1000 * setting.size[1] / setting.size[0]
    size = int(min(max(300 - 20 * setting.level, 2.5 * legible_height(setting) + 2), 0.45 * width))
    sides = [0.27, 0.73] if rng.random() < 0.5 else [0.73, 0.27]
    height = text_height(setting, 110 - 6 * setting.level, 6)
    actors: list[Actor] = []
    displays: tuple[Display, ...] = ()
    for thing, order in zip(things, orders, strict=True):
        if thing.kind == "word":
            lit = [
                change for (start, end), word in zip(parts, order, strict=True) for change in ((start, word), (end, ""))
            ]
            displays = (Display(tuple(lit), width / 2, 130, height),)
            continue
        rest = ((0.0, sides.pop() * width, rng.uniform(460, 760)),)
        if thing.kind == "color":
            shades = [(start, color) for (start, _), color in zip(parts, order, strict=True)]
            shades[0] = (0.0, shades[0][1])
            actors.append(Actor(thing.mark, tuple(shades), rest, size, shown=tuple(parts)))
            continue
        color = COLORS[int(rng.integers(len(COLORS)))]
        for shape in thing.states:
            shown = tuple(interval for interval, state in zip(parts, order, strict=True) if state == shape)
            actors.append(Actor(shape, ((0.0, color),), rest, size, label=thing.mark, shown=shown))
    return actors, displays
