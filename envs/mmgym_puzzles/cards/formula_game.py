"""What EZPoints and Points24 share: a hand of cards, a formula that is written symbol by symbol, and its picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np

from mmgym.draw import blank, draw_text, paint, rectangle
from mmgym.env import Effect
from mmgym.spaces import Parameter, Tool, ToolCall, tool
from mmgym_puzzles.cards.deck import RANKS, SUITS, Card, Faces, from_names, points
from mmgym_puzzles.cards.faces import LOOKS, RATIO, card_picture
from mmgym_puzzles.cards.formula import MISSED, FormulaError, by_python, exactly
from mmgym_puzzles.cards.game import Game, write_number
from mmgym_puzzles.cards.solver import Formula, completions

__all__ = ["LONGEST", "FormulaGame", "Hand"]

LONGEST = 21
"""The most symbols of a formula."""

Symbol = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "+", "-", "*", "/", "(", ")", "="]
Solver = Callable[[tuple[int, ...], int], tuple[Formula, ...]]
_SIGNS = {"*": "×", "-": "−"}  # noqa: RUF001
_COLUMNS = 22
"""Columns of the formula: a symbol takes two, a number of two digits three."""
_TOP, _PLATE = 0.25, 0.685
"""Upper ends of the cards' and the formula's places, over the picture's height."""


class Hand(NamedTuple):
    """An instance."""

    cards: tuple[Card, ...]
    target: int
    faces: Faces = "ten"

    @property
    def numbers(self) -> tuple[int, ...]:
        """What the cards count, in rising order."""
        return tuple(sorted(points(card, self.faces) for card in self.cards))


