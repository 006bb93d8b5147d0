"""What decodes a file: the contract, and which library does it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

__all__ = ["BACKENDS", "Decoder", "open_decoder"]

BACKENDS = ("auto", "pyav", "torchcodec", "opencv")
"""Names of the libraries that decode; ``auto`` is PyAV, and OpenCV where PyAV is missing. TorchCodec is used when it is
asked for: it brings torch with it, and needs FFmpeg of the system (`benchmarks/video.py` compares them)."""
PACKAGES = {"pyav": "av", "torchcodec": "torchcodec", "opencv": "cv2"}
EXTRAS = {"pyav": "mmgym[video]", "torchcodec": "torchcodec", "opencv": "opencv-python-headless"}


class Decoder(Protocol):
    """Decodes the frames of one file, which are named by whole numbers that grow with time."""

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        ...

    @property
    def duration(self) -> float:
        """When the last frame ends, in seconds."""
        ...

    @property
    def origin(self) -> float | None:
        """When the first frame appears on the file's own clock, in seconds; None where nothing but frames is read."""
        ...

    def locate(self, time: float) -> int:
        """The frame that is shown at a time in seconds.

        Raises:
            ValueError: when the time is outside of the video.
            VideoError: when the file cannot be read there.
        """
        ...

    def seconds(self, frame: int) -> float:
        """When a frame appears."""
        ...

    def decode(
        self, frames: Sequence[int], *, parallel: bool = True
    ) -> Generator[tuple[int, np.ndarray] | None, None, None]:
        """Decode frames that `locate` named, each once and in order; read-only uint8 (height, width, 3).

        It may yield None between frames: then it can be left, and nothing is lost.

        Args:
            frames: The frames, in order, without repeats.
            parallel: Whether all cores may be used.

        Raises:
            VideoError: when one of them cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_decoder(path: Path, format: str, backend: str, threads: int | None) -> Decoder:
    """Open a file by the library of that name, one of `BACKENDS`.

    Raises:
        ImportError: when it is missing.
        VideoError: when the file cannot be used.
    """
    if backend == "auto":
        backend = "pyav" if find_spec("av") else "opencv"
    if find_spec(PACKAGES[backend]) is None:
        there = ", ".join(name for name, package in PACKAGES.items() if find_spec(package)) or "none"
        needed = f"the package {PACKAGES[backend]} (pip install '{EXTRAS[backend]}')"
        raise ImportError(f"backend {backend!r} needs {needed}; at hand: {there}")
    if backend == "pyav":
        from mmgym_video.files.pyav import PyavDecoder

        return PyavDecoder(path, format, threads)
    if backend == "torchcodec":
        from mmgym_video.files.torchcodec import TorchcodecDecoder

        return TorchcodecDecoder(path, format, threads)
    from mmgym_video.files.opencv import OpencvDecoder

    return OpencvDecoder(path, format)
