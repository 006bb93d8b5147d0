"""The sound of a file, by exact samples on the clock of its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from mmgym_video.files.opening import only, open_container
from mmgym_video.video import VideoError

__all__ = ["SoundTrack"]

LEAD = 0.5
"""Seconds decoded before what is asked for: the first packets after a jump lack what came before them."""


class SoundTrack:
    """The first stream of sound of a file.

    Args:
        path: The file, absolute.
        format: FFmpeg's name of its container.
        origin: When the first picture appears on the file's own clock, in seconds: time 0 here.
    """

    def __init__(self, path: Path, format: str, origin: float) -> None:
        self.path, self.origin = path, origin
        # Some codecs double the rate that the header says: it is known once a piece has been decoded.
        self._container: Any = open_container(path, format, lean=False)
        self._stream: Any = next((s for s in self._container.streams.audio if s.codec_context), None)
        self.rate: int = self._stream.codec_context.sample_rate if self._stream else 0
        """Samples per second."""
        self._grid: tuple[int, int] | None = None
        if self._stream:
            only(self._stream)

    @classmethod
    def find(cls, path: Path, format: str, origin: float) -> Self | None:
        """The sound of a file, or None for a silent one."""
        track = cls(path, format, origin)
        if track.rate:
            return track
        track.close()
        return None

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def read(self, start: float, end: float) -> np.ndarray:
        """The sound between two times in seconds: float32 (samples,) in [-1, 1], the channels averaged.

        Raises:
            VideoError: when it cannot be decoded.
        """
        from av import FFmpegError

        first, after = round(start * self.rate), round(end * self.rate)
        samples = np.zeros(after - first, np.float32)
        if not len(samples):
            return samples
        try:
            if self._grid is None:
                self._grid = self._find_grid()
            self._seek(start)
            following: int | None = None
            for frame in self._container.decode(self._stream):
                at = self._place(frame, following) - first
                following = first + at + frame.samples
                if at >= len(samples):
                    break
                if at + frame.samples > 0:
                    piece = _mono(frame)[max(0, -at) : len(samples) - at]
                    samples[max(0, at) : max(0, at) + len(piece)] = piece
        except FFmpegError as error:
            raise VideoError(f"{self.path}: its sound cannot be decoded at {start:.3f} s: {error.strerror}") from None
        return samples

    def _find_grid(self) -> tuple[int, int]:
        """Where the second packet of sound begins, and how many samples it has; all after it are as long, mostly."""
        self._seek(-LEAD)
        frames = self._container.decode(self._stream)
        head, second = next(frames, None), next(frames, None)
        if head is None or second is None:
            return 0, 0
        return self._place(head) + head.samples, second.samples

    def _place(self, frame: Any, following: int | None = None) -> int:
        """Number of a frame's first sample, where the last one ended at `following`.

        Time stamps may be rounded to more than a sample, in Matroska to a millisecond: then frames follow one another,
        and the first after a jump falls in with the even steps in which they come.
        """
        if frame.sample_rate != self.rate:
            raise VideoError(f"{self.path}: its sound changes from {self.rate} to {frame.sample_rate} Hz")
        if frame.pts is None:
            raise VideoError(f"{self.path}: its sound has no time stamps")
        at = round((float(frame.pts * frame.time_base) - self.origin) * self.rate)
        slack = float(frame.time_base) * self.rate + 1
        if following is None and self._grid is not None and frame.samples == self._grid[1] > 2 * slack:
            begin, step = self._grid
            following = begin + round((at - begin) / step) * step
        return at if following is None or abs(at - following) > slack else following

    def _seek(self, start: float) -> None:
        from av import FFmpegError

        time_base = self._stream.time_base
        begin = self._stream.start_time or 0
        try:
            self._container.seek(max(begin, int((start + self.origin - LEAD) / time_base)), stream=self._stream)
        except FFmpegError:
            self._container.seek(begin, stream=self._stream)


def _mono(frame: Any) -> np.ndarray:
    """A frame of sound as float32 (samples,) in [-1, 1]."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.uint8:
        scaled = (values.astype(np.float32) - 128) / 128
    elif values.dtype.kind == "i":
        scaled = values.astype(np.float32) / -float(np.iinfo(values.dtype).min)
    else:
        scaled = values.astype(np.float32)
    return np.clip(scaled.mean(axis=0, dtype=np.float32), -1, 1)
