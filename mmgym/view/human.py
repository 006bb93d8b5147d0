"""A person as an agent: a page at 127.0.0.1 that shows what a model would be shown and takes what it would answer.

One episode at a time; others wait. What is sent is checked before the environment sees it, so a slip costs no turn.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import threading
import webbrowser
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import numpy as np

from mmgym.agent import Conversation, Response
from mmgym.formats import render
from mmgym.parts import wave_file
from mmgym.play import parse_typed
from mmgym.spaces import ToolCall
from mmgym.store import png
from mmgym.trajectory import ImageRef
from mmgym.view.episodes import to_json
from mmgym.view.local import HTML, JSON, PNG, WAV, LocalHandler, LocalServer
from mmgym.view.page import assemble

__all__ = ["HumanAgent"]

_WAIT = 20.0
"""Seconds that a request for news is held."""


class HumanAgent:
    """Asks whoever has the page open.

    Args:
        port: of the page at 127.0.0.1; 0 takes a free one.
        open: whether to open a browser.

    Raises:
        OSError: when the port is taken.
    """

    def __init__(self, port: int = 8766, open: bool = False):
        self._desk = _Desk()
        self._server = _Server(self._desk, port)
        self._episode: int | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        print(f"play at {self.address}", file=sys.stderr)
        if open:
            webbrowser.open(self.address)

    @property
    def address(self) -> str:
        """Where the page is."""
        return self._server.address

    async def act(self, conversation: Conversation) -> Response:
        """What the person does next; giving up ends the episode."""
        while self._episode not in (None, conversation.key):
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]
        self._episode = conversation.key
        calls = await self._desk.ask(conversation)
        if calls is None:
            return Response("", exhausted=True)
        text = render(calls, conversation.space, "call")
        action: Any = calls[0] if conversation.space.max_calls == 1 else calls
        return Response(text, action=action)

    def end(self, conversation: Conversation) -> None:
        """The episode is over: the next one may begin."""
        if conversation.key != self._episode:
            return
        self._episode = None
        self._desk.end(conversation)
        if self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)

    def close(self) -> None:
        """Take the page away."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class _Desk:
    """What is asked, and by whom it is answered: the event loop asks, the threads of the server answer."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    state: dict[str, Any] = field(default_factory=lambda: {"number": 0, "last": None})
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    conversation: Conversation | None = None
    answer: asyncio.Future[list[ToolCall] | None] | None = None

    async def ask(self, conversation: Conversation) -> list[ToolCall] | None:
        """Wait for calls, or None when the person gives up."""
        answer: asyncio.Future[list[ToolCall] | None] = asyncio.get_running_loop().create_future()
        media: dict[str, tuple[str, bytes]] = {}
        state = _describe(conversation, media)
        with self.changed:
            self.media, self.conversation, self.answer = media, conversation, answer
            self._show({**state, "last": self.state["last"] if conversation.turn == 0 else None})
        return await answer

    def end(self, conversation: Conversation) -> None:
        """Say how an episode has ended."""
        with self.changed:
            self.conversation = self.answer = None
            feedback = conversation.feedback[-1] if conversation.feedback else ""
            self._show({"last": {"success": conversation.success, "turns": conversation.turn, "feedback": feedback}})

    def take(self, content: Any) -> str:
        """Take ``{"number": n}`` and one of ``calls``, ``text`` and ``give_up``; what is wrong with it, if anything."""
        with self.changed:
            if not isinstance(content, dict) or content.get("number") != self.state["number"] or self.answer is None:
                return "this turn is over; the page shows the next one"
            assert self.conversation is not None
            space = self.conversation.space
            calls = None
            if not content.get("give_up"):
                try:
                    calls = space.parse(parse_typed(content["text"], space) if "text" in content else content["calls"])
                except (ValueError, KeyError, TypeError) as problem:
                    return str(problem)
            answer, self.answer = self.answer, None
            answer.get_loop().call_soon_threadsafe(_settle, answer, calls)
            self.state = {**self.state, "waiting": True}
            return ""

    def news(self, known: int) -> bytes:
        """The state as JSON, once it is another than `known`; after a while, whatever it is."""
        with self.changed:
            self.changed.wait_for(lambda: self.state["number"] != known, _WAIT)
            return to_json(self.state).encode()

    def _show(self, state: dict[str, Any]) -> None:
        self.state = {**state, "number": self.state["number"] + 1}
        self.changed.notify_all()


def _settle(answer: asyncio.Future[list[ToolCall] | None], calls: list[ToolCall] | None) -> None:
    if not answer.done():
        answer.set_result(calls)


def _describe(conversation: Conversation, media: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
    """What the page shows; pictures and sounds go to `media`."""
    task = conversation.task

    def part(shown: dict[str, Any]) -> dict[str, Any]:
        kind = shown["type"]
        if kind == "text":
            return {"text": shown["text"]}
        if kind == "image":
            ref = ImageRef.of(shown["image"])
            media[ref.digest] = PNG, png(shown["image"])
            return {"image": ref.digest, "width": ref.width, "height": ref.height}
        samples: np.ndarray = shown["audio"]
        name = hashlib.sha256(samples.tobytes()).hexdigest()[:32]
        media[name] = WAV, wave_file(samples, shown["sampling_rate"])
        return {"sound": name}

    heard = [
        {"role": message["role"], "parts": [part(shown) for shown in message["content"]]}
        for message in conversation.messages
        if message["role"] != "system"
    ]
    return {
        "environment": task.env_id,
        "episode": conversation.key + 1,
        "level": task.options.get("level"),
        "turn": conversation.turn + 1,
        "instruction": conversation.instruction,
        "tools": [schema["function"] for schema in conversation.space.schemas()],
        "max_calls": conversation.space.max_calls,
        "feedback": conversation.feedback[-1] if conversation.feedback else "",
        "messages": heard,
    }


class _Server(LocalServer):
    def __init__(self, desk: _Desk, port: int):
        self.desk = desk
        super().__init__(_Handler, port)


class _Handler(LocalHandler):
    server: _Server

    def get(self, parts: list[str]) -> None:
        """The page, its state, a picture or a sound."""
        desk = self.server.desk
        match parts:
            case [""]:
                sources = "img-src 'self'; media-src 'self'; connect-src 'self'"
                page = assemble("human.html", ("page.css", "human.css"), ("elements.js", "human.js"), sources)
                self.answer(HTTPStatus.OK, page.encode(), HTML)
            case ["state", known] if known.isdecimal():
                self.answer(HTTPStatus.OK, desk.news(int(known)), JSON)
            case ["media", name] if name in desk.media:
                kind, content = desk.media[name]
                self.answer(HTTPStatus.OK, content, kind)
            case _:
                super().get(parts)

    def post(self, parts: list[str], content: Any) -> None:
        """An answer to what was asked."""
        if parts != ["answer"]:
            return super().post(parts, content)
        self.answer(HTTPStatus.OK, json.dumps({"problem": self.server.desk.take(content)}).encode(), JSON)
