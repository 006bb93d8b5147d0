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
        id="mmgym/Maze2D-v0",
        entry_point="mmgym_puzzles.maze_2d:Maze2D",
        family="grid",
        summary="Walk through a maze seen from above to the goal, in fog from level 3 on.",
        tools=("move",),
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
