"""The parts of losses by themselves: averages, ratios, corrections, divergences, the critic's loss, preferences."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmgym.learn.aggregation import AGGREGATIONS, aggregation_weights
from mmgym.learn.corrections import correction_weights
from mmgym.learn.kl import KL_FORMS, adaptive_kl_coefficient, kl_terms
from mmgym.learn.losses import TokenBatch, likelihood_loss
from mmgym.learn.preferences import dpo_weights, preference_pairs
from mmgym.learn.ratios import level_means, ratio_with_gradient, unit_means
from mmgym.learn.value_loss import ValueBatch, value_loss

RAGGED = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=5)


# --- averages --------------------------------------------------------------------------------------------------------


def test_averages_by_hand():
    """Turns of 2 + 1 tokens, and of 0 + 3: losses 1, 2, 6 and 3, 3, 9."""
    tokens = [np.array([2, 1]), np.array([0, 3])]
    losses = [np.array([1.0, 2, 6]), np.array([3.0, 3, 9])]
    expected = {
        "global_token_mean": 24 / 6,
        "trajectory_mean": (3 + 5) / 2,
        "turn_mean": (1.5 + 6 + 5) / 3,
        "trajectory_sum": (9 + 15) / 2,
        "constant": (9 + 15) / 2 / 10,
    }
    assert set(expected) == set(AGGREGATIONS)
    for name, value in expected.items():
        weights, normalisers = aggregation_weights(tokens, name, constant=10)
        total = sum(float(w @ loss) for w, loss in zip(weights, losses, strict=True))
        assert total / normalisers.sum() == pytest.approx(value), name


@given(turns=RAGGED, name=st.sampled_from([name for name in AGGREGATIONS if name.endswith("_mean")]))
def test_a_mean_of_equal_losses_is_that_loss(turns, name):
    weights, normalisers = aggregation_weights([np.array(t) for t in turns], name)
    assert [len(w) for w in weights] == [sum(t) for t in turns]
    assert sum(w.sum() for w in weights) == pytest.approx(normalisers.sum())


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_silent_trajectories_weigh_nothing(name):
    weights, normalisers = aggregation_weights([np.array([0, 0]), np.zeros(0, int), np.array([2])], name)
    assert [len(w) for w in weights] == [0, 0, 2]
    assert list(normalisers[:2]) == [0, 0]
    assert normalisers[2] > 0


# --- ratios ----------------------------------------------------------------------------------------------------------


@given(turns=st.lists(st.integers(0, 4), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_level_means_are_those_of_loops_and_of_the_micro_batch(turns, seed):
    values = np.random.default_rng(seed).normal(size=sum(turns))
    start, by_turn = 0, []
    for size in turns:
        by_turn += [sum(values[start : start + size]) / max(size, 1)] * size
        start += size
    sizes = np.array(turns)
    assert level_means(values, sizes, "turn") == pytest.approx(by_turn)
    assert level_means(values, sizes, "token") == pytest.approx(values)
    assert level_means(values, sizes, "trajectory") == pytest.approx([sum(values) / max(len(values), 1)] * len(values))
    owner = np.repeat(np.arange(len(turns)), turns)
    order = np.random.default_rng(seed).permutation(len(values))
    found = unit_means(torch.from_numpy(values[order]), torch.from_numpy(7.0 + 3 * owner[order]))
    assert found.numpy() == pytest.approx(np.array(by_turn)[order])


def test_a_ratio_has_its_value_and_its_gradient():
    logprobs = torch.tensor([-1.0, -2.0], requires_grad=True)
    ratio = ratio_with_gradient(torch.tensor([0.5, -0.5]), logprobs)
    (ratio * torch.tensor([1.0, 10.0])).sum().backward()
    values = [math.exp(0.5), math.exp(-0.5)]
    assert ratio.tolist() == pytest.approx(values)
    assert logprobs.grad.tolist() == pytest.approx([values[0], 10 * values[1]])


def test_levels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="level must be one of token, turn, trajectory"):
        level_means(np.zeros(1), np.array([1]), "group")
    with pytest.raises(ValueError, match="the turns hold 3 sampled tokens, but there are 2 values"):
        level_means(np.zeros(2), np.array([1, 2]), "turn")


# --- corrections -----------------------------------------------------------------------------------------------------


def test_corrections_by_hand():
    """Ratios 4, 1 in one turn (geometric mean 2) and 1/8 in the next (mean of all three 2^(-1/3))."""
    proximal, behaviour = [np.log([0.4, 0.5, 0.1])], [np.log([0.1, 0.5, 0.8])]
    tokens = [np.array([2, 0, 1])]
    every = 2 ** (-1 / 3)
    cases = {
        ("none", "token"): [1, 1, 1],
        ("truncate", "token"): [1.5, 1, 0.125],
        ("truncate", "turn"): [1.5, 1.5, 0.125],
        ("truncate", "trajectory"): [every] * 3,
        ("mask", "token"): [0, 1, 0],
        ("mask", "turn"): [0, 0, 0],
        ("mask", "trajectory"): [every] * 3,
    }
    for (kind, level), expected in cases.items():
        found = correction_weights(proximal, behaviour, tokens, kind, level, cap=1.5, floor=0.5)
        assert found[0].dtype == np.float32
        assert found[0] == pytest.approx(expected, rel=1e-6), (kind, level)


def test_a_long_trajectory_of_small_drift_is_kept():
    """A drift of .01 on each of 2,000 tokens: the geometric mean is 1.01, where the product would be 5e8."""
    proximal, behaviour = [np.full(2000, -1.0)], [np.full(2000, -1.01)]
    found = correction_weights(proximal, behaviour, [np.full(10, 200)], "mask", "trajectory", cap=1.02, floor=0.98)
    assert found[0] == pytest.approx(np.full(2000, math.exp(0.01)))


# --- divergences -----------------------------------------------------------------------------------------------------


def expected_gradients(form):
    """The mean gradient of an estimate over all words, and those of both divergences; and its mean value."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, generator=generator, dtype=torch.float64).requires_grad_()
    reference = torch.log_softmax(torch.randn(5, generator=generator, dtype=torch.float64), -1)
    logprobs = torch.log_softmax(logits, -1)
    terms = kl_terms(logprobs, reference, form)
    mean = torch.autograd.grad((logprobs.exp().detach() * terms).sum(), logits, retain_graph=True)[0]
    forward = (logprobs.exp() * (logprobs - reference)).sum()
    backward = (reference.exp() * (reference - logprobs)).sum()
    gradients = [torch.autograd.grad(kl, logits, retain_graph=True)[0] for kl in (forward, backward)]
    return mean, gradients, float((logprobs.exp() * terms).sum().detach()), float(forward.detach())


