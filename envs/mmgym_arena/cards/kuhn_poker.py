"""KuhnPoker: the smallest poker. Three cards, two players, one bet."""

from __future__ import annotations

import itertools
from typing import ClassVar, NamedTuple

import numpy as np

from mmgym.draw import Color, blank, disc, draw_text, paint
from mmgym.spaces import Tool, ToolCall
from mmgym_arena.game import Calls, Game
from mmgym_puzzles.cards.deck import Card
from mmgym_puzzles.cards.faces import back_picture, card_picture

__all__ = ["KuhnPoker"]

NAMES = ("jack", "queen", "king")
_DEALS = (1, 5, 10)
"""Deals of a match, by level."""
_TABLE: Color = (24, 92, 62)
_PALE: Color = (240, 240, 228)

BLUFF = 1 / 3
"""How often the first player bets on a jack: any share from 0 to 1/3 is an equilibrium, and it bets thrice as often on
a king."""


class Deal(NamedTuple):
    """A match of several deals."""

    decks: tuple[tuple[int, int], ...]
    """The cards of the two seats in every deal: 0 jack, 1 queen, 2 king."""
    number: int
    """Deals that are over."""
    done: tuple[str, ...]
    """What was done in this deal, the first player's call first."""
    chips: tuple[int, int]
    """What each seat has won or lost in the deals that are over."""
    last: tuple[int, ...]
    """How the last deal ended: the chips of the first seat, and both cards if they were shown."""


