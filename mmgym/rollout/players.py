"""Who answers in which episode: the agent that is run, and at the tables of a match other players by name."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Container, Iterable, Mapping
from typing import Any, cast

from mmgym.agent import Agent, BatchAgent, Conversation, Response
from mmgym.env import Unsupported, choose
from mmgym.rollout.batcher import Batcher
from mmgym.rollout.host import TaskError
from mmgym.rollout.worker import WorkerFailure
from mmgym.spaces import shorten
from mmgym.trajectory import EpisodeTask

__all__ = ["Players"]

logger = logging.getLogger(__name__)


class Players:
    """A `mmgym.agent.Agent` that asks the agent of an episode's player.

    A failure of the agent that is run is an error and ends the run. Another player that fails, or does not answer in
    time, has given no answer in that turn: the rules of the game say what that means, and the match stays valid.

    Args:
        agent: the agent that is run.
        others: other players by `EpisodeTask.player`.
        lockstep: as `Batcher` has it.
        patience: seconds in which another player that answers one at a time must have answered.
        trusted: names of other players whose failure is an error, too.

    Raises:
        ValueError: for what is no agent, naming the method that it lacks.
    """

    def __init__(
        self,
        agent: Agent | BatchAgent,
        others: Mapping[str, Agent | BatchAgent],
        lockstep: bool,
        patience: float,
        trusted: Container[str] = (),
    ):
        named = {"": agent, **others}
        for one in named.values():
            _check_agent(one)
        batched = {name: cast(BatchAgent, one) for name, one in named.items() if hasattr(one, "act_batch")}
        self._alone = {name: cast(Agent, one) for name, one in named.items() if name not in batched}
        self._batcher = Batcher(batched.pop("", None), lockstep, batched, trusted)
        self._names, self._patience, self._trusted = tuple(named), patience, trusted

    def check(self, tasks: Iterable[EpisodeTask]) -> None:
        """See that every task has a player.

        Raises:
            ValueError: for one that there is not.
        """
        for task in tasks:
            choose("player", task.player, self._names)

    def begin(self, slot: int, seats: Iterable[EpisodeTask] = ()) -> None:
        """A slot takes part from now on.

        Args:
            slot: its number.
            seats: who is asked at once, where that is known.
        """
        waiting = sum(task.player not in self._alone for task in seats)
        self._batcher.begin(slot, max(1, waiting))

    def finish(self, slot: int) -> None:
        """A slot has no more episodes to play."""
        self._batcher.finish(slot)

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message."""
        player = conversation.task.player
        if player not in self._alone:
            return await self._batcher.act(conversation)
        answer: Any = self._alone[player].act(conversation)
        if not inspect.isawaitable(answer):
            kind = type(self._alone[player]).__name__
            raise TypeError(f"{kind}.act must be a coroutine (async def); it returned {shorten(answer)}")
        if not player or player in self._trusted:
            return await answer
        try:
            return await asyncio.wait_for(answer, self._patience)
        except (WorkerFailure, TaskError, Unsupported):
            raise  # of its environment, not of the player
        except Exception:
            logger.warning("player %s failed: it has given no answer", player, exc_info=True)
            return Response("")

    def end(self, conversation: Conversation) -> None:
        """An episode is over."""
        agent: Any = self._alone.get(conversation.task.player, self._batcher)
        agent.end(conversation)


def _check_agent(agent: object) -> None:
    acts = [name for name in ("act", "act_batch") if callable(getattr(agent, name, None))]
    lacks = [*([] if acts else ["act or act_batch"]), *([] if callable(getattr(agent, "end", None)) else ["end"])]
    if lacks:
        raise ValueError(f"{type(agent).__name__} is no mmgym.agent.Agent: it has no method {' and no '.join(lacks)}")
