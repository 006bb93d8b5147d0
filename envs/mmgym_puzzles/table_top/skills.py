"""The skills of the gripper: whole motions that begin and end high above the table. Lengths are millimetres."""

from __future__ import annotations

from mmgym_puzzles.table_top.world import WIDEST, World

__all__ = ["HOME", "go_home", "pick", "place", "push"]

TRAVEL = 220
"""Height at which the hand crosses the table."""
LOWEST = 10
"""The hand goes no lower."""
SPARE = 5
"""Millimetres by which there should be more room for the open fingers than they need."""
HOME = (200, 390, 130)
"""Where the hand waits, at the back of the table."""
STOPPED, ACROSS = "Something stopped the gripper on its way down.", "Something stopped the gripper on its way."


def rise(world: World) -> str:
    """Go straight up; what is in the way is pushed. What was held is let go if that is caught on something fixed."""
    x, y, _ = world.hand[:3] * 1000
    if world.go(x, y, TRAVEL):
        return ""
    if world.held >= 0:
        world.spread(WIDEST)
        world.go(x, y, TRAVEL)
        return "What the gripper held got caught and fell."
    return "Something stopped the gripper on its way up."


def pick(world: World, thing: int, x: float, y: float, z: float, opening: float) -> str:
    """Close the fingers at a point, turned so that they fit a thing there, and lift; what went wrong, in words."""
    low = max(z, LOWEST)
    fits = [turn for turn in world.turns(thing) if world.width(thing, turn) < opening - 4] if thing >= 0 else []
    free = [turn for turn in fits if world.is_free(x, y, low, turn, opening + SPARE)]
    note = rise(world)
    if note:
        return note
    world.spread(opening)
    if not world.go(x, y, TRAVEL, (free or fits or [0.0])[0]):
        return ACROSS
    if not world.go(x, y, low):
        note = STOPPED
    elif world.grasp() < 0:
        note = "The fingers closed on nothing."
    return rise(world) or note


def place(world: World, x: float, y: float, z: float) -> str:
    """Take the centre of what is held to a point, square to the table, and let go; what went wrong, in words."""
    note = rise(world)
    if note:
        return note
    closed = world.opening * 1000
    opening = min(WIDEST, closed + 16)
    ways = []
    for turn in world.square_turns():
        dx, dy, dz = world.offset(turn)
        ways.append((x - dx, y - dy, max(z - dz, LOWEST), turn))
    free = (w for w in ways if world.is_free(*w, closed) and world.is_free(*w, opening + SPARE))
    a, b, low, turn = next(free, ways[0])
    if not world.go(a, b, TRAVEL, turn):
        note = ACROSS
    elif not world.go(a, b, low):
        note = STOPPED
    world.spread(opening)
    return rise(world) or note


def push(world: World, start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    """Put the closed fingers down at a point and move them straight to another; what went wrong, in words."""
    (x, y, z), (a, b, c) = start, end
    note = rise(world)
    if note:
        return note
    world.spread(0)
    if not world.go(x, y, TRAVEL, 0.0):
        return ACROSS
    if not world.go(x, y, max(z, LOWEST)):
        note = STOPPED
    elif not world.go(a, b, max(c, LOWEST)):
        note = "Something that does not give way stopped the push."
    return rise(world) or note


def go_home(world: World) -> None:
    """Go back to where the hand hides nothing; it stays where something stops it."""
    x, y, z = HOME
    if world.go(x, y, TRAVEL):
        world.go(x, y, z)
