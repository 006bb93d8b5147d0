"""What one sees who walks through a room: a ray-caster for one room with a hall before it and a hall behind it.

Each column of the picture is a ray that ends at the nearest wall; where the walls' and the floor's points lie in their
textures follows from the distance, and OpenCV looks them up. It needs no engine and takes the puzzles' textures.

Lengths are heights of the walls. The room is the square from (-1, 0) to (1, 2); one enters it at (0, 0) going ahead,
along y, through a shutter that is drawn up, and leaves it by a shutter like it in the middle of another wall. On a
further wall hang a sign with the room's name and a picture. The halls look the same wherever they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from mmgym.draw import Color, draw_text, text_width
from mmgym_puzzles.perception.scenes import LOOKS, Thing, box_of, draw_thing
from mmgym_puzzles.scene.textures import texture

__all__ = [
    "EYE",
    "HALL",
    "SIDES",
    "TEXTURES",
    "Eye",
    "Place",
    "Rays",
    "Room",
    "Side",
    "cast",
    "draw_view",
    "focal",
    "hung",
]

Side = Literal["left", "ahead", "right"]
SIDES: tuple[Side, ...] = ("left", "ahead", "right")
"""Walls of a room other than the one with the entrance, as one sees them who enters."""
HALL = 1.5
"""Length of a hall."""
EYE = 0.5
"""How high the eye is."""
TEXTURES = {"usual": ("paint", "stripes", "brick", "planks"), "ood": ("stone", "tiles", "wood", "carpet")}
"""Textures of the rooms' walls, by look."""

_WIDE = 0.34375
"""Half the width of halls and shutters: a whole number of the textures' pixels."""
_HIGH = 0.85
"""Height of shutters."""
_FINE = 192
"""Pixels per unit of the walls' textures."""
_COARSE = 96
"""Pixels per unit of the floor's texture."""
_REACH = HALL + 1.25
"""The floor's texture reaches so far from the middle of the room, which is at (0, 1)."""
_WALLS: dict[str, tuple[int, int]] = {"entrance": (0, -1), "left": (-1, 0), "ahead": (0, 1), "right": (1, 0)}
"""The direction in which each wall lies from the middle of the room."""
_LIGHT = {"entrance": 0.92, "left": 0.89, "ahead": 1.0, "right": 0.95}
_PAPER: Color = (250, 246, 232)
_FRAME: Color = (74, 54, 40)


@dataclass(frozen=True)
class _Shades:
    hall: Color
    hall_texture: str
    carpet: Color
    shutter: Color
    ceiling: Color
    floors: tuple[tuple[str, Color], ...]


_SHADES = {
    "usual": _Shades(
        hall=(196, 198, 200),
        hall_texture="stone",
        carpet=(168, 170, 176),
        shutter=(112, 92, 74),
        ceiling=(244, 242, 236),
        floors=(("planks", (176, 136, 96)), ("carpet", (150, 150, 140)), ("tiles", (206, 198, 184))),
    ),
    "ood": _Shades(
        hall=(214, 204, 184),
        hall_texture="brick",
        carpet=(140, 132, 124),
        shutter=(88, 90, 92),
        ceiling=(214, 226, 236),
        floors=(("stone", (160, 152, 140)), ("wood", (136, 104, 80)), ("stripes", (180, 186, 176))),
    ),
}


@dataclass(frozen=True)
class Room:
    """A room: what it is known by."""

    name: str
    """What its sign says, printable ASCII."""
    walls: str
    """Colour of its walls, one of `mmgym_puzzles.perception.scenes.COLORS`."""
    shape: str
    """What its picture shows, one of `mmgym_puzzles.perception.scenes.SHAPES` ..."""
    color: str
    """... in this colour."""
    texture: int = 0
    """Number of the texture of its walls."""
    floor: int = 0
    """Number of its floor."""


@dataclass(frozen=True)
class Place:
    """A room with its halls, as it is passed."""

    room: Room
    hangs: Side
    """The wall with sign and picture."""
    exit: Side
    """The wall with the way out, another one."""
    sign: float = 0.16
    """Height of the line on the sign."""
    picture: float = 0.36
    """Side of the picture."""
    look: str = "usual"
    """``usual`` or ``ood``."""

    def __post_init__(self) -> None:
        if self.hangs == self.exit:
            raise ValueError(f"sign and way out must be at different walls; got {self.hangs!r} for both")


