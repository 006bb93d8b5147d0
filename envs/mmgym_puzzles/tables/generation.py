"""Ids of the puzzles solved by writing code."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/Layout3D-v0",
        entry_point="mmgym_puzzles.generation.layout:Layout3D",
        family="generation",
        summary="Furnish a room so that everything that is asked for holds.",
        tools=("place", "remove", "submit"),
    ),
    EnvironmentEntry(
        id="mmgym/SVG-v0",
        entry_point="mmgym_puzzles.generation.svg:SVG",
        family="generation",
        summary="Write the SVG code of a picture.",
        tools=("draw",),
        image=(224, 448),
    ),
)
