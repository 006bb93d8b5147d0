"""The smallest run that must learn, from random weights to seeing what to do."""

import torch
from colours import COLOURS

from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.trainer import train


def test_grpo_learns_to_see(tmp_path):
    """Cloning a random player teaches the format and nothing else; the reward teaches which colour means what."""
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
            "loss": {"entropy_bonus": 0.02},
            "optimizer": {"lr": 2e-3, "warmup_steps": 3, "decay_from": 0.5},
        },
        "evaluation": {"every": 0, "final_episodes": 200, "samples": 0, "baselines": {"random": "random"}},
    }
    summary = train(from_mapping(TrainConfig, config))
    cloned, trained = (summary["heldout"][name]["sampled"] for name in ("cloned", "trained"))
    assert cloned["valid_turns"] > 0.9 and 0.3 < cloned["success"] < 0.7
    assert trained["success"] > 0.95 and trained["low"] > 0.9
    assert 0.4 < summary["baselines"]["random"]["success"] < 0.6
    assert summary["episodes"] == 50 * 64
    assert torch.get_num_threads() == 1
