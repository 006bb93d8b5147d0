"""An agent that answers from replicas on a Ray cluster: each holds a copy of the policy, and takes its weights.

An episode stays with one replica, which keeps what it has computed of it (caches of keys and values, of pictures).
What was already sent is not sent again, in neither direction. A replica that is lost costs the episodes it was in: they
are played again (`NeighbourFailure`), and another replica starts with the weights of the time.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

import mmgym
from mmgym.agent import Agent, BatchAgent, Conversation, Response
from mmgym.rollout.batcher import Batcher
from mmgym.rollout.ray_actor import Actor, Introduced, RayConfig, connect, reason_of
from mmgym.rollout.worker import NeighbourFailure, WorkerUnavailable

if TYPE_CHECKING:
    import torch

__all__ = ["RayAgent", "RayReplicas", "Replicated"]

logger = logging.getLogger(__name__)
_numbers = itertools.count()
_AT_ONCE = 10_000
"""Conversations that one replica may be asked about at the same time."""


class Replicated(Protocol):
    """What a replica holds. It is made where the replica runs."""

    @property
    def agents(self) -> Mapping[str, Agent | BatchAgent]:
        """Agents that share weights, by name."""
        ...

    def load(self, weights: dict[str, torch.Tensor], version: int) -> None:
        """Take new weights and tell the agents."""
        ...


class RayReplicas:
    """Replicas of what a factory makes.

    Args:
        factory: makes what a replica holds; called there.
        weights: gives the weights that replicas shall have; called in this process, before the first answer and before
            the next one after `RayAgent.weights_changed`.
        config: how many there are and what they need.

    Raises:
        ImportError: where Ray is not installed.
        OSError: when there is no cluster at the address.
    """

    def __init__(
        self,
        factory: Callable[[], Replicated],
        weights: Callable[[], Mapping[str, torch.Tensor]],
        config: RayConfig,
    ):
        connect(config)
        self.config = config
        self.lost = 0
        """Replicas that were lost so far."""
        self._weights, self._version = weights, 0
        self._snapshot: _Snapshot | None = None
        make = functools.partial(_make, factory, config)
        self._replicas = [_Replica(Actor(make, config.start_seconds)) for _ in range(config.replicas)]

    def agent(self, name: str) -> RayAgent:
        """The agent of a name, wherever it answers."""
        return RayAgent(self, name)

    def weights_changed(self, version: int) -> None:
        """The replicas take the weights anew before they answer again."""
        self._version, self._snapshot = version, None

    def _weights_now(self) -> _Snapshot:
        import ray

        if self._snapshot is None:
            packed = {name: _packed(tensor) for name, tensor in self._weights().items()}
            self._snapshot = _Snapshot(ray.put(packed), self._version)
        return self._snapshot

    async def choose(self) -> _Replica:
        """The replica that runs and has the fewest episodes.

        Raises:
            WorkerUnavailable: when none can run.
        """
        running = [replica for replica in self._replicas if replica.actor.running]
        if not running:
            found = await asyncio.gather(*(one.actor.up() for one in self._replicas), return_exceptions=True)
            running = [replica for replica in self._replicas if replica.actor.running]
            if not running:
                reasons = [reason for reason in found if isinstance(reason, BaseException)]
                raise next(iter(reasons), WorkerUnavailable("every replica was lost as soon as it ran"))
        for replica in self._replicas:
            replica.actor.start()
        return min(running, key=lambda replica: replica.episodes)

    async def ask(self, replica: _Replica, name: str, request: bytes) -> bytes:
        """The answer of a replica that has the latest weights.

        Raises:
            NeighbourFailure: when it is lost, or silent for too long.
        """
        from ray.exceptions import RayError, RayTaskError

        generation = replica.generation
        try:
            async with asyncio.timeout(self.config.answer_seconds):
                await asyncio.shield(asyncio.wrap_future(replica.load(self._weights_now())))
                if replica.generation != generation:
                    raise NeighbourFailure("the replica that knew the episode was lost")
                return await asyncio.wrap_future(replica.actor.handle.act.remote(name, request).future())
        except RayTaskError:
            raise  # what the agent raised, as it raised it: it ends the run here as it does without a cluster
        except (RayError, TimeoutError) as error:
            said = "it was silent" if isinstance(error, TimeoutError) else reason_of(error)
            if replica.generation == generation:
                self._replace(replica, said)
            raise NeighbourFailure(f"the replica that knew the episode was lost: {said}") from error

    def _replace(self, replica: _Replica, reason: str) -> None:
        self.lost += 1
        logger.warning("a replica was lost with %d episodes in it: %s", replica.episodes, reason)
        replica.lose()
        replica.actor.start()

    def close(self) -> None:
        """End all replicas."""
        for replica in self._replicas:
            replica.actor.kill()


class RayAgent:
    """A `mmgym.agent.Agent` that answers in replicas; it cannot ask the environment for anything.

    Args:
        replicas: where.
        name: which of the agents there.
    """

    def __init__(self, replicas: RayReplicas, name: str):
        self._replicas, self._name = replicas, name
        self._seats: dict[int, _Seat] = {}

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message.

        Raises:
            NeighbourFailure: when the replica that knows the episode is lost.
            WorkerUnavailable: when no replica can run.
        """
        seat = self._seats.get(conversation.key)
        if seat is None:
            replica = await self._replicas.choose()
            seat = self._seats[conversation.key] = _Seat(next(_numbers), replica, replica.generation)
            replica.episodes += 1
        if seat.generation != seat.replica.generation:
            raise NeighbourFailure("the replica that knew the episode was lost")
        request = pickle.dumps(seat.news(conversation), pickle.HIGHEST_PROTOCOL)
        response, pixels = pickle.loads(await self._replicas.ask(seat.replica, self._name, request))
        found = tuple(seat.shown[one] if isinstance(one, int) else one for one in pixels)
        return replace(response, pixels=found)

    def end(self, conversation: Conversation) -> None:
        """The episode is over."""
        seat = self._seats.pop(conversation.key, None)
        if seat is not None and seat.generation == seat.replica.generation:
            seat.replica.episodes -= 1
            seat.replica.actor.handle.end.remote(self._name, seat.number)

    def weights_changed(self, version: int) -> None:
        """The weights are new: replicas take them before they answer again, once for all their agents."""
        self._replicas.weights_changed(version)

    def close(self) -> None:
        """End the replicas, with all their agents."""
        self._replicas.close()


