"""The tiny VLM of the baselines: one recipe for every environment, from random weights to a clone of its expert.

What the recipe decides from the environment is how long answers and episodes are, and how large the pictures, by a few
episodes of the expert, and to collect fewer demonstrations where they need a browser. Nothing is tuned to an
environment; examples/ shows what training that is can reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import mmgym
from mmgym.learn.build import make_demonstrator, make_env, make_policy
from mmgym.learn.config import (
    CloningConfig,
    EnvironmentConfig,
    EvaluationConfig,
    GrpoConfig,
    PolicyConfig,
    TrainConfig,
)
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.trainer import train
from mmgym.registry import EnvironmentEntry
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import EpisodeTask

__all__ = ["PLAYED", "STEPS", "TINY", "AnyLevel", "options_of"]

TINY = ("untrained", "cloned")
"""The tiny VLM before and after training."""
STEPS = 300
"""Optimizer steps of cloning."""
POOL, POOL_WEB = 60, 12
"""Steps whose demonstrations differ; fewer where each takes pages of a browser."""
TURNS = 32
"""Turns of the expert in a step, about."""
PLAYED = RolloutConfig(lockstep=False, live=8, format="tag", prompt="minimal")
"""How it is spoken to."""


class AnyLevel(gym.Wrapper[Any, Any, Any, Any]):
    """Draws the level of an episode from its seed where none is asked for."""

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset at that level."""
        level = int(np.random.default_rng([7, seed or 0]).integers(mmgym.unwrap(self.env).levels)) + 1
        return self.env.reset(seed=seed, options={"level": level, **(options or {})})


def options_of(agent: str, entry: EnvironmentEntry, folder: Path) -> dict[str, Any]:
    """Options of the agent ``checkpoint`` for one of `TINY`; trains where that is needed.

    Args:
        agent: which.
        entry: the environment that it is to play.
        folder: where the policy is kept; training that was stopped goes on from there.

    Raises:
        Unsupported: where the environment has no expert to clone.
    """
    config = _recipe(entry, folder)
    checkpoint = folder / "checkpoint"
    if agent == "cloned":
        train(config)
    elif not checkpoint.is_dir():
        make_policy(config).save(checkpoint)
    policy = config.policy
    return {"path": str(checkpoint), "max_new_tokens": policy.max_new_tokens, "context": policy.context}


def _recipe(entry: EnvironmentEntry, folder: Path) -> TrainConfig:
    environment = EnvironmentConfig(id=entry.id, wrappers=(f"{__name__}:AnyLevel",))
    env = make_env(environment)
    size = mmgym.unwrap(env).image_size
    env.close()
    config = TrainConfig(
        out=str(folder),
        environment=environment,
        policy=PolicyConfig(
            context="window(1)",
            max_new_tokens=1024,
            tiny={"layers": 3, "vision_hidden_size": 64, "patch_size": 16 if size <= 256 else 32},
        ),
        rollout=replace(PLAYED, lockstep=True),
        cloning=CloningConfig(
            steps=STEPS,
            pool=POOL_WEB if entry.entry_point.startswith("mmgym_web") else POOL,
            question_weight=0.0,
            optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
        ),
        grpo=GrpoConfig(iterations=0),
        evaluation=EvaluationConfig(final_episodes=1, greedy=False, every=0, samples=0, baselines={}),
    )
    levels = [1 + seed % entry.levels for seed in range(10)]
    tasks = [EpisodeTask(entry.id, seed, {}, {"split": "train", "level": n}) for seed, n in enumerate(levels)]
    with Executor(config.rollout) as executor:
        shown = executor.run(tasks, make_demonstrator(config, make_policy(config))).trajectories
    answers = [len(turn.sampled_ids) for trajectory in shown for turn in trajectory.turns]
    if not answers:
        raise ValueError(shown[0].error)
    episodes = min(24, max(2, round(TURNS * len(shown) / len(answers))))
    return replace(
        config,
        policy=replace(config.policy, max_new_tokens=max(answers) + 4),
        cloning=replace(config.cloning, episodes=episodes),
    )
