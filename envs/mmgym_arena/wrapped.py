"""Any PettingZoo environment that renders, for agents that see: its pictures become observations, its actions tools.

A game of PettingZoo's own set, or anybody's, becomes an arena by one wrapper. Pictures are what ``render`` gives, the
same for every agent unless the environment renders from one's own eyes; `Discrete` actions become a tool whose choices
are named, legal ones by the environment's own ``action_mask``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
from pettingzoo.utils.env import AECEnv

from mmgym.spaces import Parameter, TextSpace, Tool, ToolSpace

__all__ = ["VisualArena"]

logger = logging.getLogger(__name__)


class VisualArena(AECEnv[str, dict[str, Any], Any]):
    """An `AECEnv` whose agents see pictures and call a tool ``act(action=...)``.

    Observations are ``image`` (uint8, image_size x image_size x 3), ``feedback``, and ``action_mask`` where the wrapped
    environment gives one. An action that is no valid call, or that the mask forbids, is explained in the next
    observation and asked for again; the fourth such action of an agent ends the episode by truncation. A parallel
    environment is turned into one by `pettingzoo.utils.parallel_to_aec` first.

    Args:
        env: made with ``render_mode="rgb_array"``.
        instruction: the rules, in words: PettingZoo's environments do not say them.
        actions: a name for each action of a `Discrete` space, or a function of agent and action; None numbers them.
        image_size: side of the square pictures in pixels; what is rendered is scaled into it and keeps its shape.

    Raises:
        ValueError: when `env` does not render arrays, an action space is not `Discrete`, or names do not fit it.
    """

    def __init__(
        self,
        env: AECEnv[Any, Any, Any],
        instruction: str,
        actions: Sequence[str] | Callable[[str, int], str] | None = None,
        image_size: int = 224,
    ):
        if getattr(env.unwrapped, "render_mode", getattr(env, "render_mode", None)) != "rgb_array":
            raise ValueError(f"{env} must be made with render_mode='rgb_array': the pictures are what agents see")
        # The rules that PettingZoo's wrappers add are kept here, with words; what lies inside is asked and told
        # directly.
        self.env = env.unwrapped if isinstance(env.unwrapped, AECEnv) else env
        self._instruction, self.image_size = instruction, image_size
        self.metadata = {**env.metadata, "render_modes": ["rgb_array"]}
        self.render_mode = "rgb_array"
        self.possible_agents = list(env.possible_agents)
        self.agents: list[str] = []
        self._names: dict[str, tuple[str, ...]] = {}
        self.action_spaces, self.observation_spaces = {}, {}
        for agent in self.possible_agents:
            space = env.action_space(agent)
            if not isinstance(space, gym.spaces.Discrete):
                raise ValueError(f"the actions of {agent} must be Discrete; they are {space}")
            names = _names(actions, agent, int(space.n))
            self._names[agent] = names
            parameter = Parameter("action", "choice", "what to do", choices=names)
            self.action_spaces[agent] = ToolSpace([Tool("act", "Do something.", (parameter,))])
            parts: dict[str, gym.Space[Any]] = {
                "image": gym.spaces.Box(0, 255, (image_size, image_size, 3), np.uint8),
                "feedback": TextSpace(),
            }
            own = env.observation_space(agent)
            if isinstance(own, gym.spaces.Dict) and "action_mask" in own.spaces:
                parts["action_mask"] = gym.spaces.Box(0, 1, (len(names),), np.int8)
            self.observation_spaces[agent] = gym.spaces.Dict(parts, sort_keys=False)

    def instruction(self, agent: str) -> str:
        """The rules, in words."""
        return self._instruction

    def observation_space(self, agent: str) -> Any:
        """What an agent is shown; the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """What an agent may do; the same object at every call."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode of the wrapped environment."""
        self.env.reset(seed=seed, options=options)
        self._feedback = dict.fromkeys(self.possible_agents, "")
        self._strikes = dict.fromkeys(self.possible_agents, 0)
        self._copy()

    def observe(self, agent: str) -> dict[str, Any]:
        """What an agent is shown now."""
        shown: dict[str, Any] = {"image": self.render(), "feedback": self._feedback[agent]}
        if "action_mask" in self.observation_spaces[agent].spaces:
            shown["action_mask"] = np.array(self._mask(agent), np.int8)
        return shown

    def step(self, action: Any) -> None:
        """Take the action of the agent that is selected."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            if self._ended:
                self._was_dead_step(action)
                return
            self.env.step(None)
            self._copy()
            return
        self._feedback[agent], number = "", None
        try:
            (call,) = self.action_spaces[agent].parse(action)
            number = self._names[agent].index(call.arguments["action"])
            if not self._mask(agent)[number]:
                self._feedback[agent], number = f"{call.arguments['action']} is not possible now.", None
        except ValueError as problem:
            self._feedback[agent] = str(problem)
        if number is None:
            self._strike(agent)
            return
        self.env.step(number)
        self._copy()

    def render(self) -> np.ndarray:
        """The picture, scaled into a square: uint8 (image_size, image_size, 3)."""
        picture = np.asarray(self.env.render(), np.uint8)
        height, width = picture.shape[:2]
        scale = self.image_size / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        scaled = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)
        image = np.full((self.image_size, self.image_size, 3), 255, np.uint8)
        top, left = (self.image_size - size[1]) // 2, (self.image_size - size[0]) // 2
        image[top : top + size[1], left : left + size[0]] = scaled
        return image

    def close(self) -> None:
        """Close the wrapped environment."""
        self.env.close()

    def _strike(self, agent: str) -> None:
        self._strikes[agent] += 1
        self._clear_rewards()
        self._cumulative_rewards[agent] = 0.0
        if self._strikes[agent] > 3:
            logger.info("%s gave no valid action four times: the episode is truncated", agent)
            self._ended = True
            self.truncations = dict.fromkeys(self.agents, True)

    def _mask(self, agent: str) -> Sequence[bool]:
        observation = self.env.observe(agent)
        given: Any = observation.get("action_mask") if isinstance(observation, Mapping) else None
        if given is None:
            given = self.env.infos.get(agent, {}).get("action_mask")
        return [True] * len(self._names[agent]) if given is None else [bool(entry) for entry in given]

    def _copy(self) -> None:
        """What the wrapped environment says of its agents."""
        env = self.env
        self._ended = False
        self.agents, self.agent_selection = list(env.agents), env.agent_selection
        self.rewards = dict(env.rewards)
        self._cumulative_rewards: dict[str, float] = dict(env._cumulative_rewards)
        self.terminations, self.truncations = dict(env.terminations), dict(env.truncations)
        self.infos = {agent: dict(info) for agent, info in env.infos.items()}
        self._skip_agent_selection = None


def _names(actions: Sequence[str] | Callable[[str, int], str] | None, agent: str, count: int) -> tuple[str, ...]:
    if actions is None:
        return tuple(str(number) for number in range(count))
    names = tuple(actions(agent, number) for number in range(count)) if callable(actions) else tuple(actions)
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"{agent} has {count} actions, which need as many different names; got {', '.join(names)}")
    return names
