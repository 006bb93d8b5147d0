"""Rows: segments with what the loss needs to know of each trained token, merged, cut into micro-batches, laid out.

A micro-batch is padded (rows side by side, all as long as the longest) or packed (rows end to end, nothing between).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmgym.agent import Policy
from mmgym.learn.losses import SUMMED
from mmgym.trajectory import ImageRef, Segment

__all__ = [
    "MicroBatch",
    "Row",
    "merge_equal",
    "micro_batches",
    "pack",
    "packed_batches",
    "pad",
    "row_of",
    "supervised_row",
]


_OF_WHOLE = ("log_ratio", "correction")
"""Values that depend on the whole trajectory, of which a row may be a part."""


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
    origin: tuple[int, ...] = ()
    """Rows of different origins are never merged: they were sampled in different ways."""


def row_of(segment: Segment, values: dict[str, np.ndarray], origin: tuple[int, ...] = ()) -> Row:
    """A row of a segment.

    Args:
        segment: the sequence.
        values: what the loss reads of each trained token, float32 (trained tokens,) each.
        origin: see `Row`.
    """
    return Row(segment.ids, np.flatnonzero(segment.trained), segment.images, values, origin)


def supervised_row(segment: Segment, weight: float = 1.0) -> Row:
    """A row for the likelihood loss in which every trained token has the same weight."""
    return row_of(segment, {"weight": np.full(int(segment.trained.sum()), weight, np.float32)})


def merge_equal(rows: Sequence[Row]) -> list[Row]:
    """Merge rows with equal ids, trained tokens, images and origin, and equal numbers of their whole trajectories.

    What the loss sums (`mmgym.learn.losses.SUMMED`) is added. The gradient is unchanged but for rounding.
    """
    merged: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        whole = tuple(row.values[name].tobytes() for name in _OF_WHOLE if name in row.values)
        key = (row.ids.tobytes(), row.trained.tobytes(), row.images, row.origin, whole)
        if key not in merged:
            merged[key] = Row(row.ids, row.trained, row.images, dict(row.values), row.origin)
        else:
            values = merged[key].values
            for name in SUMMED:
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


def packed_batches(rows: Sequence[Row], max_tokens: int, width: int) -> list[list[int]]:
    """Indices of rows, cut so that each batch holds at most `max_tokens` end to end (a longer row goes alone).

    As few batches as first fit finds, the longest rows first; then, where the rows fit that way too, dealt out anew so
    that batches cost alike. A row of n tokens costs n + n^2 / (12 width): the products of a transformer's layer with
    its weights, about 24 width^2 operations a token, and its causal attention, 2 width n.

    Args:
        rows: the rows.
        max_tokens: the budget of a batch.
        width: hidden size of the model.
    """
    lengths = [len(row.ids) for row in rows]
    longest_first = sorted(range(len(rows)), key=lambda i: (-lengths[i], i))
    fullest: list[list[int]] = []
    room: list[int] = []
    for index in longest_first:
        place = next((number for number, free in enumerate(room) if lengths[index] <= free), len(room))
        if place == len(room):
            fullest.append([])
            room.append(max_tokens)
        fullest[place].append(index)
        room[place] -= lengths[index]
    even: list[list[int]] = [[] for _ in fullest]
    tokens, costs = [0] * len(even), [0.0] * len(even)
    for index in longest_first:
        fits = [n for n in range(len(even)) if not even[n] or tokens[n] + lengths[index] <= max_tokens]
        if not fits:
            even = fullest
            break
        place = min(fits, key=lambda n: costs[n])
        even[place].append(index)
        tokens[place] += lengths[index]
        costs[place] += lengths[index] * (1 + lengths[index] / (12 * width))
    return [sorted(batch, key=lambda i: (lengths[i], i)) for batch in even]


@dataclass
class MicroBatch:
    """Rows as the model reads them: side by side and padded on the right, or packed end to end in one."""

    ids: torch.Tensor
    """int64 (rows, length); (1, tokens) when packed."""
    positions: torch.Tensor
    """int64 (3, rows, length); when packed (4, 1, tokens), of which the first is the place of a token in its own row:
    where it is 0 another row begins."""
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


def pad(rows: Sequence[Row], policy: Policy) -> MicroBatch:
    """Rows side by side. A pure function of them."""
    length = max(len(row.ids) for row in rows)
    ids = np.zeros((len(rows), length), np.int64)
    positions = np.zeros((3, len(rows), length), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = row.ids
        positions[:, index, : len(row.ids)] = policy.positions(row.ids, row.images)
    owner = np.concatenate([np.full(len(row.trained), i, np.int64) for i, row in enumerate(rows)])
    return _micro_batch(rows, ids, positions, owner, np.concatenate([row.trained for row in rows]))


def pack(rows: Sequence[Row], policy: Policy) -> MicroBatch:
    """Rows end to end. A pure function of them."""
    starts = np.cumsum([0, *(len(row.ids) for row in rows)])
    ids = np.concatenate([row.ids for row in rows]).astype(np.int64)
    positions = np.empty((4, 1, len(ids)), np.int64)
    for row, start, end in zip(rows, starts[:-1], starts[1:], strict=True):
        positions[0, 0, start:end] = np.arange(len(row.ids))
        positions[1:, 0, start:end] = policy.positions(row.ids, row.images)
    columns = np.concatenate([row.trained + start for row, start in zip(rows, starts[:-1], strict=True)])
    return _micro_batch(rows, ids[None], positions, np.zeros(len(columns), np.int64), columns)


def _micro_batch(
    rows: Sequence[Row], ids: np.ndarray, positions: np.ndarray, owner: np.ndarray, columns: np.ndarray
) -> MicroBatch:
    return MicroBatch(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        torch.from_numpy(owner),
        torch.from_numpy(columns.astype(np.int64)),
        {name: torch.from_numpy(_side_by_side(rows, name)) for name in rows[0].values},
        [image for row in rows for image in row.images],
    )


def _side_by_side(rows: Sequence[Row], name: str) -> np.ndarray:
    """A value of all rows, one after the other; units are numbered on, so that they stay those of one row."""
    parts, first = [], 0.0
    for row in rows:
        part = row.values[name]
        if name == "unit":
            part = part + np.float32(first)
            first = float(part.max(initial=first)) + 1
        parts.append(part)
    return np.concatenate(parts)
