"""An agent behind an API: what it is shown, how often and how fast it is asked, what it took, what its failures mean.

Each live episode asks for itself, so as many requests are under way as episodes (``live``, or workers and their slots).
Only text, pictures and calls come back: such an agent can be measured, not trained. An endpoint that fails is a failure
of the machinery, never of the agent: the episode is played again, and if that fails too it is recorded as `env_error`.
What would fail in every episode (a wrong key, a server that is not there) ends the run.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from mmgym.agent import Conversation, Response
from mmgym.formats import MAX_CHARACTERS, parse
from mmgym.rollout.worker import WorkerFailure
from mmgym.spaces import InvalidAction, ToolSpace
from mmgym_agents.api_endpoint import Busy, Endpoint, Prompt, Refused, Reply, TooLong, encoded
from mmgym_agents.api_options import APIOptions
from mmgym_agents.context import parse_context
from mmgym_agents.summary import past_turns, summarise_turns

__all__ = ["APIAgent", "EndpointError"]

_GIVE_UP = 16
"""Requests in a row that fail for good, of whatever episodes, before the run ends."""
_DROPPED = {"type": "text", "text": "(an earlier picture, no longer shown)"}
_TAG = re.compile("<(?=/?t)")
_backoff = wait_random_exponential(multiplier=0.5, max=60)

Turns = list[tuple[list[dict[str, Any]], Reply]]
"""What was shown and answered."""


class EndpointError(OSError):
    """The endpoint will not answer: the run ends, and goes on when the same command is given again."""


class _Line:
    """A connection and its limits, which live in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint, options: APIOptions):
        self.loop, self.endpoint = loop, endpoint
        self.not_before = 0.0
        self._requests = _evenly(options.requests_per_minute) if options.requests_per_minute else None
        self._tokens = AsyncLimiter(options.tokens_per_minute) if options.tokens_per_minute else None

    async def turn(self, tokens: float) -> None:
        """Wait until a request of about so many tokens may be sent."""
        if self._requests:
            await self._requests.acquire()
        if self._tokens:
            await self._tokens.acquire(min(tokens, self._tokens.max_rate))
        while (wait := self.not_before - self.loop.time()) > 0:
            await asyncio.sleep(wait * (1 + random.random() / 4))  # not all at the same instant

    def pause(self, seconds: float) -> None:
        """Send nothing for some time: a limit that one request met is there for all."""
        self.not_before = max(self.not_before, self.loop.time() + seconds)


def _evenly(per_minute: int) -> AsyncLimiter:
    """At most so many a minute. A bucket that holds a minute's worth would let twice as many pass in the first."""
    return AsyncLimiter(1, 60 / per_minute)


