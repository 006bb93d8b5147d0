"""Every format of questions, from a fixture in its exact shape to the record it must give."""

import pytest
import video_rows as rows
from video_rows import document, lines, parquet, table, touch

from mmgym_video.datasets import FORMATS, DatasetError, load_questions
from mmgym_video.question import Question


def one(path, format, **options):
    (question,) = load_questions(path, format=format, **options).questions
    return question


def test_video_mme_finds_its_video_and_subtitles(tmp_path):
    root = touch(tmp_path, "data/fFjv93ACGo8.mkv", "subtitle/fFjv93ACGo8.srt")
    assert one(parquet(tmp_path / "test.parquet", [rows.VIDEO_MME]), "video-mme", files=root) == Question(
        id="001-1",
        video="data/fFjv93ACGo8.mkv",
        question="How many candles are on the table?",
        answer="Four.",
        options=("Three.", "Four.", "None.", "B. B. King ate them."),
        subtitles="subtitle/fFjv93ACGo8.srt",
        family="Counting Problem",
        tags={name: rows.VIDEO_MME[name] for name in ("duration", "domain", "sub_category", "video_id", "url")},
    )


def test_video_mme_without_a_subtitle_file_has_no_subtitles(tmp_path):
    root = touch(tmp_path, "fFjv93ACGo8.mp4")
    assert one(lines(tmp_path / "q.jsonl", [rows.VIDEO_MME]), "video-mme", files=root).subtitles == ""


def test_next_qa_csv(tmp_path):
    assert one(table(tmp_path / "val.csv", [rows.NEXT_QA]), "next-qa") == Question(
        id="4010069381_6",
        video="4010069381.mp4",
        question="how do the two man play the instrument",
        answer="strum the string",
        options=("roll the handle", "tap their feet", "strum the string", "hit with sticks", "pat with hand"),
        family="CH",
    )


@pytest.mark.parametrize("place", ["NExTVideo/1164/4010069381.mp4", "NExTVideo/4010069381.mp4"])
def test_next_qa_finds_videos_in_the_folders_of_vidor_and_in_one_folder(tmp_path, place):
    document(tmp_path / "map_vid_vidorID.json", {"4010069381": "1164/4010069381"})
    path = table(tmp_path / "val.csv", [rows.NEXT_QA])
    assert one(path, "next-qa").video == "1164/4010069381.mp4"
    assert one(path, "next-qa", files=touch(tmp_path, place)).video == place


def test_open_next_qa_is_free_text(tmp_path):
    assert one(table(tmp_path / "test.csv", [rows.NEXT_OE]), "next-qa") == Question(
        id="4010069381_6",
        video="4010069381.mp4",
        question="how do the two man play the instrument",
        answer="strum the string",
        kind="free_text",
        family="CH",
        tags={"additional_ref_answer": "by strumming"},
    )


def test_mvbench_takes_folder_and_family_from_the_name_of_its_file(tmp_path):
    assert one(document(tmp_path / "action_sequence.json", [rows.MVBENCH]), "mvbench") == Question(
        id="action_sequence-1",
        video="star/Charades_v1_480/ZS9XR.mp4",
        question="What happened after the person took the food?",
        answer="Put down the cup.",
        options=("Ate the medicine.", "Tidied up the blanket.", "Put down the cup.", "Took the box."),
        segment=(11.1, 19.6),
        family="action_sequence",
        tags={"question_id": "Interaction_T1_13"},
    )


def test_mvbench_videos_that_are_cut_already_are_not_cut_again(tmp_path):
    path = document(tmp_path / "action_sequence.json", [rows.MVBENCH])
    question = one(path, "mvbench", files=touch(tmp_path, "video/star/Charades_segment/ZS9XR.mp4"))
    assert (question.video, question.segment) == ("video/star/Charades_segment/ZS9XR.mp4", None)


def test_mvbench_episodic_reasoning_is_a_folder_of_pictures(tmp_path):
    path = document(tmp_path / "episodic_reasoning.json", [rows.MVBENCH | {"video": "friends_s01e01_seg02_clip_00"}])
    root = touch(tmp_path, "video/tvqa/frames_fps3_hq/friends_s01e01_seg02_clip_00/00001.jpg")
    question = one(path, "mvbench", files=root)
    assert question.video == "video/tvqa/frames_fps3_hq/friends_s01e01_seg02_clip_00"
    assert question.tags["frames_per_second"] == 3


