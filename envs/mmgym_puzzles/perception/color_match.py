"""ColorMatch: move sliders until a patch has the colour of another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.perception.color_panel import Panel, draw_panel
from mmgym_puzzles.perception.colors import CHANNELS, Model, lab_table, rgb_of
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["ColorMatch"]

MOST = 360
Channel = Literal["hue", "saturation", "brightness", "red", "green", "blue"]
Positions = tuple[int, int, int]
Colors = tuple[Positions, Positions]
"""Slider positions of the target, and of the patch at the start."""


@dataclass(frozen=True)
class Sliders:
    """What sliders there are, and what counts as a match."""

    model: Model
    """Channels of the colours."""
    notches: tuple[int, int, int]
    """Positions of each channel's slider, counted from 0."""
    free: tuple[int, ...]
    """Numbers of the channels that have a slider; the others are right from the start."""
    tolerance: float
    """Largest difference that is a match: OKLab's distance in hundredths, or VisGym's where `visgym` is set."""
    turns: int
    """Turns until the episode is truncated."""
    low: tuple[int, int, int] = (0, 0, 0)
    """Lowest positions of the target."""
    high: tuple[int, int, int] = (MOST, MOST, MOST)
    """Highest positions of the target."""
    touching: bool = True
    """Whether the two patches touch."""
    numbers: bool = True
    """Whether numbers stand beside the sliders."""
    visgym: bool = False
    """Whether VisGym's distance is taken: the root of (2 x hue difference)^2 + (saturation difference)^2."""


HSV = (24, 21, 21)
LEVELS = {
    1: Sliders("hsv", HSV, (0,), 8.0, 8, low=(0, 10, 12)),
    2: Sliders("hsv", HSV, (0, 2), 6.5, 10, low=(0, 10, 8)),
    3: Sliders("hsv", (36, 21, 21), (0, 1, 2), 5.0, 14, low=(0, 8, 8)),
    4: Sliders("rgb", (32, 32, 32), (0, 1, 2), 2.2, 16),
    5: Sliders("rgb", (48, 48, 48), (0, 1, 2), 2.0, 20, touching=False, numbers=False),
}
_VISGYM = (360, 256, 256)
# VisGym: accuracy_radius / 50 x .3 x sqrt(360^2 + 255^2 + 255^2), with the radius 11 (easy) and 16 (hard).
PRESETS = {
    f"visgym_{name}": Sliders(
        "hsv", _VISGYM, (0, 1), radius * 0.3 / 50 * 259_650**0.5, 20, (0, 0, 45), (MOST, MOST, 210), visgym=True
    )
    for name, radius in (("easy", 11), ("hard", 16))
}


