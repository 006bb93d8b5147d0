"""A tiny vision-language model of one of the known classes, built by code into an ordinary checkpoint folder.

Nothing of it is hand-fitted to a task: the architecture is transformers' own, the tokenizer is a byte-level BPE over
the words an environment uses, and the weights are random. Three choices of scale decide whether so small a model
learns to see at all: every matrix starts at 1 / sqrt(inputs), so that attention is not uniform at first; learned
positions start as a row vector plus a column vector; pixels are centred on the brightness of the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmgym_agents.tiny_models import build_image_processor, build_model, initialise
from mmgym_agents.tiny_tokenizers import CHAT_TEMPLATE, build_tokenizer
from mmgym_agents.vlm import VLM

__all__ = ["CHAT_TEMPLATE", "TinyConfig", "build_tiny_vlm", "build_tokenizer"]

_FAMILIES = ("qwen3_vl", "qwen2_5_vl", "smolvlm", "idefics3", "internvl", "gemma3")


@dataclass(frozen=True)
class TinyConfig:
    """Shape and start of a tiny model."""

    family: str = "qwen3_vl"
    """``qwen3_vl``, ``qwen2_5_vl``, ``smolvlm``, ``idefics3``, ``internvl`` or ``gemma3``."""
    hidden_size: int = 64
    """Width of the language model."""
    layers: int = 2
    """Layers of the language model."""
    heads: int = 4
    """Attention heads of the language model; two key-value heads."""
    intermediate_size: int = 128
    """Width of the language model's MLP."""
    vision_hidden_size: int = 48
    """Width of the vision tower."""
    vision_depth: int = 1
    """Layers of the vision tower."""
    vision_heads: int = 4
    """Attention heads of the vision tower."""
    patch_size: int = 16
    """Side of a patch in pixels. Images should be multiples of ``patch_size * merge_size``."""
    merge_size: int = 2
    """Patches per side that become one token."""
    image_size: int = 64
    """Side of the images it will see, for the table of learned positions; but for the Qwen-VL models also the side to
    which images, or the frames and tiles they are cut into, are resized."""
    tiles_per_side: int = 1
    """Most frames (SmolVLM, Idefics3) or tiles (InternVL) along a side of an image; 1 sees it whole only."""
    sliding_window: int = 64
    """Tokens that every other layer sees (Gemma-3)."""
    max_context: int = 4096
    """Longest sequence, in tokens."""
    image_mean: float = 0.85
    """Brightness subtracted from pixels, in units of 255."""
    image_std: float = 0.5
    """Brightness that pixels are divided by, in units of 255."""
    seed: int = 0
    """Seed of the random weights."""

    def __post_init__(self) -> None:
        if self.family not in _FAMILIES:
            raise ValueError(f"family must be one of {', '.join(_FAMILIES)}; got {self.family!r}")
        for name, heads in (("hidden_size", self.heads), ("vision_hidden_size", self.vision_heads)):
            if getattr(self, name) % (4 * heads):  # rotary positions of two axes, each in pairs
                raise ValueError(f"{name} must be a multiple of 4 * heads = {4 * heads}; got {getattr(self, name)}")
        if self.image_size % (self.patch_size * self.merge_size):
            cell = self.patch_size * self.merge_size
            raise ValueError(
                f"image_size must be a multiple of patch_size * merge_size = {cell}; got {self.image_size}"
            )
        tiled = self.family in ("smolvlm", "idefics3", "internvl")
        if self.tiles_per_side < 1 or (self.tiles_per_side > 1 and not tiled):
            raise ValueError(
                "tiles_per_side must be 1, or more for smolvlm, idefics3 and internvl; "
                f"got {self.tiles_per_side} for {self.family}"
            )
        if self.sliding_window < 1:
            raise ValueError(f"sliding_window must be at least 1; got {self.sliding_window}")


def build_tiny_vlm(config: TinyConfig | None = None, words: Iterable[str] = ()) -> VLM:
    """A tiny model with seeded random weights.

    Args:
        config: shape and seed.
        words: words that are one token each (an environment's ``vocabulary()``).
    """
    config = config or TinyConfig()
    tokenizer = build_tokenizer(words, config.family)
    model = build_model(config, tokenizer)
    initialise(model, config)
    return VLM(model, tokenizer, build_image_processor(config))
