"""The trainer's pieces: which episodes count, when the optimizer moves, what is written, several processes as one."""

from __future__ import annotations

import json
import logging
import tracemalloc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from colours import COLOURS, FAILING
from iterations import alternate, config_of, equal, paid, trainer_of, weights
from two_processes import Unwelcome, fail_in_the_child, gradient_and_share, gradients_of_parameters, read_checkpoints

import mmgym.learn.trainer as trainer_module
from mmgym.learn.build import _words, make_env
from mmgym.learn.checkpoint import latest_checkpoint, save_checkpoint
from mmgym.learn.config import CloningConfig, EnvironmentConfig, TrainConfig, from_mapping, to_mapping
from mmgym.learn.decisions import Decisions
from mmgym.learn.distributed import World, launch
from mmgym.learn.episodes import training_tasks, whole_groups
from mmgym.learn.learner import GuardError, OptimizerConfig, Part, _sum_metrics
from mmgym.learn.losses import LossOutput
from mmgym.learn.metrics import MetricsLog
from mmgym.learn.perception import count_words, recalls
from mmgym.learn.trainer import Trainer, train
from mmgym.rollout import Rollout
from mmgym.trajectory import EpisodeTask, ImageStore, Segment, Status, Trajectory, Turn
from mmgym_agents.codec import TemplateChatCodec

# --- episodes that count --------------------------------------------------------------------------------------------


def rollout_of(*groups):
    """A rollout of trajectories, given as (group, status)."""
    turn = Turn(np.zeros(1, np.int32), (), np.zeros(1, np.int32), np.zeros(1, np.float32), False, "")
    made = [Trajectory(EpisodeTask("x", 0, group=group), [turn], status) for group, status in groups]
    for trajectory in made:
        trajectory.error = "gone" if trajectory.status is Status.ENV_ERROR else ""
    return Rollout(made, ImageStore())


def test_words_of_an_environment_that_does_not_list_them():
    env = make_env(EnvironmentConfig(kwargs={"image_size": 64}))
    assert {"move", "direction", "up", "right", "hole", "agent"} <= set(_words(env, []))
    env.close()


def test_a_group_that_lost_a_member_is_dropped_whole(caplog):
    fine, lost = Status.TERMINATED, Status.ENV_ERROR
    rollout = rollout_of((0, fine), (0, fine), (1, fine), (1, lost), (2, Status.TRUNCATED), (2, fine))
    with caplog.at_level(logging.WARNING):
        assert [t.task.group for t in whole_groups(rollout, World())] == [0, 0, 2, 2]
    assert "1 groups dropped" in caplog.text and "gone" in caplog.text


def test_when_no_group_is_whole_training_stops():
    with pytest.raises(RuntimeError, match=r"every group lost an episode to the machinery, e\.g\. gone"):
        whole_groups(rollout_of((0, Status.ENV_ERROR), (0, Status.TERMINATED)), World())


def test_a_refill_that_is_lost_does_not_end_the_run(caplog):
    lost = rollout_of((7, Status.ENV_ERROR), (7, Status.TERMINATED))
    with caplog.at_level(logging.WARNING):
        assert whole_groups(lost, World(), needed=False) == []
    assert "1 groups dropped" in caplog.text


def test_an_answer_that_begins_with_reasoning_has_no_decisions(tmp_path):
    assert trainer_of(config_of(tmp_path)).decisions is not None
    own = tmp_path / "own.md"
    own.write_text("{instruction} Reason inside <think></think> first.")
    for more in ({"policy": {"thinking": True}}, {"rollout": {"prompt": "think"}}, {"rollout": {"prompt": str(own)}}):
        content = to_mapping(config_of(tmp_path))
        for name, changes in more.items():
            content[name] |= changes
        assert Trainer(from_mapping(TrainConfig, content), World()).decisions is None


def test_when_no_episode_has_a_turn_training_stops():
    rollout = rollout_of((0, Status.TRUNCATED))
    rollout.trajectories[0].turns.clear()
    with pytest.raises(RuntimeError, match="longer than the model's context"):
        whole_groups(rollout, World())


class Half(World):
    """One of two processes; the other one's value is given."""

    def __init__(self, rank, other):
        super().__init__(rank, 2)
        self.other = other

    def gather(self, value):
        return [value, self.other] if self.rank == 0 else [self.other, value]


def test_a_process_whose_groups_all_failed_goes_on_with_the_others():
    failed = rollout_of((1, Status.ENV_ERROR))
    assert whole_groups(failed, Half(1, (1, 0, 2, ""))) == []
    assert whole_groups(Rollout([], ImageStore()), Half(1, (1, 0, 2, ""))) == []
    with pytest.raises(RuntimeError, match="every group"):
        whole_groups(failed, Half(1, (2, 2, 0, "also gone")))


