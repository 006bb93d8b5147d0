"""What is imitated: a scripted policy, stored trajectories, the policy's own successes."""

from __future__ import annotations

import numpy as np
import pytest
from colours import COLOURS
from iterations import equal, weights

from mmgym.learn.build import scripted_agent
from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.distributed import World
from mmgym.learn.trainer import Trainer
from mmgym.store import save_trajectories
from mmgym.trajectory import EpisodeTask


def trainer_of(tmp_path, **cloning):
    content = {
        "out": str(tmp_path / "run"),
        "environment": {"id": COLOURS, "kwargs": {"image_size": 64}},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 4},
        "cloning": {"steps": 2, "episodes": 6, "question_weight": 0, **cloning},
        "grpo": {"iterations": 1, "groups": 2, "group_size": 2, "cloning_weight": 0.5},
        "evaluation": {"every": 0, "final_episodes": 4, "samples": 0, "baselines": {}},
    }
    trainer = Trainer(from_mapping(TrainConfig, content), World())
    trainer.log = None
    trainer._begin("cloning")
    return trainer


def test_stored_trajectories_are_imitated(tmp_path):
    teacher = trainer_of(tmp_path)
    shown, images = teacher.demonstrations._make(0)
    path = tmp_path / "shown.parquet"
    save_trajectories(path, shown, images)
    trainer = trainer_of(tmp_path, trajectories=str(path), demonstrator="nobody")
    rows = trainer.demonstrations.part(0, 1.0).rows
    expected = teacher.demonstrations.part(0, 1.0).rows
    assert sorted(row.ids.tobytes() for row in rows) == sorted(row.ids.tobytes() for row in expected)
    before = weights(trainer)
    assert trainer._clone(0, 1.0)["grad_norm"] > 0 and not equal(weights(trainer), before)


def test_trajectories_without_ids_are_refused(tmp_path):
    teacher = trainer_of(tmp_path)
    rollout = teacher.executor.run([EpisodeTask(COLOURS, 1, {"image_size": 64})], scripted_agent("expert"))
    path = tmp_path / "expert.parquet"
    save_trajectories(path, rollout.trajectories, rollout.images)
    with pytest.raises(ValueError, match="no trajectory with token ids"):
        trainer_of(tmp_path, trajectories=str(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda turn: setattr(turn, "images", ()), "image placeholders but its 0 images"),
        (lambda turn: setattr(turn, "prompt_ids", np.append(turn.prompt_ids, np.int32(10_000))), "to 10000"),
    ],
)
def test_trajectories_of_another_model_are_refused_before_the_run(tmp_path, change, said):
    shown, images = trainer_of(tmp_path).demonstrations._make(0)
    change(shown[-1].turns[0])
    path = tmp_path / "others.parquet"
    save_trajectories(path, shown, images)
    with pytest.raises(ValueError, match=rf"others.parquet is not in the ids of this model: .*trajectory 5 .*{said}"):
        trainer_of(tmp_path, trajectories=str(path))


def test_a_policy_imitates_its_own_successes_alone(tmp_path):
    trainer = trainer_of(tmp_path, demonstrator="self", episodes=12)
    run = trainer.executor.run

    def some_succeed(tasks, agent):
        rollout = run(tasks, agent)
        for number, trajectory in enumerate(rollout.trajectories):
            trajectory.success = number % 3 == 0
        return rollout

    trainer.executor.run = some_succeed
    before = weights(trainer)
    assert 1 <= len(trainer.demonstrations.part(0, 1.0).rows) <= 4
    assert trainer._clone(0, 1.0)["grad_norm"] > 0 and not equal(weights(trainer), before)


def test_without_a_success_nothing_moves(tmp_path):
    trainer = trainer_of(tmp_path, demonstrator="self")
    run = trainer.executor.run

    def fail(tasks, agent):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories:
            trajectory.success = False
        return rollout

    trainer.executor.run = fail
    before = weights(trainer)
    assert trainer._clone(0, 1.0)["grad_norm"] == 0 and equal(weights(trainer), before)


def test_demonstrations_are_mixed_into_the_third_stage(tmp_path):
    trainer = trainer_of(tmp_path)
    trainer._begin("grpo")
    part = trainer._mixed_demonstrations(3)[0]
    tokens = sum(len(row.trained) for row in part.rows)
    assert part.normaliser == pytest.approx(tokens / 0.5)
    assert tokens > 0
