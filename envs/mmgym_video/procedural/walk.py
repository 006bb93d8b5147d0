"""A walk through rooms, as the walker sees it, drawn on demand.

The video is a row of visits of equal length. Each begins and ends half-way down a hall, before a closed shutter, and
what is seen in it depends on its room alone: no frame says which room came before or comes next, or how late it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from mmgym_video.pictures import WHOLE, Box
from mmgym_video.procedural.stage import LEGIBLE, Fact
from mmgym_video.procedural.walk_view import EYE, HALL, SIDES, Eye, Place, Room, Side, cast, draw_view, focal, hung
from mmgym_video.video import Frame, Subtitle, VideoError

__all__ = ["SEEN", "WALLS_SEEN", "WAYS", "Visit", "Walk", "with_article"]

WAYS: tuple[tuple[Side, Side], ...] = tuple((hangs, way) for hangs in SIDES for way in SIDES if hangs != way)
"""Walls of sign and picture, and of the way out, that a visit may have."""
SEEN = (0.33, 0.69)
"""Between these shares of a visit sign and picture are seen in full, whatever the way."""
WALLS_SEEN = (0.18, 0.78)
"""Between these shares of a visit walls of the room are seen."""

_TURN = {"left": 90.0, "ahead": 0.0, "right": -90.0}
_SMOOTH = np.linspace(-0.03, 0.03, 7)
_SHARES = (-0.14, 0.0, 0.14, 0.2, 0.32, 0.38, 0.7, 0.8, 0.86, 1.0, 1.14)
"""Shares of a visit at which the walker is at the places of `_route`."""


@dataclass(frozen=True)
class Visit:
    """A room, and how it is passed."""

    room: int
    """Its number."""
    way: int
    """Number of one of `WAYS`."""


@dataclass(frozen=True)
class Walk:
    """A `mmgym_video.video.Video` of a walk, drawn on demand."""

    duration: float
    rooms: tuple[Room, ...]
    visits: tuple[Visit, ...]
    """In order; at least one."""
    cycle: int
    """Frames of a visit. What is left of the video after the last visit is spent before a closed shutter."""
    sign: float = 0.16
    """Height of the line on signs, in heights of a wall."""
    picture: float = 0.36
    """Side of the pictures."""
    fps: float = 10.0
    size: tuple[int, int] = (480, 640)
    look: str = "usual"
    subtitles: tuple[Subtitle, ...] = field(default=(), init=False)
    sample_rate: int = field(default=0, init=False)

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The frames at these times; see `Video.frames`."""
        starts = [self.frame_time(time) for time in times]
        return [Frame(start, draw_view(*self._standing(start), self.size)) for start in starts]

    def frame_time(self, time: float) -> float:
        """When the frame that is shown at a time appears.

        Raises:
            ValueError: for a time outside [0, duration].
        """
        return self._number(time) / self.fps

    def sound(self, start: float, end: float) -> np.ndarray:
        """There is none.

        Raises:
            VideoError: always.
        """
        raise VideoError("this video is silent")

    def close(self) -> None:
        """Nothing is held."""

    def facts(self, time: float, box: Box = WHOLE, height: int = 1000) -> tuple[Fact, ...]:
        """What the frame at a time shows: ``walls`` of a room, its ``picture``, and its sign as a ``display``.

        Where nothing of a room is seen there is one fact, ``hall``. See `Stage.facts` for the arguments.

        A sign counts where all of it is in sight, a picture where nearly all is, large enough to tell what it shows;
        walls count where they fill a fifth of the part of the frame.
        """
        place, eye = self._standing(self.frame_time(time))
        found = _room_facts(place, eye, self.size[1] / self.size[0], box, height / (box[3] - box[1]))
        return found or ({"what": "hall", "text": "a hall", "x": 50, "y": 50},)

    def _number(self, time: float) -> int:
        if not 0 <= time <= self.duration:
            raise ValueError(f"time must be from 0 to {self.duration:g}; got {time}")
        last = max(0, math.ceil(self.duration * self.fps - 1e-6) - 1)
        return min(math.floor(time * self.fps + 1e-6), last)

    def _standing(self, time: float) -> tuple[Place, Eye]:
        """In which room the walker is at the start of a frame, and where in it."""
        number, step = divmod(self._number(time), self.cycle)
        if number >= len(self.visits):
            number, step = len(self.visits) - 1, 0
        visit = self.visits[number]
        hangs, way = WAYS[visit.way]
        place = Place(self.rooms[visit.room], hangs, way, self.sign, self.picture, self.look)
        return place, _eye(visit.way, step / self.cycle)


@lru_cache(maxsize=len(WAYS))
def _route(way: int) -> np.ndarray:
    """Where the walker is at `_SHARES`, float (shares, 2)."""
    hangs, leaves = (np.array({"left": (-1, 0), "ahead": (0, 1), "right": (1, 0)}[side], float) for side in WAYS[way])
    stands, door = np.array([0.0, 0.95]), np.array([0.0, 1.0]) + leaves
    return np.array(
        [
            (0, -HALL + 0.12),
            (0, -HALL / 2),
            (0, -0.4),
            (0, -0.3),
            (0, 0.8),
            stands,
            stands + 0.12 * hangs,
            door - 0.4 * leaves,
            door + 0.12 * leaves,
            door + HALL / 2 * leaves,
            door + (HALL - 0.4) * leaves,
        ]
    )


