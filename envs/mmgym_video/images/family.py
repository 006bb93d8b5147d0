"""What a family of questions about drawn pictures is: how a picture is drawn, where to look, and what follows from it.

A case can be drawn for each of its options, as the picture would be were that option right. These pictures differ in
nothing but what is too small to be seen from afar, and which of them is shown is drawn last, evenly and apart from
everything else. So neither the text nor the whole picture says anything about the answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmgym.draw import Color
from mmgym_puzzles.perception.scenes import LOOKS
from mmgym_video.images.drawing import Drawing, Fact
from mmgym_video.question import Kind, Question

__all__ = ["CLEAR", "Case", "Family", "Look", "Scene", "Setting", "Theme", "around", "near_codes", "place_names"]

CLEAR = "ACDEFHJKLMNPRTUVWXY3479"
"""Characters that are not easily taken for one another."""
SIDES = {1: 2048, 2: 2048, 3: 2560, 4: 3072, 5: 4096}
"""Longer side of a picture in pixels, by level."""
LINES = {1: 28, 2: 26, 3: 24, 4: 22, 5: 20}
"""Height of a line of text in pixels of the picture, by level."""

_STARTS = (
    "Ald Bar Cal Dun Elm Fen Gar Hol Ing Kel Lam Mar Nor Oak Pem Rad Sel Tor Ulm Ver Wal Yar Zen Bel Cor Dor".split()
)
_ENDS = "ham ton ley wick den ford mere stow bury gate well croft dale field haven more rick son way wood".split()


@dataclass(frozen=True)
class Theme:
    """Colours of a picture."""

    ground: Color
    paper: Color
    """Of plates, maps and tables."""
    ink: Color
    faint: Color
    """Of lines of little weight, and of text from afar."""
    edge: Color
    shades: dict[str, Color]
    """Colours by name."""


THEMES = {
    "usual": Theme(
        (236, 234, 228), (255, 255, 255), (24, 26, 32), (172, 172, 176), (52, 50, 56), LOOKS["usual"].shades
    ),
    "ood": Theme((52, 66, 84), (206, 222, 226), (12, 20, 44), (132, 150, 160), (244, 244, 240), LOOKS["ood"].shades),
}


@dataclass(frozen=True)
class Setting:
    """What kind of instance is wanted."""

    level: int = 1
    """From 1 to 5."""
    split: str = "train"
    """``ood`` has other colours; what is asked decides the split otherwise."""

    @property
    def side(self) -> int:
        """Longer side of the picture in pixels."""
        return SIDES[self.level]

    @property
    def line(self) -> int:
        """Height of a line of text in pixels of the picture."""
        return LINES[self.level]

    @property
    def theme(self) -> Theme:
        """Colours."""
        return THEMES["ood" if self.split == "ood" else "usual"]


@dataclass(frozen=True)
class Look:
    """A part of the picture that the expert wants to see."""

    box: tuple[float, float, float, float]
    """Left, top, right and bottom in pixels of the picture."""
    height: float
    """Height of the finest thing in it that has to be made out, in pixels of the picture."""
    angle: int = 0
    """Degrees by which the picture has to be turned anticlockwise to read it."""
    level: float | None = None
    """Where a horizontal line is to be drawn across the picture first, in pixels from its top; None for none."""


@dataclass(frozen=True)
class Scene:
    """A picture, and where to look at it."""

    drawing: Drawing
    looks: tuple[Look, ...]
    """What has to be seen to answer, besides the whole picture, which is always shown; as little as possible."""


@dataclass(frozen=True)
class Case:
    """An instance."""

    question: Question
    """Its `answer` is the option that is right."""
    scene: Callable[[int], Scene]
    """The picture were the option of this index right."""
    conclude: Callable[[Sequence[Fact]], str]
    """The answer (one of the options) that follows from what was seen in all views together, each thing once. Reads
    nothing else: with the `looks` seen it is right, with less it may be a guess."""
    content: Hashable
    """What decides the split: what is asked and the options, without the answer, times and places."""


class Family(ABC):
    """A kind of question. A subclass has no state: `draw` depends on the generator and the setting alone."""

    name: ClassVar[str]
    """Name, for ``options["task"]`` and reports."""
    summary: ClassVar[str]
    """What is asked, in one line."""
    open_kind: ClassVar[Kind] = "ocr"
    """How an answer is compared when no options are given."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""

    def _case(
        self,
        rng: np.random.Generator,
        asked: str,
        options: Sequence[str],
        scene: Callable[[int], Scene],
        conclude: Callable[[Sequence[Fact]], str],
        subject: Hashable = "",
    ) -> Case:
        """The case of a question, with the right option drawn; the last that is drawn.

        Args:
            rng: what draws it.
            asked: the question.
            options: the options, in the order in which they are shown.
            scene: see `Case`.
            conclude: see `Case`.
            subject: what the split depends on besides the options.
        """
        right = int(rng.integers(len(options)))
        question = Question(
            id=self.name,
            video=self.name,
            question=asked,
            answer=options[right],
            options=tuple(options),
            family=self.name,
        )
        return Case(question, scene, conclude, (subject, tuple(sorted(options))))


def near_codes(rng: np.random.Generator, alphabet: str, length: int, count: int = 4) -> list[str]:
    """Different codes of one length that are alike: each pair differs in one or two characters. In random order."""
    base = [alphabet[int(k)] for k in rng.integers(len(alphabet), size=length)]
    found = ["".join(base)]
    while len(found) < count:
        place, letter = int(rng.integers(length)), alphabet[int(rng.integers(len(alphabet)))]
        code = "".join([*base[:place], letter, *base[place + 1 :]])
        if code not in found:
            found.append(code)
    return [found[k] for k in rng.permutation(count)]


def place_names(rng: np.random.Generator, count: int) -> list[str]:
    """Different names, as of places, five to eight letters long; at most 520."""
    return [
        _STARTS[k // len(_ENDS)] + _ENDS[k % len(_ENDS)] for k in rng.permutation(len(_STARTS) * len(_ENDS))[:count]
    ]


def around(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box around a point."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
