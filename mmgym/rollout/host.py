"""The side of an episode where its environment lives: in this process, or in a worker.

Everything that crosses over is plain data: content of messages, rewards, and errors as text.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

import mmgym
from mmgym.env import Unsupported
from mmgym.messages import observation_content
from mmgym.pointing import Pointer
from mmgym.spaces import ToolCall, ToolSpace
from mmgym.table import SeatUpdate, Table
from mmgym.trajectory import EpisodeTask

__all__ = ["EnvironmentHost", "Opening", "StepResult", "TaskError", "load_attribute", "put_on"]

logger = logging.getLogger(__name__)


class TaskError(ValueError):
    """An episode cannot be played because of what was asked: an unknown id, level or split, a policy that is not there.

    Unlike a failure of the machinery it would come again in every environment, so it ends the run at once.
    """


@dataclass
class StepResult:
    """What an environment returned, ready to be read by an agent."""

    content: list[dict[str, Any]]
    """Parts of the user message."""
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    info: dict[str, Any] = field(default_factory=dict)
    state_key: str = ""


@dataclass
class Opening:
    """What an episode starts with."""

    first: StepResult
    instruction: str
    """The environment's rules, in words."""
    space: ToolSpace


class EnvironmentHost:
    """Room for one episode at a time. Environments are made on demand and kept for the next episode of their kind.

    Args:
        record_state_keys: whether to compute `state_key` before every answer (needed by step-level credit).
    """

    def __init__(self, record_state_keys: bool = False):
        self.record_state_keys = record_state_keys
        self._made: dict[str, gym.Env[Any, Any]] = {}
        self._env: gym.Env[Any, Any] | None = None
        self._table: Table | None = None
        self._seats: list[gym.Env[Any, Any]] = []
        self._begun: set[int] = set()
        self._random: np.random.Generator = np.random.default_rng()

    def reset(self, task: EpisodeTask) -> Opening:
        """Start the episode of a task.

        Raises:
            TaskError: when there is no such environment, or it refuses its arguments or options.
        """
        with _blame(task, "made", TypeError, ImportError):
            self._env = self._environment(task)
        self._random = np.random.default_rng([task.seed, task.member, task.noise])
        with _blame(task, "reset"):
            observation, info = self._env.reset(seed=task.seed, options=dict(task.options))
        return self._opening(self._result(observation, info))

    def sit(self, tasks: Sequence[EpisodeTask]) -> dict[int, Opening | StepResult]:
        """Start a match: the tasks are its seats.

        Returns:
            By number of the seat, what those are shown that move first.

        Raises:
            TaskError: as `reset` does, and when the tasks are not the seats of one match.
        """
        task = tasks[0]
        with _blame(task, "made", TypeError, ImportError):
            self._seats = [self._environment(one, "at a table") for one in tasks]
            self._table = mmgym.unwrap(self._seats[0]).table(self._seats)
        self._random = np.random.default_rng([task.seed, task.member, task.noise])
        self._begun = set()
        with _blame(task, "reset"):
            updates = self._table.reset(task.seed, dict(task.options))
        return self._shown(updates)

    def move(self, actions: dict[int, Any]) -> dict[int, Opening | StepResult]:
        """Let the seats whose turn it is move.

        Returns:
            By number of the seat, what those are shown whose turn begins: an `Opening` when it is the first.
        """
        assert self._table is not None
        return self._shown(self._table.step(actions))

    def at(self, seat: int, method: str, arguments: tuple[Any, ...]) -> Any:
        """Call a method of this host for a seat of the match."""
        self._env = self._seats[seat]
        return getattr(self, method)(*arguments)

    def _shown(self, updates: Mapping[int, SeatUpdate]) -> dict[int, Opening | StepResult]:
        shown: dict[int, Opening | StepResult] = {}
        for seat, update in updates.items():
            self._env = self._seats[seat]
            result = self._result(update.observation, update.info, update.reward, update.terminated, update.truncated)
            shown[seat] = result if seat in self._begun else self._opening(result)
            self._begun.add(seat)
        return shown

    def _opening(self, first: StepResult) -> Opening:
        assert self._env is not None
        inner = mmgym.unwrap(self._env)
        return Opening(first, inner.instruction, inner.action_space)

    def _environment(self, task: EpisodeTask, use: str = "") -> gym.Env[Any, Any]:
        key = repr((task.env_id, sorted(task.kwargs.items(), key=str), task.wrappers, use))
        if key not in self._made:
            env: gym.Env[Any, Any] = gym.make(task.env_id, disable_env_checker=True, **task.kwargs)
            for wrapper in task.wrappers:
                env = put_on(wrapper, env)
            mmgym.unwrap(env)
            self._made[key] = env
        return self._made[key]

    def step(self, action: Any) -> StepResult:
        """Make one turn."""
        assert self._env is not None
        observation, reward, terminated, truncated, info = self._env.step(action)
        return self._result(observation, info, float(reward), bool(terminated), bool(truncated))

    def expert(self) -> ToolCall:
        """The expert's next call."""
        assert self._env is not None
        return mmgym.unwrap(self._env).expert()

    def points_at(self, *turns: Any) -> list[tuple[Pointer, ...]]:
        """What the calls of each of some actions point at in the pictures shown so far; nothing where it has none."""
        assert self._env is not None
        inner = mmgym.unwrap(self._env)
        valid = [inner.action_space.parse(turn) if inner.action_space.contains(turn) else [] for turn in turns]
        return [tuple(pointer for call in calls for pointer in inner.points_at(call)) for calls in valid]

    def random(self) -> Any:
        """A random valid action; seeded by the task."""
        assert self._env is not None
        return mmgym.unwrap(self._env).action_space.draw(self._random)

    def scripted(self, name: str) -> ToolCall:
        """The next call of a scripted policy ``module:function`` that takes (environment, generator).

        Raises:
            TaskError: when there is no such function.
        """
        assert self._env is not None
        try:
            policy = load_attribute(name)
        except ValueError as error:
            raise TaskError(str(error)) from error
        return policy(mmgym.unwrap(self._env), self._random)

    def ping(self) -> None:
        """Nothing: who gets an answer knows that this process lives."""

    def close(self) -> None:
        """Close the environments; the next episode gets new ones."""
        for env in self._made.values():
            try:
                env.close()
            except Exception:  # one that has failed may fail to close as well; the others must still be closed
                logger.warning("an environment failed to close", exc_info=True)
        self._made.clear()

    def _result(
        self,
        observation: Any,
        info: dict[str, Any],
        reward: float = 0.0,
        terminated: bool = False,
        truncated: bool = False,
    ) -> StepResult:
        assert self._env is not None
        if not math.isfinite(reward):
            raise RuntimeError(f"the reward of a step must be finite; got {reward}")
        content = observation_content(self._env.observation_space, observation)
        key = mmgym.unwrap(self._env).state_key() if self.record_state_keys else ""
        if info["error"]:
            self.close()
        return StepResult(content, reward, terminated, truncated, info, key)


