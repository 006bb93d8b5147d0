"""mmgym's own format: JSON lines whose fields are those of `Question`; read, and written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from mmgym_video.datasets.format import Format
from mmgym_video.datasets.media import relative
from mmgym_video.datasets.options import by_index, by_letter, by_text
from mmgym_video.datasets.row import Row, RowError, Source, check_plain
from mmgym_video.question import Question

__all__ = ["FORMAT", "write_questions"]

_FIELDS = tuple(field.name for field in fields(Question))


def _read(row: Row) -> Question:
    if unknown := sorted(row.fields.keys() - set(_FIELDS)):
        raise RowError(f"unknown fields {', '.join(unknown)}; known: {', '.join(_FIELDS)}. Put others into tags"[:500])
    options = tuple(row.texts("options", strip=False)) if row.has("options") else ()
    kind = row.text("kind") if row.has("kind") else "choice"
    tags = row.fields.get("tags")
    if row.source.textual and isinstance(tags, str):
        tags = _tags_of_a_cell(tags)
    if not isinstance(tags, Mapping | None):
        raise RowError(f"tags must be an object; got {tags!r:.80}")
    check_plain(tags or {}, "tags")
    return Question(
        id=row.label("id") if row.has("id") else f"{row.source.stem}-{row.number}",
        video=row.text("video"),
        question=row.text("question", strip=False),
        answer=_choice_of(options, row.answer("answer"))
        if kind == "choice"
        else row.answer_text("answer", strip=False),
        options=options,
        kind=kind,  # type: ignore[arg-type]  # Question refuses an unknown one
        evidence=row.intervals("evidence"),
        subtitles=row.text("subtitles") if row.has("subtitles") else "",
        subtitles_offset=row.number_of("subtitles_offset") if row.has("subtitles_offset") else 0.0,
        segment=row.interval("segment"),
        family=row.text("family") if row.has("family") else "",
        tags=dict(tags or {}),
    )


def _choice_of(options: tuple[str, ...], given: Any) -> str:
    """An answer that equals an option means that option; else a letter or an index is meant."""
    if len(options) < 2:
        raise RowError(f"a choice needs 2 options or more; got {len(options)}")
    if isinstance(given, str):
        return by_text(options, given) if given in options else by_letter(options, given)
    return by_index(options, given)


def _tags_of_a_cell(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        raise RowError(f"tags must be an object, in JSON; got {text[:80]!r}") from None


FORMAT = Format(
    "mmgym",
    "mmgym's own: the fields of Question",
    (frozenset({"video", "question", "answer"}),),
    _read,
)


def write_questions(path: str | Path, questions: Iterable[Question]) -> None:
    """Write questions as JSON lines of mmgym's own format; `load_questions(path)` gives the same ones back.

    The file appears whole or not at all.

    Raises:
        ValueError: for two questions of one id, a path that leads out of its folder, or tags that JSON cannot hold;
            the message names the question.
    """
    target = Path(path)
    lines, seen = [], set()
    for question in questions:
        try:
            if question.id in seen:
                raise RowError("its id was used before")
            for media in filter(None, (question.video, question.subtitles)):
                if relative(media) != media:
                    raise RowError(f"a path must be plain, as {relative(media)!r}; got {media!r}")
            row = {name: _jsonable(getattr(question, name)) for name in _FIELDS}
            check_plain(row)
            kept = {name: value for name, value in row.items() if value not in ("", [], {}, None, 0.0)}
            if _read(Row(kept, 0, Source(target))) != question:
                raise RowError("it would not be read back the same: texts must not be blank or padded with spaces")
        except RowError as error:
            raise ValueError(f"question {question.id!r}: {error}") from None
        seen.add(question.id)
        lines.append(json.dumps(kept, ensure_ascii=False, allow_nan=False))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _jsonable(value: Any) -> Any:
    return [_jsonable(one) for one in value] if isinstance(value, tuple) else value
