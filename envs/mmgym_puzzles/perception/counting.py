"""Counting: how many things of a kind are there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, flag, tool
from mmgym_puzzles.perception.dots import draw_dot
from mmgym_puzzles.perception.pointing import PointingPuzzle, from_json, to_json
from mmgym_puzzles.perception.scenes import (
    COLORS,
    NEAR,
    SHAPES,
    Scene,
    Thing,
    draw_scene,
    inner_pixel,
    inventory,
    look_of,
    place,
    plural,
)
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["Counting"]

MOST_MARKS = 60
Counted = tuple[str, str, Scene]
"""Colour and shape asked for, and the scene."""


@dataclass(frozen=True)
class Crowd:
    """What scenes to draw."""

    targets: tuple[int, int]
    """Fewest and most things of the kind asked for."""
    others: tuple[int, int]
    """Fewest and most other things."""
    alike: float
    """Share of the others that have the asked shape or colour."""
    near: bool
    """Whether those of the asked shape have a colour that is easily taken for the asked one."""
    sizes: tuple[int, int]
    """Smallest and largest thing, in thousandths of the picture's side."""
    closest: float
    """Least distance of two things over half the sum of their sizes: below 1 they overlap."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Crowd((1, 4), (0, 3), 0.0, False, (110, 160), 1.25, 20),
    2: Crowd((3, 7), (4, 7), 0.5, False, (90, 140), 1.2, 26),
    3: Crowd((6, 11), (7, 11), 0.7, True, (80, 120), 1.1, 34),
    4: Crowd((10, 16), (10, 15), 0.8, True, (75, 110), 0.95, 46),
    5: Crowd((16, 25), (14, 20), 0.9, True, (68, 104), 0.85, 64),
}
PRESETS = {
    "visgym_easy": Crowd((2, 20), (0, 8), 0.5, False, (75, 110), 1.05, 40),
    "visgym_hard": Crowd((5, 30), (0, 8), 0.5, False, (70, 100), 0.95, 60),
}


class Counting(PointingPuzzle):
    """Say how many things of a kind there are.

    ## Description
    Many small things of several colours and shapes lie on a plain ground. The question names a colour and a shape.
    Marks may be set while counting.

    ## Action space
    Three tools: `mark(x, y)` puts a small mark on the picture, `undo()` takes the last one away, and `answer(number)`,
    from 0 to 99, ends the episode. Coordinates are pixels of the picture, or thousandths (`coordinates`).

    ## Observation space
    `task`: the question. `image`: the things and the marks, uint8 (image_size, image_size, 3). `text`, the text twin:
    the things and their places, one a line, and the marks. `feedback`: why a mark was not set or taken away.

    ## Starting state
    Things at random places, none of them hidden. The split is decided by a hash of the question, and of the things
    with their sizes, wherever they lie. The split `ood` has another ground, other shades, and white outlines.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 for the right number (term `outcome`), else 0.

    ## Episode end
    Terminated by an answer (success if it is right); truncated at the turn limit.

    ## Arguments
    `coordinates`: `"pixels"` or `"thousandths"`. `expert_marks`: whether the expert marks each thing that counts
    before it answers, as a person would; if not (the default), it answers at once. And those of `Puzzle`.

    | level | asked for | others | of them alike | near colours | overlap | turns |
    |---|---|---|---|---|---|---|
    | 1 | 1-4 | 0-3 | none | no | no | 20 |
    | 2 | 3-7 | 4-7 | half | no | no | 26 |
    | 3 | 6-11 | 7-11 | .7 | yes | no | 34 |
    | 4 | 10-16 | 10-15 | .8 | yes | slight | 46 |
    | 5 | 16-25 | 14-20 | .9 | yes | yes | 64 |

    Presets with the counts of VisGym's counting of things in photos: `visgym_easy` (2 to 20) and `visgym_hard`
    (5 to 30).

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.05
    instruction = (
        "Count the things that the question asks for. Both the colour and the shape must fit; things that are partly "
        "covered count. You may set marks while counting. Give the number with answer; you can answer once."
    )
    marks: list[tuple[int, int]]
    """Pixels of the marks, x and y."""
    said: int | None
    """The number that was answered."""
    _wanted: list[tuple[int, int]] | None
    """Pixels that the expert marks in all, once they are known."""
    _ground: np.ndarray | None
    """The picture without marks, once it is drawn."""
    _picture: np.ndarray | None
    """The picture with its marks, once it is drawn."""

    def __init__(self, *, expert_marks: bool = False, **arguments: Any) -> None:
        self.expert_marks = flag("expert_marks", expert_marks)
        super().__init__(**arguments)
        self._begin(("red", "circle", (Thing("circle", "red", 500, 500, 120),)))

    @tool
    def mark(self, x: Annotated[int, Interval(ge=0, le=4095)], y: Annotated[int, Interval(ge=0, le=4095)]) -> Effect:
        """Put a small mark on the picture.

        Args:
            x: from the left.
            y: from the top.
        """
        at = (self._pixel(x), self._pixel(y))
        if at in self.marks:
            return Effect(False, "There is a mark already.")
        if len(self.marks) == MOST_MARKS:
            return Effect(False, f"There are {MOST_MARKS} marks already: undo some first.")
        self.marks.append(at)
        if self._picture is not None:
            draw_dot(self._picture, at)
        return Effect(True)

    @tool
    def undo(self) -> Effect:
        """Take the last mark away."""
        if not self.marks:
            return Effect(False, "There is no mark.")
        self.marks.pop()
        self._picture = None
        return Effect(True)

    @tool
    def answer(self, number: Annotated[int, Interval(ge=0, le=99)]) -> Effect:
        """Give the number. It ends the episode.

        Args:
            number: how many there are.
        """
        self.said = number
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Crowd) -> Counted:
        """Draw a question and things that have no place yet, the largest first."""
        low, high = settings.sizes
        asked = int(rng.integers(len(COLORS))), int(rng.integers(len(SHAPES)))
        wanted, more = (int(rng.integers(few, many + 1)) for few, many in (settings.targets, settings.others))
        sizes = np.sort(rng.integers(low, high + 1, wanted + more))[::-1].tolist()
        kinds = [*[asked] * wanted, *_others(rng, settings, asked, more)]
        order = rng.permutation(len(kinds)).tolist()
        things = ((kinds[k], size) for k, size in zip(order, sizes, strict=True))
        scene = tuple(Thing(SHAPES[shape], COLORS[color], 0, 0, size) for (color, shape), size in things)
        return COLORS[asked[0]], SHAPES[asked[1]], scene

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Counted, settings: Crowd) -> Counted | None:
        """Give every thing a place, or None when they find no room."""
        color, shape, scene = candidate
        placed = place(rng, scene, settings.closest)
        return None if placed is None else (color, shape, placed)

    @classmethod
    def candidate_key(cls, instance: Counted) -> str:
        """Key of the question and of the things, wherever they lie."""
        color, shape, scene = instance
        return layout_hash("counting", color, shape, inventory(scene))

    def layout_key(self) -> str:
        """Key of the question and the things; it decides the split."""
        return self.candidate_key((self.color, self.shape, self.scene))

    def _begin(self, instance: Counted) -> None:
        self.color, self.shape, self.scene = instance
        self.marks, self.said, self._wanted = [], None, None
        self._ground = self._picture = None

    def _get_state(self) -> dict[str, Any]:
        marks = [list(at) for at in self.marks]
        asked = {"color": self.color, "shape": self.shape, "scene": to_json(self.scene)}
        return {**asked, "marks": marks, "said": self.said}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((state["color"], state["shape"], from_json(state["scene"])))
        self.marks, self.said = [(x, y) for x, y in state["marks"]], state["said"]

    def _task(self) -> str:
        return f"How many {self.color} {plural(self.shape)} are there?"

    def _targets(self) -> list[int]:
        return [k for k, thing in enumerate(self.scene) if (thing.color, thing.shape) == (self.color, self.shape)]

    def _is_success(self) -> bool:
        return self.said == len(self._targets())

    def _is_failure(self) -> bool:
        return self.said is not None and not self._is_success()

    def _unmarked(self) -> list[tuple[int, int]]:
        """Pixels that the expert still marks."""
        if not self.expert_marks:
            return []
        if self._wanted is None:
            wanted = [inner_pixel(self.scene, self.image_size, k) for k in self._targets()]
            named = [(self._pixel(self._name(x)), self._pixel(self._name(y))) for x, y in wanted]
            self._wanted = list(dict.fromkeys(named))
        return [at for at in self._wanted if at not in self.marks]

    def _expert_call(self) -> ToolCall:
        if self._unmarked() and len(self.marks) < MOST_MARKS:
            x, y = self._unmarked()[0]
            return ToolCall("mark", {"x": self._name(x), "y": self._name(y)})
        return ToolCall("answer", {"number": len(self._targets())})

    def _expert_steps(self) -> int:
        if not self.expert_marks:
            return 1
        marks, self.marks = self.marks, []
        steps = self._turns_left()
        self.marks = marks
        return steps

    def _turns_left(self) -> int:
        return 1 + min(len(self._unmarked()), MOST_MARKS - len(self.marks))

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The answer of one who overlooks each thing with probability .06."""
        return ToolCall("answer", {"number": int(rng.binomial(len(self._targets()), 0.94))})

    def _image(self) -> np.ndarray:
        if self._ground is None:
            self._ground = draw_scene(self.scene, self.image_size, look_of(self.split))
        if self._picture is None:
            self._picture = self._ground.copy()
            for at in self.marks:
                draw_dot(self._picture, at)
        return self._picture.copy()

    def _text(self) -> str:
        marks = (f"mark at x={self._name(x)} y={self._name(y)}" for x, y in self.marks)
        return "\n".join([*self._lines(self.scene), *marks])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        other = COLORS[rng.integers(len(COLORS))]
        colors = {thing.color for thing in self.scene}
        asked = [
            ("How many things are there in all?", str(len(self.scene))),
            (f"How many {self.color} things are there?", str(sum(t.color == self.color for t in self.scene))),
            (f"How many things have the shape of a {self.shape}?", str(sum(t.shape == self.shape for t in self.scene))),
            (f"Is there anything {other}?", "yes" if other in colors else "no"),
            ("How many marks are there?", str(len(self.marks))),
        ]
        return [asked[k] for k in rng.permutation(len(asked))]


def _others(rng: np.random.Generator, settings: Crowd, asked: tuple[int, int], count: int) -> list[tuple[int, int]]:
    """Colours and shapes, by number, of things that are not what was asked for."""
    color, shape = asked
    close = [COLORS.index(c) for c in (NEAR[COLORS[color]] if settings.near else COLORS) if c != COLORS[color]]
    drawn = zip(
        rng.integers(len(COLORS), size=count).tolist(),
        rng.integers(len(SHAPES) - 1, size=count).tolist(),
        rng.integers(len(close), size=count).tolist(),
        (rng.random(count) < settings.alike).tolist(),
        (rng.random(count) < 0.5).tolist(),
        strict=True,
    )
    kinds = []
    for any_color, any_shape, near, alike, same_shape in drawn:
        other_shape = any_shape + (any_shape >= shape)
        kinds.append((close[near], shape) if alike and same_shape else (color if alike else any_color, other_shape))
    return kinds
