"""Furnished rooms: a layout is built piece by piece, each in some relation to those before, and then taken apart.

So every instance can be solved: by the layout that it was made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.generation.layout_instance import Furnished
from mmgym_puzzles.generation.layout_rules import Rule, holds
from mmgym_puzzles.generation.rooms import DOOR, KINDS, TURN, WALLS, Place, Room, door_zone, is_inside, overlap

__all__ = ["LEVELS", "Rooms", "draw_room", "furnish"]


@dataclass(frozen=True)
class Rooms:
    """What rooms to draw."""

    pieces: int
    """Pieces to place."""
    fixed: int
    """Pieces that stand there already."""
    small: int
    """How many of the pieces to place stand on others."""
    more: int
    """Rules beyond those by which the layout was built."""
    oblique: bool
    """Whether pieces may stand at angles that are not right."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Rooms(pieces=2, fixed=1, small=0, more=0, oblique=False, turns=8),
    2: Rooms(pieces=3, fixed=1, small=1, more=0, oblique=False, turns=10),
    3: Rooms(pieces=4, fixed=2, small=1, more=1, oblique=False, turns=14),
    4: Rooms(pieces=6, fixed=2, small=2, more=2, oblique=True, turns=18),
    5: Rooms(pieces=8, fixed=2, small=3, more=4, oblique=True, turns=24),
}


