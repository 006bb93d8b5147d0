"""NumberLine: step along a line of numbers to the target."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from mmgym.draw import Color, blank, disc, draw_text, line, paint, polygon, rectangle
from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.cards.game import Game, write_number
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["NumberLine"]


class Line(NamedTuple):
    """An instance."""

    first: int
    """The number of the leftmost tick."""
    step: int
    """What a tick adds to the one on its left; negative where numbers fall to the right."""
    ticks: int
    labels: tuple[int, ...]
    """The ticks, from 0 on, whose number is written."""
    start: int
    """The tick where the marker starts."""
    target: int
    """The tick of the target."""


@dataclass(frozen=True)
class Lines:
    """What lines to draw."""

    ticks: tuple[int, int]
    """Fewest and most ticks."""
    numbers: tuple[int, int]
    """Smallest and largest number of the leftmost tick."""
    steps: tuple[int, ...]
    """What a tick may count."""
    labels: str
    """Which ticks have their number: ``all``, ``fifth`` (the multiples of five), or ``two`` of them."""
    distance: tuple[int, int]
    """Fewest and most moves to the target."""
    flag: bool
    """Whether a flag marks the target on the line; else only its number is shown."""
    mistakes: int | None
    """Wrong moves that leave time to reach the target; None allows twice the last number of moves, as RL4VLM."""
    mirrored: bool = False
    """Whether numbers may fall to the right."""
    turns: int = 0
    """Turns until truncation, where that is the same for all lines."""


LEVELS = {
    1: Lines((6, 9), (0, 9), (1,), "all", (1, 5), True, 4),
    2: Lines((10, 13), (5, 85), (1,), "all", (3, 8), False, 3),
    3: Lines((16, 21), (10, 180), (1,), "fifth", (5, 12), False, 3),
    4: Lines((18, 25), (-60, 300), (2, 5, 10), "two", (8, 16), False, 3),
    5: Lines((24, 31), (-200, 600), (3, 4, 7, 15, 25), "two", (12, 22), False, 2, True),
}
PRESETS = {"rl4vlm": Lines((6, 6), (0, 0), (1,), "all", (1, 5), True, None, turns=10)}
LINE, CURRENT, TARGET = 0.62, 0.27, 0.12
"""Heights of the line, and of what is written above it, over the picture's."""


@lru_cache(1)
def _ways() -> list[tuple[int, int]]:
    """The ways between two of RL4VLM's numbers, in the order of their splits."""
    return sorted(itertools.combinations(range(6), 2), key=lambda way: layout_hash("way", way))