class APIAgent:
    """A `mmgym.agent.Agent` whose answers come from an endpoint.

    With the format ``native`` it calls tools by the protocol; in a text format its text is read as any model's.

    Args:
        connect: makes a connection; called once for each event loop.
        options: how it is asked.
        key: the key, so that no message shows it.
    """

    def __init__(self, connect: Callable[[], Endpoint], options: APIOptions, key: str = ""):
        self.options = options
        self.spent: Counter[str] = Counter()
        """What all requests took so far, those of episodes that failed too: tokens, dollars, requests, retries."""
        self._connect, self._key = connect, key
        self._policy = parse_context(options.context)
        self._sessions: dict[int, Turns] = {}
        self._line: _Line | None = None
        self._answers = self._failures = 0

    @property
    def priced(self) -> bool:
        """Whether `spent` knows dollars."""
        return bool(self.options.prices)

    def end(self, conversation: Conversation) -> None:
        """The episode is over: forget it."""
        self._sessions.pop(conversation.key, None)

    async def act(self, conversation: Conversation) -> Response:
        """Answer the last user message.

        Raises:
            WorkerFailure: when no answer came; the episode can be played again.
            EndpointError: when none will come in any other episode either.
        """
        session = self._sessions.setdefault(conversation.key, [])
        content = encoded(conversation.messages[-1]["content"])
        try:
            reply, usage = await self._answer(self._prompt(conversation, session, content))
        except TooLong as problem:
            return Response("", exhausted=True, usage=self._pay(problem.usage))
        session.append((content, reply))
        action = _action(reply, conversation.space) if reply.calls else None
        return Response(_text(reply), action=action, usage=usage)

    def _prompt(self, conversation: Conversation, session: Turns, content: list[dict[str, Any]]) -> Prompt:
        """What is sent: the turns that the context reaches back to, and what stands for others."""
        first = conversation.messages[0]
        system = "".join(part["text"] for part in first["content"]) if first["role"] == "system" else ""
        window = self._policy.window
        kept = list(session if window is None else session[len(session) - min(window - 1, len(session)) :])
        if self._policy.summary and len(kept) < len(session):
            older = past_turns(conversation)[: len(session) - len(kept)]
            note = {"type": "text", "text": f"{summarise_turns(older, self._policy.summary)}\n"}
            if kept:
                kept[0] = ([note, *kept[0][0]], kept[0][1])
            else:
                content = [note, *content]
        if self.options.pictures:
            left = self.options.pictures
            content, left = _latest_pictures(content, left)
            for index in range(len(kept) - 1, -1, -1):
                shown, left = _latest_pictures(kept[index][0], left)
                kept[index] = (shown, kept[index][1])
        calls = conversation.space.max_calls
        return Prompt(system, kept, content, conversation.tools, calls, _seed(conversation))

    async def _answer(self, prompt: Prompt) -> tuple[Reply, dict[str, float]]:
        """An answer, asked for as often as it takes, and what it took."""
        line = self._connected()
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.options.retries + 1),
            wait=_wait,
            retry=retry_if_exception_type(Busy),
            reraise=True,
        )
        number = 0
        try:
            async for attempt in retrying:
                number = attempt.retry_state.attempt_number
                await line.turn(self._expected_tokens())
                self.spent.update({"requests": 1, "retries": int(number > 1)})
                with attempt:
                    try:
                        reply = await line.endpoint.ask(prompt)
                    except Busy as busy:
                        line.pause(busy.retry_after or 0)
                        raise
        except (Busy, Refused) as problem:
            raise self._failed(problem, number) from None
        self._answers, self._failures = self._answers + 1, 0
        return reply, {**self._pay(reply.usage), "requests": number, "retries": number - 1}

    def _pay(self, usage: dict[str, float]) -> dict[str, float]:
        """What an answer took, with its price, which is added to what was spent."""
        took = {**usage, **({"dollars": self.options.dollars(usage)} if self.priced else {})}
        self.spent.update(took)
        return took

    def _failed(self, problem: Busy | Refused, attempts: int) -> Exception:
        """What it means that no answer came."""
        said = f"{self.options.model} did not answer ({attempts} requests): {problem}"
        said = said.replace(self._key, "[key]") if self._key else said
        self._failures += 1
        final = isinstance(problem, Refused) and problem.final
        if final or not self._answers or self._failures >= _GIVE_UP:
            return EndpointError(said)
        return WorkerFailure(said)

    def _connected(self) -> _Line:
        """The connection of the running event loop: one that was made in another loop hangs or fails."""
        loop = asyncio.get_running_loop()
        if self._line is None or self._line.loop is not loop:
            self._line = _Line(loop, self._connect(), self.options)
        return self._line

    def _expected_tokens(self) -> float:
        """Tokens of a request, by the mean of those so far."""
        if not self._answers:
            return self.options.max_tokens
        return (self.spent["prompt_tokens"] + self.spent["completion_tokens"]) / self._answers


def _wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the endpoint asks for, else exponential with jitter."""
    problem = state.outcome.exception() if state.outcome else None
    asked = problem.retry_after if isinstance(problem, Busy) else None
    return _backoff(state) if asked is None else asked


def _action(reply: Reply, space: ToolSpace) -> Any:
    """The calls, checked as those of a text are: whatever they hold, the agent is told what is wrong."""
    plain = [{"name": call.name, "arguments": call.arguments} for call in reply.calls]
    # No tag in an argument may be taken for one of ours, but what is written must not grow: its length is limited.
    calls = _TAG.sub(r"\\u003c", json.dumps(plain, ensure_ascii=False))
    try:
        action = parse(calls, space, "tool_call")
    except ValueError as problem:
        return InvalidAction(str(problem))
    return action[0] if space.max_calls == 1 else action


def _text(reply: Reply) -> str:
    """All that was said, for those who look at it: reasoning, text, calls."""
    calls = [
        f'<tool_call>\n{{"name": {json.dumps(c.name)}, "arguments": {c.arguments}}}\n</tool_call>' for c in reply.calls
    ]
    said = "\n".join([*([reply.text] if reply.text else []), *calls])
    room = MAX_CHARACTERS - len(said) - 100  # an answer that is too long is not read: reasoning gives way
    if not reply.thinking or room < 0:
        return said
    shown = reply.thinking if len(reply.thinking) <= room else f"{reply.thinking[:room]} [...]"
    return f"<think>\n{shown}\n</think>\n\n{said}"


def _latest_pictures(content: list[dict[str, Any]], left: int) -> tuple[list[dict[str, Any]], int]:
    """Content with at most so many pictures, the latest ones, and how many more may be shown before it."""
    shown = []
    for part in reversed(content):
        if part["type"] == "image":
            part, left = (part, left - 1) if left else (_DROPPED, 0)
        shown.append(part)
    return shown[::-1], left


def _seed(conversation: Conversation) -> int:
    """A seed that belongs to this turn of this episode."""
    task = conversation.task
    name = f"{task.noise}/{task.group}/{task.member}/{conversation.turn}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little") >> 1
