"""What an iteration plays: levels by solve rate, groups played again, old successes, altered pictures."""

from __future__ import annotations

import numpy as np
import pytest
from iterations import alternate, config_of, paid, trainer_of

from mmgym.learn.config import ConfigurationError, GrpoConfig
from mmgym.learn.distributed import World
from mmgym.learn.episodes import training_tasks
from mmgym.learn.mapping import from_mapping
from mmgym.learn.preflight import preflight
from mmgym.trajectory import Status

LAKE = {"env_id": "mmgym/FrozenLake-v0", "kwargs": {"max_turns": 2}}


def tasks_of(trainer, step=0):
    return training_tasks(trainer.config, World(), stage=2, step=step, groups=12, size=1)


def watched(trainer):
    """A list that every trajectory is put into once all is noted of it."""
    seen = []
    note = trainer.improvement._note

    def watch(played, credit, images):
        found = note(played, credit, images)
        seen.extend(played)
        return found

    trainer.improvement._note = watch
    return seen


def test_a_pool_comes_again_and_without_one_nothing_does(tmp_path):
    again = trainer_of(config_of(tmp_path, gathering={"pool": 3}))
    seeds = {task.seed for step in range(4) for task in tasks_of(again, step)}
    assert len(seeds) == 3
    fresh = trainer_of(config_of(tmp_path))
    assert len({task.seed for step in range(4) for task in tasks_of(fresh, step)}) == 48


def test_groups_that_taught_nothing_are_played_again_but_not_for_ever(tmp_path):
    trainer = trainer_of(config_of(tmp_path, gathering={"rounds": 3}))
    trainer.improvement._pay = lambda trajectory, progress: paid(
        trajectory, float(trajectory.task.group % 3 == 0 and trajectory.task.member == 0)
    )
    values = trainer._improve(0, 1.0)
    assert values["rounds"] == 3 and values["used_groups"] == 1.0, "6 groups of use among the first 18 or more"
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, 0.0)
    values = trainer._improve(1, 1.0)
    assert values["rounds"] == 3 and values["used_groups"] == 0.0 and "grad_norm" not in values


def test_without_rounds_nothing_is_played_again(tmp_path):
    trainer = trainer_of(config_of(tmp_path))
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, 0.0)
    assert trainer._improve(0, 1.0)["rounds"] == 1


def test_levels_are_drawn_by_solve_rate(tmp_path):
    curriculum = {"mode": "progressive", "least_groups": 2, "threshold": 0.5}
    gathering = {"levels": [1, 2], "curriculum": curriculum}
    trainer = trainer_of(config_of(tmp_path, **LAKE, gathering=gathering))
    played = []
    run = trainer.executor.run

    def watch(tasks, agent, **_):
        rollout = run(tasks, agent)
        played.append({task.options["level"] for task in tasks})
        for trajectory in rollout.trajectories:
            trajectory.success = True
        return rollout

    trainer.executor.run = watch
    first = trainer._improve(0, 1.0)
    for step in range(1, 4):
        trainer._improve(step, 1.0)
    assert played[0] == {1} and set.union(*played) == {1, 2}
    assert first["solve_rate/mmgym/FrozenLake-v0@1"] == 1.0 and first["drawn/mmgym/FrozenLake-v0@2"] > 0


def replaying(tmp_path):
    gathering = {"pool": 1, "replay": 2}
    loss = {"correction": "truncate", "correction_level": "trajectory"}
    return trainer_of(
        config_of(tmp_path, gathering=gathering, recompute=True, loss=loss, groups=1, guard_logprobs=1e-3)
    )


def test_a_group_that_fails_gets_an_old_success_with_its_own_ratio(tmp_path):
    trainer = replaying(tmp_path)
    succeed = {"is": True}
    run = trainer.executor.run

    def decide(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories:
            trajectory.success = succeed["is"]
        return rollout

    trainer.executor.run = decide
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, float(trajectory.success))
    first = trainer._improve(0, 1.0)
    assert first["replayed"] == 0 and first["used_groups"] == 0
    for parameter in trainer.policy.model.parameters():  # other weights than those that succeeded
        parameter.data.mul_(1.05)
    trainer._weights_changed()
    succeed["is"] = False
    seen = watched(trainer)
    second = trainer._improve(1, 1.0)
    assert second["replayed"] == 1 and second["used_groups"] == 1 and second["grad_norm"] > 0
    assert second["reward/outcome"] == second["return"] == 0, "what was played now"
    assert second["sampler_difference"] < 1e-4, "the guard leaves out what other weights sampled"
    old = [one for one in seen if one.origin]
    assert len(old) == 1 and old[0].values["positive"].max() > 0
    difference = old[0].values["proximal"] - old[0].values["behaviour"]
    assert np.abs(difference).max() > 1e-3
    expected = min(2.0, float(np.exp(difference.mean())))
    assert old[0].values["correction"] == pytest.approx(expected, rel=1e-4)
    assert all(one.values["correction"] == pytest.approx(1, abs=1e-3) for one in seen if not one.origin)


