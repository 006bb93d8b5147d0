"""Runs that are going on, looked at while they run.

The server gives away the page, its index, and the episodes and pictures that the index names. An address is never a
path: what is asked for is looked up in the index, so that nothing else of the disk can be reached.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mmgym.store import StoreError
from mmgym.view.bench_report import index_of, read_shard
from mmgym.view.episodes import to_json
from mmgym.view.local import HTML, JSON, PNG, LocalHandler, LocalServer
from mmgym.view.page import page
from mmgym.view.sources import KEPT, Source

__all__ = ["Library", "Server"]

_KEPT_SHARDS = 8
_PATIENCE = 4
"""An index is kept for this many times as long as making it took: large runs are not reckoned with all the time."""
_CHANGING = ("bench.json", "episodes.jsonl", "metrics.jsonl", *(f"trajectories/{name}.parquet" for name in KEPT))


class Library:
    """What can be looked at in some folders, as it is now.

    Args:
        folders: of benchmark runs, or of one training run.

    Raises:
        FileNotFoundError: for a folder that holds nothing to look at.
    """

    def __init__(self, folders: Sequence[Path]):
        self._folders = list(folders)
        self._lock = threading.RLock()
        self._stamp, self._due = "", 0.0
        self._index: dict[str, Any] = {}
        self._sources: list[Source] = []
        self._shards: OrderedDict[tuple[int, str, str], tuple[list[dict[str, Any]], dict[str, bytes]]] = OrderedDict()
        self.index()

    def index(self) -> dict[str, Any]:
        """The index, made anew if there is something new; ``stamp`` says which it is."""
        with self._lock:
            stamp, started = self._newest(), time.monotonic()
            if stamp != self._stamp and started >= self._due:
                self._index, self._sources = index_of(self._folders)
                self._index["stamp"] = self._stamp = stamp
                self._due = time.monotonic() + _PATIENCE * (time.monotonic() - started)
            return self._index

    def shard(self, run: int, name: str) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        """The episodes of a shard that the index names, and their pictures.

        Raises:
            KeyError: for any other.
        """
        with self._lock:
            if [run, name] not in self._index["shards"]:
                raise KeyError(name)
            key = (run, name, self._sources[run].stamp() if self._index["kind"] == "training" else "")
            if key not in self._shards:
                self._shards[key] = read_shard(self._sources[run], name)
                if len(self._shards) > _KEPT_SHARDS:
                    self._shards.popitem(last=False)
            self._shards.move_to_end(key)
            return self._shards[key]

    def _newest(self) -> str:
        files = [folder / name for folder in self._folders for name in _CHANGING if (folder / name).is_file()]
        states = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
        return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


class Server(LocalServer):
    """Serves a `Library` at 127.0.0.1.

    Args:
        folders: what to look at.
        port: 0 takes a free one.

    Raises:
        FileNotFoundError: for a folder that holds nothing to look at.
        OSError: when the port is taken.
    """

    def __init__(self, folders: Sequence[Path], port: int = 0):
        self.library = Library(folders)
        super().__init__(_Handler, port)


class _Handler(LocalHandler):
    server: Server

    def get(self, parts: list[str]) -> None:
        """Answer a request."""
        try:
            found = self._find(parts)
        except (StoreError, FileNotFoundError, ValueError) as fault:  # files that were cut, damaged, or just removed
            return self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"{fault}\n".encode())
        except KeyError:
            found = None
        if found is None:
            return self.answer(HTTPStatus.NOT_FOUND, b"there is no such page\n")
        kind, content = found
        if not content:
            return self.answer(HTTPStatus.NOT_MODIFIED, b"")
        self.answer(HTTPStatus.OK, content, kind)

    def _find(self, parts: list[str]) -> tuple[str, bytes] | None:
        library = self.server.library
        match parts:
            case [""]:
                return HTML, page(library.index(), "served").encode()
            case ["index.json"]:
                index = library.index()
                known = self.headers.get("If-None-Match") == index["stamp"]
                return JSON, b"" if known else to_json({**index, "files": "served"}).encode()
            case ["shards", run, name] if run.isdecimal():
                return JSON, to_json({"episodes": library.shard(int(run), name)[0]}).encode()
            case ["pictures", run, name, file] if run.isdecimal():
                return PNG, library.shard(int(run), name)[1][file.removesuffix(".png")]
        return None
