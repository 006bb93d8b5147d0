"""ImageQA: its tools and what they refuse, budgets, branch points, what is told in words."""

import numpy as np
import pytest

from mmgym.spaces import ToolCall
from mmgym.testing import check_conformance
from mmgym_video.image_qa import ImageQA
from mmgym_video.images.catalogue import FAMILIES

PART = {"left": 250, "top": 250, "right": 500, "bottom": 500}


def started(seed=0, **arguments):
    env = ImageQA(**{"families": ["label"], **arguments})
    return env, env.reset(seed=seed)[0]


def do(env, name, **arguments):
    observation, *_, info = env.step(ToolCall(name, arguments))
    assert info["action_valid"], info["feedback"]
    return observation, info


def picture_of(observation):
    return observation["frames"][1]


def test_it_conforms():
    check_conformance(ImageQA, seeds=1)


@pytest.mark.slow
def test_it_conforms_at_length():
    check_conformance(ImageQA, thorough=True)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("obs_mode", ["both", "text"])
def test_the_expert_wins_in_the_turns_it_says(family, obs_mode):
    for level in (1, 5) if obs_mode == "text" else (3,):
        env = ImageQA(families=[family], level=level, obs_mode=obs_mode)
        _, info = env.reset(seed=level)
        wanted, turns, ended = info["expert_steps"], 0, False
        while not ended:
            *_, ended, _, info = env.step(env.expert())
            turns += 1
        assert info["success"] and turns == wanted


def test_the_whole_picture_is_shown_first_and_costs_nothing():
    env, observation = started()
    caption, picture = observation["frames"]
    assert caption == "Picture 1, the whole:" and picture.shape == (256, 256, 3)
    assert "2048 x 2048" in observation["task"] and f"Pictures left: {env.frame_budget}" in observation["task"]


def test_a_zoom_shows_a_part_at_full_size():
    env, first = started()
    observation, info = do(env, "zoom", picture=1, **PART)
    whole, part = picture_of(first).astype(int), picture_of(observation)
    assert part.shape == (256, 256, 3)
    small = part.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - whole[64:128, 64:128]).mean() < 4
    assert info["measures"]["zooms"] == info["measures"]["looks"] == info["measures"]["frames"] == 1


def test_a_zoom_into_a_zoom_is_a_part_of_that_part():
    env, _ = started()
    do(env, "zoom", picture=1, left=200, top=400, right=600, bottom=800)
    one = picture_of(do(env, "zoom", picture=2, left=500, top=500, right=1000, bottom=1000)[0])
    other = picture_of(do(env, "zoom", picture=1, left=400, top=600, right=600, bottom=800)[0])
    assert np.array_equal(one, other)


def test_a_small_crop_is_small_and_a_large_one_costs_more():
    env, _ = started()
    small, info = do(env, "crop", picture=1, left=0, top=0, right=30, bottom=20)
    assert picture_of(small).shape == (64, 64, 3)  # 61 x 41 pixels in whole patches
    assert env.frames_left == env.frame_budget - 1
    large, info = do(env, "crop", picture=1, left=0, top=0, right=250, bottom=250)
    assert picture_of(large).shape == (512, 512, 3)
    assert info["measures"]["frames"] == 4 and info["measures"]["zooms"] == 1
    assert env.frames_left == env.frame_budget - 5
    _, info = do(env, "crop", picture=1, left=0, top=0, right=1000, bottom=1000)
    assert not info["action_effective"] and "as much as 4 pictures; 3 of 8 are left" in info["feedback"]
    assert info["measures"]["look_errors"] == 1


def test_a_crop_is_the_pictures_own_pixels():
    env, _ = started(max_crop_tokens=1024)
    cropped = picture_of(do(env, "crop", picture=1, **PART)[0])
    assert cropped.shape == (512, 512, 3)
    assert np.array_equal(cropped, env.instance.picture.part(512, 512, 1024, 1024, 512, 512))


def test_turning_by_quarters_moves_every_pixel():
    env, first = started()
    turned = picture_of(do(env, "rotate", picture=1, degrees=90)[0])
    assert np.array_equal(turned, np.rot90(picture_of(first)))
    over = picture_of(do(env, "rotate", picture=2, degrees=-180)[0])
    assert np.array_equal(over, np.rot90(picture_of(first), -1))


def test_turning_back_shows_the_first_picture_again():
    env, first = started()
    askew = picture_of(do(env, "rotate", picture=1, degrees=33)[0])
    assert (askew[0, 0] == 128).all(), "beside a turned picture there is the table"
    observation, info = do(env, "rotate", picture=2, degrees=-33)
    assert np.array_equal(picture_of(observation), picture_of(first))
    assert info["measures"]["repeats"] == 1


