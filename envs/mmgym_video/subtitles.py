"""Subtitles from files: SubRip, WebVTT and ASS through pysubs2, and the JSON lists of LongVideoBench.

pysubs2 takes what it understands and passes over the rest in silence, so the lines with times are checked here first: a
time that cannot be read is an error with its line, not a subtitle that is missing.
"""

from __future__ import annotations

import html
import json
import math
import re
import reprlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmgym_video.video import Subtitle, VideoError

__all__ = ["SubtitleError", "between", "read_subtitles"]

LAST = 3.0
"""Seconds that the last line of a JSON list stays when it has no end; an earlier one stays until the next begins."""

_FORMATS = {".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ass"}
_STAMP = {"srt": r"\d{1,2}:\d{1,2}:\d{1,2}[.,]\d{1,3}", "vtt": r"(?:\d{1,4}:)?\d{2}:\d{2}\.\d{2,3}"}
_CUE = {name: re.compile(rf"\s*({stamp})\s*-->\s*({stamp})(?:\s.*)?") for name, stamp in _STAMP.items()}
_EXAMPLE = {"srt": "00:00:01,000 --> 00:00:02,500", "vtt": "00:01.000 --> 00:02.500"}
_CLOCK = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2}(?:\.\d*)?)")
_BREAK = re.compile(r"\\[hnN]|<br\s*/?>", re.IGNORECASE)
_MARKUP = re.compile(
    r"</?(?:[bius]|ruby|rt|font|c|v|lang)(?:\.[^\s<>]*)?>"  # of SubRip and WebVTT
    r"|<(?:font|v|lang)(?:\.[^\s<>]*)?\s[^<>]*>"
    r"|<(?:\d+:)?\d\d:\d\d\.\d+>"
    r"|\{\\[^{}]*\}",  # of ASS, which other formats borrow
    re.IGNORECASE,
)
"""What is no text. Everything else in braces or between < and > is: people write formulas and names so."""


class SubtitleError(VideoError):
    """Subtitles that cannot be read; the message names the file, the line where one is at fault, what is allowed."""


def read_subtitles(path: str | Path, offset: float = 0.0) -> tuple[Subtitle, ...]:
    """The subtitles of a file, in order of time, as plain text without tags.

    Args:
        path: a file .srt, .vtt, .ass, .ssa, or .json: a list of ``{"start": "hh:mm:ss.mmm", "end": .., "line": ..}`` or
            ``{"timestamp": [start, end], "text": ..}`` (seconds; the end may be null). In UTF-8, UTF-16 with a byte
            order mark, or else Windows-1252.
        offset: seconds that are subtracted from the times in the file. What lies before 0 then is left out or cut.

    Raises:
        SubtitleError: for a file that cannot be read as such.
        ValueError: for an offset that is not finite.
    """
    if not math.isfinite(offset):
        raise ValueError(f"offset must be a finite number of seconds; got {offset}")
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (*_FORMATS, ".json"):
        raise SubtitleError(f"{path}: subtitles must be one of {', '.join(_FORMATS)}, .json")
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise SubtitleError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SubtitleError(f"{path}: is neither text in UTF-8 nor in UTF-16 nor in Windows-1252") from None
    if not text.strip():
        return ()
    lines = _from_json(path, text) if suffix == ".json" else _from_text(path, text, _FORMATS[suffix])
    moved = [replace(one, start=max(0.0, one.start - offset), end=one.end - offset) for one in lines]
    return tuple(sorted((one for one in moved if one.end > 0 and one.text), key=lambda one: (one.start, one.end)))


def between(subtitles: Iterable[Subtitle], start: float, end: float) -> tuple[Subtitle, ...]:
    """Those that are shown at some time from `start` to `end` (seconds); one that ends at `start` is not."""
    return tuple(one for one in subtitles if one.start <= end and (one.end > start or one.start == one.end == start))


