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
)
