"""A vision-language model loaded from a checkpoint folder, with its codec: what the learner and the samplers share."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer
from transformers.utils import logging as transformers_logging

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.adapters import (
    adapter_weights,
    has_adapters,
    hash_of_base,
    merged_model,
    merged_weights,
    rest_if_zero,
)
from mmgym_agents.codec import TemplateChatCodec
from mmgym_agents.families import family_of, load_image_processor

if TYPE_CHECKING:
    from mmgym_agents.transformers_agent import TransformersAgent
    from mmgym_agents.vllm_agent import VLLMAgent
    from mmgym_agents.vllm_link import EngineLink
    from mmgym_agents.vllm_options import VLLMOptions

__all__ = ["VLM"]


@contextlib.contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep transformers' bars for reading and writing weights out of our own display."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


class VLM:
    """A `mmgym.agent.Policy`: model, tokenizer, image processor and chat codec.

    Args:
        model: a model that has a `mmgym_agents.families` entry.
        tokenizer: its tokenizer, with a chat template.
        image_processor: its image processor.
    """

    def __init__(self, model: Any, tokenizer: Any, image_processor: Any):
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.family = family_of(model, image_processor, tokenizer)
        self.codec = TemplateChatCodec(
            tokenizer, self.family.placeholder_id, self.family.image_ids, self.family.surround, self.family.banned_ids
        )
        text = model.config.get_text_config()
        self.max_context: int = text.max_position_embeddings
        self.engine: VLLMOptions | None = None
        """How the vLLM engine is had that samples from this model; None samples from the model itself."""

    @classmethod
    def load(cls, path: str | Path, dtype: str = "float32", device: str = "cpu") -> VLM:
        """Load a local checkpoint folder (the tiny one, or a real one of a class that has a family).

        Raises:
            FileNotFoundError: when the folder holds no ``config.json``.
            ValueError: when there is no family for its class, or the family cannot be exact; it says why.
        """
        if not (Path(path) / "config.json").is_file():
            raise FileNotFoundError(f"{path} holds no config.json: expected a checkpoint folder of transformers")
        with _no_progress_bars():
            model = AutoModelForImageTextToText.from_pretrained(path, dtype=dtype, attn_implementation="sdpa")
        tokenizer = AutoTokenizer.from_pretrained(path)
        template = Path(path) / "chat_template.json"
        if tokenizer.chat_template is None and template.is_file():  # older folders keep it beside the processor
            tokenizer.chat_template = json.loads(template.read_text(encoding="utf-8"))["chat_template"]
        return cls(model.to(device), tokenizer, load_image_processor(path, model))

    def clone(self) -> VLM:
        """A copy that learns apart from this model: they share the weights that are frozen, and no others."""
        frozen = {id(parameter): parameter for parameter in self.model.parameters() if not parameter.requires_grad}
        other = VLM(copy.deepcopy(self.model, dict(frozen)), self.tokenizer, copy.deepcopy(self.image_processor))
        other.engine = self.engine
        return other

    def reference(self) -> VLM:
        """The model as it is now, to compare with: nothing of it learns.

        With adapters it is the base with a copy of them, which is switched off where they have not learned yet.
        """
        other = self.clone()
        other.model.requires_grad_(False)
        if has_adapters(other.model):
            rest_if_zero(other.model)
        return other

    def weights(self) -> dict[str, torch.Tensor]:
        """What a checkpoint needs of the weights: all of them, or the adapters alone if there are any."""
        return adapter_weights(self.model) if has_adapters(self.model) else self.model.state_dict()

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """The inverse of `weights`.

        Raises:
            RuntimeError: when names or shapes are others.
        """
        missing = set(self.weights()) ^ set(weights)
        if missing:
            raise RuntimeError(f"the weights do not fit this model: {sorted(missing)[0]!r} is in one of them only")
        self.model.load_state_dict(weights, strict=False)
        if has_adapters(self.model) and not any(p.requires_grad for p in self.model.parameters()):
            self.model.enable_adapters()
            self.model.requires_grad_(False)
            rest_if_zero(self.model)

    @functools.cached_property
    def _base(self) -> str:
        return hash_of_base(self.model)

    def base_identity(self) -> str:
        """The sha256 of the weights beneath the adapters, which never change; empty without adapters."""
        return self._base if has_adapters(self.model) else ""

    def sampler(
        self, *, temperature: float, greedy: bool, max_new_tokens: int, context: str, thinking: bool = False
    ) -> TransformersAgent | VLLMAgent:
        """An agent that samples from this model, or from the engine that holds a copy of it."""
        from mmgym_agents.transformers_agent import Sampling, TransformersAgent

        sampling = Sampling(temperature, greedy, max_new_tokens, context, thinking=thinking)
        if self.engine is None:
            return TransformersAgent(self, sampling)
        from mmgym_agents.vllm_agent import VLLMAgent

        return VLLMAgent(self, self._link, sampling)

    @functools.cached_property
    def _link(self) -> EngineLink:
        from mmgym_agents.vllm_link import EngineLink

        assert self.engine is not None
        return EngineLink(self, self.engine)

    def named_weights(self) -> Iterable[tuple[str, torch.Tensor]]:
        """All weights under the names that a checkpoint has for them, tied ones twice, adapters merged in."""
        return (merged_weights(self.model) if has_adapters(self.model) else self.model.state_dict()).items()

    def save(self, path: str | Path) -> None:
        """Write a folder that the Auto classes of transformers load.

        Adapters are merged into its weights; by themselves they are in its folder ``adapter``, for peft.
        """
        adapted = has_adapters(self.model)
        with _no_progress_bars():
            for part in (merged_model(self.model) if adapted else self.model, self.tokenizer, self.image_processor):
                part.save_pretrained(path)
            if adapted:
                self.model.save_pretrained(Path(path) / "adapter")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states that predict tokens."""
        return int(self.model.config.get_text_config().hidden_size)

    def image_token_id(self) -> int:
        """Id of the image placeholder."""
        return self.family.image_token_id

    def image_tokens(self, image: ImageRef) -> int:
        """Number of placeholder tokens of an image."""
        return self.family.image_tokens(image)

    def positions(self, ids: np.ndarray, images: Sequence[ImageRef]) -> np.ndarray:
        """Rotary positions, int64 (3, n)."""
        return self.family.positions(ids, images)

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images, with gradients."""
        return self.family.image_features(images)

    @property
    def vocabulary_size(self) -> int:
        """Number of logits of a token."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    def prepare_packing(self) -> str:
        """Make the model ready for packed rows; returns the attention that keeps them apart, or nothing."""
        return self.family.prepare_packing()

    def token_hidden(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        features: Sequence[torch.Tensor],
        rows: torch.Tensor,
        columns: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden states that predict the tokens at (rows, columns): (k, hidden)."""
        hidden = self.family.hidden(ids, positions, features)
        return hidden[rows, columns - 1]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the output head makes of hidden states: float32 (k, vocabulary)."""
        return self.family.logits(hidden)
