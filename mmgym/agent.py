"""What an agent is, and what a vision-language model must offer to be one.

The executor knows only `Agent`; the learner knows only `Policy`. What is particular to a model class sits behind
them, in `mmgym_agents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmgym.spaces import ToolCall, ToolSpace
from mmgym.trajectory import EpisodeTask, ImageRef

if TYPE_CHECKING:
    import torch

__all__ = [
    "Agent",
    "BatchAgent",
    "Conversation",
    "EncodedPrompt",
    "ImageFeatures",
    "Policy",
    "Response",
    "TrainableAgent",
]

Message = dict[str, Any]
"""A chat message: ``{"role": ..., "content": [{"type": "text" | "image", ...}]}``; images are uint8 HWC arrays."""


@dataclass
class Conversation:
    """An episode as its agent sees it."""

    key: int
    """Number of the episode within a run of the executor; agents keep what they know of an episode under it."""
    task: EpisodeTask
    space: ToolSpace
    """The tools of the environment."""
    tools: list[dict[str, Any]] = field(default_factory=list)
    """Tool schemas for a chat template's ``tools=``; empty where the system message explains the tools."""
    messages: list[Message] = field(default_factory=list)
    """All messages so far; the last one is the user's, to be answered."""
    feedback: list[str] = field(default_factory=list)
    """What the environment said about each answer so far; empty where it said nothing."""
    instruction: str = ""
    """The rules and the goal, without how calls are written."""
    success: bool | None = None
    """Whether the task was solved; None until the episode has ended."""
    environment: Any = None
    """The `mmgym.rollout.EnvironmentHandle`, for scripted agents that read the state."""

    @property
    def turn(self) -> int:
        """Number of answers given so far."""
        return sum(message["role"] == "assistant" for message in self.messages)


@dataclass
class Response:
    """An agent's answer. Ids are missing for agents without tokens: they can be measured, not trained."""

    text: str
    action: ToolCall | None = None
    """The call itself, from agents that need no text; otherwise `text` is parsed."""
    prompt_ids: np.ndarray | None = None
    images: tuple[ImageRef, ...] = ()
    pixels: tuple[np.ndarray, ...] = ()
    """The pixels of `images`, in the same order."""
    sampled_ids: np.ndarray | None = None
    logprobs: np.ndarray | None = None
    extends: bool = False
    version: int = 0
    exhausted: bool = False
    """True when the conversation no longer fits the model's context: the episode is truncated."""
    usage: dict[str, float] = field(default_factory=dict)
    """What the answer took, e.g. ``prompt_tokens``, ``completion_tokens``, ``dollars``."""


class Agent(Protocol):
    """Answers one conversation at a time."""

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message."""
        ...

    def end(self, conversation: Conversation) -> None:
        """The episode is over: forget what was kept of it."""
        ...


class BatchAgent(Protocol):
    """Answers many conversations in one call. `mmgym.rollout.Batcher` makes an `Agent` of it."""

    def act_batch(self, conversations: Sequence[Conversation]) -> list[Response]:
        """Answer the last user message of each conversation."""
        ...

    def end(self, conversation: Conversation) -> None:
        """The episode is over: forget what was kept of it."""
        ...


@dataclass
class EncodedPrompt:
    """A prompt as the model reads it."""

    ids: np.ndarray
    """int32 (n,), image placeholders expanded."""
    images: tuple[ImageRef, ...]
    pixels: tuple[np.ndarray, ...]


@dataclass
class ImageFeatures:
    """What the vision tower made of some images."""

    layers: list[torch.Tensor]
    """Tensors (tokens of all images, hidden): the embeddings, then one per deepstack layer."""
    sizes: np.ndarray
    """int64 (images,): tokens of each image."""

    def take(self, indices: Sequence[int]) -> list[torch.Tensor]:
        """The layers of the given images, one after the other; an image may be taken several times."""
        import torch

        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        tokens = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in indices]) if len(indices) else np.zeros(0)
        index = torch.from_numpy(tokens.astype(np.int64)).to(self.layers[0].device)
        return [layer.index_select(0, index) for layer in self.layers]

    def extend(self, other: ImageFeatures) -> ImageFeatures:
        """These images followed by the other's."""
        import torch

        layers = [torch.cat(pair) for pair in zip(self.layers, other.layers, strict=True)]
        return ImageFeatures(layers, np.concatenate([self.sizes, other.sizes]))