@dataclass
class _Snapshot:
    """Weights that were put into the object store once, for all replicas."""

    reference: Any
    version: int


class _Replica:
    """One replica as this process sees it."""

    def __init__(self, actor: Actor):
        self.actor = actor
        self.generation = 0
        self.episodes = 0
        self._snapshot: _Snapshot | None = None
        self._loaded: Future[None] = Future()

    def load(self, snapshot: _Snapshot) -> Future[None]:
        """Send weights, unless it has them; done when it has."""
        if self._snapshot is not snapshot:
            self._snapshot = snapshot
            self._loaded = self.actor.handle.load.remote(snapshot.reference, snapshot.version).future()
        return self._loaded

    def lose(self) -> None:
        """It is gone, and so is what it knew."""
        self.actor.kill()
        self.generation += 1
        self.episodes, self._snapshot = 0, None


@dataclass
class _Seat:
    """An episode's place in a replica."""

    number: int
    """The episode's key there; those of the executor come again in its next run."""
    replica: _Replica
    generation: int
    sent: int = 0
    """Messages that it knows."""
    shown: list[np.ndarray] = field(default_factory=list)
    """The pictures of these messages, in order."""

    def news(self, conversation: Conversation) -> Conversation:
        """The conversation without the messages that the replica knows."""
        fresh = conversation.messages[self.sent :]
        self.sent = len(conversation.messages)
        self.shown += _pictures(fresh)
        return replace(conversation, key=self.number, messages=fresh, environment=None)


def _make(factory: Callable[[], Replicated], config: RayConfig) -> Any:
    import ray

    options = {**config.replica.options(), "scheduling_strategy": "SPREAD", "max_restarts": 0}
    return ray.remote(_ReplicaActor).options(max_concurrency=_AT_ONCE, **options).remote(mmgym.__version__, factory)


class _ReplicaActor(Introduced):
    """What runs on a node: an actor with an event loop, in which all its conversations wait together."""

    def __init__(self, version: str, factory: Callable[[], Replicated]):
        super().__init__(version)
        self._held = factory()
        self._agents: dict[str, Agent] = {
            name: Batcher(cast(BatchAgent, agent), lockstep=False) if hasattr(agent, "act_batch") else agent
            for name, agent in self._held.agents.items()
        }
        self._known: dict[int, Conversation] = {}

    async def act(self, name: str, request: bytes) -> bytes:
        """The response to a conversation of which the news came; pictures of its messages by their number."""
        news: Conversation = pickle.loads(request)
        known = self._known.setdefault(news.key, replace(news, messages=[]))
        known.messages += news.messages
        known.feedback = news.feedback
        response = await self._agents[name].act(known)
        number = {id(picture): index for index, picture in enumerate(_pictures(known.messages))}
        pixels = tuple(number.get(id(one), one) for one in response.pixels)
        return pickle.dumps((replace(response, pixels=()), pixels), pickle.HIGHEST_PROTOCOL)

    async def end(self, name: str, number: int) -> None:
        """Forget an episode."""
        known = self._known.pop(number, None)
        if known is not None:
            self._agents[name].end(known)

    async def load(self, packed: dict[str, tuple[np.ndarray, str, tuple[int, ...]]], version: int) -> None:
        """Take weights."""
        self._held.load({name: _unpacked(*one) for name, one in packed.items()}, version)


def _pictures(messages: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    return [part["image"] for message in messages for part in message["content"] if part["type"] == "image"]


def _packed(tensor: torch.Tensor) -> tuple[np.ndarray, str, tuple[int, ...]]:
    """Bytes, type and shape: numpy knows no bfloat16, and Ray shares arrays without copying them."""
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy(), str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)


def _unpacked(data: np.ndarray, dtype: str, shape: tuple[int, ...]) -> torch.Tensor:
    import torch

    # A copy: what lies in the object store may not be written to, and torch would let it.
    return torch.from_numpy(data.copy()).view(getattr(torch, dtype)).reshape(shape)
