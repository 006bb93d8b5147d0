"""Advantages against loops written from the papers, on random ragged batches, and what each must never do."""

import numpy as np
import pytest

from mmgym.learn.advantages import ESTIMATORS, AdvantageConfig, Episodes, advantages, group_relative, needs

GROUP_BASED = ("grpo", "dr_grpo", "rloo", "reinforce_pp_baseline", "maxrl", "gigpo", "turn_returns")


def ragged(seed, trajectories=14, binary=False):
    """Trajectories of 1 to 5 turns of 0 to 4 tokens, in groups of unequal size that are not side by side."""
    rng = np.random.default_rng(seed)
    turns = rng.integers(1, 6, trajectories)
    shaping = [np.zeros(n) if binary else rng.normal(size=n) for n in turns]
    outcome = [np.eye(n)[-1] * rng.integers(0, 2) for n in turns]
    tokens = [rng.integers(0, 5, n) for n in turns]
    return Episodes(
        rewards=[a + b for a, b in zip(shaping, outcome, strict=True)],
        groups=rng.integers(0, 5, trajectories),
        tokens=tokens,
        state_keys=[[str(rng.choice(["", "a", "b", "c"])) for _ in range(n)] for n in turns],
        components={"shaping": shaping, "outcome": outcome},
        values=[rng.normal(size=own.sum()) for own in tokens],
        last_values=rng.normal(size=trajectories) * rng.integers(0, 2, trajectories),
        weights={"shaping": 0.25},
    )


def alike(trajectories=3, size=3):
    """Trajectories that all went the same way, in groups of `size`; the mean of three of them is rounded."""
    return Episodes(
        rewards=[np.array([0.05, 0.02, 0.03])] * trajectories,
        groups=np.arange(trajectories) // size,
        tokens=[np.array([2, 1, 3])] * trajectories,
        state_keys=[["a", "b", "c"]] * trajectories,
        components={"x": [np.array([0.05, 0.02, 0.03])] * trajectories},
    )


def mates(episodes, index):
    return [j for j in range(len(episodes.groups)) if episodes.groups[j] == episodes.groups[index]]


def spread(numbers):
    """Unbiased standard deviation, 0 for one number."""
    mean = sum(numbers) / len(numbers)
    return (sum((x - mean) ** 2 for x in numbers) / max(len(numbers) - 1, 1)) ** 0.5


def over_trajectory(formula):
    def reference(episodes, config):
        result = []
        for i, tokens in enumerate(episodes.tokens):
            group = [float(sum(episodes.rewards[j])) for j in mates(episodes, i)]
            result.append([formula(float(sum(episodes.rewards[i])), group, config)] * int(sum(tokens)))
        return result

    return reference


def grpo(own, group, config):
    return (own - sum(group) / len(group)) / (spread(group) + config.epsilon)


def dr_grpo(own, group, config):
    return own - sum(group) / len(group)


def rloo(own, group, config):
    return own - (sum(group) - own) / (len(group) - 1) if len(group) > 1 else 0.0


def maxrl(own, group, config):
    mean = sum(group) / len(group)
    return (own - mean) / (mean + config.epsilon) if mean > 0 else 0.0


def to_go(rewards, turn, discount):
    return sum(discount ** (later - turn) * rewards[later] for later in range(turn, len(rewards)))


def reinforce_pp(episodes, config):
    """Each token's return, walking over later tokens; a turn's reward is met at the last token before its end."""
    result = []
    for rewards, tokens in zip(episodes.rewards, episodes.tokens, strict=True):
        own = []
        for position in range(int(sum(tokens))):
            total = 0.0
            for turn in range(len(rewards)):
                paid_at = int(sum(tokens[: turn + 1])) - 1
                if paid_at >= position:
                    total += config.token_discount ** (paid_at - position) * rewards[turn]
            own.append(total)
        result.append(own)
    every = [x for own in result for x in own]
    mean, deviation = sum(every) / len(every), spread(every)
    return [[(x - mean) / (deviation + config.epsilon) for x in own] for own in result]