@pytest.mark.parametrize("rounds", [1, 2])
def test_successes_are_kept_and_replayed_with_dynamic_sampling_too(tmp_path, rounds):
    """Groups that all succeed teach nothing but are remembered; groups that all fail are helped and not replaced."""
    loss = {"correction": "truncate", "correction_level": "trajectory"}
    gathering = {"pool": 1, "replay": 2, "rounds": rounds}
    trainer = trainer_of(config_of(tmp_path, gathering=gathering, recompute=True, loss=loss, groups=3))
    succeed = {"is": True}
    run = trainer.executor.run

    def decide(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories:
            trajectory.success = succeed["is"]
        return rollout

    trainer.executor.run = decide
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, float(trajectory.success))
    first = trainer._improve(0, 1.0)
    assert first["rounds"] == rounds and len(trainer.improvement.gathering.replay) > 0
    succeed["is"] = False
    second = trainer._improve(1, 1.0)
    assert second["replayed"] == 3 and second["used_groups"] == 1 and second["rounds"] == 1
    assert second["success"] == 0, "what was played now"


def test_groups_that_lost_an_episode_are_counted(tmp_path):
    trainer = trainer_of(config_of(tmp_path))
    alternate(trainer)
    run = trainer.executor.run

    def lose(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories[:2]:  # of one group
            trajectory.status, trajectory.error = Status.ENV_ERROR, "lost"
        return rollout

    trainer.executor.run = lose
    assert trainer._improve(0, 1.0)["lost_groups"] == 1


def test_a_round_that_is_lost_whole_is_followed_by_another(tmp_path):
    trainer = trainer_of(config_of(tmp_path, gathering={"rounds": 3}))
    trainer.improvement._pay = lambda trajectory, progress: paid(
        trajectory, float(trajectory.task.group < 4 and trajectory.task.member == 0)
    )
    run, rounds = trainer.executor.run, []

    def lose(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories if len(rounds) == 1 else ():
            trajectory.status, trajectory.error = Status.ENV_ERROR, "lost"
        rounds.append({task.group for task in tasks})
        return rollout

    trainer.executor.run = lose
    values = trainer._improve(0, 1.0)
    assert values["rounds"] == len(rounds) == 3 and values["lost_groups"] == len(rounds[1]) > 0
    assert values["used_groups"] == 4 / 6 and values["grad_norm"] > 0
    assert trainer.state["episodes"] == 3 * (len(rounds[0]) + len(rounds[2]))


def test_replays_survive_a_checkpoint(tmp_path):
    trainer = replaying(tmp_path)
    run = trainer.executor.run

    def succeed(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories:
            trajectory.success = True
        return rollout

    trainer.executor.run = succeed
    trainer._improve(0, 1.0)
    held = trainer.improvement.gathering.replay
    assert len(held) > 0
    other = replaying(tmp_path)
    other.improvement.gathering.load_state(trainer.improvement.gathering.state())
    assert len(other.improvement.gathering.replay) == len(held)


def test_some_members_see_altered_pictures_and_the_update_the_clean_ones(tmp_path):
    gathering = {"augmented": 1, "strength": 1.0}
    trainer = trainer_of(config_of(tmp_path, gathering=gathering, recompute=True, iterations=100))
    alternate(trainer)
    seen = watched(trainer)
    values = trainer._improve(0, 1.0)
    noisy = [one for one in seen if one.trajectory.augmented]
    assert len(noisy) == 6 == len(seen) - 12
    for one in noisy:
        assert np.abs(one.values["proximal"] - one.values["behaviour"]).max() > 1e-3, "other pictures, other numbers"
        assert one.values["correction"] == pytest.approx(1)
    assert values["sampler_difference"] < 1e-4 and values["grad_norm"] > 0
    assert values["augmentation_strength"] == max(one.trajectory.task.strength for one in noisy) > 0.9
    late = trainer.improvement.gathering._augmented(tasks_of(trainer), 99)
    assert max(task.strength for task in late) < 0.01, "annealed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gathering": {"replay": 1}}, "needs a pool"),
        ({"gathering": {"replay": 1, "pool": 4}}, "needs loss.correction"),
        ({"gathering": {"augmented": 1}}, "needs recompute"),
        ({"gathering": {"augmented": 16}, "recompute": True}, "below group_size"),
        ({"gathering": {"augmented": 1}, "recompute": True, "algorithm": "dppo_tv"}, "loss.form dppo_tv"),
        ({"gathering": {"augmentation": "blur"}}, "augmentation must be one of gaussian_noise"),
        ({"gathering": {"levels": [1, 1]}}, "different whole numbers"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        from_mapping(GrpoConfig, changes)


def test_a_planted_hack_sets_off_the_alarm(tmp_path, caplog):
    """Ever more is paid for validity while episodes succeed ever less."""
    trainer = trainer_of(config_of(tmp_path, alarm={"window": 4, "threshold": 2.0}, groups=2, group_size=2))
    step = {"is": 0}
    run = trainer.executor.run

    def fail_more(tasks, agent, **_):
        rollout = run(tasks, agent)
        for number, trajectory in enumerate(rollout.trajectories):
            trajectory.success = number % 4 < 4 - step["is"] / 4
        return rollout

    def pay(trajectory, progress):
        earned = paid(trajectory, float(trajectory.success))
        earned["valid"][-1] = 0.5 * step["is"] + 0.01 * trajectory.task.member
        return earned

    trainer.executor.run = fail_more
    trainer.improvement._pay = pay
    alarms = []
    for number in range(16):
        step["is"] = number
        alarms.append(trainer._improve(number, 1.0)["alarm"])
    assert sum(alarms) == 1 and "reward and success part" in caplog.text and "valid" in caplog.text


def test_levels_that_do_not_exist_are_found_before_the_run(tmp_path):
    config = config_of(tmp_path, **LAKE, gathering={"levels": [1, 9]})
    with pytest.raises(ConfigurationError, match=r"grpo\.gathering\.levels: .*level"):
        preflight(config)
