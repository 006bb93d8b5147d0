"""What is asked of a layout: rules about one or two pieces, each decided exactly and told in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mmgym_puzzles.generation.rooms import DIRECTIONS, KINDS, UNIT, WALLS, Place, Room, offset, reach

__all__ = ["RULES", "WINDOW", "Rule", "holds", "sentence", "stacks"]

WINDOW = 120
"""Width of a window."""
_AT_WALL = 10
_IN_CORNER = 25
_BESIDE = 40
_BEFORE = 90
_FACING = 364  # thousandths: the tangent of 20 degrees

RULES = {
    "against": "The {piece} stands with its back against the {other} wall.",
    "wall": "The {piece} stands with its back against a wall.",
    "window": "The {piece} stands with its back against the wall under the window.",
    "corner": "The {piece} stands in a corner.",
    "on": "The {piece} stands on the {other}.",
    "beside": "The {piece} stands beside the {other}.",
    "before": "The {piece} stands in front of the {other}.",
    "facing": "The {piece} faces the {other}.",
    "near": "The {piece} is at most {amount} cm from the {other}.",
    "far": "The {piece} is at least {amount} cm from the {other}.",
}
"""Sentences by kind of rule. Distances are those of the middles."""


class Rule(NamedTuple):
    """One rule."""

    kind: str
    """One of `RULES`."""
    piece: str
    other: str
    """Another piece, or a wall; empty where there is none."""
    amount: int
    """Centimetres; 0 where there are none."""


def sentence(rule: Rule) -> str:
    """A rule in words."""
    return RULES[rule.kind].format(piece=rule.piece, other=rule.other, amount=rule.amount)


def stacks(rules: tuple[Rule, ...]) -> dict[str, str]:
    """For each piece that is to stand on another, that one's name."""
    return {rule.piece: rule.other for rule in rules if rule.kind == "on"}


def holds(rule: Rule, room: Room, places: Mapping[str, Place]) -> bool:
    """Whether a rule is kept; a rule about a piece that does not stand anywhere yet is not."""
    place = places.get(rule.piece)
    if place is None:
        return False
    if rule.kind in ("against", "wall", "window", "corner"):
        return _at_walls(rule, room, place)
    other = places.get(rule.other)
    return other is not None and _together(rule, place, other)


def _gaps(room: Room, piece: str, place: Place) -> dict[str, int]:
    """Room between a piece and each wall, in centimetres times 2 x UNIT x UNIT."""
    kind, scale = KINDS[piece], 2 * UNIT * UNIT
    across, down = reach(kind, place.angle, (UNIT, 0)), reach(kind, place.angle, (0, UNIT))
    return {
        "upper": place.y * scale - down,
        "right": (room.width - place.x) * scale - across,
        "lower": (room.depth - place.y) * scale - down,
        "left": place.x * scale - across,
    }


def _at_walls(rule: Rule, room: Room, place: Place) -> bool:
    gaps, scale = _gaps(room, rule.piece, place), 2 * UNIT * UNIT
    if rule.kind == "corner":
        near = [wall for wall, gap in gaps.items() if gap <= _IN_CORNER * scale]
        return bool({"upper", "lower"} & set(near)) and bool({"left", "right"} & set(near))
    touched = [wall for wall, gap in gaps.items() if gap <= _AT_WALL * scale and WALLS[wall] == place.angle]
    if rule.kind == "against":
        return rule.other in touched
    if rule.kind == "window":
        wall, middle = room.window
        along = place.x if wall in ("upper", "lower") else place.y
        return wall in touched and 2 * abs(along - middle) <= WINDOW
    return bool(touched)


def _together(rule: Rule, place: Place, other: Place) -> bool:
    kind, scale = KINDS[rule.piece], 2 * UNIT * UNIT
    if rule.kind in ("near", "far"):
        square = (place.x - other.x) ** 2 + (place.y - other.y) ** 2
        return square <= rule.amount**2 if rule.kind == "near" else square >= rule.amount**2
    if rule.kind == "facing":
        right, ahead = offset(place, other)
        return ahead > 0 and 1000 * abs(right) <= _FACING * ahead
    host = KINDS[rule.other]
    right, ahead = offset(other, place)
    # Shadows of the piece on the other's width and depth, doubled like the offsets below.
    front = other.angle
    wide = reach(kind, place.angle, DIRECTIONS[(front + 90) % 360])
    deep = reach(kind, place.angle, DIRECTIONS[front])
    right, ahead = 2 * UNIT * abs(right), 2 * UNIT * ahead
    if rule.kind == "on":
        return right + wide <= host.width * UNIT * UNIT and abs(ahead) + deep <= host.depth * UNIT * UNIT
    if rule.kind == "beside":
        gap = right - wide - host.width * UNIT * UNIT
        return 0 <= gap <= _BESIDE * scale and abs(ahead) <= host.depth * UNIT * UNIT
    gap = ahead - deep - host.depth * UNIT * UNIT
    return 0 <= gap <= _BEFORE * scale and right <= host.width * UNIT * UNIT
