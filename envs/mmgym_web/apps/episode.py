"""An episode on a real application: its fresh data, its one site, and what has changed since the start.

It speaks like WebNav's `Episode`, so that task templates and experts are written the same way for both.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.util
import json
import os
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from mmgym_web.apps.clock import Clock
from mmgym_web.messages import Request, Response
from mmgym_web.serve import SerialThread, WsgiServer
from mmgym_web.webnav.kit.changes import RowChange
from mmgym_web.webnav.kit.world import World

__all__ = ["AppEpisode", "AppSite", "Rows"]

Rows = dict[str, dict[Any, dict[str, Any]]]
"""An application's content: rows by table and key, as JSON-able values."""

_threads: dict[tuple[int, str], SerialThread] = {}


class AppSite:
    """The one site of an episode."""

    def __init__(self, name: str, host: str):
        self.name, self.host = name, host

    def url(self, path: str = "/") -> str:
        """The absolute URL of a path."""
        return f"http://{self.host}{path}"

    def t(self, label: str, **values: Any) -> str:
        """A label as the page shows it."""
        return label.format(**values) if values else label


class AppEpisode:
    """An application with the data of one world.

    Its time stands still at the world's moment, but for a second per page or form; its random numbers come from the
    world and the request. All episodes of one application in a process answer on one thread, one request at a time.

    Args:
        world: the world its data is drawn from.

    Raises:
        ModuleNotFoundError: when the application is not installed; the message names the command that installs it.
    """

    name: ClassVar[str]
    """Name of the site, and of the application."""
    module: ClassVar[str]
    """The module that must be installed."""
    incidental: ClassVar[frozenset[str]] = frozenset()
    """Tables and ``table.column`` whose changes do not count."""
    clock: ClassVar[Clock]
    """What the application's modules see instead of the machine's clock."""

    def __init__(self, world: World):
        require(self.module)
        self.world = world
        self.host = f"{self.name}.{world.town}.test"
        self._site = AppSite(self.name, self.host)
        self.thread = _shared_thread(self.name)
        self._server = _Server(self)
        self._start = world.now.replace(tzinfo=dt.UTC).timestamp()
        self.answered = 0
        """Number of requests answered."""
        self._before: Rows = {}
        self._read_at, self._changes = 0, list[RowChange]()

    def open(self) -> None:
        """Make the application's data: the world's content as it is at the start."""
        self.thread.call(self._fill).result()
        self._before = self.rows()

    # --- what an application defines ---

    def _fill(self) -> None:
        """Make the data of the world. Runs on the application's thread."""
        raise NotImplementedError

    def application(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WSGI application with this episode's data. Runs on the application's thread."""
        raise NotImplementedError

    def rows(self) -> Rows:
        """The application's content now, read from its own files."""
        raise NotImplementedError

    def close(self) -> None:
        """Remove the episode's files."""
        raise NotImplementedError

    # --- what the environment and the experts use ---

    @property
    def errors(self) -> list[str]:
        """What the application raised."""
        return self._server.errors

    @property
    def hangs(self) -> bool:
        """Whether a request was never answered, so that none can be any more."""
        return self.thread.stuck

    def site(self, name: str) -> AppSite:
        """The site.

        Raises:
            ValueError: for another name.
        """
        if name != self.name:
            raise ValueError(f"site must be {self.name}; got {name!r}")
        return self._site

    def site_at(self, url: str) -> str:
        """Name of the site that a URL belongs to; empty for none."""
        return self.name if urlsplit(url).hostname == self.host else ""

    async def answer(self, request: Request) -> Response | None:
        """The application's answer; None for any other host."""
        return await self._server.answer(request) if self.site_at(request.url) else None

    def changes(self) -> list[RowChange]:
        """What changed since the start, ordered by table and key."""
        if self._read_at != self.answered:
            self._read_at = self.answered
            self._changes = compare(self._before, self.rows())
        return self._changes

    def state(self) -> dict[str, Any]:
        """The application's state as JSON-able values."""
        return {"changes": json.loads(json.dumps([[c.table, c.kind, c.before, c.after] for c in self.changes()]))}

    def set_clock(self, seconds: float, key: str = "") -> None:
        """Stop the application's clock `seconds` after the start of the episode (before it, if negative)."""
        self.clock.set(self._start + seconds, f"{self.world.seed}/{self.world.split}/{seconds}/{key}")


class _Server(WsgiServer):
    """Serves an episode, and moves its clock."""

    def __init__(self, episode: AppEpisode):
        super().__init__(episode.application, thread=episode.thread)
        self._episode, self._seconds = episode, 0

    def _respond(self, request: Request) -> Response:
        # Which of a page's files is asked for first is up to the browser: only what it does in order moves the clock.
        if request.method != "GET" or request.kind == "Document":
            self._seconds += 1
        self._episode.set_clock(self._seconds, request.url)
        try:
            return super()._respond(request)
        finally:
            self._episode.answered += 1


def compare(before: Rows, after: Rows) -> list[RowChange]:
    """Every difference of two contents, ordered by table and key."""
    found = []
    for table in sorted(before.keys() | after.keys()):
        old, new = before.get(table, {}), after.get(table, {})
        for key in sorted(old.keys() | new.keys(), key=lambda key: (key not in old, str(key))):
            if old.get(key) == new.get(key):
                continue
            kind: Literal["insert", "update", "delete"] = (
                "insert" if key not in old else "delete" if key not in new else "update"
            )
            found.append(RowChange(table, kind, old.get(key, {}), new.get(key, {})))
    return found


def require(module: str) -> None:
    """Check that an application is installed.

    Raises:
        ModuleNotFoundError: when it is not; the message names the command that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(f"{module} is not installed: pip install 'mmgym[web-apps]'", name=module)


def digest(content: bytes) -> str:
    """A short hash that stands for bytes in rows."""
    return hashlib.sha256(content).hexdigest()[:16]


def _shared_thread(name: str) -> SerialThread:
    """The thread of an application in this process; a new one after one got stuck."""
    key = (os.getpid(), name)
    if key not in _threads or _threads[key].stuck:
        _threads[key] = SerialThread(name)
    return _threads[key]
