"""All families of questions about drawn pictures, and the picture of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from mmgym_video.images.families.chart import Chart
from mmgym_video.images.families.crowd import Crowd
from mmgym_video.images.families.label import Label
from mmgym_video.images.families.ledger import Ledger
from mmgym_video.images.families.meter import Meter
from mmgym_video.images.families.metro import Metro
from mmgym_video.images.families.ruler import Ruler
from mmgym_video.images.families.sign import Sign
from mmgym_video.images.family import Family, Scene, Setting
from mmgym_video.instances import build

__all__ = ["FAMILIES", "build_scene"]

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (Label(), Sign(), Chart(), Metro(), Ledger(), Meter(), Crowd(), Ruler())
}
"""The families, by name."""


@lru_cache(maxsize=16)
def build_scene(family: Family, setting: Setting, key: int) -> Scene:
    """The picture of that instance."""
    case = build(family, setting, key)
    return case.scene(case.question.answer_index)
