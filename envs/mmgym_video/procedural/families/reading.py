"""Reading: what does a small display beside a thing read at a time? It takes a zoom to read it."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmgym.draw import text_width
from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.pictures import Box
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.kinds import OTHERS, Kind, draw_kinds
from mmgym_video.procedural.stage import Actor, Display, Stage
from mmgym_video.question import Question

__all__ = ["Reading"]

LINE = {1: 72, 2: 64, 3: 38, 4: 34, 5: 30}
"""Height of a display's line of text in thousandths of the frame's height, by level."""
NATIVE = 14
"""Pixels that a line is high in the video's own frames at least, so that a part of them can be read."""
LARGEST = 160
"""Largest line, in small frames."""
DISPLAYS = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
"""Displays, where there is room for them."""
CHANGES = {1: 4, 2: 8, 3: 12, 4: 24, 5: 48}
"""Stretches in which every display reads one text, where they are long enough."""
SHORTEST = 1.5
"""Length of such a stretch in seconds at least."""
EDGE = 0.6
"""The time that is asked about is so far from a change."""
_LETTERS = "ACEFHJKLMNPRTUVWXY"
FORMS = {
    "number": ("123456789", string.digits, string.digits, string.digits),
    "time": ("01", string.digits, ":", "012345", string.digits),
    "code": (_LETTERS, string.digits, _LETTERS, string.digits),
}
"""What may stand at each place of a text."""


@dataclass(frozen=True)
class Unit:
    """A thing with its display to the right of it."""

    kind: Kind
    display: Display
    size: int
    """Of the thing."""
    wide: float
    """Width of the display."""

    @property
    def width(self) -> float:
        """Of both and what is between them."""
        return self.size + 0.3 * self.display.height + self.wide

    @property
    def left(self) -> float:
        """Its left end."""
        return self.display.x + self.wide / 2 - self.width

    def thing(self) -> Actor:
        """The thing."""
        place = (0.0, self.left + self.size / 2, self.display.y)
        return Actor(self.kind.shape, ((0.0, self.kind.color),), (place,), self.size)

    def box(self, width: float) -> Box:
        """The part that holds it, with letters as large as may be, of a frame that is `width` thousandths wide."""
        share = min(1.0, max(6 * self.display.height / 1000, 1.06 * self.width / width))
        left = min(max((self.left + self.width / 2) / width - share / 2, 0.0), 1 - share)
        top = min(max(self.display.y / 1000 - share / 2, 0.0), 1 - share)
        return left, top, left + share, top + share


