"""What is particular to each class of vision-language model: ids and features of images, positions, masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import (
    Gemma3ImageProcessorPil,
    GotOcr2ImageProcessorPil,
    Idefics3ImageProcessorPil,
    Qwen2VLImageProcessorPil,
    SmolVLMImageProcessorPil,
)

from mmgym_agents.families.gemma3 import Gemma3Family
from mmgym_agents.families.idefics3 import Idefics3Family
from mmgym_agents.families.internvl import InternVLFamily
from mmgym_agents.families.plain import PlainFamily
from mmgym_agents.families.qwen_vl import QwenVLFamily

__all__ = [
    "Family",
    "Gemma3Family",
    "Idefics3Family",
    "InternVLFamily",
    "PlainFamily",
    "QwenVLFamily",
    "family_of",
    "load_image_processor",
]

Family = QwenVLFamily | PlainFamily

_FAMILIES: dict[str, tuple[Any, Any]] = {
    "Gemma3ForConditionalGeneration": (Gemma3Family, Gemma3ImageProcessorPil),
    "Idefics3ForConditionalGeneration": (Idefics3Family, Idefics3ImageProcessorPil),
    "InternVLForConditionalGeneration": (InternVLFamily, GotOcr2ImageProcessorPil),
    "Qwen2_5_VLForConditionalGeneration": (QwenVLFamily, Qwen2VLImageProcessorPil),
    "Qwen3VLForConditionalGeneration": (QwenVLFamily, Qwen2VLImageProcessorPil),
    "SmolVLMForConditionalGeneration": (Idefics3Family, SmolVLMImageProcessorPil),
}
"""By class of model: the family, and the image processor in the form that needs no torchvision."""


def family_of(model: Any, image_processor: Any, tokenizer: Any) -> Family:
    """The family of a loaded model.

    Raises:
        ValueError: for a model class without one, naming those there are; for an image processor of another class or
            one that needs torchvision; and where the family cannot be exact, naming why.
    """
    family, processor = _entry(model)
    if not isinstance(image_processor, processor):
        raise ValueError(
            f"{type(model).__name__} needs {processor.__name__}, the image processor that runs without torchvision; "
            f"got {type(image_processor).__name__}"
        )
    return family(model, image_processor, tokenizer)


def load_image_processor(path: str | Path, model: Any) -> Any:
    """The image processor of a checkpoint folder, in the form that needs no torchvision (the Auto class may)."""
    return _entry(model)[1].from_pretrained(path)


def _entry(model: Any) -> tuple[Any, Any]:
    name = type(model).__name__
    if name not in _FAMILIES:
        raise ValueError(f"no model family for {name}; there is one for {', '.join(_FAMILIES)}")
    return _FAMILIES[name]
