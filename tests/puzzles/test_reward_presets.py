"""Published rewards of VAGEN and Embodied-R1 on turns and texts written by hand, worked out by the rules as coded."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgym_puzzles.rewards import (
    VAGEN,
    VagenRule,
    VagenTurn,
    embodied_r1_answer,
    embodied_r1_free_point,
    embodied_r1_point,
    embodied_r1_region,
    embodied_r1_trace,
    has_format,
    vagen,
)

# --- VAGEN ------------------------------------------------------------------------------------------------------------

FULL = (
    "<think><observation>o</observation><reasoning>r</reasoning><prediction>p</prediction></think><answer>Up</answer>"
)
GROUNDED = "<think><observation>o</observation><reasoning>r</reasoning></think><answer>Up</answer>"
BARE = "<answer>Up</answer>"
TOLD = VagenTurn(FULL, state=0.8, next_state=0.4)


def changed(turn=TOLD, **fields):
    return dataclasses.replace(turn, **fields)


@pytest.mark.parametrize(
    ("rule", "turn", "format", "reward"),
    [
        # FrozenLake: .5 for the format, .5 and .5 times the marks, 1 + 9 at the goal
        ("frozen_lake", TOLD, "grounding_worldmodeling", 0.5 + 0.4 + 0.2),
        ("frozen_lake", changed(success=True), "grounding_worldmodeling", 10 + 0.5 + 0.4 + 0.2),
        ("frozen_lake", changed(said=BARE), "grounding_worldmodeling", 0),
        ("frozen_lake", changed(said=BARE, success=True), "grounding_worldmodeling", 10),
        ("frozen_lake", changed(said=BARE), "no_think", 0.5),  # no description, no mark
        ("frozen_lake", changed(said=GROUNDED), "grounding", 0.5 + 0.4),
        ("frozen_lake", changed(refused=True), "grounding_worldmodeling", 0),  # an unknown action among them
        ("frozen_lake", changed(executed=0, refused=True), "grounding_worldmodeling", 0),
        ("frozen_lake", changed(executed=0), "grounding_worldmodeling", 0),
        # navigation: 10 within 1.5 of the target; the format is paid before the actions are tried
        ("navigation", changed(success=True, executed=5), "grounding_worldmodeling", 10 + 0.5 + 0.4 + 0.2),
        ("navigation", changed(executed=0, refused=True), "grounding_worldmodeling", 0.5 + 0.4 + 0.2),
        ("navigation", changed(executed=0), "grounding_worldmodeling", 0),
        # Sokoban: -.1 a move, 1 a box, 10 when all boxes stand
        ("sokoban", changed(executed=3), "grounding_worldmodeling", -0.3 + 0.5 + 0.4 + 0.2),
        ("sokoban", changed(executed=3, boxes=1, success=True), "grounding_worldmodeling", 10.7 + 0.5 + 0.4 + 0.2),
        ("sokoban", changed(executed=2, boxes=-1, said=BARE), "grounding_worldmodeling", -1.2),
        # the main branch: .1 and .02 for the format where any action was carried out, 1 for success
        ("sokoban_main", changed(executed=3), "grounding_worldmodeling", 0.1),
        ("sokoban_main", changed(refused=True, success=True), "grounding_worldmodeling", 1.1),
        ("frozen_lake_main", TOLD, "grounding_worldmodeling", 0.02),
        ("frozen_lake_main", changed(said=BARE, success=True), "grounding_worldmodeling", 1),
        (VagenRule(1.0, 2.0, "all", state=3.0), changed(success=True), "grounding_worldmodeling", 1 + 2 + 2.4 + 0.2),
    ],
)
def test_vagen(rule, turn, format, reward):
    assert vagen([turn], rule, format) == pytest.approx([reward])


def test_vagen_pays_turn_by_turn():
    turns = [TOLD, changed(said="Up"), changed(success=True)]
    assert vagen(turns, "frozen_lake") == pytest.approx([1.1, 0, 11.1])


@pytest.mark.parametrize(
    ("said", "format"),
    [
        (FULL, "grounding_worldmodeling"),
        (GROUNDED, "grounding"),
        ("<think><reasoning>r</reasoning><prediction>p</prediction></think><answer>Up</answer>", "worldmodeling"),
        ("<think><reasoning>r</reasoning></think><answer>Up</answer>", "free_think"),
        (BARE, "no_think"),
    ],
)
def test_formats_take_white_space_and_nothing_else_between_their_tags(said, format):
    assert has_format(said, format)
    assert has_format("\n <image>" + said.replace("><", ">\n <") + " ", format)
    assert not has_format(said + "!", format) and not has_format("So: " + said, format)
    assert not has_format(said.replace("><", ">,<"), format) or format == "no_think"
    assert not has_format(said[:-1], format)


TAGS = [
    "<think>",
    "</think>",
    "<observation>",
    "</observation>",
    "<reasoning>",
    "</reasoning>",
    "<answer>",
    "</answer>",
]


@given(st.lists(st.sampled_from([*TAGS, " ", "x"]), max_size=14).map("".join) | st.just(GROUNDED))
def test_the_format_is_what_the_expression_of_vagen_matches(said):
    expression = (
        r"^\s*<think>\s*<observation>(.*?)</observation>\s*<reasoning>(.*?)</reasoning>\s*</think>\s*"
        r"<answer>(.*?)</answer>\s*$"
    )
    assert has_format(said, "grounding") == (re.match(expression, said.strip(), re.DOTALL) is not None)


def test_unknown_names_and_marks_are_refused():
    with pytest.raises(ValueError, match="rule must be one of sokoban"):
        vagen([TOLD], "chess")
    with pytest.raises(ValueError, match="format must be one of no_think"):
        vagen([TOLD], "sokoban", "json")
    with pytest.raises(ValueError, match="next_state must be a mark from 0 to 1"):
        vagen([changed(next_state=1.5)], "sokoban")


@given(
    st.sampled_from(sorted(VAGEN)),
    st.builds(
        VagenTurn,
        st.sampled_from([FULL, GROUNDED, BARE, ""]),
        executed=st.integers(0, 5),
        refused=st.booleans(),
        success=st.booleans(),
        boxes=st.integers(-2, 2),
        state=st.floats(0, 1),
        next_state=st.floats(0, 1),
    ),
)
def test_vagen_stays_within_its_bounds(name, turn):
    rule = VAGEN[name]
    (reward,) = vagen([turn], rule)
    task = rule.move * turn.executed + rule.box * turn.boxes + rule.success * turn.success
    assert task - 1e-9 <= reward <= task + rule.format + rule.state + rule.next_state + 1e-9
    assert reward == pytest.approx(task) or turn.said == FULL


# --- Embodied-R1 ------------------------------------------------------------------------------------------------------


def point(*points, frame=True):
    said = f"<point>{json.dumps(points)}</point>"
    return f"<think>so</think><answer>{said}</answer>" if frame else said


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        ("<think>so</think><answer>left</answer>", 1.0),
        ("<think>so</think>\n<answer> Left </answer>", 1.0),
        ("<think>so</think><answer>right</answer>", 0.1),
        ("<answer>left</answer>", 0.9),
        ("left", 0.9),  # without an answer, all of it
        ("so left", 0.0),
        ("<think>so</think><answer>\nleft</answer>", 0.1),  # an answer of two lines is none
    ],
)
def test_embodied_r1_answers(said, reward):
    assert embodied_r1_answer(said, "left") == pytest.approx(reward)


def test_embodied_r1_answers_take_a_grader():
    said = "<think>so</think><answer>1/2</answer>"
    assert embodied_r1_answer(said, "0.5", same=lambda one, other: (one, other) == ("1/2", "0.5")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        (point([100, 100]), 1.0),
        (point([100, 110]), 1.0),  # 10 pixels away
        (point([100, 130]), 0.2 + 0.8 * 0.5),
        (point([100, 149]), 0.2 + 0.8 * 0.025),
        (point([100, 150]), 0.2),
        (point([200, 130]), 0.2 + 0.8 * 0.5),  # the nearest of the right ones counts
        (point([100, 100], [100, 140]), 0.2 + 0.8 * 0.75),  # the mean of 0 and 40
        (point([100, 100], frame=False), 0.1 + 0.8),
        (point([100.5, 100.5]), 1.0),
        (point(), 0.2),
        (point([100, 100, 1]), 0.2),
        (point(["a", "b"]), 0.2),
        (point(["1", 2]), 0.2),
        (point([None, 2]), 0.2),
        (point([float("nan"), 2]), 0.2),
        (point([float("inf"), 2]), 0.2),
        (point([10**400, 2]), 0.2),
        ("<think>so</think><answer><point>here</point></answer>", 0.2),
        ("<think>so</think><answer><point>{}</point></answer>", 0.2),
        ("<point>" + "[" * 5000 + "</point>", 0.1),
        ("<think>so</think><answer>[[100, 100]]</answer>", 0.1),
        ("", 0.0),
    ],
)
def test_embodied_r1_points(said, reward):
    assert embodied_r1_point(said, [(100, 100), (200, 100)]) == pytest.approx(reward)


L_SHAPE = [(0, 0), (100, 0), (100, 50), (50, 50), (50, 100), (0, 100)]


@pytest.mark.parametrize(
    ("said", "share"),
    [
        (point([25, 25]), 1),
        (point([75, 25]), 1),
        (point([75, 75]), 0),  # in the notch
        (point([25, 25], [75, 75]), 0.5),
        (point([25, 25], [25, 75], [75, 75]), 2 / 3),
        (point([-1, 25]), 0),
        (point(), 0),
    ],
)
def test_embodied_r1_regions(said, share):
    assert embodied_r1_region(said, L_SHAPE) == pytest.approx(0.2 + 0.8 * share)


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        (point([30, 30]), 0.2 + 0.6 + 0.2),
        (point([20, 40]), 0.2 + 0.6 + 0.2 * (50 - math.hypot(10, 10)) / 40),  # on the corner, 14 pixels away
        (point([30, 60]), 0.2 + 0.2 * 0.5),
        (point([30, 30], [500, 30]), 0.2 + 0.3 + 0),  # in the mean 235 pixels away
        (point(), 0.2),
    ],
)
def test_embodied_r1_free_points(said, reward):
    assert embodied_r1_free_point(said, (20, 20, 40, 40), [(30, 30)] * 8) == pytest.approx(reward)


TRACE = [(10 * n, 0) for n in range(8)]


@pytest.mark.parametrize(
    ("path", "frechet", "rmse"),
    [
        (TRACE, 1, 1),
        ([(x, 5) for x, _ in TRACE], 1, 1),
        ([(x, 27.5) for x, _ in TRACE], 72.5 / 90, 0.5),
        ([(x, 55) for x, _ in TRACE], 0.5, 0),
        ([(x, 100) for x, _ in TRACE], 0, 0),
        (TRACE[::-1], 30 / 90, (50 - math.sqrt(sum((70 - 20 * n) ** 2 for n in range(8)) / 8)) / 45),
    ],
)
def test_embodied_r1_traces(path, frechet, rmse):
    reward = 0.3 + 0.3 * frechet + 0.4 * max(0, rmse)
    assert embodied_r1_trace(point(*path), TRACE) == pytest.approx(reward)


def test_embodied_r1_traces_have_8_points_and_are_stretched():
    assert embodied_r1_trace(point(*TRACE[:7]), TRACE) == pytest.approx(0.2)
    assert embodied_r1_trace(point(*TRACE, (80, 0)), TRACE) == pytest.approx(0.2)
    # the same line with two points: each of ours is at most 35 from an end, and on it when it is stretched
    assert embodied_r1_trace(point(*TRACE), [(0, 0), (70, 0)]) == pytest.approx(0.3 + 0.3 * 70 / 90 + 0.4)
    with pytest.raises(ValueError, match="at least one point"):
        embodied_r1_trace("", [])
    with pytest.raises(ValueError, match="at least 3 corners"):
        embodied_r1_region("", [(0, 0), (1, 1)])


def couplings(n, m):
    """Every way to walk two paths of n and m points together."""
    if n == m == 1:
        return [[(0, 0)]]
    before = [(n - 1, m)] * (n > 1) + [(n, m - 1)] * (m > 1) + [(n - 1, m - 1)] * (n > 1 and m > 1)
    return [[*walk, (n - 1, m - 1)] for pair in before for walk in couplings(*pair)]


WALKS = {count: couplings(8, count) for count in (1, 2, 3)}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(0, 999))
def test_traces_against_all_couplings_and_a_loop(count, seed):
    rng = np.random.default_rng(seed)
    path, trace = (rng.integers(0, 60, (n, 2)).tolist() for n in (8, count))
    frechet = min(max(math.dist(path[i], trace[j]) for i, j in walk) for walk in WALKS[count])
    squares = 0.0
    for n, here in enumerate(path):
        at = n / 7 * (count - 1)
        k = min(int(at), max(0, count - 2))
        a, b = trace[k], trace[min(k + 1, count - 1)]
        there = [a[axis] + (at - k) * (b[axis] - a[axis]) for axis in (0, 1)]
        squares += math.dist(here, there) ** 2
    rmse = math.sqrt(squares / 8)
    parts = [min(1, max(0, 1 - (frechet - 10) / 90)), min(1, max(0, 1 - (rmse - 5) / 45))]
    assert embodied_r1_trace(point(*path), trace) == pytest.approx(0.3 + 0.3 * parts[0] + 0.4 * parts[1])


@given(
    st.text(max_size=30) | st.lists(st.sampled_from(["<point>", "</point>", "[[1, 2]]", "[", "<think>"])).map("".join)
)
def test_whatever_is_said_rewards_stay_within_their_bounds(said):
    rewards = [
        embodied_r1_answer(said, "x"),
        embodied_r1_point(said, [(1, 2)]),
        embodied_r1_region(said, L_SHAPE),
        embodied_r1_free_point(said, (0, 0, 9, 9), [(1, 2)]),
        embodied_r1_trace(said, TRACE),
    ]
    assert all(0 <= reward <= 1 + 1e-9 for reward in rewards)
