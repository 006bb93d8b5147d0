"""The engine of a policy: had when it is first needed, kept at the policy's weights, replaced when it is lost."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import logging
import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.distributed as dist
from PIL import Image

from mmgym.agent import EncodedPrompt
from mmgym.learn.weight_sync import WeightSync
from mmgym.rollout.worker import NeighbourFailure
from mmgym_agents.families import QwenVLFamily
from mmgym_agents.vllm_client import connect, start
from mmgym_agents.vllm_engine import EngineSettings, LocalEngine
from mmgym_agents.vllm_options import VLLMOptions
from mmgym_agents.vllm_requests import Answer, Engine, EngineDied, Request, checksum, collapse

if TYPE_CHECKING:
    from mmgym_agents.vlm import VLM

__all__ = ["EngineLink"]

logger = logging.getLogger(__name__)
_PROBE_TOKENS = 8
_taken: set[int] = set()
"""Numbers of this process's links to servers: that of the policy, and that of the copy which plays ahead of it."""


class EngineLink:
    """What the samplers of a policy share. A `mmgym.learn.weight_sync.Follower`.

    Args:
        vlm: the policy.
        options: how its engine is had.

    Raises:
        ValueError: for a class of models that vLLM was not seen to answer as we do.
    """

    def __init__(self, vlm: VLM, options: VLLMOptions):
        if not isinstance(vlm.family, QwenVLFamily):
            raise ValueError(
                f"policy.engine vllm is for Qwen3-VL and Qwen2.5-VL; the model is a {type(vlm.model).__name__}, whose "
                "images vLLM expands in other ways or not at all"
            )
        self.vlm, self.options = vlm, options
        self.max_context = min(vlm.max_context, options.max_context or vlm.max_context)
        self.sync = WeightSync(vlm, vlm.named_weights, options.tolerance, options.probes)
        self.lost = 0
        """Engines that died so far."""
        self._engine: Engine | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._number: int | None = None
        self._asleep = False
        self._lock = threading.Lock()
        self._fitted: dict[str, np.ndarray] = {}
        atexit.register(self.close)

    def weights_changed(self, version: int) -> None:
        """The policy has new weights: the engine takes them before its next answer."""
        self.sync.changed(version)
        self._fitted.clear()

    async def answer(self, prompt: EncodedPrompt, temperature: float, seed: int, max_new_tokens: int) -> Answer:
        """Sample an answer with the policy's weights; the engine takes them first if they have changed.

        Args:
            prompt: the whole sequence, images expanded.
            temperature: 0 takes the likeliest token.
            seed: of the answer's noise.
            max_new_tokens: its longest.

        Raises:
            NeighbourFailure: when the engine dies; the episode can be played again.
            GuardError: when the engine does not answer as the learner would.
            RuntimeError: when there is no engine to be had.
        """
        engine = self.refresh()
        self.sync.remember(prompt)
        try:
            return await asyncio.wrap_future(engine.ask(self._request(prompt, temperature, seed, max_new_tokens)))
        except EngineDied as error:
            raise NeighbourFailure(f"the vLLM engine was lost: {error}") from error

    def refresh(self) -> Engine:
        """The engine, alive, awake and with the policy's weights.

        Raises:
            GuardError, RuntimeError: as `answer` does.
        """
        with self._lock:
            if self._engine is None or not self._engine.alive:
                self._engine = self._have()
            try:
                if self._asleep and not self.sync.stale:
                    self._engine.wake("weights")
                    self._wake_up()
                self.sync.update(self)
            except EngineDied as error:
                raise NeighbourFailure(f"the vLLM engine was lost while it took new weights: {error}") from error
            return self._engine

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Give the engine new weights; one that sleeps wakes up for them."""
        assert self._engine is not None
        if self._asleep:
            self._engine.wake("weights")
        self._engine.load_weights(weights, version)
        self._wake_up()

    def answer_again(self, prompts: Sequence[EncodedPrompt]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Sample a short answer to each prompt at temperature 1."""
        assert self._engine is not None
        asked = [self._engine.ask(self._request(prompt, 1.0, n, _PROBE_TOKENS)) for n, prompt in enumerate(prompts)]
        answers = [future.result() for future in asked]
        return [(answer.ids, answer.logprobs) for answer in answers]

    def rest(self) -> None:
        """Nothing is asked for a while: the engine sleeps, if it is to."""
        with self._lock:
            if self.options.sleep and self._engine is not None and self._engine.alive and not self._asleep:
                self._engine.sleep(self.options.sleep)
                self._asleep = True
                self.sync.stale |= self.options.sleep == 2  # its weights are gone

    def close(self) -> None:
        """End the engine."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
            self._engine = None
            if self._folder is not None:
                self._folder.cleanup()
            if self._number is not None:
                _taken.discard(self._number)
                self._number = None
        atexit.unregister(self.close)

    def _wake_up(self) -> None:
        """The last part of waking up, once the weights are there."""
        if self._asleep and self._engine is not None:
            self._engine.wake("kv_cache")
        self._asleep = False

    def _have(self) -> Engine:
        """An engine with the weights of now, in place of one that died, if any."""
        options = self.options
        if self._engine is not None:
            self.lost += 1
            if not (options.python or options.addresses):
                raise RuntimeError(
                    f"the vLLM engine in this process has failed ({self._engine.death}). The run goes on from its last "
                    "checkpoint when it is started again; with policy.engine_options.python the engine has a process "
                    "of its own, whose end costs its episodes only"
                )
            if self.lost > options.restarts:
                raise RuntimeError(
                    f"vLLM engines were lost {self.lost} times (policy.engine_options.restarts), the last one because: "
                    f"{self._engine.death}"
                )
            logger.warning("an engine was lost, with the episodes in it: number %d starts", self.lost + 1)
        self._asleep = False
        if options.addresses:
            self.sync.stale = True
            return connect(self._address(), options.timeout, options.start_seconds)
        settings = EngineSettings(
            dtype=str(self.vlm.model.dtype).removeprefix("torch."),
            max_context=self.max_context,
            images=options.images,
            sleep=bool(options.sleep),
            version=self.sync.version,
            vllm=options.vllm,
        )
        # the folder stays, without its weights: vLLM reads the image processor when the first picture comes
        self._folder = tempfile.TemporaryDirectory(prefix="mmgym-vllm-")
        self.vlm.save(self._folder.name)
        if options.python:
            times = options.timeout, options.start_seconds
            engine: Engine = start(options.python, self._folder.name, settings, options.environment, *times)
        else:
            engine = LocalEngine(self._folder.name, settings)
        for weights in Path(self._folder.name).rglob("*.safetensors"):
            weights.unlink()
        self.sync.stale = False
        return engine

    def _address(self) -> str:
        """The server of this process and policy: those of all processes come first, then those of copies."""
        if self._number is None:
            self._number = next(number for number in itertools.count() if number not in _taken)
            _taken.add(self._number)
        rank, size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        index = rank + size * self._number
        if index >= len(self.options.addresses):
            raise RuntimeError(
                f"policy.engine_options.addresses has {len(self.options.addresses)}: each process that learns needs a "
                f"server of its own, and another one with grpo.staleness; this is number {index + 1}"
            )
        return self.options.addresses[index]

    def _request(self, prompt: EncodedPrompt, temperature: float, seed: int, max_new_tokens: int) -> Request:
        if len(prompt.images) > self.options.images:
            raise ValueError(
                f"a prompt shows {len(prompt.images)} images; policy.engine_options.images allows {self.options.images}"
            )
        family = self.vlm.family
        return Request(
            ids=collapse(prompt.ids, prompt.images, family),
            images=prompt.images,
            pixels=tuple(self._fit(image.digest, own) for image, own in zip(prompt.images, prompt.pixels, strict=True)),
            expanded=checksum(prompt.ids),
            temperature=temperature,
            seed=seed,
            max_new_tokens=max_new_tokens,
            end_ids=tuple(self.vlm.codec.end_ids),
            banned_ids=tuple(family.banned_ids),
        )

    def _fit(self, digest: str, pixels: np.ndarray) -> np.ndarray:
        """An image in the size that the model sees: vLLM's image processor resizes with other rounding than ours."""
        family = self.vlm.family
        assert isinstance(family, QwenVLFamily)
        patch = family.cell // family.merge
        rows, columns = family.grid(*pixels.shape[:2])
        if (rows * patch, columns * patch) == pixels.shape[:2]:
            return pixels
        if digest not in self._fitted:
            size = (columns * patch, rows * patch)
            self._fitted[digest] = np.array(Image.fromarray(pixels).resize(size, self.vlm.image_processor.resample))
        return self._fitted[digest]
