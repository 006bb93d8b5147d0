"""Ruler: coloured arrows point at long tape measures with fine ticks; what one of them points at is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.images.drawing import Area, Drawing, Fact, Item, Stroke, Writing, rect
from mmgym_video.images.family import Case, Family, Look, Scene, Setting

__all__ = ["Ruler"]

TAPES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
ARROWS = {1: 2, 2: 2, 3: 2, 4: 1, 5: 1}
"""Arrows at each tape, by level; each colour is there once at most."""
PITCH = 20
"""Pixels of the picture from tick to tick; every tenth has a number."""
NEAR = (1, -1, 2, -2, 9, 10, 11, -9, -10, -11)
"""How far wrong options are from one of the options."""
REACH = 14
"""Ticks around an arrow that hold two numbers at least."""


class Ruler(Family):
    """Numbers begin anywhere, so that an arrow's place on the tape says nothing: ticks are counted from a number."""

    name = "ruler"
    summary = "At what number does an arrow point on a tape measure?"
    open_kind = "numeric"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, line, theme, wide = setting.level, setting.line, setting.theme, setting.side
        high, tapes = setting.side * 3 // 4, TAPES[level]
        ticks = int(0.94 * wide) // PITCH
        left, band = 0.03 * wide, 3.2 * line
        over = 1.2 * line  # more than half a number: from afar nothing of one may stick out of the tape
        colors = [COLORS[k] for k in rng.permutation(len(COLORS)) if COLORS[k] != "yellow"]
        per_tape = ARROWS[level]
        arrows = [(color, k // per_tape) for k, color in enumerate(colors[: tapes * per_tape])]
        at = [int(k) for _ in range(tapes) for k in _apart(rng, REACH, ticks - REACH, per_tape)]
        base = int(rng.integers(2 * ticks, 999 - 2 * ticks - 60))
        numbers = [base, *[base + NEAR[k] for k in rng.permutation(len(NEAR))[:3]]]
        options = [str(numbers[k]) for k in rng.permutation(4)]
        starts = rng.integers(100, 999 - ticks, size=tapes).tolist()
        asked = int(rng.integers(len(arrows)))
        color, tape = arrows[asked]

        def height(which: int) -> float:
            """Where the upper edge of a tape is."""
            return (which + 0.62) * high / (tapes + 0.25) - band / 2

        def scene(right: int) -> Scene:
            first = {**dict(enumerate(starts)), tape: int(options[right]) - at[asked]}
            items: list[Item] = []
            facts = []
            for which in range(tapes):
                top = height(which)
                items.append(rect(left - over, top, left + ticks * PITCH + over, top + band, theme.paper))
                for tick in range(ticks + 1):
                    x, number = left + tick * PITCH, first[which] + tick
                    long = 0.38 if number % 10 == 0 else 0.28 if number % 5 == 0 else 0.18
                    items.append(Stroke(((x, top), (x, top + long * band)), 3, theme.ink, least=PITCH))
                    if number % 10 == 0:
                        said = Writing(str(number), x, top + 0.68 * band, line, 2 * line, theme.ink, theme.paper)
                        items.append(said)
                        facts.append(said.fact("number of a tape"))
            for (shade, which), tick in zip(arrows, at, strict=True):
                x, top = left + tick * PITCH, height(which)
                items.append(_arrow(x, top, 0.05 * high, theme.shades[shade], theme.edge))
                facts.append(Fact(f"tip of the {shade} arrow", x, top, height=PITCH))
            x, top = left + at[asked] * PITCH, height(tape)
            near = [f for f in facts if f.what.startswith("number") and 0 < f.y - top < band]
            near = sorted(near, key=lambda fact: abs(fact.x - x))[:2]
            looks = [Look((x - 3 * PITCH, top - line, x + 3 * PITCH, top + band), PITCH)]
            looks += [Look((f.x - line, f.y - line / 2, f.x + line, f.y + line / 2), line) for f in near]
            return Scene(Drawing((high, wide), theme.ground, tuple(items), tuple(facts)), tuple(looks))

        def conclude(facts: Sequence[Fact]) -> str:
            tips = [fact for fact in facts if fact.what == f"tip of the {color} arrow"]
            read = [
                (fact.x, float(fact.text))
                for fact in facts
                if tips and fact.what == "number of a tape" and fact.text and 0 < fact.y - tips[0].y < band
            ]
            if not read:
                return options[0]
            x, number = min(read, key=lambda pair: abs(pair[0] - tips[0].x))
            value = number + (tips[0].x - x) / PITCH
            return min(options, key=lambda option: abs(float(option) - value))

        question = f"At what number of its tape measure does the {color} arrow point?"
        return self._case(rng, question, options, scene, conclude, color)


def _apart(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """So many ticks, in random order, at least 8 apart."""
    free = np.sort(rng.choice(high - low - 8 * (count - 1), count, replace=False))
    found = [low + int(place) + 8 * k for k, place in enumerate(free)]
    return [found[k] for k in rng.permutation(count)]


def _arrow(x: float, y: float, size: float, color: tuple[int, int, int], edge: tuple[int, int, int]) -> Area:
    """An arrow that points down at a point."""
    half, shaft = 0.35 * size, 0.13 * size
    corners = [(0, 0), (-half, -0.5), (-shaft, -0.5), (-shaft, -1.4), (shaft, -1.4), (shaft, -0.5), (half, -0.5)]
    return Area(tuple((x + a, y + b * size) for a, b in corners), color, edge)
