"""What is particular to each class of vision-language model: placeholders, image sizes, rotary positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import Qwen2VLImageProcessorPil

from mmgym_agents.families.qwen_vl import QwenVLFamily

__all__ = ["QwenVLFamily", "family_of", "load_image_processor"]

_FAMILIES = {
    "Qwen2_5_VLForConditionalGeneration": QwenVLFamily,
    "Qwen3VLForConditionalGeneration": QwenVLFamily,
}


def family_of(model: Any, image_processor: Any) -> QwenVLFamily:
    """The family of a loaded model.

    Raises:
        ValueError: for a model class without one, naming those there are.
    """
    name = type(model).__name__
    if name not in _FAMILIES:
        raise ValueError(f"no model family for {name}; there is one for {', '.join(_FAMILIES)}")
    return _FAMILIES[name](model, image_processor)


def load_image_processor(path: str | Path) -> Any:
    """The image processor of a checkpoint folder, in the form that needs no torchvision (the Auto class may)."""
    return Qwen2VLImageProcessorPil.from_pretrained(path)
