"""A shell game: things are put under a row of boxes that look alike, and boxes swap places two at a time.

Every moment of a swap is drawn by boxes of its own, not by boxes that keep who they are: what a frame shows, and the
order in which it is told, depends on the places that swap and on nothing that came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmgym_video.pictures import WHOLE
from mmgym_video.procedural.family import Setting, Sighting
from mmgym_video.procedural.kinds import Kind
from mmgym_video.procedural.stage import Actor, Cover

__all__ = ["CUE", "FPS", "REST", "Game", "Pair", "Row", "moved"]

FPS = 10
CUE = 40
"""Frames at the start of a game in which the boxes above things are lifted; the last quarter lets them down."""
REST = 5
"""Frames of rest after each swap."""

Pair = tuple[int, int]
"""Two places that swap, the left one first."""


@dataclass(frozen=True)
class Game:
    """What happens, without when."""

    things: tuple[Kind, ...]
    starts: tuple[int, ...]
    """The place at which each thing is put, counted from 0 at the left."""
    order: tuple[Pair, ...]


def moved(start: int, order: Sequence[Pair]) -> int:
    """Where what starts at a place ends up."""
    for left, right in order:
        if start == left:
            start = right
        elif start == right:
            start = left
    return start


class Row:
    """Where boxes stand.

    Args:
        setting: of the instance.
        count: how many.
        y: middle of the row, in thousandths of the frame's height.
        shift: how far the row is moved to the right, in the same.
    """

    def __init__(self, setting: Setting, count: int, y: float, shift: float):
        self.count, self.y = count, y
        self.width = 1000 * setting.size[1] / setting.size[0]
        spacing = self.width / count
        self.xs = [(column + 0.5) * spacing + shift for column in range(count)]
        self.side = min(0.6 * spacing, 170.0)
        """Of a box."""
        self.lift = 1.25 * self.side

    def play(self, game: Game, start: int, swap: int, length: int) -> tuple[list[Actor], list[Cover]]:
        """Things and boxes of a game.

        Args:
            game: what happens.
            start: frame at which it starts.
            swap: frames that a swap takes.
            length: frames after which the boxes are gone.
        """
        cue = start / FPS, (start + CUE) / FPS
        things = [
            Actor(kind.shape, ((0.0, kind.color),), ((0.0, self.xs[at], self.y),), int(0.75 * self.side), shown=(cue,))
            for kind, at in zip(game.things, game.starts, strict=True)
        ]
        lifted = ((start / FPS, 0.0, -self.lift), ((start + 0.75 * CUE) / FPS, 0.0, -self.lift), (cue[1], 0.0, 0.0))
        boxes = [self._box(at, (cue,), lifted) for at in sorted(game.starts)]
        rests = [[start + CUE if column in game.starts else start] for column in range(self.count)]
        for number, pair in enumerate(game.order):
            first = start + CUE + number * (swap + REST)
            for column, other, side in ((*pair, -1), (*reversed(pair), 1)):
                rests[column] += [first, first + swap]
                across, away = self.xs[other] - self.xs[column], side * self.lift
                begin, end = first / FPS, (first + swap) / FPS
                up, down = begin + (end - begin) / 4, end - (end - begin) / 4
                path = ((begin, 0.0, 0.0), (up, 0.0, away), (down, across, away), (end, across, 0.0))
                boxes.append(self._box(column, ((begin, end),), path))
        for column, edges in enumerate(rests):
            edges.append(start + length)
            shown = tuple((a / FPS, b / FPS) for a, b in zip(edges[::2], edges[1::2], strict=True))
            boxes.append(self._box(column, shown, ()))
        return things, boxes

    def _box(
        self, column: int, shown: tuple[tuple[float, float], ...], path: tuple[tuple[float, float, float], ...]
    ) -> Cover:
        half = self.side / 2
        x, y = self.xs[column], self.y
        return Cover(x - half, y - half, x + half, y + half, shown=shown, path=path)

    def swapped(self, sighting: Sighting) -> Pair | None:
        """The places that are seen to swap: those that are empty while one box is above the row and one below it."""
        if sighting.box != WHOLE:
            return None
        boxes = [fact for fact in sighting.facts if fact["what"] == "cover"]
        above = [box for box in boxes if 10 * box["y"] < self.y - self.lift / 2]
        below = [box for box in boxes if 10 * box["y"] > self.y + self.lift / 2]
        resting = {self._column(box["x"]) for box in boxes if box not in above and box not in below}
        empty = [column for column in range(self.count) if column not in resting]
        return (empty[0], empty[1]) if len(above) == len(below) == 1 and len(empty) == 2 else None

    def place(self, kind: Kind, seen: Sequence[Sighting]) -> int | None:
        """The place at which a thing was seen."""
        return next((self._column(x) for sighting in seen for x, _ in kind.places(sighting)), None)

    def _column(self, x: int) -> int:
        return min(range(self.count), key=lambda column: abs(self.xs[column] - x * self.width / 100))
