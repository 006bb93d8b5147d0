"""Drawn videos as a dataset of files: H.264 with its questions in JSON lines, for those who want files.

    python -m mmgym_video.export videos/walks 100 --families walk --level 2 --split val

What is written is what `VideoQA` draws for the same level and split; `load_questions` reads it back. A video costs what
drawing and encoding all of its frames costs: those of level 5 are two hours long, unless `duration` says otherwise.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmgym.env import choose
from mmgym_video.datasets import write_questions
from mmgym_video.procedural.catalogue import FAMILIES
from mmgym_video.procedural.family import DURATIONS, Case
from mmgym_video.question import Question
from mmgym_video.sources import DrawnSource
from mmgym_video.video import Subtitle
from mmgym_video.write import write_video

__all__ = ["QUESTIONS", "export_case", "export_dataset"]

QUESTIONS = "questions.jsonl"
"""Name of the file of questions."""
SPLITS = ("train", "val", "test", "ood")

logger = logging.getLogger(__name__)


def export_dataset(
    folder: Path,
    count: int,
    /,
    *,
    families: Sequence[str] = (),
    level: int = 1,
    split: str = "train",
    seed: int = 0,
    duration: float | None = None,
    size: tuple[int, int] = (480, 640),
    crf: int = 20,
) -> Path:
    """Write drawn videos with a question about each.

    Args:
        folder: where to write; it is made if need be. It gets ``questions.jsonl`` and the videos, and a file of
            subtitles beside each video that has some.
        count: how many videos; the families take turns.
        families: names of families of `mmgym_video.procedural.catalogue.FAMILIES`; all of them if empty.
        level: from 1 to 5.
        split: train, val, test or ood.
        seed: what is drawn depends on it; more videos of one seed begin with the same ones.
        duration: seconds of a video, from 30; the level's if None.
        size: height and width of the frames in pixels.
        crf: quality of x264, from 0 (lossless) to 51 (worst).

    Returns:
        The file of questions. It is written last, once all videos are there.

    Raises:
        ValueError: for an argument that is not allowed, or a folder that holds questions already.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more; got {count}")
    chosen = [FAMILIES[choose("family", name, tuple(FAMILIES))] for name in families or FAMILIES]
    if level not in DURATIONS:
        raise ValueError(f"level must be one of {', '.join(map(str, DURATIONS))}; got {level}")
    choose("split", split, SPLITS)
    source = DrawnSource(chosen, duration, size)
    questions = Path(folder) / QUESTIONS
    if questions.exists():
        raise ValueError(f"{questions} exists; choose another folder, or remove it first")
    Path(folder).mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(count):
        family = chosen[number % len(chosen)].name
        state = source.draw(np.random.default_rng([seed, number]), level, split, family)
        case = source.open(state).case
        assert case is not None
        written.append(export_case(case, folder, f"{family}-{number:05d}", tags=state, crf=crf))
        logger.info("wrote %d of %d: %s", number + 1, count, written[-1].video)
    write_questions(questions, written)
    return questions


def export_case(case: Case, folder: Path, name: str, *, tags: dict[str, Any] | None = None, crf: int = 20) -> Question:
    """Write the video of a case, with its subtitles if it has any.

    Args:
        case: what is written.
        folder: a folder that exists.
        name: of the files, without their endings, and id of the question.
        tags: what the question says besides.
        crf: quality of x264, from 0 (lossless) to 51 (worst).

    Returns:
        The question, with the names of the files.
    """
    video = write_video(case.video, Path(folder) / f"{name}.mp4", crf=crf)
    subtitles = ""
    if case.video.subtitles:
        subtitles = f"{name}.srt"
        _write_subtitles(Path(folder) / subtitles, case.video.subtitles)
    tags = {**case.question.tags, **(tags or {})}
    return replace(case.question, id=name, video=video.name, subtitles=subtitles, tags=tags)


def _write_subtitles(path: Path, subtitles: Sequence[Subtitle]) -> None:
    import pysubs2

    lines = pysubs2.SSAFile()
    for subtitle in subtitles:
        if marks := sorted(set("<>{}\\") & set(subtitle.text)):
            raise ValueError(
                f"subtitles cannot hold {' '.join(marks)}, which players take for marks; {subtitle.text!r} does"
            )
        line = pysubs2.SSAEvent(start=round(1000 * subtitle.start), end=round(1000 * subtitle.end))
        line.plaintext = subtitle.text
        lines.append(line)
    part = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        part.write_text(lines.to_string("srt"), "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    import tyro

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tyro.cli(export_dataset, description=__doc__)
