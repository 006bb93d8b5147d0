"""What a format of questions is: how its rows are recognised and read, and where its release keeps the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmgym_video.datasets.row import Row, RowError
from mmgym_video.question import Question

__all__ = ["Format", "choice"]


def _one_name(question: Question) -> Sequence[str]:
    return (question.video,)


def _found(question: Question, path: str) -> Question:
    return replace(question, video=path)


def _as_it_is(value: Any) -> None:
    return None


@dataclass(frozen=True)
class Format:
    """One published format."""

    name: str
    summary: str
    """What it is, in a few words."""
    shapes: tuple[frozenset[str], ...]
    """Sets of fields, one for each shape in which it is published. A row has the shape when it has all the fields."""
    read: Callable[[Row], Question]
    """From a row to a question; raises ValueError (`RowError`) when the row cannot be used."""
    folders: tuple[str, ...] = ("",)
    """Folders below `files` in which the videos lie, first that has them; ``{file}`` stands for the name of the file of
    questions, without its extension."""
    subtitle_folders: tuple[str, ...] = ("",)
    """The same for subtitles."""
    subtitles_named: bool = True
    """Whether rows name their subtitles, which must then exist; else they are used where they exist."""
    unfold: Callable[[Any], list[tuple[str, Any]] | None] = _as_it_is
    """The rows that are nested in one value of the file, each with where it is; None for a value that is a row."""
    names: Callable[[Question], Sequence[str]] = _one_name
    """Paths under which releases keep the video, in the order in which they are tried."""
    located: Callable[[Question, str], Question] = _found
    """The question, once its video was found at this path."""

    def matches(self, fields: Mapping[str, Any]) -> int:
        """How many fields tell that a row is of this format; 0 when it is not."""
        return max((len(shape) for shape in self.shapes if shape <= fields.keys()), default=0)


def choice(options: Sequence[str], answer: str, **fields: Any) -> Question:
    """A question of several options.

    Raises:
        RowError: for fewer than two options.
    """
    if len(options) < 2:
        raise RowError(f"a choice needs 2 options or more; got {len(options)}")
    return Question(kind="choice", options=tuple(options), answer=answer, **fields)