def test_long_video_bench_with_candidates(tmp_path):
    root = touch(tmp_path, "videos/86CxyhFV9MI.mp4", "subtitles/86CxyhFV9MI_en.json")
    tags = ("duration", "duration_group", "topic_category", "level", "position", "video_id")
    assert one(document(tmp_path / "lvb_val.json", [rows.LONG_VIDEO_BENCH]), "longvideobench", files=root) == Question(
        id="86CxyhFV9MI_0",
        video="videos/86CxyhFV9MI.mp4",
        question="Who stands by the window?",
        answer="a girl",
        options=("a man", "a girl", "a dog"),
        subtitles="subtitles/86CxyhFV9MI_en.json",
        subtitles_offset=12.5,
        family="TOS",
        tags={name: rows.LONG_VIDEO_BENCH[name] for name in tags},
    )


def test_long_video_bench_with_numbered_options_drops_those_that_are_not_there(tmp_path):
    numbered = {"option0": "a man", "option1": "a girl", "option2": "a dog", "option3": "N/A", "option4": "N/A"}
    row = {name: value for name, value in rows.LONG_VIDEO_BENCH.items() if name != "candidates"} | numbered
    assert one(parquet(tmp_path / "val.parquet", [row]), "longvideobench").options == ("a man", "a girl", "a dog")


def test_mlvu_of_the_project_finds_videos_by_the_name_of_its_file(tmp_path):
    path = document(tmp_path / "1_plotQA.json", [rows.MLVU])
    assert one(path, "mlvu", files=touch(tmp_path, "video/1_plotQA/movie101_66.mp4")) == Question(
        id="1_plotQA-1",
        video="video/1_plotQA/movie101_66.mp4",
        question="What color is the main male character in the video?",
        answer="Yellow",
        options=("Yellow", "Red", "Green", "Blue"),
        family="plotQA",
        tags={"duration": 246},
    )


def test_mlvu_generation_is_free_text(tmp_path):
    row = {name: value for name, value in rows.MLVU.items() if name != "candidates"} | {
        "answer": "He hooked a tree with one foot.",
        "question_type": "subPlot",
        "scoring_points": ["hooked a tree"],
    }
    assert one(document(tmp_path / "8_sub_scene.json", [row]), "mlvu") == Question(
        id="8_sub_scene-1",
        video="movie101_66.mp4",
        question=rows.MLVU["question"],
        answer="He hooked a tree with one foot.",
        kind="free_text",
        family="subPlot",
        tags={"duration": 246, "scoring_points": ["hooked a tree"]},
    )


def test_mlvu_with_options_in_the_question(tmp_path):
    row = {
        "video_name": "order_1.mp4",
        "question": "Which order: (1)tape; (2)box?\n(A) 2->1\n(B) 1->2\n(C) 1\nand 2 at once",
        "answer": "C",
        "task_type": "order",
    }
    assert one(parquet(tmp_path / "test.parquet", [row]), "mlvu") == Question(
        id="test-1",
        video="order_1.mp4",
        question="Which order: (1)tape; (2)box?",
        answer="1 and 2 at once",
        options=("2->1", "1->2", "1 and 2 at once"),
        family="order",
    )


def test_ego_schema_of_the_project_takes_answers_from_the_file_beside(tmp_path):
    path = document(tmp_path / "questions.json", [rows.EGO])
    document(tmp_path / "subset_answers.json", {"0074f737": 3})
    assert one(path, "egoschema") == Question(
        id="0074f737",
        video="0074f737.mp4",
        question="What does C do?",
        answer="C sings.",
        options=("C cooks.", "C reads.", "C runs.", "C sings.", "C sleeps."),
        family="egoschema",
        tags={"google_drive_id": "1PXKL"},
    )


def test_ego_schema_with_lettered_options(tmp_path):
    row = {
        "question_idx": "7",
        "video_idx": "0074f737",
        "question": "What does C do?",
        "option": ["A. C cooks.", "B. C reads.", "C. C runs.", "D. C sings.", "E. C sleeps."],
        "answer": "4",
    }
    question = one(parquet(tmp_path / "subset.parquet", [row]), "egoschema")
    assert (question.id, question.answer, question.options[2]) == ("7", "C sleeps.", "C runs.")


