"""All families of questions about drawn pictures, and how an instance of one is drawn for a split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from mmgym_puzzles.puzzle import MAX_DRAWS, layout_hash, split_of
from mmgym_video.images.families.chart import Chart
from mmgym_video.images.families.crowd import Crowd
from mmgym_video.images.families.label import Label
from mmgym_video.images.families.ledger import Ledger
from mmgym_video.images.families.meter import Meter
from mmgym_video.images.families.metro import Metro
from mmgym_video.images.families.ruler import Ruler
from mmgym_video.images.families.sign import Sign
from mmgym_video.images.family import Case, Family, Scene, Setting

__all__ = ["FAMILIES", "build", "build_scene", "find_key"]

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (Label(), Sign(), Chart(), Metro(), Ledger(), Meter(), Crowd(), Ruler())
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


@lru_cache(maxsize=16)
def build_scene(family: Family, setting: Setting, key: int) -> Scene:
    """The picture of that instance."""
    case = build(family, setting, key)
    return case.scene(case.question.answer_index)
