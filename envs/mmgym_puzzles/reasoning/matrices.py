"""Matrices: which panel completes a matrix whose rows follow rules?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.puzzle import Puzzle, layout_hash
from mmgym_puzzles.reasoning.matrix_drawing import LOOKS, SHADES, SIZES, Look, draw_cross, draw_matrix
from mmgym_puzzles.reasoning.matrix_rules import ATTRIBUTES, LAYOUTS, LOGIC, STEPS, choices_of, draw_rows

__all__ = ["Matrices"]

CHOICES = 8
_OOD_DRAWS = 0.2
_NOTICED = {"constant": 0.98, "three": 0.72, "sum": 0.55, "difference": 0.55}
_NOTICED |= {rule: 0.85 for rule in STEPS} | {rule: 0.4 for rule in LOGIC}
"""How often the weak solver notices a rule."""

Panel = tuple[int, ...]


@dataclass(frozen=True)
class Matrix:
    """One matrix with its choices."""

    layout: str
    rules: tuple[str, ...]
    """What each attribute follows."""
    panels: tuple[Panel, ...]
    """The eight known panels, in reading order: a value for each attribute."""
    choices: tuple[Panel, ...]
    answer: int
    """Index of the right choice, from 0."""
    ood: bool
    """Whether it has the shapes and colours of the split ``ood``."""


@dataclass(frozen=True)
class Rules:
    """What matrices to draw."""

    layouts: tuple[str, ...]
    """Names of layouts."""
    rules: tuple[str, ...]
    """Rules of attributes that change along the rows."""
    changing: int
    """How many attributes change."""
    same: bool
    """Whether the others are the same in all rows, and not only within each."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Rules(("single",), ("one more", "one less", "three"), 1, True, 8),
    2: Rules(("single", "several"), ("one more", "one less", "two more", "two less", "three"), 2, True, 10),
    3: Rules(("several", "framed"), (*STEPS, "three", "sum", "difference"), 3, False, 12),
    4: Rules(("scattered",), ("three", "xor", "union", *STEPS), 2, False, 12),
    5: Rules(("framed and scattered",), ("three", "xor", "union", "common", *STEPS), 4, False, 14),
}


