"""GeometryMath: find an angle, a length or an area in a drawn figure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_puzzles.puzzle import layout_hash
from mmgym_puzzles.reasoning import template_angles, template_areas, template_lengths
from mmgym_puzzles.reasoning.calculating import CalculatingPuzzle
from mmgym_puzzles.reasoning.figures import Problem
from mmgym_puzzles.reasoning.geometry_drawing import LOOKS, OOD_LOOK, draw_figure
from mmgym_puzzles.reasoning.geometry_words import in_words
from mmgym_puzzles.reasoning.placing import Layout, lay_out
from mmgym_puzzles.reasoning.surds import Surd, whole
from mmgym_puzzles.reasoning.templates import TEMPLATES, Template

__all__ = ["GeometryMath"]

_DECLARING = (template_angles, template_areas, template_lengths)
"""The modules that fill `TEMPLATES`."""
_OOD_DRAWS = 0.25
_VARIANTS = 10_000
_UNITS = {"angle": "°", "length": "cm", "area": "cm2"}
_ASKED = {
    "angle": "Find the angle marked x, in degrees.",
    "length": "Find the length marked x.",
    "area": "Find the area of the shaded region.",
}

Drawn = tuple[str, tuple[int, ...], int]
"""Name of a template, its numbers, and which of many ways to draw it."""


@dataclass(frozen=True)
class Exercises:
    """What problems to draw."""

    level: int
    """Level of the templates: about as many steps as a solution has."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {level: Exercises(level, turns=4 + 2 * level) for level in range(1, 6)}


