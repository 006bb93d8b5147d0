"""Ids of the environments seen by one who walks in them."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/Maze3D-v0",
        entry_point="mmgym_puzzles.first_person.maze_3d:Maze3D",
        family="first_person",
        summary="Find the red ball in a maze seen through the eyes of one who walks in it.",
        tools=("forward", "rotate"),
    ),
    EnvironmentEntry(
        id="mmgym/RoomNav-v0",
        entry_point="mmgym_puzzles.first_person.room_nav:RoomNav",
        family="first_person",
        summary="Walk through furnished rooms, seen from within, to the thing that is described.",
        tools=("move", "rotate", "stop", "tilt"),
        presets=("eb_navigation", "vagen"),
    ),
)