def reinforce_pp_baseline(episodes, config):
    centred = []
    for i in range(len(episodes.rewards)):
        group = [sum(episodes.rewards[j]) for j in mates(episodes, i)]
        centred.append(sum(episodes.rewards[i]) - sum(group) / len(group))
    scale = spread(centred) + config.epsilon
    return [[x / scale] * int(sum(tokens)) for x, tokens in zip(centred, episodes.tokens, strict=True)]


def gdpo(episodes, config):
    totals = []
    for i in range(len(episodes.rewards)):
        parts = []
        for name, lists in episodes.components.items():
            weight = episodes.weights.get(name, 1.0)
            group = [sum(lists[j]) / weight for j in mates(episodes, i)]
            parts.append(weight * grpo(sum(lists[i]) / weight, group, config))
        totals.append(sum(parts))
    mean, scale = sum(totals) / len(totals), spread(totals) + config.epsilon
    return [[(x - mean) / scale] * int(sum(tokens)) for x, tokens in zip(totals, episodes.tokens, strict=True)]


def gigpo(episodes, config):
    result = []
    for i, tokens in enumerate(episodes.tokens):
        group = mates(episodes, i)
        returns = [sum(episodes.rewards[j]) for j in group]
        scale = spread(returns) + config.epsilon if config.normalise else 1.0
        episode = (sum(episodes.rewards[i]) - sum(returns) / len(returns)) / scale
        own = []
        for turn in range(len(tokens)):
            key, step = episodes.state_keys[i][turn], 0.0
            if key:
                met = [
                    to_go(episodes.rewards[j], k, config.turn_discount)
                    for j in group
                    for k in range(len(episodes.rewards[j]))
                    if episodes.state_keys[j][k] == key
                ]
                scale = spread(met) + config.epsilon if config.normalise else 1.0
                step = (to_go(episodes.rewards[i], turn, config.turn_discount) - sum(met) / len(met)) / scale
            own += [episode + config.step_weight * step] * int(tokens[turn])
        result.append(own)
    return result


def turn_returns(episodes, config):
    result = []
    for i, tokens in enumerate(episodes.tokens):
        own = []
        for turn in range(len(tokens)):
            reached = [j for j in mates(episodes, i) if len(episodes.rewards[j]) > turn]
            others = [to_go(episodes.rewards[j], turn, config.turn_discount) for j in reached]
            scale = spread(others) + config.epsilon if config.normalise else 1.0
            value = to_go(episodes.rewards[i], turn, config.turn_discount) - sum(others) / len(others)
            own += [value / scale] * int(tokens[turn])
        result.append(own)
    return result


CASES = [
    (over_trajectory(grpo), {"name": "grpo"}),
    (over_trajectory(grpo), {"name": "grpo", "epsilon": 0.5}),
    (over_trajectory(dr_grpo), {"name": "dr_grpo"}),
    (over_trajectory(rloo), {"name": "rloo"}),
    (over_trajectory(maxrl), {"name": "maxrl"}),
    (reinforce_pp, {"name": "reinforce_pp"}),
    (reinforce_pp, {"name": "reinforce_pp", "token_discount": 0.9}),
    (reinforce_pp_baseline, {"name": "reinforce_pp_baseline"}),
    (gdpo, {"name": "grpo", "per_component": True}),
    (gigpo, {"name": "gigpo"}),
    (gigpo, {"name": "gigpo", "turn_discount": 0.5, "step_weight": 0.3, "normalise": True}),
    (turn_returns, {"name": "turn_returns", "turn_discount": 1.0}),
    (turn_returns, {"name": "turn_returns", "turn_discount": 0.7, "normalise": True}),
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("reference", "settings"), CASES, ids=lambda x: str(x) if isinstance(x, dict) else "")
def test_against_the_paper_in_loops(reference, settings, seed):
    episodes = ragged(seed, binary=settings["name"] == "maxrl" and seed % 2 == 0)
    config = AdvantageConfig(**settings)
    given = advantages(episodes, config)
    assert [own.dtype for own in given] == [np.float32] * len(given)
    for own, expected in zip(given, reference(episodes, config), strict=True):
        assert own == pytest.approx(np.array(expected), rel=1e-5, abs=1e-5)


