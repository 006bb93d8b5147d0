"""Answers a page's requests from the episode's server, and refuses and records everything else."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmgym_web.browser.cdp import BrowserGone, CDPError, Session
from mmgym_web.messages import Request, Response, Server

__all__ = [
    "NavigationRefused",
    "NetworkGuard",
    "Refusal",
    "Request",
    "Response",
    "Server",
    "check_address",
    "host_and_ports",
    "is_allowed",
]

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
BODY_LIMIT = 64 << 20
"""Bytes of a response; a larger one ends the episode."""

_BROKEN = Response(500, [("content-type", "text/plain")], b"Internal Server Error")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """Something a page was not allowed to do."""

    url: str
    """What was asked for."""
    kind: str
    """What for: a resource type of the DevTools protocol (Document, Image, ...), Navigation, WebSocket, Download."""
    reason: str
    """Why not."""


class NavigationRefused(ValueError):
    """An address that may not be visited.

    Args:
        url: the address.
        reason: why not, for the agent to read.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url[:200]!r} was refused: {reason}")
        self.url = url
        self.reason = reason

    @property
    def failed(self) -> bool:
        """Whether the address may be visited, but could not be reached."""
        return self.reason.startswith("net::")


def check_address(url: str) -> str:
    """An address that may be typed into the address bar, stripped.

    Raises:
        NavigationRefused: unless it is ``http://host...``, ``https://host...`` or ``about:blank``.
    """
    url = url.strip(" ")
    if url == "about:blank":
        return url
    # Browsers drop tabs and newlines inside an address, which hides a scheme from a reader who does not.
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise NavigationRefused(url, "an address has no blanks, backslashes or control characters")
    scheme = url.partition(":")[0].lower() if ":" in url else ""
    if scheme not in ("http", "https"):
        raise NavigationRefused(url, "only http:// and https:// addresses can be visited")
    try:
        host = urlsplit(url).hostname
    except ValueError as error:
        raise NavigationRefused(url, str(error)) from error
    if not host or not re.match(r"https?://", url, re.IGNORECASE):
        raise NavigationRefused(url, "an address names a host, as in http://host/path")
    return url


