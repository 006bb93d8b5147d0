"""Checkpoints whose tensors are spread over processes: a folder that every process writes its part of.

Tensors that are sharded (`DTensor`) go through `torch.distributed.checkpoint`, which reads them back for any number of
processes; all else, which every process has alike, goes into one file. The folder is written aside. When the hash of
each file is noted in it, it gets its name: it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.tensor import DeviceMesh, DTensor, Placement
from torch.distributed.tensor import empty as empty_sharded

from mmgym.learn.distributed import World

__all__ = ["Layout", "read_folder", "write_folder"]

_MANIFEST, _REST, _METADATA = "manifest.json", "rest.pt", ".metadata"
_MARK = "sharded:"
"""How the file of all else names a tensor that is not in it."""

Layout = tuple[DeviceMesh, tuple[Placement, ...]]
"""Over which processes a tensor is spread, and how."""


def write_folder(path: Path, state: dict[str, Any], world: World) -> None:
    """Write a checkpoint. All processes must call it, on a file system that they share.

    Args:
        path: the folder; one that is there is replaced.
        state: nested dicts, lists and tuples of tensors and plain values.
        world: the processes.
    """
    aside = path.with_name(path.name + ".partial")
    if world.is_main:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    world.gather(None)  # nobody writes before the folder is empty
    with _quiet():
        dcp.save(_shards(state), storage_writer=dcp.FileSystemWriter(aside, sync_files=True))
    mine = sorted(file.name for file in aside.glob(f"__{world.rank}_*"))
    if world.is_main:
        with (aside / _REST).open("wb") as file:
            torch.save(_replace(state, lambda tensor, name: _MARK + name), file)
            file.flush()
            os.fsync(file.fileno())
        mine += [_METADATA, _REST]
    parts = world.gather({name: _digest(aside / name) for name in mine})
    if world.is_main:
        digests = {name: digest for part in parts for name, digest in part.items()}
        with (aside / _MANIFEST).open("w") as text:
            json.dump(digests, text, indent=2)
            text.flush()
            os.fsync(text.fileno())
        shutil.rmtree(path, ignore_errors=True)  # a damaged one, which was passed over
        os.replace(aside, path)
        _sync(path.parent)


def read_folder(path: Path, world: World, layout: Layout | None) -> dict[str, Any] | None:
    """Read a checkpoint; None if it is damaged. All processes must call it.

    Args:
        path: the folder.
        world: the processes.
        layout: how sharded tensors are spread now, which need not be as it was; None reads them whole.
    """
    if not all(world.gather(_is_whole(path, world))):
        return None
    state = torch.load(path / _REST, map_location="cpu", weights_only=True)
    stored = dcp.FileSystemReader(path).read_metadata().state_dict_metadata
    tensors = {
        name: _empty(found, layout) for name, found in stored.items() if isinstance(found, TensorStorageMetadata)
    }
    with _quiet():
        dcp.load(tensors, storage_reader=dcp.FileSystemReader(path), no_dist=layout is None)
    return _restore(state, tensors)


def _empty(stored: TensorStorageMetadata, layout: Layout | None) -> torch.Tensor:
    dtype = stored.properties.dtype
    if layout is None:
        return torch.empty(stored.size, dtype=dtype)
    mesh, placements = layout
    return empty_sharded(stored.size, dtype=dtype, device_mesh=mesh, placements=placements)


def _is_whole(path: Path, world: World) -> bool:
    """Whether this process's share of the files is as it was written."""
    manifest = path / _MANIFEST
    if not manifest.is_file():
        return False
    try:
        digests = json.loads(manifest.read_text())
    except ValueError:  # cut off, or no text at all
        return False
    names = world.share(sorted(digests))
    return all((path / name).is_file() and _digest(path / name) == digests[name] for name in names)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    os.fsync(number)
    os.close(number)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep remarks of `torch.distributed.checkpoint` that say nothing to a user out of the way."""
    known = logging.getLogger("torch.distributed.checkpoint")
    level = known.level
    known.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        known.setLevel(level)


def _shards(state: Any) -> dict[str, Any]:
    """The sharded tensors, each by the path that leads to it."""
    found: dict[str, Any] = {}
    _replace(state, lambda tensor, name: found.update({name: tensor}))
    return found


def _replace(state: Any, function: Callable[[DTensor, str], Any], where: str = "") -> Any:
    """Nested dicts, lists and tuples with something in place of each sharded tensor."""
    if isinstance(state, DTensor):
        return function(state, where)
    if isinstance(state, dict):
        return {key: _replace(value, function, f"{where}/{key}") for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(_replace(value, function, f"{where}/{index}") for index, value in enumerate(state))
    return state


def _restore(state: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """The inverse of `_replace`."""
    if isinstance(state, str) and state.startswith(_MARK):
        return tensors[state.removeprefix(_MARK)]
    if isinstance(state, dict):
        return {key: _restore(value, tensors) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(_restore(value, tensors) for value in state)
    return state
