"""Meetings of two things that run backwards as well as forwards: the frames are the same, and so is what they allow.

Moments are numbers of frames. In a meeting of so many frames, frame `i` of the one way is frame `frames - 1 - i` of the
other.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmgym_video.procedural.kinds import Kind
from mmgym_video.procedural.stage import Actor

__all__ = ["FPS", "Ground", "collide", "switch"]

FPS = 10
MOVING = 0.35
"""Share of a meeting for which a thing moves, before its middle or after it."""
TOUCH = 0.05
"""Share of a meeting, before its middle and after it, for which a thing stays at what it switches."""


@dataclass(frozen=True)
class Ground:
    """Where and when two things meet; lengths in thousandths of the frame's height."""

    x: float
    """Where they touch."""
    y: float
    run: float
    """How far a thing moves."""
    size: int
    """Of both."""
    start: int
    """Frame at which they appear."""
    frames: int
    """For how many frames they are there; even, so that no frame is in the middle."""

    @property
    def shown(self) -> tuple[tuple[float, float], ...]:
        """When they are there, in seconds."""
        return ((self.start / FPS, (self.start + self.frames) / FPS),)

    def moment(self, share: float) -> float:
        """The moment, in seconds, that is a share of the meeting's length after its middle."""
        return (self.start + (self.frames - 1) / 2 + share * self.frames) / FPS


def collide(left: Kind, right: Kind, ground: Ground, forward: bool) -> tuple[Actor, Actor]:
    """One of two things of equal weight comes, touches the other, and stops; the other moves on as fast.

    Args:
        left: the thing on the left.
        right: the thing on the right.
        ground: where and when.
        forward: whether the left one comes and strikes the right one, not the right one the left one.
    """
    early, middle, late = (ground.moment(share) for share in (-MOVING, 0, MOVING))
    actors = []
    for kind, side in ((left, -1), (right, 1)):
        touching = ground.x + side * ground.size / 2
        away = touching + side * ground.run
        comes = forward == (side < 0)
        steps = ((early, away), (middle, touching)) if comes else ((middle, touching), (late, away))
        path = tuple((time, x, ground.y) for time, x in steps)
        actors.append(Actor(kind.shape, ((0.0, kind.color),), path, ground.size, shown=ground.shown))
    return actors[0], actors[1]


def switch(kind: Kind, colors: tuple[str, str], ground: Ground, from_left: bool) -> tuple[Actor, Actor]:
    """A thing comes to a circle, touches it, and goes back; the circle's first colour turns into its second.

    Args:
        kind: of the thing.
        colors: of the circle, before and after.
        ground: where and when.
        from_left: whether it comes from the left.
    """
    side = -1 if from_left else 1
    near, far = ground.x + side * ground.size / 2, ground.x + side * (ground.size / 2 + ground.run)
    steps = ((-MOVING, far), (-TOUCH, near), (TOUCH, near), (MOVING, far))
    path = tuple((ground.moment(share), x, ground.y) for share, x in steps)
    thing = Actor(kind.shape, ((0.0, kind.color),), path, ground.size, shown=ground.shown)
    changes = ((0.0, colors[0]), ((ground.start + ground.frames // 2) / FPS, colors[1]))
    place = (0.0, ground.x - side * ground.size / 2, ground.y)
    return Actor("circle", changes, (place,), ground.size, shown=ground.shown), thing
