"""VideoQA: tools and their limits, budgets, what is shown, the expert, replay, and a user's own files."""

import functools
import json

import gymnasium as gym
import numpy as np
import pytest
from video.episodes import call, play

import mmgym
from mmgym.testing import check_conformance
from mmgym_video.procedural.catalogue import FAMILIES
from mmgym_video.scoring import is_correct
from mmgym_video.sources import Shuffled
from mmgym_video.subtitles import between
from mmgym_video.video_qa import VideoQA

SMALL = {"frame_size": (192, 256)}
FINITE = {"families": ("moment",), "parts": 12, "open_answers": True, "preview": "none", "frame_size": (64, 64)}


def make(**arguments):
    return VideoQA(**{**SMALL, **arguments})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_expert_answers_what_it_looked_at(family):
    env = make()
    for level in range(1, 6):
        for seed in range(4):
            calls, info = play(env, seed, level=level, task=family)
            assert info["success"], f"{family}, level {level}, seed {seed}"
            assert calls[-1].name == "answer" and env.frames_used <= env.frame_budget


def test_without_looking_the_expert_has_to_guess():
    env = make(preview="none")
    right = 0
    for seed in range(200):
        env.reset(seed=seed, options={"task": "moment"})
        env.frames_used = env.frame_budget
        right += env.step(env.expert())[4]["success"]
    assert 25 <= right <= 80  # one in four, within five standard deviations


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (call("get_frame", time=61.0), "ends at 60 s"),
        (call("sample_clip", start=20.0, end=20.0, count=3), "empty"),
        (call("sample_clip", start=30.0, end=20.0, count=3), "empty"),
        (call("sample_clip", start=30.0, end=70.0, count=3), "not all in it"),
        (call("sample_clip", start=1.0, end=50.0, count=17), "17 pictures; 16 of 16"),
        (call("scan", stride=0.5), "120 frames"),
        (call("scan", stride=2.0), "30 pictures"),
        (call("zoom", frame=9, left=0, top=0, right=10, bottom=10), "shown so far: 1 to 4"),
        (call("zoom", frame=1, left=500, top=0, right=500, bottom=10), "no area"),
        (call("zoom", frame=1, left=0, top=0, right=5, bottom=1000), "smaller than"),
        (call("subtitle", start=5.0, end=1.0), "empty"),
        (call("note", text="  "), "not kept"),
        (call("answer", text="E"), "one of A, B, C, D"),
        (call("answer", text="A or B"), "one of A, B, C, D"),
    ],
)
def test_a_look_that_cannot_be_had_says_why_and_costs_a_turn(wanted, said):
    env = make()
    env.reset(seed=0, options={"task": "moment"})
    key = env.state_key()
    observation, reward, terminated, _, info = env.step(wanted)
    assert said in observation["feedback"] and info["action_valid"] and not info["action_effective"]
    assert (reward, terminated, env.turn, observation["frames"], env.state_key()) == (0.0, False, 1, (), key)
    assert info["measures"]["frames"] == 0.0


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e9, "12", None, True])
def test_times_that_are_no_times_are_invalid_actions(time):
    env = make()
    env.reset(seed=0)
    *_, info = env.step({"name": "get_frame", "arguments": {"time": time}})
    assert not info["action_valid"] and "time" in info["feedback"]


def test_frames_come_with_their_number_and_time():
    env = make(preview_frames=2)
    observation, _ = env.reset(seed=1, options={"task": "moment"})
    assert observation["frames"][::2] == ("Picture 1, at 15.0 s:", "Picture 2, at 45.0 s:")
    observation = env.step(call("sample_clip", start=10.0, end=20.04, count=3))[0]
    assert observation["frames"][::2] == (
        "Picture 3, at 10.0 s:",
        "Picture 4, at 15.0 s:",
        "Picture 5, at 20.0 s:",
    )
    assert all(image.shape == (192, 256, 3) for image in observation["frames"][1::2])
    observation = env.step(call("scan", stride=20.0))[0]
    assert [text.split(", ")[1] for text in observation["frames"][::2]] == ["at 0.0 s:", "at 20.0 s:", "at 40.0 s:"]


