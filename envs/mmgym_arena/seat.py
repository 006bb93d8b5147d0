"""One seat of a game as a Gymnasium environment: the others are played by players that are named."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from mmgym.env import Capabilities, Effect, MultimodalEnv, choose
from mmgym.rewards import RewardTerms
from mmgym.rollout.host import TaskError, load_attribute
from mmgym.spaces import TextSpace, Tool, ToolCall
from mmgym.table import Table
from mmgym_arena.game import Calls, Game, State
from mmgym_arena.match import Match, start_generator

__all__ = ["PLAYERS", "Player", "SeatEnv", "player", "seat_at", "seen_key"]

Player = Callable[[Game, State, int, np.random.Generator], ToolCall | None]
"""Plays a seat: takes the game, the state, the seat and a generator, returns a call or None."""


def _expert(game: Game, state: State, seat: int, rng: np.random.Generator) -> ToolCall:
    return game.expert(state, seat, rng)


def _weak(game: Game, state: State, seat: int, rng: np.random.Generator) -> ToolCall:
    return game.weak(state, seat, rng)


def _random(game: Game, state: State, seat: int, rng: np.random.Generator) -> ToolCall:
    return game.random(state, seat, rng)


logger = logging.getLogger(__name__)

_ENDLESS = 10**9
"""The turn limit of the match itself: the environment has its own."""
PLAYERS: Mapping[str, Player] = {"expert": _expert, "weak": _weak, "random": _random}
"""Players by name."""


def player(name: str | Player, obs_mode: str = "image", image_size: int = 224) -> Player:
    """The player of a name.

    Args:
        name: a name of `PLAYERS`, ``module:attr``, ``agent:NAME OPTIONS`` (`mmgym_arena.agent_player`), or a player.
        obs_mode: what an agent is shown.
        image_size: side of an agent's pictures in pixels.

    Raises:
        ValueError: for a name that is none of these, saying what is allowed.
    """
    if not isinstance(name, str):
        return name
    kind, _, written = name.partition(":")
    if kind == "agent":
        from mmgym_arena.agent_player import agent_player

        return agent_player(written, obs_mode, image_size)
    if ":" in name:
        found: Player = load_attribute(name)
        return found
    if name not in PLAYERS:
        known = ", ".join(PLAYERS)
        raise ValueError(f"others must be {known}, agent:NAME OPTIONS, module:attr or a function; got {name!r}")
    return PLAYERS[name]


def seen_key(game: Game, state: State, seat: int) -> str:
    """Hash of what a seat knows: the `state_key` of its environment."""
    content = [type(game).__name__, game.level, seat, game.seen(state, seat)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


class SeatEnv(MultimodalEnv):
    """Base of the seats: a subclass names the `rules` and documents them.

    Args:
        seat: name of the seat, or ``"any"`` where all seats have the same tools: it is drawn with the instance. None
            takes ``"any"`` there, else the first seat.
        others: who plays the others: a name of `PLAYERS`; ``agent:NAME OPTIONS``, an agent as ``mmgym bench`` names
            it, with its options as JSON, e.g. ``agent:checkpoint {"path": "runs/demo/checkpoint"}``, shown `obs_mode`
            and `image_size` of this environment; ``module:attr`` of a `Player`; or a `Player`. None takes the expert
            in games that are won together, and the weak player in others.
        arguments: those of `MultimodalEnv`.

    Raises:
        ValueError: for a value that is not allowed, naming what is; from `reset` or `step`, when the agent of another
            seat cannot be made.
    """

    rules: ClassVar[type[Game]]
    """The game."""
    levels: ClassVar[int] = 3

    def __init__(self, *, seat: str | None = None, others: str | Player | None = None, **arguments: Any):
        kind = self.rules
        first = kind()
        alike = all(first.space(number) == first.space(0) for number in range(len(kind.seats)))
        seat = seat or ("any" if alike else kind.seats[0])
        self._seat_argument = choose("seat", seat, (*kind.seats, "any") if alike else kind.seats)
        together = kind.kind == "cooperative"
        shown = {name: arguments[name] for name in ("obs_mode", "image_size") if name in arguments}
        self._others = player(others or ("expert" if together else "weak"), **shown)
        self.capabilities = Capabilities(
            expert="solves" if together and self._others is _expert else "optimal_in_expectation",
            expert_steps="at_least",
            splits="seed",
            alone=len(first.movers(first.start(np.random.default_rng(0)))) == 1,
        )
        self._seat = 0 if seat == "any" else kind.seats.index(seat)
        self._added = ""
        super().__init__(**arguments)
        self.match = Match.begin(first, np.random.default_rng(0))
        self.told: deque[Calls] | None = None
        """At a table (`mmgym_arena.table`): what the others did in each move of the match that is yet to be shown."""

    @property
    def seats(self) -> tuple[str, ...]:
        """Names of the seats."""
        return self.rules.seats

    @property
    def seat_name(self) -> str:
        """Name of the seat that is shown."""
        return self.rules.seats[self._seat]

    def table(self, envs: Sequence[gym.Env[Any, Any]]) -> Table:
        """A match of several agents; see `mmgym.table.Table`."""
        from mmgym_arena.table import ArenaTable

        return ArenaTable(envs)

    @property
    def instruction(self) -> str:
        """The rules and the goal of the seat, and what a wrapper has added to them."""
        return self.rules(self.level).instruction(self._seat) + self._added

    @instruction.setter
    def instruction(self, text: str) -> None:
        self._added += text.removeprefix(self.instruction)

    def _tools(self) -> list[Tool]:
        return list(self.rules().tools(self._seat))

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        return {**super()._observation_parts(), "messages": TextSpace()}

    def _observe(self) -> dict[str, Any]:
        return {**super()._observe(), "messages": self.match.game.messages(self.match.state, self._seat)}

    # --- an instance -------------------------------------------------------------------------------------------------

    def _generate(self, task: Any) -> None:
        if task not in (None, "any"):
            raise ValueError(f"task must be 'any'; got {task!r}")
        rng = start_generator(self.np_random, self.split)
        self.match = Match.begin(self.rules(self.level), rng, _ENDLESS)
        if self._seat_argument == "any":
            self._seat = int(rng.integers(len(self.rules.seats)))
        self._let_others_play()

    def _let_others_play(self) -> None:
        match = self.match
        while match.movers and self._seat not in match.movers and self.told != deque():
            match.play(self._others_calls())

    def _turn(self, call: ToolCall | None) -> None:
        """The own turn, those that others have at the same time, and theirs until the next own one.

        Others may have forfeited the match before it came to the first own turn: that turn is not played, and shows how
        the match has ended.
        """
        if self.match.movers:
            self.match.play({**self._others_calls(), self._seat: call})
            self._let_others_play()

    def _others_calls(self) -> Calls:
        """What the others do now, of those that have to move."""
        if self.told is not None:
            return self.told.popleft()
        return {seat: self._other(seat) for seat in self.match.movers if seat != self._seat}

    def _other(self, seat: int) -> ToolCall | None:
        """What the player of another seat does; one that fails has given no call, as the rules of conduct have it."""
        try:
            return self._others(self.match.game, self.match.state, seat, self.np_random)
        except TaskError:  # no failure in a match: there is no such player
            raise
        except Exception:
            logger.warning("the player of seat %s failed", self.rules.seats[seat], exc_info=True)
            return None

    def _turn_limit(self) -> int:
        return self.match.game.turn_limit()

    def _perform(self, call: ToolCall) -> Effect:
        before = self.state_key()
        self._turn(call)
        return Effect(self.state_key() != before, self.match.last[self._seat].feedback)

    def _miss(self) -> None:
        self._turn(None)

    def _is_success(self) -> bool:
        return self.match.solved(self._seat)

    def _is_failure(self) -> bool:
        return self.match.terminated

    def _reward_terms(self) -> RewardTerms:
        return {"outcome": self.match.last[self._seat].earned}

    # --- its state ---------------------------------------------------------------------------------------------------

    def state_key(self) -> str:
        """Hash of what the seat knows, without turn counts: what is hidden from it does not tell states apart."""
        return seen_key(self.match.game, self.match.state, self._seat)

    def _get_state(self) -> dict[str, Any]:
        return {"seat": self._seat, **self.match.to_json()}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._seat = state["seat"]
        self.match = Match.from_json(self.rules(self.level), state, _ENDLESS)

    def _image(self) -> np.ndarray:
        return self.match.game.picture(self.match.state, self._seat, self.image_size)

    def _text(self) -> str:
        return self.match.game.text(self.match.state, self._seat)

    def _expert_call(self) -> ToolCall:
        match = self.match
        key = int(self.state_key()[:16], 16)
        return match.game.expert(match.state, self._seat, np.random.default_rng(key))

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The game's weak player."""
        return self.match.game.weak(self.match.state, self._seat, rng)

    def random_call(self, rng: np.random.Generator) -> ToolCall:
        """Any call that may be made now."""
        return self.match.game.random(self.match.state, self._seat, rng)

    def _expert_steps(self) -> int:
        return 1

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        return self.match.game.questions(self.match.state, self._seat, rng)


def seat_at(game: Game, state: State, seat: int) -> SeatEnv:
    """The view of a seat at a state of a match, to be looked at and asked for calls; nobody plays in it."""
    kind = type(type(game).__name__, (SeatEnv,), {"rules": type(game)})
    env: SeatEnv = kind(seat=game.seats[seat], level=game.level)
    env._set_state({"seat": seat, **Match(game, state).to_json()})
    return env
