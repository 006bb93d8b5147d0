"""Tiny models that a vLLM engine samples from; only where there is one."""

from __future__ import annotations

import importlib.util
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from playing import tiny

from mmgym.learn.learner import Learner, OptimizerConfig
from mmgym.learn.packing import supervised_row
from mmgym.rollout import Rollout
from mmgym.trajectory import segments
from mmgym_agents.vllm_agent import VLLMAgent
from mmgym_agents.vllm_options import VLLMOptions
from mmgym_agents.vlm import VLM

TEMPERATURE = 0.8
SMALL: dict[str, Any] = {"block_size": 32, "max_num_seqs": 32}
"""Blocks of 32 tokens, so that short prompts have prefixes to cache."""

_found = importlib.util.find_spec("vllm")
needs_vllm = pytest.mark.skipif(
    _found is None or _found.origin is None, reason="vLLM has an environment of its own: make test-vllm"
)


def with_engine(family: str = "qwen3_vl", **options: Any) -> VLM:
    """A tiny model with heads that vLLM's attention on a CPU has kernels for."""
    vlm = tiny(family, heads=2)
    vlm.engine = VLLMOptions(**{"vllm": SMALL, "max_context": 1024, **options})
    return vlm


def sampler(vlm: VLM, **changes: Any) -> VLLMAgent:
    """The engine's agent."""
    settings = {"temperature": TEMPERATURE, "greedy": False, "max_new_tokens": 6, "context": "full", **changes}
    return vlm.sampler(**settings)


_perturbed: WeakKeyDictionary[torch.nn.Module, int] = WeakKeyDictionary()
"""How often the weights of a model were changed."""


def perturb(vlm: VLM) -> None:
    """Change every weight, each time in another direction: weights that grow are rounded more coarsely."""
    _perturbed[vlm.model] = _perturbed.get(vlm.model, 0) + 1
    generator = torch.Generator().manual_seed(10 + _perturbed[vlm.model])
    with torch.no_grad():
        for parameter in vlm.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)


def largest_difference(vlm: VLM, rollout: Rollout, temperature: float = TEMPERATURE) -> float:
    """Between the log-probabilities that were recorded and those the learner finds."""
    found = [segment for trajectory in rollout.trajectories for segment in segments(trajectory)]
    assert sum(int(segment.trained.sum()) for segment in found) > 20
    learner = Learner(vlm, OptimizerConfig(), temperature=temperature, max_tokens=2048)
    recomputed = learner.logprobs([supervised_row(segment) for segment in found], rollout.images)
    pairs = zip(recomputed, found, strict=True)
    return max(float(np.abs(own - segment.logprobs[segment.trained]).max()) for own, segment in pairs)


def versions(rollout: Rollout) -> set[int]:
    """Of the weights that sampled."""
    return {turn.version for trajectory in rollout.trajectories for turn in trajectory.turns}