@pytest.mark.parametrize("start", [0.1, 0.2, 0.3, 0.7])
def test_a_clip_up_to_the_end_of_the_video_is_shown(start):
    env = make(frame_budget=64)
    env.reset(seed=0, options={"task": "moment"})
    for count in range(2, 11):
        *_, info = env.step(call("sample_clip", start=start, end=60.0, count=count))
        assert info["action_effective"]
    assert env.requested == ((start, 60.0),) * 9


def test_budgets_are_told_and_kept():
    env = make(frame_budget=3, max_turns=5, preview_frames=1)
    observation, _ = env.reset(seed=1)
    assert "Pictures left: 3. Turns left: 5." in observation["task"]
    observation = env.step(call("sample_clip", start=0.0, end=9.0, count=2))[0]
    assert "Pictures left: 1. Turns left: 4." in observation["task"]
    assert "1 of 3 are left" in env.step(call("sample_clip", start=0.0, end=9.0, count=2))[0]["feedback"]
    env.step(call("get_frame", time=3.0))
    env.step(call("get_frame", time=3.0))
    *_, truncated, _ = env.step(call("note", text="out of turns"))
    assert truncated


def test_tokens_per_image_are_kept():
    for tokens in (4, 12, 48, 200):
        env = VideoQA(tokens_per_image=tokens, families=("moment",))
        image = env.reset(seed=0)[0]["frames"][1]
        cells = image.shape[0] / 32 * image.shape[1] / 32
        assert tokens / 2 <= cells <= tokens and cells == int(cells)


def test_a_zoom_into_a_zoom_is_a_part_of_the_part():
    env = make(frame_size=(480, 640), tokens_per_image=48)
    env.reset(seed=1)
    env.step(call("zoom", frame=1, left=500, top=0, right=1000, bottom=500))
    env.step(call("zoom", frame=5, left=0, top=500, right=500, bottom=1000))
    assert env.shots[-1].box == (0.5, 0.25, 0.75, 0.5) and env.shots[-1].time == env.shots[0].time
    whole = env.video.frames([env.shots[0].time])[0].image
    part = env._picture(env.shots[-1])
    assert abs(part.mean((0, 1)) - whole[120:240, 320:480].mean((0, 1))).max() < 3


def test_a_sheet_is_one_picture_of_several_frames():
    env = make(preview="sheet", preview_frames=6, frame_size=(480, 640), tokens_per_image=48)
    observation, _ = env.reset(seed=0)
    assert len(observation["frames"]) == 2 and "5.0, 15.0" in observation["frames"][0]
    assert env.frames_left == env.frame_budget and play(env, 0)[1]["success"]


def test_a_part_of_a_sheet_shows_the_frames_that_are_in_it():
    env = make(preview="sheet", preview_frames=4, frame_size=(480, 640), tokens_per_image=300, obs_mode="both")
    for seed in range(4):
        observation, _ = env.reset(seed=seed, options={"task": "moment"})
        assert [f"at {time} s" in observation["text"] for time in (7.5, 22.5, 37.5, 52.5)] == [True] * 4
        (start, end), colour = env.question.evidence[0], {}
        for number, (left, top) in enumerate([(0, 0), (500, 0), (0, 500), (500, 500)]):
            observation, _, _, _, info = env.step(
                call("zoom", frame=1, left=left, top=top, right=left + 500, bottom=top + 500)
            )
            time = 15 * number + 7.5
            assert info["measures"]["hits"] == (start <= time <= end)
            said = observation["text"]
            assert [f"at {other} s:" in said for other in (7.5, 22.5, 37.5, 52.5)].count(True) == 1
            assert f"at {time} s: " in said and "circle" in said
            colour[time] = said.split(" circle")[0].split()[-1]
        assert colour[start + 7.5] == env.question.answer
    env.step(call("zoom", frame=1, left=0, top=0, right=1000, bottom=20))
    assert env._in_words(env.shots[-1]) == "no frame"


