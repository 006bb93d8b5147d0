"""Blackjack: win hands against the dealer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mmgym.draw import blank, draw_text, paint, rectangle
from mmgym.env import Capabilities, Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.cards.blackjack_policy import Match, Total, after_hand, best, draws_on, hand_values
from mmgym_puzzles.cards.deck import RANKS, SUITS, Card, draw_with_replacement, from_names
from mmgym_puzzles.cards.faces import LOOKS, RATIO, back_picture, card_picture
from mmgym_puzzles.cards.game import Game, write_number
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["Blackjack", "total_of"]


@dataclass(frozen=True)
class Table:
    """What tables to play at."""

    hands: int
    """Hands of a match."""
    lead: int
    """Hands that must be won more than lost."""
    open: bool
    """Whether both cards of the dealer are seen."""
    missing: int
    """Ranks that the pack does not have."""
    stands: tuple[int, int]
    """Smallest and largest total from which on the dealer stands."""
    soft: bool
    """Whether the dealer may have to draw at that total if an ace in it counts 11."""
    turns: int
    """Turns until the episode is truncated."""


_HITS = 21
"""A hand has no more turns than this: twenty aces and one more card, or standing."""
LEVELS = {
    1: Table(1, 1, True, 0, (13, 13), False, _HITS),
    2: Table(1, 1, False, 0, (17, 17), False, _HITS),
    3: Table(4, 2, False, 0, (17, 17), False, 4 * _HITS),
    4: Table(3, 2, False, 3, (17, 17), False, 3 * _HITS),
    5: Table(5, 3, False, 4, (16, 18), True, 5 * _HITS),
}
PRESETS = {"rl4vlm": Table(1, 1, False, 0, (17, 17), False, 300)}


class Deal(NamedTuple):
    """An instance: the rules, and the cards on the table."""

    rules: Match
    player: tuple[Card, ...]
    dealer: tuple[Card, ...]


class Blackjack(Game):
    """Win hands against the dealer.

    ## Description
    Gymnasium's Blackjack: dealer and player get two cards each, of an infinite pack. The player draws cards, as many as
    it likes; above 21 it has lost. When it stands, the dealer draws until its total is 17 or more; above 21 it has
    lost, else the higher total wins. Cards count what they show, faces 10, and an ace 11 where that does not make more
    than 21, else 1. From level 3 on several hands are played, and so many more must be won than lost; from level 4 on
    some ranks are missing in the pack; on level 5 the dealer plays by other rules, as the picture says.

    ## Action space
    Two tools: `hit()` draws a card, `stand()` draws none. (RL4VLM's action 1 is hit, 0 is stand.)

    ## Observation space
    `image`: the dealer's cards, one of them face down but on level 1, the player's cards, the rules, and in a match the
    number of the hand and the lead (hands won less hands lost), uint8 (image_size, image_size, 3). `text`, the text
    twin: the same in words. `feedback`: how a hand ended.

    ## Starting state
    Ranks and suits are drawn uniformly, with those of the pack that are missing and the dealer's rules. The split is
    decided by a hash of these and the cards that are seen. All later cards, the hidden one too, are drawn when they are
    turned up, from the environment's generator: a snapshot holds its state, the state key does not. The split `ood` has
    another deck, with one large sign on each card and four colours, on another table. `options["task"]` can only be
    `"any"`.

    ## Rewards
    1 when the lead is reached (term `outcome`), with one hand: when it is won; else 0. Preset `rl4vlm`: 1 for a hand
    won, 0 for one drawn, -1 for one lost (at once above 21), 0 for a turn that ends none. A natural blackjack pays no
    more, as there.

    ## Episode end
    Terminated when the lead is reached (success), and when the hands that are left cannot bring it; truncated at the
    turn limit, which valid calls do not reach.

    ## Arguments
    Those of `Puzzle`. Chance decides; the expert is the best there is: it maximises the chance of success (under the
    preset, the expected reward) by exact dynamic programming over the hand, the rules, the lead and the hands left.
    `expert_steps` is the lead, a lower bound. Its success is given below; random play stays under .22 over all levels.

    | level | hands | lead | dealer's cards | dealer stands on | ranks missing | expert |
    |---|---|---|---|---|---|---|
    | 1 | 1 | 1 | both seen | 13 | 0 | .56 |
    | 2 | 1 | 1 | one seen | 17 | 0 | .43 |
    | 3 | 4 | 2 | one seen | 17 | 0 | .30 |
    | 4 | 3 | 2 | one seen | 17 | 3 | .22 |
    | 5 | 5 | 3 | one seen | 16, 17 or 18, may draw at that with an ace of 11 | 4 | .15 |

    Preset `rl4vlm`: gym_cards/Blackjack-v0 (github.com/RL4VLM/RL4VLM): one hand, its table, 300 turns, its text as
    `text`, a picture of 300 pixels. The best play is worth -.0466 a hand.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    capabilities = Capabilities(expert="optimal_in_expectation", expert_steps="at_least")
    random_below: ClassVar[float] = 0.22
    instruction = (
        "You play Blackjack. Draw cards with hit; above 21 you lose. With stand the dealer draws, up to the total the "
        "picture names; above 21 it loses, else the higher total wins. J, Q and K count 10; an ace counts 11 unless "
        "that makes more than 21, then 1. Win the hand; where the picture shows a goal, win so many more hands than "
        "you lose. Ranks that the picture calls missing are not in the pack."
    )
    description_rule = (
        "Say your total, soft or hard (soft if an ace counts 11), the total of the dealer's cards that are seen, and "
        "your lead: four words."
    )
    question_texts = (
        "What is your total?",
        "Is your total soft or hard?",
        "What do the dealer's cards that are seen count?",
        "Which cards do you hold?",
        "Which cards of the dealer are seen?",
        "What is your lead?",
        "Look around.",
    )
    words = (
        "hit",
        "stand",
        "soft",
        "hard",
        *(f"{rank}:{suit}" for suit in SUITS for rank in RANKS),
        *map(str, range(-5, 32)),
    )
    notes = ()
    deal: Deal
    """The rules and the cards of the first hand."""
    player: list[Card]
    dealer: list[Card]
    lead: int
    """Hands won less hands lost."""
    played: int
    """Hands that have ended."""
    over: bool
    """Whether the match has ended; the cards of its last hand stay on the table."""
    _ground: np.ndarray | None

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(Deal(Match(tuple(range(1, 14)), 17, False), (Card(10, 0), Card(7, 1)), (Card(6, 2), Card(9, 3))))

    @tool
    def hit(self) -> Effect:
        """Draw a card."""
        self.player.append(self._next_card())
        self._picture = None
        if total_of(self.player)[0] <= 21:
            self._pay(0.0)
            return Effect(True)
        return self._end_hand(-1, f"You have {best(total_of(self.player))}, too much: lost.")

    @tool
    def stand(self) -> Effect:
        """Draw no more: the dealer plays."""
        if len(self.dealer) == 1:
            self.dealer.append(self._next_card())
        while total_of(self.dealer)[0] <= 21 and draws_on(self.deal.rules, total_of(self.dealer)):
            self.dealer.append(self._next_card())
        mine, its = best(total_of(self.player)), best(total_of(self.dealer))
        result = 1 if its > 21 or mine > its else 0 if mine == its else -1
        said = ("drawn", "won", "lost")[result]
        return self._end_hand(result, f"You have {mine}, the dealer {its}: {said}.")

    def _end_hand(self, result: int, feedback: str) -> Effect:
        self._pay(float(result))
        self._picture = None
        self.lead, self.played = self.lead + result, self.played + 1
        left = self.settings.hands - self.played
        self.over = self.lead >= self.settings.lead or self.lead + left < self.settings.lead
        if not self.over:
            self.player = [self._next_card(), self._next_card()]
            self.dealer = [self._next_card() for _ in range(1 + self.settings.open)]
        return Effect(True, feedback)

    def _next_card(self) -> Card:
        return draw_with_replacement(self.np_random, self.deal.rules.ranks)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Table) -> Deal:
        """Draw the rules and the first hand."""
        ranks = tuple(range(1, 14))
        if settings.missing:
            ranks = tuple(sorted((rng.permutation(13)[settings.missing :] + 1).tolist()))
        stands = int(rng.integers(settings.stands[0], settings.stands[1] + 1))
        soft = settings.soft and bool(rng.integers(2))
        cards = tuple(draw_with_replacement(rng, ranks) for _ in range(3 + settings.open))
        return Deal(Match(ranks, stands, soft), cards[:2], cards[2:])

    @classmethod
    def candidate_key(cls, instance: Deal) -> str:
        """Key of the rules, and of the cards that are seen, in any order."""
        return layout_hash("blackjack", instance.rules, sorted(instance.player), sorted(instance.dealer))

    def layout_key(self) -> str:
        """Key of the rules and the first hand; it decides the split."""
        return self.candidate_key(self.deal)

    def _begin(self, instance: Deal) -> None:
        self.deal = instance
        self.player, self.dealer = list(instance.player), list(instance.dealer)
        self.lead, self.played, self.over = 0, 0, False
        self._ground = self._picture = None

    def _get_state(self) -> dict[str, Any]:
        deal, names = self.deal, {"player": self.player, "dealer": self.dealer}
        rules = {**deal.rules._asdict(), "ranks": list(deal.rules.ranks)}
        first = [[card.name for card in cards] for cards in (deal.player, deal.dealer)]
        cards = {name: [card.name for card in cards] for name, cards in names.items()}
        return {"rules": rules, "first": first, **cards, "lead": self.lead, "played": self.played, "over": self.over}

    def _set_state(self, state: dict[str, Any]) -> None:
        rules = Match(**{**state["rules"], "ranks": tuple(state["rules"]["ranks"])})
        self._begin(Deal(rules, *map(from_names, state["first"])))
        self.player, self.dealer = list(from_names(state["player"])), list(from_names(state["dealer"]))
        self.lead, self.played, self.over = state["lead"], state["played"], state["over"]

    def _is_success(self) -> bool:
        return self.over and self.lead >= int(self.settings.lead)

    def _is_failure(self) -> bool:
        return self.over and not self._is_success()

    def _expert_call(self) -> ToolCall:
        if self.over:
            return ToolCall("stand", {})
        rules, table = self.deal.rules, self.settings
        payoffs = (1.0, 0.0, -1.0)
        if self.preset is None:
            payoffs = after_hand(rules, self.lead, table.hands - self.played, table.lead)
        standing, hitting = hand_values(rules, (total_of(self.dealer),), payoffs)
        hard, ace = total_of(self.player)
        return ToolCall("hit" if hitting[0, hard, int(ace)] > standing[0, hard, int(ace)] else "stand", {})

    def _expert_steps(self) -> int:
        return int(self.settings.lead)

    def _turns_left(self) -> int | None:
        return None if self._is_failure() else max(0, self.settings.lead - self.lead)

    def _image(self) -> np.ndarray:
        if self._ground is None:
            self._ground = self._draw_ground()
        if self._picture is None:
            self._picture = self._ground.copy()
            self._lay(self._picture, self.dealer, 0.1, len(self.dealer) == 1)
            self._lay(self._picture, self.player, 0.49, False)
            if self.settings.hands > 1:
                self._write(self._picture, min(self.played + 1, self.settings.hands), 0.245, self._line())
                self._write(self._picture, self.lead, 0.6, self._line())
        return self._picture.copy()

    def _draw_ground(self) -> np.ndarray:
        """The table without cards: names, rules, and under them the match."""
        size, style, rules, table = self.image_size, LOOKS[self.look], self.deal.rules, self.settings
        image = blank(size, size, style.table)
        for name, y in (("Dealer", 0.05), ("You", 0.44)):
            draw_text(image, name, 0.03 * size, y * size, 0.1 * size, style.letters, anchor="left", bold=True)
        self._write(image, "stands on", 0.42, 0.05)
        self._write(image, rules.stands, 0.81, 0.05)
        if rules.hits_soft:
            self._write(image, "but draws", 0.56, 0.15)
            self._write(image, "at soft", 0.56, 0.23)
            self._write(image, rules.stands, 0.81, 0.23)
        if table.hands > 1:
            paint(image, [rectangle(0.02, 0.815, 0.98, 0.99, style.plate)])
            for text, x in (("Hand", 0.04), (f"/{table.hands}", 0.295), ("Lead", 0.41), (f"Goal {table.lead}", 0.71)):
                self._write(image, text, x, self._line())
        if self._missing():
            self._write(image, "Missing", 0.04, 0.945)
            for place, rank in enumerate(self._missing()):
                at = (0.47 + 0.13 * place) * size
                draw_text(image, rank, at, 0.945 * size, 0.095 * size, style.letters, bold=True)
        return image

    def _line(self) -> float:
        """The height at which the match is written."""
        return 0.86 if self._missing() else 0.9

    def _write(self, image: np.ndarray, text: str | int, x: float, y: float) -> None:
        size, ink = self.image_size, LOOKS[self.look].letters
        if isinstance(text, int):
            write_number(image, text, x * size, y * size, 0.085 * size, ink, left=True)
        else:
            draw_text(image, text, x * size, y * size, 0.085 * size, ink, anchor="left")

    def _lay(self, image: np.ndarray, cards: list[Card], top: float, hidden: bool) -> None:
        """Lay cards in a row, over one another where there are many."""
        size, width = self.image_size, 0.215
        pictures = [card_picture(self.look, card, round(RATIO * width * size), round(width * size)) for card in cards]
        if hidden:
            pictures.append(back_picture(self.look, round(RATIO * width * size), round(width * size)))
        step = min(width + 0.02, (0.94 - width) / max(1, len(pictures) - 1))
        y, (height, wide) = round(top * size), pictures[0].shape[:2]
        for place, picture in enumerate(pictures):
            x = round((0.03 + place * step) * size)
            image[y : y + height, x : x + wide] = picture

    def _missing(self) -> list[str]:
        return [RANKS[rank - 1] for rank in range(1, 14) if rank not in self.deal.rules.ranks]

    def _text(self) -> str:
        if self.preset is not None:
            shown = self.dealer[0].letter
            return f"Dealer's card: {shown}. Player's cards: {', '.join(card.letter for card in self.player)}."
        rules, table = self.deal.rules, self.settings
        lines = []
        for name, cards in (("Dealer", self.dealer), ("You", self.player)):
            named = [f"{card.letter} of {SUITS[card.suit]}" for card in cards]
            lines.append(f"{name}: {', '.join(named + ['a hidden card'] * (len(cards) == 1))}")
        soft = ", but hits at that with an ace that counts 11" if rules.hits_soft else ""
        lines.append(f"The dealer stands on {rules.stands}{soft}.")
        if self._missing():
            lines.append(f"Missing in the pack: {' '.join(self._missing())}")
        if table.hands > 1:
            hand = min(self.played + 1, table.hands)
            lines.append(f"Hand {hand} of {table.hands}, lead {self.lead}, goal {table.lead}")
        return "\n".join(lines)

    def _description(self) -> str:
        mine = total_of(self.player)
        kind = "soft" if best(mine) > mine[0] else "hard"
        return f"{best(mine)} {kind} {best(total_of(self.dealer))} {self.lead}"

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        total, kind, dealer, lead = self._description().split()
        held, seen = (" ".join(card.word for card in cards) for cards in (self.player, self.dealer))
        answers = [total, kind, dealer, held, seen, lead, self._description()]
        return [(self.question_texts[k], answers[k]) for k in rng.permutation(len(answers))]


def total_of(cards: list[Card]) -> Total:
    """The hard total of some cards, and whether there is an ace among them."""
    ranks = [card.rank for card in cards]
    return sum(min(rank, 10) for rank in ranks), 1 in ranks
