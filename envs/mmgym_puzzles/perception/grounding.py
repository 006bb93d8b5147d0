"""Grounding: put a tight box around each thing that is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect, choose
from mmgym.rewards import RewardTerms
from mmgym.spaces import ToolCall, number, tool
from mmgym_puzzles.perception.boxes import BOX_SCORES, FloatBox, iou, matched
from mmgym_puzzles.perception.expressions import Expression, Vague, draw_expression, meant, words
from mmgym_puzzles.perception.pointing import PointingPuzzle, from_json, to_json, tuples
from mmgym_puzzles.perception.scenes import (
    Kinds,
    Scene,
    box_of,
    draw_kinds,
    draw_scene,
    inventory,
    look_of,
    place,
    scene_questions,
)
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["Grounding"]

MOST_BOXES = 20
TRIES = 40
_INK = (255, 0, 200)
Edge = Annotated[int, Interval(ge=0, le=4096)]
Described = tuple[Scene, Expression]
"""The scene, and the expression for some of its things."""


@dataclass(frozen=True)
class Grounded:
    """What scenes and expressions to draw."""

    kinds: Kinds
    """What there is."""
    forms: tuple[str, ...]
    """Forms of expressions."""
    targets: tuple[int, int]
    """Fewest and most things that are described."""
    overlap: float
    """IoU from which a box is tight enough."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Grounded(Kinds((2, 4), 5, 5, (150, 240)), ("whole",), (1, 1), 0.5, 8),
    2: Grounded(Kinds((5, 8), 4, 4, (105, 165)), ("part", "extreme", "side"), (1, 1), 0.5, 8),
    3: Grounded(Kinds((8, 11), 3, 4, (85, 130)), ("several",), (2, 3), 0.5, 12),
    4: Grounded(Kinds((11, 15), 3, 3, (75, 115)), ("several", "several_side"), (3, 4), 0.6, 16),
    5: Grounded(Kinds((16, 21), 3, 3, (66, 100)), ("several_side",), (4, 7), 0.7, 22),
}


