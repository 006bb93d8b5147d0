"""Attention over packed rows: sequences end to end in one row, of which none sees another.

Registered with transformers, so that a language model calls it from each of its layers, inside activation
checkpointing and sharded modules too. A call that brings no lengths of sequences is served by ``sdpa`` as before.

- ``blocks``: one call of `torch.nn.functional.scaled_dot_product_attention` for all neighbours of one length.
- ``varlen``: `torch.nn.attention.varlen`, the flash kernel for sequences of many lengths (CUDA, 16-bit).
- ``flex``: flex attention with a mask of documents, of which only blocks that are seen are computed (CUDA, any type).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

__all__ = ["choose_attention", "install_attention", "packed_arguments"]

_PREFIX = "packed_"


def choose_attention(device: torch.device, dtype: torch.dtype) -> str:
    """The attention for packed rows on a device: ``blocks``, ``varlen`` or ``flex``."""
    if device.type != "cuda":
        return "blocks"
    return "varlen" if dtype in (torch.float16, torch.bfloat16) else "flex"


def install_attention(language_model: torch.nn.Module, attention: str = "") -> str:
    """Let a language model read packed rows.

    Args:
        language_model: a language model of transformers whose layers all see everything before a token.
        attention: ``blocks``, ``varlen`` or ``flex``; empty chooses by device and type of the weights. A model that was
            loaded with flash attention keeps it: that takes packed rows as they are.

    Returns:
        The attention it has now; empty where it was loaded with another that cannot read packed rows.
    """
    config: Any = language_model.config
    found = str(config._attn_implementation)
    if "flash" in found:
        return found
    if found != "sdpa" and not found.startswith(_PREFIX):
        return ""
    weight = next(language_model.parameters())
    attention = attention or choose_attention(weight.device, weight.dtype)
    config._attn_implementation = _PREFIX + attention
    return attention


def packed_arguments(language_model: torch.nn.Module, places: torch.Tensor) -> dict[str, Any]:
    """What the forward pass of a language model takes beside embeddings and positions when its row is packed.

    Args:
        language_model: one that `install_attention` made ready.
        places: int64 (1, tokens), the place of each token in its own sequence.

    Raises:
        ValueError: for a model that is not ready.
    """
    attention = str(language_model.config._attn_implementation)  # type: ignore[union-attr]
    if "flash" not in attention and not attention.startswith(_PREFIX):
        raise ValueError(f"rows are packed, but {type(language_model).__name__} has {attention} attention")
    starts = (places[0] == 0).nonzero()[:, 0]
    ends = torch.cat([starts, starts.new_tensor([places.shape[1]])]).to(torch.int32)
    longest = int(places.max()) + 1
    lengths = {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": longest, "max_length_k": longest}
    if "flash" in attention:
        return {**lengths, "attention_mask": None}
    if attention == _PREFIX + "flex":
        return {**lengths, "attention_mask": _document_mask((places[0] == 0).cumsum(0))}
    # a mask of four axes is passed on to the layers as it is: else one of (tokens, tokens) would be made
    return {**lengths, "attention_mask": places.new_ones((1, 1, 1, 1), dtype=torch.bool)}


def _document_mask(document: torch.Tensor) -> BlockMask:
    """The blocks that are seen: by tokens of one document (int64 (tokens,)), and none before itself."""

    def sees(batch: Any, head: Any, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        return (document[query] == document[key]) & (query >= key)

    make: Callable[..., BlockMask] = create_block_mask if document.device.type == "cpu" else _compiled_block_mask()
    return make(sees, None, None, len(document), len(document), device=str(document.device))


@functools.cache
def _compiled_block_mask() -> Callable[..., BlockMask]:
    """Compiled, it reads the mask block by block, and never writes it out."""
    return torch.compile(create_block_mask, dynamic=True)


Shaped = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Query, key and value, (1, heads, tokens, size) each."""


def _blocks(_: torch.nn.Module, states: Shaped, scaling: float, cu_seq_lens_q: torch.Tensor, **__: Any) -> torch.Tensor:
    runs = [(length, len(list(run))) for length, run in groupby(cu_seq_lens_q.diff().tolist())]
    parts = zip(*(state.split([length * count for length, count in runs], 2) for state in states), strict=True)
    seen = []
    for (length, count), (query, key, value) in zip(runs, parts, strict=True):
        if count > 1:  # (1, heads, count * length, size) -> (count, heads, length, size)
            query, key, value = (
                state[0].unflatten(1, (count, length)).transpose(0, 1) for state in (query, key, value)
            )
        block = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling, enable_gqa=True)
        seen.append(block.transpose(1, 2).flatten(0, 1))
    return torch.cat(seen)[None]


def _varlen(
    module: torch.nn.Module, states: Shaped, scaling: float, cu_seq_lens_q: torch.Tensor, max_length_q: int, **_: Any
) -> Any:
    from torch.nn.attention.varlen import varlen_attn

    query, key, value = (state[0].transpose(0, 1) for state in states)
    ends, longest = cu_seq_lens_q, max_length_q
    seen = varlen_attn(
        query, key, value, ends, ends, longest, longest, scale=scaling, window_size=(-1, 0), enable_gqa=True
    )
    assert isinstance(seen, torch.Tensor)
    return seen[None]


def _flex(module: torch.nn.Module, states: Shaped, scaling: float, attention_mask: BlockMask, **_: Any) -> torch.Tensor:
    return flex_attention_forward(module, *states, attention_mask, scaling=scaling)[0]


def _attention(
    packed: Callable[..., torch.Tensor],
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    **arguments: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls; the result is (1, tokens, heads, size)."""
    if arguments.get("cu_seq_lens_q") is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **arguments)
    if arguments.get("dropout"):
        raise ValueError("packed rows are read without dropout: set attention_dropout = 0 in the model's configuration")
    return packed(module, (query, key, value), attention_mask=attention_mask, **arguments), None


for _name, _packed in (("blocks", _blocks), ("varlen", _varlen), ("flex", _flex)):
    AttentionInterface.register(_PREFIX + _name, functools.partial(_attention, _packed))
    AttentionMaskInterface.register(_PREFIX + _name, sdpa_mask)
