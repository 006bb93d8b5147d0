"""A small server of this machine alone, which the pages of reports and of people who play are had from.

Requests for another host than this one are refused, lest a page from elsewhere gives itself this machine's name; what
changes something must come as JSON, which no page from elsewhere may send.
"""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["HTML", "JSON", "PNG", "WAV", "LocalHandler", "LocalServer"]

HTML, JSON, PNG, WAV = "text/html; charset=utf-8", "application/json", "image/png", "audio/wav"
_LONGEST = 1_000_000
"""Longest body of a request, in bytes."""


class LocalServer(ThreadingHTTPServer):
    """Listens at 127.0.0.1.

    Args:
        handler: answers requests.
        port: 0 takes a free one.

    Raises:
        OSError: when the port is taken.
    """

    daemon_threads = True

    def __init__(self, handler: type[LocalHandler], port: int = 0):
        super().__init__(("127.0.0.1", port), handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is that the browser has gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class LocalHandler(BaseHTTPRequestHandler):
    """Answers requests; `get` and `post` are for the pages to say."""

    server: LocalServer
    timeout = 60

    def get(self, parts: list[str]) -> None:
        """Answer a request for the address made of `parts`."""
        self.answer(HTTPStatus.NOT_FOUND, b"there is no such page\n")

    def post(self, parts: list[str], content: Any) -> None:
        """Take `content`, read as JSON."""
        self.answer(HTTPStatus.NOT_FOUND, b"there is no such page\n")

    def do_GET(self) -> None:
        """A request that reads."""
        if self._is_local():
            self.get(self._parts())

    def do_POST(self) -> None:
        """A request that changes something."""
        if not self._is_local():
            return
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != JSON or not length.isdecimal() or int(length) > _LONGEST:
            self.close_connection = True
            return self.answer(HTTPStatus.BAD_REQUEST, b"what is sent must be JSON of at most a million bytes\n")
        try:
            content = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return self.answer(HTTPStatus.BAD_REQUEST, b"what is sent must be JSON\n")
        self.post(self._parts(), content)

    def answer(self, status: HTTPStatus, content: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=3600, immutable" if kind in (PNG, WAV) else "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the terminal is for what matters."""

    def _is_local(self) -> bool:
        port = self.server.server_port
        if self.headers.get("Host", "") in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return True
        self.close_connection = True
        self.answer(HTTPStatus.FORBIDDEN, b"this server answers at 127.0.0.1 only\n")
        return False

    def _parts(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
