"""Low precision: bfloat16 with float32 master weights, and AdamW whose moments take one byte."""

import io
import sys
from functools import cache

import numpy as np
import pytest
import torch
from tiny_rows import random_segments, tiny_policy

from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.optimizers import require_optimizer
from mmgym.learn.packing import micro_batches, supervised_row
from mmgym.trajectory import ImageStore

NORM = "model.language_model.norm.weight"
"""Weights that start at 1."""


@cache
def batch():
    """Rows with pictures, and the store of these."""
    images = ImageStore()
    segments = random_segments(tiny_policy(), images, [1, 2, 3, 1], np.random.default_rng(5))
    return [supervised_row(segment) for segment in segments], images


def part_of(rows):
    return Part(rows, batch()[1], likelihood_loss, float(sum(len(row.trained) for row in rows)))


def learner_of(dtype=torch.float32, master_weights=True, max_tokens=16384, **optimizer):
    policy = tiny_policy()
    policy.model.to(dtype)
    return Learner(policy, OptimizerConfig(**optimizer), max_tokens=max_tokens, master_weights=master_weights)


def losses(learner, steps):
    return [learner.step([part_of(batch()[0])])["loss"] for _ in range(steps)]


def weights_of(learner):
    return {name: value.clone() for name, value in learner.policy.model.state_dict().items()}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


# --- master weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("master_weights", [True, False])
def test_updates_below_the_resolution_add_up_in_master_weights_and_are_lost_without(master_weights):
    learner = learner_of(torch.bfloat16, master_weights, lr=6e-4)  # below 1 the next bfloat16 is 1 - 1/256
    before = weights_of(learner)[NORM]
    losses(learner, 1)
    assert torch.equal(weights_of(learner)[NORM], before)
    losses(learner, 9)
    moved = (weights_of(learner)[NORM] != before).float().mean()
    assert moved > 0.5 if master_weights else moved == 0


def test_weights_are_their_masters_rounded():
    learner = learner_of(torch.bfloat16)
    losses(learner, 3)
    assert len(learner.masters.state()) == len(list(learner.policy.model.parameters()))
    for name, parameter in learner.policy.model.named_parameters():
        master = learner.masters.state()[name]
        assert master.dtype == torch.float32 and torch.equal(parameter, master.bfloat16())
        assert parameter.grad is None
    assert any((master != master.bfloat16()).any() for master in learner.masters.state().values())


def test_gradients_of_micro_batches_are_summed_in_float32():
    whole = learner_of(torch.bfloat16, max_tokens=1)
    rows = batch()[0]
    normaliser = part_of(rows).normaliser
    whole.accumulate([part_of(rows)])
    parts = [learner_of(torch.bfloat16) for _ in rows]
    order = [index for indices in micro_batches(rows, 1) for index in indices]
    assert len(order) == len(rows) == len(micro_batches(rows, 1))
    for learner, index in zip(parts, order, strict=True):
        learner.accumulate([Part([rows[index]], batch()[1], likelihood_loss, normaliser)])
    gradients = [dict(learner.named_parameters()) for learner in parts]
    for name, parameter in whole.named_parameters():
        if "language_model.layers" in name:
            expected = torch.zeros_like(parameter)
            for found in gradients:
                expected += found[name].grad
            assert parameter.grad.dtype == torch.float32 and torch.equal(parameter.grad, expected)


def test_what_many_micro_batches_say_of_one_picture_is_summed_in_float32():
    """A row of weight 1, then 64 of weight 1/512: added one by one to the first in bfloat16, none of them counts."""
    images = ImageStore()
    segment = random_segments(tiny_policy(), images, [1], np.random.default_rng(5))[0]
    small = [supervised_row(segment, 1 / 512) for _ in range(64)]
    norms = []
    for rows in ([supervised_row(segment)], [supervised_row(segment), *small]):
        learner = learner_of(torch.bfloat16, max_tokens=1)
        learner.accumulate([Part(rows, images, likelihood_loss, 1.0)])
        tower = [parameter.grad for name, parameter in learner.named_parameters() if "visual" in name]
        norms.append(torch.cat([gradient.flatten() for gradient in tower]).norm())
    assert norms[1] / norms[0] == pytest.approx(1 + 64 / 512, rel=0.02)


def test_in_bfloat16_a_model_learns_as_in_float32_with_masters_and_worse_without():
    settings = {"float32": {}, "masters": {"dtype": torch.bfloat16}}
    settings["none"] = {"dtype": torch.bfloat16, "master_weights": False}
    gains = {}
    for name, setting in settings.items():
        found = losses(learner_of(lr=1e-4, **setting), 15)
        gains[name] = found[0] - found[-1]
    assert gains["float32"] > 1
    assert gains["masters"] == pytest.approx(gains["float32"], rel=0.1)
    assert gains["none"] < 0.8 * gains["float32"]


def test_only_what_accumulates_gives_gradients_to_masters():
    learner = learner_of(torch.bfloat16)
    other = Learner(learner.policy, OptimizerConfig())
    learner.accumulate([part_of(batch()[0])])
    assert all(parameter.grad is None for _, parameter in other.named_parameters())
    assert any(parameter.grad is not None for _, parameter in learner.named_parameters())


def test_in_float32_there_are_no_masters():
    learner = learner_of()
    assert learner.masters.state() == {}
    assert all(a is b for (_, a), b in zip(learner.named_parameters(), learner.policy.model.parameters(), strict=True))


# --- moments of one byte --------------------------------------------------------------------------------------------


def moments(learner):
    """Bytes of the moments."""
    held = 0
    for optimizer in learner.optimizers:
        for state in optimizer.state.values():
            for name in ("exp_avg", "exp_avg_sq"):
                value = state[name]
                inner = [getattr(value, part) for part in ("codes", "scale", "qmap")] if hasattr(value, "codes") else []
                held += sum(part.nbytes for part in inner or [value])
    return held


def test_adamw_with_moments_of_one_byte_learns_as_with_four():
    pytest.importorskip("torchao")
    whole, small = (learner_of(name=name, lr=3e-3) for name in ("adamw", "adamw8bit"))
    ours, theirs = losses(small, 15), losses(whole, 15)
    assert theirs[-1] < 0.5 * theirs[0]
    assert ours[-1] == pytest.approx(theirs[-1], rel=0.1)
    assert moments(small) < 0.4 * moments(whole)


@pytest.mark.parametrize(
    ("name", "dtype"), [("adamw", torch.bfloat16), ("muon", torch.bfloat16), ("adamw8bit", torch.float32)]
)
def test_a_learner_comes_back_from_a_checkpoint_byte_by_byte(name, dtype):
    if name == "adamw8bit":
        pytest.importorskip("torchao")
    learner = learner_of(dtype, name=name)
    losses(learner, 3)
    buffer = io.BytesIO()
    torch.save({"model": learner.policy.weights(), "learner": learner.state()}, buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)
    other = learner_of(dtype, name=name)
    other.policy.load_weights(saved["model"])
    other.load_state(saved["learner"])
    assert losses(other, 2) == losses(learner, 2)
    assert same(weights_of(other), weights_of(learner))


def test_without_torchao_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setitem(sys.modules, "torchao.optim", None)
    with pytest.raises(ImportError, match=r"adamw8bit needs torchao: pip install 'mmgym\[eight-bit\]'"):
        require_optimizer(OptimizerConfig(name="adamw8bit"))
