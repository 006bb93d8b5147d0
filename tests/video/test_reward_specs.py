"""Reward specs by name, on episodes whose terms are written by hand."""

import math

import pytest

from mmgym.rewards import combine
from mmgym_video.rewards import turn_specs

TERMS = (
    "outcome",
    "answer",
    "frames",
    "looks",
    "zooms",
    "look_errors",
    "repeats",
    "grounding",
    "evidence",
    "valid",
    "effective",
)


def episode(*turns: dict[str, float]) -> list[dict[str, float]]:
    return [{**dict.fromkeys(TERMS, 0.0), "valid": 1.0, **turn} for turn in turns]


LOOK = {"looks": 1.0, "frames": 8.0}
RIGHT_TURN = {"outcome": 1.0, "answer": 1.0}


@pytest.mark.parametrize(
    ("name", "turns", "reward"),
    [
        ("outcome", (LOOK, RIGHT_TURN), 1),
        ("graded", (LOOK, {"answer": 0.4}), 0.4),
        ("grounded", ({**LOOK, "grounding": 0.5}, {**LOOK, "grounding": -0.1}, RIGHT_TURN), 1.4),
        ("grounded", ({**LOOK, "grounding": 0.5}, {}), 0.5),
        ("frugal", (LOOK, LOOK, RIGHT_TURN), 1 - 16 * 0.005),
        ("frugal", (*[LOOK] * 20, RIGHT_TURN), 0.7),
        ("frugal", (*[LOOK] * 20, {}), 0),
        ("strict", (LOOK, {"valid": 0.0}, RIGHT_TURN, {}), 1 + 0.1 * 3 / 4),
        ("looked", (LOOK, LOOK, RIGHT_TURN), 1.5),
        ("looked", (LOOK, LOOK, {}), 0),
        ("looked", (RIGHT_TURN,), 1),
        # the preset of the same name says .8, 2 and 0, less .2 each
        ("deepeyes", (RIGHT_TURN,), 0.8 + 0.2),
        ("deepeyes", (LOOK, LOOK, RIGHT_TURN), 2 + 0.2),
        ("deepeyes", (LOOK, {}), 0.2),
        ("framethinker", (LOOK, LOOK, RIGHT_TURN), 1.02),
        ("framethinker", (RIGHT_TURN,), 1),
        ("framethinker", (LOOK, {**LOOK, "repeats": 1.0}, {"looks": 1.0, "look_errors": 1.0}, RIGHT_TURN), 0),
        ("framethinker", (LOOK, {**LOOK, "repeats": 1.0}, {}), 0),
        ("framethinker", (LOOK, {**LOOK, "repeats": 1.0}, RIGHT_TURN), 0),
        ("framethinker", (LOOK, {"looks": 1.0, "look_errors": 1.0}, RIGHT_TURN), 0),
        ("framethinker", (LOOK, {"valid": 0.0}, RIGHT_TURN), 0),
        ("longvt", ({**LOOK, "grounding": 1.0}, RIGHT_TURN), 3),
        ("pixel_reasoner", (LOOK, LOOK, LOOK, RIGHT_TURN), 1 - 0.05 * 2),
        ("pixel_reasoner", (LOOK, RIGHT_TURN), 1),
        ("pixel_reasoner", (RIGHT_TURN,), 1),
        ("video_r1", (LOOK, {"answer": 0.75}), 1.75),
    ],
)
def test_specs_by_name(name, turns, reward):
    assert math.fsum(combine(episode(*turns), turn_specs[name])) == pytest.approx(reward)


@pytest.mark.parametrize("name", sorted(turn_specs))
def test_no_spec_pays_a_wrong_answer_more_than_a_right_one_for_the_same_looks(name):
    turn_specs[name].check(TERMS)
    for looks in ([], [LOOK], [LOOK] * 12):
        right, wrong = (math.fsum(combine(episode(*looks, last), turn_specs[name])) for last in (RIGHT_TURN, {}))
        assert right > wrong


@pytest.mark.parametrize("name", sorted(turn_specs))
def test_no_spec_pays_for_going_on_and_on(name):
    once, often = (math.fsum(combine(episode(*[LOOK] * count), turn_specs[name])) for count in (1, 40))
    assert often <= once + 1e-9