def test_questions_are_about_the_new_pictures_also_after_a_sheet():
    env = make(preview="sheet")
    env.reset(seed=0, options={"task": "moment"})
    assert [text for text, _ in env.questions(np.random.default_rng(0))] == ["How many pictures are left?"]
    env.step(call("get_frame", time=3.0))
    asked = dict(env.questions(np.random.default_rng(0)))
    facts = env.video.facts(3.0)
    assert asked["How many things does picture 2 show?"] == str(len(facts))
    colors = [fact["color"] for fact in facts if fact["shape"] == "circle"]
    assert colors == [asked["What colour is the circle in picture 2?"]]


def test_subtitles_of_a_stretch_are_those_between_its_ends():
    env = make()
    env.reset(seed=0, options={"task": "narrated"})
    line = env.video.subtitles[0]
    for start, end in ((line.start - 1, line.start), (line.end - 0.1, line.end + 9), (line.end, line.end + 9)):
        said = env.step(call("subtitle", start=start, end=end))[0]["feedback"]
        assert (line.text in said) == (line in between(env.video.subtitles, start, end)) == (start < line.end)


def test_notes_stay_in_view_and_the_question_only_if_asked_for():
    env = make(repeat_question=False)
    observation, _ = env.reset(seed=0)
    assert env.question.question in observation["task"]
    env.step(call("note", text="look later"))
    observation = env.step(call("get_frame", time=1.0))[0]
    assert "Note 1: look later" in observation["task"] and env.question.question not in observation["task"]


def test_measures_add_up():
    env = make(grounding_reward=0.5, frame_cost=0.01)
    env.reset(seed=3, options={"task": "moment"})
    (start, end), total = env.question.evidence[0], 0.0
    sums: dict[str, float] = {}
    looks = [
        ("sample_clip", start, end),
        ("sample_clip", start, end),
        ("get_frame", end + 2 if end < 50 else start - 2),
    ]
    for name, *times in looks:
        arguments = {"time": times[0]} if name == "get_frame" else {"start": start, "end": end, "count": 3}
        _, reward, _, _, info = env.step(call(name, **arguments))
        total += reward
        for term, value in info["measures"].items():
            sums[term] = sums.get(term, 0.0) + value
    assert sums["frames"] == 7 and sums["hits"] == 6 and sums["repeats"] == 1 and sums["looks"] == 3
    assert sums["evidence"] == pytest.approx(1) and sums["grounding"] == pytest.approx(15 / 16)
    assert total == pytest.approx(0.5 * 15 / 16 - 0.07)


def test_the_shuffled_probe_shows_other_moments_under_the_same_times():
    plain, probe = make(preview="none"), make(preview="none", shuffled=True)
    for env in (plain, probe):
        env.reset(seed=5, options={"task": "moment"})
    assert isinstance(probe.video, Shuffled) and plain.question == probe.question
    times = [(frame + 0.5) / 10 for frame in range(600)]
    shown = [probe.video.facts(time) for time in times]
    assert shown != [plain.video.facts(time) for time in times]
    bags = [sorted(str(env.video.facts(time)) for time in times) for env in (plain, probe)]
    assert bags[0] == bags[1]
    assert probe.capabilities.expert == "optimal_in_expectation"
    assert [frame.time for frame in probe.video.frames(times[:3])] == [f.time for f in plain.video.frames(times[:3])]


@pytest.mark.parametrize("family", ["compare", "order", "whereabouts", "direction"])
def test_only_the_right_name_is_right_without_options(family):
    env, options = make(open_answers=True), make()
    for seed in range(12):
        for one in (env, options):
            one.reset(seed=seed, options={"task": family, "level": 1 + seed % 5})
        right, text = env.question.answer, env.question.question
        named = options.question.options
        if "of these" in text:
            assert all(option in text for option in named)
        for said in named:
            assert is_correct(env.question, said) == (said == right)
            assert is_correct(env.question, said.replace("the ", "").upper()) == (said == right)


