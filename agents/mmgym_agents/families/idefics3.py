"""SmolVLM and Idefics3: an image is cut into square frames that have markers of row and column, and is seen whole too.

With image splitting an image is enlarged to whole frames, and each row of frames ends with a newline; the whole image
comes last, in one frame. Without it, and for images that fit one frame, that frame is all. Every frame has the same
size, so nothing an image becomes depends on other images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from transformers.models.idefics3.image_processing_pil_idefics3 import get_resize_output_image_size

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.families.plain import PlainFamily, check_image_token, token_id

__all__ = ["Idefics3Family"]

_IMAGE = "<image>"
_FAKE = "<fake_token_around_image>"
_GLOBAL = "<global-img>"
_MOST_ROWS = 6
"""Rows and columns of frames that have a token of their own in the released tokenizers."""


class Idefics3Family(PlainFamily):
    """The parts of a SmolVLM or Idefics3 model.

    Args:
        model: ``SmolVLMForConditionalGeneration`` or ``Idefics3ForConditionalGeneration``.
        image_processor: its image processor.
        tokenizer: its tokenizer.

    Raises:
        ValueError: when frames of the processor do not fit the vision tower, or the tokenizer lacks a marker.
    """

    def __init__(self, model: Any, image_processor: Any, tokenizer: Any):
        config = model.config
        rows = range(1, _MOST_ROWS + 1)
        control = [_FAKE, _GLOBAL, _IMAGE, *(f"<row_{row}_col_{column}>" for row in rows for column in rows)]
        super().__init__(model, image_processor, model.model.text_model, config.image_token_id, control, tokenizer)
        self.tokenizer = tokenizer
        self.frame: int = image_processor.max_image_size["longest_edge"]
        side = self.frame // config.vision_config.patch_size
        if self.frame != config.vision_config.image_size:
            raise ValueError(
                f"image_size is {config.vision_config.image_size} in the model's configuration and the image processor "
                f"cuts frames of max_image_size = {self.frame}"
            )
        if side % config.scale_factor:
            raise ValueError(
                f"scale_factor {config.scale_factor} in the model's configuration does not divide the {side} patches "
                "along a frame"
            )
        self.frame_tokens = (side // config.scale_factor) ** 2
        check_image_token(tokenizer, _IMAGE, model)
        for marker in (_FAKE, _GLOBAL):
            token_id(tokenizer, marker, model)
        self.image_ids_of_grid = cache(self._image_ids_of_grid)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Frames (rows, columns) that an image of this size is cut into; (0, 0) if it is seen whole only."""
        processor, frame = self.processor, self.frame
        if not processor.do_image_splitting:
            return 0, 0
        size = processor.size
        if size.get("longest_edge"):
            blank = np.broadcast_to(np.uint8(0), (1, height, width))
            height, width = get_resize_output_image_size(blank, resolution_max_side=size["longest_edge"])
        else:
            height, width = size["height"], size["width"]
        ratio = width / height
        if width >= height:
            columns = math.ceil(width / frame)
            rows = math.ceil(int(columns * frame / ratio) / frame)
        else:
            rows = math.ceil(height / frame)
            columns = math.ceil(int(rows * frame * ratio) / frame)
        return (rows, columns) if rows > 1 or columns > 1 else (0, 0)

    def image_ids(self, image: ImageRef) -> Sequence[int]:
        """The ids of an image: frames row by row with their markers, then the whole image."""
        return self.image_ids_of_grid(*self.grid(image.height, image.width))

    def image_tokens(self, image: ImageRef) -> int:
        """Number of ids of an image that features replace."""
        rows, columns = self.grid(image.height, image.width)
        return self.frame_tokens * (rows * columns + 1)

    def _image_ids_of_grid(self, rows: int, columns: int) -> tuple[int, ...]:
        frame = _IMAGE * self.frame_tokens
        text = ""
        for row in range(1, rows + 1):
            text += "".join(f"{_FAKE}<row_{row}_col_{column}>{frame}" for column in range(1, columns + 1)) + "\n"
        text += ("\n" if rows else "") + _FAKE + _GLOBAL + frame + _FAKE
        # special tokens at both ends: what stands around an image cannot change how it is tokenized
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images, all their frames in one pass of the vision tower."""
        embeddings = self.model.model.vision_model.embeddings.patch_embedding
        frames, counts = [], []
        for image in images:
            # one at a time: the processor fills up shorter lists of frames with blank ones
            seen = self.processor(images=[np.asarray(image)], return_tensors="pt")["pixel_values"][0]
            frames.append(seen)
            counts.append(len(seen))
        pixels = torch.cat(frames).to(embeddings.weight.device, embeddings.weight.dtype)
        # not get_image_features, which takes a frame that is zero everywhere after normalization for a blank one
        seen = self.model.model.vision_model(pixel_values=pixels, return_dict=True).last_hidden_state
        return self._features(self.model.model.connector(seen), counts)