def test_hand_computed_group():
    # returns 0, 0, 1, 1: mean .5, unbiased variance 4 * .25 / 3 = 1/3
    by_hand = np.array([-0.5, -0.5, 0.5, 0.5]) * np.sqrt(3)
    assert group_relative(np.array([0.0, 0.0, 1.0, 1.0]), np.zeros(4, int), epsilon=0.0) == pytest.approx(by_hand)


@pytest.mark.parametrize("sign", [1, -1])
def test_gdpo_weighs_each_component_after_it_was_normalised(sign):
    """A weight that is put on before would cancel against the standard deviation."""
    outcome, form = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    paid = sign * 0.1 * form
    episodes = Episodes(
        [np.array([x]) for x in outcome + paid],
        np.zeros(4, int),
        [np.array([1])] * 4,
        components={"outcome": list(outcome[:, None]), "form": list(paid[:, None]), "off": [np.zeros(1)] * 4},
        weights={"form": sign * 0.1, "off": 0.0},
    )
    given = np.concatenate(advantages(episodes, AdvantageConfig("grpo", per_component=True, epsilon=0.0)))
    by_hand = 1.0 * (outcome - 0.5) + sign * 0.1 * (form - 0.5)  # both have one standard deviation
    assert given == pytest.approx(by_hand / by_hand.std(ddof=1), abs=1e-6)


def test_gigpo_by_hand():
    """Two trajectories through the same first state; the longer one does not weigh more in the episode's mean."""
    episodes = Episodes(
        rewards=[np.array([0.0, 0.0, 1.0]), np.array([0.0])],
        groups=np.zeros(2, int),
        tokens=[np.array([1, 1, 2]), np.array([1])],
        state_keys=[["start", "start", "door"], ["start"]],
    )
    long, short = advantages(episodes, AdvantageConfig("gigpo", turn_discount=0.5))
    # episodes: 1 and 0, mean 1/2. Steps in "start": .25, .5 and 0, mean .25. "door" was met once.
    assert long == pytest.approx([0.5, 0.5 + 0.25, 0.5, 0.5])
    assert short == pytest.approx([-0.5 - 0.25])


def test_maxrl_divides_by_the_rate_of_success():
    returns = [1.0, 0.0, 0.0, 0.0]
    episodes = Episodes([np.array([x]) for x in returns], np.zeros(4, int), [np.array([1])] * 4)
    assert np.concatenate(advantages(episodes, AdvantageConfig("maxrl", epsilon=0.0))).tolist() == [3, -1, -1, -1]


def test_maxrl_without_success_gives_nothing():
    episodes = Episodes([np.array([-1.0]), np.array([0.5])], np.zeros(2, int), [np.array([1])] * 2)
    assert np.concatenate(advantages(episodes, AdvantageConfig("maxrl"))).tolist() == [0, 0]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("settings", [{"name": n} for n in GROUP_BASED] + [{"name": "grpo", "per_component": True}])
@pytest.mark.parametrize("beside_others", [False, True])
def test_a_group_of_one_or_of_equal_returns_gives_0(settings, size, beside_others):
    episodes = alike(size=size)
    if beside_others:  # what whitens over the batch must not move them either
        episodes.rewards = [*episodes.rewards, np.array([3.0, 1.0]), np.array([0.0])]
        episodes.tokens = [*episodes.tokens, np.array([5, 5]), np.array([1])]
        episodes.state_keys = [*episodes.state_keys, ["a", "z"], ["a"]]
        episodes.components = {"x": episodes.rewards}
        episodes.groups = np.append(episodes.groups, [99, 99])
    given = advantages(episodes, AdvantageConfig(**settings))
    assert np.concatenate(given[:3]).tolist() == [0.0] * 18
    assert not beside_others or np.concatenate(given[3:]).any()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_order_of_trajectories_and_names_of_groups_do_not_matter(name):
    episodes, config = ragged(3), AdvantageConfig(name)
    order = np.random.default_rng(0).permutation(len(episodes.rewards))
    moved = Episodes(
        rewards=[episodes.rewards[i] for i in order],
        groups=100 - 7 * episodes.groups[order],
        tokens=[episodes.tokens[i] for i in order],
        state_keys=[episodes.state_keys[i] for i in order],
        values=[episodes.values[i] for i in order],
        last_values=episodes.last_values[order],
    )
    given = advantages(episodes, config)
    for own, i in zip(advantages(moved, config), order, strict=True):
        assert own == pytest.approx(given[i], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ("grpo", "reinforce_pp", "reinforce_pp_baseline"))