def test_ego_schema_without_answers_says_so(tmp_path):
    with pytest.raises(DatasetError, match=r"questions\.json row 1: no answer: .*subset_answers\.json"):
        load_questions(document(tmp_path / "questions.json", [rows.EGO]), format="egoschema")


def test_cg_bench_keeps_the_intervals_of_the_clue(tmp_path):
    root = touch(tmp_path, "cg_videos_720p/3ZpmN3-2-Zo.mp4", "cg_subtitles/3ZpmN3-2-Zo.srt")
    assert one(document(tmp_path / "cgbench_mini.json", [rows.CG_BENCH]), "cg-bench", files=root) == Question(
        id="14",
        video="cg_videos_720p/3ZpmN3-2-Zo.mp4",
        question="What color is the vehicle?",
        answer="White",
        options=("Light gray", "Pale blue", "Gray", "Silver", "White", "Beige", "Ivory"),
        evidence=((8.0, 11.0), (20.5, 21.0)),
        subtitles="cg_subtitles/3ZpmN3-2-Zo.srt",
        family="Entity Perception",
        tags={"domain": "Art & Culture", "duration": 2741},
    )


@pytest.mark.parametrize("write", [document, parquet])
def test_video_holmes(tmp_path, write):
    # In Parquet, where one row has six options, rows of five have a sixth that is null.
    short = rows.HOLMES | {"Question ID": 4, "Options": {name: rows.HOLMES["Options"][name] for name in "ABCDE"}}
    path = write(tmp_path / f"test_Video-Holmes.{write.__name__.replace('document', 'json')}", [rows.HOLMES, short])
    first, second = load_questions(path, format="video-holmes").questions
    assert first == Question(
        id="RSmjqss0XKQ-3",
        video="RSmjqss0XKQ.mp4",
        question="Why was the man trapped?",
        answer="The paper fell",
        options=("It locked", "A leader", "The paper fell", "He forgot", "Energy", "Cleaners"),
        family="TCI",
        tags={"Explanation": "The shot shows it."},
    )
    assert second.options == first.options[:5]


def test_lv_bench_of_the_project_has_many_questions_a_line(tmp_path):
    assert one(lines(tmp_path / "video_info.meta.jsonl", [rows.LV_BENCH]), "lvbench") == Question(
        id="0",
        video="Cm73ma6Ibcs.mp4",
        question="What year appears?",
        answer="1633",
        options=("1636", "1366", "1363", "1633"),
        evidence=((15.0, 3723.0),),
        family="key information retrieval",
        tags={name: rows.LV_BENCH["qa"][0][name] for name in ("question_type", "time_reference")} | {"type": "cartoon"},
    )


def test_lv_bench_with_a_path_and_options_in_one_line(tmp_path):
    row = {"video_path": "all/1.mp4", "question": "What? (A) red (B) blue", "answer": "(A)"}
    assert one(lines(tmp_path / "lv.jsonl", [row]), "lvbench") == Question(
        id="lv-1", video="all/1.mp4", question="What?", answer="red", options=("red", "blue")
    )


def test_tempcompass_nested_by_video_and_aspect(tmp_path):
    first, second = load_questions(
        document(tmp_path / "multi-choice.json", rows.TEMPCOMPASS), format="tempcompass"
    ).questions
    assert first == Question(
        id="multi-choice/1034419625/action/0",
        video="1034419625.mp4",
        question="What is the man doing?",
        answer="passing a ball",
        options=("dunking a ball", "passing a ball"),
        family="action",
        tags={"task": "multi-choice"},
    )
    assert second == Question(
        id="multi-choice/1034419625/order/0",
        video="1034419625.mp4",
        question="Is the man dunking?",
        answer="yes",
        options=("yes", "no"),
        family="order",
        tags={"task": "yes_no"},
    )


