"""Train a tiny vision-language model by playing with itself: against itself in TicTacToe, together in GuideWalker.

    python examples/train_selfplay.py
    python examples/train_selfplay.py --games guide_walker --seed 1
    python examples/train_selfplay.py --help

The same model takes both seats. It first learns to read the pictures, then imitates a player that knows how calls are
written and makes most of them at random; what wins it finds out by playing. In TicTacToe it also meets its own past,
in a third of the groups. Nobody it is measured against has trained with it: scripted players in the other seat, on
held-out positions, and for the ratings its own checkpoints.

At the end `runs/selfplay/` holds the curves of success and of ratings (`selfplay.png`) and the numbers
(`selfplay.json`), and for each game a folder like those of `mmgym train`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import tyro

from mmgym.learn.build import make_policy, scripted_agent, seat_environments
from mmgym.learn.config import (
    CloningConfig,
    EnvironmentConfig,
    EvaluationConfig,
    GrpoConfig,
    PerceptionConfig,
    PolicyConfig,
    TrainConfig,
)
from mmgym.learn.evaluate import HELD_OUT_SEED
from mmgym.learn.learner import OptimizerConfig
from mmgym.learn.replicas import make_sampler
from mmgym.learn.self_play import SelfPlayConfig
from mmgym.learn.trainer import train
from mmgym.rollout import Executor, RolloutConfig
from mmgym.stats import summarise_episodes
from mmgym.trajectory import EpisodeTask, Trajectory

BASE = TrainConfig(
    processes=2,
    checkpoint_every=20,
    policy=PolicyConfig(max_new_tokens=8, tiny={"vision_hidden_size": 64}),
    rollout=RolloutConfig(format="tag", prompt="minimal"),
    perception=PerceptionConfig(
        steps=400,
        optimizer=OptimizerConfig(name="muon", lr=3e-3, muon_lr=0.015, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=100,
        demonstrator="random",
        episodes=24,
        optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
    ),
    self_play=SelfPlayConfig(enabled=True),
    grpo=GrpoConfig(
        iterations=100,
        groups=16,
        group_size=16,
        question_weight=0.2,
        loss={"entropy_bonus": 0.02},
        optimizer=OptimizerConfig(lr=1.5e-3, beta2=0.95, warmup_steps=10, decay_from=0.0),
    ),
    evaluation=EvaluationConfig(episodes=100, every=20, final_episodes=300),
)
GAMES = {
    "tic_tac_toe": replace(
        BASE,
        environment=EnvironmentConfig(id="mmgym/TicTacToe-v0", kwargs={"image_size": 64, "level": 2, "others": "weak"}),
        perception=replace(BASE.perception, questions=("Read the board.",), kwargs={"level": 3}),
        self_play=SelfPlayConfig(enabled=True, past=0.33),
    ),
    "guide_walker": replace(
        BASE,
        environment=EnvironmentConfig(id="mmgym/GuideWalker-v0", kwargs={"image_size": 64, "others": "expert"}),
        perception=replace(BASE.perception, questions=("Read the map.",)),
    ),
}
