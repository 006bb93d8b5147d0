"""mmgym's own format of questions: written and read back, answers in three ways, files of several kinds."""

import csv
import json

import pytest

from mmgym_video.datasets import load_questions, write_questions
from mmgym_video.question import Question

ROW = {"video": "a.mp4", "question": "Which?", "options": ["x", "y"], "answer": "x"}


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


FULL = Question(
    id="q1",
    video="clips/a.mp4",
    question="  Which is\nleft? ",
    answer="A",
    options=("B", "A", " padded "),
    evidence=((1.0, 2.5), (7.0, 7.0)),
    subtitles="clips/a.srt",
    subtitles_offset=3.5,
    segment=(0.5, 60.0),
    family="where",
    tags={"seed": 7, "objects": [{"name": "ball é", "at": [1.5, None, True]}]},
)


def test_questions_that_are_written_are_read_back_the_same(tmp_path):
    written = (
        FULL,
        Question("q2", "b", "How many?", "1,024.50", kind="numeric"),
        Question("q3", "b", "What does it say?", " EXIT\u2028 7", kind="ocr"),
        Question("q4", "b", "Why?", "Because.", kind="free_text"),
        Question("q5", "b", "How far?", "-3.25", kind="regression"),
    )
    write_questions(tmp_path / "q.jsonl", written)
    assert load_questions(tmp_path / "q.jsonl").questions == written
    assert list(tmp_path.iterdir()) == [tmp_path / "q.jsonl"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": "../a.mp4"}, "relative"),
        ({"video": "./a.mp4"}, "plain"),
        ({"tags": {"x": float("nan")}}, r"tags\.x is nan"),
        ({"tags": {"x": object()}}, r"tags\.x must be of a type that JSON knows"),
        ({"tags": {"x": {1: 2}}}, "keys must be texts"),
        ({"id": " q"}, "read back"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, changes, message):
    fields = {"id": "q", "video": "a.mp4", "question": "?", "answer": "x", "options": ("x", "y")} | changes
    with pytest.raises(ValueError, match=message):
        write_questions(tmp_path / "q.jsonl", [Question(**fields)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("answer", ["y", "B", "b", "(B)", "B.", "B. y", 1])
def test_own_answers_are_text_letter_or_index(tmp_path, answer):
    path = lines(tmp_path / "q.jsonl", ROW | {"answer": answer})
    assert load_questions(path).questions[0].answer == "y"


def test_own_answer_that_is_an_option_is_not_taken_as_a_letter(tmp_path):
    path = lines(tmp_path / "q.jsonl", ROW | {"options": ["B", "A"], "answer": "B"})
    assert load_questions(path).questions[0].letter == "A"


def test_own_questions_in_csv_have_lists_in_json(tmp_path):
    cells = {"id": "", "video": "a.mp4", "question": "Which?", "options": '["x", "y"]', "answer": "B"}
    cells |= {"evidence": "[[1, 2]]", "tags": '{"n": 1}', "segment": ""}
    path = tmp_path / "q.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([cells.keys(), cells.values()])
    expected = Question("q-2", "a.mp4", "Which?", "y", ("x", "y"), evidence=((1.0, 2.0),), tags={"n": 1})
    assert load_questions(path).questions == (expected,)


def test_a_folder_of_files_is_read_as_one(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    lines(tmp_path / "one.jsonl", ROW)
    (tmp_path / "two.json").write_text(json.dumps([ROW, ROW]))
    assert [q.id for q in load_questions(tmp_path, files=tmp_path).questions] == ["one-1", "two-1", "two-2"]
