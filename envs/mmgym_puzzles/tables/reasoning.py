"""Ids of the questions about drawn figures."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/Charts-v0",
        entry_point="mmgym_puzzles.reasoning.charts:Charts",
        family="reasoning",
        summary="Answer a question about a chart, with tools to look closer, to read axes and to compute.",
        tools=("answer", "compute", "crop", "read_axis", "zoom_out"),
    ),
    EnvironmentEntry(
        id="mmgym/GeometryMath-v0",
        entry_point="mmgym_puzzles.reasoning.geometry:GeometryMath",
        family="reasoning",
        summary="Find an angle, a length or an area in a drawn figure.",
        tools=("answer", "compute"),
    ),
    EnvironmentEntry(
        id="mmgym/Matrices-v0",
        entry_point="mmgym_puzzles.reasoning.matrices:Matrices",
        family="reasoning",
        summary="Find the panel that completes a matrix whose rows follow rules.",
        tools=("choose", "cross_out"),
    ),
)
