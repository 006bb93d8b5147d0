"""A tiny policy and made-up rows for the learner's tests."""

from __future__ import annotations

import numpy as np

from mmgym.learn.packing import Row, row_of
from mmgym.trajectory import ImageStore, Segment
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.vlm import VLM

WORDS = ("up", "down", "left", "right")


def tiny_policy(family: str = "qwen3_vl", seed: int = 0) -> VLM:
    """A tiny model with random weights."""
    shape = {"patch_size": 14, "image_size": 56} if family == "qwen2_5_vl" else {}
    return build_tiny_vlm(TinyConfig(family=family, seed=seed, **shape), WORDS)


def random_segments(policy: VLM, images: ImageStore, turns: list[int], rng: np.random.Generator) -> list[Segment]:
    """One segment per entry of `turns`, with that many turns: an image, and an answer of ragged length."""
    side = 64 if policy.family.deepstack else 56
    segments = []
    for count in turns:
        ids: list[np.ndarray] = []
        trained: list[np.ndarray] = []
        owner: list[np.ndarray] = []
        refs = []
        said = np.zeros(0, np.int32)
        for turn in range(count):
            picture = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
            message = {"role": "user", "content": [{"type": "image", "image": picture}]}
            prompt = policy.codec.extension(message, said) if turn else policy.codec.opening([message])
            said = np.append(rng.integers(7, 263, rng.integers(1, 5)), policy.codec.end_ids[0]).astype(np.int32)
            refs.append(images.add(picture))
            ids += [prompt.ids, said]
            trained += [np.zeros(len(prompt.ids), bool), np.ones(len(said), bool)]
            owner += [np.full(len(prompt.ids), -1, np.int32), np.full(len(said), turn, np.int32)]
        mask = np.concatenate(trained)
        logprobs = np.where(mask, rng.normal(-5.0, 0.3, len(mask)), 0).astype(np.float32)
        segments.append(Segment(np.concatenate(ids), mask, logprobs, np.concatenate(owner), tuple(refs)))
    return segments


def copy_row(row: Row) -> Row:
    """A row that can be changed without changing the original."""
    return Row(row.ids.copy(), row.trained.copy(), row.images, {k: v.copy() for k, v in row.values.items()})


def policy_rows(segments: list[Segment], advantages: list[np.ndarray]) -> list[Row]:
    """Rows for a policy loss, every token of weight 1; `advantages` are float32 (trained tokens,) each."""
    rows = []
    for segment, advantage in zip(segments, advantages, strict=True):
        ones = np.ones(len(advantage), np.float32)
        values = {"behaviour": segment.logprobs[segment.trained], "count": ones, "weight": ones}
        values |= {"positive": np.maximum(advantage, 0), "negative": np.minimum(advantage, 0)}
        rows.append(row_of(segment, values))
    return rows
