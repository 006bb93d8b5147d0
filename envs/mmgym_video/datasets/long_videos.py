"""Adapters for the formats of long videos: Video-MME, LongVideoBench, MLVU, EgoSchema, CG-Bench, LVBench.

Fields as the projects' own loaders and files have them, and as lmms-eval reads its copies; each docstring says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mmgym_video.datasets.format import Format, choice
from mmgym_video.datasets.options import bare_options, by_index, by_letter, by_text, split_question
from mmgym_video.datasets.row import Row, RowError
from mmgym_video.question import Question

__all__ = ["FORMATS"]


def _video_mme(row: Row) -> Question:
    """Fields from lmms-eval and the dataset's card; options are written "A. ...", the answer is a letter."""
    options = bare_options(row.texts("options"))
    video = row.text("videoID")
    return choice(
        options,
        by_letter(options, row.answer("answer")),
        id=row.label("question_id"),
        video=f"{video}.mp4",
        question=row.text("question"),
        subtitles=f"{video}.srt",
        family=row.text("task_type"),
        tags=row.tags("duration", "domain", "sub_category", "video_id", "url"),
    )


def _long_video_bench(row: Row) -> Question:
    """Fields from the project's loader (`candidates`) and lmms-eval (`option0` .. `option4`, "N/A" for none).

    Times of subtitles count from the start of the film that the video was cut from, `starting_timestamp_for_subtitles`.
    """
    answer = row.answer("correct_choice")
    if answer in (-1, "-1"):
        raise RowError("no answer: correct_choice is -1, as in the test split")
    if row.has("candidates"):
        options = row.texts("candidates")
    else:
        options = [row.text(name) for name in (f"option{i}" for i in range(5)) if row.has(name)]
        while options and options[-1] == "N/A":
            options.pop()
    return choice(
        options,
        by_index(options, answer),
        id=row.label("id"),
        video=row.text("video_path"),
        question=row.text("question"),
        subtitles=row.text("subtitle_path") if row.has("subtitle_path") else "",
        subtitles_offset=row.number_of("starting_timestamp_for_subtitles")
        if row.has("starting_timestamp_for_subtitles")
        else 0.0,
        family=row.text("question_category"),
        tags=row.tags("duration", "duration_group", "topic_category", "level", "position", "video_id"),
    )


def _mlvu(row: Row) -> Question:
    """The project's JSON files, and lmms-eval's copy.

    The project's have `candidates` and the answer as text; without candidates the answer is free text (generation). In
    the copy the options are in the question, and the answer is a letter.
    """
    tags = row.tags("duration", "scoring_points", "question_id")
    if row.has("video_name"):
        question, options = split_question(row.text("question"))
        right = by_letter(options, row.answer("answer"))
        video, family = row.text("video_name"), row.text("task_type")
    else:
        question, video, family = row.text("question"), row.text("video"), row.text("question_type")
        if not row.has("candidates"):
            answer = row.answer_text("answer")
            return Question(_numbered(row), video, question, answer, kind="free_text", family=family, tags=tags)
        options = tuple(row.texts("candidates"))
        right = by_text(options, row.answer_text("answer"))
    return choice(options, right, id=_numbered(row), video=video, question=question, family=family, tags=tags)


def _ego_schema(row: Row) -> Question:
    """The project's `questions.json` (`q_uid`, "option 0" .. "option 4"), and lmms-eval's copy (`video_idx`, `option`).

    The project publishes 500 answers of 5,031, in `subset_answers.json`, which is read where it lies beside the
    questions.
    """
    if row.has("q_uid"):
        video = row.text("q_uid")
        options = tuple(row.text(f"option {i}") for i in range(5))
        answers = row.source.beside("subset_answers.json")
        answer = answers.get(video) if isinstance(answers, dict) and not row.has("answer") else row.fields.get("answer")
    else:
        video, options, answer = row.text("video_idx"), bare_options(row.texts("option")), row.fields.get("answer")
    if answer is None:
        raise RowError("no answer: EgoSchema publishes answers of its subset only (in subset_answers.json)")
    return choice(
        options,
        by_index(options, answer),
        id=row.label("question_idx") if row.has("question_idx") else video,
        video=f"{video}.mp4",
        question=row.text("question"),
        family="egoschema",
        tags=row.tags("google_drive_id"),
    )


