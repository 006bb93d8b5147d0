"""VideoQA: answer a question about a video that is too long to be looked at whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval, MaxLen

from mmgym.env import Capabilities, Effect, MachineryFailure, choose, whole
from mmgym.spaces import Parameter, Tool, ToolCall, flag, tool
from mmgym_video.looking import LookingEnv, Permille, Shot, chosen_families
from mmgym_video.pictures import WHOLE, Box, contact_sheet, crop, seen_on_sheet
from mmgym_video.procedural.catalogue import FAMILIES
from mmgym_video.procedural.family import Drawn
from mmgym_video.procedural.reader import Reader, frame_questions
from mmgym_video.procedural.stage import in_words
from mmgym_video.question import LETTERS
from mmgym_video.sources import MAX_SECONDS, DrawnSource, FileSource, Instance, Shuffled, Source
from mmgym_video.subtitles import between
from mmgym_video.video import Frame, Subtitle, Video, VideoError, clock

__all__ = ["VideoQA"]

INSTANT = 0.5
"""Seconds before and after a single frame that count as asked for."""
MAX_CALL = 64
"""Most frames of one call."""
MAX_SUBTITLES = 4000
"""Most characters of subtitles that one call returns."""
PREVIEWS = ("frames", "sheet", "none")
Seconds = Annotated[float, Interval(ge=0, le=MAX_SECONDS)]
Number = Annotated[int, Interval(ge=1, le=9999)]
_COARSE = ("look", "choose")
"""The tools of an environment with `parts`."""
_TIMES = ("time", "start", "end", "stride")


class VideoQA(LookingEnv):
    """Answer a question about a video that is too long to be looked at whole.

    ## Description
    A question with its options, the length of the video and a sparse preview are shown. The agent asks for frames,
    zooms into them, reads subtitles and keeps notes, within a budget of pictures and turns, and then answers once.
    Videos are drawn on demand from the seed, with exact ground truth. With `questions=` they are a user's own files.

    ## Action space
    `get_frame(time)` shows the frame at a time in seconds. `sample_clip(start, end, count)` shows frames at even
    distances from start to end, both included. `scan(stride)` shows a frame every so many seconds of the whole video.
    `zoom(frame, left, top, right, bottom)` shows a part of a picture that was shown, at full size, edges in thousandths
    of that picture. `subtitle(start, end)` gives the subtitles of a stretch. `note(text)` keeps a note. `answer(text)`
    gives the letter or the text of an option and ends the episode. A look that is out of the video, empty, reversed or
    over the budget shows nothing and says why; it costs the turn.

    ## Observation space
    `task`: the question, the video's length, notes, and what is left of the budgets. `frames`: the new pictures, each
    after its number and time (uint8, at most `tokens_per_image` cells of `patch` pixels a side). `text`: what the new
    pictures show, in words (text twin; what is too small to be read in the picture is not told). `feedback`: subtitles,
    and what went wrong.

    ## Starting state
    A random instance of one of the families, each as likely; the preview's pictures are number 1 and following, and
    cost nothing. The split is decided by a hash of what is asked about; `ood` has other shades and another ground.
    `options["task"]` is the name of a family, or `"any"`.

    ## Rewards
    1 for the right answer (term `outcome`), else 0; `grounding_reward` and `frame_cost` add process terms.
    `info["measures"]` has what a `RewardSpec` (`mmgym_video.rewards.turn_specs`) weighs: `answer` (graded), `frames`,
    `hits` (those in the evidence), `looks`, `zooms`, `look_errors`, `repeats`, `grounding` (temporal IoU between
    all that was asked for and the evidence, as added by the turn) and `evidence` (share of the evidence that was asked
    for, likewise).

    ## Episode end
    Terminated by an answer (success if it is right); truncated at the turn limit.

    ## Arguments
    - `families`: names of the families that are asked; None for all.
    - `duration`: seconds of a drawn video; None takes the level's. `frame_size`: its height and width.
    - `questions`: a file of questions about video files, in a public format or mmgym's own (`format`, by default
      recognised by its fields; see docs/video_datasets.md); `videos`: the folder of the files; `broken`: `"refuse"` or
      `"skip"` broken rows and files that cannot be opened; `split_by`: `"none"`, or `"video"`, so that no two splits
      share a video. There is no expert and no text twin then, and levels differ in budgets alone.
    - `preview`: `"frames"`, `"sheet"` (one picture of several frames) or `"none"`; `preview_frames`: how many.
    - `parts`: makes all actions finite, for small models and classical learners (families whose videos consist of equal
      stretches only): `look(part)` shows the middle of one of so many equal parts, `choose(option)` answers.
    - `shuffled`: whether pictures are those of other times (a probe; drawn videos only).
    - and those of `LookingEnv`: `frame_budget`, `tokens_per_image`, `patch`, `repeat_question`, `open_answers`,
      `grounding_reward`, `frame_cost`.

    | level | drawn video | pictures | turns |
    |---|---|---|---|
    | 1 | 1 minute | 16 | 12 |
    | 2 | 3 minutes | 24 | 16 |
    | 3 | 10 minutes | 32 | 20 |
    | 4 | 30 minutes | 48 | 30 |
    | 5 | 2 hours | 64 | 40 |

    ## Version history
    - v0: first version.
    """

    capabilities = Capabilities(order_sensitive=True)
    instance: Instance
    read: tuple[tuple[float, float], ...]
    """Stretches whose subtitles were read, (start, end) in seconds."""
    all_families: ClassVar[Any] = FAMILIES
    """The families that may be asked, by name."""
    instruction = (
        "Answer the question about the video. You see only what you ask for: get_frame shows the frame at a time in "
        "seconds, sample_clip several frames of a stretch, scan one every so many seconds, zoom a part of a picture "
        "that was shown, subtitle what is said. Pictures and turns are limited. When you know the answer, give the "
        "letter of the option with answer; you can answer once."
    )

    def __init__(
        self,
        *,
        families: Sequence[str] | None = None,
        duration: float | None = None,
        frame_size: tuple[int, int] = (480, 640),
        questions: str | None = None,
        videos: str | None = None,
        format: str = "auto",
        broken: str = "refuse",
        split_by: str = "none",
        preview: str = "frames",
        preview_frames: int = 4,
        shuffled: bool = False,
        parts: int | None = None,
        **arguments: Any,
    ) -> None:
        self.preview = choose("preview", preview, PREVIEWS)
        self.preview_frames = whole("preview_frames", preview_frames, 1, MAX_CALL)
        self.shuffled = flag("shuffled", shuffled)
        self.source: Source
        if questions is None:
            self.source = DrawnSource(chosen_families(families, self.all_families), duration, frame_size)
            if self.shuffled:  # who sees other moments can but guess
                self.capabilities = replace(self.capabilities, expert="optimal_in_expectation")
        else:
            if self.shuffled:
                raise ValueError("shuffled must be False with questions: it is a probe of drawn videos")
            self.source = FileSource(questions, videos, format, broken, split_by)
            splits: Any = "content" if split_by == "video" else "single"
            self.capabilities = Capabilities(expert="none", splits=splits, questions=False, text_twin=False)
        self.parts = parts
        if parts is not None:
            self._check_parts(parts)
        super().__init__(**arguments)
        if isinstance(self.source, DrawnSource):
            self._check_height(self.source)
        self._open({})

    def _check_height(self, source: DrawnSource) -> None:
        high = min(source.size[0], self.shown_size(*source.size)[0])
        if blurred := [family.name for family in source.families.values() if family.least_height > high]:
            needed = max(family.least_height for family in source.families.values())
            raise ValueError(
                f"frames {high} pixels high are too small for {', '.join(blurred)}: give a larger tokens_per_image and "
                f"frame_size, so that frames are {needed} pixels high, or other families"
            )

    def _check_parts(self, parts: Any) -> None:
        if not isinstance(parts, int) or not 2 <= parts <= 1000:
            raise ValueError(f"parts must be a whole number from 2 to 1000, or None; got {parts!r}")
        families = list(self.source.families.values())
        if not families or not all(family.stretches for family in families):
            able = ", ".join(name for name, family in self.all_families.items() if family.stretches)
            raise ValueError(f"parts needs families whose videos consist of equal stretches: {able}")

    # --- tools -------------------------------------------------------------------------------------------------------

    @tool
    def get_frame(self, time: Seconds) -> Effect:
        """Show the frame at a time.

        Args:
            time: seconds from the start of the video.
        """
        if time > self.video.duration:
            return self._refused(f"The video ends at {self.video.duration:g} s; {time:g} s is after that.")
        near = (max(0.0, time - INSTANT), min(self.video.duration, time + INSTANT))
        return self._take_frames([time], [near])

    @tool
    def sample_clip(self, start: Seconds, end: Seconds, count: Annotated[int, Interval(ge=1, le=MAX_CALL)]) -> Effect:
        """Show frames at even distances from a start to an end.

        Args:
            start: seconds.
            end: seconds.
            count: how many frames; a single one is the middle one.
        """
        if problem := self._bad_stretch(start, end):
            return self._refused(problem)
        return self._take_frames(spread(start, end, count), [(start, end)])

    @tool
    def scan(self, stride: Annotated[float, Interval(ge=0.1, le=1e6)]) -> Effect:
        """Show a frame every so many seconds of the whole video, from its start on.

        Args:
            stride: seconds between two frames.
        """
        count = math.ceil(self.video.duration / stride)
        if count > MAX_CALL:
            least = self.video.duration / MAX_CALL
            return self._refused(f"That is {count} frames; one call shows at most {MAX_CALL} (stride {least:.1f}).")
        times = [number * stride for number in range(count)]
        return self._take_frames(times, [(max(0.0, t - INSTANT), min(self.video.duration, t + INSTANT)) for t in times])

    @tool
    def zoom(
        self, frame: Annotated[int, Interval(ge=1)], left: Permille, top: Permille, right: Permille, bottom: Permille
    ) -> Effect:
        """Show a part of a picture that was shown, at full size.

        Args:
            frame: number of the picture.
            left: left edge of the part, in thousandths of the picture's width.
            top: top edge, in thousandths of its height.
            right: right edge.
            bottom: bottom edge.
        """
        return self._zoom(frame, left, top, right, bottom)

    @tool
    def subtitle(self, start: Seconds, end: Seconds) -> Effect:
        """Give the subtitles of a stretch of the video.

        Args:
            start: seconds.
            end: seconds.
        """
        if problem := self._bad_stretch(start, end):
            return self._refused(problem)
        if not self.video.subtitles:
            return self._refused("This video has no subtitles.")
        self._counts["looks"] += 1
        self._counts["repeats"] += (start, end) in self.read
        self.read = (*self.read, (start, end))
        return Effect(True, _subtitle_text(self.video.subtitles, start, end))

    @tool
    def look(self, part: Annotated[int, Interval(ge=1, le=1000)]) -> Effect:
        """Show the frame in the middle of a part of the video.

        Args:
            part: number of the part, from 1, in order.
        """
        assert self.parts is not None
        length = self.video.duration / self.parts
        return self._take_frames([(part - 0.5) * length], [((part - 1) * length, part * length)])

    @tool
    def choose(self, option: Annotated[str, MaxLen(100)]) -> Effect:
        """Give the answer. It ends the episode.

        Args:
            option: the answer.
        """
        return self.answer(option)

    def _tools(self) -> list[Tool]:
        offered = [t for t in super()._tools() if (t.name in _COARSE) == (self.parts is not None)]
        return [replace(t, parameters=tuple(map(self._bounded, t.parameters))) for t in offered]

    def _bounded(self, parameter: Parameter) -> Parameter:
        """The parameter with the limits of this environment."""
        if parameter.name in _TIMES:
            return replace(parameter, high=self.source.longest)
        if parameter.name == "part":
            return replace(parameter, high=self.parts)
        if parameter.name == "option":
            return replace(parameter, kind="choice", choices=self._answers())
        return parameter

    def _answers(self) -> tuple[str, ...]:
        """Every answer that may be chosen."""
        values = [family.values for family in self.source.families.values()]
        if self.open_answers and all(values):
            return tuple(dict.fromkeys(value for row in values for value in row))
        return tuple(LETTERS[:4])

    def _bad_stretch(self, start: float, end: float) -> str:
        """Why a stretch cannot be looked at; empty if it can."""
        if start >= end:
            return f"The stretch is empty: start {start:g} s must be before end {end:g} s."
        if start > self.video.duration or end > self.video.duration:
            return f"The video ends at {self.video.duration:g} s; {start:g} s to {end:g} s is not all in it."
        return ""

    def _take_frames(self, times: Sequence[float], asked: Sequence[tuple[float, float]]) -> Effect:
        if len(times) > self.frames_left:
            return self._take([Shot(time) for time in times])
        frames = self._decode(times)
        return self._take([Shot(frame.time) for frame in frames], asked)

    # --- the instance ------------------------------------------------------------------------------------------------

    def _generate(self, task: Any) -> None:
        for family in self.source.families.values():
            if self.parts is not None and self.parts % (wanted := family.stretches[self.level]):
                raise ValueError(f"parts must be a multiple of {wanted} at level {self.level}; got {self.parts}")
        self._open(self.source.draw(self.np_random, self.level, self.split, "any" if task is None else task))
        self._clear()
        if self.preview != "none":
            times = spread(0.0, self.video.duration, self.preview_frames, inside=True)
            frames = self._decode(times)
            self.shots = tuple(Shot(frame.time) for frame in frames)
            if self.preview == "sheet":
                self.shots = (Shot(0.0, WHOLE, (("sheet", *(frame.time for frame in frames)),)),)
        self._previewed = len(self.shots)

    def _open(self, state: dict[str, Any]) -> None:
        """Bring up an instance; an empty state stands for one before the first reset."""
        state = state or self.source.draw(np.random.default_rng(0), self.level, self.split, "any")
        self._pose(self.source.open(state), self.source.families)
        self.video: Video = self.instance.video
        if self.shuffled and self.instance.case is not None:
            self.video = Shuffled(self.instance.case.video, state["key"] % 2**32)
        self.read = ()
        self._previewed = 0
        self._fresh: dict[float, np.ndarray] = {}

    def _instance_state(self) -> dict[str, Any]:
        return {
            **super()._instance_state(),
            "read": [list(stretch) for stretch in self.read],
            "previewed": self._previewed,
        }

    def _set_instance(self, state: dict[str, Any]) -> None:
        super()._set_instance({name: value for name, value in state.items() if name not in ("read", "previewed")})
        self.read = tuple((start, end) for start, end in state["read"])
        self._previewed = state["previewed"]

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _about(self) -> str:
        said = f"The video is {self.video.duration:g} s long ({clock(self.video.duration)})"
        return said + (", with subtitles." if self.video.subtitles else ".")

    def _caption(self, number: int, shot: Shot) -> str:
        if shot.marks:
            times = ", ".join(f"{time:.1f}" for time in shot.marks[0][1:])
            return f"Picture {number}, a sheet of frames at {times} s:"
        part = "" if shot.box == WHOLE else ", a part of it"
        return f"Picture {number}, at {shot.time:.1f} s{part}:"

    def _picture(self, shot: Shot) -> np.ndarray:
        if shot.marks:
            times = shot.marks[0][1:]
            images = [self._frame(time) for time in times]
            whole = contact_sheet(images, [f"{time:.1f} s" for time in times], *self.video.size)
        else:
            whole = self._frame(shot.time)
        return crop(whole, shot.box, *self._shown_size(shot))

    def _frame(self, time: float) -> np.ndarray:
        return self._fresh[time] if time in self._fresh else self._decode([time])[0].image

    def _decode(self, times: Sequence[float]) -> list[Frame]:
        """The frames at these times, which are kept until they were shown."""
        try:
            frames = self.video.frames(times)
        except VideoError as error:
            raise MachineryFailure(str(error)) from error
        self._fresh |= {frame.time: frame.image for frame in frames}
        return frames

    def _observe(self) -> dict[str, Any]:
        observation = super()._observe()
        self._fresh = {}
        return observation

    def _shown_size(self, shot: Shot) -> tuple[int, int]:
        height, width = self.video.size
        return self.shown_size(
            max(1, round(height * (shot.box[3] - shot.box[1]))), max(1, round(width * (shot.box[2] - shot.box[0])))
        )

    def _drawn(self) -> Drawn:
        """The video, whose frames are known exactly."""
        assert self.instance.case is not None
        return self.video if isinstance(self.video, Shuffled) else self.instance.case.video

    def _in_words(self, shot: Shot) -> str:
        drawn, height = self._drawn(), self._shown_size(shot)[0]
        if shot.marks:
            high = height / (shot.box[3] - shot.box[1]) / self.video.size[0]
            seen = [
                f"at {time:.1f} s: {in_words(drawn.facts(time, box, int(min(1, high) * pixels)))}"
                for time, box, pixels in self._on_sheet(shot)
            ]
            return "; ".join(seen) or "no frame"
        return in_words(drawn.facts(shot.time, shot.box, height))

    def _moments(self, shot: Shot) -> Sequence[tuple[float, float]]:
        if shot.marks:
            return [(time, time) for time, *_ in self._on_sheet(shot)]
        return super()._moments(shot)

    def _on_sheet(self, shot: Shot) -> list[tuple[float, Box, float]]:
        """What a shot shows of a sheet: the time of each frame, the part of it, and that part's height on the sheet."""
        times = shot.marks[0][1:]
        seen = seen_on_sheet(shot.box, [self.video.size] * len(times), *self.video.size)
        return [(times[number], box, pixels) for number, box, pixels in seen]

    # --- the expert and the questions --------------------------------------------------------------------------------

    def _reader(self) -> Reader:
        assert self.instance.case is not None
        return Reader(
            self.instance.case, self._drawn(), lambda shot: self._shown_size(shot)[0], self.parts, self.open_answers
        )

    def _expert_call(self) -> ToolCall:
        return self._reader().plan(self.shots, self.frames_left, read=self.read)[0]

    def conclusion(self) -> ToolCall:
        """The answer that follows from what was seen so far; a guess where it is not enough (drawn videos only)."""
        self._require("conclusion", self.instance.case is not None)
        return self._reader().answer(self.shots, read=self.read)

    def _planned_steps(self) -> int:
        return len(self._reader().plan(self.shots[: self._previewed], self.frame_budget))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        new = list(enumerate(self.shots, 1))[self._first_new :]
        pictures = [(number, shot) for number, shot in new if not shot.marks]
        seen = [(n, self._drawn().facts(shot.time, shot.box, self._shown_size(shot)[0])) for n, shot in pictures]
        asked = [("How many pictures are left?", str(self.frames_left)), *frame_questions(seen)]
        return [asked[i] for i in rng.permutation(len(asked))]


def spread(start: float, end: float, count: int, inside: bool = False) -> list[float]:
    """`count` times at even distances from `start` to `end`, both included; the middle for one.

    With `inside` they are the middles of `count` equal parts.
    """
    if count == 1 or inside:
        return [start + (end - start) * (2 * i + 1) / (2 * count) for i in range(count)]
    # rounding must not lead past the end
    return [min(start + (end - start) * i / (count - 1), end) for i in range(count)]


def _subtitle_text(subtitles: Sequence[Subtitle], start: float, end: float) -> str:
    found = between(subtitles, start, end)
    lines: list[str] = []
    used = 0
    for line in found:
        said = f"[{line.start:.1f} s] {line.text}"
        used += len(said)
        if used > MAX_SUBTITLES:
            lines.append(f"... and {len(found) - len(lines)} more lines: ask for a shorter stretch.")
            break
        lines.append(said)
    return "\n".join(lines) or f"Nothing is said from {start:g} s to {end:g} s."
