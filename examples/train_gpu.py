"""Train a vision-language model of 38 million weights on one GPU, on four environments at once, from pixels.

    python examples/train_gpu.py
    python examples/train_gpu.py --rollout.workers 12 --out runs/gpu-1 --seed 1
    python examples/train_gpu.py --policy.device cpu --policy.dtype float32    # without a GPU: slow, but it goes

FrozenLake and Sokoban are seen from above, Maze3D through the eyes of one who walks in it, and in VideoQA the model has
to look where the answer is. The model begins with random weights: it learns to see from questions about the pictures,
to act from experts that make many random moves, and the rest by GRPO, all in one run. Rows are packed, the model
computes in bfloat16 and learns in float32.

The sizes are meant for a GPU of 24 GB and more. This run has not been done on a GPU yet: nothing is known of how far it
gets; the recipe is that of `train_mixture.py` and `train_video.py`, which were measured (`docs/puzzles.md` and
`docs/video.md`).
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
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.trainer import train
from mmgym.rollout import RolloutConfig

SIZE = 96
"""Side of every picture, in pixels: 36 tokens of 16 pixels a side."""

CONFIG = TrainConfig(
    out="runs/gpu",
    environment=EnvironmentConfig(
        id="mmgym/FrozenLake-v0",
        kwargs={"preset": "two_holes", "image_size": SIZE},
        tasks={"any": 0.4, "risky": 0.4, "detour": 0.2},
    ),
    mixture=(
        MixedEnvironment(
            id="mmgym/Sokoban-v0",
            kwargs={"preset": "vagen", "image_size": SIZE, "max_turns": 16},
            questions=("Look around.",),
        ),
        MixedEnvironment(id="mmgym/Maze3D-v0", kwargs={"image_size": SIZE, "max_turns": 12}),
        MixedEnvironment(
            id="mmgym/VideoQA-v0",
            kwargs={
                "families": ["moment"],
                "parts": 12,
                "open_answers": True,
                "preview": "none",
                "repeat_question": False,
                "frame_size": [SIZE, SIZE],
                "tokens_per_image": 36,
                "patch": 16,
                "image_size": SIZE,
            },
            questions=("What colour is the circle in picture 1?",),
            perception_kwargs={"preview": "frames", "preview_frames": 1},
        ),
    ),
    policy=PolicyConfig(
        max_new_tokens=16,
        dtype="bfloat16",
        device="cuda",
        tiny={
            "hidden_size": 512,
            "layers": 8,
            "heads": 8,
            "intermediate_size": 1536,
            "vision_hidden_size": 384,
            "vision_depth": 6,
            "vision_heads": 6,
            "patch_size": 8,
            "merge_size": 2,
        },
    ),
    rollout=RolloutConfig(format="tag", prompt="minimal", workers=8),
    perception=PerceptionConfig(
        steps=6000,
        conversations=128,
        kwargs={"preset": "many_holes"},
        questions=("Look around.",),
        optimizer=OptimizerConfig(name="muon", lr=1e-3, muon_lr=0.01, warmup_steps=200, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=600,
        demonstrator="expert",
        noise=0.4,
        episodes=192,
        optimizer=OptimizerConfig(name="muon", lr=1e-3, muon_lr=0.01, warmup_steps=50, decay_from=0.0),
    ),
    grpo=GrpoConfig(
        iterations=400,
        groups=64,
        group_size=16,
        minibatches=4,
        layout="packed",
        max_tokens=65_536,
        question_weight=0.2,
        question_conversations=32,
        # bfloat16: sampled with a cache and read in one pass, the same ids differ by a few hundredths
        guard_logprobs=0.5,
        loss={"entropy_bonus": 0.02},
        optimizer=OptimizerConfig(lr=3e-4, beta2=0.95, warmup_steps=20, decay_from=0.3),
    ),
    evaluation=EvaluationConfig(episodes=400, every=40, final_episodes=2000),
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