def draw_room(rng: np.random.Generator) -> Room:
    """An empty room."""
    width, depth = (int(side) for side in rng.integers(360, 561, 2))
    walls = [tuple(WALLS)[k] for k in rng.permutation(4)[:2].tolist()]
    middles = []
    for wall, half in zip(walls, (DOOR // 2 + 2, 80), strict=True):
        side = width if wall in ("upper", "lower") else depth
        middles.append(int(rng.integers(half + 10, side - half - 10)))
    return Room(width, depth, (walls[0], middles[0]), (walls[1], middles[1]), int(rng.integers(1 << 16)))


class _Builder:
    """Places pieces in a room, one after another; each way of placing says the rules by which it went."""

    def __init__(self, rng: np.random.Generator, room: Room, settings: Rooms):
        self.rng, self.room, self.settings = rng, room, settings
        self.places: dict[str, Place] = {}
        self.rules: list[Rule] = []
        self._hosts: dict[str, str] = {}

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pick(self, names: list[str]) -> str:
        return names[int(self.rng.integers(len(names)))]

    def standing(self, *names: str) -> list[str]:
        return [name for name in names if name in self.places]

    def missing(self, *names: str) -> list[str]:
        return [name for name in names if name not in self.places]

    def fits(self, name: str, place: Place, host: str = "") -> bool:
        kind = KINDS[name]
        if not is_inside(self.room, kind, place) or overlap(kind, place, *door_zone(self.room)):
            return False
        others = ((n, p) for n, p in self.places.items() if n != host)
        return not any(overlap(kind, place, KINDS[n], p) for n, p in others)

    def put(self, name: str, place: Place, *rules: Rule, host: str = "") -> bool:
        """Place a piece if there is room for it and the rules are kept."""
        places = {**self.places, name: place}
        if not self.fits(name, place, host) or not all(holds(rule, self.room, places) for rule in rules):
            return False
        self.places[name] = place
        self.rules += rules
        return True

    # --- ways of placing a piece: each tries once -----------------------------------------------------------------

    def at_wall(self, name: str, wall: str = "", along: int | None = None) -> Place:
        """A place with the back against a wall."""
        wall = wall or self.pick(list(WALLS))
        kind, gap, room = KINDS[name], self.between(0, 4), self.room
        back = (kind.depth + 1) // 2 + gap
        side = room.width if wall in ("upper", "lower") else room.depth
        half = (kind.width + 1) // 2
        middle = self.between(half, side - half) if along is None else along
        x, y = {
            "upper": (middle, back),
            "lower": (middle, room.depth - back),
            "left": (back, middle),
            "right": (room.width - back, middle),
        }[wall]
        return Place(x, y, WALLS[wall])

    def relative(self, other: str, right: int, ahead: int, turn: int) -> Place:
        """A place given as seen from another piece that stands at a right angle."""
        at = self.places[other]
        x, y = {0: (right, -ahead), 90: (ahead, right), 180: (-right, ahead), 270: (-ahead, -right)}[at.angle]
        return Place(at.x + x, at.y + y, (at.angle + turn) % 360)

    def large(self) -> bool:
        names = self.missing("bed", "sofa", "wardrobe", "piano", "desk", "cabinet", "bookcase")
        if not names:
            return False
        name, wall = self.pick(names), self.pick(list(WALLS))
        place = self.at_wall(name, wall)
        rule = Rule("against", name, wall, 0) if self.between(0, 2) else Rule("wall", name, "", 0)
        return self.put(name, place, rule)

    def at_window(self) -> bool:
        wall, middle = self.room.window
        names = self.missing("desk", "sofa", "piano", "cabinet")
        if not names or any(rule.kind == "window" for rule in self.rules):
            return False
        name = self.pick(names)
        return self.put(name, self.at_wall(name, wall, middle + self.between(-40, 40)), Rule("window", name, "", 0))

    def beside(self) -> bool:
        hosts, names = self.standing("bed", "sofa", "piano", "desk"), self.missing("nightstand", "plant", "bookcase")
        if not hosts or not names:
            return False
        host, name = self.pick(hosts), self.pick(names)
        if self.places[host].angle % 90:
            return False
        side = (KINDS[host].width + KINDS[name].width) // 2 + self.between(3, 20)
        back = (KINDS[host].depth - KINDS[name].depth) // 2
        place = self.relative(host, side if self.between(0, 1) else -side, -back, 0)
        return self.put(name, place, Rule("beside", name, host, 0))

    def before(self) -> bool:
        pairs = [("sofa", "table"), ("desk", "chair"), ("piano", "chair"), ("bed", "table"), ("cabinet", "armchair")]
        pairs = [(host, name) for host, name in pairs if self.standing(host) and self.missing(name)]
        if not pairs:
            return False
        host, name = pairs[int(self.rng.integers(len(pairs)))]
        if self.places[host].angle % 90:
            return False
        ahead = (KINDS[host].depth + KINDS[name].depth) // 2 + self.between(4, 60 if name == "armchair" else 40)
        place = self.relative(host, self.between(-20, 20), ahead, 180)
        rules = [Rule("before", name, host, 0)]
        return self.put(name, place, *rules, *([] if name == "table" else [Rule("facing", name, host, 0)]))

    def facing(self) -> bool:
        names, others = (
            self.missing("armchair", "chair", "sofa"),
            self.standing("table", "cabinet", "desk", "bed", "piano"),
        )
        if not names or not others:
            return False
        name, other = self.pick(names), self.pick(others)
        step = TURN if self.settings.oblique and name != "sofa" else 90
        place = Place(self.between(45, self.room.width - 45), self.between(45, self.room.depth - 45), 0)
        turned = [place._replace(angle=angle) for angle in range(0, 360, step)]
        rule = Rule("facing", name, other, 0)
        kept = [p for p in turned if holds(rule, self.room, {**self.places, name: p})]
        far = self.between(13, 20) * 10
        return bool(kept) and self.put(name, kept[len(kept) // 2], rule, Rule("near", name, other, far))

    def in_corner(self) -> bool:
        names = self.missing("plant", "bookcase", "armchair")
        if not names:
            return False
        name, room = self.pick(names), self.room
        kind = KINDS[name]
        half = max(kind.width, kind.depth) // 2 + self.between(1, 8)
        right, lower = self.between(0, 1), self.between(0, 1)
        angle = (180, 0)[lower]
        if name == "bookcase":
            across, down = (kind.width + 1) // 2 + 2, (kind.depth + 1) // 2 + 2
        else:
            across = down = half
        place = Place(room.width - across if right else across, room.depth - down if lower else down, angle)
        return self.put(name, place, Rule("corner", name, "", 0))

    def on_top(self) -> bool:
        hosts = {
            "television": ("cabinet",),
            "computer": ("desk", "table"),
            "lamp": ("nightstand", "desk", "piano", "table", "cabinet"),
            "vase": ("table", "piano", "cabinet", "nightstand", "bookcase"),
        }
        used = set(self._hosts.values())
        pairs = [(n, h) for n in self.missing(*hosts) for h in self.standing(*hosts[n]) if h not in used]
        if not pairs:
            return False
        name, host = pairs[int(self.rng.integers(len(pairs)))]
        at, kind, top = self.places[host], KINDS[name], KINDS[host]
        if at.angle % 90:
            return False
        room_x, room_y = (top.width - kind.width) // 2 - 1, (top.depth - kind.depth) // 2 - 1
        place = self.relative(host, self.between(-room_x, room_x), self.between(-room_y, room_y), 0)
        self._hosts[name] = host
        if not self.put(name, place, Rule("on", name, host, 0), host=host):
            del self._hosts[name]
            return False
        return True


def _more_rules(builder: _Builder, movable: set[str]) -> list[Rule]:
    """Further distances that hold in the layout, about pieces that are to be placed."""
    names, found = list(builder.places), list[Rule]()
    used = {frozenset((rule.piece, rule.other)) for rule in builder.rules}
    for k in builder.rng.permutation(len(names) * len(names)).tolist():
        if len(found) == builder.settings.more:
            break
        one, other = names[k // len(names)], names[k % len(names)]
        pair = frozenset((one, other))
        if (
            one == other
            or one not in movable
            or pair in used
            or {one, other} & {"television", "computer", "lamp", "vase"}
        ):
            continue
        used.add(pair)
        (x, y, _), (a, b, _) = builder.places[one], builder.places[other]
        square, kind = (x - a) ** 2 + (y - b) ** 2, "near" if builder.between(0, 1) else "far"
        tens = int(square**0.5) // 10
        amount = 10 * (tens + builder.between(3, 5) if kind == "near" else tens - builder.between(2, 4))
        rule = Rule(kind, one, other, amount)
        told = 80 <= amount <= 260 if kind == "near" else amount >= 150
        if told and holds(rule, builder.room, builder.places):
            found.append(rule)
    return found


def furnish(rng: np.random.Generator, room: Room, settings: Rooms) -> Furnished | None:
    """An instance in this room, or None where the pieces found no room."""
    builder = _Builder(rng, room, settings)
    total = settings.pieces + settings.fixed
    ways: list[Callable[[], bool]] = [builder.beside, builder.before, builder.facing, builder.in_corner]
    for _ in range(20 * total):
        standing = len(builder.places)
        if standing == total:
            break
        if standing < max(1, total // 4):
            way = builder.large
        elif standing >= total - settings.small:
            way = builder.on_top
        else:
            k = int(rng.integers(len(ways) + 2))
            way = builder.at_window if k == len(ways) else builder.large if k > len(ways) else ways[k]
        way()
    if len(builder.places) < total:
        return None
    # What others lean on stands there already: the first pieces.
    names = list(builder.places)
    fixed, movable = names[: settings.fixed], names[settings.fixed :]
    rules = [rule for rule in builder.rules if rule.piece in movable or rule.other in movable]
    rules += _more_rules(builder, set(movable))
    if not any(rule.other in fixed or rule.kind == "window" for rule in rules):
        return None
    return Furnished(
        room,
        tuple((name, builder.places[name]) for name in fixed),
        tuple((name, builder.places[name]) for name in movable),
        tuple(rules),
    )
