"""Batched sampling from a transformers vision-language model, with a key-value cache over turns.

Episodes that were prefilled together share one cache (a cohort). Each turn feeds only what is new. Sampling noise is
keyed by run, iteration, group, member and turn, so what an episode samples does not depend on when it is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from mmgym.agent import Conversation, EncodedPrompt, ImageFeatures, Response
from mmgym.trajectory import ImageRef
from mmgym_agents.cache import RoomyCache
from mmgym_agents.context import Context, History, context_window
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
    """``full``: everything since the start; ``window(k)``: the last k user messages and the answers between them."""
    max_rows: int = 512
    """Largest number of episodes in one forward pass."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature must be above 0; got {self.temperature} (greedy=True takes the likeliest token)")
        if self.max_new_tokens < 1 or self.max_rows < 1:
            raise ValueError(f"max_new_tokens and max_rows must be at least 1; got {self.max_new_tokens}, {self.max_rows}")
        context_window(self.context)


@dataclass
class _Session:
    """What is kept of one episode between its turns."""

    cohort: _Cohort | None = None
    tokens: int = 0
    """Length of the current sequence."""
    history: History = field(default_factory=list)


@dataclass
class _Cohort:
    """Rows of one cache."""

    keys: list[int]
    cache: RoomyCache
    mask: torch.Tensor
    """int64 (rows, cached): 0 at padding."""
    position: torch.Tensor
    """int64 (rows,): rotary position of the next token."""
    pending: list[np.ndarray]
    """Per row the sampled ids that are not in the cache yet (the last one, or none)."""


