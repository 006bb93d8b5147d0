"""Curriculum, success replay, refill, the filter of rejection sampling, and the alarm for reward hacking."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgym.learn.experience import (
    Alarm,
    AlarmConfig,
    Arm,
    Curriculum,
    CurriculumConfig,
    SuccessReplay,
    only_successes,
    refill_plan,
)
from mmgym.store import StoreError
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory, Turn

LEVELS = [Arm("lake", level) for level in (1, 2, 3)]


def rng(*key):
    return np.random.default_rng(key)


def again(state):
    """What comes back when a state went through JSON."""
    return json.loads(json.dumps(state))


# --- curriculum ------------------------------------------------------------------------------------------------------


def test_a_fixed_curriculum_draws_by_share_whatever_is_solved():
    curriculum = Curriculum([Arm("a", 1, 3.0), Arm("b")])
    for _ in range(50):
        curriculum.record("a", 1, [True] * 4)
    assert curriculum.weights() == [0.75, 0.25]
    drawn = [curriculum.draw(generator) for generator in [rng(0)] for _ in range(4000)]
    assert np.mean([arm.environment == "a" for arm in drawn]) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("rate", "promise"), [(0, 0), (0.1, 0.5), (0.2, 1), (0.5, 1), (0.8, 1), (0.9, 0.5), (0.95, 0.25), (1, 0)]
)
def test_an_arm_promises_most_where_some_succeed(rate, promise):
    curriculum = Curriculum(LEVELS[:2], CurriculumConfig("by_solve_rate", floor=0.1))
    curriculum.record("lake", 1, [True] * round(20 * rate) + [False] * round(20 * (1 - rate)))
    assert curriculum.solve_rate("lake", 1) == pytest.approx(rate)
    assert curriculum.solve_rate("lake", 2) is None  # never played: promises 1
    first = 0.1 * 0.5 + 0.9 * promise / (promise + 1)
    assert curriculum.weights() == pytest.approx([first, 1 - first])


def test_the_solve_rate_forgets():
    config = CurriculumConfig("by_solve_rate", memory=4)
    curriculum, played = Curriculum(LEVELS, config), []
    for number in range(30):
        played.append([bool(bit) for bit in rng(number).integers(0, 2, 8)])
        curriculum.record("lake", 2, played[-1])
        # written as a weighted mean over all groups, newest first
        ages = [0.75**age for age in range(len(played))]
        rates = [sum(group) / 8 for group in reversed(played)]
        mean = sum(a * r for a, r in zip(ages, rates, strict=True)) / sum(ages)
        assert curriculum.solve_rate("lake", 2) == pytest.approx(mean)


def test_levels_open_one_after_the_other():
    config = CurriculumConfig("progressive", threshold=0.6, least_groups=3, memory=5)
    curriculum = Curriculum([*LEVELS, Arm("maze", 1), Arm("maze", 2)], config)

    def opened():
        return [weight > 0 for weight in curriculum.weights()]

    assert opened() == [True, False, False, True, False]
    for _ in range(2):
        curriculum.record("lake", 1, [True, True])
    assert opened() == [True, False, False, True, False]  # well solved, but seldom played
    curriculum.record("lake", 1, [True, False])
    assert opened() == [True, True, False, True, False]
    for _ in range(20):
        curriculum.record("lake", 1, [False, False])
        curriculum.record("lake", 2, [False, True])
    assert opened() == [True, True, False, True, False]  # what is open stays so; half is less than .6
    for _ in range(20):
        curriculum.record("lake", 2, [True, True])
    assert opened() == [True, True, True, True, False]


def test_nothing_opens_behind_a_closed_level():
    curriculum = Curriculum(LEVELS, CurriculumConfig("progressive", least_groups=1))
    curriculum.record("lake", 2, [True])
    assert curriculum.weights() == [1, 0, 0]


def test_when_all_is_solved_or_nothing_is_the_shares_decide():
    for succeeded in (True, False):
        curriculum = Curriculum(LEVELS, CurriculumConfig("by_solve_rate"))
        for level in (1, 2, 3):
            curriculum.record("lake", level, [succeeded])
        assert curriculum.weights() == pytest.approx([1 / 3] * 3)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.lists(st.booleans(), min_size=1, max_size=4)), max_size=40),
    st.sampled_from(["fixed", "by_solve_rate", "progressive"]),
)
def test_weights_are_probabilities_with_a_floor_and_the_state_goes_on_exactly(groups, mode):
    config = CurriculumConfig(mode, floor=0.2, least_groups=2)
    one, other = Curriculum(LEVELS, config), Curriculum(LEVELS, config)
    for level, successes in groups:
        one.record("lake", level, successes)
    other.load_state(again(one.state()))
    assert other.state() == one.state() and other.metrics() == one.metrics()
    weights = one.weights()
    positive = [weight for weight in weights if weight]
    assert math.fsum(weights) == pytest.approx(1)
    assert min(positive) >= 0.2 / len(positive) - 1e-12
    assert mode == "progressive" or len(positive) == 3
    for level, successes in groups:
        one.record("lake", level, successes)
        other.record("lake", level, successes)
    assert [one.draw(rng(1, n)) for n in range(9)] == [other.draw(rng(1, n)) for n in range(9)]


def test_every_draw_takes_one_number_and_follows_the_weights():
    curriculum = Curriculum(LEVELS, CurriculumConfig("by_solve_rate"))
    curriculum.record("lake", 1, [True] * 9 + [False])
    generator, twin = rng(5), rng(5)
    drawn = [curriculum.draw(generator).level for _ in range(5000)]
    twin.random(5000)
    assert generator.random() == twin.random()
    shares = [drawn.count(level) / 5000 for level in (1, 2, 3)]
    assert shares == pytest.approx(curriculum.weights(), abs=0.03)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Curriculum([]), "at least one arm"),
        (lambda: Curriculum([Arm("a"), Arm("a")]), "once"),
        (lambda: Arm("a", share=0), "share"),
        (lambda: CurriculumConfig("random"), "mode"),
        (lambda: CurriculumConfig(low=0.9), "low and high"),
        (lambda: CurriculumConfig(floor=0), "floor"),
        (lambda: CurriculumConfig(memory=0.5), "memory"),
        (lambda: CurriculumConfig(threshold=2), "threshold"),
        (lambda: CurriculumConfig(least_groups=0), "least_groups"),
        (lambda: Curriculum(LEVELS).record("lake", 7, [True]), "no arm lake@7; known: lake@1, lake@2, lake@3"),
        (lambda: Curriculum(LEVELS).record("lake", 1, []), "one entry per member"),
        (lambda: Curriculum(LEVELS).load_state(Curriculum(LEVELS[:1]).state()), "of the arms"),
    ],
)
def test_bad_curricula_say_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- refill ----------------------------------------------------------------------------------------------------------

SAME, MIXED = [1.0, 1.0], [0.0, 1.0]


@pytest.mark.parametrize(
    ("returns", "wanted", "rounds", "used", "draw"),
    [
        ([MIXED, SAME, MIXED], 2, 1, (0, 2), 0),
        ([MIXED, MIXED, MIXED], 2, 1, (0, 1), 0),  # more than enough
        ([MIXED, SAME, SAME, SAME], 4, 1, (0,), 4),  # 3 missing, one in four is of use: 12, but at most 4
        ([MIXED, MIXED, MIXED, SAME], 4, 1, (0, 1, 2), 2),  # 1 missing, three in four are of use: 4/3
        ([SAME, SAME], 2, 1, (), 2),
        ([SAME, SAME], 2, 3, (), 0),  # the last round: it ends with none
        ([MIXED, SAME, SAME, SAME], 4, 3, (0,), 0),
        ([[0.5], [1.0]], 1, 1, (), 1),  # a group of one has no spread
        ([[1.0, 1.0 + 1e-12]], 1, 1, (), 1),  # nor has one that differs by rounding
        ([], 3, 1, (), 3),
    ],
)
def test_refill(returns, wanted, rounds, used, draw):
    plan = refill_plan(returns, wanted, rounds)
    assert (plan.used, plan.draw) == (used, draw)


@given(st.floats(0, 1), st.integers(1, 12), st.integers(1, 5), st.integers(0, 99))
def test_refilling_ends_and_uses_only_groups_with_spread(chance, wanted, max_rounds, seed):
    generator, returns, rounds = rng(seed), [], 0
    draw = wanted
    while draw:
        returns += [MIXED if generator.random() < chance else SAME for _ in range(draw)]
        rounds += 1
        plan = refill_plan(returns, wanted, rounds, max_rounds)
        draw = plan.draw
        assert all(returns[number] is MIXED for number in plan.used)
    assert rounds <= max_rounds and len(plan.used) <= wanted
    assert len(plan.used) == wanted or rounds == max_rounds
    assert len(returns) <= wanted * max_rounds


@pytest.mark.parametrize("bad", [([[]], 1, 1), ([SAME], 0, 1), ([SAME], 1, 0)])
def test_refill_refuses_what_makes_no_sense(bad):
    with pytest.raises(ValueError, match="must"):
        refill_plan(*bad)


# --- success replay and the filter -----------------------------------------------------------------------------------


def played(images, *, success=True, seed=0, answers=((1, 2),), member=0, status=Status.TERMINATED, pixel=0, **task):
    """An episode with one turn per answer, each with a picture of its own."""
    turns = [
        Turn(
            prompt_ids=np.array([9], np.int32),
            images=(images.add(np.full((2, 2, 3), pixel + number, np.uint8)),),
            sampled_ids=np.array(answer, np.int32),
            logprobs=np.full(len(answer), -0.5, np.float32),
            extends=number > 0,
            text=str(answer),
            terms={"outcome": float(success and number == len(answers) - 1)},
        )
        for number, answer in enumerate(answers)
    ]
    task = EpisodeTask("lake", seed, group=4, member=member, **task)
    return Trajectory(task, turns, status, success, final_image=turns[-1].images[0] if turns else None)


def failed_group(images, **task):
    return [played(images, success=False, member=member, pixel=100, **task) for member in range(3)]


def test_a_failed_group_gets_a_stored_success_in_place_of_its_worst_member():
    images, later, replay = ImageStore(), ImageStore(), SuccessReplay()
    stored = played(images, answers=[(1, 2), (3,)], pixel=7)
    assert replay.offer(stored, images)
    found = replay.for_group(failed_group(later), [0.04, 0.01, 0.02], later, rng(0))
    assert found.index == 1
    assert found.trajectory.turns is stored.turns and found.trajectory.success
    assert (found.trajectory.task.group, found.trajectory.task.member) == (4, 1)
    for turn in found.trajectory.turns:
        assert np.array_equal(later[turn.images[0]], images[turn.images[0]])


def test_a_success_from_clean_pictures_stays_one_in_place_of_a_member_that_saw_altered_ones():
    images, replay = ImageStore(), SuccessReplay()
    replay.offer(played(images), images)
    group = failed_group(images, augmentation="gaussian_noise", strength=0.5)
    found = replay.for_group(group, [0.01, 0.01, 0], images, rng(0))
    assert found.trajectory.task.member == 2 and not found.trajectory.augmented


@pytest.mark.parametrize(
    ("returns", "helped"),
    [
        ([0, 0, 0], True),
        ([0.19, 0.19, 0.19], True),
        ([0.2, 0.2, 0.2], False),  # the mean must be below .2
        ([0.0, 0.05, 0.0], True),  # std .029
        ([0.0, 0.09, 0.0], False),  # std .052
        ([-1, -1, -1], True),
    ],
)
def test_groups_are_helped_by_mean_and_spread(returns, helped):
    images, replay = ImageStore(), SuccessReplay()
    replay.offer(played(images), images)
    assert (replay.for_group(failed_group(images), returns, images, rng(0)) is not None) == helped


def test_no_help_for_a_group_that_succeeded_or_of_another_task():
    images, replay = ImageStore(), SuccessReplay()
    replay.offer(played(images, options={"level": 1}), images)
    group = failed_group(images, options={"level": 1})
    assert replay.for_group(group, [0, 0, 0], images, rng(0))
    for other in (
        {"options": {"level": 2}},
        {"options": {"level": 1}, "seed": 1},
        {"options": {"level": 1}, "kwargs": {"n": 1}},
    ):
        assert replay.for_group(failed_group(images, **other), [0, 0, 0], images, rng(0)) is None
    group[2].success = True
    assert replay.for_group(group, [0, 0, 0], images, rng(0)) is None


def test_only_new_successes_are_stored():
    images, replay = ImageStore(), SuccessReplay()
    offers = [
        (played(images, success=False), False),
        (played(images, status=Status.ENV_ERROR), False),
        (played(images, answers=[]), False),
        (played(images), True),
        (played(images, member=3), False),  # the same answer
        (played(images, answers=[(1, 2), (1, 2)]), True),
        (played(images, seed=1), True),
    ]
    assert [replay.offer(trajectory, images) for trajectory, _ in offers] == [stored for _, stored in offers]
    assert len(replay) == 3


def test_the_oldest_goes_first_and_takes_its_pictures_along():
    replay = SuccessReplay(capacity=3, per_task=2)
    for number in range(4):  # one task: two stay
        images = ImageStore()
        replay.offer(played(images, answers=[(number,)], pixel=number), images)
    assert len(replay) == 2 and len(replay._pixels) == 2
    for seed in (1, 2):
        replay.offer(played(images, seed=seed, pixel=50 + seed), images)
    assert len(replay) == 3
    texts = {
        seed: found and found.trajectory.turns[0].text
        for seed in (0, 1, 2)
        for found in [replay.for_group(failed_group(images, seed=seed), [0, 0, 0], ImageStore(), rng(0))]
    }
    assert texts == {0: "(3,)", 1: "(1, 2)", 2: "(1, 2)"}
    assert len(replay._pixels) == 3


def test_a_replay_survives_a_checkpoint_bit_for_bit():
    images, replay, resumed = ImageStore(), SuccessReplay(), SuccessReplay()
    for number in range(5):
        replay.offer(played(images, seed=number % 2, answers=[(number, 5), (6,)], pixel=10 * number), images)
    resumed.load_state(again(replay.state()))
    assert len(resumed) == 5
    for seed in (0, 1):
        for key in range(4):
            group, stores = failed_group(images, seed=seed), (ImageStore(), ImageStore())
            pair = (replay, resumed)
            one, other = (r.for_group(group, [0, 0, 0], s, rng(key)) for r, s in zip(pair, stores, strict=True))
            assert other.index == one.index and other.trajectory.task == one.trajectory.task
            for a, b in zip(one.trajectory.turns, other.trajectory.turns, strict=True):
                assert a.images == b.images and a.text == b.text and a.terms == b.terms
                assert a.sampled_ids.tobytes() == b.sampled_ids.tobytes()
                assert a.logprobs.tobytes() == b.logprobs.tobytes()
                assert np.array_equal(stores[0][a.images[0]], stores[1][b.images[0]])


def test_an_empty_replay_survives_too_and_nonsense_is_refused():
    replay = SuccessReplay()
    replay.load_state(again(SuccessReplay().state()))
    assert len(replay) == 0
    with pytest.raises(StoreError, match="no Parquet file"):
        replay.load_state({"trajectories": "bm9uc2Vuc2U="})
    with pytest.raises(ValueError, match="at least 1"):
        SuccessReplay(capacity=0)
    images = ImageStore()
    with pytest.raises(ValueError, match="one task"):
        replay.for_group([*failed_group(images), played(images, seed=1)], [0] * 4, images, rng(0))


def test_rejection_sampling_keeps_successes_short_ones_first():
    images = ImageStore()
    trajectories = [
        played(images, success=False),
        played(images, answers=[(1, 1, 1)]),
        played(images, answers=[(1,), (2,)]),
        played(images, answers=[(4,)]),
        played(images, answers=[(4,)], member=1),  # said already
        played(images, status=Status.ENV_ERROR),
        played(images, answers=[(4,)], seed=1),
    ]
    assert only_successes(trajectories) == [trajectories[number] for number in (1, 2, 3, 6)]
    assert only_successes(trajectories, per_task=2) == [trajectories[number] for number in (1, 3, 6)]
    assert only_successes(trajectories, per_task=1) == [trajectories[number] for number in (3, 6)]
    with pytest.raises(ValueError, match="per_task"):
        only_successes([], per_task=-1)


# --- alarm -----------------------------------------------------------------------------------------------------------


def logistic(steps, middle, width):
    return 1 / (1 + np.exp(-(np.arange(steps) - middle) / width))


def simulated(kind, generator, steps=300, episodes=384):
    """Success and what a format term pays, iteration by iteration."""
    uniform, normal = generator.uniform, generator.normal
    rate, valid = np.full(steps, uniform(0, 1)), np.full(steps, uniform(0.3, 1))
    weight = 0.1
    if kind == "learns":  # the format soon, the task sooner or later
        low, high = uniform(0, 0.2), uniform(0.3, 1)
        rate = low + (high - low) * logistic(steps, uniform(20, steps), uniform(5, 60))
        valid = 0.2 + 0.8 * logistic(steps, uniform(0, 60), uniform(2, 25))
    elif kind == "learns only the format":
        rate = np.full(steps, uniform(0, 0.3))
        valid = 0.2 + 0.8 * logistic(steps, uniform(0, 60), uniform(2, 12))
    elif kind == "wanders":
        rate = 1 / (1 + np.exp(-np.cumsum(normal(0, 0.08, steps)) - normal()))
        valid = 1 / (1 + np.exp(-np.cumsum(normal(0, 0.08, steps)) - 1.5))
    elif kind == "hack: success falls":
        valid = logistic(steps, uniform(60, 120), uniform(5, 30))
        rate, weight = 0.02 + 0.4 * (1 - valid), uniform(0.6, 1.2)
    elif kind == "hack: success stays":
        rate, weight = np.full(steps, uniform(0, 0.3)), uniform(0.6, 1.2)
        valid = np.clip((np.arange(steps) - 40) / uniform(100, 200), 0, 1)
    success = generator.binomial(episodes, rate) / episodes
    return success, weight * np.clip(valid + normal(0, 0.3 / np.sqrt(episodes), steps), 0, 1)


HONEST = ("plateau", "learns", "learns only the format", "wanders")


def alarms(kind, runs, **options):
    """First message of each run, or an empty text."""
    found = []
    for number in range(runs):
        alarm, columns = Alarm(), simulated(kind, rng(len(kind), number), **options)
        pairs = zip(*(column.tolist() for column in columns), strict=True)
        notes = (alarm.note(s + f, s, {"outcome": s, "format": f}) for s, f in pairs)
        found.append(next(filter(None, notes), ""))
    return found


@pytest.mark.parametrize("kind", HONEST)
def test_no_alarm_in_honest_runs(kind):
    assert not any(alarms(kind, 50))


@pytest.mark.parametrize(("kind", "what"), [("hack: success falls", "fell"), ("hack: success stays", "did not rise")])
def test_a_planted_hack_is_found_and_its_term_named(kind, what):
    for message in alarms(kind, 10):
        assert f"success {what}" in message
        assert "Terms that rose: format by 0." in message


def test_the_alarm_of_a_run_without_noise_comes_when_the_windows_are_full():
    alarm = Alarm(AlarmConfig(window=4))
    # success falls from .5 to 0 in iteration 20, the reward rises by .5
    said = [alarm.note(1.0 if step >= 20 else 0.5, 0.0 if step >= 20 else 0.5) for step in range(60)]
    first = next(step for step, message in enumerate(said) if message)
    assert 20 <= first < 28
    assert sum(map(bool, said)) == 1  # what was reported is forgotten
    assert "Terms that rose: none that was noted" in said[first]


def test_constant_success_at_zero_counts_as_not_rising():
    alarm = Alarm(AlarmConfig(window=4))
    said = [alarm.note(0.01 * step, 0.0, {"format": 0.01 * step}) for step in range(40)]
    assert next(step for step, message in enumerate(said) if message) == 23
    assert "did not rise (0, then 0)" in said[23]


def test_an_alarm_goes_on_exactly_from_its_state():
    success, form = (column.tolist() for column in simulated("hack: success falls", rng(3)))
    for cut in (0, 1, 50, 150):
        one, other = Alarm(), Alarm()
        for s, f in zip(success[:cut], form[:cut], strict=True):
            one.note(s + f, s, {"format": f})
        other.load_state(again(one.state()))
        for s, f in zip(success[cut:], form[cut:], strict=True):
            assert one.note(s + f, s, {"format": f}) == other.note(s + f, s, {"format": f})


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="finite"):
        Alarm().note(math.nan, 0.0)
    with pytest.raises(ValueError, match="window"):
        AlarmConfig(window=1)
    with pytest.raises(ValueError, match="threshold"):
        AlarmConfig(threshold=0)
