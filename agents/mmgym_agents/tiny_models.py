"""Tiny models of each class, their image processors, and their random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    GotOcr2ImageProcessorPil,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    InternVLConfig,
    InternVLForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessorPil,
)

if TYPE_CHECKING:
    from mmgym_agents.tiny import TinyConfig

__all__ = ["build_image_processor", "build_model", "initialise"]


def build_model(config: TinyConfig, tokenizer: Any) -> Any:
    """The model that a configuration describes, its weights not yet drawn."""
    return _BUILDERS[config.family](config, tokenizer)


def build_image_processor(config: TinyConfig) -> Any:
    """The image processor of the class, in the form that needs no torchvision."""
    normal: dict[str, Any] = {"image_mean": [config.image_mean] * 3, "image_std": [config.image_std] * 3}
    square = {"height": config.image_size, "width": config.image_size}
    if config.family in ("smolvlm", "idefics3"):
        kind = SmolVLMImageProcessorPil if config.family == "smolvlm" else Idefics3ImageProcessorPil
        return kind(
            size={"longest_edge": config.tiles_per_side * config.image_size},
            max_image_size={"longest_edge": config.image_size},
            do_image_splitting=config.tiles_per_side > 1,
            **normal,
        )
    if config.family == "internvl":
        return GotOcr2ImageProcessorPil(size=square, max_patches=config.tiles_per_side**2, **normal)
    if config.family == "gemma3":
        return Gemma3ImageProcessorPil(size=square, **normal)
    return Qwen2VLImageProcessorPil(
        patch_size=config.patch_size,
        merge_size=config.merge_size,
        temporal_patch_size=2,
        size={"shortest_edge": (config.patch_size * config.merge_size) ** 2, "longest_edge": 4096**2},
        **normal,
    )


def _text(config: TinyConfig, tokenizer: Any) -> dict[str, Any]:
    """What the language models of all classes have in common."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": 2,
        "max_position_embeddings": config.max_context,
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def _vision(config: TinyConfig) -> dict[str, Any]:
    """What the square vision towers have in common."""
    return {
        "num_hidden_layers": config.vision_depth,
        "hidden_size": config.vision_hidden_size,
        "intermediate_size": 2 * config.vision_hidden_size,
        "num_attention_heads": config.vision_heads,
        "patch_size": config.patch_size,
        "image_size": config.image_size,
    }


def _qwen_vl(config: TinyConfig, tokenizer: Any) -> Any:
    half = config.hidden_size // config.heads // 2
    side = 3 * half // 8
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [half - 2 * side, side, side]}
    text = {**_text(config, tokenizer), "rope_parameters": rope}
    vision: dict[str, Any] = {
        "depth": config.vision_depth,
        "hidden_size": config.vision_hidden_size,
        "intermediate_size": 2 * config.vision_hidden_size,
        "num_heads": config.vision_heads,
        "patch_size": config.patch_size,
        "spatial_merge_size": config.merge_size,
        "temporal_patch_size": 2,
        "out_hidden_size": config.hidden_size,
    }
    names = {"image_token_id": "image_pad", "video_token_id": "video_pad"}
    names |= {"vision_start_token_id": "vision_start", "vision_end_token_id": "vision_end"}
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for name, token in names.items()}
    if config.family == "qwen3_vl":
        text["head_dim"] = config.hidden_size // config.heads
        rope["mrope_interleaved"] = True
        vision["num_position_embeddings"] = (config.image_size // config.patch_size) ** 2
        vision["deepstack_visual_indexes"] = [0]
        whole: Any = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
        return Qwen3VLForConditionalGeneration._from_config(whole, attn_implementation="sdpa")
    vision["window_size"] = config.image_size
    vision["fullatt_block_indexes"] = list(range(config.vision_depth))
    whole = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
    return Qwen2_5_VLForConditionalGeneration._from_config(whole, attn_implementation="sdpa")


def _idefics3(config: TinyConfig, tokenizer: Any) -> Any:
    smol = config.family == "smolvlm"
    whole: Any = (SmolVLMConfig if smol else Idefics3Config)(
        text_config={"model_type": "llama", **_text(config, tokenizer)},
        vision_config=_vision(config),
        scale_factor=config.merge_size,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=True,
    )
    kind: Any = SmolVLMForConditionalGeneration if smol else Idefics3ForConditionalGeneration
    return kind._from_config(whole, attn_implementation="sdpa")


def _internvl(config: TinyConfig, tokenizer: Any) -> Any:
    whole: Any = InternVLConfig(
        text_config={"model_type": "qwen2", **_text(config, tokenizer)},
        vision_config=_vision(config),
        downsample_ratio=1 / config.merge_size,
        image_seq_length=(config.image_size // config.patch_size // config.merge_size) ** 2,
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        tie_word_embeddings=True,
    )
    return InternVLForConditionalGeneration._from_config(whole, attn_implementation="sdpa")


def _gemma3(config: TinyConfig, tokenizer: Any) -> Any:
    head = config.hidden_size // config.heads
    text = {
        **_text(config, tokenizer),
        "head_dim": head,
        "query_pre_attn_scalar": head,
        "sliding_window": config.sliding_window,
        "layer_types": ["full_attention" if i % 2 else "sliding_attention" for i in range(config.layers)],
    }
    whole: Any = Gemma3Config(
        text_config=text,
        vision_config={"model_type": "siglip_vision_model", "vision_use_head": False, **_vision(config)},
        mm_tokens_per_image=(config.image_size // config.patch_size // config.merge_size) ** 2,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
        tie_word_embeddings=True,
    )
    return Gemma3ForConditionalGeneration._from_config(whole, attn_implementation="sdpa")


_BUILDERS = {
    "qwen3_vl": _qwen_vl,
    "qwen2_5_vl": _qwen_vl,
    "smolvlm": _idefics3,
    "idefics3": _idefics3,
    "internvl": _internvl,
    "gemma3": _gemma3,
}


@torch.no_grad()
def initialise(model: torch.nn.Module, config: TinyConfig) -> None:
    """Draw the weights, from the configuration's seed and nothing else."""
    generator = torch.Generator().manual_seed(config.seed)
    unit_norms = 0.0 if config.family == "gemma3" else 1.0  # Gemma's RMSNorm multiplies by 1 + weight
    side, width = config.image_size // config.patch_size, config.vision_hidden_size

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    def learned_positions() -> torch.Tensor:
        return (normal(side, 1, width) + normal(1, side, width)).mul_(0.5).reshape(side * side, width)

    for name, parameter in model.named_parameters():
        module = name.split(".")[-2]
        if "norm" in module or module == "ln_q":
            rms = "layer_norm" not in module and "layernorm" not in module
            parameter.fill_((unit_norms if rms else 1.0) if name.endswith("weight") else 0.0)
        elif "lambda_" in name:
            parameter.fill_(1.0)
        elif parameter.ndim == 1:
            parameter.zero_()
        elif "pos_embed" in name or "position_embedding.weight" in name:
            parameter.copy_(learned_positions())
        elif "position_embeddings" in name:
            parameter.zero_()[0, 1:] = learned_positions()
        elif "embed_tokens" in name:
            parameter.copy_(normal(*parameter.shape).mul_(0.1))
        elif "input_projection_weight" in name:  # (inputs, outputs), unlike a linear layer's
            parameter.copy_(normal(*parameter.shape).div_(parameter.shape[0] ** 0.5))
        else:
            parameter.copy_(normal(*parameter.shape).div_(parameter[0].numel() ** 0.5))
