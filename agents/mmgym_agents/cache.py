"""A key-value cache with room set aside, so that a new token costs no copy of the old ones."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

__all__ = ["RoomyCache"]


class _RoomyLayer(DynamicLayer):
    """One layer: storage grows by doubling, rows can be selected."""

    room = 64
    keys: torch.Tensor
    values: torch.Tensor

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append states (batch, heads, new, size) and return all of them."""
        used = self.keys.shape[-2] if self.is_initialized else 0
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._stored = [_empty(states, self.room + states.shape[-2]) for states in (key_states, value_states)]
        total = used + key_states.shape[-2]
        for index, states in enumerate((key_states, value_states)):
            if total > self._stored[index].shape[-2]:
                self._stored[index] = _copy(self._stored[index][..., :used, :], 2 * total)
            self._stored[index][..., used:total, :] = states
        self.keys, self.values = (stored[..., :total, :] for stored in self._stored)
        return self.keys, self.values

    def select(self, rows: torch.Tensor) -> None:
        """Keep the given rows, in that order; a row may be taken several times."""
        total = self.keys.shape[-2]
        self._stored = [_copy(states[rows], total + self.room) for states in (self.keys, self.values)]
        self.keys, self.values = (stored[..., :total, :] for stored in self._stored)


class RoomyCache(DynamicCache):
    """The cache of all layers of a text model.

    Args:
        layers: number of layers.
        room: tokens to set aside beyond the first prompt.
    """

    def __init__(self, layers: int, room: int):
        super().__init__()
        self.layers = [_RoomyLayer() for _ in range(layers)]
        for layer in self.layers:
            layer.room = room

    def copy(self) -> RoomyCache:
        """A cache with the same content."""
        other = RoomyCache(len(self.layers), 0)
        for ours, theirs in zip(self.layers, other.layers, strict=True):
            theirs.update(ours.keys, ours.values)
        return other

    def select(self, rows: torch.Tensor) -> None:
        """Keep the given rows of the batch, in that order; a row may be taken several times."""
        for layer in self.layers:
            layer.select(rows)


def _empty(like: torch.Tensor, length: int) -> torch.Tensor:
    return like.new_empty((*like.shape[:-2], length, like.shape[-1]))


def _copy(states: torch.Tensor, length: int) -> torch.Tensor:
    copied = _empty(states, length)
    copied[..., : states.shape[-2], :] = states
    return copied
