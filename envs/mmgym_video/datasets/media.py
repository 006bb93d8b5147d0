"""Where a question's video lies on the disk: below the folder of the files, and never outside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from mmgym_video.datasets.row import RowError

__all__ = ["PICTURES", "SUBTITLES", "VIDEOS", "find", "relative"]

VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".mpg", ".mpeg", ".m4v", ".gif")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
SUBTITLES = (".srt", ".vtt", ".ass", ".ssa", ".json")


def relative(path: str) -> str:
    """A path of a dataset in its plain form, without ``./``.

    Raises:
        RowError: for a path that is absolute, an address, or leads upwards: a dataset may name files below its folder.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path):
        raise RowError(f"a video must be a file, not an address; got {path[:80]!r}")
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or "\\" in path or ".." in parts or "\0" in path:
        raise RowError(f"a path must be relative, with / and without '..'; got {path[:80]!r}")
    plain = str(PurePosixPath(path))
    if plain == ".":
        raise RowError(f"a path must name a file; got {path[:80]!r}")
    return plain


def find(root: Path, names: Iterable[str], folders: Iterable[str], suffixes: tuple[str, ...]) -> str | None:
    """The first of the files that exists, as a path relative to `root`; None when there is none.

    Args:
        root: the folder of the files, resolved.
        names: relative paths, tried in this order in each folder; one that does not exist is tried with the other
            suffixes too, and one that is a folder of pictures is a video as well.
        folders: folders below `root`.
        suffixes: what a file's name may end in.

    Raises:
        RowError: when the file that was found lies outside `root`, through a link.
    """
    for name in names:
        for folder in folders:
            for path in _variants(f"{folder}/{name}" if folder else name, suffixes):
                full = os.path.join(root, path)
                is_file = path.lower().endswith(suffixes) and os.path.isfile(full)
                if is_file or (".mp4" in suffixes and _holds_pictures(full)):
                    if not Path(full).resolve().is_relative_to(root):
                        raise RowError(f"{path} is a link that leaves the folder of the files")
                    return path
    return None


def _variants(path: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    stem, suffix = os.path.splitext(path)
    if suffix.lower() not in suffixes:
        stem, suffix = path, ""
    yield path
    # A picture is not looked for under the name of a video, nor the other way round.
    others = PICTURES if suffix.lower() in PICTURES else tuple(one for one in suffixes if one not in PICTURES)
    for other in others:
        yield from (stem + one for one in (other, other.upper()) if one != suffix)


def _holds_pictures(path: str) -> bool:
    try:
        with os.scandir(path) as entries:
            return any(entry.name.lower().endswith(PICTURES) for entry in entries)
    except (OSError, ValueError):
        return False
