"""Where a user's questions come from: parts of videos and folders of pictures."""

import json

import cv2
import numpy as np
import pytest
from video.episodes import call

from mmgym_video.image_qa import ImageQA
from mmgym_video.picture_sequence import PictureSequence
from mmgym_video.sources import FileSource, Segment
from mmgym_video.video import VideoError
from mmgym_video.video_qa import VideoQA

ROW = {"id": "1", "video": "clip", "question": "Which?", "options": ["a", "b"], "answer": "A"}


def pictures(folder, count=30):
    """A folder of pictures."""
    folder.mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:05d}.png"), np.full((40, 60, 3), 8 * number, np.uint8))
    return folder


def asked(folder, *rows):
    """A file of questions."""
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_evidence_of_a_part_is_told_in_the_time_of_the_part(tmp_path):
    pictures(tmp_path / "clip")
    evidence = [[0.0, 1.0], [1.5, 3.0], [4.0, 5.0], [6.5, 9.0], [8.0, 9.0]]
    env = VideoQA(questions=str(asked(tmp_path, {**ROW, "segment": [2.0, 7.0], "evidence": evidence})))
    env.reset(seed=0)
    assert env.question.evidence == ((0.0, 1.0), (2.0, 3.0), (4.5, 5.0))
    assert [env.step(call("get_frame", time=time))[4]["measures"]["hits"] for time in (2.5, 3.5)] == [1.0, 0.0]


def test_the_end_of_a_part_is_in_the_video(tmp_path):
    video = PictureSequence(pictures(tmp_path / "clip"), fps=7.0)
    start = 0.006402848890425528
    assert start + (video.duration - start) > video.duration
    part = Segment(video, start, 99.0)
    assert part.frames([part.duration])[0].time == pytest.approx(29 / 7 - start)
    with pytest.raises(ValueError, match="time must be"):
        part.frames([part.duration + 1])


def test_questions_of_a_file_keep_the_times_of_the_file(tmp_path):
    pictures(tmp_path / "clip")
    source = FileSource(
        asked(tmp_path, {**ROW, "segment": [2.0, 7.0], "evidence": [[3, 4]]}), None, "auto", "refuse", "none"
    )
    assert source.questions["1"].evidence == ((3.0, 4.0),)
    for _ in range(2):
        assert source.open({"question": "1"}).question.evidence == ((1.0, 2.0),)


def test_no_picture_of_a_folder_is_a_link_to_elsewhere(tmp_path):
    secret = pictures(tmp_path / "elsewhere", 1) / "00000.png"
    root = tmp_path / "root"
    folder, other = pictures(root / "clip", 3), pictures(root / "other", 1)
    (folder / "00003.png").symlink_to(other / "00000.png")
    questions = asked(root, ROW)
    assert VideoQA(questions=str(questions)).video.duration == pytest.approx(4 / 3)
    with pytest.raises(VideoError, match=r"00003\.png is a link"):
        PictureSequence(folder, 3.0)
    (folder / "00004.png").symlink_to(secret)
    with pytest.raises(VideoError, match=r"00004\.png is a link that leaves"):
        VideoQA(questions=str(questions))


@pytest.mark.parametrize(("kind", "suffix"), [(VideoQA, ".mp4"), (ImageQA, ".png")])
def test_files_that_cannot_be_opened_are_left_out_if_broken_ones_are(tmp_path, kind, suffix):
    good = pictures(tmp_path / "good", 1) / "00000.png"
    (tmp_path / "good.png").write_bytes(good.read_bytes())
    name = "good" if kind is VideoQA else "good.png"
    rows = [{**ROW, "id": "good", "video": name}]
    for number in range(12):
        (tmp_path / f"{number}{suffix}").write_bytes(b"nothing of the kind")
        rows.append({**ROW, "id": str(number), "video": f"{number}{suffix}"})
    questions = str(asked(tmp_path, *rows))
    env = kind(questions=questions, broken="skip")
    for seed in range(3):
        env.reset(seed=seed)
        assert env.question.id == "good"
    with pytest.raises(ValueError, match=rf"\d\{suffix}"):
        kind(questions=questions)
    asked(tmp_path, *rows[1:])
    with pytest.raises(ValueError, match="no file of a question of task 'any' in split 'train' can be opened"):
        kind(questions=questions, broken="skip")
