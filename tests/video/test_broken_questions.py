"""What cannot be read is named by file and line; what leads out of the folder is refused; nothing else is raised."""

import gzip
import json
import logging

import pytest
import video_rows as rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_rows import document

from mmgym_video.datasets import FORMATS, DatasetError, load_questions
from mmgym_video.datasets.files import LONGEST

ROW = {"video": "a.mp4", "question": "Which?", "options": ["x", "y"], "answer": "x"}
GOOD = json.dumps(ROW)
COLUMNS = "video,question,answer,kind\n"


def problems(path, content, **options):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DatasetError) as error:
        load_questions(path, **options)
    return [(problem.line, problem.message) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name"),
        ('{"video": NaN', "not JSON"),
        ("[1]", "a row must be an object of fields; got list"),
        ("3", "a row must be an object of fields; got int"),
        ("9" * 5000, "not JSON"),
        ("[" * 100_000, "nested too deep"),
        (GOOD[:-1] + ', "video": "b.mp4"}', "the key video stands twice in the row"),
        (GOOD[:-1] + ', "tags": {"a": {"b": 1, "b": 2}}}', "the key b stands twice in tags.a"),
        (GOOD[:-1] + ', "tags": {"a": NaN}}', "tags.a is nan; numbers must be finite"),
        (GOOD[:-1] + ', "subtitles_offset": 1e999}', "subtitles_offset is inf"),
        (GOOD.replace("Which", r"\ud800"), "question holds half of a surrogate pair"),
        (GOOD.replace('"x"]', '"x", 3]').replace('"y"]', '"y", 3]'), "options[2] must be a text; got 3"),
        (GOOD.replace('"y"', '"  "'), "options[1] must not be blank"),
        (GOOD.replace('"Which?"', "7"), "question must be a text; got 7"),
        (GOOD.replace('"Which?"', "null"), "question is missing; it must be a text"),
        (GOOD.replace('"Which?"', '" "'), "question must not be blank"),
        (GOOD.replace('["x", "y"]', '"xy"'), "options must be a list; got 'xy'"),
        (GOOD.replace('["x", "y"]', '["x"]'), "a choice needs 2 options or more; got 1"),
        (GOOD.replace('["x", "y"]', '["x", "x"]'), "the right option 'x' stands 2 times among the options"),
        (GOOD.replace('["x", "y"]', json.dumps([str(i) for i in range(27)])), "a choice needs 2 to 26 options; got 27"),
        (GOOD.replace('"answer": "x"', '"answer": "Z"'), "answer must be one of the letters A, B; got 'Z'"),
        (GOOD.replace('"answer": "x"', '"answer": "neither"'), "answer must be one of the letters A, B; got 'neither'"),
        (GOOD.replace('"answer": "x"', '"answer": "B. x"'), "answer must be one of the letters A, B; got 'B. x'"),
        (GOOD.replace('"answer": "x"', '"answer": 2'), "answer must be an index from 0 to 1; got 2"),
        (GOOD.replace('"answer": "x"', '"answer": -1'), "answer must be an index from 0 to 1; got -1"),
        (GOOD.replace('"answer": "x"', '"answer": true'), "answer must be an index from 0 to 1; got True"),
        (GOOD.replace('"answer": "x"', '"answer": null'), "no answer: answer is missing or empty"),
        (GOOD.replace(', "answer": "x"', ""), "fields answer of format mmgym are missing"),
        (GOOD[:-1] + ', "kind": "essay"}', "kind must be one of choice, numeric, ocr, free_text, regression"),
        (GOOD[:-1] + ', "kind": "ocr"}', "only a choice has options; kind is ocr"),
        (GOOD[:-1] + ', "evidence": [[3, 2]]}', "evidence must hold pairs with 0 <= start <= end; got [3.0, 2.0]"),
        (GOOD[:-1] + ', "evidence": [[-3, 2]]}', "evidence must hold pairs with 0 <= start <= end; got [-3.0, 2.0]"),
        (GOOD[:-1] + ', "evidence": [3, 2]}', "evidence must hold pairs [start, end] in seconds; got 3"),
        (GOOD[:-1] + ', "segment": [1]}', "segment must hold pairs [start, end] in seconds; got [1]"),
        (GOOD[:-1] + ', "segment": [1, "2"]}', "segment must be a finite number; got '2'"),
        (GOOD[:-1] + ', "segment": [1, 1' + "0" * 400 + "]}", "segment must be a finite number"),
        (GOOD[:-1] + ', "tags": []}', "tags must be an object; got []"),
        (GOOD[:-1] + ', "candidates": []}', "unknown fields candidates; known: id, video"),
    ],
)
def test_a_broken_line_is_named_and_says_what_is_allowed(tmp_path, line, message):
    ((number, said),) = problems(tmp_path / "q.jsonl", f"{GOOD}\n\n{line}\n{GOOD}\n")
    assert number == 3
    assert message in said


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_fine(tmp_path):
    (tmp_path / "q.jsonl").write_bytes(b"\xef\xbb\xbf" + f"{GOOD}\r\n\r\n  \r\n{GOOD}\r\n".encode())
    assert [q.id for q in load_questions(tmp_path / "q.jsonl").questions] == ["q-1", "q-4"]


