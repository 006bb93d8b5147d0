"""Every algorithm in the trainer: it moves the weights, reports what it did, and goes on from its state bit by bit."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from iterations import alternate, config_of, equal, trainer_of, weights

from mmgym.learn.algorithms import ALGORITHMS
from mmgym.learn.config import GrpoConfig
from mmgym.learn.improvement import Improvement

WITH_CRITIC = ("ppo", "bilevel_gae")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns_and_reports(tmp_path, algorithm):
    trainer = trainer_of(config_of(tmp_path, algorithm=algorithm, minibatches=1, critic={"warmup": 1}))
    alternate(trainer)
    before = weights(trainer)
    first, second = (trainer._improve(step, 1.0) for step in range(2))
    assert not equal(weights(trainer), before)
    for values in (first, second):
        assert all(math.isfinite(value) for value in values.values()), values
        assert values["reward/outcome"] == values["return"]
    assert second["sampler_difference"] < 1e-4 and second["grad_norm"] > 0
    assert second["ratio"] == pytest.approx(1, abs=1e-4) == second["effective_samples"]
    if algorithm in WITH_CRITIC:
        assert "grad_norm" not in first and first["value_grad_norm"] > 0, "the critic alone warms up"
        assert second["value_error"] < first["value_error"]
    else:
        assert "value_error" not in second
    assert ("kl_reference" in second) == (algorithm == "grpo_paper")


def everything(tmp_path, **more):
    """A run with all that an improvement can remember."""
    loss = {"kl": "k3_straight_through", "kl_coefficient": 0.05, "correction": "truncate", "ratio": "trajectory"}
    changes = {"algorithm": "ppo", "loss": loss, "recompute": True, "kl_target": 1e-3, "kl_horizon": 40, "epochs": 2}
    critic = {"warmup": 0, "clip": 0.2}
    return config_of(tmp_path, **{**changes, "critic": critic, "rows_per_minibatch": 1, "keep_equal": True, **more})


def test_it_goes_on_from_its_state_bit_by_bit(tmp_path):
    trainer = trainer_of(everything(tmp_path))
    alternate(trainer)
    trainer._improve(0, 1.0)
    saved = copy.deepcopy(
        {"learner": trainer.learner.state(), "improvement": trainer.improvement.state(), "model": weights(trainer)}
    )
    whole = trainer._improve(1, 1.0)
    resumed = trainer_of(everything(tmp_path))
    resumed.policy.model.load_state_dict(saved["model"])
    resumed._begin("grpo", saved)
    resumed._weights_changed()
    alternate(resumed)
    again = resumed._improve(1, 1.0)
    assert equal(weights(resumed), weights(trainer))
    timed = ("seconds_rollout", "seconds_update", "tokens_per_second")
    assert {k: v for k, v in again.items() if k not in timed} == {k: v for k, v in whole.items() if k not in timed}
    assert saved["improvement"]["kl_coefficient"] != 0.05, "the controller moved"


def test_the_reference_stays_where_it_was(tmp_path):
    trainer = trainer_of(everything(tmp_path))
    before = weights(trainer)
    alternate(trainer)
    for step in range(2):
        trainer._improve(step, 1.0)
    reference = trainer.improvement.reference.policy.model.state_dict()
    assert equal(dict(reference), before) and not equal(weights(trainer), before)


def test_windows_spread_a_trajectory_over_rows_and_its_ratio_stays_that_of_the_whole(tmp_path):
    """With one turn a window, a trajectory is several rows; the loss is read with the ratio of all of them."""
    lake = {"env_id": "mmgym/FrozenLake-v0", "kwargs": {"max_turns": 3}, "context": "window(1)"}
    trainer = trainer_of(config_of(tmp_path, **lake, algorithm="gspo", rows_per_minibatch=1))
    alternate(trainer)
    improvement: Improvement = trainer.improvement
    seen = []
    update = improvement._update

    def watch(deal, *arguments):
        found = update(deal, *arguments)
        seen.extend((len(one.segments), one.values.get("log_ratio")) for one in deal)
        return found

    improvement._update = watch
    trainer._improve(0, 1.0)
    assert max(count for count, _ in seen) > 1
    assert all(ratio is not None and np.ptp(ratio) == 0 for _, ratio in seen)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "grpoo"}, "algorithm must be one of grpo, grpo_paper"),
        ({"loss": {"form": "clop"}}, "loss: form must be one of clip"),
        ({"loss": {"clipp": 0.1}}, r"there is no field loss\.clipp"),
        ({"advantage": {"turn_discount": 2.0}}, r"advantage: turn_discount must be in \[0, 1\]"),
        ({"loss": {"correction": "mask"}}, "needs recompute = true"),
        ({"kl_target": 0.1}, "kl_target needs a divergence"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        GrpoConfig(**changes)


def test_dpo_makes_the_better_trajectory_likelier(tmp_path):
    trainer = trainer_of(config_of(tmp_path, preference_beta=0.5, minibatches=1))
    alternate(trainer)
    first, second = (trainer._improve(step, 1.0) for step in range(2))
    assert first["preference_loss"] == pytest.approx(math.log(2)) and first["preference_accuracy"] == 0
    assert second["grad_norm"] > 0 and second["preference_loss"] != first["preference_loss"]
