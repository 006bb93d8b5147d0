"""Puzzles on a grid. Only the table of ids: the environments are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin

__all__ = ["PLUGIN"]

PLUGIN = Plugin(
    name="puzzles",
    environments=(
        EnvironmentEntry(
            id="mmgym/FrozenLake-v0",
            entry_point="mmgym_puzzles.frozen_lake:FrozenLake",
            family="grid",
            summary="Cross a frozen lake to the goal without falling into a hole.",
            tools=("move",),
            presets=("vagen", "vagen_slippery", "two_holes", "many_holes"),
        ),
        EnvironmentEntry(
            id="mmgym/Sokoban-v0",
            entry_point="mmgym_puzzles.sokoban:Sokoban",
            family="grid",
            summary="Push every box onto a target.",
            tools=("move",),
            presets=("vagen", "vagen_two_boxes"),
        ),
    ),
)
