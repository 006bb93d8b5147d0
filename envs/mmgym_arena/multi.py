"""The games as PettingZoo environments: one class where agents act in turn, one where all act at once.

Every game has both. In `ArenaParallelEnv` a game whose seats move in turn takes the action of who moves and lets the
others' be; in `ArenaAECEnv` a game whose seats move at once asks one after the other and goes on when it has all.
Importing this module registers all of them: ``pettingzoo.make("parallel", "mmgym/TwoRooms-v0")``, or ``"aec"``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pettingzoo
from gymnasium.utils import seeding
from pettingzoo.utils.env import AECEnv, ParallelEnv

from mmgym.env import OBS_MODES, SPLITS, choose, whole
from mmgym.rollout.host import load_attribute
from mmgym.spaces import ToolSpace
from mmgym_arena import RULES
from mmgym_arena.game import Game
from mmgym_arena.match import Match, start_generator
from mmgym_arena.view import observation, observation_space

__all__ = ["ArenaAECEnv", "ArenaParallelEnv"]

logger = logging.getLogger(__name__)


class _Arena:
    """What both classes share.

    Args:
        game: class of the rules, or where it is, ``module:Class``.
        level: default difficulty.
        split: default split.
        obs_mode: ``"image"``, ``"text"`` or ``"both"``.
        image_size: side of the square pictures in pixels.
        max_cycles: turns of a seat until the match is truncated; None takes the game's own limit.
        render_mode: None, ``"rgb_array"`` (what the first seat to move sees), ``"ansi"`` (the same in words) or
            ``"human"`` (the words are printed: no window is needed).

    Raises:
        ValueError: for a value that is not allowed; the message names what is.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 4,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        game: type[Game] | str,
        *,
        level: int = 1,
        split: str = "train",
        obs_mode: str = "image",
        image_size: int = 224,
        max_cycles: int | None = None,
        render_mode: str | None = None,
    ):
        self._kind = cast("type[Game]", load_attribute(game)) if isinstance(game, str) else game
        self.metadata = {**self.metadata, "name": f"{self._kind.__name__}-v0"}
        self._default_level, self._default_split = self._kind(level).level, choose("split", split, SPLITS)
        self.obs_mode = choose("obs_mode", obs_mode, OBS_MODES)
        self.image_size = whole("image_size", image_size, 16, 4096)
        self.max_cycles = None if max_cycles is None else whole("max_cycles", max_cycles)
        self.render_mode = (
            None if render_mode is None else choose("render_mode", render_mode, self.metadata["render_modes"])
        )
        self.possible_agents = [f"{name}_{seat}" for seat, name in enumerate(self._kind.seats)]
        self.agents: list[str] = []
        self._seats = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self._rng: np.random.Generator | None = None
        first = self._kind()
        self.observation_spaces = {
            agent: observation_space(first, seat, obs_mode, image_size) for agent, seat in self._seats.items()
        }
        # Of their own, not the game's shared ones: an action space is seeded.
        self.action_spaces = {agent: ToolSpace(first.tools(seat)) for agent, seat in self._seats.items()}

    def observation_space(self, agent: str) -> Any:
        """What an agent is shown; the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """What an agent may do; the same object at every call."""
        return self.action_spaces[agent]

    def instruction(self, agent: str) -> str:
        """The rules and the goal of an agent, in words."""
        return self.match.game.instruction(self._seats[agent])

    def _begin(self, seed: int | None, options: Mapping[str, Any] | None) -> None:
        options = dict(options or {})
        for name in sorted(set(options) - {"level", "split"}):
            logger.info("option %r is unknown and changes nothing; known are level and split", name)
        game = self._kind(options.get("level", self._default_level))
        split = choose("split", options.get("split", self._default_split), SPLITS)
        if seed is not None or self._rng is None:
            self._rng, _ = seeding.np_random(seed)
        self.match = Match.begin(game, start_generator(self._rng, split), self.max_cycles)
        self.split = split
        self.agents = list(self.possible_agents)

    def _observe(self, agent: str) -> dict[str, Any]:
        return observation(self.match, self._seats[agent], self.obs_mode, self.image_size)

    def _info(self, agent: str) -> dict[str, Any]:
        seat, match = self._seats[agent], self.match
        return {
            "success": match.solved(seat),
            "action_valid": match.last[seat].valid,
            "action_effective": match.last[seat].effective,
            "feedback": match.last[seat].feedback,
            "to_move": seat in match.movers,
            "error": "",
            "level": match.game.level,
            "split": self.split,
        }

    def state(self) -> np.ndarray:
        """What all seats see, side by side: uint8 (image_size, seats x image_size, 3)."""
        match = self.match
        return np.hstack([match.game.picture(match.state, seat, self.image_size) for seat in self._seats.values()])

    def render(self) -> Any:
        """What the first seat to move sees, as a picture or in words."""
        if self.render_mode is None:
            return None
        match = self.match
        seat = match.movers[0] if match.movers else 0
        if self.render_mode == "rgb_array":
            return match.game.picture(match.state, seat, self.image_size)
        text = match.game.text(match.state, seat)
        if self.render_mode == "ansi":
            return text
        print(text)
        return None

    def close(self) -> None:
        """Nothing is held."""


class ArenaParallelEnv(_Arena, ParallelEnv[str, dict[str, Any], Any]):
    """A game as a `pettingzoo.ParallelEnv`. Arguments are those of `_Arena`."""

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """Begin a match.

        Args:
            seed: of everything that is drawn.
            options: ``level`` and ``split``; others are noted in the log and change nothing.

        Raises:
            ValueError: for a level or split that there is not.
        """
        self._begin(seed, options)
        return {agent: self._observe(agent) for agent in self.agents}, {
            agent: self._info(agent) for agent in self.agents
        }

    def step(self, actions: dict[str, Any]) -> tuple[Any, Any, Any, Any, Any]:
        """Let all seats that have to move do so; an agent without an action has given none."""
        if not self.agents:
            return {}, {}, {}, {}, {}
        before = self.match.scores()
        self.match.play({self._seats[agent]: action for agent, action in actions.items() if agent in self._seats})
        earned = [new - old for new, old in zip(self.match.scores(), before, strict=True)]
        agents, match = self.agents, self.match
        result = (
            {agent: self._observe(agent) for agent in agents},
            {agent: float(earned[self._seats[agent]]) for agent in agents},
            dict.fromkeys(agents, match.terminated),
            dict.fromkeys(agents, match.truncated),
            {agent: self._info(agent) for agent in agents},
        )
        if match.terminated or match.truncated:
            self.agents = []
        return result


class ArenaAECEnv(_Arena, AECEnv[str, dict[str, Any], Any]):
    """A game as a `pettingzoo.AECEnv`. Arguments are those of `_Arena`."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a match; see `ArenaParallelEnv.reset`."""
        self._begin(seed, options)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: self._info(agent) for agent in self.agents}
        self._given: dict[int, Any] = {}
        self._skip_agent_selection = None
        self.agent_selection = self.possible_agents[self.match.movers[0]]

    def observe(self, agent: str) -> dict[str, Any]:
        """What an agent is shown now."""
        return self._observe(agent)

    def step(self, action: Any) -> None:
        """Take the action of the agent that is selected.

        The match goes on when all that move at once have given theirs.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0.0
        self._given[self._seats[agent]] = action
        self._clear_rewards()
        waiting = [seat for seat in self.match.movers if seat not in self._given]
        if not waiting:
            self._advance()
        else:
            self.agent_selection = self.possible_agents[waiting[0]]
        self._accumulate_rewards()
        if any(self.terminations.values()) or any(self.truncations.values()):
            self._deads_step_first()

    def _advance(self) -> None:
        before, match = self.match.scores(), self.match
        match.play(self._given)
        self._given = {}
        for name, new, old in zip(self.possible_agents, match.scores(), before, strict=True):
            self.rewards[name] = float(new - old)
        self.terminations = dict.fromkeys(self.agents, match.terminated)
        self.truncations = dict.fromkeys(self.agents, match.truncated)
        self.infos = {name: self._info(name) for name in self.agents}
        if match.movers:
            self.agent_selection = self.possible_agents[match.movers[0]]


for _name, _rules in RULES.items():
    for _kind, _class in (("parallel", ArenaParallelEnv), ("aec", ArenaAECEnv)):
        pettingzoo.register(_kind, f"mmgym/{_name}-v0", _class, kwargs={"game": _rules})
