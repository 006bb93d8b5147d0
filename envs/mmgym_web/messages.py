"""Requests and responses between a page and the server that plays its sites, in plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Request", "Response", "Server"]


@dataclass(frozen=True)
class Request:
    """What a page asked for."""

    method: str
    url: str
    """Absolute, without a fragment."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    kind: str = "Document"
    """What for, in the DevTools protocol's words: Document, Stylesheet, Image, XHR, Fetch, ..."""


@dataclass(frozen=True)
class Response:
    """What the server said."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Names may repeat (``Set-Cookie``)."""
    body: bytes = b""


class Server(Protocol):
    """Plays the sites of an episode."""

    async def answer(self, request: Request) -> Response | None:
        """The response to a request; None refuses it."""
