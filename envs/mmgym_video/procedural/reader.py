"""The expert of drawn videos: it knows where to look, looks there with the tools, and concludes from that alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmgym.spaces import ToolCall
from mmgym_video.looking import Shot
from mmgym_video.pictures import WHOLE, Box
from mmgym_video.procedural.family import Case, Drawn, Look, Sighting
from mmgym_video.procedural.stage import Fact
from mmgym_video.question import LETTERS
from mmgym_video.subtitles import between

__all__ = ["Reader", "frame_questions"]


class Reader:
    """An expert on one case.

    Args:
        case: the instance.
        video: what is looked at (`Case.video`, or another order of its pictures).
        height: pixels that a shot is high when it is shown.
        parts: how many parts of the video can be looked at, if only their middles can.
        in_words: whether the answer is given in words, not as an option's letter.
        hear: what is heard from a start to an end in seconds; None for a silent video.
    """

    def __init__(
        self,
        case: Case,
        video: Drawn,
        height: Callable[[Shot], int],
        parts: int | None = None,
        in_words: bool = False,
        hear: Callable[[float, float], tuple[Fact, ...]] | None = None,
    ):
        self.case, self.video, self.height, self.parts, self.in_words = case, video, height, parts, in_words
        self.hear = hear
        self.looks = case.looks if parts is None else tuple(dict.fromkeys(map(self._middle, case.looks)))

    def _part(self, time: float) -> int:
        """Number of the part that a time lies in, from 0."""
        assert self.parts is not None
        return min(int(time / self.video.duration * self.parts), self.parts - 1)

    def _middle(self, look: Look) -> Look:
        """A look at the middle of the part that a look lies in."""
        assert self.parts is not None
        return Look((self._part(look.time) + 0.5) * self.video.duration / self.parts)

    def plan(
        self,
        shots: Sequence[Shot],
        pictures: int,
        heard: Sequence[tuple[float, float]] = (),
        read: Sequence[tuple[float, float]] = (),
    ) -> list[ToolCall]:
        """The calls that remain, the answer last.

        Args:
            shots: what was shown so far.
            pictures: how many more may be taken; what would be more is left out, and the answer may then be a guess.
            heard: stretches that were heard so far, (start, end) in seconds.
            read: stretches whose subtitles were read so far.
        """
        calls: list[ToolCall] = []
        shots, heard, read = list(shots), list(heard), list(read)
        for stretch in self.case.reads:
            if (stretch.start, stretch.end) not in read:
                calls.append(ToolCall("subtitle", {"start": stretch.start, "end": stretch.end}))
                read.append((stretch.start, stretch.end))
        for listen in self.case.listens:
            if not any(start <= listen.start and listen.end <= end for start, end in heard):
                calls.append(ToolCall("listen", {"start": listen.start, "end": listen.end}))
                heard.append((listen.start, listen.end))
        while look := self._next(shots, self.looks):
            call, new = self._call(look, shots)
            if len(new) > pictures:
                break
            calls.append(call)
            shots += new
            pictures -= len(new)
        return [*calls, self.answer(shots, heard, read)]

    def _next(self, shots: Sequence[Shot], looks: Sequence[Look]) -> list[Look]:
        """The looks that remain, from the first one on."""
        seen = {(shot.time, shot.box) for shot in shots if not shot.marks}
        return [look for look in looks if (self.video.frame_time(look.time), _rounded(look.box)) not in seen]

    def _call(self, looks: Sequence[Look], shots: Sequence[Shot]) -> tuple[ToolCall, list[Shot]]:
        """The call that serves the first of the looks, and what it shows."""
        time, box = self.video.frame_time(looks[0].time), _rounded(looks[0].box)
        whole = [number for number, shot in enumerate(shots, 1) if shot == Shot(time)]
        if self.parts is not None:
            return ToolCall("look", {"part": self._part(time) + 1}), [Shot(time)]
        if box != WHOLE and whole:
            left, top, right, bottom = (round(1000 * edge) for edge in box)
            part = {"frame": whole[0], "left": left, "top": top, "right": right, "bottom": bottom}
            return ToolCall("zoom", part), [Shot(time, box)]
        run = [self.video.frame_time(look.time) for look in looks if look.box == WHOLE and box == WHOLE]
        for count in range(len(run), 2, -1):
            start, end = run[0], run[count - 1]
            even = [self.video.frame_time(min(start + (end - start) * i / (count - 1), end)) for i in range(count)]
            if even == run[:count] and start < end:
                return ToolCall("sample_clip", {"start": start, "end": end, "count": count}), [Shot(t) for t in even]
        return ToolCall("get_frame", {"time": time}), [Shot(time)]

    def sightings(
        self,
        shots: Sequence[Shot],
        heard: Sequence[tuple[float, float]] = (),
        read: Sequence[tuple[float, float]] = (),
    ) -> list[Sighting]:
        """What was seen, heard and read, in order of time."""
        frames = [shot for shot in shots if not shot.marks]
        seen = [Sighting(s.time, self.video.facts(s.time, s.box, self.height(s)), s.box) for s in frames]
        if self.hear is not None:
            seen += [Sighting(start, self.hear(start, end)) for start, end in heard]
        for start, end in read:
            lines = between(self.video.subtitles, start, end)
            seen.append(Sighting(start, tuple({"what": "line", **vars(line)} for line in lines)))
        return sorted(seen, key=lambda sighting: sighting.time)

    def answer(
        self,
        shots: Sequence[Shot],
        heard: Sequence[tuple[float, float]] = (),
        read: Sequence[tuple[float, float]] = (),
    ) -> ToolCall:
        """The answer that follows from what was shown, heard and read."""
        said = self.case.conclude(self.sightings(shots, heard, read))
        if not self.in_words:
            said = LETTERS[self.case.question.options.index(said)]
        return ToolCall("answer", {"text": said}) if self.parts is None else ToolCall("choose", {"option": said})


def _rounded(box: Box) -> Box:
    """The box that a zoom into the whole frame can show: edges are whole thousandths."""
    left, top, right, bottom = (round(1000 * edge) / 1000 for edge in box)
    return left, top, right, bottom


def frame_questions(seen: Sequence[tuple[int, Sequence[Fact]]]) -> list[tuple[str, str]]:
    """Questions about pictures whose facts are known, with their answers.

    Args:
        seen: number of each picture, and what it shows.
    """
    asked = []
    for number, facts in seen:
        things = [fact for fact in facts if fact["what"] == "thing"]
        asked.append((f"How many things does picture {number} show?", str(len(things))))
        for thing in things:
            if sum(other["shape"] == thing["shape"] for other in things) == 1:
                asked.append((f"What colour is the {thing['shape']} in picture {number}?", thing["color"]))
        for fact in facts:
            if fact["what"] == "display" and fact["text"] is not None:
                said = fact["text"] or "nothing"
                asked.append((f"What does the {fact['name']} in picture {number} read?", said))
    return asked
