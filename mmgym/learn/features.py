"""Features of pictures: the vision tower runs once for each, as long as what it makes of them stays the same.

A tower that learns makes something else after every optimizer step; one that is frozen does not, and then what it made
is kept for as long as the pictures are: an iteration's for all its minibatches, epochs and recomputing passes. A tower
that learns from more pictures than it can read at once runs again in the backward pass, a few pictures at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from mmgym.agent import ImageFeatures, Policy
from mmgym.learn.sharding import as_sharded
from mmgym.trajectory import ImageRef, ImageStore

__all__ = ["MAX_TOKENS", "FeatureCache"]

_MAX_BYTES = 2 << 30
"""Most that is kept: 524,288 image tokens of width 2,048 in bfloat16."""
MAX_TOKENS = 1 << 14
"""Most image tokens in one pass of a tower (a larger picture goes alone)."""


class FeatureCache:
    """What a policy's vision tower makes of pictures.

    Args:
        policy: whose tower.
        max_bytes: most that is kept; what is beyond is computed again each time.
        frozen: whether the tower stays as it is; None sees for itself, once, whether a gradient reaches it.
        max_tokens: most image tokens that the tower reads at once.
    """

    def __init__(
        self,
        policy: Policy,
        max_bytes: int = _MAX_BYTES,
        frozen: bool | None = None,
        max_tokens: int = MAX_TOKENS,
    ):
        self.policy, self.max_bytes, self.max_tokens = policy, max_bytes, max_tokens
        # a sharded tower that learns runs as often in one process as in another: nothing of it can be kept
        sharded = as_sharded(policy)
        self._frozen = sharded.frozen_tower if sharded else frozen
        self._kept: WeakKeyDictionary[ImageStore, dict[ImageRef, list[torch.Tensor]]] = WeakKeyDictionary()
        """By the store that the pictures are in: when that is gone, so are their features."""

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return sum(layer.nbytes for kept in self._kept.values() for layers in kept.values() for layer in layers)

    def while_weights_stay(self, images: ImageStore, refs: Sequence[ImageRef]) -> FeatureCache:
        """This cache, or where the tower learns a new one, for the passes between two optimizer steps."""
        if refs and self._is_frozen(refs, images):
            return self
        return FeatureCache(self.policy, frozen=True, max_tokens=self.max_tokens)

    def _is_frozen(self, refs: Sequence[ImageRef], images: ImageStore) -> bool:
        """Whether the tower stays as it is; where that is not known yet, it is seen on a picture."""
        if self._frozen is None:
            with torch.enable_grad():
                layers = self.policy.image_features([images[refs[0]]]).layers
            self._frozen = not any(layer.requires_grad for layer in layers)
        return self._frozen

    def of(self, refs: Sequence[ImageRef], images: ImageStore) -> ImageFeatures:
        """Features of pictures, with gradients where the tower learns.

        Args:
            refs: pictures, each only once; none where a sharded policy has to run along with other processes.
            images: where they are.
        """
        if not self._is_frozen(refs, images):
            return self._learning(refs, images)
        kept = self._kept.setdefault(images, {})
        found = {ref: kept[ref] for ref in refs if ref in kept}
        room = self.max_bytes - self.bytes
        for some in self._passes([ref for ref in refs if ref not in kept]):
            made = self.policy.image_features([images[ref] for ref in some])
            by_image = zip(*(layer.split(made.sizes.tolist()) for layer in made.layers), strict=True)
            for ref, parts in zip(some, by_image, strict=True):
                found[ref] = [part.clone() for part in parts]
                room -= sum(part.nbytes for part in parts)
                if room >= 0:
                    kept[ref] = found[ref]
        layers = [torch.cat(layer) for layer in zip(*(found[ref] for ref in refs), strict=True)]
        return ImageFeatures(layers, np.array([len(found[ref][0]) for ref in refs], np.int64))

    def _learning(self, refs: Sequence[ImageRef], images: ImageStore) -> ImageFeatures:
        """Features with gradients; where that takes several passes, each runs again in its backward pass.

        A sharded tower has one pass, so that it runs as often as in any other process.
        """
        passes = list(self._passes(refs)) if as_sharded(self.policy) is None else []
        if len(passes) < 2 or not torch.is_grad_enabled():
            return self.policy.image_features([images[ref] for ref in refs])

        def run(some: list[ImageRef]) -> tuple[torch.Tensor, ...]:
            return tuple(self.policy.image_features([images[ref] for ref in some]).layers)

        made = [checkpoint(run, some, use_reentrant=False, preserve_rng_state=False) for some in passes]
        sizes = np.array([self.policy.image_tokens(ref) for ref in refs], np.int64)
        return ImageFeatures([torch.cat(layers) for layers in zip(*made, strict=True)], sizes)

    def _passes(self, refs: Sequence[ImageRef]) -> Iterator[list[ImageRef]]:
        """The pictures, cut into passes."""
        some: list[ImageRef] = []
        tokens = 0
        for ref in refs:
            size = self.policy.image_tokens(ref)
            if some and tokens + size > self.max_tokens:
                yield some
                some, tokens = [], 0
            some.append(ref)
            tokens += size
        if some:
            yield some
