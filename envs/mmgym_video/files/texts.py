"""The subtitles inside a file, on the clock of its pictures."""

from __future__ import annotations

from pathlib import Path

from mmgym_video.files.opening import LEAN, only, open_container
from mmgym_video.video import Subtitle, VideoError

__all__ = ["read_subtitles"]


def read_subtitles(path: Path, format: str, origin: float) -> tuple[Subtitle, ...]:
    """The lines of a file's first stream of subtitles that are text, in order; empty without one.

    Args:
        path: The file, absolute.
        format: FFmpeg's name of its container.
        origin: When the first picture appears on the file's own clock, in seconds: time 0 of the lines.

    Raises:
        VideoError: when they cannot be decoded.
    """
    from av import FFmpegError
    from av.subtitles.subtitle import AssSubtitle

    lines = []
    with open_container(path, format, lean=format in LEAN) as container:
        stream = next((s for s in container.streams.subtitles if s.codec_context), None)
        if stream is None:
            return ()
        only(stream)
        try:
            for packet in container.demux(stream):
                if packet.pts is None or not packet.size:
                    continue
                start = float(packet.pts * packet.time_base) - origin
                end = start + float((packet.duration or 0) * packet.time_base)
                for part in packet.decode():
                    text = part.dialogue.decode("utf-8", "replace").strip() if isinstance(part, AssSubtitle) else ""
                    if text and end > 0:
                        lines.append(Subtitle(max(0.0, start), end, text))
        except FFmpegError as error:
            raise VideoError(f"{path}: its subtitles cannot be decoded: {error.strerror}") from None
    return tuple(sorted(lines, key=lambda line: (line.start, line.end)))
