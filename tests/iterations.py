"""Single iterations of the third stage, on an environment of colours with a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from colours import COLOURS

from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.distributed import World
from mmgym.learn.trainer import Trainer
from mmgym.trajectory import Trajectory


def config_of(
    tmp_path: Path, env_id: str = COLOURS, kwargs: dict[str, Any] | None = None, context: str = "full", **grpo: Any
) -> TrainConfig:
    """A short run on colours."""
    content = {
        "out": str(tmp_path / "run"),
        "environment": {"id": env_id, "kwargs": {"image_size": 64, **(kwargs or {})}},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 4, "context": context},
        "grpo": {"iterations": 2, "groups": 6, "group_size": 3, **grpo},
        "evaluation": {"every": 0, "final_episodes": 4, "samples": 0, "baselines": {}},
    }
    return from_mapping(TrainConfig, content)


def trainer_of(config: TrainConfig) -> Trainer:
    """A trainer that is ready for one GRPO iteration."""
    trainer = Trainer(config, World())
    trainer.log = None
    trainer._begin("grpo")
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """A copy of all weights."""
    return {name: value.clone() for name, value in trainer.policy.model.state_dict().items()}


def equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    """Whether two sets of weights are byte-equal."""
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def alternate(trainer: Trainer) -> None:
    """Give trajectories the returns 0, 1, 0, 1 ... in place of what they earned."""
    returns = iter(np.tile([0.0, 1.0], 500))
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, next(returns))


def paid(trajectory: Trajectory, total: float) -> dict[str, np.ndarray]:
    """Pay a return at the end of an episode."""
    outcome = np.zeros(len(trajectory.turns))
    outcome[-1] = total
    return {"outcome": outcome, "valid": np.zeros(len(trajectory.turns))}
