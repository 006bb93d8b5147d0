"""One episode's web: the sites of a world, their one database, and the browser's sessions. Plays the server's part."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mmgym_web.messages import Request, Response
from mmgym_web.webnav.kit.changes import Journal, RowChange
from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.kit.world import World

__all__ = ["Episode"]


class Episode:
    """The web of one world.

    Sites are filled when they are first needed: what is in them follows from the world alone, whenever that is.

    Args:
        world: the world.
        sites: the sites by name.
    """

    def __init__(self, world: World, sites: Mapping[str, type[Site]]):
        self.world = world
        self.db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.journal = Journal(
            self.db,
            frozenset().union(*(site.incidental for site in sites.values())),
            {table: key for site in sites.values() for table, key in site.known_by.items()},
        )
        self.sessions: dict[str, dict[str, dict[str, Any]]] = {}
        """What the sites remember: session data by site and cookie."""
        self.errors: list[str] = []
        """What the sites raised: failures of the machinery."""
        self._classes, self._sites = dict(sites), dict[str, Site]()
        self._hosts = {f"{name}.{world.town}.test": name for name in sites}

    def site(self, name: str) -> Site:
        """A site, filled.

        Raises:
            ValueError: for an unknown name.
        """
        if name not in self._classes:
            raise ValueError(f"site must be one of {', '.join(self._classes)}; got {name!r}")
        if name not in self._sites:
            site = self._classes[name](self)
            before = self._tables()
            self.db.executescript(site.schema)
            site.populate()
            self._sites[name] = site
            self.journal.watch(sorted(self._tables() - before))
        return self._sites[name]

    def site_at(self, url: str) -> str:
        """Name of the site that a URL belongs to; empty for none."""
        return self._hosts.get(urlsplit(url).hostname or "", "")

    def changes(self) -> list[RowChange]:
        """What changed in the database since the start, as tasks are judged by it."""
        return self.journal.effects()

    @property
    def incidental(self) -> frozenset[str]:
        """Tables and ``table.column`` whose changes do not count."""
        return self.journal.incidental

    def state(self) -> dict[str, Any]:
        """The server's state as JSON-able values: what changed since the start, and the sessions."""
        changes = [[c.table, c.kind, c.before, c.after] for c in self.journal.changes()]
        return {"changes": json.loads(json.dumps(changes, default=_hash_bytes)), "sessions": self.sessions}

    def new_session(self, site: str) -> str:
        """A fresh session cookie."""
        return self.world.rng("session", site, len(self.sessions.get(site, {}))).bytes(12).hex()

    async def answer(self, request: Request) -> Response | None:
        """Answer a request to one of the sites; None for any other host."""
        name = self.site_at(request.url)
        if not name:
            return None
        parts = urlsplit(request.url)
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "scheme": parts.scheme, "path": parts.path or "/", "raw_path": (parts.path or "/").encode(),
            "query_string": parts.query.encode(), "root_path": "", "server": (parts.hostname, 80),
            "headers": [
                *((key.lower().encode("latin-1"), value.encode("utf-8", "replace")) for key, value in request.headers),
                (b"host", (parts.hostname or "").encode()),
            ],
        }  # fmt: skip
        status, headers, body = 500, list[tuple[str, str]](), bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in message["headers"]]
            else:
                body.extend(message.get("body", b""))

        try:
            await self.site(name)(scope, receive, send)
        except Exception as error:
            self.errors.append(f"{request.method} {request.url}: {type(error).__name__}: {error}")
            raise
        return Response(status, headers, bytes(body))

    def close(self) -> None:
        """Close the database."""
        self.db.close()

    def _tables(self) -> set[str]:
        return {row[0] for row in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _hash_bytes(value: Any) -> str:
    return hashlib.sha256(value).hexdigest()
