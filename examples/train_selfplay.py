"""Train a tiny vision-language model by playing with itself: against itself in TicTacToe, together in GuideWalker.

    python examples/train_selfplay.py
    python examples/train_selfplay.py --games guide_walker --seed 1
    python examples/train_selfplay.py --help

The same model takes both seats. It first learns to read the pictures, then imitates a player that makes half of its
calls at random; the rest it finds out by playing, in some groups beside its own past. It is measured on held-out
positions beside scripted players, whom it never meets while it plays (in TicTacToe the one that it imitated). In
TicTacToe they and its checkpoints are rated against each other.

At the end `runs/selfplay/` holds the curves (`selfplay.png`), the numbers (`selfplay.json`) and a folder for each game,
like those of `mmgym train`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from mmgym.learn.summary import machine, versions
from mmgym.learn.trainer import train
from mmgym.rollout import Executor, RolloutConfig
from mmgym.stats import summarise_episodes
from mmgym.trajectory import EpisodeTask, Trajectory
from mmgym_arena.ratings import Meeting, ratings

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
GAMES = {
    "tic_tac_toe": replace(
        BASE,
        environment=EnvironmentConfig(id="mmgym/TicTacToe-v0", kwargs={"image_size": 64, "level": 3, "others": "weak"}),
        perception=replace(BASE.perception, questions=("Read the board.",)),
    ),
    "guide_walker": replace(
        BASE,
        environment=EnvironmentConfig(id="mmgym/GuideWalker-v0", kwargs={"image_size": 64, "others": "expert"}),
        perception=replace(BASE.perception, questions=("Read the map.",)),
    ),
}

SCRIPTED = {"random": "random", "weak": "mmgym_agents.scripted:weak", "expert": "expert"}
"""Players that are rated beside the checkpoints."""
Players = Mapping[str, Agent | BatchAgent]


@dataclass(frozen=True)
class Arguments:
    """What to train."""

    games: tuple[str, ...] = tuple(GAMES)
    """Which of tic_tac_toe and guide_walker."""
    seed: int = 0
    """Seed of weights, positions and sampling."""
    out: Path = Path("runs/selfplay")
    """Folder of the results."""
    matches: int = 40
    """Matches of each pair for the ratings, and five times as many of each team."""


def main(arguments: Arguments) -> None:
    """Train, measure, draw."""
    results: dict[str, Any] = {"seed": arguments.seed, "machine": machine(), "versions": versions(), "games": {}}
    for game in arguments.games:
        config = replace(GAMES[game], seed=arguments.seed, out=str(arguments.out / game))
        summary = train(config)
        found = measure(config, arguments.matches)
        heldout = {stage: summary["by_task"][stage] for stage in ("cloned", "trained")}
        results["games"][game] = {"heldout": heldout, "seconds": summary["seconds"], **found}
        (arguments.out / "selfplay.json").write_text(json.dumps(results, indent=1) + "\n")
        show(game, results["games"][game])
    draw(results["games"], arguments)


def measure(config: TrainConfig, matches: int) -> dict[str, Any]:
    """The checkpoints of a run: their success as a team, or how they and scripted players are rated."""
    players = checkpoints(config)
    if config.environment.id == "mmgym/TicTacToe-v0":
        players = {**players, **{name: scripted_agent(agent) for name, agent in SCRIPTED.items()}}
        pairs = list(itertools.permutations(players, 2))  # who begins is who is named first
        played = play(config, players, pairs, matches // 2)
        meetings = [
            Meeting(first.task.player, second.task.player, 0.5 + 0.5 * (first.success - second.success))
            for first, second in played
            if not first.error
        ]
        return {"ratings": {name: vars(rating) for name, rating in ratings(meetings).items()}}
    played = play(config, players, [(name, name) for name in players], 5 * matches)
    teams = {name: [match[0] for match in played if match[0].task.player == name] for name in players}
    return {"teams": {name: summarise_episodes(ends) for name, ends in teams.items()}}


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


def show(game: str, found: dict[str, Any]) -> None:
    """Say how it went."""
    for stage, seats in found["heldout"].items():
        for seat, one in seats.items():
            print(f"{game}, {stage}, {seat}: {one['success']:.1%} ({one['low']:.1%} to {one['high']:.1%}) succeed")
    for name, one in found.get("ratings", {}).items():
        print(f"{game}, {name}: rated {one['value']:.0f} ({one['low']:.0f} to {one['high']:.0f})")
    for name, one in found.get("teams", {}).items():
        print(f"{game}, team of iteration {name}: {one['success']:.1%} ({one['low']:.1%} to {one['high']:.1%})")


def draw(games: dict[str, Any], arguments: Arguments) -> None:
    """The curves: success beside scripted players while training, ratings, and teams, each by iteration."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(games), 2, figsize=(11, 4 * len(games)), squeeze=False, layout="constrained")
    for (game, found), (left, right) in zip(games.items(), axes, strict=True):
        config = GAMES[game]
        lines = map(json.loads, (arguments.out / game / "metrics.jsonl").read_text().splitlines())
        evaluations = [line for line in lines if line["stage"] == "grpo" and line["kind"] == "eval"]
        checks = [line for line in evaluations if line["step"] < config.grpo.iterations]
        seats = {**found["heldout"]["cloned"]}
        for seat in seats:
            points = [(0, found["heldout"]["cloned"][seat])]
            points += [(check["step"], check["sampled"]["environments"][seat]) for check in checks]
            points.append((config.grpo.iterations, found["heldout"]["trained"][seat]))
            _line(left, points, "success", seat.partition("/")[2], 100)
        left.set(title=f"{game}: beside {config.environment.kwargs['others']}", ylabel="held-out success, %")
        left.set(ylim=(0, 100), xlabel="iteration")
        left.legend()
        rated = found.get("ratings") or found["teams"]
        key, scale = ("value", 1) if "ratings" in found else ("success", 100)
        _line(right, [(int(name), one) for name, one in rated.items() if name.isdigit()], key, "checkpoint", scale)
        for name, one in rated.items():
            if not name.isdigit():
                right.axhline(one[key], linestyle="--", color="grey")
                right.annotate(name, (0.01, one[key]), xycoords=("axes fraction", "data"), va="bottom", color="grey")
        right.set(xlabel="iteration", ylabel="rating (Elo's scale)" if key == "value" else "success of the team, %")
        right.set_title("its checkpoints and scripted players" if key == "value" else "a checkpoint at both seats")
    figure.savefig(arguments.out / "selfplay.png", dpi=120)


def _line(axis: Any, points: list[tuple[int, dict[str, Any]]], key: str, label: str, scale: float) -> None:
    points = sorted(points, key=lambda point: point[0])
    steps = [step for step, _ in points]
    axis.plot(steps, [scale * one[key] for _, one in points], marker="o", label=label)
    axis.fill_between(
        steps, [scale * one["low"] for _, one in points], [scale * one["high"] for _, one in points], alpha=0.15
    )


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