class KuhnPoker(Game):
    """Kuhn's poker of three cards, one deal to a match at level 1, five and ten at levels 2 and 3.

    Each puts one chip in and gets one of three cards. In turn they check or bet one more chip, then call or fold. The
    seats take turns to speak first. A match is won by who has more chips at its end.
    """

    seats = ("first", "second")
    kind = "competitive"
    state = Deal
    worst: ClassVar[float] = 2.0
    value: ClassVar[str] = "-1/18 of a chip a deal for who speaks first (Kuhn 1950)"

    def instruction(self, seat: int) -> str:
        """The rules."""
        return (
            "You play poker with three cards: jack, queen and king. In each deal both players put one chip in and get "
            "one card; the higher card wins. Who speaks first may check or bet one more chip. After a check the other "
            "may check, which shows the cards, or bet. After a bet one may call, which shows the cards, or fold, which "
            f"gives the chips away. The players take turns to speak first. {_DEALS[self.level - 1]} deals make a match."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """The four things one may do."""
        return (
            Tool("bet", "Put one more chip in."),
            Tool("call", "After a bet: put one more chip in and see the cards."),
            Tool("check", "Put nothing in."),
            Tool("fold", "After a bet: give the deal up."),
        )

    def start(self, rng: np.random.Generator) -> Deal:
        """Deal all deals of the match."""
        decks = tuple(tuple(rng.permutation(3)[:2].tolist()) for _ in range(_DEALS[self.level - 1]))
        return Deal(decks, 0, (), (0, 0), ())

    def starts(self) -> list[tuple[Deal, float]]:
        """The six deals of a match of one."""
        if self.level > 1:
            return super().starts()
        deals = list(itertools.permutations(range(3), 2))
        return [(Deal((cards,), 0, (), (0, 0), ()), 1 / len(deals)) for cards in deals]

    def movers(self, state: Deal) -> tuple[int, ...]:
        """Who speaks."""
        return () if state.number == len(state.decks) else ((state.number + len(state.done)) % 2,)

    def refusal(self, state: Deal, seat: int, call: ToolCall) -> str:
        """Calls and folds answer bets; checks and bets do not."""
        faced = state.done[-1:] == ("bet",)
        if (call.name in ("call", "fold")) == faced:
            return ""
        return "There is a bet: call or fold." if faced else "There is no bet yet: check or bet."

    def play(self, state: Deal, calls: Calls) -> Deal:
        """Speak; the deal is over after a call, a fold, or two checks."""
        (seat,) = self.movers(state)
        call = calls[seat]
        assert call is not None
        done = (*state.done, call.name)
        if done[-1] not in ("call", "fold") and done != ("check", "check"):
            return state._replace(done=done)
        cards, shown = state.decks[state.number], done[-1] != "fold"
        stake = 2 if shown and "bet" in done else 1
        first_wins = cards[0] > cards[1] if shown else seat == 1
        won = stake if first_wins else -stake
        chips = (state.chips[0] + won, state.chips[1] - won)
        return Deal(state.decks, state.number + 1, (), chips, (won, *(cards if shown else ())))

    def scores(self, state: Deal) -> tuple[float, ...]:
        """Chips a deal."""
        return tuple(chips / len(state.decks) for chips in state.chips)

    def solved(self, state: Deal, seat: int) -> bool:
        """Whether the match is over and won."""
        return not self.movers(state) and state.chips[seat] > state.chips[1 - seat]

    def turn_limit(self) -> int:
        """At most two turns a deal, and some to spare."""
        return 2 * _DEALS[self.level - 1] + 4

    def expert(self, state: Deal, seat: int, rng: np.random.Generator) -> ToolCall:
        """An equilibrium strategy."""
        return (
            ToolCall("bet" if state.done[-1:] != ("bet",) else "call")
            if rng.random() < self.boldness(state.decks[state.number][seat], state.done)
            else ToolCall("check" if state.done[-1:] != ("bet",) else "fold")
        )

    def boldness(self, card: int, done: tuple[str, ...]) -> float:
        """How likely the equilibrium strategy bets or calls with a card after what was done."""
        if not done:
            return (BLUFF, 0.0, 3 * BLUFF)[card]
        if done == ("check",):
            return (1 / 3, 0.0, 1.0)[card]
        if done == ("bet",):
            return (0.0, 1 / 3, 1.0)[card]
        return (0.0, BLUFF + 1 / 3, 1.0)[card]

    def seen(self, state: Deal, seat: int) -> list[object]:
        """The own card, what was done, and the score."""
        own = state.decks[state.number][seat] if self.movers(state) else None
        return [own, state.number, list(state.done), list(state.chips), list(state.last)]

    def text(self, state: Deal, seat: int) -> str:
        """The same in words."""
        lines = []
        if self.movers(state):
            lines.append(
                f"Deal {state.number + 1} of {len(state.decks)}. You have the {NAMES[state.decks[state.number][seat]]}."
            )
            first = state.number % 2
            who = ("You" if first == seat else "The other player") + " spoke first: " if state.done else ""
            lines.append(f"{who}{', '.join(state.done) or 'Nothing was said yet'}.")
        lines.append(f"You are {state.chips[seat]:+d} chips.")
        return "\n".join([*lines, *self._ending(state, seat)])

    def _ending(self, state: Deal, seat: int) -> list[str]:
        """How the last deal ended, in a line; none before there was one."""
        if not state.last:
            return []
        won = state.last[0] if seat == 0 else -state.last[0]
        cards = state.last[1:]
        shown = f"your {NAMES[cards[seat]]}, the other's {NAMES[cards[1 - seat]]}" if cards else "no cards shown"
        return [f"last deal {won:+d}: {shown}"]

    def picture(self, state: Deal, seat: int, size: int) -> np.ndarray:
        """A table: the other's card above, one's own below, chips in the middle, what was said at the right.

        How the last deal ended is written at the top.
        """
        image = blank(size, size, _TABLE)
        height = round(0.36 * size)
        width = round(height / 1.4)
        left = round(0.10 * size)
        over = not self.movers(state)
        own: int | None = None if over else state.decks[state.number][seat]
        other: int | None = None
        if over and len(state.last) == 3:
            own, other = state.last[1 + seat], state.last[2 - seat]
        for card, top in ((other, 0.06), (own, 0.58)):
            row = round(top * size)
            picture = (
                back_picture("usual", height, width)
                if card is None
                else card_picture("usual", Card(11 + card, 3), height, width)
            )
            image[row : row + height, left : left + width] = picture
        line = 0.075 * size
        middle = 0.44 * size
        draw_text(image, "other", middle, 0.10 * size, line, _PALE, anchor="left", bold=True)
        draw_text(image, "you", middle, 0.62 * size, line, _PALE, anchor="left", bold=True)
        for whose, top in ((1 - seat, 0.10), (seat, 0.62)):
            for k, word in enumerate(self._said(state, whose)):
                draw_text(image, word, middle, (top + 0.085 * (k + 1)) * size, line, _PALE, anchor="left")
            draw_text(image, f"{state.chips[whose]:+d}", 0.95 * size, top * size, line, _PALE, anchor="right")
            for k in range(self._stake(state, whose)):
                x, y = (middle + (0.06 + 0.11 * k) * size) / size, 0.40 if whose != seat else 0.50
                paint(image, [disc(x, y, 0.045, (150, 104, 0)), disc(x, y, 0.034, (244, 196, 48))])
        for ending in self._ending(state, seat):
            draw_text(image, ending, 0.95 * size, 0.03 * size, 0.05 * size, _PALE, anchor="right")
        label = "the match is over" if over else f"deal {state.number + 1} of {len(state.decks)}"
        draw_text(image, label, 0.95 * size, 0.96 * size, 0.06 * size, _PALE, anchor="right")
        return image

    def _said(self, state: Deal, seat: int) -> tuple[str, ...]:
        return state.done[(state.number + seat) % 2 :: 2]

    def _stake(self, state: Deal, seat: int) -> int:
        return 0 if not self.movers(state) else 1 + sum(word in ("bet", "call") for word in self._said(state, seat))

    def questions(self, state: Deal, seat: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """The own card, the last word, the score."""
        if not self.movers(state):
            return [("How many chips have you won?", f"{state.chips[seat]:+d}")]
        return [
            ("Which card do you have?", NAMES[state.decks[state.number][seat]]),
            ("What did the other player say last?", (self._said(state, 1 - seat) or ("nothing",))[-1]),
            ("How many chips have you won?", f"{state.chips[seat]:+d}"),
        ]
