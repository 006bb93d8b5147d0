"""What a family of questions is: how a video with its question is drawn, where to look, and what follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from mmgym_video.pictures import WHOLE, Box
from mmgym_video.procedural.stage import Fact
from mmgym_video.question import Kind, Question
from mmgym_video.video import Video

__all__ = ["DURATIONS", "Case", "Drawn", "Family", "Listen", "Look", "Setting", "Sighting", "pick_times", "shuffled"]

DURATIONS = {1: 60.0, 2: 180.0, 3: 600.0, 4: 1800.0, 5: 7200.0}
"""Length of a video in seconds, by level."""


@dataclass(frozen=True)
class Setting:
    """What kind of instance is wanted."""

    level: int = 1
    """From 1 to 5."""
    split: str = "train"
    """``ood`` looks different; what is in an instance decides its split otherwise."""
    duration: float = 60.0
    """Seconds."""
    size: tuple[int, int] = (480, 640)
    """Height and width of the frames."""

    @property
    def look(self) -> str:
        """Look of the stage."""
        return "ood" if self.split == "ood" else "usual"


@dataclass(frozen=True)
class Look:
    """One frame, or a part of it, that the expert wants to see."""

    time: float
    """Seconds."""
    box: Box = WHOLE
    """The part; text in it that is too small to read in the whole frame can then be read."""


@dataclass(frozen=True)
class Listen:
    """A stretch that the expert wants to hear."""

    start: float
    """Seconds."""
    end: float
    """Seconds."""


@dataclass(frozen=True)
class Sighting:
    """What was seen of a frame, or heard or read in a stretch.

    Of a sound track `facts` has sounds alone (`SoundTrack.heard`), of subtitles lines (``what`` is ``line``, with
    ``start``, ``end`` and ``text``).
    """

    time: float
    """When the frame appears, or the stretch begins, in seconds."""
    facts: tuple[Fact, ...]
    """What can be seen in it, or heard."""
    box: Box = WHOLE
    """The part of the frame."""


class Drawn(Video, Protocol):
    """A video whose frames are known exactly."""

    def frame_time(self, time: float) -> float:
        """When the frame that is shown at a time appears."""
        ...

    def facts(self, time: float, box: Box = WHOLE, height: int = 1000) -> tuple[Fact, ...]:
        """What the frame at a time shows; see `mmgym_video.procedural.stage.Stage.facts`."""
        ...


@dataclass(frozen=True)
class Case:
    """An instance: a video, a question about it, and how it is answered by looking."""

    video: Drawn
    question: Question
    """Its `evidence` holds every moment that has to be seen, and not much else."""
    looks: tuple[Look, ...]
    """What has to be seen to answer, in the order in which the expert asks for it; as few as possible."""
    conclude: Callable[[Sequence[Sighting]], str]
    """The answer (one of the options) that follows from what was seen, in order of time. Reads nothing else: with the
    `looks` seen it is right, with less it may be a guess."""
    content: Hashable
    """What decides the split: the things and values that are asked about, without times and places."""
    listens: tuple[Listen, ...] = ()
    """What has to be heard as well."""
    reads: tuple[Listen, ...] = ()
    """Stretches whose subtitles have to be read as well."""


class Family(ABC):
    """A kind of question. A subclass has no state: `draw` depends on the generator and the setting alone."""

    name: ClassVar[str]
    """Name, for ``options["task"]`` and reports."""
    summary: ClassVar[str]
    """What is asked, in one line."""
    order_sensitive: ClassVar[bool]
    """Whether the frames in another order leave nothing but chance (or the best constant answer)."""
    audio_needed: ClassVar[bool] = False
    """Whether the picture without its sound leaves nothing but chance."""
    open_kind: ClassVar[Kind] = "ocr"
    """How an answer is compared when no options are given."""
    chance: ClassVar[float] = 0.25
    """Success of the best policy that does not look."""
    least_height: ClassVar[int] = 192
    """Pixels that the whole frame has to be high, as it is and as it is shown, for its things to be told apart."""
    stretches: ClassVar[Mapping[int, int]] = {}
    """By level, into how many equal stretches one can cut the video so that the middle of a stretch shows what any time
    in it shows. Empty where there is no such number; then `VideoQA` has no `parts`."""
    values: ClassVar[tuple[str, ...]] = ()
    """Every answer there is, where these are few; else empty."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance. Every option is equally likely to be right, whatever the text says."""


def pick_times(rng: np.random.Generator, count: int, start: float, end: float, length: float) -> list[float]:
    """Starts of `count` intervals of `length` seconds in [start, end], in order, none overlapping another.

    All such placements are equally likely.

    Raises:
        ValueError: when there is no room for them.
    """
    room = end - start - count * length
    if room < 0:
        raise ValueError(f"{count} intervals of {length:g} s do not fit into {end - start:g} s")
    return [start + gap + number * length for number, gap in enumerate(sorted((rng.random(count) * room).tolist()))]


def shuffled(rng: np.random.Generator, options: Sequence[str]) -> tuple[str, ...]:
    """The options in random order."""
    return tuple(options[i] for i in rng.permutation(len(options)))
