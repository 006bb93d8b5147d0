"""Rows: segments with what the loss needs to know of each trained token, merged, cut into micro-batches, padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmgym.agent import Policy
from mmgym.learn.decisions import Decisions
from mmgym.trajectory import ImageRef, Segment

__all__ = ["PaddedBatch", "Row", "merge_equal", "micro_batches", "pad", "policy_rows", "supervised_row"]


@dataclass(slots=True)
class Row:
    """One sequence to learn from."""

    ids: np.ndarray
    """int32 (n,)."""
    trained: np.ndarray
    """int64 (k,): indices of the trained tokens, ascending, none of them 0."""
    images: tuple[ImageRef, ...]
    values: dict[str, np.ndarray]
    """float32 (k,) each: numbers of the trained tokens, by the name the loss knows."""


def policy_rows(
    segments: Sequence[Segment],
    advantages: Sequence[np.ndarray],
    decisions: Decisions | None = None,
    environment: int = 0,
) -> list[Row]:
    """Rows for a policy loss.

    Args:
        segments: the sequences.
        advantages: per segment float32 (trained tokens,).
        decisions: where valid answers part; its numbers are noted as value ``decision``.
        environment: the number of the environment among those that are learned.
    """
    rows = []
    for segment, advantage in zip(segments, advantages, strict=True):
        trained = np.flatnonzero(segment.trained)
        values = {
            "behaviour": segment.logprobs[trained],
            "positive": np.maximum(advantage, 0).astype(np.float32),
            "negative": np.minimum(advantage, 0).astype(np.float32),
            "count": np.ones(len(trained), np.float32),
        }
        if decisions:
            owner = segment.turn[trained]
            answers = np.split(segment.ids[trained], np.flatnonzero(np.diff(owner)) + 1)
            values["decision"] = np.concatenate([decisions.numbers(answer, environment) for answer in answers])
        rows.append(Row(segment.ids, trained, segment.images, values))
    return rows


def supervised_row(segment: Segment, weight: float = 1.0) -> Row:
    """A row for the likelihood loss in which every trained token has the same weight."""
    trained = np.flatnonzero(segment.trained)
    values = {"weight": np.full(len(trained), weight, np.float32)}
    return Row(segment.ids, trained, segment.images, values)


def merge_equal(rows: Sequence[Row]) -> list[Row]:
    """Merge rows with equal ids, trained tokens and images.

    What the loss sums (``positive``, ``negative``, ``count``) is added. The gradient is unchanged but for rounding.
    """
    merged: dict[tuple[bytes, bytes, tuple[ImageRef, ...]], Row] = {}
    for row in rows:
        key = (row.ids.tobytes(), row.trained.tobytes(), row.images)
        if key not in merged:
            merged[key] = Row(row.ids, row.trained, row.images, dict(row.values))
        else:
            values = merged[key].values
            for name in ("positive", "negative", "count"):
                values[name] = values[name] + row.values[name]
    return list(merged.values())


def micro_batches(rows: Sequence[Row], max_tokens: int) -> list[list[int]]:
    """Indices of rows, cut so that each batch holds at most `max_tokens` when padded (a longer row goes alone)."""
    batches: list[list[int]] = []
    for index in sorted(range(len(rows)), key=lambda i: (len(rows[i].ids), i)):
        if batches and (len(batches[-1]) + 1) * len(rows[index].ids) <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


@dataclass
class PaddedBatch:
    """Rows side by side, padded on the right."""

    ids: torch.Tensor
    """int64 (rows, length)."""
    positions: torch.Tensor
    """int64 (3, rows, length)."""
    rows: torch.Tensor
    """int64 (k,): row of each trained token."""
    columns: torch.Tensor
    """int64 (k,): column of each trained token."""
    values: dict[str, torch.Tensor]
    """float32 (k,) each."""
    images: list[ImageRef]
    """In reading order."""

    @property
    def targets(self) -> torch.Tensor:
        """int64 (k,): the trained ids."""
        return self.ids[self.rows, self.columns]


def pad(rows: Sequence[Row], policy: Policy) -> PaddedBatch:
    """Make one batch of rows. A pure function of them."""
    length = max(len(row.ids) for row in rows)
    ids = np.zeros((len(rows), length), np.int64)
    positions = np.zeros((3, len(rows), length), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = row.ids
        positions[:, index, : len(row.ids)] = policy.positions(row.ids, row.images)
    names = rows[0].values
    return PaddedBatch(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        torch.from_numpy(np.concatenate([np.full(len(row.trained), i, np.int64) for i, row in enumerate(rows)])),
        torch.from_numpy(np.concatenate([row.trained for row in rows]).astype(np.int64)),
        {name: torch.from_numpy(np.concatenate([row.values[name] for row in rows])) for name in names},
        [image for row in rows for image in row.images],
    )
