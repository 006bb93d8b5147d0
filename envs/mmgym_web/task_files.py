"""The files that a task offers for upload, in a folder of their own for as long as the episode lasts."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

from mmgym_web.browser.process import PREFIX
from mmgym_web.folders import make_folder, remove_folder

__all__ = ["TaskFiles"]


class TaskFiles:
    """The folder of an episode's files. A forked child leaves it alone; the next pool removes that of a dead process.

    Args:
        files: content by name.

    Raises:
        OSError: when they cannot be written.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        home, lock = make_folder(PREFIX)
        self.remove = weakref.finalize(self, _remove_own, os.getpid(), home, lock)
        """Removes the folder; at the latest when the interpreter ends."""
        self.path = home / "files"
        try:
            self.path.mkdir()
            for name, content in files.items():
                (self.path / name).write_bytes(content)
        except OSError:
            self.remove()
            raise


def _remove_own(pid: int, home: Path, lock: int) -> None:
    if pid == os.getpid():
        remove_folder(home, lock)
