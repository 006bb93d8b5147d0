"""Decoding by TorchCodec: which frame is shown when comes from our index, the pictures from TorchCodec."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mmgym_video.files.index import Index
from mmgym_video.files.pyav import default_threads
from mmgym_video.video import VideoError

__all__ = ["TorchcodecDecoder"]


class TorchcodecDecoder:
    """Decodes frames of a file; see `mmgym_video.files.decoders.Decoder`.

    Args:
        path: The file, absolute.
        format: FFmpeg's name of its container.
        threads: Threads that decode; the cores at hand, 4 at most, when None.
    """

    def __init__(self, path: Path, format: str, threads: int | None = None) -> None:
        self.path = path
        self.index = Index(path, format)
        if self.index.linear:
            raise VideoError(f"{path}: its packets do not tell the times of frames; backend 'pyav' reads it")
        try:
            self._decoder: Any = import_module("torchcodec.decoders").VideoDecoder(
                str(path), dimension_order="NHWC", num_ffmpeg_threads=threads or default_threads(), seek_mode="exact"
            )
        except (RuntimeError, ValueError) as error:
            raise VideoError(f"{path}: TorchCodec cannot open it: {error}") from None

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return float(self.index.rate)

    @property
    def duration(self) -> float:
        """When the last frame ends, in seconds."""
        return self.index.duration

    @property
    def origin(self) -> float:
        """When the first frame appears on the file's own clock, in seconds."""
        return self.index.origin

    def locate(self, time: float) -> int:
        """The frame that is shown at a time; see `Index.locate`."""
        return self.index.locate(time)

    def seconds(self, frame: int) -> float:
        """When a frame appears, in seconds."""
        return self.index.seconds(frame)

    def decode(
        self, frames: Sequence[int], *, parallel: bool = True
    ) -> Generator[tuple[int, np.ndarray] | None, None, None]:
        """Decode frames, in order: all at once, or one by one where it may be left between them."""
        for some in [list(frames)] if parallel and frames else [[frame] for frame in frames]:
            # A frame's own time may fall before it once it went through floating point: half of the least step later.
            half = float(self.index.time_base) / 2
            times = [self.index.origin + self.seconds(frame) + half for frame in some]
            try:
                batch = self._decoder.get_frames_played_at(seconds=times)
            except (RuntimeError, IndexError, ValueError) as error:
                raise VideoError(
                    f"{self.path}: damaged: it cannot be decoded at {self.seconds(some[0]):.3f} s: {error}"
                ) from None
            for frame, image, time in zip(some, batch.data.numpy(), batch.pts_seconds.tolist(), strict=True):
                if abs(time - self.index.origin - self.seconds(frame)) > 2 * half:
                    raise VideoError(f"{self.path}: TorchCodec has no frame at {self.seconds(frame):.3f} s")
                # A copy: a slice would keep the pictures of all the others.
                picture = image.copy()
                picture.flags.writeable = False
                yield frame, picture

    def close(self) -> None:
        """Let go of the file."""
        self._decoder = None
        self.index.close()
