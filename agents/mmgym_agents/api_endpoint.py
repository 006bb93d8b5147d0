"""What an endpoint of a model is asked, what it answers and how it fails, whatever protocol it speaks."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from mmgym.parts import wave_file
from mmgym.store import png

__all__ = [
    "OUTCOME",
    "Busy",
    "Call",
    "Endpoint",
    "Prompt",
    "Refused",
    "Reply",
    "TooLong",
    "dumped",
    "encoded",
    "failure",
    "sendable",
]

OUTCOME = "The outcome follows."
"""What stands where a protocol wants the result of a call: observations hold pictures, which go into a user message."""
NO_ANSWER = "(no answer)"
"""What stands for an empty answer in the messages that follow: protocols refuse empty ones."""

_SHOWN = 600
"""Characters of an error that are kept."""
_LONGEST_WAIT = 300.0
"""Seconds; an endpoint that asks for more will not serve this run."""
_TOO_LONG = re.compile(
    r"context[_ ](length|size|window)|maximum model length|prompt is too long|input token count|too many tokens|"
    r"request_too_large",
    re.IGNORECASE,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_MORE = re.compile(r"insufficient_quota|credit balance", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A tool call as a model wrote it."""

    id: str
    name: str
    arguments: str
    """JSON, or what should have been."""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    text: str
    raw: Any
    """The answer as the protocol takes it back in later requests."""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    """What the endpoint shows of the model's reasoning."""
    usage: dict[str, float] = field(default_factory=dict)
    """``prompt_tokens``, with ``cached_tokens`` and ``cache_write_tokens`` among them, and ``completion_tokens``, with
    ``reasoning_tokens`` among them."""


@dataclass(frozen=True)
class Prompt:
    """What is asked."""

    system: str
    """Rules; may be empty."""
    turns: Sequence[tuple[list[dict[str, Any]], Reply]]
    """What was shown (see `encoded`) and answered, oldest first."""
    content: list[dict[str, Any]]
    """What is shown now."""
    tools: Sequence[dict[str, Any]]
    """Schemas of the tools, in OpenAI's form; empty where the system message explains them."""
    most_calls: int = 1
    """Calls that one answer may make."""
    seed: int = 0
    """Of sampling, below 2**31."""


class Endpoint(Protocol):
    """A connection to an endpoint, within one event loop."""

    async def ask(self, prompt: Prompt) -> Reply:
        """Send one request.

        Raises:
            Busy, TooLong, Refused: for what came instead of an answer.
        """
        ...


class Busy(Exception):
    """No answer this time; it may come if it is asked again."""

    def __init__(self, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that the endpoint asks to wait."""


class TooLong(Exception):
    """The prompt does not fit the model's context."""

    def __init__(self, message: str, usage: dict[str, float] | None = None):
        super().__init__(message)
        self.usage = usage or {}
        """What was taken before that was found; see `Reply.usage`."""


class Refused(Exception):
    """The endpoint will not answer this request, however often it is asked."""

    def __init__(self, message: str, final: bool = False):
        super().__init__(message)
        self.final = final
        """Whether it will not answer any other one either: a wrong key, no such model, no money left."""


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> Exception:
    """What an HTTP error stands for.

    Args:
        status: HTTP status.
        message: all that the body says.
        headers: of the response, for how long to wait.
    """
    said = f"status {status}: {message[:_SHOWN]}"
    wait = _retry_after(headers or {}, message)
    if status in (400, 413, 422) and (status == 413 or _TOO_LONG.search(message)):
        return TooLong(said)
    if status in (401, 402, 403, 404) or (status in (400, 429) and _NO_MORE.search(message)):
        return Refused(said, final=True)
    if status in (408, 409, 429) or status >= 500:
        return Busy(said, wait) if (wait or 0) <= _LONGEST_WAIT else Refused(said, final=True)
    return Refused(said)


def _retry_after(headers: Mapping[str, str], message: str) -> float | None:
    """Seconds to wait, from headers, or from the RetryInfo that Google's errors hold."""
    told = re.search(r"retryDelay\W+(\d+(?:\.\d+)?)s", message)
    for value, scale in (
        (headers.get("retry-after-ms"), 1e-3),
        (headers.get("retry-after"), 1.0),
        (told and told[1], 1.0),
    ):
        if not value:
            continue
        try:
            return max(0.0, float(value) * scale)
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except ValueError:
            pass
    return None


def dumped(value: Any) -> str:
    """A value as JSON; what JSON cannot hold as Python writes it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def sendable(value: Any) -> Any:
    """A request in which no text holds half of a surrogate pair: a model may write one, and UTF-8 cannot hold it.

    Args:
        value: plain data, in which answers of the client's own types may stand.
    """
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {sendable(name): sendable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(part) for part in value]
    return sendable(value.to_dict()) if hasattr(value, "to_dict") else value


def encoded(content: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A message's content with pictures and sounds as files in base64.

    Returns:
        Parts ``{"type": "text", "text"}``, ``{"type": "image", "png"}`` and ``{"type": "audio", "wav"}``.
    """
    return [_encoded(part) for part in content]


def _encoded(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "image":
        return {"type": "image", "png": base64.b64encode(png(part["image"])).decode()}
    if part["type"] == "audio":
        return {"type": "audio", "wav": base64.b64encode(wave_file(part["audio"], part["sampling_rate"])).decode()}
    return part
