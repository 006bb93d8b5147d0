"""A walk: which room comes after which, in a walk through many rooms seen through the eyes of the walker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.stage import Fact
from mmgym_video.procedural.walk import SEEN, WALLS_SEEN, WAYS, Visit, Walk, with_article
from mmgym_video.procedural.walk_view import Room
from mmgym_video.question import Question

__all__ = ["RoomWalk"]

NAMES = (
    "KITCHEN LIBRARY BEDROOM OFFICE CHAPEL BAKERY STUDIO GARAGE CELLAR NURSERY PANTRY LAUNDRY GALLERY MUSEUM STABLE "
    "TAVERN"
).split()
"""Names of rooms, none of them in another's spelling."""
ROOMS = 8
"""Rooms: a round passes each of them once. A power of two, as the number of rounds: 32 or 64 evenly spaced frames then
show as much of every visit."""
VISIT = {1: 7.5, 2: 12.0, 3: 15.0, 4: 15.0, 5: 12.0}
"""Seconds that a visit to a room takes, about, by level."""
FPS = 10

Aspect = Literal["name", "walls", "picture"]
ASPECTS: tuple[Aspect, ...] = ("name", "walls", "picture")
"""By what a room is told from others."""


class Relation(NamedTuple):
    """Which room is asked about."""

    text: str
    offset: int = 0
    """So many rooms after the one that the question names; 0 where it names none."""
    end: int = 0
    """Else the place of the room in the round."""


RELATIONS = (
    Relation("the first room"),
    Relation("the last room", end=-1),
    Relation("the room right after {}", 1),
    Relation("the room right before {}", -1),
    Relation("the second room after {}", 2),
    Relation("the second room before {}", -2),
)
"""The last two only from level 4 on."""
ASKED = {
    "name": "What is the name of {}?",
    "walls": "What colour are the walls of {}?",
    "picture": "What does the picture in {} show?",
}


