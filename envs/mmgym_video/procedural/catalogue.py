"""All families of questions about drawn videos, and how an instance of one is drawn for a split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from mmgym_puzzles.puzzle import MAX_DRAWS, layout_hash, split_of
from mmgym_video.procedural.families.moment import Moment
from mmgym_video.procedural.families.needle import Needle
from mmgym_video.procedural.family import Case, Family, Setting

__all__ = ["FAMILIES", "build", "find_key"]

FAMILIES: Mapping[str, Family] = {family.name: family for family in (Moment(), Needle())}
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
