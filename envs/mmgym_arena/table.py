"""A match at which every seat is taken by an agent.

Each seat keeps its `SeatEnv`, with its wrappers, and is told what the others did: so an agent is shown, and earns,
exactly what it would in the single-agent view beside players who make the same moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym

import mmgym
from mmgym.table import SeatUpdate
from mmgym_arena.match import Match
from mmgym_arena.seat import SeatEnv

__all__ = ["ArenaTable"]


class ArenaTable:
    """A `mmgym.table.Table` of the arena.

    Args:
        envs: one environment for each seat of one game, in the order of the seats, each made with ``seat=<name>``.

    Raises:
        ValueError: for other environments.
    """

    def __init__(self, envs: Sequence[gym.Env[Any, Any]]):
        self._envs = list(envs)
        self._inner = [_seat_env(env) for env in envs]
        names, taken = self._inner[0].seats, [inner.seat_name for inner in self._inner]
        if len({type(inner) for inner in self._inner}) > 1 or list(names) != taken:
            raise ValueError(f"a match needs an environment for each of the seats {', '.join(names)}; got {taken}")

    def reset(self, seed: int, options: dict[str, Any]) -> dict[int, SeatUpdate]:
        """Begin a match; see `mmgym.table.Table`."""
        self._start = (seed, options)
        self._begun: set[int] = set()
        self._actions: dict[int, Any] = {}
        for inner in self._inner:
            inner.told = deque()
        first = self._inner[0]
        self._envs[0].reset(seed=seed, options=dict(options))
        self._match = Match(first.match.game, first.match.state, max_turns=first.max_turns)
        return self._updates()

    def step(self, actions: Mapping[int, Any]) -> dict[int, SeatUpdate]:
        """Let the seats whose turn it is move; see `mmgym.table.Table`."""
        movers = self._match.movers
        calls = self._match.play(actions)
        for seat, inner in enumerate(self._inner):
            assert inner.told is not None
            inner.told.append({other: call for other, call in calls.items() if other != seat})
        self._actions |= {seat: actions.get(seat) for seat in movers}
        return self._updates()

    def _updates(self) -> dict[int, SeatUpdate]:
        return {seat: self._show(seat) for seat in self._match.movers or range(len(self._envs))}

    def _show(self, seat: int) -> SeatUpdate:
        """Bring a seat up to date."""
        env, match = self._envs[seat], self._match
        reward, terminated, truncated = 0.0, False, False
        if seat in self._begun:
            observation, earned, terminated, truncated, info = env.step(self._actions.pop(seat))
            reward = float(earned)
        else:
            seed, options = self._start
            observation, info = env.reset(seed=seed, options=dict(options))
            self._begun.add(seat)
            reward, info["success"] = float(match.last[seat].earned), match.solved(seat)
        if self._inner[seat].match.state != match.state:
            raise RuntimeError("a seat has seen another match than the others: wrappers must not alter actions")
        return SeatUpdate(observation, reward, terminated or match.terminated, truncated or match.truncated, info)


def _seat_env(env: gym.Env[Any, Any]) -> SeatEnv:
    inner = mmgym.unwrap(env)
    if not isinstance(inner, SeatEnv):
        raise ValueError(f"a match of the arena is played in its seats; got {type(inner).__name__}")
    return inner