@pytest.mark.parametrize("form", KL_FORMS)
def test_mean_gradients_of_the_estimates(form):
    """Exactly, over all words: k2's is that of KL(pi, ref), k1's is 0, k3's is that of KL(ref, pi)."""
    mean, (forward, backward), value, divergence = expected_gradients(form)
    target = {"k1": torch.zeros(5, dtype=torch.float64), "k3": backward}.get(form, forward)
    assert (mean - target).abs().max() < 1e-12
    assert (forward - backward).abs().max() > 1e-2
    if form != "k2":
        assert value == pytest.approx(divergence)


def test_an_unknown_divergence_is_refused():
    with pytest.raises(ValueError, match="k1, k2, k3, k3_straight_through; got 'k4'"):
        kl_terms(torch.zeros(1), torch.zeros(1), "k4")


@pytest.mark.parametrize(
    ("measured", "factor"), [(6.0, 1.0), (6.6, 1.01), (60.0, 1.02), (5.4, 0.99), (0.0, 0.98), (-1.0, 0.98)]
)
def test_the_coefficient_follows_the_divergence(measured, factor):
    found = adaptive_kl_coefficient(0.2, measured, target=6.0, horizon=1000, episodes=100)
    assert found == pytest.approx(0.2 * factor)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("coefficient", (0.0, 1.0, 6.0, 1000, 100)),
        ("target", (0.2, 1.0, 0.0, 1000, 100)),
        ("horizon", (0.2, 1.0, 6.0, math.inf, 100)),
        ("episodes", (0.2, 1.0, 6.0, 1000, 2000)),
        ("measured", (0.2, math.nan, 6.0, 1000, 100)),
    ],
)
def test_a_controller_without_meaning_is_refused(name, arguments):
    with pytest.raises(ValueError, match=name):
        adaptive_kl_coefficient(*arguments)


