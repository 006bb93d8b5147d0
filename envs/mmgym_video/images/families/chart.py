"""Chart: bars without grid lines, their names and the numbers of the axis small; how high one is, is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.images.drawing import Drawing, Fact, Item, Stroke, Writing, rect
from mmgym_video.images.family import Case, Family, Look, Scene, Setting, place_names

__all__ = ["Chart"]

BARS = {1: 5, 2: 7, 3: 9, 4: 12, 5: 16}
APART = {1: 8, 2: 6, 3: 5, 4: 4, 5: 3}
"""Steps of the axis between the options next to each other, by level."""
UNITS = (1, 2, 5, 10, 20, 50)
"""What a step of the axis is worth."""
STEPS = 100
"""Steps of the axis."""
FINE = 5
"""A height is read off where this many steps are `LEGIBLE` pixels."""


class Chart(Family):
    """Four bars are about as high, and one of them has the name that is asked; their heights are the options.

    Bars far from the axis are read off with a horizontal line drawn at their tops.
    """

    name = "chart"
    summary = "How high is the bar of a name?"
    open_kind = "numeric"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, line, theme = setting.level, setting.line, setting.theme
        high, wide, count = setting.side * 3 // 4, setting.side, BARS[level]
        unit = UNITS[int(rng.integers(len(UNITS)))]
        low = int(rng.integers(30, 94 - 3 * APART[level]))
        asked_steps = [low + APART[level] * k for k in rng.permutation(4)]
        free = [k for k in range(12, 97) if all(abs(k - step) > 1 for step in asked_steps)]
        steps = [*asked_steps, *rng.choice(free, count - 4, replace=False).tolist()]
        slots = [int(k) for k in rng.permutation(count)]
        names = place_names(rng, count)
        shades = [COLORS[int(k)] for k in rng.integers(len(COLORS), size=count)]
        options = [str(step * unit) for step in asked_steps]
        left, right_edge, bottom, step_high = 0.11 * wide, 0.98 * wide, 0.9 * high, 0.84 * high / STEPS
        slot = (right_edge - left) / count

        def scene(right: int) -> Scene:
            named = [names[0] if k == right else names[k if k else right] for k in range(4)] + names[4:]
            items: list[Item] = [rect(0.02 * wide, 0.02 * high, 0.99 * wide, 0.98 * high, theme.paper)]
            facts = []
            for which, step in enumerate(steps):
                x, top = left + (slots[which] + 0.5) * slot, bottom - step * step_high
                items.append(rect(x - 0.3 * slot, top, x + 0.3 * slot, bottom, theme.shades[shades[which]]))
                said = Writing(named[which], x, bottom + line, line, 0.85 * slot, theme.ink, theme.faint, bold=False)
                items.append(said)
                facts += [said.fact("name of a bar"), Fact("top of a bar", x, top, height=FINE * step_high)]
            for step in range(0, STEPS + 1, 2):
                y, long = bottom - step * step_high, 1.0 if step % 10 == 0 else 0.5
                ends = ((left - long * 0.016 * wide, y), (left, y))
                items.append(Stroke(ends, 0.0012 * wide, theme.ink, 0 if step % 10 == 0 else 4 * step_high))
                if step % 10 == 0:
                    text = Writing(
                        str(step * unit), left - 0.05 * wide, y, line, 0.055 * wide, theme.ink, theme.faint, bold=False
                    )
                    items.append(text)
                    facts.append(text.fact("number of the axis"))
            items.append(Stroke(((left, 0.05 * high), (left, bottom), (right_edge, bottom)), 0.0016 * wide, theme.ink))
            x, top = left + (slots[right] + 0.5) * slot, bottom - steps[right] * step_high
            name_box = (x - 0.45 * slot, bottom + line / 2, x + 0.45 * slot, bottom + 1.5 * line)
            top_box = (x - 0.35 * slot, top - 2 * FINE * step_high, x + 0.35 * slot, top + 2 * FINE * step_high)
            looks = [Look(name_box, line), Look(top_box, FINE * step_high)]
            for step in (steps[right] // 10 * 10, steps[right] // 10 * 10 + 10):  # the numbers below and above
                y = bottom - step * step_high
                looks.append(Look((left - 0.08 * wide, y - line, left + line / 2, y + line), line, level=top))
            return Scene(Drawing((high, wide), theme.ground, tuple(items), tuple(facts)), tuple(looks))

        def conclude(facts: Sequence[Fact]) -> str:
            where = [fact.x for fact in facts if fact.what == "name of a bar" and fact.text == names[0]]
            tops = [fact.y for fact in facts if fact.what == "top of a bar" and where and abs(fact.x - where[0]) < 1]
            ticks = [(f.y, float(f.text)) for f in facts if f.what == "number of the axis" and f.text]
            if not tops or len(ticks) < 2:
                return options[0]
            (y0, value0), (y1, value1) = sorted(ticks, key=lambda tick: abs(tick[0] - tops[0]))[:2]
            value = value0 + (tops[0] - y0) / (y1 - y0) * (value1 - value0)
            return min(options, key=lambda option: abs(float(option) - value))

        return self._case(rng, f"What is the value of the bar named {names[0]}?", options, scene, conclude, names[0])
