"""Equal slots of time, so that frames without their times say nothing about what came when.

A video is cut into slots of equally many frames. What fills one slot is drawn like what fills any other, the scenery
too, and nothing runs on from one slot into the next, so that every order of the slots is as likely as any other:
whoever gets the frames as a heap cannot put them back in order. Where the number of slots is a power of two, each gets
equally many of 16, 32 or 64 evenly spaced frames.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from mmgym_video.procedural.family import Setting
from mmgym_video.procedural.scenery import wander
from mmgym_video.procedural.stage import Actor

__all__ = [
    "FPS",
    "MARGIN",
    "Slot",
    "draw_cut_wanderers",
    "equal_slots",
    "inside",
    "joined",
    "last_frame",
    "parts_of",
]

Slot = tuple[float, float]
"""(from, until) in seconds on the grid of the frames, until not included."""
FPS = 10
"""Frames per second of the videos that are cut into slots, the stage's default."""
MARGIN = 5
"""Least frames between a change and a time that a question names."""


def equal_slots(duration: float, count: int, shortest: float, least: int) -> tuple[Slot, ...]:
    """A video cut into slots of equally many frames; fewer frames than slots may be left over at its end.

    Args:
        duration: of the video in seconds.
        count: how many slots; halved until each is long enough.
        shortest: least length of a slot in seconds.
        least: fewest slots, `count` over a power of two.

    Raises:
        ValueError: where even the fewest slots would be too short.
    """
    while count > least and duration < shortest * count:
        count //= 2
    if duration < shortest * count:
        raise ValueError(f"duration must be at least {shortest * count:g} s here; got {duration:g} s")
    frames = int(duration * FPS + 1e-6) // count
    return tuple((k * frames / FPS, (k + 1) * frames / FPS) for k in range(count))


def parts_of(rng: np.random.Generator, slots: Sequence[Slot], share: float, step: int = 1) -> list[Slot]:
    """Equally long stretches of equal slots, each at a random place in its own, `MARGIN` frames from its ends or more.

    Args:
        rng: what is random.
        slots: at least 3 s long each.
        share: of a slot's length; at least 1.5 s are taken, and never so much that no margins are left.
        step: the number of frames of a stretch is a multiple of it.
    """
    firsts = [round(start * FPS) for start, _ in slots]
    length = round(slots[0][1] * FPS) - firsts[0]
    room = length - 2 * MARGIN
    frames = min(room, max(15, round(share * length))) // step * step
    begins = rng.integers(MARGIN, MARGIN + room - frames + 1, len(slots)) + firsts
    return [(begin / FPS, (begin + frames) / FPS) for begin in begins.tolist()]


def inside(rng: np.random.Generator, slot: Slot) -> float:
    """A time of a frame in a slot, `MARGIN` frames from both its ends or more."""
    return int(rng.integers(round(slot[0] * FPS) + MARGIN, round(slot[1] * FPS) - MARGIN + 1)) / FPS


def last_frame(slot: Slot) -> float:
    """The time of the last frame of a slot."""
    return (round(slot[1] * FPS) - 1) / FPS


def joined(intervals: Sequence[Slot]) -> tuple[Slot, ...]:
    """Intervals in order, those that touch made into one."""
    found: list[Slot] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def draw_cut_wanderers(
    rng: np.random.Generator,
    setting: Setting,
    slots: Sequence[Slot],
    count: int,
    shapes: Collection[str],
    size: tuple[int, int] = (60, 110),
) -> tuple[Actor, ...]:
    """Things that move evenly through each slot, from and to places of that slot's own; see `wander`."""
    # The last frame of a slot shows the end of its stretch: played backwards it would look the same.
    times = [time for slot in slots for time in (slot[0], last_frame(slot))]
    until = ((0.0, slots[-1][1]),)
    return tuple(replace(actor, shown=until) for actor in wander(rng, setting, count, shapes, times, size))
