"""Direction: two things move, one after the other; which way does each go?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.places import text_height
from mmgym_video.procedural.slots import (
    FPS,
    MARGIN,
    Slot,
    draw_cut_wanderers,
    equal_slots,
    joined,
    last_frame,
    parts_of,
)
from mmgym_video.procedural.stage import Actor, Display, Fact, Stage
from mmgym_video.question import Question

__all__ = ["Direction"]

MOVERS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}
"""Things that move once in each stretch, by level; two of them are asked about."""
STRETCHES = {1: 2, 2: 4, 3: 4, 4: 8, 5: 8}
"""Stretches of the video."""
MOVING = {1: 0.7, 2: 0.6, 3: 0.5, 4: 0.4, 5: 0.3}
"""For how much of its turn each thing is there, and moves."""
KINDS = {
    1: ("across", "upright"),
    2: ("across", "upright", "round"),
    3: ("across", "upright", "round", "hub", "counter"),
    4: ("across", "upright", "round", "hub", "counter"),
    5: ("across", "upright", "round", "hub", "counter"),
}
WAYS = {
    "across": ("right", "left"),
    "upright": ("down", "up"),
    "round": ("clockwise round the house", "anticlockwise round the house"),
    "hub": ("away from the house", "towards the house"),
    "counter": ("higher", "lower"),
}
"""Which way each kind of motion can go, forward and backward."""
HUB = "house"
NUMBER = "the number on the display"
STEPS = 5
"""Numbers that a counter goes through in one turn."""
ARC = math.radians(150)
"""How far round a thing goes: less than half, so that any two moments say which way."""


@dataclass(frozen=True)
class _Mover:
    """Something that moves one way or the other."""

    kind: str
    color: str
    shape: str

    @property
    def name(self) -> str:
        """What it is called."""
        return NUMBER if self.kind == "counter" else f"the {self.color} {self.shape}"

    def forward(self, seen: Sequence[Sighting], aspect: float) -> bool | None:
        """Which way it went between the first and the last sighting of it, None where they don't say."""
        found = [at for at in (self._state(sighting.facts, aspect) for sighting in seen) if at is not None]
        if len(found) < 2 or found[0] == found[-1]:
            return None
        gone = found[-1] - found[0]
        return (math.remainder(gone, 2 * math.pi) if self.kind == "round" else gone) > 0

    def _state(self, facts: Sequence[Fact], aspect: float) -> float | None:
        """A number that grows as it goes forward."""
        if self.kind == "counter":
            return next((float(fact["text"]) for fact in facts if fact["what"] == "display" and fact["text"]), None)
        me = _place(facts, self.shape, aspect)
        if me is None or self.kind in ("across", "upright"):
            return me and me[self.kind == "upright"]
        hub = _place(facts, HUB, aspect)
        if hub is None:
            return None
        x, y = me[0] - hub[0], me[1] - hub[1]
        return math.atan2(y, x) if self.kind == "round" else math.hypot(x, y)


def _place(facts: Sequence[Fact], shape: str, aspect: float) -> tuple[float, float] | None:
    return next(((fact["x"] * aspect / 100, fact["y"] * 10) for fact in facts if fact.get("shape") == shape), None)