def test_a_line_that_is_too_long_is_left_out_and_the_next_one_is_read(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(ROW | {"tags": {"x": "y" * LONGEST}}) + f"\n{GOOD}\n")
    loaded = load_questions(path, broken="skip")
    assert [q.id for q in loaded.questions] == ["q-2"]
    assert [p.line for p in loaded.problems] == [1]
    assert "at most 4,194,304 bytes" in loaded.problems[0].message


def test_a_line_that_is_not_unicode_is_named(tmp_path):
    ((number, said),) = problems(tmp_path / "q.jsonl", GOOD.encode() + b'\n{"video": "\xff"}\n')
    assert (number, said) == (2, "must be UTF-8; byte 11 is not")


def test_an_id_that_was_used_before_names_where(tmp_path):
    line = json.dumps(ROW | {"id": "one"})
    ((number, said),) = problems(tmp_path / "q.jsonl", f"{line}\n{line}\n")
    assert (number, said) == (2, "id 'one' was used already, at q.jsonl:1")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", "", "the file is empty"),
        ("q.jsonl", " \n\n", "the file is empty"),
        ("q.jsonl", f"[{GOOD}]", "this is a JSON list, so name it .json"),
        ("q.json", f"{GOOD}\n{GOOD}", "this looks like JSON lines, so name it .jsonl"),
        ("q.json", f"[{GOOD},\n{{]", "not JSON: Expecting property name enclosed in double quotes at line 2 column 2"),
        ("q.jsonl", b"\x89PNG\r\n\x00", "must be text; this is a binary file"),
        ("q.csv", gzip.compress(b"x", mtime=0), "must be text; this is a gzip archive"),
        ("q.jsonl", b"PAR1\x00", "must be text; this is a Parquet file"),
        ("q.jsonl", GOOD.encode("utf-16"), "must be UTF-8; this is UTF-16"),
        ("q.csv", "video,,answer\n", "the header must name each column, and each once; got video, , answer"),
        ("q.csv", b"video,question\n\xff,\n", "must be UTF-8"),
        ("q.parquet", GOOD, "must be a Parquet file; this is something else"),
        ("q.parquet", b"PAR1 and nothing", "not Parquet that can be read"),
        ("q.txt", GOOD, "must be a file of questions, one of .jsonl, .ndjson, .json, .csv, .tsv, .parquet"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is(tmp_path, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    ((number, said),) = problems(tmp_path / name, content)
    assert number == 0
    assert message in said


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.jsonl: cannot be read: No such file"):
        load_questions(tmp_path / "none.jsonl")


@pytest.mark.parametrize("content", ["[]", "video,question,answer\n"])
def test_a_file_without_rows_holds_no_questions(tmp_path, content):
    path = tmp_path / ("q.json" if content == "[]" else "q.csv")
    path.write_text(content)
    with pytest.raises(DatasetError, match="holds no questions"):
        load_questions(path)


def test_lines_of_csv_are_counted_through_quoted_line_ends(tmp_path):
    good = 'a.mp4,"What\r\nnow,\n""then""?",EXIT,ocr\n'
    found = problems(tmp_path / "q.csv", f"{COLUMNS}{good}a.mp4,x,,ocr\n\n{good}a.mp4,too,few\n{good}b,c,d,essay\n")
    assert [number for number, _ in found] == [5, 10, 14]
    assert "no answer" in found[0][1]
    assert found[1][1] == "the header names 4 columns; this row has 3"
    assert "kind must be one of" in found[2][1]


@pytest.mark.parametrize("cells", ['a.mp4,"x"y,EXIT,ocr\n', f"a.mp4,{'x' * 200_000},EXIT,ocr\n", 'a.mp4,"x,EXIT,ocr\n'])
def test_csv_that_is_malformed_is_named_by_its_line(tmp_path, cells):
    ((number, said),) = problems(tmp_path / "q.csv", f"{COLUMNS}a.mp4,x,EXIT,ocr\n{cells}")
    assert number == 3
    assert "not CSV" in said


def test_all_problems_are_told_at_once_the_first_twenty_in_words(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(f"{GOOD}\n" + "{}\n" * 25)
    with pytest.raises(DatasetError) as error:
        load_questions(path)
    assert [problem.line for problem in error.value.problems] == list(range(2, 27))
    text = str(error.value)
    assert "25 of its rows cannot be used; broken='skip' leaves them out" in text
    assert f"{path}:21: " in text
    assert f"{path}:22: " not in text
    assert text.endswith("... and 5 more")


def test_skipping_leaves_out_what_is_broken_and_says_so(tmp_path, caplog):
    path = tmp_path / "q.jsonl"
    path.write_text(f"{GOOD}\nnot\n{GOOD}\n")
    with caplog.at_level(logging.WARNING):
        loaded = load_questions(path, broken="skip")
    assert [q.id for q in loaded.questions] == ["q-1", "q-3"]
    assert [(p.file, p.line) for p in loaded.problems] == [(str(path), 2)]
    assert f"{path}:2: not JSON" in caplog.text


def test_skipping_all_is_an_error(tmp_path):
    ((number, _),) = problems(tmp_path / "q.jsonl", "{}\n", broken="skip")
    assert number == 1


def test_a_row_of_another_format_says_which_one_it_looks_like(tmp_path):
    row = json.dumps({"qid": 1, "video_uid": "x", "question": "?", "choices": ["a", "b"], "right_answer": "A"})
    ((_, said),) = problems(tmp_path / "q.jsonl", row)
    assert said.endswith("the row looks like format cg-bench")


def test_auto_names_the_formats_when_it_knows_none(tmp_path):
    ((number, said),) = problems(tmp_path / "q.jsonl", '{"clip": 1, "text": 2}', format="auto")
    assert number == 1
    assert said == f"the fields clip, text are those of none of the formats {', '.join(FORMATS)}"


@pytest.mark.parametrize(
    ("options", "message"), [({"format": "vqa"}, "video-mme"), ({"broken": "ignore"}, "refuse, skip")]
)
def test_an_unknown_setting_names_those_that_exist(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load_questions(tmp_path, **options)


@pytest.mark.parametrize(
    "video",
    [
        "/etc/passwd",
        "../a.mp4",
        "b/../../a.mp4",
        "..",
        ".",
        "C:/a.mp4",
        "b\\a.mp4",
        "https://host/a.mp4",
        "file:///a.mp4",
    ],
)
@pytest.mark.parametrize("with_files", [True, False])
def test_a_path_may_not_leave_the_folder(tmp_path, video, with_files):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "a.mp4").write_bytes(b"x")
    found = problems(
        inner / "q.jsonl", json.dumps(ROW | {"video": video}), files=inner if with_files else None, broken="skip"
    )
    assert [number for number, _ in found] == [1]


def test_a_link_may_not_leave_the_folder(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (inner / "a.mp4").symlink_to(tmp_path / "secret.mp4")
    ((_, said),) = problems(inner / "q.jsonl", GOOD, files=inner)
    assert said == "a.mp4 is a link that leaves the folder of the files"


@pytest.mark.parametrize("there", ["b.mp4", "a.txt", "a.jpg", "a"])
def test_a_video_that_is_not_there_is_a_broken_row(tmp_path, there):
    (tmp_path / there).write_bytes(b"x")
    ((number, said),) = problems(tmp_path / "q.jsonl", GOOD, files=tmp_path)
    assert number == 1
    assert said.startswith("no video 'a.mp4'")


def test_a_video_is_not_what_does_not_look_like_one(tmp_path):
    ((_, said),) = problems(tmp_path / "q.jsonl", json.dumps(ROW | {"video": "q.jsonl"}), files=tmp_path)
    assert said.startswith("no video 'q.jsonl'")


@pytest.mark.parametrize("there", ["a.mkv", "a.MP4", "a.webm", "a.avi", "a.mov", "a.mpg"])
def test_a_video_is_found_under_other_extensions(tmp_path, there):
    (tmp_path / there).write_bytes(b"x")
    (tmp_path / "q.jsonl").write_text(GOOD)
    assert load_questions(tmp_path / "q.jsonl", files=tmp_path).questions[0].video == there


def test_subtitles_that_a_row_names_must_be_there(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    ((_, said),) = problems(tmp_path / "q.jsonl", json.dumps(ROW | {"subtitles": "a.srt"}), files=tmp_path)
    assert said == "no subtitles 'a.srt' in the folder of the files"


def test_the_folder_of_the_files_must_be_one(tmp_path):
    (tmp_path / "q.jsonl").write_text(GOOD)
    with pytest.raises(DatasetError, match="files must be a folder"):
        load_questions(tmp_path / "q.jsonl", files=tmp_path / "none")


BROKEN = [
    ("video-mme", rows.VIDEO_MME, {"answer": "E"}, "answer must be one of the letters A, B, C, D; got 'E'"),
    ("next-qa", rows.NEXT_QA, {"answer": 5}, "answer must be an index from 0 to 4; got 5"),
    ("mvbench", rows.MVBENCH, {"answer": "Ate."}, "answer must be the text of one of the options"),
    ("mvbench", rows.MVBENCH, {"end": 2.0}, "intervals must be (start, end) with 0 <= start <= end; got (11.1, 2.0)"),
    (
        "longvideobench",
        rows.LONG_VIDEO_BENCH,
        {"correct_choice": -1},
        "no answer: correct_choice is -1, as in the test",
    ),
    (
        "longvideobench",
        rows.LONG_VIDEO_BENCH,
        {"correct_choice": None},
        "no answer: correct_choice is missing or empty",
    ),
    ("mlvu", rows.MLVU, {"candidates": ["Yellow"]}, "a choice needs 2 options or more; got 1"),
    ("mlvu", rows.MLVU, {"candidates": ["Yellow", "Red", "Yellow"]}, "'Yellow' stands 2 times among the options"),
    ("egoschema", rows.EGO, {"option 3": ""}, "option 3 must not be blank"),
    ("cg-bench", rows.CG_BENCH, {"clue_intervals": [[9, 8]]}, "clue_intervals must hold pairs with 0 <= start <= end"),
    ("cg-bench", rows.CG_BENCH, {"clue_intervals": [[-1, 8]]}, "clue_intervals must hold pairs with 0 <= start <= end"),
    ("cg-bench", rows.CG_BENCH, {"choices": ["White", 7]}, "choices[1] must be a text; got 7"),
    (
        "video-holmes",
        rows.HOLMES,
        {"Options": {"A": "x", "C": "y"}},
        "Options must have the letters from A on; got A, C",
    ),
    ("lvbench", rows.LV_BENCH["qa"][0] | {"key": "k"}, {"question": "What?"}, "question must hold its options"),
    (
        "lvbench",
        rows.LV_BENCH["qa"][0] | {"key": "k"},
        {"time_reference": "02:00-01:00"},
        "must not end before it starts",
    ),
    (
        "tempcompass",
        {"video_id": "1", "question": "Is it?", "answer": "yes", "dim": "order"},
        {"answer": "B"},
        "answer",
    ),
    (
        "vsi-bench",
        rows.VSI,
        {"ground_truth": "four"},
        "the answer of a numeric question must be a finite number; got 'four'",
    ),
    ("video-r1", rows.VIDEO_R1, {"solution": "A"}, "no answer: solution must hold <answer>...</answer>; got 'A'"),
    (
        "video-r1",
        rows.VIDEO_R1,
        {"problem_type": "essay"},
        "problem_type must be one of multiple choice, numerical, OCR",
    ),
    ("video-r1", rows.VIDEO_R1, {"path": "/data/a.mp4"}, "a path must be relative, with / and without '..'"),
    ("mmgym", rows.OWN, {"evidnce": []}, "unknown fields evidnce; known: id, video, question"),
]


@pytest.mark.parametrize(("name", "row", "change", "message"), BROKEN)
def test_a_broken_row_is_named_by_file_and_row_and_says_what_is_allowed(tmp_path, name, row, change, message):
    document(tmp_path / "subset_answers.json", {"0074f737": 3})
    path = document(tmp_path / "some.json", [row, row | change])
    with pytest.raises(DatasetError) as error:
        load_questions(path, format=name)
    (problem,) = error.value.problems
    assert (problem.file, problem.line) == (str(path), 2)
    assert message in problem.message
    assert f"{path} row 2: {problem.message}" in str(error.value)


def test_every_format_has_a_broken_row_here():
    assert {name for name, *_ in BROKEN} == set(FORMATS)


def test_a_broken_row_inside_a_nest_is_named_by_its_place(tmp_path):
    nest = {"10": {"order": [{"question": "Is it?", "answer": "no"}, {"question": "Is it?"}]}}
    with pytest.raises(DatasetError, match=r"yes_no\.json row 1: 10/order/1: fields answer .* missing"):
        load_questions(document(tmp_path / "yes_no.json", nest), format="tempcompass")


NAMES = sorted(
    {name for one in FORMATS.values() for shape in one.shapes for name in shape} | {"options", "tags", "start"}
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["A", "A. x\nB. y", ".."]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.sampled_from("AB"), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(sorted(FORMATS)))
def test_any_row_is_a_question_or_a_problem(tmp_path, data, name):
    """Rows have all the fields of one shape of the format, so that the adapter itself reads the values."""
    shape = data.draw(st.sampled_from(FORMATS[name].shapes))
    row = {field: data.draw(VALUES) for field in sorted(shape)} | data.draw(
        st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3)
    )
    path = tmp_path / "q.json"
    path.write_text(json.dumps([row]))
    for files in (None, tmp_path):
        try:
            assert load_questions(path, format=name, files=files).questions
        except DatasetError as error:
            assert error.problems


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    name=st.sampled_from(["q.jsonl", "q.json", "q.csv", "q.tsv", "q.parquet"]),
)
def test_any_file_is_questions_or_problems(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError):
        load_questions(path, format="auto")
