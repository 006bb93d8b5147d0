"""Points24: make 24, or another target, of all cards with the four operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgym_puzzles.cards.deck import Card, Faces, deal
from mmgym_puzzles.cards.formula import FormulaError, by_python
from mmgym_puzzles.cards.formula_game import FormulaGame, Hand
from mmgym_puzzles.cards.solver import Formula, fewest_brackets, solutions
from mmgym_puzzles.puzzle import MAX_DRAWS, layout_hash

__all__ = ["Points24"]


@dataclass(frozen=True)
class Deals:
    """What hands to deal."""

    cards: int
    highest: int
    """The highest rank: 10, or 13 with jack, queen and king."""
    faces: Faces
    """What jack, queen and king count."""
    brackets: int | None
    """Pairs of brackets in the shortest formula; None takes any number of them."""
    forms: tuple[str, ...]
    """Formulas that the target is drawn from: a letter for a card, ``~`` for plus or minus, ``^`` for times or divided
    by, ``?`` for any operator; empty where the target is 24."""
    target: tuple[int, int]
    """Smallest and largest target."""
    turns: int
    """Turns until the episode is truncated."""
    most: int | None = None
    """The symbols after which RL4VLM's limit applies; None but for its preset, which deals its own hands."""


_AIMS = 20
"""Targets that are tried with one hand."""
_FOUR = ("(x~x)^(x~x)",)
_FIVE = ("(x~x)*(x^x~x)", "(x~x)*(x~x)*x")
LEVELS = {
    1: Deals(3, 10, "ten", 0, ("x?x?x",), (10, 40), 20),
    2: Deals(4, 10, "ten", 0, (), (24, 24), 26),
    3: Deals(4, 13, "ten", 1, (), (24, 24), 32),
    4: Deals(4, 13, "rank", 2, _FOUR, (25, 400), 38),
    5: Deals(5, 13, "rank", 2, _FIVE, (150, 999), 46),
}
PRESETS = {"rl4vlm": Deals(4, 13, "ten", None, (), (24, 24), 22, most=20)}


