"""Label: one thing among many bears a small label, and what it says is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import Kinds, Scene, Thing, draw_kinds, place
from mmgym_video.images.drawing import Drawing, Fact, Item, Writing, rect, shape
from mmgym_video.images.family import CLEAR, Case, Family, Look, Setting, near_codes
from mmgym_video.images.family import Scene as Shown

__all__ = ["Label"]

KINDS = {
    1: Kinds((6, 8), 4, 4, (120, 180)),
    2: Kinds((10, 12), 4, 4, (100, 150)),
    3: Kinds((14, 18), 5, 5, (80, 120)),
    4: Kinds((22, 26), 6, 6, (70, 100)),
    5: Kinds((30, 36), 8, 10, (60, 84)),
}
LENGTH = {1: 3, 2: 3, 3: 4, 4: 4, 5: 5}
"""Characters of a label, by level."""
APART = 40
"""Thousandths of the side by which the outermost thing is further out than the next."""
ENDS: dict[str, Callable[[Thing], int]] = {
    "leftmost": lambda thing: thing.x,
    "rightmost": lambda thing: -thing.x,
    "topmost": lambda thing: thing.y,
    "lowest": lambda thing: -thing.y,
}
FROM_ENDS = 4
"""Level from which things are told by where they lie."""


class Label(Family):
    """Things of several colours and shapes each bear a label; other labels, of the same kind, are the wrong options."""

    name = "label"
    summary = "What does the small label on a thing say?"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        things, word, target = _draw_things(rng, setting.level)
        side, line, theme = setting.side, setting.line, setting.theme
        texts = near_codes(rng, CLEAR, LENGTH[setting.level], len(things))
        options = texts[:4]
        others = [int(k) for k in rng.permutation(len(things)) if k != target]
        room = line * (0.75 * LENGTH[setting.level] + 0.4)

        def scene(right: int) -> Shown:
            order = [options[right], *[text for text in texts if text != options[right]]]
            said = dict(zip([target, *others], order, strict=True))
            items: list[Item] = []
            facts = []
            for index, thing in enumerate(things):
                x, y, size = (side * value / 1000 for value in (thing.x, thing.y, thing.size))
                items.append(shape(thing.shape, x, y, size, theme.shades[thing.color], theme.edge))
                items.append(rect(x - room / 2, y - 0.65 * line, x + room / 2, y + 0.65 * line, theme.paper))
                text = Writing(said[index], x, y, line, 0.9 * room, theme.ink, theme.faint)
                items.append(text)
                facts.append(text.fact(thing.name))
            x, y = side * things[target].x / 1000, side * things[target].y / 1000
            box = (x - room / 2, y - line / 2, x + room / 2, y + line / 2)
            return Shown(Drawing((side, side), theme.ground, tuple(items), tuple(facts)), (Look(box, line),))

        def conclude(facts: Sequence[Fact]) -> str:
            found = [fact for fact in facts if _fits(fact.what, word)]
            end = word.split()[0]
            if end in ENDS and found:
                places = [Thing("", "", round(fact.x), round(fact.y), 0) for fact in found]
                found = [min(zip(places, found, strict=True), key=lambda pair: ENDS[end](pair[0]))[1]]
            read = [fact.text for fact in found if fact.text in options]
            return str(read[0]) if read else options[0]

        asked = f"What does the small label on the {word} say?"
        return self._case(rng, asked, options, scene, conclude, word)


def _fits(what: str, word: str) -> bool:
    """Whether a red circle is a "red circle", or a "leftmost red thing"."""
    return what == word or (word.endswith(" thing") and what.split()[0] == word.split()[1])


def _draw_things(rng: np.random.Generator, level: int) -> tuple[Scene, str, int]:
    """Things, how one of them is called that no other is, and its index."""
    while True:
        things = place(rng, draw_kinds(rng, KINDS[level]), 1.1) or ()
        names = [thing.name for thing in things]
        found = [(name, index) for index, name in enumerate(names) if names.count(name) == 1]
        if level >= FROM_ENDS:
            found = list(_outermost(things))
        if found:
            word, target = found[int(rng.integers(len(found)))]
            return things, word, target


def _outermost(things: Scene) -> list[tuple[str, int]]:
    """What can be told as the outermost thing of its colour in some direction."""
    found = []
    for color in sorted({thing.color for thing in things}):
        alike = [index for index, thing in enumerate(things) if thing.color == color]
        for end, how_far in ENDS.items():
            first, *others = sorted(alike, key=lambda index: how_far(things[index]))
            if others and how_far(things[others[0]]) - how_far(things[first]) >= APART:
                found.append((f"{end} {color} thing", first))
    return found
