"""Intervals against numbers worked out by hand, and what counts in a summary."""

import numpy as np
import pytest

from mmgym.stats import summarise_episodes, wilson
from mmgym.trajectory import EpisodeTask, Status, Trajectory, Turn


def episode(rewards, success=False, valid=1.0, status=Status.TERMINATED, error=""):
    ids, logprobs = np.zeros(0, np.int32), np.zeros(0, np.float32)
    turns = [Turn(ids, (), ids, logprobs, False, "", reward=reward, terms={"valid": valid}) for reward in rewards]
    return Trajectory(EpisodeTask("toy", 0), turns, status, success, error)


def test_wilson_by_hand():
    # z = 1.959964, z^2 = 3.841459. n = 10, 5 successes: centre .5,
    # half-width z / (1 + .3841459) * sqrt(.025 + .009603648) = 1.416009 * .1860206 = .2634069.
    assert wilson(5, 10) == pytest.approx((0.2365931, 0.7634069), abs=1e-6)
    # No success in 10: low 0, high z^2 / (n + z^2) = 3.841459 / 13.841459.
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775328), abs=1e-6)
    assert wilson(10, 10) == pytest.approx((0.7224672, 1.0), abs=1e-6)
    # Newcombe 1998, table I: 81 of 263, .2553 to .3662; 15 of 148, .0624 to .1605.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_wilson_is_symmetric_ordered_and_narrows():
    for n in (1, 2, 7, 300):
        for k in range(0, n + 1, max(1, n // 9)):
            low, high = wilson(k, n)
            assert 0 <= low <= k / n <= high <= 1
            assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low))
            inner = wilson(k, n, 0.5)
            assert inner[0] >= low and inner[1] <= high and inner[1] - inner[0] < high - low


@pytest.mark.parametrize("arguments", [(0, 0), (-1, 5), (6, 5), (1, 5, 0.0), (1, 5, 1.0)])
def test_wilson_refuses(arguments):
    with pytest.raises(ValueError, match="must be"):
        wilson(*arguments)


def test_summary_by_hand():
    episodes = [
        episode([0, 0, 1.1], success=True),
        episode([0], valid=0.0),
        episode([0, 0], status=Status.TRUNCATED),
        episode([5.0, 5.0], status=Status.ENV_ERROR, error="the worker process died"),
    ]
    summary = summarise_episodes(episodes)
    low, high = wilson(1, 3)
    expected = {"success": 1 / 3, "low": low, "high": high, "episodes": 3, "turns": 2.0, "valid_turns": 5 / 6}
    assert summary.pop("terms") == {"valid": pytest.approx(5 / 3)}
    assert summary == pytest.approx({**expected, "lost": 1 / 3, "return": 1.1 / 3, "failed": 1})


def test_summary_needs_an_episode():
    with pytest.raises(ValueError, match="got 0"):
        summarise_episodes([])
    with pytest.raises(ValueError, match=r"1 failed.*died"):
        summarise_episodes([episode([1.0], status=Status.ENV_ERROR, error="died")])


def test_summary_counts_episodes_without_turns():
    assert summarise_episodes([episode([], status=Status.TRUNCATED)])["valid_turns"] == 0.0


def test_summary_needs_validity():
    spoilt = episode([1.0])
    spoilt.turns[0].terms = {}
    with pytest.raises(ValueError, match="valid"):
        summarise_episodes([spoilt])
