"""Weights that are spread over the processes (PyTorch's FSDP2): each holds a part of every weight, gradient and moment.

The weights of a layer are gathered from all processes when it runs and are freed again, and each process keeps its part
of the sum of their gradients. So all must run the same layers equally often and in the same order, whatever rows and
pictures they have: who has nothing left to do runs along on nothing. What samples needs all weights at once: a whole
copy, which is brought up to date after each update.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from mmgym.agent import ImageFeatures, Policy
from mmgym.env import choose
from mmgym.learn.distributed import World
from mmgym.learn.mapping import at_least

if TYPE_CHECKING:  # a second's import, which runs without sharding do not wait for
    from torch.distributed.tensor import DeviceMesh

    from mmgym.learn.sharded_checkpoint import Layout

__all__ = ["ShardedPolicy", "ShardingConfig", "as_sharded", "full_state_dict", "whole_tensor"]

T = TypeVar("T")


@dataclass(frozen=True)
class ShardingConfig:
    """How weights are spread over the processes of a run."""

    mode: str = "none"
    """``none``: every process has all weights; ``fsdp2``: each has a part of every weight, gradient and moment."""
    shard_size: int = 0
    """Processes that have all weights between them, e.g. those of one machine; 0 means all. With fewer, the gradients
    of such groups are summed (hybrid sharding)."""
    reshard: bool = True
    """Free the weights of a layer between its forward and its backward pass, and gather them once more. Without, a step
    takes fewer messages and the memory of all weights."""

    def __post_init__(self) -> None:
        choose("mode", self.mode, ("none", "fsdp2"))
        at_least(self, 0, "shard_size")


class ShardedPolicy:
    """A `mmgym.agent.Policy` whose model is sharded; what is not said here is the policy's own.

    Args:
        policy: the policy, alike in all processes. Its model is sharded in place.
        world: the processes. All must make it, and call each method that says so, together.
        config: how.
        master_weights: learn float32 copies of weights below float32; layers then compute in the type they came in.
        tower: the policy whose frozen vision tower is used, and no whole copy is made; for `clone`.

    Raises:
        ValueError: when the processes are not a multiple of ``shard_size``.
    """

    def __init__(
        self,
        policy: Policy,
        world: World,
        config: ShardingConfig,
        master_weights: bool = True,
        tower: Policy | None = None,
    ):
        self._policy, self.world, self.config, self._master_weights = policy, world, config, master_weights
        self.frozen_tower = not _tower_learns(policy)
        self._whole = None if tower else policy.clone()
        self._tower = tower or self._whole
        self._mesh = _mesh(next(policy.model.parameters()).device.type, world, config)
        self._shard_model()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    @property
    def model(self) -> torch.nn.Module:
        """The sharded model: its parameters are `DTensor`."""
        return self._policy.model

    @property
    def whole(self) -> Policy:
        """The copy with all weights, as they were at the last `refresh`."""
        if self._whole is None:
            raise ValueError("a clone of a sharded policy is learned and not sampled from: it has no whole copy")
        return self._whole

    @property
    def layout(self) -> Layout:
        """Over which processes each parameter is spread, and how."""
        parameter: Any = next(self.model.parameters())
        return parameter.device_mesh, parameter.placements

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """``function(*arguments)``, which calls parts of the model; all processes must call it.

        The function may return tensors, also in lists, tuples, dicts and dataclasses: the weights are there again when
        a gradient comes back to them.
        """
        model: Any = self.model
        result: T = model.run_as_forward(function, *arguments)
        if not torch.is_grad_enabled():  # no backward pass will free them
            for module in self._sharded_modules():
                module.reshard()
        return result

    def shard(self, module: torch.nn.Module) -> None:
        """Shard a module that is learned beside the model, such as a value head."""
        from torch.distributed.fsdp import fully_shard

        fully_shard(module, mesh=self._mesh, reshard_after_forward=True)
        _sum_gradients(module)

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images. All processes must call it, those without images, too."""
        nothing = ImageFeatures([], np.zeros(0, np.int64))
        if self.frozen_tower:
            assert self._tower is not None
            return self._tower.image_features(images) if images else nothing
        shapes = self.world.gather(images[0].shape if images else None)
        shape = next((shape for shape in shapes if shape), None)
        if shape is None:
            return nothing
        return self.run(self._policy.image_features, images or [np.zeros(shape, np.uint8)])

    @torch.no_grad()
    def refresh(self) -> None:
        """Bring the whole copy up to date. All processes must call it."""
        copies = dict(self.whole.model.named_parameters())
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                copies[name].copy_(whole_tensor(parameter.to(copies[name].dtype)))

    def sampler(self, **sampling: Any) -> Any:
        """An agent that samples from the whole copy."""
        return self.whole.sampler(**sampling)

    def save(self, path: Path) -> None:
        """Write the whole copy as a folder that the Auto classes of transformers load."""
        self.whole.save(path)

    def clone(self) -> ShardedPolicy:
        """A copy, sharded alike, that learns apart from this one. All processes must call it."""
        copy = ShardedPolicy(self.whole.clone(), self.world, self.config, self._master_weights, self._tower)
        copy.model.load_state_dict(self.model.state_dict())
        return copy

    def reference(self) -> Policy:
        """The policy as it is now, to compare with, whole in each process. All processes must call it."""
        self.refresh()
        return self.whole.reference()

    def base_identity(self) -> str:
        """As the whole copy's."""
        return self.whole.base_identity()

    def _shard_model(self) -> None:
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

        # views must not be changed in place: no loss does
        warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor", UserWarning)
        model: Any = self.model
        low = [p for p in model.parameters() if p.requires_grad and p.dtype.itemsize < 4]
        computed_in = low[0].dtype if low and self._master_weights else None
        precision = MixedPrecisionPolicy(computed_in, torch.float32, cast_forward_inputs=False)

        def shard(module: torch.nn.Module, reshard: bool | None) -> None:
            for parameter in module.parameters() if computed_in else []:
                if parameter.requires_grad and parameter.dtype == computed_in:
                    parameter.data = parameter.data.float()
            fully_shard(module, mesh=self._mesh, reshard_after_forward=reshard, mp_policy=precision)

        _let_gradients_reach_inputs(model)
        for layer in _layers(model):
            shard(layer, self.config.reshard)
        model.run_as_forward = types.MethodType(_run_as_forward, model)
        shard(model, None if self.config.reshard else False)
        register_fsdp_forward_method(model, "run_as_forward")
        for module in self._sharded_modules():
            _sum_gradients(module)

    def _sharded_modules(self) -> Iterator[Any]:
        from torch.distributed.fsdp import FSDPModule

        return (module for module in self.model.modules() if isinstance(module, FSDPModule))


