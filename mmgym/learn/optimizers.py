"""Optimizers: the settings of one stage, and which rule updates which parameter."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mmgym.env import choose
from mmgym.learn.muon import Muon

__all__ = ["OptimizerConfig", "make_optimizers", "require_optimizer"]

_NAMES = ("adamw", "muon", "adamw8bit")
_HIDDEN = re.compile(r"\b(layers?|blocks)\.\d+\.|merger")
"""What is in the names of the weights of layers, and of Qwen's connectors."""


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer of one stage."""

    name: str = "adamw"
    """``adamw``; ``muon``: Muon for the hidden matrices, AdamW for the rest; ``adamw8bit``: AdamW whose moments take
    one byte each in place of four (torchao)."""
    lr: float = 1e-3
    """Learning rate of AdamW."""
    muon_lr: float = 0.02
    """Learning rate of Muon."""
    warmup_steps: int = 20
    """Steps over which the learning rate rises to its value."""
    decay_from: float = 0.3
    """Share of the stage after which the learning rate falls linearly."""
    final_scale: float = 0.1
    """Where it ends, as a share of the learning rate."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    beta2: float = 0.98
    """AdamW's decay of squared gradients."""
    weight_decay: float = 0.0
    """Weight decay."""

    def __post_init__(self) -> None:
        choose("optimizer name", self.name, _NAMES)
        for name in ("lr", "muon_lr", "max_grad_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        for name in ("decay_from", "final_scale"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {getattr(self, name)}")
        if not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 must be from 0 to below 1; got {self.beta2}")
        for name in ("warmup_steps", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0; got {getattr(self, name)}")

    def scale(self, step: int, steps: int) -> float:
        """Learning-rate factor of step `step` (from 0) of `steps`."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        fall = min(1.0, (1 - step / steps) / max(1e-9, 1 - self.decay_from))
        return rise * max(self.final_scale, fall)


def require_optimizer(config: OptimizerConfig) -> None:
    """Import what the optimizer needs; a checkpoint of its state cannot be read before.

    Raises:
        ImportError: naming the extra that brings it.
    """
    if config.name == "adamw8bit":
        try:
            import torchao.optim  # noqa: F401
        except ImportError as error:
            raise ImportError(f"optimizer adamw8bit needs torchao: pip install 'mmgym[eight-bit]' ({error})") from error


def make_optimizers(
    named: Sequence[tuple[str, torch.nn.Parameter]], config: OptimizerConfig
) -> list[torch.optim.Optimizer]:
    """The optimizers of some parameters; none for no parameters.

    Each group has its learning rate in ``base_lr``, too, for schedules.

    Args:
        named: the parameters, by name.
        config: how they are updated.
    """
    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, parameter in named:
        hidden = parameter.ndim == 2 and _HIDDEN.search(name)
        (matrices if config.name == "muon" and hidden else rest).append(parameter)
    optimizers: list[torch.optim.Optimizer] = []
    if rest:
        make: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW
        options: dict[str, Any] = {"fused": True}
        if config.name == "adamw8bit":
            make, options = _eight_bit(config), {}
        betas = (0.9, config.beta2)
        optimizers.append(make(rest, lr=config.lr, betas=betas, weight_decay=config.weight_decay, **options))
    if matrices:
        optimizers.append(Muon(matrices, config.muon_lr, config.weight_decay, momentum=0.95, steps=3))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def _eight_bit(config: OptimizerConfig) -> Callable[..., torch.optim.Optimizer]:
    require_optimizer(config)
    from torchao.optim import AdamW8bit

    class EightBit(AdamW8bit):
        """torchao compiles its update for every shape of parameter; on a CPU that takes longer than it saves."""

        def step(self, closure: Any = None) -> Any:
            on_cpu = self.param_groups[0]["params"][0].device.type == "cpu"
            with torch.compiler.set_stance("force_eager" if on_cpu else "default"):
                return super().step(closure)

    return EightBit
