"""Where episodes to look at come from: the folder of a benchmark run, or of a training run that keeps a few.

Each source gives records, which are small, and trajectories by shard, which are not and are read when looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mmgym.bench.records import Folder, Record, run_name
from mmgym.store import load_files
from mmgym.trajectory import Trajectory

__all__ = ["KEPT", "BenchSource", "KeptSource", "Source", "TokenText", "find_sources", "is_training", "token_text"]

TokenText = Callable[[int], str]
"""The text of a token id."""

KEPT = ("before", "latest", "after")
"""The sets of episodes that a training run keeps, in the order in which it writes them."""


class Source(Protocol):
    """Episodes of one agent."""

    name: str
    """What tables call it."""
    about: dict[str, Any]
    """What is known of it, JSON-able."""
    tokens: TokenText | None
    """How its agent's tokens read, if that is known."""

    def records(self) -> list[Record]:
        """What is kept of each episode for tables."""
        ...

    def load(self, shard: str) -> tuple[list[Trajectory], dict[str, bytes]]:
        """The trajectories of a shard, and their pictures as PNG files by digest."""
        ...

    def stamp(self) -> str:
        """Changes whenever there is something new."""
        ...


class BenchSource:
    """The folder of a benchmark run.

    Args:
        path: the folder.

    Raises:
        FileNotFoundError: when it holds no results.
    """

    def __init__(self, path: Path):
        self._folder = Folder(path)
        self.about = self._folder.about()
        self.name = run_name(self.about)
        self.tokens = token_text(Path(str(self.about.get("options", {}).get("path", ""))))

    def records(self) -> list[Record]:
        """See `Source`."""
        return self._folder.records()

    def load(self, shard: str) -> tuple[list[Trajectory], dict[str, bytes]]:
        """See `Source`."""
        return load_files(self._folder.shard(shard))

    def stamp(self) -> str:
        """See `Source`."""
        return _stamp(self._folder.path / "episodes.jsonl")


@dataclass
class KeptSource:
    """A set of episodes that a training run keeps."""

    path: Path
    name: str
    about: dict[str, Any]
    tokens: TokenText | None

    def records(self) -> list[Record]:
        """See `Source`."""
        trajectories = self.load(self.path.name)[0]
        return [Record.of(index, played, self.path.name, index) for index, played in enumerate(trajectories)]

    def load(self, shard: str) -> tuple[list[Trajectory], dict[str, bytes]]:
        """See `Source`."""
        return load_files(self.path)

    def stamp(self) -> str:
        """See `Source`."""
        return _stamp(self.path)


def find_sources(folders: Sequence[Path]) -> list[Source]:
    """The sources in some folders, each with a name of its own.

    Raises:
        FileNotFoundError: for a folder that holds neither results of a benchmark nor a training run.
    """
    found: list[Source] = []
    for folder in folders:
        if (folder / "bench.json").is_file():
            found.append(BenchSource(folder))
        elif is_training(folder):
            found += _kept(folder, prefix=f"{folder.name}, " if len(folders) > 1 else "")
        elif not folder.exists():
            raise FileNotFoundError(f"there is no folder {folder}")
        else:
            raise FileNotFoundError(
                f"{folder} holds nothing to look at: expected bench.json, of a benchmark, or metrics.jsonl, of training"
            )
    for source in found:
        same = [other for other in found if other.name == source.name]
        if len(same) > 1:
            for number, other in enumerate(same, 1):
                other.name = f"{other.name} ({number})"
    return found


def is_training(folder: Path) -> bool:
    """Whether a folder is that of a training run."""
    return (folder / "metrics.jsonl").is_file()


def token_text(checkpoint: Path) -> TokenText | None:
    """How the tokenizer of a checkpoint folder writes one token; None if it has none that can be read."""
    path = checkpoint / "tokenizer.json"
    if not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    tokenizer = Tokenizer.from_file(str(path))
    return lambda token: tokenizer.decode([token], skip_special_tokens=False) or f"#{token}"


def _kept(folder: Path, prefix: str) -> list[Source]:
    config = _read_json(folder / "config.json")
    start = config.get("policy", {}).get("checkpoint") or ""
    tokens = token_text(folder / "checkpoint") or token_text(Path(start))
    files = [(name, folder / "trajectories" / f"{name}.parquet") for name in KEPT]
    return [KeptSource(path, prefix + name, {}, tokens) for name, path in files if path.is_file()]


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text()) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def _stamp(path: Path) -> str:
    if not path.is_file():
        return ""
    status = path.stat()
    return f"{status.st_mtime_ns}-{status.st_size}"
