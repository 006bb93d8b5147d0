"""Blackjack played as well as can be: exact dynamic programming over hands, and over matches of several hands.

Cards come from an infinite pack, so nothing but the current hands matters. A hand is its hard total (aces as 1) and
whether it holds an ace; an ace counts 11 where that does not make more than 21.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

__all__ = ["Match", "Total", "after_hand", "best", "chances", "dealer_ends", "draws_on", "hand_values", "match_value"]

Total = tuple[int, bool]
"""The hard total of a hand, and whether it holds an ace."""
Payoffs = tuple[float, float, float]
"""What a hand won, drawn and lost is worth."""


class Match(NamedTuple):
    """The rules of a table."""

    ranks: tuple[int, ...]
    """The ranks in the pack, 1 to 13, each equally likely."""
    stands: int
    """The total from which on the dealer stands."""
    hits_soft: bool
    """Whether the dealer draws another card at exactly that total, if an ace in it counts 11."""


def best(total: Total) -> int:
    """What a hand counts."""
    hard, ace = total
    return hard + 10 if ace and hard + 10 <= 21 else hard


def draws_on(rules: Match, total: Total) -> bool:
    """Whether the dealer takes another card."""
    counts, soft = best(total), best(total) > total[0]
    return counts < rules.stands or (rules.hits_soft and soft and counts == rules.stands)


@lru_cache(maxsize=512)
def chances(ranks: tuple[int, ...]) -> tuple[float, ...]:
    """The chance of every value 1 to 10 (at these places; 0 at place 0) to be drawn next."""
    values = [min(rank, 10) for rank in ranks]
    return tuple(values.count(value) / len(values) for value in range(11))


@lru_cache(maxsize=1 << 15)
def dealer_ends(rules: Match, total: Total) -> tuple[float, ...]:
    """The chance of every end of the dealer's hand, from what it counts now: 0 for a bust, else its total."""
    ends = [0.0] * 22
    if total[0] > 21:
        ends[0] = 1.0
    elif not draws_on(rules, total):
        ends[best(total)] = 1.0
    else:
        for value, chance in enumerate(chances(rules.ranks)):
            if chance:
                after = dealer_ends(rules, (total[0] + value, total[1] or value == 1))
                ends = [end + chance * more for end, more in zip(ends, after, strict=True)]
    return tuple(ends)


@lru_cache(maxsize=1 << 12)
def hand_values(rules: Match, dealers: tuple[Total, ...], payoffs: Payoffs) -> tuple[np.ndarray, np.ndarray]:
    """What standing and hitting are worth: two float64 arrays (dealers, hard total 0 to 21, ace or not).

    What follows a hit is the better of the two.
    """
    won, drawn, lost = payoffs
    ends = np.array([dealer_ends(rules, dealer) for dealer in dealers])
    below = np.cumsum(ends, axis=1)  # a bust is below everything
    chance = np.array(chances(rules.ranks)[1:])
    stand, hit = np.zeros((2, len(dealers), 22, 2))
    worth = np.full((len(dealers), 32, 2), lost)
    for hard in range(21, -1, -1):
        for ace in (0, 1):
            counts = best((hard, bool(ace)))
            smaller = below[:, counts - 1] if counts else np.zeros(len(dealers))
            stand[:, hard, ace] = won * smaller + drawn * ends[:, counts] + lost * (1 - smaller - ends[:, counts])
            after = worth[:, hard + 1 : hard + 11, ace].copy()
            after[:, 0] = worth[:, hard + 1, 1]
            hit[:, hard, ace] = after @ chance
            worth[:, hard, ace] = np.maximum(stand[:, hard, ace], hit[:, hard, ace])
    return stand, hit


@lru_cache(maxsize=1 << 12)
def match_value(rules: Match, lead: int, left: int, goal: int) -> float:
    """The chance to come to a lead of `goal` hands, with `left` hands to go, when every hand is played for it."""
    if lead >= goal:
        return 1.0
    if lead + left < goal:
        return 0.0
    chance = chances(rules.ranks)
    dealers = tuple((value, value == 1) for value in range(1, 11) if chance[value])
    stand, hit = hand_values(rules, dealers, after_hand(rules, lead, left, goal))
    worth = np.maximum(stand, hit)
    total = 0.0
    for place, dealer in enumerate(dealers):
        for one in range(1, 11):
            for other in range(1, 11):
                deal = chance[dealer[0]] * chance[one] * chance[other]
                total += deal * float(worth[place, one + other, int(1 in (one, other))])
    return total


def after_hand(rules: Match, lead: int, left: int, goal: int) -> Payoffs:
    """What winning, drawing and losing the current hand is worth in a match."""
    won, drawn, lost = (match_value(rules, lead + step, left - 1, goal) for step in (1, 0, -1))
    return won, drawn, lost
