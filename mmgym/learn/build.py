"""What a configuration names, built: the environment, the policy, agents that follow a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import cycle, islice
from typing import Any

import gymnasium as gym
import numpy as np

import mmgym
from mmgym.agent import Agent, Policy
from mmgym.env import choose
from mmgym.learn.config import EnvironmentConfig, GrpoConfig, TrainConfig
from mmgym.learn.self_play import seat_environments
from mmgym.messages import observation_content
from mmgym.rewards import RewardSpec, outcome_and_validity
from mmgym.rollout.host import load_attribute, put_on

__all__ = ["make_demonstrator", "make_env", "make_policy", "make_reward", "scripted_agent"]

_POLICY_FIELDS = (
    "checkpoint",
    "tiny",
    "dtype",
    "device",
    "frozen",
    "lora",
    "checkpoint_layers",
    "compile",
    "engine",
    "engine_options",
)
"""What a factory is given of `PolicyConfig`."""
_EPISODES = 20
"""Episodes of which the words are read."""


def make_env(
    environment: EnvironmentConfig, kwargs: Mapping[str, Any] | None = None, wrappers: Iterable[str] = ()
) -> gym.Env[Any, Any]:
    """The environment with its wrappers.

    Args:
        environment: which.
        kwargs: constructor arguments that differ.
        wrappers: further wrappers.
    """
    arguments = {**environment.kwargs, **(kwargs or {})}
    env: gym.Env[Any, Any] = gym.make(environment.id, disable_env_checker=True, **arguments)
    for wrapper in (*environment.wrappers, *wrappers):
        env = put_on(wrapper, env)
    return env


def make_policy(config: TrainConfig) -> Policy:
    """The policy that the configuration names, from `PolicyConfig.factory`."""
    words: dict[str, None] = {}
    sizes = []
    for environment in seat_environments(config):
        env = make_env(environment)
        inner: Any = mmgym.unwrap(env)
        known = inner.vocabulary() if hasattr(inner, "vocabulary") else _words(env, list(environment.tasks))
        words |= dict.fromkeys(known)
        sizes.append(inner.image_size)
        env.close()
    if len(set(sizes)) > 1:
        raise ValueError(f"the environments of a mixture must have one image_size; got {', '.join(map(str, sizes))}")
    arguments = {name: getattr(config.policy, name) for name in _POLICY_FIELDS}
    return load_attribute(config.policy.factory)(**arguments, words=list(words), image_size=sizes[0], seed=config.seed)


def _words(env: gym.Env[Any, Any], tasks: list[str]) -> list[str]:
    """The words of an environment that does not list them, as found in its tools and in some of its episodes."""
    inner: Any = mmgym.unwrap(env)
    texts = []
    for tool in inner.action_space.tools:
        texts += [tool.name, *(text for p in tool.parameters for text in (p.name, *p.choices))]
    for seed, task in enumerate(islice(cycle(tasks or [""]), _EPISODES)):
        observation, _ = env.reset(seed=seed, options={"task": task} if task else None)
        texts += [part["text"] for part in observation_content(env.observation_space, observation) if "text" in part]
        if inner.capabilities.questions:
            texts += [text for pair in inner.questions(np.random.default_rng(seed)) for text in pair]
    return sorted({word for text in texts for word in re.findall(r"[^\W\d_]+", text)})


def make_reward(config: GrpoConfig) -> RewardSpec:
    """What an episode is worth in training.

    Raises:
        ValueError: when the configuration names no `RewardSpec`.
    """
    if not config.reward:
        return outcome_and_validity(config.validity_reward)
    module, name, key = [*config.reward.split(":", 2), "", ""][:3]
    found: Any = load_attribute(f"{module}:{name}")
    if isinstance(found, Mapping):
        found = found[choose("reward", key, found)]
    if not isinstance(found, RewardSpec):
        raise ValueError(f"{config.reward!r} must be a mmgym.RewardSpec; it is {type(found).__name__}")
    return found


def scripted_agent(name: str, noise: float = 0.0) -> Agent:
    """The agent ``random``, ``expert`` or ``module:function``."""
    return load_attribute("mmgym_agents.scripted:scripted_agent")(name, noise)


def make_demonstrator(config: TrainConfig, policy: Policy) -> Agent:
    """Whom the cloning stage clones, speaking in the policy's ids."""
    agent = scripted_agent(config.cloning.demonstrator, config.cloning.noise)
    make = load_attribute("mmgym_agents.scripted:Demonstrator")
    codec = policy.codec.with_thinking(config.policy.thinking)
    return make(agent, codec, config.rollout.format, config.policy.context)
