"""Search in games of two seats that move in turn and see everything: exact where the game is small, deep where not."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, Protocol

__all__ = ["Position", "Table", "best_moves", "value"]


class Position(Protocol):
    """What search needs of a game."""

    def moves(self, position: Any, /) -> list[Any]:
        """Moves of the seat that moves, likely good ones first; none when the game is over."""
        ...

    def after(self, position: Any, move: Any, /) -> Any:
        """The position after a move; the other seat moves then."""
        ...

    def worth(self, position: Any, /) -> float | None:
        """For the seat that moves: 1 won, 0 drawn, -1 lost; None when the game is not over."""
        ...

    def guess(self, position: Any, /) -> float:
        """For the seat that moves, between -1 and 1, where the search ends before the game does."""
        ...


Table = dict[tuple[Hashable, float], tuple[float, float]]
"""For positions and depths: a lower and an upper bound of the value."""
_SAME = 1e-9
_HASTE = 1e-3
"""What a win is worth less with each move that it takes: of two wins the sooner is taken, of two losses the later."""


def value(game: Position, position: Hashable, depth: float = math.inf) -> float:
    """What a position is worth to the seat that moves, by negamax with alpha-beta pruning.

    Args:
        game: the rules.
        position: where to begin.
        depth: moves to look ahead; infinite to the end.
    """
    return _value(game, position, depth, -2.0, 2.0, {})


def best_moves(game: Position, position: Hashable, depth: float = math.inf, table: Table | None = None) -> list[Any]:
    """The moves that are worth most, in the order of `Position.moves`.

    Args:
        game: the rules.
        position: where to begin.
        depth: moves to look ahead; infinite to the end.
        table: what earlier searches found, for this one to use and add to.
    """
    table = {} if table is None else table
    best = -2.0
    moves: list[Any] = []
    for move in game.moves(position):
        after = game.after(position, move)
        worth = _hastened(-_value(game, after, depth - 1, -2.0, -best + _HASTE + _SAME, table))
        if worth > best + _SAME:
            best, moves = worth, []
        if worth > best - _SAME:
            moves.append(move)
    return moves


def _hastened(worth: float) -> float:
    return worth - _HASTE if worth > 0.5 else worth + _HASTE if worth < -0.5 else worth


def _value(game: Position, position: Hashable, depth: float, alpha: float, beta: float, table: Table) -> float:
    over = game.worth(position)
    if over is not None:
        return over
    if depth <= 0:
        return game.guess(position)
    low, high = table.get((position, depth), (-2.0, 2.0))
    if low >= beta or low == high:
        return low
    if high <= alpha:
        return high
    lower, upper, best = max(alpha, low), min(beta, high), -2.0
    bound = lower
    for move in game.moves(position):
        worth = _hastened(-_value(game, game.after(position, move), depth - 1, -upper - _HASTE, -bound + _HASTE, table))
        best = max(best, worth)
        bound = max(bound, worth)
        if bound >= upper:
            break
    if best <= lower:
        table[position, depth] = (low, best)
    elif best >= upper:
        table[position, depth] = (best, high)
    else:
        table[position, depth] = (best, best)
    return best
