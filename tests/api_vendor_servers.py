"""Scripted models behind Anthropic's messages and Google's Gemini; see `api_servers`."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from api_servers import Answer, checked, pixels

from mmgym.trajectory import ImageRef

THOUGHT = "The goal is that way."
SIGNATURE = "c2lnbmVk"


class AnthropicModel:
    """A model behind ``/v1/messages`` that thinks before each call.

    Args:
        moves: the calls that it knows, by picture.
        storms: what is answered instead, in order; None lets a request through.
    """

    def __init__(self, moves: dict[str, dict[str, Any]], storms: Iterable[Answer | None] = ()):
        self.moves, self.storms, self._numbers = moves, iter(storms), itertools.count()

    def __call__(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Answer:
        from anthropic.types import Message
        from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

        assert path == "/v1/messages" and headers["authorization"] and headers["anthropic-version"]
        if trouble := next(self.storms, None):
            return trouble
        checked(MessageCreateParamsNonStreaming, request)
        call = self.moves.get(ImageRef.of(anthropic_conversation(request["messages"])).digest)
        content: list[dict[str, Any]] = [{"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}]
        if call:
            assert call["name"] in [tool["name"] for tool in request["tools"]]
            number = next(self._numbers)
            content += [{"type": "tool_use", "id": f"toolu_{number}", "name": call["name"], "input": call["arguments"]}]
        usage = {"input_tokens": 30, "output_tokens": 10, "cache_read_input_tokens": 60}
        usage |= {"cache_creation_input_tokens": 10, "output_tokens_details": {"thinking_tokens": 4}}
        body = {"id": "m", "type": "message", "role": "assistant", "model": request["model"], "content": content}
        body |= {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None, "usage": usage}
        Message.model_validate(body)
        return 200, {}, body


def anthropic_conversation(messages: list[dict[str, Any]]) -> np.ndarray:
    """The last picture of a conversation, after a check that it is well formed beyond what types say."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        assert message["role"] == ("assistant" if index % 2 else "user") and message["content"]
        kinds = [block["type"] for block in message["content"]]
        if index % 2:
            assert kinds[0] == "thinking" and message["content"][0]["signature"] == SIGNATURE
            open_calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        else:
            assert kinds[: len(open_calls)] == ["tool_result"] * len(open_calls)
            assert [block["tool_use_id"] for block in message["content"][: len(open_calls)]] == open_calls
            assert "tool_result" not in kinds[len(open_calls) :]
    sources = [block["source"] for block in messages[-1]["content"] if block["type"] == "image"]
    assert sources[-1]["media_type"] == "image/png"
    return pixels(sources[-1]["data"])


class GeminiModel:
    """A model behind ``generateContent`` that thinks before each call.

    Args:
        moves: the calls that it knows, by picture.
        storms: what is answered instead, in order; None lets a request through.
    """

    def __init__(self, moves: dict[str, dict[str, Any]], storms: Iterable[Answer | None] = ()):
        self.moves, self.storms, self._numbers = moves, iter(storms), itertools.count()

    def __call__(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Answer:
        from google.genai import types

        assert path.endswith("/models/scripted:generateContent") and headers["x-goog-api-key"]
        if trouble := next(self.storms, None):
            return trouble
        known = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}
        assert set(request) <= known, set(request) - known
        types.Content.model_validate(request["systemInstruction"])
        types.GenerationConfig.model_validate(request["generationConfig"])
        (tool,) = [types.Tool.model_validate(tool) for tool in request["tools"]]
        contents = [types.Content.model_validate(content) for content in request["contents"]]
        call = self.moves.get(ImageRef.of(gemini_conversation(contents)).digest)
        parts: list[dict[str, Any]] = [{"text": THOUGHT, "thought": True}]
        if call:
            assert call["name"] in [function.name for function in tool.function_declarations or ()]
            written = {"name": call["name"], "args": call["arguments"], "id": f"f{next(self._numbers)}"}
            parts += [{"functionCall": written, "thoughtSignature": SIGNATURE}]
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 6, "thoughtsTokenCount": 4}
        usage |= {"cachedContentTokenCount": 60, "totalTokenCount": 110}
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
        return 200, {}, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "1", "responseId": "r"}


def gemini_conversation(contents: list[Any]) -> np.ndarray:
    """The last picture of a conversation, after a check that it is well formed beyond what types say."""
    open_calls: list[tuple[str, str]] = []
    for index, content in enumerate(contents):
        assert content.role == ("model" if index % 2 else "user") and content.parts
        if index % 2:
            called = [part for part in content.parts if part.function_call]
            assert all(part.thought_signature == base64.b64decode(SIGNATURE) for part in called)
            open_calls = [(part.function_call.id, part.function_call.name) for part in called]
        else:
            results = [part.function_response for part in content.parts if part.function_response]
            assert [(result.id, result.name) for result in results] == open_calls
    (picture,) = [part.inline_data for part in contents[-1].parts if part.inline_data]
    assert picture.mime_type == "image/png"
    return pixels(base64.b64encode(picture.data).decode())
