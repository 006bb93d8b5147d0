"""mmgym's learner on a batch: `Learner.step` with everything in it, from pixels to the optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmarks.learner_step.batch import Batch, make_policy
from mmgym.learn.learner import Learner, Part
from mmgym.learn.loss_config import LOSSES
from mmgym.learn.losses import LossOutput, TokenBatch, policy_loss
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.policy_config import LoraConfig
from mmgym_agents.adapters import add_adapters
from mmgym_agents.layers import arrange_layers
from mmgym_agents.parts import freeze
from mmgym_agents.vlm import VLM

__all__ = ["Options", "build", "make_learner", "step"]


@dataclass(frozen=True)
class Options:
    """What is on and what is off."""

    layout: str = "packed"
    """``packed`` or ``padded``."""
    lora_rank: int = 0
    """Adapters that learn in place of the weights; 0 for none."""
    frozen_vision: bool = False
    """The tower stays as it is; its features are cached after the first step."""
    cached: bool = True
    """Keep a frozen tower's features from step to step."""
    checkpoint_layers: str = "all"
    """Layers that are run again in the backward pass, as in `PolicyConfig`."""
    compile: bool = False
    """Compile the layers of the language model."""
    optimizer: str = "adamw"
    """``adamw`` or ``adamw8bit``."""
    master_weights: bool = True
    """Learn float32 copies of the weights."""


def build(model: str, options: Options, dtype: torch.dtype, device: str) -> VLM:
    """The model with the options that concern it."""
    policy = make_policy(model, dtype, device)
    if options.frozen_vision:
        freeze(policy.model, ["vision"])
    if options.lora_rank:
        add_adapters(policy.model, LoraConfig(rank=options.lora_rank), seed=0)
    arrange_layers(policy.model, options.checkpoint_layers, options.compile)
    return policy


def make_learner(policy: VLM, options: Options, max_tokens: int, max_image_tokens: int = 1 << 14) -> Learner:
    """The learner with the others; sizes of micro-batches and of passes of the tower as in `Learner`."""
    optimizer = OptimizerConfig(name=options.optimizer, lr=1e-6)
    learner = Learner(
        policy,
        optimizer,
        max_tokens=max_tokens,
        master_weights=options.master_weights,
        layout=options.layout,
        max_image_tokens=max_image_tokens,
    )
    learner.features.max_bytes = 32 << 30 if options.cached else 0
    return learner


def step(learner: Learner, batch: Batch) -> dict[str, float]:
    """One optimizer step on a batch."""

    def loss(tokens: TokenBatch) -> LossOutput:
        return policy_loss(tokens, LOSSES["dapo"])

    return learner.step([Part(batch.rows, batch.images, loss, float(batch.trained))])
