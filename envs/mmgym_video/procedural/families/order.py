"""Order: things and words come and go one after another; which came first, which after another, in which order?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.families.needle import WORDS
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.orders import near_orders, nearest_order, ordinal
from mmgym_video.procedural.places import text_height
from mmgym_video.procedural.slots import Slot, draw_cut_wanderers, equal_slots, parts_of
from mmgym_video.procedural.stage import Actor, Display, Stage
from mmgym_video.question import Question

__all__ = ["Order"]

EVENTS = {1: 4, 2: 8, 3: 8, 4: 8, 5: 8}
"""Things and words that come once in each stretch, by level."""
STRETCHES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
"""Stretches of the video, in each of which they come in another order."""
SHOWN = {1: 0.7, 2: 0.55, 3: 0.5, 4: 0.4, 5: 0.3}
"""For how much of its turn each is there."""
ASKED = {
    1: ("first", "last"),
    2: ("first", "last", "after", "before", "nth"),
    3: ("after", "before", "nth", "order"),
    4: ("after", "before", "nth", "order", "order"),
    5: ("nth", "order", "order"),
}


class Order(Family):
    """Things appear at places of their own, and words on a display, one at a time and for equally long.

    The order is drawn evenly, and the stretch that the question names is one of several, so that frames without their
    times say what there is, and nothing about when.
    """

    name = "order"
    summary = "Which thing or word comes first, last, right after another, or in which order do they come?"
    order_sensitive = True
    open_kind = "name"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, count = setting.level, EVENTS[setting.level]
        slots = equal_slots(setting.duration, count * STRETCHES[level], shortest=3, least=count)
        parts = parts_of(rng, slots, SHOWN[level])
        events, others = _draw_events(rng, level, count)
        orders = [[events[i] for i in rng.permutation(count).tolist()] for _ in range(len(slots) // count)]
        when: dict[str, list[Slot]] = {event: [] for event in events}
        for interval, event in zip(parts, [event for order in orders for event in order], strict=True):
            when[event].append(interval)
        asked = int(rng.integers(len(orders)))
        order, mine = orders[asked], parts[asked * count : (asked + 1) * count]
        begin, end = slots[asked * count][0], slots[(asked + 1) * count - 1][1]

        kind = ASKED[level][int(rng.integers(len(ASKED[level])))]
        text, answer, options, needed, judge = _ask(rng, kind, order)
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s things and words come and go, one after another. {text}",
            answer=answer,
            options=options,
            evidence=tuple(mine[i] for i in needed),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            found = [event for sight in seen if begin <= sight.time < end for event in _events(sight, events)]
            concluded = judge(list(dict.fromkeys(found)))
            return concluded if concluded in options else options[0]

        stage = Stage(
            setting.duration,
            actors=(
                *draw_cut_wanderers(rng, setting, slots, int(rng.integers(1, 2 + level)), shapes=others),
                *_actors(rng, setting, when),
            ),
            displays=(_display(rng, setting, when),),
            size=setting.size,
            look=setting.look,
        )
        looks = tuple(Look(mine[i][0] + (mine[i][1] - mine[i][0]) / 2) for i in needed)
        return Case(stage, question, looks, conclude, (kind, tuple(order), answer))


Judge = Callable[[Sequence[str]], str]


def _ask(
    rng: np.random.Generator, kind: str, order: Sequence[str]
) -> tuple[str, str, tuple[str, ...], list[int], Judge]:
    """The question, its answer and options, the places in the order that must be seen, and the answer to what was."""
    last = len(order) - 1
    if kind == "order":
        places = sorted(rng.permutation(len(order))[:4].tolist())
        orders = {", ".join(names): names for names in near_orders(rng, [order[place] for place in places])}
        named = ", ".join(shuffled(rng, [order[place] for place in places]))
        answer = ", ".join(order[place] for place in places)
        text = f"In which order do these four come: {named}?"
        return text, answer, tuple(orders), places, lambda seen: nearest_order(orders, seen)

    known = ""
    if kind == "after":
        place = int(rng.integers(1, last + 1))
        known = order[place - 1]
        text, needed = f"Which comes right after {known}?", [place - 1, place]
    elif kind == "before":
        place = int(rng.integers(last))
        known = order[place + 1]
        text, needed = f"Which comes right before {known}?", [place, place + 1]
    else:
        place = {"first": 0, "last": last}.get(kind, int(rng.integers(1, last)))
        text = f"Which comes {'last' if kind == 'last' else ordinal(place + 1)}?"
        needed = [last] if kind == "last" else list(range(place + 1))
    wrong = [event for event in order if event not in (order[place], known)]
    options = shuffled(rng, [order[place], *shuffled(rng, wrong)[:3]])

    def judge(seen: Sequence[str]) -> str:
        where = {"after": 1, "before": -1, "last": len(seen) - 1}.get(kind, place)
        where += seen.index(known) if known in seen else 0
        return seen[where] if 0 <= where < len(seen) else ""

    return text, order[place], options, needed, judge


def _draw_events(rng: np.random.Generator, level: int, count: int) -> tuple[list[str], list[str]]:
    """Names of what comes, and the shapes that nothing of it has."""
    shapes = [SHAPES[i] for i in rng.permutation(len(SHAPES)).tolist()]
    words = int(rng.integers(count // 2 + 1))
    # Few shapes in many colours are taken for each other more easily.
    kinds = shapes[: 5 if level < 3 else 3]
    pairs = rng.permutation(len(COLORS) * len(kinds))[: count - words].tolist()
    things = [f"the {COLORS[pair % len(COLORS)]} {kinds[pair // len(COLORS)]}" for pair in pairs]
    return things + [f"the word {WORDS[i]}" for i in rng.permutation(len(WORDS))[:words].tolist()], shapes[5:]


def _actors(rng: np.random.Generator, setting: Setting, when: dict[str, list[Slot]]) -> list[Actor]:
    width, size = 1000 * setting.size[1] / setting.size[0], 190 - 20 * setting.level
    actors = []
    for event, intervals in when.items():
        _, color, shape = event.split()
        if color != "word":
            x, y = rng.uniform(size, width - size), rng.uniform(220 + size / 2, 960 - size / 2)
            actors.append(Actor(shape, ((0.0, color),), ((0.0, x, y),), size, shown=tuple(intervals)))
    return actors


def _display(rng: np.random.Generator, setting: Setting, when: dict[str, list[Slot]]) -> Display:
    width = 1000 * setting.size[1] / setting.size[0]
    lit = [(slot, event.split()[2]) for event, intervals in when.items() if "the word" in event for slot in intervals]
    changes = sorted(change for (start, end), word in lit for change in ((start, word), (end, "")))
    height = text_height(setting, 100 - 6 * setting.level, 6)
    return Display(tuple(changes), rng.uniform(0.4, 0.6) * width, 110, height)


def _events(sight: Sighting, events: Sequence[str]) -> list[str]:
    names = [
        f"the {fact['color']} {fact['shape']}" if fact["what"] == "thing" else f"the word {fact.get('text')}"
        for fact in sight.facts
    ]
    return [name for name in names if name in events]
