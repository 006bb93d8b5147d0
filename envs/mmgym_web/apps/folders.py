"""Where the files of running applications lie: a folder per process, removed at its end, or swept after its death."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Hashable
from pathlib import Path

from mmgym_web.folders import abandoned_folders, remove_folder
from mmgym_web.folders import make_folder as make_locked

__all__ = ["FolderCache", "make_folder", "sweep"]

PREFIX = "mmgym-apps-"


def make_folder(name: str) -> Path:
    """A new empty folder for this process; `name` begins its name."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_folder_of(os.getpid())))


def sweep() -> list[Path]:
    """Remove the folders of this user's processes that are dead, and return them."""
    swept = []
    for folder, lock in abandoned_folders(PREFIX):
        remove_folder(folder, lock)
        swept.append(folder)
    return swept


@functools.cache
def _folder_of(pid: int) -> Path:
    """The folder of this process. By its id: a forked child makes one of its own."""
    sweep()
    folder, _ = make_locked(PREFIX)
    atexit.register(_remove, folder, pid)
    return folder


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


class FolderCache:
    """The last folders that were made, by key: the members of a group start from the same world again and again.

    Args:
        size: the most folders kept; the oldest goes first.
    """

    def __init__(self, size: int = 64):
        self.size = size
        self._folders: dict[tuple[int, Hashable], Path] = {}

    def copy_to(self, key: Hashable, folder: Path) -> bool:
        """Fill `folder` with what was kept for `key`; False when there is nothing."""
        kept = self._folders.get((os.getpid(), key))
        if kept is None:
            return False
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        return True

    def keep(self, key: Hashable, folder: Path) -> None:
        """Keep a copy of `folder` for `key`."""
        kept = make_folder("kept")
        shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
        self._folders[os.getpid(), key] = kept
        while len(self._folders) > self.size:
            oldest = next(iter(self._folders))
            shutil.rmtree(self._folders.pop(oldest), ignore_errors=True)
