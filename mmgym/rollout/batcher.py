"""Agents that answer in batches, seen by many episodes as ones that answer each of them.

In lockstep a batch holds every episode that is waiting, in the order of the episodes and not of their arrival, and
is served only when no taker of episodes is still with its environment: that makes a run exact. Otherwise whatever is
waiting is served at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Mapping

from mmgym.agent import BatchAgent, Conversation, Response

__all__ = ["Batcher"]

logger = logging.getLogger(__name__)


class Batcher:
    """A `mmgym.agent.Agent` over one `mmgym.agent.BatchAgent`, or several, each for the episodes of its player.

    Args:
        agent: the agent that answers in batches.
        lockstep: wait for every live slot before a batch is served.
        others: further ones, by `EpisodeTask.player`. One that fails has given no answer; the run goes on.
        trusted: those of them whose failure is an error.
    """

    def __init__(
        self,
        agent: BatchAgent | None,
        lockstep: bool = True,
        others: Mapping[str, BatchAgent] | None = None,
        trusted: Container[str] = (),
    ):
        self.agents = {**({} if agent is None else {"": agent}), **(others or {})}
        self._trusted = trusted
        self.lockstep = lockstep
        self._live: dict[int, int] = {}
        self._waiting: dict[int, tuple[Conversation, asyncio.Future[Response]]] = {}
        self._scheduled = False

    def begin(self, slot: int, seats: int = 1) -> None:
        """A slot takes part from now on: it plays episodes, one after the other.

        Args:
            slot: its number.
            seats: how many of its seats ask at once, from now on.
        """
        self._live[slot] = seats

    def finish(self, slot: int) -> None:
        """A slot has no more episodes to play."""
        self._live.pop(slot, None)
        self._check()

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[conversation.key] = (conversation, future)
        self._check()
        try:
            return await future
        finally:
            if self._waiting.get(conversation.key, (None, None))[1] is future:
                del self._waiting[conversation.key]

    def end(self, conversation: Conversation) -> None:
        """An episode is over."""
        self.agents[conversation.task.player].end(conversation)

    def _ready(self) -> bool:
        return bool(self._waiting) and (not self.lockstep or len(self._waiting) >= sum(self._live.values()))

    def _check(self) -> None:
        if self._ready() and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._scheduled = False
        if not self._ready():
            return
        batch = [self._waiting.pop(key) for key in sorted(self._waiting)]
        for player in sorted({conversation.task.player for conversation, _ in batch}):
            self._answer(player, [one for one in batch if one[0].task.player == player and not one[1].done()])

    def _answer(self, player: str, batch: list[tuple[Conversation, asyncio.Future[Response]]]) -> None:
        """Ask one agent."""
        if not batch:
            return
        try:
            responses = self.agents[player].act_batch([conversation for conversation, _ in batch])
            if len(responses) != len(batch):
                raise ValueError(
                    f"act_batch must return one response each: {len(batch)} expected, {len(responses)} came"
                )
        except BaseException as error:
            if player and player not in self._trusted and isinstance(error, Exception):
                logger.warning("player %s failed: it has given no answer", player, exc_info=True)
                responses = [Response("") for _ in batch]
            else:
                self._fail(batch, error)
                return
        for (_, future), response in zip(batch, responses, strict=True):
            future.set_result(response)

    def _fail(self, batch: list[tuple[Conversation, asyncio.Future[Response]]], error: BaseException) -> None:
        """Hand an error to all that wait: one that stayed in a callback would leave them waiting for ever."""
        for _, future in batch:
            future.set_exception(error if isinstance(error, Exception) else RuntimeError(f"interrupted: {error!r}"))
        if not isinstance(error, Exception):
            raise error