class TransformersAgent:
    """A `mmgym.agent.BatchAgent` that samples from a `VLM`.

    Args:
        vlm: the model; it may be trained between calls (`weights_changed` says so).
        sampling: how answers are drawn.
    """

    def __init__(self, vlm: VLM, sampling: Sampling | None = None):
        self.vlm = vlm
        self.sampling = sampling or Sampling()
        self.version = 0
        self._context = Context(vlm.codec, self.sampling.context)
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
        """One vision pass per distinct image since the weights last changed."""
        missing: dict[tuple[int, ...], dict[str, np.ndarray]] = {}
        for prompt in prompts:
            for image, pixels in zip(prompt.images, prompt.pixels, strict=True):
                if image.digest not in self._feature_index:
                    missing.setdefault(pixels.shape, {})[image.digest] = pixels
        for images in missing.values():
            features = self.vlm.image_features(list(images.values()))
            for digest in images:
                self._feature_index[digest] = len(self._feature_index)
            self._features = features if self._features is None else self._features.extend(features)

    def _begin(self, items: list[tuple[Conversation, EncodedPrompt]]) -> dict[int, Response]:
        """Prefill new sequences: equal prompts once, their rows repeated."""
        first_of: dict[tuple[bytes, tuple[ImageRef, ...]], int] = {}
        distinct: list[EncodedPrompt] = []
        row_of = []
        for _, prompt in items:
            key = (prompt.ids.tobytes(), prompt.images)
            if key not in first_of:
                first_of[key] = len(distinct)
                distinct.append(prompt)
            row_of.append(first_of[key])
        longest = max(len(prompt.ids) for prompt in distinct)
        turns = 1 if self._context.window else 4
        room = (longest + self.sampling.max_new_tokens) * turns
        layers = self.vlm.model.config.get_text_config().num_hidden_layers
        start = torch.zeros(len(distinct), dtype=torch.long, device=self.vlm.device)
        cohort = _Cohort([], RoomyCache(layers, room), start.new_zeros((len(distinct), 0)), start, [])
        hidden = self._feed(cohort, [prompt.ids for prompt in distinct], distinct)
        rows = torch.tensor(row_of, device=self.vlm.device)
        cohort.cache.select(rows)
        cohort.mask, cohort.position = cohort.mask[rows], cohort.position[rows]
        cohort.keys = [conversation.key for conversation, _ in items]
        return self._sample(cohort, hidden[rows], items, extends=False)

    def _extend(self, items: list[tuple[Conversation, EncodedPrompt]]) -> dict[int, Response]:
        """Feed the new parts to sequences whose cache is at hand."""
        cohort = self._sessions[items[0][0].key].cohort
        assert cohort is not None
        order = {key: row for row, key in enumerate(cohort.keys)}
        rows = [order[conversation.key] for conversation, _ in items]
        alive = [row for row, key in enumerate(cohort.keys) if key in self._sessions and row not in set(rows)]
        if alive:
            cohort = self._split(cohort, rows, alive)
        elif rows != list(range(len(cohort.keys))):
            self._keep(cohort, rows)
        blocks = [np.concatenate([pending, prompt.ids]) for pending, (_, prompt) in zip(cohort.pending, items, strict=True)]
        hidden = self._feed(cohort, blocks, [prompt for _, prompt in items])
        return self._sample(cohort, hidden, items, extends=True)

    def _keep(self, cohort: _Cohort, rows: list[int]) -> None:
        index = torch.tensor(rows, device=self.vlm.device)
        cohort.cache.select(index)
        cohort.mask, cohort.position = cohort.mask[index], cohort.position[index]
        cohort.keys = [cohort.keys[row] for row in rows]
        cohort.pending = [cohort.pending[row] for row in rows]

    def _split(self, cohort: _Cohort, rows: list[int], rest: list[int]) -> _Cohort:
        """Part a cohort whose episodes no longer move together; returns the one with `rows`."""
        layers = len(cohort.cache.layers)
        other = _Cohort(list(cohort.keys), RoomyCache(layers, 0), cohort.mask, cohort.position, list(cohort.pending))
        for ours, theirs in zip(cohort.cache.layers, other.cache.layers, strict=True):
            theirs.update(ours.keys, ours.values)
        self._keep(other, rest)
        self._keep(cohort, rows)
        for key in other.keys:
            self._sessions[key].cohort = other
        return cohort

    def _feed(self, cohort: _Cohort, blocks: Sequence[np.ndarray], prompts: Sequence[EncodedPrompt]) -> torch.Tensor:
        """Run new ids through the model and return the hidden state of each row's last token."""
        device = self.vlm.device
        longest = max(map(len, blocks))
        ids = np.zeros((len(blocks), longest), np.int64)
        mask = np.zeros((len(blocks), longest), np.int64)
        positions = np.zeros((3, len(blocks), longest), np.int64)
        advance = np.zeros(len(blocks), np.int64)
        known: dict[tuple[bytes, tuple[tuple[int, int], ...]], np.ndarray] = {}
        for row, (block, prompt) in enumerate(zip(blocks, prompts, strict=True)):
            key = (block.tobytes(), tuple((image.height, image.width) for image in prompt.images))
            if key not in known:
                known[key] = self.vlm.positions(block, prompt.images)
            ids[row, : len(block)], mask[row, : len(block)] = block, 1
            positions[:, row, : len(block)] = known[key]
            advance[row] = known[key].max() + 1
        offset = cohort.position
        cohort.mask = torch.cat([cohort.mask, torch.from_numpy(mask).to(device)], 1)
        cohort.position = offset + torch.from_numpy(advance).to(device)
        indices = [self._feature_index[image.digest] for prompt in prompts for image in prompt.images]
        features = self._features.take(indices) if indices and self._features else []
        hidden = self.vlm.family.hidden(
            torch.from_numpy(ids).to(device),
            torch.from_numpy(positions).to(device) + offset[None, :, None],
            features,
            cohort.cache,
            None if bool(cohort.mask.all()) and cohort.mask.shape[1] == longest else cohort.mask,
        )
        last = torch.tensor([len(block) - 1 for block in blocks], device=device)
        return hidden[torch.arange(len(blocks), device=device), last]

    def _sample(
        self, cohort: _Cohort, hidden: torch.Tensor, items: list[tuple[Conversation, EncodedPrompt]], extends: bool
    ) -> dict[int, Response]:
        sampling, codec, device = self.sampling, self.vlm.codec, self.vlm.device
        ends = torch.tensor(codec.end_ids, device=device)
        noise = torch.from_numpy(np.stack([self._noise(conversation) for conversation, _ in items])).to(device)
        live = torch.ones(len(items), dtype=torch.bool, device=device)
        drawn, scores, alive = [], [], []
        for step in range(sampling.max_new_tokens):
            logprobs = torch.log_softmax(self.vlm.family.logits(hidden) / sampling.temperature, -1)
            token = logprobs.argmax(-1) if sampling.greedy else _draw(logprobs, noise[:, step])
            drawn.append(token)
            scores.append(logprobs.gather(1, token[:, None])[:, 0])
            alive.append(live)
            still = live & ~torch.isin(token, ends)
            if step + 1 == sampling.max_new_tokens or not bool(still.any()):
                break
            cohort.mask = torch.cat([cohort.mask, live.long()[:, None]], 1)
            positions = cohort.position[None, :, None].expand(3, -1, -1)
            mask = None if bool(cohort.mask.all()) else cohort.mask
            hidden = self.vlm.family.hidden(token[:, None], positions, [], cohort.cache, mask)[:, -1]
            cohort.position = cohort.position + live.long()
            live = still
        tokens, logps, lengths = torch.stack(drawn, 1).cpu().numpy(), torch.stack(scores, 1).cpu().numpy(), sum(a.long() for a in alive)
        last_live = live.tolist()
        responses: dict[int, Response] = {}
        cohort.pending = []
        for row, (conversation, prompt) in enumerate(items):
            size = int(lengths[row])
            sampled = tokens[row, :size].astype(np.int32)
            cohort.pending.append(sampled[-1:] if last_live[row] else sampled[:0])
            self._note(conversation, cohort, prompt, sampled, extends)
            responses[conversation.key] = Response(
                codec.decode(sampled),
                prompt_ids=prompt.ids,
                images=prompt.images,
                pixels=prompt.pixels,
                sampled_ids=sampled,
                logprobs=logps[row, :size].copy(),
                extends=extends,
                version=self.version,
            )
        return responses

    def _note(self, conversation: Conversation, cohort: _Cohort, prompt: EncodedPrompt, sampled: np.ndarray, extends: bool) -> None:
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


def _draw(logprobs: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """One token per row by inversion of the distribution; tokens of probability 0 are never drawn."""
    cumulative = logprobs.double().exp().cumsum(-1)
    target = uniform[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp_(max=logprobs.shape[-1] - 1)
