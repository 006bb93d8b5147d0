"""A file of video as a `Video`: frames at exact times, its sound and its subtitles, with a cache and a look ahead."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import threading
import weakref
from collections.abc import Generator, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mmgym_video.files.cache import FrameCache, forget, shared_cache
from mmgym_video.files.decoders import BACKENDS, Decoder, open_decoder
from mmgym_video.files.opening import check
from mmgym_video.video import Frame, Subtitle, VideoError

if TYPE_CHECKING:
    from mmgym_video.files.sound import SoundTrack

__all__ = ["VideoFile"]

LAZY = frozenset({"duration", "fps", "size", "subtitles", "sample_rate", "_track"})
"""Attributes that are read from the file when they are first asked for: most files are opened for a few frames."""
AHEAD = 0.25
"""Share of the cache that frames decoded ahead may take."""


class VideoFile:
    """A video in a local file; a `mmgym_video.video.Video`.

    Times are counted from the first frame of the stream of pictures, and are exact: the frame at a time is the last one
    whose time stamp is not after it (to a microsecond), also where frames come unevenly, are reordered, or do not start
    at zero. Pictures are upright and have square pixels. A frame has the same pixels always, whatever was read before.
    A file may be used from several threads, pickled (it is opened again), and used on in a forked process.

    Args:
        path: The file. A plain path: no address of a network is followed, nor what a file may point to.
        backend: What decodes, one of `BACKENDS`.
        cache_bytes: Bytes of decoded frames that are kept; all files of a process that give the same number share them.
        prefetch: Whether, when one look follows another at a steady pace, the next is decoded ahead while nothing is
            asked.
        threads: Threads that decode; the cores at hand, 4 at most, when None.
        subtitles: Its subtitles; those inside the file when None.

    Raises:
        VideoError: when the file is missing, empty, damaged, no video, or without pictures.
        ImportError: when the backend is missing.
        ValueError: for a bad argument.
    """

    duration: float
    """When the last frame ends, in seconds; where a file is cut off, when the last frame that it holds does."""
    fps: float
    """Frames per second, on average, as the file says it."""
    size: tuple[int, int]
    """Height and width of the frames in pixels, upright and with square pixels."""
    subtitles: tuple[Subtitle, ...]
    """Its subtitles in order: those that were given, else those of the file's first stream of text."""
    sample_rate: int
    """Samples of sound per second; 0 for a silent video, and with OpenCV, which reads no sound."""
    _track: SoundTrack | None

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        backend: str = "auto",
        cache_bytes: int = 256 * 2**20,
        prefetch: bool = True,
        threads: int | None = None,
        subtitles: Sequence[Subtitle] | None = None,
    ) -> None:
        if backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}; got {backend!r}")
        if cache_bytes < 0:
            raise ValueError(f"cache_bytes must be >= 0; got {cache_bytes}")
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be >= 1; got {threads}")
        self._arguments: dict[str, Any] = {
            "backend": backend,
            "cache_bytes": cache_bytes,
            "prefetch": prefetch,
            "threads": threads,
            "subtitles": None if subtitles is None else tuple(subtitles),
        }
        if subtitles is not None:
            self.subtitles = tuple(subtitles)
        self._closed = True
        self.path, self._format = check(path)
        self._backend, self._threads = backend, threads
        self._prefetch = prefetch
        self._cache: FrameCache = shared_cache(cache_bytes)
        self._begin()
        self._file: Hashable = self._identity()
        self._cache.enter(self._file)
        self._closed = False
        _open_files.add(self)

    def _begin(self) -> None:
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self._turns = 0
        self._ahead: set[threading.Thread] = set()
        self._last: list[float] = []
        self._opened: Decoder | None = None

    @property
    def _decoder(self) -> Decoder:
        if self._opened is None:
            self._opened = open_decoder(self.path, self._format, self._backend, self._threads)
        return self._opened

    def _identity(self) -> Hashable:
        found = self.path.stat()
        return (self.path, found.st_ino, found.st_size, found.st_mtime_ns, type(self._decoder).__name__)

    def __reduce__(self) -> Any:
        return _open, (self.path, self._arguments)

    def __repr__(self) -> str:
        return f"VideoFile({str(self.path)!r})"

    def __getattr__(self, name: str) -> Any:
        """What is read when it is first asked for."""
        if name not in LAZY:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = self.__dict__[name] = getattr(self, f"_read_{name}")()
        return value

    def _read_duration(self) -> float:
        with self._turn():
            return self._decoder.duration

    def _read_fps(self) -> float:
        return self._decoder.fps

    def _read_size(self) -> tuple[int, int]:
        height, width, _ = self.frames([0.0])[0].image.shape
        return height, width

    def _read_subtitles(self) -> tuple[Subtitle, ...]:
        from mmgym_video.files.texts import read_subtitles

        with self._turn():
            origin = self._decoder.origin
            return () if origin is None else read_subtitles(self.path, self._format, origin)

    def _read_sample_rate(self) -> int:
        with self._turn():
            return 0 if self._track is None else self._track.rate

    def _read__track(self) -> SoundTrack | None:
        from mmgym_video.files.sound import SoundTrack

        origin = self._decoder.origin
        return None if origin is None else SoundTrack.find(self.path, self._format, origin)

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The frames shown at these times, one for each; see `mmgym_video.video.Video.frames`.

        Pictures are read-only: the cache has them too.
        """
        with self._turn():
            found = self._read(times)
        if self._prefetch:
            self._look_ahead(list(times))
        return found

    def _read(self, times: Sequence[float]) -> list[Frame]:
        names = [self._decoder.locate(float(time)) for time in times]
        images: dict[int, np.ndarray] = {}
        for name in set(names):
            image = self._cache.get(self._file, name)
            if image is not None:
                images[name] = image
        missing = sorted(set(names) - images.keys())
        for step in self._decoder.decode(missing):
            if step is not None:
                images[step[0]] = step[1]
                self._cache.put(self._file, *step)
        return [Frame(self._decoder.seconds(name), images[name]) for name in names]

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the only one that decodes; whatever is decoded ahead gives way."""
        with self._counting:
            self._turns += 1
        with self._lock:
            if self._closed:
                raise ValueError(f"{self.path}: closed")
            yield

    def sound(self, start: float, end: float) -> np.ndarray:
        """The sound from `start` to `end`; see `mmgym_video.video.Video.sound`.

        Several channels are averaged. Where the track has no sound, as before it begins, there is silence.
        """
        duration = self.duration
        if not 0 <= start <= end <= duration + 1e-6:
            raise ValueError(f"sound needs 0 <= start <= end <= {duration:.3f}; got {start} and {end}")
        with self._turn():
            if self._track is None:
                raise VideoError(f"{self.path}: has no sound")
            return self._track.read(start, end)

    # Ends -----------------------------------------------------------------------------------------------------

    def _halt(self) -> None:
        """Stop decoding ahead, and wait until it has stopped."""
        with self._counting:
            self._turns += 1
        for thread in list(self._ahead):
            thread.join()

    def close(self) -> None:
        """Let go of the file, and of its frames if no other `VideoFile` shares them. Closing again does nothing."""
        if self._closed:
            return
        self._halt()
        with self._turn():
            self._closed = True
            if self._opened is not None:
                self._opened.close()
            track: SoundTrack | None = self.__dict__.get("_track")
            if track is not None:
                track.close()
        self._cache.leave(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self.__dict__.get("_closed", True):
            self._cache.left.append(self._file)

    def _forked(self) -> None:
        """In a forked process: the decoders' threads are not here, and locks may be held by nobody."""
        # Freeing a decoder waits for its threads, for ever: one more reference keeps it.
        for left in (self._opened, self.__dict__.pop("_track", None)):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(left))
        self._begin()
        if not self._closed:
            self._cache.enter(self._file)

    # Looking ahead --------------------------------------------------------------------------------------------

    def _look_ahead(self, times: list[float]) -> None:
        """Decode what comes next if this look is as the last one, some time later: the same, that time later again."""
        last, self._last = self._last, times
        step = times[0] - last[0] if times and len(times) == len(last) else 0.0
        if step <= 0:
            return
        following = [time + step for time in times]
        thread = threading.Thread(target=self._decode_ahead, args=(following, self._turns), daemon=True)
        self._ahead.add(thread)
        thread.start()

    def _decode_ahead(self, times: Sequence[float], turns: int) -> None:
        """Decode frames into the cache, and leave it for good when somebody asks for something."""
        room = AHEAD * self._cache.limit
        steps: Generator[Any, None, None] | None = None
        try:
            while room > 0 and self._turns == turns:
                with self._lock:
                    if self._closed or self._turns != turns:
                        return
                    if steps is None:
                        names = sorted({self._decoder.locate(time) for time in times})
                        missing = [name for name in names if self._cache.get(self._file, name) is None]
                        steps = self._decoder.decode(missing, parallel=False)
                    try:
                        step = next(steps)
                    except StopIteration:
                        return
                    if step is not None:
                        room -= step[1].nbytes
                        self._cache.put(self._file, *step)
        except ValueError:
            # Past the end, or damaged there: whoever asks for it is told.
            return
        finally:
            if steps is not None:
                with self._lock:  # it lets go of packets that others may be reading
                    steps.close()
            self._ahead.discard(threading.current_thread())


def _open(path: Any, arguments: dict[str, Any]) -> VideoFile:
    return VideoFile(path, **arguments)


_open_files: weakref.WeakSet[VideoFile] = weakref.WeakSet()


def _after_fork() -> None:
    files = list(_open_files)
    if files:
        # Freeing what a decoder has given takes its lock, which a thread that is not here may hold: never collect that.
        gc.freeze()
    forget()
    for file in files:
        file._forked()


def _at_exit() -> None:
    # A thread that is stopped in the middle by the end of the interpreter may leave a lock held.
    for file in list(_open_files):
        file._halt()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
