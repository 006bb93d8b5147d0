"""What the planner knows of a model: numbers only, so that plans are made without the model, and tested by hand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModelShape", "Piece"]


@dataclass(frozen=True)
class Piece:
    """A part of a model that is there `count` times, by what it costs for each unit it reads.

    A unit is a token in the language model, and a patch in the vision tower.
    """

    name: str
    count: int
    parameters: int
    """Of one of them."""
    flops: float
    """FLOP of its matrix products for a unit, forward, without those of attention."""
    saved: float
    """Bytes for a unit that the forward pass keeps for the backward pass."""
    boundary: float
    """Bytes of its input for a unit: what is kept of it when it is checkpointed."""
    peak: float
    """Most bytes for a unit that are alive at a time in its forward and backward pass, its input apart."""
    inference_peak: float
    """The same where nothing is kept for a backward pass."""
    forward_moved: float
    """Bytes for a unit that its other operations read and write, forward."""
    backward_moved: float
    """The same in the backward pass."""
    is_layer: bool = False
    """Whether it can be checkpointed."""
    linear_widths: int = 0
    """Sum of inputs and outputs over its linear layers: parameters of adapters of rank 1."""
    linear_layers: int = 0
    """Their number."""


@dataclass(frozen=True)
class ModelShape:
    """A vision-language model."""

    name: str
    parameters: int
    """All of them, counted on the model."""
    vision_parameters: int
    """Those of the vision tower with its mergers."""
    text: tuple[Piece, ...]
    """The language model without embeddings and head."""
    adapted_text: tuple[Piece, ...]
    """The same with adapters of rank 1 that learn in place of its weights."""
    vision: tuple[Piece, ...]
    """The vision tower, from pixels to what stands in the place of tokens."""
    hidden_size: int
    vocabulary_size: int
    feature_layers: int
    """Tensors that the tower makes for each image token: the embedding, and one for each deepstack layer."""
    text_attention: float
    """FLOP for each pair of a query and a key, forward, in all layers together."""
    vision_attention: float
    """The same in those layers of the tower that see the whole image."""
    vision_window_attention: float
    """The same in those that see a window."""
    vision_window: int
    """Patches of a window; 0 where there are none."""
    patch_size: int
    """Side of a patch in pixels."""
    merge_size: int
    """Patches along a side that become one token."""
    kv_bytes: int
    """Bytes of keys and values for a token, in all layers: what a sampler's cache holds."""
    bytes_per_weight: int
    """Of the type it was counted in."""

    @property
    def text_flops(self) -> float:
        """FLOP of the language model's products for a token, forward, without attention and head."""
        return sum(piece.count * piece.flops for piece in self.text)

    @property
    def head_flops(self) -> float:
        """FLOP of the output head for a token that is trained, forward."""
        return 2.0 * self.hidden_size * self.vocabulary_size

    @property
    def vision_flops(self) -> float:
        """FLOP of the tower's products for an image token (its patches), forward, without attention."""
        return self.merge_size**2 * sum(piece.count * piece.flops for piece in self.vision)

    def image_tokens(self, width: int, height: int) -> int:
        """Tokens of an image, its sides rounded to whole tokens.

        Args:
            width: in pixels.
            height: in pixels.
        """
        cell = self.patch_size * self.merge_size
        return max(1, round(height / cell)) * max(1, round(width / cell))