def test_finite_actions_for_small_models_and_classical_learners():
    env = VideoQA(**FINITE)
    assert env.action_space.is_finite and {c.name for c in env.action_space.calls} == {"look", "choose"}
    for seed in range(30):
        assert play(env, seed)[1]["success"]
    late = VideoQA(**{**FINITE, "parts": 32}, level=4)  # the stretches of half an hour leave 16 frames over
    for seed in (547, 599, 855):
        assert play(late, seed)[1]["success"]
    with pytest.raises(ValueError, match="multiple of 8 at level 2"):
        env.reset(seed=0, options={"level": 2})
    with pytest.raises(ValueError, match="moment"):
        VideoQA(families=("needle",), parts=12)
    assert [c.arguments["option"] for c in VideoQA(families=("moment",), parts=8).action_space.calls[:4]] == [*"ABCD"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"families": ("nonesuch",)}, "moment"),
        ({"families": ()}, "families must be some of"),
        ({"preview": "all"}, "sheet"),
        ({"preview_frames": 0}, "from 1 to 64"),
        ({"duration": 3.0}, "from 30"),
        ({"frame_size": (480, 10)}, "32 to 2160"),
        ({"frame_budget": 0}, "from 1"),
        ({"tokens_per_image": 0}, "from 1"),
        ({"patch": 2}, "from 8"),
        ({"grounding_reward": -1.0}, "from 0"),
        ({"frame_cost": float("nan")}, "from 0"),
        ({"parts": 1}, "from 2"),
        ({"shuffled": True, "questions": "x.jsonl"}, "drawn videos"),
    ],
)
def test_bad_arguments_name_what_is_allowed(arguments, said):
    with pytest.raises(ValueError, match=said):
        VideoQA(**arguments)


def test_a_task_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"task must be one of any, .*moment"):
        make().reset(seed=0, options={"task": "nonesuch"})


def test_answers_in_words_without_options():
    env = make(open_answers=True)
    observation, _ = env.reset(seed=0, options={"task": "moment"})
    assert "A. " not in observation["task"] and env.question.options == ()
    assert play(env, 0, task="moment")[1]["success"]
    env.reset(seed=0, options={"task": "moment"})
    *_, info = env.step(call("answer", text="mauve"))
    assert not info["success"] and info["measures"]["answer"] == 0.0


@pytest.mark.parametrize(
    "arguments", [{"preview": "sheet"}, {"open_answers": True}, {"shuffled": False, "duration": 45.0}]
)
def test_variants_conform(arguments):
    check_conformance(functools.partial(VideoQA, **SMALL, **arguments), seeds=1)


def test_frames_too_small_for_a_family_are_refused():
    with pytest.raises(ValueError, match=r"64 pixels high are too small for needle.*192"):
        VideoQA(families=("needle", "moment"), frame_size=(64, 64))


def test_it_is_made_by_its_id_and_spec():
    env = gym.make("mmgym/VideoQA-v0", families=("needle",), **SMALL)
    assert mmgym.unwrap(env).source.tasks == ("needle",)
    env.reset(seed=0)
    env.close()


def test_snapshots_hold_what_was_seen():
    env, other = make(), make()
    env.reset(seed=4)
    env.step(call("get_frame", time=7.0))
    env.step(call("note", text="seven"))
    snapshot = env.snapshot()
    assert json.loads(snapshot)["state"]["notes"] == ["seven"]
    other.restore(snapshot)
    assert other.shots == env.shots and other.question == env.question
    for one, two in zip(
        env.step(call("get_frame", time=9.0))[0]["frames"],
        other.step(call("get_frame", time=9.0))[0]["frames"],
        strict=True,
    ):
        assert np.array_equal(one, two)
