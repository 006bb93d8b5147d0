"""Adapters for the formats of shorter videos: NExT-QA, MVBench, Video-Holmes, TempCompass, VSI-Bench, Video-R1.

Fields as the projects' own loaders and files have them, and as lmms-eval reads its copies; each docstring says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from mmgym_video.datasets.format import Format, choice
from mmgym_video.datasets.media import relative
from mmgym_video.datasets.options import bare_options, by_index, by_letter, by_text
from mmgym_video.datasets.row import Row, RowError
from mmgym_video.question import LETTERS, Kind, Question

__all__ = ["FORMATS"]


def _next_qa(row: Row) -> Question:
    """The project's csv files (also the columns of lmms-eval's MC), and NExT-OE's columns for open answers.

    Raw videos are kept in the folders of VidOR; `map_vid_vidorID.json`, where it lies beside the questions, says in
    which.
    """
    name = row.label("video")
    folders = row.source.beside("map_vid_vidorID.json")
    video = folders.get(name, name) if isinstance(folders, dict) else name
    if not isinstance(video, str):
        raise RowError(f"map_vid_vidorID.json must give a path for {name}; got {video!r:.80}")
    fields: dict[str, Any] = {
        "id": f"{name}_{row.label('qid')}" if row.has("qid") else f"{row.source.stem}-{row.number}",
        "video": f"{video}.mp4",
        "question": row.text("question"),
        "family": row.text("type"),
        "tags": row.tags("additional_ref_answer"),
    }
    if not row.has("a0"):
        return Question(answer=row.answer_text("answer"), kind="free_text", **fields)
    options = [row.text(f"a{i}") for i in range(5)]
    return choice(options, by_index(options, row.answer("answer")), **fields)


def _flat_or_nested(question: Question) -> Sequence[str]:
    return (question.video, PurePosixPath(question.video).name)


_MVBENCH = {
    "action_sequence": ("star/Charades_v1_480", "star/Charades_segment"),
    "action_prediction": ("star/Charades_v1_480", "star/Charades_segment"),
    "action_antonym": ("ssv2_video", "ssv2_video_mp4"),
    "fine_grained_action": ("Moments_in_Time_Raw/videos",),
    "unexpected_action": ("FunQA_test/test",),
    "object_existence": ("clevrer/video_validation",),
    "object_interaction": ("star/Charades_v1_480", "star/Charades_segment"),
    "object_shuffle": ("perception/videos",),
    "moving_direction": ("clevrer/video_validation",),
    "action_localization": ("sta/sta_video", "sta/sta_video_segment"),
    "scene_transition": ("scene_qa/video",),
    "action_count": ("perception/videos",),
    "moving_count": ("clevrer/video_validation",),
    "moving_attribute": ("clevrer/video_validation",),
    "state_change": ("perception/videos",),
    "fine_grained_pose": ("nturgbd", "nturgbd_convert"),
    "character_order": ("perception/videos",),
    "egocentric_navigation": ("vlnqa",),
    "episodic_reasoning": ("tvqa/frames_fps3_hq", "tvqa/video_fps3_hq_segment"),
    "counterfactual_inference": ("clevrer/video_validation",),
}
"""Folder of the videos by task: in the release, and in lmms-eval's copy where that differs."""


def _mvbench(row: Row) -> Question:
    """The twenty json files of the release, each named after its task, as `mvbench.ipynb` and lmms-eval read them.

    The answer is the text of a candidate. `start` and `end` say which part is meant. The videos of
    `episodic_reasoning` are folders of pictures, three a second.
    """
    task = row.source.stem
    options = row.texts("candidates")
    folders = _MVBENCH.get(task, ("",))
    segment = (row.number_of("start"), row.number_of("end")) if row.has("start") and row.has("end") else None
    return choice(
        options,
        by_text(options, row.answer_text("answer")),
        id=f"{task}-{row.number}",
        video=_below(folders[0], relative(row.text("video"))),
        question=row.text("question"),
        segment=segment,
        family=task,
        tags=row.tags("accurate_start", "accurate_end", "question_id", "fps")
        | ({"frames_per_second": 3} if task == "episodic_reasoning" else {}),
    )