class Points24(FormulaGame):
    """Make 24, or another target, of all cards with the four operations.

    ## Description
    A few playing cards lie on a table, beside them a target. The agent writes a formula, symbol by symbol, that uses
    the number of every card once and makes the target exactly. Products come before sums, and brackets group. An ace
    counts 1; jack, queen and king count 10, as in RL4VLM, and 11, 12 and 13 on levels 4 and 5 (the picture says which).

    ## Action space
    Four tools: `write(symbol)`, a number from `"1"` to `"13"`, `"+"`, `"-"`, `"*"`, `"/"`, `"("` or `")"`; `undo()`
    takes the last symbol away, `clear()` all of them; `submit()` hands in the formula and ends the episode. Preset
    `rl4vlm`: `write` alone, to `"10"`, with `"="` in place of `submit`; its calls in their order are the actions 0 to
    16 of RL4VLM.

    ## Observation space
    `image`: cards, target, what the faces count, and the formula so far (up to 21 symbols, `*` as a cross), uint8
    (image_size, image_size, 3). `text`, the text twin: the same in words. `feedback`: that a card is not there or used
    up, that there is nothing to undo, what the handed-in formula makes.

    ## Starting state
    Different cards of one pack, redrawn until the target can be made, and the shortest formula has the level's number
    of brackets. The split is decided by a hash of what the cards count, whatever their order and the target. The split
    `ood` has another deck, with one large sign on each card and four colours, on another table. `options["task"]` can
    only be `"any"`.

    ## Rewards
    1 for a formula that makes the target of all cards (term `outcome`), else 0. Preset `rl4vlm`: 10 for such a formula,
    -1 for any other that is handed in, -1 for a card that is not there (a blank is written, and the episode goes on),
    -1 for a call after more than 20 symbols (which truncates the episode), else 0.

    ## Episode end
    Terminated when the formula is handed in (success if it is right); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. Formulas are worked out over fractions. The expert writes a shortest formula, in the fewest
    calls: 2 x cards - 1 symbols, two for each pair of brackets, and `submit`. After a false start it keeps what is the
    beginning of a right formula without needless brackets, where that is no longer.

    | level | cards | target | faces | brackets needed | turns |
    |---|---|---|---|---|---|
    | 1 | 3 | 10-40 | no | none | 20 |
    | 2 | 4 | 24 | no | none | 26 |
    | 3 | 4 | 24 | 10 | one pair | 32 |
    | 4 | 4 | 25-400 | 11, 12, 13 | two pairs | 38 |
    | 5 | 5 | 150-999 | 11, 12, 13 | two pairs | 46 |

    Preset `rl4vlm`: gym_cards/Points24-v0 (github.com/RL4VLM/RL4VLM): four cards of independent ranks and suits, its
    table, its limit and its text as `text`, a picture of 300 pixels. What is handed in is worth what Python makes of
    it, as there: cards side by side join (2 and 4 are 24), `**` is a power and `//` rounds down, and quotients are
    rounded, so that 8/(3-8/3) is not 24. The expert keeps to the game as it is told: it writes a shortest formula of
    single cards and the four operations, where one with joined cards, `**` or `//` is often shorter still. RL4VLM
    deals hands as well that cannot be solved, 27 in a hundred; those are left out.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    symbols = (*map(str, range(1, 14)), "+", "-", "*", "/", "(", ")")
    preset_symbols = (*map(str, range(1, 11)), "+", "-", "*", "/", "(", ")", "=")
    instruction = (
        "You see playing cards and a target. Write a formula, one symbol at a time, that uses the number of every card "
        "exactly once and makes the target exactly, with + - * / and brackets; products come before sums. An ace "
        "counts 1; the picture says what J, Q and K count. Hand the formula in when it is complete; you can do so once."
    )

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(Hand((Card(2, 0), Card(3, 1), Card(4, 2), Card(1, 3)), 24))

    @staticmethod
    def solver(numbers: tuple[int, ...], target: int) -> tuple[Formula, ...]:
        """Every formula that makes the target without needless brackets; see `solutions`."""
        return solutions(numbers, target)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Deals) -> Hand:
        """Deal cards; the target follows when they are of the wanted split."""
        if settings.most is None:
            return Hand(deal(rng, settings.cards, settings.highest), settings.target[0], settings.faces)
        drawn = rng.integers(0, 52, settings.cards).tolist()  # RL4VLM may deal a card twice
        return Hand(tuple(Card(k // 4 + 1, k % 4) for k in drawn), settings.target[0], settings.faces)

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Deals, split: str) -> Hand:
        for _ in range(MAX_DRAWS):
            hand = cls._aim(rng, super()._draw(rng, settings, split), settings)
            if hand is not None:
                return hand
        raise RuntimeError(f"no hand could be solved with {settings}")

    @classmethod
    def _aim(cls, rng: np.random.Generator, hand: Hand, settings: Deals) -> Hand | None:
        """The hand with its target, or None when none was in range with a shortest formula as it should be."""
        for _ in range(_AIMS if settings.forms else 1):
            aimed = hand
            if settings.forms:
                target = _worth(rng, settings.forms[rng.integers(len(settings.forms))], hand.numbers)
                if target is None or not settings.target[0] <= target <= settings.target[1]:
                    continue
                aimed = hand._replace(target=target)
            fewest = fewest_brackets(aimed.numbers, aimed.target)
            if settings.brackets is not None and fewest == settings.brackets:
                return aimed
            if settings.most is not None and fewest is not None and () in cls.plans(aimed, True):
                return aimed
        return None

    @classmethod
    def candidate_key(cls, instance: Hand) -> str:
        """Key of what the cards count, in any order."""
        return layout_hash("points 24", instance.numbers)

    def _turn_limit(self) -> int:
        return int(self.settings.turns)

    def _expert_steps(self) -> int:
        if self.preset is not None:
            return self.plans(self.hand, True).get((), (0, ()))[0] + 1
        fewest = fewest_brackets(self.hand.numbers, self.hand.target)
        return 2 * len(self.hand.cards) + 2 * (fewest or 0)


def _worth(rng: np.random.Generator, form: str, numbers: tuple[int, ...]) -> int | None:
    """What a form makes of the numbers, in some order and with some operators, if it is a whole number."""
    order = iter(rng.permutation(len(numbers)).tolist())
    chosen = {"~": "+-", "^": "**/", "?": "+-**/"}  # products are divided more rarely
    symbols = [str(numbers[next(order)]) if mark == "x" else mark for mark in form]
    symbols = [chosen[mark][rng.integers(len(chosen[mark]))] if mark in chosen else mark for mark in symbols]
    try:
        value = by_python(symbols)
    except FormulaError:
        return None
    return int(value) if value == int(value) else None  # where a quotient was rounded, the solver will not agree
