"""EZPoints: make the target of all cards with plus and times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mmgym_puzzles.cards.deck import Card, deal, points
from mmgym_puzzles.cards.formula_game import FormulaGame, Hand
from mmgym_puzzles.cards.solver import Formula
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["EZPoints", "sums_of_products"]

_SALT = 33
"""Chosen so that each split has some of RL4VLM's seven hands that make 12."""


@dataclass(frozen=True)
class Hands:
    """What hands to deal."""

    cards: int
    highest: int
    """The highest rank: 10, or 13 with jack, queen and king, which count 10."""
    target: tuple[int, int]
    """Smallest and largest target."""
    times: int
    """Fewest signs of multiplication in the formula that the target is drawn from."""
    turns: int
    """Turns until the episode is truncated."""
    most: int | None = None
    """The symbols after which RL4VLM's limit applies; None but for its preset, which deals its own hands."""


LEVELS = {
    1: Hands(2, 10, (2, 30), 0, 16),
    2: Hands(3, 10, (5, 60), 0, 22),
    3: Hands(4, 13, (10, 90), 1, 28),
    4: Hands(5, 13, (20, 150), 1, 34),
    5: Hands(6, 13, (30, 250), 2, 40),
}
PRESETS = {"rl4vlm": Hands(2, 13, (12, 12), 0, 7, most=5)}


class EZPoints(FormulaGame):
    """Make the target of all cards with plus and times.

    ## Description
    A few playing cards lie on a table, beside them a target. The agent writes a formula, symbol by symbol, that uses
    the number of every card once and makes the target. Products come before sums; there are no brackets. An ace counts
    1; jack, queen and king count 10, as in RL4VLM.

    ## Action space
    Four tools: `write(symbol)`, a number from `"1"` to `"10"`, `"+"` or `"*"`; `undo()` takes the last symbol away,
    `clear()` all of them; `submit()` hands in the formula and ends the episode. Preset `rl4vlm`: `write` alone, with
    `"="` in place of `submit`; its calls in their order are the actions 0 to 12 of RL4VLM.

    ## Observation space
    `image`: cards, target, what the faces count, and the formula so far (up to 21 symbols, `*` as a cross), uint8
    (image_size, image_size, 3). `text`, the text twin: the same in words. `feedback`: that a card is not there or used
    up, that there is nothing to undo, what the handed-in formula makes.

    ## Starting state
    Different cards of one pack, and the target that some formula of them makes, redrawn until it is in range. The split
    is decided by a hash of what the cards count and the target. The split `ood` has another deck, with one large sign
    on each card and four colours, on another table. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for a formula that makes the target of all cards (term `outcome`), else 0. Preset `rl4vlm`: 10 for such a formula,
    -1 for any other that is handed in, -1 for a card that is not there (a blank is written, and the episode goes on),
    -1 for a call after more than 5 symbols (which truncates the episode), else 0.

    ## Episode end
    Terminated when the formula is handed in (success if it is right); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert writes a right formula, in the fewest calls: all have one symbol less than twice the
    cards. After a false start it keeps what is the beginning of some right formula.

    | level | cards | target | faces | turns |
    |---|---|---|---|---|
    | 1 | 2 | 2-30 | no | 16 |
    | 2 | 3 | 5-60 | no | 22 |
    | 3 | 4 | 10-90 | yes | 28 |
    | 4 | 5 | 20-150 | yes | 34 |
    | 5 | 6 | 30-250 | yes | 40 |

    Preset `rl4vlm`: gym_cards/EZPoints-v0 (github.com/RL4VLM/RL4VLM): two cards that make 12, dealt as there, its
    table, its limit and its text as `text`, a picture of 300 pixels. What is handed in is worth what Python makes of
    it, as there: cards side by side join (1 and 2 are 12), `**` is a power.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    symbols = (*map(str, range(1, 11)), "+", "*")
    preset_symbols = (*symbols, "=")
    instruction = (
        "You see playing cards and a target. Write a formula, one symbol at a time, that uses the number of every card "
        "exactly once and makes the target, with + and * only; products come before sums. An ace counts 1; J, Q and K "
        "count 10. Hand the formula in when it is complete; you can do so once."
    )

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(Hand((Card(13, 0), Card(2, 1)), 12))

    @staticmethod
    def solver(numbers: tuple[int, ...], target: int) -> tuple[Formula, ...]:
        """Every formula that makes the target; see `sums_of_products`."""
        return sums_of_products(numbers, target)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Hands) -> Hand | None:
        """Deal a hand with a target, or None when the target is out of range."""
        if settings.most is not None:
            return _deal_twelve(rng)
        cards = deal(rng, settings.cards, settings.highest)
        signs = int(rng.integers(2 ** (settings.cards - 1)))  # a bit is set for times
        done, product = 0, points(cards[0])
        for place, card in enumerate(cards[1:]):
            if signs >> place & 1:
                product *= points(card)
            else:
                done, product = done + product, points(card)
        low, high = settings.target
        if not low <= done + product <= high or signs.bit_count() < settings.times:
            return None
        return Hand(tuple(cards[k] for k in rng.permutation(settings.cards).tolist()), done + product)

    @classmethod
    def candidate_key(cls, instance: Hand) -> str:
        """Key of what the cards count, and of the target."""
        return layout_hash("ez points", _SALT, instance.numbers, instance.target)

    def _turn_limit(self) -> int:
        return int(self.settings.turns)

    def _expert_steps(self) -> int:
        return 2 * len(self.hand.cards)


def _deal_twelve(rng: np.random.Generator) -> Hand:
    """Two cards that make 12, with the chances of RL4VLM."""
    first = int(rng.integers(2, 14))
    number = min(first, 10)
    by_product = 12 % number == 0 and rng.random() < 0.5
    ranks = [first, 12 // number if by_product else 12 - number]
    if rng.random() < 0.5:
        ranks.reverse()
    suits = rng.integers(0, 4, 2).tolist()
    return Hand((Card(ranks[0], suits[0]), Card(ranks[1], suits[1])), 12)


@lru_cache(maxsize=256)
def sums_of_products(numbers: tuple[int, ...], target: int) -> tuple[Formula, ...]:
    """Every formula of all the numbers, with ``+`` and ``*`` and no brackets, that makes the target, in order.

    Args:
        numbers: whole numbers from 1, in rising order.
        target: a whole number.
    """
    found: list[Formula] = []

    def go_on(formula: Formula, left: tuple[int, ...], done: int, product: int) -> None:
        """`done` is the sum of the finished products, `product` the unfinished one: neither can get smaller."""
        if done + product > target:
            return
        if not left:
            if done + product == target:
                found.append(formula)
            return
        for number in dict.fromkeys(left):
            place = left.index(number)
            rest = left[:place] + left[place + 1 :]
            go_on((*formula, "*", str(number)), rest, done, product * number)
            go_on((*formula, "+", str(number)), rest, done + product, number)

    for number in dict.fromkeys(numbers):
        place = numbers.index(number)
        go_on((str(number),), numbers[:place] + numbers[place + 1 :], 0, number)
    return tuple(sorted(found))
