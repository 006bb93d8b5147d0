"""Ids of the puzzles of mental imagery."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/Jigsaw-v0",
        entry_point="mmgym_puzzles.imagery.jigsaw:Jigsaw",
        family="imagery",
        summary="Put a picture together again whose square pieces were swapped and turned.",
        tools=("rotate", "swap"),
        presets=("visgym_easy", "visgym_hard"),
    ),
    EnvironmentEntry(
        id="mmgym/Matchstick-v0",
        entry_point="mmgym_puzzles.imagery.matchstick:Matchstick",
        family="imagery",
        summary="Move match sticks so that an equation holds.",
        tools=("move", "undo"),
        presets=("visgym_easy", "visgym_hard"),
    ),
    EnvironmentEntry(
        id="mmgym/MentalRotation2D-v0",
        entry_point="mmgym_puzzles.imagery.mental_rotation_2d:MentalRotation2D",
        family="imagery",
        summary="Turn, and perhaps flip, a copy of a picture until it lies like the target.",
        tools=("flip", "rotate", "submit"),
        presets=("visgym_easy", "visgym_hard"),
    ),
    EnvironmentEntry(
        id="mmgym/MentalRotation3D-v0",
        entry_point="mmgym_puzzles.imagery.mental_rotation_3d:MentalRotation3D",
        family="imagery",
        summary="Find the figure of cubes that is the target, and turn it in space until it stands like it.",
        tools=("choose", "rotate", "submit"),
        presets=("visgym_easy", "visgym_hard"),
    ),
    EnvironmentEntry(
        id="mmgym/PatchReassembly-v0",
        entry_point="mmgym_puzzles.imagery.patch_reassembly:PatchReassembly",
        family="imagery",
        summary="Fill an empty frame exactly with pieces of unequal shapes.",
        tools=("lift", "place"),
        presets=("visgym_easy", "visgym_hard"),
    ),
)
