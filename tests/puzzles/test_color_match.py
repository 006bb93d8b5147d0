"""ColorMatch: colours and their distance, matches by brute force, sliders, the thresholds of VisGym."""

import colorsys
import itertools
import math
import re

import cv2
import numpy as np
import pytest

from mmgym_puzzles.perception.color_match import LEVELS, PRESETS, ColorMatch
from mmgym_puzzles.perception.colors import CHANNELS, difference, oklab, rgb_of


def put(channel, value):
    return {"name": "set", "arguments": {"channel": channel, "value": value}}


def adjust(channel, amount):
    return {"name": "adjust", "arguments": {"channel": channel, "amount": amount}}


SUBMIT = {"name": "submit"}


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        # CSS Color 4 and Ottosson's own table give these.
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_oklab_of_known_colours(rgb, lab):
    assert oklab(np.array(rgb, np.uint8)) == pytest.approx(lab, abs=2e-4)


def test_differences_are_a_metric_and_white_is_100_from_black():
    rng = np.random.default_rng(0)
    assert difference(np.zeros(3), np.full(3, 255)) == pytest.approx(100, abs=0.01)
    for a, b, c in rng.integers(0, 256, (50, 3, 3)):
        assert difference(a, b) == pytest.approx(difference(b, a)) and difference(a, a) == 0
        assert difference(a, c) <= difference(a, b) + difference(b, c) + 1e-9


def test_slider_positions_give_the_colours_that_other_libraries_give():
    notches = (36, 21, 21)
    positions = np.random.default_rng(0).integers(0, notches, (500, 3))
    for (h, s, v), rgb in zip(positions, rgb_of("hsv", notches, positions), strict=True):
        assert rgb == pytest.approx(255 * np.array(colorsys.hsv_to_rgb(h / 36, s / 20, v / 20)), abs=0.51)
    pixel = np.array([[[120.0, 0.5, 0.8]]], np.float32)
    by_opencv = 255 * cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]
    assert rgb_of("hsv", (360, 101, 101), np.array([120, 50, 80])) == pytest.approx(by_opencv, abs=0.6)
    assert rgb_of("rgb", (48, 48, 48), np.array([0, 47, 24])).tolist() == [0, 255, 130]


def matching(env):
    """All positions of the free sliders that match, one by one."""
    settings, found = env.settings, set()
    target = env._rgb(env.target)
    for free in itertools.product(*(range(settings.notches[axis]) for axis in settings.free)):
        at = list(env.positions)
        for axis, value in zip(settings.free, free, strict=True):
            at[axis] = value
        if difference(env._rgb(at), target) <= settings.tolerance:
            found.add(free)
    return found


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_experts_moves_are_the_fewest_that_match(level):
    env, rng = ColorMatch(level=level, obs_mode="text"), np.random.default_rng(0)
    for seed in range(2):
        env.reset(seed=seed)
        matches = matching(env)
        for trial in range(25):
            for axis in env.settings.free:
                env.positions[axis] = int(rng.integers(env.settings.notches[axis]))
                if trial % 3 == 0 and rng.random() < 0.6:
                    env.positions[axis] = env.target[axis]
            at = tuple(env.positions[axis] for axis in env.settings.free)
            fewest = min(sum(a != b for a, b in zip(at, match, strict=True)) for match in matches)
            assert abs(env._turns_left() - fewest - 1) == 0
            env.submitted = True
            assert env._is_success() == (at in matches)
            env.submitted = False
            for left in range(fewest, 0, -1):
                assert len(env._moves()) == left
                call = env.expert()
                env.set(**call.arguments)
            assert env.expert().name == "submit"


@pytest.mark.parametrize("arguments", [*({"level": k} for k in LEVELS), *({"preset": p} for p in PRESETS)])
def test_every_slider_must_be_moved(arguments):
    env = ColorMatch(obs_mode="text", **arguments)
    for seed in range(20):
        _, info = env.reset(seed=seed)
        assert info["expert_steps"] == len(env.settings.free) + 1 < env.max_turns


