"""Games for several agents that see. Only the table of ids: the games are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin, Suite, SuiteEntry

__all__ = ["PLUGIN"]

_ABOUT = {
    "Breakthrough": ("Bring one piece to the far side of the board before the other player does.", ("move",)),
    "CoinDilemma": ("Collect coins beside another robot, whose coins you could take.", ("move",)),
    "ConnectFour": ("Drop pieces into columns and be the first with four in a row.", ("drop",)),
    "GuideWalker": ("Guide a walker through a maze that it cannot see, or walk as you are told.", ("tell",)),
    "Harvest": ("Pick apples beside another picker, and leave enough for more to grow.", ("move",)),
    "Hex": ("Join your two sides of a board of hexagons.", ("place",)),
    "KuhnPoker": ("Play the smallest poker: three cards, one bet.", ("bet", "call", "check", "fold")),
    "RockPaperScissors": ("Win more rounds of rock, paper, scissors than the other player.", ("show",)),
    "TicTacToe": ("Get three in a row.", ("place",)),
    "TwoRooms": ("Send the other robot the boxes that it needs, or say which.", ("move", "put", "say")),
}

_ENTRIES = tuple(
    EnvironmentEntry(
        id=f"mmgym/{name}-v0",
        entry_point=f"mmgym_arena.seats:{name}",
        family="arena",
        summary=summary,
        tools=tools,
        levels=3,
    )
    for name, (summary, tools) in _ABOUT.items()
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
