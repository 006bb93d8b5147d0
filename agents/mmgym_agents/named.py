"""Agents by name, for benchmarks: scripted ones, a checkpoint, or anything a user can import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmgym.agent import Agent, BatchAgent
from mmgym.env import choose
from mmgym.rollout.host import load_attribute
from mmgym_agents.scripted import scripted_agent

__all__ = ["AGENTS", "make_agent"]


def _checkpoint(
    path: str,
    temperature: float = 1.0,
    greedy: bool = False,
    max_new_tokens: int = 256,
    context: str = "full",
    thinking: bool = False,
    dtype: str = "float32",
    device: str = "cpu",
) -> Agent | BatchAgent:
    """A vision-language model from a checkpoint folder, sampled with transformers."""
    from mmgym_agents.vlm import VLM

    if not Path(path).is_dir():
        raise ValueError(f"path must be a checkpoint folder; there is no {path}")
    return VLM.load(path, dtype, device).sampler(
        temperature=temperature, greedy=greedy, max_new_tokens=max_new_tokens, context=context, thinking=thinking
    )


AGENTS: dict[str, Callable[..., Agent | BatchAgent]] = {
    "random": lambda: scripted_agent("random"),
    "weak": lambda: scripted_agent("mmgym_agents.scripted:weak"),
    "expert": lambda: scripted_agent("expert"),
    "checkpoint": _checkpoint,
}
"""How each is made; their arguments are the options."""


def make_agent(name: str, **options: Any) -> Agent | BatchAgent:
    """The agent of a name.

    Args:
        name: one of `AGENTS`, or ``module:attr``, which is called with the options.
        options: what it is made with.

    Raises:
        ValueError: for an unknown name or option, naming those there are.
    """
    make = load_attribute(name) if ":" in name else AGENTS[choose("agent", name, AGENTS)]
    try:
        return make(**options)
    except TypeError as error:
        raise ValueError(f"agent {name!r} does not take these options: {error}") from error
