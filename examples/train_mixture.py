"""Train one tiny vision-language model on three puzzles at once, from pixels: FrozenLake, LightsOut and Maze2D.

    python examples/train_mixture.py
    python examples/train_mixture.py --grpo.iterations 300 --out runs/longer
    python examples/train_mixture.py --help

Every stage deals with all three: questions about their pictures first, then imitation of an expert that makes many
random moves, then GRPO, where each group plays one environment. At the end `runs/mixture/` holds the curves of each
(`success.png`), its success on held-out instances before and after GRPO with 95 % intervals (`summary.json`), and
episodes to look at (`report.html`). The configuration below is all there is; a run that was stopped goes on where it
was. `docs/puzzles.md` says what it reached.
"""

from __future__ import annotations

import sys

import tyro

from mmgym.learn.config import (
    CloningConfig,
    EnvironmentConfig,
    EvaluationConfig,
    GrpoConfig,
    MixedEnvironment,
    PerceptionConfig,
    PolicyConfig,
    TrainConfig,
)
from mmgym.learn.learner import OptimizerConfig
from mmgym.learn.trainer import train
from mmgym.rollout import RolloutConfig

CONFIG = TrainConfig(
    out="runs/mixture",
    processes=2,
    environment=EnvironmentConfig(
        id="mmgym/FrozenLake-v0",
        kwargs={"preset": "two_holes", "image_size": 64},
        tasks={"any": 0.4, "risky": 0.4, "detour": 0.2},
    ),
    mixture=(
        MixedEnvironment(
            id="mmgym/LightsOut-v0", kwargs={"image_size": 64}, questions=("Look around.",), tasks={"any": 1.0}
        ),
        MixedEnvironment(
            id="mmgym/Maze2D-v0",
            kwargs={"image_size": 64, "max_turns": 12},
            questions=("Look around.",),
            tasks={"any": 1.0},
        ),
    ),
    policy=PolicyConfig(context="window(1)", max_new_tokens=8, tiny={"vision_hidden_size": 64}),
    rollout=RolloutConfig(format="tag", prompt="minimal"),
    perception=PerceptionConfig(
        steps=2500,
        kwargs={"preset": "many_holes"},
        questions=("Look around.",),
        optimizer=OptimizerConfig(name="muon", lr=3e-3, muon_lr=0.015, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=400,
        demonstrator="expert",
        noise=0.45,
        optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
    ),
    grpo=GrpoConfig(
        iterations=180,
        groups=32,
        group_size=16,
        minibatches=4,
        question_weight=0.2,
        loss={"entropy_bonus": 0.05},
        optimizer=OptimizerConfig(lr=1.5e-3, beta2=0.95, warmup_steps=10, decay_from=0.0),
    ),
    evaluation=EvaluationConfig(episodes=100, final_episodes=300),
)


def main() -> None:
    """Train, and say how it went in each environment."""
    summary = train(tyro.cli(TrainConfig, args=sys.argv[1:], default=CONFIG, description=__doc__))
    for name, ways in summary["heldout"].items():
        for environment, found in ways["sampled"]["environments"].items():
            low, high = found["low"], found["high"]
            print(f"{name}, {environment}: {found['success']:.1%} ({low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()
