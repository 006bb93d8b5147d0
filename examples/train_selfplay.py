"""Train a tiny vision-language model by playing with itself: against each other, or together.

    python examples/train_selfplay.py connect_four
    python examples/train_selfplay.py guide_walker
    python examples/train_selfplay.py connect_four --seed 1 --out runs/connect-four-1
    python examples/train_selfplay.py connect_four --help

The same model takes both seats. It first learns to read the pictures, then imitates a player that only knows which
moves the rules allow (ConnectFour), or one that makes half of its calls at random (GuideWalker, where one sees the maze
and may only speak, and the other walks and sees what is next to it). The rest it finds out by playing, in a quarter of
the groups against or beside its own past. It is measured on held-out seeds at each seat, against or beside a scripted
player whom it never meets while it plays.

At the end the folder of the run holds what `mmgym train` leaves there, and in `selfplay.json` and `selfplay.png` how
its checkpoints compare: in ConnectFour their ratings and those of three scripted players, in GuideWalker the success
of each with itself.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import tyro

import mmgym
from mmgym.agent import Agent, BatchAgent
from mmgym.learn.build import make_env, make_policy, scripted_agent
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
from mmgym_arena.ratings import Meeting, ratings
from mmgym_arena.seat import SeatEnv

BASE = TrainConfig(
    processes=2,
    policy=PolicyConfig(context="window(1)", max_new_tokens=8, tiny={"vision_hidden_size": 64}),
    rollout=RolloutConfig(format="tag", prompt="minimal"),
    perception=PerceptionConfig(
        steps=250,
        optimizer=OptimizerConfig(name="muon", lr=3e-3, muon_lr=0.015, decay_from=1.0),
    ),
    cloning=CloningConfig(
        steps=120,
        episodes=16,
        optimizer=OptimizerConfig(name="muon", lr=5e-3, muon_lr=0.02, warmup_steps=10, decay_from=0.0),
    ),
    self_play=SelfPlayConfig(enabled=True, past=0.25),
    grpo=GrpoConfig(
        iterations=60,
        groups=8,
        group_size=16,
        question_weight=0.2,
        optimizer=OptimizerConfig(lr=3e-3, beta2=0.95, warmup_steps=10, decay_from=0.0),
    ),
    evaluation=EvaluationConfig(episodes=100, every=20, final_episodes=200),
)
GAMES = {
    "connect_four": replace(
        BASE,
        out="runs/connect-four",
        environment=EnvironmentConfig(id="mmgym/ConnectFour-v0", kwargs={"image_size": 64, "others": "weak"}),
        perception=replace(BASE.perception, questions=("What is on the board, row by row?",)),
        cloning=replace(BASE.cloning, demonstrator="mmgym_arena.scripted:legal"),
    ),
    "guide_walker": replace(
        BASE,
        out="runs/guide-walker",
        environment=EnvironmentConfig(id="mmgym/GuideWalker-v0", kwargs={"image_size": 64, "others": "expert"}),
        perception=replace(
            BASE.perception,
            questions=(
                "What is next to the walker?",
                "On which side of the walker is the flag?",
                "What is on the map, row by row?",
            ),
        ),
        cloning=replace(BASE.cloning, demonstrator="mmgym_agents.scripted:weak"),
        grpo=replace(
            BASE.grpo,
            algorithm="gigpo",
            groups=16,
            group_size=8,
            # By token, the longest episodes would weigh most, and here these are the ones that fail.
            loss={"aggregation": "trajectory_mean", "entropy_bonus": 0.04},
            optimizer=replace(BASE.grpo.optimizer, lr=1e-3),
        ),
    ),
}
SCRIPTED = {"random": "mmgym_arena.scripted:legal", "weak": "mmgym_agents.scripted:weak", "expert": "expert"}
"""Players that are rated beside the checkpoints: any move that is allowed, half of the moves an expert's, an expert."""
MATCHES = 10
"""Most matches of a line-up for the ratings."""
Players = Mapping[str, Agent | BatchAgent]