@pytest.mark.parametrize("arguments", [*({"level": k} for k in LEVELS), *({"preset": p} for p in PRESETS)])
def test_the_task_tells_what_counts_as_a_match(arguments):
    env, rng, decided = ColorMatch(obs_mode="text", **arguments), np.random.default_rng(0), set()
    for seed in range(10):
        observation, _ = env.reset(seed=seed)
        most = float(re.search(r"A match: .* is at most (\d+(?:\.\d+)?)", observation["task"])[1])
        for _ in range(60):
            for axis in env.settings.free:
                off = int(rng.integers(-env.settings.notches[axis] // 8, env.settings.notches[axis] // 8 + 1))
                env.positions[axis] = min(max(env.target[axis] + off, 0), env.settings.notches[axis] - 1)
            hue, saturation = (abs(env.positions[axis] - env.target[axis]) for axis in (0, 1))
            if env.preset is None:
                assert "the distance in OKLab" in observation["task"]
                far = difference(env._rgb(env.positions), env._rgb(env.target))
            else:
                assert "(2 x difference in hue)^2 + (difference in saturation)^2" in observation["task"]
                far = math.hypot(2 * min(hue, 360 - hue), saturation)
            if abs(far - most) > 0.02:  # levels decide by whole ten-thousandths of OKLab's unit
                assert env._matches() == (far <= most)
                decided.add(far <= most)
    assert decided == {True, False}


def test_patches_have_the_colours_that_the_text_twin_says():
    for split in ("train", "ood"):
        env = ColorMatch(level=4, obs_mode="both")
        observation, _ = env.reset(seed=0, options={"split": split})
        spots = {"train": ((80, 60), (80, 170)), "ood": ((40, 140), (100, 140))}[split]
        lines = observation["text"].splitlines()
        for name, (y, x), line in zip(("target", "yours"), spots, lines, strict=False):
            assert line == f"{name}: {' '.join(map(str, observation['image'][y, x]))}"
        assert [line.split(":")[0] for line in lines[2:]] == ["red", "green", "blue"]


def test_sliders_move_and_their_ends_hold():
    env = ColorMatch(level=3, max_turns=100)
    env.reset(seed=0)
    env.step(put("saturation", 5))
    assert env.positions[1] == 5
    env.step(adjust("saturation", -3))
    assert env.positions[1] == 2
    env.step(adjust("saturation", -300))
    assert env.positions[1] == 0
    observation, *_, info = env.step(adjust("saturation", -1))
    assert not info["action_effective"] and observation["feedback"] == "The slider stays where it is."
    env.step(put("hue", 35))
    env.step(adjust("hue", 3))
    assert env.positions[0] == 2
    env.step(adjust("hue", -5))
    assert env.positions[0] == 33


@pytest.mark.parametrize(
    ("level", "call", "said"),
    [
        (1, put("brightness", 3), "There is no slider for brightness; there is hue."),
        (2, adjust("red", 3), "There is no slider for red; there is hue and brightness."),
        (4, put("hue", 3), "There is no slider for hue; there is red and green and blue."),
        (4, put("red", 40), "The slider for red goes from 0 to 31."),
    ],
)
def test_calls_that_change_nothing_say_so(level, call, said):
    env = ColorMatch(level=level)
    first = env.reset(seed=0)[0]["image"]
    key = env.state_key()
    observation, *_, info = env.step(call)
    assert observation["feedback"] == said and not info["action_effective"] and env.state_key() == key
    assert np.array_equal(observation["image"], first)


def test_one_submission():
    env = ColorMatch(level=3)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(SUBMIT)
    assert terminated and not info["success"] and reward == 0.0
    env.reset(seed=0)
    for axis, value in enumerate(env.target):
        env.step(put(CHANNELS["hsv"][axis], value))
    _, reward, terminated, _, info = env.step(SUBMIT)
    assert terminated and info["success"] and reward == 1.0


@pytest.mark.parametrize(("preset", "threshold"), [("visgym_easy", 33.6), ("visgym_hard", 48.9)])
def test_visgyms_thresholds(preset, threshold):
    env = ColorMatch(preset=preset)
    assert env.settings.tolerance == pytest.approx(threshold, abs=0.05)
    for seed in range(30):
        env.reset(seed=seed)
        assert 45 <= env.target[2] <= 210 and env.positions[2] == env.target[2]
        for hue, saturation in ((0, 33), (0, 34), (16, 0), (17, 0), (0, 48), (0, 49), (20, 20), (24, 10)):
            down = -1 if env.target[1] > 128 else 1
            env.positions = [(env.target[0] + hue) % 360, env.target[1] + down * saturation, env.target[2]]
            assert env._matches() == ((2 * hue) ** 2 + saturation**2 <= threshold**2)
