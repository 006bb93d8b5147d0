"""Compare: what is different at one time from another; at which of four times are there most of something?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, NEAR, SHAPES, plural
from mmgym_video.procedural.families.needle import WORDS
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.places import grid, legible_height, text_height
from mmgym_video.procedural.slots import Slot, draw_cut_wanderers, equal_slots, inside, joined, last_frame
from mmgym_video.procedural.stage import Actor, Display, Fact, Stage
from mmgym_video.question import Question

__all__ = ["Compare"]

SLOTS = {1: 8, 2: 8, 3: 16, 4: 32, 5: 32}
"""Pictures, cut hard one to the next, that the video holds, by level."""
PARTS = {
    1: ("place", "color", "presence", "word"),
    2: ("place", "color", "presence", "word"),
    3: ("place", "color", "presence", "word", "label"),
    4: ("place", "color", "presence", "word", "label", "number"),
    5: ("place", "color", "presence", "label", "number"),
}
"""What may be different."""
LETTERED = 150
"""Size of a thing with a letter on it."""
CELLS = 16
"""Places for things where differences are asked about."""
COUNTS = range(2, 10)
"""How many things of a kind a picture shows; as many pictures show each number."""


class Compare(Family):
    """The video is cut hard from picture to picture, and two or four times are compared.

    The pictures come in an order drawn evenly, each as long as any other. Where one difference between two times is
    asked, every one of four parts is each way in equally many pictures; where the most are, every number of things is.
    """

    name = "compare"
    summary = "What is different at a time from another, or when are there most of something?"
    order_sensitive = True
    open_kind = "name"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        slots = equal_slots(setting.duration, SLOTS[setting.level], shortest=1.5, least=8)
        return (_draw_difference if rng.random() < 0.6 else _draw_most)(rng, setting, slots)


@dataclass(frozen=True)
class _Part:
    """A part of the pictures that is one of two ways."""

    kind: str
    shape: str
    ways: tuple[str, str] = ("", "")
    """Two colours, letters or words."""

    @property
    def name(self) -> str:
        """What may be different, in words."""
        return {
            "place": f"where the {self.shape} is",
            "color": f"what colour the {self.shape} has",
            "presence": f"whether there is a {self.shape}",
            "label": f"which letter is on the {self.shape}",
            "number": f"how many {plural(self.shape)} there are",
            "word": "which word the display shows",
        }[self.kind]

    def seen(self, facts: Sequence[Fact]) -> object:
        """Which way it is in a frame; equal for equal ways, whatever they are called."""
        if self.kind == "word":
            return [fact["text"] for fact in facts if fact["what"] == "display"]
        mine = [fact for fact in facts if fact.get("shape") == self.shape]
        if self.kind in ("presence", "number"):
            return len(mine)
        return [(fact["x"], fact["y"]) if self.kind == "place" else fact[self.kind] for fact in mine]


def _draw_difference(rng: np.random.Generator, setting: Setting, slots: Sequence[Slot]) -> Case:
    level, count = setting.level, len(slots)
    parts, others = _draw_parts(rng, setting)
    # One bit says which way each part is: all combinations equally often, or one alone and its four neighbours.
    few = count == 8
    ways = rng.permutation([0, 0, 0, 0, 1, 2, 4, 8] if few else np.tile(np.arange(16), count // 16)).tolist()
    changed = int(rng.integers(4))
    first = _one_of(rng, [i for i in range(count) if not few or ways[i] == 0])
    second = _one_of(rng, [i for i in range(count) if ways[i] == ways[first] ^ 1 << changed])
    first, second = sorted((first, second))
    times = inside(rng, slots[first]), inside(rng, slots[second])
    question = Question(
        id=Compare.name,
        video=Compare.name,
        question=f"Which of these is different at {times[1]:g} s from what it was at {times[0]:g} s?",
        answer=parts[changed].name,
        options=shuffled(rng, [part.name for part in parts]),
        evidence=joined([slots[first], slots[second]]),
        family=Compare.name,
    )

    def conclude(seen: Sequence[Sighting]) -> str:
        before, after = ([fact for sight in _nearest(seen, time) for fact in sight.facts] for time in times)
        different = [part.name for part in parts if part.seen(before) != part.seen(after)]
        return different[0] if different else question.options[0]

    actors, displays = _pictures(rng, setting, slots, parts, ways)
    stage = Stage(
        setting.duration,
        actors=(*draw_cut_wanderers(rng, setting, slots, (level - 1) // 2, others), *actors),
        displays=displays,
        size=setting.size,
        look=setting.look,
    )
    content = tuple((part.kind, part.shape, part.ways) for part in parts)
    return Case(stage, question, tuple(map(Look, times)), conclude, ("different", content, changed, ways[first]))


def _draw_parts(rng: np.random.Generator, setting: Setting) -> tuple[list[_Part], list[str]]:
    """Four parts, each with a shape of its own, and the other shapes."""
    shapes = [SHAPES[i] for i in rng.permutation(len(SHAPES)).tolist()]
    allowed = [kind for kind in PARTS[setting.level] if kind != "label" or legible_height(setting) <= 0.4 * LETTERED]
    kinds = [allowed[i] for i in rng.integers(len(allowed), size=4).tolist()]
    parts = []
    for number, kind in enumerate(kinds):
        kind = "place" if kind in ("word", "number") and kind in kinds[:number] else kind
        ways = ("", "")
        if kind == "color":
            one = COLORS[int(rng.integers(len(COLORS)))]
            near = NEAR[one] if setting.level > 3 else [color for color in COLORS if color not in (one, *NEAR[one])]
            ways = one, near[int(rng.integers(len(near)))]
        elif kind == "label":
            ways = tuple(rng.permutation(list("KMRX")).tolist()[:2])
        elif kind == "word":
            ways = tuple(WORDS[i] for i in rng.permutation(len(WORDS))[:2].tolist())
        parts.append(_Part(kind, shapes[number], ways))
    return parts, shapes[4:]


def _pictures(
    rng: np.random.Generator, setting: Setting, slots: Sequence[Slot], parts: Sequence[_Part], ways: Sequence[int]
) -> tuple[list[Actor], tuple[Display, ...]]:
    """What shows the parts, each in its way in each slot."""
    level, width = setting.level, 1000 * setting.size[1] / setting.size[0]
    height = text_height(setting, 80, 6)
    cells, side = grid(rng, width, CELLS, 2 * height, 980)
    shown = ((0.0, slots[-1][1]),)
    actors: list[Actor] = []
    displays: tuple[Display, ...] = ()
    for bit, part in enumerate(parts):
        turned = [way >> bit & 1 for way in ways]
        when = [joined([slot for slot, on in zip(slots, turned, strict=True) if on == wanted]) for wanted in (0, 1)]
        color = COLORS[int(rng.integers(len(COLORS)))]
        # A letter is read on a thing that is large enough.
        size = int(min(0.85 * side, LETTERED if part.kind == "label" else 170 - 10 * level))
        places = [((0.0, *cells.pop()),) for _ in range({"place": 2, "number": 4}.get(part.kind, 1))]
        if part.kind == "word":
            changes = tuple((slot[0], part.ways[on]) for slot, on in zip(slots, turned, strict=True))
            displays = (Display((*changes, (slots[-1][1], "")), width / 2, height, height),)
        elif part.kind == "number":
            steady = places[: int(rng.integers(1, 4))]
            actors += [Actor(part.shape, ((0.0, color),), place, size, shown=shown) for place in steady]
            actors.append(Actor(part.shape, ((0.0, color),), places[3], size, shown=when[1]))
        elif part.kind == "presence":
            actors.append(Actor(part.shape, ((0.0, color),), places[0], size, shown=when[1]))
        else:
            for on in (0, 1):
                shade = part.ways[on] if part.kind == "color" else color
                label = part.ways[on] if part.kind == "label" else ""
                actors.append(Actor(part.shape, ((0.0, shade),), places[on % len(places)], size, label, when[on]))
    return actors, displays


def _draw_most(rng: np.random.Generator, setting: Setting, slots: Sequence[Slot]) -> Case:
    level, count = setting.level, len(slots)
    shape, color = SHAPES[int(rng.integers(len(SHAPES)))], COLORS[int(rng.integers(len(COLORS)))]
    numbers = rng.permutation(np.repeat(COUNTS, count // len(COUNTS))).tolist()
    # Numbers two apart are told from each other by a glance, neighbours are counted.
    asked = range(2 + int(rng.integers(2)), 10, 2) if level < 3 else range(least := int(rng.integers(2, 7)), least + 4)
    chosen = sorted(_one_of(rng, [i for i in range(count) if numbers[i] == number]) for number in asked)
    times = {f"at {time:g} s": time for time in (inside(rng, slots[i]) for i in chosen)}
    most = bool(rng.random() < 0.5)
    pick: Callable[..., str] = max if most else min
    shown = dict(zip(times, [numbers[i] for i in chosen], strict=True))
    name = f"{color} {plural(shape)}"
    question = Question(
        id=Compare.name,
        video=Compare.name,
        question=f"At which of these times are there the {'most' if most else 'fewest'} {name}?",
        answer=pick(shown, key=shown.__getitem__),
        options=shuffled(rng, list(times)),
        evidence=joined([slots[i] for i in chosen]),
        family=Compare.name,
    )

    def conclude(seen: Sequence[Sighting]) -> str:
        found = {option: sight for option, time in times.items() for sight in _nearest(seen, time)}
        return pick(
            found,
            key=lambda option: sum((f.get("shape"), f.get("color")) == (shape, color) for f in found[option].facts),
            default=question.options[0],
        )

    stage = Stage(
        setting.duration,
        actors=_crowd(rng, setting, slots, shape, color, numbers),
        size=setting.size,
        look=setting.look,
    )
    content = ("most" if most else "fewest", color, shape, tuple(shown.values()))
    return Case(stage, question, tuple(map(Look, times.values())), conclude, content)


def _crowd(
    rng: np.random.Generator,
    setting: Setting,
    slots: Sequence[Slot],
    shape: str,
    color: str,
    numbers: Sequence[int],
) -> tuple[Actor, ...]:
    """So many things of a colour and shape in each slot among others of one of the two, each time at other places."""
    level, width = setting.level, 1000 * setting.size[1] / setting.size[0]
    most, extra = max(COUNTS), 2 * level
    cells, side = grid(rng, width, most + extra, 20, 980)
    size = int(min(0.85 * side, 150 - 12 * level))
    shapes, shades = [s for s in SHAPES if s != shape], [c for c in COLORS if c != color]
    kinds = [(shape, color)] * most
    for i in range(extra):
        alike = i % 2 == 0
        others = shades if alike else shapes
        other = others[int(rng.integers(len(others)))]
        kinds.append((shape, other) if alike else (other, color))
    present = np.array([[number > i for number in numbers] for i in range(most)])
    present = np.vstack([present, rng.random((extra, len(slots))) < 0.5])
    where = np.argsort(rng.random((len(slots), len(cells))), axis=1)
    actors = []
    for i, (its_shape, its_color) in enumerate(kinds):
        there = [k for k in range(len(slots)) if present[i, k]]
        path = tuple([(time, *cells[where[k, i]]) for k in there for time in (slots[k][0], last_frame(slots[k]))])
        if there:
            shown = joined([slots[k] for k in there])
            actors.append(Actor(its_shape, ((0.0, its_color),), path, size, shown=shown))
    return tuple(actors[i] for i in rng.permutation(len(actors)).tolist())


def _one_of(rng: np.random.Generator, places: Sequence[int]) -> int:
    return places[int(rng.integers(len(places)))]


def _nearest(seen: Sequence[Sighting], time: float) -> list[Sighting]:
    """The sighting nearest to a time, or none."""
    return sorted(seen, key=lambda sighting: abs(sighting.time - time))[:1]
