"""Train a tiny vision-language model on WebNav: to press the button that it is asked for, in a real browser.

    python examples/train_webnav.py
    python examples/train_webnav.py --grpo.iterations 80 --out runs/longer
    python examples/train_webnav.py --help

The site is a house panel with lamps, on a screen of 96 x 96 pixels; one says "Turn the green lamp on.", and the model
answers with a cell of a 3 x 3 grid. Which lamp is green is only in the pixels, and a wrong press has switched the wrong
lamp, which has to be undone. First it learns to say which colours are where (exact questions, no advice what to do),
then it imitates an expert that is wrong now and then, then GRPO improves it. The configuration
below is all there is; every field can be changed on the command line, and a run that was stopped goes on where it was.

The browser is what costs time here: pictures for the questions and demonstrations are drawn from pools, and groups are
small. Pools are not smaller still: from 960 demonstrations the policy learns as quickly, but is so sure of what it took
from them that the episodes of a group hardly differ. It takes about ten minutes on two cores; `docs/web.md` says what
it reached.
"""

from __future__ import annotations

import sys

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
from mmgym_web.webnav.sites.home.site import COLOURS

CONFIG = TrainConfig(
    out="runs/demo-web",
    processes=2,
    environment=EnvironmentConfig(
        id="mmgym/WebNav-v0",
        kwargs={
            "task": "home_switch_on",
            "width": 96,
            "height": 96,
            "action_mode": "grid",
            "grid": [3, 3],
            "show_address": False,
            "max_turns": 3,
        },
    ),
    policy=PolicyConfig(context="window(1)", max_new_tokens=6, tiny={"vision_hidden_size": 64, "layers": 3}),
    rollout=RolloutConfig(format="tag", prompt="minimal"),
    perception=PerceptionConfig(
        steps=500,
        pool=300,
        held_out=120,
        # The list comes last: after it, the others could be answered without looking.
        questions=(
            "Which colours does the task name?",
            *(f"Where is {colour}?" for colour in COLOURS),
            "Which colours are there?",
        ),
        optimizer=OptimizerConfig(name="muon", lr=3e-3, muon_lr=0.015, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=600,
        demonstrator="expert",
        noise=0.15,
        episodes=20,
        pool=100,
        optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
    ),
    grpo=GrpoConfig(
        iterations=30,
        groups=8,
        group_size=8,
        rows_per_minibatch=8,
        question_weight=0.2,
        loss={"entropy_bonus": 0.04},
        optimizer=OptimizerConfig(lr=1.5e-3, beta2=0.95, warmup_steps=5, decay_from=0.0),
    ),
    evaluation=EvaluationConfig(episodes=60, every=10, final_episodes=200, samples=4),
)


def main() -> None:
    """Train, and say how it went."""
    summary = train(tyro.cli(TrainConfig, args=sys.argv[1:], default=CONFIG, description=__doc__))
    for name, ways in summary["heldout"].items():
        for way, found in ways.items():
            print(f"{name} ({way}): {found['success']:.1%} ({found['low']:.1%} to {found['high']:.1%})")


if __name__ == "__main__":
    main()
