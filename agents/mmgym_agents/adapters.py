"""Low-rank adapters: peft puts them into the model, whose modules keep their names and places.

What is saved of a run is the adapters alone. A checkpoint folder has both: the merged model, which anything loads, and
the adapter, which peft loads on top of the weights it was learned on.
"""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from mmgym.learn.policy_config import LoraConfig
from mmgym_agents.parts import PARTS, in_part, parts_of

__all__ = [
    "adapter_weights",
    "add_adapters",
    "has_adapters",
    "hash_of_base",
    "merged_model",
    "merged_weights",
    "rest_if_zero",
]

_PREFIX, _NAME, _BASE = "lora_", "default", "base_layer"
"""As peft names them: ``q_proj.lora_A.default.weight`` beside ``q_proj.base_layer.weight``."""


def add_adapters(model: Any, config: LoraConfig, seed: int) -> None:
    """Put adapters into the linear layers that the configuration names; nothing else learns from then on.

    At first they change nothing.

    Args:
        model: a model for conditional generation; layers whose weight is frozen get none.
        config: rank, scale, and which layers.
        seed: of their random weights.

    Raises:
        ValueError: for a target that names no linear layer, naming those that do.
        ImportError: when peft is missing.
    """
    try:
        import peft
    except ImportError as error:
        raise ImportError(f"policy.lora needs peft: pip install 'mmgym[train]' ({error})") from error
    names = _linear_layers(model, config)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.add_adapter(peft.LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=names), _NAME)


def has_adapters(model: Any) -> bool:
    """Whether `add_adapters` was called on a model."""
    return bool(getattr(model, "_hf_peft_config_loaded", False))


def adapter_weights(model: Any) -> dict[str, torch.Tensor]:
    """The adapters' own parameters."""
    return {name: parameter.detach() for name, parameter in model.named_parameters() if f".{_PREFIX}" in name}


def rest_if_zero(model: Any) -> None:
    """Switch adapters off where they add nothing, so that the model costs what it did without them."""
    if not any(weight.any() for name, weight in adapter_weights(model).items() if f".{_PREFIX}B." in name):
        model.disable_adapters()


def hash_of_base(model: Any) -> str:
    """sha256 of all weights but the adapters'."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if f".{_PREFIX}" not in name:
            values = parameter.detach().cpu().contiguous()
            digest.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
            digest.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@torch.no_grad()
def merged_weights(model: Any) -> dict[str, torch.Tensor]:
    """All weights under the names they have without adapters, the adapters added in."""
    layers = {name: module for name, module in model.named_modules() if hasattr(module, "get_delta_weight")}
    merged = {}
    for name, weight in model.state_dict().items():
        if f".{_PREFIX}" in name:
            continue
        owner, _, kind = name.rpartition(f".{_BASE}.")
        if owner in layers:
            name = f"{owner}.{kind}"
            if kind == "weight":
                weight = weight + layers[owner].get_delta_weight(_NAME).to(weight.dtype)
        merged[name] = weight
    return merged


def merged_model(model: Any) -> Any:
    """A model without adapters that computes the same, to rounding; it shares what they do not change."""
    with torch.device("meta"):
        plain = type(model)(model.config)
    plain.load_state_dict(merged_weights(model), assign=True)
    plain.tie_weights()
    plain.generation_config = model.generation_config
    return plain


def _linear_layers(model: Any, config: LoraConfig) -> list[str]:
    layers = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    open_layers = [name for name, layer in layers.items() if not in_part(name, "head") and layer.weight.requires_grad]
    chosen: dict[str, None] = {}
    for target in config.targets:
        if target in PARTS:
            found = [name for name in open_layers if in_part(name, target)]
        else:
            found = [name for name in open_layers if name.rpartition(".")[2] == target or in_part(name, target)]
        if not found:
            kinds = sorted({name.rpartition(".")[2] for name in open_layers})
            raise ValueError(
                f"lora.targets: no linear layer that is not frozen lies in {target!r}; allowed are parts "
                f"({', '.join(parts_of(model))}) and layers ({', '.join(kinds)})"
            )
        chosen |= dict.fromkeys(found)
    return list(chosen)
