"""Episodes of coming iterations, played in a thread of its own while the learner works.

Every iteration learns from its own groups, those it would have in turn, whichever are done first: short episodes are
not preferred, and no group is learned from twice. With a staleness of s the tasks of iteration k are handed over right
after the weights of version k - s; both are taken in the order in which they were handed over, and an episode that has
begun only ever meets newer weights. So no token is older than s versions when it is learned from, and no more than
s + 1 iterations are being played or waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mmgym.agent import Agent, BatchAgent, Conversation, Policy, Response, TrainableAgent
from mmgym.learn.experience.replay import trajectories_from_text, trajectories_to_text
from mmgym.rollout import Executor, Rollout
from mmgym.trajectory import EpisodeTask, ImageStore, Segment, Status, Trajectory, Turn, segments

__all__ = ["RolloutsAhead", "Waiting", "staleness"]

logger = logging.getLogger(__name__)
_PROBES = 16
"""Answers that are kept of each version for the guard: enough to show weights or caches of another version."""
_PATIENCE = 60.0
"""Seconds that the end of a run waits for the answer that is being sampled."""


@dataclass
class Waiting:
    """The episodes of one iteration as a checkpoint holds them."""

    step: int
    """The iteration."""
    played: list[Trajectory]
    """Those that have ended."""
    open: list[EpisodeTask]
    """Those that are to be played, from their start."""
    images: ImageStore
    """The pictures of those that have ended."""

    def pack(self) -> dict[str, Any]:
        """As a checkpoint holds it; an episode that is to be played as a trajectory without turns."""
        return {
            "step": self.step,
            "played": trajectories_to_text(self.played, self.images),
            "open": trajectories_to_text([Trajectory(task) for task in self.open], ImageStore()),
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Waiting:
        """The inverse of `pack`."""
        played, images = trajectories_from_text(packed["played"])
        tasks = [trajectory.task for trajectory in trajectories_from_text(packed["open"])[0]]
        return cls(packed["step"], played, tasks, images)

    @classmethod
    def together(cls, parts: Sequence[Waiting]) -> Waiting:
        """The parts of several processes as one."""
        images = ImageStore()
        for part in parts:
            images.update(part.images)
        played = [trajectory for part in parts for trajectory in part.played]
        return cls(parts[0].step, played, [task for part in parts for task in part.open], images)

    def of(self, chosen: Callable[[int], bool]) -> Waiting:
        """Those of some groups."""
        played = [trajectory for trajectory in self.played if chosen(trajectory.task.group)]
        return Waiting(self.step, played, [task for task in self.open if chosen(task.group)], self.images)


@dataclass
class _Iteration:
    """The episodes of one iteration."""

    spares: list[list[EpisodeTask]]
    """Groups that may replace lost ones."""
    rollout: Rollout = field(default_factory=lambda: Rollout([], ImageStore()))
    open: dict[int, EpisodeTask] = field(default_factory=dict)
    """Those that have not ended, by their key."""
    lost: set[int] = field(default_factory=set)
    """Groups that lost an episode to the machinery."""

    @property
    def whole(self) -> int:
        """Groups all of whose episodes have ended."""
        return len({t.task.group for t in self.rollout.trajectories} - {task.group for task in self.open.values()})


class RolloutsAhead:
    """Plays episodes with weights of its own.

    Args:
        executor: plays; it is used by the thread alone, and closed in the end.
        policy: the policy that learns.
        make_sampler: from a policy to the agent that samples from it.
        most: most episodes at once, 0 where there are more processes than groups.
    """

    def __init__(
        self,
        executor: Executor,
        policy: Policy,
        make_sampler: Callable[[Policy], TrainableAgent],
        most: int,
    ):
        # one without groups of its own waits for some all the same: it may get others' when a run is resumed
        self.executor, self.policy, self.most = executor, policy, max(1, most)
        self._copy = policy.clone()
        self._sampler = make_sampler(self._copy)
        self._version = -1
        self._keys = itertools.count()
        self._iterations: dict[int, _Iteration] = {}
        self._owner: dict[int, _Iteration] = {}
        self._queue: asyncio.PriorityQueue[tuple[int, int]] = asyncio.PriorityQueue()
        """Iteration and key of what nobody plays yet."""
        self._probes: list[Turn] = []
        self._probe_images = ImageStore()
        self._live, self._since, self._playing = 0, 0.0, 0.0
        self._changed = threading.Condition()
        """Guards what both threads use; notified whenever somebody may be waiting for it."""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        """What has ended the thread."""
        self._failure: BaseException | None = None
        """What ends it, once what is being played is given up."""

    # --- the learner's side ------------------------------------------------------------------------------------------

    def publish(self, version: int) -> None:
        """Hand over the weights as they are now; does not wait until they are taken.

        Raises:
            BaseException: what has ended the thread.
        """
        weights = {name: weight.detach().clone() for name, weight in _trained(self.policy)}
        self._hand_over(self._take, version, weights)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rollouts", daemon=True)
            self._thread.start()
            with self._changed:
                self._changed.wait_for(lambda: self._loop or self._error)

    def begin(
        self,
        step: int,
        tasks: Iterable[EpisodeTask],
        spares: Sequence[list[EpisodeTask]] = (),
        done: Waiting | None = None,
    ) -> None:
        """Hand over episodes of an iteration.

        Args:
            step: the iteration; earlier ones are played first.
            tasks: what to play.
            spares: groups, each of which is played in place of one that lost an episode to the machinery.
            done: episodes that ended before the run was stopped.

        Raises:
            BaseException: what has ended the thread.
        """
        iteration = _Iteration(list(spares))
        if done:
            iteration.rollout = Rollout(list(done.played), done.images)
            iteration.lost = {t.task.group for t in done.played if t.status is Status.ENV_ERROR}
        with self._changed:
            self._iterations[step] = iteration
            keys = self._add(iteration, tasks)
        self._hand_over(self._enqueue, step, keys)

    def collect(self, step: int) -> Rollout:
        """The episodes of an iteration, in the order of their groups and members; waits until all have ended.

        Raises:
            BaseException: what has ended the thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._error or not self._iterations[step].open)
            self._check()
            rollout = self._iterations.pop(step).rollout
        rollout.trajectories.sort(key=lambda trajectory: (trajectory.task.group, trajectory.task.member))
        return rollout

    def probe(self, version: int) -> tuple[list[Segment], ImageStore]:
        """Some answers that the weights of a version sampled, each after its whole prompt; waits for the first one.

        Nothing is returned where nothing is left to be played.

        Raises:
            BaseException: what has ended the thread.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._error or (self._version >= version and (self._probes or not self._owner))
            )
            self._check()
            turns, images = list(self._probes), ImageStore()
            images.update(self._probe_images)
        return [part for turn in turns for part in segments(Trajectory(EpisodeTask("", 0), [turn]))], images

    def waiting(self) -> list[Waiting]:
        """All that is being played or waits to be learned from, for a checkpoint."""
        with self._changed:
            found = []
            for step, iteration in sorted(self._iterations.items()):
                images = ImageStore()
                images.update(iteration.rollout.images)
                found.append(Waiting(step, list(iteration.rollout.trajectories), list(iteration.open.values()), images))
        return found

    @property
    def whole_groups(self) -> int:
        """Groups that wait to be learned from."""
        with self._changed:
            return sum(iteration.whole for iteration in self._iterations.values())

    @property
    def seconds_playing(self) -> float:
        """Seconds so far in which at least one episode was being played."""
        with self._changed:
            return self._playing + (time.perf_counter() - self._since if self._live else 0.0)

    def close(self) -> None:
        """End the thread, its environments and their workers; what is being played is given up."""
        if self._thread is None:
            self.executor.close()
            return
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            if self._loop and self._task:
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            logger.warning("an answer or an environment takes longer than %g s: its thread is left behind", _PATIENCE)

    def _hand_over(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the thread, between two answers; at once while there is no thread yet."""
        with self._changed:
            self._check()
        if self._loop is None:
            function(*arguments)
            return
        try:
            self._loop.call_soon_threadsafe(self._receive, function, *arguments)
        except RuntimeError:  # the loop has closed since
            assert self._thread is not None
            self._thread.join()
            self._check()
            raise

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    # --- the thread's side -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        error: BaseException = RuntimeError("the rollouts have been closed")
        try:
            device = next(self._copy.model.parameters()).device
            if device.type == "cuda":
                torch.cuda.set_device(device)  # a new thread starts with the first one
            asyncio.run(self._play())
        except asyncio.CancelledError:
            error = self._failure or error
        except BaseException as problem:
            error = problem
        finally:
            try:
                self.executor.close()
                if hasattr(self._sampler, "close"):  # the engine of the copy
                    self._sampler.close()
            finally:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()

    async def _play(self) -> None:
        with self._changed:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            self._changed.notify_all()
        await self.executor.stream(self, _noting(self._sampler, self._note), self.most)

    def _receive(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call what was handed over; an error, which the loop would only log, ends the thread."""
        try:
            function(*arguments)
        except BaseException as error:
            assert self._task is not None
            self._failure = self._failure or error
            self._task.cancel()

    @torch.no_grad()
    def _take(self, version: int, weights: dict[str, torch.Tensor]) -> None:
        for name, weight in _trained(self._copy):
            weight.copy_(weights[name])
        self._sampler.weights_changed(version)
        with self._changed:
            self._version, self._probes, self._probe_images = version, [], ImageStore()
            self._changed.notify_all()

    def _add(self, iteration: _Iteration, tasks: Iterable[EpisodeTask]) -> list[int]:
        added = {next(self._keys): task for task in tasks}
        iteration.open |= added
        self._owner |= dict.fromkeys(added, iteration)
        return list(added)

    def _enqueue(self, step: int, keys: Iterable[int]) -> None:
        for key in keys:
            self._queue.put_nowait((step, key))

    async def next(self) -> tuple[int, EpisodeTask, Rollout]:
        """The next episode; see `mmgym.rollout.executor.EpisodeSource`."""
        _, key = await self._queue.get()
        with self._changed:
            self._tick(1)
            iteration = self._owner[key]
            return key, iteration.open[key], iteration.rollout

    def ended(self, key: int, trajectory: Trajectory) -> None:
        """Keep the trajectory; where it spoilt its group, another group is played in its place."""
        with self._changed:
            self._tick(-1)
            iteration = self._owner.pop(key)
            group = iteration.open.pop(key).group
            iteration.rollout.trajectories.append(trajectory)
            if trajectory.status is Status.ENV_ERROR and group not in iteration.lost:
                iteration.lost.add(group)
                if iteration.spares:
                    step = next(step for step, one in self._iterations.items() if one is iteration)
                    self._enqueue(step, self._add(iteration, iteration.spares.pop(0)))
            self._changed.notify_all()

    def _tick(self, change: int) -> None:
        now = time.perf_counter()
        if self._live:
            self._playing += now - self._since
        self._since, self._live = now, self._live + change

    def _note(self, response: Response) -> None:
        """Keep an answer for the guard, if it can be read without those before it."""
        if response.extends or response.version != self._version or len(self._probes) >= _PROBES:
            return
        if response.prompt_ids is None or response.sampled_ids is None or response.logprobs is None:
            return
        turn = Turn(
            response.prompt_ids,
            response.images,
            response.sampled_ids,
            response.logprobs,
            extends=False,
            text=response.text,
            version=response.version,
        )
        with self._changed:
            for pixels in response.pixels:
                self._probe_images.add(pixels)
            self._probes.append(turn)
            self._changed.notify_all()


def staleness(trajectories: Sequence[Trajectory], version: int) -> tuple[np.ndarray, np.ndarray]:
    """By how many versions the weights that sampled are behind those that learn.

    Args:
        trajectories: what is learned from.
        version: of the weights that learn.

    Returns:
        Of each turn: versions, and sampled tokens; int64 (turns of all trajectories,) each.
    """
    turns = [turn for trajectory in trajectories for turn in trajectory.turns]
    ages = np.array([version - turn.version for turn in turns], np.int64)
    return ages, np.array([len(turn.sampled_ids) for turn in turns], np.int64)


def _trained(policy: Policy) -> Iterable[tuple[str, torch.nn.Parameter]]:
    """What a learner changes, each weight once."""
    return ((name, weight) for name, weight in policy.model.named_parameters() if weight.requires_grad)


class _Batches:
    """A `BatchAgent` whose answers are noted."""

    def __init__(self, agent: BatchAgent, note: Callable[[Response], None]):
        self._agent, self._note, self.end = agent, note, agent.end

    def act_batch(self, conversations: Sequence[Conversation]) -> list[Response]:
        responses = self._agent.act_batch(conversations)
        for response in responses:
            self._note(response)
        return responses


class _Answers:
    """An `Agent` whose answers are noted."""

    def __init__(self, agent: Agent, note: Callable[[Response], None]):
        self._agent, self._note, self.end = agent, note, agent.end

    async def act(self, conversation: Conversation) -> Response:
        response = await self._agent.act(conversation)
        self._note(response)
        return response


def _noting(agent: Any, note: Callable[[Response], None]) -> Agent | BatchAgent:
    return _Batches(agent, note) if hasattr(agent, "act_batch") else _Answers(agent, note)
