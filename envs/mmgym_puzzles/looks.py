"""How the puzzles look: every tile's shapes in two palettes, one for the usual splits and one for ``ood`` alone.

Each thing differs from the others in brightness, hue and outline, so that it stays recognisable at a few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmgym.draw import Color, Shape, TileSet, disc, polygon, rectangle

__all__ = ["LAKE", "LAMPS", "LOOKS", "ROOM"]

LOOKS = ("usual", "ood")
"""Names of the two looks."""


@dataclass(frozen=True)
class _Person:
    skin: Color
    coat: Color
    legs: Color

    def standing(self) -> list[Shape]:
        return [
            rectangle(0.34, 0.70, 0.46, 0.92, self.legs),
            rectangle(0.54, 0.70, 0.66, 0.92, self.legs),
            polygon([(0.36, 0.38), (0.64, 0.38), (0.80, 0.76), (0.20, 0.76)], self.coat),
            disc(0.5, 0.26, 0.17, self.skin),
            polygon([(0.31, 0.24), (0.35, 0.10), (0.5, 0.05), (0.65, 0.10), (0.69, 0.24)], self.legs),
        ]

    def sunk(self) -> list[Shape]:
        return [
            polygon([(0.38, 0.56), (0.62, 0.56), (0.70, 0.72), (0.30, 0.72)], self.coat),
            disc(0.5, 0.45, 0.16, self.skin),
            polygon([(0.32, 0.43), (0.36, 0.30), (0.5, 0.25), (0.64, 0.30), (0.68, 0.43)], self.legs),
            rectangle(0.12, 0.40, 0.26, 0.48, self.coat),
            rectangle(0.74, 0.40, 0.88, 0.48, self.coat),
        ]


def _lake(
    ice: Color, line: Color, shine: Color, rim: Color, hole: Color, pad: Color, flag: Color, person: _Person
) -> TileSet:
    floor = [rectangle(0, 0, 1, 1, line), rectangle(0.02, 0.02, 0.98, 0.98, ice)]
    shines = [
        polygon([(0.12, 0.26), (0.26, 0.12), (0.31, 0.12), (0.12, 0.31)], shine),
        polygon([(0.66, 0.90), (0.90, 0.66), (0.90, 0.71), (0.71, 0.90)], shine),
    ]
    opening = [disc(0.5, 0.5, 0.43, rim), disc(0.5, 0.5, 0.37, hole)]
    target = [floor[0], rectangle(0.02, 0.02, 0.98, 0.98, pad)]
    pole = rectangle(0.26, 0.12, 0.34, 0.90, person.legs)
    cloth = polygon([(0.34, 0.12), (0.86, 0.30), (0.34, 0.50)], flag)
    return TileSet(
        {
            "ice": floor + shines,
            "hole": floor + opening,
            "goal": [*target, pole, cloth],
            "agent": floor + shines + person.standing(),
            "agent in hole": floor + opening + person.sunk(),
            "agent at goal": [*target, pole, cloth, *person.standing()],
        }
    )


def _room(
    floor: Color,
    line: Color,
    brick: Color,
    mortar: Color,
    mark: Color,
    wood: Color,
    edge: Color,
    stored: Color,
    stored_edge: Color,
    person: _Person,
) -> TileSet:
    ground = [rectangle(0, 0, 1, 1, line), rectangle(0.02, 0.02, 0.98, 0.98, floor)]
    # A course of bricks reaches the tile's sides, so that neighbouring walls join.
    even, odd = (0.0, 0.48, 0.52, 1.0), (0.0, 0.23, 0.27, 0.73, 0.77, 1.0)
    courses = [(0.0, even), (0.35, odd), (0.70, even)]
    bricks = [
        rectangle(cuts[k], top, cuts[k + 1], top + 0.30, brick) for top, cuts in courses for k in range(0, len(cuts), 2)
    ]
    frame = [rectangle(0.02, 0.02, 0.98, 0.98, mark), rectangle(0.13, 0.13, 0.87, 0.87, floor)]
    ring = [disc(0.5, 0.5, 0.38, mark), disc(0.5, 0.5, 0.27, floor), disc(0.5, 0.5, 0.13, mark)]

    def crate(face: Color, frame: Color) -> list[Shape]:
        return [
            rectangle(0.08, 0.08, 0.92, 0.92, frame),
            rectangle(0.19, 0.19, 0.81, 0.81, face),
            polygon([(0.19, 0.19), (0.30, 0.19), (0.81, 0.70), (0.81, 0.81), (0.70, 0.81), (0.19, 0.30)], frame),
            polygon([(0.81, 0.19), (0.81, 0.30), (0.30, 0.81), (0.19, 0.81), (0.19, 0.70), (0.70, 0.19)], frame),
        ]

    return TileSet(
        {
            "floor": ground,
            "wall": [rectangle(0, 0, 1, 1, mortar), *bricks],
            "target": ground + ring,
            "box": ground + crate(wood, edge),
            "stored": ground + crate(stored, stored_edge),
            "agent": ground + person.standing(),
            "agent on target": ground + frame + person.standing(),
        }
    )


def _lamps(board: Color, line: Color, rim: Color, dark: Color, lit: Color, shine: Color) -> TileSet:
    field = [rectangle(0, 0, 1, 1, line), rectangle(0.02, 0.02, 0.98, 0.98, board), disc(0.5, 0.5, 0.38, rim)]
    return TileSet(
        {
            "gap": [rectangle(0, 0, 1, 1, line)],
            "dark": [*field, disc(0.5, 0.5, 0.32, dark)],
            "lit": [*field, disc(0.5, 0.5, 0.35, lit), disc(0.42, 0.40, 0.14, shine)],
        }
    )


LAKE = {
    "usual": _lake(
        ice=(222, 238, 248), line=(168, 196, 216), shine=(246, 252, 255), rim=(120, 160, 190), hole=(12, 22, 44),
        pad=(190, 236, 178), flag=(22, 140, 50),
        person=_Person(skin=(250, 206, 160), coat=(220, 40, 40), legs=(70, 30, 30)),
    ),
    "ood": _lake(
        ice=(206, 178, 226), line=(150, 116, 180), shine=(224, 204, 240), rim=(120, 84, 40), hole=(62, 36, 8),
        pad=(255, 222, 120), flag=(210, 90, 0),
        person=_Person(skin=(236, 188, 150), coat=(20, 110, 200), legs=(16, 30, 80)),
    ),
}  # fmt: skip
"""Tiles of the frozen lake, by look."""

ROOM = {
    "usual": _room(
        floor=(236, 230, 216), line=(206, 198, 180), brick=(112, 78, 70), mortar=(70, 48, 46), mark=(208, 44, 60),
        wood=(226, 170, 84), edge=(150, 96, 34), stored=(96, 190, 96), stored_edge=(24, 110, 44),
        person=_Person(skin=(250, 206, 160), coat=(36, 92, 214), legs=(24, 32, 72)),
    ),
    "ood": _room(
        floor=(52, 64, 86), line=(40, 50, 70), brick=(150, 170, 190), mortar=(104, 122, 146), mark=(240, 200, 60),
        wood=(214, 120, 160), edge=(140, 40, 92), stored=(90, 210, 220), stored_edge=(16, 124, 150),
        person=_Person(skin=(236, 188, 150), coat=(240, 120, 30), legs=(250, 236, 210)),
    ),
}  # fmt: skip
"""Tiles of the Sokoban room, by look."""

LAMPS = {
    "usual": _lamps(
        board=(60, 64, 84), line=(40, 42, 56), rim=(30, 32, 44), dark=(84, 90, 112), lit=(255, 206, 60),
        shine=(255, 246, 200),
    ),
    "ood": _lamps(
        board=(226, 220, 206), line=(190, 180, 160), rim=(110, 96, 80), dark=(164, 150, 130), lit=(230, 40, 70),
        shine=(255, 180, 190),
    ),
}  # fmt: skip
"""Tiles of the board of lamps, by look."""
