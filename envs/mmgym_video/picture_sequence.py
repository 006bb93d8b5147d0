"""A folder of pictures as a video: how some data sets publish frames that were taken beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmgym_video.images.file import SUFFIXES, PictureError, open_picture
from mmgym_video.video import Frame, Subtitle, VideoError

__all__ = ["PictureSequence"]


class PictureSequence:
    """A `mmgym_video.video.Video` made of the pictures in a folder, in the order of their names.

    Args:
        folder: where the pictures are.
        fps: pictures per second.
        subtitles: its subtitles.
        root: no link may lead out of this folder; None takes `folder`.

    Raises:
        VideoError: for a folder without pictures, one with a picture outside `root`, or one whose first picture cannot
            be used.
    """

    def __init__(
        self,
        folder: str | Path,
        fps: float,
        subtitles: tuple[Subtitle, ...] = (),
        root: str | Path | None = None,
    ):
        self.folder = Path(folder)
        self.paths = sorted(path for path in self.folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not self.paths:
            raise VideoError(f"{folder}: the folder holds no pictures ({', '.join(SUFFIXES)})")
        kept = Path(root or folder).resolve()
        if away := [path for path in self.paths if not path.resolve().is_relative_to(kept)]:
            raise VideoError(f"{away[0]} is a link that leaves the folder of the files")
        self.fps, self.subtitles, self.sample_rate = fps, subtitles, 0
        self.duration = len(self.paths) / fps
        self.size = self._image(0).shape[:2]

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The pictures at these times; see `Video.frames`."""
        found = []
        for time in times:
            if not 0 <= time <= self.duration:
                raise ValueError(f"time must be from 0 to {self.duration:g}; got {time}")
            number = min(math.floor(time * self.fps + 1e-6), len(self.paths) - 1)
            found.append(Frame(number / self.fps, self._image(number)))
        return found

    def sound(self, start: float, end: float) -> np.ndarray:
        """There is none.

        Raises:
            VideoError: always.
        """
        raise VideoError(f"{self.folder}: pictures have no sound")

    def close(self) -> None:
        """Nothing is held."""

    def _image(self, number: int) -> np.ndarray:
        try:
            return open_picture(str(self.paths[number])).image
        except PictureError as error:
            raise VideoError(str(error)) from error
