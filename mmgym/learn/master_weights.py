"""Master weights: float32 copies of weights that compute in a lower precision. The copies are what is learned.

bfloat16 has 8 bits of precision: an update below 1/512 of a weight is rounded away. The gradient of each backward pass
is added to the copy's in float32 as soon as it is there, and then freed, so that gradients of micro-batches, too, are
summed in float32; the weights themselves are rounded from their copies after each step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import torch

__all__ = ["GradientSum", "MasterWeights"]


class MasterWeights:
    """The copies of some parameters.

    Args:
        named: the parameters that are learned, by name; only those below float32 get a copy.
    """

    def __init__(self, named: Iterable[tuple[str, torch.nn.Parameter]]):
        self._named = {name: parameter for name, parameter in named if parameter.dtype.itemsize < 4}
        self._copies = {name: torch.nn.Parameter(parameter.detach().float()) for name, parameter in self._named.items()}

    def of(self, name: str, parameter: torch.nn.Parameter) -> torch.nn.Parameter:
        """The copy of a parameter, with its gradient; the parameter itself where it is float32."""
        return self._copies.get(name, parameter)

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Within it, the gradients of backward passes go to the copies."""
        with contextlib.ExitStack() as hooks:
            for name, parameter in self._named.items():
                hook = parameter.register_post_accumulate_grad_hook(_move_gradient_to(self._copies[name]))
                hooks.callback(hook.remove)
            yield

    @torch.no_grad()
    def publish(self) -> None:
        """Round the weights from their copies."""
        for name, parameter in self._named.items():
            parameter.copy_(self._copies[name])

    def state(self) -> dict[str, torch.Tensor]:
        """The copies, float32."""
        return {name: copy.detach() for name, copy in self._copies.items()}

    @torch.no_grad()
    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        for name, copy in self._copies.items():
            copy.copy_(state[name])


class GradientSum:
    """The gradient of a tensor over several backward passes, summed in float32; it does not keep the tensor alive.

    Args:
        tensor: a leaf. Below float32 its ``.grad`` is freed after each pass.
    """

    def __init__(self, tensor: torch.Tensor):
        self._total: torch.Tensor | None = None
        if tensor.requires_grad and tensor.dtype.itemsize < 4:
            tensor.register_post_accumulate_grad_hook(self._add)

    def of(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The sum, in the type of the tensor; None where no gradient came."""
        return tensor.grad if self._total is None else self._total.to(tensor.dtype)

    def _add(self, tensor: torch.Tensor) -> None:
        assert tensor.grad is not None
        self._total = tensor.grad.float() if self._total is None else self._total.add_(tensor.grad)
        tensor.grad = None


def _move_gradient_to(copy: torch.nn.Parameter) -> Callable[[torch.Tensor], None]:
    def move(parameter: torch.Tensor) -> None:
        assert parameter.grad is not None
        if copy.grad is None:
            copy.grad = parameter.grad.float()
        else:
            copy.grad.add_(parameter.grad)
        parameter.grad = None

    return move