# --- the critic ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [0.2, 10.0, math.inf])
def test_value_loss_in_loops(clip):
    rng = np.random.default_rng(0)
    predictions, old, target, weight = rng.normal(size=(4, 40))
    count = rng.integers(1, 4, 40).astype(float)
    leaf = torch.from_numpy(predictions).requires_grad_()
    names = {"old_value": old, "target": target, "weight": weight, "count": count}
    output = value_loss(ValueBatch(leaf, {n: torch.from_numpy(v) for n, v in names.items()}), clip)
    output.total.backward()
    total, clipped, slopes = 0.0, 0.0, []
    for v, o, t, w, c in zip(predictions, old, target, weight, count, strict=True):
        near = min(max(v, o - clip), o + clip)
        held = (near - t) ** 2 > (v - t) ** 2
        total += w / 2 * max((v - t) ** 2, (near - t) ** 2)
        slopes.append(0.0 if held else w * (v - t))
        clipped += c * held
    assert float(output.total.detach()) == pytest.approx(total)
    assert leaf.grad.tolist() == pytest.approx(slopes)
    assert float(output.metrics["value_clip_fraction"]) == clipped
    assert (clipped > 0) == (clip == 0.2)
    assert float(output.metrics["value_error"]) == pytest.approx(float(count @ (predictions - target) ** 2))


def test_a_value_loss_without_its_values_is_refused():
    batch = ValueBatch(torch.zeros(1), {"target": torch.zeros(1), "count": torch.zeros(1)})
    with pytest.raises(ValueError, match="needs weight, old_value"):
        value_loss(batch, 0.2)
    with pytest.raises(ValueError, match="clip must be above 0"):
        value_loss(batch, 0.0)


# --- preferences -----------------------------------------------------------------------------------------------------


def test_dpo_gradient_is_that_of_a_weighted_likelihood_however_it_is_cut():
    """Pairs of ragged trajectories, one of them in two pairs; every token its own micro-batch."""
    rng = np.random.default_rng(0)
    lengths, pairs, beta = [3, 1, 4, 2], [(0, 1), (2, 1), (2, 3)], 0.7
    leaves = [torch.from_numpy(rng.normal(size=n)).requires_grad_() for n in lengths]
    reference = [torch.from_numpy(rng.normal(size=n)) for n in lengths]
    ratios = [(leaf - ref).sum() for leaf, ref in zip(leaves, reference, strict=True)]
    losses = [-torch.log(torch.sigmoid(beta * (ratios[c] - ratios[r]))) for c, r in pairs]
    expected = torch.autograd.grad(sum(losses) / len(pairs), leaves)
    known = np.array([float(ratio.detach()) for ratio in ratios])
    chosen, rejected = np.array(pairs).T
    terms = dpo_weights(known[chosen], known[rejected], beta)
    assert terms.losses == pytest.approx([float(loss.detach()) for loss in losses])
    assert terms.margins == pytest.approx(known[chosen] - known[rejected])
    weights = np.zeros(len(lengths))
    np.add.at(weights, chosen, terms.chosen)
    np.add.at(weights, rejected, terms.rejected)
    for leaf, weight, gradient in zip(leaves, weights, expected, strict=True):
        for token in range(len(leaf)):
            piece = leaf[token : token + 1]
            values = {"weight": torch.full((1,), weight, dtype=torch.float64)}
            (likelihood_loss(TokenBatch(piece, torch.zeros(1), values)).total / len(pairs)).backward()
        assert (leaf.grad - gradient).abs().max() < 1e-12


def test_dpo_far_from_the_reference_stays_finite():
    terms = dpo_weights(np.array([2000.0, -2000.0, 40.0]), np.zeros(3), 1.0)
    assert terms.losses == pytest.approx([0.0, 2000.0, math.exp(-40)])
    assert terms.chosen == pytest.approx([0.0, 1.0, math.exp(-40)])
    with pytest.raises(ValueError, match="beta must be above 0"):
        dpo_weights(np.zeros(1), np.zeros(1), 0.0)


def test_pairs_are_the_best_and_the_worst_of_each_group():
    returns = np.array([0.0, 1.0, 0.5, 2.0, 2.0, 3.0, 1.0, 1.0, 9.0])
    groups = np.array([4, 4, 4, 1, 1, 7, 2, 2, 4])
    assert preference_pairs(returns, groups).tolist() == [[8, 0]]
    assert preference_pairs(np.array([1.0, 0.0, 1.0, 0.0]), np.zeros(4, int)).tolist() == [[0, 1]]
    assert preference_pairs(np.zeros(0), np.zeros(0, int)).shape == (0, 2)
