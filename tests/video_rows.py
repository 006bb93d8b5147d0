"""Rows of the public formats of video questions, in the exact shape of each, and how files of them are written."""

import csv
import json

import pytest


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def document(path, value):
    path.write_text(json.dumps(value, indent=1))
    return path


def table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def parquet(path, rows):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    files.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


VIDEO_MME = {
    "video_id": "001",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Humanity & History",
    "url": "https://www.youtube.com/watch?v=fFjv93ACGo8",
    "videoID": "fFjv93ACGo8",
    "question_id": "001-1",
    "task_type": "Counting Problem",
    "question": "How many candles are on the table?",
    "options": ["A. Three.", "B. Four.", "C. None.", "D. B. B. King ate them."],
    "answer": "B",
}
NEXT_QA = {
    "video": "4010069381",
    "frame_count": 369,
    "width": 640,
    "height": 480,
    "question": "how do the two man play the instrument",
    "answer": 2,
    "qid": 6,
    "type": "CH",
    "a0": "roll the handle",
    "a1": "tap their feet",
    "a2": "strum the string",
    "a3": "hit with sticks",
    "a4": "pat with hand",
}
NEXT_OE = {name: NEXT_QA[name] for name in ("video", "frame_count", "width", "height", "question")} | {
    "answer": "strum the string",
    "qid": 6,
    "type": "CH",
    "additional_ref_answer": "by strumming",
}
MVBENCH = {
    "video": "ZS9XR.mp4",
    "question": "What happened after the person took the food?",
    "candidates": ["Ate the medicine.", "Tidied up the blanket.", "Put down the cup.", "Took the box."],
    "answer": "Put down the cup.",
    "question_id": "Interaction_T1_13",
    "start": 11.1,
    "end": 19.6,
}
LONG_VIDEO_BENCH = {
    "id": "86CxyhFV9MI_0",
    "video_id": "86CxyhFV9MI",
    "video_path": "86CxyhFV9MI.mp4",
    "subtitle_path": "86CxyhFV9MI_en.json",
    "question": "Who stands by the window?",
    "candidates": ["a man", "a girl", "a dog"],
    "correct_choice": 1,
    "position": [854, 1210],
    "topic_category": "NP-News-Programs",
    "question_category": "TOS",
    "level": "L2-Relation",
    "duration": 190.16,
    "duration_group": 600,
    "starting_timestamp_for_subtitles": 12.5,
    "view_count": 259852,
}
MLVU = {
    "video": "movie101_66.mp4",
    "duration": 246,
    "question": "What color is the main male character in the video?",
    "candidates": ["Yellow", "Red", "Green", "Blue"],
    "answer": "Yellow ",
    "question_type": "plotQA",
}
EGO = {
    "q_uid": "0074f737",
    "google_drive_id": "1PXKL",
    "question": "What does C do?",
    "option 0": "C cooks.",
    "option 1": "C reads.",
    "option 2": "C runs.",
    "option 3": "C sings.",
    "option 4": "C sleeps.",
}
CG_BENCH = {
    "qid": 14,
    "video_uid": "3ZpmN3-2-Zo",
    "question": "What color is the vehicle?",
    "answer": "White",
    "choices": ["Light gray", "Pale blue", "Gray", "Silver", "White", "Beige", "Ivory"],
    "right_answer": "E",
    "clue_intervals": [[8, 11], [20.5, 21]],
    "domain": "Art & Culture",
    "sub_category": "Entity Perception",
    "duration": 2741,
}
HOLMES = {
    "video ID": "RSmjqss0XKQ",
    "Question ID": 3,
    "Question Type": "TCI",
    "Question": "Why was the man trapped?",
    "Options": {
        "A": "It locked",
        "B": "A leader",
        "C": "The paper fell",
        "D": "He forgot",
        "E": "Energy",
        "F": "Cleaners",
    },
    "Answer": "C",
    "Explanation": "The shot shows it.",
}
LV_BENCH = {
    "key": "Cm73ma6Ibcs",
    "type": "cartoon",
    "qa": [
        {
            "uid": 0,
            "question": "What year appears?\n(A) 1636\n(B) 1366\n(C) 1363\n(D) 1633",
            "answer": "D",
            "question_type": ["key information retrieval", "entity recognition"],
            "time_reference": "00:15-01:02:03",
        }
    ],
}
VSI = {
    "id": 0,
    "dataset": "arkitscenes",
    "scene_name": "41069025",
    "question_type": "object_counting",
    "question": "How many table(s) are in this room?",
    "ground_truth": "4",
    "options": None,
    "pruned": False,
}
VIDEO_R1 = {
    "problem_id": 2,
    "problem": "What appears on the screen?",
    "data_type": "video",
    "problem_type": "multiple choice",
    "options": ["A. A notification", "B. A command", "C. A warning", "D. An update"],
    "solution": "<answer>A</answer>",
    "path": "./LLaVA-Video-178K/1/a.mp4",
    "data_source": "LLaVA-Video-178K",
}
TEMPCOMPASS = {
    "1034419625": {
        "action": [
            {"question": "What is the man doing?\nA. dunking a ball\nB. passing a ball", "answer": "B. passing a ball"}
        ],
        "order": [{"question": "Is the man dunking?", "answer": "yes"}],
    }
}


OWN = {"video": "a.mp4", "question": "Which?", "options": ["x", "y"], "answer": "x"}
