"""All families of questions about drawn videos, and how an instance of one is drawn for a split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from mmgym_puzzles.puzzle import MAX_DRAWS, layout_hash, split_of
from mmgym_video.procedural.families.cause import Cause
from mmgym_video.procedural.families.change import Change
from mmgym_video.procedural.families.compare import Compare
from mmgym_video.procedural.families.count import Count
from mmgym_video.procedural.families.direction import Direction
from mmgym_video.procedural.families.length import Length
from mmgym_video.procedural.families.moment import Moment
from mmgym_video.procedural.families.narrated import Narrated
from mmgym_video.procedural.families.needle import Needle
from mmgym_video.procedural.families.order import Order
from mmgym_video.procedural.families.reading import Reading
from mmgym_video.procedural.families.track import Track
from mmgym_video.procedural.families.walk import RoomWalk
from mmgym_video.procedural.families.whereabouts import Whereabouts
from mmgym_video.procedural.family import Case, Family, Setting

__all__ = ["FAMILIES", "build", "find_key"]

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Cause(),
        Change(),
        Compare(),
        Count(),
        Direction(),
        Length(),
        Moment(),
        Narrated(),
        Needle(),
        Order(),
        Reading(),
        Track(),
        RoomWalk(),
        Whereabouts(),
    )
}
"""The families, by name."""


def find_key(rng: np.random.Generator, family: Family, setting: Setting) -> int:
    """A key of an instance whose content belongs to the setting's split; `build` makes the instance of it.

    Raises:
        RuntimeError: when none is found.
    """
    for _ in range(MAX_DRAWS):
        key = int(rng.integers(2**53))
        if split_of(layout_hash(family.name, build(family, setting, key).content)) == setting.split:
            return key
    raise RuntimeError(f"no instance of {family.name} for split {setting.split!r} found with {setting}")


@lru_cache(maxsize=64)
def build(family: Family, setting: Setting, key: int) -> Case:
    """The instance of a key: always the same."""
    return family.draw(np.random.default_rng(key), setting)
