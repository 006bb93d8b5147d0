"""What a call points at in a picture: a place, a way from one place to another, or a box, so that it can be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Pointer", "pointers"]

_EDGES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Pointer:
    """A place in a picture, in shares of its width and height, from 0 to 1."""

    kind: Literal["point", "arrow", "box"]
    at: tuple[float, ...]
    """(x, y) of a point, (x, y, to x, to y) of an arrow, (left, top, right, bottom) of a box."""
    image: int | None = None
    """Number of the picture among all that the episode has shown, from 0; None is the one shown last."""

    def as_dict(self) -> dict[str, Any]:
        """The plain form; `Pointer(**plain)` is its inverse, but for lists in place of tuples."""
        return {"kind": self.kind, "at": list(self.at), "image": self.image}


def pointers(
    arguments: Mapping[str, Any], width: float, height: float, image: int | None = None
) -> tuple[Pointer, ...]:
    """What the arguments of a call point at, by the names that tools here use.

    These are x and y; x, y, to_x and to_y; and left, top, right and bottom. Others point at nothing.

    Args:
        arguments: of the call.
        width: of the picture, in the unit of the arguments.
        height: the same.
        image: which picture, as in `Pointer`.
    """
    if all(name in arguments for name in _EDGES):
        left, top, right, bottom = (arguments[name] for name in _EDGES)
        return (Pointer("box", (left / width, top / height, right / width, bottom / height), image),)
    if "x" not in arguments or "y" not in arguments:
        return ()
    start = (arguments["x"] / width, arguments["y"] / height)
    if "to_x" in arguments and "to_y" in arguments:
        return (Pointer("arrow", (*start, arguments["to_x"] / width, arguments["to_y"] / height), image),)
    return (Pointer("point", start, image),)
