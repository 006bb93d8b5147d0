"""Puzzles in which an agent points at the picture: units of coordinates, as in the web environments."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from mmgym.env import choose
from mmgym.pointing import Pointer, pointers
from mmgym.spaces import Parameter, Tool, ToolCall
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.perception.scenes import Scene, Thing, box_of

__all__ = ["COORDINATES", "PointingPuzzle", "from_json", "to_json", "tuples"]

COORDINATES = ("pixels", "thousandths")
"""Units of coordinates: pixels of the picture, or 0 to 1000 of its width and height as Qwen3-VL speaks."""

_POINTS = ("x", "y")
_EDGES = ("left", "top", "right", "bottom")


class PointingPuzzle(AskedPuzzle):
    """An `AskedPuzzle` whose tools take places in the picture, named x and y, or left, top, right and bottom.

    Args:
        coordinates: ``pixels`` of the picture, or ``thousandths`` of its width and height.
        **arguments: those of `Puzzle`.
    """

    def __init__(self, *, coordinates: str = "pixels", **arguments: Any) -> None:
        self.coordinates = choose("coordinates", coordinates, COORDINATES)
        super().__init__(**arguments)

    def _tools(self) -> list[Tool]:
        whole = self.coordinates == "thousandths"

        def narrowed(parameter: Parameter) -> Parameter:
            if parameter.name in _POINTS:
                return replace(parameter, high=1000 if whole else self.image_size - 1)
            return (
                replace(parameter, high=1000 if whole else self.image_size) if parameter.name in _EDGES else parameter
            )

        return [replace(t, parameters=tuple(map(narrowed, t.parameters))) for t in super()._tools()]

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """The place or the box that a call names."""
        whole = self.image_size if self.coordinates == "pixels" else 1000
        return pointers(call.arguments, whole, whole)

    def _pixel(self, value: int) -> int:
        """The pixel at a coordinate that an agent named."""
        return (
            value if self.coordinates == "pixels" else min(round(value * self.image_size / 1000), self.image_size - 1)
        )

    def _edge(self, value: int) -> float:
        """The edge at a coordinate that an agent named, in pixels."""
        return value if self.coordinates == "pixels" else value * self.image_size / 1000

    def _name(self, pixel: float) -> int:
        """The coordinate, as an agent names it, of a pixel or an edge."""
        return round(pixel) if self.coordinates == "pixels" else round(1000 * pixel / self.image_size)

    def _lines(self, scene: Scene) -> list[str]:
        """The text twin of a scene: each thing's colour, shape and box, from the lowest to the topmost."""
        lines = []
        for thing in scene:
            left, top, right, bottom = map(self._name, box_of(thing, self.image_size))
            lines.append(f"{thing.name}: left={left} top={top} right={right} bottom={bottom}")
        return lines


def to_json(scene: Scene) -> list[dict[str, Any]]:
    """A scene as JSON-able values."""
    return [asdict(thing) for thing in scene]


def from_json(things: list[dict[str, Any]]) -> Scene:
    """The inverse of `to_json`."""
    return tuple(Thing(**thing) for thing in things)


def tuples(value: Any) -> Any:
    """Lists as tuples, at every depth: JSON has no tuples."""
    return tuple(map(tuples, value)) if isinstance(value, (list, tuple)) else value
