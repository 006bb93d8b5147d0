"""Where questions about videos come from: drawn families, or files and their questions; and other views of a video."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mmgym.env import choose
from mmgym.spaces import number
from mmgym_puzzles.puzzle import layout_hash, split_of
from mmgym_video.instances import build, find_key
from mmgym_video.pictures import WHOLE, Box
from mmgym_video.procedural.family import DURATIONS, Case, Drawn, Family, Setting
from mmgym_video.procedural.stage import Fact
from mmgym_video.question import Question
from mmgym_video.video import Frame, Subtitle, Video

__all__ = ["DrawnSource", "FileSource", "Instance", "Shuffled", "Source"]

logger = logging.getLogger(__name__)

FOLDER_FPS = 3.0
"""Pictures per second of a folder of pictures of which the source does not say it."""
MAX_SECONDS = 1e6
"""No file is longer than that."""


@dataclass(frozen=True)
class Instance:
    """A video and a question about it."""

    state: dict[str, Any]
    """What `Source.open` takes to bring it back, JSON-able."""
    video: Video
    question: Question
    case: Case | None = None
    """How it is answered by looking, where that is known."""


class Source(Protocol):
    """Something that instances are drawn from."""

    families: Mapping[str, Family]
    """What is drawn from, by name; empty for files."""
    tasks: tuple[str, ...]
    """Kinds of questions: values of ``options["task"]`` beside ``any``."""
    longest: float
    """Seconds that no video is longer than."""

    def draw(self, rng: np.random.Generator, level: int, split: str, task: str) -> dict[str, Any]:
        """Draw an instance of a level, split and task (or ``any``): the state to open.

        Raises:
            ValueError: when there is none.
        """
        ...

    def open(self, state: dict[str, Any]) -> Instance:
        """The instance of a state."""
        ...


class DrawnSource:
    """Families of drawn videos.

    Args:
        families: by name.
        duration: length of the videos in seconds; None takes the level's.
        size: height and width of the frames.

    Raises:
        ValueError: for a duration or size that is not allowed.
    """

    def __init__(self, families: Sequence[Family], duration: float | None, size: tuple[int, int]):
        if duration is not None:
            duration = number("duration", duration, 30, 24 * 3600)
        if len(size) != 2 or not all(isinstance(side, int) and 32 <= side <= 2160 for side in size):
            raise ValueError(f"frame_size must be (height, width), each from 32 to 2160 pixels; got {size!r}")
        self.families: Mapping[str, Family] = {family.name: family for family in families}
        self.tasks = tuple(self.families)
        self.duration, self.size = duration, (size[0], size[1])
        self.longest = duration or max(DURATIONS.values())

    def _setting(self, level: int, split: str) -> Setting:
        return Setting(level, split, self.duration or DURATIONS[level], self.size)

    def draw(self, rng: np.random.Generator, level: int, split: str, task: str) -> dict[str, Any]:
        """Draw an instance; see `Source`."""
        name = choose("task", task, ("any", *self.tasks))
        if name == "any":
            name = self.tasks[int(rng.integers(len(self.tasks)))]
        key = find_key(rng, self.families[name], self._setting(level, split))
        return {"family": name, "level": level, "split": split, "key": key}

    def open(self, state: dict[str, Any]) -> Instance:
        """The instance of a state."""
        setting = self._setting(state["level"], state["split"])
        case = build(self.families[state["family"]], setting, state["key"])
        return Instance(state, case.video, case.question, case)


class FileSource:
    """A folder of video files and a file of questions about them.

    Args:
        questions: path of the file of questions.
        folder: where the videos are; None takes the folder of `questions`.
        format: format of the file (`mmgym_video.datasets`).
        broken: whether broken rows, and files that cannot be opened, are refused (``"refuse"``) or left out
            (``"skip"``).
        split_by: ``"video"`` deals out the videos to the splits train, val and test (.70, .10, .20), so that no two
            share a video; ``"none"`` gives every split all questions.

    Raises:
        ValueError: when the questions cannot be read; the message names file and line.
    """

    def __init__(self, questions: str | Path, folder: str | Path | None, format: str, broken: str, split_by: str):
        from mmgym_video.datasets import load_questions

        self.families: Mapping[str, Family] = {}
        self.longest = MAX_SECONDS
        self.folder = Path(questions).parent if folder is None else Path(folder)
        self.broken, self.split_by = broken, choose("split_by", split_by, ("none", "video"))
        loaded = load_questions(questions, format=format, broken=broken, files=self.folder)
        self.questions = {question.id: question for question in loaded.questions}
        self.tasks = tuple(sorted({q.family for q in loaded.questions if q.family}))

    def draw(self, rng: np.random.Generator, level: int, split: str, task: str) -> dict[str, Any]:
        """Draw a question; the level changes nothing."""
        return self.draw_opened(rng, split, task, self.open)

    def draw_opened(
        self, rng: np.random.Generator, split: str, task: str, opened: Callable[[dict[str, Any]], object]
    ) -> dict[str, Any]:
        """Draw a question; where broken ones are left out, one whose state can be `opened`.

        Raises:
            ValueError: when there is none.
        """
        choose("task", task, ("any", *self.tasks))
        fitting = [q.id for q in self.questions.values() if task in ("any", q.family) and self._in(split, q)]
        if not fitting:
            raise ValueError(f"no question of task {task!r} in split {split!r}; split_by='none' gives every split all")
        while fitting:
            state = {"question": fitting.pop(int(rng.integers(len(fitting))))}
            if self.broken == "refuse":
                return state
            try:
                opened(state)
            except ValueError as problem:
                logger.warning("question %s is left out: %s", state["question"], problem)
            else:
                return state
        raise ValueError(f"no file of a question of task {task!r} in split {split!r} can be opened")

    def _in(self, split: str, question: Question) -> bool:
        owner = split_of(layout_hash(question.video))
        return self.split_by == "none" or split == ("test" if owner == "ood" else owner)

    def open(self, state: dict[str, Any]) -> Instance:
        """Open the video of a question."""
        question = self.questions[state["question"]]
        path = self.folder / question.video
        changed = path.stat().st_mtime_ns if path.exists() else 0
        fps = float(question.tags.get("frames_per_second", FOLDER_FPS))
        video: Video = _open_file(str(path), changed, fps, *self._subtitles_of(question), str(self.folder))
        if question.segment:
            video = part = Segment(video, *question.segment)
            question = replace(question, evidence=part.within(question.evidence))
        return Instance(state, video, question)

    def _subtitles_of(self, question: Question) -> tuple[str, float]:
        return (str(self.folder / question.subtitles) if question.subtitles else "", question.subtitles_offset)


@lru_cache(maxsize=4)
def _open_file(path: str, changed: int, fps: float, subtitles: str, offset: float, root: str) -> Video:
    """A file, kept open for the members of a group; one that was `changed` (its time of change) is opened again."""
    from mmgym_video.files import VideoFile
    from mmgym_video.picture_sequence import PictureSequence
    from mmgym_video.subtitles import read_subtitles

    lines = read_subtitles(subtitles, offset) if subtitles else None
    if Path(path).is_dir():
        return PictureSequence(path, fps, lines or (), root)
    return VideoFile(path, subtitles=lines)


class Segment:
    """A part of a video, as a video whose time begins at 0."""

    def __init__(self, video: Video, start: float, end: float):
        self.video, self.start = video, min(start, video.duration)
        self.duration = max(0.0, min(end, video.duration) - self.start)
        self.fps, self.size, self.sample_rate = video.fps, video.size, video.sample_rate
        self.subtitles = tuple(
            Subtitle(max(0.0, line.start - self.start), min(line.end - self.start, self.duration), line.text)
            for line in video.subtitles
            if line.end > self.start and line.start < self.start + self.duration
        )

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The frames at these times; the first may have appeared before the part begins."""
        found = self.video.frames([self._whole(time) for time in times])
        return [replace(frame, time=max(0.0, frame.time - self.start)) for frame in found]

    def within(self, intervals: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        """What lies in the part of stretches (start, end) of the whole video, in the time of the part."""
        moved = [(max(0.0, start - self.start), min(end - self.start, self.duration)) for start, end in intervals]
        return tuple((start, end) for start, end in moved if start <= end)

    def sound(self, start: float, end: float) -> np.ndarray:
        """Its sound."""
        return self.video.sound(self._whole(start), self._whole(end))

    def _whole(self, time: float) -> float:
        """A time of the part as one of the whole video: rounding must not lead past its end."""
        return min(self.start + time, self.video.duration) if time <= self.duration else self.start + time

    def close(self) -> None:
        """Close the whole video."""
        self.video.close()


class Shuffled:
    """A video whose pictures are those of other times: the probe of whether their order matters.

    All frames of the video are put in another order; subtitles, sound and the times that are told stay as they were.

    Args:
        video: a drawn video.
        seed: seed of the order.
    """

    def __init__(self, video: Drawn, seed: int):
        self.video, self.seed = video, seed
        self.duration, self.fps, self.size = video.duration, video.fps, video.size
        self.subtitles, self.sample_rate = video.subtitles, video.sample_rate
        self._order = np.random.default_rng(seed).permutation(math.ceil(self.duration * self.fps - 1e-6))

    def _other(self, time: float) -> float:
        """Another time: the middle of the frame that is shown in place of the one at `time`."""
        frame = min(int(time * self.fps + 1e-6), len(self._order) - 1)
        return float(min((self._order[frame] + 0.5) / self.fps, self.duration))

    def frame_time(self, time: float) -> float:
        """When the frame that is shown at a time appears."""
        return self.video.frame_time(time)

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """Pictures of other times, said to be of these."""
        starts = [self.frame_time(time) for time in times]
        found = self.video.frames([self._other(start) for start in starts])
        return [replace(frame, time=start) for frame, start in zip(found, starts, strict=True)]

    def facts(self, time: float, box: Box = WHOLE, height: int = 1000) -> tuple[Fact, ...]:
        """What the picture that is shown at a time shows."""
        return self.video.facts(self._other(self.frame_time(time)), box, height)

    def sound(self, start: float, end: float) -> np.ndarray:
        """Its sound, in order."""
        return self.video.sound(start, end)

    def close(self) -> None:
        """Close the video."""
        self.video.close()
