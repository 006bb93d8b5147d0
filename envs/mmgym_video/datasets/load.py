"""Load questions from a file or a folder of files, and report every row that cannot be used by its file and line."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmgym_video.datasets.files import SUFFIXES, read_rows, unit_of
from mmgym_video.datasets.formats import FORMATS, Format, looks_like
from mmgym_video.datasets.media import PICTURES, SUBTITLES, VIDEOS, find, relative
from mmgym_video.datasets.row import Row, RowError, Source, check_plain
from mmgym_video.question import Question

__all__ = ["DatasetError", "Loaded", "Problem", "load_questions"]

logger = logging.getLogger(__name__)

_SHOWN = 20


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used."""

    file: str
    line: int
    """Line of JSON lines and CSV, row of JSON lists and Parquet, from 1; 0 for the file as a whole."""
    message: str
    """What is wrong, and what is allowed."""

    def __str__(self) -> str:
        if not self.line:
            return f"{self.file}: {self.message}"
        row = unit_of(Path(self.file)) == "row"
        return f"{self.file}{' row ' if row else ':'}{self.line}: {self.message}"


class DatasetError(ValueError):
    """Questions that cannot be loaded; the message names the file and line of the first problems."""

    def __init__(self, summary: str, problems: tuple[Problem, ...] = ()) -> None:
        lines = [summary, *(f"  {problem}" for problem in problems[:_SHOWN])]
        if len(problems) > _SHOWN:
            lines.append(f"  ... and {len(problems) - _SHOWN} more")
        super().__init__("\n".join(lines))
        self.problems = problems
        """All of them."""


@dataclass(frozen=True)
class Loaded:
    """What was loaded."""

    questions: tuple[Question, ...]
    problems: tuple[Problem, ...]
    """Rows that were left out; empty unless they were to be skipped."""


def load_questions(
    path: str | Path,
    *,
    format: str = "mmgym",
    broken: str = "refuse",
    files: str | Path | None = None,
) -> Loaded:
    """Load questions about videos.

    Args:
        path: a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet), or a folder: then every such file right in it.
        format: a name in `FORMATS`, or ``"auto"`` to tell it by the fields of the first row of each file that is known.
        broken: ``"refuse"`` raises an error that lists every row that cannot be used; ``"skip"`` leaves them out, logs
            them and returns them.
        files: the folder of the videos, or of the whole release. With it, a video that is not there makes its row
            broken, and `Question.video` and `Question.subtitles` are paths of existing files relative to it. Without
            it, `Question.video` is the path that the release uses, and subtitles that no row names are left out.

    Raises:
        DatasetError: for rows that cannot be used, when they are to be refused; or when no question is left.
        ValueError: for a format that does not exist or a wrong `broken`, naming what is allowed.
    """
    if format not in (*FORMATS, "auto"):
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, auto; got {format!r}")
    if broken not in ("refuse", "skip"):
        raise ValueError(f"broken must be one of refuse, skip; got {broken!r}")
    root = Path(files).resolve() if files is not None else None
    if root and not root.is_dir():
        raise DatasetError(f"files must be a folder; {files} is none")
    loader = _Loader(FORMATS.get(format), root)
    for file in _files(Path(path)):
        loader.load(file)
    questions, problems = tuple(loader.questions), tuple(loader.problems)
    if problems and (broken == "refuse" or not questions):
        advice = "; broken='skip' leaves them out" if questions else ", so no question is left"
        raise DatasetError(f"{path}: {len(problems)} of its rows cannot be used{advice}", problems)
    if not questions:
        raise DatasetError(f"{path}: holds no questions")
    for problem in problems[:_SHOWN]:
        logger.warning("left out: %s", problem)
    if len(problems) > _SHOWN:
        logger.warning("left out: %d more rows of %s", len(problems) - _SHOWN, path)
    return Loaded(questions, problems)


def _files(path: Path) -> list[Path]:
    try:
        found = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    if not found:
        raise DatasetError(f"{path}: holds no file of questions, one of {', '.join(SUFFIXES)}")
    return found


class _Loader:
    """Reads file after file; one set of ids holds for all of them."""

    def __init__(self, format: Format | None, root: Path | None) -> None:
        self.format = format
        self.root = root
        self.questions: list[Question] = []
        self.problems: list[Problem] = []
        self._ids: dict[str, str] = {}

    def load(self, path: Path) -> None:
        source = Source(path, textual=path.suffix.lower() in (".csv", ".tsv"))
        format = self.format
        try:
            for found in read_rows(path):
                if found.error:
                    self._report(source, found.number, found.error)
                    continue
                format = format or looks_like(found.value)
                if format is None:
                    self._report(source, found.number, RowError(_unknown(found.value)))
                    continue
                for place, value in format.unfold(found.value) or [("", found.value)]:
                    try:
                        self._add(format, source, found.number, value)
                    except ValueError as error:
                        self._report(source, found.number, error, place)
        except RowError as error:
            self._report(source, 0, error)

    def _add(self, format: Format, source: Source, number: int, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise RowError(f"a row must be an object of fields; got {type(value).__name__}")
        if not format.matches(value):
            raise RowError(_mismatch(format, value))
        question = self._located(format, source, format.read(Row(value, number, source)))
        check_plain(question.tags, "tags")
        if question.id in self._ids:
            raise RowError(f"id {question.id!r:.80} was used already, at {self._ids[question.id]}")
        self._ids[question.id] = str(Problem(source.path.name, number, "")).removesuffix(": ")
        self.questions.append(question)

    def _located(self, format: Format, source: Source, question: Question) -> Question:
        question = replace(question, video=relative(question.video))
        if question.subtitles:
            question = replace(question, subtitles=relative(question.subtitles))
        if self.root is None:
            return question if format.subtitles_named else replace(question, subtitles="")
        folders = [folder.replace("{file}", source.stem) for folder in format.folders]
        names = [relative(name) for name in format.names(question)]
        video = find(self.root, names, folders, VIDEOS + PICTURES)
        if video is None:
            tried = ", ".join(folder or "." for folder in folders)
            raise RowError(
                f"no video {names[0]!r:.120} (nor with another extension) in {tried} of the folder of the files"
            )
        question = format.located(question, video)
        if not question.subtitles:
            return question
        subtitles = find(self.root, [question.subtitles], format.subtitle_folders, SUBTITLES)
        if subtitles is None and format.subtitles_named:
            raise RowError(f"no subtitles {question.subtitles!r:.120} in the folder of the files")
        return replace(question, subtitles=subtitles or "")

    def _report(self, source: Source, number: int, error: Exception, place: str = "") -> None:
        message = f"{place}: {error}" if place else str(error)
        self.problems.append(Problem(str(source.path), number, message))


def _unknown(value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"a row must be an object of fields; got {type(value).__name__}"
    fields = ", ".join(map(str, value))
    return f"the fields {fields[:200]} are those of none of the formats {', '.join(FORMATS)}"


def _mismatch(format: Format, value: Mapping[str, Any]) -> str:
    nearest = min(format.shapes, key=lambda shape: len(shape - value.keys()))
    missing = f"fields {', '.join(sorted(nearest - value.keys()))} of format {format.name} are missing"
    other = looks_like(value)
    return f"{missing}; the row looks like format {other.name}" if other and other is not format else missing
