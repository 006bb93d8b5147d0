"""Memory of a step on one GPU: what is there always, and what grows with the tokens of a micro-batch.

Weights, gradients and the optimizer's state are divided among the GPUs (FSDP2); activations are each GPU's own. A tower
that learns keeps its activations while the language model works, where there is room; else it reads some images at a
time, keeps nothing but features, and runs again in the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmgym.plan.shape import ModelShape, Piece
from mmgym.plan.workload import Variant, WorkloadTokens

__all__ = [
    "LOGIT_BYTES",
    "OPTIMIZER_BYTES",
    "Fixed",
    "Training",
    "features",
    "fixed",
    "head",
    "per_patch",
    "per_token",
    "trained_parameters",
]

OPTIMIZER_BYTES = {"adamw": 8.0, "adamw8bit": 2.03}
"""State of an optimizer for a trained float32 weight: two moments, or two of 8 bits with a scale for each 256."""


@dataclass(frozen=True)
class Training:
    """How the learner is set up."""

    optimizer: str = "adamw"
    """A key of `OPTIMIZER_BYTES`."""
    master_weights: bool = True
    """Keep a float32 copy of trained weights that are narrower, and sum gradients in it."""
    lora_rank: int = 16
    """Rank of adapters."""
    world: int = 1
    """GPUs that share weights, gradients and optimizer state."""
    engine_gib: float = 0.0
    """What a sampler on the same GPU keeps: its weights and its cache."""
    reserve: float = 0.06
    """Share of the memory that is left: CUDA's context, and gaps between what is allocated."""
    max_logits: int = 1 << 26
    """Logits that the output head makes at once, `mmgym.learn.head.MAX_LOGITS`."""

    def learned_bytes(self, shape: ModelShape) -> int:
        """Bytes of a trained weight in the type that it is learned in; gradients are summed in that."""
        return 4 if self.master_weights else shape.bytes_per_weight

    def state_bytes(self, shape: ModelShape) -> float:
        """Bytes of an optimizer's state for a trained weight; AdamW's moments have the weight's type."""
        narrow = self.learned_bytes(shape) / 4 if self.optimizer == "adamw" else 1.0
        return OPTIMIZER_BYTES[self.optimizer] * narrow

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZER_BYTES:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZER_BYTES)}; got {self.optimizer!r}")
        for name in ("lora_rank", "world", "max_logits"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if not 0 <= self.reserve < 1:
            raise ValueError(f"reserve must be from 0 to below 1; got {self.reserve}")
        if self.engine_gib < 0:
            raise ValueError(f"engine_gib must be at least 0; got {self.engine_gib}")


@dataclass(frozen=True)
class Fixed:
    """Bytes that are there whatever a micro-batch holds."""

    weights: float
    gradients: float
    optimizer: float
    """Moments and master weights."""
    gathered: float
    """Layers that FSDP2 has put together to run them: the one that runs and the next."""
    features: float
    """Of all images of the step that this GPU reads; with their float32 gradients where the tower learns."""
    engine: float

    @property
    def total(self) -> float:
        """Sum."""
        return sum(self.__dict__.values())


LOGIT_BYTES = 22
"""Alive at the worst moment for each logit: its float32 forms on the way to log-probability and entropy, and their
gradients. Counted on the learner (`tests/plan/test_shapes.py`)."""


def trained_parameters(shape: ModelShape, variant: Variant, training: Training) -> int:
    """How many weights learn."""
    if variant.lora:
        return training.lora_rank * sum(piece.count * piece.linear_widths for piece in shape.text)
    return shape.parameters - (shape.vision_parameters if variant.frozen_vision else 0)


def fixed(shape: ModelShape, variant: Variant, training: Training, tokens: WorkloadTokens) -> Fixed:
    """What is there always."""
    trained, width, world = trained_parameters(shape, variant, training), shape.bytes_per_weight, training.world
    weights = shape.parameters + (trained if variant.lora else 0)
    learned = training.learned_bytes(shape)
    master = learned if learned > width else 0
    layer = max(piece.parameters for piece in (*shape.text, *shape.vision))
    return Fixed(
        weights=weights * width / world,
        gradients=trained * learned / world,
        optimizer=trained * (training.state_bytes(shape) + master) / world,
        gathered=2 * layer * width if world > 1 else 0,
        features=features(shape, variant, tokens) / world,
        engine=training.engine_gib * 2**30,
    )


def head(shape: ModelShape, training: Training, tokens: WorkloadTokens) -> float:
    """Bytes of the logits that are there at once, and of what the loss and its gradient make of them."""
    return min(training.max_logits, tokens.trained * shape.vocabulary_size) * LOGIT_BYTES


def features(shape: ModelShape, variant: Variant, tokens: WorkloadTokens) -> float:
    """Bytes of the features of all images of a step, and where the tower learns, of their gradients in float32."""
    numbers = tokens.images * tokens.tokens_of_image * shape.hidden_size * shape.feature_layers
    return numbers * (shape.bytes_per_weight + (0 if variant.frozen_vision else 4))


@dataclass(frozen=True)
class Activations:
    """Bytes for a token or a patch."""

    kept: float
    """Until the backward pass."""
    working: float
    """Beside these, while the part that takes most of them runs."""

    @property
    def total(self) -> float:
        """Both."""
        return self.kept + self.working


def per_token(shape: ModelShape, variant: Variant, training: Training) -> Activations:
    """For each token of a micro-batch, in the language model."""
    if not variant.lora:
        return _of_pieces(shape.text, variant.checkpointing)
    kept = sum((1 if variant.checkpointing else p.count) * p.linear_layers for p in shape.text)
    adapters = (training.lora_rank - 1) * kept * shape.bytes_per_weight
    found = _of_pieces(shape.adapted_text, variant.checkpointing)
    return Activations(found.kept + adapters, found.working)


def per_patch(shape: ModelShape, variant: Variant) -> Activations:
    """For each patch of the images that the tower reads at once."""
    if variant.frozen_vision:
        return Activations(0.0, max(piece.inference_peak + 2 * piece.boundary for piece in shape.vision))
    return _of_pieces(shape.vision, variant.checkpointing)


def _of_pieces(pieces: Sequence[Piece], checkpointing: bool) -> Activations:
    again = [checkpointing and piece.is_layer for piece in pieces]
    kept = sum(p.count * (p.boundary if a else p.saved) for p, a in zip(pieces, again, strict=True))
    return Activations(kept, max(p.peak - (0 if a else p.saved) for p, a in zip(pieces, again, strict=True)))
