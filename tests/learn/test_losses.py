"""Losses and the learner's gradient: by hand, on trained tokens only, and however the step is cut."""

import numpy as np
import pytest
import torch
from tiny_rows import copy_row, policy_rows, random_segments, tiny_policy

from mmgym.learn.advantages import group_relative
from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.losses import LossOutput, TokenBatch, likelihood_loss, policy_loss
from mmgym.learn.packing import merge_equal
from mmgym.trajectory import ImageStore


def batch(logprobs, behaviour, positive, negative, count=None):
    """A token batch of plain lists."""
    leaf = torch.tensor(logprobs, requires_grad=True)
    ones = [1.0] * len(logprobs) if count is None else count
    names = {"behaviour": behaviour, "positive": positive, "negative": negative, "count": ones, "weight": ones}
    return leaf, TokenBatch(leaf, torch.zeros(len(logprobs)), {k: torch.tensor(v) for k, v in names.items()})


def test_clipped_loss_by_hand():
    ratios = [1.0, 1.5, 0.5, 1.5, 0.5]
    positive, negative = [2.0, 2.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, -2.0, -2.0]
    leaf, tokens = batch(np.log(ratios).tolist(), [0.0] * 5, positive, negative)
    output = policy_loss(tokens, LossConfig(clip_low=0.2, clip_high=0.28))
    # min(r A, clip(r) A): 2, 1.28 * 2, .5 * 2, 1.5 * -2, .8 * -2
    assert float(output.total.detach()) == pytest.approx(-(2 + 2.56 + 1 - 3 - 1.6))
    output.total.backward()
    # a clipped token has no gradient; elsewhere d(-r A)/d log pi = -r A
    assert leaf.grad.tolist() == pytest.approx([-2.0, 0.0, -1.0, 3.0, 0.0])
    assert float(output.metrics["clip_fraction"]) == 2.0


def test_grpo_with_ragged_turns_by_hand():
    """Two trajectories of one group, of 3 and 2 sampled tokens in ragged turns: the global token mean."""
    advantages = group_relative(np.array([1.0, 0.0]), np.zeros(2, int), epsilon=0.0)
    assert advantages == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)])
    ratios = np.array([1.1, 0.9, 1.4, 1.0, 0.7])
    owner = np.array([0, 0, 0, 1, 1])
    per_token = advantages[owner]
    _leaf, tokens = batch(
        np.log(ratios).tolist(), [0.0] * 5, np.maximum(per_token, 0).tolist(), np.minimum(per_token, 0).tolist()
    )
    loss = policy_loss(tokens, LossConfig(clip_low=0.2, clip_high=0.28)).total / 5
    a = np.sqrt(0.5)
    expected = -(1.1 * a + 0.9 * a + 1.28 * a - 1.0 * a - 0.8 * a) / 5
    assert float(loss.detach()) == pytest.approx(expected)


def gradients(policy, rows, images, loss, max_tokens=16384, normaliser=10.0):
    """The flat gradient of one step."""
    policy.model.zero_grad(set_to_none=True)
    learner = Learner(policy, OptimizerConfig(), max_tokens=max_tokens)
    learner.accumulate([Part(rows, images, loss, normaliser)])
    return torch.cat([p.grad.reshape(-1) for p in policy.model.parameters() if p.grad is not None])


def usual_loss(tokens: TokenBatch) -> LossOutput:
    """The trainer's default, with a bonus."""
    return policy_loss(tokens, LossConfig(entropy_bonus=0.01))


@pytest.fixture(scope="module", params=["qwen3_vl", "qwen2_5_vl"])
def made(request):
    """A policy with rows of ragged, multi-image trajectories."""
    rng = np.random.default_rng(0)
    policy, images = tiny_policy(request.param), ImageStore()
    segments = random_segments(policy, images, [1, 4, 2, 3, 1, 2], rng)
    advantages = [
        np.full(int(s.trained.sum()), a, np.float32) for s, a in zip(segments, [1, -1, 0.5, -2, 0.1, 1], strict=True)
    ]
    return policy, images, policy_rows(segments, advantages)


def test_observation_tokens_leave_the_gradient_bit_equal(made):
    """Whatever is asked of observation tokens, the gradient does not change in a single bit."""
    policy, images, rows = made
    true_hidden = policy.token_hidden

    def gradient_with_observed_states(scale):
        def changed(ids, positions, features, where_rows, columns):
            everything = policy.family.hidden(ids, positions, features)
            observed = torch.ones_like(ids, dtype=torch.bool)
            observed[where_rows, columns - 1] = False
            everything = torch.where(observed[..., None], everything * scale + 7 * (scale - 1), everything)
            return everything[where_rows, columns - 1]

        policy.token_hidden = changed
        try:
            return gradients(policy, rows, images, usual_loss)
        finally:
            policy.token_hidden = true_hidden

    reference = gradient_with_observed_states(1.0)
    assert torch.equal(gradient_with_observed_states(50.0), reference)
    assert reference.abs().max() > 0


