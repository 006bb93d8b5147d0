"""Group-relative advantages against numbers worked out by hand."""

import numpy as np
import pytest

from mmgym.learn.advantages import group_relative


def test_hand_computed_group():
    # returns 0, 0, 1, 1: mean .5, unbiased variance 4 * .25 / 3 = 1/3
    advantages = group_relative(np.array([0.0, 0.0, 1.0, 1.0]), np.zeros(4, int), epsilon=0.0)
    assert advantages == pytest.approx(np.array([-0.5, -0.5, 0.5, 0.5]) * np.sqrt(3))


def test_groups_do_not_mix_whatever_their_order():
    returns = np.array([1.0, 10.0, 3.0, 30.0])
    advantages = group_relative(returns, np.array([7, 2, 7, 2]), normalise=False)
    assert advantages == pytest.approx([-1.0, -10.0, 1.0, 10.0])


@pytest.mark.parametrize("returns", [[5.0], [2.0, 2.0, 2.0]])
def test_no_variance_no_credit(returns):
    assert group_relative(np.array(returns), np.zeros(len(returns), int)).tolist() == [0.0] * len(returns)


def test_epsilon_is_added_to_the_standard_deviation():
    advantages = group_relative(np.array([0.0, 2.0]), np.zeros(2, int), epsilon=1.0)
    assert advantages == pytest.approx(np.array([-1.0, 1.0]) / (np.sqrt(2) + 1.0))
