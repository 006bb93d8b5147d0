"""Small films for the tests of files: every frame says its number, and any container and codec can be chosen."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import VideoReformatter

from mmgym_video.video import Frame, VideoError

BITS = 8
"""Blocks along the top of a picture, black or white: its number in binary, the highest digit first."""
SIZE = (48, 64)
CONVERTER = VideoReformatter()
"""A frame's own method makes one for every frame, with threads: tests would mostly wait for those."""
FIXED = {"libx264": {"preset": "veryfast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}}
"""Options without which an encoder is slow or talks."""


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture with a number in blocks along its top, and below it texture that moves."""
    height, width = size
    rng = np.random.default_rng(7)
    texture = cv2.resize(
        rng.integers(0, 256, (height // 4 + 9, width // 4 + 9, 3), np.uint8), (width + 32, height + 32)
    )
    image = texture[number % 16 : number % 16 + height, 2 * number % 32 : 2 * number % 32 + width].copy()
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        image[: height // 4, left:right] = 255 if number >> (BITS - 1 - bit) & 1 else 0
    return image


def number_of(image: np.ndarray) -> int:
    """The number that a picture shows."""
    height, width = image.shape[:2]
    row = image[height // 8].mean(axis=1)
    values = [row[int((bit + 0.5) * width / BITS)] > 127 for bit in range(BITS)]
    return sum(int(v) << (BITS - 1 - bit) for bit, v in enumerate(values))


class Film:
    """A `Video` that is drawn: frame k says k. Its sound is a tone that is twice as loud in odd seconds."""

    subtitles = ()

    def __init__(self, count: int = 60, fps: float = 30.0, size: tuple[int, int] = SIZE, sample_rate: int = 0) -> None:
        self.count, self.fps, self.size, self.sample_rate = count, fps, size, sample_rate
        self.duration = count / fps

    def frames(self, times: Any) -> list[Frame]:
        numbers = [min(self.count - 1, int(time * self.fps + 1e-6)) for time in times]
        return [Frame(n / self.fps, picture(n % 2**BITS, self.size)) for n in numbers]

    def sound(self, start: float, end: float) -> np.ndarray:
        if not self.sample_rate:
            raise VideoError("silent")
        at = np.arange(round(start * self.sample_rate), round(end * self.sample_rate))
        return tone(at, self.sample_rate)

    def close(self) -> None:
        pass


def tone(at: np.ndarray, rate: int) -> np.ndarray:
    """Samples of a tone of 440 Hz that is twice as loud in odd seconds."""
    return (np.sin(2 * np.pi * 440 * at / rate) * np.where(at // rate % 2, 0.5, 0.25)).astype(np.float32)


def shoot(
    path: Path,
    codec: str = "libx264",
    *,
    times: list[int] | None = None,
    base: Fraction = Fraction(1, 30),
    size: tuple[int, int] = SIZE,
    pixels: str = "yuv420p",
    gop: int = 12,
    b_frames: int = 0,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    format: str | None = None,
) -> Path:
    """Write a film whose frame k appears at times[k] (in units of `base`)."""
    times = list(range(48)) if times is None else times
    with av.open(str(path), "w", format=format, options=container or {}) as output:
        stream = add_film(output, codec, 1 / base, size, pixels, gop, b_frames, options or {})
        stream.codec_context.time_base = base
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        for number, time in enumerate(times):
            output.mux(stream.encode(exposed(picture(number, size), time, base, pixels)))
        output.mux(stream.encode(None))
    return path


def exposed(image: np.ndarray, time: int, base: Fraction, pixels: str = "yuv420p") -> av.VideoFrame:
    """A picture as a frame for an encoder."""
    frame = CONVERTER.reformat(av.VideoFrame.from_ndarray(image, format="rgb24"), format=pixels, threads=1)
    frame.pts, frame.time_base = time, base
    return frame


def add_film(
    output: OutputContainer,
    codec: str,
    rate: Fraction,
    size: tuple[int, int],
    pixels: str,
    gop: int,
    b_frames: int,
    options: dict[str, str],
) -> Any:
    """A stream of pictures in a file that is written."""
    stream = output.add_stream(codec, rate=rate, options={**FIXED.get(codec, {}), **options})
    stream.height, stream.width = size
    stream.pix_fmt = pixels
    stream.codec_context.gop_size = gop
    if b_frames:
        stream.codec_context.max_b_frames = b_frames
    return stream


def sequence(path: Path) -> list[tuple[float, np.ndarray]]:
    """What a file shows, decoded plainly from start to end: (seconds from its first frame, picture)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "NONE"
        frames = [
            (frame.pts, CONVERTER.reformat(frame, format="rgb24", threads=1).to_ndarray())
            for frame in container.decode(stream)
        ]
        return [(float((pts - frames[0][0]) * stream.time_base), image) for pts, image in frames]
