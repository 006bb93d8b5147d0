"""Servers at 127.0.0.1 that speak the protocols of vendors, with scripted models behind them.

Each request is held against the types that the vendor's client publishes. A model knows the expert's move for some
pictures by a hash of their pixels: it plays well only if every picture arrives as it was.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
import traceback
from collections.abc import Callable, Iterable
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

import mmgym
from mmgym.trajectory import EpisodeTask, ImageRef

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, and JSON, or bytes as they are; with status 0 the connection is dropped."""


class Server(ThreadingHTTPServer):
    """Answers POST requests in threads.

    Args:
        answer: takes path, headers and JSON.
    """

    daemon_threads = True

    def __init__(self, answer: Callable[[str, dict[str, str], Any], Answer]):
        self.answer = answer
        self.requests: list[Any] = []
        """JSON, in the order of arrival,"""
        self.headers: list[dict[str, str]] = []
        """and headers, their names in small letters."""
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(request)
        self.server.headers.append(headers)
        try:
            status, more, body = self.server.answer(self.path, headers, request)
        except Exception:  # a request that is not as published: told to the client, whose run ends with it
            status, more, body = 400, {}, {"error": {"message": traceback.format_exc(-1), "type": "invalid"}}
        if not status:
            self.close_connection = True
            return
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": len(content), **more}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def checked(kind: Any, request: dict[str, Any], *more: str) -> None:
    """Fail for a request that is not of the published type, or holds a field that this does not have, at any depth."""
    rest = {name: value for name, value in request.items() if name not in more}
    for error in _validator(kind).iter_errors(rest):
        worst = best_match([error])
        raise AssertionError(f"{worst.json_path}: {worst.message[:300]}")


@lru_cache
def _validator(kind: Any) -> Draft202012Validator:
    schema = TypeAdapter(kind).json_schema(schema_generator=_Schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
    return Draft202012Validator(schema)


class _Schema(GenerateJsonSchema):
    """Types of clients that have no schema are not looked into."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        return {}


def pixels(data: str) -> np.ndarray:
    """The pixels of a PNG file in base64."""
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data, validate=True), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def expert_moves(tasks: Iterable[EpisodeTask]) -> dict[str, dict[str, Any]]:
    """By the digest of a picture, the expert's call: all that is seen when it plays these episodes."""
    moves: dict[str, dict[str, Any]] = {}
    for task in tasks:
        env = gym.make(task.env_id, disable_env_checker=True, **task.kwargs)
        observation, info = env.reset(seed=task.seed, options=task.options)
        while not info["success"]:
            call = mmgym.unwrap(env).expert()
            moves[ImageRef.of(observation["image"]).digest] = call.as_dict()
            observation, _, _, truncated, info = env.step(call)
            assert not truncated
    return moves


class OpenAIModel:
    """A model behind chat completions, at ``/v1``.

    Args:
        moves: the calls that it knows.
        native: whether it calls tools by the protocol, or writes ``<tool_call>``.
        storms: what is answered instead, in order; None lets a request through.
        fields: of requests, beside the published ones.
        change: alters the JSON that is answered.
    """

    def __init__(
        self,
        moves: dict[str, dict[str, Any]],
        native: bool = True,
        storms: Iterable[Answer | None] = (),
        fields: tuple[str, ...] = (),
        change: Callable[[dict[str, Any]], Any] | None = None,
    ):
        self.moves, self.native, self.storms = moves, native, iter(storms)
        self.fields, self.change = fields, change
        self._numbers, self._lock = itertools.count(), threading.Lock()

    def __call__(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Answer:
        from openai.types.chat import ChatCompletion
        from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

        assert path == "/v1/chat/completions"
        with self._lock:
            number = next(self._numbers)
            trouble = next(self.storms, None)
        if trouble:
            return trouble
        checked(CompletionCreateParamsNonStreaming, request, *self.fields)
        picture = openai_conversation(request["messages"], bool(request.get("tools")))
        call = self.moves.get(ImageRef.of(picture).digest)
        message: dict[str, Any] = {"role": "assistant", "content": "I see no board that I know.", "refusal": None}
        if call and self.native:
            assert call["name"] in [tool["function"]["name"] for tool in request["tools"]]
            function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
            calls = [{"id": f"call_{number}", "type": "function", "function": function}]
            message |= {"content": None, "tool_calls": calls}
        elif call:
            message["content"] = f"<tool_call>{json.dumps(call)}</tool_call>"
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        usage["prompt_tokens_details"] = {"cached_tokens": 60}
        usage["completion_tokens_details"] = {"reasoning_tokens": 4}
        body: dict[str, Any] = {
            "id": f"c{number}",
            "object": "chat.completion",
            "created": 1,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": usage,
        }
        ChatCompletion.model_validate(body)
        return 200, {}, self.change(body) if self.change else body


def openai_conversation(messages: list[dict[str, Any]], tools: bool) -> np.ndarray:
    """The last picture of a conversation, after a check that it is well formed beyond what types say."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "system":
            assert index == 0
        elif message["role"] == "assistant":
            assert messages[index - 1]["role"] == "user" and message["content"] != ""
            open_calls = [call["id"] for call in message.get("tool_calls", ())]
            assert not open_calls or tools
            for call in message.get("tool_calls", ()):
                assert isinstance(json.loads(call["function"]["arguments"]), dict)
        elif message["role"] == "tool":
            assert message["tool_call_id"] == open_calls.pop(0)
        else:
            assert not open_calls, "a call without a result"
    assert messages[-1]["role"] == "user"
    urls = [part["image_url"]["url"] for part in messages[-1]["content"] if part["type"] == "image_url"]
    assert urls[-1].startswith("data:image/png;base64,")
    return pixels(urls[-1].partition(",")[2])
