"""Which files are opened, and how: local, regular, of a known container, and nothing that such a file points to.

FFmpeg reads far more than files of video: playlists, scripts, addresses of the network, raw memory. A file is therefore
told by its first bytes, FFmpeg is held to that container and to the protocol ``file``, and a file cannot name others.
What bounds a hostile file: its pictures have at most `MAX_PIXELS`, reading ends with the file, and no name in it is
followed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from mmgym_video.files.edits import keeps_all
from mmgym_video.video import VideoError

__all__ = ["HEADERS", "LEAN", "check", "only", "open_container", "open_decoder"]

MAX_PIXELS = 64 * 2**20
"""Pixels that a picture may have, 8192 x 8192."""
HEADERS = frozenset({"mov", "matroska"})
"""Containers with an index of their key frames."""
LEAN = frozenset({"mov"})
"""Containers whose header and packets say so much that nothing need be decoded first."""
BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
"""What a file of the QuickTime family may begin with, after four bytes."""
ALLOWED = "mp4, mov, mkv, webm, avi, mpg, ts, flv, wmv, ogv and gif"
MAX_STREAMS = 64
"""Streams of a file that are opened lean; those after them are not."""


def check(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """The path of a file that may be opened, and FFmpeg's name of its container.

    Raises:
        VideoError: when it is missing, not a regular file, empty, or of no known container.
    """
    file = Path(path)
    try:
        found = file.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise VideoError(f"{file}: cannot be opened: {reason}; a video is the path of a local file") from None
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise VideoError(f"{file}: {what}; a video is the path of a local file")
    if not found.st_size:
        raise VideoError(f"{file}: empty (0 bytes); a video is one of {ALLOWED}")
    try:
        with file.open("rb") as stream:
            head = stream.read(1024)
    except OSError as error:
        raise VideoError(f"{file}: cannot be read: {error.strerror}") from None
    container = _container(head)
    if container is None:
        raise VideoError(f"{file}: not a video: it begins with {head[:12]!r}; a video is one of {ALLOWED}")
    return file.absolute(), container


def _container(head: bytes) -> str | None:
    if head[4:8] in BOXES:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith(b"\x00\x00\x01\xba"):
        return "mpeg"
    if head.startswith(b"\x00\x00\x01\xb3"):
        return "mpegvideo"
    if head[:1] == b"\x47" and (len(head) <= 188 or head[188:189] == b"\x47"):
        return "mpegts"
    if head.startswith(b"FLV\x01"):
        return "flv"
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return "asf"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return None


def open_container(path: Path, container: str, *, lean: bool) -> Any:
    """Open a file that `check` let through with PyAV.

    Args:
        path: The file, absolute.
        container: FFmpeg's name of its container.
        lean: Trust the header. FFmpeg would otherwise decode up to 20 frames to learn what it mostly says already.

    Raises:
        VideoError: when FFmpeg cannot make sense of it.
    """
    import av

    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
    if lean:
        options["probesize"] = "4096"
    if container == "mov" and keeps_all(path):
        options["advanced_editlist"] = "0"
    per_stream: Any = [{"skip_frame": "all"}] * MAX_STREAMS if lean else None
    try:
        return av.open(
            # The name has its protocol, so that "concat:a.mp4" is a name and nothing else.
            f"file:{path}",
            format=container,
            options=options,
            stream_options=per_stream,
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"{path}: cannot be opened: {reason}; it is damaged, or cut off before its index") from None


def only(stream: Any) -> None:
    """Leave out the packets of all other streams of an open file, which most containers then do not read at all."""
    from av.stream import Discard

    for other in stream.container.streams:
        if other.index != stream.index:
            other.discard = Discard.all


def open_decoder(path: Path, context: Any, threads: int = 1, reorder: int = 0) -> None:
    """Open a decoder of PyAV: one that fails at errors instead of painting over them.

    Args:
        path: The file that it is for.
        context: Its context, not open yet.
        threads: Threads that it decodes with, on successive frames.
        reorder: How many frames may have to wait for one that is shown before them. A header that does not say it would
            make the decoder guess, and drop some.

    Raises:
        VideoError: when it cannot be opened.
    """
    from av import FFmpegError

    context.thread_type = "FRAME" if threads > 1 else "NONE"
    context.thread_count = threads
    context.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
    context.reorder_depth = max(context.reorder_depth, reorder)
    try:
        context.open()
    except FFmpegError as error:
        most = f"a picture may have {MAX_PIXELS} pixels at most"
        raise VideoError(f"{path}: its pictures cannot be decoded: {error.strerror}; {most}") from None
