"""Muon as PyTorch has it, in a number format that the device is quick in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

__all__ = ["Muon", "orthogonal"]


class Muon(torch.optim.Muon):
    """`torch.optim.Muon` with its original learning rate, orthogonalising in float32 where there is no GPU.

    PyTorch's does so in bfloat16 everywhere, and takes many times as long on a CPU without instructions for it
    (`benchmarks/muon.py`). The state is PyTorch's.

    Args:
        params: matrices.
        lr: learning rate; of a matrix n times as tall as wide sqrt(n) times as much.
        weight_decay: decoupled weight decay.
        momentum: share of the mean gradient that is kept in a step; Nesterov's.
        steps: Newton-Schulz steps.
    """

    def __init__(
        self, params: Iterable[torch.nn.Parameter], lr: float, weight_decay: float, momentum: float, steps: int
    ) -> None:
        super().__init__(params, lr, weight_decay, momentum, ns_steps=steps)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters that have gradients; returns what `closure` does."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        gradient, state, momentum, rate = parameter.grad, self.state[parameter], group["momentum"], group["lr"]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient, memory_format=torch.preserve_format)
        mean = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        direction = orthogonal(
            gradient.lerp(mean, momentum),
            group["ns_steps"],
            group["ns_coefficients"],
            group["eps"],
            torch.bfloat16 if parameter.is_cuda else torch.float32,
        )
        rows, columns = parameter.shape
        parameter.mul_(1 - rate * group["weight_decay"])
        parameter.add_(direction, alpha=-rate * max(1.0, rows / columns) ** 0.5)


def orthogonal(
    matrix: torch.Tensor, steps: int, coefficients: tuple[float, float, float], eps: float, dtype: torch.dtype
) -> torch.Tensor:
    """A matrix with the singular vectors of another, and singular values near 1 (Newton-Schulz iteration).

    Args:
        matrix: two dimensions.
        steps: how often the polynomial is applied.
        coefficients: of the singular value's first, third and fifth power.
        eps: the least norm that the matrix is divided by.
        dtype: what is computed in, and given back.
    """
    first, third, fifth = coefficients
    tall = matrix.size(0) > matrix.size(1)
    found = matrix.to(dtype)
    found = found.T if tall else found
    found = found / found.norm().clamp(min=eps)
    for _ in range(steps):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=third, alpha=fifth), found, beta=first)
    return found.T if tall else found
