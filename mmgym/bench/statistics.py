"""What the results of agents say, with how sure it is: intervals, paired comparisons, aggregates over environments.

Episodes of one instance (the same seed played again, or by another agent) are not independent: they are kept
together as a cluster, and whole clusters are drawn again in every bootstrap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import stats

from mmgym.stats import wilson

__all__ = ["Comparison", "Estimate", "compare", "interquartile_mean", "mcnemar", "mean", "success_rate"]

_SAMPLES = 10_000
_AT_ONCE = 4_000_000
"""Numbers of a resampling that are held at once."""
_NOTHING = 1e-9
"""Rounding; no two shares of episodes differ by less."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float
    n: int
    """Episodes it rests on."""
    clusters: int
    """Instances among them."""


@dataclass(frozen=True)
class Comparison:
    """Two agents on the same instances."""

    both: int
    """Instances that both solved; with repeated episodes, pairs of them (all, where one was played more often)."""
    only_first: int
    only_second: int
    neither: int
    difference: Estimate
    """Success of the first agent minus that of the second."""
    p_value: float
    """Of McNemar's exact test that they solve equally often, two-sided; of the sign test over instances where
    instances were played more than once."""


def success_rate(successes: Sequence[bool], instances: Sequence[Hashable], confidence: float = 0.95) -> Estimate:
    """Share of solved episodes: Wilson's interval if every instance was played once, else a cluster bootstrap.

    Where all instances came out alike, or there is one, a bootstrap knows no spread: then Wilson's interval again, with
    as many trials as there are instances.

    Args:
        successes: one for each episode.
        instances: which instance each episode was.
        confidence: how often the interval should cover the true rate.

    Raises:
        ValueError: for no episode, or lists of different lengths.
    """
    _check(successes, instances)
    by_instance: dict[Hashable, list[bool]] = {}
    for instance, success in zip(instances, successes, strict=True):
        by_instance.setdefault(instance, []).append(success)
    clusters, share = len(by_instance), sum(successes) / len(successes)
    if clusters < len(successes) and len({sum(own) / len(own) for own in by_instance.values()}) > 1:
        return mean([float(success) for success in successes], instances, confidence)
    low, high = wilson(share * clusters, clusters, confidence)
    return Estimate(share, low, high, len(successes), clusters)