class Matrices(Puzzle):
    """Find the panel that completes a matrix whose rows follow rules.

    ## Description
    Nine panels in three rows, the last one missing, and eight choices for it. Each attribute of the panels (shape,
    frame, size, shade, number, places) follows a rule along the rows: it is constant, goes up or down, is a sum or
    difference, shares out three values, or has the places that are in one, in either or in both of the panels before
    (Raven's matrices, with the rules of RAVEN, arXiv 1903.02741).

    ## Action space
    Two tools: `choose(number)`, from 1 to 8, ends the episode; `cross_out(number)` crosses a choice out, or takes the
    cross away again.

    ## Observation space
    `image`: the matrix over the choices, uint8 (image_size, image_size, 3). `text`, the text twin: the attributes of
    every panel. `feedback`: what was wrong with a call that is none.

    ## Starting state
    Rules drawn by level, and values that follow them and no other rule that would give another last panel. The choices
    are made as in I-RAVEN (arXiv 2002.06838): three attributes take two values each, in all eight combinations, so that
    the choices alone do not tell which one is right. The split is decided by a hash of the known panels. The split
    `ood` has shapes and colours of its own. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for the right choice (term `outcome`), else 0.

    ## Episode end
    Terminated by a choice (success if it is right); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`.

    | level | panels | rules | changing attributes | turns |
    |---|---|---|---|---|
    | 1 | one figure | steps of one, three values | 1 | 8 |
    | 2 | one figure, or up to nine | also steps of two | 2 | 10 |
    | 3 | up to nine figures, or one in a frame | also sums and differences | 3 | 12 |
    | 4 | figures in places | exclusive or, union, steps, three values | places and 1 more | 12 |
    | 5 | figures in places, in a frame | also what is common | 4 | 14 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.2
    instruction = (
        "You see a matrix of panels with the last one missing, and eight numbered choices below it. Along each row, "
        "every attribute of the panels (shape, frame, size, shade, number or places of the figures) follows a rule, "
        "the same in all rows. Choose the panel that completes the last row. You can choose once."
    )
    matrix: Matrix
    crossed: set[int]
    """Indices of the choices that are crossed out."""
    chosen: int | None
    _plain: np.ndarray | None
    """The picture without crosses, once it is drawn."""
    _picture: np.ndarray | None
    """The picture with its crosses, once it is drawn."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        rng = np.random.default_rng(0)
        matrix = None
        while matrix is None:
            matrix = self.draw_candidate(rng, LEVELS[1])
        self._begin(matrix)

    @tool
    def choose(self, number: Annotated[int, Interval(ge=1, le=CHOICES)]) -> Effect:
        """Choose a panel. It ends the episode.

        Args:
            number: number of the choice.
        """
        self.chosen = number - 1
        return Effect(True)

    @tool
    def cross_out(self, number: Annotated[int, Interval(ge=1, le=CHOICES)]) -> Effect:
        """Cross a choice out, or take the cross away again.

        Args:
            number: number of the choice.
        """
        index = number - 1
        # Crosses are laid down in the order of the choices: where two touch, the order may decide a pixel's last bit.
        last = index > max(self.crossed, default=-1)
        self.crossed ^= {index}
        if last and self._picture is not None:
            draw_cross(self._picture, index, self._look())
        else:
            self._picture = None
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Rules) -> Matrix | None:
        """Draw a matrix and its choices, or None where the values do not fit the rules."""
        layout = settings.layouts[rng.integers(len(settings.layouts))]
        names = LAYOUTS[layout]
        order = sorted((names[k] for k in rng.permutation(len(names))), key=lambda name: name != "places")
        changing = order[: settings.changing]
        rules, rows = [], {}
        for name in names:
            attribute = ATTRIBUTES[name]
            fitting = [rule for rule in settings.rules if rule in attribute.rules] if name in changing else ["constant"]
            if attribute.kind == "places" and name in changing and rng.random() < 0.8:
                fitting = [rule for rule in fitting if rule in LOGIC]
            rule = fitting[rng.integers(len(fitting))]
            values = next(
                (v for _ in range(40) if (v := draw_rows(rng, attribute, rule, settings.same)) is not None), None
            )
            if values is None:
                return None
            rules.append(rule)
            rows[name] = values
        panels = [tuple(rows[name][row][column] for name in names) for row in range(3) for column in range(3)]
        choices = choices_of(rng, names, changing, rows)  # type: ignore[arg-type]
        order = rng.permutation(CHOICES).tolist()
        shown = tuple(choices[k] for k in order)
        return Matrix(layout, tuple(rules), tuple(panels[:8]), shown, order.index(0), bool(rng.random() < _OOD_DRAWS))

    @classmethod
    def candidate_key(cls, instance: Matrix) -> str:
        """Key of the known panels. Those of the split ``ood`` take the end of all keys, others the rest."""
        key = layout_hash("matrix", instance.layout, instance.panels, instance.ood)
        place = int(key[:8], 16)
        place = 2**32 - 1 - place // 32 if instance.ood else place * 949 // 1000
        return f"{place:08x}{key[8:]}"

    def layout_key(self) -> str:
        """Key of the known panels; it decides the split."""
        return self.candidate_key(self.matrix)

    def _begin(self, instance: Matrix) -> None:
        self.matrix = instance
        self.crossed, self.chosen = set(), None
        self._plain = self._picture = None

    def _get_state(self) -> dict[str, Any]:
        matrix = self.matrix
        panels, choices = ([list(panel) for panel in group] for group in (matrix.panels, matrix.choices))
        fixed = {"layout": matrix.layout, "rules": list(matrix.rules), "panels": panels, "choices": choices}
        return {
            **fixed,
            "answer": matrix.answer,
            "ood": matrix.ood,
            "crossed": sorted(self.crossed),
            "chosen": self.chosen,
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        panels, choices = (tuple(tuple(panel) for panel in state[name]) for name in ("panels", "choices"))
        self._begin(Matrix(state["layout"], tuple(state["rules"]), panels, choices, state["answer"], state["ood"]))
        self.crossed, self.chosen = set(state["crossed"]), state["chosen"]

    def _is_success(self) -> bool:
        return self.chosen == self.matrix.answer

    def _is_failure(self) -> bool:
        return self.chosen is not None and not self._is_success()

    def _expert_call(self) -> ToolCall:
        return ToolCall("choose", {"number": self.matrix.answer + 1})

    def _expert_steps(self) -> int:
        return 1

    def _turns_left(self) -> int:
        return 1

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The guess of one who notices some rules, hard ones less often, among the choices that fit those."""
        right = self.matrix.choices[self.matrix.answer]
        seen = [k for k, rule in enumerate(self.matrix.rules) if rng.random() < _NOTICED[rule]]
        fitting = [i for i, panel in enumerate(self.matrix.choices) if all(panel[k] == right[k] for k in seen)]
        return ToolCall("choose", {"number": fitting[rng.integers(len(fitting))] + 1})

    def _image(self) -> np.ndarray:
        if self._plain is None:
            names = LAYOUTS[self.matrix.layout]
            self._plain = draw_matrix(names, self.matrix.panels, self.matrix.choices, self.image_size, self._look())
        if self._picture is None:
            self._picture = self._plain.copy()
            for index in sorted(self.crossed):
                draw_cross(self._picture, index, self._look())
        return self._picture.copy()

    def _look(self) -> Look:
        return LOOKS["ood" if self.matrix.ood else "usual"]

    def _worded(self, panel: Panel) -> dict[str, str]:
        """The attributes of a panel in words."""
        look = self._look()
        words: dict[str, str] = {}
        for name, value in zip(LAYOUTS[self.matrix.layout], panel, strict=True):
            if name == "places":
                words[name] = " ".join(str(k + 1) for k in range(9) if value >> k & 1)
            elif name == "number":
                words[name] = str(value)
            else:
                words[name] = {"size": SIZES, "shade": SHADES, "frame": look.frames}.get(name, look.shapes)[value]
        return words

    def _text(self) -> str:
        lines = []
        for index, panel in enumerate(self.matrix.panels):
            said = ", ".join(f"{name} {word}" for name, word in self._worded(panel).items())
            lines.append(f"row {index // 3 + 1}, column {index % 3 + 1}: {said}")
        lines.append("row 3, column 3: missing")
        for index, panel in enumerate(self.matrix.choices):
            said = ", ".join(f"{name} {word}" for name, word in self._worded(panel).items())
            lines.append(f"choice {index + 1}: {said}" + (" (crossed out)" if index in self.crossed else ""))
        return "\n".join(lines)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        asked = [("How many choices are crossed out?", str(len(self.crossed)))]
        for index in rng.permutation(8)[:2].tolist():
            where = f"row {index // 3 + 1}, column {index % 3 + 1}"
            for name, word in self._worded(self.matrix.panels[index]).items():
                if name == "places":
                    asked.append((f"How many figures are in {where}?", str(len(word.split()))))
                elif name == "number":
                    asked.append((f"How many figures are in {where}?", word))
                else:
                    asked.append((f"What is the {name} in {where}?", word))
        return [asked[k] for k in rng.permutation(len(asked))]
