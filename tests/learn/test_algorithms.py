"""Every algorithm in the trainer: it moves the weights, reports what it did, and goes on from its state bit by bit."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from iterations import alternate, config_of, equal, paid, trainer_of, weights

from benchmarks.learn import START, Arguments, Run, methods, play
from benchmarks.learn import config_of as config_of_run
from mmgym.learn.algorithms import ALGORITHMS
from mmgym.learn.config import GrpoConfig, to_mapping
from mmgym.learn.improvement import Improvement
from mmgym.learn.learner import GuardError
from mmgym.learn.played import evaluate
from mmgym.learn.preferences import preference_pairs

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


def test_the_critic_has_a_schedule_of_its_own(tmp_path):
    critic = {"warmup": 1, "optimizer": {"warmup_steps": 4}}
    trainer = trainer_of(config_of(tmp_path, algorithm="ppo", optimizer={"warmup_steps": 10}, critic=critic))
    alternate(trainer)
    for step in range(2):
        trainer._improve(step, 0.0)
        own, grpo = trainer.config.grpo.critic.optimizer, trainer.config.grpo
        (group,) = trainer.improvement.critic.optimizers[0].param_groups[:1]
        assert group["lr"] == pytest.approx(own.lr * own.scale(step, grpo.iterations))
        assert own.scale(step, grpo.iterations) != grpo.optimizer.scale(step, grpo.iterations)


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
    resumed._cut_off = saved
    resumed._begin("grpo")
    resumed._weights_changed()
    alternate(resumed)
    again = resumed._improve(1, 1.0)
    assert equal(weights(resumed), weights(trainer))
    timed = ("seconds_rollout", "seconds_update", "tokens_per_second")
    assert {k: v for k, v in again.items() if k not in timed} == {k: v for k, v in whole.items() if k not in timed}
    assert saved["improvement"]["kl_coefficient"] != 0.05, "the controller moved"
    assert whole["kl_coefficient"] == saved["improvement"]["kl_coefficient"], "what this iteration learned with"
    assert 0 <= whole["value_clip_fraction"] <= 1


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


def test_a_ratio_of_an_earlier_step_is_forgotten(tmp_path):
    """A trajectory that shared a step with one that is spread over rows has its ratio from there; not later."""
    lake = {"env_id": "mmgym/FrozenLake-v0", "kwargs": {"max_turns": 2}, "context": "window(1)"}
    steps = {"rows_per_minibatch": 1, "group_size": 4, "minibatches": 3, "epochs": 3}
    trainer = trainer_of(config_of(tmp_path, **lake, **steps, algorithm="gspo"))
    alternate(trainer)
    run, update = trainer.executor.run, trainer.improvement._update
    had, stale = set(), []

    def cut(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories:
            if trajectory.task.group:
                del trajectory.turns[1:]
        return rollout

    def watch(deal, *arguments):
        found = update(deal, *arguments)
        spread = any(len(one.segments) > 1 for one in deal)
        assert all(("log_ratio" in one.values) == spread for one in deal)
        stale.extend(id(one) for one in deal if id(one) in had and not spread)
        had.update(id(one) for one in deal if spread)
        return found

    trainer.executor.run, trainer.improvement._update = cut, watch
    trainer._improve(0, 1.0)
    assert stale, "no trajectory came to a step of another kind"


def test_terms_are_weighed_after_they_were_normalised(tmp_path):
    """Terms that rise and fall alike: what each adds to an advantage is its weight."""
    trainer = trainer_of(config_of(tmp_path, algorithm="gdpo", groups=1, group_size=4, validity_reward=0.25))
    trainer.improvement._pay = lambda trajectory, progress: {
        **paid(trajectory, float(trajectory.task.member > 1)),
        "valid": np.eye(len(trajectory.turns))[-1] * 0.25 * (trajectory.task.member % 2),
    }
    seen = []
    note = trainer.improvement._note

    def watch(played, credit, images):
        seen.extend(own[0] for own in credit.advantages)
        return note(played, credit, images)

    trainer.improvement._note = watch
    trainer._improve(0, 1.0)
    assert seen[3] > 0 and np.array(seen) / seen[3] == pytest.approx([-1, -0.75 / 1.25, 0.75 / 1.25, 1], rel=1e-3)


@pytest.mark.parametrize("keep_equal", [False, True])
def test_a_group_counts_as_a_whole_or_not_at_all(tmp_path, keep_equal):
    """Returns 0, .5, 1 and 1, 1, 1: the member whose advantage is 0 counts in the mean, the other group where asked."""
    trainer = trainer_of(config_of(tmp_path, algorithm="grpo_paper", groups=2, minibatches=1, keep_equal=keep_equal))
    trainer.improvement._pay = lambda trajectory, progress: paid(
        trajectory, 1.0 if trajectory.task.group else 0.5 * trajectory.task.member
    )
    seen = []
    step = trainer.learner.step

    def watch(parts, scale):
        seen.append(parts[0])
        return step(parts, scale)

    trainer.learner.step = watch
    values = trainer._improve(0, 1.0)
    [part] = seen
    assert part.normaliser == (6 if keep_equal else 3), "the mean over trajectories"
    copies = sum(float(row.values["count"].max()) for row in part.rows)
    assert copies == (6 if keep_equal else 3) and values["used_groups"] == (1 if keep_equal else 0.5)


def test_the_guard_sees_what_is_not_a_number(tmp_path):
    trainer = trainer_of(config_of(tmp_path, recompute=True))
    alternate(trainer)
    logprobs = trainer.learner.logprobs

    def broken(rows, images):
        found = logprobs(rows, images)
        found[0] = np.full_like(found[0], np.nan)
        return found

    trainer.learner.logprobs = broken
    with pytest.raises(GuardError, match="differ by nan"):
        trainer._improve(0, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "grpoo"}, "algorithm must be one of grpo, grpo_paper"),
        ({"loss": {"form": "clop"}}, "loss: form must be one of clip"),
        ({"loss": {"clipp": 0.1}}, r"there is no field loss\.clipp"),
        ({"advantage": {"turn_discount": 2.0}}, r"advantage: turn_discount must be in \[0, 1\]"),
        ({"loss": {"correction": "mask"}}, "needs recompute = true"),
        ({"kl_target": 0.1}, "kl_target needs a divergence"),
        ({"preference_beta": 0.5, "algorithm": "grpo_paper"}, r"preference_beta .* loss\.kl would do nothing"),
        (
            {"preference_beta": 0.5, "algorithm": "grpo_paper", "kl_target": 0.1},
            r"preference_beta .* loss\.kl, kl_target would do nothing",
        ),
        ({"preference_beta": 0.5, "loss": {"entropy_bonus": 0.1}}, r"loss\.entropy_bonus would do nothing"),
        ({"preference_beta": 0.5, "algorithm": "ppo"}, "the critic of gae would do nothing"),
        (
            {"preference_beta": 0.5, "recompute": True, "loss": {"correction": "mask"}},
            r"loss\.correction would do nothing",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        GrpoConfig(**changes)


def test_the_learning_table_reads_no_run_with_other_settings(tmp_path):
    arguments, run = Arguments(folder=tmp_path), Run("web", 0, "grpo")
    config = config_of_run(run, arguments)
    run.folder(arguments).mkdir(parents=True)
    for changed, refused in ((config, False), (replace(config, grpo=replace(config.grpo, iterations=3)), True)):
        summary = {"config": to_mapping(changed)}
        (run.folder(arguments) / "summary.json").write_text(json.dumps(summary))
        with pytest.raises(ValueError, match=r"other settings \(grpo\)") if refused else contextlib.nullcontext():
            play(run, arguments)


def test_the_learning_table_says_what_was_run():
    found = methods({"puzzle": {START: {}, "dr_grpo": {}}, "web": {"gigpo": {}}}, Arguments())
    assert list(found) == ["puzzle", "web"] and list(found["puzzle"]) == ["dr_grpo"]
    assert "entropy_bonus=0.12" in found["puzzle"]["dr_grpo"] and "entropy_bonus=0.04" in found["web"]["gigpo"]
    assert "aggregation_constant=16.0" in found["puzzle"]["dr_grpo"]


@pytest.mark.parametrize("augmented", [0, 1])
def test_dpo_makes_the_better_trajectory_likelier(tmp_path, augmented):
    trainer = trainer_of(config_of(tmp_path, preference_beta=0.5, minibatches=1, gathering={"augmented": augmented}))
    alternate(trainer)
    improvement, learned = trainer.improvement, []
    update = improvement._update
    improvement._update = lambda deal, *rest: learned.append((deal, *rest)) or update(deal, *rest)
    first = trainer._improve(0, 1.0)
    ((deal, images, *_),) = learned
    pairs = preference_pairs(
        np.array([one.total for one in deal]), np.array([one.trajectory.task.group for one in deal])
    )
    scores = evaluate(deal, images, trainer.learner.logprobs)
    moved = np.array([np.sum(own - one.values["reference"]) for one, own in zip(deal, scores, strict=True)])
    assert (moved[pairs[:, 0]] - moved[pairs[:, 1]]).mean() > 0, "the better one of a pair is likelier than before"
    second = trainer._improve(1, 1.0)
    assert first["preference_loss"] == pytest.approx(math.log(2)) and first["preference_accuracy"] == 0
    assert second["grad_norm"] > 0 and 0 < second["sampler_difference"] < 1e-4


def test_dpo_has_the_guard_of_the_sampler_too(tmp_path):
    trainer = trainer_of(config_of(tmp_path, preference_beta=0.5, minibatches=1))
    alternate(trainer)
    played = trainer.improvement.gathering.play

    def off(step, returns):
        gathered = played(step, returns)
        for trajectory in gathered.trajectories:
            for turn in trajectory.turns:
                turn.logprobs = turn.logprobs - 0.5
        return gathered

    trainer.improvement.gathering.play = off
    with pytest.raises(GuardError, match=r"sampler and learner differ by 0\.5"):
        trainer._improve(0, 1.0)
