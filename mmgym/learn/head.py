"""The output head: only on trained tokens, and never for all of them at once where their logits would be large.

Logits of k tokens over a vocabulary of 150,000 take more memory than all else in a step. What a loss reads of them is
a few numbers for each token; so they are made a chunk at a time, in float32, and made again for the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.utils.checkpoint import checkpoint

__all__ = ["by_chunks"]


def by_chunks(
    function: Callable[..., tuple[torch.Tensor, ...]],
    tensors: Sequence[torch.Tensor],
    vocabulary: int,
    max_logits: int,
) -> tuple[torch.Tensor, ...]:
    """Apply a function that makes logits to a few tokens at a time; equal to applying it to all.

    Args:
        function: from tensors (tokens, ...) to tensors (tokens, ...) that are small beside the logits.
        tensors: (k, ...) each, the first of which takes the gradient.
        vocabulary: logits of a token.
        max_logits: most logits at once. As long as there are no more the function is called once, with everything.
    """
    count, size = len(tensors[0]), max(1, max_logits // vocabulary)
    if count <= size:
        return function(*tensors)
    parts = []
    for chunk in zip(*(tensor.split(size) for tensor in tensors), strict=True):
        if torch.is_grad_enabled():
            parts.append(checkpoint(function, *chunk, use_reentrant=False, preserve_rng_state=False))
        else:
            parts.append(function(*chunk))
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))
