"""Checkpoints that survive being cut off: written aside, synced, renamed; the newest whole one is used.

A checkpoint is one file with its hash beside it; where weights are sharded it is a folder
(`mmgym.learn.sharded_checkpoint`).
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    aside = path.with_name(path.name + ".partial")
    with aside.open("wb") as file:
        file.write(content)
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
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(folder / f"{number:08d}.pt", content)
    write_atomically(folder / f"{number:08d}.sha256", digest.encode())


def _read_folder(path: Path, world: World, layout: Layout | None) -> dict[str, Any] | None:
    from mmgym.learn.sharded_checkpoint import read_folder

    return read_folder(path, world, layout)


def _read_file(path: Path) -> dict[str, Any] | None:
    content = path.read_bytes()
    noted = path.with_suffix(".sha256")
    if noted.is_file() and noted.read_text().strip() == hashlib.sha256(content).hexdigest():
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return None
