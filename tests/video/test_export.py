"""Drawn videos written as files: what is loaded again is what was drawn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmgym_video.datasets import load_questions
from mmgym_video.export import export_case, export_dataset
from mmgym_video.files import VideoFile
from mmgym_video.procedural.catalogue import FAMILIES
from mmgym_video.procedural.families.walk import RoomWalk
from mmgym_video.procedural.family import Case, Drawn, Setting
from mmgym_video.procedural.stage import Display, Stage
from mmgym_video.sources import DrawnSource
from mmgym_video.subtitles import read_subtitles
from mmgym_video.video import Subtitle

SIZE = (72, 96)
NAMES = ("moment", "needle")


def assert_same_pictures(path: Path, drawn: Drawn) -> None:
    """The file shows what was drawn, at the right times, but for what the codec loses."""
    file = VideoFile(path)
    try:
        assert file.size == drawn.size
        assert file.fps == pytest.approx(drawn.fps)
        assert file.duration == pytest.approx(drawn.duration, abs=0.11)
        times = [0.0, 0.1, 3.25, 11.5, drawn.duration / 2, drawn.duration - 0.05]
        for decoded, shown in zip(file.frames(times), drawn.frames(times), strict=True):
            assert decoded.time == pytest.approx(shown.time, abs=1e-3)
            error = np.abs(decoded.image.astype(int) - shown.image.astype(int))
            assert error.mean() < 4
    finally:
        file.close()


def test_a_dataset_is_loaded_again_as_it_was_drawn(tmp_path: Path) -> None:
    questions = export_dataset(tmp_path / "set", 3, families=NAMES, seed=5, duration=40.0, size=SIZE, split="val")
    loaded = load_questions(questions, files=questions.parent)
    assert not loaded.problems
    assert [question.id for question in loaded.questions] == ["moment-00000", "needle-00001", "moment-00002"]
    source = DrawnSource([FAMILIES[name] for name in NAMES], 40.0, SIZE)
    for number, question in enumerate(loaded.questions):
        drawn = source.draw(np.random.default_rng([5, number]), 1, "val", question.family)
        assert question.tags == drawn
        instance = source.open(question.tags)
        assert instance.case is not None
        video = f"{question.id}.mp4"
        assert question == replace(instance.question, id=question.id, video=video, tags=question.tags)
        assert_same_pictures(questions.parent / video, instance.case.video)
    assert sorted(path.name for path in questions.parent.iterdir()) == [
        "moment-00000.mp4",
        "moment-00002.mp4",
        "needle-00001.mp4",
        "questions.jsonl",
    ]


def test_a_walk_is_written_as_it_is_drawn(tmp_path: Path) -> None:
    case = RoomWalk().draw(np.random.default_rng(1), Setting(1, "train", 30.0, (144, 192)))
    question = export_case(case, tmp_path, "walk", crf=10)
    assert_same_pictures(tmp_path / question.video, case.video)


def test_subtitles_are_written_and_named(tmp_path: Path) -> None:
    lines = (Subtitle(1.0, 2.5, "Look at the sign"), Subtitle(4.001, 6.0, "two\nlines, \u00e9t\u00e9"))
    stage = Stage(8.0, displays=(Display(((0.0, "7"),), 600, 500),), subtitles=lines, size=SIZE)
    drawn = RoomWalk().draw(np.random.default_rng(1), Setting(1, "train", 30.0, SIZE))
    case = Case(stage, drawn.question, drawn.looks, drawn.conclude, drawn.content)
    question = export_case(case, tmp_path, "talk", tags={"source": "here"})
    assert question.subtitles == "talk.srt"
    assert question.tags == {"source": "here"}
    read = read_subtitles(tmp_path / question.subtitles)
    assert [(line.start, line.end) for line in read] == [(1.0, 2.5), (4.001, 6.0)]
    assert read[1].text.split() == ["two", "lines,", "\u00e9t\u00e9"]
    assert read[0].text == "Look at the sign"


def test_subtitles_that_would_not_be_read_back_are_refused(tmp_path: Path) -> None:
    drawn = RoomWalk().draw(np.random.default_rng(1), Setting(1, "train", 30.0, SIZE))
    stage = Stage(1.0, subtitles=(Subtitle(0.0, 1.0, "a <b>bold</b> word"),), size=SIZE)
    with pytest.raises(ValueError, match="< >"):
        export_case(Case(stage, drawn.question, (), drawn.conclude, drawn.content), tmp_path, "talk")


def test_more_videos_of_a_seed_begin_with_the_same_ones(tmp_path: Path) -> None:
    one, two = (
        load_questions(export_dataset(tmp_path / str(count), count, families=["moment"], duration=30.0, size=(32, 32)))
        for count in (1, 2)
    )
    assert two.questions[:1] == one.questions
    assert two.questions[1].question != one.questions[0].question


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"count": 0}, "count"),
        ({"families": ["nothing"]}, "needle"),
        ({"level": 6}, "level"),
        ({"split": "all"}, "ood"),
        ({"duration": 3.0}, "duration"),
        ({"size": (1, 1)}, "pixels"),
    ],
)
def test_a_bad_argument_is_named_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, object], named: str
) -> None:
    given = {"count": 1, "families": ["moment"], **arguments}
    count = given.pop("count")
    with pytest.raises(ValueError, match=named):
        export_dataset(tmp_path / "set", count, **given)  # type: ignore[arg-type]
    assert not (tmp_path / "set").exists()


def test_a_folder_that_holds_questions_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text("mine")
    with pytest.raises(ValueError, match="exists"):
        export_dataset(tmp_path, 1, families=["moment"], duration=30.0, size=SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["questions.jsonl"]
    assert (tmp_path / "questions.jsonl").read_text() == "mine"


def test_the_command_line_writes_a_dataset(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmgym_video.export", str(tmp_path / "set"), "1", "--families", "moment"]
    subprocess.run([*command, "--duration", "30", "--size", "32", "32"], check=True, timeout=120, capture_output=True)
    assert [q.family for q in load_questions(tmp_path / "set" / "questions.jsonl").questions] == ["moment"]
