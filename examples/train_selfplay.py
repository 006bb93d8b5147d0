"""Train a tiny vision-language model to work with itself: in GuideWalker it guides, and is guided.

    python examples/train_selfplay.py
    python examples/train_selfplay.py --seed 1 --out runs/selfplay-1
    python examples/train_selfplay.py --help

The same model takes both seats: one sees the maze and may only speak, the other walks and sees what is next to it. It
first learns to read the pictures, then imitates a player that makes half of its calls at random. The rest it finds out
by playing, in a quarter of the groups beside its own past. It is measured on held-out mazes, at each seat beside the
expert, whom it never meets while it plays, and with itself at both seats.

At the end `runs/selfplay/` holds what `mmgym train` leaves there, the success of every checkpoint of the league at both
seats (`teams.json`), and both as curves (`teams.png`).
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import tyro

from mmgym.agent import Agent, BatchAgent
from mmgym.learn.build import make_policy, scripted_agent
from mmgym.learn.checkpoint import latest_checkpoint
from mmgym.learn.config import (
    CloningConfig,
    EnvironmentConfig,
    EvaluationConfig,
    GrpoConfig,
    PerceptionConfig,
    PolicyConfig,
    TrainConfig,
)
from mmgym.learn.distributed import World
from mmgym.learn.evaluate import HELD_OUT_SEED
from mmgym.learn.learner import OptimizerConfig
from mmgym.learn.replicas import make_sampler
from mmgym.learn.self_play import SelfPlayConfig, seats_of
from mmgym.learn.trainer import train
from mmgym.rollout import Executor, RolloutConfig
from mmgym.stats import summarise_episodes
from mmgym.trajectory import EpisodeTask, Trajectory

CONFIG = TrainConfig(
    out="runs/selfplay",
    processes=2,
    environment=EnvironmentConfig(id="mmgym/GuideWalker-v0", kwargs={"image_size": 64, "others": "expert"}),
    policy=PolicyConfig(max_new_tokens=8, tiny={"vision_hidden_size": 64}),
    rollout=RolloutConfig(format="tag", prompt="minimal"),
    perception=PerceptionConfig(
        steps=400,
        questions=("What is on the map, row by row?",),
        optimizer=OptimizerConfig(name="muon", lr=3e-3, muon_lr=0.015, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=120,
        demonstrator="mmgym_agents.scripted:weak",
        episodes=16,
        optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
    ),
    self_play=SelfPlayConfig(enabled=True, past=0.25),
    grpo=GrpoConfig(
        iterations=60,
        groups=8,
        group_size=16,
        question_weight=0.2,
        loss={"entropy_bonus": 0.02},
        optimizer=OptimizerConfig(lr=1.5e-3, beta2=0.95, warmup_steps=10, decay_from=0.0),
    ),
    evaluation=EvaluationConfig(episodes=100, every=20, final_episodes=300),
)
Players = Mapping[str, Agent | BatchAgent]


def main() -> None:
    """Train, let every checkpoint play with itself, and say how it went."""
    config = tyro.cli(TrainConfig, args=sys.argv[1:], default=CONFIG, description=__doc__)
    summary = train(config)
    players = checkpoints(config)
    played = play(config, players, [(name, name) for name in players], config.evaluation.final_episodes)
    teams = {name: summarise_episodes([first for first, _ in played if first.task.player == name]) for name in players}
    (Path(config.out) / "teams.json").write_text(json.dumps(teams, indent=1) + "\n")
    for stage in ("cloned", "trained"):
        for seat, found in summary["by_task"][stage].items():
            print(f"{stage}, {seat} beside the expert: {_rate(found)}")
    for name, found in teams.items():
        print(f"iteration {name}, at both seats: {_rate(found)}")
    draw(config, summary, teams)


def _rate(found: dict[str, Any]) -> str:
    return f"{found['success']:.1%} ({found['low']:.1%} to {found['high']:.1%})"


def checkpoints(config: TrainConfig) -> Players:
    """The past checkpoints of a run and the last one, as players, by their iteration."""
    folder = Path(config.out)
    weights = {int(path.stem): torch.load(path) for path in sorted((folder / "league").glob("*.pt"))}
    last = latest_checkpoint(folder / "checkpoints", World())
    assert last is not None
    policy = make_policy(config)
    players = {}
    for step, found in {**weights, config.grpo.iterations: last["model"]}.items():
        copy = policy.clone()
        copy.load_weights(found)
        players[str(step)] = make_sampler(config, copy, greedy=False)
    return players


def play(
    config: TrainConfig, players: Players, lineups: Sequence[tuple[str, ...]], matches: int
) -> list[list[Trajectory]]:
    """Matches on held-out positions, the same for every line-up: who takes the first seat, and who the second."""
    seats = seats_of(config.environment)
    kwargs = {name: value for name, value in config.environment.kwargs.items() if name != "others"}
    tasks = []
    for number, (lineup, index) in enumerate(itertools.product(lineups, range(matches))):
        for place, player in enumerate(lineup):
            tasks.append(
                EpisodeTask(
                    config.environment.id,
                    HELD_OUT_SEED + index,
                    kwargs={**kwargs, "seat": seats[place]},
                    options={"split": "test"},
                    group=len(seats) * number + place,
                    match=number,
                    player=player,
                )
            )
    with Executor(config.rollout) as executor:
        played = executor.run(tasks, scripted_agent("random"), others=players).trajectories
    return [played[first : first + len(seats)] for first in range(0, len(played), len(seats))]


def draw(config: TrainConfig, summary: dict[str, Any], teams: dict[str, Any]) -> None:
    """Success by iteration: at each seat beside the expert, and of each checkpoint with itself."""
    import matplotlib.pyplot as plt

    lines = map(json.loads, (Path(config.out) / "metrics.jsonl").read_text().splitlines())
    evaluations = [line for line in lines if line["stage"] == "grpo" and line["kind"] == "eval"]
    checks = [line for line in evaluations if line["step"] < config.grpo.iterations]
    figure, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
    curves = {"both seats": {int(name): found for name, found in teams.items()}}
    for seat, before in summary["by_task"]["cloned"].items():
        found = {check["step"]: check["sampled"]["environments"][seat] for check in checks}
        after = {config.grpo.iterations: summary["by_task"]["trained"][seat]}
        curves[f"{seat.partition('/')[2]}, beside the expert"] = {0: before, **found, **after}
    for label, points in curves.items():
        low, middle, high = ([100 * one[key] for one in points.values()] for key in ("low", "success", "high"))
        axis.plot(list(points), middle, marker="o", label=label)
        axis.fill_between(list(points), low, high, alpha=0.15)
    axis.set(xlabel="iteration of self-play", ylabel="held-out success, %", ylim=(0, 100))
    axis.legend()
    figure.savefig(Path(config.out) / "teams.png", dpi=120)


if __name__ == "__main__":
    main()
