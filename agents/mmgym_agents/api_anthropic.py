"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import anthropic
from anthropic.types import Message, Usage

from mmgym.learn.mapping import from_mapping
from mmgym_agents.api_agent import APIAgent
from mmgym_agents.api_endpoint import (
    NO_ANSWER,
    OUTCOME,
    Busy,
    Call,
    Prompt,
    Refused,
    Reply,
    TooLong,
    dumped,
    failure,
    sendable,
)
from mmgym_agents.api_options import APIOptions

__all__ = ["AnthropicEndpoint", "anthropic_agent"]


def anthropic_agent(**options: Any) -> APIAgent:
    """An agent behind Anthropic's messages.

    Args:
        options: fields of `APIOptions`.

    Raises:
        ValueError: for a wrong option, or a key that is not there.
    """
    chosen = from_mapping(APIOptions, options, "options")
    if not chosen.max_tokens:
        raise ValueError("options.max_tokens must be at least 1: this protocol wants it")
    if chosen.temperature is not None:
        raise ValueError("options.temperature: this protocol has none; give it in extra to a model that has")
    key = chosen.key("ANTHROPIC_API_KEY")
    return APIAgent(lambda: AnthropicEndpoint(chosen, key), chosen, key)


class AnthropicEndpoint:
    """An `mmgym_agents.api_endpoint.Endpoint`.

    Args:
        options: how it is asked.
        key: empty where none is wanted.
    """

    def __init__(self, options: APIOptions, key: str = ""):
        self._options = options
        self._client = anthropic.AsyncAnthropic(
            api_key=key or "none", base_url=options.base_url or None, timeout=options.timeout, max_retries=0
        )
        self._fixed = _fixed(options)

    async def ask(self, prompt: Prompt) -> Reply:
        """Send one request."""
        request = {**self._fixed, "messages": _messages(prompt)}
        if prompt.system:
            request["system"] = prompt.system
        if prompt.tools:
            request["tools"] = [_tool(schema["function"]) for schema in prompt.tools]
            kind = "any" if self._options.tool_choice == "required" else "auto"
            request["tool_choice"] = {"type": kind, "disable_parallel_tool_use": prompt.most_calls == 1}
        try:
            message: Message = await self._client.messages.create(**sendable(request))
        except anthropic.APIStatusError as error:
            raise failure(error.status_code, dumped(error.body), error.response.headers) from error
        except anthropic.APIConnectionError as error:
            raise Busy(f"{error} {error.__cause__ or ''}".strip()) from error
        except json.JSONDecodeError as error:
            raise Busy(f"an answer that is no JSON: {error}") from error
        if not isinstance(getattr(message, "content", None), list):
            raise Busy(f"an answer without content: {str(message)[:200]}")
        if message.stop_reason == "model_context_window_exceeded":
            raise TooLong(message.stop_reason, _usage(message.usage))
        return _reply(message)


def _fixed(options: APIOptions) -> dict[str, Any]:
    """The fields that every request has."""
    fixed: dict[str, Any] = {"model": options.model, "max_tokens": options.max_tokens, "extra_body": options.extra}
    if options.thinking is not None:
        fixed["thinking"] = {"type": "adaptive" if options.thinking else "disabled"}
    if isinstance(options.thinking, str):
        fixed["output_config"] = {"effort": options.thinking}
    return fixed


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    return {"name": function["name"], "description": function["description"], "input_schema": function["parameters"]}


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    calls: Sequence[Call] = ()
    for content, reply in prompt.turns:
        messages += [_shown(calls, content), {"role": "assistant", "content": reply.raw}]
        calls = reply.calls
    return [*messages, _shown(calls, prompt.content)]


def _shown(calls: Sequence[Call], content: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What follows an answer: a result for each of its calls, which have to come first, and what there is to see."""
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": OUTCOME} for call in calls]
    return {"role": "user", "content": [*results, *(_part(part) for part in content)]}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "image":
        return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": part["png"]}}
    if part["type"] == "audio":
        raise Refused("this protocol takes no sound", final=True)
    return {"type": "text", "text": part["text"]}


def _reply(message: Message) -> Reply:
    text = "\n".join(block.text for block in message.content if block.type == "text")
    calls = tuple(Call(b.id, b.name, dumped(b.input)) for b in message.content if b.type == "tool_use")
    thinking = "\n".join(block.thinking for block in message.content if block.type == "thinking")
    # Blocks go back as they came: thinking is signed, and must precede the calls that it led to.
    raw: list[Any] = [block for block in message.content if block.type != "text" or block.text.strip()]
    if not raw or raw[-1].type.endswith("thinking"):  # a message may not end in thinking that was cut off
        raw.append({"type": "text", "text": NO_ANSWER})
    return Reply(text, raw, calls, thinking, _usage(message.usage))


def _usage(usage: Usage | None) -> dict[str, float]:
    if usage is None:  # servers of others than the vendor may leave it out
        return {}
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    return {
        "prompt_tokens": (usage.input_tokens or 0) + cached + written,
        "completion_tokens": usage.output_tokens or 0,
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "reasoning_tokens": usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0,
    }