def _mvbench_names(question: Question) -> Sequence[str]:
    folders = _MVBENCH.get(question.family, ("",))
    name = question.video.removeprefix(f"{folders[0]}/")
    return [_below(folder, name) for folder in (*folders, "")]


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _mvbench_located(question: Question, path: str) -> Question:
    # lmms-eval's copy holds the parts, cut out already: start and end would cut a second time.
    cut = any(part.endswith("_segment") for part in PurePosixPath(path).parts)
    tags = {name: value for name, value in question.tags.items() if name != "frames_per_second" or not cut}
    return replace(question, video=path, segment=None if cut else question.segment, tags=tags)


def _video_holmes(row: Row) -> Question:
    """Fields as in the project's `evaluate.py` and its example questions."""
    letters = row.fields.get("Options")
    if not isinstance(letters, Mapping):
        raise RowError(f"Options must be an object of options by letter; got {letters!r:.80}")
    # A Parquet file gives every row the letters that any row has.
    options = {name: Row(letters, row.number, row.source).text(name) for name in letters if letters[name] is not None}
    if sorted(options) != list(LETTERS[: len(options)]):
        raise RowError(f"Options must have the letters from A on; got {', '.join(options)}"[:200])
    texts = [options[letter] for letter in sorted(options)]
    video = row.text("video ID")
    return choice(
        texts,
        by_letter(texts, row.answer("Answer")),
        id=f"{video}-{row.label('Question ID')}",
        video=f"{video}.mp4",
        question=row.text("Question"),
        family=row.text("Question Type"),
        tags=row.tags("Explanation"),
    )


_TEMPCOMPASS_LABEL = re.compile(r"(?:Option|Caption|Sentence|Information) ([A-Z0-9]) *[:.] *")


def _tempcompass(row: Row) -> Question:
    """The project's `questions/*.json` (nested by video and aspect), and lmms-eval's flat copy (with `dim`).

    Its four tasks are told by what is written: options as lines "A. ..." (multi-choice) or "Caption A: ..."
    (caption_matching), an answer of yes or no (yes_no), or pieces of information to write a caption by (captioning). A
    caption is judged in the source by a language model with a question of its own; here it is free text.
    """
    text, video = row.text("question"), row.label("video_id")
    answer = row.answer_text("answer" if row.has("answer") else "mc_answer")
    head, *lines = (line.strip() for line in text.splitlines() if line.strip())
    tags = row.tags("mc_question", "mc_answer")
    fields: dict[str, Any] = {
        "id": f"{row.source.stem}/{row.text('place')}" if row.has("place") else f"{row.source.stem}-{row.number}",
        "video": f"{video}.mp4",
        "family": row.text("dim"),
    }
    if answer.lower() in ("yes", "no"):
        return choice(("yes", "no"), answer.lower(), question=text, tags=tags | {"task": "yes_no"}, **fields)
    if lines and lines[0].startswith("Information "):
        right = re.sub(r"^[A-Z]\. *", "", answer)
        return Question(answer=right, question=text, kind="free_text", tags=tags | {"task": "captioning"}, **fields)
    right = by_text(lines, answer)
    labels = [_TEMPCOMPASS_LABEL.match(line) for line in lines]
    if lines and all(labels):
        options: Sequence[str] = [line[label.end() :] for line, label in zip(lines, labels, strict=True) if label]
        task = "caption_matching"
    else:
        options, task = bare_options(lines), "multi-choice"
    right = by_text(options, options[lines.index(right)])
    return choice(options, right, question=head, tags=tags | {"task": task}, **fields)


def _tempcompass_rows(value: Any) -> list[tuple[str, Any]] | None:
    if (
        not isinstance(value, Mapping)
        or not value
        or not all(
            isinstance(aspects, Mapping) and aspects and all(isinstance(rows, list) for rows in aspects.values())
            for aspects in value.values()
        )
    ):
        return None
    return [
        (f"{video}/{aspect}/{i}", {**row, "video_id": video, "dim": aspect, "place": f"{video}/{aspect}/{i}"})
        if isinstance(row, Mapping)
        else (f"{video}/{aspect}/{i}", row)
        for video, aspects in value.items()
        for aspect, rows in aspects.items()
        for i, row in enumerate(rows)
    ]


