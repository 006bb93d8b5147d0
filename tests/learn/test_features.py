"""Features of pictures: once for each while they stay the same, and no longer."""

import functools
import gc

import numpy as np
import pytest
import torch
from iterations import alternate, config_of, trainer_of
from tiny_rows import policy_rows, random_segments, tiny_policy

from mmgym.learn.features import FeatureCache
from mmgym.learn.learner import Learner, Part
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.losses import policy_loss
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.plan.count import saved_bytes
from mmgym.trajectory import ImageRef, ImageStore


def made(frozen):
    """A policy, whose tower is frozen or not, with rows that share their first picture."""
    rng = np.random.default_rng(0)
    policy, images = tiny_policy(), ImageStore()
    if frozen:
        policy.model.model.visual.requires_grad_(False)
    segments = random_segments(policy, images, [1, 3, 2, 3], rng)
    for segment in segments[1:]:
        segment.images = (segments[0].images[0], *segment.images[1:])
    return policy, images, policy_rows(segments, [np.ones(int(s.trained.sum()), np.float32) for s in segments])


def watch(policy):
    """The pictures that each pass of the vision tower sees from now on, as bytes."""
    seen, run = [], policy.image_features

    def watched(pictures):
        seen.append([picture.tobytes() for picture in pictures])
        return run(pictures)

    policy.image_features = watched
    return seen


def iteration(learner, images, rows):
    """A recomputing pass, and two steps, of which each sees some of the rows, in two epochs."""
    loss = functools.partial(policy_loss, config=LossConfig())
    learner.logprobs(rows, images)
    for _ in range(2):
        for part in (rows[:2], rows[1:]):
            learner.step([Part(part, images, loss, 10.0)])


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_a_frozen_tower_sees_each_picture_once_in_an_iteration(layout):
    policy, images, rows = made(frozen=True)
    seen = watch(policy)
    learner = Learner(policy, OptimizerConfig(), max_tokens=100, layout=layout)
    iteration(learner, images, rows)
    assert len(seen[0]) == 1, "the first pass only sees whether the tower is frozen"
    shown = [picture for some in seen[1:] for picture in some]
    assert len(shown) == len(set(shown)) == len({image for row in rows for image in row.images})


def test_a_tower_that_learns_is_asked_again_after_each_step():
    policy, images, rows = made(frozen=False)
    learner = Learner(policy, OptimizerConfig(), max_tokens=100)
    seen = watch(policy)
    learner.logprobs(rows, images)
    shown = [picture for some in seen[1:] for picture in some]
    assert len(seen) > 2, "several micro-batches"
    assert len(shown) == len(set(shown)) == len({image for row in rows for image in row.images})
    before, tower = len(seen), [p.clone() for p in policy.model.model.visual.parameters()]
    iteration(learner, images, rows)
    distinct = [len({image for row in part for image in row.images}) for part in (rows[:2], rows[1:])]
    assert [len(some) for some in seen[before:]][-4:] == distinct * 2
    moved = [not torch.equal(*pair) for pair in zip(tower, policy.model.model.visual.parameters(), strict=True)]
    assert sum(moved) > len(moved) / 2
    assert not learner.features.bytes


def test_kept_features_give_the_gradient_of_fresh_ones():
    gradients = []
    for frozen in (False, True):
        policy, images, rows = made(frozen)
        learner = Learner(policy, OptimizerConfig())
        for _ in range(2):  # the second time from what is kept
            policy.model.zero_grad(set_to_none=True)
            learner.accumulate([Part(rows, images, functools.partial(policy_loss, config=LossConfig()), 10.0)])
        parameters = policy.model.model.language_model.parameters()
        gradients.append([p.grad for p in parameters])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*gradients, strict=True))


def test_features_go_when_their_pictures_go():
    policy, images, rows = made(frozen=True)
    learner = Learner(policy, OptimizerConfig())
    learner.logprobs(rows, images)
    expected = sum(layer.nbytes for layer in policy.image_features([images[i] for i in _distinct(rows)]).layers)
    assert learner.features.bytes == expected > 0
    del images
    gc.collect()
    assert learner.features.bytes == 0


def _distinct(rows):
    return list(dict.fromkeys(image for row in rows for image in row.images))


def test_what_is_kept_and_what_is_seen_at_once_are_bounded():
    policy, images, rows = made(frozen=True)
    refs = _distinct(rows)
    whole = FeatureCache(policy).of(refs, images)
    size = sum(layer.nbytes for layer in whole.layers)
    two = 2 * int(whole.sizes[0])
    cache, seen = FeatureCache(policy, max_bytes=size // 2, frozen=True, max_tokens=two), watch(policy)
    for _ in range(2):
        found = cache.of(refs, images)
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(found.layers, whole.layers, strict=True))
        assert found.sizes.tolist() == whole.sizes.tolist()
    assert 0 < cache.bytes <= size // 2
    assert max(map(len, seen)) == 2
    assert len(refs) < sum(map(len, seen)) < 2 * len(refs)


def test_a_tower_that_learns_in_several_passes_gets_the_same_gradient():
    gradients, kept = [], []
    for max_tokens in (1 << 14, 8):
        policy, images, rows = made(frozen=False)
        refs = _distinct(rows)
        tokens = policy.image_tokens(refs[0])
        learner, seen = Learner(policy, OptimizerConfig(), max_image_tokens=max_tokens), watch(policy)
        weights = list(policy.model.parameters())
        learner.features.of(refs[:1], images)  # sees whether the tower learns
        kept.append(saved_bytes(lambda f=learner.features, r=refs, i=images: f.of(r, i).layers[0], (), weights)[0])
        seen.clear()
        learner.accumulate([Part(rows, images, functools.partial(policy_loss, config=LossConfig()), 10.0)])
        at_once = min(max_tokens // tokens, len(refs))
        passes = -(-len(refs) // at_once)
        assert max(map(len, seen)) == at_once and len(seen) == (1 if passes == 1 else 2 * passes)
        gradients.append([p.grad for p in policy.model.model.visual.parameters()])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    assert kept[1] < kept[0] / 10


def test_critic_and_reference_bound_what_their_towers_see_at_once(tmp_path):
    loss = {"kl": "k3", "kl_coefficient": 0.1}
    config = config_of(tmp_path, algorithm="ppo", loss=loss, critic={"warmup": 0}, max_image_tokens=8)
    trainer = trainer_of(config)
    alternate(trainer)
    improvement = trainer.improvement
    towers = [learner.policy for learner in (improvement.critic, improvement.reference)]
    passes = [watch(policy) for policy in towers]
    sizes = [policy.image_tokens(ImageRef("", 64, 64)) for policy in towers]
    trainer._improve(0, 1.0)
    for seen, size in zip(passes, sizes, strict=True):
        assert max(map(len, seen)) == 8 // size
