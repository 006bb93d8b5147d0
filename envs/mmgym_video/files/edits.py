"""Whether the edit lists of an mp4 file leave its frames as they are.

Most lists say "all of it, from the start". FFmpeg goes through all frames of a file to apply one, which is most of the
time that opening a long file takes; where it would change nothing, FFmpeg is told to leave that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["keeps_all"]

Box = tuple[bytes, int, int]
"""Type of a box, and where its content begins and ends in the file."""


def keeps_all(path: Path) -> bool:
    """Whether every edit list of a file keeps all of its stream, from time 0 at normal speed; False when in doubt."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            moov = next(box for box in _boxes(file, 0, size) if box[0] == b"moov")
            inside = list(_boxes(file, *moov[1:]))
            scale, _ = _times(file, next(box for box in inside if box[0] == b"mvhd"))
            return all(_keeps(file, box, scale) for box in inside if box[0] == b"trak")
    except (OSError, StopIteration, struct.error):
        return False


def _keeps(file: BinaryIO, track: Box, movie_scale: int) -> bool:
    """Whether a track has no edit list, or one that keeps all."""
    parts = {kind: (kind, start, end) for kind, start, end in _boxes(file, *track[1:])}
    if b"edts" not in parts:
        return True
    lists = [box for box in _boxes(file, *parts[b"edts"][1:]) if box[0] == b"elst"]
    media = [box for box in _boxes(file, *parts[b"mdia"][1:]) if box[0] == b"mdhd"] if b"mdia" in parts else []
    if len(lists) != 1 or len(media) != 1:
        return False
    scale, length = _times(file, media[0])
    file.seek(lists[0][1])
    version, count = struct.unpack(">B3xI", file.read(8))
    form = ">QqI" if version else ">IiI"
    duration, start, rate = struct.unpack(form, file.read(struct.calcsize(form)))
    return bool(count == 1 and start == 0 and rate == 1 << 16 and duration and duration * scale >= length * movie_scale)


def _times(file: BinaryIO, header: Box) -> tuple[int, int]:
    """Ticks per second and length in ticks, from the header of a movie or of a track's media."""
    file.seek(header[1])
    version = file.read(4)[:1]
    form = ">16xIQ" if version == b"\x01" else ">8xII"
    scale, length = struct.unpack(form, file.read(struct.calcsize(form)))
    return scale, length


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places of a file."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            content += 8
        elif size == 0:
            size = end - start
        if size < content - start or start + size > end:
            return
        yield kind, content, start + size
        start += size