@lru_cache(maxsize=4096)
def _eye(way: int, share: float) -> Eye:
    """Where the walker stands and looks after a share of a visit."""
    hangs, leaves = (_TURN[side] for side in WAYS[way])
    near = share + _SMOOTH  # the mean of moments nearby: no corner in the route, no jerk in the turns
    x, y = (float(np.interp(near, _SHARES, ordinates).mean()) for ordinates in _route(way).T)
    turn = math.radians(float(np.interp(near, [0.25, 0.34, 0.71, 0.79], [0, hangs, hangs, leaves]).mean()))
    raised = np.interp(share, [0.14, 0.2], [0, 1]) if share < 0.3 else np.interp(share, [0.76, 0.81], [0, 1])
    # Rounded, so that the last digits of sine and cosine, which differ between machines, decide no pixel.
    ahead = round(-math.sin(turn), 6), round(math.cos(turn), 6)
    return Eye(round(x, 6), round(y, 6), ahead, share < 0.3, float(raised))


def _room_facts(place: Place, eye: Eye, aspect: float, box: Box, pixels: float) -> tuple[Fact, ...]:
    """What is seen of the room in a part of a frame that is `aspect` times as wide as high, and `pixels` high."""
    scale = focal(1000, round(1000 * aspect)) / 1000  # heights of the frame per unit at a distance of one unit
    left, top, right, bottom = box
    columns = left + (right - left) * (np.arange(60) + 0.5) / 60
    rays = cast(place, eye, (columns - 0.5) * aspect / scale)
    upper, lower = 0.5 - (1 - EYE) * scale / rays.depth, 0.5 + EYE * scale / rays.depth
    # Seen under the shutter too, unless its lower edge is below the lower edge of the wall.
    edge = np.where(np.isfinite(rays.shutter), 0.5 + (EYE - rays.lower) * scale / rays.shutter, upper)
    walls = rays.in_room & (np.maximum(np.maximum(upper, edge), top) < np.minimum(lower, bottom) - 0.1 * (bottom - top))
    if not walls.any():
        return ()
    found: list[Fact] = []
    room = place.room
    if walls.mean() >= 0.2:
        middle = {"x": round(100 * float(columns[walls].mean())), "y": round(50 * (top + bottom))}
        found.append({"what": "walls", "color": room.walls, "text": f"{room.walls} walls", **middle})
    for name, corners in hung(place).items():
        across, down, share = _projected(place, eye, corners, aspect, scale, box)
        wide, high = float(np.ptp(across)) * aspect * pixels, float(down[:, 0].max() - down[:, 4].min()) * pixels
        middle = {"x": round(100 * float(across.mean())), "y": round(100 * float(down.mean()))}
        length, rise = math.hypot(*(corners[1] - corners[0])[:2]), float(corners[1, 2] - corners[0, 2])
        plain = wide * rise / max(high * length, 1e-9)  # 1 where it is faced, less where it is seen from the side
        if name == "sign" and share == 1 and plain > 0.3:
            text = room.name if plain > 0.6 and high * 0.86 >= LEGIBLE else None
            found.append({"what": "display", "name": "sign", "text": text, **middle})
        if name == "picture" and share >= 0.9 and plain > 0.5 and high >= 1.5 * LEGIBLE:
            shown = f"a picture of {with_article(f'{room.color} {room.shape}')}"
            found.append({"what": "picture", "shape": room.shape, "color": room.color, "text": shown, **middle})
    return tuple(found)


def with_article(words: str) -> str:
    """Words after ``a`` or ``an``."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _projected(
    place: Place, eye: Eye, corners: np.ndarray, aspect: float, scale: float, box: Box
) -> tuple[np.ndarray, np.ndarray, float]:
    """Where five by five points of an upright rectangle are in the frame, and the share of them that is seen.

    Returns:
        Shares of the frame's width from the left, float (5,); shares of its height from the top, (5 columns, 5 rows
        from the lower to the upper edge); the share of the points that is before the walker, in the box and not hidden.
    """
    places = corners[0] + np.linspace(0, 1, 5)[:, None] * (corners[1] - corners[0])
    away = places[:, :2] - (eye.x, eye.y)
    depth = np.maximum(away @ np.array(eye.ahead), 1e-3)
    across = away @ np.array([eye.ahead[1], -eye.ahead[0]]) / depth
    x, y = 0.5 + across * scale / aspect, 0.5 - (places[:, 2] - EYE) * scale / depth[:, None]
    left, top, right, bottom = box
    if depth.max() < 0.05 or not left < x[2] < right:
        return x, y, 0.0
    rays = cast(place, eye, across)
    in_box = ((left <= x) & (x <= right))[:, None] & (top <= y) & (y <= bottom)
    before = (depth > 0.05) & (rays.depth > depth - 0.01)
    closer = rays.shutter < depth
    height_at_shutter = EYE + (places[:, 2] - EYE) / depth[:, None] * np.where(closer, rays.shutter, 0.0)[:, None]
    hidden = closer[:, None] & (height_at_shutter > rays.lower)
    return x, y, float((in_box & before[:, None] & ~hidden).mean())
