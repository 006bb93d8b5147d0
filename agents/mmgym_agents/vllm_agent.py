"""Sampling by a vLLM engine: ids and pictures in, ids and log-probabilities out.

Every live episode asks by itself, and its answer joins those that the engine is at (continuous batching). The whole
sequence is sent each turn, with pictures named by their digests: the engine finds what it has computed of it before.
Noise is keyed as in `mmgym_agents.transformers_agent`, but an engine's batches depend on when requests arrive, and with
them the last digits of its numbers: runs are alike, not equal to the bit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmgym.agent import Conversation, EncodedPrompt, Response
from mmgym_agents.context import Context, History
from mmgym_agents.summary import Summarise
from mmgym_agents.transformers_agent import Sampling
from mmgym_agents.vllm_link import EngineLink

if TYPE_CHECKING:
    from mmgym_agents.vlm import VLM

__all__ = ["VLLMAgent"]


@dataclass
class _Session:
    """What is kept of one episode between its turns."""

    sequence: EncodedPrompt = field(default_factory=lambda: EncodedPrompt(np.zeros(0, np.int32), (), ()))
    """All that was read and sampled."""
    history: History = field(default_factory=list)


class VLLMAgent:
    """A `mmgym.agent.Agent` that samples from a `VLM` by way of its engine.

    Args:
        vlm: the policy.
        link: its engine, which several agents may share.
        sampling: how answers are drawn; `max_rows` is the engine's affair (``vllm.max_num_seqs``).
        summarise: writes the summaries of ``window(k)+summary`` in place of our own.
    """

    def __init__(
        self, vlm: VLM, link: EngineLink, sampling: Sampling | None = None, summarise: Summarise | None = None
    ):
        self.link, self.sampling = link, sampling or Sampling()
        self.codec = vlm.codec.with_thinking(self.sampling.thinking)
        self._context = Context(self.codec, self.sampling.context, summarise)
        self._sessions: dict[int, _Session] = {}

    @property
    def version(self) -> int:
        """Of the weights that the next answer is sampled with."""
        return self.link.sync.version

    def weights_changed(self, version: int) -> None:
        """The weights are new: the engine takes them before its next answer."""
        self.link.weights_changed(version)

    def rest(self) -> None:
        """Nothing is asked until the weights have changed: an engine that shares the GPU may make room."""
        self.link.rest()

    def close(self) -> None:
        """End the engine, also for the agents that share it."""
        self.link.close()

    def end(self, conversation: Conversation) -> None:
        """The episode is over: forget it."""
        self._sessions.pop(conversation.key, None)

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message."""
        sampling = self.sampling
        session = self._sessions.setdefault(conversation.key, _Session())
        prompt, extends = self._context.prompt(conversation, session.history, extendable=True)
        whole = _joined(session.sequence, prompt) if extends else prompt
        if len(whole.ids) + sampling.max_new_tokens > self.link.max_context:
            return Response("", exhausted=True)
        temperature = 0.0 if sampling.greedy else sampling.temperature
        answer = await self.link.answer(whole, temperature, _seed(conversation), sampling.max_new_tokens)
        session.sequence = _joined(whole, EncodedPrompt(answer.ids, (), ()))
        self._context.remember(session.history, conversation, answer.ids)
        return Response(
            self.codec.decode(answer.ids),
            prompt_ids=prompt.ids,
            images=prompt.images,
            pixels=prompt.pixels,
            sampled_ids=answer.ids,
            logprobs=answer.logprobs,
            extends=extends,
            version=answer.version,
        )


def _joined(first: EncodedPrompt, second: EncodedPrompt) -> EncodedPrompt:
    """One sequence after the other."""
    ids = np.concatenate([first.ids, second.ids])
    return EncodedPrompt(ids, first.images + second.images, first.pixels + second.pixels)


def _seed(conversation: Conversation) -> int:
    """A seed that belongs to this turn of this episode."""
    task = conversation.task
    name = f"{task.noise}/{task.group}/{task.member}/{conversation.turn}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1
