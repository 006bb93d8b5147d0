"""The shapes of the Qwen-VL models for the planner: parameters, products and bytes, counted on the model itself.

The model is built on torch's meta device, where it takes no memory, and one layer of each kind is run forward and
backward there. What a layer keeps for its backward pass is so what this version of transformers keeps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from mmgym.learn.policy_config import LoraConfig
from mmgym.plan.count import PassCost, inference_peak, passes
from mmgym.plan.shape import ModelShape, Piece
from mmgym_agents.adapters import add_adapters

__all__ = ["KNOWN", "build_on_meta", "read_config", "read_shape", "shape_of"]

_CONFIGS = Path(__file__).parent / "configs"
KNOWN = tuple(sorted(path.stem for path in _CONFIGS.glob("*.json")))
"""Published shapes that come with the package, by name."""

_CLASSES = ("qwen2_5_vl", "qwen3_vl")
_UNITS = 256
"""Units on which a layer is run; twice as many once more, so that what does not grow with them is left out."""


def read_shape(model: str, dtype: str = "bfloat16") -> ModelShape:
    """The shape of a model.

    Args:
        model: one of `KNOWN`, a checkpoint folder, or a ``config.json``.
        dtype: type of weights and activations, ``bfloat16`` or ``float32``.

    Raises:
        ValueError: for a name that is neither known nor a file, or a class of models that cannot be counted.
    """
    return shape_of(read_config(model), Path(model).name.removesuffix(".json"), dtype)


def read_config(model: str) -> Any:
    """The configuration of a model, as transformers has it; arguments and errors as in `read_shape`."""
    path = Path(model)
    if model in KNOWN:
        path = _CONFIGS / f"{model}.json"
    elif path.is_dir():
        path = path / "config.json"
    if not path.is_file():
        raise ValueError(
            f"model must be a checkpoint folder, a config.json, or one of {', '.join(KNOWN)}; got {model!r}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    kind = content.get("model_type") if isinstance(content, dict) else None
    if kind not in _CLASSES:
        raise ValueError(f"model_type must be one of {', '.join(_CLASSES)} to be planned; {path} has {kind!r}")
    return AutoConfig.for_model(**content)


def build_on_meta(config: Any, dtype: torch.dtype) -> Any:
    """The model of a configuration on the meta device: all of its modules, none of its numbers."""
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(config, dtype=dtype, attn_implementation="sdpa")


def shape_of(config: Any, name: str, dtype: str = "bfloat16") -> ModelShape:
    """The shape of a configuration of a Qwen-VL model."""
    kind = {"bfloat16": torch.bfloat16, "float32": torch.float32}[dtype]
    model = build_on_meta(config, kind)
    text, vision = config.get_text_config(), config.vision_config
    deepstack = list(getattr(vision, "deepstack_visual_indexes", []))
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    whole = getattr(vision, "fullatt_block_indexes", range(vision.depth))
    pairs = 4.0 * vision.hidden_size
    parameters = _parameters(model)
    pieces = _text_pieces(model.model.language_model, text, kind)
    tower = _vision_pieces(model.model.visual, vision, kind)
    add_adapters(model, LoraConfig(rank=1), seed=0)
    return ModelShape(
        name=name,
        parameters=parameters,
        vision_parameters=_parameters(model.model.visual),
        text=pieces,
        adapted_text=_text_pieces(model.model.language_model, text, kind),
        vision=tower,
        hidden_size=text.hidden_size,
        vocabulary_size=text.vocab_size,
        feature_layers=1 + len(deepstack),
        text_attention=4.0 * text.num_attention_heads * head * text.num_hidden_layers,
        vision_attention=pairs * len(whole),
        vision_window_attention=pairs * (vision.depth - len(whole)),
        vision_window=(vision.window_size // vision.patch_size) ** 2 if len(whole) < vision.depth else 0,
        patch_size=vision.patch_size,
        merge_size=vision.spatial_merge_size,
        kv_bytes=2 * text.num_key_value_heads * head * text.num_hidden_layers * kind.itemsize,
        bytes_per_weight=kind.itemsize,
    )


def _text_pieces(model: Any, config: Any, dtype: torch.dtype) -> tuple[Piece, ...]:
    def layer(units: int) -> tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...], list[torch.Tensor]]:
        hidden = _input(1, units, config.hidden_size, dtype=dtype)
        cos, sin = model.rotary_emb(hidden, torch.zeros(3, 1, units, dtype=torch.int64, device="meta"))
        return lambda x: model.layers[0](x, position_embeddings=(cos, sin), attention_mask=None), (hidden,), [cos, sin]

    def norm(units: int) -> tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...], list[torch.Tensor]]:
        return model.norm, (_input(1, units, config.hidden_size, dtype=dtype),), []

    return (
        _piece("layer", len(model.layers), model.layers[0], layer, is_layer=True),
        _piece("norm", 1, model.norm, norm),
    )


def _vision_pieces(model: Any, config: Any, dtype: torch.dtype) -> tuple[Piece, ...]:
    width = config.hidden_size
    pixels = config.in_channels * config.temporal_patch_size * config.patch_size**2

    def embedding(units: int) -> tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...], list[torch.Tensor]]:
        return model.patch_embed, (_input(units, pixels, dtype=dtype, gradient=False),), []

    def block(units: int) -> tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...], list[torch.Tensor]]:
        hidden = _input(units, width, dtype=dtype)
        position = model.rotary_pos_emb(hidden, torch.zeros(units, 2, dtype=torch.int64, device="meta"))
        one_image = torch.tensor([0, units], dtype=torch.int32)
        run = lambda x: model.blocks[0](x, cu_seqlens=one_image, position_embeddings=position)  # noqa: E731
        return run, (hidden,), list(position)

    def merger(module: Any) -> Callable[[int], Any]:
        return lambda units: (module, (_input(units, width, dtype=dtype),), [])

    extra = list(getattr(model, "deepstack_merger_list", []))
    pieces = [
        _piece("patch embedding", 1, model.patch_embed, embedding),
        _piece("block", len(model.blocks), model.blocks[0], block, is_layer=True),
        _piece("merger", 1, model.merger, merger(model.merger)),
    ]
    if extra:
        pieces.append(_piece("deepstack merger", len(extra), extra[0], merger(extra[0])))
    return tuple(pieces)


def _piece(
    name: str, count: int, module: torch.nn.Module, prepare: Callable[[int], Any], is_layer: bool = False
) -> Piece:
    """Run a module on `_UNITS` units and on twice as many; what a unit costs is the difference."""
    costs: list[tuple[PassCost, int, int]] = []
    for units in (_UNITS, 2 * _UNITS):
        forward, inputs, shared = prepare(units)
        there = [*module.parameters(), *module.buffers(), *shared]
        least = inference_peak(forward, inputs)
        boundary = sum(tensor.numel() * tensor.element_size() for tensor in inputs)
        costs.append((passes(forward, inputs, there), least, boundary))
    (first, least, boundary), (second, least_of_more, boundary_of_more) = costs
    linear = [part for part in module.modules() if isinstance(part, torch.nn.Linear)]
    return Piece(
        name=name,
        count=count,
        parameters=_parameters(module),
        flops=(second.forward_flops - first.forward_flops) / _UNITS,
        saved=(second.saved - first.saved) / _UNITS,
        boundary=(boundary_of_more - boundary) / _UNITS,
        peak=(second.peak - first.peak) / _UNITS,
        inference_peak=(least_of_more - least) / _UNITS,
        forward_moved=(second.forward_moved - first.forward_moved) / _UNITS,
        backward_moved=(second.backward_moved - first.backward_moved) / _UNITS,
        is_layer=is_layer,
        linear_widths=sum(part.in_features + part.out_features for part in linear),
        linear_layers=len(linear),
    )


def _input(*size: int, dtype: torch.dtype, gradient: bool = True) -> torch.Tensor:
    return torch.empty(*size, dtype=dtype, device="meta", requires_grad=gradient)


def _parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
