"""Benchmark: agents side by side on the same held-out episodes, in one table with 95 % intervals.

    python examples/benchmark_agent.py --episodes 300
    python examples/benchmark_agent.py --checkpoint runs/demo/checkpoint --json runs/benchmark.json

Every agent plays the same seeds of a split that no training run draws from, so differences are the agents' own.
A checkpoint is a folder that transformers' Auto classes load: one that `mmgym train` wrote, or a Qwen-VL model.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmgym.registry import entry
from mmgym.rollout import Executor, RolloutConfig
from mmgym.stats import summarise_episodes
from mmgym.trajectory import EpisodeTask
from mmgym_agents.scripted import ExpertAgent, RandomAgent, ScriptedAgent


@dataclass(frozen=True)
class Args:
    """Options."""

    env: str = "mmgym/FrozenLake-v0"
    """Environment id; `mmgym list` shows them."""
    kwargs: str = '{"preset": "two_holes", "image_size": 64}'
    """The environment's constructor arguments, as JSON."""
    split: str = "test"
    """Which instances: train, val, test or ood. `mmgym train` learns from train and checks on val."""
    episodes: int = 100
    """Episodes of each agent. 100 give intervals up to 20 points wide, 1,000 up to 6."""
    seed: int = 10_000_000
    """Episode i is the instance of seed + i."""
    agents: list[str] = field(default_factory=lambda: ["random", "mmgym_puzzles.scripted:straight_walker", "expert"])
    """`random`, `expert`, or a scripted policy `module:function` of (environment, generator)."""
    checkpoint: Path | None = None
    """Folder of a vision-language model that plays as well."""
    greedy: bool = False
    """The model takes its likeliest token each time, in place of sampling."""
    temperature: float = 1.0
    """Temperature of the model's sampling."""
    max_new_tokens: int | None = None
    """Longest answer of the model. Not given: as in the checkpoint's training run, else 256."""
    context: str | None = None
    """What the model reads: `full` or `window(k)`. Not given: as in its training run, else `full`."""
    format: str | None = None
    """How it writes actions: `tool_call`, `call` or `tag`. Not given: as in its training run, else `tool_call`."""
    prompt: str | None = None
    """`full` explains the rules, `minimal` shows the observation alone. Not given: as in training, else `full`."""
    device: str = "cpu"
    """Where the model computes."""
    json: Path | None = None
    """File for the results, if wanted."""


def main(args: Args) -> None:
    """Play all episodes with each agent, and print the table."""
    console = Console()
    entry(args.env)  # an unknown id fails here, and says which ids there are
    tasks = [
        EpisodeTask(
            args.env,
            args.seed + i,
            kwargs=json.loads(args.kwargs),
            options={"split": args.split},
            group=i,
            noise=args.seed,
        )
        for i in range(args.episodes)
    ]

    # 1. Who plays. Scripted agents return calls; a model returns text, which the executor parses.
    how = settings(args)
    players: dict[str, Any] = {name: scripted(name) for name in args.agents}
    if args.checkpoint:
        players[str(args.checkpoint)] = model(args, how)

    # 2. Everybody plays the same episodes.
    results = {}
    for name, agent in track(players.items(), "Playing", console=console, transient=True):
        with Executor(RolloutConfig(format=how["format"], prompt=how["prompt"])) as executor:
            rollout = executor.run(tasks, agent)
        results[name] = {**summarise_episodes(rollout.trajectories), "seconds": round(rollout.seconds, 2)}

    # 3. What came out. `failed` are episodes lost to the machinery: they count for nobody.
    table = Table(title=f"{args.env} {args.kwargs}\n{args.episodes} episodes of split {args.split}")
    table.add_column("agent", overflow="fold")
    for column in ("success", "95 % interval", "turns", "invalid", "failed"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, e in sorted(results.items(), key=lambda item: item[1]["success"]):
        interval = f"{e['low']:.1%} - {e['high']:.1%}"
        row = f"{e['success']:.1%}", interval, f"{e['turns']:.1f}", f"{1 - e['valid_turns']:.1%}", str(e["failed"])
        table.add_row(name.rpartition(":")[2], *row)
    console.print(table)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        asked = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(args).items()}
        args.json.write_text(json.dumps({"args": asked | how, "results": results}, indent=2) + "\n")


def scripted(name: str) -> RandomAgent | ScriptedAgent:
    """The agent of a name."""
    if name == "random":
        return RandomAgent()
    return ExpertAgent() if name == "expert" else ScriptedAgent(name)


def model(args: Args, how: dict[str, Any]) -> Any:
    """The model, as an agent that answers many episodes in one batch."""
    from mmgym_agents.transformers_agent import Sampling, TransformersAgent
    from mmgym_agents.vlm import VLM

    assert args.checkpoint
    vlm = VLM.load(args.checkpoint, device=args.device)
    chosen = {name: how[name] for name in ("max_new_tokens", "context")}
    return TransformersAgent(vlm, Sampling(temperature=args.temperature, greedy=args.greedy, **chosen))


def settings(args: Args) -> dict[str, Any]:
    """How the model is asked: as given, else as it was trained (``summary.json`` beside it), else the defaults."""
    how: dict[str, Any] = {"max_new_tokens": 256, "context": "full", "format": "tool_call", "prompt": "full"}
    summary = args.checkpoint.parent / "summary.json" if args.checkpoint else None
    if summary and summary.is_file():
        config = json.loads(summary.read_text()).get("config", {})
        known = {**config.get("policy", {}), **config.get("rollout", {})}
        how |= {name: known[name] for name in how if name in known}
    return how | {name: value for name in how if (value := getattr(args, name)) is not None}


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
