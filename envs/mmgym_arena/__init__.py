"""Games for several agents that see. Only the table of ids: the games are imported when they are made.

A new game is an entry here, its rules, and its page in `mmgym_arena.seats`.
"""

from typing import NamedTuple

from mmgym.registry import EnvironmentEntry, Plugin, Suite, SuiteEntry

__all__ = ["GAMES", "PLUGIN", "RULES", "Entry"]


class Entry(NamedTuple):
    """One game."""

    rules: str
    """Where its rules are, ``module:Class``."""
    summary: str
    """One line for ``mmgym list``."""
    tools: tuple[str, ...]
    """Tools of the seat that the single-agent view takes by itself."""


GAMES: dict[str, Entry] = {
    "Breakthrough": Entry(
        "mmgym_arena.boards.breakthrough:Breakthrough",
        "Bring one piece to the far side of the board before the other player does.",
        ("move",),
    ),
    "CoinDilemma": Entry(
        "mmgym_arena.worlds.coin_dilemma:CoinDilemma",
        "Collect coins beside another robot, whose coins you could take.",
        ("move",),
    ),
    "ConnectFour": Entry(
        "mmgym_arena.boards.connect_four:ConnectFour",
        "Drop pieces into columns and be the first with four in a row.",
        ("drop",),
    ),
    "GuideWalker": Entry(
        "mmgym_arena.worlds.guide_walker:GuideWalker",
        "Guide a walker through a maze that it cannot see, or walk as you are told.",
        ("tell",),
    ),
    "Harvest": Entry(
        "mmgym_arena.worlds.harvest:Harvest",
        "Pick apples beside another picker, and leave enough for more to grow.",
        ("move",),
    ),
    "Hex": Entry(
        "mmgym_arena.boards.hex:Hex",
        "Join your two sides of a board of hexagons.",
        ("place",),
    ),
    "KuhnPoker": Entry(
        "mmgym_arena.cards.kuhn_poker:KuhnPoker",
        "Play the smallest poker: three cards, one bet.",
        ("bet", "call", "check", "fold"),
    ),
    "RockPaperScissors": Entry(
        "mmgym_arena.cards.rock_paper_scissors:RockPaperScissors",
        "Win more rounds of rock, paper, scissors than the other player.",
        ("show",),
    ),
    "TicTacToe": Entry(
        "mmgym_arena.boards.tic_tac_toe:TicTacToe",
        "Get three in a row.",
        ("place",),
    ),
    "TwoRooms": Entry(
        "mmgym_arena.worlds.two_rooms:TwoRooms",
        "Send the other robot the boxes that it needs, or say which.",
        ("move", "put", "say"),
    ),
}
"""The games by name: ``mmgym/<name>-v0`` is the id with Gymnasium (one seat) and with PettingZoo."""

RULES: dict[str, str] = {name: entry.rules for name, entry in GAMES.items()}
"""``module:Class`` of the rules by name."""

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
