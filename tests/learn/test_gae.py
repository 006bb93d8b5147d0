"""GAE and its two-level form against sums written out, and the identities that bind them."""

import numpy as np
import pytest

from mmgym.learn.advantages import AdvantageConfig, Episodes, advantages, value_targets
from mmgym.learn.gae import bilevel_gae, token_gae, token_rewards

SEEDS = range(8)


def ragged(seed):
    """Rewards, tokens, values and last value of a trajectory of 1 to 6 turns of 0 to 4 tokens, one token at least."""
    rng = np.random.default_rng(seed)
    turns = rng.integers(1, 7)
    tokens = rng.integers(0, 5, turns)
    tokens[rng.integers(turns)] += 1
    return rng.normal(size=turns), tokens, rng.normal(size=tokens.sum()), float(rng.normal())


def weighted_errors(rewards, values, last_value, discount, lambda_):
    """GAE as its definition: sum over l of (discount lambda)^l times the error l steps later."""
    following = [*values[1:], last_value]
    errors = [r + discount * v1 - v0 for r, v0, v1 in zip(rewards, values, following, strict=True)]
    return [
        sum((discount * lambda_) ** (later - now) * errors[later] for later in range(now, len(errors)))
        for now in range(len(errors))
    ]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("discount", "lambda_"), [(1.0, 1.0), (0.9, 0.7), (1.0, 0.0), (0.0, 0.5)])
def test_token_gae_by_its_definition(seed, discount, lambda_):
    rewards, tokens, values, last = ragged(seed)
    paid = token_rewards(rewards, tokens)
    expected = weighted_errors(paid, values, last, discount, lambda_)
    assert token_gae(paid, values, last, discount, lambda_) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("seed", SEEDS)
def test_two_levels_without_discounts_and_with_lambda_1_are_one(seed):
    rewards, tokens, values, last = ragged(seed)
    two = bilevel_gae(rewards, tokens, values, last, turn_discount=1.0)
    assert two == pytest.approx(token_gae(token_rewards(rewards, tokens), values, last), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_levels_are_one_where_a_turn_is_a_token(seed):
    rng = np.random.default_rng(seed)
    rewards, values = rng.normal(size=(2, 6))
    two = bilevel_gae(rewards, np.ones(6, int), values, 0.5, turn_discount=0.8, turn_lambda=0.7)
    assert two == pytest.approx(token_gae(rewards, values, 0.5, 0.8, 0.7), abs=1e-12)


def test_equal_discounts_below_1_are_not_token_gae_by_hand():
    """A turn of one token, then one of two that pays 1, all values 0: .5 a turn later, .25 two tokens later."""
    rewards, tokens, values = np.array([0.0, 1.0]), np.array([1, 2]), np.zeros(3)
    two = bilevel_gae(rewards, tokens, values, turn_discount=0.5, token_discount=0.5)
    assert two.tolist() == [0.5, 0.5, 1.0]
    assert token_gae(token_rewards(rewards, tokens), values, discount=0.5).tolist() == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("changed", [{"turn_discount": 0.9}, {"turn_lambda": 0.9}, {"token_lambda": 0.9}])
def test_otherwise_two_levels_differ_from_one(changed):
    rewards, tokens, values, last = ragged(0)
    settings = {"turn_discount": 1.0, "turn_lambda": 1.0, "token_discount": 1.0, "token_lambda": 1.0, **changed}
    one = token_gae(token_rewards(rewards, tokens), values, last)
    assert np.abs(bilevel_gae(rewards, tokens, values, last, **settings) - one).max() > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_bilevel_by_its_definition(seed):
    """Turns first, by their values before their last tokens, then each turn by itself."""
    rewards, tokens, values, last = ragged(seed)
    turn_discount, turn_lambda, token_discount, token_lambda = 0.9, 0.8, 0.95, 0.7
    turns, at = [], 0
    for reward, count in zip(rewards, tokens, strict=True):
        if count:
            turns.append([reward, list(values[at : at + count])])
            at += count
        elif turns:
            turns[-1][0] += reward
    ends = [own[-1] for _, own in turns]
    credit = weighted_errors([reward for reward, _ in turns], ends, last, turn_discount, turn_lambda)
    expected = []
    for (_, own), turn in zip(turns, credit, strict=True):
        goal = [0.0] * (len(own) - 1) + [turn + own[-1]]
        expected += weighted_errors(goal, own, 0.0, token_discount, token_lambda)
    given = bilevel_gae(rewards, tokens, values, last, turn_discount, turn_lambda, token_discount, token_lambda)
    assert given == pytest.approx(np.array(expected))


@pytest.mark.parametrize(
    ("tokens", "paid"),
    [
        ([2, 1], [0, 1, 2]),
        ([2, 0], [0, 3]),  # a turn without tokens pays the choice before it
        ([0, 2], [0, 2]),  # before the first choice nobody is paid
        ([0, 0], []),
    ],
)
def test_rewards_land_on_the_last_token_before_them(tokens, paid):
    assert token_rewards(np.array([1.0, 2.0]), np.array(tokens)).tolist() == paid


def episodes():
    parts = [ragged(seed) for seed in (1, 2, 3)]
    rewards, tokens, values, last = (list(column) for column in zip(*parts, strict=True))
    return Episodes(rewards, np.array([0, 0, 1]), tokens, values=values, last_values=np.array(last))


@pytest.mark.parametrize("name", ["gae", "bilevel_gae"])
def test_targets_are_returns_when_lambda_and_gamma_are_1(name):
    given = value_targets(episodes(), AdvantageConfig(name, turn_discount=1.0))
    for own, rewards, tokens, last in zip(
        given, episodes().rewards, episodes().tokens, episodes().bootstraps, strict=True
    ):
        paid = token_rewards(rewards, tokens)
        assert own == pytest.approx([paid[now:].sum() + last for now in range(len(paid))], abs=1e-5)


@pytest.mark.parametrize("name", ["gae", "bilevel_gae"])
def test_whitening_changes_advantages_and_no_targets(name):
    plain, white = (AdvantageConfig(name, whiten=whiten, epsilon=0.0) for whiten in (False, True))
    every = np.concatenate(advantages(episodes(), white))
    assert every.mean() == pytest.approx(0, abs=1e-6)
    assert every.std(ddof=1) == pytest.approx(1, abs=1e-5)
    raw = np.concatenate(advantages(episodes(), plain))
    assert np.corrcoef(raw, every)[0, 1] == pytest.approx(1)
    for a, b in zip(value_targets(episodes(), plain), value_targets(episodes(), white), strict=True):
        assert a.tolist() == b.tolist()


def test_targets_without_a_critic_are_refused():
    with pytest.raises(ValueError, match="gae"):
        value_targets(episodes(), AdvantageConfig("grpo"))
