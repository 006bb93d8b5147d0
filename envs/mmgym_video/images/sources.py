"""Where questions about pictures come from: drawn families, or files and their questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mmgym.env import choose
from mmgym_video.images.catalogue import build_scene
from mmgym_video.images.drawing import Picture
from mmgym_video.images.family import Case, Family, Scene, Setting
from mmgym_video.images.file import SUFFIXES, open_picture
from mmgym_video.instances import build, find_key
from mmgym_video.question import Question
from mmgym_video.sources import FileSource

__all__ = ["DrawnPictures", "Instance", "PictureFiles", "PictureSource"]


@dataclass(frozen=True)
class Instance:
    """A picture and a question about it."""

    state: dict[str, Any]
    """What `PictureSource.open` takes to bring it back, JSON-able."""
    picture: Picture
    question: Question
    case: Case | None = None
    """How it is answered by looking, where that is known."""
    scene: Scene | None = None
    """The drawn picture, where it is drawn."""


class PictureSource(Protocol):
    """Something that instances are drawn from."""

    families: Mapping[str, Family]
    """What is drawn from, by name; empty for files."""
    tasks: tuple[str, ...]
    """Kinds of questions: values of ``options["task"]`` beside ``any``."""

    def draw(self, rng: np.random.Generator, level: int, split: str, task: str) -> dict[str, Any]:
        """Draw an instance of a level, split and task (or ``any``): the state to open.

        Raises:
            ValueError: when there is none.
        """
        ...

    def open(self, state: dict[str, Any]) -> Instance:
        """The instance of a state."""
        ...


class DrawnPictures:
    """Families of drawn pictures.

    Args:
        families: the families.
    """

    def __init__(self, families: Sequence[Family]):
        self.families: Mapping[str, Family] = {family.name: family for family in families}
        self.tasks = tuple(self.families)

    def draw(self, rng: np.random.Generator, level: int, split: str, task: str) -> dict[str, Any]:
        """Draw an instance; see `PictureSource`."""
        name = choose("task", task, ("any", *self.tasks))
        if name == "any":
            name = self.tasks[int(rng.integers(len(self.tasks)))]
        key = find_key(rng, self.families[name], Setting(level, split))
        return {"family": name, "level": level, "split": split, "key": key}

    def open(self, state: dict[str, Any]) -> Instance:
        """The instance of a state."""
        family, setting = self.families[state["family"]], Setting(state["level"], state["split"])
        case, scene = build(family, setting, state["key"]), build_scene(family, setting, state["key"])
        return Instance(state, scene.drawing, case.question, case, scene)


class PictureFiles:
    """A folder of picture files and a file of questions about them.

    Args:
        questions: path of the file of questions.
        folder: where the pictures are; None takes the folder of `questions`.
        format: format of the file (`mmgym_video.datasets`); its ``video`` is the picture's path.
        broken: whether broken rows, and files that cannot be opened, are refused (``"refuse"``) or left out
            (``"skip"``).
        split_by: ``"image"`` deals out the pictures to the splits train, val and test (.70, .10, .20), so that no two
            share a picture; ``"none"`` gives every split all questions.

    Raises:
        ValueError: when the questions cannot be read, or one is about something that is no picture.
    """

    def __init__(self, questions: str | Path, folder: str | Path | None, format: str, broken: str, split_by: str):
        by = {"none": "none", "image": "video"}[choose("split_by", split_by, ("none", "image"))]
        self.files = FileSource(questions, folder, format, broken, by)
        for question in self.files.questions.values():
            if not question.video.lower().endswith(SUFFIXES):
                allowed = ", ".join(SUFFIXES)
                raise ValueError(f"question {question.id!r}: {question.video!r} is no picture; allowed are {allowed}")
        self.families: Mapping[str, Family] = {}
        self.tasks = self.files.tasks

    def draw(self, rng: np.random.Generator, level: int, split: str, task: str) -> dict[str, Any]:
        """Draw a question; the level changes nothing."""
        return self.files.draw_opened(rng, split, task, self.open)

    def open(self, state: dict[str, Any]) -> Instance:
        """Decode the picture of a question."""
        question = self.files.questions[state["question"]]
        return Instance(state, open_picture(str(self.files.folder / question.video)), question)
