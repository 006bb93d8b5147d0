"""Decoding by PyAV: each group of pictures once, and of its frames only those that were asked for made into pictures.

One moment is decoded by FFmpeg's threads, which work on successive frames; moments in several groups by one decoder a
group, each in a thread of its own. A moment soon after the last one is reached by going on from there.

What comes out is checked against the index: a frame that fails, or does not come, is decoded again by itself and from
earlier on (the key frames of some streams are such only after a while); then the file is damaged, and that is an error.
"""

from __future__ import annotations

import bisect
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np

from mmgym_video.files.index import Index, Segment, Unreadable
from mmgym_video.files.opening import open_decoder
from mmgym_video.files.pictures import Orientation, orientation, rgb
from mmgym_video.video import VideoError

__all__ = ["PyavDecoder", "default_threads"]

SKIPPABLE = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs where frames that no other depends on can be left out, exactly."""
COPIED = SKIPPABLE | {"hevc", "vp8", "vp9", "libdav1d", "av1"}
"""Decoders that need no more of a stream's header than can be copied into another one."""
MAX_THREADS = 4
"""Threads by default at most: more delay the first frame by one frame each."""
PATIENCE = 32
"""Packets beyond the wanted one after which it will not come out of a decoder any more."""
GATHERED_BYTES = 64 * 2**20
"""Bytes of packets that are read before several groups are decoded at once."""
ATTEMPTS = 3
"""Groups that decoding is begun from, each earlier than the last, before a frame is given up."""
NEAR = 4
"""Frames at the end of a group that are decoded rather than a new start made at the next key frame."""


def default_threads() -> int:
    """Threads that decode unless the user says so: the cores at hand, 4 at most."""
    return min(len(os.sched_getaffinity(0)), MAX_THREADS)


class _Failed(Exception):
    """A decoder did not give a frame."""


