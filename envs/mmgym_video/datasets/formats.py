"""The table of formats, and which of them a row looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmgym_video.datasets import long_videos, native, short_videos
from mmgym_video.datasets.format import Format

__all__ = ["FORMATS", "Format", "looks_like"]

FORMATS: dict[str, Format] = {
    one.name: one for one in (native.FORMAT, *sorted(long_videos.FORMATS + short_videos.FORMATS, key=lambda f: f.name))
}
"""Every format by its name."""


def looks_like(value: Any) -> Format | None:
    """The format whose fields a value of a file carries, the one that more fields speak for; None for none."""
    if not isinstance(value, Mapping):
        return None
    best = max(FORMATS.values(), key=lambda one: one.matches(value))
    if best.matches(value):
        return best
    return next((one for one in FORMATS.values() if one.unfold(value) is not None), None)
