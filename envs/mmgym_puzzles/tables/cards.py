"""Ids of the games of cards and numbers."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/Blackjack-v0",
        entry_point="mmgym_puzzles.cards.blackjack:Blackjack",
        family="cards",
        summary="Win hands against the dealer.",
        tools=("hit", "stand"),
        presets=("rl4vlm",),
    ),
    EnvironmentEntry(
        id="mmgym/EZPoints-v0",
        entry_point="mmgym_puzzles.cards.ez_points:EZPoints",
        family="cards",
        summary="Make a target of all cards with plus and times.",
        tools=("clear", "submit", "undo", "write"),
        presets=("rl4vlm",),
    ),
    EnvironmentEntry(
        id="mmgym/NumberLine-v0",
        entry_point="mmgym_puzzles.cards.number_line:NumberLine",
        family="cards",
        summary="Step along a line of numbers to the target.",
        tools=("move",),
        presets=("rl4vlm",),
    ),
    EnvironmentEntry(
        id="mmgym/Points24-v0",
        entry_point="mmgym_puzzles.cards.points_24:Points24",
        family="cards",
        summary="Make 24, or another target, of all cards with the four operations.",
        tools=("clear", "submit", "undo", "write"),
        presets=("rl4vlm",),
    ),
)