def _decoded(raw: bytes) -> str:
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnicodeDecodeError("utf-8", raw[:1], 0, 1, "a binary file")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _from_text(path: Path, text: str, format: str) -> list[Subtitle]:
    import pysubs2

    if format == "ass":
        _check_ass(path, text)
    else:
        _check_cues(path, text, format)
    if format == "vtt":
        text = _cues_only(text)
    try:
        # pysubs2 would take all that stands in braces or between < and > for markup
        kept = {} if format == "ass" else {"keep_html_tags": True}
        events = pysubs2.SSAFile.from_string(text, format_=format, **kept)
    except (pysubs2.exceptions.Pysubs2Error, ValueError, KeyError, IndexError) as error:
        raise SubtitleError(f"{path}: cannot be read as .{format}: {error!r:.200}") from None
    lines = [one for one in events if one.type == "Dialogue" and not one.is_drawing]
    if not lines:
        raise SubtitleError(f"{path}: holds text, but no subtitle of the kind .{format}")
    return [
        Subtitle(one.start / 1000, one.end / 1000, _plain(one.plaintext if format == "ass" else one.text, format))
        for one in lines
    ]


def _check_cues(path: Path, text: str, format: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if "-->" not in line or not re.search(r"\d:\d", line):
            continue
        cue = _CUE[format].fullmatch(line)
        if not cue:
            raise SubtitleError(f"{path}:{number}: must be like '{_EXAMPLE[format]}'; got {line.strip()[:80]!r}")
        _check_order(path, number, _stamp(cue[1]), _stamp(cue[2]))


def _stamp(text: str) -> float:
    *clock, seconds = text.replace(",", ".").split(":")
    return float(seconds) + sum(int(part) * 60**power for power, part in enumerate(reversed(clock), 1))


def _check_order(path: Path, number: int, start: float, end: float) -> None:
    if end < start:
        raise SubtitleError(f"{path}:{number}: must not end before it starts; got {start:g} to {end:g} seconds")


def _check_ass(path: Path, text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("Dialogue:"):
            fields = line.removeprefix("Dialogue:").split(",", 9)
            if len(fields) < 10 or not all(re.fullmatch(r"\s*\d+:\d{1,2}:\d{1,2}\.\d{1,3}\s*", f) for f in fields[1:3]):
                allowed = "'Dialogue: layer,0:00:01.00,0:00:02.50,style,name,left,right,vertical,effect,text'"
                raise SubtitleError(f"{path}:{number}: must be like {allowed}; got {line[:80]!r}")
            _check_order(path, number, _stamp(fields[1]), _stamp(fields[2]))


def _cues_only(text: str) -> str:
    """WebVTT without notes, styles and the names of cues, which pysubs2 would add to the text of the cue before."""
    cues = []
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.split("\n")
        times = next((i for i, line in enumerate(lines) if _CUE["vtt"].fullmatch(line)), None)
        if times is not None:
            cues.append("\n".join(lines[times:]))
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n"


def _plain(text: str, format: str) -> str:
    if format != "ass":
        text = html.unescape(_MARKUP.sub("", _BREAK.sub(" ", text)))
    return " ".join(text.split())


def _from_json(path: Path, text: str) -> list[Subtitle]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise SubtitleError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise SubtitleError(f"{path}: not JSON: {error}"[:300]) from None
    if not isinstance(rows, list):
        raise SubtitleError(f"{path}: must hold a list of subtitles; got {type(rows).__name__}")
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(_from_row(row))
        except ValueError as error:
            raise SubtitleError(f"{path} row {number}: {error}") from None
    starts = sorted(start for start, _, _ in found)
    ends = [*starts, starts[-1] + LAST] if starts else []
    return [
        Subtitle(start, ends[bisect_right(starts, start)] if end is None else end, line) for start, end, line in found
    ]


def _from_row(row: Any) -> tuple[float, float | None, str]:
    if not isinstance(row, dict):
        raise ValueError(f"must be an object; got {reprlib.repr(row)}")
    if "timestamp" in row:
        times, line = row["timestamp"], row.get("text")
        if not isinstance(times, list) or len(times) != 2:
            raise ValueError(f"timestamp must be [start, end] in seconds; got {reprlib.repr(times)}")
    else:
        times, line = [row.get("start"), row.get("end")], row.get("line")
    if not isinstance(line, str):
        raise ValueError(
            f"must hold a text, as line (beside start and end) or text (beside timestamp); got {line!r:.80}"
        )
    start = _seconds(times[0])
    end = None if times[1] is None else _seconds(times[1])
    if end is not None and end < start:
        raise ValueError(f"must not end before it starts; got {times!r:.80}")
    return start, end, _plain(line, "json")


def _seconds(value: Any) -> float:
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())):
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3])
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    raise ValueError(f"times must be 'hh:mm:ss.mmm' or seconds from 0; got {reprlib.repr(value)}")
