"""A task on the sites, and the templates that tasks are drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect

if TYPE_CHECKING:
    from mmgym_web.webnav.kit.episode import Episode
    from mmgym_web.webnav.kit.guide import Guide, Place

__all__ = ["Redraw", "Task", "Template"]


class Redraw(Exception):
    """Raised by `Template.draw` when this world and these draws give no good task."""


@dataclass(frozen=True)
class Task:
    """One task. It is solved when everything it names holds: the changes and nothing else, the page, the answer."""

    site: str
    """Name of the site where it starts."""
    instruction: str
    """What the agent is asked, in English; names every value that it cannot find out."""
    steps: int
    """The fewest turns in which it can be done."""
    start: str = "/"
    """Path where it starts."""
    expects: tuple[Expect, ...] = ()
    """The changes of the database. Empty: nothing may change."""
    page: str = ""
    """``site:path?query`` of the page where it ends, or empty."""
    answer: Answer | None = None
    """The answer, given by ``answer(text)``, or None."""
    infeasible: bool = False
    """Whether it cannot be done, so that ``fail(reason)`` is right."""
    milestones: tuple[str, ...] = ()
    """Parts of URLs (``shop.``, ``/product/12``) that one passes on the way, in order: for the process term."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Files that may be uploaded, by name."""
    hidden: str = ""
    """Of what has to be known, the part that only pixels tell, for probes without eyes; empty: all of it."""
    content: str = ""
    """What tells it apart from others, by whose hash it belongs to a split; empty: the instruction."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What `Template.guide` needs to know: JSON-able."""


class Template:
    """A kind of task. A subclass's docstring says in one line what is asked."""

    name: ClassVar[str]
    """Its name, as in ``options={"task": name}``: ``shop_buy_cheapest``."""
    sites: ClassVar[tuple[str, ...]]
    """The sites it needs."""
    level: ClassVar[int]
    """Its difficulty, from 1 (one or two turns) to 5 (ten to fifteen, on two sites)."""
    pixels: ClassVar[bool] = False
    """Whether the answer is only in pixels, so that there is no text twin."""
    clicks: ClassVar[bool] = False
    """Whether clicks on a coarse grid are enough, so that it is drawn with ``action_mode="grid"``."""

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A task in the world of `episode`, whose sites in `sites` are filled and must not be changed.

        Raises:
            Redraw: when there is none.
        """
        raise NotImplementedError

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """The expert: yields the next call first, as seen from the present state (see `Guide`)."""
        raise NotImplementedError

    def questions(self, task: Task, g: Guide, place: Place) -> list[tuple[str, str]]:
        """Questions about what is seen that only this kind of task has, with their answers; `place` writes a pixel."""
        return []
