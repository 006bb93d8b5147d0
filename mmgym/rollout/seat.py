"""One agent's part of an episode: what it is shown and answers, as its conversation and its trajectory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mmgym.agent import Agent, Conversation, Response
from mmgym.env import Unsupported
from mmgym.formats import parse
from mmgym.messages import NATIVE, opening, user_message
from mmgym.rewards import terms_of
from mmgym.rollout.host import Opening, StepResult
from mmgym.rollout.pictures import Pictures
from mmgym.rollout.worker import WorkerFailure
from mmgym.spaces import InvalidAction, ToolCall, ToolSpace
from mmgym.trajectory import ImageRef, ImageStore, Observed, Status, Trajectory, Turn

if TYPE_CHECKING:
    from mmgym.rollout.executor import EnvironmentHandle, RolloutConfig

__all__ = ["Seat"]

_REMEMBERED_CHARACTERS = 200
_NO_IDS = np.zeros(0, np.int32)
_NO_LOGPROBS = np.zeros(0, np.float32)


@dataclass
class _Asked:
    """What an agent has answered, until it is known what came of it."""

    response: Response
    action: Any
    images: tuple[ImageRef, ...]
    observed: Observed | None
    state_key: str
    seconds: float
    since: float


class Seat:
    """One agent in one episode.

    Args:
        key: number of the conversation.
        trajectory: gets its turns.
        start: what the episode starts with.
        environment: the environment, for agents that read its state.
        images: where pictures are stored.
        config: how answers are written and what is recorded.
    """

    def __init__(
        self,
        key: int,
        trajectory: Trajectory,
        start: Opening,
        environment: EnvironmentHandle,
        images: ImageStore,
        config: RolloutConfig,
    ):
        self.trajectory, self.result = trajectory, start.first
        self.exhausted = False
        """Whether the conversation no longer fits the agent's context: it is not asked any more."""
        self._config, self._space, self._environment, self._images = config, start.space, environment, images
        self._pictures = Pictures(trajectory.task, images)
        self._asked: _Asked | None = None
        self.conversation = Conversation(
            key, trajectory.task, start.space, instruction=start.instruction, environment=environment
        )
        self.conversation.messages += opening(start.instruction, start.space, config.format, config.prompt)
        self.conversation.tools = start.space.schemas() if config.format == NATIVE else []
        trajectory.info |= {name: start.first.info[name] for name in ("level", "split", "expert_steps")}
        _check(start.first)

    @property
    def over(self) -> bool:
        """Whether the episode has ended for this agent."""
        return self.result.terminated or self.result.truncated

    async def answer(self, agent: Agent) -> Any:
        """Show what there is to see, and ask.

        Returns:
            The action; None when the agent is `exhausted`.
        """
        conversation, result = self.conversation, self.result
        conversation.messages.append(user_message(self._pictures.show(result.content, conversation.turn)))
        observed = await self._observed() if self._config.record_observations else None
        before = time.perf_counter()
        response = await agent.act(conversation)
        if response.exhausted:
            self.exhausted = True
            if self.trajectory.turns:
                self.trajectory.turns[-1].truncated = True
            return None
        answer = {"role": "assistant", "content": [{"type": "text", "text": response.text}]}
        conversation.messages.append(answer)
        seconds = time.perf_counter() - before
        seen = self._pictures.keep(response)
        action = self._action(response)
        if observed:
            pointed = await self._environment.points_at(action, list(observed.expert))
            observed.pointers, observed.expert_pointers = pointed
        self._asked = _Asked(response, action, seen, observed, result.state_key, seconds, time.perf_counter())
        return action

    def take(self, result: StepResult) -> None:
        """Note what came of the answer.

        Raises:
            WorkerFailure: when the environment says that its machinery has failed.
        """
        _check(result)
        asked, turns = self._asked, self.trajectory.turns
        self._asked, self.result = None, result
        if asked:
            self.conversation.feedback.append(result.info["feedback"])
            turn = _turn(asked, result)
            turn.calls, turn.observed = _calls(asked.action), asked.observed
            turn.seconds_model, turn.seconds_env = asked.seconds, time.perf_counter() - asked.since
            turns.append(turn)
        elif turns:  # an exhausted agent, at a table at which the others have gone on
            turns[-1].reward += result.reward
            for name, value in terms_of(result.info).items():
                if name not in ("valid", "effective"):  # of the turns of others
                    turns[-1].terms[name] = turns[-1].terms.get(name, 0.0) + value

    def finish(self) -> None:
        """Note how the episode ended."""
        result, trajectory = self.result, self.trajectory
        trajectory.success = self.conversation.success = bool(result.info["success"])
        trajectory.status = Status.TERMINATED if result.terminated else Status.TRUNCATED
        shown = [part["image"] for part in result.content if part["type"] == "image"]
        trajectory.final_image = self._images.add(shown[-1]) if shown else None

    def _action(self, response: Response) -> Any:
        if response.action is not None:
            return response.action
        read = _read if len(response.text) <= _REMEMBERED_CHARACTERS else _read.__wrapped__
        return read(response.text, self._space, "tool_call" if self._config.format == NATIVE else self._config.format)

    async def _observed(self) -> Observed:
        try:
            expert = _calls(await self._environment.expert())
        except Unsupported:
            expert = ()
        content = self.result.content
        return Observed(
            tuple(self._images.add(part["image"]) for part in content if part["type"] == "image"),
            "\n".join(part["text"] for part in content if part["type"] == "text"),
            expert,
        )


def _check(result: StepResult) -> None:
    if result.info["error"]:
        raise WorkerFailure(result.info["error"])


@lru_cache(maxsize=4096)
def _read(text: str, space: ToolSpace, format: str) -> Any:
    """The action of an answer. Short answers come again and again, so they are remembered."""
    try:
        calls = parse(text, space, format)
    except ValueError as problem:
        return InvalidAction(str(problem))
    return calls[0] if space.max_calls == 1 else calls


def _turn(asked: _Asked, result: StepResult) -> Turn:
    response = asked.response
    return Turn(
        prompt_ids=_NO_IDS if response.prompt_ids is None else response.prompt_ids,
        images=asked.images,
        sampled_ids=_NO_IDS if response.sampled_ids is None else response.sampled_ids,
        logprobs=_NO_LOGPROBS if response.logprobs is None else response.logprobs,
        extends=response.extends,
        text=response.text,
        version=response.version,
        usage=response.usage,
        state_key=asked.state_key,
        reward=result.reward,
        terms=terms_of(result.info),
        feedback=result.info["feedback"],
        terminated=result.terminated,
        truncated=result.truncated,
    )


def _calls(action: Any) -> tuple[dict[str, Any], ...]:
    """The calls of an action as plain data; none of what cannot be one."""
    calls = action if isinstance(action, (list, tuple)) else [action]
    return tuple(call.as_dict() for call in calls if isinstance(call, ToolCall))
