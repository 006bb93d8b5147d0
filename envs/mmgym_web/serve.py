"""Servers that play a site inside this process: an ASGI or WSGI application, a folder of files, several hosts.

No port and no second process: a page's request becomes a function call. Each application has one thread of its own and
answers strictly one request after the other, so that what it does depends on the order of requests alone, a SQLite
connection never changes threads, and an application that blocks stops its own episode and nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import mimetypes
import queue
import sys
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import Future
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote_to_bytes, urlsplit

from mmgym_web.messages import Request, Response, Server

__all__ = ["AsgiServer", "HostRouter", "SerialThread", "StaticFolder", "WsgiServer", "html_error"]

ANSWER_SECONDS = 20.0
"""Wall-clock seconds an application may take for one answer, unless it is built with another limit."""
MAX_BODY = 64 * 2**20
"""Largest body of a response, in bytes; a longer one is an error of the application."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
T = TypeVar("T")

_LOG = logging.getLogger(__name__)
# Between a browser and its server these describe the connection, and here there is none.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authenticate"}


def html_error(status: int, detail: str = "") -> Response:
    """A small HTML page that says what went wrong."""
    title = f"{status} {HTTPStatus(status).phrase}"
    body = f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{detail}</p>"
    return Response(status, [("Content-Type", "text/html; charset=utf-8")], body.encode())


class HostRouter:
    """Several sites at once, each under its host.

    Args:
        sites: server by host, ``"shop.example"`` or ``"shop.example:8000"``. A request to any other host is refused.
    """

    def __init__(self, sites: Mapping[str, Server]):
        self.sites = {host.lower(): server for host, server in sites.items()}

    async def answer(self, request: Request) -> Response | None:
        """The answer of the request's host; None when there is no such site."""
        parts = urlsplit(request.url)
        site = self.sites.get(parts.netloc.lower()) or self.sites.get((parts.hostname or "").lower())
        return None if site is None else await site.answer(request)


class StaticFolder:
    """The files of a folder. Names that begin with a dot, and links that leave the folder, are not found.

    Args:
        folder: the folder; a request for a folder in it gets its ``index.html``.

    Raises:
        NotADirectoryError: when there is no such folder.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder: a static site needs one")
        # Without the machine's own tables, so that a file has the same type everywhere.
        self._types = mimetypes.MimeTypes(filenames=())

    async def answer(self, request: Request) -> Response | None:
        """The file named by the path of the URL."""
        if request.method not in ("GET", "HEAD"):
            return html_error(405, "These are files: they can only be read.")
        url = urlsplit(request.url)
        path = self._find(url.path)
        if path is not None and path.is_dir():
            if not url.path.endswith("/"):
                return Response(301, [("Location", f"/{quote(url.path.strip('/'), safe='/%')}/")])
            path = self._inside(path / "index.html")
        if path is None or not path.is_file():
            return html_error(404, "There is no such file.")
        kind = self._types.guess_type(path.name)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind.endswith(("javascript", "json", "xml")):
            kind += "; charset=utf-8"
        body = path.read_bytes()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        return Response(200, headers, b"" if request.method == "HEAD" else body)

    def _find(self, quoted: str) -> Path | None:
        try:
            names = [name for name in unquote_to_bytes(quoted).decode().split("/") if name]
            if any(name.startswith(".") or "\\" in name or "\0" in name for name in names):
                return None
        except UnicodeDecodeError:
            return None
        return self._inside(self.folder.joinpath(*names))

    def _inside(self, path: Path) -> Path | None:
        """Where a path leads, if that exists and is in the folder."""
        try:
            path = path.resolve(strict=True)
        except (OSError, RuntimeError):  # nothing there, a name too long, a link to itself
            return None
        return path if path.is_relative_to(self.folder) else None


class _Application:
    """What ASGI and WSGI applications share: the thread, the limits and the record of errors.

    Args:
        limit: wall-clock seconds for one answer.
        thread: the thread that runs the application; None makes one. Applications with state in common share one.
    """

    def __init__(self, limit: float = ANSWER_SECONDS, thread: SerialThread | None = None):
        self.limit = limit
        self.errors: list[str] = []
        """What the application raised, as ``Type: message``, oldest first; each was answered with status 500."""
        self._own_thread = thread is None
        self._thread = thread or SerialThread(type(self).__name__)

    async def answer(self, request: Request) -> Response | None:
        """The application's answer: 500 when it raised, 503 when it took longer than the limit."""
        try:
            future = asyncio.wrap_future(self._thread.call(lambda: self._respond(request)))
            done, _ = await asyncio.wait([future], timeout=self.limit)
            if done:
                return _finish(request, future.result())
            future.cancel()
            self._thread.stuck = True
            self.errors.append(f"TimeoutError: no answer to {request.method} {request.url} in {self.limit:g} s")
            return html_error(503, "The application did not answer in time.")
        except Exception as error:
            _LOG.info("the application failed at %s %s", request.method, request.url, exc_info=True)
            self.errors.append(f"{type(error).__name__}: {error}")
            return html_error(500, "The application failed.")

    def _respond(self, request: Request) -> Response:
        raise NotImplementedError

    def close(self) -> None:
        """Stop the thread; the server answers no more."""
        if self._own_thread:
            self._thread.stop()