class RoomWalk(Family):
    """A walk through halls and rooms, each room with its walls' colour, a sign with its name, and a picture.

    The walk goes round after round, in each of them through the same rooms, each for equally long, in an order drawn
    anew. The frames without their times are those of every order, and which room comes after another, or first or
    last, in a round that the question names, is as open as before.
    """

    name = "walk"
    summary = "Which room comes after another in a walk through many rooms?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        count = ROOMS
        frames = int(setting.duration * FPS + 1e-6)
        rounds = 2 ** max(0, round(math.log2(frames / (FPS * VISIT[setting.level] * count))))
        cycle = frames // (rounds * count)
        if cycle < 2 * FPS:
            raise ValueError(f"a walk through {count} rooms takes at least {2 * count} s; got {setting.duration:g} s")
        rooms = _draw_rooms(rng, count, alike=setting.level >= 4)
        orders = rng.permuted(np.tile(np.arange(count), (rounds, 1)), axis=1)
        walk = _walk(rng, setting, rooms, orders.ravel().tolist(), cycle)

        relation = RELATIONS[int(rng.integers(4 if setting.level < 4 else len(RELATIONS)))]
        known, asked = (ASPECTS[i] for i in rng.integers(len(ASPECTS), size=2))
        if setting.level == 1:
            asked = "walls"  # which are in view for longest: the pictures left suffice to come upon each room
        if setting.level < 3:
            known = asked
        round_asked = int(rng.integers(rounds))
        order = orders[round_asked].tolist()
        offset = relation.offset
        place = relation.end % count if offset == 0 else int(rng.integers(max(0, -offset), count - max(0, offset)))
        target = place + offset
        needed = sorted({place, target})
        rest = [room for at, room in enumerate(order) if at not in needed]
        offered = [order[target], *(rest[i] for i in rng.permutation(len(rest))[:3])]
        options = shuffled(rng, [_value(rooms[room], asked) for room in offered])
        reference = _value(rooms[order[place]], known)

        first, length = round_asked * count, cycle / FPS
        begin, end = first * cycle / FPS, (first + count) * cycle / FPS
        question = Question(
            id=self.name,
            video=self.name,
            question=f"From {begin:g} s to {end:g} s one walks through {count} rooms, each for {length:g} s. "
            + ASKED[asked].format(relation.text.format(_named(reference, known))),
            answer=_value(rooms[order[target]], asked),
            options=options,
            evidence=tuple(_seen(first + at, length, asked if at == target else known) for at in needed),
            family=self.name,
        )
        looks = tuple(Look(((first + at) * cycle + cycle // 2) / FPS) for at in needed)

        def conclude(seen: Sequence[Sighting]) -> str:
            rooms_seen: dict[int, dict[str, str]] = {}
            for sighting in seen:
                if begin <= sighting.time < end:
                    at = int((sighting.time - begin) / length + 1e-6)
                    rooms_seen.setdefault(at, {}).update(_aspects(sighting.facts))
            if offset == 0:
                wanted = [place]
            else:
                wanted = [at + offset for at, aspects in rooms_seen.items() if aspects.get(known) == reference]
            found = [rooms_seen[at][asked] for at in wanted if asked in rooms_seen.get(at, {})]
            return found[0] if found and found[0] in options else options[0]

        told = (asked,) if offset == 0 else (known, asked)
        passed = tuple(tuple(_value(rooms[room], aspect) for aspect in told) for room in order)
        return Case(walk, question, looks, conclude, (relation.text, told, "" if offset == 0 else reference, passed))


def _walk(rng: np.random.Generator, setting: Setting, rooms: tuple[Room, ...], order: list[int], cycle: int) -> Walk:
    """A walk through rooms in an order; the ways through them are drawn at random."""
    ways = rng.integers(len(WAYS), size=len(order)).tolist()
    # Frames of few pixels get larger signs, up to what a wall holds, so that they can be read at all.
    sign = max(0.22 - 0.02 * setting.level, min(0.22, 14 / min(setting.size)))
    return Walk(
        setting.duration,
        rooms,
        tuple(Visit(room, way) for room, way in zip(order, ways, strict=True)),
        cycle,
        sign=sign,
        picture=0.46 - 0.04 * setting.level,
        fps=FPS,
        size=setting.size,
        look=setting.look,
    )


def _draw_rooms(rng: np.random.Generator, count: int, alike: bool) -> tuple[Room, ...]:
    """Rooms of which no two have the same name, walls or picture; with `alike`, pictures share shapes and colours."""
    names, walls, shapes, colors = (
        [words[i] for i in rng.permutation(len(words)).tolist()] for words in (NAMES, COLORS, SHAPES, COLORS)
    )
    if alike:
        every = list(product(shapes[:3], colors[:3]))
        pictures = [every[i] for i in rng.permutation(len(every)).tolist()]
    else:
        pictures = list(zip(shapes, colors, strict=False))
    textures, floors = rng.integers(60, size=(2, count)).tolist()
    return tuple(
        Room(names[i], walls[i], shape, color, textures[i], floors[i])
        for i, (shape, color) in enumerate(pictures[:count])
    )


def _value(room: Room, aspect: Aspect) -> str:
    """What a room is like in one aspect, as options say it."""
    return {"name": room.name.lower(), "walls": room.walls, "picture": f"{room.color} {room.shape}"}[aspect]


def _named(value: str, aspect: Aspect) -> str:
    """A room, named by one aspect."""
    if aspect == "name":
        return f"the {value}"
    return (
        f"the room with {value} walls" if aspect == "walls" else f"the room with the picture of {with_article(value)}"
    )


def _seen(visit: int, length: float, aspect: Aspect) -> tuple[float, float]:
    """When an aspect of a room is seen."""
    start, end = WALLS_SEEN if aspect == "walls" else SEEN
    return round((visit + start) * length, 2), round((visit + end) * length, 2)


def _aspects(facts: Sequence[Fact]) -> dict[str, str]:
    """What is seen of a room, as options say it."""
    found = {}
    for fact in facts:
        if fact["what"] == "walls":
            found["walls"] = fact["color"]
        elif fact["what"] == "picture":
            found["picture"] = f"{fact['color']} {fact['shape']}"
        elif fact["what"] == "display" and fact["text"]:
            found["name"] = fact["text"].lower()
    return found
