"""What an expert is still to move where, and where everything is once that is done. Lengths are millimetres."""

from __future__ import annotations

from collections.abc import Iterable

from mmgym_puzzles.table_top.things import REACH

__all__ = ["Move", "Plan", "reachable"]

Move = tuple[int, int, int, int]
"""A thing, and x, y, z to which its centre goes."""
Place = tuple[float, float, float]


def reachable(value: float) -> int:
    """The nearest whole x or y that the gripper reaches."""
    return round(min(REACH, max(0, value)))


class Plan:
    """Moves, one after the other.

    Args:
        at: where the centre of each thing is, but for what is held.
        heights: height of the centre of each thing above what it stands on.
        mats: x and y of places that are to be kept free.
        back: y up to which things may be set aside.
    """

    def __init__(self, at: dict[int, Place], heights: list[float], mats: list[tuple[float, float]], back: int):
        self.at = dict(at)
        """Where the centres are after the moves."""
        self.moves: list[Move] = []
        self._heights, self._back = heights, back
        self._kept = [*((x, y) for x, y, _ in at.values()), *mats]

    def carry(self, thing: int, x: float, y: float, under: float = 0.0) -> None:
        """Move a thing to where it stands on something `under` millimetres high, and let it go 2 mm above that."""
        z = under + self._heights[thing]
        self.moves.append((thing, reachable(x), reachable(y), round(z) + 2))
        self.at[thing] = (x, y, z)

    def aside(self, thing: int, kept: Iterable[tuple[float, float]] = ()) -> None:
        """Set a thing down where it is in nobody's way, neither now nor later, nor at places that are to be kept."""
        self.at.pop(thing, None)
        self.carry(thing, *self.spot(kept))

    def spot(self, kept: Iterable[tuple[float, float]] = ()) -> tuple[int, int]:
        """A place away from all things and places that are kept: the nearest to the front left that is free."""
        taken = [*self._kept, *((x, y) for x, y, _ in self.at.values()), *kept]
        for apart in (104, 95, 80, 68, 50):
            for y in range(40, self._back + 1, 20):
                for x in range(40, 361, 20):
                    if all((x - a) ** 2 + (y - b) ** 2 >= apart**2 for a, b in taken):
                        return x, y
        return 200, 40

    def near(self, x: float, y: float, reach: float) -> list[int]:
        """Things whose centres are less than `reach` from a place, seen from above."""
        return [k for k, (a, b, _) in self.at.items() if (a - x) ** 2 + (b - y) ** 2 < reach**2]
