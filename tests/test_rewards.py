"""Weights, caps, gates and means, by hand."""

import math

import pytest
from toy import Corridor

from mmgym.rewards import RewardSpec, TermSpec, combine, outcome_and_validity, terms_of
from mmgym.spaces import InvalidAction, ToolCall


def turns(**terms: list[float]) -> list[dict[str, float]]:
    return [dict(zip(terms, values, strict=True)) for values in zip(*terms.values(), strict=True)]


def test_the_outcome_alone_is_the_default():
    assert combine(turns(outcome=[0, 0, 1], bonus=[5, 5, 5]), RewardSpec()) == [0, 0, 1]


def test_weights_multiply_and_terms_add():
    spec = RewardSpec({"outcome": TermSpec(10), "step": TermSpec(-0.5)})
    assert combine(turns(outcome=[0, 1], step=[1, 1]), spec) == [-0.5, 9.5]


def test_a_cap_stops_paying_when_it_is_reached_and_resumes_after_losses():
    spec = RewardSpec({"bonus": TermSpec(0.5, cap=1.0)})
    assert combine(turns(bonus=[1, 1, 1, -1, 1, 9]), spec) == [0.5, 0.5, 0, 0, 0, 0]
    assert combine(turns(bonus=[-9, 1, 20]), spec) == [-1.0, 0.0, 2.0]
    assert combine(turns(bonus=[1, 1, 1]), RewardSpec({"bonus": TermSpec(cap=0.0)})) == [0, 0, 0]


def test_a_gate_looks_at_the_whole_episode():
    spec = RewardSpec({"outcome": TermSpec(), "tool": TermSpec(2.0, gate="outcome")})
    assert combine(turns(outcome=[0, 1], tool=[1, 0]), spec) == [2, 1]
    assert combine(turns(outcome=[0, 0], tool=[1, 1]), spec) == [0, 0]
    assert combine(turns(outcome=[0, 1], tool=[1, 0]), RewardSpec({"tool": TermSpec(gate="outcome")})) == [1, 0]


def test_the_mean_pays_by_turn_or_at_the_end():
    values = turns(valid=[1, 0, 1, 1])
    assert combine(values, RewardSpec({"valid": TermSpec(0.1, "mean")})) == pytest.approx([0.025, 0, 0.025, 0.025])
    assert combine(values, RewardSpec({"valid": TermSpec(0.1, "mean", paid="end")})) == pytest.approx([0, 0, 0, 0.075])
    assert combine(values, RewardSpec({"valid": TermSpec(0.1, paid="end", cap=0.2)})) == pytest.approx([0, 0, 0, 0.2])


def test_outcome_and_validity_is_at_most_one_and_a_tenth():
    spec = outcome_and_validity()
    for n in (1, 3, 7, 30):
        assert math.fsum(combine(turns(outcome=[0] * (n - 1) + [1], valid=[1] * n), spec)) == pytest.approx(1.1)
        assert math.fsum(combine(turns(outcome=[0] * n, valid=[0] * n), spec)) == 0
    assert combine(turns(outcome=[0, 0], valid=[1, 0]), spec) == pytest.approx([0, 0.05])


def test_validity_cannot_be_earned_by_stalling():
    spec = outcome_and_validity()
    returns = [math.fsum(combine(turns(outcome=[0] * n, valid=[1] * n), spec)) for n in (1, 5, 50)]
    assert returns == pytest.approx([0.1] * 3)


def test_unknown_terms_are_named_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown reward terms outcom; known: outcome, valid"):
        combine(turns(outcome=[1], valid=[1]), RewardSpec({"outcom": TermSpec()}))
    with pytest.raises(ValueError, match="unknown reward terms win; known: outcome"):
        combine(turns(outcome=[1]), RewardSpec({"outcome": TermSpec(gate="win")}))


def test_no_turns_no_rewards():
    assert combine([], outcome_and_validity()) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_terms_that_are_not_finite_are_refused(value):
    for term in (TermSpec(), TermSpec(cap=1.0), TermSpec(paid="end")):
        with pytest.raises(ValueError, match="finite"):
            combine(turns(outcome=[0, value]), RewardSpec({"outcome": term}))


@pytest.mark.parametrize(
    "bad", [{"weight": math.nan}, {"cap": -1}, {"cap": math.nan}, {"aggregate": "max"}, {"paid": "never"}]
)
def test_bad_terms_name_the_field(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        TermSpec(**bad)
    with pytest.raises(ValueError, match="must be a TermSpec"):
        RewardSpec({"outcome": 1.0})


def test_terms_are_read_off_the_info_of_a_turn():
    env = Corridor()
    env.reset(seed=0)
    *_, info = env.step(InvalidAction("unreadable"))
    assert terms_of(info) == {"outcome": 0.0, "valid": 0.0, "effective": 0.0}
    env.position, env.goal = 5, 6
    *_, info = env.step(ToolCall("move", {"direction": "right"}))
    assert terms_of(info) == {"outcome": 1.0, "valid": 1.0, "effective": 1.0}
