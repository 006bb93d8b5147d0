"""Packed rows: they give what padded ones give, none sees another, and they are dealt out evenly under a budget."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from iterations import alternate, config_of, trainer_of, weights
from tiny_rows import copy_row, policy_rows, random_segments, tiny_policy

from mmgym.agent import Policy
from mmgym.learn.critic import Critic, CriticConfig
from mmgym.learn.decisions import Decisions
from mmgym.learn.distributed import World
from mmgym.learn.learner import Learner, Part
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.losses import policy_loss
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.packing import Row, micro_batches, pack, packed_batches, pad
from mmgym.learn.value_loss import value_loss
from mmgym.trajectory import ImageStore

TURNS = [1, 4, 2, 3, 1, 2, 6, 2]


@pytest.fixture(scope="module", params=["qwen3_vl", "qwen2_5_vl"])
def made(request):
    """A policy with rows of ragged, multi-image trajectories, two of which have equal lengths and share pictures."""
    rng = np.random.default_rng(0)
    policy, images = tiny_policy(request.param), ImageStore()
    segments = random_segments(policy, images, TURNS, rng)
    segments.append(segments[-1])
    rows = policy_rows(segments, [np.full(int(s.trained.sum()), rng.normal(), np.float32) for s in segments])
    for row, segment in zip(rows, segments, strict=True):
        row.values["unit"] = segment.turn[segment.trained].astype(np.float32)
    return policy, images, rows


def learner_of(policy, layout, max_tokens=10**6, **arguments):
    return Learner(policy, OptimizerConfig(), 0.9, max_tokens, layout=layout, **arguments)


def gradient(learner, rows, images, loss):
    """The flat gradient of a step."""
    learner.policy.model.zero_grad(set_to_none=True)
    learner.accumulate([Part(rows, images, loss, 100.0)])
    return torch.cat([p.grad.reshape(-1) for p in learner.policy.model.parameters() if p.grad is not None])


@pytest.mark.parametrize(("max_tokens", "ratio"), [(1, "token"), (200, "turn"), (10**6, "token")])
def test_packed_and_padded_rows_give_the_same_gradient(made, max_tokens, ratio):
    policy, images, rows = made
    loss = functools.partial(policy_loss, config=LossConfig(entropy_bonus=0.1, ratio=ratio))
    expected = gradient(learner_of(policy, "padded"), rows, images, loss)
    found = gradient(learner_of(policy, "packed", max_tokens), rows, images, loss)
    assert expected.abs().max() > 0.01
    assert (found - expected).abs().max() < 1e-5


def test_the_entropy_of_choices_is_the_same_when_packed(made):
    policy, images, rows = made
    answers = [row.ids[row.trained][:3] for row in rows[:4]]
    decisions = Decisions(answers)
    rows = [copy_row(row) for row in rows]
    for row in rows:
        row.values["decision"] = (np.arange(len(row.trained)) % len(decisions.sets)).astype(np.float32)
    loss = functools.partial(policy_loss, config=LossConfig(entropy_bonus=1.0))
    expected = gradient(learner_of(policy, "padded", decisions=decisions), rows, images, loss)
    found = gradient(learner_of(policy, "packed", 200, decisions=decisions), rows, images, loss)
    assert (found - expected).abs().max() < 1e-5
    assert (gradient(learner_of(policy, "packed"), rows, images, loss) - expected).abs().max() > 1e-3


@pytest.mark.parametrize("max_tokens", [200, 10**6])
def test_packed_and_padded_rows_are_evaluated_alike(made, max_tokens):
    policy, images, rows = made
    padded, packed = learner_of(policy, "padded"), learner_of(policy, "packed", max_tokens)
    for ours, theirs in zip(packed.logprobs(rows, images), padded.logprobs(rows, images), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5
    for ours, theirs in zip(packed.predictions(rows, images), padded.predictions(rows, images), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_packed_rows_see_nothing_of_each_other(made):
    """Whatever stands in the other rows, and whatever they show, not a bit changes in those that come after."""
    policy, images, rows = made
    learner, last = learner_of(policy, "packed"), max(range(len(rows)), key=lambda i: len(rows[i].ids))
    assert packed_batches(rows, learner.max_tokens, policy.hidden_size)[0][-1] == last
    before = learner.logprobs(rows, images)
    others = [copy_row(row) for row in rows]
    for index, row in enumerate(others):
        if index != last:
            row.ids[row.trained] = policy.codec.end_ids[0]
            row.images = row.images[::-1]
    after = learner.logprobs(others, images)
    assert np.array_equal(after[last], before[last])
    assert not np.array_equal(after[0], before[0])


def test_the_critic_reads_packed_rows(made):
    policy, images, rows = made
    gradients = []
    for layout in ("padded", "packed"):
        critic = Critic(policy, CriticConfig(), 200, World(), layout=layout)
        torch.nn.init.constant_(critic.head.weight, 0.1)
        valued = [copy_row(row) for row in rows]
        for row in valued:
            row.values |= {"old_value": row.values["count"], "target": 3 * row.values["count"]}
        predictions = np.concatenate(critic.evaluate(valued, images, critic._values))
        critic.accumulate([Part(valued, images, functools.partial(value_loss, clip=np.inf), 10.0)])
        gradients.append((predictions, critic.head.weight.grad, critic.policy.model.get_input_embeddings().weight.grad))
    for padded, packed in zip(*gradients, strict=True):
        assert np.abs(np.asarray(packed) - np.asarray(padded)).max() < 1e-5 * max(1, np.abs(np.asarray(padded)).max())


def test_a_packed_row_is_rows_end_to_end(made):
    policy, _, rows = made
    first, second = rows[0], rows[1]
    batch, start = pack([first, second], policy), len(first.ids)
    assert batch.ids.tolist() == [[*first.ids.tolist(), *second.ids.tolist()]]
    assert batch.positions.shape == (4, 1, batch.ids.shape[1])
    assert batch.positions[0, 0].tolist() == [*range(start), *range(len(second.ids))]
    assert np.array_equal(batch.positions[1:, 0, start:], policy.positions(second.ids, second.images))
    assert batch.columns.tolist() == [*first.trained.tolist(), *(second.trained + start).tolist()]
    assert batch.images == [*first.images, *second.images] and not batch.rows.any()
    padded = pad([first, second], policy)
    assert torch.equal(batch.targets, padded.targets)
    assert all(torch.equal(batch.values[name], padded.values[name]) for name in padded.values)


def rows_of(lengths):
    return [Row(np.zeros(length, np.int32), np.array([1]), (), {}) for length in lengths]


def cost(lengths, width):
    return sum(n + n * n / (12 * width) for n in lengths)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(2, 400), max_size=60), st.integers(2, 1000))
def test_packed_batches_hold_every_row_once_within_the_budget(lengths, budget):
    batches = packed_batches(rows_of(lengths), budget, 8)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert batch and (len(batch) == 1 or sum(lengths[i] for i in batch) <= budget)
        assert [lengths[i] for i in batch] == sorted(lengths[i] for i in batch)
    assert len(batches) <= len(micro_batches(rows_of(lengths), budget))
    first_fit = 1.7 * (sum(min(length, budget) for length in lengths) / budget) + 1  # Johnson et al. 1974
    assert len(batches) <= first_fit


def test_packed_batches_cost_alike():
    """By size alone the four long rows would fill two batches and leave the short ones a third of the work."""
    lengths = [300] * 4 + [40] * 30
    batches = packed_batches(rows_of(lengths), 640, 8)
    costs = [cost([lengths[i] for i in batch], 8) for batch in batches]
    assert len(batches) == 4 and max(costs) / min(costs) < 1.1
    assert all(any(lengths[i] == 300 for i in batch) for batch in batches)


def test_an_iteration_with_critic_and_reference_is_the_same_when_packed(tmp_path):
    ends, metrics = [], []
    loss = {"kl": "k2", "kl_coefficient": 0.1, "ratio": "turn"}
    for layout in ("padded", "packed"):
        config = config_of(
            tmp_path, layout=layout, algorithm="ppo", recompute=True, loss=loss, critic={"warmup": 0}, max_tokens=300
        )
        trainer = trainer_of(config)
        alternate(trainer)
        metrics.append(trainer._improve(0, 1.0))
        learners = (trainer.learner, trainer.improvement.critic, trainer.improvement.reference)
        assert [learner.packed for learner in learners] == [layout == "packed"] * 3
        ends.append(weights(trainer))
    for name in ("loss", "kl_reference", "value_error", "mismatch_kl", "grad_norm"):
        assert metrics[1][name] == pytest.approx(metrics[0][name], rel=1e-3, abs=1e-5)
    assert metrics[0]["grad_norm"] > 0
    assert max(float((ends[1][name] - ends[0][name]).abs().max()) for name in ends[0]) < 1e-4


class NeverPacked:
    """A policy whose attention cannot keep packed rows apart."""

    def __init__(self, policy: Policy):
        self.model = policy.model
        self.prepare_packing = lambda: ""


def test_layouts_that_cannot_be_exact_are_refused_or_padded(made):
    policy = NeverPacked(made[0])
    with pytest.raises(ValueError, match=r"layout = packed, but Qwen\w+ would not be exact"):
        learner_of(policy, "packed")
    assert not learner_of(policy, "auto").packed
    assert learner_of(made[0], "auto").packed and not learner_of(made[0], "padded").packed
