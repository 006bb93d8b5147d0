"""Grounding: scores of boxes by hand, and what counts as well grounded."""

import itertools

import numpy as np
import pytest

from mmgym_puzzles.perception import boxes
from mmgym_puzzles.perception.grounding import LEVELS, MOST_BOXES, Grounding
from mmgym_puzzles.perception.scenes import box_of

ONE = (0, 0, 10, 10)


def draw(left, top, right, bottom):
    return {"name": "box", "arguments": {"left": left, "top": top, "right": right, "bottom": bottom}}


SUBMIT, UNDO = {"name": "submit"}, {"name": "undo"}


def test_iou_by_hand():
    assert boxes.iou(ONE, ONE) == 1.0
    assert boxes.iou(ONE, (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert (
        boxes.iou(ONE, (10, 0, 20, 10)) == 0.0 == boxes.iou(ONE, (5, 5, 5, 9)) == boxes.iou((1, 1, 1, 1), (1, 1, 1, 1))
    )


def test_generalized_iou_by_hand():
    assert boxes.generalized_iou(ONE, ONE) == 1.0
    assert boxes.generalized_iou(ONE, (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert boxes.generalized_iou(ONE, (20, 0, 30, 10)) == pytest.approx(-1 / 3)
    assert boxes.generalized_iou(ONE, (30, 0, 40, 10)) == pytest.approx(-1 / 2)
    assert boxes.generalized_iou(ONE, (5, 5, 15, 15)) == pytest.approx(25 / 175 - (225 - 175) / 225)


def test_a_giant_box_loses_against_a_tight_one():
    target, tight, giant = (90, 90, 120, 120), (88, 91, 121, 119), (0, 0, 224, 224)
    for score in (boxes.iou, boxes.generalized_iou):
        assert score(tight, target) > 0.8 > 0.1 > score(giant, target)
    for score in boxes.BOX_SCORES.values():
        assert score([tight], [target]) > 0.6 > 0.1 > score([giant], [target])
    assert boxes.middle_in_box(giant, target) and boxes.middle_in_box(tight, target)


def test_points_near_a_box_score_as_they_are_far():
    assert boxes.point_score((5, 5), ONE) == boxes.point_score((19, 5), ONE) == 1.0
    assert boxes.point_score((39, 5), ONE) == pytest.approx(0.5)
    assert boxes.point_score((39, 49), ONE) == pytest.approx(0.0) == boxes.point_score((200, 5), ONE)


def test_pairs_have_the_largest_sum_of_all():
    rng = np.random.default_rng(0)
    for trial in range(150):
        some, others = (
            [(x, y, x + w, y + h) for x, y, w, h in rng.integers(1, 12, (rng.integers(0, 6), 4)).tolist()]
            for _ in range(2)
        )
        pairs = boxes.matched(some, others)
        assert len({b for b, *_ in pairs}) == len({t for _, t, _ in pairs}) == len(pairs)
        assert all(share == boxes.iou(some[b], others[t]) > 0 for b, t, share in pairs)
        short, long = sorted((some, others), key=len)
        best = max(
            sum(boxes.iou(a, b) for a, b in zip(short, picked, strict=True))
            for picked in itertools.permutations(long, len(short))
        )
        assert sum(share for *_, share in pairs) == pytest.approx(best), trial


def test_spare_and_missing_boxes_cost():
    other = (50, 50, 60, 60)
    assert boxes.mean_iou([ONE, other], [ONE, other]) == 1.0
    assert boxes.mean_iou([ONE], [ONE, other]) == boxes.mean_iou([ONE, other], [ONE]) == 0.5
    assert boxes.mean_iou([], [ONE]) == 0.0 and boxes.mean_iou([], []) == 1.0
    assert boxes.vlm_r1_detection([ONE, other], [ONE]) == 0.5 == boxes.mean_average_precision([ONE, other], [ONE]) / 2
    assert boxes.vlm_r1_detection([], [ONE]) == 0.0 and boxes.vlm_r1_detection([], []) == 1.0


def test_average_precision_by_hand():
    targets = [ONE, (20, 0, 30, 10)]
    wrong = (50, 50, 60, 60)
    assert boxes.average_precision([*targets], targets) == pytest.approx(1.0)
    # Recall 1/2 at precision 1, then recall 1 at precision 2/3: 51 points of 1, 50 of 2/3.
    assert boxes.average_precision([ONE, wrong, targets[1]], targets) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert boxes.average_precision([wrong, ONE], targets) == pytest.approx(51 * 0.5 / 101)
    assert boxes.average_precision([ONE, ONE], [ONE]) == pytest.approx(1.0)
    assert boxes.average_precision([], targets) == 0.0
    # IoU .72 passes the thresholds .5, .55, .6, .65 and .7.
    assert boxes.mean_average_precision([(0, 0, 10, 7.2)], [ONE]) == pytest.approx(0.5)


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_described_is_as_promised(level):
    env = Grounding(level=level, obs_mode="text")
    for seed in range(60):
        env.reset(seed=seed)
        assert LEVELS[level].targets[0] <= len(env.targets) <= LEVELS[level].targets[1]
        for one, other in itertools.combinations(env.scene, 2):
            assert boxes.iou(box_of(one, 224), box_of(other, 224)) < 0.3


def finish(env, *calls):
    for call in calls:
        *_, info = env.step(call)
    return info


def test_tight_enough_is_what_the_level_says():
    for level, wide in ((1, 0.5), (5, 0.7)):
        env = Grounding(level=level)
        for seed in range(10):
            env.reset(seed=seed)
            targets = [tuple(map(int, box)) for box in env.targets]
            left, top, right, _ = targets[0]
            heights = range(1, 224 - top)
            fits = [h for h in heights if boxes.iou((left, top, right, top + h), targets[0]) >= wide]
            for height, good in ((fits[0], True), (fits[0] - 1, False)):
                env.reset(seed=seed)
                rest = [draw(*box) for box in targets[1:]]
                info = finish(env, draw(left, top, right, top + height), *rest, SUBMIT)
                assert info["success"] == good


def test_neither_a_spare_box_nor_a_giant_one_helps():
    env = Grounding(level=1)
    env.reset(seed=3)
    target = tuple(map(int, env.targets[0]))
    assert not finish(env, draw(*target), draw(0, 0, 5, 5), SUBMIT)["success"]
    env.reset(seed=3)
    assert not finish(env, draw(0, 0, 224, 224), SUBMIT)["success"]
    env.reset(seed=3)
    assert not finish(env, SUBMIT)["success"]


def test_the_expert_mends_what_was_drawn():
    env = Grounding(level=4, max_turns=60)
    rng = np.random.default_rng(0)
    for seed in range(20):
        env.reset(seed=seed)
        for target in env.targets[: rng.integers(0, 3)]:
            env.step(env._box_call(target))
        for _ in range(rng.integers(0, 3)):
            env.step(draw(*rng.integers(0, 100, 2).tolist(), *rng.integers(120, 220, 2).tolist()))
        left = env._turns_left()
        for done in range(left):
            assert env._turns_left() == left - done and not env.success
            env.step(env.expert())
        assert env.success


def test_boxes_are_drawn_and_taken_back():
    env = Grounding()
    first = env.reset(seed=0)[0]["image"]
    shown = env.step(draw(10, 20, 60, 90))[0]["image"]
    rows, columns = np.nonzero((shown != first).any(axis=2))
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (10, 20, 60, 90)
    observation, *_, info = env.step(draw(10, 20, 60, 90))
    assert not info["action_effective"] and observation["feedback"] == "There is such a box already."
    observation, *_, info = env.step(draw(60, 20, 10, 90))
    assert not info["action_effective"] and "no area" in observation["feedback"]
    assert np.array_equal(env.step(UNDO)[0]["image"], first)
    assert env.step(UNDO)[0]["feedback"] == "There is no box."
    env = Grounding(max_turns=99)
    env.reset(seed=0)
    for k in range(MOST_BOXES):
        env.step(draw(k, k, 200, 200))
    assert not env.step(draw(100, 100, 200, 200))[-1]["action_effective"]


@pytest.mark.parametrize("score", list(boxes.BOX_SCORES))
def test_box_scores_are_a_term_of_their_own(score):
    env = Grounding(level=1, box_reward=0.5, box_score=score)
    env.reset(seed=0)
    target = tuple(map(int, env.targets[0]))
    assert finish(env, draw(*target))["reward_terms"] == {"outcome": 0.0, "boxes": 0.0}
    assert finish(env, SUBMIT)["reward_terms"] == {"outcome": 1.0, "boxes": pytest.approx(0.5)}


@pytest.mark.parametrize("size", [64, 224, 500])
def test_thousandths_fit_as_pixels_do(size):
    env = Grounding(level=5, coordinates="thousandths", image_size=size)
    for seed in range(10):
        env.reset(seed=seed)
        assert finish(env, *(env._box_call(t) for t in env.targets), SUBMIT)["success"]


@pytest.mark.parametrize("arguments", [{"box_score": "dice"}, {"box_reward": -1.0}])
def test_bad_arguments_name_what_is_allowed(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Grounding(**arguments)


@pytest.mark.parametrize("corner", [0, 999])
def test_the_smallest_box_is_seen(corner):
    env = Grounding(coordinates="thousandths")
    before = env.reset(seed=0)[0]["image"]
    shown, *_, info = env.step(draw(corner, corner, corner + 1, corner + 1))
    assert info["action_effective"] and not np.array_equal(shown["image"], before)
