"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, SGLang, llama.cpp, most gateways."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import openai
from openai.types import CompletionUsage

from mmgym.learn.mapping import from_mapping
from mmgym_agents.api_agent import APIAgent
from mmgym_agents.api_endpoint import NO_ANSWER, OUTCOME, Busy, Call, Prompt, Reply, dumped, failure, sendable
from mmgym_agents.api_options import APIOptions

__all__ = ["OpenAIEndpoint", "openai_agent"]


def openai_agent(**options: Any) -> APIAgent:
    """An agent behind chat completions.

    Args:
        options: fields of `APIOptions`.

    Raises:
        ValueError: for a wrong option, or a key that is not there.
    """
    chosen = from_mapping(APIOptions, options, "options")
    key = chosen.key("OPENAI_API_KEY")
    return APIAgent(lambda: OpenAIEndpoint(chosen, key), chosen, key)


class OpenAIEndpoint:
    """An `mmgym_agents.api_endpoint.Endpoint`.

    Args:
        options: how it is asked.
        key: empty where none is wanted.
    """

    def __init__(self, options: APIOptions, key: str = ""):
        self._options = options
        self._client = openai.AsyncOpenAI(
            api_key=key or "none", base_url=options.base_url or None, timeout=options.timeout, max_retries=0
        )
        self._fixed = _fixed(options)

    async def ask(self, prompt: Prompt) -> Reply:
        """Send one request."""
        request = {**self._fixed, "messages": _messages(prompt), "seed": prompt.seed}
        if prompt.tools:
            request |= {"tools": list(prompt.tools), "tool_choice": self._options.tool_choice}
            request["parallel_tool_calls"] = prompt.most_calls > 1
        try:
            completion = await self._client.chat.completions.create(**sendable(request))
        except openai.APIStatusError as error:
            raise failure(error.status_code, error.message, error.response.headers) from error
        except openai.APIConnectionError as error:
            raise Busy(f"{error} {error.__cause__ or ''}".strip()) from error
        except json.JSONDecodeError as error:
            raise Busy(f"an answer that is no JSON: {error}") from error
        choices = getattr(completion, "choices", None)
        if not choices:  # gateways put errors of what is behind them into an answer with status 200
            raise Busy(f"an answer without choices: {str(completion)[:200]}")
        if not choices[0].message:
            raise Busy(f"an answer without a message: {str(completion)[:200]}")
        if fault := getattr(choices[0], "error", None):
            raise Busy(f"an answer that broke off: {str(fault)[:200]}")
        return _reply(choices[0].message, completion.usage)


def _fixed(options: APIOptions) -> dict[str, Any]:
    """The fields that every request has."""
    fixed: dict[str, Any] = {"model": options.model}
    if options.max_tokens:
        fixed["max_completion_tokens"] = options.max_tokens
    if options.temperature is not None:
        fixed["temperature"] = options.temperature
    if isinstance(options.thinking, str):
        fixed["reasoning_effort"] = options.thinking
    elif options.thinking is not None and options.base_url:  # how vLLM and SGLang tell a model's chat template
        fixed["extra_body"] = {"chat_template_kwargs": {"enable_thinking": options.thinking}}
    elif options.thinking is not None:
        fixed["reasoning_effort"] = "medium" if options.thinking else "none"
    fixed["extra_body"] = {**fixed.get("extra_body", {}), **options.extra}
    return fixed


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}] if prompt.system else []
    calls: Sequence[Call] = ()
    for content, reply in prompt.turns:
        messages += [*_shown(calls, content), reply.raw]
        calls = reply.calls
    return [*messages, *_shown(calls, prompt.content)]


def _shown(calls: Sequence[Call], content: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What follows an answer: a result for each of its calls, which may hold text alone, and what there is to see."""
    results = [{"role": "tool", "tool_call_id": call.id, "content": OUTCOME} for call in calls]
    return [*results, {"role": "user", "content": [_part(part) for part in content]}]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "image":
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{part['png']}"}}
    if part["type"] == "audio":
        return {"type": "input_audio", "input_audio": {"data": part["wav"], "format": "wav"}}
    return {"type": "text", "text": part["text"]}


def _reply(message: Any, usage: CompletionUsage | None) -> Reply:
    called = [(call, getattr(call, "function", None)) for call in message.tool_calls or ()]  # some leave out the type
    calls = tuple(
        Call(call.id, function.name or "", _written(function.arguments)) for call, function in called if function
    )
    text = _text(message.content) or message.refusal or ""
    raw: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else NO_ANSWER)}
    if calls:
        raw["tool_calls"] = [_repeated(call) for call in calls]
    thinking = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""
    return Reply(text, raw, calls, thinking if isinstance(thinking, str) else "", _usage(usage))


def _text(content: Any) -> str:
    """A message's text: some servers send it in parts, those of its thinking among them."""
    if not isinstance(content, list):
        return content or ""
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(text for text in texts if isinstance(text, str))


def _written(arguments: Any) -> str:
    """Arguments as JSON, as they should have come: some servers send them as objects, or none."""
    return arguments if isinstance(arguments, str) else dumped(arguments or {})


def _repeated(call: Call) -> dict[str, Any]:
    """A call in the messages that follow. Servers refuse a conversation whose calls are not well formed."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", call.name)[:64] or "_"
    try:
        good = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        good = False
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": name, "arguments": call.arguments if good else "{}"},
    }


def _usage(usage: CompletionUsage | None) -> dict[str, float]:
    if usage is None:
        return {}
    read, written = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "prompt_tokens": usage.prompt_tokens or 0,
        "completion_tokens": usage.completion_tokens or 0,
        "cached_tokens": (read and read.cached_tokens) or 0,
        "cache_write_tokens": (read and read.cache_write_tokens) or 0,
        "reasoning_tokens": (written and written.reasoning_tokens) or 0,
    }