def is_allowed(url: str, allow_hosts: Iterable[str]) -> bool:
    """Whether an address is at one of some hosts.

    Args:
        url: the address.
        allow_hosts: ``host``, ``*.example.org`` (its subdomains), or either with ``:port``; without, ports 80 and 443.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return False
    for name, ports in map(host_and_ports, allow_hosts):
        if port in ports and (host == name or (name.startswith("*.") and host.endswith(name[1:]))):
            return True
    return False


def host_and_ports(allowed: str) -> tuple[str, tuple[int, ...]]:
    """The host of an entry of `is_allowed`, and the ports that it means.

    Raises:
        ValueError: for what is no host.
    """
    wrong = f"must be hosts such as example.org, *.example.org or localhost:8000; got {allowed!r}"
    try:
        parts = urlsplit(f"//{allowed}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(wrong) from error
    if not host or re.search(r"[/@?#,;\s]", allowed):
        raise ValueError(wrong)
    return host, (port,) if port else (80, 443)


class NetworkGuard:
    """Decides on every request of one page.

    Args:
        server: plays the episode's sites; None for none.
        allow_hosts: hosts that the page may really reach (see `is_allowed`).
        uploads: files that the page was given, by name.
        refuse: called with each `Refusal`.
        failed: called with what a server raised.
        too_large: called with a kind and a message when a response is too large to be handed over.
    """

    def __init__(
        self,
        server: Server | None,
        allow_hosts: tuple[str, ...],
        uploads: Mapping[str, Path],
        refuse: Callable[[Refusal], None],
        failed: Callable[[str, Exception], None],
        too_large: Callable[[str, str], None],
    ) -> None:
        self.server = server
        self.allow_hosts = allow_hosts
        self._uploads = uploads
        self._refuse = refuse
        self._failed = failed
        self._too_large = too_large
        self._tasks: set[asyncio.Task[None]] = set()

    async def watch(self, session: Session) -> None:
        """Intercept every request of a session's target."""
        await session.send("Fetch.enable", patterns=[{"urlPattern": "*"}])

    def paused(self, session: Session, params: dict[str, Any], main_frame: bool) -> None:
        """Take care of a `Fetch.requestPaused` event."""
        task = asyncio.get_running_loop().create_task(self._decide(session, params, main_frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Stop answering."""
        self.server = None
        for task in self._tasks:
            task.cancel()

    async def _decide(self, session: Session, params: dict[str, Any], main_frame: bool) -> None:
        identifier, kind = params["requestId"], params["resourceType"]
        url = params["request"]["url"]
        try:
            parts = urlsplit(url)
            response = None
            if parts.scheme not in ("http", "https"):
                reason = f"{parts.scheme}: addresses are not opened"
            elif is_allowed(url, self.allow_hosts):
                await session.send("Fetch.continueRequest", requestId=identifier)
                return
            elif parts.path == "/favicon.ico" and kind == "Other":
                # A full browser asks for it by itself, a headless shell does not: the server shall not see which it is.
                await _fulfill(session, identifier, Response(404))
                return
            else:
                reason = f"{parts.hostname} is none of this episode's sites"
                response = await self._answer(session, params)
            if response is None:
                self._refuse(Refusal(url, kind, reason))
                # An aborted navigation leaves the page where it is; a blocked one would show an error page.
                blocked = "Aborted" if kind == "Document" and main_frame else "BlockedByClient"
                await session.send("Fetch.failRequest", requestId=identifier, errorReason=blocked)
                return
            if len(response.body) > BODY_LIMIT:
                self._too_large(
                    "memory", f"{url[:200]} is {len(response.body) >> 20} MB large; allowed are {BODY_LIMIT >> 20}"
                )
                return
            try:
                await _fulfill(session, identifier, response)
            except (CDPError, TypeError) as error:
                if "InterceptionId" in str(error):
                    raise
                # Nothing that HTTP knows: a status or a header that cannot be, a body that is no bytes.
                self._failed(url, error)
                await _fulfill(session, identifier, _BROKEN)
        except (CDPError, BrowserGone) as error:
            # The page has gone on, or away, and wants no answer any more.
            logger.debug("request %s was dropped: %s", url, error)
        except (ValueError, KeyError, OSError) as error:  # an address or a body that cannot be read
            logger.debug("request %s cannot be read: %s", url, error)
            session.post("Fetch.failRequest", requestId=identifier, errorReason="Failed")

    async def _answer(self, session: Session, params: dict[str, Any]) -> Response | None:
        if self.server is None:
            return None
        asked = params["request"]
        request = Request(
            method=asked["method"],
            url=asked["url"],
            headers=list(asked["headers"].items()),
            body=await _body(session, params, self._uploads),
            kind=params["resourceType"],
        )
        try:
            response = await self.server.answer(request)
            if not isinstance(response, Response | None):
                raise TypeError(f"a server answers with a Response or None; got {type(response).__name__}")
            return response
        except Exception as error:  # whatever a server raises is its page's error, as on the web
            logger.debug("server failed on %s", request.url, exc_info=True)
            self._failed(request.url, error)
            return _BROKEN


async def _fulfill(session: Session, identifier: str, response: Response) -> None:
    await session.send(
        "Fetch.fulfillRequest",
        requestId=identifier,
        responseCode=response.status,
        responseHeaders=[{"name": name, "value": value} for name, value in response.headers],
        body=base64.b64encode(response.body).decode(),
    )


async def _body(session: Session, params: dict[str, Any], uploads: Mapping[str, Path]) -> bytes:
    asked = params["request"]
    if not asked.get("hasPostData"):
        return b""
    parts: list[bytes] = []
    for entry in asked.get("postDataEntries") or []:
        if "bytes" in entry:
            parts.append(base64.b64decode(entry["bytes"]))
            continue
        # The bytes of a file are not told, only that there is one, after the heading that names it.
        named = re.findall(rb'filename="([^"]*)"', parts[-1]) if parts else []
        path = uploads.get(named[-1].decode(errors="replace")) if named else None
        if path is None:
            parts.clear()
            break
        parts.append(await asyncio.to_thread(path.read_bytes))
    if parts:
        return b"".join(parts)
    found = await session.send("Network.getRequestPostData", requestId=params["networkId"])
    if found.get("base64Encoded"):
        return base64.b64decode(found["postData"])
    return str(found["postData"]).encode()
