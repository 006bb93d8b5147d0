"""Checkpoints that survive being cut off: written aside, synced, renamed; the newest whole one is used."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["latest_checkpoint", "save_checkpoint", "write_atomically"]

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


def save_checkpoint(folder: Path, number: int, state: dict[str, Any]) -> None:
    """Write checkpoint `number` and forget all but the last two."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(folder / f"{number:08d}.pt", content)
    write_atomically(folder / f"{number:08d}.sha256", digest.encode())
    for old in sorted(folder.glob("*.pt"))[:-_KEPT]:
        old.unlink()
        old.with_suffix(".sha256").unlink(missing_ok=True)


def latest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, or None. A damaged one is passed over with a warning."""
    for path in sorted(folder.glob("*.pt"), reverse=True):
        content = path.read_bytes()
        noted = path.with_suffix(".sha256")
        if noted.is_file() and noted.read_text().strip() == hashlib.sha256(content).hexdigest():
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        logger.warning(
            "checkpoint %s is damaged (cut off while it was written?): using the one before it, if any", path
        )
    return None