def as_sharded(policy: Any) -> ShardedPolicy | None:
    """The policy if it is sharded, else None."""
    return policy if isinstance(policy, ShardedPolicy) else None


def full_state_dict(policy: Policy) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and weights of a model, one whole weight at a time; where they are sharded all processes must go along."""
    for name, weight in policy.model.state_dict().items():
        yield name, whole_tensor(weight)


def whole_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """The whole of a sharded tensor, which all processes must ask for; any other tensor as it is."""
    gather = getattr(tensor, "full_tensor", None)
    return gather() if gather else tensor


def _mesh(device: str, world: World, config: ShardingConfig) -> DeviceMesh:
    from torch.distributed.device_mesh import init_device_mesh

    size = config.shard_size or world.size
    if world.size % size:
        raise ValueError(f"sharding.shard_size must divide the number of processes, {world.size}; got {size}")
    if size == world.size:
        return init_device_mesh(device, (size,))
    return init_device_mesh(device, (world.size // size, size), mesh_dim_names=("replicate", "shard"))


def _layers(model: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """What is gathered and freed as one: the members of each list of modules that lies in no other."""
    inner: set[torch.nn.Module] = set()
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and module not in inner:
            inner.update(module.modules())
            yield from module


def _run_as_forward(self: torch.nn.Module, function: Callable[..., T], *arguments: Any) -> T:
    return function(*arguments)


def _sum_gradients(module: Any) -> None:
    """Gradients are summed: losses are divided by what all processes have together."""
    module.set_gradient_divide_factor(1.0)
    module.set_force_sum_reduction_for_comms(True)  # gloo has no operation that divides


def _let_gradients_reach_inputs(model: Any) -> None:
    """Where embeddings are frozen a gradient would come back to the first layer with pictures only.

    Layers would then hand in their gradients in another order with pictures than without.
    """
    if not model.get_input_embeddings().weight.requires_grad:
        model.enable_input_require_grads()


def _tower_learns(policy: Policy) -> bool:
    """Whether a gradient reaches the vision tower, as seen on a picture."""
    with torch.enable_grad():
        layers = policy.image_features([np.zeros((64, 64, 3), np.uint8)]).layers
    return any(layer.requires_grad for layer in layers)
