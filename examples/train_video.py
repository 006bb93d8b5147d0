"""Train a tiny vision-language model to look where the answer is: one question about a video, one look at a time.

    python examples/train_video.py
    python examples/train_video.py --seed 1 --out runs/video-1
    python examples/train_video.py --help

A minute of video shows a circle that changes its colour, and the question names a moment. The model sees nothing of the
video but what it asks for: `look(part)` shows the middle of one of twelve parts, `choose(option)` answers. It first
learns to read frames, then imitates a policy that looks anywhere and says what it sees there. Where to look, which
depends on the moment that the question names, nobody shows it: that is what GRPO has to find out from the reward.

At the end `runs/video/` holds the curves (`success.png`), success on held-out videos before and after GRPO with 95 %
intervals, and on grey frames and those of other moments (`summary.json`), and episodes to look at (`report.html`).
"""

from __future__ import annotations

import sys
from typing import Any

import tyro

from mmgym.learn.config import (
    CloningConfig,
    EnvironmentConfig,
    EvaluationConfig,
    GrpoConfig,
    PerceptionConfig,
    PolicyConfig,
    TrainConfig,
)
from mmgym.learn.learner import OptimizerConfig
from mmgym.learn.trainer import train
from mmgym.rollout import RolloutConfig

CONFIG = TrainConfig(
    out="runs/video",
    processes=2,
    environment=EnvironmentConfig(
        id="mmgym/VideoQA-v0",
        kwargs={
            "families": ["moment"],
            "parts": 12,
            "open_answers": True,
            "preview": "none",
            "repeat_question": False,
            "frame_size": [64, 64],
            "tokens_per_image": 4,
            "image_size": 64,
        },
    ),
    policy=PolicyConfig(max_new_tokens=8, tiny={"vision_hidden_size": 64}),
    rollout=RolloutConfig(format="tag", prompt="minimal"),
    perception=PerceptionConfig(
        steps=400,
        kwargs={"preview": "frames", "preview_frames": 1},
        questions=("What colour is the circle in picture 1?",),
        optimizer=OptimizerConfig(name="muon", lr=3e-3, muon_lr=0.015, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=400,
        demonstrator="mmgym_video.scripted:look_anywhere",
        optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
    ),
    grpo=GrpoConfig(
        iterations=200,
        groups=32,
        group_size=16,
        minibatches=4,
        question_weight=0.2,
        loss={"entropy_bonus": 0.02},
        optimizer=OptimizerConfig(lr=1.5e-3, beta2=0.95, warmup_steps=10, decay_from=0.0),
    ),
    evaluation=EvaluationConfig(
        episodes=100,
        final_episodes=500,
        baselines={
            "random": "random",
            "looks anywhere": "mmgym_video.scripted:look_anywhere",
            "expert": "expert",
        },
        walker="looks anywhere",
        controls={
            "grey frames": {"wrappers": ["mmgym.wrappers:BlankImage"], "meaning": "every frame is grey"},
            "other moments": {"kwargs": {"shuffled": True}, "meaning": "frames are those of other moments"},
        },
    ),
)


def in_evidence(found: dict[str, Any]) -> float:
    """Share of the pictures taken that lie in the evidence."""
    return found["terms"]["hits"] / max(found["terms"]["frames"], 1e-9)


def main() -> None:
    """Train, and say how it went."""
    summary = train(tyro.cli(TrainConfig, args=sys.argv[1:], default=CONFIG, description=__doc__))
    for name, ways in summary["heldout"].items():
        found = ways["sampled"]
        rate = f"{found['success']:.1%} ({found['low']:.1%} to {found['high']:.1%})"
        print(f"{name}: {rate} right, {in_evidence(found):.1%} of the frames it took are in the evidence")


if __name__ == "__main__":
    main()