@dataclass(frozen=True)
class Eye:
    """Where one stands and looks."""

    x: float
    y: float
    ahead: tuple[float, float]
    """Unit vector in which one looks."""
    entering: bool
    """Whether the shutter that moves is that of the entrance; else it is that of the way out."""
    raised: float
    """How far that shutter is up, from 0, closed, to 1. The other one is closed."""


@dataclass(frozen=True)
class Rays:
    """What rays of sight meet; arrays have a number for each ray."""

    depth: np.ndarray
    """How far ahead the nearest wall is."""
    column: np.ndarray
    """Where it is met, in columns of the atlas of `_baked`."""
    in_room: np.ndarray
    """Whether it is a wall of the room, seen from inside."""
    shutter: np.ndarray
    """How far ahead the plane of the shutter that moves is; infinite beside it."""
    shutter_column: np.ndarray
    """Where it is met."""
    lower: float
    """Height of its lower edge: it hides what is above, as seen in its plane."""


def focal(height: int, width: int) -> float:
    """Pixels that a unit of length takes at a distance of one unit: 60 degrees are seen along the shorter side."""
    return 0.866 * min(height, width)


def hung(place: Place) -> dict[str, np.ndarray]:
    """Where sign and picture are: for each its corners (left, bottom) and (right, top), float (2, 3), x, y, z."""
    out = np.array(_WALLS[place.hangs], float)
    right = np.array([out[1], -out[0]])
    boxes = {}
    sign_low = 0.93 - place.sign
    picture_low = max(0.08, (sign_low - 0.05 - place.picture) / 2 + 0.04)
    wide = _sign_columns(place.room.name, place.sign) / _FINE
    for name, half, low, high in (
        ("sign", wide / 2, sign_low, sign_low + place.sign),
        ("picture", place.picture / 2, picture_low, picture_low + place.picture),
    ):
        middle = np.array([0.0, 1.0]) + out
        boxes[name] = np.array([[*(middle - half * right), low], [*(middle + half * right), high]])
    return boxes


def cast(place: Place, eye: Eye, across: np.ndarray) -> Rays:
    """Follow rays that go `across` units to the right, float (rays,), for each unit ahead."""
    starts, spans, columns, lengths = _segments(place.exit, eye.entering)
    ahead = np.array(eye.ahead)
    rays = ahead + across[:, None] * np.array([ahead[1], -ahead[0]])
    to_start = starts - (eye.x, eye.y)
    with np.errstate(divide="ignore", invalid="ignore"):
        facing = rays[:, :1] * spans[:, 1] - rays[:, 1:] * spans[:, 0]
        depth = (to_start[:, 0] * spans[:, 1] - to_start[:, 1] * spans[:, 0]) / facing
        along = (to_start[:, 0] * rays[:, 1:] - to_start[:, 1] * rays[:, :1]) / facing
    # A hair's breadth more, so that no ray slips through a corner.
    met = (depth > 1e-4) & (along >= -1e-9) & (along <= 1 + 1e-9)
    depth = np.where(met, depth, np.inf)
    shutter, walls = depth[:, 0], depth[:, 1:]
    nearest = walls.argmin(axis=1) + 1
    every = np.arange(len(rays))
    # Half a pixel away from the ends, where the atlas goes on with another wall.
    spot = columns + np.clip(np.clip(along, 0, 1) * lengths, np.minimum(lengths, 0) + 0.5, np.maximum(lengths, 0) - 0.5)
    return Rays(
        depth=depth[every, nearest],
        column=spot[every, nearest],
        in_room=nearest <= _ROOM_SEGMENTS,
        shutter=np.where(shutter < depth[every, nearest], shutter, np.inf),
        shutter_column=spot[:, 0],
        lower=_HIGH * eye.raised,
    )


_ROOM_SEGMENTS = 5
"""Three whole walls, and two pieces beside the shutter that moves."""


