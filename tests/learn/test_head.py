"""The output head by chunks: the same numbers and gradients, and never the logits of all tokens."""

import functools

import numpy as np
import pytest
import torch
from tensor_shapes import TensorShapes
from tiny_rows import policy_rows, random_segments, tiny_policy

from mmgym.learn.decisions import Decisions
from mmgym.learn.head import by_chunks
from mmgym.learn.learner import Learner, Part
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.losses import policy_loss
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.trajectory import ImageStore


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    policy, images = tiny_policy(), ImageStore()
    segments = random_segments(policy, images, [6] * 12, rng)
    rows = policy_rows(segments, [np.full(int(s.trained.sum()), rng.normal(), np.float32) for s in segments])
    decisions = Decisions([row.ids[row.trained][:3] for row in rows])
    for row in rows:
        row.values["decision"] = (np.arange(len(row.trained)) % len(decisions.sets)).astype(np.float32)
    return policy, images, rows, decisions


def learner_of(policy, decisions, max_logits):
    learner = Learner(policy, OptimizerConfig(), decisions=decisions)
    learner.max_logits = max_logits
    return learner


def most_rows(shapes, vocabulary):
    """Rows of the largest tensor that has a column for each id."""
    return max(int(np.prod(shape[:-1])) for shape in shapes.seen if shape and shape[-1] == vocabulary)


def step(learner, images, rows):
    """The flat gradient, the metrics, and the most rows of logits at once."""
    loss = functools.partial(policy_loss, config=LossConfig(entropy_bonus=0.5))
    learner.policy.model.zero_grad(set_to_none=True)
    with TensorShapes() as shapes:
        metrics = learner.accumulate([Part(rows, images, loss, 100.0)])
    gradient = torch.cat([p.grad.reshape(-1) for p in learner.policy.model.parameters() if p.grad is not None])
    return gradient, metrics, most_rows(shapes, learner.policy.vocabulary_size)


@pytest.mark.parametrize("choices", [False, True])
def test_chunks_change_nothing_but_memory(made, choices):
    policy, images, rows, decisions = made
    decisions = decisions if choices else None
    tokens, vocabulary, width = sum(len(row.trained) for row in rows), policy.vocabulary_size, policy.hidden_size
    whole, expected, most = step(learner_of(policy, decisions, 10**9), images, rows)
    assert most == tokens > 3 * width
    gradient, found, most = step(learner_of(policy, decisions, 10 * vocabulary), images, rows)
    assert most <= width, "no more than the gradient of the head's weights has"
    assert (gradient - whole).abs().max() < 1e-6 * max(1.0, float(whole.abs().max()))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("count", [40, 160])
def test_memory_does_not_grow_with_tokens(count):
    """Forward and backward: however many tokens there are, no tensor is larger than a chunk or the weights."""
    weight = torch.randn(500, 8, requires_grad=True)
    hidden = torch.randn(count, 8, requires_grad=True)

    def entropy(states):
        distribution = torch.log_softmax(states @ weight.T, -1)
        return (-(distribution.exp() * distribution).sum(-1),)

    expected = torch.autograd.grad(entropy(hidden)[0].sin().sum(), (hidden, weight))
    with TensorShapes() as shapes:
        (found,) = by_chunks(entropy, (hidden,), 500, 10 * 500)
        gradients = torch.autograd.grad(found.sin().sum(), (hidden, weight))
    assert max(map(np.prod, shapes.seen)) == 10 * 500
    for ours, theirs in zip(gradients, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_evaluation_is_by_chunks_too(made):
    policy, images, rows, _ = made
    whole, cut = learner_of(policy, None, 10**9), learner_of(policy, None, 10 * policy.vocabulary_size)
    with TensorShapes() as shapes:
        found = cut.logprobs(rows, images)
    assert most_rows(shapes, policy.vocabulary_size) <= policy.hidden_size, "those of the weights"
    for ours, theirs in zip(found, whole.logprobs(rows, images), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5
    for ours, theirs in zip(cut.predictions(rows, images), whole.predictions(rows, images), strict=True):
        assert ours.tolist() == theirs.tolist()