def test_what_is_normalised_knows_no_scale(name):
    episodes, config = ragged(4), AdvantageConfig(name, epsilon=0.0)
    given = advantages(episodes, config)
    episodes.rewards = [1e6 * own for own in episodes.rewards]
    for own, before in zip(advantages(episodes, config), given, strict=True):
        assert own == pytest.approx(before, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_nothing_played_and_nothing_said(name):
    assert advantages(Episodes([], np.zeros(0, int), []), AdvantageConfig(name, per_component="grpo" in name)) == []
    silent = Episodes(
        [np.array([1.0]), np.array([0.0])],
        np.zeros(2, int),
        [np.array([0])] * 2,
        [["a"]] * 2,
        values=[np.zeros(0)] * 2,
    )
    assert [len(own) for own in advantages(silent, AdvantageConfig(name))] == [0, 0]


def half(episodes, config):
    return [np.full(length, 0.5) for length in episodes.lengths]


def wrong(episodes, config):
    return [np.zeros(1) for _ in episodes.rewards]


half.needs = ("values",)


def test_an_estimator_of_ones_own():
    config = AdvantageConfig(f"{__name__}:half")
    assert needs(config) == {"values"}
    assert np.concatenate(advantages(ragged(0), config)).tolist() == [0.5] * sum(ragged(0).lengths)
    with pytest.raises(ValueError, match="wrong returned of trajectory 0 must have the length"):
        advantages(ragged(0), AdvantageConfig(f"{__name__}:wrong"))


def test_needs():
    assert needs(AdvantageConfig("rloo")) == frozenset()
    assert needs(AdvantageConfig("gigpo")) == {"state_keys"}
    assert needs(AdvantageConfig("bilevel_gae")) == {"values"}
    assert needs(AdvantageConfig("grpo", per_component=True)) == {"components"}


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"name": "gigpo"}, "state_keys"),
        ({"name": "gae"}, "values"),
        ({"name": "bilevel_gae"}, "values"),
        ({"per_component": True}, "components"),
    ],
)
def test_missing_fields_are_named(settings, what):
    bare = Episodes([np.array([1.0])], np.zeros(1, int), [np.array([1])])
    with pytest.raises(ValueError, match=what):
        advantages(bare, AdvantageConfig(**settings))


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"name": "grop"}, "grpo"),
        ({"name": "mmgym:no_such_estimator"}, "no_such_estimator"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": float("nan")}, "epsilon"),
        ({"turn_discount": 1.1}, "turn_discount"),
        ({"token_lambda": -0.1}, "token_lambda"),
        ({"step_weight": float("inf")}, "step_weight"),
        ({"name": "rloo", "per_component": True}, "per_component"),
    ],
)
def test_settings_out_of_range_are_named(settings, what):
    with pytest.raises(ValueError, match=what):
        AdvantageConfig(**settings)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("groups", np.zeros(2, int)),
        ("tokens", [np.array([1, 1])]),
        ("state_keys", [["a", "b"]]),
        ("components", {"x": []}),
        ("values", [np.zeros(3)]),
        ("last_values", np.zeros(2)),
        ("rewards", [np.array([np.nan])]),
        ("weights", {"x": 1.0}),
    ],
)
def test_fields_that_do_not_fit_are_named(field, value):
    fields = {"rewards": [np.array([1.0])], "groups": np.zeros(1, int), "tokens": [np.array([1])]}
    with pytest.raises(ValueError, match=field):
        Episodes(**{**fields, field: value})


def test_components_must_sum_to_the_rewards():
    episodes = Episodes(
        [np.array([1.0])],
        np.zeros(1, int),
        [np.array([1])],
        components={"a": [np.array([0.2])], "b": [np.array([0.2])]},
    )
    with pytest.raises(ValueError, match="sum"):
        advantages(episodes, AdvantageConfig(per_component=True))
