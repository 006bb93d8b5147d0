"""vLLM in a thread of this process: requests join its running batch at any time, weights change between them.

One thread owns the engine. It takes what it is asked for in order; what needs the engine to be idle (new weights,
sleep) waits until all that was asked before is answered, and what comes later waits behind it. So an answer is sampled
by one version of the weights.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmgym_agents.vllm_requests import Answer, EngineDied, Request, checksum

__all__ = ["EngineSettings", "LocalEngine"]


@dataclasses.dataclass(frozen=True)
class EngineSettings:
    """What an engine needs to know beside the checkpoint folder."""

    dtype: str = "float32"
    max_context: int = 4096
    images: int = 32
    sleep: bool = False
    version: int = 0
    """Of the weights in the folder."""
    vllm: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Further arguments of ``EngineArgs``."""


@dataclasses.dataclass
class _Task:
    run: Callable[[], Any]
    future: Future[Any]
    alone: bool
    """Whether it needs the engine to be idle."""


class LocalEngine:
    """A `mmgym_agents.vllm_requests.Engine` in this process.

    Args:
        model: a checkpoint folder; it is read before this returns.
        settings: how.

    Raises:
        ImportError: when vLLM is missing.
        ValueError: when it cannot serve the model; it says why.
    """

    def __init__(self, model: str | Path, settings: EngineSettings):
        self.version = settings.version
        self._settings = settings
        self._tasks: collections.deque[_Task] = collections.deque()
        self._running: dict[str, tuple[Request, Future[Answer]]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._number = 0
        self._death: BaseException | None = None
        self._engine: Any = None
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(str(model), started), name="vllm", daemon=True)
        self._thread.start()
        started.result()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._death is None and not self._closed

    @property
    def death(self) -> str:
        """Why it cannot be asked."""
        return f"{type(self._death).__name__}: {self._death}" if self._death else "it was closed"

    def ask(self, request: Request) -> Future[Answer]:
        """Sample an answer; it joins those that are being sampled."""
        future: Future[Answer] = Future()
        future.set_running_or_notify_cancel()  # whoever no longer waits for it cannot cancel it
        self._hand_over(_Task(lambda: self._add(request, future), future, alone=False))
        return future

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Take new weights, and reset the caches of prefixes, of processed images and of image features."""
        self._alone(lambda: self._load(weights, version))

    def sleep(self, level: int) -> None:
        """Free the memory of the cache, and of the weights."""
        self._alone(lambda: self._engine.sleep(level))

    def wake(self, part: str) -> None:
        """Take back the memory of ``weights`` or ``kv_cache``."""
        self._alone(lambda: self._engine.wake_up([part]))

    def close(self) -> None:
        """End the thread; what is being sampled is given up."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _alone(self, run: Callable[[], Any]) -> None:
        future: Future[Any] = Future()
        self._hand_over(_Task(run, future, alone=True))
        future.result()

    def _hand_over(self, task: _Task) -> None:
        with self._changed:
            if self.alive:
                self._tasks.append(task)
                self._changed.notify_all()
                return
        task.future.set_exception(EngineDied(self.death))

    # --- the engine's thread -----------------------------------------------------------------------------------------

    def _run(self, model: str, started: Future[None]) -> None:
        try:
            with _global_state_kept():
                self._engine = _build(model, self._settings)
            self._engine.set_weight_version(str(self.version))
        except BaseException as error:
            self._death = error
            started.set_exception(error)
            return
        started.set_result(None)
        try:
            while not self._closed:
                task = self._next()
                if task is not None:
                    self._do(task)
                elif self._running:
                    for output in self._engine.step():
                        self._deliver(output)
        except BaseException as error:  # whoever waits must learn of it
            self._death = error
        finally:
            self._give_up()
            with contextlib.suppress(Exception):
                self._engine.engine_core.shutdown()

    def _next(self) -> _Task | None:
        """What can be done now; waits where there is nothing at all to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._running or self._tasks)
            if self._closed or not self._tasks or (self._tasks[0].alone and self._running):
                return None
            return self._tasks.popleft()

    def _do(self, task: _Task) -> None:
        try:
            result = task.run()
        except Exception as error:
            task.future.set_exception(error)
            if task.alone:
                raise
            return
        if task.alone:
            task.future.set_result(result)

    def _give_up(self) -> None:
        with self._changed:
            tasks = [task.future for task in self._tasks] + [future for _, future in self._running.values()]
            self._closed = True
            self._tasks.clear()
            self._running.clear()
        for future in tasks:
            if not future.done():
                future.set_exception(EngineDied(self.death))

    def _add(self, request: Request, future: Future[Answer]) -> None:
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        self._number += 1
        name = str(self._number)
        prompt = TokensPrompt(prompt_token_ids=request.ids.tolist())
        if request.images:
            prompt["multi_modal_data"] = {"image": list(request.pixels)}
            prompt["multi_modal_uuids"] = {"image": [image.digest for image in request.images]}
        sampling = SamplingParams(
            temperature=request.temperature,
            seed=request.seed,
            max_tokens=request.max_new_tokens,
            stop_token_ids=list(request.end_ids),
            ignore_eos=True,  # end_ids says what ends an answer
            logprobs=0,
            logit_bias=dict.fromkeys(request.banned_ids, -float("inf")),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        self._engine.add_request(name, prompt, sampling)
        self._running[name] = request, future

    def _deliver(self, output: Any) -> None:
        if not output.finished:
            return
        request, future = self._running.pop(output.request_id)
        if checksum(output.prompt_token_ids) != request.expanded:
            found = len(output.prompt_token_ids)
            future.set_exception(
                ValueError(f"vLLM read other ids than were meant: it made {found} of a prompt with its images")
            )
            return
        sampled = output.outputs[0]
        if sampled.finish_reason not in ("stop", "length"):
            future.set_exception(RuntimeError(f"vLLM gave an answer up: {sampled.finish_reason}"))
            return
        ids = np.array(sampled.token_ids, np.int32)
        scores = [chances[token].logprob for chances, token in zip(sampled.logprobs, sampled.token_ids, strict=True)]
        version = min(int(span.version) for span in sampled.weight_versions)
        future.set_result(Answer(ids, np.array(scores, np.float32), version))

    def _load(self, weights: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        from mmgym_agents.vllm_transfer import handed_over

        engine = self._engine
        engine.collective_rpc("start_weight_update")
        with torch.no_grad(), handed_over(weights):
            engine.collective_rpc("update_weights", kwargs={"update_info": {}})
        engine.collective_rpc("finish_weight_update")
        self._forget()
        engine.set_weight_version(str(version))
        self.version = version

    def _forget(self) -> None:
        """Drop all that was computed with the old weights."""
        if not self._engine.reset_prefix_cache():
            raise RuntimeError("the prefix cache could not be reset: blocks of it are in use")
        self._engine.reset_mm_cache()
        self._engine.reset_encoder_cache()


def _build(model: str, settings: EngineSettings) -> Any:
    """The engine, in this process and thread."""
    on_cpu = not torch.cuda.is_available()
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    if on_cpu:
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB
        os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    try:
        from vllm.engine.arg_utils import EngineArgs
        from vllm.v1.engine.llm_engine import LLMEngine
    except ImportError as error:
        raise ImportError(f"policy.engine vllm needs vLLM: see docs/vllm.md ({error})") from error
    from vllm.config import WeightTransferConfig

    from mmgym_agents.vllm_transfer import BACKEND

    if on_cpu:
        _prepare_cpu(model)
    arguments = {
        "dtype": settings.dtype,
        "max_model_len": settings.max_context,
        "limit_mm_per_prompt": {"image": settings.images, **_no_other_modalities(model)},
        "enable_prefix_caching": True,
        "enable_sleep_mode": settings.sleep and not on_cpu,
        "enforce_eager": on_cpu,
        # a prompt that is read in two steps rewinds its generator, which generators of a CPU cannot
        "enable_chunked_prefill": not on_cpu,
        "disable_log_stats": True,
        "seed": 0,
        **settings.vllm,
    }
    return LLMEngine.from_engine_args(
        EngineArgs(
            model=model,
            logprobs_mode="processed_logprobs",
            weight_transfer_config=WeightTransferConfig(backend=BACKEND),
            **arguments,
        )
    )


def _prepare_cpu(model: str) -> None:
    import vllm._custom_ops
    from transformers import AutoConfig
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend

    # oneDNN keeps a prepacked copy of each matrix that an update does not reach where weights are tied
    vllm._custom_ops._supports_onednn = False
    text = AutoConfig.from_pretrained(model).get_text_config()
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    sizes = CPUAttentionBackend.get_supported_head_sizes()
    if size not in sizes:
        raise ValueError(
            f"vLLM's attention on a CPU wants heads of {', '.join(map(str, sizes))}; this model's have {size} "
            "(policy.tiny.heads = 2 gives a tiny model heads of 32)"
        )


def _no_other_modalities(model: str) -> dict[str, int]:
    from transformers import AutoConfig

    return {"video": 0} if hasattr(AutoConfig.from_pretrained(model), "video_token_id") else {}


@contextlib.contextmanager
def _global_state_kept() -> Iterator[None]:
    """Undo what vLLM does when it starts: it seeds all generators and takes `torch.set_num_threads` away."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    set_num_threads, threads = torch.set_num_threads, torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads = set_num_threads
        torch.set_num_threads(threads)
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