class PyavDecoder:
    """Decodes frames of a file, found by their times.

    Args:
        path: The file, absolute.
        format: FFmpeg's name of its container.
        threads: Threads that decode; the cores at hand, 4 at most, when None.
    """

    def __init__(self, path: Path, format: str, threads: int | None = None) -> None:
        from av.video.reformatter import VideoReformatter

        self.index = Index(path, format)
        self.path = path
        self.threads = threads or default_threads()
        self._main: Any = None
        self._reformatter = VideoReformatter()
        self._packets: Iterator[Any] = iter(())
        self._ready: list[Any] = []
        self._at: Segment | None = None
        self._reached = 0
        self._moves = -1
        self._ends = False
        self._counted = 0
        self._turn: Orientation | None = None
        self._turn_known = threading.Event()
        self._spare: list[tuple[Any, Any]] = []

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return float(self.index.rate)

    @property
    def origin(self) -> float:
        """When the first frame appears on the file's own clock, in seconds."""
        return self.index.origin

    @property
    def duration(self) -> float:
        """When the last frame ends, in seconds."""
        return self.index.duration

    def locate(self, time: float) -> int:
        """The frame that is shown at a time; see `Index.locate`."""
        return self.index.locate(time)

    def seconds(self, frame: int) -> float:
        """When a frame appears, in seconds."""
        return self.index.seconds(frame)

    def close(self) -> None:
        """Let go of the file and the decoders."""
        self._at, self._main, self._packets, self._ready, self._spare = None, None, iter(()), [], []
        self.index.close()

    def decode(
        self, frames: Sequence[int], *, parallel: bool = True
    ) -> Generator[tuple[int, np.ndarray] | None, None, None]:
        """Decode frames that `locate` named, each once and in order.

        Between frames it may yield None: then it can be left, and nothing is lost.

        Raises:
            VideoError: when one of them cannot be decoded.
        """
        if self.index.linear:
            yield from self._count(frames)
            return
        try:
            yield from self._decode(frames, parallel)
        finally:
            self.index.release()

    def _decode(self, frames: Sequence[int], parallel: bool) -> Iterator[tuple[int, np.ndarray] | None]:
        groups = [(s, list(times)) for s, times in groupby(frames, self.index.segment)]
        if parallel and self._pays(groups):
            found = self._together(groups)
            yield from sorted(found.items())
            groups = [(s, [t for t in times if t not in found]) for s, times in groups]
        for segment, times in groups:
            missing = list(times)
            try:
                for step in self._go_on(segment, times):
                    if step is not None:
                        missing.remove(step[0])
                    yield step
            except (_Failed, Unreadable):
                self._at = None
                yield from self._again(segment, missing)

    # One decoder that goes on ---------------------------------------------------------------------------------

    def _go_on(self, segment: Segment, times: Sequence[int]) -> Iterator[tuple[int, np.ndarray] | None]:
        if not times:
            return
        if not self._near(segment, times[0]):
            self._start(segment)
        missing, last = set(times), times[-1]
        late = 0
        while missing:
            while self._ready and missing:
                frame = self._ready.pop(0)
                self._reached = max(self._reached, frame.pts)
                if frame.pts in missing:
                    missing.remove(frame.pts)
                    yield frame.pts, self._picture(frame, self._main, self._reformatter)
            if not missing:
                break
            packet = next(self._packets, None)
            if packet is None:
                self._ready = self._feed(self._main, None)
                self._at = None
                if not any(frame.pts in missing for frame in self._ready):
                    raise _Failed
                continue
            late += packet.dts is None or packet.dts > last
            if late > PATIENCE:
                raise _Failed
            skip = packet.pts is not None and packet.pts < last and packet.pts not in missing
            if skip:
                self._reached = max(self._reached, packet.pts)
            self._skip(self._main, skip)
            self._ready = self._feed(self._main, packet)
            yield None
        self._at = self._at and self.index.segment(self._reached)

    def _near(self, segment: Segment, wanted: int) -> bool:
        """Whether going on from the last frame leads to this one sooner than a new start."""
        if self._at is None or self._moves != self.index.moves or wanted <= self._reached:
            return False
        if segment is self._at:
            return True
        left = sum(time > self._reached for time in self._at.shown)
        return not self._ends and self._at.end == segment.start and left <= NEAR

    def _start(self, segment: Segment) -> None:
        self._ends = self.index.holds(segment.start)
        packets = _without_leading(self.index.packets_from(segment.start))
        first = next(packets)
        context = self.index.stream.codec_context
        if context.is_open:
            context.flush_buffers()
        else:
            open_decoder(self.path, context, self.threads, segment.reorder)
        self._main = context
        self._packets = chain([first], packets)
        self._ready, self._at, self._reached, self._moves = [], segment, segment.start - 1, self.index.moves

    # Several decoders at once ---------------------------------------------------------------------------------

    def _pays(self, groups: Sequence[tuple[Segment, Sequence[int]]]) -> bool:
        """Whether several decoders are faster than one with several threads."""
        if len(groups) < 2 or self.threads < 2 or self.index.stream.codec_context.codec.name not in COPIED:
            return False
        costs = [1 + sum(time <= times[-1] for time in segment.shown) for segment, times in groups]
        return max(costs) * self.threads <= 1.2 * sum(costs)

    def _together(self, groups: Sequence[tuple[Segment, Sequence[int]]]) -> dict[int, np.ndarray]:
        """Decode groups, as many at once as there are threads; what cannot be decoded is left out."""
        found: dict[int, np.ndarray] = {}
        remaining = list(groups)
        while remaining:
            jobs: list[tuple[Segment, Sequence[int], list[Any]]] = []
            size = 0
            while remaining and size < GATHERED_BYTES:
                segment, times = remaining.pop(0)
                try:
                    packets = self._gather(times, segment)
                except Unreadable:
                    continue
                size += sum(packet.size for packet in packets)
                jobs.append((segment, times, packets))
            self._at = None
            # They are taken from the end: the longest first, so that none is begun when the others are done.
            jobs.sort(key=lambda job: len(job[2]))
            helpers = [
                threading.Thread(target=self._help, args=(jobs, found)) for _ in range(min(self.threads, len(jobs)) - 1)
            ]
            for helper in helpers:
                helper.start()
            self._help(jobs, found, main=True)
            for helper in helpers:
                helper.join()
        return found

    def _help(self, jobs: list[Any], found: dict[int, np.ndarray], main: bool = False) -> None:
        """Decode groups from a list until it is empty."""
        try:
            while True:
                try:
                    segment, times, packets = jobs.pop()
                except IndexError:
                    return
                try:
                    if main:
                        context, reformatter = self.index.stream.codec_context, self._reformatter
                        if not context.is_open:
                            open_decoder(self.path, context, self.threads, segment.reorder)
                    else:
                        context, reformatter = self._take(segment)
                    for time, image in self._decode_all(context, reformatter, packets, times):
                        found[time] = image
                except (_Failed, VideoError):
                    # Whoever asked decodes it once more, by itself, and says what is wrong.
                    continue
                if not main:
                    self._spare.append((context, reformatter))
        finally:
            if main:
                # Without a frame from the file's own decoder nothing says that pictures are turned.
                self._turn_known.set()

    def _gather(self, times: Sequence[int], start: Segment) -> list[Any]:
        """The packets that frames need, from the key frame of a group on."""
        missing = set(times)
        packets = self.index.packets_from(start.start)
        gathered = []
        for packet in _without_leading(packets):
            gathered.append(packet)
            missing.discard(packet.pts)
            if not missing:
                break
        return gathered

    def _decode_all(
        self, context: Any, reformatter: Any, packets: Sequence[Any], times: Sequence[int]
    ) -> Iterator[tuple[int, np.ndarray]]:
        wanted = set(times)
        context.flush_buffers()
        for packet in (*packets, None):
            if packet is not None:
                self._skip(context, packet.pts not in wanted)
            for frame in self._feed(context, packet):
                if frame.pts in wanted:
                    yield frame.pts, self._picture(frame, context, reformatter)
        context.flush_buffers()

    def _take(self, segment: Segment) -> tuple[Any, Any]:
        """A decoder like the file's own, and a converter."""
        import av
        from av.video.reformatter import VideoReformatter

        if self._spare:
            return self._spare.pop()
        own = self.index.stream.codec_context
        context = av.CodecContext.create(own.codec.name, "r")
        context.extradata, context.width, context.height = own.extradata, own.width, own.height
        context.colorspace, context.color_range = own.colorspace, own.color_range
        context.color_primaries, context.color_trc = own.color_primaries, own.color_trc
        open_decoder(self.path, context, 1, segment.reorder)
        return context, VideoReformatter()

    # A file whose frames are counted ------------------------------------------------------------------------------

    def _count(self, frames: Sequence[int]) -> Iterator[tuple[int, np.ndarray] | None]:
        """Decode frames of a file whose packets do not tell times, by counting from the start."""
        shown = self.index.segment(self.index.first).shown
        for time in frames:
            number = bisect.bisect_left(shown, time)
            if self._moves != self.index.moves or number < self._counted:
                self.index.reopen()
                open_decoder(self.path, self.index.stream.codec_context, self.threads)
                self._packets = chain(self.index.packets(), [None])
                self._ready, self._counted, self._moves = [], 0, self.index.moves
            context = self.index.stream.codec_context
            try:
                while self._counted <= number:
                    while not self._ready:
                        self._ready = self._feed(context, next(self._packets))
                        yield None
                    frame = self._ready.pop(0)
                    self._counted += 1
                image = self._picture(frame, context, self._reformatter)
            except (_Failed, Unreadable, StopIteration):
                self._moves = -1
                raise self._damaged(time) from None
            yield time, image

    # Once more ------------------------------------------------------------------------------------------------

    def _again(self, segment: Segment, times: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Decode frames by a fresh decoder from their key frame, else from an earlier one."""
        missing = list(times)
        start: Segment | None = segment
        for _ in range(ATTEMPTS):
            if start is None or not missing:
                break
            try:
                packets = self._gather(missing, start)
                context = self._fresh(segment)
                for time, image in self._decode_all(context, self._reformatter, packets, list(missing)):
                    missing.remove(time)
                    yield time, image
            except (_Failed, Unreadable):
                pass
            try:
                start = self.index.before(start)
            except Unreadable:
                break
        if missing:
            raise self._damaged(missing[0])

    def _damaged(self, time: int) -> VideoError:
        return VideoError(f"{self.path}: damaged: it cannot be decoded at {self.seconds(time):.3f} s")

    def _fresh(self, segment: Segment) -> Any:
        """The file's own decoder, as new and with one thread."""
        self.index.reopen()
        open_decoder(self.path, self.index.stream.codec_context, 1, segment.reorder)
        return self.index.stream.codec_context

    # Steps ----------------------------------------------------------------------------------------------------

    def _skip(self, context: Any, skip: bool) -> None:
        if context.codec.name in SKIPPABLE:
            context.skip_frame = "NONREF" if skip else "DEFAULT"

    def _feed(self, context: Any, packet: Any) -> list[Any]:
        from av import FFmpegError

        try:
            frames: list[Any] = context.decode(packet)
        except (FFmpegError, EOFError, ValueError) as error:
            raise _Failed(str(error)) from None
        if frames and context is self.index.stream.codec_context and not self._turn_known.is_set():
            self._turn = orientation(frames[0])
            self._turn_known.set()
        return frames if self.index.linear else [f for f in frames if f.pts is not None and not f.is_corrupt]

    def _picture(self, frame: Any, context: Any, reformatter: Any) -> np.ndarray:
        from av import FFmpegError

        self._turn_known.wait()
        aspect = self.index.stream.sample_aspect_ratio or context.sample_aspect_ratio
        try:
            return rgb(frame, reformatter, self.index.coded_size, aspect, orientation(frame) or self._turn)
        except (FFmpegError, ValueError) as error:
            raise _Failed(str(error)) from None


def _without_leading(packets: Iterator[Any]) -> Iterator[Any]:
    """Packets from a key frame on, without those after it that are shown before it: they need what came earlier."""
    key = next(packets)
    yield key
    for packet in packets:
        if packet.pts is None or packet.pts >= key.pts:
            yield packet
            if packet.is_keyframe:
                yield from packets
