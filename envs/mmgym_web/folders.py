"""Temporary folders that belong to a process by a lock, so that what a killed one left can be swept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["abandoned_folders", "make_folder", "remove_folder"]


def make_folder(prefix: str) -> tuple[Path, int]:
    """A new folder, and the lock that says it is in use: held until it is closed or this process ends, however it does.

    Raises:
        OSError: when the temporary directory cannot be written.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))
        try:
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # without its lock it would never be swept
            shutil.rmtree(folder, ignore_errors=True)
            raise
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "lock").exists():  # nobody has swept it before it was locked
            return folder, lock
        os.close(lock)


def abandoned_folders(prefix: str) -> Iterator[tuple[Path, int]]:
    """Folders of this user's dead processes, each with its lock, to be removed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.geteuid():
                continue
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # its process lives
                os.close(lock)
                continue
            yield folder, lock


def remove_folder(folder: Path, lock: int) -> None:
    """Remove a folder and let go of its lock. Never raises."""
    for _ in range(10):  # a dying child may still write a file
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(0.02)
    with contextlib.suppress(OSError):
        os.close(lock)
