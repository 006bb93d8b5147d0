"""MentalRotation3D: find the figure of cubes that is the target, and turn it in space until it stands like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.imagery.cube_board import LETTERS, draw_board, layout, look_of
from mmgym_puzzles.imagery.cube_drawing import Sprite, draw_cubes, seen
from mmgym_puzzles.imagery.cube_figures import (
    Cubes,
    grow_arms,
    looks_same,
    mirror,
    relative,
    shape_key,
    turn_upright,
)
from mmgym_puzzles.imagery.rotations import (
    AXES,
    IDENTITY,
    UPRIGHT,
    Quaternion,
    Turn,
    angle,
    any_rotation,
    apart,
    fewest,
    matrix,
    turned,
)
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.puzzle import layout_hash, split_of

__all__ = ["MentalRotation3D"]

Figures = tuple[Cubes, tuple[Cubes, ...], int, tuple[Quaternion, ...]]
"""The target, the figures as they are before they are turned, which of them is the target, how each is turned."""


@dataclass(frozen=True)
class Turning:
    """What figures to show, and how they can be turned."""

    arms: tuple[int, int]
    """Fewest and most arms."""
    lengths: tuple[int, int]
    """Fewest and most cubes that an arm adds."""
    stubs: tuple[int, int]
    """Fewest and most single cubes at the sides of arms."""
    cubes: tuple[int, int]
    """Fewest and most cubes."""
    needed: int
    """Turns that are needed."""
    turns: int
    """Turns until the episode is truncated."""
    figures: int = 1
    """Figures to choose from: the target's, its mirror image, another that is much like it."""
    step: int = 90
    """Degrees of which every turn is a multiple."""
    tolerance: int = 1
    """Degrees that the figure may be off."""
    touching: bool = False
    """Whether arms may touch and cross, and cubes be hidden in the target."""


LEVELS = {
    1: Turning((3, 4), (1, 3), (1, 1), (7, 8), needed=1, turns=8),
    2: Turning((4, 4), (1, 3), (1, 1), (8, 9), needed=2, turns=10),
    3: Turning((4, 4), (1, 3), (1, 1), (9, 10), needed=2, turns=12, figures=2),
    4: Turning((4, 4), (1, 3), (1, 2), (9, 10), needed=2, turns=14, figures=2, step=1, tolerance=12),
    5: Turning((4, 5), (1, 3), (1, 2), (10, 12), needed=3, turns=18, figures=3, step=1, tolerance=8),
}
PRESETS = {
    f"visgym_{name}": Turning(
        (arms, arms), (2, 5), (0, 0), (1, 1 + 5 * arms), 3, 20, step=1, tolerance=10, touching=True
    )
    for name, arms in (("easy", 4), ("hard", 6))
}