def _cg_bench(row: Row) -> Question:
    """Fields as in the project's `cgbench.json`. `clue_intervals`, in seconds, is where the answer is."""
    options = row.texts("choices")
    video = row.text("video_uid")
    return choice(
        options,
        by_letter(options, row.answer("right_answer")),
        id=row.label("qid"),
        video=f"{video}.mp4",
        question=row.text("question"),
        evidence=row.intervals("clue_intervals"),
        subtitles=f"{video}.srt",
        family=row.text("sub_category"),
        tags=row.tags("domain", "duration"),
    )


def _lv_bench(row: Row) -> Question:
    """The project's `video_info.meta.jsonl`, and lmms-eval's copy.

    The project's, as its `compute_accuracy.py` and VideoMind's loader read it, has one video a line with its questions
    under `qa`, and the options in the question. The copy has `video_path`, with or without `options`.

    `time_reference`, "mm:ss-mm:ss", is taken as the evidence; written otherwise, it is a tag only.
    """
    if row.has("options"):
        question, options = row.text("question"), bare_options(row.texts("options"))
    else:
        question, options = split_question(row.text("question"))
    types = row.fields.get("question_type")
    names = row.texts("question_type") if isinstance(types, list) else [row.text("question_type")] if types else []
    evidence = _clock_interval(row.text("time_reference")) if row.has("time_reference") else None
    return choice(
        options,
        by_letter(options, row.answer("answer")),
        id=row.label("uid") if row.has("uid") else _numbered(row),
        video=row.text("video_path") if row.has("video_path") else f"{row.text('key')}.mp4",
        question=question,
        evidence=(evidence,) if evidence else (),
        family=names[0] if names else "",
        tags=row.tags("question_type", "time_reference", "type"),
    )


def _lv_bench_rows(value: Any) -> list[tuple[str, Any]] | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("qa"), list):
        return None
    video = {name: value[name] for name in ("key", "type") if name in value}
    return [(f"qa[{i}]", {**video, **one} if isinstance(one, Mapping) else one) for i, one in enumerate(value["qa"])]


def _clock_interval(text: str) -> tuple[float, float] | None:
    clocks = [re.fullmatch(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})", part.strip()) for part in text.split("-")]
    times = [float(int(c[1] or 0) * 3600 + int(c[2]) * 60 + int(c[3])) for c in clocks if c]
    if len(times) != 2 or len(clocks) != 2:
        return None
    if times[0] > times[1]:
        raise RowError(f"time_reference must not end before it starts; got {text!r}")
    return times[0], times[1]


def _numbered(row: Row) -> str:
    return f"{row.source.stem}-{row.number}"


FORMATS = (
    Format(
        "video-mme",
        "Video-MME: 900 videos, four options, subtitles",
        (frozenset({"videoID", "question_id", "question", "options", "answer"}),),
        _video_mme,
        folders=("", "data", "video", "videos"),
        subtitle_folders=("", "subtitle", "subtitles"),
        subtitles_named=False,
    ),
    Format(
        "longvideobench",
        "LongVideoBench: referred reasoning over long videos, subtitles in JSON",
        (
            frozenset({"id", "video_path", "question", "correct_choice"}),
            frozenset({"id", "video_path", "question", "subtitle_path"}),
        ),
        _long_video_bench,
        folders=("", "videos"),
        subtitle_folders=("", "subtitles"),
    ),
    Format(
        "mlvu",
        "MLVU: nine tasks on videos of minutes to hours",
        (
            frozenset({"video", "question", "candidates", "answer", "question_type"}),
            frozenset({"video", "question", "answer", "question_type"}),
            frozenset({"video_name", "question", "answer", "task_type"}),
        ),
        _mlvu,
        folders=("", "{file}", "video/{file}", "video"),
    ),
    Format(
        "egoschema",
        "EgoSchema: three minutes of first-person video, five options",
        (
            frozenset({"video_idx", "question", "option"}),
            frozenset({"q_uid", "question", "option 0", "option 1", "option 2", "option 3", "option 4"}),
        ),
        _ego_schema,
        folders=("", "videos"),
    ),
    Format(
        "cg-bench",
        "CG-Bench: questions with the intervals that hold the clue",
        (frozenset({"qid", "video_uid", "question", "choices", "right_answer"}),),
        _cg_bench,
        folders=("", "cg_videos_720p", "videos"),
        subtitle_folders=("", "cg_subtitles", "subtitles"),
        subtitles_named=False,
    ),
    Format(
        "lvbench",
        "LVBench: videos of an hour and more",
        (
            frozenset({"key", "qa"}),
            frozenset({"key", "uid", "question", "answer"}),
            frozenset({"video_path", "question", "answer"}),
        ),
        _lv_bench,
        folders=("", "videos", "all_videos"),
        unfold=_lv_bench_rows,
    ),
)
