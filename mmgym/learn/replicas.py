"""Who samples from a policy: an agent beside it, or replicas of it on a Ray cluster."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmgym.agent import Agent, BatchAgent, Policy, TrainableAgent
from mmgym.learn.build import make_policy
from mmgym.learn.config import TrainConfig
from mmgym.rollout.ray_agent import RayReplicas

if TYPE_CHECKING:
    import torch

__all__ = ["PolicyReplica", "make_sampler", "make_samplers", "with_whole_paths"]


def make_sampler(config: TrainConfig, policy: Policy, greedy: bool) -> TrainableAgent:
    """An agent that samples from the policy, in this process.

    Args:
        config: the run.
        policy: what it samples from.
        greedy: take the likeliest token instead of drawing.
    """
    return policy.sampler(
        temperature=config.policy.temperature,
        greedy=greedy,
        max_new_tokens=config.policy.max_new_tokens,
        context=config.policy.context,
        thinking=config.policy.thinking,
    )


def with_whole_paths(config: TrainConfig) -> TrainConfig:
    """The run as a process with another working directory must have it told: files and folders from the root on."""

    def whole(name: str) -> str:
        return str(Path(name).absolute()) if name and Path(name).exists() else name

    rollout, ray = config.rollout, config.rollout.ray
    prompt = whole(rollout.prompt) if rollout.prompt.endswith((".md", ".txt")) else rollout.prompt
    return replace(
        config,
        out=str(Path(config.out).absolute()),
        policy=replace(config.policy, checkpoint=whole(config.policy.checkpoint)),
        cloning=replace(config.cloning, trajectories=whole(config.cloning.trajectories)),
        rollout=replace(rollout, prompt=prompt, ray=replace(ray, runtime_env=whole(ray.runtime_env))),
        quote={name: whole(path) for name, path in config.quote.items()},
    )


class PolicyReplica:
    """A copy of a run's policy and its samplers, ``sampled`` and ``greedy``; made on the node where it runs.

    Args:
        config: the run; a checkpoint that it names must be found on that node, too.
    """

    def __init__(self, config: TrainConfig):
        self._policy = make_policy(config)
        self._samplers = {
            "sampled": make_sampler(config, self._policy, greedy=False),
            "greedy": make_sampler(config, self._policy, greedy=True),
        }

    @property
    def agents(self) -> Mapping[str, Agent | BatchAgent]:
        """The samplers."""
        return self._samplers

    def load(self, weights: dict[str, torch.Tensor], version: int) -> None:
        """Take what `Policy.weights` gave, and forget what was computed with the old ones."""
        self._policy.load_weights(weights)
        for sampler in self._samplers.values():
            sampler.weights_changed(version)


def make_samplers(config: TrainConfig, policy: Policy) -> tuple[Any, Any]:
    """The agent that draws and the one that takes the likeliest token: in replicas if the run has some, else here."""
    if config.rollout.ray.replicas:
        factory = functools.partial(PolicyReplica, with_whole_paths(config))
        replicas = RayReplicas(factory, policy.weights, config.rollout.ray)
        return replicas.agent("sampled"), replicas.agent("greedy")
    return make_sampler(config, policy, greedy=False), make_sampler(config, policy, greedy=True)
