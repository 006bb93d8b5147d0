"""Training while episodes are played: versions are true, the guard sees, it learns, and a kill costs nothing twice."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from colours import COLOURS, FAILING
from iterations import alternate, config_of, paid, trainer_of
from ledger import LEDGER, learned_in
from playing import drawn
from short_runs import Starter, descendants, gone_within, metrics_of, write_toml

from mmgym.learn.config import GrpoConfig, TrainConfig, from_mapping
from mmgym.learn.distributed import World
from mmgym.learn.episodes import noise_key, training_tasks
from mmgym.learn.learner import GuardError, Learner, OptimizerConfig
from mmgym.learn.packing import merge_equal, supervised_row
from mmgym.learn.played import Played
from mmgym.learn.trainer import Trainer, train
from mmgym.trajectory import EpisodeTask, Trajectory, Turn, segments

LAKE = {"env_id": "mmgym/FrozenLake-v0", "kwargs": {"preset": "two_holes", "max_turns": 4}}
FAST = {"optimizer": {"lr": 1e-2, "warmup_steps": 1}}


@pytest.fixture
def made(tmp_path):
    """Makes a trainer that is ready for its first iteration, and ends what plays for it."""
    trainers = []

    def make(env_id=COLOURS, kwargs=None, **grpo):
        config = config_of(tmp_path, env_id, kwargs, **{"iterations": 6, "staleness": 1, **FAST, **grpo})
        trainers.append(trainer_of(config))
        alternate(trainers[-1])
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer._end()


def seen_in(trainer):
    """A list that gets what each iteration learns from."""
    seen, play = [], trainer.improvement.gathering.play

    def watch(step, returns):
        seen.append(play(step, returns))
        return seen[-1]

    trainer.improvement.gathering.play = watch
    return seen


def test_without_staleness_there_is_no_thread(made):
    assert made(staleness=0).improvement.gathering.ahead is None


@pytest.mark.parametrize("staleness", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_versions_are_true_and_none_is_older_than_allowed(made, staleness):
    """The log-probabilities of every turn are those of the weights of its version, and of no others."""
    trainer = made(**LAKE, staleness=staleness)
    seen, weights, metrics = seen_in(trainer), [], []
    for step in range(6):
        weights.append({name: value.clone() for name, value in trainer.policy.model.state_dict().items()})
        metrics.append(trainer._improve(step, 1.0))
    for step, (gathered, found) in enumerate(zip(seen, metrics, strict=True)):
        ages = [step - turn.version for t in gathered.trajectories for turn in t.turns]
        assert min(ages) >= 0 and max(ages) == found["staleness_max"] <= staleness
        assert found["staleness"] == pytest.approx(np.mean(ages)), "four tokens in every turn"
        assert found["sampler_difference"] < 1e-4 and found["grad_norm"] > 0
        assert {t.task.noise for t in gathered.trajectories} == {noise_key(0, 2, step)}
        assert [t.task.group for t in gathered.trajectories] == np.repeat(range(6), 3).tolist()
    assert max(found["staleness_max"] for found in metrics) >= 1, "something was played ahead"
    checked = set()
    for gathered in seen:
        parts = [(t, s) for t in gathered.trajectories for s in segments(t)]
        for version in {turn.version for t in gathered.trajectories for turn in t.turns}:
            trainer.policy.model.load_state_dict(weights[version])
            rows = [supervised_row(segment) for _, segment in parts]
            recomputed = Learner(trainer.policy, OptimizerConfig()).logprobs(rows, gathered.images)
            for (trajectory, segment), scores in zip(parts, recomputed, strict=True):
                of = {trajectory.turns[i].version for i in segment.turn[segment.trained]}
                assert len(of) == 1, "new weights start a new sequence"
                difference = np.abs(scores - segment.logprobs[segment.trained]).max()
                assert (difference < 1e-4) == (of == {version})
            checked.add(version)
    assert len(checked) > 2


def test_rows_of_different_versions_are_not_merged(made):
    trainer = made(staleness=2)
    noted, seen = trainer.improvement._note, []
    trainer.improvement._note = lambda played, *rest: seen.append(played) or noted(played, *rest)
    improve_until(trainer, 6)
    versions = set()
    for step, played in enumerate(seen):
        for one in played:
            version = one.trajectory.turns[0].version
            assert {row.origin for row in one.rows()} == {(version,)} and one.fresh == (version == step)
            versions.add(version)
    assert len(versions) > 1 and not all(one.fresh for one in seen[-1])


def test_which_turn_has_which_version_tells_rows_apart():
    def row(*versions):
        turns = [
            Turn(np.array([5], np.int32), (), np.array([7], np.int32), np.zeros(1, np.float32), n > 0, "", version=v)
            for n, v in enumerate(versions)
        ]
        played = Played.of(Trajectory(EpisodeTask("x", 0), turns))
        played.give(np.ones(len(turns)), np.ones(len(turns)))
        return played.rows()[0]

    assert row(4, 4, 4).origin == (4,)
    assert len({row(*versions).origin for versions in ((1, 1, 2), (1, 2, 2), (1, 2, 1), (2, 2, 2))}) == 4
    assert len(merge_equal([row(1, 1, 2), row(1, 2, 2), row(1, 1, 2)])) == 2


# --- the guard ------------------------------------------------------------------------------------------------------


def improve_until(trainer, steps):
    for step in range(steps):
        trainer._improve(step, 1.0)


def test_weights_that_do_not_reach_the_sampler_are_noticed(made):
    trainer = made()
    ahead = trainer.improvement.gathering.ahead
    ahead._copy = trainer.policy.clone()
    with pytest.raises(GuardError, match="sampler and learner differ by"):
        improve_until(trainer, 3)


def test_features_of_older_weights_are_noticed(made):
    trainer = made(gathering={"pool": 1})
    ahead = trainer.improvement.gathering.ahead
    ahead._sampler._forget_features = lambda: None
    with pytest.raises(GuardError, match="sampler and learner differ by"):
        improve_until(trainer, 4)


def test_corrections_leave_stale_tokens_out_of_the_guard(made):
    loss = {"correction": "truncate"}
    trainer = made(staleness=2, recompute=True, loss=loss)
    found = [trainer._improve(step, 1.0) for step in range(4)]
    assert all(one["sampler_difference"] < 1e-4 for one in found)
    assert max(one["mismatch_kl"] for one in found) > 1e-6, "stale tokens have another probability now"


# --- what else plays ------------------------------------------------------------------------------------------------


def test_evaluations_meanwhile_are_those_of_the_weights_as_they_are(made):
    trainer = made(**LAKE)
    ahead = trainer.improvement.gathering.ahead
    free, act = threading.Event(), ahead._sampler.act_batch
    free.set()
    ahead._sampler.act_batch = lambda conversations: free.wait(60) and act(conversations)
    trainer._improve(0, 1.0)
    free.clear()
    held, rollout = trainer._evaluate(trainer.sampler, episodes=6)
    assert ahead._owner or ahead.whole_groups, "episodes were played or waited meanwhile"
    assert {turn.version for t in rollout.trajectories for turn in t.turns} == {1}
    free.set()
    trainer._end()
    again, alone = trainer._evaluate(trainer.sampler, episodes=6)
    assert drawn(rollout) == drawn(alone) and held == again


def test_groups_that_fail_are_replaced_and_counted(made):
    trainer = made(FAILING, {"failing": 4}, groups=6, group_size=2)
    found = [trainer._improve(step, 1.0) for step in range(4)]
    assert sum(one["lost_groups"] for one in found) > 0
    assert sum(one["env_errors"] for one in found) == 2 * sum(one["lost_groups"] for one in found)
    assert trainer.state["episodes"] == 4 * 6 * 2, "as many as without failures"


def test_groups_that_fail_are_replaced_in_every_round(made):
    trainer = made(FAILING, {"failing": 4}, groups=6, group_size=2, gathering={"rounds": 2}, keep_equal=True)
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, 0.0)
    seen = seen_in(trainer)
    found = trainer._improve(0, 1.0)
    tasks = training_tasks(trainer.config, World(), stage=2, step=0, groups=12, size=1)
    broken = [task.group for task in tasks if task.seed % 4 == 0]
    assert min(broken) < 6 <= max(broken), "both rounds lost groups"
    assert found["rounds"] == 2 and trainer.state["episodes"] == 2 * 6 * 2, "as many as without failures"
    places = [(t.task.group, t.task.member) for t in seen[0].trajectories]
    assert len(set(places)) == len(places), "no group was played twice"


def test_an_environment_that_always_fails_ends_the_run_with_its_error(made):
    trainer = made(FAILING, {"failing": 1}, groups=2)
    with pytest.raises(RuntimeError, match=r"every group lost an episode to the machinery, e\.g\. KeyError"):
        trainer._improve(0, 1.0)


def test_rounds_levels_and_old_successes_work_ahead_too(made):
    gathering = {"pool": 2, "rounds": 2, "replay": 1, "levels": [1, 2], "augmented": 1}
    trainer = made(**LAKE, staleness=2, groups=2, recompute=True, loss={"correction": "truncate"}, gathering=gathering)
    trainer.improvement._pay = lambda trajectory, progress: {
        "outcome": np.zeros(len(trajectory.turns)),
        "valid": np.zeros(len(trajectory.turns)),
    }
    found = [trainer._improve(step, 1.0) for step in range(4)]
    assert [one["rounds"] for one in found] == [2.0] * 4, "groups of equal returns are played again, once"
    assert all(one["staleness_max"] <= 2 and "drawn/mmgym/FrozenLake-v0@2" in one for one in found)


def test_an_error_while_learning_ends_the_thread(tmp_path):
    config = run_config(tmp_path / "run", iterations=3)
    trainer = Trainer(config, World())

    def fail(step, scale):
        trainer.improvement.gathering.begin(0)
        assert "rollouts" in {thread.name for thread in threading.enumerate()}
        raise FloatingPointError("the learner has failed")

    trainer._improve = fail
    with pytest.raises(FloatingPointError):
        trainer.run()
    assert trainer.improvement is None
    assert "rollouts" not in {thread.name for thread in threading.enumerate()}


# --- what does not fit together -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"staleness": -1}, "staleness must be at least 0"),
        ({"staleness": 1, "recompute": True}, "needs loss.correction"),
        ({"staleness": 1, "loss": {"form": "reinforce"}}, "no ratio"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        from_mapping(GrpoConfig, changes)


# --- whole runs -----------------------------------------------------------------------------------------------------


def content_of(out, processes=1, **grpo):
    return {
        "out": str(out),
        "checkpoint_every": 1,
        "processes": processes,
        "environment": {"id": LEDGER, "kwargs": {"image_size": 64}},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 4},
        "grpo": {"iterations": 8, "groups": 4, "group_size": 3, "staleness": 2, "keep_equal": True, **grpo},
        "evaluation": {"every": 0, "final_episodes": 4, "samples": 0, "baselines": {}},
    }


def run_config(out, **changes):
    return from_mapping(TrainConfig, content_of(out, **changes))


def assert_learned_once(out: Path, iterations: int = 8, groups: int = 4, size: int = 3) -> None:
    """Every trajectory of every iteration was learned from, once, in its own iteration."""
    learned = learned_in(out)
    assert sorted(learned) == list(range(iterations))
    for step, found in learned.items():
        expected = [(noise_key(0, 2, step), group, member) for group in range(groups) for member in range(size)]
        assert sorted(found) == expected, step
    assert json.loads((out / "summary.json").read_text())["episodes"] == iterations * groups * size
    lines = [line for line in metrics_of(out) if line["stage"] == "grpo" and line["kind"] == "train"]
    assert [line["step"] for line in lines] == list(range(1, iterations + 1))
    assert all(line["staleness_max"] <= 2 for line in lines)


class Killed(Exception):
    pass


def test_a_run_that_is_stopped_again_and_again_learns_from_every_group_once(tmp_path):
    """Stopped after a checkpoint and before the next: episodes that had ended come back, others are played again."""
    rng, kept = random.Random(0), []
    for number in itertools.count():
        trainer = Trainer(run_config(tmp_path / "run"), World())
        left = rng.randrange(1, 4)
        improve, begin = trainer._improve, trainer._begin

        def stop(step, scale, improve=improve, number=number, left=left):
            found = improve(step, scale)
            stop.done += 1
            if stop.done >= left and number < 5:
                raise Killed
            return found

        def note(stage, trainer=trainer, begin=begin):
            begin(stage)
            if trainer.improvement:
                kept.append(sum(len(w.played) for w in trainer.improvement.gathering.ahead.waiting()))

        stop.done, trainer._improve, trainer._begin = 0, stop, note
        try:
            trainer.run()
            break
        except Killed:
            assert trainer.improvement is None
    assert number == 5 and max(kept) > 0, "episodes that had ended were not played again"
    assert_learned_once(tmp_path / "run")


@pytest.mark.slow
def test_it_learns_from_episodes_of_older_weights(tmp_path):
    """The short run of `test_learns.py`, two iterations ahead."""
    config = {
        "out": str(tmp_path / "run"),
        "environment": {"id": COLOURS, "kwargs": {"image_size": 64}},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 6, "tiny": {"hidden_size": 64}},
        "cloning": {
            "steps": 40,
            "demonstrator": "random",
            "episodes": 16,
            "question_weight": 0.0,
            "optimizer": {"lr": 1e-2, "warmup_steps": 5},
        },
        "grpo": {
            "iterations": 50,
            "groups": 8,
            "group_size": 8,
            "minibatches": 2,
            "rows_per_minibatch": 1,
            "staleness": 2,
            "loss": {"entropy_bonus": 0.02},
            "optimizer": {"lr": 2e-3, "warmup_steps": 3, "decay_from": 0.5},
        },
        "evaluation": {"every": 0, "final_episodes": 200, "samples": 0, "baselines": {}},
    }
    summary = train(from_mapping(TrainConfig, config))
    cloned, trained = (summary["heldout"][name]["sampled"] for name in ("cloned", "trained"))
    assert 0.3 < cloned["success"] < 0.7 and trained["success"] > 0.95
    lines = [line for line in metrics_of(tmp_path / "run") if line["stage"] == "grpo" and line["kind"] == "train"]
    assert np.mean([line["staleness"] for line in lines]) > 0.5
    assert torch.get_num_threads() == 1


@pytest.fixture(scope="module")
def starter():
    server = Starter()
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "sharding"), [(1, "none"), (2, "none"), (2, "fsdp2")])
def test_killed_at_random_instants_every_group_is_learned_from_once(starter, processes, sharding, tmp_path):
    rng, kills = random.Random(processes), 0
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        content = content_of(folder / "run", processes) | {"sharding": {"mode": sharding}}
        path = str(write_toml(folder / "run.toml", content))
        log, status, of_this, started = folder / "log", -9, 0, time.monotonic()
        if number == 0:
            starter.run(path, log=log)
            duration = time.monotonic() - started
        while status != 0 and number:
            starter.start(path, log=log)
            time.sleep(rng.uniform(0, (0.4 + 0.05 * of_this) * duration))
            children = descendants(starter.pid)
            status, of_this = starter.kill(), of_this + 1
            assert gone_within(children, 60), "one that is still importing ends when it looks for its parent"
            assert status in (0, -9), log.read_text()
        assert_learned_once(folder / "run")
        kills += max(0, of_this - 1)
        if kills >= 8:
            return
