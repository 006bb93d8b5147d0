"""Intervals, tests and aggregates, against statsmodels, scipy and what they promise."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import proportion_confint

from mmgym.bench.statistics import compare, interquartile_mean, mcnemar, mean, success_rate
from mmgym.stats import wilson


@pytest.mark.parametrize("n", [1, 7, 50, 500])
def test_wilsons_interval_is_that_of_statsmodels_and_scipy(n):
    for solved in {0, 1, n // 3, n - 1, n}:
        found = wilson(solved, n, 0.9)
        assert found == pytest.approx(proportion_confint(solved, n, 0.1, "wilson"), abs=1e-12)
        theirs = stats.binomtest(solved, n).proportion_ci(0.9, "wilson")
        assert found == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("n", [25, 50, 200])
def test_wilsons_interval_covers_as_often_as_it_says_on_average(n):
    ends = np.array([wilson(solved, n) for solved in range(n + 1)])
    rates = np.linspace(0.01, 0.99, 197)
    covered = (ends[:, :1] <= rates) & (rates <= ends[:, 1:])
    coverage = (stats.binom.pmf(np.arange(n + 1)[:, None], n, rates) * covered).sum(0)
    assert abs(coverage.mean() - 0.95) < 0.01


def test_mcnemar_is_that_of_statsmodels():
    for first in range(0, 30, 3):
        for second in range(0, 30, 4):
            if first + second:
                theirs = reference_mcnemar([[5, first], [second, 9]], exact=True).pvalue
                assert mcnemar(first, second) == pytest.approx(theirs, abs=1e-12)
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 3)


def test_the_interval_of_repeated_instances_covers_as_often_as_it_says():
    """Instances differ in difficulty; Wilson's interval takes episodes for independent, and covers far too rarely."""
    rng = np.random.default_rng(3)
    instances = np.repeat(np.arange(60), 8)
    covered = {"cluster": 0, "wilson": 0}
    trials = 400
    for trial in range(trials):
        difficulty = rng.beta(0.6, 0.4, size=60)
        solved = rng.random(480) < difficulty[instances]
        found = mean(solved.astype(float).tolist(), instances.tolist(), samples=400, seed=trial)
        low, high = wilson(int(solved.sum()), 480)
        covered["cluster"] += found.low <= 0.6 <= found.high
        covered["wilson"] += low <= 0.6 <= high
    assert 0.92 < covered["cluster"] / trials < 0.975
    assert covered["wilson"] / trials < 0.75


def test_an_instance_played_once_has_wilsons_interval_and_one_played_twice_has_not():
    once = success_rate([True, False, True], ["a", "b", "c"])
    assert (once.low, once.high) == wilson(2, 3) and (once.n, once.clusters) == (3, 3)
    twice = success_rate([True, True, False, False], ["a", "a", "b", "b"])
    assert (twice.low, twice.high) == (0.0, 1.0) and (twice.n, twice.clusters) == (4, 2)


def test_repeats_that_all_came_out_alike_are_as_sure_as_their_instances():
    twice = [name for name in "abc" for _ in range(2)]
    assert (success_rate([False] * 6, twice).low, success_rate([False] * 6, twice).high) == wilson(0, 3)
    one = success_rate([True, True, False], ["a"] * 3)
    assert one.value == pytest.approx(2 / 3) and (one.low, one.high) == wilson(2 / 3, 1) and one.clusters == 1


@pytest.mark.parametrize(("clusters", "rate"), [(1, 0.6), (3, 0.1), (8, 0.03), (20, 0.02)])
def test_the_interval_of_few_repeated_instances_covers_where_a_bootstrap_has_no_width(clusters, rate):
    rng = np.random.default_rng(7)
    instances = np.repeat(np.arange(clusters), 3)
    alike = covered = 0
    for _ in range(300):
        difficulty = rng.beta(2 * rate, 2 * (1 - rate), size=clusters)
        solved = rng.random(len(instances)) < difficulty[instances]
        if len({solved[instances == one].mean() for one in range(clusters)}) == 1:
            found = success_rate(solved.tolist(), instances.tolist())
            alike, covered = alike + 1, covered + (found.low <= rate <= found.high)
            assert 0 < found.high - found.low < 1
    assert alike > 100 and covered / alike > 0.95


def test_two_agents_that_differ_alike_everywhere_are_as_sure_as_their_instances():
    same = compare({name: [True] for name in "abcde"}, {name: [True] for name in "abcde"}).difference
    assert (same.value, same.low, same.high) == (0, -wilson(0, 5)[1], wilson(0, 5)[1]) and same.clusters == 5
    better = compare({name: [True] for name in "abcde"}, {name: [False] for name in "abcde"}).difference
    assert (better.value, better.high) == (1, 1) and better.low == pytest.approx(1 - 2 * wilson(0, 5)[1])
    thirds = {"a": [True, False, False], "b": [True, True, False]}
    found = compare(thirds, {"a": [False] * 3, "b": [True, False, False]}).difference
    assert found.low < 1 / 3 - 0.1 and found.high > 1 / 3 + 0.1, "but for rounding the differences are equal"


