"""A vision-language model loaded from a checkpoint folder, with its codec: what the learner and the samplers share."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer
from transformers.utils import logging as transformers_logging

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.codec import TemplateChatCodec
from mmgym_agents.families import family_of, load_image_processor

if TYPE_CHECKING:
    from mmgym_agents.transformers_agent import TransformersAgent

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
        """A deep copy that shares no weight with this model: a reference that stays as it is while this one learns."""
        return VLM(copy.deepcopy(self.model), self.tokenizer, copy.deepcopy(self.image_processor))

    def sampler(
        self, *, temperature: float, greedy: bool, max_new_tokens: int, context: str, thinking: bool = False
    ) -> TransformersAgent:
        """An agent that samples from this model."""
        from mmgym_agents.transformers_agent import Sampling, TransformersAgent

        return TransformersAgent(self, Sampling(temperature, greedy, max_new_tokens, context, thinking=thinking))

    def save(self, path: str | Path) -> None:
        """Write a folder that the Auto classes of transformers load."""
        with _no_progress_bars():
            for part in (self.model, self.tokenizer, self.image_processor):
                part.save_pretrained(path)

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

    def token_logits(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        features: Sequence[torch.Tensor],
        rows: torch.Tensor,
        columns: torch.Tensor,
    ) -> torch.Tensor:
        """Logits that predict the tokens at (rows, columns) of a right-padded batch: float32 (k, vocabulary)."""
        return self.family.logits(self.token_hidden(ids, positions, features, rows, columns))

    def token_hidden(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        features: Sequence[torch.Tensor],
        rows: torch.Tensor,
        columns: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden states from which `token_logits` predicts: (k, hidden)."""
        hidden = self.family.hidden(ids, positions, features)
        return hidden[rows, columns - 1]
