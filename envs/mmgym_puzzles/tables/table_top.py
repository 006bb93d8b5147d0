"""Ids of the tasks of a robot at a table."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/TableAlign-v0",
        entry_point="mmgym_puzzles.table_top.align:Align",
        family="table_top",
        summary="Set cubes side by side in a row with a robot's gripper, real physics.",
        tools=("pick", "place", "push"),
        presets=("vagen",),
    ),
    EnvironmentEntry(
        id="mmgym/TableDeltas-v0",
        entry_point="mmgym_puzzles.table_top.place_deltas:PlaceDeltas",
        family="table_top",
        summary="Put things on mats with a robot's gripper that moves by millimetres, real physics.",
        tools=("grip", "move"),
    ),
    EnvironmentEntry(
        id="mmgym/TableDrawer-v0",
        entry_point="mmgym_puzzles.table_top.drawer:Drawer",
        family="table_top",
        summary="Put things in a drawer and close it with a robot's gripper, real physics.",
        tools=("pick", "place", "push"),
        presets=("vagen",),
    ),
    EnvironmentEntry(
        id="mmgym/TablePlace-v0",
        entry_point="mmgym_puzzles.table_top.place:Place",
        family="table_top",
        summary="Put things on mats with a robot's gripper, real physics.",
        tools=("pick", "place", "push"),
        presets=("vagen",),
    ),
    EnvironmentEntry(
        id="mmgym/TableStack-v0",
        entry_point="mmgym_puzzles.table_top.stack:Stack",
        family="table_top",
        summary="Stack cubes in a given order with a robot's gripper, real physics.",
        tools=("pick", "place", "push"),
        presets=("vagen",),
    ),
)