def test_a_turned_part_can_be_zoomed_into_where_it_is_shown():
    env, _ = started(families=["sign"])
    do(env, "rotate", picture=1, degrees=180)
    upside = picture_of(do(env, "zoom", picture=2, left=100, top=200, right=300, bottom=400)[0])
    direct = picture_of(do(env, "zoom", picture=1, left=700, top=600, right=900, bottom=800)[0])
    assert np.abs(upside.astype(int) - np.rot90(direct, 2)).mean() < 2


@pytest.mark.parametrize(
    ("drawn", "place"),
    [
        ({"kind": "horizontal", "y1": 500}, np.s_[128, :]),
        ({"kind": "vertical", "x1": 500}, np.s_[:, 128]),
        ({"kind": "line", "x1": 0, "y1": 500, "x2": 1000, "y2": 500}, np.s_[128, :]),
        ({"kind": "box", "x1": 250, "y1": 500, "x2": 750, "y2": 900}, np.s_[128, 70:186]),
        ({"kind": "point", "x1": 500, "y1": 500}, np.s_[126:131, 126:131]),
    ],
)
def test_what_is_drawn_is_there_in_its_colour(drawn, place):
    env, first = started()
    observation, info = do(env, "draw", picture=1, color="magenta", **drawn)
    assert (picture_of(observation)[place] == (225, 0, 200)).all()
    assert not (picture_of(first)[place] == (225, 0, 200)).all()
    assert info["measures"]["looks"] == 1 and info["measures"]["zooms"] == 0


def test_what_is_drawn_stays_where_it_is_in_later_pictures():
    env, _ = started()
    do(env, "zoom", picture=1, **PART)
    do(env, "draw", picture=2, kind="horizontal", y1=500)  # at 375 of the whole
    do(env, "draw", picture=1, kind="point", x1=600, y1=375, color="blue")
    zoomed = picture_of(do(env, "zoom", picture=3, left=0, top=400, right=1000, bottom=600)[0])
    assert (zoomed[zoomed.shape[0] // 2, :] == (230, 20, 30)).all()
    turned = picture_of(do(env, "rotate", picture=4, degrees=90)[0])
    assert (turned[round(256 * 0.4), round(256 * 0.375)] == (20, 70, 240)).all()
    first = picture_of(do(env, "zoom", picture=1, left=0, top=0, right=1000, bottom=1000)[0])
    assert not (first == (20, 70, 240)).all(axis=2).any(), "another picture shows what was drawn on this one"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (ToolCall("zoom", {"picture": 2, **PART}), "There is no picture 2; shown so far: 1 to 1."),
        (ToolCall("zoom", {"picture": 1, **PART, "right": 250}), "no area"),
        (ToolCall("zoom", {"picture": 1, **PART, "bottom": 100}), "no area"),
        (ToolCall("crop", {"picture": 1, **PART, "right": 255}), "smaller than a hundredth"),
        (ToolCall("crop", {"picture": 9, **PART}), "There is no picture 9"),
        (ToolCall("rotate", {"picture": 1, "degrees": 0}), "0 degrees"),
        (ToolCall("rotate", {"picture": 7, "degrees": 5}), "There is no picture 7"),
        (ToolCall("draw", {"picture": 5, "kind": "point"}), "There is no picture 5"),
        (ToolCall("draw", {"picture": 1, "kind": "line", "x1": 3, "x2": 3}), "has no extent"),
        (ToolCall("draw", {"picture": 1, "kind": "box", "x1": 3, "x2": 30}), "has no extent"),
    ],
)
def test_what_cannot_be_shown_is_said(call, message):
    env, _ = started()
    key = env.state_key()
    observation, _, terminated, _, info = env.step(call)
    assert message in observation["feedback"] and info["action_valid"] and not info["action_effective"]
    assert observation["frames"] == () and env.frames_left == env.frame_budget and env.state_key() == key
    assert info["measures"]["look_errors"] == 1 and not terminated


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (ToolCall("zoom", {"picture": 1, **PART, "right": 1001}), "right must be a number from 0 to 1000"),
        (ToolCall("zoom", {"picture": 1, **PART, "top": float("nan")}), "top must be a whole number"),
        (ToolCall("zoom", {"picture": 0, **PART}), "picture must be a number from 1"),
        (ToolCall("rotate", {"picture": 1, "degrees": 0.5}), "degrees must be a whole number"),
        (ToolCall("draw", {"picture": 1, "kind": "circle"}), "kind must be one of line, box, point"),
        (ToolCall("draw", {"picture": 1, "kind": "point", "color": "mauve"}), "color must be one of red"),
    ],
)
def test_invalid_calls_are_explained(call, message):
    env, _ = started()
    *_, info = env.step(call)
    assert not info["action_valid"] and message in info["feedback"]