class WsgiServer(_Application):
    """A WSGI application (PEP 3333): Flask, Django, Bottle and older ones.

    Args:
        app: the application.
        limit: wall-clock seconds for one answer.
        thread: a thread to share with applications that have state in common; None makes one.
    """

    def __init__(self, app: WsgiApp, limit: float = ANSWER_SECONDS, thread: SerialThread | None = None):
        super().__init__(limit, thread)
        self.app = app

    def _respond(self, request: Request) -> Response:
        head: list[tuple[str, list[tuple[str, str]]]] = []
        body = _Body()

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            if head and exc_info is None:
                raise RuntimeError("the application called start_response twice")
            head[:] = [(status, list(headers))]
            return body.add

        chunks = self.app(_wsgi_environ(request), start_response)
        try:
            for chunk in chunks:
                body.add(chunk)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if not head:
            raise RuntimeError("the application never called start_response")
        status, headers = head[0]
        return Response(int(status.split()[0]), headers, bytes(body.content))


class AsgiServer(_Application):
    """An ASGI application: Starlette, FastAPI, Quart, Django and others.

    Its lifespan starts before the first answer and ends with `close`. Its event loop runs only while it answers: a task
    that it leaves behind goes on with the next request.

    Args:
        app: the application.
        limit: wall-clock seconds for one answer.
    """

    def __init__(self, app: AsgiApp, limit: float = ANSWER_SECONDS):
        super().__init__(limit)
        self.app = app
        self._runner: asyncio.Runner | None = None
        self._stack = contextlib.AsyncExitStack()
        self._state: dict[str, Any] = {}

    def _respond(self, request: Request) -> Response:
        if self._runner is None:
            self._runner = asyncio.Runner()
            self._runner.run(self._stack.enter_async_context(_lifespan(self.app, self._state)))
        return self._runner.run(self._call(request))

    async def _call(self, request: Request) -> Response:
        head: list[Any] = []
        body = _Body()
        incoming: list[dict[str, Any]] = [{"type": "http.request", "body": request.body, "more_body": False}]
        done = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                head[:] = [message]
            elif message["type"] == "http.response.body":
                body.add(message.get("body", b""))
                if not message.get("more_body", False):
                    done.set()

        await self.app({**_asgi_scope(request), "state": dict(self._state)}, receive, send)
        if not head:
            raise RuntimeError("the application sent no response")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head[0].get("headers", ())]
        return Response(head[0]["status"], headers, bytes(body.content))

    def close(self) -> None:
        """End the application's lifespan and stop its thread; the server answers no more."""
        if not self._thread.stuck:
            try:
                self._thread.call(self._end).result(self.limit)
            except Exception:  # nobody is there any more whom it could concern
                _LOG.warning("the application failed when it was ended", exc_info=True)
        super().close()

    def _end(self) -> None:
        if self._runner is not None:
            self._runner.run(self._stack.aclose())
            self._runner.close()
            self._runner = None


