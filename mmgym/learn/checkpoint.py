"""Checkpoints that survive being cut off: written aside, synced, renamed; the newest whole one is used.

A checkpoint is one file with its hash beside it; where weights are sharded it is a folder
(`mmgym.learn.sharded_checkpoint`).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from mmgym.learn.config import ConfigurationError
from mmgym.learn.distributed import World

if TYPE_CHECKING:
    from mmgym.learn.sharded_checkpoint import Layout

__all__ = ["has_checkpoints", "latest_checkpoint", "save_checkpoint", "write_atomically"]

logger = logging.getLogger(__name__)
_KEPT = 2


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    with _aside(path) as file:
        file.write(content)


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[BinaryIO]:
    """A file to be written that gets its name when it is there whole."""
    aside = path.with_name(path.name + ".partial")
    with aside.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def save_checkpoint(
    folder: Path, number: int, state: dict[str, Any], world: World | None = None, sharded: bool = False
) -> None:
    """Write checkpoint `number` and forget all but the last two.

    Args:
        folder: where checkpoints are.
        number: higher than those before.
        state: nested dicts, lists and tuples of tensors and plain values.
        world: the processes, all of which must call it; rank 0 writes what is not sharded.
        sharded: whether some of the tensors are.
    """
    world = world or World()
    if sharded:
        from mmgym.learn.sharded_checkpoint import write_folder

        write_folder(folder / f"{number:08d}", state, world)
    elif world.is_main:
        _write_file(folder, number, state)
    if world.is_main:
        for old in _checkpoints(folder)[:-_KEPT]:
            if old.is_dir():
                shutil.rmtree(old)
            else:
                old.unlink()
                old.with_suffix(".sha256").unlink(missing_ok=True)


def latest_checkpoint(folder: Path, world: World | None = None, layout: Layout | None = None) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, or None. A damaged one is passed over with a warning.

    Args:
        folder: where checkpoints are.
        world: the processes, all of which must call it.
        layout: how sharded tensors are spread over them; None reads them whole.

    Raises:
        ConfigurationError: in every process, when they do not see the same checkpoints.
    """
    world = world or World()
    seen = _checkpoints(folder)
    names = world.gather([path.name for path in seen])
    if names.count(names[0]) < world.size:
        rank = next(rank for rank, found in enumerate(names) if found != names[0])
        raise ConfigurationError(
            f"the processes see different checkpoints in {folder}: process 0 {', '.join(names[0]) or 'none'}, "
            f"process {rank} {', '.join(names[rank]) or 'none'}; it must lie on a file system that all share"
        )
    for path in reversed(seen):
        state = _read_folder(path, world, layout) if path.is_dir() else _read_file(path)
        if all(world.gather(state is not None)):
            return state
        logger.warning(
            "checkpoint %s is damaged (cut off while it was written?): using the one before it, if any", path
        )
    return None


def has_checkpoints(folder: Path) -> bool:
    """Whether there is any, whole or damaged."""
    return bool(_checkpoints(folder))


def _checkpoints(folder: Path) -> list[Path]:
    """Those that have their name, the oldest first."""
    found = [path for path in folder.glob("*") if path.stem.isdecimal() and path.suffix in ("", ".pt")]
    return sorted(found, key=lambda path: int(path.stem))


def _write_file(folder: Path, number: int, state: dict[str, Any]) -> None:
    """Written as it is made: in memory there is no second copy of weights and moments."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:08d}.pt"
    with _aside(path) as file:
        digest: Any = _Digested(file)
        torch.save(state, digest)
    write_atomically(path.with_suffix(".sha256"), digest.hexdigest().encode())


def _read_folder(path: Path, world: World, layout: Layout | None) -> dict[str, Any] | None:
    from mmgym.learn.sharded_checkpoint import read_folder

    return read_folder(path, world, layout)


def _read_file(path: Path) -> dict[str, Any] | None:
    noted = path.with_suffix(".sha256")
    if not noted.is_file():
        return None
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != noted.read_text().strip():
            return None
    return torch.load(path, map_location="cpu", weights_only=True)


class _Digested:
    """A file that is written from front to end, and the hash of what went into it."""

    def __init__(self, file: BinaryIO):
        self._file, self._hash = file, hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Write more."""
        self._hash.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        """Nothing: who opened the file does it."""

    def hexdigest(self) -> str:
        """The hash of all that was written."""
        return self._hash.hexdigest()
