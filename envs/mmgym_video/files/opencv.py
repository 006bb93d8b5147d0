"""Decoding by OpenCV, where PyAV is missing: exact too, but all frames are decoded once to learn their times."""

from __future__ import annotations

import bisect
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmgym_video.video import VideoError

__all__ = ["OpencvDecoder"]

TICKS = 1_000_000
"""Frames are named by their times in microseconds."""


class OpencvDecoder:
    """Decodes frames of a file; see `mmgym_video.files.decoders.Decoder`.

    Args:
        path: The file, absolute.
        format: FFmpeg's name of its container; OpenCV finds out for itself.
    """

    origin: float | None = None

    def __init__(self, path: Path, format: str) -> None:
        self.path = path
        self._open()
        self._times = self._read_times()
        self._open()
        self.fps = self._rate()

    def _open(self) -> None:
        self._capture: Any = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        self._next = 0
        if not self._capture.isOpened():
            raise VideoError(f"{self.path}: cannot be opened: it is damaged, has no pictures, or is cut off")

    def _read_times(self) -> list[int]:
        times: list[int] = []
        while self._capture.grab():
            times.append(self._time())
        if not times:
            raise VideoError(f"{self.path}: has no frame that can be decoded")
        if sorted(set(times)) != times:
            raise VideoError(f"{self.path}: its frames have no distinct times; PyAV may read it: pip install av")
        return [time - times[0] for time in times]

    def _time(self) -> int:
        return round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * TICKS / 1000)

    def _rate(self) -> float:
        if len(self._times) > 1:
            return (len(self._times) - 1) * TICKS / (self._times[-1] - self._times[0])
        return float(self._capture.get(cv2.CAP_PROP_FPS)) or 25.0

    @property
    def duration(self) -> float:
        """When the last frame ends, in seconds; it is taken to last as long as the others do on average."""
        return self._times[-1] / TICKS + 1 / self.fps

    def locate(self, time: float) -> int:
        """The frame that is shown at a time in seconds; `ValueError` outside of the video."""
        if not 0 <= time <= self.duration + 1 / TICKS:
            raise ValueError(f"{self.path.name}: time must be in [0, {self.duration:.3f}]; got {time}")
        return self._times[bisect.bisect_right(self._times, round(time * TICKS) + 1) - 1]

    def seconds(self, frame: int) -> float:
        """When a frame appears, in seconds."""
        return frame / TICKS

    def decode(
        self, frames: Sequence[int], *, parallel: bool = True
    ) -> Generator[tuple[int, np.ndarray] | None, None, None]:
        """Decode frames, in order; None between them where it may be left."""
        for frame in frames:
            number = bisect.bisect_left(self._times, frame)
            if number < self._next:
                self._open()
            while self._next <= number:
                if not self._capture.grab():
                    raise VideoError(f"{self.path}: damaged: it cannot be decoded at {self.seconds(frame):.3f} s")
                self._next += 1
                yield None
            whole, image = self._capture.retrieve()
            if not whole:
                raise VideoError(f"{self.path}: damaged: it cannot be decoded at {self.seconds(frame):.3f} s")
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            image.flags.writeable = False
            yield frame, image

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()
