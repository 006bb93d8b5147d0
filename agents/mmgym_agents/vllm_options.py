"""How a vLLM engine is had: in this process, in one of its own, or from servers that run elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmgym.learn.mapping import at_least

__all__ = ["VLLMOptions"]


@dataclass(frozen=True)
class VLLMOptions:
    """Fields of ``policy.engine_options`` when ``policy.engine`` is ``vllm``.

    With neither `python` nor `addresses` the engine runs in this process.
    """

    python: str = ""
    """A Python that has vLLM: the engine runs there, in a process of its own, which is started again when it dies."""
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables of that process, e.g. ``CUDA_VISIBLE_DEVICES``."""
    addresses: tuple[str, ...] = ()
    """Servers that run already, ``host:port`` each (`mmgym_agents.vllm_server`): one for each process that learns, and
    as many again with ``grpo.staleness``. The variable MMGYM_VLLM_TOKEN holds what they let in with."""
    images: int = 32
    """Most images in a prompt."""
    max_context: int = 0
    """Longest sequence, in tokens; 0 takes the model's."""
    tolerance: float = 1e-3
    """Largest difference of log-probabilities between engine and learner after an update, in nats. In bfloat16 it must
    be wider."""
    probes: int = 4
    """Prompts that are asked again after each update; 0 for none."""
    sleep: int = 0
    """Sleep while the learner works, for an engine that shares the GPU with it: 1 keeps a copy of the weights in the
    host's memory, 2 none. 0 stays awake."""
    timeout: float = 600.0
    """Seconds that one answer, or one update of the weights, may take before a process of its own is given up."""
    start_seconds: float = 600.0
    """Seconds that its start may take."""
    restarts: int = 10
    """How often it is started again, or a server's address tried again, before the run ends."""
    vllm: dict[str, Any] = field(default_factory=dict)
    """Further arguments of vLLM's ``EngineArgs``, e.g. ``gpu_memory_utilization``, ``max_num_seqs``."""

    def __post_init__(self) -> None:
        at_least(self, 1, "images")
        at_least(self, 0, "max_context", "tolerance", "probes", "restarts")
        for name in ("timeout", "start_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        if self.sleep not in (0, 1, 2):
            raise ValueError(f"sleep must be 0, 1 or 2; got {self.sleep}")
        if self.python and self.addresses:
            raise ValueError("give python, for an engine in a process of its own, or addresses of servers, not both")
        if self.environment and not self.python:
            raise ValueError("environment is for the process that python starts: set this one's variables yourself")
        for address in self.addresses:
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"addresses must be host:port each; got {address!r}")
        for name in ("model", "tensor_parallel_size", "pipeline_parallel_size", "logprobs_mode"):
            if name in self.vllm:
                raise ValueError(f"vllm.{name} is not yours to set: an engine holds the policy, whole, on one device")