class Reading(Family):
    """Several displays, each beside a thing, change at the same even moments between the same four texts.

    Each display shows each text for a quarter of the video, in an order of its own, and nothing else changes, so that
    the frames without their times say nothing. From the third level on the whole frame is too small to read them.
    """

    name = "reading"
    summary = "What does the small display beside a thing read at a time?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level = setting.level
        form = sorted(FORMS)[int(rng.integers(len(FORMS)))]
        texts = _draw_texts(rng, FORMS[form], near=level >= 3)
        count = min(CHANGES[level], int(setting.duration / SHORTEST) // 4 * 4)
        # a whole number of frames, the same for each: what is left at the end is dark
        frames = int(10 * setting.duration / count)
        kinds = draw_kinds(rng, DISPLAYS[level], colors=len(COLORS) if level < 4 else 3)
        orders = [[texts[i % 4] for i in rng.permutation(count)] for _ in kinds]
        starts = [i * frames / 10 for i in range(count + 1)]
        changes = [tuple(zip(starts, (*order, ""), strict=True)) for order in orders]
        units, clutter = _lay_out(rng, setting, kinds, changes, _breadth(texts))
        asked = int(rng.integers(len(units)))
        unit, order = units[asked], orders[asked]
        stretch = int(rng.integers(count))
        start, end = starts[stretch], starts[stretch + 1]
        time = round(float(rng.uniform(start + EDGE, end - EDGE)), 1)
        stage = Stage(
            setting.duration,
            actors=(*clutter, *(one.thing() for one in units)),
            displays=tuple(one.display for one in units),
            size=setting.size,
            look=setting.look,
        )
        question = Question(
            id=self.name,
            video=self.name,
            question=f"What does the display to the right of the {unit.kind.name} read at {time:g} s?",
            answer=order[stretch],
            options=shuffled(rng, texts),
            evidence=((start, end),),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            read = [(abs(sighting.time - time), text) for sighting in seen if (text := _beside(unit.kind, sighting))]
            said = min(read, key=lambda entry: entry[0])[1] if read else ""
            return said if said in texts else question.options[0]

        looks = (Look(time), Look(time, unit.box(stage.aspect)))
        return Case(stage, question, looks, conclude, (unit.kind.name, tuple(order), stretch))


def _draw_texts(rng: np.random.Generator, form: Sequence[str], near: bool) -> list[str]:
    """Four texts, that differ from the first in one place where they are to be near."""
    texts: list[str] = []
    while len(texts) < 4:
        text = [signs[int(rng.integers(len(signs)))] for signs in form]
        if near and texts:
            places = [place for place, signs in enumerate(form) if len(signs) > 2]
            place = places[int(rng.integers(len(places)))]
            text = [*texts[0][:place], text[place], *texts[0][place + 1 :]]
        if "".join(text) not in texts:
            texts.append("".join(text))
    return texts


def _breadth(texts: Sequence[str]) -> float:
    """Width of the widest of the texts, as a multiple of the line's height."""
    # character by character, which is nearly as exact as `Display.width`, and their widths are known after a while
    return max(sum(text_width(character, 100) for character in text) for text in texts) / 100


def _lay_out(
    rng: np.random.Generator,
    setting: Setting,
    kinds: Sequence[Kind],
    changes: Sequence[tuple[tuple[float, str], ...]],
    breadth: float,
) -> tuple[list[Unit], list[Actor]]:
    """As many units as there is room for, in cells of a grid, and things in some of the other cells."""
    width = 1000 * setting.size[1] / setting.size[0]
    line = min(max(LINE[setting.level], NATIVE * 1000 / setting.size[0]), LARGEST)
    line *= min(1.0, 0.9 * width / _unit(kinds[0], Display((), 0.0, 0.0, int(line)), breadth).width)
    displays = [Display(texts, 0.0, 0.0, int(line), f"display {i}") for i, texts in enumerate(changes, 1)]
    units = [_unit(kind, display, breadth) for kind, display in zip(kinds, displays, strict=True)]
    wide, high = units[0].width, max(units[0].size, 1.4 * line)
    columns, rows = min(3, max(1, int(width / (1.1 * wide)))), min(4, int(1000 / (1.25 * high)))
    cell_wide, cell_high = width / columns, 1000 / rows
    cells = rng.permutation(columns * rows).tolist()
    placed, clutter = [], []
    for number, cell in enumerate(cells):
        across = float(rng.uniform(-1, 1)) * (cell_wide - 1.02 * wide) / 2
        down = float(rng.uniform(-1, 1)) * (cell_high - 1.05 * high) / 2
        x, y = (cell % columns + 0.5) * cell_wide + across, (cell // columns + 0.5) * cell_high + down
        if number < len(units):
            unit = units[number]
            display = replace(unit.display, x=x + (unit.width - unit.wide) / 2, y=y)
            placed.append(replace(unit, display=display))
        elif rng.random() < 0.5:
            shape, color = (names[int(rng.integers(len(names)))] for names in (OTHERS, COLORS))
            clutter.append(Actor(shape, ((0.0, color),), ((0.0, x, y),), units[0].size))
    return placed, clutter


def _unit(kind: Kind, display: Display, breadth: float) -> Unit:
    """A unit whose display has no place yet."""
    return Unit(kind, display, int(max(70, 1.5 * display.height)), (max(2.0, breadth) + 0.5) * display.height)


def _beside(kind: Kind, sighting: Sighting) -> str:
    """What is read on the display to the right of a thing; empty where that cannot be seen."""
    for x, y in kind.places(sighting):
        found = [
            (fact["x"], fact["text"])
            for fact in sighting.facts
            if fact["what"] == "display" and fact["x"] > x and abs(fact["y"] - y) <= 2
        ]
        if found:
            return min(found, key=lambda entry: entry[0])[1] or ""
    return ""
