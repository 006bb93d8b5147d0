"""An agent as a player: a checkpoint, a model behind an API or any other agent plays a seat of the single-agent view.

It is shown what it would be shown if it played the seat itself: rules and answer format, then what the seat sees. A
player is a function of game, state and seat, so that snapshots and restores stay exact; hence the agent has no memory:
every move is the first turn of a new conversation. Its sampling noise is drawn from the generator of the environment.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, cast

import numpy as np

from mmgym.agent import Conversation, Response
from mmgym.env import OBS_MODES, MultimodalEnv, Unsupported, choose, whole
from mmgym.formats import parse
from mmgym.messages import NATIVE, observation_content, opening, user_message
from mmgym.rollout import RolloutConfig
from mmgym.rollout.host import TaskError, load_attribute
from mmgym.spaces import ToolCall, ToolSpace
from mmgym.trajectory import EpisodeTask
from mmgym_arena.game import Game, State
from mmgym_arena.match import Match
from mmgym_arena.seat import seat_at
from mmgym_arena.view import observation, observation_space

__all__ = ["AgentPlayer", "agent_player"]

logger = logging.getLogger(__name__)

_NAMED = "mmgym_agents.named"
"""Where agents have names, for benchmarks as for us."""
_SHOWN = ("format", "prompt", "obs_mode", "image_size")
"""What may be set of how a game is shown to the agent."""
_numbers = itertools.count()
"""Keys of conversations: no two in a process are equal."""


@dataclass(frozen=True)
class AgentPlayer:
    """A `mmgym_arena.seat.Player` that asks an agent.

    The agent is made at its first move, once in a process: players of the same name and options share it.

    Raises:
        ValueError: for a name that there is not, or a value that is not allowed; the message names what is.
    """

    name: str
    """A name that ``mmgym bench --agent`` knows, or ``module:attr``, which is called with the options."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The agent's options, values that JSON can hold."""
    format: str = "tool_call"
    """How it writes calls, as `mmgym.rollout.RolloutConfig` has it."""
    prompt: str = "full"
    """What it is told first, likewise."""
    obs_mode: str = "image"
    """``"image"``, ``"text"`` or ``"both"``."""
    image_size: int = 224
    """Side of its pictures in pixels."""

    def __post_init__(self) -> None:
        if ":" in self.name:
            load_attribute(self.name)
        else:
            choose("agent", self.name, cast("Mapping[str, Any]", load_attribute(f"{_NAMED}:AGENTS")))
        RolloutConfig(format=self.format, prompt=self.prompt)
        choose("obs_mode", self.obs_mode, OBS_MODES)
        object.__setattr__(self, "image_size", whole("image_size", self.image_size, 16, 4096))
        try:
            json.dumps(dict(self.options))
        except TypeError as error:
            raise ValueError(f"options must hold values that JSON can; got {self.options!r} ({error})") from error

    def __call__(self, game: Game, state: State, seat: int, rng: np.random.Generator) -> ToolCall | None:
        """The agent's call; None where its answer makes none.

        Raises:
            TaskError: (a ValueError) when the agent cannot be made: it would fail at every move.
            Exception: whatever the agent raises.
        """
        made = _made(self.name, json.dumps(dict(self.options), sort_keys=True))
        noise, space = int(rng.integers(2**63)), ToolSpace(game.tools(seat))
        task = EpisodeTask(type(game).__name__, noise, options={"level": game.level}, noise=noise)
        instruction = game.instruction(seat)
        conversation = Conversation(next(_numbers), task, space, instruction=instruction)
        conversation.environment = _Seat(game, state, seat, noise)
        conversation.tools = space.schemas() if self.format == NATIVE else []
        shown = observation(Match(game, state), seat, self.obs_mode, self.image_size)
        spaces = observation_space(game, seat, self.obs_mode, self.image_size)
        conversation.messages = [
            *opening(instruction, space, self.format, self.prompt),
            user_message(observation_content(spaces, shown)),
        ]
        return self._read(made.answer(conversation), space)

    def _read(self, response: Response, space: ToolSpace) -> ToolCall | None:
        if response.exhausted:
            logger.warning("what a seat sees does not fit into the context of agent %s", self.name)
            return None
        try:
            if response.action is not None:
                (call,) = space.parse(response.action)
            else:
                (call,) = parse(response.text, space, "tool_call" if self.format == NATIVE else self.format)
        except ValueError as problem:
            logger.debug("agent %s made no call: %s", self.name, problem)
            return None
        return call


