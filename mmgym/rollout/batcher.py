"""One agent that answers in batches, seen by many episodes as one that answers each of them.

In lockstep a batch holds every episode that is waiting, in the order of the episodes and not of their arrival, and
is served only when no taker of episodes is still with its environment: that makes a run exact. Otherwise whatever is
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
        lockstep: wait for every live slot before a batch is served.
    """

    def __init__(self, agent: BatchAgent, lockstep: bool = True):
        self.agent = agent
        self.lockstep = lockstep
        self._live: set[int] = set()
        self._waiting: dict[int, tuple[Conversation, asyncio.Future[Response]]] = {}
        self._scheduled = False

    def begin(self, slot: int) -> None:
        """A slot takes part from now on: it plays episodes, one after the other."""
        self._live.add(slot)

    def finish(self, slot: int) -> None:
        """A slot has no more episodes to play."""
        self._live.discard(slot)
        self._check()

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[conversation.key] = (conversation, future)
        self._check()
        try:
            return await future
        finally:
            self._waiting.pop(conversation.key, None)

    def end(self, conversation: Conversation) -> None:
        """An episode is over."""
        self.agent.end(conversation)

    def _ready(self) -> bool:
        return bool(self._waiting) and (not self.lockstep or len(self._waiting) >= len(self._live))

    def _check(self) -> None:
        if self._ready() and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._scheduled = False
        if not self._ready():
            return
        batch = [self._waiting.pop(key) for key in sorted(self._waiting)]
        batch = [(conversation, future) for conversation, future in batch if not future.done()]
        if not batch:
            return
        try:
            responses = self.agent.act_batch([conversation for conversation, _ in batch])
            if len(responses) != len(batch):
                raise ValueError(
                    f"act_batch must return one response each: {len(batch)} expected, {len(responses)} came"
                )
        except BaseException as error:
            # an error that stayed in this callback would leave every episode waiting for ever
            for _, future in batch:
                future.set_exception(error if isinstance(error, Exception) else RuntimeError(f"interrupted: {error!r}"))
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), response in zip(batch, responses, strict=True):
            future.set_result(response)