class Direction(Family):
    """Things come, move along a line or round a house and go, a display counts up or down, one at a time.

    Each motion is even and would fit as well backwards, so that the frames of it without their times show between
    which two ways to decide, and nothing more.
    """

    name = "direction"
    summary = "Which way do two things go: left or right, up or down, round, towards or away, higher or lower?"
    order_sensitive = True
    open_kind = "name"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, count = setting.level, MOVERS[setting.level]
        aspect = 1000 * setting.size[1] / setting.size[0]
        slots = equal_slots(setting.duration, count * STRETCHES[level], shortest=3, least=count)
        parts = parts_of(rng, slots, MOVING[level], STEPS)
        movers, others = _draw_movers(rng, KINDS[level], count)
        turns = np.concatenate([rng.permutation(count) for _ in range(len(slots) // count)])
        forward = rng.random(len(slots)) < 0.5

        stretch = int(rng.integers(len(slots) // count))
        mine = range(stretch * count, (stretch + 1) * count)
        begin, end = slots[mine[0]][0], slots[mine[-1]][1]
        pair = [movers[i] for i in rng.permutation(count)[:2].tolist()]
        turn_of = {movers[int(turns[i])]: i for i in mine}
        ways = [bool(forward[turn_of[mover]]) for mover in pair]

        def statement(first: bool, second: bool) -> str:
            return ", ".join(f"{m.name} {WAYS[m.kind][not way]}" for m, way in zip(pair, (first, second), strict=True))

        answer = statement(ways[0], ways[1])
        intervals = [parts[turn_of[mover]] for mover in pair]
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s, which way do {pair[0].name} and {pair[1].name} go?",
            answer=answer,
            options=shuffled(rng, [statement(a, b) for a in (True, False) for b in (True, False)]),
            evidence=joined(intervals),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            known = [sighting for sighting in seen if begin <= sighting.time < end]
            found = [mover.forward(known, aspect) for mover in pair]
            return statement(found[0] is not False, found[1] is not False)

        height, size = text_height(setting, 95 - 6 * level, 2), min(160 - 15 * level, int(aspect / 4))
        actors: list[Actor] = []
        displays: list[Display] = []
        for number, mover in enumerate(movers):
            moves = [(parts[i], bool(forward[i])) for i in range(len(slots)) if turns[i] == number]
            if mover.kind == "counter":
                displays.append(_counter(rng, height, aspect, moves))
            else:
                actors += _actors(rng, size, 1.6 * height, aspect, mover, moves)
        stage = Stage(
            setting.duration,
            actors=(*draw_cut_wanderers(rng, setting, slots, level - 1, shapes=others), *actors),
            displays=tuple(displays),
            size=setting.size,
            look=setting.look,
        )
        # Half a second from either end a motion is well under way, and seen whatever frame is shown.
        ends = [(start + MARGIN / FPS, until - (MARGIN + 1) / FPS) for start, until in sorted(intervals)]
        looks = [Look(time) for times in ends for time in times]
        content = tuple(sorted((mover.kind, mover.name, way) for mover, way in zip(pair, ways, strict=True)))
        return Case(stage, question, tuple(looks), conclude, (content, tuple(mover.name for mover in movers)))


def _draw_movers(rng: np.random.Generator, kinds: Sequence[str], count: int) -> tuple[list[_Mover], list[str]]:
    """What moves, each in its own shape and at most one of them a counter, and the shapes that nothing of it has."""
    shapes = [SHAPES[i] for i in rng.permutation(len(SHAPES)).tolist() if SHAPES[i] != HUB]
    drawn = [kinds[i] for i in rng.integers(len(kinds), size=count).tolist()]
    movers = []
    for number, kind in enumerate(drawn):
        kind = "across" if kind == "counter" and "counter" in drawn[:number] else kind
        movers.append(_Mover(kind, COLORS[int(rng.integers(len(COLORS)))], shapes[number]))
    return movers, shapes[count:]


def _counter(rng: np.random.Generator, height: int, aspect: float, moves: Sequence[tuple[Slot, bool]]) -> Display:
    changes: list[tuple[float, str]] = []
    for (start, end), forward in moves:
        first, frames, least = round(start * FPS), round((end - start) * FPS) // STEPS, int(rng.integers(10, 95))
        for step in range(STEPS):
            value = least + (step if forward else STEPS - 1 - step)
            changes.append(((first + step * frames) / FPS, str(value)))
        changes.append((end, ""))
    return Display(tuple(changes), rng.uniform(0.3, 0.7) * aspect, 0.8 * height, height)


def _actors(
    rng: np.random.Generator, size: int, top: float, aspect: float, mover: _Mover, moves: Sequence[tuple[Slot, bool]]
) -> list[Actor]:
    """A thing that moves, and the house that it moves round or along."""
    hub, places = _track(rng, mover.kind, aspect, top + size / 2, size)
    path: list[tuple[float, float, float]] = []
    for interval, forward in moves:
        start, steps = interval[0], len(places) - 1
        pace = (last_frame(interval) - start) / steps
        ordered = places if forward else places[::-1]
        path += [(start + step * pace, x, y) for step, (x, y) in enumerate(ordered)]
    shown = tuple(interval for interval, _ in moves)
    actors = [Actor(mover.shape, ((0.0, mover.color),), tuple(path), size, shown=shown)]
    if mover.kind in ("round", "hub"):
        color = COLORS[int(rng.integers(len(COLORS)))]
        actors.insert(0, Actor(HUB, ((0.0, color),), ((0.0, *hub),), size, shown=shown))
    return actors


Place = tuple[float, float]


def _track(rng: np.random.Generator, kind: str, aspect: float, top: float, size: int) -> tuple[Place, list[Place]]:
    """Where the house would be, and the places that a thing passes as it goes forward, as far from one to the next.

    Args:
        rng: what is random.
        kind: of motion.
        aspect: width of the frame.
        top: least y.
        size: of the thing and the house.
    """
    low, high = rng.uniform(0.12, 0.22), rng.uniform(0.78, 0.88)
    if kind == "across":
        y = rng.uniform(top, 850)
        return (0, 0), [(low * aspect, y), (high * aspect, y)]
    if kind == "upright":
        x = rng.uniform(0.15, 0.85) * aspect
        return (0, 0), [(x, top + 300 * (low - 0.12)), (x, 1000 * high)]
    if kind == "hub":
        hub = (0.68 * aspect, rng.uniform(350, 650)) if rng.random() < 0.5 else (0.32 * aspect, rng.uniform(350, 650))
        far = (low if hub[0] > aspect / 2 else high) * aspect, rng.uniform(top, 850)
        share = 1.1 * size / math.dist(hub, far)
        return hub, [(hub[0] + share * (far[0] - hub[0]), hub[1] + share * (far[1] - hub[1])), far]
    hub = aspect / 2, rng.uniform(590, 620)
    radius, begin = min(0.32 * aspect, 370 - size / 2, 590 - top), rng.uniform(0, 2 * math.pi)
    # Clockwise, as y grows downwards.
    angles = (begin + ARC * np.arange(13) / 12).tolist()
    return hub, [(hub[0] + radius * math.cos(angle), hub[1] + radius * math.sin(angle)) for angle in angles]
