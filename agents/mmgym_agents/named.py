"""Agents by name, for benchmarks: scripted ones, a checkpoint, an API, or anything a user can import."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mmgym.agent import Agent, BatchAgent
from mmgym.doctor import install_command, missing_packages
from mmgym.env import choose
from mmgym.rollout.host import load_attribute
from mmgym_agents.blind import blind_agent
from mmgym_agents.exploits import ExploitAgent
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
    engine: Mapping[str, Any] | None = None,
) -> Agent | BatchAgent:
    """A vision-language model from a checkpoint folder, sampled with transformers, or vLLM if `engine` is given."""
    from mmgym.learn.mapping import from_mapping
    from mmgym_agents.vllm_options import VLLMOptions
    from mmgym_agents.vlm import VLM

    if not Path(path).is_dir():
        raise ValueError(f"path must be a checkpoint folder; there is no {path}")
    vlm = VLM.load(path, dtype, device)
    vlm.engine = None if engine is None else from_mapping(VLLMOptions, engine, "engine")
    return vlm.sampler(
        temperature=temperature, greedy=greedy, max_new_tokens=max_new_tokens, context=context, thinking=thinking
    )


def _vllm(path: str, engine: Mapping[str, Any] | None = None, **options: Any) -> Agent | BatchAgent:
    """A checkpoint that vLLM samples from; `engine` holds fields of `VLLMOptions`."""
    return _checkpoint(path, engine=engine or {}, **options)


def _api(name: str, **options: Any) -> Agent:
    """An agent behind an API; the options are fields of `mmgym_agents.api_options.APIOptions`."""
    if missing := missing_packages("api"):
        raise ImportError(f"agent {name} needs {', '.join(missing)}: {install_command('api')}")
    agent: Agent = load_attribute(f"mmgym_agents.api_{name}:{name}_agent")(**options)
    return agent


AGENTS: dict[str, Callable[..., Agent | BatchAgent]] = {
    "random": lambda: scripted_agent("random"),
    "weak": lambda: scripted_agent("mmgym_agents.scripted:weak"),
    "blind": blind_agent,
    "expert": lambda: scripted_agent("expert"),
    "human": lambda **options: load_attribute("mmgym.view.human:HumanAgent")(**options),
    "checkpoint": _checkpoint,
    "vllm": _vllm,
    "openai": partial(_api, "openai"),
    "anthropic": partial(_api, "anthropic"),
    "gemini": partial(_api, "gemini"),
    "exploit": ExploitAgent,
}
"""How each is made; their arguments are the options."""


def make_agent(name: str, /, **options: Any) -> Agent | BatchAgent:
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
        raise ValueError(f"agent {name!r} does not take these options: {_misfit(make, options) or error}") from error


def _misfit(make: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """Which option is not taken or missing, and which there are; empty where that is not what is wrong."""
    try:
        signature = inspect.signature(make)
    except ValueError:  # what is written in C may not say
        return ""
    try:
        signature.bind(**options)
    except TypeError as error:
        return f"{error}; options here: {', '.join(signature.parameters) or 'none'}"
    return ""