class ChatCodec(Protocol):
    """Conversation <-> token ids, exactly: nothing that was sampled is ever tokenized again."""

    def opening(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> EncodedPrompt:
        """Encode the first messages with the model's own chat template, up to where the assistant speaks."""
        ...

    def extension(self, message: Message, sampled_ids: np.ndarray) -> EncodedPrompt:
        """Encode what follows `sampled_ids`: the end of the answer if it is missing, and the next user message."""
        ...

    def answer(self, text: str) -> np.ndarray:
        """The ids an assistant would sample to say `text`, its end token included."""
        ...

    def decode(self, sampled_ids: np.ndarray) -> str:
        """The text of sampled ids, without the end token."""
        ...

    def with_thinking(self, thinking: bool) -> ChatCodec:
        """This codec with thinking on or off."""
        ...


class _Trainable(Protocol):
    """Weights that change between calls."""

    def weights_changed(self, version: int) -> None:
        """The weights are new: forget what was computed with the old ones."""
        ...


class _TrainableAgent(_Trainable, Agent, Protocol):
    """An `Agent` whose weights change between calls."""


class _TrainableBatchAgent(_Trainable, BatchAgent, Protocol):
    """A `BatchAgent` whose weights change between calls."""


TrainableAgent = _TrainableAgent | _TrainableBatchAgent
"""An agent, one answer or one batch at a time, whose weights change between calls: ``weights_changed(version)``."""


class Policy(Protocol):
    """A trainable vision-language model: what the learner needs of it."""

    model: torch.nn.Module

    @property
    def codec(self) -> ChatCodec:
        """The codec of its conversations."""
        ...

    def sampler(
        self, *, temperature: float, greedy: bool, max_new_tokens: int, context: str, thinking: bool = False
    ) -> TrainableAgent:
        """An agent that samples from the model as it is at the time; with `thinking` it is asked to reason first."""
        ...

    def save(self, path: Path) -> None:
        """Write a checkpoint folder that the Auto classes of transformers load."""
        ...

    def clone(self) -> Policy:
        """A copy that learns apart from this one: they share the weights that are frozen, and no others."""
        ...

    def reference(self) -> Policy:
        """The policy as it is now, to compare with: nothing of it learns, and it shares what is frozen here."""
        ...

    def weights(self) -> dict[str, torch.Tensor]:
        """What a checkpoint needs of the weights: all of them, or where adapters learn, the adapters alone."""
        ...

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """The inverse of `weights`."""
        ...

    def base_identity(self) -> str:
        """The hash of what `weights` leaves out; empty where it leaves out nothing."""
        ...

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states that predict tokens."""
        ...

    def image_tokens(self, image: ImageRef) -> int:
        """Number of placeholder tokens of an image: those whose embeddings its features replace."""
        ...

    def image_token_id(self) -> int:
        """Id of the image placeholder."""
        ...

    def positions(self, ids: np.ndarray, images: Sequence[ImageRef]) -> np.ndarray:
        """Rotary position ids of a sequence, int64 (3, n), equal to the model's own."""
        ...

    def image_features(self, images: Sequence[np.ndarray]) -> ImageFeatures:
        """Run the vision tower on uint8 HWC images, with gradients."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """Number of logits of a token."""
        ...

    def prepare_packing(self) -> str:
        """Make the model ready for rows packed end to end (see `token_hidden`).

        Returns:
            The attention that keeps them apart, chosen by device and type of the weights; empty where the model would
            not be exact, so that rows must be padded.
        """
        ...

    def token_hidden(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        features: Sequence[torch.Tensor],
        rows: torch.Tensor,
        columns: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden states that predict the tokens at (rows, columns), for an output or a value head to read.

        Args:
            ids: int64 (batch, length), right-padded; or (1, tokens), rows packed end to end.
            positions: int64 (3, batch, length); or (4, 1, tokens), of which the first is the place of a token in its
                row: where it is 0 another row begins, which sees nothing of those before.
            features: what `ImageFeatures.take` gives for the images of the batch, in reading order.
            rows: int64 (k,).
            columns: int64 (k,), none the first of its row.

        Returns:
            (k, hidden_size), in the type of the weights; with gradients.
        """
        ...

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the output head makes of hidden states (k, hidden_size), banned tokens at minus infinity.

        Returns:
            float32 (k, vocabulary).
        """
        ...
