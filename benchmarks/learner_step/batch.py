"""The batch of a learning step, and the models that learn from it: random weights of real shapes, random trajectories.

The speed of a step depends on shapes only. Each turn of a trajectory is an image, a prompt and a sampled answer, all
random; every image is another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText

from mmgym.learn.packing import Row
from mmgym.plan import Workload
from mmgym.trajectory import ImageStore
from mmgym_agents.shapes import read_config
from mmgym_agents.tiny import TinyConfig
from mmgym_agents.tiny_models import build_image_processor, build_model, initialise
from mmgym_agents.tiny_tokenizers import build_tokenizer
from mmgym_agents.vlm import VLM

__all__ = ["TINY", "Batch", "make_batch", "make_model", "make_policy"]

TINY = ("tiny-qwen2.5-vl", "tiny-qwen3-vl")
"""Models of a few hundred thousand weights, for a machine without a GPU."""
_IDS = (300, 150_000)
"""Random text is drawn from these ids: below are the tokenizer's own."""


@dataclass
class Batch:
    """The trajectories of one optimizer step."""

    rows: list[Row]
    images: ImageStore
    workload: Workload

    @property
    def tokens(self) -> int:
        """Of all rows."""
        return sum(len(row.ids) for row in self.rows)

    @property
    def trained(self) -> int:
        """Sampled tokens."""
        return sum(len(row.trained) for row in self.rows)


def make_model(name: str, dtype: torch.dtype, device: str) -> tuple[Any, Any, Any]:
    """A model of a published shape, or a tiny one, with random weights on a device; its tokenizer and processor."""
    family = "qwen3_vl" if "qwen3" in name else "qwen2_5_vl"
    patch = 16 if family == "qwen3_vl" else 14
    tiny = TinyConfig(family=family, patch_size=patch, image_size=4 * patch)
    tokenizer = build_tokenizer((), family)
    if name in TINY:
        model = build_model(tiny, tokenizer)
        initialise(model, tiny)
        return model.to(device, dtype), tokenizer, build_image_processor(tiny)
    config = read_config(name)
    # the published ids lie beyond this tokenizer's own
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    for kind, token in names.items():
        setattr(config, f"{kind}_token_id", tokenizer.convert_tokens_to_ids(f"<|{token}|>"))
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype, attn_implementation="sdpa")
    return model, tokenizer, build_image_processor(tiny)


def make_policy(name: str, dtype: torch.dtype, device: str) -> VLM:
    """The same as the learner takes it."""
    return VLM(*make_model(name, dtype, device))


def make_batch(policy: VLM, workload: Workload, seed: int) -> Batch:
    """Random trajectories that a policy can read."""
    rng = np.random.default_rng(seed)
    vocabulary = policy.vocabulary_size
    low, high = _IDS if vocabulary > _IDS[1] else (7, 200)
    images, rows = ImageStore(), []
    for trajectory in range(workload.trajectories):
        ids: list[np.ndarray] = []
        trained: list[np.ndarray] = []
        refs = []
        for _ in range(workload.turns):
            pixels = rng.integers(0, 256, (workload.height, workload.width, 3), dtype=np.uint8)
            refs.append(images.add(pixels))
            shown = [np.full(policy.image_tokens(refs[-1]), policy.image_token_id(), np.int32)]
            shown.append(rng.integers(low, high, workload.prompt + workload.answer, dtype=np.int32))
            ids += shown
            trained += [np.zeros(len(shown[0]) + workload.prompt, bool), np.ones(workload.answer, bool)]
        where = np.flatnonzero(np.concatenate(trained))
        rows.append(Row(np.concatenate(ids), where, tuple(refs), _values(len(where), trajectory, vocabulary)))
    return Batch(rows, images, workload)


def _values(count: int, trajectory: int, vocabulary: int) -> dict[str, Any]:
    """What the policy loss reads: advantages of both signs, and the log-probability of a uniform sampler."""
    ones, advantage = np.ones(count, np.float32), 1.0 if trajectory % 2 else -1.0
    return {
        "behaviour": -math.log(vocabulary) * ones,
        "count": ones,
        "weight": ones,
        "positive": max(advantage, 0.0) * ones,
        "negative": min(advantage, 0.0) * ones,
    }