def main() -> None:
    """Train, compare the checkpoints, and say how it went."""
    games = {name: (f"{config.environment.id}, {config.out}", config) for name, config in GAMES.items()}
    config = tyro.extras.overridable_config_cli(games, description=__doc__)
    summary = train(config)
    env = mmgym.unwrap(make_env(config.environment))
    assert isinstance(env, SeatEnv)
    together = env.rules.kind == "cooperative"
    env.close()
    found = teams(config) if together else rated(config)
    kept = ("environment", "seed", "machine", "versions", "seconds", "by_task")
    content = {**{name: summary[name] for name in kept}, "players": found}
    (Path(config.out) / "selfplay.json").write_text(json.dumps(content, indent=1) + "\n")
    for stage, seats in summary["by_task"].items():
        for seat, one in seats.items():
            print(f"{stage}, {seat}: succeeds in {100 * one['success']:.1f}% {_interval(one, 100)}")
    for name, one in found.items():
        value = f"succeeds in {100 * one['success']:.1f}%" if together else f"is rated {one['value']:.0f}"
        print(f"{_title(name)} {value} {_interval(one, 100 if together else 1)}")
    draw(config, summary, found)


def _interval(found: dict[str, float], scale: float) -> str:
    return f"({scale * found['low']:.0f} to {scale * found['high']:.0f})"


def _title(player: str) -> str:
    return f"the checkpoint of iteration {player}" if player.isdigit() else f"the {player} player"


def rated(config: TrainConfig) -> dict[str, Any]:
    """Ratings of the checkpoints and of scripted players, from matches of each pair, each in both seats."""
    players = {**checkpoints(config), **{name: scripted_agent(agent) for name, agent in SCRIPTED.items()}}
    matches = min(MATCHES, config.evaluation.final_episodes)
    played = play(config, players, list(itertools.permutations(players, 2)), matches)
    meetings = [
        Meeting(first.task.player, second.task.player, 0.5 + 0.5 * (first.success - second.success))
        for first, second in played
        if not first.error
    ]
    return {name: vars(rating) for name, rating in ratings(meetings).items()}


def teams(config: TrainConfig) -> dict[str, Any]:
    """How often each checkpoint succeeds with itself at both seats."""
    players = checkpoints(config)
    played = play(config, players, [(name, name) for name in players], config.evaluation.final_episodes)
    return {name: summarise_episodes([first for first, _ in played if first.task.player == name]) for name in players}


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
    """Matches on held-out seeds, the same for every line-up: who takes the first seat, and who the second."""
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
        played = executor.run(tasks, scripted_agent("random"), others=players, trusted=players).trajectories
    return [played[first : first + len(seats)] for first in range(0, len(played), len(seats))]


def draw(config: TrainConfig, summary: dict[str, Any], found: dict[str, Any]) -> None:
    """By iteration: success at each seat where a scripted player has the other, and how the checkpoints compare."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    lines = map(json.loads, (Path(config.out) / "metrics.jsonl").read_text().splitlines())
    checks = {
        line["step"]: line["sampled"]["environments"]
        for line in lines
        if line["stage"] == "grpo" and line["kind"] == "eval" and line["step"] < config.grpo.iterations
    }
    by_task = summary["by_task"]
    seen = {**({0: by_task["cloned"]} if "cloned" in by_task else {}), **checks}
    seen[config.grpo.iterations] = by_task["trained"]
    for seat in by_task["trained"]:
        _curve(left, {step: at[seat] for step, at in seen.items()}, "success", 100, seat.partition("/")[2])
    left.set(xlabel="iteration", ylabel="held-out success, %", ylim=(0, None))
    left.set_title(f"The {config.environment.kwargs['others']} player has the other seat")
    left.legend()
    key, scale = ("success", 100) if "success" in found["0"] else ("value", 1)
    _curve(right, {int(name): one for name, one in found.items() if name.isdigit()}, key, scale, "checkpoints")
    for name, one in found.items():
        if not name.isdigit():
            right.axhline(scale * one[key], linestyle="--", color="grey", linewidth=1)
            right.annotate(name, (0.01, scale * one[key]), xycoords=("axes fraction", "data"), va="bottom")
    if key == "success":
        right.set(xlabel="iteration", ylabel="held-out success, %", ylim=(0, 100), title="A checkpoint has both seats")
    else:
        right.set(xlabel="iteration", ylabel="rating, Elo's scale", title="Checkpoints and scripted players")
    figure.savefig(Path(config.out) / "selfplay.png", dpi=120)


def _curve(axis: Any, points: dict[int, dict[str, float]], key: str, scale: float, label: str) -> None:
    steps = sorted(points)
    low, middle, high = ([scale * points[step][name] for step in steps] for name in ("low", key, "high"))
    axis.plot(steps, middle, marker="o", label=label)
    axis.fill_between(steps, low, high, alpha=0.15)


if __name__ == "__main__":
    main()
