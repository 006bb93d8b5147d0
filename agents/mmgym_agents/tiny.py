"""A tiny vision-language model of the Qwen3-VL or Qwen2.5-VL class, built by code into an ordinary checkpoint folder.

Nothing of it is hand-fitted to a task: the architecture is transformers' own, the tokenizer is a byte-level BPE over
the words an environment uses, and the weights are random. Three choices of scale decide whether so small a model
learns to see at all: every matrix starts at 1 / sqrt(inputs), so that attention is not uniform at first; learned
positions start as a row vector plus a column vector; pixels are centred on the brightness of the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from mmgym_agents.vlm import VLM

__all__ = ["CHAT_TEMPLATE", "TinyConfig", "build_tiny_vlm", "build_tokenizer"]

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
ADDED_TOKENS = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<action>", "</action>")

CHAT_TEMPLATE = """\
{%- macro render(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'text' -%}{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- if tools -%}
<|im_start|>system
{% if messages[0].role == 'system' %}{{ render(messages[0].content) }}

{% endif %}# Tools

You may call these functions:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>

Answer each call as <tool_call>
{"name": <function name>, "arguments": <object>}
</tool_call><|im_end|>
{% endif -%}
{%- for message in messages -%}
{%- if not (tools and loop.first and message.role == 'system') -%}
<|im_start|>{{ message.role }}
{{ render(message.content) }}<|im_end|>
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""
"""The format of the Qwen-VL models: ChatML with vision markers, tools described in the system message."""


@dataclass(frozen=True)
class TinyConfig:
    """Shape and start of a tiny model."""

    family: str = "qwen3_vl"
    """``qwen3_vl`` or ``qwen2_5_vl``."""
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
    """Side of the images it will see, for the table of learned positions (Qwen3-VL)."""
    max_context: int = 4096
    """Longest sequence, in tokens."""
    image_mean: float = 0.85
    """Brightness subtracted from pixels, in units of 255."""
    image_std: float = 0.5
    """Brightness that pixels are divided by, in units of 255."""
    seed: int = 0
    """Seed of the random weights."""

    def __post_init__(self) -> None:
        if self.family not in ("qwen3_vl", "qwen2_5_vl"):
            raise ValueError(f"family must be qwen3_vl or qwen2_5_vl; got {self.family!r}")
        for name, heads in (("hidden_size", self.heads), ("vision_hidden_size", self.vision_heads)):
            if getattr(self, name) % (4 * heads):  # rotary positions of two axes, each in pairs
                raise ValueError(f"{name} must be a multiple of 4 * heads = {4 * heads}; got {getattr(self, name)}")
        if self.image_size % (self.patch_size * self.merge_size):
            cell = self.patch_size * self.merge_size
            raise ValueError(
                f"image_size must be a multiple of patch_size * merge_size = {cell}; got {self.image_size}"
            )


def build_tokenizer(words: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which each of `words` is one token, bare and after a space.

    Any text can be encoded; unknown words fall back to bytes.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    vocabulary = sorted({"user", "assistant", "system", *words})
    trainer = trainers.BpeTrainer(
        vocab_size=16384,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        min_frequency=1,
    )
    tokenizer.train_from_iterator([form for word in vocabulary for form in (word, " " + word)], trainer)
    tokenizer.add_tokens(list(ADDED_TOKENS))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    fast.chat_template = CHAT_TEMPLATE
    return fast


def build_tiny_vlm(config: TinyConfig | None = None, words: Iterable[str] = ()) -> VLM:
    """A tiny model with seeded random weights.

    Args:
        config: shape and seed.
        words: words that are one token each (an environment's ``vocabulary()``).
    """
    config = config or TinyConfig()
    tokenizer = build_tokenizer(words)
    processor = Qwen2VLImageProcessorPil(
        patch_size=config.patch_size,
        merge_size=config.merge_size,
        temporal_patch_size=2,
        size={"shortest_edge": (config.patch_size * config.merge_size) ** 2, "longest_edge": 4096**2},
        image_mean=[config.image_mean] * 3,
        image_std=[config.image_std] * 3,
    )
    model = _build_model(config, tokenizer)
    _initialise(model, config)
    return VLM(model, tokenizer, processor)


def _build_model(config: TinyConfig, tokenizer: Any) -> Any:
    half = config.hidden_size // config.heads // 2
    side = 3 * half // 8
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [half - 2 * side, side, side]}
    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": 2,
        "max_position_embeddings": config.max_context,
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "rope_parameters": rope,
    }
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


@torch.no_grad()
def _initialise(model: torch.nn.Module, config: TinyConfig) -> None:
    generator = torch.Generator().manual_seed(config.seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    for name, parameter in model.named_parameters():
        if "norm" in name.split(".")[-2]:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        elif parameter.ndim == 1:
            parameter.zero_()
        elif "pos_embed" in name:
            side, width = config.image_size // config.patch_size, config.vision_hidden_size
            parameter.copy_((normal(side, 1, width) + normal(1, side, width)).mul_(0.5).reshape(side * side, width))
        elif "embed_tokens" in name:
            parameter.copy_(normal(*parameter.shape).mul_(0.1))
        else:
            parameter.copy_(normal(*parameter.shape).div_(parameter[0].numel() ** 0.5))
