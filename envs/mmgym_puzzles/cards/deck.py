"""Playing cards: ranks, suits, what they count, and their names."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

__all__ = ["DECK", "RANKS", "SUITS", "Card", "Faces", "deal", "draw_with_replacement", "from_names", "points"]

RANKS = ("A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K")
"""The ranks, from 1 to 13."""

SUITS = ("hearts", "spades", "diamonds", "clubs")
"""The suits."""

Faces = Literal["ten", "rank"]
"""What jack, queen and king count: ten each, or 11, 12 and 13."""


class Card(NamedTuple):
    """A playing card."""

    rank: int
    """1 (ace) to 13 (king)."""
    suit: int
    """Its place in `SUITS`."""

    @property
    def letter(self) -> str:
        """Its rank as printed on it."""
        return RANKS[self.rank - 1]

    @property
    def word(self) -> str:
        """Rank and suit in one word: ``10:hearts``."""
        return f"{self.letter}:{SUITS[self.suit]}"

    @property
    def name(self) -> str:
        """Rank and suit in two letters: ``10H``."""
        return f"{self.letter}{SUITS[self.suit][0].upper()}"

    @property
    def is_red(self) -> bool:
        """Whether it is of hearts or diamonds."""
        return self.suit in (0, 2)


DECK = tuple(Card(rank, suit) for suit in range(4) for rank in range(1, 14))
"""The 52 cards."""

_BY_NAME = {card.name: card for card in DECK}


def points(card: Card, faces: Faces = "ten") -> int:
    """What a card counts; an ace counts 1."""
    return min(card.rank, 10) if faces == "ten" else card.rank


def from_names(names: list[str]) -> tuple[Card, ...]:
    """The cards with these names (`Card.name`).

    Raises:
        KeyError: for a name that no card has.
    """
    return tuple(_BY_NAME[name] for name in names)


def deal(rng: np.random.Generator, count: int, highest: int = 13) -> tuple[Card, ...]:
    """Draw different cards of the ranks up to `highest`."""
    drawn: list[int] = []
    while len(set(drawn)) < count:  # several times as fast as drawing without replacement, for a few cards
        drawn = rng.integers(0, 4 * highest, count).tolist()
    return tuple(Card(k // 4 + 1, k % 4) for k in drawn)


def draw_with_replacement(rng: np.random.Generator, ranks: tuple[int, ...]) -> Card:
    """Draw one card of an infinite pack in which each of `ranks`, and each suit, is equally likely."""
    drawn = int(rng.integers(4 * len(ranks)))
    return Card(ranks[drawn // 4], drawn % 4)
