"""Tiny models whose costs are counted for real, beside what the planner says of their configurations."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch

from mmgym.plan.shape import ModelShape
from mmgym.trajectory import ImageRef, ImageStore
from mmgym_agents.shapes import shape_of
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.vlm import VLM

SIZES = {
    "narrow": {"hidden_size": 64, "layers": 2, "vision_depth": 2},
    "wide": {"hidden_size": 256, "layers": 3, "intermediate_size": 320, "vision_depth": 3, "vision_hidden_size": 96},
    "deep": {"hidden_size": 96, "layers": 6, "intermediate_size": 512, "vision_depth": 4, "vision_hidden_size": 64},
}


@dataclass
class Reading:
    """A sequence of images and text, as a tiny model reads it."""

    policy: VLM
    shape: ModelShape
    ids: torch.Tensor
    positions: torch.Tensor
    images: list[np.ndarray]
    refs: list[ImageRef]

    @property
    def patches(self) -> int:
        return sum(self.policy.image_tokens(ref) for ref in self.refs) * self.shape.merge_size**2


@functools.cache
def _shape(family: str, size: str, dtype: str) -> ModelShape:
    return shape_of(_policy(family, size).model.config, family, dtype)


def _policy(family: str, size: str) -> VLM:
    patch = 14 if family == "qwen2_5_vl" else 16
    return build_tiny_vlm(TinyConfig(family=family, patch_size=patch, image_size=4 * patch, **SIZES[size]))


def reading(family: str, size: str, images: int = 3, text: int = 40, dtype: str = "float32") -> Reading:
    """A tiny model, and a sequence of images with some tokens after each."""
    policy = _policy(family, size)
    policy.model.to(getattr(torch, dtype))
    rng, side = np.random.default_rng(0), 56 if family == "qwen2_5_vl" else 64
    pictures = [rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(images)]
    store = ImageStore()
    refs = [store.add(picture) for picture in pictures]
    ids = np.concatenate(
        [
            np.concatenate([np.full(policy.image_tokens(ref), policy.image_token_id()), rng.integers(7, 200, text)])
            for ref in refs
        ]
    ).astype(np.int32)
    positions = torch.from_numpy(policy.positions(ids, refs))[:, None]
    return Reading(
        policy, _shape(family, size, dtype), torch.from_numpy(ids.astype(np.int64))[None], positions, pictures, refs
    )
