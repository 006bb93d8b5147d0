"""Gemma-3: an image of any size becomes a fixed number of tokens, which see each other in both directions.

The masks are built here, for layers that see everything and for those with a sliding window. A window is counted in
tokens of the sequence, not in slots of the cache, so that padding between the turns of a batch changes nothing; an
image is read in one piece, so its tokens never look for one another in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.families.plain import PlainFamily

__all__ = ["Gemma3Family"]


class Gemma3Family(PlainFamily):
    """The parts of a Gemma-3 model with a vision tower.

    Args:
        model: ``Gemma3ForConditionalGeneration`` with ``sdpa`` attention.
        image_processor: its image processor.
        tokenizer: its tokenizer.

    Raises:
        ValueError: for another attention implementation, for pan-and-scan, for attention to later text, and when the
            size of images, or the number of their tokens, differs between configuration, processor and vision tower.
    """

    surround = "\n\n"
    window_layers = True

    def __init__(self, model: Any, image_processor: Any, tokenizer: Any):
        config, text = model.config, model.config.get_text_config()
        super().__init__(model, image_processor, model.model.language_model, config.image_token_id, (), tokenizer)
        self.placeholder_id = config.boi_token_id
        self.banned_ids = sorted({config.boi_token_id, config.eoi_token_id, config.image_token_id})
        for name in ("boi_token_id", "eoi_token_id", "image_token_id"):
            if tokenizer.convert_ids_to_tokens(getattr(config, name)) in (None, tokenizer.unk_token):
                raise ValueError(f"{name} is {getattr(config, name)}, which its tokenizer does not have")
        if model.model.language_model.config._attn_implementation != "sdpa":
            raise ValueError(
                "Gemma-3 must be loaded with attn_implementation='sdpa': its masks (image tokens see each other) are "
                f"built for that; got {model.model.language_model.config._attn_implementation!r}"
            )
        if text.use_bidirectional_attention:
            raise ValueError("use_bidirectional_attention lets text see what comes later: such a model cannot sample")
        if image_processor.do_pan_and_scan:
            raise ValueError(
                "do_pan_and_scan writes sentences around the crops of an image, whose tokens depend on the text beside "
                "them: switch it off in the image processor"
            )
        side, size = config.vision_config.image_size, image_processor.size
        if (size["height"], size["width"]) != (side, side):
            raise ValueError(
                f"image_size is {side} in the model's configuration and {size['height']} x {size['width']} in its "
                "image processor"
            )
        projector = model.model.multi_modal_projector
        made = (projector.patches_per_image // projector.kernel_size) ** 2
        if made != config.mm_tokens_per_image:
            raise ValueError(
                f"mm_tokens_per_image is {config.mm_tokens_per_image} in the model's configuration, but its projector "
                f"makes {made} tokens of an image"
            )
        self.ids = [config.boi_token_id, *[config.image_token_id] * config.mm_tokens_per_image, config.eoi_token_id]

    def image_ids(self, image: ImageRef) -> Sequence[int]:
        """The ids of an image, whatever its size: soft tokens between those that begin and end an image."""
        return self.ids

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images, computed in one pass of the vision tower."""
        weight = self.model.model.multi_modal_projector.mm_input_projection_weight
        seen = self.processor(images=[np.asarray(i) for i in images], do_pan_and_scan=False, return_tensors="pt")
        pixels = seen["pixel_values"].to(weight.device, weight.dtype)
        features = self.model.get_image_features(pixel_values=pixels, return_dict=True).pooler_output
        return self._features(features, [1] * len(images))

    def _mask(self, ids: torch.Tensor, cache: Any, mask: torch.Tensor | None) -> dict[str, torch.Tensor]:
        """What each token sees, for each kind of layer: bool (batch, 1, length, cached + length)."""
        batch, length = ids.shape
        cached = cache.get_seq_length() if cache is not None else 0
        valid = mask.bool() if mask is not None else ids.new_ones((batch, cached + length), dtype=torch.bool)
        slot = torch.arange(cached + length, device=ids.device)
        order = valid.cumsum(1) - 1  # place of each token in its sequence
        soft = ids == self.image_token_id
        image = torch.where(soft, (soft & ~F.pad(soft, (1, -1))).cumsum(1), 0)  # number of the image, 0 for text
        together = (image[:, :, None] == image[:, None, :]) & soft[:, :, None]
        sees = (slot[None, :] <= slot[cached:, None]) | F.pad(together, (cached, 0))
        sees = sees & valid[:, None, :]
        distance = order[:, cached:, None] - order[:, None, :]
        window = self.language_model.config.sliding_window
        near = sees & (distance < window) if window else sees
        return {"full_attention": sees[:, None], "sliding_attention": near[:, None]}