class ColorMatch(AskedPuzzle):
    """Move sliders until a patch has the colour of another.

    ## Description
    Two patches of colour: the target, and yours. Sliders below say what colour yours has: hue, saturation and
    brightness, or red, green and blue. Every slider shows what colour its positions would give. Move them until the
    colours match, then submit.

    ## Action space
    Three tools: `set(channel, value)` moves a slider, `adjust(channel, amount)` moves it by an amount (up to its end;
    hue goes round), `submit()` ends the episode. A call for a slider that does not exist, or for a value beyond its
    end, changes nothing.

    ## Observation space
    `task`: the sliders, their numbers, and how close is a match. `image`: patches and sliders, uint8
    (image_size, image_size, 3). `text`, the text twin: both colours as red, green and blue from 0 to 255, and the
    sliders. `feedback`: why nothing changed.

    ## Starting state
    Two colours drawn uniformly, redrawn until as many sliders must be moved as there are. The split is decided by a
    hash of both. The split `ood` has a dark panel, with the patches one over the other. `options["task"]` can only be
    `"any"`.

    ## Rewards
    1 for submitting a match (term `outcome`), else 0.

    ## Episode end
    Terminated by `submit` (success if the colours match); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The difference of colours is their distance in OKLab, in hundredths; about 2 is just noticed. The
    expert moves the fewest sliders that make a match, each once: all matching positions are known.

    | level | sliders | positions of each | match within | patches | numbers | turns |
    |---|---|---|---|---|---|---|
    | 1 | hue | 24 | 8 | touching | yes | 8 |
    | 2 | hue, brightness | 24, 21 | 6.5 | touching | yes | 10 |
    | 3 | hue, saturation, brightness | 36, 21, 21 | 5 | touching | yes | 14 |
    | 4 | red, green, blue | 32 | 2.2 | touching | yes | 16 |
    | 5 | red, green, blue | 48 | 2 | apart | no | 20 |

    Presets with the sliders (hue in degrees, saturation to 255), distance and thresholds of VisGym's colorization:
    `visgym_easy` (33.6) and `visgym_hard` (48.9), 20 turns. Theirs shows a photo and a wheel of colours.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.05
    instruction = (
        "You see two patches of colour, the target and yours, and sliders that make yours. Move the sliders until your "
        "colour matches the target, then submit; you can submit once. Positions of sliders are counted from 0."
    )
    positions: list[int]
    """Positions of the three channels' sliders; those of channels without slider never change."""
    submitted: bool
    """Whether the colour was submitted."""
    _picture: np.ndarray | None
    """The picture, once it is drawn."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(((0, 15, 15), (8, 15, 15)))

    @tool
    def set(self, channel: Channel, value: Annotated[int, Interval(ge=0, le=MOST - 1)]) -> Effect:
        """Move a slider to a position.

        Args:
            channel: which slider.
            value: its new position.
        """
        return self._move(channel, value, "The slider is there already.")

    @tool
    def adjust(self, channel: Channel, amount: Annotated[int, Interval(ge=-MOST, le=MOST)]) -> Effect:
        """Move a slider by an amount.

        Args:
            channel: which slider.
            amount: how far; negative goes down.
        """
        names, notches = CHANNELS[self.settings.model], self.settings.notches
        if channel not in names:
            return self._move(channel, 0, "")
        axis = names.index(channel)
        value = self.positions[axis] + amount
        value = value % notches[axis] if channel == "hue" else min(max(value, 0), notches[axis] - 1)
        return self._move(channel, value, "The slider stays where it is.")

    @tool
    def submit(self) -> Effect:
        """Submit your colour. It ends the episode."""
        self.submitted = True
        return Effect(True)

    def _move(self, channel: str, value: int, same: str) -> Effect:
        names, settings = CHANNELS[self.settings.model], self.settings
        if channel not in names or names.index(channel) not in settings.free:
            return Effect(False, f"There is no slider for {channel}; there is {self._named(' and ')}.")
        axis = names.index(channel)
        if value >= settings.notches[axis]:
            return Effect(False, f"The slider for {channel} goes from 0 to {settings.notches[axis] - 1}.")
        if value == self.positions[axis]:
            return Effect(False, same)
        self.positions[axis] = value
        self._picture = None
        return Effect(True)

    def _named(self, joint: str) -> str:
        return joint.join(CHANNELS[self.settings.model][axis] for axis in self.settings.free)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Sliders) -> Colors | None:
        """Draw both colours; None where a slider is right from the start."""
        limits = zip(settings.low, settings.high, settings.notches, strict=True)
        target = [int(rng.integers(low, min(high + 1, notches))) for low, high, notches in limits]
        start = list(target)
        for axis in settings.free:
            start[axis] = int(rng.integers(settings.notches[axis]))
        if any(start[axis] == target[axis] for axis in settings.free):
            return None
        return (target[0], target[1], target[2]), (start[0], start[1], start[2])

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Colors, settings: Sliders) -> Colors | None:
        """The candidate, or None where fewer moves than sliders make a match."""
        target, start = candidate
        return candidate if len(_plan(settings, target, start)) == len(settings.free) else None

    @classmethod
    def candidate_key(cls, instance: Colors) -> str:
        """Key of both colours' slider positions."""
        return layout_hash("colors", instance)

    def layout_key(self) -> str:
        """Key of the target and the colour at the start; it decides the split."""
        return self.candidate_key((self.target, self.start))

    def _begin(self, instance: Colors) -> None:
        self.target, self.start = instance
        self.positions, self.submitted, self._picture = list(self.start), False, None

    def _get_state(self) -> dict[str, Any]:
        sliders = {"target": list(self.target), "start": list(self.start), "positions": list(self.positions)}
        return {**sliders, "submitted": self.submitted}

    def _set_state(self, state: dict[str, Any]) -> None:
        (a, b, c), (d, e, f) = state["target"], state["start"]
        self._begin(((a, b, c), (d, e, f)))
        self.positions, self.submitted = list(state["positions"]), state["submitted"]

    def _task(self) -> str:
        names, notches = CHANNELS[self.settings.model], self.settings.notches
        sliders = ", ".join(f"{names[axis]} from 0 to {notches[axis] - 1}" for axis in self.settings.free)
        return f"Sliders: {sliders}. {_told(self.settings)}"

    def _matches(self) -> bool:
        at = tuple(self.positions[axis] for axis in self.settings.free)
        return bool(_far(self.settings, self.target)[at] <= _limit(self.settings))

    def _is_success(self) -> bool:
        return self.submitted and self._matches()

    def _is_failure(self) -> bool:
        return self.submitted and not self._matches()

    def _moves(self) -> list[tuple[int, int]]:
        a, b, c = self.positions
        return _plan(self.settings, self.target, (a, b, c))

    def _set_call(self, axis: int, value: int) -> ToolCall:
        return ToolCall("set", {"channel": CHANNELS[self.settings.model][axis], "value": value})

    def _expert_call(self) -> ToolCall:
        moves = self._moves()
        return self._set_call(*moves[0]) if moves else ToolCall("submit")

    def _expert_steps(self) -> int:
        return len(_plan(self.settings, self.target, self.start)) + 1

    def _turns_left(self) -> int:
        return len(self._moves()) + 1

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The calls of one who takes every slider to within 6 % of its right position, and submits."""
        for axis in self.settings.free:
            notches = self.settings.notches[axis]
            if abs(self.positions[axis] - self.target[axis]) > 0.06 * notches:
                off = int(np.rint(rng.uniform(-0.06, 0.06) * notches))
                return self._set_call(axis, min(max(self.target[axis] + off, 0), notches - 1))
        return ToolCall("submit")

    def _rgb(self, positions: Any) -> np.ndarray:
        return rgb_of(self.settings.model, self.settings.notches, np.array(positions))

    def _image(self) -> np.ndarray:
        if self._picture is None:
            settings, names = self.settings, CHANNELS[self.settings.model]
            tracks = []
            for axis in settings.free:
                along = np.tile(self.positions, (settings.notches[axis], 1))
                along[:, axis] = np.arange(settings.notches[axis])
                tracks.append((names[axis], self.positions[axis], self._rgb(along)))
            panel = Panel(self.split == "ood", settings.touching, settings.numbers)
            self._picture = draw_panel(
                self.image_size, panel, self._rgb(self.target), self._rgb(self.positions), tracks
            )
        return self._picture.copy()

    def _text(self) -> str:
        names, notches = CHANNELS[self.settings.model], self.settings.notches
        colors = [" ".join(map(str, self._rgb(p).tolist())) for p in (self.target, self.positions)]
        sliders = [f"{names[axis]}: {self.positions[axis]} of {notches[axis] - 1}" for axis in self.settings.free]
        return "\n".join([f"target: {colors[0]}", f"yours: {colors[1]}", *sliders])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        names = CHANNELS[self.settings.model]
        asked = [
            ("Do the colours match?", "yes" if self._matches() else "no"),
            ("How many sliders are there?", str(len(self.settings.free))),
        ]
        for axis in self.settings.free:
            if self.settings.numbers:
                asked.append((f"At which position is the slider for {names[axis]}?", str(self.positions[axis])))
            if names[axis] != "hue" and self.positions[axis] != self.target[axis]:
                more = "more" if self.target[axis] > self.positions[axis] else "less"
                asked.append((f"Has the target more or less {names[axis]} than yours?", more))
        return [asked[k] for k in rng.permutation(len(asked))]


def _told(settings: Sliders) -> str:
    """What counts as a match, for the agent."""
    most = f"{settings.tolerance:.4g}"
    if settings.visgym:
        return f"A match: the root of (2 x difference in hue)^2 + (difference in saturation)^2 is at most {most}."
    return f"A match: the distance in OKLab is at most {most} hundredths; about 2 is just noticed."


def _limit(settings: Sliders) -> int:
    """The largest squared distance that is a match, in the units of `_far`."""
    return int(settings.tolerance**2) if settings.visgym else round(100 * settings.tolerance) ** 2


@lru_cache(maxsize=32)
def _far(settings: Sliders, target: Positions) -> np.ndarray:
    """Squared distance from the target, in whole numbers, of every position of the free sliders. Not to be changed."""
    if settings.visgym:
        hue, saturation = (np.abs(np.arange(settings.notches[k]) - target[k]) for k in (0, 1))
        hue = np.minimum(hue, settings.notches[0] - hue)
        squares: np.ndarray = 4 * hue[:, None] ** 2 + saturation**2
        return squares
    table = lab_table(settings.model, settings.notches)
    free = tuple(slice(None) if axis in settings.free else target[axis] for axis in range(3))
    off = table[free] - table[target]
    return np.einsum("...k,...k->...", off, off)


@lru_cache(maxsize=4096)
def _plan(settings: Sliders, target: Positions, positions: Positions) -> list[tuple[int, int]]:
    """The fewest moves to a match, each an axis and a position; of several, those that come closest."""
    far, limit = _far(settings, target), _limit(settings)
    at = tuple(positions[axis] for axis in settings.free)
    for count in range(len(at) + 1):
        best: tuple[int, list[tuple[int, int]]] | None = None
        for moved in combinations(range(len(at)), count):
            part = far[tuple(slice(None) if k in moved else at[k] for k in range(len(at)))]
            nearest = int(part.min())
            if nearest <= limit and (best is None or nearest < best[0]):
                places = np.unravel_index(int(part.argmin()), part.shape) if count else ()
                best = nearest, [(settings.free[k], int(place)) for k, place in zip(moved, places, strict=True)]
        if best is not None:
            return best[1]
    raise AssertionError("the target itself is a match")
