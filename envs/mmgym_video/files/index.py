"""Which frames a stream shows and when, read from its packets without decoding, one group of pictures at a time.

A group (`Segment`) begins with a key frame and ends before the next. Reading one takes the container's own index of key
frames and a look at the packets of the group, so a moment of a file of two hours is found without reading the rest.
Containers without such an index (MPEG streams, AVI, ...) are read once from end to end, again without decoding.
"""

from __future__ import annotations

import bisect
import itertools
import logging
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mmgym_video.files.opening import HEADERS, LEAN, only, open_container, open_decoder
from mmgym_video.video import VideoError

__all__ = ["Index", "Segment", "Unreadable"]

logger = logging.getLogger(__name__)

TOLERANCE = 1e-6
"""Seconds by which a time may fall short of a frame's: a time that went through floating point finds its frame."""
HELD_BYTES = 32 * 2**20
"""Bytes of packets that are held from when their group is read until its frames are decoded, not to read them again."""
SLACK = 0.02
"""Share of its length by which a header may overstate it, as those do that count a longer sound."""
VERIFIED = 64
"""Frames at the start of a file without an index that are decoded, to see that its packets tell their times truly."""


class Unreadable(VideoError):
    """Raised where the packets of a file cannot be read."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of pictures. Times are presentation times in units of the stream's time base."""

    start: int
    """Time of its key frame."""
    end: int
    """Time of the next key frame; for the last group, when its last frame ends."""
    shown: Sequence[int]
    """Times of the frames that are shown, in order."""
    reorder: int
    """How many frames may have to wait in the decoder for one that is shown before them."""
    last: bool
    """Whether the file ends with it."""