@lru_cache(maxsize=8)
def _segments(exit: Side, entering: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The shutter that moves, the walls of the room and those of the hall behind the shutter.

    Returns:
        Starts, float (9, 2); spans from there to the ends, (9, 2); where they start in the atlas, (9,), and how many
        columns of it they take, (9,).
    """
    open_wall = "entrance" if entering else exit
    lines: list[tuple[np.ndarray, np.ndarray, float, float]] = []
    for number, (name, direction) in enumerate(_WALLS.items()):
        out = np.array(direction, float)
        right, middle = np.array([out[1], -out[0]]), np.array([0.0, 1.0]) + out
        parts = [(-1.0, -_WIDE), (_WIDE, 1.0)] if name == open_wall else [(-1.0, 1.0)]
        lines += [(middle + a * right, middle + b * right, 2 * number + a + 1, b - a) for a, b in parts]
        if name == open_wall:
            left, other = middle - _WIDE * right, middle + _WIDE * right
            # Stones are counted from the shutter towards which one walks: each hall is the same as the one before.
            hall = (8.0, HALL) if entering else (8.0 + HALL, -HALL)
            beyond = [(left, left + HALL * out, *hall), (other, other + HALL * out, *hall)]
            beyond.append((left + HALL * out, other + HALL * out, 8.0 + HALL, 2 * _WIDE))
            shutter = (left, other, 8.0 + HALL + (0 if entering else 2 * _WIDE), 2 * _WIDE)
    ordered = [shutter, *lines, *beyond]
    starts, ends = np.array([line[0] for line in ordered]), np.array([line[1] for line in ordered])
    columns, lengths = np.array([line[2:] for line in ordered]).T * _FINE
    return starts, ends - starts, columns, lengths


def draw_view(place: Place, eye: Eye, size: tuple[int, int]) -> np.ndarray:
    """What is seen: a fresh uint8 array (height, width, 3)."""
    height, width = size
    scale = focal(height, width)
    across = (np.arange(width) + 0.5 - width / 2) / scale
    rays = cast(place, eye, across)
    down = ((np.arange(height) + 0.5 - height / 2) / scale).astype(np.float32)[:, None]
    at_row = 1 - EYE + down * rays.depth.astype(np.float32)  # in units from the upper edge of the wall
    at_column = np.broadcast_to(rays.column.astype(np.float32), (height, width)).copy()
    _cover_by_shutter(rays, down, at_row, at_column)
    low = height // 2
    above, below = at_row[:low] < 0, at_row[low:] > 1
    walls, floor = _baked(place)
    at_row *= _FINE
    at_row -= 0.5
    at_column -= 0.5
    image = cv2.remap(walls, at_column, at_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cv2.copyTo(_ceiling(place.look, low, width), above.view(np.uint8), image[:low])
    first = int(below.any(axis=1).argmax())
    if below[first].any():
        ground = _ground(floor, eye, across, down[low + first :])
        cv2.copyTo(ground, below[first:].view(np.uint8), image[low + first :])
    return np.asarray(image)


def _cover_by_shutter(rays: Rays, down: np.ndarray, at_row: np.ndarray, at_column: np.ndarray) -> None:
    """Let the shutter hide what is behind it: changes where the texture is looked up, in place."""
    columns = np.flatnonzero(np.isfinite(rays.shutter))
    if not len(columns):
        return
    part = slice(int(columns[0]), int(columns[-1]) + 1)  # one piece: the shutter is convex and nothing is before it
    depth = rays.shutter[part].astype(np.float32)
    rows = int(np.count_nonzero(down <= max((EYE - rays.lower) / depth.min(), (EYE - rays.lower) / depth.max())))
    high = EYE - down[:rows] * depth
    hidden = high >= rays.lower
    # Drawn up, its pattern goes with it; the lintel above stays.
    pattern = 1 - np.where(high >= _HIGH, high, high - np.float32(rays.lower))
    np.copyto(at_row[:rows, part], pattern, where=hidden)
    np.copyto(at_column[:rows, part], rays.shutter_column[part].astype(np.float32), where=hidden)


def _ground(floor: np.ndarray, eye: Eye, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The lower rows of a picture with nothing but the floor: uint8 (rows, columns, 3)."""
    far, sideways = EYE / np.maximum(down, np.float32(1e-4)), across.astype(np.float32)
    x, y = eye.ahead
    at_x = far * ((x + sideways * y) * _COARSE) + ((eye.x + _REACH) * _COARSE - 0.5)
    at_y = far * ((sideways * x - y) * _COARSE) + ((_REACH + 1 - eye.y) * _COARSE - 0.5)
    return np.asarray(cv2.remap(floor, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@lru_cache(maxsize=8)
def _ceiling(look: str, height: int, width: int) -> np.ndarray:
    """The upper half of a picture with nothing but the ceiling, darker towards the horizon."""
    light = np.linspace(1.0, 0.72, height)[:, None, None]
    image = np.repeat((np.array(_SHADES[look].ceiling) * light).astype(np.uint8), width, axis=1)
    image.flags.writeable = False
    return image


@lru_cache(maxsize=12)
def _baked(place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Textures of a place: the atlas of its walls side by side, and its floor as seen from above."""
    shades, room = _SHADES[place.look], place.room
    color = LOOKS[place.look].shades[room.walls]
    names = TEXTURES[place.look]
    whole = _papered(names[room.texture % len(names)], color, 2.0, _FINE)
    hall = _papered(shades.hall_texture, shades.hall, HALL, _FINE)
    faces = []
    for name in _WALLS:
        face = cv2.convertScaleAbs(whole, alpha=_LIGHT[name])
        face[-_FINE // 20 :] = (228, 224, 216)
        face[:, :2] = face[:, -2:] = face[:, :2] // 2
        if name in ("entrance", place.exit):
            left = round((1 - _WIDE) * _FINE)
            _put_shutter(face[:, left : left + _SHUTTER], shades.shutter)
        if name == place.hangs:
            _hang(face, place)
        faces.append(face)
    from_hall, from_room = hall[:, :_SHUTTER].copy(), whole[:, :_SHUTTER].copy()
    _put_shutter(from_hall, shades.shutter)
    _put_shutter(from_room, shades.shutter)
    walls = np.concatenate([*faces, cv2.convertScaleAbs(hall, alpha=0.9), from_hall, from_room], axis=1)
    side = round(2 * _REACH * _COARSE)
    floor = _papered("carpet", shades.carpet, side / _COARSE, _COARSE, side)
    kind, paint = shades.floors[room.floor % len(shades.floors)]
    first, across = round((_REACH - 1) * _COARSE), 2 * _COARSE
    floor[first : first + across, first : first + across] = _papered(kind, paint, 2.0, _COARSE, across)
    return walls, floor


_SHUTTER = round(2 * _WIDE * _FINE)
"""Columns of a shutter in the atlas."""


def _papered(name: str, color: Color, length: float, fine: int, rows: int | None = None) -> np.ndarray:
    """A surface covered by a texture in a colour, two repeats a unit: uint8 (rows or `fine`, length * fine, 3)."""
    pattern = cv2.resize(texture(name), (fine // 2, fine // 2), interpolation=cv2.INTER_LINEAR)
    shades = np.arange(256)[:, None] * np.array(color) // 255
    tile = shades.astype(np.uint8)[pattern]
    rows, columns = rows or fine, round(length * fine)
    repeats = math.ceil(rows / len(tile)), math.ceil(columns / len(tile)), 1
    return np.ascontiguousarray(np.tile(tile, repeats)[:rows, :columns])


def _put_shutter(face: np.ndarray, color: Color) -> None:
    """Draw a closed shutter over all columns of a face, in place."""
    top = round((1 - _HIGH) * _FINE)
    slats = np.where(np.arange(_FINE - top) % 12 < 2, 0.7, 1.0)[:, None, None]
    face[top:] = (np.array(color) * slats).astype(np.uint8)
    edge = tuple(part // 2 for part in color)
    face[top : top + 4] = edge
    face[top:, :3] = face[top:, -3:] = edge


def _sign_columns(name: str, high: float) -> int:
    return text_width(name, round(high * 0.86 * _FINE), bold=True) + round(high * 0.3 * _FINE)


def _hang(face: np.ndarray, place: Place) -> None:
    """Draw sign and picture onto a face, in place."""
    boxes = hung(place)
    low, high = (round((1 - z) * _FINE) for z in boxes["sign"][:, 2])
    half = _sign_columns(place.room.name, place.sign) // 2
    cv2.rectangle(face, (_FINE - half, high), (_FINE + half, low), (24, 26, 30), -1)
    cv2.rectangle(face, (_FINE - half + 2, high + 2), (_FINE + half - 2, low - 2), (255, 255, 255), -1)
    draw_text(face, place.room.name, _FINE, (low + high) / 2, place.sign * 0.86 * _FINE, (16, 16, 20), bold=True)
    low, high = (round((1 - z) * _FINE) for z in boxes["picture"][:, 2])
    half, frame = (low - high) // 2, max(3, (low - high) // 16)
    cv2.rectangle(face, (_FINE - half, high), (_FINE + half, low), _FRAME, -1)
    cv2.rectangle(face, (_FINE - half + frame, high + frame), (_FINE + half - frame, low - frame), _PAPER, -1)
    thing = Thing(place.room.shape, place.room.color, 1000, 0, round(1000 * place.picture * 0.72))
    left, top, right, bottom = box_of(thing, _FINE)
    shift = (low + high) // 2 - (top + bottom) // 2
    draw_thing(face, thing, LOOKS[place.look], (left, top + shift, right, bottom + shift))
