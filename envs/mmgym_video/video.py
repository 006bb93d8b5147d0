"""What a video is here: moments of it as pictures, its subtitles and its sound, whether drawn on demand or decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["Frame", "Subtitle", "Video", "VideoError", "clock"]


class VideoError(ValueError):
    """A video that cannot be used; the message names the file and says what is wrong with it."""


@dataclass(frozen=True)
class Frame:
    """One frame of a video."""

    time: float
    """When the frame appears, in seconds from the start of the video."""
    image: np.ndarray
    """Its pixels: uint8 (height, width, 3), RGB, upright. Never written to."""


@dataclass(frozen=True)
class Subtitle:
    """A line of subtitles."""

    start: float
    """When it appears, in seconds."""
    end: float
    """When it disappears, in seconds."""
    text: str


class Video(Protocol):
    """A video. The frame at a time is the last one that appears at or before it, so every time in it has one."""

    @property
    def duration(self) -> float:
        """Length in seconds; every time asked for lies in [0, duration]."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        ...

    @property
    def subtitles(self) -> tuple[Subtitle, ...]:
        """Its subtitles in order; empty without any."""
        ...

    @property
    def sample_rate(self) -> int:
        """Samples of sound per second; 0 for a silent video."""
        ...

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The frames shown at these times (seconds, in any order, repeats allowed), one for each.

        Raises:
            ValueError: for a time outside [0, duration].
            VideoError: when the video cannot be decoded there.
        """
        ...

    def sound(self, start: float, end: float) -> np.ndarray:
        """The sound from `start` to `end` (seconds), one channel: float32 (samples,) in [-1, 1].

        Raises:
            ValueError: for times outside [0, duration], or in the wrong order.
            VideoError: for a silent video, or one that cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Let go of files and memory."""
        ...


def clock(seconds: float) -> str:
    """A time as people write it: ``0:07``, ``12:30``, ``1:02:05``."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
