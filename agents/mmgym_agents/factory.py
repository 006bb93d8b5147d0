"""Policies for the trainer: a checkpoint folder if one is named, else the tiny model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mmgym.learn.mapping import from_mapping
from mmgym.learn.policy_config import LoraConfig
from mmgym_agents.adapters import add_adapters
from mmgym_agents.layers import arrange_layers
from mmgym_agents.parts import freeze
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.vllm_options import VLLMOptions
from mmgym_agents.vlm import VLM

__all__ = ["make_policy"]


def make_policy(
    *,
    checkpoint: str,
    tiny: Mapping[str, Any],
    words: Sequence[str],
    image_size: int,
    seed: int,
    dtype: str,
    device: str,
    frozen: Sequence[str] = (),
    lora: LoraConfig | None = None,
    checkpoint_layers: str = "none",
    compile: bool = False,
    engine: str = "transformers",
    engine_options: Mapping[str, Any] | None = None,
) -> VLM:
    """The policy that a `mmgym.learn.config.PolicyConfig` asks for.

    Args:
        checkpoint: a checkpoint folder, or empty for the tiny model.
        tiny: fields of `TinyConfig`.
        words: words that the tiny model's tokenizer knows as one token.
        image_size: side of the environment's images, for the tiny model.
        seed: seed of the tiny model's weights, and of adapters.
        dtype: type of the weights.
        device: where the weights go.
        frozen: parts that stay as they are.
        lora: adapters that learn in place of the weights.
        checkpoint_layers: which layers are computed again in the backward pass.
        compile: whether the language model's layers are compiled for the learner.
        engine: what samples, ``transformers`` or ``vllm``.
        engine_options: fields of `VLLMOptions`.

    Raises:
        ValueError: for a field that `TinyConfig` or `VLLMOptions` does not have, a part that the model does not have,
            or when nothing can be compiled here.
    """
    vlm = VLM.load(checkpoint, dtype, device) if checkpoint else _tiny(tiny, words, image_size, seed, dtype, device)
    freeze(vlm.model, frozen)
    if lora and lora.rank:
        add_adapters(vlm.model, lora, seed)
    arrange_layers(vlm.model, checkpoint_layers, compile)
    if engine == "vllm":
        vlm.engine = from_mapping(VLLMOptions, engine_options or {}, "policy.engine_options")
    return vlm


def _tiny(tiny: Mapping[str, Any], words: Sequence[str], image_size: int, seed: int, dtype: str, device: str) -> VLM:
    known = TinyConfig.__dataclass_fields__
    for name in tiny:
        if name not in known:
            raise ValueError(f"there is no field policy.tiny.{name}; fields here: {', '.join(known)}")
    vlm = build_tiny_vlm(TinyConfig(**{"image_size": image_size, "seed": seed, **tiny}), words)
    vlm.model.to(device, getattr(torch, dtype))
    return vlm
