"""Batched sampling from a transformers vision-language model, with a key-value cache over turns.

Episodes that were prefilled together share one cache (a cohort). Each turn feeds only what is new. Sampling noise is
keyed by run, iteration, group, member and turn, so what an episode samples does not depend on when it is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from mmgym.agent import Conversation, EncodedPrompt, ImageFeatures, Response
from mmgym.learn.features import MAX_TOKENS
from mmgym.trajectory import ImageRef
from mmgym_agents.cache import RoomyCache
from mmgym_agents.context import Context, History, parse_context
from mmgym_agents.summary import Summarise
from mmgym_agents.vlm import VLM

__all__ = ["Sampling", "TransformersAgent"]


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn."""

    temperature: float = 1.0
    """Divides the logits; log-probabilities are those of the tempered distribution."""
    greedy: bool = False
    """Take the likeliest token instead of drawing."""
    max_new_tokens: int = 16
    """Longest answer, in tokens, its end token included."""
    context: str = "full"
    """What is read: ``full``, ``window(k)`` or ``window(k)+summary`` (see `mmgym_agents.context`)."""
    max_rows: int = 512
    """Largest number of episodes in one forward pass."""
    thinking: bool = False
    """Whether the model is asked to reason before it answers (see `TemplateChatCodec`)."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(
                f"temperature must be above 0; got {self.temperature} (greedy=True takes the likeliest token)"
            )
        if self.max_new_tokens < 1 or self.max_rows < 1:
            raise ValueError(
                f"max_new_tokens and max_rows must be at least 1; got {self.max_new_tokens}, {self.max_rows}"
            )
        parse_context(self.context)


@dataclass
class _Session:
    """What is kept of one episode between its turns."""

    cohort: _Cohort | None = None
    tokens: int = 0
    """Length of the current sequence."""
    history: History = field(default_factory=list)


class _Cohort:
    """Episodes that share a cache. Those with the same history share a row of it, until they sample apart."""

    def __init__(self, keys: list[int], cache: RoomyCache, device: torch.device):
        self.keys = keys
        self.cache = cache
        self.row_of = np.zeros(len(keys), np.int64)
        """Row of each episode."""
        self.mask = torch.zeros((1, 0), dtype=torch.long, device=device)
        """int64 (rows, cached): 0 at padding."""
        self.position = torch.zeros(1, dtype=torch.long, device=device)
        """int64 (rows,): rotary position of the next token."""
        self.pending: list[np.ndarray] = []
        """Per episode the sampled ids that are not in the cache yet (the last one, or none)."""

    def part(self, labels: Sequence[Hashable]) -> list[int]:
        """Give episodes of one row with different labels rows of their own.

        Returns:
            Per new row, the first of its episodes.
        """
        index: dict[tuple[int, Hashable], int] = {}
        first: list[int] = []
        for episode, label in enumerate(labels):
            key = (int(self.row_of[episode]), label)
            if key not in index:
                index[key] = len(first)
                first.append(episode)
        parents = self.row_of[first]
        if self.mask.shape[1] and parents.tolist() != list(range(len(self.mask))):
            self.cache.select(torch.from_numpy(parents).to(self.mask.device))
        chosen = torch.from_numpy(parents).to(self.mask.device)
        self.mask, self.position = self.mask[chosen], self.position[chosen]
        self.row_of = np.array([index[int(row), label] for row, label in zip(self.row_of, labels, strict=True)])
        return first

    def keep(self, episodes: list[int]) -> None:
        """Forget all but the given episodes."""
        self.keys = [self.keys[i] for i in episodes]
        self.pending = [self.pending[i] for i in episodes]
        self.row_of = self.row_of[episodes]

    def copy(self) -> _Cohort:
        """The same episodes on a cache of their own."""
        other = _Cohort(list(self.keys), self.cache.copy(), self.mask.device)
        other.row_of, other.mask, other.position = self.row_of.copy(), self.mask, self.position
        other.pending = list(self.pending)
        return other


class TransformersAgent:
    """A `mmgym.agent.BatchAgent` that samples from a `VLM`.

    Args:
        vlm: the model; it may be trained between calls (`weights_changed` says so).
        sampling: how answers are drawn.
        summarise: writes the summaries of ``window(k)+summary`` in place of our own.
    """

    def __init__(self, vlm: VLM, sampling: Sampling | None = None, summarise: Summarise | None = None):
        self.vlm = vlm
        self.sampling = sampling or Sampling()
        self.version = 0
        self.codec = vlm.codec.with_thinking(self.sampling.thinking)
        self._context = Context(self.codec, self.sampling.context, summarise)
        self._sessions: dict[int, _Session] = {}
        self._features: ImageFeatures | None = None
        self._feature_index: dict[str, int] = {}

    def weights_changed(self, version: int) -> None:
        """The weights are new: forget image features and caches computed with the old ones."""
        self.version = version
        self._forget_features()
        for session in self._sessions.values():
            session.cohort = None

    def end(self, conversation: Conversation) -> None:
        """The episode is over: forget it."""
        self._sessions.pop(conversation.key, None)
        if not self._sessions:
            self._forget_features()

    def _forget_features(self) -> None:
        self._features = None
        self._feature_index.clear()

    @torch.no_grad()
    def act_batch(self, conversations: Sequence[Conversation]) -> list[Response]:
        """Answer the last user message of each conversation."""
        responses: dict[int, Response] = {}
        fresh: list[tuple[Conversation, EncodedPrompt]] = []
        extended: dict[int, list[tuple[Conversation, EncodedPrompt]]] = {}
        for conversation in conversations:
            session = self._sessions.setdefault(conversation.key, _Session())
            prompt, extends = self._context.prompt(conversation, session.history, session.cohort is not None)
            before = session.tokens if extends else 0
            if before + len(prompt.ids) + self.sampling.max_new_tokens > self.vlm.max_context:
                responses[conversation.key] = Response("", exhausted=True)
            elif extends and session.cohort is not None:
                extended.setdefault(id(session.cohort), []).append((conversation, prompt))
            else:
                fresh.append((conversation, prompt))
        self._compute_features([prompt for _, prompt in fresh] + [p for items in extended.values() for _, p in items])
        for items in extended.values():
            responses.update(self._extend(items))
        for start in range(0, len(fresh), self.sampling.max_rows):
            responses.update(self._begin(fresh[start : start + self.sampling.max_rows]))
        return [responses[conversation.key] for conversation in conversations]

    def _compute_features(self, prompts: Sequence[EncodedPrompt]) -> None:
        """Each distinct image passes through the vision tower once since the weights last changed."""
        missing: dict[tuple[int, int], dict[str, np.ndarray]] = {}
        for prompt in prompts:
            for image, pixels in zip(prompt.images, prompt.pixels, strict=True):
                if image.digest not in self._feature_index:
                    missing.setdefault((image.height, image.width), {})[image.digest] = pixels
        for (height, width), images in missing.items():
            at_once = max(1, MAX_TOKENS // self.vlm.image_tokens(ImageRef("", height, width)))
            pictures = list(images.values())
            for start in range(0, len(pictures), at_once):
                features = self.vlm.image_features(pictures[start : start + at_once])
                self._features = features if self._features is None else self._features.extend(features)
            for digest in images:
                self._feature_index[digest] = len(self._feature_index)

    def _begin(self, items: list[tuple[Conversation, EncodedPrompt]]) -> dict[int, Response]:
        """Prefill new sequences."""
        room = max(len(prompt.ids) for _, prompt in items) + self.sampling.max_new_tokens
        layers = self.vlm.model.config.get_text_config().num_hidden_layers
        cache = RoomyCache(layers, room * (4 if self._context.window is None else 1))
        cohort = _Cohort([conversation.key for conversation, _ in items], cache, self.vlm.device)
        hidden = self._feed(cohort, [prompt.ids for _, prompt in items], [prompt for _, prompt in items])
        return self._sample(cohort, hidden, items, extends=False)

    def _extend(self, items: list[tuple[Conversation, EncodedPrompt]]) -> dict[int, Response]:
        """Feed the new parts to sequences whose cache is at hand."""
        cohort = self._sessions[items[0][0].key].cohort
        assert cohort is not None
        order = {key: episode for episode, key in enumerate(cohort.keys)}
        asked = [order[conversation.key] for conversation, _ in items]
        served = set(asked)
        resting = [
            episode
            for episode, key in enumerate(cohort.keys)
            # a key may have come back with another cohort: an episode that is played again
            if episode not in served and key in self._sessions and self._sessions[key].cohort is cohort
        ]
        if resting:
            other = cohort.copy()
            other.keep(resting)
            for key in other.keys:
                self._sessions[key].cohort = other
        cohort.keep(asked)
        blocks = [
            np.concatenate([pending, prompt.ids]) for pending, (_, prompt) in zip(cohort.pending, items, strict=True)
        ]
        hidden = self._feed(cohort, blocks, [prompt for _, prompt in items])
        return self._sample(cohort, hidden, items, extends=True)

    def _feed(self, cohort: _Cohort, blocks: Sequence[np.ndarray], prompts: Sequence[EncodedPrompt]) -> torch.Tensor:
        """Run each episode's new ids through the model; returns the hidden state of the last one, per row."""
        device = self.vlm.device
        first = cohort.part([(block.tobytes(), p.images) for block, p in zip(blocks, prompts, strict=True)])
        blocks, prompts = [blocks[i] for i in first], [prompts[i] for i in first]
        longest = max(map(len, blocks))
        ids = np.zeros((len(blocks), longest), np.int64)
        mask = np.zeros((len(blocks), longest), np.int64)
        positions = np.zeros((3, len(blocks), longest), np.int64)
        advance = np.zeros(len(blocks), np.int64)
        for row, (block, prompt) in enumerate(zip(blocks, prompts, strict=True)):
            size = len(block)
            ids[row, :size], mask[row, :size] = block, 1
            positions[:, row, :size] = self.vlm.positions(block, prompt.images)
            advance[row] = positions[:, row, :size].max() + 1
        offset = cohort.position
        cohort.mask = torch.cat([cohort.mask, torch.from_numpy(mask).to(device)], 1)
        cohort.position = offset + torch.from_numpy(advance).to(device)
        indices = [self._feature_index[image.digest] for prompt in prompts for image in prompt.images]
        hidden = self.vlm.family.hidden(
            torch.from_numpy(ids).to(device),
            torch.from_numpy(positions).to(device) + offset[None, :, None],
            self._features.take(indices) if indices and self._features else [],
            cohort.cache,
            None if bool(cohort.mask.all()) and cohort.mask.shape[1] == longest else cohort.mask,
        )
        last = torch.tensor([len(block) - 1 for block in blocks], device=device)
        return hidden[torch.arange(len(blocks), device=device), last]

    def _sample(
        self, cohort: _Cohort, hidden: torch.Tensor, items: list[tuple[Conversation, EncodedPrompt]], extends: bool
    ) -> dict[int, Response]:
        """Draw answers token by token, each episode with its own noise."""
        sampling, device = self.sampling, self.vlm.device
        noise = torch.from_numpy(np.stack([self._noise(conversation) for conversation, _ in items])).to(device)
        ends = np.array(self.codec.end_ids)
        live = np.ones(len(items), bool)
        tokens, scores, lived = [], [], []
        for step in range(sampling.max_new_tokens):
            logprobs = torch.log_softmax(self.vlm.family.logits(hidden) / sampling.temperature, -1)
            rows = torch.from_numpy(cohort.row_of).to(device)
            drawn = logprobs.argmax(-1)[rows] if sampling.greedy else _draw(logprobs, rows, noise[:, step])
            scores.append(logprobs[rows, drawn].cpu().numpy())
            tokens.append(drawn.cpu().numpy())
            lived.append(live)
            still = live & ~np.isin(tokens[-1], ends)
            if step + 1 == sampling.max_new_tokens or not still.any():
                break
            hidden = self._feed_token(cohort, tokens[-1], live)
            live = still
        lengths = np.sum(lived, axis=0)
        cohort.pending = []
        responses: dict[int, Response] = {}
        if not all(np.isfinite(s).all() for s in scores):
            raise FloatingPointError(
                "the model's log-probabilities are not finite: its weights or the temperature are out of range"
            )
        for episode, (conversation, prompt) in enumerate(items):
            size = int(lengths[episode])
            sampled = np.array([t[episode] for t in tokens[:size]], np.int32)
            cohort.pending.append(sampled[-1:] if live[episode] else sampled[:0])
            self._note(conversation, cohort, prompt, sampled, extends)
            responses[conversation.key] = Response(
                self.codec.decode(sampled),
                prompt_ids=prompt.ids,
                images=prompt.images,
                pixels=prompt.pixels,
                sampled_ids=sampled,
                logprobs=np.array([s[episode] for s in scores[:size]], np.float32),
                extends=extends,
                version=self.version,
            )
        return responses

    def _feed_token(self, cohort: _Cohort, tokens: np.ndarray, live: np.ndarray) -> torch.Tensor:
        """Run the token that each live episode drew through the model; returns hidden states per row."""
        first = cohort.part([int(token) if alive else -1 for token, alive in zip(tokens, live, strict=True)])
        device = self.vlm.device
        alive = torch.from_numpy(live[first].astype(np.int64)).to(device)
        cohort.mask = torch.cat([cohort.mask, alive[:, None]], 1)
        hidden = self.vlm.family.hidden(
            torch.from_numpy(tokens[first]).to(device)[:, None],
            cohort.position[None, :, None].expand(3, -1, -1),
            [],
            cohort.cache,
            None if bool(cohort.mask.all()) else cohort.mask,
        )
        cohort.position = cohort.position + alive
        return hidden[:, -1]

    def _note(
        self, conversation: Conversation, cohort: _Cohort, prompt: EncodedPrompt, sampled: np.ndarray, extends: bool
    ) -> None:
        session = self._sessions[conversation.key]
        session.tokens = (session.tokens if extends else 0) + len(prompt.ids) + len(sampled)
        session.cohort = cohort if self._context.window is None else None
        self._context.remember(session.history, conversation, sampled)

    def _noise(self, conversation: Conversation) -> np.ndarray:
        """Uniform numbers (max_new_tokens,) that belong to this turn of this episode."""
        task = conversation.task
        name = f"{task.noise}/{task.group}/{task.member}/{conversation.turn}"
        key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "little")
        return np.random.Generator(np.random.Philox(key=key)).random(self.sampling.max_new_tokens)


def _draw(logprobs: torch.Tensor, rows: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """A token per episode by inversion of its row's distribution; tokens of probability 0 are never drawn."""
    cumulative = logprobs.double().exp().cumsum(-1)[rows]
    total = cumulative[:, -1:]
    # rounding may carry the target up to the total, past the last token of any probability
    target = torch.minimum(uniform[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp_(max=logprobs.shape[-1] - 1)
