"""How the learner runs a model's layers: which are computed again in the backward pass, and which are compiled.

transformers computes layers again only in training mode, and then drops the cache that sampling needs; here a model
is always in evaluation mode, sampled from and learned by turns. So each layer decides by the call: with a cache it is
sampled from, as it is; with gradients it may keep its inputs alone and be computed again.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from mmgym.learn.policy_config import is_recomputed
from mmgym_agents.parts import in_part

__all__ = ["arrange_layers"]


def arrange_layers(model: Any, recomputed: str = "none", compiled: bool = False) -> None:
    """Set how the layers of a model are run.

    Args:
        model: a model of transformers.
        recomputed: which layers of each stack keep their inputs alone (`PolicyConfig.checkpoint_layers`). Gradients
            are the same.
        compiled: whether those of the language model are compiled.

    Raises:
        ValueError: when no layer can be computed again, or nothing can be compiled here.
    """
    if recomputed == "none" and not compiled:
        return
    if compiled:
        _check_compiler(next(model.parameters()).device)
    found = False
    for name, number, layer in _layers(model):
        kind: Any = type(layer)
        layer._recomputed = is_recomputed(recomputed, number)
        layer._compiled = _compiled(kind) if compiled and in_part(name, "language") else None
        layer.forward = types.MethodType(_forward, layer)
        found = True
    if not found:
        raise ValueError(f"checkpoint_layers, compile: {type(model).__name__} has no stack of layers")


def _layers(model: Any) -> Iterator[tuple[str, int, Any]]:
    """Name, number in its stack, and layer."""
    for name, stack in model.named_modules():
        if isinstance(stack, torch.nn.ModuleList):
            for number, layer in enumerate(stack):
                if isinstance(layer, GradientCheckpointingLayer):
                    yield f"{name}.{number}", number, layer


def _forward(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The forward pass of one layer, as `arrange_layers` set it."""
    run: Callable[..., Any] = functools.partial(type(self).forward, self)
    if kwargs.get("past_key_values") is not None:
        return run(*args, **kwargs)
    if self._compiled is not None:
        run = functools.partial(self._compiled, self)
    if self._recomputed and torch.is_grad_enabled():
        # nothing in a layer is random: there is no dropout in evaluation mode
        return checkpoint(run, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)
    return run(*args, **kwargs)


@functools.cache
def _compiled(kind: Any) -> Callable[..., Any]:
    """The forward pass of all layers of a class, compiled once for any length."""
    return torch.compile(kind.forward, dynamic=True)


def _check_compiler(device: torch.device) -> None:
    try:
        torch.compile(_probe)(torch.zeros(2, device=device))
    except Exception as error:  # inductor, a C++ compiler and triton each have errors of their own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"policy.compile: nothing can be compiled for {device} here ({reason}): install a C++ compiler (g++), or "
            "leave compile off"
        ) from error


def _probe(x: torch.Tensor) -> torch.Tensor:
    return x * 2 + 1