def agent_player(notation: str, obs_mode: str = "image", image_size: int = 224) -> AgentPlayer:
    """The player that is written ``NAME``, ``NAME OPTIONS`` or ``NAME OPTIONS SHOWN``.

    Args:
        notation: a name, the agent's options as a JSON object, and one of how the game is shown: ``format``,
            ``prompt``, ``obs_mode`` and ``image_size``.
        obs_mode: what the agent is shown unless the notation says so.
        image_size: side of its pictures, likewise.

    Raises:
        ValueError: for another notation, a name that there is not, or a value that is not allowed.
    """
    name, _, rest = notation.strip().partition(" ")
    try:
        options, shown = _objects(rest)
        for key in shown:
            choose("what is set of how a game is shown", key, _SHOWN)
        return AgentPlayer(name, options, **{"obs_mode": obs_mode, "image_size": image_size, **shown})
    except ValueError as error:
        raise ValueError(f"others must be agent:NAME OPTIONS; got 'agent:{notation}': {error}") from error


def _objects(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two JSON objects of a text, one after the other; what is not there is empty."""
    found: list[dict[str, Any]] = []
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except json.JSONDecodeError as error:
            raise ValueError(f"the options must be a JSON object, not {rest!r} ({error})") from error
        if not isinstance(value, dict) or len(found) == 2:
            raise ValueError(
                f"at most two JSON objects follow the name, its options and what it is shown; got {rest!r} as well"
            )
        found.append(value)
        rest = rest[end:].strip()
    options, shown = [*found, {}, {}][:2]
    return options, shown


# --- agents of this process ------------------------------------------------------------------------------------------


class _Made:
    """An agent that was made, to be asked from code that does not wait."""

    def __init__(self, agent: Any):
        self.agent = agent
        self._one_at_a_time = threading.Lock()

    def answer(self, conversation: Conversation) -> Response:
        """The answer to the one user message of a conversation, which then ends."""
        if not hasattr(self.agent, "act_batch"):
            return asyncio.run_coroutine_threadsafe(self._act(conversation), _loop(os.getpid())).result()
        with self._one_at_a_time:
            try:
                response: Response = self.agent.act_batch([conversation])[0]
                return response
            finally:
                self.agent.end(conversation)

    async def _act(self, conversation: Conversation) -> Response:
        try:
            response: Response = await self.agent.act(conversation)
            return response
        finally:
            self.agent.end(conversation)


_agents: dict[tuple[str, str], _Made] = {}
_making = threading.Lock()


def _made(name: str, options: str) -> _Made:
    """The agent of this process with this name and these options, written as JSON."""
    with _making:
        if (name, options) not in _agents:
            try:
                agent = load_attribute(f"{_NAMED}:make_agent")(name, **json.loads(options))
            except Exception as error:  # whatever a model's folder or an endpoint's client raises
                said = f"the agent of another seat cannot be made, agent:{name} {options}: {error}"
                raise TaskError(said) from error
            _agents[name, options] = _Made(agent)
        return _agents[name, options]


@lru_cache
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """The event loop, in a thread of its own, in which agents that wait are asked; a fork needs another.

    The loop of the caller cannot serve: the environment steps inside it. It stays the same from move to move, for
    clients of an endpoint belong to one loop.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="agents of other seats", daemon=True).start()
    return loop


class _Seat:
    """The `mmgym.rollout.EnvironmentHandle` of a seat at a state, for scripted agents."""

    def __init__(self, game: Game, state: State, seat: int, noise: int):
        self._where, self._rng = (game, state, seat), np.random.default_rng(noise)

    @cached_property
    def _env(self) -> MultimodalEnv:
        return seat_at(*self._where)

    async def expert(self) -> ToolCall:
        """The expert's call."""
        return self._env.expert()

    async def random(self) -> Any:
        """A random valid call, also one against the rules."""
        return self._env.action_space.draw(self._rng)

    async def scripted(self, name: str) -> ToolCall:
        """The call of a policy ``module:function`` that takes (environment, generator)."""
        call: ToolCall = load_attribute(name)(self._env, self._rng)
        return call

    async def points_at(self, *turns: Any) -> list[tuple[Any, ...]]:
        """Nothing: nobody watches."""
        return [() for _ in turns]

    async def reset(self, task: EpisodeTask) -> Any:
        """A player begins no match."""
        raise Unsupported("a player of another seat cannot reset the match")

    async def step(self, action: Any) -> Any:
        """A player answers with its call."""
        raise Unsupported("a player of another seat cannot step: its answer is its move")