class GeometryMath(CalculatingPuzzle):
    """Find an angle, a length or an area in a drawn figure.

    ## Description
    A figure of school geometry with points, lengths and angles written into it: triangles, parallels, polygons,
    circles, composite shapes, figures on a grid. What is asked for is marked x, or shaded. The numbers stand in the
    picture alone: nobody can answer without looking. Figures are not drawn to scale (except on a grid), so that
    measuring does not help.

    ## Action space
    Two tools: `compute(expression)` works out arithmetic exactly and shows the result in the feedback, without changing
    anything; `answer(value)` ends the episode. An answer that is no number is not counted, and costs a turn.

    ## Observation space
    `task`: what is asked for, without any number. `image`: the figure, uint8 (image_size, image_size, 3). `text`, the
    text twin: the figure in words, one fact a line. `feedback`: results of `compute`, or why an answer cannot be read.

    ## Starting state
    A template of the level, numbers for it drawn uniformly among those that make a readable figure, a turn and
    mirroring, and a distortion. The answer follows from the numbers by the template's formula, exactly. The split is
    decided by a hash of template and numbers. The split `ood` has templates of its own, on a blackboard.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 for the right answer (term `outcome`), else 0. Any exact form is right (`1/2`, `0.5`, `2*sqrt(3)`, also in LaTeX),
    and so is a decimal with at least two places and three significant digits, rounded or cut off
    (`mmgym_puzzles.reasoning.answers`).

    ## Episode end
    Terminated by an answer that can be read (success if it is right); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert answers at once.

    | level | templates (and in `ood`) | about | turns |
    |---|---|---|---|
    | 1 | 7 (2) | angle sums, rectangles, triangles with their height | 6 |
    | 2 | 8 (2) | isosceles triangles, parallels, Pythagoras, circles | 8 |
    | 3 | 6 (2) | inscribed angles, tangents, similar triangles, sectors, composite shapes | 10 |
    | 4 | 9 (3) | two theorems: chords, altitudes, arches, areas on a grid | 12 |
    | 5 | 6 (2) | three steps: segments, trapeziums, medians on a grid, similar areas | 14 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You see a figure with a question. Use the numbers in the figure: it is not drawn to scale, unless it lies on "
        "a grid. Points on a line look as if they were on it, and lines that touch a circle look so; ticks mark equal "
        "lengths, arrows parallels, small squares right angles. Lengths are in cm; a square of the grid is 1 cm wide. "
        "Answer with an exact number, or a decimal with at least two places and three digits. You can compute first, "
        "and answer once."
    )
    template: Template
    numbers: tuple[int, ...]
    variant: int

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(("angle_sum", (50, 60), 0))

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Exercises) -> Drawn | None:
        """Draw a template, its numbers and a way to draw it, or None where the numbers do not fit."""
        names = _names(settings.level, bool(rng.random() < _OOD_DRAWS))
        template = TEMPLATES[names[rng.integers(len(names))]]
        numbers = template.draw(rng)
        return None if numbers is None else (template.name, numbers, int(rng.integers(_VARIANTS)))

    @classmethod
    def candidate_key(cls, instance: Drawn) -> str:
        """Key of the template and its numbers. Those of the split ``ood`` take the end of all keys, others the rest."""
        name, numbers, _ = instance
        key = layout_hash("geometry", name, numbers)
        place = int(key[:8], 16)
        place = 2**32 - 1 - place // 32 if TEMPLATES[name].ood else place * 949 // 1000
        return f"{place:08x}{key[8:]}"

    def layout_key(self) -> str:
        """Key of the template and its numbers; it decides the split."""
        return self.candidate_key((self.template.name, self.numbers, self.variant))

    def _begin(self, instance: Drawn) -> None:
        name, self.numbers, self.variant = instance
        self.template = TEMPLATES[name]
        self.problem = self.template.make(self.numbers, self.numbers)
        self.said = None
        self._picture: np.ndarray | None = None

    def _get_state(self) -> dict[str, Any]:
        numbers = list(self.numbers)
        return {"template": self.template.name, "numbers": numbers, "variant": self.variant, "said": self.said}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((state["template"], tuple(state["numbers"]), state["variant"]))
        self.said = state["said"]

    def _task(self) -> str:
        return _ASKED[self.problem.kind]

    def _truth(self) -> tuple[Surd, str, float]:
        return self.problem.answer, _UNITS[self.problem.kind], 0.0

    def _expert_call(self) -> ToolCall:
        return ToolCall("answer", {"value": str(self.problem.answer)})

    def _expert_steps(self) -> int:
        return 1

    def _turns_left(self) -> int:
        return 1

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The answer of one who makes a slip in a fifth of the steps; a problem has as many steps as its level says."""
        slips = rng.random() > 0.8**self.level
        return ToolCall("answer", {"value": str(self.problem.answer + whole(int(slips)))})

    def _image(self) -> np.ndarray:
        if self._picture is None:
            sketch, layout = _sketched(self.template.name, self.numbers, self.variant)
            look = OOD_LOOK if self.template.ood else LOOKS[self.variant % len(LOOKS)]
            self._picture = draw_figure(sketch.figure, layout, self.image_size, look, self.template.grid)
        return self._picture.copy()

    def _text(self) -> str:
        return in_words(self.problem.figure, self.template.grid)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        figure = self.problem.figure
        named = [name for name in figure.points if name.isupper()]
        asked = [
            ("How many points have names?", str(len(named))),
            ("How many right angles are marked?", str(len(figure.rights))),
            ("How many full circles are there?", str(len(figure.circles))),
        ]
        for names, text in figure.lengths:
            asked.append((f"What is written at the line {names}?", text))
        for names, text in figure.angles:
            asked.append((f"What is written at the angle {names}?", text))
        if self.template.grid:
            name = named[rng.integers(len(named))]
            x, y = figure.points[name]
            asked.append((f"Where on the grid is {name}?", f"({x:g}, {y:g})"))
        return [asked[k] for k in rng.permutation(len(asked))]


@lru_cache(maxsize=16)
def _names(level: int, ood: bool) -> tuple[str, ...]:
    return tuple(name for name, template in TEMPLATES.items() if (template.level, template.ood) == (level, ood))


@lru_cache(maxsize=1024)
def _sketched(name: str, numbers: tuple[int, ...], variant: int) -> tuple[Problem, Layout]:
    rng = np.random.default_rng([variant, *numbers])
    template = TEMPLATES[name]
    sketch = template.sketch(numbers, rng)
    return sketch, lay_out(sketch, template.grid, rng)
