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
            self._seek(start)
            for frame in self._container.decode(self._stream):
                if frame.sample_rate != self.rate:
                    raise VideoError(f"{self.path}: its sound changes from {self.rate} to {frame.sample_rate} Hz")
                if frame.pts is None:
                    raise VideoError(f"{self.path}: its sound has no time stamps")
                at = round((float(frame.pts * frame.time_base) - self.origin) * self.rate) - first
                if at >= len(samples):
                    break
                if at + frame.samples > 0:
                    piece = _mono(frame)[max(0, -at) : len(samples) - at]
                    samples[max(0, at) : max(0, at) + len(piece)] = piece
        except FFmpegError as error:
            raise VideoError(f"{self.path}: its sound cannot be decoded at {start:.3f} s: {error.strerror}") from None
        return samples

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
