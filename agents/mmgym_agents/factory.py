"""Policies for the trainer: a checkpoint folder if one is named, else the tiny model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
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
) -> VLM:
    """The policy that a `mmgym.learn.config.PolicyConfig` asks for.

    Args:
        checkpoint: a checkpoint folder, or empty for the tiny model.
        tiny: fields of `TinyConfig`.
        words: words that the tiny model's tokenizer knows as one token.
        image_size: side of the environment's images, for the tiny model.
        seed: seed of the tiny model's weights.
        dtype: type of a checkpoint's weights.
        device: where the weights go.

    Raises:
        ValueError: for a field that `TinyConfig` does not have.
    """
    if checkpoint:
        return VLM.load(checkpoint, dtype, device)
    known = TinyConfig.__dataclass_fields__
    for name in tiny:
        if name not in known:
            raise ValueError(f"there is no field policy.tiny.{name}; fields here: {', '.join(known)}")
    vlm = build_tiny_vlm(TinyConfig(**{"image_size": image_size, "seed": seed, **tiny}), words)
    vlm.model.to(device)
    return vlm
