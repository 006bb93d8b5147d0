"""A furnished room to be furnished again: its words, its JSON, whether a layout fits it, and what is left to do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmgym_puzzles.generation.layout_rules import Rule, holds, sentence, stacks
from mmgym_puzzles.generation.rooms import KINDS, Place, Room, collisions

__all__ = ["Furnished", "fewest_moves", "fits", "from_json", "task_of", "to_json"]


class Furnished(NamedTuple):
    """An instance."""

    room: Room
    fixed: tuple[tuple[str, Place], ...]
    """What stands there already, by name."""
    home: tuple[tuple[str, Place], ...]
    """What is to be placed, in the order in which it was, and a place that keeps all rules."""
    rules: tuple[Rule, ...]


def task_of(instance: Furnished) -> str:
    """What an instance asks for, in words: sizes and rules, but not what stands where."""
    room = instance.room
    sizes = ", ".join(f"{name} ({KINDS[name].width} x {KINDS[name].depth} cm)" for name, _ in instance.home)
    rules = " ".join(sentence(rule) for rule in instance.rules)
    return f"The room is {room.width} cm wide and {room.depth} cm deep. Place, width x depth: {sizes}. {rules}"


def fits(instance: Furnished, places: Mapping[str, Place]) -> bool:
    """Whether everything holds with the pieces at these places: all are there, no rule is broken, nothing collides."""
    if any(name not in places for name, _ in instance.home):
        return False
    everything = {**dict(instance.fixed), **places}
    kept = all(holds(rule, instance.room, everything) for rule in instance.rules)
    return kept and not collisions(instance.room, everything, stacks(instance.rules))


def fewest_moves(instance: Furnished, places: Mapping[str, Place]) -> list[str]:
    """The fewest pieces that have to go to their places in the layout that the room was made of, in its order.

    Args:
        instance: the instance.
        places: where pieces stand that were placed already; the others have to go anyway.
    """
    home = dict(instance.home)
    absent = [name for name in home if name not in places]
    away = [name for name in home if name in places and places[name] != home[name]]
    for count in range(len(away) + 1):
        for some in itertools.combinations(away, count):
            moved = {*some, *absent}
            if fits(instance, {**places, **{name: home[name] for name in moved}}):
                return [name for name in home if name in moved]
    raise ValueError("the layout that the room was made of does not fit it")


def to_json(instance: Furnished) -> dict[str, Any]:
    """An instance as JSON-able values; pieces keep their order."""
    return {
        "room": [list(part) if isinstance(part, tuple) else part for part in instance.room],
        "fixed": [[name, *place] for name, place in instance.fixed],
        "home": [[name, *place] for name, place in instance.home],
        "rules": [list(rule) for rule in instance.rules],
    }


def from_json(values: Mapping[str, Any]) -> Furnished:
    """The inverse of `to_json`."""
    width, depth, door, window, style = values["room"]
    fixed, home = (tuple((name, Place(*place)) for name, *place in values[key]) for key in ("fixed", "home"))
    rules = tuple(Rule(*rule) for rule in values["rules"])
    return Furnished(Room(width, depth, (door[0], door[1]), (window[0], window[1]), style), fixed, home, rules)