class Index:
    """The frames of the video stream of a file, which it opens.

    Args:
        path: The file, absolute.
        format: FFmpeg's name of its container.

    Raises:
        VideoError: when the file has no video stream, or none with a frame.
    """

    def __init__(self, path: Path, format: str) -> None:
        self.path, self.format = path, format
        self.moves = 0
        """Counts how often the place where packets are read was set, so that a reader sees that it was moved away."""
        self.linear = False
        """Whether packets do not tell the times of frames: these were learnt by decoding all, and are counted."""
        self.cut_off = False
        """Whether the file ends before the time that its header says."""
        self._segments: list[Segment] = []
        self._starts: list[int] = []
        self._end: int | None = None
        self._held: dict[int, list[Any]] = {}
        self._held_bytes = 0
        self._open()
        self.time_base: Fraction = self.stream.time_base
        context = self.stream.codec_context
        self.coded_size: tuple[int, int] = (context.width, context.height)
        """Width and height as the header says them."""
        self.rate: Fraction = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        """Frames per second, on average, as the header says it; where it says nothing, 25."""
        if format in HEADERS:
            self.first = self._first()
        else:
            self.first = self._read_all()

    def _open(self) -> None:
        lean = self.format in LEAN
        self.container: Any = open_container(self.path, self.format, lean=lean)
        self.stream: Any = self._video_stream()
        if lean and not self.stream.codec_context.width:
            self.container.close()
            self.container = open_container(self.path, self.format, lean=False)
            self.stream = self._video_stream()
        only(self.stream)

    def _video_stream(self) -> Any:
        from av.stream import Disposition

        # An attached picture is the cover of a record, not a video.
        streams = [s for s in self.container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            what = "only sound" if self.container.streams.audio else "no stream of pictures"
            raise VideoError(f"{self.path}: not a video: it has {what}")
        chosen = next((s for s in streams if s.disposition & Disposition.default), streams[0])
        if chosen.codec_context is None:
            raise VideoError(f"{self.path}: its pictures have a codec that FFmpeg does not decode")
        return chosen

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    # Times --------------------------------------------------------------------------------------------------------

    def seconds(self, pts: int) -> float:
        """A time of the stream in seconds from the start of the video."""
        return float((pts - self.first) * self.time_base)

    @property
    def origin(self) -> float:
        """When the first frame appears on the file's own clock, in seconds."""
        return float(self.first * self.time_base)

    def locate(self, time: float) -> int:
        """The frame that is shown at a time in seconds, by its own time in the stream.

        Raises:
            ValueError: when the time is outside of the video.
            VideoError: when the file cannot be read there.
        """
        if not (math.isfinite(time) and time >= 0):
            raise self._outside(time)
        wanted = self.first + math.floor((time + TOLERANCE) / self.time_base)
        segment = self.segment(wanted)
        if segment.last and time > self.seconds(segment.end) + TOLERANCE:
            raise self._outside(time)
        while True:
            at = bisect.bisect_right(segment.shown, wanted) - 1
            if at >= 0:
                return segment.shown[at]
            # Nothing of this group is shown yet: what is seen is the last frame of the one before.
            earlier = self.before(segment)
            if earlier is None:
                raise Unreadable(f"{self.path}: no frame can be read at {time:.3f} s")
            segment = earlier

    def _outside(self, time: float) -> ValueError:
        duration = self.duration
        cut = ", where the file is cut off" if self.cut_off else ""
        return ValueError(f"{self.path.name}: time must be in [0, {duration:.3f}]{cut}; got {time}")

    @property
    def end(self) -> int:
        """When the last frame ends, in units of the time base."""
        if self._end is None:
            length = self.stream.duration
            said = self.first + (length or 0)
            if not length:
                # That of the whole file counts from its first frame in some containers and from zero in others.
                length = math.ceil(Fraction(self.container.duration or 0, 1_000_000) / self.time_base)
                said = max(length, self.first)
            segment = self.segment(self.first + length)
            while not segment.last:
                segment = self.segment(segment.end)
            self.release()
            self._end = segment.end
            missing = float((said - segment.end) * self.time_base)
            if self.cut_off or missing > max(1.0, SLACK * length * self.time_base):
                self.cut_off = True
                end = self.seconds(segment.end)
                logger.warning(
                    "%s: cut off or damaged: it ends at %.3f s, not at %.3f s", self.path, end, end + missing
                )
        return self._end

    @property
    def duration(self) -> float:
        """When the last frame ends, in seconds from the start of the video."""
        return self.seconds(self.end)

    # Packets ------------------------------------------------------------------------------------------------------

    def packets(self) -> Iterator[Any]:
        """The packets of the stream from where the container stands.

        Raises:
            Unreadable: where they cannot be read.
        """
        from av import FFmpegError

        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError) as error:
                raise Unreadable(f"{self.path}: cannot be read: {error.strerror}") from None
            if packet is None or not packet.size:
                return
            if packet.is_corrupt:
                raise Unreadable(f"{self.path}: cannot be read: a piece of it is missing")
            yield packet

    def holds(self, start: int) -> bool:
        """Whether the packets of the group at `start` are in memory still, since it was read just now."""
        return start in self._held

    def release(self) -> None:
        """Let go of the packets that are held."""
        self._held.clear()
        self._held_bytes = 0

    def packets_from(self, start: int) -> Iterator[Any]:
        """The packets from the key frame at `start` on, in the order of decoding; of a held group only its own.

        Raises:
            Unreadable: when there is no such key frame, or where packets cannot be read.
        """
        if start in self._held:
            yield from self._held[start]
            return
        for back in self._steps_back(start):
            self._seek(back)
            packets = self.packets()
            for packet in packets:
                if packet.is_keyframe and packet.pts == start:
                    yield packet
                    yield from packets
                    return
                if packet.dts is not None and packet.dts > start:
                    break
        raise Unreadable(f"{self.path}: its key frame at {self.seconds(start):.3f} s is not found again")

    def _steps_back(self, pts: int) -> Iterator[int | None]:
        """Times to look for a key frame from, since some containers find a place only roughly; at last the start."""
        yield pts
        back = max(1, round(1 / self.time_base))
        while pts - back > self.first:
            yield pts - back
            back *= 4
        yield None

    def _seek(self, pts: int | None) -> None:
        """Go to the last key frame at or before a time, as far as the container can tell; None opens the file anew."""
        from av import FFmpegError

        self.moves += 1
        if pts is not None:
            try:
                self.container.seek(pts, stream=self.stream)
                return
            except (FFmpegError, OSError, OverflowError):
                pass
        self.reopen()

    def reopen(self) -> None:
        """Open the file anew, with a decoder that has seen nothing; packets come from the start."""
        self.moves += 1
        self.release()
        self.container.close()
        self._open()

    # Segments -----------------------------------------------------------------------------------------------------

    def segment(self, pts: int) -> Segment:
        """The group of pictures that a time of the stream falls in; the last one for times after the end.

        Raises:
            Unreadable: when the file cannot be read there.
        """
        at = bisect.bisect_right(self._starts, pts) - 1
        if at >= 0 and (pts < self._segments[at].end or self._segments[at].last):
            return self._segments[at]
        segment = self._read_segment(pts)
        at = bisect.bisect_left(self._starts, segment.start)
        if at == len(self._starts) or self._starts[at] != segment.start:
            self._starts.insert(at, segment.start)
            self._segments.insert(at, segment)
        return segment

    def before(self, segment: Segment) -> Segment | None:
        """The group of pictures before this one; None for the first."""
        return self.segment(segment.start - 1) if segment.start > self.first else None

    def _read_segment(self, pts: int) -> Segment:
        for back in self._steps_back(pts):
            self._seek(back)
            segment = self._collect(pts)
            if segment is not None:
                return segment
        raise Unreadable(f"{self.path}: no frame can be read at {self.seconds(pts):.3f} s")

    def _collect(self, pts: int) -> Segment | None:
        """The group that holds `pts`, from where the container stands; None when that is not before it."""
        group: list[tuple[int, int, bool]] = []
        held: list[Any] = []
        room = HELD_BYTES - self._held_bytes
        following: int | None = None
        try:
            for packet in self.packets():
                if packet.pts is None:
                    continue
                # Right after a jump some containers do not tell when a packet is to be decoded.
                decoded = -math.inf if packet.dts is None else packet.dts
                if following is not None and decoded >= following:
                    break
                # After the end that an edit list sets nothing is shown, and no group begins.
                key = packet.is_keyframe and not (packet.is_discard and packet.pts > self.first)
                if key and packet.pts <= pts:
                    group, held, room = [], [], HELD_BYTES - self._held_bytes
                elif not group:
                    if decoded > pts:
                        return None
                    continue
                elif key and following is None and packet.pts > group[0][0]:
                    following = packet.pts
                group.append((packet.pts, packet.duration or 0, packet.is_discard))
                room -= packet.size
                if room >= 0:
                    held.append(packet)
        except Unreadable:
            # What follows is missing: the file ends with what could be read.
            if not group:
                return None
            self.cut_off = True
        if not group:
            return None
        if room >= 0 and None not in (packet.dts for packet in held[1:]):
            self._held[group[0][0]] = held
            self._held_bytes = HELD_BYTES - room
        return self._as_segment(group, following)

    def _as_segment(self, packets: Sequence[tuple[int, int, bool]], following: int | None) -> Segment:
        """A group of (time, duration, whether it is discarded) in the order of decoding, its key frame first."""
        start = packets[0][0]
        inside = [p for p in packets if start <= p[0] and (following is None or p[0] < following)]
        shown = sorted(pts for pts, _, discarded in inside if not discarded)
        tick = max(1, round(1 / (self.rate * self.time_base)))
        ends = [pts + (duration or tick) for pts, duration, discarded in inside if not discarded]
        end = following if following is not None else max(ends, default=start)
        return Segment(start, end, array("q", shown), _reorder([p[0] for p in inside]), following is None)

    def _first(self) -> int:
        """Time of the first frame that is shown, from the packets with which the file begins."""
        key: int | None = None
        found: int | None = None
        try:
            for packet in self.packets():
                if packet.pts is None or (key is None and not packet.is_keyframe):
                    continue
                key = packet.pts if key is None else key
                if found is not None and packet.dts is not None and packet.dts >= found:
                    break
                if packet.pts >= key and not packet.is_discard:
                    found = packet.pts if found is None else min(found, packet.pts)
                    if found == key:
                        break
        except Unreadable:
            pass
        if found is None:
            raise VideoError(f"{self.path}: has no frame that can be read")
        return found

    # Containers without an index ----------------------------------------------------------------------------------

    def _read_all(self) -> int:
        """Read all packets; the time of the first frame that is shown."""
        packets: list[tuple[Any, Any, int, bool, bool]] = []
        try:
            for p in self.packets():
                if packets or p.is_keyframe:
                    packets.append((p.pts, p.dts, p.duration or 0, p.is_discard, p.is_keyframe))
        except Unreadable:
            self.cut_off = True
        times = [p[0] for p in packets]
        self.reopen()
        told = None not in times and all(p[1] is not None for p in packets) and len(set(times)) == len(times)
        if not packets or not told or not self._verified(packets):
            self._decode_all()
            return self._starts[0]
        keys: list[int] = []
        for i, packet in enumerate(packets):
            if packet[4] and (not keys or packet[0] > times[keys[-1]]):
                keys.append(i)
        for i, after in zip(keys, [*keys[1:], None], strict=True):
            following, until = None, len(packets)
            if after is not None:
                following = times[after]
                # Frames that are shown before the next key frame may be decoded after it.
                until = next((j for j in range(after, len(packets)) if packets[j][1] >= following), until)
            self._segments.append(self._as_segment([(p[0], p[2], p[3]) for p in packets[i:until]], following))
        self._starts = [segment.start for segment in self._segments]
        return next(segment.shown[0] for segment in self._segments if segment.shown)

    def _verified(self, packets: Sequence[tuple[Any, ...]]) -> bool:
        """Whether the first frames come out of the decoder at the times that the packets tell."""
        from av import FFmpegError

        told = sorted(p[0] for p in packets if p[0] >= packets[0][0] and not p[3])[:VERIFIED]
        found: list[int | None] = []
        try:
            for packet in self.packets():
                found += [frame.pts for frame in self.stream.codec_context.decode(packet)]
                if len(found) >= len(told):
                    break
            else:
                found += [frame.pts for frame in self.stream.codec_context.decode(None)]
        except (FFmpegError, Unreadable):
            if not found:
                raise VideoError(f"{self.path}: has no frame that can be decoded") from None
            return True
        finally:
            self.reopen()
        return found[: len(told)] == told

    def _decode_all(self) -> None:
        """Learn the times of frames by decoding all of them."""
        from av import FFmpegError

        self.linear = True
        open_decoder(self.path, self.stream.codec_context)
        tick = max(1, round(1 / (self.rate * self.time_base)))
        told: list[Any] = []
        try:
            for packet in self.packets():
                told += [frame.pts for frame in self.stream.codec_context.decode(packet)]
            told += [frame.pts for frame in self.stream.codec_context.decode(None)]
        except (FFmpegError, Unreadable):
            self.cut_off = True
        if not told:
            raise VideoError(f"{self.path}: has no frame that can be decoded")
        rising = None not in told and all(a < b for a, b in itertools.pairwise(told))
        times = told if rising else [number * tick for number in range(len(told))]
        self._segments = [Segment(times[0], times[-1] + tick, array("q", times), 0, True)]
        self._starts = [times[0]]
        self.reopen()


def _reorder(times: Sequence[int]) -> int:
    """The most frames that come before one in the order of decoding and are shown after it."""
    most = 0
    waiting: list[int] = []
    for time in times:
        at = bisect.bisect_left(waiting, time)
        most = max(most, len(waiting) - at)
        waiting.insert(at, time)
        del waiting[:-32]
    return most
