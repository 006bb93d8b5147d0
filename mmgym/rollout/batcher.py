"""One agent that answers in batches, seen by many episodes as one that answers each of them.

In lockstep a batch holds every episode that is waiting, in the order of the episodes and not of their arrival, and
is served only when no live episode is still with its environment: that makes a run exact. Otherwise whatever is
waiting is served at once.
"""

from __future__ import annotations

import asyncio

from mmgym.agent import BatchAgent, Conversation, Response

__all__ = ["Batcher"]


class Batcher:
    """A `mmgym.agent.Agent` over a `mmgym.agent.BatchAgent`.

    Args:
        agent: the agent that answers in batches.
        lockstep: wait for every live episode before a batch is served.
    """

    def __init__(self, agent: BatchAgent, lockstep: bool = True):
        self.agent = agent
        self.lockstep = lockstep
        self._live: set[int] = set()
        self._waiting: dict[int, tuple[Conversation, asyncio.Future[Response]]] = {}
        self._scheduled = False

    def begin(self, key: int) -> None:
        """An episode takes part from now on."""
        self._live.add(key)

    def finish(self, key: int) -> None:
        """An episode takes part no more."""
        self._live.discard(key)
        self._waiting.pop(key, None)
        self._check()

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[conversation.key] = (conversation, future)
        self._check()
        return await future

    def end(self, conversation: Conversation) -> None:
        """An episode is over."""
        self.agent.end(conversation)

    def _check(self) -> None:
        ready = bool(self._waiting) and (not self.lockstep or len(self._waiting) == len(self._live))
        if ready and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._scheduled = False
        if not self._waiting or (self.lockstep and len(self._waiting) < len(self._live)):
            return
        batch = [self._waiting.pop(key) for key in sorted(self._waiting)]
        try:
            responses = self.agent.act_batch([conversation for conversation, _ in batch])
        except Exception as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), response in zip(batch, responses, strict=True):
            if not future.done():
                future.set_result(response)
