"""The blind baseline: a plan by heart, learned from the expert on training instances and played without looking.

Whatever an environment asks, this is what its level alone gives away: the best-known opening, the usual number of
turns, the commonest answer. It reads neither picture nor text, and no more of the environment than its level and the
number of the turn.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.env import MultimodalEnv, unwrap
from mmgym.spaces import ToolCall
from mmgym_agents.scripted import ScriptedAgent

__all__ = ["blind_agent", "by_heart", "learn_plan"]

EPISODES = 10
"""Training episodes that a plan is learned from."""

_plans: dict[str, list[ToolCall]] = {}


def blind_agent() -> ScriptedAgent:
    """The agent that plays `by_heart`."""
    return ScriptedAgent(f"{__name__}:{by_heart.__name__}")


def by_heart(env: Any, rng: np.random.Generator) -> ToolCall:
    """The call that the expert makes most often in this turn at this level; a random one after the longest episode.

    Args:
        env: an environment made by `gymnasium.make`, in a running episode.
        rng: where random calls come from.

    Raises:
        Unsupported: for an environment without an expert.
        ValueError: for an environment that `gymnasium.make` did not make: another like it is needed to learn from.
    """
    inner = unwrap(env)
    if inner.spec is None:
        raise ValueError(f"by_heart needs an environment that gymnasium.make made; got a bare {type(inner).__name__}")
    key = f"{inner.spec.to_json()} {inner.level}"
    if key not in _plans:
        other = gym.make(inner.spec, disable_env_checker=True)
        try:
            _plans[key] = learn_plan(unwrap(other), inner.level)
        finally:
            other.close()
    plan = _plans[key]
    if inner.turn < len(plan):
        return plan[inner.turn]
    drawn = inner.action_space.draw(rng)
    return drawn[0] if isinstance(drawn, list) else drawn


def learn_plan(env: MultimodalEnv, level: int, episodes: int = EPISODES) -> list[ToolCall]:
    """The expert's commonest call of each turn over training episodes; of equally common ones the first seen.

    Args:
        env: the environment; it is reset.
        level: the level.
        episodes: training instances, seeds 0 and following.

    Raises:
        Unsupported: for an environment without an expert.
        RuntimeError: when the machinery fails.
    """
    calls: list[Counter[str]] = []
    known: dict[str, ToolCall] = {}
    for seed in range(episodes):
        env.reset(seed=seed, options={"split": "train", "level": level})
        ended, turn = False, 0
        while not ended:
            call = env.expert()
            if turn == len(calls):
                calls.append(Counter())
            calls[turn][repr(call)] += 1
            known[repr(call)] = call
            *_, terminated, truncated, info = env.step(call)
            if info["error"]:
                raise RuntimeError(f"{type(env).__name__} failed while a plan was learned: {info['error']}")
            ended, turn = terminated or truncated, turn + 1
    return [known[counter.most_common(1)[0][0]] for counter in calls]
