"""Crowd: many figures wear the same small badge, but one; which colour that one is, is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.images.drawing import Area, Drawing, Fact, Item, disc, shape
from mmgym_video.images.family import Case, Family, Look, Scene, Setting

__all__ = ["Crowd"]

GRID = {1: 4, 2: 5, 3: 6, 4: 8, 5: 10}
"""Figures a side, by level."""
_SKIN = (232, 196, 160)


class Crowd(Family):
    """Figures of four colours, as many of each as can be, at places of a grid that is shaken."""

    name = "crowd"
    summary = "Which figure of a crowd wears another badge than all others?"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        grid, side, badge, theme = GRID[setting.level], setting.side, 1.1 * setting.line, setting.theme
        count, cell = grid**2, side / grid
        options = [COLORS[k] for k in rng.permutation(len(COLORS))[:4]]
        usual, odd = (SHAPES[k] for k in rng.permutation(len(SHAPES))[:2])
        colors = [options[k % 4] for k in rng.permutation(count)]
        places = [((k % grid + 0.5) * cell, (k // grid + 0.5) * cell) for k in range(count)]
        places = (np.array(places) + rng.uniform(-0.14, 0.14, (count, 2)) * cell).tolist()
        odd_ones = [int(rng.choice([k for k in range(count) if colors[k] == option])) for option in options]
        size = 0.62 * cell

        def scene(right: int) -> Scene:
            items: list[Item] = []
            facts = []
            for which, ((x, y), color) in enumerate(zip(places, colors, strict=True)):
                items += _figure(x, y, size, theme.shades[color], theme.edge)
                x, y, worn = x, y + 0.08 * size, odd if which == odd_ones[right] else usual
                items.append(disc(x, y, 0.72 * badge, theme.paper))
                items.append(shape(worn, x, y, badge, theme.ink, least=badge))
                facts.append(Fact(f"{color} figure with a badge", x, y, worn, badge, badge))
            x, y = facts[odd_ones[right]].x, facts[odd_ones[right]].y
            looks = (Look((x - 0.75 * badge, y - 0.75 * badge, x + 0.75 * badge, y + 0.75 * badge), badge),)
            return Scene(Drawing((side, side), theme.ground, tuple(items), tuple(facts)), looks)

        def conclude(facts: Sequence[Fact]) -> str:
            found = [fact.what.split()[0] for fact in facts if fact.text == odd]
            return found[0] if found else options[0]

        asked = f"Every figure wears a small {usual} as its badge, but one wears a {odd}. What colour is that one?"
        return self._case(rng, asked, options, scene, conclude, (usual, odd))


def _figure(x: float, y: float, size: float, color: tuple[int, int, int], edge: tuple[int, int, int]) -> list[Item]:
    """A person around a point: a head over a body."""
    top, foot, shoulder, hem = y - 0.22 * size, y + 0.5 * size, 0.26 * size, 0.36 * size
    body = ((x - shoulder, top), (x + shoulder, top), (x + hem, foot), (x - hem, foot))
    return [Area(body, color, edge), disc(x, y - 0.35 * size, 0.15 * size, _SKIN, edge)]
