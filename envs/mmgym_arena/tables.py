"""Names of the games, and where their rules are."""

from __future__ import annotations

__all__ = ["RULES"]

RULES: dict[str, str] = {
    "Breakthrough": "mmgym_arena.boards.breakthrough:Breakthrough",
    "CoinDilemma": "mmgym_arena.worlds.coin_dilemma:CoinDilemma",
    "ConnectFour": "mmgym_arena.boards.connect_four:ConnectFour",
    "GuideWalker": "mmgym_arena.worlds.guide_walker:GuideWalker",
    "Harvest": "mmgym_arena.worlds.harvest:Harvest",
    "Hex": "mmgym_arena.boards.hex:Hex",
    "KuhnPoker": "mmgym_arena.cards.kuhn_poker:KuhnPoker",
    "RockPaperScissors": "mmgym_arena.cards.rock_paper_scissors:RockPaperScissors",
    "TicTacToe": "mmgym_arena.boards.tic_tac_toe:TicTacToe",
    "TwoRooms": "mmgym_arena.worlds.two_rooms:TwoRooms",
}
"""``module:Class`` of the rules by name.

``mmgym/<name>-v0`` is the id with Gymnasium (one seat) and with PettingZoo.
"""