class FormulaGame(Game):
    """Base of the games in which every card goes into a formula that makes the target.

    A subclass names its symbols and says how it is solved (`solver`). Settings have ``turns``, the turn limit, and,
    under the preset, ``most``: RL4VLM cuts the episode off when a formula has more symbols than that.
    """

    symbols: ClassVar[tuple[str, ...]]
    """What may be written."""
    preset_symbols: ClassVar[tuple[str, ...]]
    """What may be written under the preset, in the order of RL4VLM's actions."""
    invalid_pay = -1.0
    random_below: ClassVar[float] = 0.02
    description_rule = (
        "Name the cards from left to right, each as rank:suit (10:hearts, K:spades), then the target, then the symbols "
        "of the formula so far, all parted by spaces."
    )
    question_texts = (
        "Which cards are there?",
        "What do the cards count?",
        "How many cards are red?",
        "What is the target?",
        "What is the formula so far?",
        "What can still be written?",
        "What do all cards add up to?",
        "Look around.",
    )
    words = (
        *(f"{rank}:{suit}" for suit in SUITS for rank in RANKS),
        *get_args(Symbol)[:-1],
        *map(str, range(100)),
        "nothing",
    )
    notes = ("The formula is empty.", "The formula is full: undo something.", "This card is not there, or used up.")
    formula: list[str]
    """The symbols written so far; `MISSED` stands, under the preset, for a card that was not there."""
    submitted: bool
    _ground: np.ndarray | None

    @staticmethod
    def solver(numbers: tuple[int, ...], target: int) -> tuple[Formula, ...]:
        """Every formula of the numbers, in rising order, without needless brackets; the shortest first."""
        raise NotImplementedError

    def _tools(self) -> list[Tool]:
        choices = self.symbols if self.preset is None else self.preset_symbols

        def narrowed(parameter: Parameter) -> Parameter:
            return replace(parameter, choices=choices) if parameter.name == "symbol" else parameter

        tools = [replace(t, parameters=tuple(map(narrowed, t.parameters))) for t in super()._tools()]
        return [t for t in tools if self.preset is None or t.name not in ("clear", "submit", "undo")]

    @tool
    def write(self, symbol: Symbol) -> Effect:
        """Write one symbol at the end of the formula.

        Args:
            symbol: what a card counts that is not used yet, an operator or a bracket.
        """
        if self.preset is not None:
            return self._write_for_table(symbol)
        if len(self.formula) == LONGEST:
            return Effect(False, "The formula is full: undo something.")
        if symbol.isdigit() and not self._unused()[int(symbol)]:
            return Effect(False, "This card is not there, or used up.")
        self._append(symbol)
        return Effect(True)

    @tool
    def undo(self) -> Effect:
        """Take the last symbol away."""
        if not self.formula:
            return Effect(False, "The formula is empty.")
        self.formula.pop()
        self._picture = None
        return Effect(True)

    @tool
    def clear(self) -> Effect:
        """Take the whole formula away."""
        if not self.formula:
            return Effect(False, "The formula is empty.")
        self.formula.clear()
        self._picture = None
        return Effect(True)

    @tool
    def submit(self) -> Effect:
        """Hand in the formula. It ends the episode."""
        self.submitted = True
        if any(self._unused().values()):
            return Effect(True, "Not every card was used.")
        try:
            value = exactly(self.formula)
        except FormulaError as error:
            return Effect(True, f"The formula has no value: {error}.")
        return Effect(True, f"The formula makes {value}.")

    def _write_for_table(self, symbol: str) -> Effect:
        """One action of RL4VLM, paid by its table."""
        most = self.settings.most
        if max(len(self.formula), self.turn - 1) > most:  # there, every action lengthens the formula
            self._pay(-1.0)
            self.max_turns = self.turn
            return Effect(False, "The formula is too long.")
        if symbol == "=":
            self.submitted = True
            right = self._is_success()
            self._pay(10.0 if right else -1.0)
            return Effect(True, "" if right else "The formula is wrong.")
        missed = symbol.isdigit() and not self._unused()[int(symbol)]
        self._append(MISSED if missed else symbol)
        self._pay(-1.0 if missed else 0.0)
        return Effect(True, "This card is not there, or used up." if missed else "")

    def _append(self, symbol: str) -> None:
        self.formula.append(symbol)
        if self._picture is not None:
            self._draw_symbol(self._picture, len(self.formula) - 1)

    def _unused(self) -> Counter[int]:
        """How many cards there still are of each number."""
        left = Counter(self.hand.numbers)
        left.subtract(int(symbol) for symbol in self.formula if symbol.isdigit())
        return left

    def _begin(self, instance: Hand) -> None:
        self.hand = instance
        self.formula, self.submitted = [], False
        self._ground = self._picture = None

    def layout_key(self) -> str:
        """Key of what decides the split."""
        return self.candidate_key(self.hand)

    def _get_state(self) -> dict[str, Any]:
        hand = {"cards": [card.name for card in self.hand.cards], "target": self.hand.target, "faces": self.hand.faces}
        return {**hand, "formula": list(self.formula), "submitted": self.submitted}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin(Hand(from_names(state["cards"]), state["target"], state["faces"]))
        self.formula, self.submitted = list(state["formula"]), state["submitted"]

    def _is_success(self) -> bool:
        if not self.submitted or any(self._unused().values()):
            return False
        try:
            value = exactly(self.formula) if self.preset is None else by_python(self.formula)
        except FormulaError:
            return False
        return bool(value == self.hand.target)

    def _is_failure(self) -> bool:
        return self.submitted and not self._is_success()

    @classmethod
    def plans(cls, hand: Hand, python: bool) -> dict[Formula, tuple[int, Formula]]:
        """For every beginning of a right formula, how many symbols it lacks, and that formula.

        Args:
            hand: cards and target.
            python: whether only formulas count that are right by Python's rules too, which round quotients.
        """
        return _plans(cls.solver, hand.numbers, hand.target, python)

    def _plan(self) -> tuple[int, str] | None:
        """Turns to success, at the least, and the first call: a symbol, ``undo``, ``clear`` or ``submit``.

        Formulas are those that the instruction tells of. None where one of RL4VLM, which cannot be changed, is no
        beginning of such a formula any more, though joined cards, ``**`` or ``//`` might still win.
        """
        plans = self.plans(self.hand, self.preset is not None)
        written = tuple(symbol for symbol in self.formula if symbol != MISSED)
        if self.preset is not None:
            if written not in plans or len(self.formula) + plans[written][0] > self.settings.most:
                return None
            return plans[written][0] + 1, _next_symbol(written, plans[written][1], "=")
        best = (len(written) > 0) + plans[()][0] + 1, "clear"
        for kept in range(len(written) + 1):
            if written[:kept] in plans:
                lacks, formula = plans[written[:kept]]
                turns = len(written) - kept + lacks + 1
                if turns <= best[0]:
                    best = turns, _next_symbol(written, formula, "submit") if kept == len(written) else "undo"
        return best

    def _expert_call(self) -> ToolCall:
        plan = None if self.submitted else self._plan()
        name = plan[1] if plan else "=" if self.preset is not None else "submit"
        return ToolCall(name, {}) if name.isalpha() else ToolCall("write", {"symbol": name})

    def _turns_left(self) -> int | None:
        if self.submitted:
            return 0 if self._is_success() else None
        plan = self._plan()
        return None if plan is None else plan[0]

    def _image(self) -> np.ndarray:
        if self._ground is None:
            self._ground = self._draw_ground()
        if self._picture is None:
            self._picture = self._ground.copy()
            for place in range(len(self.formula)):
                self._draw_symbol(self._picture, place)
        return self._picture.copy()

    def _draw_ground(self) -> np.ndarray:
        size, ink = self.image_size, LOOKS[self.look].letters
        image = _empty_table(size, self.look, self.hand.faces).copy()
        write_number(image, self.hand.target, 0.57 * size, 0.085 * size, 0.15 * size, ink, left=True, bold=True)
        count = len(self.hand.cards)
        width = min((_PLATE - _TOP - 0.03) / RATIO, 0.94 / count - 0.015)
        whole, height = (width + 0.015) * count - 0.015, RATIO * width
        top = round((_TOP + (_PLATE - 0.015 - _TOP - height) / 2) * size)
        for place, card in enumerate(self.hand.cards):
            left = round((0.5 - whole / 2 + place * (width + 0.015)) * size)
            picture = card_picture(self.look, card, round(height * size), round(width * size))
            image[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return image

    def _draw_symbol(self, image: np.ndarray, place: int) -> None:
        size, style = self.image_size, LOOKS[self.look]
        symbol = self.formula[place]
        if symbol != MISSED:
            row, column = _slot(tuple(self.formula[:place]), symbol)
            x, y = 0.04 + column * 0.92 / _COLUMNS, _PLATE + 0.057 + 0.09 * row
            height = (0.105 if len(symbol) > 1 else 0.115) * size
            draw_text(image, _SIGNS.get(symbol, symbol), x * size, y * size, height, style.letters)

    def _text(self) -> str:
        hand = self.hand
        if self.preset is not None:
            codes = [card.name[-1] + card.letter.replace("10", "T") for card in hand.cards]
            numbers = [points(card, hand.faces) for card in hand.cards]
            return f"Cards: {codes}. Numbers: {numbers}. Current formula: {''.join(self.formula)}."
        cards = ", ".join(f"{card.letter} of {SUITS[card.suit]}" for card in hand.cards)
        faces = "J, Q and K count 10." if hand.faces == "ten" else "J counts 11, Q 12 and K 13."
        return f"Cards: {cards}\n{faces}\nTarget: {hand.target}\nFormula: {' '.join(self.formula)}"

    def _description(self) -> str:
        return " ".join([*(card.word for card in self.hand.cards), str(self.hand.target), *self.formula])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        cards, written = self.hand.cards, [symbol for symbol in self.formula if symbol != MISSED]
        unused = sorted(self._unused().elements())
        answers = [
            " ".join(card.word for card in cards),
            " ".join(str(points(card, self.hand.faces)) for card in cards),
            str(sum(card.is_red for card in cards)),
            str(self.hand.target),
            " ".join(written) or "nothing",
            " ".join(map(str, unused)) or "nothing",
            str(sum(self.hand.numbers)),
            " ".join([*(card.word for card in cards), str(self.hand.target), *written]),
        ]
        return [(self.question_texts[k], answers[k]) for k in rng.permutation(len(answers))]


@lru_cache(maxsize=32)
def _empty_table(size: int, look: str, faces: Faces) -> np.ndarray:
    """The picture without target, cards and formula, read-only."""
    style = LOOKS[look]
    image, ink = blank(size, size, style.table), style.letters
    paint(image, [rectangle(0.02, _PLATE, 0.98, 0.98, style.plate)])
    draw_text(image, "Target", 0.04 * size, 0.085 * size, 0.15 * size, ink, anchor="left", bold=True)
    rule = "J Q K = 10" if faces == "ten" else "J Q K = 11 12 13"
    draw_text(image, rule, 0.04 * size, 0.19 * size, 0.09 * size, ink, anchor="left")
    image.flags.writeable = False
    return image


def _slot(before: Formula, symbol: str) -> tuple[int, float]:
    """Row and middle of a symbol, in columns from the left, after those that stand before it."""
    row, column, width = 0, 0.0, 0.0
    for other in (*before, symbol):
        width = 1.4 if other in "()" else 1.0 + len(other)
        if column + width > _COLUMNS:
            row, column = row + 1, 0.0
        column += width
    return row, column - width / 2


def _next_symbol(written: Formula, formula: Formula, end: str) -> str:
    return formula[len(written)] if len(written) < len(formula) else end


@lru_cache(maxsize=128)
def _plans(solver: Solver, numbers: tuple[int, ...], target: int, python: bool) -> dict[Formula, tuple[int, Formula]]:
    formulas = solver(numbers, target)
    return completions([f for f in formulas if not python or by_python(f) == target])
