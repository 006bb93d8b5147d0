"""Decoded frames that are kept, the least recently used let go first, within a number of bytes.

Files that are opened with the same bound share one cache, so that many environments in a process keep to it together,
and the members of a group that look at the same video share what was decoded.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable

import numpy as np

__all__ = ["FrameCache", "forget", "shared_cache"]


class FrameCache:
    """Frames of files, by file and time. Safe to use from several threads.

    Args:
        limit: Bytes of pixels that are kept at most; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget everything, users too."""
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[Hashable, int], np.ndarray] = OrderedDict()
        self._users: Counter[Hashable] = Counter()
        self.bytes = 0
        """Bytes of the frames in it."""
        self.left: deque[Hashable] = deque()
        """Files whose users went without a word. What frees them may run anywhere, in here too, so it takes no lock."""

    def get(self, file: Hashable, frame: int) -> np.ndarray | None:
        """The picture of a frame, or None."""
        with self._lock:
            image = self._frames.get((file, frame))
            if image is not None:
                self._frames.move_to_end((file, frame))
            return image

    def put(self, file: Hashable, frame: int, image: np.ndarray) -> None:
        """Keep a picture, and let go of others if there is no room."""
        with self._lock:
            while self.left:
                self._leave(self.left.popleft())
            if (file, frame) in self._frames or image.nbytes > self.limit:
                return
            self._frames[file, frame] = image
            self.bytes += image.nbytes
            while self.bytes > self.limit:
                self.bytes -= self._frames.popitem(last=False)[1].nbytes

    def enter(self, file: Hashable) -> None:
        """Note one more user of a file."""
        with self._lock:
            self._users[file] += 1

    def leave(self, file: Hashable) -> None:
        """Note one user less; with the last, the file's frames are let go."""
        with self._lock:
            self._leave(file)

    def _leave(self, file: Hashable) -> None:
        self._users[file] -= 1
        if self._users[file] > 0:
            return
        del self._users[file]
        for key in [key for key in self._frames if key[0] == file]:
            self.bytes -= self._frames.pop(key).nbytes


_caches: weakref.WeakValueDictionary[int, FrameCache] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def shared_cache(limit: int) -> FrameCache:
    """The cache of this process with that bound in bytes."""
    with _lock:
        cache = _caches.get(limit)
        if cache is None:
            cache = _caches[limit] = FrameCache(limit)
        return cache


def forget() -> None:
    """Empty all caches of a forked process, whatever state another thread had left them in."""
    global _lock
    _lock = threading.Lock()
    for cache in list(_caches.values()):
        cache.clear()
