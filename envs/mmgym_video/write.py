"""Writes any video as a real file: H.264 in an mp4, with its sound as AAC.

Key frames come often and no frame depends on a later one (`gop` and `b_frames`), which makes a file a little larger and
a moment of it quick to find. Colours are BT.709, and tagged so: players that read no tags take large pictures for that.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mmgym_video.video import Video

__all__ = ["write_video"]

CHUNK_BYTES = 64 * 2**20
"""Bytes of pictures that are asked for at once."""
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Sample rates that AAC knows."""
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""What x264 may take to make a file smaller, from the least."""
BT709 = 1
"""BT.709 in FFmpeg's numbering of colour spaces, primaries and transfer curves alike."""
LIMITED = 1
"""Limited range (16 to 235) in FFmpeg's numbering."""


def write_video(
    video: Video,
    path: str | os.PathLike[str],
    *,
    fps: float | None = None,
    gop: int = 30,
    b_frames: int = 0,
    crf: int = 20,
    preset: str = "veryfast",
) -> Path:
    """Write a video as an mp4 file. The file appears under its name only when it is whole.

    Args:
        video: What is written, from its start to its end.
        path: The file; its name must end with ``.mp4``. A file that is there is replaced.
        fps: Frames per second of the file; those of the video when None.
        gop: Frames from one key frame to the next.
        b_frames: Frames in a row that may depend on a later one.
        crf: Quality of x264, from 0 (lossless) to 51 (worst).
        preset: Preset of x264: what it may take to make the file smaller.

    Returns:
        The path.

    Raises:
        ValueError: for a bad argument.
        ImportError: when PyAV is missing.
    """
    import av

    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"the file's name must end with .mp4; got {path.name!r}")
    speed = video.fps if fps is None else fps
    if not 0 < speed <= 1000:
        raise ValueError(f"fps must be in (0, 1000]; got {speed}")
    rate = Fraction(speed).limit_denominator(1001)
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {preset!r}")
    if gop < 1 or not 0 <= b_frames <= 16 or not 0 <= crf <= 51:
        raise ValueError(f"gop must be >= 1, b_frames 0 to 16, crf 0 to 51; got {gop}, {b_frames}, {crf}")
    if video.sample_rate and video.sample_rate not in AAC_RATES:
        raise ValueError(f"the sound's rate must be one of {AAC_RATES}; got {video.sample_rate}")
    descriptor, part = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".mp4", dir=path.parent)
    os.close(descriptor)
    try:
        # bitexact: no name of a library's version in the file.
        with av.open(part, "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
            picture = _picture_stream(container, video.size, rate, gop, b_frames, {"crf": str(crf), "preset": preset})
            sound = container.add_stream("aac", rate=video.sample_rate, layout="mono") if video.sample_rate else None
            sounds = _sound_frames(video)
            heard = 0.0
            for frame in _picture_frames(video, rate):
                container.mux(picture.encode(frame))
                # A second of sound goes in before the pictures that it belongs to, so that players need not jump.
                while sound is not None and heard <= frame.time:
                    heard = _encode_second(container, sound, sounds, heard)
            container.mux(picture.encode(None))
            if sound is not None:
                container.mux(sound.encode(None))
        os.chmod(part, 0o644)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
    return path


def _picture_stream(
    container: Any, size: tuple[int, int], rate: Fraction, gop: int, b_frames: int, options: dict[str, str]
) -> Any:
    height, width = size
    stream = container.add_stream(
        "libx264", rate=rate, options={**options, "x264-params": f"scenecut=0:bframes={b_frames}"}
    )
    stream.width, stream.height = width, height
    # 4:2:0 halves both sides, so odd ones need 4:4:4.
    stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    context = stream.codec_context
    context.gop_size, context.max_b_frames = gop, b_frames
    # Threads by frame, as x264 itself would: by slice, PyAV's default, every frame is cut into as many pieces as there
    # are cores, and the file is larger.
    context.thread_type = "FRAME"
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED
    return stream


def _picture_frames(video: Video, rate: Fraction) -> Iterator[Any]:
    """Frames for the encoder at an even rate, drawn or decoded some at a time."""
    import av
    from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

    height, width = video.size
    format = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    count = max(1, round(video.duration * rate))
    chunk = max(1, CHUNK_BYTES // (height * width * 3))
    reformatter = VideoReformatter()
    for first in range(0, count, chunk):
        numbers = range(first, min(first + chunk, count))
        for number, shown in zip(numbers, video.frames([float(n / rate) for n in numbers]), strict=True):
            image = np.ascontiguousarray(shown.image)
            frame = reformatter.reformat(
                av.VideoFrame.from_ndarray(image, format="rgb24"),
                format=format,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
            frame.pts, frame.time_base = number, 1 / rate
            yield frame


def _sound_frames(video: Video) -> Iterator[Any]:
    """The sound, a second at a time, as frames for the encoder."""
    import av

    rate, done = video.sample_rate, 0
    total = round(video.duration * rate)
    while done < total:
        until = min(done + rate, total)
        samples = video.sound(done / rate, min(until / rate, video.duration))[: until - done]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32)[None], format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, done, Fraction(1, rate)
        yield frame
        done = until


def _encode_second(container: Any, stream: Any, frames: Iterator[Any], heard: float) -> float:
    """Encode the next second of sound; until when it has been, in seconds."""
    frame = next(frames, None)
    if frame is None:
        return float("inf")
    container.mux(stream.encode(frame))
    return heard + frame.samples / frame.sample_rate
