"""What the puzzles add to suites: all of them, a selection, and the subsets that published work is compared on."""

from __future__ import annotations

from collections.abc import Sequence

from mmgym.registry import EnvironmentEntry, Suite, SuiteEntry

__all__ = ["suites"]

_CORE = (
    *("FrozenLake", "Sokoban", "Maze2D", "SlidingTiles", "Jigsaw", "Counting", "ColorMatch", "MentalRotation2D"),
    *("Charts", "GeometryMath", "Points24", "Maze3D", "RoomNav", "TablePlace"),
)


def suites(entries: Sequence[EnvironmentEntry]) -> tuple[Suite, ...]:
    """The suites of some environments.

    Args:
        entries: the puzzles.
    """
    ids = [entry.id for entry in entries]
    core = [f"mmgym/{name}-v0" for name in _CORE]
    all_levels = {entry.id: tuple(range(1, entry.levels + 1)) for entry in entries}
    return (
        Suite("smoke", 1, tuple(SuiteEntry(id, (1,), episodes=4) for id in core[:2]), "seconds: does it work"),
        Suite(
            "core",
            1,
            tuple(SuiteEntry(id, (1, 3), episodes=25) for id in core),
            "some of each family",
        ),
        Suite("puzzles", 1, tuple(SuiteEntry(id, (1, 3, 5), episodes=20) for id in ids), "every puzzle"),
        Suite("full", 1, tuple(SuiteEntry(id, all_levels[id], episodes=50) for id in ids), "everything, every level"),
        *(
            Suite(name, 1, _presets(entries, name), f"the puzzles with the settings of {title}")
            for name, title in (("vagen", "VAGEN"), ("visgym", "VisGym"), ("rl4vlm", "RL4VLM"))
        ),
    )


def _presets(entries: Sequence[EnvironmentEntry], name: str) -> tuple[SuiteEntry, ...]:
    return tuple(
        SuiteEntry(entry.id, kwargs={"preset": preset})
        for entry in entries
        for preset in entry.presets
        if preset.split("_")[0] == name
    )