class MentalRotation3D(AskedPuzzle):
    """Find the figure of cubes that is the target, and turn it in space until it stands like it.

    ## Description
    Figures of cubes after Shepard and Metzler (1971): arms that turn corners, with single cubes at their sides. One is
    the target; one to three more stand turned, and one of these is the target's figure. The others are its mirror
    image, which no turn makes match, and a figure of which one cube sits elsewhere. Choose the right figure, turn it
    until it looks like the target, then submit. Arrows show the axes x, y and z, which stay where they are.

    ## Action space
    Three tools: `rotate(axis, degrees)` turns the chosen figure, counter-clockwise as seen from the tip of the arrow
    (negative: clockwise); `choose(figure)` chooses another; `submit()` ends the episode. A turn by 0 degrees, or by
    degrees that are no multiple of 90 where only these are allowed, changes nothing; nor does choosing a figure that
    is chosen already or is not there.

    ## Observation space
    `task`: how many figures there are, which turns are allowed, and how close is a match. `image`: the target, the
    figures (a thick ring marks the chosen one) and the axes, in parallel projection, uint8 (image_size, image_size, 3).
    `text`, the text twin: where the middles of all cubes are. `feedback`: why nothing changed.

    ## Starting state
    A figure grown arm by arm that is not flat, with no cubes that touch but those next to each other, and not its own
    mirror image where there is one to choose. The target stands upright, in one of the 24 ways in which a quarter or
    more of each cube is seen; the figures are turned so that the right one needs the level's number of turns. Figure A
    is chosen at the start. The split is decided by a hash of the target's figure, equal for all its turns and mirror
    images. The split `ood` has colours of its own and is seen from the other side of the corner. `options["task"]` can
    only be `"any"`.

    ## Rewards
    1 for submitting the right figure standing like the target (term `outcome`), else 0. It stands like the target
    when it is the same set of cubes: a figure that looks the same after a half turn may stand in either way.

    ## Episode end
    Terminated by `submit` (success if the figure is right and within the tolerance); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert needs the fewest calls: a choice if the right figure is not chosen, the fewest turns,
    the submission. Quarter turns are looked up among the 24 ways a cube can stand; for turns by whole degrees, that one
    or two are enough is decided in closed form, and three always are.

    | level | cubes | figures | turns are multiples of | turns needed | match within | turns |
    |---|---|---|---|---|---|---|
    | 1 | 7-8 | 1 | 90 degrees | 1 | exact | 8 |
    | 2 | 8-9 | 1 | 90 degrees | 2 | exact | 10 |
    | 3 | 9-10 | 2 | 90 degrees | 2 | exact | 12 |
    | 4 | 9-10 | 2 | 1 degree | 2 | 12 degrees | 14 |
    | 5 | 10-12 | 3 | 1 degree | 3 | 8 degrees | 18 |

    Presets with the figures (4 and 6 arms of 2 to 5 cubes that may touch), tolerance (10 degrees) and 20 turns of
    VisGym's mental_rotation_3d_cube, turned in any way that needs three turns: `visgym_easy` and `visgym_hard`. Theirs
    turns about three axes of the figure in one call, and takes a figure that looks the same but was turned for wrong.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You see figures of cubes: the target, and one or more that stand turned. One of these has the shape of the "
        "target; the others are mirrored or differ in one cube. Choose the one with the target's shape, turn it until "
        "it stands like the target, then submit; you can submit once. Arrows show the axes. Positive degrees turn "
        "counter-clockwise as seen from the tip of the axis."
    )
    description_rule = (
        "Say the letter of the chosen figure, the letter of the one that has the target's shape, and by how many "
        "degrees the latter is turned from the target, about whatever axis, to the nearest 15: A B 90."
    )
    chosen: int
    """Which figure is chosen, from 0."""
    turns_of: list[Quaternion]
    """How each figure is turned."""
    submitted: bool
    """Whether a figure was submitted."""
    _still: np.ndarray | None
    """The picture without the chosen figure, once it is drawn."""
    _drawn: np.ndarray | None
    """The picture, once it is drawn."""
    _needed: int | None
    """Turns the expert needs from the start, once they are counted."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        corner = ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (2, 0, 0))
        self._begin((corner, (corner,), 0, (turned(IDENTITY, "z", 90),)))

    @tool
    def rotate(self, axis: Literal["x", "y", "z"], degrees: Annotated[int, Interval(ge=-180, le=180)]) -> Effect:
        """Turn the chosen figure.

        Args:
            axis: which of the axes that the arrows show.
            degrees: how far, counter-clockwise as seen from the tip of the axis.
        """
        if degrees % self.settings.step:
            return Effect(False, f"Degrees must be a multiple of {self.settings.step}.")
        if not degrees:
            return Effect(False, "A turn by 0 degrees changes nothing.")
        self.turns_of[self.chosen] = turned(self.turns_of[self.chosen], axis, degrees)
        self._drawn = None
        return Effect(True)

    @tool
    def choose(self, figure: Literal["A", "B", "C"]) -> Effect:
        """Choose the figure that is turned and submitted.

        Args:
            figure: its letter.
        """
        number = LETTERS.index(figure)
        if number >= len(self.figures):
            letters = ", ".join(LETTERS[: len(self.figures)])
            return Effect(False, f"There is no figure {figure}; there {'is' if number == 1 else 'are'} {letters}.")
        if number == self.chosen:
            return Effect(False, f"Figure {figure} is chosen already.")
        self.chosen = number
        self._still = None
        return Effect(True)

    @tool
    def submit(self) -> Effect:
        """Submit the chosen figure as it stands. It ends the episode."""
        self.submitted = True
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Turning) -> Cubes | None:
        """Draw a figure, or None when it does not work out or is its own mirror image and must not be."""
        arms = int(rng.integers(settings.arms[0], settings.arms[1] + 1))
        stubs = int(rng.integers(settings.stubs[0], settings.stubs[1] + 1))
        low, high = settings.lengths
        lengths = rng.integers(low, high + 1, size=arms).tolist()
        fewest_cubes, most = settings.cubes
        if not fewest_cubes <= 1 + sum(lengths) + stubs <= most:
            return None
        figure = grow_arms(rng, lengths, stubs, settings.touching)
        return None if figure is None or (settings.figures > 1 and not shape_key(figure)[1]) else figure

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Cubes, settings: Turning) -> Figures | None:
        """Draw how the target stands, what else there is, and how all of it is turned."""
        ways = (turn_upright(candidate, list(UPRIGHT)[k]) for k in rng.permutation(24).tolist())
        view = look_of(split_of(cls.candidate_key(candidate))).view
        shown = (cubes for cubes in ways if settings.touching or seen(cubes, IDENTITY, view).min() >= 0.25)
        target = next(shown, None)
        if target is None:
            return None
        others = [mirror(target)]
        if settings.figures > 2:
            another = relative(rng, target)
            if another is None:
                return None
            others.append(another)
        right = int(rng.integers(settings.figures))
        figures = [others[int(k)] for k in rng.permutation(len(others))][: settings.figures - 1]
        figures.insert(right, target)
        start = _start(rng, target, settings)
        if start is None:
            return None
        turns_of = [_anyhow(rng, settings) for _ in figures]
        turns_of[right] = start
        return target, tuple(figures), right, tuple(turns_of)

    @classmethod
    def candidate_key(cls, instance: Cubes) -> str:
        """Key of a figure, equal for all its turns and mirror images."""
        return layout_hash("cubes", shape_key(instance)[0])

    def layout_key(self) -> str:
        """Key of the target's figure; it decides the split."""
        return self.candidate_key(self.target)

    def _begin(self, instance: Figures) -> None:
        self.target, self.figures, self.right, self._start = instance
        self._same = looks_same(self.target)
        self.chosen, self.turns_of, self.submitted = 0, list(self._start), False
        self._still = self._drawn = self._needed = None
        self._sprites: dict[int, tuple[Quaternion, Sprite]] = {}

    def _get_state(self) -> dict[str, Any]:
        figures = [[list(cube) for cube in cubes] for cubes in (self.target, *self.figures)]
        start = [list(q) for q in self._start]
        now = {"chosen": self.chosen, "turns": [list(q) for q in self.turns_of], "submitted": self.submitted}
        return {"figures": figures, "right": self.right, "start": start, **now}

    def _set_state(self, state: dict[str, Any]) -> None:
        figures = [tuple((x, y, z) for x, y, z in cubes) for cubes in state["figures"]]
        start, now = ([(a, b, c, d) for a, b, c, d in state[name]] for name in ("start", "turns"))
        self._begin((figures[0], tuple(figures[1:]), state["right"], tuple(start)))
        self.chosen, self.turns_of, self.submitted = state["chosen"], now, state["submitted"]

    def _task(self) -> str:
        settings, count = self.settings, len(self.figures)
        choice = "Your figure is A" if count == 1 else f"Your figures are {', '.join(LETTERS[:count])}"
        if settings.step > 1:
            return f"{choice}. Degrees must be a multiple of {settings.step}."
        return f"{choice}. Degrees are whole numbers. A match is within {settings.tolerance} degrees."

    def _plan(self) -> tuple[Turn, ...]:
        return _plan(self.turns_of[self.right], tuple(self._same), self.settings)

    def _is_success(self) -> bool:
        return self.submitted and self.chosen == self.right and not self._plan()

    def _is_failure(self) -> bool:
        return self.submitted and not self._is_success()

    def _turns_left(self) -> int:
        return (self.chosen != self.right) + len(self._plan()) + 1

    def _expert_steps(self) -> int:
        if self._needed is None:
            plan = _plan(self._start[self.right], tuple(self._same), self.settings)
            self._needed = (self.right != 0) + len(plan) + 1
        return self._needed

    def _expert_call(self) -> ToolCall:
        if self.chosen != self.right:
            return ToolCall("choose", {"figure": LETTERS[self.right]})
        plan = self._plan()
        return ToolCall("rotate", {"axis": plan[0][0], "degrees": plan[0][1]}) if plan else ToolCall("submit")

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The calls of one who mistakes a quarter of axes and directions, and submits too early in an eighth of turns.

        Whole degrees are off by 10 (standard deviation).
        """
        call = self._expert_call()
        if rng.random() < 1 / 8:
            return ToolCall("submit")
        if call.name != "rotate":
            return call
        axis, degrees = call.arguments["axis"], call.arguments["degrees"]
        if rng.random() < 1 / 4:
            axis, degrees = AXES[int(rng.integers(3))], degrees * (1 - 2 * int(rng.integers(2)))
        if self.settings.step == 1:
            degrees = (degrees + int(np.rint(rng.normal(0, 10))) + 179) % 360 - 179
        return ToolCall("rotate", {"axis": axis, "degrees": degrees})

    def _image(self) -> np.ndarray:
        if self._still is None:
            count, self._drawn = len(self.figures), None
            self._still = draw_board(self.image_size, look_of(self.split), count, self.chosen).copy()
            for number in range(count + 1):
                if number != self.chosen + 1:
                    self._sprite(number).put(self._still)
        if self._drawn is None:
            self._drawn = self._still.copy()
            self._sprite(self.chosen + 1).put(self._drawn)
        return self._drawn.copy()

    def _sprite(self, number: int) -> Sprite:
        """The picture of the target, for 0, or of a figure, as it stands; drawn when it was turned."""
        turn = self.turns_of[number - 1] if number else IDENTITY
        held = self._sprites.get(number)
        if held is None or held[0] != turn:
            look, (radius, middles) = look_of(self.split), layout(self.image_size, len(self.figures))
            cubes = self.figures[number - 1] if number else self.target
            held = turn, draw_cubes(cubes, turn, look.view, middles[number], radius, look.paper)
            self._sprites[number] = held
        return held[1]

    def _text(self) -> str:
        lines = [f"target: {_listed(self.target, IDENTITY)}"]
        for number, (cubes, q) in enumerate(zip(self.figures, self.turns_of, strict=True)):
            mark = " (chosen)" if number == self.chosen else ""
            lines.append(f"{LETTERS[number]}{mark}: {_listed(cubes, q)}")
        return "\n".join(lines)

    def _turned_by(self) -> int:
        """Degrees, to the nearest 15, by which the right figure is turned from the target."""
        off = min(angle(apart(self.turns_of[self.right], q)) for q in self._same)
        return round(off / 15) * 15

    def _description(self) -> str:
        return f"{LETTERS[self.chosen]} {LETTERS[self.right]} {self._turned_by()}"

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        sides = dict(zip(AXES, (max(part) + 1 for part in zip(*self.target, strict=True)), strict=True))
        plan, axis = self._plan(), AXES[int(rng.integers(3))]
        asked = [
            (f"How many cubes long is the target along {axis}?", str(sides[axis])),
            ("Which figure is chosen?", LETTERS[self.chosen]),
            ("Which figure has the shape of the target?", LETTERS[self.right]),
            ("By how many degrees is it turned from the target, to the nearest 15?", str(self._turned_by())),
            ("How many turns does it need at least?", str(len(plan))),
            ("How do the figures stand?", self._description()),
        ]
        if not self.settings.touching:
            asked.append(("How many cubes has the target?", str(len(self.target))))
        if len(plan) == 1:
            asked.append(("About which axis must it be turned?", plan[0][0]))
        return [asked[k] for k in rng.permutation(len(asked))]


def _plan(turn: Quaternion, same: tuple[Quaternion, ...], settings: Turning) -> tuple[Turn, ...]:
    """The fewest turns that bring a figure from where it stands to one of the ways in which it is right."""
    return fewest(tuple(apart(turn, q) for q in same), settings.step, settings.tolerance)


def _anyhow(rng: np.random.Generator, settings: Turning) -> Quaternion:
    """A way for a figure to stand, such as the level has them."""
    if settings.step == 90:
        return list(UPRIGHT)[int(rng.integers(24))]
    if settings.needed == 3:
        return any_rotation(rng)
    q = IDENTITY
    for axis in rng.permutation(3)[: settings.needed].tolist():
        q = turned(q, AXES[axis], 15 * int(rng.integers(2, 11)) * (1 - 2 * int(rng.integers(2))))
    return q


def _start(rng: np.random.Generator, target: Cubes, settings: Turning) -> Quaternion | None:
    """A way to stand from which the level's number of turns is needed; None if it is not found."""
    same = tuple(looks_same(target))
    tried = (_anyhow(rng, settings) for _ in range(30))
    return next((q for q in tried if len(_plan(q, same, settings)) == settings.needed), None)


def _listed(cubes: Cubes, q: Quaternion) -> str:
    """The middles of the cubes: whole numbers from 0 where the figure stands upright, else from its own middle."""
    if q in UPRIGHT:
        return " ".join(f"({x} {y} {z})" for x, y, z in turn_upright(cubes, q))
    held = np.array(cubes, float)
    places = ((held - (held.min(axis=0) + held.max(axis=0)) / 2) @ matrix(q).T).round(2) + 0.0
    return " ".join(f"({x:.2f} {y:.2f} {z:.2f})" for x, y, z in sorted(places.tolist()))
