"""What models without multi-axis rotary positions share: positions that count tokens, features put in place, logits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from mmgym.agent import ImageFeatures
from mmgym.trajectory import ImageRef
from mmgym_agents.packed_attention import install_attention, packed_arguments

__all__ = ["PlainFamily", "check_image_token", "check_language_model", "token_id"]


class PlainFamily:
    """The parts of a model whose language model sees an image as a run of embeddings like any others.

    Subclasses say how an image becomes ids and features.

    Args:
        model: a model for conditional generation.
        image_processor: its image processor.
        language_model: the language model inside.
        image_token_id: id of the tokens that image features replace.
        control: tokens that only images bring; they can neither be sampled nor written in a message.
        tokenizer: the model's tokenizer.

    Raises:
        ValueError: from `check_language_model`, and for an image processor that does not resize.
    """

    surround = ""
    """Text that the model's own processor writes before and after each image."""
    window_layers = False
    """Whether the family builds the masks of sliding-window layers itself."""

    def __init__(
        self,
        model: Any,
        image_processor: Any,
        language_model: Any,
        image_token_id: int,
        control: Iterable[str],
        tokenizer: Any,
    ):
        self.model = model
        self.processor = image_processor
        self.language_model = language_model
        self.image_token_id = image_token_id
        self.placeholder_id = image_token_id
        known = tokenizer.get_vocab()
        self.banned_ids = sorted({image_token_id, *(known[token] for token in control if token in known)})
        check_language_model(model.config.get_text_config(), self.window_layers)
        if not image_processor.do_resize:
            raise ValueError("do_resize is off in the image processor: images would not fit the vision tower")

    def image_ids(self, image: ImageRef) -> Sequence[int]:
        """The ids that stand for an image, as the model's own processor writes them."""
        raise NotImplementedError

    def image_tokens(self, image: ImageRef) -> int:
        """Number of ids of an image that features replace."""
        return list(self.image_ids(image)).count(self.image_token_id)

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Features of uint8 HWC images, computed in one pass of the vision tower: one layer, the embeddings."""
        raise NotImplementedError

    def positions(self, ids: np.ndarray, images: Sequence[ImageRef]) -> np.ndarray:
        """Positions, int64 (3, n): three equal rows that count the tokens; do not change them."""
        return np.broadcast_to(np.arange(len(ids)), (3, len(ids)))

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
        where = ids == self.image_token_id
        # an image id may lie past the table of embeddings; its own embedding is never read
        embeddings = self.language_model.get_input_embeddings()(ids.masked_fill(where, 0))
        if features:
            embeddings = embeddings.masked_scatter(where.unsqueeze(-1), features[0].to(embeddings.dtype))
        if len(positions) == 4:
            extra = packed_arguments(self.language_model, positions[0])
        else:
            extra = {"attention_mask": self._mask(ids, cache, mask)}
        return self.language_model(
            inputs_embeds=embeddings,
            position_ids=positions[0],
            past_key_values=cache,
            use_cache=cache is not None,
            **extra,
        ).last_hidden_state

    def prepare_packing(self) -> str:
        """Let the language model read packed rows.

        Returns:
            The attention that keeps them apart; empty where masks are built by the family, for padded rows only.
        """
        return "" if self.window_layers else install_attention(self.language_model)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """float32 logits of hidden states; what only images bring is at minus infinity."""
        logits = self.model.lm_head(hidden).float()
        banned = [i for i in self.banned_ids if i < logits.shape[-1]]
        return logits.index_fill(-1, torch.tensor(banned, device=logits.device), float("-inf"))

    def _mask(self, ids: torch.Tensor, cache: Any, mask: torch.Tensor | None) -> Any:
        """What the language model takes as its attention mask."""
        return mask

    def _features(self, tiles: torch.Tensor, counts: Sequence[int]) -> ImageFeatures:
        """Features of tiles (tiles, tokens, hidden), of which each image has so many."""
        return ImageFeatures([tiles.flatten(0, 1)], np.array(counts, np.int64) * tiles.shape[1])


def check_language_model(config: Any, own_masks: bool = False) -> None:
    """See that sampling with a cache equals one pass over the whole sequence.

    Args:
        config: configuration of the language model.
        own_masks: whether the family builds the masks of sliding-window layers itself.

    Raises:
        ValueError: naming what makes them differ.
    """
    windows = set(getattr(config, "layer_types", None) or ["full_attention"]) != {"full_attention"}
    if not own_masks and (windows or getattr(config, "sliding_window", None)):
        raise ValueError(
            f"the language model ({config.model_type}) has sliding-window layers: their window is counted in slots of "
            "the cache, padding included, so sampling in a batch would differ from one pass over a sequence"
        )
    rope = getattr(config, "rope_parameters", None) or {}
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    if any(part.get("rope_type") == "longrope" for part in parts):
        raise ValueError(
            "longrope positions change for all tokens once a sequence grows long, so sampling with a cache would "
            "differ from one pass over the sequence"
        )


def token_id(tokenizer: Any, token: str, model: Any) -> int:
    """The id of a token that the model's class needs.

    Raises:
        ValueError: when the tokenizer does not have it.
    """
    known = tokenizer.get_vocab()
    if token not in known:
        raise ValueError(f"{type(model).__name__} needs a token {token!r}, which its tokenizer does not have")
    return int(known[token])


def check_image_token(tokenizer: Any, token: str, model: Any) -> None:
    """See that a model puts features where its tokenizer writes the token.

    Raises:
        ValueError: naming both ids.
    """
    found = token_id(tokenizer, token, model)
    if found != model.config.image_token_id:
        raise ValueError(
            f"image_token_id is {model.config.image_token_id} in the model's configuration and {found} in its tokenizer"
        )
