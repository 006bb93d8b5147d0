"""Weights, caps, gates and means, by hand."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import Corridor

from mmgym.rewards import (
    RewardSpec,
    Schedule,
    TermSpec,
    combine,
    components,
    outcome_and_validity,
    overlong_penalty,
    terms_of,
)
from mmgym.rewards.tags import between, in_order, is_framed
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
    "bad",
    [
        {"weight": math.nan},
        {"cap": -1},
        {"cap": math.nan},
        {"aggregate": "max"},
        {"paid": "never"},
        {"per": "image"},
    ],
)
def test_bad_terms_name_the_field(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        TermSpec(**bad)
    with pytest.raises(ValueError, match="must be a TermSpec"):
        RewardSpec({"outcome": 1.0})


# --- other gates, schedules, tokens, components ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "open_when"),
    [
        ({"gate": "a"}, lambda a, b: sum(a) > 0),
        ({"gate": ("a", "b")}, lambda a, b: sum(a) > 0 and sum(b) > 0),
        ({"unless": "a"}, lambda a, b: sum(a) <= 0),
        ({"unless": ("a", "b")}, lambda a, b: sum(a) <= 0 and sum(b) <= 0),
        ({"throughout": "a"}, lambda a, b: min(a) > 0),
        ({"gate": "b", "unless": "a"}, lambda a, b: sum(b) > 0 >= sum(a)),
        ({"gate": "b", "throughout": ("a", "b")}, lambda a, b: min(a) > 0 and min(b) > 0),
        ({"gate": ""}, lambda a, b: True),
    ],
)
@pytest.mark.parametrize("a", [(0, 0), (1, 0), (1, 1), (-1, 1), (2, -1)])
@pytest.mark.parametrize("b", [(0, 0), (0, 1), (1, 1), (-1, 0)])
def test_conditions_open_and_close_a_term(conditions, open_when, a, b):
    paid = combine(turns(prize=[1, 2], a=a, b=b), RewardSpec({"prize": TermSpec(**conditions)}))
    assert paid == ([1, 2] if open_when(a, b) else [0, 0])


def test_conditions_are_read_terms():
    spec = RewardSpec({"x": TermSpec(gate="a", unless=("b", "c"), throughout="d")})
    assert spec.names() == {"x", "a", "b", "c", "d"}
    with pytest.raises(ValueError, match="unknown reward terms d; known: a, b, c, x"):
        combine(turns(x=[1], a=[1], b=[0], c=[0]), spec)


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Schedule(0.5, 0.5), [0.5, 0.5, 0.5, 0.5, 0.5]),
        (Schedule(1.0, 0.0), [1, 0.75, 0.5, 0.25, 0]),
        (Schedule(0.0, 2.0, 0.25, 0.75), [0, 0, 1, 2, 2]),
        (Schedule(0.0, 1.0, 0.5, 0.5), [0, 0, 1, 1, 1]),  # a step
        (Schedule(3.0, -1.0, 0.0, 0.0), [-1, -1, -1, -1, -1]),
        (Schedule(3.0, -1.0, 1.0, 1.0), [3, 3, 3, 3, -1]),
    ],
)
def test_schedules(schedule, values):
    spec = RewardSpec({"bonus": TermSpec(schedule), "outcome": TermSpec()})
    for progress, value in zip([0, 0.25, 0.5, 0.75, 1], values, strict=True):
        assert schedule.at(progress) == pytest.approx(value)
        assert combine(turns(outcome=[0, 1], bonus=[2, 0]), spec, progress) == pytest.approx([2 * value, 1])
    assert combine(turns(outcome=[0], bonus=[1]), spec) == pytest.approx([values[-1]])


@pytest.mark.parametrize("bad", [(math.nan, 0), (0, 0, -1, 1), (0, 0, 0.6, 0.5), (0, 0, 0, 1.1)])
def test_bad_schedules_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        Schedule(*bad)


@pytest.mark.parametrize("progress", [-0.1, 1.1, math.nan])
def test_progress_is_from_0_to_1(progress):
    with pytest.raises(ValueError, match="progress must be from 0 to 1"):
        combine(turns(outcome=[1]), RewardSpec(), progress)


@pytest.mark.parametrize(
    ("term", "paid"),
    [
        (TermSpec(-0.01, per="token"), [-0.1, 0, -0.06]),
        (TermSpec(-0.01, per="token", cap=0.12), [-0.1, 0, -0.02]),
        (TermSpec(-0.01, per="token", paid="end"), [0, 0, -0.16]),
        (TermSpec(1.0, "mean", per="token"), [10 / 15, 0, 6 / 15]),  # of 15 tokens, 2 at 3 each and 10 at 1 each
        (TermSpec(-0.01, per="token", gate="outcome"), [0, 0, 0]),
    ],
)
def test_a_term_per_token_pays_by_the_tokens_of_its_turn(term, paid):
    values = turns(words=[1, 0, 3], outcome=[0, 0, 0])
    assert combine(values, RewardSpec({"words": term}), tokens=[10, 3, 2]) == pytest.approx(paid)


def test_a_cost_per_token_and_per_turn_needs_no_term_of_the_environment():
    spec = RewardSpec({"outcome": TermSpec(), "turns": TermSpec(-0.001, per="token")})
    assert combine(turns(outcome=[0, 1]), spec, tokens=[20, 5]) == pytest.approx([-0.02, 0.995])
    assert combine(turns(outcome=[0, 1]), RewardSpec({"turns": TermSpec(-0.1)})) == [-0.1, -0.1]
    assert combine(turns(turns=[5, 0]), RewardSpec({"turns": TermSpec()})) == [
        5,
        0,
    ]  # its own comes first


@pytest.mark.parametrize(
    ("tokens", "penalty"), [(0, 0), (16_384, 0), (18_432, -0.5), (20_479, -4095 / 4096), (20_480, -1), (99_999, -1)]
)
def test_the_overlong_penalty_of_dapo(tokens, penalty):
    # the paper's own numbers: at most 20,480 tokens, the last 4,096 of them punished
    assert overlong_penalty(tokens, 20_480, 4096) == pytest.approx(penalty)
    spec = RewardSpec({"outcome": TermSpec(), "overlong": TermSpec(0.5)}, overlong=(20_480, 4096))
    split = [tokens // 3, tokens - tokens // 3]
    assert combine(turns(outcome=[0, 1]), spec, tokens=split) == pytest.approx([0, 1 + 0.5 * penalty])


@pytest.mark.parametrize("overlong", [(10, 0), (10, 11), (0, 0)])
def test_bad_limits_of_length_are_refused(overlong):
    with pytest.raises(ValueError, match="cache"):
        RewardSpec(overlong=overlong)
    with pytest.raises(ValueError, match="cache"):
        overlong_penalty(5, *overlong)


@pytest.mark.parametrize(
    "spec",
    [
        RewardSpec({"turns": TermSpec(per="token")}),
        RewardSpec({"outcome": TermSpec(), "overlong": TermSpec()}, overlong=(8, 4)),
    ],
)
def test_tokens_that_are_needed_are_asked_for(spec):
    with pytest.raises(ValueError, match="number of sampled tokens of each turn"):
        combine(turns(outcome=[0, 1]), spec)
    for wrong in ([1], [1, 2, 3], [1, -1]):
        with pytest.raises(ValueError, match="one number from 0 for each of 2 turns"):
            combine(turns(outcome=[0, 1]), spec, tokens=wrong)


def test_overlong_is_unknown_without_its_limits():
    with pytest.raises(ValueError, match="unknown reward terms overlong; known: outcome"):
        combine(turns(outcome=[1]), RewardSpec({"overlong": TermSpec()}))


NUMBERS = st.floats(-3, 3)
TERMS = st.builds(
    TermSpec,
    weight=NUMBERS | st.builds(Schedule, NUMBERS, NUMBERS),
    aggregate=st.sampled_from(["sum", "mean"]),
    cap=st.sampled_from([0.0, 0.5, 2.0, math.inf]),
    gate=st.sampled_from(["", "a", "b"]),
    paid=st.sampled_from(["turn", "end"]),
    unless=st.sampled_from(["", "c"]),
    throughout=st.sampled_from(["", "a"]),
    per=st.sampled_from(["turn", "token"]),
)
TURNS = st.lists(st.fixed_dictionaries(dict.fromkeys("abc", NUMBERS)), min_size=1, max_size=5)


def by_loops(values, name, term, progress, tokens):
    """What a term pays over an episode, turn by turn, read from the definition."""
    total = {other: sum(turn[other] for turn in values) for other in "abc"}
    closed = any(total[other] <= 0 for other in term.gate) or any(total[other] > 0 for other in term.unless)
    closed = closed or any(turn[other] <= 0 for other in term.throughout for turn in values)
    weight = term.weight if isinstance(term.weight, float) else term.weight.at(progress)
    paid, so_far, uncapped = [], 0.0, 0.0
    for number, turn in enumerate(values):
        units = tokens[number] if term.per == "token" else 1
        if term.aggregate == "mean":
            units /= max(1, sum(tokens) if term.per == "token" else len(values))
        uncapped += 0.0 if closed else weight * turn[name] * units
        may = uncapped if term.paid == "turn" or number == len(values) - 1 else 0.0
        capped = math.copysign(min(abs(may), term.cap), may)
        paid.append(capped - so_far)
        so_far = capped
    return paid


@given(TURNS, st.dictionaries(st.sampled_from("abc"), TERMS, max_size=3), st.floats(0, 1), st.data())
def test_components_add_up_to_the_reward_and_agree_with_the_definition(values, terms, progress, data):
    tokens = data.draw(st.lists(st.integers(0, 9), min_size=len(values), max_size=len(values)))
    spec = RewardSpec(terms)
    paid, rewards = components(values, spec, progress, tokens), combine(values, spec, progress, tokens)
    assert list(paid) == list(terms)
    for turn, reward in enumerate(rewards):
        total = 0.0
        for column in paid.values():
            total += column[turn]
        assert total == reward  # exactly
    for name, term in terms.items():
        assert paid[name] == pytest.approx(by_loops(values, name, term, progress, tokens), abs=1e-9)
        assert abs(math.fsum(paid[name])) <= term.cap + 1e-9


def test_components_of_no_turns_are_empty():
    assert components([], outcome_and_validity()) == {"outcome": [], "valid": []}


# --- tags ------------------------------------------------------------------------------------------------------------

PIECES = st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", " ", "\n", "x"]), max_size=12)


@given(PIECES.map("".join))
def test_tags_are_read_as_regular_expressions_read_them(text):
    framed = re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", text, re.DOTALL)
    assert is_framed(text) == (framed is not None)
    assert between(text, "<answer>", "</answer>") == re.findall("<answer>(.*?)</answer>", text, re.DOTALL)
    nested = re.fullmatch(r"<think>\s*<answer>.*?</answer>\s*</think>.*?x.*?</answer>", text, re.DOTALL)
    assert in_order(text, "<think> <answer>", "</answer> </think>", "x", "</answer>") == (nested is not None)


# --- terms of a turn -------------------------------------------------------------------------------------------------


def test_terms_are_read_off_the_info_of_a_turn():
    env = Corridor()
    env.reset(seed=0)
    *_, info = env.step(InvalidAction("unreadable"))
    assert terms_of(info) == {"outcome": 0.0, "valid": 0.0, "effective": 0.0}
    env.position, env.goal = 5, 6
    *_, info = env.step(ToolCall("move", {"direction": "right"}))
    assert terms_of(info) == {"outcome": 1.0, "valid": 1.0, "effective": 1.0}