class SerialThread:
    """One daemon thread that runs functions one after the other, in the order in which they came.

    A daemon, unlike those of `concurrent.futures`: a function that never returns does not keep the process from ending.
    """

    def __init__(self, name: str):
        self.stuck = False
        """Set by who has waited too long: what is called from then on fails at once."""
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Run a function on the thread, after those called before it."""
        future: Future[T] = Future()
        if self.stuck:
            future.set_exception(RuntimeError("the application hangs in an earlier request"))
        else:
            self._calls.put((function, future))
        return future

    def stop(self) -> None:
        """End the thread once it has done what was called before."""
        self._calls.put(None)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            function, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))


class _Body:
    """The bytes of a response, up to `MAX_BODY`."""

    def __init__(self) -> None:
        self.content = bytearray()

    def add(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) > MAX_BODY:
            raise OverflowError(f"the response is longer than {MAX_BODY} bytes")


@contextlib.asynccontextmanager
async def _lifespan(app: AsgiApp, state: dict[str, Any]) -> Any:
    """The application's startup and shutdown; nothing for one that knows no lifespan (it raises at that scope)."""
    said: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}

    async def run() -> None:
        try:
            await app(scope, told.get, said.put)
        except Exception as error:
            _LOG.debug("no lifespan: %r", error)
        await said.put({"type": "ended"})

    task = asyncio.ensure_future(run())
    await told.put({"type": "lifespan.startup"})
    answer = await said.get()
    if answer["type"] == "lifespan.startup.failed":
        raise RuntimeError(f"the application failed to start: {answer.get('message', '')}")
    yield
    if answer["type"] == "lifespan.startup.complete":
        await told.put({"type": "lifespan.shutdown"})
    await task


def _request_headers(request: Request) -> list[tuple[str, str]]:
    """The headers an application sees: always a host, and no offer to read compressed answers."""
    headers = [(name.lower(), value) for name, value in request.headers if name.lower() != "accept-encoding"]
    if not any(name == "host" for name, _ in headers):
        headers.insert(0, ("host", urlsplit(request.url).netloc))
    if request.body and not any(name == "content-length" for name, _ in headers):
        headers.append(("content-length", str(len(request.body))))
    return headers


def _address(request: Request) -> tuple[str, str, int]:
    parts = urlsplit(request.url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _wsgi_environ(request: Request) -> dict[str, Any]:
    scheme, host, port = _address(request)
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _request_headers(request):
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        joiner = "; " if name == "cookie" else ","
        value = _bytes(value).decode("latin-1")  # as WSGI has bytes
        environ[key] = f"{environ[key]}{joiner}{value}" if key in environ else value
    return environ


def _bytes(value: str) -> bytes:
    """A header's value as a browser sends it."""
    return value.encode("utf-8", "replace")


def _asgi_scope(request: Request) -> dict[str, Any]:
    scheme, host, port = _address(request)
    parts = urlsplit(request.url)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": scheme,
        "path": unquote_to_bytes(parts.path or "/").decode("utf-8", "replace"),
        "raw_path": (parts.path or "/").encode("ascii", "replace"),
        "query_string": parts.query.encode("ascii", "replace"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), _bytes(value)) for name, value in _request_headers(request)],
        "client": ("127.0.0.1", 50000),
        "server": (host, port),
    }


def _finish(request: Request, response: Response) -> Response:
    """The response as a browser can take it: no headers of a connection, not compressed, a true length."""
    headers = [(name, value) for name, value in response.headers if name.lower() not in _HOP_BY_HOP]
    body = response.body
    encodings = [value.strip().lower() for name, value in headers if name.lower() == "content-encoding"]
    if encodings in (["gzip"], ["deflate"]) and body:
        body = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(body, MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise OverflowError(f"the response is longer than {MAX_BODY} bytes")
        headers = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
    if request.method == "HEAD" or response.status in (204, 304):
        return Response(response.status, headers, b"")
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    return Response(response.status, [*headers, ("Content-Length", str(len(body)))], body)
