"""Weights for a sampler that holds its own copy of them: moved when they have changed, and proven to have arrived.

An engine such as vLLM computes with other kernels than the learner, and keeps what it computed: prefixes of prompts,
features of pictures. A cache that outlives an update, or one weight that was left behind, spoils training without an
error: the engine samples from a policy that never was. So every update ends with a probe. A few prompts that the engine
has answered before are answered again, and the learner must find the same log-probabilities with its new weights.
"""

from __future__ import annotations

import collections
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mmgym.agent import EncodedPrompt, Policy
from mmgym.learn.learner import GuardError, Learner
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.packing import Row
from mmgym.trajectory import ImageStore

if TYPE_CHECKING:
    import torch

__all__ = ["Follower", "WeightSync"]

logger = logging.getLogger(__name__)


class Follower(Protocol):
    """A sampler with weights of its own."""

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Take new weights and forget whatever was computed with the old ones; returns when both are done."""
        ...

    def answer_again(self, prompts: Sequence[EncodedPrompt]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Sample a short answer to each prompt at temperature 1, caches in use: ids int32 (n,), log-probabilities."""
        ...


class WeightSync:
    """Keeps a follower at the weights of a policy.

    Args:
        policy: whose weights.
        weights: gives all of them as they are, under the names that they have in a checkpoint; tied ones twice.
        tolerance: largest difference of log-probabilities, in nats, between follower and learner after an update.
        prompts: how many prompts the probe asks again.
    """

    def __init__(
        self,
        policy: Policy,
        weights: Callable[[], Iterable[tuple[str, torch.Tensor]]],
        tolerance: float = 1e-3,
        prompts: int = 4,
    ):
        self.policy, self.weights, self.tolerance = policy, weights, tolerance
        self.version = 0
        """Of the weights that the policy has."""
        self.stale = True
        """Whether the follower may hold others."""
        self.difference = 0.0
        """What the last probe found."""
        self.seconds = 0.0
        """How long the last update took, its probe included."""
        self._prompts: collections.deque[EncodedPrompt] = collections.deque(maxlen=prompts)
        self._learner: Learner | None = None

    def changed(self, version: int) -> None:
        """The policy has new weights."""
        self.version, self.stale = version, True

    def remember(self, prompt: EncodedPrompt) -> None:
        """Note a prompt that the follower answers; the probe asks the latest ones of different pictures again."""
        images = set(prompt.images)
        if all(images != set(other.images) or not images for other in self._prompts):
            self._prompts.append(prompt)

    def update(self, follower: Follower) -> None:
        """Move the weights, if they have changed, and probe.

        Raises:
            GuardError: when the follower does not answer as the learner would.
        """
        if not self.stale:
            return
        started = time.perf_counter()
        follower.load_weights(self.weights(), self.version)
        self.difference = self.probe(follower)
        if not self.difference <= self.tolerance:
            raise GuardError(
                f"after the update to version {self.version}, log-probabilities of the engine and of the learner "
                f"differ by {self.difference:.3g}; at most {self.tolerance:g} is allowed "
                "(policy.engine_options.tolerance). Either a cache outlived the update (prefix cache, multimodal "
                "cache, encoder cache: all three must be reset), or a weight was left behind (tied embeddings, "
                "prepacked kernels, a name that the engine does not load)"
            )
        self.stale = False
        self.seconds = time.perf_counter() - started
        logger.debug("weights %d moved in %.3f s, probe %.2g", self.version, self.seconds, self.difference)

    def probe(self, follower: Follower) -> float:
        """The largest difference on the remembered prompts, in nats; 0 where none is remembered."""
        prompts = list(self._prompts)
        if not prompts:
            return 0.0
        answers = follower.answer_again(prompts)
        images, rows = ImageStore(), []
        for prompt, (ids, _) in zip(prompts, answers, strict=True):
            for pixels in prompt.pixels:
                images.add(pixels)
            whole = np.concatenate([prompt.ids, ids]).astype(np.int32)
            rows.append(Row(whole, np.arange(len(prompt.ids), len(whole)), prompt.images, {}))
        self._learner = self._learner or Learner(self.policy, OptimizerConfig(), master_weights=False)
        found = self._learner.logprobs(rows, images)
        differences = [np.abs(own - theirs).max() for own, (_, theirs) in zip(found, answers, strict=True)]
        return float(np.max(differences))
