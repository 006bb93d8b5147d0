"""Published rewards on transcripts written by hand, each number worked out by the formula as it is coded."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgym.spaces import Parameter, Tool, ToolSpace
from mmgym.trajectory import EpisodeTask, Trajectory, Turn
from mmgym_video.question import Question
from mmgym_video.rewards import (
    PRESETS,
    Exchange,
    Transcript,
    contrast_bonus,
    deepeyes,
    framethinker,
    length_bonus,
    longvt,
    pixel_reasoner,
    preset_rewards,
    video_r1,
    video_r1_accuracy,
)

QUESTION = Question(
    id="q",
    video="v",
    question="Who enters at 1:05?",
    answer="a dog",
    options=("a cat", "a dog"),
    evidence=((10.0, 30.0),),
)
ARGUMENTS = '{{"name": "crop_video", "arguments": {{"start_time": {}, "end_time": {}}}}}'
CLIP = f"<think>look</think><tool_call>{ARGUMENTS}</tool_call>"
RIGHT, WRONG = "<think>so</think><answer>B</answer>", "<think>so</think><answer>A</answer>"


def play(*said: str | Exchange, question: Question = QUESTION, **arguments) -> Transcript:
    """A transcript; texts that are not the last one got four pictures back."""
    last = len(said) - 1
    exchanges = [
        one if isinstance(one, Exchange) else Exchange(one, images=0 if index == last else 4)
        for index, one in enumerate(said)
    ]
    return Transcript(question, tuple(exchanges), **arguments)


def ask(answer: str, kind: str) -> Question:
    return Question(id="q", video="v", question="What?", answer=answer, kind=kind)


# --- DeepEyes: .8 accuracy + .2 format (0 or -1) + 1.2 tool and right -------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        ((RIGHT,), 0.8),  # right without a tool
        ((WRONG,), 0.0),
        ((CLIP.format(10, 20), RIGHT), 0.8 + 1.2),
        ((CLIP.format(10, 20), WRONG), 0.0),  # the tool pays only with a right answer
        (("<think>so<answer>B</answer>",), 0.8 - 0.2),  # a thought left open
        (("<think>so</think><answer>B",), 0.8 - 0.2),  # an answer left open
        (("<think>so</think>B",), 0.0),  # the whole text is judged, which is no option; the format has no fault
        (("B",), 0.8),  # neither tag is asked for
        ((CLIP.format(10, 20), "<think>so<answer>B</answer>"), 0.8 - 0.2 + 1.2),
        (("<answer>A</answer><answer>B</answer>",), 0.8),  # the last answer is judged
        (("<answer>" + "B" * 1000 + "</answer>",), -0.2),
        ((Exchange(CLIP.format(99, 20), failed=True), RIGHT), 0.8),  # a refused call shows nothing
    ],
)
def test_deepeyes(said, reward):
    assert deepeyes([play(*said)]) == pytest.approx([reward])


def test_deepeyes_takes_a_judge():
    half = play(CLIP.format(1, 2), "<think>so</think><answer>some dog</answer>")
    assert deepeyes([half], judge=lambda question, said: 0.5 * (said == "some dog")) == pytest.approx([0.4])


# --- LongVT: accuracy + format (0 or 1) + IoU of the last clip --------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        ((RIGHT,), 1 + 1),  # no tool: no IoU
        ((WRONG,), 0 + 1),
        ((CLIP.format(10, 30), RIGHT), 1 + 1 + 1),
        ((CLIP.format(20, 40), RIGHT), 1 + 1 + 10 / 30),
        ((CLIP.format(20, 40), WRONG), 0 + 1 + 10 / 30),  # IoU is paid for a wrong answer as well
        ((CLIP.format(10, 30), CLIP.format(50, 60), RIGHT), 1 + 1 + 0),  # the last clip counts, however good the first
        ((CLIP.format(50, 60), CLIP.format(10, 20), RIGHT), 1 + 1 + 10 / 20),
        ((CLIP.format(30, 10), RIGHT), 1 + 1 + 0),  # reversed
        ((CLIP.format('"10"', '"30"'), RIGHT), 1 + 1 + 1),  # numbers in quotes are read
        ((CLIP.format("null", 30), RIGHT), 1 + 1 + 0),
        ((CLIP.format(10, 30), CLIP.format("null", 30), RIGHT), 1 + 1 + 1),  # the last clip that can be read
        ((CLIP.format(10, "1e999"), RIGHT), 1 + 1 + 0),
        (("<think>look</think><tool_call>{}</tool_call>", RIGHT), 1 + 1 + 0),
        (("<think>a</think><tool_call>" + "[" * 5000 + "</tool_call>", RIGHT), 1 + 1 + 0),
        ((RIGHT + " ",), 1 + 1),  # white space around it is no matter
        (("Well. " + RIGHT,), 1 + 0),  # something before it is
        ((RIGHT + RIGHT,), 1 + 0),  # two answers
        (("<answer>B</answer>",), 1 + 0),  # no thought
        ((CLIP.format(10, 30), "<answer>B</answer>"), 1 + 0 + 1),  # no thought after the call
        (("<think>so</think><answer></answer>",), 0 + 1),
        (("<think>so</think>B",), 0 + 0),
        (("<think>so</think><answer>" + "B" * 1000 + "</answer>",), 0 + 0),
        ((CLIP.format(10, 30),), 0 + 0 + 0),  # never answered, and no tool replied
    ],
)
def test_longvt(said, reward):
    assert longvt([play(*said)]) == pytest.approx([reward])


def test_longvt_reads_the_clips_of_videoqa():
    call = '{"name": "sample_clip", "arguments": {"start": 15, "end": 25, "count": 8}}'
    clip = f"<think>a</think><tool_call>{call}</tool_call>"
    assert longvt([play(clip, RIGHT)]) == pytest.approx([1 + 1 + 0.5])


def test_longvt_takes_half_marks_of_a_judge_and_needs_evidence_to_ground():
    unknown = Question(id="q", video="v", question="Who?", answer="a dog", kind="free_text")
    said = play(CLIP.format(10, 30), "<think>so</think><answer>pet</answer>", question=unknown)
    assert longvt([said], judge=lambda question, said: 0.5) == pytest.approx([0.5 + 1])


# --- Pixel-Reasoner: correctness + curiosity + penalty ----------------------------------------------------------------


def test_pixel_reasoner_pays_curiosity_where_few_look():
    # 1 of 8 looked, twice: rate .125; .25 * (.3 - .125) / 1.5 / .125 = .2333; penalty -.05
    group = [play(CLIP.format(1, 2), CLIP.format(3, 4), RIGHT), *[play(RIGHT)] * 3, *[play(WRONG)] * 4]
    looked = 1 + 0.25 * 0.175 / 1.5 / 0.125 - 0.05
    assert pixel_reasoner(group) == pytest.approx([looked, 1, 1, 1, 0, 0, 0, 0])
    # on pictures 2 stands for 1.5: .175
    pictures = [Transcript(one.question, one.exchanges, is_video=False) for one in group]
    assert pixel_reasoner(pictures)[0] == pytest.approx(1 + 0.175 - 0.05)


def test_pixel_reasoner_is_not_curious_from_three_tenths_up():
    group = [
        play(CLIP.format(1, 2), RIGHT),
        play(CLIP.format(1, 2), CLIP.format(3, 4), CLIP.format(5, 6), WRONG),
        play(WRONG),
    ]
    assert pixel_reasoner(group) == pytest.approx([1, -0.1, 0])


def test_pixel_reasoner_gives_nothing_for_an_answer_on_a_failed_call():
    failed = Exchange(CLIP.format(9, 1), reply="Execution error", failed=True)
    group = [play(failed, RIGHT), play(failed, CLIP.format(1, 2), RIGHT), play(CLIP.format(1, 2), failed, RIGHT)]
    # all look, so there is no curiosity; the second mends its failure
    assert pixel_reasoner(group) == pytest.approx([0, 1 - 0.05, 0 - 0.05])


def test_pixel_reasoner_still_pays_curiosity_for_a_wrong_answer():
    group = [play(CLIP.format(1, 2), WRONG), *[play(WRONG)] * 9]
    assert pixel_reasoner(group)[0] == pytest.approx(0.25 * 0.2 / 1.5 / 0.1)


def test_pixel_reasoner_without_any_look_is_correctness():
    assert pixel_reasoner([play(RIGHT), play(WRONG)]) == [1, 0]
    assert pixel_reasoner([]) == []


def test_pixel_reasoner_reads_boxes():
    said = ("so \\boxed{B}", "no \\boxed{A} but \\boxed{{B}.}", "\\boxed{A", "B", "<answer>A</answer> \\boxed{B}")
    assert pixel_reasoner([play(text) for text in said]) == [1, 1, 0, 1, 1]


# --- FrameThinker: 0, or 1 + .02 (looked) + .5 (looked up a time) -----------------------------------------------------


def choose(start, end, thought="it may be from {} to {}"):
    return f"<think>{thought.format(start, end)}</think><action>choose frames between {start} and {end}</action>"


def look_up(at, frame=None):
    reply = "no such time" if frame is None else f"Frame number at time {at} is: {frame}."
    return Exchange(f"<think>when?</think><action>get frame number at time {at}</action>", reply=reply)


B, A = (f"<think>so</think><action>output answer: {letter}</action>" for letter in "BA")


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        ((B,), 1),
        ((A,), 0),
        ((choose(10, 50), B), 1.02),
        ((choose(10, 50), choose(20, 40), B), 1.02),  # once, however often it looks
        ((choose(10, 50), A), 0),
        ((look_up("1:05", 65), choose(50, 80), B), 1.52),
        ((look_up("1:05", 0), choose(0, 80), B), 1.02),  # frame 0 is no find
        ((look_up("1:05", 65), look_up("1:06", 66), choose(50, 80), B), 1.52),  # the last look-up binds
        ((look_up("1:05", 65), choose(10, 50), B), 0),  # the window misses the frame
        ((look_up("1:05", 65), B), 0),  # no window after a look-up
        ((look_up("1:05", 65), choose(50, 80), look_up("1:05", 65), choose(60, 80), B), 0),  # the same time twice
        ((look_up("1:05"), choose(50, 80), B), 0),
        ((choose(10, 50), choose(10, 50), B), 0),  # the same window
        ((choose(10, 50), choose(11, 49), B), 0),  # less one frame at both ends
        ((choose(0, 199), B), 0),  # the whole video
        ((choose(10, 18), B), 0),  # 8 frames apart are too few
        ((choose(10, 19), B), 1.02),
        ((choose(50, 10), B), 0),
        ((choose(10, 50, "around {}"), B), 0),  # one number in the thought
        ((choose(10, 50, "from {1} to {0}"), B), 0),
        ((choose(10, 50, "7 scenes, from {} to {} or 0:30"), B), 1.02),  # times are no frames
        (("<think>a</think><action>zoom</action>", B), 0),
        (("<think>a</think><think>b</think><action>output answer: B</action>",), 0),
        (("<action>output answer: B</action>",), 0),
        (("<think>so</think><action>output answer: B.</action>",), 0),  # to the letter
        (("<think>so</think><action>B</action>",), 0),
        (("B",), 0),
        ((choose(10, 50),), 0),
        ((choose("9" * 30, "9" * 31), B), 0),
    ],
)
def test_framethinker(said, reward):
    assert framethinker([play(*said, total_frames=200)]) == pytest.approx([reward])


def test_framethinker_pays_for_looking_up_only_where_the_question_mentions_a_time():
    untimed = Question(id="q", video="v", question="Who enters?", answer="a dog", options=("a cat", "a dog"))
    assert framethinker([play(look_up("1:05", 65), choose(50, 80), B, question=untimed)]) == pytest.approx([1.02])


# --- Video-R1: accuracy + format + contrast + length ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "said", "accuracy"),
    [
        (QUESTION, "B", 1),
        (QUESTION, "b", 0),
        (QUESTION, "B. a dog", 0),
        (ask("3.14", "numeric"), "3.141", 1),
        (ask("3.14", "numeric"), "3.15", 0),
        (ask("3", "numeric"), "3.0", 0),  # one has a point, the other has none
        (ask("1,000", "numeric"), "1000.0", 1),  # a comma counts for a point
        (ask("3", "numeric"), "3 m", 0),
        (ask("gate 12 closes", "ocr"), "gate 12 closed", 2 / 3),
        (ask("gate 12 closes", "ocr"), "GATE 12 closes", 2 / 3),  # case counts
        (ask("gate", "ocr"), "a b c d", 0),
        (ask("the gate", "name"), "the gate", 1),
        (ask("the red ball", "free_text"), "a red ball", (2 / 3 + 1 / 2 + 2 / 3) / 3),
        (ask("40", "regression"), "30", 0.75),
        (ask("40", "regression"), "-40", 0),
        (ask("40", "regression"), "many", 0),
        (ask("40", "regression"), "nan", 0),  # as coded this earns 1
        (ask("40", "regression"), "inf", 0),
        (ask("0", "regression"), "0", 0),  # (0 + 1e-9) / (0 + 1e-9) is an error of 1
    ],
)
def test_video_r1_accuracy(question, said, accuracy):
    assert video_r1_accuracy(question, f"<think>so</think>\n<answer> {said} </answer>") == pytest.approx(accuracy)


def test_video_r1_reads_the_first_answer_and_only_answers():
    assert video_r1_accuracy(QUESTION, "<answer>B</answer><answer>A</answer>") == 1
    assert video_r1_accuracy(QUESTION, "B") == 0 == video_r1_accuracy(QUESTION, "<answer>B")


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (RIGHT, 2),
        ("<think>so</think> \n <answer>B</answer>", 2),
        (WRONG, 1),
        ("<answer>B</answer>", 1),
        (RIGHT + " ", 1),
        (" " + RIGHT, 1),
        ("<think>so</think>well<answer>B</answer>", 1),
        ("<think>so<answer>B</answer>", 1),
        ("B", 0),
    ],
)
def test_video_r1_pays_one_for_right_and_one_for_the_format(text, reward):
    assert video_r1([play(text)]) == pytest.approx([reward])


def test_contrast_is_paid_where_order_helps():
    # mean 2.15 / 4 = .5375 against .8 * .5: those above .1 get .3
    assert contrast_bonus([1, 1, 0.1, 0.05], [1, 0]) == [0.3, 0.3, 0, 0]
    # mean .25 against .8 * .5 = .4: nobody does
    assert contrast_bonus([1, 0, 0, 0], [1, 0]) == [0, 0, 0, 0]
    # exactly .8 of it is enough: .5 against .8 * .625
    assert contrast_bonus([1, 0], [1, 1, 0.5, 0]) == [0.3, 0]
    # nobody is right in either: 0 >= 0, and nobody is above .1
    assert contrast_bonus([0, 0], [0]) == [0, 0]
    assert contrast_bonus([], [1]) == []
    with pytest.raises(ValueError, match="shuffled must hold at least one accuracy"):
        contrast_bonus([1], [])


def test_length_is_paid_from_320_to_512_tokens_where_several_are_right():
    assert length_bonus([1, 1, 1, 1, 0], [319, 320, 512, 513, 400]) == [0, 0.2, 0.2, 0, 0]
    assert length_bonus([1, 0], [400, 400]) == [0, 0]
    assert length_bonus([0.2, 0.1], [400, 400]) == [0, 0]
    assert length_bonus([0.2, 0.11], [400, 400]) == [0.2, 0.2]


def test_video_r1_adds_contrast_and_length():
    long = Exchange(RIGHT, tokens=400)
    group, shuffled = (
        [play(long), play(RIGHT), play(WRONG), play(Exchange(WRONG, tokens=400))],
        [play(RIGHT), play(WRONG)],
    )
    assert video_r1(group, shuffled=shuffled) == pytest.approx([2 + 0.3 + 0.2, 2 + 0.3, 1, 1])
    assert video_r1(group) == pytest.approx([2 + 0.2, 2, 1, 1])
    assert video_r1(group, shuffled=shuffled, length_control=False) == pytest.approx([2.3, 2.3, 1, 1])
    pictures = [Transcript(one.question, one.exchanges, is_video=False) for one in group]
    assert video_r1(pictures, shuffled=shuffled) == pytest.approx([2 + 0.2, 2, 1, 1])


# --- all presets ------------------------------------------------------------------------------------------------------


def test_presets_go_by_name():
    group = [play(CLIP.format(10, 30), RIGHT), play(WRONG)]
    assert preset_rewards("longvt", group) == [3, 1]
    assert preset_rewards("video_r1", group, shuffled=[play(WRONG)]) == pytest.approx([2.3, 1])
    with pytest.raises(
        ValueError, match="name must be one of deepeyes, framethinker, longvt, pixel_reasoner, video_r1"
    ):
        preset_rewards("longvtt", group)


def test_a_group_is_of_one_question():
    other = Question(id="other", video="v", question="Who?", answer="a dog", options=("a cat", "a dog"))
    with pytest.raises(ValueError, match="a group is of one question"):
        preset_rewards("deepeyes", [play(RIGHT), play(RIGHT, question=other)])


BOUNDS = {
    "deepeyes": (-0.2, 2),
    "framethinker": (0, 1.52),
    "longvt": (0, 3),
    "pixel_reasoner": (-0.5, 1.25),
    "video_r1": (0, 2.5),
}
"""Least and most that a preset pays for at most 6 turns in groups of at most 4 (where rate is 1/4 at least)."""
SCRAPS = st.sampled_from(
    [
        *(RIGHT, WRONG, B, choose(10, 50), CLIP.format(5, 25), CLIP.format("NaN", "[]"), CLIP.format(1, "9" * 999)),
        *(
            "<think>",
            "</think>",
            "<answer>",
            "</answer>",
            "<tool_call>",
            "</tool_call>",
            "<action>",
            "</action>",
            "\\boxed{",
        ),
        *("get frame number at time 1:05", "is: 7", "choose frames between ", "\ud800", "\n", "{", "}"),
    ]
)
EXCHANGES = st.builds(
    Exchange,
    said=st.one_of(SCRAPS, st.lists(SCRAPS, max_size=5).map("".join), st.text(max_size=20)),
    reply=st.sampled_from(["", "is: 7", "<think>"]),
    images=st.integers(0, 2),
    failed=st.booleans(),
    tokens=st.integers(0, 600),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(EXCHANGES, max_size=6), max_size=4))
def test_whatever_is_said_presets_pay_within_their_bounds(episodes):
    group = [Transcript(QUESTION, tuple(exchanges), total_frames=100) for exchanges in episodes]
    for name, (least, most) in BOUNDS.items():
        options = {"shuffled": group} if name == "video_r1" and group else {}
        rewards = preset_rewards(name, group, **options)
        assert len(rewards) == len(group)
        assert all(least - 1e-9 <= reward <= most + 1e-9 for reward in rewards), (name, rewards)


def test_every_preset_has_bounds_and_says_its_source():
    assert set(BOUNDS) == set(PRESETS)
    assert all("arXiv" in (preset.__doc__ or "") for preset in PRESETS.values())


@pytest.mark.parametrize(
    "piece", ["<think>", "<answer>", "<tool_call>", "</think><answer>", "</think> ", "\\boxed{", "1,234"]
)
def test_texts_made_to_be_slow_are_read_in_linear_time(piece):
    text = "<think>" + piece * (200_000 // len(piece)) + "</answer>"
    spent = time.process_time()
    for name in PRESETS:
        assert math.isfinite(preset_rewards(name, [play(text, text)])[0])
    assert time.process_time() - spent < 2


# --- trajectories of mmgym --------------------------------------------------------------------------------------------

SPACE = ToolSpace(
    [
        Tool("sample_clip", "Frames.", tuple(Parameter(name, "number") for name in ("start", "end"))),
        Tool("answer", "Answer.", (Parameter("text", "text"),)),
    ]
)


def trajectory(*turns: tuple[str, dict[str, float]]) -> Trajectory:
    nothing, logprobs = np.zeros(0, np.int32), np.zeros(7, np.float32)
    made = [
        Turn(nothing, (), np.zeros(7, np.int32), logprobs, False, text, terms=terms, feedback=f"said {number}")
        for number, (text, terms) in enumerate(turns)
    ]
    return Trajectory(EpisodeTask("mmgym/VideoQA-v0", 0), made)


def test_an_episode_is_read_as_the_papers_would_have_written_it():
    look = '<tool_call>{"name": "sample_clip", "arguments": {"start": 10, "end": 20}}</tool_call>'
    answer = '<think>so</think>\nIt is <tool_call>{"name": "answer", "arguments": {"text": "B"}}</tool_call>'
    seen = {"frames": 8.0, "valid": 1.0}
    played = trajectory(("<think>a</think>" + look, seen), ("<think>hm", {"valid": 0.0}), (answer, {"valid": 1.0}))
    read = Transcript.from_trajectory(QUESTION, played, SPACE, "tool_call", total_frames=99)
    assert read.exchanges == (
        Exchange("<think>a</think>" + look, "said 0", 8, False, 7),
        Exchange("<think>hm", "said 1", 0, True, 7),
        Exchange("<think>so</think>\nIt is <answer>B</answer>", "said 2", 0, False, 7),
    )
    assert read.is_video and read.total_frames == 99 and read.tokens == 21


@pytest.mark.parametrize(
    ("format", "look", "answer"),
    [
        ("call", "sample_clip(start=10, end=30)", 'answer(text="B")'),
        ("tag", "<action>sample_clip 10 30</action>", "<action>answer B</action>"),
        (
            "tool_call",
            '{"name": "sample_clip", "arguments": {"start": 10, "end": 30}}',
            '{"name": "answer", "arguments": {"text": "B"}}',
        ),
    ],
)
def test_every_format_of_mmgym_earns_the_same(format, look, answer):
    played = trajectory(("<think>a</think>" + look, {"frames": 8.0}), ("<think>b</think>" + answer, {}))
    read = Transcript.from_trajectory(QUESTION, played, SPACE, format)
    assert longvt([read]) == pytest.approx([3])
    assert deepeyes([read]) == pytest.approx([2])
    assert pixel_reasoner([read]) == pytest.approx([1])
    assert video_r1([read]) == pytest.approx([2])


def test_a_refused_look_is_a_failed_one():
    played = trajectory(('<tool_call>{"name": "zoom"}</tool_call>', {"look_errors": 1.0, "valid": 1.0}), (RIGHT, {}))
    read = Transcript.from_trajectory(QUESTION, played, SPACE, "tool_call")
    assert read.exchanges[0].failed and pixel_reasoner([read]) == [0]
