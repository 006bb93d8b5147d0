"""Google's Gemini."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types
from pydantic import ValidationError

from mmgym.learn.mapping import from_mapping
from mmgym_agents.api_agent import APIAgent
from mmgym_agents.api_endpoint import NO_ANSWER, OUTCOME, Busy, Call, Prompt, Reply, dumped, failure
from mmgym_agents.api_options import APIOptions

__all__ = ["GeminiEndpoint", "gemini_agent"]


def gemini_agent(**options: Any) -> APIAgent:
    """An agent behind Gemini.

    Args:
        options: fields of `APIOptions`.

    Raises:
        ValueError: for a wrong option, or a key that is not there.
    """
    chosen = from_mapping(APIOptions, options, "options")
    key = chosen.key("GEMINI_API_KEY")
    return APIAgent(lambda: GeminiEndpoint(chosen, key), chosen, key)


class GeminiEndpoint:
    """An `mmgym_agents.api_endpoint.Endpoint`.

    Args:
        options: how it is asked.
        key: empty where none is wanted.
    """

    def __init__(self, options: APIOptions, key: str = ""):
        self._options = options
        http = types.HttpOptions(
            base_url=options.base_url or None,
            timeout=int(1000 * options.timeout),
            extra_body=options.extra or None,
            httpx_async_client=httpx2.AsyncClient(),  # else aiohttp, where it is installed, with errors of its own
        )
        self._client = genai.Client(vertexai=False, api_key=key or "none", http_options=http)

    async def ask(self, prompt: Prompt) -> Reply:
        """Send one request."""
        config = _config(self._options, prompt)
        try:
            response = await self._client.aio.models.generate_content(
                model=self._options.model, contents=_contents(prompt), config=config
            )
        except errors.APIError as error:
            raise failure(error.code, dumped(error.details), getattr(error.response, "headers", None)) from error
        except (httpx2.TransportError, errors.UnknownApiResponseError) as error:
            raise Busy(f"{type(error).__name__} {error}".strip()) from error
        except (json.JSONDecodeError, ValidationError) as error:
            raise Busy(f"an answer that cannot be read: {str(error)[:200]}") from error
        if not response.candidates and not response.prompt_feedback:
            raise Busy(f"an answer without candidates: {str(response)[:200]}")
        return _reply(response)


def _config(options: APIOptions, prompt: Prompt) -> types.GenerateContentConfig:
    thinking = None
    if isinstance(options.thinking, str):
        thinking = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel(options.thinking))
    elif options.thinking is not None:
        budget = -1 if options.thinking else 0
        thinking = types.ThinkingConfig(include_thoughts=options.thinking, thinking_budget=budget)
    config = types.GenerateContentConfig(
        system_instruction=prompt.system or None,
        temperature=options.temperature,
        max_output_tokens=options.max_tokens or None,
        seed=prompt.seed,
        thinking_config=thinking,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    if prompt.tools:
        config.tools = [types.Tool(function_declarations=[_tool(schema["function"]) for schema in prompt.tools])]
        mode = types.FunctionCallingConfigMode.ANY if options.tool_choice == "required" else None
        if mode:
            config.tool_config = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=mode))
    return config


def _tool(function: dict[str, Any]) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=function["name"],
        description=function["description"],
        parameters_json_schema=function["parameters"],
    )


def _contents(prompt: Prompt) -> list[types.Content]:
    contents: list[types.Content] = []
    calls: Sequence[Call] = ()
    for content, reply in prompt.turns:
        contents += [_shown(calls, content), reply.raw]
        calls = reply.calls
    return [*contents, _shown(calls, prompt.content)]


def _shown(calls: Sequence[Call], content: Sequence[dict[str, Any]]) -> types.Content:
    """What follows an answer: a result for each of its calls, and what there is to see."""
    results = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id or None, name=call.name, response={"output": OUTCOME})
        )
        for call in calls
    ]
    return types.Content(role="user", parts=[*results, *(_part(part) for part in content)])


def _part(part: dict[str, Any]) -> types.Part:
    if part["type"] == "image":
        return types.Part(inline_data=types.Blob(mime_type="image/png", data=base64.b64decode(part["png"])))
    if part["type"] == "audio":
        return types.Part(inline_data=types.Blob(mime_type="audio/wav", data=base64.b64decode(part["wav"])))
    return types.Part(text=part["text"])


def _reply(response: types.GenerateContentResponse) -> Reply:
    """The answer; a prompt that was blocked, or an answer that was, is an empty one."""
    found = response.candidates[0].content if response.candidates else None
    parts = [part for part in (found.parts if found else None) or ()]
    calls = tuple(
        Call(part.function_call.id or "", part.function_call.name or "", dumped(part.function_call.args or {}))
        for part in parts
        if part.function_call
    )
    text = "".join(part.text for part in parts if part.text and not part.thought)
    thinking = "".join(part.text for part in parts if part.text and part.thought)
    # Parts go back as they came: some carry signatures of the thinking that led to them.
    raw = types.Content(role="model", parts=parts or [types.Part(text=NO_ANSWER)])
    return Reply(text, raw, calls, thinking, _usage(response.usage_metadata))


def _usage(usage: types.GenerateContentResponseUsageMetadata | None) -> dict[str, float]:
    if usage is None:
        return {}
    thought = usage.thoughts_token_count or 0
    return {
        "prompt_tokens": usage.prompt_token_count or 0,
        "completion_tokens": (usage.candidates_token_count or 0) + thought,
        "cached_tokens": usage.cached_content_token_count or 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": thought,
    }