def test_tempcompass_caption_matching_and_captioning(tmp_path):
    matching = {
        "video_id": "10",
        "question": "Which caption matches?\nCaption A: He dunks.\nCaption B: He shoots.",
        "answer": "Caption B: He shoots.",
        "dim": "action",
    }
    captioning = {
        "video_id": "10",
        "question": "Write a caption.\nInformation A: {'action': 'dunking'}\nInformation B: {'action': 'passing'}",
        "answer": "B. passing",
        "mc_question": "What?\nA. dunking\nB. passing",
        "mc_answer": "B. passing",
        "dim": "action",
    }
    first, second = load_questions(lines(tmp_path / "t.jsonl", [matching, captioning]), format="tempcompass").questions
    assert first == Question(
        id="t-1",
        video="10.mp4",
        question="Which caption matches?",
        answer="He shoots.",
        options=("He dunks.", "He shoots."),
        family="action",
        tags={"task": "caption_matching"},
    )
    assert second == Question(
        id="t-2",
        video="10.mp4",
        question=captioning["question"],
        answer="passing",
        kind="free_text",
        family="action",
        tags={"task": "captioning", "mc_question": captioning["mc_question"], "mc_answer": "B. passing"},
    )


def test_vsi_bench_numbers_and_options(tmp_path):
    choice = rows.VSI | {
        "id": 1,
        "question_type": "route_planning",
        "ground_truth": "B",
        "options": ["A. left", "B. right"],
    }
    first, second = load_questions(lines(tmp_path / "test.jsonl", [rows.VSI, choice]), format="vsi-bench").questions
    assert first == Question(
        id="0",
        video="arkitscenes/41069025.mp4",
        question="How many table(s) are in this room?",
        answer="4",
        kind="numeric",
        family="object_counting",
        tags={"pruned": False, "metric": "mean_relative_accuracy"},
    )
    assert second == Question(
        id="1",
        video="arkitscenes/41069025.mp4",
        question="How many table(s) are in this room?",
        answer="right",
        options=("left", "right"),
        family="route_planning",
        tags={"pruned": False},
    )


def test_video_r1_choice(tmp_path):
    path = document(tmp_path / "Video-R1-260k.json", [rows.VIDEO_R1])
    assert one(path, "video-r1", files=touch(tmp_path, "LLaVA-Video-178K/1/a.mp4")) == Question(
        id="2",
        video="LLaVA-Video-178K/1/a.mp4",
        question="What appears on the screen?",
        answer="A notification",
        options=("A notification", "A command", "A warning", "An update"),
        family="multiple choice",
        tags={"data_type": "video", "data_source": "LLaVA-Video-178K"},
    )


@pytest.mark.parametrize(
    ("problem_type", "kind", "answer"),
    [
        ("numerical", "numeric", "1,024.50"),
        ("OCR", "ocr", "EXIT 7"),
        ("free-form", "free_text", "He\nfalls."),
        ("regression", "regression", "3.2"),
    ],
)
def test_video_r1_kinds_on_pictures(tmp_path, problem_type, kind, answer):
    row = rows.VIDEO_R1 | {
        "problem_type": problem_type,
        "options": [],
        "data_type": "image",
        "path": "./OCR/a.png",
        "solution": f"<answer> {answer} </answer>",
    }
    question = one(document(tmp_path / "r1.json", [row]), "video-r1", files=touch(tmp_path, "OCR/a.png"))
    assert (question.kind, question.answer, question.video, question.tags["data_type"]) == (
        kind,
        answer,
        "OCR/a.png",
        "image",
    )


EXAMPLES = [
    ("video-mme", [rows.VIDEO_MME]),
    ("next-qa", [rows.NEXT_QA]),
    ("next-qa", [rows.NEXT_OE]),
    ("mvbench", [rows.MVBENCH]),
    ("longvideobench", [rows.LONG_VIDEO_BENCH]),
    ("mlvu", [rows.MLVU]),
    ("egoschema", [rows.EGO]),
    ("cg-bench", [rows.CG_BENCH]),
    ("video-holmes", [rows.HOLMES]),
    ("lvbench", [rows.LV_BENCH]),
    ("tempcompass", rows.TEMPCOMPASS),
    ("vsi-bench", [rows.VSI]),
    ("video-r1", [rows.VIDEO_R1]),
    ("mmgym", [rows.OWN]),
]


@pytest.mark.parametrize(("name", "value"), EXAMPLES)
def test_auto_tells_the_format_by_its_fields(tmp_path, name, value):
    document(tmp_path / "subset_answers.json", {"0074f737": 3})
    path = document(tmp_path / "action_sequence.json", value)
    assert load_questions(path, format="auto") == load_questions(path, format=name)


def test_every_format_has_an_example_here():
    assert {name for name, _ in EXAMPLES} == set(FORMATS)