class Grounding(PointingPuzzle):
    """Put a tight box around each thing that is described.

    ## Description
    Things of several colours, shapes and sizes lie on a plain ground. The task describes one or several of them, as in
    `ReferringPoint`; descriptions have one exact meaning. Boxes are drawn one by one and then submitted.

    ## Action space
    Three tools: `box(left, top, right, bottom)` draws a box (edges in pixels, right and bottom outside, or in
    thousandths), `undo()` takes the last one away, `submit()` ends the episode. A box without area, or one that is
    there already, changes nothing.

    ## Observation space
    `task`: the description. `image`: the things and the boxes, uint8 (image_size, image_size, 3). `text`, the text
    twin: the things and their boxes, one a line, and the boxes that were drawn. `feedback`: why nothing changed.

    ## Starting state
    Things at random places that do not overlap, and a description. The split is decided by a hash of the things with
    their sizes, wherever they lie. The split `ood` has another ground, other shades, and white outlines.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 if every thing that is described has one box with at least the level's IoU, and there is no other box (term
    `outcome`), else 0. With `box_reward`, a term `boxes` on submission: that weight times the score `box_score`:
    `"mean_iou"` (spare and missing boxes count 0), `"map"` (COCO's mean average precision over IoU .5 to .95) or
    `"vlm_r1"` (mAP, less for too many boxes; arXiv 2504.07615).

    ## Episode end
    Terminated by `submit` (success if all boxes fit); truncated at the turn limit.

    ## Arguments
    `coordinates`: `"pixels"` or `"thousandths"`. `box_reward`: weight of the term `boxes`, 0 by default. `box_score`:
    see above. And those of `Puzzle`. The expert takes back what follows the first box that fits nothing, draws what
    is missing, and submits: no sequence of calls is shorter.

    | level | things | described | by | IoU | turns |
    |---|---|---|---|---|---|
    | 1 | 2-4 | 1 | colour and shape | .5 | 8 |
    | 2 | 5-8 | 1 | colour or shape; size; side | .5 | 8 |
    | 3 | 8-11 | 2-3 | colour, shape | .5 | 12 |
    | 4 | 11-15 | 3-4 | colour, shape; side | .6 | 16 |
    | 5 | 16-21 | 4-7 | side | .7 | 22 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.02
    instruction = (
        "Draw a tight box around every thing that the task describes, and around nothing else; then submit. Left of, "
        "right of, above and below compare the middles of things."
    )
    boxes: list[tuple[int, int, int, int]]
    """The boxes as they were drawn: left, top, right, bottom in the agent's units."""
    submitted: bool
    """Whether the boxes were submitted."""
    _picture: np.ndarray | None
    """The picture without boxes, once it is drawn."""

    def __init__(self, *, box_reward: float = 0.0, box_score: str = "mean_iou", **arguments: Any) -> None:
        self.box_reward, self.box_score = number("box_reward", box_reward), choose("box_score", box_score, BOX_SCORES)
        super().__init__(**arguments)
        scene = from_json([{"shape": "circle", "color": "red", "x": 500, "y": 500, "size": 120}])
        self._begin((scene, ("only", ("kind", "red", "circle"))))

    @tool
    def box(self, left: Edge, top: Edge, right: Edge, bottom: Edge) -> Effect:
        """Draw a box.

        Args:
            left: its left edge, from the left.
            top: its top edge, from the top.
            right: its right edge, from the left.
            bottom: its bottom edge, from the top.
        """
        if left >= right or top >= bottom:
            return Effect(False, "The box has no area: right must be more than left, and bottom more than top.")
        if (left, top, right, bottom) in self.boxes:
            return Effect(False, "There is such a box already.")
        if len(self.boxes) == MOST_BOXES:
            return Effect(False, f"There are {MOST_BOXES} boxes already: undo some first.")
        self.boxes.append((left, top, right, bottom))
        return Effect(True)

    @tool
    def undo(self) -> Effect:
        """Take the last box away."""
        if not self.boxes:
            return Effect(False, "There is no box.")
        self.boxes.pop()
        return Effect(True)

    @tool
    def submit(self) -> Effect:
        """Submit the boxes. It ends the episode."""
        self.submitted = True
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Grounded) -> Described:
        """Draw things that have no place yet."""
        return draw_kinds(rng, settings.kinds), ()

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Described, settings: Grounded) -> Described | None:
        """Place the things and describe some, or None when there is no room or nothing clear to say."""
        scene = place(rng, candidate[0], 1.1) or ()
        for _ in range(TRIES if scene else 0):
            expression = draw_expression(rng, scene, settings.forms[int(rng.integers(len(settings.forms)))])
            try:
                found = meant(expression, scene)
            except Vague:
                continue
            if settings.targets[0] <= len(found) <= settings.targets[1]:
                return scene, expression
        return None

    @classmethod
    def candidate_key(cls, instance: Described) -> str:
        """Key of the things, wherever they lie."""
        return layout_hash("grounding", inventory(instance[0]))

    def layout_key(self) -> str:
        """Key of the things; it decides the split."""
        return self.candidate_key((self.scene, self.expression))

    def _begin(self, instance: Described) -> None:
        self.scene, self.expression = instance
        self.targets: list[FloatBox] = [
            box_of(self.scene[k], self.image_size) for k in meant(self.expression, self.scene)
        ]
        self.boxes, self.submitted, self._picture = [], False, None

    def _get_state(self) -> dict[str, Any]:
        asked = {"scene": to_json(self.scene), "expression": self.expression}
        return {**asked, "boxes": [list(box) for box in self.boxes], "submitted": self.submitted}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((from_json(state["scene"]), tuples(state["expression"])))
        self.boxes = [tuple(box) for box in state["boxes"]]
        self.submitted = state["submitted"]

    def _task(self) -> str:
        several = self.expression[0] in ("kind", "side")
        return f"Put a box around {'each of the ' if several else ''}{words(self.expression, several)}."

    def _drawn(self) -> list[FloatBox]:
        """The boxes in pixels."""
        return [(self._edge(a), self._edge(b), self._edge(c), self._edge(d)) for a, b, c, d in self.boxes]

    def _is_success(self) -> bool:
        if not self.submitted or len(self.boxes) != len(self.targets):
            return False
        pairs = matched(self._drawn(), self.targets)
        return len(pairs) == len(self.targets) and all(share >= self.settings.overlap for *_, share in pairs)

    def _is_failure(self) -> bool:
        return self.submitted and not self._is_success()

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.box_reward:
            score = BOX_SCORES[self.box_score](self._drawn(), self.targets) if self.submitted else 0.0
            terms["boxes"] = self.box_reward * score
        return terms

    def _plan(self) -> tuple[int, list[FloatBox]]:
        """How many of the first boxes fit a target each, and the targets that still have none."""
        missing = list(self.targets)
        for count, box in enumerate(self._drawn()):
            fitting = next((t for t in missing if iou(box, t) >= self.settings.overlap), None)
            if fitting is None:
                return count, missing
            missing.remove(fitting)
        return len(self.boxes), missing

    def _expert_call(self) -> ToolCall:
        fitting, missing = self._plan()
        if fitting < len(self.boxes):
            return ToolCall("undo")
        return self._box_call(missing[0]) if missing else ToolCall("submit")

    def _box_call(self, box: FloatBox, shift: tuple[int, ...] = (0, 0, 0, 0)) -> ToolCall:
        last = 1000 if self.coordinates == "thousandths" else self.image_size
        edges = [min(max(self._name(edge) + by, 0), last) for edge, by in zip(box, shift, strict=True)]
        return ToolCall("box", dict(zip(("left", "top", "right", "bottom"), edges, strict=True)))

    def _expert_steps(self) -> int:
        return len(self.targets) + 1

    def _turns_left(self) -> int:
        fitting, missing = self._plan()
        return len(self.boxes) - fitting + len(missing) + 1

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The expert's calls with an unsteady hand: every edge is off by up to 1.6 % of the picture's side."""
        fitting, missing = self._plan()
        if len(self.boxes) < len(self.targets) and missing:
            reach = round(0.016 * (1000 if self.coordinates == "thousandths" else self.image_size))
            index = min(len(self.boxes) - fitting, len(missing) - 1)
            return self._box_call(missing[index], tuple(rng.integers(-reach, reach + 1, 4).tolist()))
        return ToolCall("submit")

    def _image(self) -> np.ndarray:
        if self._picture is None:
            self._picture = draw_scene(self.scene, self.image_size, look_of(self.split))
        image, width = self._picture.copy(), max(1, self.image_size // 112)
        for box in self._drawn():
            left, top = (min(round(edge), self.image_size - 1) for edge in box[:2])
            # a thousandth may be less than a pixel
            around = image[top : max(round(box[3]), top + 1), left : max(round(box[2]), left + 1)]
            around[:width] = around[-width:] = _INK
            around[:, :width] = around[:, -width:] = _INK
        return image

    def _text(self) -> str:
        drawn = (f"box: left={a} top={b} right={c} bottom={d}" for a, b, c, d in self.boxes)
        return "\n".join([*self._lines(self.scene), *drawn])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        asked = [
            ("How many things are described?", str(len(self.targets))),
            ("How many boxes are there?", str(len(self.boxes))),
            *scene_questions(self.scene, rng),
        ]
        return [asked[k] for k in rng.permutation(len(asked))]
