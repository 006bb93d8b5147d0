"""Ids of the puzzles on a grid."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/BlocksWorld-v0",
        entry_point="mmgym_puzzles.blocks_world:BlocksWorld",
        family="grid",
        summary="Stack lettered blocks as the goal, which is only drawn, shows.",
        tools=("move",),
    ),
    EnvironmentEntry(
        id="mmgym/FrozenLake-v0",
        entry_point="mmgym_puzzles.frozen_lake:FrozenLake",
        family="grid",
        summary="Cross a frozen lake to the goal without falling into a hole.",
        tools=("move",),
        presets=("vagen", "vagen_slippery", "two_holes", "many_holes"),
    ),
    EnvironmentEntry(
        id="mmgym/Klotski-v0",
        entry_point="mmgym_puzzles.klotski:Klotski",
        family="grid",
        summary="Slide blocks of several sizes out of the way of the red one.",
        tools=("slide",),
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
        id="mmgym/SlidingTiles-v0",
        entry_point="mmgym_puzzles.sliding_tiles:SlidingTiles",
        family="grid",
        summary="Slide the tiles until they are in order: the 8-puzzle and the 15-puzzle.",
        tools=("slide",),
        presets=("picture",),
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
