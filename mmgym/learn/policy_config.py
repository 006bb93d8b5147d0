"""Which model learns, and how: its precision, what of it is learned, what is computed twice to save memory."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from mmgym.env import choose
from mmgym.learn.mapping import Table, at_least

__all__ = ["LoraConfig", "PolicyConfig", "is_recomputed"]

_DTYPES = ("float32", "bfloat16")
_RULE = re.compile(r"(every|first)\((\d+)\)")


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters (LoRA, arXiv 2106.09685), learned in place of the weights.

    They have no dropout: the learner must see the probabilities that were sampled from.
    """

    rank: int = 0
    """Rank of each adapter; 0 learns the weights themselves."""
    alpha: int = 32
    """What an adapter adds is multiplied by ``alpha / rank``."""
    targets: tuple[str, ...] = ("language",)
    """Which linear layers get one: those inside a part of the model (as in `PolicyConfig.frozen`), or those of a name
    such as ``q_proj``. Parts that are frozen get none, nor does the output head."""

    def __post_init__(self) -> None:
        at_least(self, 0, "rank")
        at_least(self, 1, "alpha")
        if not self.targets:
            raise ValueError("targets must name at least one part of the model, or one kind of linear layer")


@dataclass(frozen=True)
class PolicyConfig:
    """Which model learns."""

    factory: str = "mmgym_agents.factory:make_policy"
    """``module:function`` that makes the policy from the fields below."""
    checkpoint: str = ""
    """A checkpoint folder to start from; empty builds a tiny model with random weights."""
    tiny: Table = field(default_factory=dict)
    """Fields of `mmgym_agents.tiny.TinyConfig` for the tiny model."""
    context: str = "full"
    """What the model reads at each turn: ``full``, ``window(k)``, or ``window(k)+summary`` with one line for each older
    turn."""
    thinking: bool = False
    """Ask the model to reason before it answers."""
    temperature: float = 1.0
    """Temperature of sampling."""
    max_new_tokens: int = 8
    """Longest answer, in tokens."""
    dtype: str = "float32"
    """Type that the model computes in, ``float32`` or ``bfloat16``."""
    master_weights: bool = True
    """With ``bfloat16``: learn a float32 copy of each weight, which the model's own are rounded from after each step.
    Without, updates below the resolution of bfloat16 (1 part in 256) are lost. In float32 it changes nothing."""
    device: str = "cpu"
    """Where they are."""
    frozen: tuple[str, ...] = ()
    """What stays as it is: parts of the model (``vision`` is ``tower`` and ``connector``, ``language`` holds
    ``embeddings`` and ``head``), or beginnings of parameters' names, e.g. ``model.language_model.layers.0``."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Adapters that are learned in place of the weights."""
    checkpoint_layers: str = "none"
    """Layers of language model and vision tower whose activations are computed again in the backward pass in place of
    being kept: ``none``, ``all``, ``every(k)``, or ``first(k)``."""
    compile: bool = False
    """Compile the layers of the language model for the learner, with ``torch.compile``; it needs a compiler."""
    engine: str = "transformers"
    """What samples: ``transformers``, from the weights that learn, or ``vllm``, from a copy of them (docs/vllm.md)."""
    engine_options: Table = field(default_factory=dict)
    """Fields of `mmgym_agents.vllm_options.VLLMOptions` for the engine."""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0; got {self.temperature}")
        at_least(self, 1, "max_new_tokens")
        choose("dtype", self.dtype, _DTYPES)
        choose("engine", self.engine, ("transformers", "vllm"))
        if self.engine_options and self.engine == "transformers":
            raise ValueError(f"engine_options are for engine vllm; got {self.engine_options} and engine transformers")
        is_recomputed(self.checkpoint_layers, 0)


def is_recomputed(rule: str, layer: int) -> bool:
    """Whether `PolicyConfig.checkpoint_layers` names a layer.

    Args:
        rule: ``none``, ``all``, ``every(k)``, or ``first(k)``.
        layer: number of the layer in its stack, from 0.

    Raises:
        ValueError: for another rule.
    """
    if rule in ("none", "all"):
        return rule == "all"
    found = _RULE.fullmatch(rule)
    if not found or int(found[2]) < 1:
        raise ValueError(f"checkpoint_layers must be none, all, every(k) or first(k) with k from 1; got {rule!r}")
    number = int(found[2])
    return layer % number == 0 if found[1] == "every" else layer < number