def test_the_budget_of_pictures_ends():
    env, _ = started(frame_budget=2)
    do(env, "zoom", picture=1, **PART)
    do(env, "draw", picture=1, kind="point", x1=1, y1=1)
    _, info = do(env, "rotate", picture=1, degrees=90)
    assert "0 of 2 are left" in info["feedback"] and not info["action_effective"]


def test_only_so_much_can_be_drawn_on_one_picture():
    env, _ = started(frame_budget=30, max_turns=40)
    for number in range(1, 21):
        _, info = do(env, "draw", picture=number, kind="point", x1=number, y1=number)
        assert info["action_effective"]
    _, info = do(env, "draw", picture=21, kind="point")
    assert "20 things drawn on that picture already" in info["feedback"]


def test_a_branch_point_shows_the_same_pictures_again():
    env, _ = started(families=["sign"])
    do(env, "rotate", picture=1, degrees=-77)
    do(env, "draw", picture=2, kind="box", x1=100, y1=100, x2=900, y2=900)
    observation, _ = do(env, "crop", picture=3, left=300, top=300, right=500, bottom=450)
    snapshot = env.snapshot()
    other = ImageQA(families=["sign"])
    other.reset(seed=99)
    restored, _ = other.restore(snapshot)
    assert restored["frames"][0] == observation["frames"][0]
    assert np.array_equal(restored["frames"][1], observation["frames"][1])
    after = [do(one, "zoom", picture=4, **PART)[0]["frames"][1] for one in (env, other)]
    assert np.array_equal(*after) and env.state_key() == other.state_key()


def test_words_tell_what_can_be_read_and_no_more():
    env, observation = started(families=["sign"], obs_mode="text")
    texts = [text for text in (fact.text for fact in env.instance.picture.known) if text]
    assert not any(text in observation["text"] for text in texts)
    rotate = env.expert()
    observation, _ = do(env, rotate.name, **rotate.arguments)
    assert "turned by" in observation["text"] and not any(text in observation["text"] for text in texts)
    zoom = env.expert()
    askew = {name: value for name, value in zoom.arguments.items() if name != "picture"}
    observation, _ = do(env, zoom.name, **zoom.arguments)
    answer = env.question.answer
    assert f": {answer}" in observation["text"]
    do(env, "rotate", picture=3, degrees=90)
    observation, _ = do(env, "zoom", picture=4, **{**askew, "left": 0, "top": 0, "right": 1000, "bottom": 1000})
    assert answer not in observation["text"] and "slanted" in observation["text"]


def test_words_tell_what_was_drawn_and_where():
    env, _ = started(obs_mode="text")
    do(env, "draw", picture=1, kind="point", x1=300, y1=300, color="green")
    observation, _ = do(env, "zoom", picture=2, **PART)
    assert "a green point drawn at (200, 200)" in observation["text"]


def test_questions_are_about_what_is_shown():
    env, _ = started(families=["meter"])
    call = env.expert()
    do(env, call.name, **call.arguments)
    asked = dict(env.questions(np.random.default_rng(0)))
    assert asked["What is on the display in picture 2?"] == env.question.answer
    assert asked["How many pictures are left?"] == "7"


def test_answers_may_be_asked_without_options():
    env, observation = started(families=["chart"], open_answers=True)
    assert env.question.options == () and "A." not in observation["task"]
    ended = False
    while not ended:
        *_, ended, _, info = env.step(env.expert())
    assert info["success"]


def test_strips_stay_within_the_observation_space():
    env, _ = started(tokens_per_image=4096)
    observation, _ = do(env, "zoom", picture=1, left=0, top=0, right=1000, bottom=10)
    assert observation in env.observation_space and observation["frames"][1].shape[1] == 4096


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"families": ["nonesuch"]}, "families must be one of label, sign"),
        ({"families": []}, "families must be some of"),
        ({"images": "."}, "needs questions"),
        ({"max_crop_tokens": 0}, "max_crop_tokens must be"),
        ({"tokens_per_image": 15}, "tokens_per_image must be at least 16"),
        ({"tokens_per_image": 20, "patch": 28}, "tokens_per_image must be at least 21"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageQA(**arguments)


def test_a_task_is_a_family():
    env = ImageQA()
    for family in FAMILIES:
        env.reset(seed=0, options={"task": family})
        assert env.question.family == family
    with pytest.raises(ValueError, match="any, label"):
        env.reset(options={"task": "nonesuch"})