def test_an_iteration_counts_what_failed_and_learns_from_the_rest(tmp_path):
    config = config_of(tmp_path, FAILING, {"failing": 2})
    trainer = trainer_of(config)
    alternate(trainer)
    tasks = training_tasks(config, World(), stage=2, step=0, groups=6, size=3)
    broken = {task.group for task in tasks if task.seed % 2 == 0}
    assert 0 < len(broken) < 6
    before = weights(trainer)
    values = trainer._improve(0, 1.0)
    assert values["env_errors"] == 3 * len(broken) and values["used_groups"] == (6 - len(broken)) / 6
    assert trainer.state["episodes"] == 18 - 3 * len(broken)
    assert not equal(weights(trainer), before)


def test_a_run_whose_environment_always_fails_ends_with_its_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"every group lost an episode to the machinery, e\.g\. KeyError"):
        trainer_of(config_of(tmp_path, FAILING, {"failing": 1}))._improve(0, 1.0)


# --- when the optimizer moves ---------------------------------------------------------------------------------------


def test_without_advantages_nothing_moves_and_the_iteration_ends(tmp_path):
    trainer = trainer_of(config_of(tmp_path))
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, 1.0)
    before = weights(trainer)
    values = trainer._improve(0, 1.0)
    assert equal(weights(trainer), before)
    assert values["used_groups"] == 0 and values["return"] == 1 and "loss" not in values
    assert trainer.state["version"] == 1
    assert not any(optimizer.state for optimizer in trainer.learner.optimizers)


def test_the_same_iteration_gives_byte_equal_weights(tmp_path):
    ends = []
    for _ in range(2):
        trainer = trainer_of(config_of(tmp_path, question_weight=0.5, loss={"entropy_bonus": 0.1}))
        alternate(trainer)
        for step in range(2):
            assert trainer._improve(step, 1.0)["grad_norm"] > 0
        ends.append(weights(trainer))
    assert equal(*ends)


def test_a_gradient_that_is_not_finite_is_not_applied(tmp_path):
    trainer = trainer_of(config_of(tmp_path))
    before = weights(trainer)
    part = trainer._question_part(0, 0, 1.0)
    broken = Part(part.rows, part.images, lambda batch: LossOutput(batch.logprobs.sum() * float("nan"), {}), 1.0)
    with pytest.raises(GuardError, match="gradient is nan"):
        trainer.learner.step([broken])
    assert equal(weights(trainer), before)


def test_a_maximum_that_is_not_a_number_stays_visible():
    parts = [{"max_x": 1.0, "y": 1.0}, {"max_x": float("nan"), "y": 2.0}, {"max_x": 3.0}]
    total = _sum_metrics(parts)
    assert np.isnan(total["max_x"]) and total["y"] == 3.0
    assert _sum_metrics([{"max_x": 1.0}, {"max_x": 3.0}, {"max_x": 2.0}])["max_x"] == 3.0


def test_an_optimizer_does_not_pass_to_the_next_stage(tmp_path):
    """A run that stopped within a stage goes on with that stage's optimizer, and the next stage starts its own."""
    config = config_of(tmp_path)
    given = {}
    trainer = trainer_of(config)
    trainer.state.update(stage="cloning", step=0)
    trainer._save()
    resumed = Trainer(config, World())

    def stage(name):
        given[name] = resumed._cut_off
        resumed._begin(name)
        resumed.state["stage"] = {"cloning": "grpo", "grpo": "done"}[name]

    resumed._stage = stage
    resumed._finish = dict
    resumed.run()
    assert list(given) == ["cloning", "grpo"] and given["cloning"] is not None and given["grpo"] is None


def test_demonstrations_of_its_own_are_played_with_the_weights_of_the_time(tmp_path, monkeypatch):
    content = to_mapping(config_of(tmp_path, cloning_weight=0.5))
    content["cloning"] |= {"demonstrator": "self", "episodes": 2}
    trainer = trainer_of(from_mapping(TrainConfig, content))
    told = []
    monkeypatch.setattr(trainer.sampler, "weights_changed", told.append)
    monkeypatch.setattr(trainer.demonstrations, "part", lambda step, weight: len(told))
    assert [trainer._mixed_demonstrations(number) for number in range(2)] == [[1], [2]]


