"""The one record that every source of questions about videos and pictures is brought into."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["KINDS", "LETTERS", "Question"]

Kind = Literal["choice", "numeric", "ocr", "free_text", "regression", "name"]
KINDS = ("choice", "numeric", "ocr", "free_text", "regression", "name")
"""Kinds of answers: one of several options; a number; text that is read off; a sentence; a number, the nearer the
better; what something is called."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Question:
    """A question about a video or a picture, with its answer."""

    id: str
    """Identifier, distinct within its source."""
    video: str
    """What is asked about: a path relative to the folder of the files, or a name."""
    question: str
    """What is asked, without the options."""
    answer: str
    """The right answer: the text of the right option, a number, or text."""
    options: tuple[str, ...] = ()
    """The options of a ``choice``, without letters before them; else empty."""
    kind: Kind = "choice"
    """How answers are compared (`mmgym_video.scoring`)."""
    evidence: tuple[tuple[float, float], ...] = ()
    """Where in the file the answer is, as (start, end) in seconds; empty where it is not known."""
    subtitles: str = ""
    """Path of a file of subtitles, relative like `video`; empty without one."""
    subtitles_offset: float = 0.0
    """Seconds that are subtracted from the times in that file."""
    segment: tuple[float, float] | None = None
    """The part of the file that is asked about, as (start, end) in seconds; None for all of it."""
    family: str = ""
    """Kind of question in its source, e.g. ``counting``; results are reported by it."""
    tags: dict[str, Any] = field(default_factory=dict)
    """What else the source says, by name, JSON-able."""

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("question must not be empty")
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {self.kind!r}")
        if self.kind == "choice":
            if not 2 <= len(self.options) <= len(LETTERS):
                raise ValueError(f"a choice needs 2 to {len(LETTERS)} options; got {len(self.options)}")
            if self.options.count(self.answer) != 1:
                raise ValueError(f"answer must be exactly one of the options; got {self.answer!r} of {self.options!r}")
        elif self.options:
            raise ValueError(f"only a choice has options; kind is {self.kind}")
        if self.kind in ("numeric", "regression") and not _is_number(self.answer):
            raise ValueError(f"the answer of a {self.kind} question must be a finite number; got {self.answer!r}")
        for start, end in (*self.evidence, *([self.segment] if self.segment else [])):
            if not 0 <= start <= end < math.inf:
                raise ValueError(f"intervals must be (start, end) with 0 <= start <= end; got {(start, end)}")

    @property
    def answer_index(self) -> int:
        """Index of the right option of a choice."""
        return self.options.index(self.answer)

    @property
    def letter(self) -> str:
        """Letter of the right option of a choice."""
        return LETTERS[self.answer_index]

    def text(self) -> str:
        """The question as an agent reads it: with its options, each after its letter, on lines of their own."""
        return "\n".join([self.question, *(f"{LETTERS[i]}. {option}" for i, option in enumerate(self.options))])


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", "")))
    except ValueError:
        return False