def _vsi_bench(row: Row) -> Question:
    """Fields as lmms-eval and VLMEvalKit read them.

    Questions without options ask for a number, which the benchmark scores by mean relative accuracy.
    """
    folder, scene = row.text("dataset"), row.label("scene_name")
    fields: dict[str, Any] = {
        "id": row.label("id") if row.has("id") else f"{row.source.stem}-{row.number}",
        "video": f"{folder}/{scene}.mp4",
        "question": row.text("question"),
        "family": row.text("question_type"),
    }
    tags = row.tags("pruned")
    answer = row.answer_text("ground_truth")
    if not row.has("options"):
        tags["metric"] = "mean_relative_accuracy"
        return Question(answer=answer, kind="numeric", tags=tags, **fields)
    options = bare_options(row.texts("options"))
    return choice(options, by_letter(options, answer), tags=tags, **fields)


_VIDEO_R1: dict[str, Kind] = {
    "numerical": "numeric",
    "OCR": "ocr",
    "free-form": "free_text",
    "regression": "regression",
}


def _video_r1(row: Row) -> Question:
    """Fields as in the data's card and the project's `grpo.py`; `solution` holds the answer in a tag."""
    problem_type, data_type = row.text("problem_type"), row.text("data_type")
    if data_type not in ("video", "image"):
        raise RowError(f"data_type must be video or image; got {data_type!r:.80}")
    written = row.answer_text("solution")
    solution = re.search(r"<answer>\s*(.*?)\s*</answer>", written, re.DOTALL)
    if not solution or not solution[1]:
        raise RowError(f"no answer: solution must hold <answer>...</answer>; got {written!r:.80}")
    fields: dict[str, Any] = {
        "id": row.label("problem_id") if row.has("problem_id") else f"{row.source.stem}-{row.number}",
        "video": row.text("path"),
        "question": row.text("problem"),
        "family": problem_type,
        "tags": row.tags("data_type", "data_source"),
    }
    if problem_type == "multiple choice":
        options = bare_options(row.texts("options"))
        return choice(options, by_letter(options, solution[1]), **fields)
    if problem_type not in _VIDEO_R1:
        raise RowError(f"problem_type must be one of multiple choice, {', '.join(_VIDEO_R1)}; got {problem_type!r:.80}")
    return Question(answer=solution[1], kind=_VIDEO_R1[problem_type], **fields)


FORMATS = (
    Format(
        "next-qa",
        "NExT-QA: causes and order of events; five options (MC) or open (OE)",
        (
            frozenset({"video", "question", "a0", "a1", "a2", "a3", "a4", "answer", "type"}),
            frozenset({"video", "question", "answer", "type", "qid"}),
            frozenset({"video", "question", "answer", "type", "additional_ref_answer"}),
        ),
        _next_qa,
        folders=("", "NExTVideo", "videos"),
        names=_flat_or_nested,
    ),
    Format(
        "mvbench",
        "MVBench: twenty tasks in time",
        (frozenset({"video", "question", "candidates", "answer"}),),
        _mvbench,
        folders=("", "video", "video/data0613", "data0613"),
        names=_mvbench_names,
        located=_mvbench_located,
    ),
    Format(
        "video-holmes",
        "Video-Holmes: clues spread over suspense films, six options",
        (frozenset({"video ID", "Question ID", "Question Type", "Question", "Options", "Answer"}),),
        _video_holmes,
        folders=("", "videos_cropped", "videos"),
    ),
    Format(
        "tempcompass",
        "TempCompass: action, direction, speed, order, change; four tasks",
        (frozenset({"video_id", "question", "answer", "dim"}), frozenset({"video_id", "question", "mc_answer", "dim"})),
        _tempcompass,
        folders=("", "videos"),
        unfold=_tempcompass_rows,
    ),
    Format(
        "vsi-bench",
        "VSI-Bench: space seen on a walk through rooms; numbers or options",
        (frozenset({"dataset", "scene_name", "question_type", "question", "ground_truth"}),),
        _vsi_bench,
    ),
    Format(
        "video-r1",
        "Video-R1: 260,000 questions on videos and pictures for training",
        (frozenset({"problem", "problem_type", "data_type", "path", "solution"}),),
        _video_r1,
    ),
)
