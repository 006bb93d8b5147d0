"""All families of questions about drawn videos."""

from __future__ import annotations

from collections.abc import Mapping

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
from mmgym_video.procedural.family import Family

__all__ = ["FAMILIES"]

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