def mean(
    values: Sequence[float],
    instances: Sequence[Hashable],
    confidence: float = 0.95,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> Estimate:
    """The mean over episodes with the interval of a cluster bootstrap (percentiles).

    Args:
        values: one for each episode.
        instances: which instance each episode was.
        confidence: how often the interval should cover the true mean.
        samples: resamplings.
        seed: of the resamplings.

    Raises:
        ValueError: for no episode, or lists of different lengths.
    """
    _check(values, instances)
    drawn = _resampled_means(values, instances, samples, np.random.default_rng(seed))
    low, high = _percentiles(drawn, confidence)
    return Estimate(float(np.mean(values)), low, high, len(values), len(set(instances)))


def interquartile_mean(
    values: Mapping[str, Sequence[float]],
    instances: Mapping[str, Sequence[Hashable]],
    confidence: float = 0.95,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> Estimate:
    """The mean over the middle half of the environments of each one's mean (Agarwal et al. 2021, arXiv 2108.13264).

    Every environment counts once, however many episodes were played; neither those that everybody solves nor those
    that nobody does carry it. The interval is that of a bootstrap in which the instances of every environment are
    drawn again; where that knows no spread, as when everything was solved, that of as many equal trials as the middle
    half has instances.

    Args:
        values: by environment, one for each episode, from 0 to 1.
        instances: by environment, which instance each episode was.
        confidence: how often the interval should cover.
        samples: resamplings.
        seed: of the resamplings.

    Raises:
        ValueError: for no environment, or one without episodes.
    """
    if not values:
        raise ValueError("no environment to aggregate")
    rng = np.random.default_rng(seed)
    for name in values:
        _check(values[name], instances[name])
    drawn = np.stack([_resampled_means(values[name], instances[name], samples, rng) for name in values])
    low, high = _percentiles(stats.trim_mean(drawn, 0.25, axis=0), confidence)
    centre = float(stats.trim_mean([float(np.mean(one)) for one in values.values()], 0.25))
    if high - low < _NOTHING:
        fewest = min(len(set(own)) for own in instances.values())
        low, high = _where_all_are_alike(centre, 0, 1, fewest * (len(values) - 2 * (len(values) // 4)), confidence)
    return Estimate(centre, low, high, sum(map(len, values.values())), sum(len(set(i)) for i in instances.values()))


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's exact test (McNemar 1947), from the instances that one agent alone solved.

    Raises:
        ValueError: for negative numbers.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"counts must not be negative; got {only_first} and {only_second}")
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second, 0.5).pvalue)


def compare(
    first: Mapping[Hashable, Sequence[bool]],
    second: Mapping[Hashable, Sequence[bool]],
    confidence: float = 0.95,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> Comparison:
    """Two agents on the instances that both have played.

    The interval of the difference is that of a bootstrap over instances. Where they differ alike on all of them, a
    bootstrap knows no spread: then no more other instances are taken to come out otherwise than Wilson's interval
    allows, at worst as a loss, or a win, of the first.

    Args:
        first: by instance, the success of each episode of the first agent.
        second: the same of the second.
        confidence: how often the interval of the difference should cover.
        samples: resamplings.
        seed: of the resamplings.

    Raises:
        ValueError: when no instance was played by both.
    """
    shared = [instance for instance in first if instance in second and first[instance] and second[instance]]
    if not shared:
        raise ValueError("the two agents have no instance in common: compare runs of the same suite and seeds")
    counts = Counter(pair for instance in shared for pair in _pairs(first[instance], second[instance]))
    both, only_first = counts[True, True], counts[True, False]
    only_second, neither = counts[False, True], counts[False, False]
    differences = [float(np.mean(first[instance]) - np.mean(second[instance])) for instance in shared]
    if any(len(first[instance]) > 1 or len(second[instance]) > 1 for instance in shared):
        p_value = mcnemar(sum(d > 0 for d in differences), sum(d < 0 for d in differences))
    else:
        p_value = mcnemar(only_first, only_second)
    difference = mean(differences, shared, confidence, samples, seed)
    if max(differences) - min(differences) < _NOTHING:
        low, high = _where_all_are_alike(difference.value, -1, 1, len(shared), confidence)
        difference = Estimate(difference.value, low, high, difference.n, difference.clusters)
    return Comparison(both, only_first, only_second, neither, difference, p_value)


def _where_all_are_alike(
    value: float, least: float, most: float, trials: int, confidence: float
) -> tuple[float, float]:
    """The interval of a mean of trials that all came out as `value`; others may come out from `least` to `most`."""
    otherwise = wilson(0, trials, confidence)[1]
    return value - otherwise * (value - least), value + otherwise * (most - value)


def _pairs(first: Sequence[bool], second: Sequence[bool]) -> list[tuple[bool, bool]]:
    found = zip(first, second, strict=True) if len(first) == len(second) else product(first, second)
    return [(bool(a), bool(b)) for a, b in found]


def _check(values: Sequence[float], instances: Sequence[Hashable]) -> None:
    if len(values) != len(instances):
        raise ValueError(f"{len(values)} values need as many instances; got {len(instances)}")
    if not len(values):
        raise ValueError("there is no episode to reckon with")


def _resampled_means(
    values: Sequence[float], instances: Sequence[Hashable], samples: int, rng: np.random.Generator
) -> np.ndarray:
    """float64 (samples,): means when whole instances are drawn again, with replacement."""
    index = {instance: number for number, instance in enumerate(dict.fromkeys(instances))}
    where = np.array([index[instance] for instance in instances])
    sums = np.bincount(where, np.asarray(values, np.float64), len(index))
    counts = np.bincount(where, minlength=len(index)).astype(np.float64)
    result = []
    step = max(1, _AT_ONCE // len(index))
    for start in range(0, samples, step):
        size = min(step, samples - start)
        drawn = rng.integers(len(index), size=(size, len(index)))
        result.append(sums[drawn].sum(1) / counts[drawn].sum(1))
    return np.concatenate(result)


def _percentiles(drawn: np.ndarray, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
