"""What a computation costs: products, bytes moved, bytes kept for the backward pass, most bytes alive at a time.

Counted while it runs, on real tensors or on torch's meta device, where nothing is computed and a model of any size can
be asked. Attention is taken as a fused kernel on every device: queries, keys, values, the output and a number for each
query are kept, never a matrix of scores.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

__all__ = ["Counter", "FusedAttention", "PassCost", "inference_peak", "passes", "saved_bytes"]


class Counter(TorchDispatchMode):
    """Counts what runs inside it.

    Args:
        known: tensors that were there before, which are not counted as alive (weights, their gradients).
    """

    def __init__(self, known: Iterable[torch.Tensor] = ()):
        super().__init__()
        self.flops = 0
        """Floating-point operations of matrix products and convolutions; a multiplication and an addition are two."""
        self.moved = 0
        """Bytes that all other operations read and write."""
        self.alive = 0
        """Bytes of the tensors that were made inside and are still there."""
        self.peak = 0
        """The most there were at a time."""
        self._known = weakref.WeakSet(tensor.untyped_storage() for tensor in known)

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), keywords: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*arguments, **(keywords or {}))
        inputs = {id(t.untyped_storage()): t for t in _tensors((arguments, keywords))}
        outputs = [t for t in _tensors(result)]
        for tensor in outputs:
            self._track(tensor)
        packet = function._overloadpacket
        if packet in flop_registry:
            self.flops += int(flop_registry[packet](*arguments, **(keywords or {}), out_val=result))
        elif function._schema.is_mutable or any(id(t.untyped_storage()) not in inputs for t in outputs):
            self.moved += sum(map(_bytes, [*inputs.values(), *outputs]))
        return result

    def _track(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._known:
            return
        self._known.add(storage)
        size = storage.nbytes()
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, partial(self._free, size))

    def _free(self, size: int) -> None:
        self.alive -= size


class FusedAttention(TorchFunctionMode):
    """Runs attention without scores: its results are wrong, but of the right shape, and what it keeps is right."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), keywords: Mapping[str, Any] | None = None
    ) -> Any:
        if function is torch.nn.functional.scaled_dot_product_attention:
            return _Fused.apply(*arguments[:3])
        return function(*arguments, **(keywords or {}))


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        output = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, output, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
        query, key, value, _, _ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


@dataclass(frozen=True)
class PassCost:
    """Costs of a forward and a backward pass."""

    forward_flops: int
    backward_flops: int
    forward_moved: int
    backward_moved: int
    saved: int
    """Bytes kept from the one for the other."""
    peak: int
    """Most bytes alive at a time, besides weights, their gradients and the inputs."""


def passes(
    forward: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...], weights: Iterable[torch.Tensor]
) -> PassCost:
    """Run `forward` and its backward pass and count.

    Args:
        forward: from the inputs to one tensor that has a gradient.
        inputs: what it is given.
        weights: what is there anyway and does not count; those that learn get their gradients beforehand.
    """
    parameters = list(weights)
    for parameter in parameters:
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    there = [*parameters, *(p.grad for p in parameters if p.grad is not None)]
    with FusedAttention(), Counter([*there, *inputs]) as ahead:
        kept, output = saved_bytes(forward, inputs, there)
        with Counter() as back:
            output.backward(torch.empty_like(output))
    # the outer counter has seen the backward pass, too
    return PassCost(ahead.flops - back.flops, back.flops, ahead.moved - back.moved, back.moved, kept, ahead.peak)


def inference_peak(forward: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...]) -> int:
    """Most bytes alive at a time while `forward` runs without a backward pass to come, the inputs apart."""
    with torch.no_grad(), FusedAttention(), Counter(inputs) as counter:
        forward(*inputs)
    return counter.peak


def saved_bytes(
    forward: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, ...], without: Iterable[torch.Tensor]
) -> tuple[int, torch.Tensor]:
    """Bytes that autograd keeps for the backward pass of ``forward(*inputs)``, and its result.

    Args:
        forward: the computation.
        inputs: what it is given.
        without: tensors that do not count: weights.
    """
    there = {id(storage): storage for storage in (tensor.untyped_storage() for tensor in without)}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if id(storage) not in there:
            kept[id(storage)] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = forward(*inputs)
    return sum(storage.nbytes() for storage in kept.values()), output


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _bytes(tensor: torch.Tensor) -> int:
    """Bytes that reading or writing a tensor moves: no more than it has, where it is expanded."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
