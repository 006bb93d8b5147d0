"""ReferringPoint: point at the thing that is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.rewards import RewardTerms
from mmgym.spaces import ToolCall, number, tool
from mmgym_puzzles.perception.boxes import point_score
from mmgym_puzzles.perception.dots import draw_dot
from mmgym_puzzles.perception.expressions import Expression, Vague, draw_expression, member_of, words
from mmgym_puzzles.perception.pointing import PointingPuzzle, from_json, to_json, tuples
from mmgym_puzzles.perception.scenes import (
    Kinds,
    Scene,
    box_of,
    draw_kinds,
    draw_scene,
    inner_pixel,
    inventory,
    look_of,
    place,
    scene_questions,
    things_at,
)
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["ReferringPoint"]

TRIES = 40
Described = tuple[Scene, Expression]
"""The scene, and the expression for one of its things."""


@dataclass(frozen=True)
class Referred:
    """What scenes and expressions to draw."""

    kinds: Kinds
    """What there is."""
    forms: tuple[str, ...]
    """Forms of expressions."""
    closest: float
    """Least distance of two things over half the sum of their sizes: below 1 they overlap."""
    turns: int = 8
    """Turns until the episode is truncated."""


LEVELS = {
    1: Referred(Kinds((3, 5), 5, 5, (120, 190)), ("whole",), 1.15),
    2: Referred(Kinds((6, 8), 3, 4, (85, 160)), ("part", "extreme"), 1.1),
    3: Referred(Kinds((8, 11), 4, 4, (80, 130)), ("side",), 1.1),
    4: Referred(Kinds((11, 15), 4, 4, (70, 120)), ("order", "nearest"), 1.05),
    5: Referred(
        Kinds((16, 21), 4, 4, (66, 112)), ("order_side", "extreme_side", "nearest_side", "nearest_found"), 0.95
    ),
}
PRESETS = {"visgym": Referred(Kinds((5, 10), 4, 4, (85, 160)), ("whole", "part", "extreme"), 1.1, turns=50)}


class ReferringPoint(PointingPuzzle):
    """Point at the thing that is described.

    ## Description
    Things of several colours, shapes and sizes lie on a plain ground. The task describes one of them: by colour and
    shape, by size, by where it lies from another, by order, by nearness, or by several of these at once. Descriptions
    have one exact meaning: near ties never occur.

    ## Action space
    Two tools: `point(x, y)` puts a dot on the picture, or moves it there; `submit()` ends the episode. Coordinates are
    pixels of the picture, or thousandths (`coordinates`). Pointing at the same place again, or submitting without a
    dot, changes nothing.

    ## Observation space
    `task`: the description. `image`: the things and the dot, uint8 (image_size, image_size, 3). `text`, the text twin:
    the things and their boxes, one a line, and the dot. `feedback`: why nothing changed.

    ## Starting state
    Things at random places, and a description of one of them. The split is decided by a hash of the things with their
    sizes, wherever they lie. The split `ood` has another ground, other shades, and white outlines. `options["task"]`
    can only be `"any"`.

    ## Rewards
    1 for a dot on the thing, where the thing is seen (term `outcome`), else 0. With `distance_reward`, a term
    `distance` on submission: that weight times 1 within `near` pixels of the thing's box, falling evenly to 0 at `far`
    pixels (Embodied-R1, arXiv 2508.13998: 10 and 50).

    ## Episode end
    Terminated by `submit` (success if the dot is on the thing); truncated at the turn limit.

    ## Arguments
    `coordinates`: `"pixels"` or `"thousandths"`. `distance_reward`: weight of the term `distance`, 0 by default.
    `near`, `far`: its distances in pixels. And those of `Puzzle`.

    | level | things | described by | overlap | turns |
    |---|---|---|---|---|
    | 1 | 3-5 | colour and shape | no | 8 |
    | 2 | 6-8 | colour or shape; size | no | 8 |
    | 3 | 8-11 | the side of another thing | no | 8 |
    | 4 | 11-15 | order; nearness | no | 8 |
    | 5 | 16-21 | two of these at once | slight | 8 |

    Preset `visgym`: descriptions without words for places, as in RefCOCO+, the source of VisGym's referring dot
    pointing, and its 50 turns.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.05
    instruction = (
        "Point at the thing that the task describes: put the dot on it, then submit. Left of, right of, above, below "
        "and nearest compare the middles of things. Only things of the kind that is named are counted in an order."
    )
    pointed: tuple[int, int] | None
    """The pixel of the dot, x and y."""
    submitted: bool
    """Whether the dot was submitted."""
    _picture: np.ndarray | None
    """The picture without the point, once it is drawn."""

    def __init__(
        self, *, distance_reward: float = 0.0, near: float = 10.0, far: float = 50.0, **arguments: Any
    ) -> None:
        self.distance_reward = number("distance_reward", distance_reward)
        self.near, self.far = number("near", near), number("far", far)
        if not near < far:
            raise ValueError(f"far must be larger than near; got {far!r} and {near!r}")
        super().__init__(**arguments)
        scene = from_json([{"shape": "circle", "color": "red", "x": 500, "y": 500, "size": 120}])
        self._begin((scene, ("only", ("kind", "red", "circle"))))

    @tool
    def point(self, x: Annotated[int, Interval(ge=0, le=4095)], y: Annotated[int, Interval(ge=0, le=4095)]) -> Effect:
        """Put the dot somewhere.

        Args:
            x: from the left.
            y: from the top.
        """
        at = (self._pixel(x), self._pixel(y))
        if at == self.pointed:
            return Effect(False, "The dot is there already.")
        self.pointed = at
        return Effect(True)

    @tool
    def submit(self) -> Effect:
        """Submit the dot. It ends the episode."""
        if self.pointed is None:
            return Effect(False, "There is no dot yet: point first.")
        self.submitted = True
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Referred) -> Described:
        """Draw things that have no place yet."""
        return draw_kinds(rng, settings.kinds), ()

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Described, settings: Referred) -> Described | None:
        """Place the things and describe one, or None when there is no room or nothing clear to say."""
        scene = place(rng, candidate[0], settings.closest)
        for _ in range(TRIES if scene else 0):
            form = settings.forms[int(rng.integers(len(settings.forms)))]
            expression = draw_expression(rng, scene or (), form)
            try:
                member_of(expression, scene or ())
            except Vague:
                continue
            return scene or (), expression
        return None

    @classmethod
    def candidate_key(cls, instance: Described) -> str:
        """Key of the things, wherever they lie."""
        return layout_hash("referring", inventory(instance[0]))

    def layout_key(self) -> str:
        """Key of the things; it decides the split."""
        return self.candidate_key((self.scene, self.expression))

    def _begin(self, instance: Described) -> None:
        self.scene, self.expression = instance
        self.target = member_of(self.expression, self.scene)
        self.pointed, self.submitted, self._picture = None, False, None

    def _get_state(self) -> dict[str, Any]:
        pointed = None if self.pointed is None else list(self.pointed)
        asked = {"scene": to_json(self.scene), "expression": self.expression}
        return {**asked, "pointed": pointed, "submitted": self.submitted}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((from_json(state["scene"]), tuples(state["expression"])))
        self.pointed, self.submitted = tuples(state["pointed"]), state["submitted"]

    def _task(self) -> str:
        return f"Point at {words(self.expression)}."

    def _on_target(self) -> bool:
        return self.pointed is not None and things_at(self.scene, self.image_size, *self.pointed) == self.target

    def _is_success(self) -> bool:
        return self.submitted and self._on_target()

    def _is_failure(self) -> bool:
        return self.submitted and not self._on_target()

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.distance_reward:
            box = box_of(self.scene[self.target], self.image_size)
            at = self.pointed if self.submitted else None
            near = 0.0 if at is None else point_score(at, box, self.near, self.far)
            terms["distance"] = self.distance_reward * near
        return terms

    def _expert_call(self) -> ToolCall:
        return ToolCall("submit") if self._on_target() else self._point_at(self.target)

    def _point_at(self, index: int) -> ToolCall:
        x, y = inner_pixel(self.scene, self.image_size, index)
        return ToolCall("point", {"x": self._name(x), "y": self._name(y)})

    def _expert_steps(self) -> int:
        return 2

    def _turns_left(self) -> int:
        return 1 if self._on_target() else 2

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """A dot on a thing of the right shape, of any colour and at any place."""
        if self.pointed is not None:
            return ToolCall("submit")
        shape = self.scene[self.target].shape
        alike = [k for k, thing in enumerate(self.scene) if thing.shape == shape]
        return self._point_at(alike[int(rng.integers(len(alike)))])

    def _image(self) -> np.ndarray:
        if self._picture is None:
            self._picture = draw_scene(self.scene, self.image_size, look_of(self.split))
        image = self._picture.copy()
        if self.pointed is not None:
            draw_dot(image, self.pointed)
        return image

    def _text(self) -> str:
        dot = (
            [] if self.pointed is None else [f"dot at x={self._name(self.pointed[0])} y={self._name(self.pointed[1])}"]
        )
        return "\n".join([*self._lines(self.scene), *dot])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        target = self.scene[self.target]
        asked = [
            ("What colour has the thing that is described?", target.color),
            ("What shape has the thing that is described?", target.shape),
            ("Is there a dot?", "no" if self.pointed is None else "yes"),
            *scene_questions(self.scene, rng),
        ]
        return [asked[k] for k in rng.permutation(len(asked))]