def test_demonstrations_of_a_pool_are_played_once(tmp_path, monkeypatch):
    cloning = CloningConfig(steps=5, episodes=2, pool=2, question_weight=0)
    trainer = trainer_of(replace(config_of(tmp_path), cloning=cloning))
    played, run = [], trainer.executor.run
    monkeypatch.setattr(trainer.executor, "run", lambda tasks, agent: played.append(tasks) or run(tasks, agent))
    with trainer.executor:
        losses = [trainer._clone(step, 1.0)["loss"] for step in range(5)]
    assert len(played) == 2 and {task.seed for task in played[0]}.isdisjoint({task.seed for task in played[1]})
    assert len(set(losses)) == 5


def test_checkpoints_are_kept_two_deep_and_come_back(tmp_path, caplog):
    assert latest_checkpoint(tmp_path) is None
    for number in range(4):
        save_checkpoint(tmp_path, number, {"number": number, "weight": torch.arange(number)})
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"0000000{n}.{e}" for n in (2, 3) for e in ("pt", "sha256")]
    assert latest_checkpoint(tmp_path)["number"] == 3
    (tmp_path / "00000003.pt").write_bytes(b"")
    assert latest_checkpoint(tmp_path)["weight"].tolist() == [0, 1] and "00000003.pt is damaged" in caplog.text


def test_processes_go_on_from_the_same_checkpoint_or_not_at_all(tmp_path):
    """Folders that are not shared, and a file that one process cannot read whole."""
    for folder, last in (("long", 3), ("short", 2), ("damaged", 3)):
        for number in range(last + 1):
            save_checkpoint(tmp_path / folder, number, {"number": number})
    (tmp_path / "damaged" / "00000003.pt").write_bytes(b"")
    long, short, damaged, empty = (str(tmp_path / name) for name in ("long", "short", "damaged", "empty"))
    trials = [[long, long], [empty, empty], [long, damaged], [long, short], [long, empty]]
    good, none, older, *refused = launch(read_checkpoints, trials, 2)
    assert (good, none, older) == (["3", "3"], ["none", "none"], ["2", "2"])
    for said in [one for both in refused for one in both]:
        assert "see different checkpoints" in said and "00000003.pt" in said and "all share" in said


# --- numbers by hand ------------------------------------------------------------------------------------------------


def test_decisions_by_hand():
    decisions = Decisions([np.array(answer) for answer in ([1, 2, 9], [1, 3, 9], [1, 3, 4, 9])])
    assert [ids.tolist() for ids in decisions.sets] == [[], [2, 3], [4, 9]]
    assert decisions.numbers(np.array([1, 3, 4, 9])).tolist() == [0, 1, 2, 0]
    assert decisions.numbers(np.array([1, 2, 9])).tolist() == [0, 1, 0]
    assert decisions.numbers(np.array([7, 3, 4])).tolist() == [0, 0, 0]
    assert decisions.numbers(np.array([], np.int64)).tolist() == []


def test_entropy_of_decisions_is_that_of_the_valid_choices(tmp_path):
    trainer = trainer_of(config_of(tmp_path))
    assert isinstance(trainer.policy.codec, TemplateChatCodec)
    space = make_env(EnvironmentConfig(COLOURS)).unwrapped.action_space
    assert len(Decisions.of_spaces([space], trainer.policy.codec, "tag").sets) == 2  # nothing, and left or right
    alternate(trainer)
    # random weights seldom get as far as the decision, so the entropy per token is far below log(vocabulary)
    assert 0 <= trainer._improve(0, 1.0)["entropy"] <= np.log(2)


def test_recall_by_hand():
    trained = np.array([False, True, False, True])
    nothing = np.zeros(4, np.float32)
    segments = [Segment(np.array(ids), trained, nothing, nothing, ()) for ids in ([0, 5, 0, 6], [0, 5, 0, 5])]
    counts = count_words(segments, [np.array([5, 5]), np.array([5, 6])])
    assert counts == {5: (3, 2), 6: (1, 0)}
    assert recalls(counts) == {5: 2 / 3, 6: 0.0}, "too few for a rate, but there is nothing else"
    assert recalls({5: (10, 9), 6: (4, 0)}) == {5: 0.9}
    with pytest.raises(ValueError):
        count_words(segments, [np.array([5]), np.array([5, 6])])


