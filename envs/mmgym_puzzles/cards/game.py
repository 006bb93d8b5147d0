"""What the games share: presets that pay by RL4VLM's table, the words of a game, and a cached picture."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mmgym.draw import Color, blank, draw_text, text_width
from mmgym.rewards import RewardTerms
from mmgym_puzzles.puzzle import Puzzle

__all__ = ["Game", "write_number"]


def write_number(
    image: np.ndarray, number: int, x: float, y: float, height: float, color: Color, *, left: bool, bold: bool = False
) -> None:
    """Write a whole number, its left end or its middle at `x`, digit by digit: few texts that are drawn only once.

    Args: as for `draw_text`.
    """
    digits = str(number)
    inks = [_ink(digit, round(height), color, bold) for digit in digits]
    at = x if left else x - sum(free.shape[1] for _, free in inks) / 2
    for digit, (colors, free) in zip(digits, inks, strict=True):
        rows, columns = free.shape[:2]
        x0, y0 = round(at), round(y - rows / 2)
        region = image[max(y0, 0) : y0 + rows, max(x0, 0) : x0 + columns]
        if region.shape == colors.shape:
            region[:] = (region * free + colors) // 255
        else:
            draw_text(image, digit, at, y, height, color, anchor="left", bold=bold)
        at += columns


@lru_cache(maxsize=1024)
def _ink(digit: str, height: int, color: Color, bold: bool) -> tuple[np.ndarray, np.ndarray]:
    """A digit as `draw_text` lays it: its colour times coverage, and what stays free, uint16 (rows, columns, 3)."""
    letters = blank(height, text_width(digit, height, bold), (0, 0, 0))
    draw_text(letters, digit, 0, height / 2, height, (255, 255, 255), anchor="left", bold=bold)
    cover = letters.astype(np.uint16)
    return np.array(color, np.uint16) * cover + np.uint16(127), 255 - cover


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
