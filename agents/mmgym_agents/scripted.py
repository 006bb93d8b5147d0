"""Agents without a model: random, expert, any scripted policy, and demonstrators that write what these do as ids."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from mmgym.agent import Agent, ChatCodec, Conversation, Response
from mmgym.formats import render
from mmgym.spaces import ToolCall
from mmgym_agents.context import Context, History

__all__ = ["Demonstrator", "ExpertAgent", "RandomAgent", "ScriptedAgent", "scripted_agent", "weak"]


class RandomAgent:
    """Draws valid actions uniformly."""

    async def act(self, conversation: Conversation) -> Response:
        """A random valid call."""
        return Response("", action=await conversation.environment.random())

    def end(self, conversation: Conversation) -> None:
        """Nothing is kept."""


class ScriptedAgent:
    """Follows a policy ``module:function`` that takes (environment, generator) and returns a call.

    Args:
        name: where the function is, or ``expert`` for the environment's own.
        noise: share of turns in which a random valid call is made instead.
    """

    def __init__(self, name: str, noise: float = 0.0):
        if not 0 <= noise <= 1:
            raise ValueError(f"noise must be from 0 to 1; got {noise}")
        self.name, self.noise = name, noise

    async def act(self, conversation: Conversation) -> Response:
        """The policy's call, or a random one."""
        task = conversation.task
        key = f"demonstration/{task.noise}/{task.group}/{task.member}/{conversation.turn}"
        chance = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") / 2**64
        environment = conversation.environment
        if chance < self.noise:
            return Response("", action=await environment.random())
        action = await (environment.expert() if self.name == "expert" else environment.scripted(self.name))
        return Response("", action=action)

    def end(self, conversation: Conversation) -> None:
        """Nothing is kept."""


class ExpertAgent(ScriptedAgent):
    """Asks the environment's expert."""

    def __init__(self) -> None:
        super().__init__("expert")


def scripted_agent(name: str, noise: float = 0.0) -> Agent:
    """The agent of a name: ``random``, ``expert``, or a policy ``module:function``."""
    if name == "random":
        return RandomAgent()
    return ScriptedAgent(name, noise)


def weak(env: Any, rng: np.random.Generator) -> ToolCall:
    """A policy between random and expert: the environment's own weak one, else the expert in half of the turns.

    Args:
        env: an `mmgym.MultimodalEnv`.
        rng: draws the other half.
    """
    if hasattr(env, "weak_call"):
        call: ToolCall = env.weak_call(rng)
        return call
    if env.capabilities.expert != "none" and rng.random() < 0.5:
        return env.expert()
    return env.action_space.draw(rng)


class Demonstrator:
    """Lets another agent choose and records its choices as the ids a model would have sampled to say them.

    Args:
        agent: who chooses; its responses must hold an action.
        codec: codec of the model that will learn from it.
        format: how calls are written.
        context: context policy of the model, ``full`` or ``window(k)``.
    """

    def __init__(self, agent: Agent, codec: ChatCodec, format: str, context: str = "full"):
        self.agent, self.codec, self.format = agent, codec, format
        self._context = Context(codec, context)
        self._histories: dict[int, History] = {}

    async def act(self, conversation: Conversation) -> Response:
        """The other agent's action, as text and ids."""
        action: Any = (await self.agent.act(conversation)).action
        if action is None:
            raise ValueError(f"{type(self.agent).__name__} gave text but no action: only actions can be demonstrated")
        calls = action if isinstance(action, list) else [action]
        text = render(calls, conversation.space, self.format)
        history = self._histories.setdefault(conversation.key, [])
        prompt, extends = self._context.prompt(conversation, history, extendable=True)
        sampled = self.codec.answer(text)
        self._context.remember(history, conversation, sampled)
        return Response(
            text,
            action=action,
            prompt_ids=prompt.ids,
            images=prompt.images,
            pixels=prompt.pixels,
            sampled_ids=sampled,
            logprobs=np.zeros(len(sampled), np.float32),
            extends=extends,
        )

    def end(self, conversation: Conversation) -> None:
        """The episode is over."""
        self._histories.pop(conversation.key, None)
        self.agent.end(conversation)
