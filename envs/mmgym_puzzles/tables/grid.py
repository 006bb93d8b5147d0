"""Ids of the puzzles on a grid."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/FrozenLake-v0",
        entry_point="mmgym_puzzles.frozen_lake:FrozenLake",
        family="grid",
        summary="Cross a frozen lake to the goal without falling into a hole.",
        tools=("move",),
        presets=("vagen", "vagen_slippery", "two_holes", "many_holes"),
    ),
    EnvironmentEntry(
        id="mmgym/LightsOut-v0",
        entry_point="mmgym_puzzles.lights_out:LightsOut",
        family="grid",
        summary="Switch off every lamp, where each switch works on its neighbors too.",
        tools=("press",),
    ),
    EnvironmentEntry(
        id="mmgym/Sokoban-v0",
        entry_point="mmgym_puzzles.sokoban:Sokoban",
        family="grid",
        summary="Push every box onto a target.",
        tools=("move",),
        presets=("vagen", "vagen_two_boxes"),
    ),
)