class NumberLine(Game):
    """Step along a line of numbers to the target.

    ## Description
    A horizontal line has ticks at equal distances, each for a number. A blue marker stands at one of them. The agent
    moves it from tick to tick until it stands at the target. The ends of the line stop it.

    ## Action space
    One tool: `move(direction)` with direction `"left"` or `"right"`, one tick along the line as it is drawn. In this
    order they are the actions 0 and 1 of RL4VLM.

    ## Observation space
    `image`: the line with its marker, and the number of the target, uint8 (image_size, image_size, 3). On level 1 a red
    flag stands at the target and the current number is written too. `text`, the text twin: the ticks from left to right
    (`?` for one without a number), the tick of the marker, and the target. `feedback`: that the line ends there.

    ## Starting state
    Line, start and target are drawn uniformly within the level's ranges. The split is decided by a hash of the line's
    numbers, start and target; on RL4VLM's line a way and its way back share a split. The split `ood` has other colours
    and a round marker.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 on reaching the target (term `outcome`), else 0. Preset `rl4vlm`: 1 on reaching the target, -1 for a turn after
    which it is no nearer (also at the end of the line, and for an invalid call), else 0.

    ## Episode end
    Terminated at the target (success); truncated when the turns are used up: those to the target, and two for each
    wrong move that the level forgives.

    ## Arguments
    Those of `Puzzle`. The expert goes straight to the target, in the fewest moves.

    | level | ticks | a tick counts | numbers written | target shown as | moves | forgiven |
    |---|---|---|---|---|---|---|
    | 1 | 6-9 | 1 | all | flag and number | 1-5 | 4 |
    | 2 | 10-13 | 1 | all, two digits | number | 3-8 | 3 |
    | 3 | 16-21 | 1 | multiples of 5 | number | 5-12 | 3 |
    | 4 | 18-25 | 2, 5 or 10 | two | number | 8-16 | 3 |
    | 5 | 24-31 | 3, 4, 7, 15 or 25, up or down | two | number | 12-22 | 2 |

    Preset `rl4vlm`: gym_cards/NumberLine-v0 (github.com/RL4VLM/RL4VLM): numbers 0 to 5, start and target as drawn
    there, 10 turns, its text as `text`, a picture of 300 pixels (ours has a line; theirs only the two numbers).

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    invalid_pay = -1.0
    random_below: ClassVar[float] = 0.22
    instruction = (
        "You see a number line with a marker on it and the number of a target. The ticks are evenly spaced; not every "
        "tick has its number, and numbers may grow to the left. Move the marker left or right, one tick at a time, "
        "until it is at the target. Turns are limited."
    )
    description_rule = "Say two numbers: where the marker is, and the target."
    question_texts = (
        "Which number is the marker at?",
        "Which number is the target?",
        "Is the target left or right of the marker?",
        "How many moves is the target away?",
        "Look around.",
    )
    words = ("left", "right", "here", *map(str, range(100)))
    notes = ("The line ends there.",)
    position: int
    """The marker's tick."""
    _ground: np.ndarray | None
    """The picture without the marker and its number, once it is drawn."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(Line(0, 1, 6, (0, 1, 2, 3, 4, 5), 1, 4))

    @tool
    def move(self, direction: Literal["left", "right"]) -> Effect:
        """Move the marker one tick along the line.

        Args:
            direction: where to.
        """
        before = self._turns_left()
        to = self.position + (1 if direction == "right" else -1)
        inside = 0 <= to < self.line.ticks
        if inside:
            self.position, self._picture = to, None
        after = self._turns_left()
        self._pay(1.0 if after == 0 else 0.0 if after < before else -1.0)
        return Effect(inside, "" if inside else "The line ends there.")

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Lines) -> Line | None:
        """Draw a line with start and target, or None when there is no tick at the drawn distance."""
        if settings.mistakes is None:
            start, target = rng.integers(0, 6, 2).tolist()
            # RL4VLM's own rule for two equal numbers
            return Line(0, 1, 6, tuple(range(6)), start, target if target != start else (target + 1) % 5)
        ticks = int(rng.integers(settings.ticks[0], settings.ticks[1] + 1))
        step = int(rng.choice(settings.steps)) * (-1 if settings.mirrored and rng.random() < 0.5 else 1)
        first = int(rng.integers(settings.numbers[0], settings.numbers[1] + 1))
        if abs(step) > 1:
            first -= first % abs(step)
        start = int(rng.integers(ticks))
        away = int(rng.integers(settings.distance[0], settings.distance[1] + 1)) * (1 if rng.random() < 0.5 else -1)
        if not 0 <= start + away < ticks:
            return None
        labels = tuple(range(ticks))
        if settings.labels == "fifth":
            labels = tuple(k for k in labels if (first + k * step) % 5 == 0)
        elif settings.labels == "two":
            one = int(rng.integers(0, ticks // 3))
            labels = (one, int(rng.integers(one + ticks // 3, ticks)))
        return Line(first, step, ticks, labels, start, start + away)

    @classmethod
    def candidate_key(cls, instance: Line) -> str:
        """Key of the numbers, the start and the target, whichever ticks are labelled.

        RL4VLM's line has 15 ways between two numbers: their keys are spread evenly, and a way back has that of the way.
        """
        ends = instance.start, instance.target
        if instance[:3] == (0, 1, 6):
            ways = _ways()
            place = ways.index((min(ends), max(ends)))
            return f"{(2 * place + 1) * 2**31 // len(ways):08x}{layout_hash('way', ends)[8:]}"
        return layout_hash("number line", instance[:3], *ends)

    def layout_key(self) -> str:
        """Key of the line, the start and the target; it decides the split."""
        return self.candidate_key(self.line)

    def _begin(self, instance: Line) -> None:
        self.line, self.position = instance, instance.start
        self._ground = self._picture = None

    def _turn_limit(self) -> int:
        if self.settings.mistakes is None:
            return int(self.settings.turns)
        return self._expert_steps() + 2 * int(self.settings.mistakes)

    def _get_state(self) -> dict[str, Any]:
        return {**self.line._asdict(), "labels": list(self.line.labels), "position": self.position}

    def _set_state(self, state: dict[str, Any]) -> None:
        values = {name: state[name] for name in Line._fields}
        self._begin(Line(**{**values, "labels": tuple(state["labels"])}))
        self.position = state["position"]

    def _is_success(self) -> bool:
        return self.position == self.line.target

    def _expert_call(self) -> ToolCall:
        return ToolCall("move", {"direction": "right" if self.line.target > self.position else "left"})

    def _expert_steps(self) -> int:
        return abs(self.line.target - self.line.start)

    def _turns_left(self) -> int:
        return abs(self.line.target - self.position)

    def _number(self, tick: int) -> int:
        return self.line.first + tick * self.line.step

    def _x(self, tick: int) -> float:
        """A tick's place from the left, over the picture's width."""
        margin = 0.08
        return margin + (1 - 2 * margin) * tick / (self.line.ticks - 1)

    def _image(self) -> np.ndarray:
        if self._ground is None:
            self._ground = self._draw_ground()
        if self._picture is None:
            self._picture = self._ground.copy()
            self._draw_marker(self._picture)
        return self._picture.copy()

    def _draw_ground(self) -> np.ndarray:
        paper, ink, _, flag = _LOOKS[self.look]
        size, place = self.image_size, self.line
        image = blank(size, size, paper)
        shapes = [rectangle(0.04, LINE - 0.008, 0.96, LINE + 0.008, ink)]
        for tick in range(place.ticks):
            reach = 0.045 if tick in place.labels else 0.025
            shapes.append(line(self._x(tick), LINE - reach, self._x(tick), LINE + reach, 0.008, ink))
        if self.settings.flag:
            x = self._x(place.target)
            shapes.append(line(x, LINE + 0.15, x, LINE + 0.31, 0.014, ink))
            tip = x + 0.08 if x < 0.85 else x - 0.08
            shapes.append(polygon([(x, LINE + 0.15), (tip, LINE + 0.19), (x, LINE + 0.23)], flag))
        paint(image, shapes)
        staggered = len(place.labels) > 9
        for tick in place.labels:
            y = LINE + 0.1 + (0.085 if staggered and tick % 2 else 0.0)
            write_number(image, self._number(tick), self._x(tick) * size, y * size, 0.105 * size, ink, left=False)
        draw_text(image, "Target:", 0.06 * size, TARGET * size, 0.13 * size, ink, anchor="left")
        number = self._number(place.target)
        write_number(image, number, 0.55 * size, TARGET * size, 0.16 * size, flag, left=True, bold=True)
        if self.settings.flag:
            draw_text(image, "Current:", 0.06 * size, CURRENT * size, 0.13 * size, ink, anchor="left")
        return image

    def _draw_marker(self, image: np.ndarray) -> None:
        size, x = self.image_size, self._x(self.position)
        top, bottom = math.floor((LINE - 0.15) * size), math.ceil((LINE - 0.01) * size)
        left, right = max(0, math.floor((x - 0.05) * size)), math.ceil((x + 0.05) * size)
        part = image[top:bottom, left:right]
        part[:] = _marked(part.tobytes(), part.shape, self.look, size, x, (left, top))
        if self.settings.flag:
            y, number, color = CURRENT * size, self._number(self.position), _LOOKS[self.look][2]
            write_number(image, number, 0.55 * size, y, 0.16 * size, color, left=True, bold=True)

    def _text(self) -> str:
        target, current = self._number(self.line.target), self._number(self.position)
        if self.preset is not None:
            return f"Target number: {target}. Current number: {current}"
        labels = [str(self._number(k)) if k in self.line.labels else "?" for k in range(self.line.ticks)]
        lines = [f"Ticks from left to right: {' '.join(labels)}"]
        lines.append(f"The marker is at tick {self.position + 1} from the left.")
        lines.append(f"Target: {target}")
        if self.settings.flag:
            lines.append(f"Current: {current}")
        return "\n".join(lines)

    def _description(self) -> str:
        return f"{self._number(self.position)} {self._number(self.line.target)}"

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        away = self.line.target - self.position
        side = "here" if away == 0 else "right" if away > 0 else "left"
        number, target = self._description().split()
        answers = [number, target, side, str(abs(away)), f"{number} {target} {side}"]
        return [(self.question_texts[k], answers[k]) for k in rng.permutation(len(answers))]


_LOOKS: dict[str, tuple[Color, Color, Color, Color]] = {
    "usual": ((255, 255, 255), (20, 20, 20), (30, 90, 220), (214, 30, 30)),
    "ood": ((34, 40, 56), (236, 232, 210), (255, 176, 40), (110, 220, 150)),
}
"""Paper, ink, marker and flag by look."""


@lru_cache(maxsize=1024)
def _marked(
    ground: bytes, shape: tuple[int, int, int], look: str, size: int, x: float, at: tuple[int, int]
) -> np.ndarray:
    """A part of a picture with the marker on it, read-only.

    Args:
        ground: the part without the marker.
        shape: of the part.
        look: the look's name.
        size: side of the whole picture in pixels.
        x: the marker's place from the left, over the picture's width.
        at: column and row of the part's corner.
    """
    left, top = at
    image = np.zeros((size, size, 3), np.uint8)
    part = image[top : top + shape[0], left : left + shape[1]]
    part[:] = np.frombuffer(ground, np.uint8).reshape(shape)
    color = _LOOKS[look][2]
    if look == "ood":
        paint(image, [disc(x, LINE - 0.09, 0.042, color)])
    else:
        paint(image, [polygon([(x - 0.045, LINE - 0.14), (x + 0.045, LINE - 0.14), (x, LINE - 0.02)], color)])
    marked = part.copy()
    marked.flags.writeable = False
    return marked
