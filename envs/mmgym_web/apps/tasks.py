"""Task templates of real applications: like WebNav's, on an `AppEpisode`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.apps.episode import AppEpisode
from mmgym_web.webnav.kit.changes import Expect, met, unmet
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task

__all__ = ["AppTemplate", "is_done", "pick", "still_unmet"]

E = TypeVar("E", bound=AppEpisode)
T = TypeVar("T")


class AppTemplate(Generic[E]):
    """A kind of task. A subclass's docstring says in one line what is asked."""

    name: ClassVar[str]
    """Its name, as in ``options={"task": name}``."""
    level: ClassVar[int]
    """Its difficulty, from 1 (one or two turns) to 5 (ten and more)."""

    def draw(self, episode: E, rng: np.random.Generator) -> Task:
        """A task in the world of `episode`, which must not be changed.

        Raises:
            Redraw: when there is none.
        """
        raise NotImplementedError

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert: yields the next call first, as seen from the present state (see `Guide`)."""
        raise NotImplementedError


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of `options`.

    Raises:
        Redraw: when there is none.
    """
    if not options:
        raise Redraw("nothing fits")
    return options[int(rng.integers(len(options)))]


def still_unmet(task: Task, g: Guide) -> list[Expect]:
    """The changes that are still to be made."""
    return unmet(task.expects, g.changes, frozenset())


def is_done(task: Task, g: Guide) -> bool:
    """Whether every change is made, and no other."""
    return met(task.expects, g.changes, frozenset())


def update(table: str, key: Any, **values: Any) -> Expect:
    """The change of one row, found by its ``id``."""
    return Expect(table, "update", where={"id": key}, set=values)