@pytest.mark.parametrize(("n", "worse", "better"), [(5, 0.05, 0.1), (10, 0.05, 0.05), (20, 0.0, 0.05), (8, 0.0, 0.85)])
def test_the_interval_of_a_difference_covers_where_a_bootstrap_has_no_width(n, worse, better):
    rng = np.random.default_rng(5)
    alike = covered = 0
    for drawn in rng.choice([-1, 0, 1], size=(2000, n), p=[worse, 1 - worse - better, better]):
        if len(set(drawn)) == 1:
            first, second = ({i: [bool(d == side)] for i, d in enumerate(drawn)} for side in (1, -1))
            found = compare(first, second, samples=2).difference
            alike, covered = alike + 1, covered + (found.low <= better - worse <= found.high)
            assert 0 < found.high - found.low < 2
    assert alike > 100 and covered / alike > 0.95


def test_what_all_solve_is_as_sure_as_the_instances_of_the_middle_half():
    solved, instances = {name: [1.0] * 6 for name in "abcdefgh"}, {name: list("xxyyzz") for name in "abcdefgh"}
    found = interquartile_mean(solved, instances, samples=100)
    assert (found.value, found.low, found.high) == (1, 1 - wilson(0, 12)[1], 1)
    alone = interquartile_mean({"a": [0.0, 0.0]}, {"a": [1, 2]}, samples=100)
    assert (alone.low, alone.high) == wilson(0, 2)


def test_unequal_repeats_agree_with_their_difference():
    found = compare({"a": [True], "b": [False]}, {"a": [True, False, False], "b": [True, False, False]})
    assert found.difference.value == pytest.approx(1 / 6)
    assert (found.both, found.only_first, found.only_second, found.neither) == (1, 2, 1, 2)


def test_the_bootstrap_is_that_of_scipy_for_single_instances():
    values = np.random.default_rng(0).exponential(size=80)
    found = mean(values.tolist(), list(range(80)), samples=20_000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert found.value == pytest.approx(values.mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_interquartile_mean_is_scipys_trimmed_mean_and_counts_every_environment_once():
    rates = {"a": 0.0, "b": 0.2, "c": 0.4, "d": 0.7, "e": 1.0}
    values = {name: [1.0] * round(100 * rate) + [0.0] * round(100 * (1 - rate)) for name, rate in rates.items()}
    values["b"] = values["b"] * 5
    found = interquartile_mean(values, {name: list(range(len(own))) for name, own in values.items()}, samples=500)
    assert found.value == pytest.approx(stats.trim_mean(list(rates.values()), 0.25), abs=1e-12)
    assert found.low < found.value < found.high and found.n == 900
    with pytest.raises(ValueError, match="no environment"):
        interquartile_mean({}, {})


def test_agents_are_compared_on_the_instances_both_have_played():
    first = {seed: [seed % 4 != 0] for seed in range(80)}
    second = {seed: [seed % 2 == 0] for seed in range(20, 120)}
    found = compare(first, second)
    assert (found.both, found.only_first, found.only_second, found.neither) == (15, 30, 15, 0)
    assert found.difference.value == pytest.approx(0.25) and found.difference.clusters == 60
    assert found.p_value == pytest.approx(reference_mcnemar([[15, 30], [15, 0]], exact=True).pvalue, abs=1e-12)
    with pytest.raises(ValueError, match="in common"):
        compare({1: [True]}, {2: [True]})


def test_two_agents_of_equal_skill_are_told_apart_as_rarely_as_the_level_says():
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(300):
        difficulty = rng.random(100)
        one, other = (rng.random(100) < difficulty for _ in range(2))
        rejected += (
            compare({i: [one[i]] for i in range(100)}, {i: [other[i]] for i in range(100)}, samples=1).p_value < 0.05
        )
    assert rejected / 300 < 0.07


def test_repeated_episodes_are_compared_by_instance():
    first = {seed: [True, True, True, False] for seed in range(10)}
    second = {seed: [True, False, False, False] for seed in range(10)}
    found = compare(first, second)
    assert found.difference.value == pytest.approx(0.5) and found.p_value == pytest.approx(2 / 2**10)


@pytest.mark.parametrize(("values", "instances"), [([], []), ([1.0], [])])
def test_what_cannot_be_reckoned_with_is_refused(values, instances):
    with pytest.raises(ValueError, match=r"instances|no episode"):
        mean(values, instances)
