"""InternVL: an image is cut into tiles by its aspect ratio, and seen whole as one more tile where there are several.

Tiles are always cut, as the class's own processor does whatever its image processor's ``crop_to_patches`` says;
``max_patches = 1`` in the image processor makes every image one tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.families.plain import PlainFamily, check_image_token, token_id

__all__ = ["InternVLFamily"]

_START, _CONTEXT, _END, _VIDEO = "<img>", "<IMG_CONTEXT>", "</img>", "<video>"


class InternVLFamily(PlainFamily):
    """The parts of an InternVL model.

    Args:
        model: ``InternVLForConditionalGeneration``.
        image_processor: its image processor.
        tokenizer: its tokenizer.

    Raises:
        ValueError: when tiles of the processor do not fit the vision tower, or the number of tokens of a tile that
            the configuration states is not what the model produces.
    """

    def __init__(self, model: Any, image_processor: Any, tokenizer: Any):
        config = model.config
        named = [getattr(tokenizer, f"{name}_token", None) for name in ("start_image", "end_image", "context_image")]
        start, end, context = (a or b for a, b in zip(named, (_START, _END, _CONTEXT), strict=True))
        control = [start, end, context, getattr(tokenizer, "video_token", None) or _VIDEO]
        super().__init__(model, image_processor, model.model.language_model, config.image_token_id, control, tokenizer)
        self.start_id, self.end_id = (token_id(tokenizer, token, model) for token in (start, end))
        check_image_token(tokenizer, context, model)
        vision, size = config.vision_config, image_processor.size
        tile = (size["height"], size["width"])
        if tile != tuple(vision.image_size) or tile[0] != tile[1]:
            raise ValueError(
                f"image_size is {tuple(vision.image_size)} in the model's configuration and the image processor makes "
                f"tiles of {tile}; both must be the same square"
            )
        side = tile[0] // vision.patch_size[0] * config.downsample_ratio
        self.tile_tokens = int(side) ** 2
        if side != int(side) or self.tile_tokens != config.image_seq_length:
            raise ValueError(
                f"image_seq_length is {config.image_seq_length} in the model's configuration, but a tile has "
                f"{side:g} tokens a side"
            )

    def tiles(self, height: int, width: int) -> int:
        """Number of tiles of an image of this size, the whole image included."""
        return int(self.processor.get_number_of_image_patches(height, width, {"crop_to_patches": True}))

    def image_ids(self, image: ImageRef) -> Sequence[int]:
        """The ids of an image: its tiles one after the other, between a start and an end token."""
        tokens = self.tile_tokens * self.tiles(image.height, image.width)
        return [self.start_id, *[self.image_token_id] * tokens, self.end_id]

    def image_tokens(self, image: ImageRef) -> int:
        """Number of ids of an image that features replace."""
        return self.tile_tokens * self.tiles(image.height, image.width)

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images, all their tiles in one pass of the vision tower."""
        weight = self.model.model.vision_tower.embeddings.patch_embeddings.projection.weight
        seen = self.processor(images=[np.asarray(i) for i in images], crop_to_patches=True, return_tensors="pt")
        pixels = torch.as_tensor(seen["pixel_values"]).to(weight.device, weight.dtype)
        tiles = self.model.get_image_features(pixel_values=pixels, return_dict=True).pooler_output
        return self._features(tiles, [int(n) for n in seen["num_patches"]])