@contextlib.contextmanager
def _blame(task: EpisodeTask, doing: str, *others: type[Exception]) -> Iterator[None]:
    """Turn what a wrong task raises, `others` among it, into a `TaskError`.

    What cannot be decoded is data, such as a server's page of an error: no task is wrong because of it.
    """
    wrong: tuple[type[Exception], ...] = (ValueError, Unsupported, gym.error.Error, *others)
    try:
        yield
    except (json.JSONDecodeError, UnicodeError):
        raise
    except wrong as error:
        raise TaskError(f"{task.env_id} cannot be {doing}: {error}") from error


def put_on(wrapper: str, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """An environment inside a wrapper.

    Args:
        wrapper: ``module:Class``, or ``module:Class {"argument": value}`` with arguments as a JSON object.
        env: the environment.

    Raises:
        ValueError: when there is no such class, or its arguments are no JSON object.
        TypeError: when it does not take these arguments.
    """
    name, _, written = wrapper.partition(" ")
    try:
        arguments = json.loads(written or "{}")
    except ValueError as error:
        raise ValueError(f"arguments of a wrapper must be a JSON object; got {written!r} ({error})") from error
    if not isinstance(arguments, dict):
        raise ValueError(f"arguments of a wrapper must be a JSON object; got {written!r}")
    found: gym.Env[Any, Any] = load_attribute(name)(env, **arguments)
    return found


def load_attribute(name: str) -> Callable[..., Any]:
    """What ``module:attribute`` names.

    Raises:
        ValueError: when it has another form or there is no such attribute.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError(f"expected module:attribute; got {name!r}")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name!r} cannot be loaded: {error}") from error
