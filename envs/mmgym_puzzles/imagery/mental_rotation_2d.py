"""MentalRotation2D: turn, and perhaps flip, a copy of a picture until it lies like the target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.draw import Color, blank, draw_text
from mmgym.env import Capabilities, Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.imagery.pictures import PICTURES, picture_shapes
from mmgym_puzzles.imagery.polyominoes import Figure, draw_figure, grow, grow_almost_symmetric, same_figure_key
from mmgym_puzzles.imagery.turning import Disc, pack, pack_color, paint_packed, place_disc, unpack
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["MentalRotation2D"]

Shown = int | Figure
"""What is to be turned: the number of a scene, or a figure of squares."""
Turned = tuple[Shown, int, int, bool]
"""What is shown, how far the target is turned, how far the copy is turned, whether the copy is mirrored."""


@dataclass(frozen=True)
class Copies:
    """What copies to show, and what counts as a match."""

    kind: Literal["scene", "colored", "plain", "almost symmetric"]
    """A drawn scene, or a figure of squares: in two colours, in one, or one that one square keeps from a symmetry."""
    tolerance: int
    """Degrees that the copy may be off."""
    turns: int
    """Turns until the episode is truncated."""
    squares: tuple[int, int] = (0, 0)
    """Fewest and most squares of a figure."""
    tilted: bool = True
    """Whether the target is turned too."""
    mirrored: bool = True
    """Whether half of the copies are mirrored."""


LEVELS = {
    1: Copies("scene", tolerance=20, turns=8, tilted=False, mirrored=False),
    2: Copies("scene", tolerance=14, turns=8, mirrored=False),
    3: Copies("colored", tolerance=10, turns=8, squares=(6, 8)),
    4: Copies("plain", tolerance=7, turns=8, squares=(8, 11)),
    5: Copies("almost symmetric", tolerance=4, turns=8, squares=(10, 14)),
}
PRESETS = {
    "visgym_easy": Copies("scene", tolerance=10, turns=20, tilted=False, mirrored=False),
    "visgym_hard": Copies("scene", tolerance=5, turns=20, tilted=False, mirrored=False),
}
BOX = 5


@dataclass(frozen=True)
class _Look:
    ground: Color
    ink: Color
    paper: Color
    squares: tuple[Color, Color]
    line: Color
    switched: bool
    """Whether the target is at the top right instead of the top left, the copy in the corner across from it."""


_LOOKS = {
    "usual": _Look(
        ground=(236, 234, 226), ink=(40, 42, 52), paper=(255, 255, 255), squares=((52, 108, 196), (240, 150, 40)),
        line=(24, 32, 60), switched=False,
    ),
    "ood": _Look(
        ground=(26, 24, 38), ink=(190, 255, 240), paper=(52, 46, 80), squares=((120, 230, 160), (240, 90, 190)),
        line=(14, 10, 28), switched=True,
    ),
}  # fmt: skip


class MentalRotation2D(AskedPuzzle):
    """Turn, and perhaps flip, a copy of a picture until it lies like the target.

    ## Description
    Two round pictures: the target, and a copy of it that lies turned; from level 3 on it may be mirrored as well. Flip
    and rotate the copy until it lies like the target, then submit. At higher levels the picture is a figure of squares
    that has no upright side, and one that half a turn, or a mirror, almost leaves as it is.

    ## Action space
    Three tools: `rotate(degrees)` turns the copy clockwise (negative: counter-clockwise), `flip()` mirrors it left to
    right as it lies, `submit()` ends the episode. A turn by 0 degrees changes nothing.

    ## Observation space
    `task`: how close is a match, and whether the copy may be mirrored. `image`: target and copy, uint8 (image_size,
    image_size, 3). `feedback`: that a turn by 0 degrees changed nothing. There is no text twin: how the copy lies is
    only in the pixels.

    ## Starting state
    A scene (those of Jigsaw), or a figure grown square by square until no turn or reflection leaves it as it is. Angles
    of target and copy are drawn in whole degrees, uniformly; the copy of a figure is mirrored in half of the episodes.
    A copy that only had to be submitted is drawn again. The split is decided by a hash of what is shown, equal for
    figures that are turned or mirrored into one another. The split `ood` has neon colours, and target and copy in the
    other two corners. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for submitting a match (term `outcome`), else 0.

    ## Episode end
    Terminated by `submit` (success if the copy is not mirrored and within the tolerance); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert needs the fewest calls: a flip if the copy is mirrored, a turn if it is off by more
    than the tolerance then, and the submission.

    | level | picture | squares | match within | target | mirrored | turns |
    |---|---|---|---|---|---|---|
    | 1 | scene | | 20 degrees | upright | never | 8 |
    | 2 | scene | | 14 degrees | turned | never | 8 |
    | 3 | figure in two colours | 6-8 | 10 degrees | turned | half | 8 |
    | 4 | figure in one colour | 8-11 | 7 degrees | turned | half | 8 |
    | 5 | figure, almost symmetric | 8-14 | 4 degrees | turned | half | 8 |

    Presets with the tolerances of VisGym's mental_rotation_2d: `visgym_easy` (10 degrees) and `visgym_hard` (5),
    upright scenes, never mirrored, 20 turns. Theirs shows photos.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    capabilities = Capabilities(text_twin=False)
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You see two round pictures: the target, and your copy of it, which lies turned and may be mirrored. Flip and "
        "rotate your copy until it lies like the target, then submit; you can submit once. Degrees count clockwise."
    )
    description_rule = (
        "Say plain, or mirrored if your copy must be flipped; then by how many degrees clockwise your copy must be "
        "turned (after the flip) to lie like the target, to the nearest 15, from 0 to 345."
    )
    degrees: int
    """How far the copy is turned clockwise, from 0 to 359, after it is mirrored."""
    mirrored: bool
    """Whether the copy is mirrored left to right before it is turned."""
    submitted: bool
    """Whether the copy was submitted."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin((0, 0, 90, False))

    @tool
    def rotate(self, degrees: Annotated[int, Interval(ge=-180, le=180)]) -> Effect:
        """Turn your copy.

        Args:
            degrees: how far, clockwise; negative is counter-clockwise.
        """
        if not degrees:
            return Effect(False, "A turn by 0 degrees changes nothing.")
        self.degrees = (self.degrees + degrees) % 360
        return Effect(True)

    @tool
    def flip(self) -> Effect:
        """Mirror your copy left to right, as it lies."""
        self.degrees, self.mirrored = -self.degrees % 360, not self.mirrored
        return Effect(True)

    @tool
    def submit(self) -> Effect:
        """Submit your copy. It ends the episode."""
        self.submitted = True
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Copies) -> Shown | None:
        """Draw what is shown, or None when a figure has a symmetry."""
        if settings.kind == "scene":
            return int(rng.integers(PICTURES))
        squares = int(rng.integers(settings.squares[0], settings.squares[1] + 1))
        if settings.kind == "almost symmetric":
            return grow_almost_symmetric(rng, squares, BOX)
        return grow(rng, squares, BOX, settings.kind == "colored")

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Shown, settings: Copies) -> Turned | None:
        """Draw how target and copy lie, or None where the copy only had to be submitted."""
        target = int(rng.integers(360)) if settings.tilted else 0
        degrees = int(rng.integers(360))
        mirrored = settings.mirrored and bool(rng.integers(2))
        if not mirrored and _off(target, degrees) <= settings.tolerance:
            return None
        return candidate, target, degrees, mirrored

    @classmethod
    def candidate_key(cls, instance: Shown) -> str:
        """Key of what is shown, equal for figures that are turned or mirrored into one another."""
        return layout_hash("turned", instance if isinstance(instance, int) else same_figure_key(instance))

    def layout_key(self) -> str:
        """Key of what is shown; it decides the split."""
        return self.candidate_key(self.shown)

    def _begin(self, instance: Turned) -> None:
        self.shown, self.target, self._first_degrees, self._first_mirrored = instance
        self.degrees, self.mirrored, self.submitted = self._first_degrees, self._first_mirrored, False
        self._disc: Disc | None = None
        self._drawn: tuple[int, bool] | None = None

    def _get_state(self) -> dict[str, Any]:
        shown = self.shown if isinstance(self.shown, int) else [list(square) for square in self.shown]
        start = {"degrees": self._first_degrees, "mirrored": self._first_mirrored}
        now = {"degrees": self.degrees, "mirrored": self.mirrored, "submitted": self.submitted}
        return {"shown": shown, "target": self.target, "start": start, **now}

    def _set_state(self, state: dict[str, Any]) -> None:
        shown, start = state["shown"], state["start"]
        if not isinstance(shown, int):
            shown = tuple((row, column, color) for row, column, color in shown)
        self._begin((shown, state["target"], start["degrees"], start["mirrored"]))
        self.degrees, self.mirrored, self.submitted = state["degrees"], state["mirrored"], state["submitted"]

    def _task(self) -> str:
        may = "may be" if self.settings.mirrored else "is not"
        return f"Your copy {may} mirrored. A match is within {self.settings.tolerance} degrees."

    def _needed(self) -> int:
        """Degrees clockwise, from 0 to 359, that the copy must be turned once it is not mirrored any more."""
        return (self.target - (-self.degrees if self.mirrored else self.degrees)) % 360

    def _is_success(self) -> bool:
        return self.submitted and self._turns_left() == 1

    def _is_failure(self) -> bool:
        return self.submitted and not self._is_success()

    def _turns_left(self) -> int:
        return _fewest(self._needed(), self.mirrored, self.settings.tolerance)

    def _expert_steps(self) -> int:
        degrees = -self._first_degrees if self._first_mirrored else self._first_degrees
        return _fewest((self.target - degrees) % 360, self._first_mirrored, self.settings.tolerance)

    def _rotate_call(self, degrees: int) -> ToolCall:
        """The call that turns by these degrees, the short way round."""
        return ToolCall("rotate", {"degrees": (degrees + 179) % 360 - 179})

    def _expert_call(self) -> ToolCall:
        if self.mirrored:
            return ToolCall("flip")
        return self._rotate_call(self._needed()) if self._turns_left() > 1 else ToolCall("submit")

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The calls of one who is off by 9 degrees (standard deviation) and overlooks every seventh mirrored copy.

        It sees no error of 18 degrees or less.
        """
        if self.mirrored and rng.random() > 1 / 7:
            return ToolCall("flip")
        if _off(self.target, self.degrees) <= 18:
            return ToolCall("submit")
        return self._rotate_call(self.target - self.degrees + int(np.rint(rng.normal(0, 9))))

    def _image(self) -> np.ndarray:
        name, size = "ood" if self.split == "ood" else "usual", self.image_size
        look, middles = _LOOKS[name], _middles(size, name)
        if self._disc is None:
            self._disc = Disc(self._upright(name, 2 * int(0.575 * size)))
            self._ground = _ground(size, name).copy()
            place_disc(self._ground, self._disc, middles[0], self.target, False, look.ink)
        if self._drawn != (self.degrees, self.mirrored):  # a call may change nothing, and submitting never does
            canvas = self._ground.copy()
            place_disc(canvas, self._disc, middles[1], self.degrees, self.mirrored, look.ink)
            self._picture, self._drawn = unpack(canvas), (self.degrees, self.mirrored)
        return self._picture.copy()

    def _upright(self, name: str, size: int) -> np.ndarray:
        if isinstance(self.shown, int):
            return paint_packed(size, picture_shapes(self.shown, name))
        look = _LOOKS[name]
        paper, first, second, line = map(pack_color, (look.paper, *look.squares, look.line))
        return draw_figure(self.shown, size, paper, (first, second), line)

    def _description(self) -> str:
        return f"{'mirrored' if self.mirrored else 'plain'} {round(self._needed() / 15) * 15 % 360}"

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        needed, matches = self._needed(), self._turns_left() == 1
        kind = "mirrored" if self.mirrored else "plain"
        asked = [("Does your copy lie like the target, within the tolerance?", "yes" if matches else "no")]
        if self.settings.mirrored:
            asked.append(("Is your copy mirrored or plain?", kind))
        if not self.mirrored:
            nearest = str(round(needed / 15) * 15 % 360)
            asked.append(("By how many degrees clockwise must your copy be turned, to the nearest 15?", nearest))
            if needed not in (0, 180):
                way = "clockwise" if needed < 180 else "counter-clockwise"
                asked.append(("Which way round is it shorter to turn your copy?", way))
        if not isinstance(self.shown, int):
            asked.append(("Of how many squares is the figure made?", str(len(self.shown))))
        asked.append(("How does your copy lie?", self._description()))
        return [asked[k] for k in rng.permutation(len(asked))]


def _middles(size: int, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Middles of the discs of target and copy."""
    near, far = round(0.295 * size), round(0.705 * size)
    return ((far, near), (near, far)) if _LOOKS[name].switched else ((near, near), (far, far))


@lru_cache(maxsize=16)
def _ground(size: int, name: str) -> np.ndarray:
    """The picture without the discs, packed; not to be changed."""
    look = _LOOKS[name]
    ground = blank(size, size, look.ground)
    for word, left, y in (("target", look.switched, 0.08), ("yours", not look.switched, 0.92)):
        draw_text(ground, word, (0.2 if left else 0.8) * size, y * size, 0.11 * size, look.ink, bold=True)
    return pack(ground)


def _off(one: int, other: int) -> int:
    """Degrees between two angles, from 0 to 180."""
    return min((one - other) % 360, (other - one) % 360)


def _fewest(needed: int, mirrored: bool, tolerance: int) -> int:
    """Fewest calls: flip, turn, submit."""
    return mirrored + (_off(needed, 0) > tolerance) + 1