# --- what is written ------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_written_and_read_without_a_second_copy_in_memory(tmp_path):
    weights = torch.arange(1 << 20, dtype=torch.float32)
    tracemalloc.start()  # sees what Python has, and not the tensors
    save_checkpoint(tmp_path, 1, {"weights": weights})
    found = latest_checkpoint(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert torch.equal(found["weights"], weights)
    assert most < weights.nbytes / 2


class Stopped(Exception):
    """A run is cut off."""


def test_a_run_that_goes_on_lets_go_of_what_it_read(tmp_path, monkeypatch):
    config = replace(config_of(tmp_path), checkpoint_every=1)
    improve, read, kept = Trainer._improve, [], []

    def stop(trainer, step, scale):
        if step == 1:
            kept.append([weight() for weight in read])
            raise Stopped
        return improve(trainer, step, scale)

    def watched(*arguments):
        resumed = latest_checkpoint(*arguments)
        read.extend(weakref.ref(weight) for weight in resumed["model"].values())
        return resumed

    monkeypatch.setattr(Trainer, "_improve", stop)
    for _ in range(2):
        with pytest.raises(Stopped):
            Trainer(config, World()).run()
        monkeypatch.setattr(trainer_module, "latest_checkpoint", watched)
    assert len(kept) == 2 and kept[1] and not any(weight is not None for weight in kept[1])


def test_metrics_are_one_object_a_line_and_go_back_to_the_checkpoint(tmp_path, caplog):
    log = MetricsLog(tmp_path)
    log.write("grpo", "train", 1, {"loss": 1 / 3, "worst": float("nan"), "top": float("inf")})
    log.write("grpo", "eval", 1, {"sampled": {"success": 0.5, "episodes": 4}})
    log.write("grpo", "train", 2, {"loss": 0.25})
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    head = {"stage": "grpo", "kind": "train", "step": 1}
    assert lines[0] == {**head, "loss": 0.333333, "worst": None, "top": None}
    assert lines[1] == {**head, "kind": "eval", "sampled": {"success": 0.5, "episodes": 4}}
    log = MetricsLog(tmp_path, keep=2)
    assert log.count == 2
    log.write("grpo", "train", 2, {"loss": 0.125})
    log.close()
    again = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert again[:2] == lines[:2] and again[2]["loss"] == 0.125 and len(again) == 3
    MetricsLog(tmp_path, keep=5).close()
    assert "3 lines" in caplog.text


def test_tensorboard_forgets_what_came_after_the_checkpoint(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = MetricsLog(tmp_path)
    for step in range(3):
        log.write("grpo", "train", step, {"loss": float(step)})
    log.close()
    log = MetricsLog(tmp_path, keep=2)
    log.write("grpo", "train", 2, {"loss": 9.0})
    log.close()
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [(event.step, event.value) for event in board.Scalars("grpo/train/loss")] == [(1, 0.0), (2, 1.0), (3, 9.0)]


def test_a_run_of_nothing_but_baselines_ends_well(tmp_path):
    content = {
        "out": str(tmp_path / "run"),
        "environment": {"id": COLOURS, "kwargs": {"image_size": 64}},
        "evaluation": {"final_episodes": 10},
    }
    summary = train(from_mapping(TrainConfig, content))
    assert summary["baselines"]["expert"]["success"] == 1 and summary["episodes"] == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == json.loads(json.dumps(summary))


# --- several processes ----------------------------------------------------------------------------------------------


def test_share_is_undone_by_interleave():
    for count in range(6):
        items = list(range(count))
        parts = [World(rank, 2).share(items) for rank in range(2)]
        assert abs(len(parts[0]) - len(parts[1])) <= 1 and sorted(parts[0] + parts[1]) == items
        assert Half(0, parts[1]).interleave(parts[0]) == Half(1, parts[0]).interleave(parts[1]) == items


def test_two_processes_learn_as_one():
    one, two = (launch(gradient_and_share, 5, processes) for processes in (1, 2))
    assert np.abs(one["gradient"]).max() > 0
    np.testing.assert_allclose(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert two["items"] == one["items"] == [f"{i}!" for i in range(7)]
    assert two["few"] == one["few"] == ["only"]
    assert (one["gathered"], two["gathered"]) == ([0], [0, 1])


def test_gradients_of_several_types_are_summed_and_what_nobody_has_stays_away():
    found = launch(gradients_of_parameters, None, 2)
    kinds = (torch.float32, torch.bfloat16, torch.bfloat16)
    assert found == [*((kind, [value] * 2) for kind, value in zip(kinds, (12.0, 12.0, 13.0), strict=True)), None]


@pytest.mark.slow
def test_a_child_that_fails_ends_the_run():
    with pytest.raises(RuntimeError):
        launch(fail_in_the_child, None, 2)


def test_a_child_that_ends_before_it_has_come_is_not_waited_for():
    with pytest.raises(RuntimeError, match=r"process 1 of 2 ended \(exit code 1\) before it had met the others"):
        launch(gradients_of_parameters, Unwelcome(), 2)


def test_an_optimizer_s_schedule_by_hand():
    config = OptimizerConfig(warmup_steps=2, decay_from=0.5, final_scale=0.1)
    assert [config.scale(step, 10) for step in (0, 1, 5, 7, 9)] == pytest.approx([0.5, 1, 1, 0.6, 0.2])
