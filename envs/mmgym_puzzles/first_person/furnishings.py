"""What stands in the rooms of RoomNav: kinds of furniture with their sizes, colours, and words for them."""

from __future__ import annotations

from typing import NamedTuple

from mmgym.draw import Color

__all__ = ["COLORS", "KINDS", "LOOKS", "Kind", "named"]

LOOKS = ("usual", "ood")
"""Names of the two looks: each has kinds, colours, walls and floors of its own."""


class Kind(NamedTuple):
    """A kind of furniture, in centimetres."""

    width: int
    """Along its front."""
    depth: int
    """From front to back."""
    height: int
    use: str
    """What it is, said by its use: what follows "Go to"."""
    low: int = 0
    """How far above the floor the body begins that one sees and that hides other things: a table's top, a shade."""
    at_wall: bool = True
    """Whether it stands with its back to a wall; else it may stand anywhere."""


KINDS: dict[str, dict[str, Kind]] = {
    "usual": {
        "chair": Kind(46, 48, 92, "what one person sits on", at_wall=False),
        "table": Kind(120, 75, 74, "what one eats at", 64, at_wall=False),
        "sofa": Kind(180, 85, 82, "what two people sit on side by side"),
        "bed": Kind(140, 200, 50, "what one sleeps in"),
        "lamp": Kind(44, 44, 165, "what gives light", 112),
        "plant": Kind(52, 52, 125, "what needs water to grow"),
        "shelf": Kind(90, 34, 190, "what books are kept in"),
        "fridge": Kind(66, 66, 178, "what keeps food cold"),
    },
    "ood": {
        "stool": Kind(42, 42, 50, "what one sits on that has no back", at_wall=False),
        "desk": Kind(130, 65, 75, "what one writes at"),
        "armchair": Kind(85, 85, 85, "what one person rests in", at_wall=False),
        "wardrobe": Kind(130, 58, 200, "what clothes are kept in"),
        "piano": Kind(146, 60, 122, "what makes music"),
        "bathtub": Kind(170, 75, 58, "what one bathes in"),
        "stove": Kind(60, 60, 90, "what one cooks on"),
        "clock": Kind(46, 32, 200, "what shows the time"),
    },
}
"""Kinds by look and name."""

COLORS: dict[str, dict[str, Color]] = {
    "usual": {
        "red": (222, 44, 40),
        "blue": (44, 92, 224),
        "green": (36, 160, 70),
        "yellow": (248, 206, 40),
        "white": (250, 250, 250),
        "purple": (146, 62, 190),
    },
    "ood": {
        "orange": (250, 132, 24),
        "pink": (248, 120, 186),
        "turquoise": (30, 186, 190),
        "black": (46, 46, 52),
        "brown": (122, 72, 36),
        "grey": (150, 154, 162),
    },
}
"""Colours by look and name."""


def named(look: str, kind: int, color: int | None = None) -> str:
    """A piece in words, with its colour or without: a plant's is that of its pot."""
    name = list(KINDS[look])[kind]
    if color is None:
        return name
    said = list(COLORS[look])[color]
    return f"plant in the {said} pot" if name == "plant" else f"{said} {name}"