def test_labels_of_observation_tokens_do_not_exist(made):
    """Rows carry numbers for trained tokens only, and the sampler's log-probabilities elsewhere are never read."""
    policy, _images, rows = made
    assert all(len(v) == len(row.trained) for row in rows for v in row.values.values())
    rng = np.random.default_rng(0)
    store = ImageStore()
    segments = random_segments(policy, store, [2, 3], rng)
    advantages = [np.ones(int(s.trained.sum()), np.float32) for s in segments]
    reference = gradients(policy, policy_rows(segments, advantages), store, usual_loss)
    for segment in segments:
        segment.logprobs[~segment.trained] = 123.0
    assert torch.equal(gradients(policy, policy_rows(segments, advantages), store, usual_loss), reference)


@pytest.mark.parametrize("max_tokens", [1, 200, 400])
def test_any_cut_into_micro_batches_gives_the_same_gradient(made, max_tokens):
    policy, images, rows = made
    reference = gradients(policy, rows, images, usual_loss)
    cut = gradients(policy, rows, images, usual_loss, max_tokens=max_tokens)
    assert (cut - reference).abs().max() < 1e-6 * max(1.0, float(reference.abs().max()))


def test_merging_equal_rows_keeps_the_gradient(made):
    policy, images, rows = made
    again = [copy_row(row) for row in rows[:3] for _ in range(2)]
    for number, row in enumerate(again):
        sign = -1.0 if number % 2 else 1.0
        row.values["positive"][:] = 0.7 if sign > 0 else 0.0
        row.values["negative"][:] = 0.0 if sign > 0 else -1.3
    whole = [*rows, *again]
    merged = merge_equal(whole)
    assert len(merged) == len(rows)
    reference = gradients(policy, whole, images, usual_loss)
    difference = (gradients(policy, merged, images, usual_loss) - reference).abs().max()
    assert difference < 1e-5 * max(1.0, float(reference.abs().max()))
    for row in rows:
        assert row.values["count"].max() == 1.0, "merging must not change the rows it was given"


def test_gradient_equals_the_plain_model_s(made):
    """The learner's gradient (features as leaves, batches padded) against one plain forward per row."""
    policy, images, rows = made
    reference = gradients(policy, rows, images, usual_loss)
    policy.model.zero_grad(set_to_none=True)
    for row in rows:
        ids = torch.from_numpy(row.ids.astype(np.int64))[None]
        pixels = policy.image_processor(images=[images[i] for i in row.images], return_tensors="pt")
        kinds = (ids == policy.image_token_id()).long()
        logits = policy.model(input_ids=ids, mm_token_type_ids=kinds, **pixels).logits[0].float()
        logits[:, policy.family.banned_ids] = float("-inf")
        where = torch.from_numpy(row.trained)
        distribution = torch.log_softmax(logits[where - 1], -1)
        entropy = -(distribution.exp() * distribution.masked_fill(distribution.isinf(), 0)).sum(-1)
        chosen = distribution.gather(1, ids[0, where][:, None])[:, 0]
        values = {name: torch.from_numpy(value) for name, value in row.values.items()}
        (usual_loss(TokenBatch(chosen, entropy, values)).total / 10.0).backward()
    plain = torch.cat([p.grad.reshape(-1) for p in policy.model.parameters() if p.grad is not None])
    assert (plain - reference).abs().max() < 1e-5 * max(1.0, float(reference.abs().max()))


def test_likelihood_loss_by_hand():
    leaf = torch.tensor([-1.0, -2.0], requires_grad=True)
    output = likelihood_loss(TokenBatch(leaf, torch.zeros(2), {"weight": torch.tensor([0.5, 2.0])}))
    assert float(output.total.detach()) == pytest.approx(4.5)


@pytest.mark.parametrize("name", ["log_ratio", "correction"])
def test_rows_of_trajectories_that_differ_elsewhere_stay_apart(made, name):
    """Two trajectories may share a window: what is known of each as a whole is not that of the other."""
    _policy, _images, rows = made
    pair = [copy_row(rows[0]) for _ in range(2)]
    for row, value in zip(pair, (0.5, 2.0), strict=True):
        row.values[name] = np.full(len(row.trained), value, np.float32)
    assert len(merge_equal(pair)) == 2
    pair[1].values[name][:] = 0.5
    assert len(merge_equal(pair)) == 1
