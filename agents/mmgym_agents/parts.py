"""Parts of a model by name, the same for every class: what can be frozen, and where adapters can go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["PARTS", "freeze", "in_part", "parts_of"]

_CONNECTOR = (
    "model.visual.merger",
    "model.visual.deepstack_merger_list",
    "model.multi_modal_projector",
    "model.connector",
)
_VISION = ("model.visual", "model.vision_tower", "model.vision_model", *_CONNECTOR)
_LANGUAGE = ("model.language_model", "model.text_model")
_EMBEDDINGS = tuple(f"{name}.embed_tokens" for name in _LANGUAGE)

PARTS = ("vision", "tower", "connector", "language", "embeddings", "head")
"""``vision`` is ``tower`` and ``connector``; ``language`` holds ``embeddings`` and ``head``."""


def in_part(name: str, part: str) -> bool:
    """Whether a module or parameter lies in a part.

    Args:
        name: its full name in a model for conditional generation.
        part: one of `PARTS`, or the beginning of a name, up to a dot.
    """
    if part == "tower":
        return _begins(name, _VISION) and not _begins(name, _CONNECTOR)
    prefixes = {
        "vision": _VISION,
        "connector": _CONNECTOR,
        "language": (*_LANGUAGE, "lm_head"),
        "embeddings": _EMBEDDINGS,
        "head": ("lm_head",),
    }
    return _begins(name, prefixes.get(part, (part,)))


def parts_of(model: Any) -> list[str]:
    """The parts that have parameters of their own: a head that is tied to the embeddings does not."""
    names = [name for name, _ in model.named_parameters()]
    return [part for part in PARTS if any(in_part(name, part) for name in names)]


def freeze(model: Any, parts: Iterable[str]) -> None:
    """Let parameters stay as they are.

    Args:
        model: a model for conditional generation.
        parts: of `PARTS`, or beginnings of parameters' names.

    Raises:
        ValueError: for a part that has no parameters, naming those that do; when nothing is left to learn.
    """
    for part in parts:
        found = [parameter for name, parameter in model.named_parameters() if in_part(name, part)]
        if not found:
            raise ValueError(
                f"frozen: no parameter lies in {part!r}; parts of {type(model).__name__} are "
                f"{', '.join(parts_of(model))}, or the beginning of a parameter's name"
            )
        for parameter in found:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(f"frozen: nothing is left to learn; got {', '.join(parts)}")


def _begins(name: str, prefixes: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
