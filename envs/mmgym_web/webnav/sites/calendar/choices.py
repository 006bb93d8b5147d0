"""Random choices that tasks are made of, on the calendar and the webmail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import split_of

__all__ = ["belonging", "choose", "say"]


def choose(rng: np.random.Generator, choices: Sequence[Any]) -> Any:
    """One of several.

    Raises:
        Redraw: when there is none.
    """
    if not choices:
        raise Redraw("nothing to choose from")
    return choices[int(rng.integers(len(choices)))]


def belonging(episode: Episode, template: str, text: str) -> str:
    """A text by whose hash a task belongs to the split of its world, for tasks that name only what no other split has.

    There are few of them in a world: without this, most worlds would have none.
    """
    numbered = (f"{text} {number}" for number in range(1000))
    return next(one for one in numbered if split_of(f"{template} {one}") == episode.world.split)


def say(rng: np.random.Generator, *wordings: str, **values: Any) -> str:
    """One of several wordings, with ``{name}`` replaced by values."""
    return str(choose(rng, wordings)).format(**values)
