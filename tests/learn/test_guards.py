"""Guards: each is broken on purpose and must fail loudly."""

import numpy as np
import pytest
import torch
from iterations import alternate
from tiny_rows import copy_row, random_segments, tiny_policy

from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.distributed import World
from mmgym.learn.learner import GuardError, Learner, OptimizerConfig, Part, check_image_tokens
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.learn.trainer import Trainer
from mmgym.trajectory import ImageStore


@pytest.fixture(scope="module")
def made():
    """A policy, its images and rows."""
    policy, images = tiny_policy(), ImageStore()
    segments = random_segments(policy, images, [2, 3], np.random.default_rng(1))
    return policy, images, [supervised_row(s) for s in segments]


def test_a_lost_image_is_noticed(made):
    policy, images, rows = made
    broken = copy_row(rows[1])
    broken.images = broken.images[:-1]
    with pytest.raises(GuardError, match="12 image placeholders but its 2 images produce 8"):
        Learner(policy, OptimizerConfig()).step([Part([rows[0], broken], images, likelihood_loss, 1.0)])


def test_an_image_of_another_size_is_noticed(made):
    policy, _, rows = made
    broken = copy_row(rows[0])
    other = ImageStore().add(np.zeros((96, 64, 3), np.uint8))
    broken.images = (other, *broken.images[1:])
    with pytest.raises(GuardError, match="produce 10"):
        check_image_tokens([broken], policy)


def test_a_truncation_that_cuts_an_image_is_noticed(made):
    policy, _, rows = made
    broken = copy_row(rows[0])
    first = int(np.flatnonzero(broken.ids == policy.image_token_id())[0])
    broken.ids = np.delete(broken.ids, first)
    with pytest.raises(GuardError, match="placeholders"):
        check_image_tokens([broken], policy)


def test_a_trained_placeholder_is_noticed(made):
    policy, _, rows = made
    broken = copy_row(rows[0])
    broken.trained[0] = np.flatnonzero(broken.ids == policy.image_token_id())[0]
    with pytest.raises(GuardError, match="never be sampled"):
        check_image_tokens([broken], policy)


def test_placeholders_have_no_probability_in_the_learner(made):
    policy, images, rows = made
    ids = torch.from_numpy(rows[0].ids.astype(np.int64))[None]
    positions = torch.from_numpy(policy.positions(rows[0].ids, rows[0].images))[:, None]
    features = policy.image_features([images[i] for i in rows[0].images]).take(range(len(rows[0].images)))
    column = torch.tensor([len(rows[0].ids) - 1])
    logits = policy.logits(policy.token_hidden(ids, positions, features, torch.zeros(1, dtype=torch.long), column))
    assert torch.isinf(logits[0, policy.family.banned_ids]).all()
    assert torch.isfinite(logits).sum() == logits.numel() - len(policy.family.banned_ids)


def grpo_config(tmp_path, **changes):
    """A minimal GRPO run in this process."""
    content = {
        "out": str(tmp_path / "run"),
        "environment": {"id": "mmgym/FrozenLake-v0", "kwargs": {"preset": "two_holes", "image_size": 64}},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 2},
        "grpo": {"iterations": 1, "groups": 2, "group_size": 4, "minibatches": 1, **changes},
    }
    return from_mapping(TrainConfig, content)


def trainer_for_iteration(config):
    """A trainer that is ready for one GRPO iteration."""
    trainer = Trainer(config, World())
    trainer.log = None
    trainer._begin("grpo")
    alternate(trainer)
    return trainer


def test_step_zero_agreement_holds(tmp_path):
    values = trainer_for_iteration(grpo_config(tmp_path))._improve(0, 1.0)
    assert values["sampler_difference"] < 1e-4


def test_a_sampler_with_other_weights_is_noticed(tmp_path):
    """Weights that changed behind the sampler's back (a stale copy, a missed sync)."""
    trainer = trainer_for_iteration(grpo_config(tmp_path))
    run = trainer.executor.run

    def run_then_change(tasks, agent, **_):
        rollout = run(tasks, agent)
        with torch.no_grad():
            trainer.policy.model.lm_head.weight.add_(0.05)
            trainer.policy.model.lm_head.weight[3:40].mul_(1.5)
        return rollout

    trainer.executor.run = run_then_change  # type: ignore[method-assign]
    with pytest.raises(GuardError, match=r"sampler and learner differ by"):
        trainer._improve(0, 1.0)


def test_pixels_that_differ_from_the_sampler_s_are_noticed(tmp_path):
    trainer = trainer_for_iteration(grpo_config(tmp_path))
    run = trainer.executor.run

    def run_then_blank(tasks, agent, **_):
        rollout = run(tasks, agent)
        for digest, pixels in rollout.images._pixels.items():
            rollout.images._pixels[digest] = np.zeros_like(pixels)
        return rollout

    trainer.executor.run = run_then_blank  # type: ignore[method-assign]
    with pytest.raises(GuardError, match="differ"):
        trainer._improve(0, 1.0)
