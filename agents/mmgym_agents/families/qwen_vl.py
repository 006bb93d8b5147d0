"""Qwen2.5-VL and Qwen3-VL: image sizes and patches, rotary positions, and forward passes with given image features.

The language model is called with embeddings in which the image features are already in place, so that one vision
pass per distinct image serves every turn, trajectory and optimizer step that shows it.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize
from transformers.vision_utils import get_vision_position_ids

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.families.plain import check_language_model
from mmgym_agents.packed_attention import install_attention, packed_arguments


class QwenVLFamily:
    """The parts of a Qwen2.5-VL or Qwen3-VL model.

    Args:
        model: ``Qwen2_5_VLForConditionalGeneration`` or ``Qwen3VLForConditionalGeneration``.
        image_processor: its image processor, in the form that needs no torchvision.
        tokenizer: its tokenizer; nothing is asked of it.

    Raises:
        ValueError: when patch or merge sizes of processor and model differ, or the language model has layers that a
            cache would make inexact.
    """

    surround = ""

    def __init__(self, model: Any, image_processor: Any, tokenizer: Any = None):
        self.model = model
        self.processor = image_processor
        config = model.config
        check_language_model(config.get_text_config())
        vision = config.vision_config
        for name, ours in (("patch_size", vision.patch_size), ("merge_size", vision.spatial_merge_size)):
            if getattr(image_processor, name) != ours:
                theirs = getattr(image_processor, name)
                raise ValueError(f"{name} is {ours} in the model's configuration and {theirs} in its image processor")
        self.merge = vision.spatial_merge_size
        self.cell = vision.patch_size * self.merge
        self.image_token_id: int = config.image_token_id
        self.placeholder_id = self.image_token_id
        placeholders = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
        self.banned_ids = sorted({i for name in placeholders if (i := getattr(config, name, None)) is not None})
        self.deepstack = "Qwen3" in type(model).__name__
        for block in model.model.visual.blocks:
            block.attn.forward = types.MethodType(_attention_of_equal_sizes, block.attn)
        patch_embed = model.model.visual.patch_embed
        patch_embed.forward = types.MethodType(_patch_embed_by_matmul, patch_embed)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Patches (rows, columns) of an image of this size, after the processor's resize."""
        size = self.processor.size
        tall, wide = smart_resize(height, width, self.cell, size["shortest_edge"], size["longest_edge"])
        return tall * self.merge // self.cell, wide * self.merge // self.cell

    def image_ids(self, image: ImageRef) -> Sequence[int]:
        """The ids that stand for an image: copies of one placeholder."""
        return [self.image_token_id] * self.image_tokens(image)

    def image_tokens(self, image: ImageRef) -> int:
        """Number of placeholder tokens of an image."""
        rows, columns = self.grid(image.height, image.width)
        return rows * columns // self.merge**2

    def positions(self, ids: np.ndarray, images: Sequence[ImageRef]) -> np.ndarray:
        """Rotary positions, int64 (3, n): equal to the model's ``get_rope_index`` for text and images.

        They depend only on where images of which size stand, so they are remembered; do not change them.
        """
        where = np.flatnonzero(ids == self.image_token_id)
        sizes = tuple(self.grid(image.height, image.width) for image in images)
        return _positions(len(ids), where.tobytes(), sizes, self.merge)

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images, computed in one pass of the vision tower.

        The layers are the embeddings, and for Qwen3-VL one more per deepstack layer.
        """
        visual = self.model.model.visual
        patches, grids = self._patches(images)
        device, dtype = visual.patch_embed.proj.weight.device, visual.patch_embed.proj.weight.dtype
        where = torch.cat([_patch_positions(tuple(grid), self.merge) for grid in grids.tolist()]).to(device)
        output = visual(patches.to(device, dtype), grid_thw=grids.to(device), position_ids=where, return_dict=True)
        layers = [output.pooler_output, *(output.deepstack_features if self.deepstack else [])]
        return ImageFeatures(layers, (grids.prod(-1) // self.merge**2).numpy())

    def _patches(self, images: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixel values (patches, values) and grids (images, 3) as the model's own processor makes them."""
        shape = images[0].shape
        rows, columns = self.grid(shape[0], shape[1])
        patch = self.cell // self.merge
        if any(image.shape != shape for image in images) or (rows * patch, columns * patch) != shape[:2]:
            batch = self.processor(images=[np.asarray(image) for image in images], return_tensors="pt")
            return batch["pixel_values"], batch["image_grid_thw"]
        device = self.model.model.visual.patch_embed.proj.weight.device
        mean = torch.tensor(self.processor.image_mean, device=device)
        std = torch.tensor(self.processor.image_std, device=device)
        pixels = (
            torch.from_numpy(np.stack(images))
            .to(device)
            .float()
            .mul_(self.processor.rescale_factor)
            .sub_(mean)
            .div_(std)
        )
        merge, repeats = self.merge, self.processor.temporal_patch_size
        blocks = pixels.view(len(images), rows // merge, merge, patch, columns // merge, merge, patch, 3)
        blocks = blocks.permute(0, 1, 4, 2, 5, 7, 3, 6).unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, repeats, -1, -1)
        grids = torch.tensor([[1, rows, columns]] * len(images))
        return blocks.reshape(len(images) * rows * columns, 3 * repeats * patch * patch), grids

    def hidden(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        features: Sequence[torch.Tensor] = (),
        cache: Any = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Last hidden states (batch, length, hidden).

        Args:
            ids: int64 (batch, length).
            positions: int64 (3, batch, length); (4, 1, tokens) for packed rows (see `mmgym.agent.Policy.token_hidden`).
            features: the layers of `ImageFeatures.take` for all images of the batch, in reading order.
            cache: key-value cache of the tokens before, or None.
            mask: bool or int64 (batch, cached + length), 0 at padding; None masks nothing but the future.
        """
        inner = self.model.model
        embeddings = inner.get_input_embeddings()(ids)
        extra: dict[str, Any] = {"attention_mask": mask}
        if len(positions) == 4:
            extra = packed_arguments(inner.language_model, positions[0])
        if features:
            where = ids == self.image_token_id
            embeddings = embeddings.masked_scatter(where.unsqueeze(-1), features[0].to(embeddings.dtype))
            if self.deepstack:
                extra |= {"visual_pos_masks": where, "deepstack_visual_embeds": list(features[1:])}
        return inner.language_model(
            inputs_embeds=embeddings,
            position_ids=positions[-3:],
            past_key_values=cache,
            use_cache=cache is not None,
            **extra,
        ).last_hidden_state

    def prepare_packing(self) -> str:
        """Let the language model read packed rows; returns the attention that keeps them apart."""
        return install_attention(self.model.model.language_model)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """float32 logits of hidden states; placeholders of images and videos are at minus infinity."""
        logits = self.model.lm_head(hidden).float()
        return logits.index_fill(-1, torch.tensor(self.banned_ids, device=logits.device), float("-inf"))


@lru_cache(maxsize=256)
def _patch_positions(grid: tuple[int, ...], merge: int) -> torch.Tensor:
    """Rows and columns of an image's patches, int64 (patches, 2); transformers finds them anew for each image."""
    return get_vision_position_ids(torch.tensor([grid]), merge)


@lru_cache(maxsize=4096)
def _positions(length: int, where: bytes, grids: tuple[tuple[int, int], ...], merge: int) -> np.ndarray:
    placeholders = np.frombuffer(where, np.int64)
    positions = np.empty((3, length), np.int64)
    start = cursor = taken = 0
    for grid in grids:
        rows, columns = grid[0] // merge, grid[1] // merge
        first = int(placeholders[taken])
        positions[:, start:first] = np.arange(cursor, cursor + first - start)
        cursor += first - start
        start, taken = first + rows * columns, taken + rows * columns
        positions[0, first:start] = cursor
        positions[1, first:start] = cursor + np.repeat(np.arange(rows), columns)
        positions[2, first:start] = cursor + np.tile(np.arange(columns), rows)
        cursor += max(rows, columns)
    positions[:, start:] = np.arange(cursor, cursor + length - start)
    return positions


def _attention_of_equal_sizes(
    self: Any,
    hidden_states: torch.Tensor,
    cu_seqlens: torch.Tensor,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    **kwargs: Any,
) -> torch.Tensor:
    """Vision attention as one batch when all images (or windows) have one size; transformers loops over them."""
    lengths = cu_seqlens.diff()
    if not bool((lengths == lengths[0]).all()):
        return type(self).forward(self, hidden_states, cu_seqlens, position_embeddings=position_embeddings, **kwargs)
    total = hidden_states.shape[0]
    query, key, value = self.qkv(hidden_states).reshape(total, 3, self.num_heads, -1).permute(1, 0, 2, 3).unbind(0)
    cos, sin = position_embeddings
    query, key = _rotate(query, cos, sin), _rotate(key, cos, sin)
    shape = (len(lengths), int(lengths[0]), self.num_heads, -1)
    query, key, value = (t.reshape(shape).transpose(1, 2) for t in (query, key, value))
    output = F.scaled_dot_product_attention(query, key, value, scale=self.scaling)
    return self.proj(output.transpose(1, 2).reshape(total, -1))


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return (x.float() * cos.unsqueeze(-2).float() + turned.float() * sin.unsqueeze(-2).float()).to(x.dtype)


def _patch_embed_by_matmul(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    """The patch embedding (a convolution whose stride is its kernel) as one matrix product: the same sums, faster."""
    weight = self.proj.weight
    return F.linear(hidden_states.view(-1, weight[0].numel()), weight.view(weight.shape[0], -1), self.proj.bias)
