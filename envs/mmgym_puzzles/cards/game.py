"""What the games share: presets that pay by RL4VLM's table, the words of a game, and a cached picture."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mmgym.draw import Color, draw_text, text_width
from mmgym.rewards import RewardTerms
from mmgym_puzzles.puzzle import Puzzle

__all__ = ["Game", "write_number"]


def write_number(
    image: np.ndarray, number: int, x: float, y: float, height: float, color: Color, *, left: bool, bold: bool = False
) -> None:
    """Write a whole number, its left end or its middle at `x`, digit by digit: few texts that are drawn only once.

    Args: as for `draw_text`.
    """
    widths = [text_width(digit, height, bold) for digit in str(number)]
    at = x if left else x - sum(widths) / 2
    for digit, width in zip(str(number), widths, strict=True):
        draw_text(image, digit, at, y, height, color, anchor="left", bold=bold)
        at += width


class Game(Puzzle):
    """A `Puzzle` with a preset ``rl4vlm``: the rewards, the limits and the picture size (300) of RL4VLM's gym_cards.

    Under the preset the term ``outcome`` is what that table pays for the turn. A subclass adds up in `_pay` what its
    calls earn, and says what a turn earns that holds no call which could be carried out (`invalid_pay`; RL4VLM itself
    replaces text that it cannot read by a random action).
    """

    invalid_pay: ClassVar[float] = 0.0
    """What the preset pays for a turn without a valid call."""
    question_texts: ClassVar[tuple[str, ...]]
    """Every text that `questions` can pose."""
    words: ClassVar[tuple[str, ...]]
    """Every word that an answer or an action can hold."""
    notes: ClassVar[tuple[str, ...]]
    """Feedback that a valid action can bring, as far as it is always worded the same."""
    _paid: float | None = None
    _picture: np.ndarray | None = None
    """The picture of the current state, once it is drawn; never handed out itself."""

    def __init__(self, *, preset: str | None = None, **arguments: Any) -> None:
        if preset is not None:
            arguments.setdefault("image_size", 300)
        super().__init__(preset=preset, **arguments)

    @classmethod
    def vocabulary(cls) -> list[str]:
        """What an agent needs to say or read, without repetition: words first, then whole questions and feedback."""
        return list(dict.fromkeys([*cls.words, *cls.question_texts, *cls.notes]))

    @property
    def look(self) -> str:
        """The name of the look: ``ood`` in that split, else ``usual``."""
        return "ood" if self.split == "ood" else "usual"

    def _pay(self, amount: float) -> None:
        """Add to what RL4VLM's table pays for this turn."""
        self._paid = amount + (self._paid or 0.0)

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Make one turn; see `MultimodalEnv.step`."""
        self._paid = None
        return super().step(action)

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.preset is not None:
            terms["outcome"] = float(self.invalid_pay if self._paid is None else self._paid)
        return terms
