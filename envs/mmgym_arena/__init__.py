"""Games for several agents that see. Only the table of ids: the games are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin, Suite, SuiteEntry
from mmgym_arena.tables import GAMES

__all__ = ["PLUGIN"]

_ENTRIES = tuple(
    EnvironmentEntry(
        id=f"mmgym/{name}-v0",
        entry_point=f"mmgym_arena.seats:{name}",
        family="arena",
        summary=game.summary,
        tools=game.tools,
        levels=3,
    )
    for name, game in GAMES.items()
)

PLUGIN = Plugin(
    name="arena",
    environments=_ENTRIES,
    suites=(
        Suite(
            "arena", 1, tuple(SuiteEntry(entry.id, (1, 2, 3), episodes=30) for entry in _ENTRIES), "games for several"
        ),
        Suite("full", 1, tuple(SuiteEntry(entry.id, (1, 2, 3), episodes=50) for entry in _ENTRIES)),
    ),
)
