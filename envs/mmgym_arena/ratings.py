"""Who plays better: ratings on Elo's scale with intervals, and the matrix of everybody against everybody.

Ratings are the maximum-likelihood strengths of the Bradley-Terry model (Hunter 2004), a draw half a win to both: unlike
Elo's running update they do not depend on the order of matches. They are given around 1500; 400 points are odds of ten
to one. A prior of half a win and half a loss of each player against an average one keeps those finite that won or lost
everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmgym_arena.game import Game
from mmgym_arena.match import Match
from mmgym_arena.seat import Player

__all__ = ["Meeting", "Rating", "cross_play", "play_match", "ratings"]

_SCALE = 400 / math.log(10)
_STEPS = 10_000


@dataclass(frozen=True)
class Meeting:
    """A match of two players."""

    first: str
    second: str
    result: float
    """1 the first won, 0.5 drawn, 0 the second won."""


@dataclass(frozen=True)
class Rating:
    """How strong a player is."""

    value: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    matches: int


def ratings(meetings: Sequence[Meeting], seed: int = 0, draws: int = 200) -> dict[str, Rating]:
    """Ratings of all players, the best first.

    Args:
        meetings: matches.
        seed: of the bootstrap.
        draws: how often matches are drawn again, for the intervals.

    Raises:
        ValueError: without matches, for a result that is none, or a player who meets itself.
    """
    if not meetings:
        raise ValueError("ratings need at least one match")
    for meeting in meetings:
        if meeting.result not in (0, 0.5, 1) or meeting.first == meeting.second:
            raise ValueError(f"a match has two players and the result 0, 0.5 or 1; got {meeting}")
    names = sorted({name for meeting in meetings for name in (meeting.first, meeting.second)})
    place = {name: number for number, name in enumerate(names)}
    played = np.array([[place[m.first], place[m.second], m.result] for m in meetings])
    values = _strengths(played, len(names))
    rng = np.random.default_rng(seed)
    again = [_strengths(played[rng.integers(len(played), size=len(played))], len(names)) for _ in range(draws)]
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    counts = np.bincount(played[:, :2].astype(int).ravel(), minlength=len(names))
    found = {name: Rating(float(values[k]), float(low[k]), float(high[k]), int(counts[k])) for name, k in place.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].value))


def _strengths(played: np.ndarray, players: int) -> np.ndarray:
    """Maximum-likelihood ratings by minorisation and maximisation; the last player is the average one of the prior."""
    wins = np.full((players + 1, players + 1), 0.0)
    wins[:players, players] = wins[players, :players] = 0.5
    first, second = played[:, 0].astype(int), played[:, 1].astype(int)
    np.add.at(wins, (first, second), played[:, 2])
    np.add.at(wins, (second, first), 1 - played[:, 2])
    matches, won = wins + wins.T, wins.sum(axis=1)
    strength = np.ones(players + 1)
    for _ in range(_STEPS):
        new = won / (matches / (strength[:, None] + strength[None, :])).sum(axis=1)
        new /= new[players]
        if np.abs(np.log(new / strength)).max() < 1e-10:
            break
        strength = new
    found: np.ndarray = 1500 + _SCALE * np.log(new[:players])
    return found


def play_match(game: Game, players: Sequence[Player], rng: np.random.Generator) -> Match:
    """A match to its end.

    Args:
        game: the rules.
        players: one for each seat.
        rng: draws the first state, and what players draw.
    """
    match = Match.begin(game, rng)
    while match.movers:
        match.play({seat: players[seat](game, match.state, seat, rng) for seat in match.movers})
    return match


def cross_play(
    make: Callable[[], Game], players: Mapping[str, Player], matches: int, seed: int = 0
) -> dict[tuple[str, str], float]:
    """What each player earns in the first seat beside each other one in the second, itself among them.

    What is far below the diagonal in a game that is won together are conventions that do not transfer.

    Args:
        make: makes the game.
        players: by name.
        matches: of each pair; all pairs meet in the same first states.
        seed: of the first one.

    Returns:
        The mean score of the first seat, for every pair of names.
    """
    game = make()
    return {
        (one, other): float(
            np.mean(
                [
                    play_match(game, (first, second), np.random.default_rng([seed, number])).scores()[0]
                    for number in range(matches)
                ]
            )
        )
        for one, first in players.items()
        for other, second in players.items()
    }
